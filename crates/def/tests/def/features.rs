//! Single features of the language: references, items, details, volatile movement, fields, defaults of arguments.

use kuafu_core::{Change, Edit, Limits, PropertyNo, Rate, Step, Value};
use kuafu_def::{Definitions, EntityType, Part, Property, Spread, Type, value_from_json, value_to_json};
use serde_json::json;

use crate::support::{load, loaded, problems};

const ALL: &str = "[entity]\nparts = [\"base\", \"cell\", \"client\"]\n";

/// The type `a` of one file that goes on with these lines.
#[track_caller]
fn entity(lines: &str) -> EntityType {
    let file = format!("{ALL}{lines}");
    let definitions = loaded(&[("a.toml", &file), ("types.toml", TYPES)]);
    EntityType::clone(definitions.by_name("a").expect("the type"))
}

#[track_caller]
fn property(lines: &str) -> Property {
    entity(&format!("[properties.x]\n{lines}")).properties.remove(0)
}

#[track_caller]
fn told(lines: &str) -> Vec<String> {
    let file = format!("{ALL}{lines}");
    problems(&[("a.toml", &file), ("types.toml", TYPES)])
}

const TYPES: &str = r#"
[structs.Item]
fields = [
    { name = "kind", type = "string", max_length = 3 },
    { name = "count", type = "Count", min = 1, max = 9 },
    { name = "tags", type = "list<string>", max_length = 2 },
    { name = "glow", type = "int8", default = 5, persistent = false },
    { name = "user", type = "entity", persistent = false },
]
[aliases]
Count = "Small"
Small = "uint8"
Bags = "list<Bag>"
Bag = "map<string, Item>"
"#;

#[test]
fn aliases_of_aliases_are_what_they_stand_for() {
    assert_eq!(property("type = \"list<Count>\"\n").ty.to_string(), "list<uint8>");
    assert_eq!(property("type = \"Bags\"\npersistent = true\n").ty.to_string(), "list<map<string, Item>>");
}

#[test]
fn every_combination_of_visibility_is_taken_or_told() {
    const WORDS: [&str; 6] = ["base", "cell", "cell-public", "own-client", "other-clients", "all-clients"];
    for bits in 0_u32..64 {
        let words: Vec<&str> = (0..6).filter(|bit| bits & (1 << bit) != 0).map(|bit| WORDS[bit]).collect();
        let quoted: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
        let file = format!("{ALL}[properties.x]\ntype = \"bool\"\nvisible = [{}]\n", quoted.join(", "));
        let read = Definitions::load_from([("a.toml", file)]);
        let has = |word: &str| words.contains(&word);
        let others = has("other-clients") || has("all-clients");
        let on_cell = has("cell") || has("cell-public") || others;
        if has("base") && on_cell {
            assert!(read.is_err(), "{words:?} lives on both parts");
            continue;
        }
        let definitions = read.unwrap_or_else(|problems| panic!("{words:?}: {problems:?}")).definitions;
        let x = &definitions.by_name("a").expect("the type").properties[0];
        assert_eq!(x.part, if on_cell { Part::Cell } else { Part::Base }, "{words:?}");
        assert_eq!((x.own_client, x.other_clients), (has("own-client") || has("all-clients"), others), "{words:?}");
        assert_eq!(x.cell_public, has("cell-public") || others, "{words:?}");
    }
}

#[test]
fn an_entity_may_have_a_base_part_alone() {
    let vault = "[entity]\nparts = [\"base\"]\n[properties.gold]\ntype = \"int64\"\npersistent = true\n";
    let vault = loaded(&[("vault.toml", vault)]);
    let vault = vault.by_name("vault").expect("the vault");
    assert!(vault.is_persistent() && vault.parts.base && !vault.parts.cell && !vault.parts.client);
    assert_eq!(vault.properties[0].part, Part::Base);
}

#[test]
fn a_reference_names_the_type_that_it_should_have() {
    let x = property("type = \"map<entity<a>, list<entity>>\"\n");
    assert_eq!(x.ty.to_string(), "map<entity<a>, list<entity>>");
    assert!(matches!(&x.ty, Type::Map(key, _) if **key == Type::Entity(Some("a".into()))));
    assert_eq!(told("[properties.x]\ntype = \"entity<b>\"\n"), ["[type] there is no entity type `b`"]);
    let ty = property("type = \"entity<a>\"\n").ty;
    assert!(ty.check(&ty.default_value(), &Limits::default()).is_ok());
}

