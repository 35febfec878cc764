//! Scripts as bytes and as texts: a release from another process, and the checks of what a developer has just saved.

use std::sync::LazyLock;

use kuafu_def::Definitions;
use kuafu_lint::{Source, TableNames};
use kuafu_script::ScriptSet;

use crate::split_files;

/// A small game with something of every kind: a parent, a trait, a component, a struct, an enum.
static GAME: LazyLock<Definitions> = LazyLock::new(|| {
    let files = split_files(include_str!("game.txt"), "").into_iter().skip(1);
    Definitions::load_from(files).expect("the fuzzer's own game is sound").definitions
});

static TABLES: LazyLock<TableNames> =
    LazyLock::new(|| TableNames::from([("pets".to_owned(), vec!["id".to_owned(), "name".to_owned()])]));

/// The form of a release that this server reads.
const RELEASE_VERSION: u8 = 1;

/// A release; also with a sound head, which no chance would hit, before it. What is read comes back from its own bytes.
pub(crate) fn script_set(data: &[u8]) {
    let _ = ScriptSet::from_bytes(data, &GAME);
    let headed = [&[RELEASE_VERSION], &GAME.digest_full.0[..], data].concat();
    let Ok(set) = ScriptSet::from_bytes(&headed, &GAME) else { return };
    let bytes = set.to_bytes(&GAME);
    let again = ScriptSet::from_bytes(&bytes, &GAME).expect("its own bytes are read");
    assert_eq!(again.to_bytes(&GAME), bytes);
}

/// Scripts in several files, as [`split_files`] has them. A problem is at a place that is there, says what to do, and
/// what Luau can compile has no mistake in its grammar. (A NUL is one here: Luau silently reads no further.)
pub(crate) fn lint(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let files = split_files(text, "wolf.luau");
    let sources: Vec<Source> = files.into_iter().map(|(path, text)| Source { path, text }).collect();
    let problems = kuafu_lint::check(&sources, &GAME, Some(&TABLES));
    for problem in &problems {
        let of = sources.iter().filter(|source| problem.file.as_os_str() == source.path.as_str());
        // A script that is missing has one line.
        let lines = of.map(|source| source.text.split('\n').count()).max().unwrap_or(1);
        assert!((1..=lines).contains(&problem.line), "{problem}");
        assert!(problem.column >= 1 && !problem.message.is_empty() && !problem.help.is_empty(), "{problem}");
    }
    for problem in problems.iter().filter(|problem| problem.code == "script-syntax") {
        let mut of = sources.iter().filter(|source| problem.file.as_os_str() == source.path.as_str());
        let takes = |text: &str| !text.contains('\0') && mlua::chunk::Compiler::new().compile(text).is_ok();
        assert!(!of.all(|source| takes(&source.text)), "Luau takes it: {problem}");
    }
}
