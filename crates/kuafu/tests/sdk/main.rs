//! Typed stubs: what is made of definitions, that it builds, and that the checked-in ones are fresh.
//!
//! `KUAFU_BLESS=1` writes the files that are compared here.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use kuafu::sdk::{Lang, stubs};
use kuafu_core::{EntityId, Value};
use kuafu_def::Definitions;

/// The stubs of the rich game: that this file builds says that they are sound Rust.
#[rustfmt::skip]
#[path = "rich/game.rs"]
mod game;

/// The stubs of the same game for its own logic.
#[rustfmt::skip]
#[path = "rich/stubs.rs"]
mod server;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn rich() -> Definitions {
    let loaded = Definitions::load(&folder("tests/sdk/rich/entities"));
    loaded.unwrap_or_else(|problems| panic!("{problems:?}")).definitions
}

/// Holds files against what they should be.
fn check(path: &Path, text: &str) {
    if std::env::var_os("KUAFU_BLESS").is_some() {
        std::fs::write(path, text).expect("the file can be written");
    }
    let there = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        there == text,
        "{} is not fresh: run these tests with KUAFU_BLESS=1 and look at the change",
        path.display()
    );
}

fn sdk(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_kuafu")).arg("sdk").args(arguments).output().expect("the program can be started")
}

#[test]
fn everything_that_definitions_can_hold_has_its_form_in_both_languages() {
    let definitions = rich();
    let all = [(Lang::Ts, false), (Lang::Rust, false), (Lang::Rust, true)];
    for stub in all.into_iter().flat_map(|(lang, server)| stubs("rich", &definitions, lang, server)) {
        check(&folder("tests/sdk/rich").join(stub.name), &stub.text);
    }
}

#[test]
fn the_stubs_of_the_plaza_are_fresh() {
    let plaza = folder("../../examples/plaza");
    let definitions = Definitions::load(&plaza.join("entities")).expect("the plaza has no problems").definitions;
    for stub in stubs("plaza", &definitions, Lang::Ts, false) {
        check(&plaza.join("client/stubs").join(stub.name), &stub.text);
    }
}

#[test]
fn a_made_module_is_one_for_javascript() {
    for path in ["tests/sdk/rich/game.js", "../../examples/plaza/client/stubs/game.js"] {
        let import = format!(
            "import * as game from {:?}; if (!game.DIGEST || !Object.values(game).some((v) => v.handle)) process.exit(1);",
            folder(path).display().to_string()
        );
        let mut node = Command::new("node");
        node.args(["--input-type=module", "--eval", &import]);
        let output = node.output().expect("node is installed (test.sh installs it)");
        assert!(output.status.success(), "{path}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn structs_and_enums_of_the_rust_stubs_are_the_declared_ones() {
    use kuafu_client::typed::{FromValue, IntoValue};
    let definitions = rich();
    let item = definitions.structs.iter().find(|declared| declared.name == "Item").expect("it is declared");
    let declared = kuafu_def::Type::Struct(item.clone());
    assert_eq!(game::Item::default().into_value(), declared.default_value());
    let mut other = game::Item { mood: game::Mood::Calm, owner: Some(EntityId(9)), ..game::Item::default() };
    other.weights.push(1.5);
    let value = other.clone().into_value();
    assert_eq!(declared.check(&value, &kuafu_core::Limits::default()), Ok(()));
    assert_eq!(game::Item::from_value(&value), Ok(other));
    assert_eq!(server::Item::default().into_value(), game::Item::default().into_value());
    assert_eq!(server::Hidden { secret: 4 }.into_value(), Value::List(vec![Value::Int(4)]), "clients do not know it");
    assert_eq!(game::Mood::ALL.len(), 2);
    assert!(game::Mood::from_value(&Value::Int(2)).is_err());
    assert_eq!(game::DIGEST, definitions.digest_client.to_string());
}

#[test]
fn the_command_writes_once_and_tells_stale_files() {
    let made = tempfile::tempdir().expect("a temporary folder");
    let (project, out) = (folder("tests/sdk/rich").display().to_string(), made.path().display().to_string());
    let arguments = [project.as_str(), "--lang", "ts", "--out", &out];
    let checked = [&arguments[..], &["--check", "--json"]].concat();
    assert_eq!(sdk(&checked).status.code(), Some(1), "nothing is there");
    assert_eq!(sdk(&arguments).status.code(), Some(0));
    assert_eq!(sdk(&checked).status.code(), Some(0));
    std::fs::write(made.path().join("game.js"), "// mine").expect("a file");
    let stale = sdk(&checked);
    let told: serde_json::Value = serde_json::from_slice(&stale.stdout).expect("one JSON document");
    assert_eq!((stale.status.code(), told["stale"].as_array().map(Vec::len)), (Some(1), Some(1)), "{told}");
    assert_eq!(
        std::fs::read_to_string(made.path().join("game.js")).expect("a file"),
        "// mine",
        "a check writes nothing"
    );
    assert_eq!(sdk(&[&out, "--lang", "rust"]).status.code(), Some(1), "no project");
    assert_eq!(sdk(&[&project, "--lang", "cobol"]).status.code(), Some(2));
    assert_eq!(sdk(&[&project, "--lang", "ts", "--server"]).status.code(), Some(2));
}

#[test]
fn scripts_get_a_file_of_types_for_editors() {
    let out = tempfile::tempdir().expect("a folder");
    let place = out.path().to_str().expect("a path in UTF-8");
    let plaza = folder("../../examples/plaza");
    let made = sdk(&[plaza.to_str().expect("a path in UTF-8"), "--lang", "luau", "--out", place]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let text = std::fs::read_to_string(out.path().join("kuafu.d.luau")).expect("the file");
    assert!(text.contains("AvatarCell") && text.contains("gold"), "{text}");
}
