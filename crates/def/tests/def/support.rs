//! A folder of definitions for a test, and a definition that has a bit of everything.

use std::path::Path;

use kuafu_def::{Definitions, Loaded, Problem};

/// Files by their path below the folder.
pub(crate) type Files<'a> = [(&'a str, &'a str)];

pub(crate) const TYPES: &str = r#"
[structs.Item]
fields = [
    { name = "kind", type = "uint16", default = 7 },
    { name = "count", type = "Count" },
    { name = "mood", type = "Mood", default = "angry" },
]
[structs.Hidden]
fields = [{ name = "items", type = "list<Item>", default = [{ kind = 1 }, { count = 2 }] }]
[enums.Mood]
variants = ["calm", "angry"]
[aliases]
Count = "uint32"
Bag = "list<Item>"
"#;

pub(crate) const AVATAR: &str = r#"
[entity]
parts = ["base", "cell", "client"]
uses = ["named"]
top_speed = 6.5
description = "a player"

[properties.gold]
type = "int64"
visible = "own-client"
persistent = true
min = 0

[properties.bag]
type = "Bag"
visible = ["base", "own-client"]
persistent = true
max_length = 20

[properties.health]
type = "int16"
visible = "all-clients"
default = 100
max = 100

[properties.seed]
type = "uint64"
wide = true
visible = "cell"

[methods.cell.say]
exposed = "owner"
rate = "3/s"
arguments = [{ name = "text", type = "string", max_length = 200 }]

[methods.cell.wave]
exposed = { within = 5.0 }

[methods.base.buy]
arguments = [{ name = "offer", type = "uint32", max = 10 }, { name = "hidden", type = "Hidden" }]
result = "bool"

[methods.client.heard]
arguments = [{ name = "text", type = "string" }, { name = "by", type = "entity" }]
"#;

pub(crate) const NAMED: &str = r#"
[trait]
uses = ["noted"]
[properties.name]
type = "string"
visible = "all-clients"
max_length = 24
"#;

pub(crate) const NOTED: &str = r#"
[properties.note]
type = "string"
persistent = true
indexed = true
"#;

pub(crate) const GAME: &Files<'static> = &[
    ("types.toml", TYPES),
    ("avatar.toml", AVATAR),
    ("vault.toml", "[entity]\nparts = [\"base\"]\nuses = \"noted\"\n"),
    ("traits/named.toml", NAMED),
    ("traits/noted.toml", NOTED),
];

pub(crate) fn write(dir: &Path, files: &[(&str, impl AsRef<[u8]>)]) {
    for (name, text) in files {
        let file = dir.join(name);
        std::fs::create_dir_all(file.parent().expect("a file has a folder")).expect("a folder");
        std::fs::write(file, text).expect("a file");
    }
}

pub(crate) fn load(files: &[(&str, impl AsRef<[u8]>)]) -> Result<Loaded, Vec<Problem>> {
    let dir = tempfile::tempdir().expect("a folder");
    write(dir.path(), files);
    Definitions::load(dir.path()).map_err(|problems| {
        let below = |problem: Problem| {
            let file = problem.file.strip_prefix(dir.path()).map(Path::to_path_buf).unwrap_or_default();
            Problem { file, ..problem }
        };
        problems.into_iter().map(below).collect()
    })
}

/// The files, some of them replaced or added.
pub(crate) fn with<'a>(files: &Files<'a>, changed: &Files<'a>) -> Vec<(&'a str, &'a str)> {
    let kept = files.iter().filter(|(name, _)| !changed.iter().any(|(other, _)| other == name));
    kept.chain(changed).copied().collect()
}

/// The game with pieces of the avatar's file replaced.
pub(crate) fn game_with_avatar(replace: &[(&str, &str)]) -> Loaded {
    let mut avatar = AVATAR.to_owned();
    for (from, to) in replace {
        assert!(avatar.contains(from), "{from}");
        avatar = avatar.replace(from, to);
    }
    load(&with(GAME, &[("avatar.toml", &avatar)])).expect("a good game")
}

/// Loads texts from memory; every problem as one text when there are any.
#[track_caller]
pub(crate) fn loaded(files: &Files<'_>) -> Definitions {
    match Definitions::load_from(files.iter().copied()) {
        Ok(loaded) => loaded.definitions,
        Err(problems) => panic!("{}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")),
    }
}

/// The codes and messages of the problems of texts in memory.
#[track_caller]
pub(crate) fn problems(files: &Files<'_>) -> Vec<String> {
    let problems = Definitions::load_from(files.iter().copied()).expect_err("a problem");
    problems.into_iter().map(|problem| format!("[{}] {}", problem.code, problem.message)).collect()
}
