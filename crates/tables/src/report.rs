//! Problems of one file: where they are, no more than people read, and how places are told.
//!
//! A reader goes on after a problem, so that a designer sees all of them at once. What is beyond the bound is counted
//! and told as a number. Nothing here knows of schemas or rows.

use std::path::{Path, PathBuf};

use kuafu_def::Problem;

/// Problems that are told of one file; further ones are only counted.
const PROBLEMS_PER_FILE_MAX: usize = 200;

/// A line and a column in characters, both from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

impl Place {
    /// The beginning of a file.
    pub(crate) const START: Self = Self { line: 1, column: 1 };

    /// The place of a byte.
    pub(crate) fn of(text: &str, offset: usize) -> Self {
        Self::after(text, 0, 1, offset)
    }

    /// The place of a byte at or behind another byte whose line is known.
    pub(crate) fn after(text: &str, known: usize, line: usize, offset: usize) -> Self {
        let bytes = text.as_bytes();
        let offset = offset.min(bytes.len());
        let newlines = bytes[known.min(offset)..offset].iter().filter(|byte| **byte == b'\n').count();
        let line_start = bytes[..offset].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        // Of a UTF-8 character every byte but the first is a continuation.
        let column = bytes[line_start..offset].iter().filter(|byte| (**byte).cast_signed() >= -64).count() + 1;
        Self { line: line + newlines, column }
    }
}

/// The problems of one file.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    file: PathBuf,
    problems: Vec<Problem>,
    left_out: usize,
}

impl Report {
    pub(crate) fn new(file: impl Into<PathBuf>) -> Self {
        Self { file: file.into(), problems: Vec::new(), left_out: 0 }
    }

    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    /// Notes a problem.
    pub(crate) fn add(
        &mut self,
        place: Place,
        code: &'static str,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        if self.is_full() {
            self.left_out += 1;
            return;
        }
        let Place { line, column } = place;
        let file = self.file.clone();
        self.problems.push(Problem { file, line, column, code, message: message.into(), help: help.into() });
    }

    /// Counts a problem that a full report does not list.
    pub(crate) fn leave_out(&mut self) {
        self.left_out += 1;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.problems.is_empty()
    }

    /// Whether a further problem would only be counted, so that its place need not be looked for.
    pub(crate) fn is_full(&self) -> bool {
        self.problems.len() >= PROBLEMS_PER_FILE_MAX
    }

    /// The problems sorted by place; the last one tells how many were left out.
    pub(crate) fn into_problems(self) -> Vec<Problem> {
        let mut problems = self.problems;
        problems.sort();
        if let (1.., Some(last)) = (self.left_out, problems.last()) {
            problems.push(Problem {
                code: "more",
                message: format!("and {} more problems in this file", self.left_out),
                help: "correct the first ones and look again".to_owned(),
                ..last.clone()
            });
        }
        problems
    }
}

/// The beginning of a text, short enough for a message.
pub(crate) fn shown(text: &str) -> String {
    const SHOWN_LENGTH_MAX: usize = 40;
    let mut chars = text.chars();
    let head: String = chars.by_ref().take(SHOWN_LENGTH_MAX).collect();
    if chars.next().is_some() { head + "…" } else { head }
}

/// The beginning of a help text: a question with the nearest name, or nothing.
pub(crate) fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    kuafu_def::nearest_name(word, known).map(|name| format!("did you mean `{name}`? ")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_counts_characters_and_lines() {
        assert_eq!(Place::of("ä,b\nçd", 3), Place { line: 1, column: 3 });
        assert_eq!(Place::of("ä,b\nçd", 7), Place { line: 2, column: 2 });
        assert_eq!(Place::after("a\nb\nc\nd", 2, 2, 6), Place { line: 4, column: 1 });
        assert_eq!(Place::of("a", 99), Place { line: 1, column: 2 });
    }

    #[test]
    fn problems_beyond_the_bound_are_counted() {
        let mut report = Report::new("x.csv");
        for line in 0..PROBLEMS_PER_FILE_MAX + 7 {
            report.add(Place { line: line + 1, column: 1 }, "cell", "wrong", "right");
        }
        let problems = report.into_problems();
        assert_eq!(problems.len(), PROBLEMS_PER_FILE_MAX + 1);
        assert_eq!(problems[PROBLEMS_PER_FILE_MAX].message, "and 7 more problems in this file");
    }
}