#[test]
fn items_are_structs_by_their_ids_and_are_saved_by_the_base_part() {
    let x = property("type = \"items<Item>\"\nvisible = \"own-client\"\npersistent = true\nmax_length = 3\n");
    assert!(x.items && x.persistent && x.max_length == Some(3));
    assert_eq!((x.ty.to_string(), x.type_text()), ("map<uint64, Item>".to_owned(), "items<Item>".to_owned()));
    assert_eq!(property("type = \"items < Item >\"\npersistent = true\n").ty, x.ty);
    assert_eq!(
        told("[properties.x]\ntype = \"items<Item>\"\nvisible = \"cell\"\npersistent = true\n"),
        ["[visible] `x` of `a` holds items, but lives on the cell part"]
    );
    assert_eq!(told("[properties.x]\ntype = \"items<Item>\"\n"), ["[persistent] the items of `x` are not persistent"]);
    assert_eq!(told("[properties.x]\ntype = \"items<bool>\"\n"), ["[type] items of bool, which is no struct"]);
    assert_eq!(told("[properties.x]\ntype = \"list<items<Item>>\"\n"), ["[type] `items` stands where it cannot"]);
}

#[test]
fn a_detail_is_a_named_level_or_a_distance_and_an_update_a_rate() {
    let near = "detail = { near = 15, far = 40.5 }\n[properties.x]\ntype = \"bool\"\nvisible = \"all-clients\"\n";
    let ty = entity(&format!("{near}detail = \"near\"\nupdate = \"2/s\"\n"));
    assert_eq!((ty.properties[0].detail, ty.properties[0].update), (Some(15.0), "2/s".parse::<Rate>().ok()));
    let levels: Vec<(&str, f32)> = ty.detail_levels.iter().map(|level| (level.name.as_str(), level.metres)).collect();
    assert_eq!(levels, [("near", 15.0), ("far", 40.5)]);
    assert_eq!(entity(&format!("{near}detail = 7\n")).properties[0].detail, Some(7.0));
    assert_eq!(told(&format!("{near}detail = \"neer\"\n")), ["[detail] `a` has no detail level `neer`"]);
    assert_eq!(
        told("[properties.x]\ntype = \"bool\"\nvisible = \"own-client\"\nupdate = \"2/s\"\n"),
        ["[visible] `update` on `x`, which other clients do not see"]
    );
}

#[test]
fn the_properties_of_a_type_have_eight_distances_at_most() {
    let property = |n: u32, metres: u32| {
        format!("[properties.p{n}]\ntype = \"bool\"\nvisible = \"all-clients\"\ndetail = {metres}\n")
    };
    let with = |distances: u32| (0..12).map(|n| property(n, 10 + n % distances)).collect::<String>();
    assert_eq!(entity(&with(8)).properties.len(), 12);
    assert_eq!(told(&with(9)), ["[detail] `a` has properties of 8 other distances already"]);
}

#[test]
fn a_detail_level_of_a_trait_is_that_of_the_entity() {
    let lit = "[properties.lit]\ntype = \"bool\"\nvisible = \"all-clients\"\ndetail = \"near\"\n";
    let of = |metres: u32| format!("{ALL}uses = \"lit\"\ndetail = {{ near = {metres} }}\n");
    let (a, b) = (of(5), of(9));
    let definitions = loaded(&[("a.toml", &a), ("b.toml", &b), ("traits/lit.toml", lit)]);
    let detail = |name: &str| definitions.by_name(name).and_then(|ty| ty.properties[0].detail);
    assert_eq!((detail("a"), detail("b")), (Some(5.0), Some(9.0)));
}

#[test]
fn movement_goes_to_all_to_none_or_so_far() {
    let volatile = |text: &str| entity(&format!("volatile = {text}\n")).volatile;
    assert_eq!(entity("").volatile.position, Spread::Always);
    let some = volatile("{ position = \"always\", yaw = \"never\" }");
    assert_eq!((some.position, some.yaw), (Spread::Always, Spread::Never));
    let some = volatile("{ position = 12.5 }");
    assert_eq!((some.position, some.yaw), (Spread::Within(12.5), Spread::Always));
    assert_eq!(told("volatile = { yaw = \"nevr\" }\n"), ["[volatile] `yaw` is \"nevr\""]);
}

#[test]
fn fields_of_structs_have_bounds_wherever_they_are() {
    let x = property("type = \"list<Item>\"\npersistent = true\n");
    let item = |json| value_from_json(&x.ty, &json).expect("a value of the type");
    let check = |json| x.check(&item(json), &Limits::default()).err().unwrap_or_default();
    assert_eq!(check(json!([{ "kind": "abc", "count": 9, "tags": ["a", "b"] }])), "");
    assert_eq!(check(json!([{}, { "count": 0 }])), "at [1].count: expected at least 1, found 0");
    assert_eq!(check(json!([{ "kind": "abcd" }])), "at [0].kind: expected a length of at most 3, found 4");
    assert_eq!(item(json!([{}])), item(json!([{ "count": 1, "glow": 5 }])), "the default lies within the bounds");
    let change = |path: Vec<Step>, value: Value| {
        let change = Change { property: PropertyNo(1), path, edit: Edit::Set(value) };
        x.check_change(&change, &Limits::default()).err().unwrap_or_default()
    };
    let field = |no| vec![Step::Index(0), Step::Field(no)];
    assert_eq!(change(field(1), 9.into()), "");
    assert_eq!(change(field(1), 10.into()), "at [0].count: expected at most 9, found 10");
    assert_eq!(
        change([field(2), vec![Step::Index(2)]].concat(), "c".into()),
        "at [0].tags: expected a length of at most 2, found 3"
    );
}

