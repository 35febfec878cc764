//! Parents: what an entity type has of them, what it may change, and which of them there may be none of.

use kuafu_core::{TypeNo, Value};
use kuafu_def::{Definitions, EntityType, Part, Spread};

use crate::support::{Files, loaded, problems, with};

const FAMILY: &Files<'static> = &[
    (
        "thing.toml",
        "[entity]\nabstract = true\nparts = [\"cell\", \"client\"]\ntop_speed = 2.0\n\
         [properties.label]\ntype = \"string\"\nvisible = \"all-clients\"\nmax_length = 9\n[methods.cell.poke]\n",
    ),
    (
        "creature.toml",
        "[entity]\nparent = \"thing\"\nparts = [\"base\", \"cell\", \"client\"]\nuses = \"named\"\nglobal = true\n\
         volatile = { yaw = 30 }\n\
         [properties.health]\ntype = \"int16\"\nvisible = \"all-clients\"\nmin = 0\nmax = 100\n",
    ),
    (
        "wolf.toml",
        "[entity]\nparent = \"creature\"\nuses = [\"wild\", \"named\"]\ntop_speed = 8.0\n[properties.fur]\ntype = \"bool\"\n",
    ),
    ("traits/named.toml", "[properties.name]\ntype = \"string\"\nvisible = \"all-clients\"\n"),
    ("traits/wild.toml", "[trait]\nuses = \"named\"\n[methods.cell.howl]\n"),
];

fn names(ty: &EntityType) -> (Vec<&str>, Vec<&str>) {
    let (properties, methods) = (ty.properties.iter(), ty.methods.iter());
    (properties.map(|p| p.name.as_str()).collect(), methods.map(|m| m.name.as_str()).collect())
}

#[test]
fn members_traits_parts_and_speeds_come_down_several_levels() {
    let definitions = loaded(FAMILY);
    let wolf = definitions.by_name("wolf").expect("the wolf");
    assert_eq!(names(wolf), (vec!["fur", "health", "label", "name"], vec!["howl", "poke"]));
    assert!(wolf.parts.base && wolf.parts.cell && wolf.parts.client);
    assert_eq!((wolf.top_speed, wolf.volatile.yaw), (Some(8.0), Spread::Within(30.0)));
    assert_eq!(definitions.by_name("creature").map(|ty| ty.top_speed), Some(Some(2.0)));
    assert_eq!(wolf.traits, ["wild"], "the parent has the other trait already");
    let lineage: Vec<&str> = definitions.lineage(wolf).map(|ty| ty.name.as_str()).collect();
    assert_eq!(lineage, ["creature", "thing"]);
    assert!(definitions.is_a(wolf, "thing") && definitions.is_a(wolf, "wolf") && !definitions.is_a(wolf, "named"));
}

#[test]
fn an_abstract_type_is_only_a_parent() {
    let definitions = loaded(FAMILY);
    assert!(definitions.by_name("thing").is_none());
    let thing = definitions.by_name_or_abstract("thing").expect("the parent");
    assert!(thing.is_abstract && thing.no == TypeNo(0));
    assert_eq!(names(thing), (vec!["label"], vec!["poke"]));
    assert_eq!(definitions.types.len(), 2);
    let wolf = definitions.by_name("wolf").expect("the wolf");
    assert!(!wolf.is_abstract, "that is not inherited");
    assert!(!definitions.client_schema_json().contains("\"name\":\"thing\""));
}

#[test]
fn a_global_type_says_so_for_itself_alone() {
    let definitions = loaded(FAMILY);
    let is_global = |name: &str| definitions.by_name(name).map(|ty| ty.is_global);
    assert_eq!((is_global("creature"), is_global("wolf")), (Some(true), Some(false)));
}

/// The definitions with a wolf whose file goes on with these lines.
fn with_wolf(lines: &str) -> Definitions {
    let wolf = format!("[entity]\nparent = \"creature\"\n{lines}");
    loaded(&with(FAMILY, &[("wolf.toml", &wolf)]))
}

