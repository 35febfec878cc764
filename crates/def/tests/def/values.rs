//! Values by type: JSON brings every value back, and checks accept exactly what a type can hold.

use std::sync::Arc;

use kuafu_core::{Change, Edit, EntityId, Limits, PropertyNo, Quantity, Step, Value, change};
use kuafu_def::{EnumType, Field, StructType, Type, value_from_json, value_to_json};
use proptest::prelude::*;
use serde_json::json;

fn scalar() -> impl Strategy<Value = Type> {
    let mood = EnumType { name: "Mood".to_owned(), variants: vec!["calm".to_owned(), "angry".to_owned()] };
    prop_oneof![
        Just(Type::Bool),
        (prop::sample::select(vec![8, 16, 32, 64]), any::<bool>(), any::<bool>())
            .prop_map(|(bits, signed, wide)| Type::Int { bits, signed, wide: wide && bits == 64 }),
        Just(Type::Float32),
        Just(Type::Float64),
        Just(Type::Text),
        Just(Type::Bytes),
        (2..=4_u8).prop_map(Type::Vector),
        Just(Type::Entity(None)),
        Just(Type::Enum(Arc::new(mood))),
    ]
}

fn key() -> impl Strategy<Value = Type> {
    scalar().prop_filter("a key", |ty| {
        matches!(ty, Type::Bool | Type::Int { .. } | Type::Text | Type::Entity(_) | Type::Enum(_))
    })
}

fn any_type() -> impl Strategy<Value = Type> {
    scalar().prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|item| Type::List(Arc::new(item))),
            (key(), inner.clone()).prop_map(|(key, item)| Type::Map(Arc::new(key), Arc::new(item))),
            proptest::collection::vec(inner, 0..4).prop_map(|types| {
                let field = |(n, ty): (usize, Type)| Field::new(format!("f{n}"), ty);
                let fields = types.into_iter().enumerate().map(field).collect();
                Type::Struct(Arc::new(StructType { name: "S".to_owned(), fields }))
            }),
        ]
    })
}

fn value_of(ty: &Type) -> BoxedStrategy<Value> {
    const EXACT: i64 = 1 << 53;
    match ty {
        Type::Bool => any::<bool>().prop_map(Value::Bool).boxed(),
        Type::Int { bits: 64, wide: true, .. } => any::<i64>().prop_map(Value::Int).boxed(),
        Type::Int { bits: 64, signed: true, .. } => (-EXACT..=EXACT).prop_map(Value::Int).boxed(),
        Type::Int { bits: 64, .. } => (0..=EXACT).prop_map(Value::Int).boxed(),
        Type::Int { bits, signed: true, .. } => {
            let half = 1_i64 << (bits - 1);
            (-half..half).prop_map(Value::Int).boxed()
        }
        Type::Int { bits, .. } => (0..1_i64 << bits).prop_map(Value::Int).boxed(),
        Type::Float32 => finite32().prop_map(|number| Value::Float(f64::from(number))).boxed(),
        Type::Float64 => any::<f64>().prop_filter("finite", |n| n.is_finite()).prop_map(Value::Float).boxed(),
        Type::Text => "\\PC{0,6}".prop_map(|text| Value::text(&text)).boxed(),
        Type::Bytes => proptest::collection::vec(any::<u8>(), 0..6).prop_map(|b| Value::Bytes(b.into())).boxed(),
        Type::Vector(len) => proptest::collection::vec(finite32(), usize::from(*len))
            .prop_map(|parts| Value::Vector(Quantity::from_slice(&parts).expect("2 to 4")))
            .boxed(),
        Type::Entity(_) => (0..1_u64 << 53).prop_map(|id| Value::Entity(EntityId(id))).boxed(),
        Type::Enum(ty) => (0..ty.variants.len() as i64).prop_map(Value::Int).boxed(),
        Type::List(item) => proptest::collection::vec(value_of(item), 0..4).prop_map(Value::List).boxed(),
        Type::Map(key, item) => proptest::collection::vec((value_of(key), value_of(item)), 0..4)
            .prop_map(|mut entries| {
                entries.sort_by(|a, b| change::order(&a.0, &b.0));
                entries.dedup_by(|a, b| a.0 == b.0);
                Value::Map(entries)
            })
            .boxed(),
        Type::Struct(ty) => {
            ty.fields.iter().map(|field| value_of(&field.ty)).collect::<Vec<_>>().prop_map(Value::List).boxed()
        }
    }
}

