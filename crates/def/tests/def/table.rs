//! `docs/definitions.md` beside the code: its examples are good, and every row of its table is tested by a test that is
//! there, or says why not.

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The text of every Rust file below a folder.
fn sources(folder: &Path, text: &mut String) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, text);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text.push_str(&fs::read_to_string(&path).unwrap_or_default());
        }
    }
}

/// The rows after the heading of the table: the feature, and its state.
fn rows(page: &str) -> Vec<(&str, &str)> {
    let (_, table) = page.split_once("\n## Beside KBEngine\n").expect("the heading");
    let lines = table.lines().filter(|line| line.starts_with("| ")).skip(2);
    lines
        .map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            assert_eq!(cells.len(), 3, "three columns: {line}");
            (cells[0], cells[2])
        })
        .collect()
}

#[test]
fn every_row_of_the_table_names_a_test_or_a_reason() {
    let page = fs::read_to_string(root().join("docs/definitions.md")).expect("the page");
    let rows = rows(&page);
    assert!(rows.len() > 80, "only {} rows", rows.len());
    let mut code = String::new();
    sources(&root().join("crates"), &mut code);
    let mut wrong = Vec::new();
    for (feature, state) in rows {
        let is_true = match (state.strip_prefix("tested: `"), state.strip_prefix("absent: ")) {
            (Some(name), None) => name.strip_suffix('`').is_some_and(|name| code.contains(&format!("fn {name}("))),
            (None, Some(reason)) => reason.len() > 10,
            _ => false,
        };
        if !is_true {
            wrong.push(format!("{feature}: {state}"));
        }
    }
    assert!(wrong.is_empty(), "no such test, or no state:\n{}", wrong.join("\n"));
}

#[test]
fn the_examples_of_the_page_are_a_good_game() {
    let page = fs::read_to_string(root().join("docs/definitions.md")).expect("the page");
    let examples: Vec<&str> = page.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    let [entity, properties, types, methods] = examples[..] else { panic!("{} examples", examples.len()) };
    let parent = "[entity]\nabstract = true\nparts = [\"base\", \"cell\", \"client\"]\n";
    let hp = "[properties.hp]\ntype = \"int16\"\nvisible = \"all-clients\"\n";
    let definitions = crate::support::loaded(&[
        ("avatar.toml", &[entity, properties, methods].concat()),
        ("types.toml", types),
        ("creature.toml", parent),
        ("traits/named.toml", ""),
        ("components/stats.toml", hp),
        ("components/hand.toml", ""),
    ]);
    let avatar = definitions.by_name("avatar").expect("the avatar");
    assert_eq!(avatar.property_by_name("title").and_then(|title| title.detail), Some(15.0));
    assert!(avatar.is_global && avatar.component("left").is_some() && avatar.property_by_name("stats.hp").is_some());
}
