//! How long the check of a large project takes: 200 scripts of 200 lines for as many entity types.
//!
//! `cargo run --release -p kuafu-lint --example check_bench`. Beside it, in turn, Luau's compiler on the same scripts,
//! which finds errors of syntax only.
#![expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

#[path = "../tests/lint/projects.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod projects;

use std::time::{Duration, Instant};

use kuafu_def::{Definitions, EntityType};
use kuafu_lint::{Source, check};

use projects::{corpus, definitions};

const SCRIPTS: usize = 200;
const ROUNDS: usize = 9;

fn main() {
    let (scripts, definitions) = (project(SCRIPTS), many(SCRIPTS));
    let (mut checked, mut compiled) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let start = Instant::now();
        let problems = check(&scripts, &definitions, None);
        checked.push(start.elapsed());
        assert!(!problems.iter().any(|problem| problem.code.starts_with("script-")), "the scripts are sound");
        let start = Instant::now();
        for script in &scripts {
            mlua::chunk::Compiler::new().compile(&script.text).expect("the scripts are sound");
        }
        compiled.push(start.elapsed());
    }
    let lines: usize = scripts.iter().map(|script| script.text.lines().count()).sum();
    let (checked, compiled) = (median(checked), median(compiled));
    let ratio = checked.as_secs_f64() / compiled.as_secs_f64();
    println!(
        "{} scripts, {lines} lines: checked in {checked:.1?}, compiled in {compiled:.1?}, ratio {ratio:.2}",
        scripts.len()
    );
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

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
