//! How long the check of a large project takes. Run with `--ignored --nocapture` for the figure.

use std::fmt::Write;

use kuafu_def::{Definitions, EntityType, Parts};
use kuafu_lint::{Source, check};

use crate::corpus::{corpus, definitions};

/// Scripts of 200 lines: the corpus' avatar as far as it goes, filled up with comments.
fn project(count: usize) -> Vec<Source> {
    let valid = corpus("valid");
    let body = &valid.iter().find(|source| source.path == "avatar.luau").expect("it is there").text;
    let lines: Vec<&str> = body.lines().take(198).collect();
    let end = lines.iter().rposition(|line| *line == "end").expect("functions end") + 1;
    let filler = "-- a line of a comment, of some length\n".repeat(199 - end);
    let text = format!("{}\n{filler}return Avatar\n", lines[..end].join("\n"));
    let named = (0..count).map(|no| Source { path: format!("avatar_{no}.luau"), text: text.clone() });
    named.chain(valid.iter().filter(|source| source.path.contains('/')).cloned()).collect()
}

/// The corpus' avatar under many names.
fn many(count: usize) -> Definitions {
    let mut definitions = definitions();
    let avatar = EntityType::clone(definitions.by_name("avatar").expect("it is there"));
    for no in 0..count {
        let number = kuafu_core::TypeNo(1_000 + u16::try_from(no).expect("few"));
        let ty = EntityType { no: number, name: format!("avatar_{no}"), ..avatar.clone() };
        definitions.types.insert(number, ty.into());
    }
    definitions
}

#[test]
#[ignore = "it measures"]
fn two_hundred_scripts_of_two_hundred_lines_are_quick() {
    let (scripts, definitions) = (project(200), many(200));
    let mut told = String::new();
    for _ in 0..5 {
        #[expect(clippy::disallowed_methods, reason = "a measurement reads the clock")]
        let start = std::time::Instant::now();
        let problems = check(&scripts, &definitions, None);
        assert!(!problems.iter().any(|problem| problem.code.starts_with("script-")));
        let problems = problems.len();
        writeln!(told, "{} scripts: {:?}, {problems} problems", scripts.len(), start.elapsed()).expect("a string");
    }
    eprintln!("{told}");
}

#[test]
fn a_thousand_types_are_no_trouble() {
    let parts = Parts { base: true, cell: false, client: false };
    let mut definitions = Definitions::default();
    for no in 0..1_000 {
        let ty = EntityType::new(kuafu_core::TypeNo(no), format!("type_{no}"), parts);
        definitions.types.insert(ty.no, ty.into());
    }
    let scripts: Vec<Source> =
        (0..1_000).map(|no| Source { path: format!("type_{no}.luau"), text: "return { base = {} }".into() }).collect();
    assert_eq!(check(&scripts, &definitions, None), []);
}
