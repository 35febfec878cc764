//! What a folder of definitions is read to.

use crate::support::{GAME, load};
use kuafu_core::{TypeNo, Value};
use kuafu_def::{Exposed, Part, Type};

#[test]
fn a_type_has_its_own_members_and_those_of_its_traits_on_the_right_parts() {
    let definitions = load(GAME).expect("a good game").definitions;
    let avatar = definitions.by_name("avatar").expect("the avatar");
    let shown: Vec<String> = avatar
        .properties
        .iter()
        .map(|p| format!("{} {}: {} on {} own={} others={}", p.no, p.name, p.ty, p.part, p.own_client, p.other_clients))
        .collect();
    assert_eq!(
        shown,
        [
            "1 bag: list<Item> on base own=true others=false",
            "2 gold: int64 on base own=true others=false",
            "3 health: int16 on cell own=true others=true",
            "4 name: string on cell own=true others=true",
            "5 note: string on base own=false others=false",
            "6 seed: uint64 wide on cell own=false others=false",
        ]
    );
    assert_eq!(avatar.traits, ["noted", "named"]);
    assert_eq!(avatar.top_speed, Some(6.5));
    assert!(avatar.is_persistent());
    assert_eq!(avatar.property_by_name("health").map(|p| p.default.clone()), Some(Value::Int(100)));
    let say = avatar.method_by_name(Part::Cell, "say").expect("say");
    assert_eq!((say.exposed, say.rate), (Exposed::Owner, "3/s".parse().ok()));
    assert_eq!(avatar.method(say.no).map(|m| m.name.as_str()), Some("say"));
    assert_eq!(avatar.method_by_name(Part::Cell, "wave").map(|m| m.exposed), Some(Exposed::Within(5.0)));
    assert_eq!(avatar.method_by_name(Part::Base, "buy").and_then(|m| m.result.clone()), Some(Type::Bool));
    assert_eq!(definitions.get(TypeNo(2)).map(|ty| ty.name.as_str()), Some("vault"));
}

#[test]
fn a_struct_is_filled_up_with_the_defaults_of_its_fields() {
    let definitions = load(GAME).expect("a good game").definitions;
    let hidden = definitions.structs.iter().find(|ty| ty.name == "Hidden").expect("the struct");
    let item = |kind: i64, count: i64| Value::List(vec![kind.into(), count.into(), 1.into()]);
    assert_eq!(hidden.fields[0].default, Value::List(vec![item(1, 0), item(7, 2)]));
}

#[test]
fn a_default_that_is_not_written_is_the_allowed_value_nearest_to_zero() {
    let file = "[entity]\nparts = [\"base\"]\n\
        [properties.a]\ntype = \"int32\"\nmin = 3\n[properties.b]\ntype = \"int32\"\nmax = -2.5\n\
        [properties.c]\ntype = \"float64\"\nmin = 0.5\n[properties.d]\ntype = \"uint64 wide\"\nmin = 1e19\n\
        [properties.e]\ntype = \"int8\"\nmin = -3\nmax = 4\n";
    let definitions = load(&[("thing.toml", file)]).expect("a good file").definitions;
    let thing = definitions.by_name("thing").expect("the type");
    let defaults: Vec<Value> = thing.properties.iter().map(|p| p.default.clone()).collect();
    let large = 10_000_000_000_000_000_000_u64.cast_signed();
    assert_eq!(defaults, [3.into(), (-3).into(), Value::Float(0.5), large.into(), 0.into()]);
}

#[test]
fn an_own_client_property_lives_on_the_cell_when_there_is_no_base() {
    let file = "[entity]\nparts = [\"cell\", \"client\"]\n[properties.a]\ntype = \"bool\"\nvisible = \"own-client\"\n";
    let definitions = load(&[("thing.toml", file)]).expect("a good file").definitions;
    assert_eq!(definitions.by_name("thing").map(|ty| ty.properties[0].part), Some(Part::Cell));
}