#[test]
fn an_inherited_property_takes_a_new_default_narrower_bounds_and_a_description() {
    let definitions = with_wolf("[properties.health]\ndefault = 50\nmin = 10\nmax = 60\ndescription = \"of a wolf\"\n");
    let health = |name: &str| definitions.by_name(name).and_then(|ty| ty.property_by_name("health")).expect("health");
    let (wolf, creature) = (health("wolf"), health("creature"));
    assert_eq!((wolf.default.clone(), wolf.min, wolf.max), (Value::Int(50), Some(10.0), Some(60.0)));
    assert_eq!((creature.default.clone(), creature.min, creature.max), (Value::Int(0), Some(0.0), Some(100.0)));
    assert_eq!((wolf.description.as_str(), creature.description.as_str()), ("of a wolf", ""));
    assert_eq!((wolf.part, wolf.other_clients), (Part::Cell, true), "all else is as it was");
    let kept = with_wolf("[properties.health]\nmax = 60\n");
    let kept = kept.by_name("wolf").and_then(|ty| ty.property_by_name("health")).expect("health");
    assert_eq!((kept.default.clone(), kept.min, kept.max), (Value::Int(0), Some(0.0), Some(60.0)));
}

#[test]
fn properties_of_traits_and_components_are_changed_in_the_same_way() {
    let files = [
        (
            "box.toml",
            "[entity]\nparts = [\"base\"]\nuses = \"noted\"\n[components.lock]\n\
            [properties.note]\ndefault = \"closed\"\n[properties.\"lock.strength\"]\ndefault = 3\n",
        ),
        ("traits/noted.toml", "[properties.note]\ntype = \"string\"\n"),
        ("components/lock.toml", "[properties.strength]\ntype = \"uint8\"\n"),
    ];
    let definitions = loaded(&files);
    let default = |name: &str| definitions.by_name("box")?.property_by_name(name).map(|p| p.default.clone());
    assert_eq!((default("note"), default("lock.strength")), (Some("closed".into()), Some(3.into())));
}

#[test]
fn what_others_rely_on_cannot_be_changed() {
    let told = |lines: &str| {
        let wolf = format!("[entity]\nparent = \"creature\"\n{lines}");
        problems(&with(FAMILY, &[("wolf.toml", &wolf)]))
    };
    assert_eq!(
        told("[properties.health]\nmax = 101\n"),
        ["[override] `max` of `health` is wider than the 100 that it was declared with"]
    );
    assert_eq!(
        told("[properties.health]\nmin = 5\n"),
        ["[default] the default is out of bounds: expected at least 5, found 0"]
    );
    assert_eq!(
        told("[properties.health]\nvisible = \"base\"\n"),
        ["[override] `visible` of `health` cannot be changed here"]
    );
    assert_eq!(
        told("[properties.health]\ntype = \"int16\"\n"),
        ["[duplicate] in `wolf`, `health` is already declared in `creature`"]
    );
    assert_eq!(told("[methods.cell.poke]\n"), ["[duplicate] in `wolf`, `poke` is already declared in `thing`"]);
    assert_eq!(
        told("[properties.helath]\ndefault = 3\n"),
        ["[missing-key] `type` is missing here, and `helath` is no property from elsewhere"]
    );
}

#[test]
fn parents_that_go_in_a_circle_or_on_for_ever_are_told() {
    let child = |parent: &str| format!("[entity]\nparent = \"{parent}\"\n");
    let (a, b) = (child("b"), child("a"));
    assert_eq!(problems(&[("a.toml", &a), ("b.toml", &b)]), ["[parent-cycle] the parents go in a circle: a → b → a"]);
    let files: Vec<(String, String)> =
        (0..100).map(|n| (format!("t{n:03}.toml"), child(&format!("t{:03}", n + 1)))).collect();
    let mut files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    files.push(("t100.toml", "[entity]\nparts = [\"base\"]\n"));
    assert_eq!(problems(&files), ["[too-large] more than 64 parents above one another"]);
    assert_eq!(loaded(&files[50..]).types.len(), 51);
}

#[test]
fn numbers_of_inherited_members_are_those_of_each_type() {
    let definitions = loaded(FAMILY);
    let no = |ty: &str| definitions.by_name(ty)?.property_by_name("label").map(|p| p.no.0);
    assert_eq!((no("creature"), no("wolf")), (Some(2), Some(3)));
}