fn finite32() -> impl Strategy<Value = f32> {
    any::<f32>().prop_filter("finite", |number| number.is_finite())
}

fn typed_value() -> impl Strategy<Value = (Type, Value)> {
    any_type().prop_flat_map(|ty| (Just(ty.clone()), value_of(&ty)))
}

/// A change to a value that fits the type, by walking down it.
fn change_of(ty: &Type, value: &Value, choices: &[usize], new: &mut impl FnMut(&Type) -> Value) -> (Vec<Step>, Edit) {
    let Some((choice, rest)) = choices.split_first() else { return (Vec::new(), Edit::Set(new(ty))) };
    let (step, inner, place) = match (ty, value) {
        (Type::List(item), Value::List(items)) => {
            let at = choice % (items.len() + 1);
            let step = Step::Index(at as u32);
            let Some(place) = items.get(at) else { return (vec![step], Edit::Insert(new(item))) };
            (step, item.as_ref(), place)
        }
        (Type::Map(_, item), Value::Map(entries)) if !entries.is_empty() => {
            let (key, place) = &entries[choice % entries.len()];
            (Step::Key(key.clone()), item.as_ref(), place)
        }
        (Type::Struct(ty), Value::List(fields)) if !fields.is_empty() => {
            let at = choice % fields.len();
            (Step::Field(at as u16), &ty.fields[at].ty, &fields[at])
        }
        _ => return (Vec::new(), Edit::Set(new(ty))),
    };
    let (mut path, mut edit) = change_of(inner, place, rest, new);
    if path.is_empty() && choice % 3 == 0 && !matches!(step, Step::Field(_)) {
        edit = Edit::Remove;
    }
    path.insert(0, step);
    (path, edit)
}

proptest! {
    #[test]
    fn json_text_brings_every_value_back((ty, value) in typed_value()) {
        prop_assert_eq!(ty.check(&value, &Limits::default()), Ok(()));
        let text = value_to_json(&ty, &value).to_string();
        let json = serde_json::from_str(&text).expect("JSON");
        prop_assert_eq!(value_from_json(&ty, &json), Ok(value));
    }

    #[test]
    fn a_default_is_a_value_of_its_type(ty in any_type()) {
        prop_assert_eq!(ty.check(&ty.default_value(), &Limits::default()), Ok(()));
    }

    #[test]
    fn what_json_gives_for_another_type_is_a_value_of_that_type((_, value) in typed_value(), (ty, own) in typed_value()) {
        for (from, value) in [(&ty, &own), (&Type::List(Arc::new(ty.clone())), &value)] {
            if let Ok(read) = value_from_json(&ty, &value_to_json(from, value)) {
                prop_assert_eq!(ty.check(&read, &Limits::default()), Ok(()));
            }
        }
    }

    #[test]
    fn a_change_that_fits_leaves_a_value_of_the_type(
        (ty, value) in typed_value(),
        choices in proptest::collection::vec(any::<usize>(), 0..4),
    ) {
        let (path, edit) = change_of(&ty, &value, &choices, &mut Type::default_value);
        let change = Change { property: PropertyNo(1), path, edit };
        prop_assert_eq!(ty.check_change(&change, &Limits::default()), Ok(()));
        let mut changed = value;
        prop_assert_eq!(change.apply(&mut changed), Ok(()));
        prop_assert_eq!(ty.check(&changed, &Limits::default()), Ok(()));
    }

    #[test]
    fn a_change_that_is_accepted_never_leaves_a_value_of_another_type(
        (ty, value) in typed_value(),
        (other_ty, other) in typed_value(),
        choices in proptest::collection::vec(any::<usize>(), 0..4),
    ) {
        let (path, edit) = change_of(&other_ty, &other, &choices, &mut |_| other.clone());
        let change = Change { property: PropertyNo(1), path, edit };
        let mut changed = value;
        if ty.check_change(&change, &Limits::default()).is_ok() && change.apply(&mut changed).is_ok() {
            prop_assert_eq!(ty.check(&changed, &Limits::default()), Ok(()));
        }
    }
}

fn parse(text: &str) -> Type {
    Type::parse(text, &[], &[]).expect(text)
}

