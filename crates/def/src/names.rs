//! Names: which words may name a thing, and which known name a misspelt one was meant to be.

use crate::model::NAME_LENGTH_MAX;

/// Whether `name` is a letter followed by letters, digits or `_`, and no longer than [`NAME_LENGTH_MAX`].
pub(crate) fn is_identifier(name: &str) -> bool {
    name.len() <= NAME_LENGTH_MAX
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// Whether `name` is an identifier without capital letters.
pub(crate) fn is_snake_case(name: &str) -> bool {
    is_identifier(name) && !name.bytes().any(|b| b.is_ascii_uppercase())
}

/// Words of Luau, which no script could use as the name of a property, field or method.
const RESERVED: [&str; 21] = [
    "and", "break", "do", "else", "elseif", "end", "false", "for", "function", "if", "in", "local", "nil", "not", "or",
    "repeat", "return", "then", "true", "until", "while",
];

/// Whether `name` can name a property, method, argument or field: an identifier that is no word of Luau.
pub fn is_member(name: &str) -> bool {
    is_identifier(name) && !RESERVED.contains(&name)
}

/// Whether `name` is that of a property or method: a member's, or `slot.member` in a component.
pub(crate) fn is_full_member(name: &str) -> bool {
    name.split_once('.').map_or_else(|| is_member(name), |(slot, member)| is_member(slot) && is_member(member))
}

/// The known name that `word` was probably meant to be. Of several at the same distance, one with the same first letter:
/// people seldom miss that.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.len() > NAME_LENGTH_MAX {
        return None;
    }
    let tolerated = (word.chars().count() / 3).max(1);
    let lower = word.to_ascii_lowercase();
    known
        .into_iter()
        .filter(|name| name.len() <= NAME_LENGTH_MAX)
        .map(|name| {
            let other = name.to_ascii_lowercase();
            (distance(&lower, &other), lower.chars().next() != other.chars().next(), name)
        })
        .filter(|(distance, ..)| *distance <= tolerated)
        .min()
        .map(|(.., name)| name)
}

/// The beginning of a help text: a question with the nearest name, or nothing.
pub(crate) fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest(word, known).map(|name| format!("did you mean `{name}`? ")).unwrap_or_default()
}

/// How many characters must be added, taken out, replaced or swapped with their neighbour to make `a` into `b`.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before = vec![0; b.len() + 1];
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut next = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let replaced = row[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            next[j] = replaced.min(row[j] + 1).min(next[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                next[j] = next[j].min(before[j - 2] + 1);
            }
        }
        before = std::mem::replace(&mut row, next);
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_word_finds_the_name_it_was_meant_to_be() {
        let known = ["persistent", "visible", "type", "min"];
        assert_eq!(nearest("persistant", known), Some("persistent"));
        assert_eq!(nearest("tpye", known), Some("type"));
        assert_eq!(nearest("Visible", known), Some("visible"));
        assert_eq!(nearest("lid", ["id", "lit"]), Some("lit"));
        assert_eq!(nearest("colour", known), None);
        assert_eq!(nearest(&"x".repeat(100_000), known), None);
    }
}
