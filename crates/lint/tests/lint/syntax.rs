//! The grammar, held against Luau's own compiler: what it takes is taken here, and what it refuses is refused.

use kuafu_def::Definitions;
use kuafu_lint::{Source, check};
use mlua::chunk::Compiler;

use crate::projects::{corpus, scripts};

/// The problem of syntax that is found, and Luau's.
fn both(text: &str) -> (Option<String>, Option<String>) {
    let source = Source { path: "lib/x.luau".to_owned(), text: text.to_owned() };
    let problems = check(&[source], &Definitions::default(), None);
    let ours = problems.into_iter().find(|problem| problem.code == "script-syntax").map(|problem| problem.to_string());
    (ours, Compiler::new().compile(text).err().map(|error| error.to_string()))
}

#[track_caller]
fn agree(text: &str) {
    let (ours, luau) = both(text);
    assert_eq!(ours.is_some(), luau.is_some(), "{text}\nours: {ours:?}\nLuau: {luau:?}");
}

#[test]
fn single_lines_are_taken_as_luau_takes_them() {
    for line in include_str!("lines.txt").lines() {
        agree(&line.replace("\\n", "\n"));
    }
}

/// A little chance, the same each time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % end
    }
}

const WORDS: [&str; 24] = [
    "end", "(", ")", "`", "{", "}", "::", "local", "function", "type", "nil", "...", ".", "<", ">", "?", "|", "=",
    "if", "then", "else", "--[[", "const", "@native",
];

/// Words and signs, each one piece.
fn pieces(text: &str) -> Vec<String> {
    let mut pieces: Vec<String> = vec![String::new()];
    for letter in text.chars() {
        let is_word = letter.is_alphanumeric() || letter == '_';
        let last = pieces.last_mut().expect("there is one from the start");
        if is_word && last.chars().all(|c| c.is_alphanumeric() || c == '_') {
            last.push(letter);
        } else {
            pieces.push(letter.to_string());
        }
    }
    pieces
}

fn mangled(text: &str, chance: &mut Chance) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let from = chance.below(lines.len());
    let to = (from + 1 + chance.below(12)).min(lines.len());
    let mut pieces = pieces(&lines[from..to].join("\n"));
    for _ in 0..chance.below(4) {
        let (a, b) = (chance.below(pieces.len()), chance.below(pieces.len()));
        match chance.below(4) {
            0 if pieces.len() > 1 => drop(pieces.remove(a)),
            1 => pieces.insert(b, pieces[a].clone()),
            2 => pieces.swap(a, b),
            _ => pieces.insert(a, format!(" {} ", WORDS[chance.below(WORDS.len())])),
        }
    }
    pieces.concat()
}

#[test]
fn pieces_of_scripts_with_words_exchanged_are_taken_as_luau_takes_them() {
    let prelude = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../script/src/prelude");
    let mut texts: Vec<Source> = corpus("valid");
    texts.extend(scripts(&prelude));
    let mut chance = Chance(0x9e37_79b9_7f4a_7c15);
    for _ in 0..6_000 {
        let source = &texts[chance.below(texts.len())];
        agree(&mangled(&source.text, &mut chance));
    }
}

#[test]
fn all_errors_of_a_file_are_told_that_stand_in_different_functions() {
    let text = "local function a()\n  x = = 1\nend\n\nlocal function b()\n  return 1\nend\n\nfunction c(\nend\n\nlocal d = 5 5\n";
    let source = Source { path: "lib/x.luau".to_owned(), text: text.to_owned() };
    let lines: Vec<usize> =
        check(&[source], &Definitions::default(), None).iter().map(|problem| problem.line).collect();
    assert_eq!(lines, [2, 10, 12]);
}