fn check(text: &str, value: Value) -> String {
    parse(text).check(&value, &Limits::default()).err().unwrap_or_default()
}

#[test]
fn a_check_refuses_what_the_type_cannot_hold() {
    assert_eq!(check("int8", 128.into()), "expected int8 from -128 to 127, found 128");
    assert_eq!(check("uint8", (-1).into()), "expected uint8 from 0 to 255, found -1");
    assert_eq!(
        check("int64", i64::MAX.into()),
        "expected int64 from -9007199254740992 to 9007199254740992, found 9223372036854775807"
    );
    assert_eq!(check("uint64", (-1).into()), "expected uint64 from 0 to 9007199254740992, found 18446744073709551615");
    assert_eq!(check("uint64 wide", (-1).into()), "");
    assert_eq!(check("float64", 1.into()), "expected float64, found a whole number");
    assert_eq!(check("float64", Value::Float(f64::NAN)), "expected a finite float64, found NaN");
    assert_eq!(
        check("float32", Value::Float(1e39)),
        "expected a finite float32, found 1000000000000000000000000000000000000000"
    );
    assert_eq!(
        check("list<bool>", Value::List(vec![true.into(), 1.into()])),
        "at [1]: expected bool, found a whole number"
    );
    let unsorted = Value::Map(vec![(2.into(), true.into()), (1.into(), true.into())]);
    assert_eq!(check("map<int8, bool>", unsorted), "expected the entries sorted by key, every key once");
    let vector = Quantity { len: 2, parts: [1.0, 2.0, 3.0, 0.0] };
    assert_eq!(check("vec2", Value::Vector(vector)), "expected zero in the unused parts of a vec2");
    assert_eq!(check("vec3", Value::Vector(vector)), "expected vec3, found vec2");
}

#[test]
fn a_check_holds_values_to_the_limits() {
    let limits = Limits { value_depth_max: 2, container_items_max: 3, text_bytes_max: 4, ..Limits::default() };
    let list = |count| Value::List(vec![1.into(); count]);
    let deep = Value::List(vec![Value::List(vec![list(1)])]);
    assert!(parse("list<int8>").check(&list(3), &limits).is_ok());
    assert!(parse("list<int8>").check(&list(4), &limits).is_err());
    assert!(parse("list<list<list<int8>>>").check(&deep, &limits).is_err());
    assert!(parse("string").check(&"four".into(), &limits).is_ok());
    assert!(parse("bytes").check(&Value::Bytes([0; 5].into()), &limits).is_err());
    let insert = |at| Change { property: PropertyNo(1), path: vec![Step::Index(at)], edit: Edit::Insert(1.into()) };
    assert!(parse("list<int8>").check_change(&insert(2), &limits).is_ok());
    assert!(parse("list<int8>").check_change(&insert(3), &limits).is_err());
}

#[test]
fn stored_json_outlives_a_growing_struct() {
    let field = |name: &str, default: i64| Field { default: default.into(), ..Field::new(name, parse("int32")) };
    let fields = vec![field("new", 9), field("kept", 0)];
    let ty = Type::Struct(Arc::new(StructType { name: "S".to_owned(), fields }));
    let read = value_from_json(&ty, &json!({ "kept": 5, "gone": "x" }));
    assert_eq!(read, Ok(Value::List(vec![9.into(), 5.into()])));
    let error = value_from_json(&Type::List(Arc::new(ty)), &json!([{}, { "kept": true }])).expect_err("a bool");
    assert_eq!(error.to_string(), "at [1].kept: expected a whole number from -2147483648 to 2147483647, found true");
}

#[test]
fn json_is_readable() {
    assert_eq!(value_to_json(&parse("uint64 wide"), &(-1).into()), json!("18446744073709551615"));
    assert_eq!(
        value_to_json(&parse("vec2"), &Value::Vector(Quantity::from_slice(&[0.1, 2.0]).expect("two"))),
        json!([0.1, 2.0])
    );
    let map = Value::Map(vec![(1.into(), "x".into())]);
    assert_eq!(value_to_json(&parse("map<int8, string>"), &map), json!([[1, "x"]]));
    assert_eq!(value_to_json(&parse("bytes"), &Value::Bytes([0, 255].into())), json!("00ff"));
    assert!(value_from_json(&parse("map<int8, string>"), &json!([[1, "x"], [1, "y"]])).is_err());
}
