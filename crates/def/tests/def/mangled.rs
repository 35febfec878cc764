//! Whatever the files hold, loading ends in definitions or in problems, each at a place that is there.

use crate::support::{GAME, load};
use proptest::prelude::*;

fn check(files: &[(&str, Vec<u8>)]) -> Result<(), TestCaseError> {
    let Err(problems) = load(files) else { return Ok(()) };
    prop_assert!(!problems.is_empty());
    for problem in problems {
        let Some((_, bytes)) = files.iter().find(|(name, _)| problem.file.to_str() == Some(name)) else { continue };
        let lines = String::from_utf8_lossy(bytes).split('\n').map(|line| line.chars().count()).collect::<Vec<_>>();
        prop_assert!(problem.line >= 1 && problem.line <= lines.len(), "{problem}");
        prop_assert!(problem.column >= 1 && problem.column <= lines[problem.line - 1] + 2, "{problem}");
        prop_assert!(!problem.message.is_empty() && !problem.help.is_empty());
    }
    Ok(())
}

/// The files of the game and its lock file, to be mangled.
fn game() -> Vec<(&'static str, Vec<u8>)> {
    let lock = load(GAME).expect("a good game").ids_changed.expect("a new lock file");
    let mut files: Vec<_> = GAME.iter().map(|(name, text)| (*name, text.as_bytes().to_vec())).collect();
    files.push(("ids.lock", lock.into_bytes()));
    files
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), file in 0..5_usize) {
        let name = ["types.toml", "a.toml", "traits/a.toml", "ids.lock", "b.toml"][file];
        check(&[(name, bytes)])?;
    }

    #[test]
    fn a_mutated_file_never_panics(
        file in 0..6_usize,
        edits in proptest::collection::vec((any::<prop::sample::Index>(), 0..12_usize, prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..4),
            "[a-z\\[\\]{}<>=\".,0-9 \n-]{0,6}".prop_map(String::into_bytes),
        ]), 1..4),
    ) {
        let mut files = game();
        for (at, length, new) in edits {
            let bytes = &mut files[file].1;
            let start = at.index(bytes.len() + 1);
            let end = (start + length).min(bytes.len());
            bytes.splice(start..end, new);
        }
        check(&files)?;
    }

    #[test]
    fn swapped_words_never_panic(file in 0..6_usize, a in any::<prop::sample::Index>(), b in any::<prop::sample::Index>()) {
        let mut files = game();
        let text = String::from_utf8(files[file].1.clone()).expect("text");
        let mut words: Vec<&str> = text.split_inclusive([' ', '\n', '"']).collect();
        let (a, b) = (a.index(words.len()), b.index(words.len()));
        words.swap(a, b);
        files[file].1 = words.concat().into_bytes();
        check(&files)?;
    }
}

#[test]
fn deep_nesting_and_long_chains_end_in_problems() {
    let deep_list = format!(
        "[entity]\nparts = [\"base\"]\n[properties.a]\ntype = \"{}bool{}\"\n",
        "list<".repeat(9000),
        ">".repeat(9000)
    );
    assert!(load(&[("a.toml", deep_list)]).is_err());
    let deep_toml = format!("a = {}{}", "[".repeat(50_000), "]".repeat(50_000));
    assert!(load(&[("a.toml", deep_toml)]).is_err());
    let chain: String = (0..5000)
        .map(|n| format!("T{n:04} = {{ fields = [{{ name = \"x\", type = \"T{:04}\" }}] }}\n", n + 1))
        .collect();
    assert!(load(&[("types.toml", format!("[structs]\n{chain}"))]).is_err());
    let wide: String = (0..12)
        .map(|n| {
            let fields: String =
                (0..10).map(|f| format!("{{ name = \"f{f}\", type = \"list<T{:02}>\" }},", n + 1)).collect();
            format!("T{n:02} = {{ fields = [{fields}] }}\n")
        })
        .collect();
    assert!(load(&[("types.toml", format!("[structs]\n{wide}T12 = {{ fields = [] }}\n"))]).is_err());
    let traits: Vec<(String, String)> =
        (0..1000).map(|n| (format!("traits/t{n:04}.toml"), format!("[trait]\nuses = \"t{:04}\"\n", n + 1))).collect();
    let files: Vec<(&str, &str)> = traits.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    assert!(load(&files).is_err());
}
