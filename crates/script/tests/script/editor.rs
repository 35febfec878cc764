//! The types for editors: they are what they were, they are Luau, and they name what is there at run time.

use std::path::Path;
use std::sync::Arc;

use kuafu_def::Definitions;
use kuafu_logic::api::{On, TABLE, TYPES};
use kuafu_logic::luau_types;
use mlua::Lua;

use crate::support::definitions;

/// Traits, a component, an abstract parent, every kind of type, and names that the engine has too.
fn menagerie() -> Definitions {
    let types = r#"
[enums.Mood]
variants = ["calm", "wild"]

[structs.Tooth]
fields = [{ name = "length", type = "float32" }, { name = "mood", type = "Mood" }]

[structs.Service]
fields = [{ name = "price", type = "uint32" }]
"#;
    let creature = r#"
[entity]
parts = ["base", "cell", "client"]
abstract = true
[components.stats]
type = "stats"
[properties.mood]
type = "Mood"
visible = "all-clients"
description = "How it feels,\nas all can see."
"#;
    let stats = r#"
[properties.hp]
type = "int32"
visible = "all-clients"
[properties.seed]
type = "uint64"
wide = true
visible = "base"
[methods.cell.heal]
arguments = [{ name = "amount", type = "int32" }]
result = "int32"
"#;
    let wolf = r#"
[entity]
parent = "creature"
description = "It hunts."
[properties.teeth]
type = "list<Tooth>"
visible = "base"
[properties.prey]
type = "map<entity, float64>"
visible = "cell-public"
[properties.home]
type = "vec3"
visible = "base"
[properties.spin]
type = "vec4"
visible = "base"
[methods.base.bite]
arguments = [{ name = "whom", type = "entity<creature>" }, { name = "how", type = "Mood" }]
result = "entity<wolf>"
[methods.cell.howl]
description = "Heard far away."
[methods.client.heard]
arguments = [{ name = "text", type = "string" }]
"#;
    definitions(&[
        ("types.toml", types),
        ("creature.toml", creature),
        ("components/stats.toml", stats),
        ("wolf.toml", wolf),
        ("iron_door.toml", "[entity]\nparts = [\"cell\"]\n"),
        ("hall.toml", "[entity]\nparts = [\"base\"]\nglobal = true\n[properties.offer]\ntype = \"Service\"\n"),
    ])
}

/// Whether a text is Luau. The analyzer's word for a declaration is none of the compiler's.
fn check_syntax(text: &str) {
    let text = text.replace("declare kuafu: Kuafu", "local kuafu: Kuafu = nil :: any");
    let compiled = Lua::new().load(text.as_str()).set_name("=kuafu.d.luau").into_function();
    compiled.unwrap_or_else(|error| panic!("{error}\n{text}"));
}

#[test]
fn the_types_for_editors_are_those_of_the_golden_file() {
    let made = luau_types(&menagerie());
    check_syntax(&made);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/menagerie.d.luau");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &made).expect("it can be written");
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    let differ = made.lines().zip(golden.lines()).find(|(made, golden)| made != golden);
    assert!(made == golden, "first difference: {differ:?}; run with UPDATE_GOLDEN=1 when it is meant");
}

#[test]
fn the_types_of_the_example_are_luau() {
    let plaza = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/plaza/entities");
    let definitions = Arc::new(Definitions::load(&plaza).expect("the example is sound").definitions);
    let made = luau_types(&definitions);
    check_syntax(&made);
    for name in ["Avatar", "AvatarBase", "AvatarCell", "AvatarClientCalls", "ThingBase", "WispCell", "Item"] {
        assert!(made.contains(&format!("export type {name} = ")), "{name}");
    }
    assert!(made.contains("    deposit: (self: AvatarBaseCalls, amount: number) -> Pending<number>,"), "{made}");
}

#[test]
fn every_signature_and_type_of_the_api_is_a_luau_type() {
    for named in TYPES {
        check_syntax(&format!("type {} = {}", named.name, named.definition));
    }
    for entry in TABLE {
        check_syntax(&format!("type T = {}", entry.signature));
    }
}

#[test]
fn every_type_that_the_api_names_is_declared_once() {
    let known: Vec<&str> = TYPES.iter().map(|named| named.name.split('<').next().unwrap_or_default()).collect();
    let texts = TABLE.iter().map(|entry| entry.signature).chain(TYPES.iter().map(|named| named.definition));
    for text in texts {
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let named = words.filter(|word| word.starts_with(|c: char| c.is_ascii_uppercase()) && word.len() > 1);
        for word in named {
            let count = known.iter().filter(|name| **name == word).count();
            assert!(word == "Entity" || count == 1, "`{word}` in `{text}` is declared {count} times");
        }
    }
    assert!(TABLE.iter().all(|entry| On::ALL.contains(&entry.on)), "every place has a heading");
}
