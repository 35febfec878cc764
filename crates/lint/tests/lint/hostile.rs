//! Bad input: nothing that a file may hold ends the check, or takes it long.

use kuafu_def::Definitions;
use kuafu_lint::{Source, check};
use proptest::prelude::*;

use crate::projects::{corpus, definitions, tables};

fn problems_of(path: &str, text: String) -> Vec<kuafu_def::Problem> {
    check(&[Source { path: path.to_owned(), text }], &Definitions::default(), None)
}

#[test]
fn deep_nesting_is_a_problem_and_no_overflow() {
    let pairs = [
        ("(", ")"),
        ("{", "}"),
        ("function() return ", " end"),
        ("a(", ")"),
        ("- ", ""),
        ("a.", "b"),
        ("1 + ", "1"),
        ("'a' .. ", "1"),
        ("1 ^ ", "1"),
        ("if a then b else ", ""),
        ("`{", "}`"),
        ("not ", ""),
        ("a[", "]"),
    ];
    for (open, close) in pairs {
        let text = format!("local a, b\nreturn {}1{}", open.repeat(20_000), close.repeat(20_000));
        let problems = problems_of("lib/x.luau", text);
        assert_eq!(problems.len(), 1, "{open}: {problems:?}");
        assert_eq!(problems[0].code, "script-depth", "{open}");
    }
    let nests = [
        ("", "do "),
        ("", "while x do "),
        ("", "if a then "),
        ("", "function f() "),
        ("local x: ", "{"),
        ("local x: ", "()->"),
        ("local x: ", "("),
        ("f", "{"),
    ];
    for (start, open) in nests {
        let problems = problems_of("lib/x.luau", format!("{start}{}", open.repeat(20_000)));
        assert!(problems.iter().any(|problem| problem.code == "script-depth"), "{open}");
    }
}

#[test]
fn what_is_as_deep_as_allowed_is_walked_through() {
    for (open, close) in [("(", ")"), ("{", "}"), ("1 + ", ""), ("function() return ", " end"), ("-", "")] {
        for levels in [20, 60, 80, 120, 240] {
            let text = format!("return {}1{}", open.repeat(levels), close.repeat(levels));
            problems_of("avatar.luau", text);
        }
    }
}

#[test]
fn nests_of_everything_take_no_longer_than_their_length() {
    let nests = [
        ("f(function() ", " end).x += 1 "),
        ("f(function() ", " end).x = 1 "),
        ("f(function() ", " end):m() "),
        ("for k in pairs({ a = function() ", " end }) do end "),
        ("local t = { a = 1, b = function() ", " end } for k in t do return k end "),
        ("for i = 1, 2 do local t = { a = 1, b = 2 } for k in t do ", " end end "),
    ];
    for (open, close) in nests {
        for levels in [20, 60] {
            let text = format!("local f = print\n{}{}return f", open.repeat(levels), close.repeat(levels));
            let problems = problems_of("lib/x.luau", text);
            assert!(problems.len() <= 200, "{open}");
        }
    }
}

#[test]
fn a_file_that_is_too_large_is_a_problem() {
    let problems = problems_of("lib/x.luau", "-".repeat((1 << 20) + 1));
    assert_eq!(problems[0].code, "script-file");
}

#[test]
fn chains_of_alternatives_and_statements_may_be_long() {
    let text = format!("local a\nif a then {} end return a", "elseif a then ".repeat(5_000));
    assert_eq!(problems_of("lib/x.luau", text), []);
    let text = format!("local a = 0\n{}return a", "a = a + 1\n".repeat(20_000));
    assert_eq!(problems_of("lib/x.luau", text), []);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn mangled_scripts_never_panic(edits in prop::collection::vec((any::<prop::sample::Index>(), 0..6_u8, any::<prop::sample::Index>()), 1..40), wrong in any::<bool>()) {
        let mut scripts = corpus(if wrong { "wrong" } else { "valid" });
        for (place, kind, other) in edits {
            let count = scripts.len();
            let source = &mut scripts[other.index(count)];
            if source.text.is_empty() {
                continue;
            }
            let mut characters: Vec<char> = source.text.chars().collect();
            let (at, to) = (place.index(characters.len()), other.index(characters.len()));
            match kind {
                0 => drop(characters.remove(at)),
                1 => characters.swap(at, to),
                2 => characters.insert(at, ['(', '{', '"', '`', 'é', '.'][to % 6]),
                3 => characters.truncate(at),
                4 => drop(characters.drain(at.min(to)..at.max(to))),
                _ => characters.extend_from_within(at..(at + 50).min(characters.len())),
            }
            source.text = characters.into_iter().collect();
        }
        let _ = check(&scripts, &definitions(), Some(&tables()));
    }

    #[test]
    fn any_text_is_a_script_or_a_problem(text in "\\PC{0,200}", path in "(lib/|traits/|components/|)[a-z]{1,6}(\\.luau|)") {
        let _ = check(&[Source { path, text }], &definitions(), None);
    }
}
