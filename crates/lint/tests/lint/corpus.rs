//! Two projects on one set of definitions: what is wrong in the one is told, and the other is left alone.

use std::fmt::Write;
use std::path::Path;

use kuafu_def::{Definitions, Problem};
use kuafu_lint::{Source, check};

use crate::projects::{corpus, definitions, scripts, tables};

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
