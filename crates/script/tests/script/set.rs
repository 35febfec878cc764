//! Loading scripts: every problem at once, each with its file and line.

use kuafu_script::ScriptSet;

const GOOD: &str =
    "return { base = { run = function() end, give = function() end }, cell = { step = function() end } }";

fn problems(files: &[(&str, &str)]) -> Vec<String> {
    let loaded = ScriptSet::from_texts(files.iter().copied(), &crate::support::doll());
    let problems = loaded.expect_err("there are problems");
    problems.iter().map(|p| format!("{}:{}: {} {}", p.file.display(), p.line, p.code, p.message)).collect()
}

#[test]
fn every_problem_is_told_with_its_place() {
    let found = problems(&[("doll.luau", "local x = 1\nlocal y = = 2"), ("dog.luau", "return {}")]);
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(found[0].starts_with("dog.luau:1: script-type there is no entity type `dog`"), "{found:#?}");
    assert!(found[1].starts_with("doll.luau:2: script-syntax Expected"), "{found:#?}");
}

#[test]
fn a_nul_behind_which_luau_would_read_nothing_is_a_problem_at_its_line() {
    let hidden = GOOD.replace("return {", "return {}\n\0{");
    let found = problems(&[("doll.luau", &hidden)]);
    assert_eq!(found, ["doll.luau:2: script-syntax there is a NUL here, and Luau reads no further"]);
}

#[test]
fn missing_and_misplaced_methods_are_problems() {
    let found = problems(&[("doll.luau", "return { base = { save = print, gold = print, x = 3 }, client = {} }")]);
    let expected = [
        "`base.x` is a number; a part holds only methods",
        "`client` is no part",
        "the method `cell.step` is declared and missing",
    ];
    for expected in expected {
        assert!(found.iter().any(|problem| problem.contains(expected)), "{expected}: {found:#?}");
    }
    let found = problems(&[("doll.luau", "return { base = { save = print, gold = print } }")]);
    let expected = [
        "`base.save` hides the engine's `self.save`",
        "`base.gold` is a property of the same part",
        "the method `base.run` is declared and missing",
        "the method `base.give` is declared and missing",
        "the method `cell.step` is declared and missing",
    ];
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for expected in expected {
        assert!(found.iter().any(|problem| problem.contains(expected)), "{expected}: {found:#?}");
    }
}

#[test]
fn what_fails_when_it_is_loaded_is_a_problem_at_its_line() {
    assert!(problems(&[("doll.luau", "\n\nerror('no')")])[0].starts_with("doll.luau:3: script-load no"));
    assert!(problems(&[("doll.luau", "return 3")])[0].contains("not a table"));
    let found = problems(&[("doll.luau", "kuafu.create('doll')")]);
    assert!(found[0].contains("while scripts are being loaded"), "{found:?}");
}

#[test]
fn a_folder_is_read_and_one_that_is_not_there_holds_nothing() {
    let dir = tempfile::tempdir().expect("a folder");
    std::fs::write(dir.path().join("doll.luau"), GOOD).expect("a file");
    std::fs::write(dir.path().join("notes.txt"), "not a script").expect("a file");
    let set = ScriptSet::load(dir.path(), &crate::support::doll()).expect("it is good");
    assert_eq!(set.scripts.len(), 1);
    assert_eq!(set.scripts[0].module, "doll");
    let none = ScriptSet::load(&dir.path().join("nowhere"), &crate::support::doll()).expect("nothing is wrong");
    assert!(none.scripts.is_empty());
    std::fs::write(dir.path().join("doll.luau"), [0xff, 0xfe]).expect("a file");
    let problems = ScriptSet::load(dir.path(), &crate::support::doll()).expect_err("it is no text");
    assert_eq!(problems[0].code, "script-file");
}