#[test]
fn a_field_that_is_not_persistent_has_its_default_again_after_a_load() {
    let x = property("type = \"list<Item>\"\npersistent = true\n");
    let live = value_from_json(&x.ty, &json!([{ "kind": "a", "glow": 7, "user": 9 }])).expect("a value");
    let stored = value_to_json(&x.ty, &live);
    assert_eq!(stored, json!([{ "kind": "a", "count": 1, "tags": [] }]));
    let loaded = value_from_json(&x.ty, &stored).expect("a value");
    assert_eq!(loaded, value_from_json(&x.ty, &json!([{ "kind": "a", "glow": 5, "user": 0 }])).expect("a value"));
}

#[test]
fn arguments_at_the_end_may_be_left_out() {
    let file = "[methods.base.buy]\narguments = [{ name = \"offer\", type = \"uint8\" }, \
        { name = \"count\", type = \"Count\", default = 1 }, { name = \"note\", type = \"string\", default = \"x\" }]\n";
    let buy = entity(file).methods.remove(0);
    assert_eq!(buy.arguments_min(), 1);
    let filled = |given: &[Value]| {
        let mut given = given.to_vec();
        buy.fill_in(&mut given);
        given
    };
    assert_eq!(filled(&[3.into()]), [3.into(), 1.into(), "x".into()]);
    assert_eq!(filled(&[3.into(), 2.into()]), [3.into(), 2.into(), "x".into()]);
    assert_eq!(filled(&[]), [], "the first has no default");
    assert_eq!(filled(&[1.into(), 2.into(), "y".into(), 4.into()]).len(), 4, "too many stay too many");
    let gap = "[methods.base.buy]\narguments = [{ name = \"a\", type = \"bool\", default = true }, { name = \"b\", type = \"bool\" }]\n";
    assert_eq!(told(gap), ["[default] an argument without a default after `a`, which has one"]);
}

#[test]
fn the_digests_know_what_was_added() {
    let digests = |lines: &str| {
        let file = format!("{ALL}detail = {{ near = 5 }}\n{lines}");
        let definitions = loaded(&[("a.toml", &file), ("types.toml", TYPES)]);
        (definitions.digest_client, definitions.digest_full)
    };
    let plain = |lines: &str| format!("[properties.x]\ntype = \"entity\"\nvisible = \"all-clients\"\n{lines}");
    let first = digests(&plain(""));
    for lines in [plain("detail = \"near\"\n"), plain("update = \"2/s\"\n"), plain("").replace("entity", "entity<a>")] {
        let other = digests(&lines);
        assert_eq!(other.0, first.0, "clients read the same bytes: {lines}");
        assert_ne!(other.1, first.1, "{lines}");
    }
    let whole = |header: &str| digests(&format!("{header}{}", plain(""))).1;
    let headers = ["", "global = true\n", "volatile = { yaw = 3 }\n", "volatile = { yaw = \"never\" }\n"];
    let distinct: std::collections::BTreeSet<_> = headers.into_iter().map(whole).collect();
    assert_eq!(distinct.len(), headers.len());
}

#[test]
fn texts_in_memory_are_read_like_files_in_a_folder() {
    let files = [
        ("types.toml", TYPES),
        ("a.toml", "[entity]\nparts = [\"base\"]\nuses = \"t\"\n[components.c]\n"),
        ("traits/t.toml", "[properties.x]\ntype = \"Bag\"\npersistent = true\n"),
        ("components/c.toml", "[properties.y]\ntype = \"nothing\"\n"),
        ("notes/readme.toml", "not TOML"),
        ("readme.md", "not TOML"),
    ];
    let told = |problems: Vec<kuafu_def::Problem>| problems.iter().map(ToString::to_string).collect::<Vec<_>>();
    let in_folder = told(load(&files).expect_err("problems"));
    let in_memory = told(Definitions::load_from(files).expect_err("problems"));
    assert_eq!(in_folder, in_memory);
    assert_eq!(in_memory.len(), 2, "{in_memory:?}");
    let good: Vec<(&str, &str)> = files[..3].iter().copied().chain([("components/c.toml", "")]).collect();
    let (one, other) = (load(&good).expect("good"), Definitions::load_from(good).expect("good"));
    assert_eq!((one.definitions, one.ids_changed), (other.definitions, other.ids_changed));
}
