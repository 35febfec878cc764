//! Components: their members under the name of the slot, several of one type in an entity, and what clashes.

use kuafu_core::PropertyNo;
use kuafu_def::{Definitions, EntityType, Part};

use crate::support::{Files, loaded, problems, with};

const GAME: &Files<'static> = &[
    (
        "avatar.toml",
        "[entity]\nparts = [\"base\", \"cell\", \"client\"]\n[components.stats]\ndescription = \"of the body\"\n\
         [components.left]\ntype = \"hand\"\n[components.right]\ntype = \"hand\"\n[methods.cell.drop]\n",
    ),
    ("components/stats.toml", "[properties.hp]\ntype = \"int16\"\nvisible = \"all-clients\"\n[methods.base.heal]\n"),
    (
        "components/hand.toml",
        "[component]\nuses = \"marked\"\n[properties.holds]\ntype = \"string\"\npersistent = true\n\
         visible = \"own-client\"\n[methods.cell.drop]\nexposed = \"owner\"\n",
    ),
    ("traits/marked.toml", "[trait]\nuses = \"worn\"\n[properties.mark]\ntype = \"uint8\"\n"),
    ("traits/worn.toml", "[properties.wear]\ntype = \"uint8\"\n"),
];

fn avatar(definitions: &Definitions) -> &EntityType {
    definitions.by_name("avatar").expect("the avatar")
}

#[test]
fn members_of_a_component_are_members_of_the_entity_under_the_slots_name() {
    let definitions = loaded(GAME);
    let avatar = avatar(&definitions);
    let named: Vec<&str> = avatar.properties.iter().map(|p| p.name.as_str()).collect();
    let hands = ["left.holds", "left.mark", "left.wear", "right.holds", "right.mark", "right.wear"];
    assert_eq!(named, [&hands[..], &["stats.hp"]].concat());
    let holds = avatar.property_by_name("right.holds").expect("a property");
    assert_eq!((holds.no, holds.part, holds.persistent, holds.own_client), (PropertyNo(4), Part::Base, true, true));
    assert_eq!(holds.in_slot(), (Some("right"), "holds"));
    assert!(avatar.method_by_name(Part::Base, "stats.heal").is_some());
    let drops = ["drop", "left.drop", "right.drop"].map(|name| avatar.method_by_name(Part::Cell, name).map(|m| m.no.0));
    assert_eq!(drops, [Some(2), Some(3), Some(4)]);
    assert_eq!(avatar.method_by_name(Part::Cell, "drop").map(|m| m.in_slot()), Some((None, "drop")));
}

#[test]
fn one_component_type_fills_several_slots_and_brings_its_traits() {
    let definitions = loaded(GAME);
    let shown: Vec<_> = avatar(&definitions)
        .components
        .iter()
        .map(|c| (c.slot.as_str(), c.component.as_str(), c.traits.join(" "), c.description.as_str()))
        .collect();
    let worn = || "worn marked".to_owned();
    assert_eq!(
        shown,
        [("left", "hand", worn(), ""), ("right", "hand", worn(), ""), ("stats", "stats", String::new(), "of the body")]
    );
    assert!(avatar(&definitions).traits.is_empty(), "they are the component's");
}

#[test]
fn components_of_parents_and_traits_are_components_of_the_entity() {
    let files = with(
        GAME,
        &[
            ("hero.toml", "[entity]\nparent = \"avatar\"\nuses = \"armed\"\n"),
            ("traits/armed.toml", "[components.tail]\ntype = \"hand\"\n"),
        ],
    );
    let definitions = loaded(&files);
    let hero = definitions.by_name("hero").expect("the hero");
    let slots: Vec<&str> = hero.components.iter().map(|c| c.slot.as_str()).collect();
    assert_eq!(slots, ["left", "right", "stats", "tail"]);
    assert!(hero.property_by_name("tail.wear").is_some() && hero.property_by_name("stats.hp").is_some());
    assert!(avatar(&definitions).component("tail").is_none());
}

#[test]
fn a_member_of_a_component_keeps_its_number_when_the_component_grows() {
    let before = Definitions::load_from(GAME.iter().copied()).expect("good");
    let lock = before.ids_changed.expect("a new file");
    assert!(lock.contains("\n\"stats.hp\" = 7\n") && lock.contains("\n\"base.stats.heal\" = 1\n"), "{lock}");
    let stats = "[properties.hp]\ntype = \"int16\"\n[properties.armour]\ntype = \"int16\"\n[methods.base.heal]\n";
    let grown = with(GAME, &[("components/stats.toml", stats), ("ids.lock", &lock)]);
    let grown = loaded(&grown);
    let no = |name: &str| avatar(&grown).property_by_name(name).map(|p| p.no.0);
    assert_eq!((no("stats.hp"), no("stats.armour")), (Some(7), Some(8)));
}

#[test]
fn clashes_of_components_are_told() {
    let told = |changed: &Files<'static>| problems(&with(GAME, changed));
    let avatar = "[entity]\nparts = [\"base\", \"cell\", \"client\"]\n";
    let with_property: &'static str =
        Box::leak(format!("{avatar}[components.stats]\n[properties.Stats]\ntype = \"bool\"\n").into_boxed_str());
    assert_eq!(told(&[("avatar.toml", with_property)]), ["[duplicate] in `avatar`, `stats` is already declared here"]);
    assert_eq!(
        told(&[("traits/worn.toml", "[properties.holds]\ntype = \"uint8\"\n")]),
        [
            "[duplicate] in `avatar`, `left.holds` is already declared in `worn`",
            "[duplicate] in `avatar`, `right.holds` is already declared in `worn`",
        ]
    );
    let base_only = "[entity]\nparts = [\"base\"]\n[components.stats]\n";
    assert_eq!(
        told(&[("avatar.toml", base_only)]),
        ["[visible] `stats.hp` of `avatar`: clients cannot see it, for there is no client part"]
    );
    assert_eq!(
        told(&[("components/hand.toml", "[components.stats]\n")]),
        ["[unknown-key] there is no key `components` here"]
    );
}
