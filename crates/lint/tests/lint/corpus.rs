//! Two projects on one set of definitions: what is wrong in the one is told, and the other is left alone.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use kuafu_def::{Definitions, Problem};
use kuafu_lint::{Source, TableNames, check};

fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lint")
}

pub(crate) fn definitions() -> Definitions {
    Definitions::load(&here().join("game/entities")).expect("the definitions are right").definitions
}

/// Every script of a folder.
pub(crate) fn scripts(folder: &Path) -> Vec<Source> {
    let (mut found, mut open) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(dir) = open.pop() {
        for entry in std::fs::read_dir(dir).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(folder).expect("it is within").to_str().expect("a plain name").to_owned();
                found.push(Source { path: name, text: std::fs::read_to_string(&path).expect("a text") });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

pub(crate) fn corpus(name: &str) -> Vec<Source> {
    scripts(&here().join(name))
}

pub(crate) fn tables() -> TableNames {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    TableNames::from([("monsters".to_owned(), names(&["id", "name", "hp"])), ("items".to_owned(), names(&["id"]))])
}

/// Problems with the lines that they are about.
fn shown(problems: &[Problem], scripts: &[Source]) -> String {
    let mut text = String::new();
    for Problem { file, line, column, code, message, help } in problems {
        let source = scripts.iter().find(|source| Path::new(&source.path) == file);
        let stands = source.and_then(|source| source.text.lines().nth(line - 1)).unwrap_or_default();
        let stands: String = stands.trim().chars().take(100).collect();
        writeln!(text, "{}:{line}:{column} {code}\n    {stands}\n  {message}\n  {help}", file.display())
            .expect("a string");
    }
    text
}

#[test]
fn every_wrong_line_is_told_with_its_place_and_what_would_be_right() {
    let scripts = corpus("wrong");
    let problems = check(&scripts, &definitions(), Some(&tables()));
    insta::assert_snapshot!(shown(&problems, &scripts));
}

#[test]
fn tricky_scripts_that_are_right_have_no_problems() {
    let scripts = corpus("valid");
    let problems = check(&scripts, &definitions(), Some(&tables()));
    assert!(problems.is_empty(), "{}", shown(&problems, &scripts));
}

#[test]
fn the_plaza_has_no_problems() {
    let plaza = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/plaza");
    let definitions = Definitions::load(&plaza.join("entities")).expect("the definitions are right").definitions;
    let scripts = scripts(&plaza.join("scripts"));
    let problems = check(&scripts, &definitions, None);
    assert!(problems.is_empty(), "{}", shown(&problems, &scripts));
}

#[test]
fn a_script_alone_is_not_told_what_the_others_may_have() {
    for source in corpus("valid") {
        let alone = [source];
        let problems = check(&alone, &definitions(), None);
        let told: Vec<&Problem> = problems
            .iter()
            .filter(|problem| !["unknown-module", "missing-method", "unknown-function"].contains(&problem.code))
            .collect();
        assert!(told.is_empty(), "{told:#?}");
    }
}

#[test]
fn every_problem_has_a_help_and_a_place_in_its_file() {
    let scripts = corpus("wrong");
    for problem in check(&scripts, &definitions(), Some(&tables())) {
        assert!(!problem.help.is_empty() && !problem.message.is_empty(), "{problem}");
        let source = scripts.iter().find(|source| Path::new(&source.path) == problem.file);
        let lines = source.map_or(1, |source| source.text.lines().count());
        assert!(problem.line >= 1 && problem.line <= lines && problem.column >= 1, "{problem}");
    }
}

#[test]
fn without_the_names_of_tables_none_is_wrong() {
    let problems = check(&corpus("wrong"), &definitions(), None);
    assert!(!problems.iter().any(|problem| ["unknown-table", "unknown-column"].contains(&problem.code)));
}
