//! `values.json`: values of every type, changes with the value before and after, and bytes that are no such value.

use std::sync::Arc;

use bytes::BytesMut;
use kuafu_core::{Change, Edit, Limits, PropertyNo, Step, Value};
use kuafu_def::{
    Definitions, EntityType, EnumType, Field, Part, Parts, Property, StructType, Type, value_from_json, value_to_json,
};
use kuafu_wire::{Reader, Writer, decode_changes, decode_value, encode_changes, encode_value};
use serde_json::{Value as Json, json};

use super::{check, hex, unhex};

/// The structs and enums that the vectors use.
pub(crate) struct Declared {
    structs: Vec<Arc<StructType>>,
    enums: Vec<Arc<EnumType>>,
}

impl Declared {
    pub(crate) fn new() -> Self {
        let mut declared = Self { structs: Vec::new(), enums: Vec::new() };
        let variants = ["none", "sword", "apple"].map(str::to_owned).to_vec();
        declared.enums.push(Arc::new(EnumType { name: "Kind".into(), variants }));
        declared.add("Item", &[("kind", "Kind"), ("count", "uint16"), ("tags", "list<string>")]);
        declared.add("Pair", &[("left", "Item"), ("at", "vec2")]);
        declared
    }

    fn add(&mut self, name: &str, fields: &[(&str, &str)]) {
        let fields = fields
            .iter()
            .map(|(name, text)| {
                let ty = self.ty(text);
                Field::new(*name, ty)
            })
            .collect();
        self.structs.push(Arc::new(StructType { name: name.into(), fields }));
    }

    pub(crate) fn ty(&self, text: &str) -> Type {
        Type::parse(text, &self.structs, &self.enums).expect("a type")
    }

    pub(crate) fn definitions(&self) -> Definitions {
        Definitions { structs: self.structs.clone(), enums: self.enums.clone(), ..Definitions::default() }
    }

    fn json(&self) -> (Json, Json) {
        let field = |field: &Field| json!({ "name": field.name, "type": field.ty.to_string() });
        let of_struct = |ty: &Arc<StructType>| {
            (ty.name.clone(), json!({ "fields": ty.fields.iter().map(field).collect::<Json>() }))
        };
        let of_enum = |ty: &Arc<EnumType>| (ty.name.clone(), json!({ "variants": ty.variants }));
        (self.structs.iter().map(of_struct).collect(), self.enums.iter().map(of_enum).collect())
    }
}

#[test]
fn values_json_is_fresh() {
    let declared = Declared::new();
    let (structs, enums) = declared.json();
    let values: Json = samples().iter().map(|(text, json)| value_entry(&declared, text, json)).collect();
    check(
        "values.json",
        &json!({
            "structs": structs, "enums": enums, "values": values,
            "changes": changes(&declared), "refused": refused(&declared),
        }),
    );
}

fn value_entry(declared: &Declared, text: &str, json: &Json) -> Json {
    let ty = declared.ty(text);
    let value = value_from_json(&ty, json).unwrap_or_else(|error| panic!("{text}: {error}"));
    let mut out = BytesMut::new();
    encode_value(&ty, &value, &mut Writer::new(&mut out)).expect("it fits");
    let mut reader = Reader::new(&out);
    assert_eq!(decode_value(&ty, &mut reader, &Limits::default()).as_ref(), Ok(&value), "{text}");
    assert!(reader.is_empty());
    json!({ "type": text, "value": value_to_json(&ty, &value), "hex": hex(&out) })
}

fn samples() -> Vec<(&'static str, Json)> {
    let mut all = whole_numbers();
    all.extend(other_scalars());
    all.extend(containers());
    all
}

