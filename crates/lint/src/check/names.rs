//! Help texts about names: what one was meant to be, and which there are.

use kuafu_def::nearest_name;

/// Names that a help text lists at most.
const LISTED_MAX: usize = 12;

/// `did you mean …?`, or the names that there are, sorted.
pub(super) fn help<'a>(word: &str, known: impl Iterator<Item = &'a str>, lead: &str) -> String {
    let mut known: Vec<&str> = known.collect();
    known.sort_unstable();
    known.dedup();
    if let Some(name) = nearest_name(word, known.iter().copied()) {
        return format!("did you mean `{name}`?");
    }
    if known.is_empty() {
        return format!("{lead} none");
    }
    let rest = known.len().saturating_sub(LISTED_MAX);
    known.truncate(LISTED_MAX);
    let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
    format!("{lead} {}{more}", known.join(", "))
}

/// `1 argument`, `2 arguments`.
pub(super) fn counted(count: usize, word: &str) -> String {
    if count == 1 { format!("1 {word}") } else { format!("{count} {word}s") }
}
