//! A large definition and a thoroughly broken one, whole: what they are read to, what clients and the lock file get.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use kuafu_def::{Definitions, EntityType, Loaded, Problem};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/def").join(name)
}

fn large() -> Loaded {
    Definitions::load(&folder("large")).unwrap_or_else(|problems| panic!("{}", shown(&problems)))
}

fn shown(problems: &[Problem]) -> String {
    let mut text = String::new();
    for Problem { file, line, column, code, message, help } in problems {
        let file = file.strip_prefix(folder("broken")).unwrap_or(file).display();
        writeln!(text, "[{code}] {file}:{line}:{column}: {message}\n  help: {help}").expect("a string takes it");
    }
    text
}

fn dump(ty: &EntityType) -> String {
    format!("{ty:#?}\n")
}

#[test]
fn a_large_definition_is_read_to_this_model() {
    let definitions = large().definitions;
    let mut text = String::new();
    for ty in definitions.types.values().chain(&definitions.abstract_types) {
        text += &dump(ty);
    }
    write!(text, "{:#?}\n{:#?}", definitions.structs, definitions.enums).expect("a string takes it");
    insta::assert_snapshot!("large_model", text);
}

#[test]
fn clients_get_this_schema_of_a_large_definition() {
    let schema: serde_json::Value = serde_json::from_str(&large().definitions.client_schema_json()).expect("JSON");
    insta::assert_snapshot!("large_schema", serde_json::to_string_pretty(&schema).expect("JSON"));
}

#[test]
fn a_large_definition_has_this_lock_file() {
    insta::assert_snapshot!("large_ids", large().ids_changed.expect("there is none yet"));
}

#[test]
fn a_thoroughly_broken_project_is_told_all_its_problems() {
    let problems = Definitions::load(&folder("broken")).expect_err("all is broken");
    insta::assert_snapshot!("broken_problems", shown(&problems));
}