fn whole_numbers() -> Vec<(&'static str, Json)> {
    let of = |ty: &'static str, values: &[Json]| values.iter().map(|v| (ty, v.clone())).collect::<Vec<_>>();
    let exact = 9_007_199_254_740_992_i64;
    [
        of("int8", &[json!(0), json!(-1), json!(127), json!(-128)]),
        of("uint8", &[json!(0), json!(255)]),
        of("int16", &[json!(-2), json!(32_767), json!(-32_768)]),
        of("uint16", &[json!(258), json!(65_535)]),
        of("int32", &[json!(0), json!(-1), json!(63), json!(-65), json!(2_147_483_647), json!(-2_147_483_648_i64)]),
        of("uint32", &[json!(127), json!(128), json!(4_294_967_295_u32)]),
        of("int64", &[json!(-3), json!(4_294_967_296_i64), json!(exact), json!(-exact)]),
        of("uint64", &[json!(300), json!(exact)]),
        of("int64 wide", &[json!("5"), json!(i64::MAX.to_string()), json!(i64::MIN.to_string())]),
        of("uint64 wide", &[json!("0"), json!("9223372036854775808"), json!(u64::MAX.to_string())]),
        of("entity", &[json!(0), json!(12_884_901_898_u64), json!(exact - 1)]),
        of("Kind", &[json!("none"), json!("apple")]),
    ]
    .concat()
}

fn other_scalars() -> Vec<(&'static str, Json)> {
    vec![
        ("bool", json!(false)),
        ("bool", json!(true)),
        ("float32", json!(0.5)),
        ("float32", json!(-0.1)),
        ("float64", json!(-1.0e300)),
        ("float64", json!(0.1)),
        ("string", json!("")),
        ("string", json!("夸父 chases the sun 😀")),
        ("string", json!("x".repeat(200))),
        ("bytes", json!("")),
        ("bytes", json!("00ff80")),
        ("vec2", json!([1.5, -2.0])),
        ("vec3", json!([0.0, 0.1, 1e10])),
        ("vec4", json!([1.0, 2.0, 3.0, 4.0])),
    ]
}

fn containers() -> Vec<(&'static str, Json)> {
    let item = json!({ "kind": "sword", "count": 3, "tags": ["old", ""] });
    vec![
        ("list<int8>", json!([])),
        ("list<int32>", json!([1, -1, 64])),
        ("list<list<bool>>", json!([[true], [], [false, true]])),
        ("map<string, int32>", json!({})),
        // Sorted by bytes: U+FF5E comes before U+1F600, though not as UTF-16 code units.
        ("map<string, int32>", json!({ "b": 1, "a": 2, "aa": 3, "～": 4, "😀": 5 })),
        ("map<int32, string>", json!([[-5, "minus five"], [0, "zero"], [10, "ten"]])),
        ("map<bool, uint8>", json!([[false, 1], [true, 2]])),
        ("map<entity, vec2>", json!([[7, [1.0, 2.0]], [4_294_967_303_u64, [3.0, 4.0]]])),
        ("map<Kind, uint8>", json!([["sword", 1], ["apple", 2]])),
        ("Item", item.clone()),
        ("Pair", json!({ "left": item, "at": [0.5, 1.0] })),
        ("list<Item>", json!([item, { "kind": "apple", "count": 65_535, "tags": [] }])),
        ("map<string, list<Item>>", json!({ "bag": [item] })),
    ]
}

/// One change each, of property 3 of an entity type that has no other.
fn changes(declared: &Declared) -> Json {
    use Edit::{Insert, Remove, Set};
    use Step::{Field, Index, Key};
    let item = json!({ "kind": "sword", "count": 3, "tags": ["old"] });
    let cases: Vec<(&str, Json, Vec<Step>, Edit, Json)> = vec![
        ("int32", json!(5), vec![], Set((-6).into()), json!(-6)),
        ("list<int32>", json!([1, 2]), vec![], Set(Value::List(vec![9.into()])), json!([9])),
        ("list<int32>", json!([1, 2, 3]), vec![Index(1)], Set(7.into()), json!([1, 7, 3])),
        ("list<int32>", json!([1, 2, 3]), vec![Index(1)], Insert(7.into()), json!([1, 7, 2, 3])),
        ("list<int32>", json!([1, 2, 3]), vec![Index(3)], Insert(7.into()), json!([1, 2, 3, 7])),
        ("list<int32>", json!([1, 2, 3]), vec![Index(0)], Remove, json!([2, 3])),
        ("map<string, int32>", json!({ "a": 1 }), vec![Key("a".into())], Set(2.into()), json!({ "a": 2 })),
        ("map<string, int32>", json!({ "b": 1 }), vec![Key("a".into())], Set(2.into()), json!({ "a": 2, "b": 1 })),
        ("map<string, int32>", json!({ "a": 1, "b": 2 }), vec![Key("a".into())], Remove, json!({ "b": 2 })),
        (
            "map<int32, bool>",
            json!([[-1, true]]),
            vec![Key((-2).into())],
            Set(false.into()),
            json!([[-2, false], [-1, true]]),
        ),
        ("Item", item.clone(), vec![Field(1)], Set(4.into()), json!({ "kind": "sword", "count": 4, "tags": ["old"] })),
        (
            "list<Item>",
            json!([item]),
            vec![Index(0), Field(2), Index(1)],
            Insert("new".into()),
            json!([{ "kind": "sword", "count": 3, "tags": ["old", "new"] }]),
        ),
        (
            "list<Item>",
            json!([item]),
            vec![Index(0), Field(0)],
            Set(2.into()),
            json!([{ "kind": "apple", "count": 3, "tags": ["old"] }]),
        ),
        (
            "map<string, list<Item>>",
            json!({ "bag": [item] }),
            vec![Key("bag".into()), Index(0)],
            Remove,
            json!({ "bag": [] }),
        ),
        (
            "Pair",
            json!({ "left": item, "at": [0.0, 0.0] }),
            vec![Field(0), Field(1)],
            Set(9.into()),
            json!({ "left": { "kind": "sword", "count": 9, "tags": ["old"] }, "at": [0.0, 0.0] }),
        ),
    ];
    cases
        .into_iter()
        .map(|(text, before, path, edit, after)| change(declared, text, &before, path, edit, &after))
        .collect()
}

fn change(declared: &Declared, text: &str, before: &Json, path: Vec<Step>, edit: Edit, after: &Json) -> Json {
    let ty = declared.ty(text);
    let change = Change { property: PropertyNo(3), path, edit };
    let mut value = value_from_json(&ty, before).expect("a value");
    let (before, holder) = (value_to_json(&ty, &value), holder(ty.clone()));
    change.apply(&mut value).expect("it fits");
    assert_eq!(value, value_from_json(&ty, after).expect("a value"), "{text}");

    let mut out = BytesMut::new();
    encode_changes(&holder, [&change], &mut Writer::new(&mut out)).expect("it fits");
    let mut reader = Reader::new(&out);
    assert_eq!(decode_changes(&holder, &mut reader, &Limits::default()), Ok(vec![change]));
    json!({ "type": text, "before": before, "hex": hex(&out), "after": value_to_json(&ty, &value) })
}

/// An entity type with the one property 3.
pub(crate) fn holder(ty: Type) -> EntityType {
    let property = property(3, "thing", ty, Part::Cell);
    let parts = Parts { base: true, cell: true, client: true };
    EntityType { properties: vec![property], ..EntityType::new(kuafu_core::TypeNo(1), "holder", parts) }
}

pub(crate) fn property(no: u16, name: &str, ty: Type, part: Part) -> Property {
    Property { own_client: true, other_clients: part == Part::Cell, ..Property::new(PropertyNo(no), name, ty, part) }
}

fn refused(declared: &Declared) -> Json {
    let cases = [
        ("bool", "02", "neither 0 nor 1"),
        ("int32", "8080808010", "above 32 bits"),
        ("uint32", "8080808010", "above 32 bits"),
        ("int64", "8280808080808020", "beyond 2^53 without wide"),
        ("uint64", "8180808080808010", "beyond 2^53 without wide"),
        ("entity", "8080808080808010", "not below 2^53"),
        ("Kind", "03", "no such variant"),
        ("float32", "000000", "too short"),
        ("string", "0461", "too short"),
        ("string", "02c328", "not UTF-8"),
        ("list<int32>", "ffffffff0f", "a count that cannot be there"),
        ("map<string, int32>", "02 0162 02 0161 04", "keys that do not rise"),
        ("map<int32, bool>", "02 02 01 02 00", "a key that comes twice"),
        ("Item", "01 0300", "too few fields"),
    ];
    let entry = |(text, bytes, why): (&str, &str, &str)| {
        let bytes = unhex(&bytes.replace(' ', ""));
        let ty = declared.ty(text);
        assert!(decode_value(&ty, &mut Reader::new(&bytes), &Limits::default()).is_err(), "{text}: {why}");
        json!({ "type": text, "hex": hex(&bytes), "why": why })
    };
    cases.into_iter().map(entry).collect()
}
