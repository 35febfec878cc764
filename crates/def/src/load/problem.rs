//! Problems and where they are: a file's text, places in it, and what is wrong there.
//!
//! A loader goes on after a problem, so that a developer sees all of them at once. Each source collects its own.

use std::cell::RefCell;
use std::fmt;
use std::ops::Range;
use std::path::PathBuf;

/// Problems that are kept of one file; further ones are not.
const PROBLEMS_PER_FILE_MAX: usize = 200;

/// Something wrong in a definition.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The file, below the folder that was loaded.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// The kind of problem, for programs: `unknown-key`, `type`, `default` …
    pub code: &'static str,
    /// What stands there, and what was expected.
    pub message: String,
    /// What would be right.
    pub help: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, column, message, help, .. } = self;
        write!(f, "{}:{line}:{column}: {message}\n  help: {help}", file.display())
    }
}

impl std::error::Error for Problem {}

/// What a definition file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Types,
    Entity,
    Trait,
    Component,
    /// In a folder that is none of definitions.
    Stray,
    Ids,
}

/// The text of one file, and what was found wrong in it.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) kind: Kind,
    /// The file's stem.
    pub(crate) name: String,
    pub(crate) file: PathBuf,
    /// Empty when the file could not be read.
    pub(crate) text: String,
    problems: RefCell<Vec<Problem>>,
}

impl Source {
    pub(crate) fn new(kind: Kind, name: String, file: PathBuf, text: String) -> Self {
        Self { kind, name, file, text, problems: RefCell::default() }
    }

    pub(crate) fn whole(&self) -> Spot<'_> {
        self.at(0..0)
    }

    pub(crate) fn at(&self, span: Range<usize>) -> Spot<'_> {
        Spot { source: self, offset: span.start }
    }

    pub(crate) fn has_problems(&self) -> bool {
        !self.problems.borrow().is_empty()
    }

    pub(crate) fn into_problems(self) -> Vec<Problem> {
        self.problems.into_inner()
    }
}

/// A place in a source.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spot<'s> {
    pub(crate) source: &'s Source,
    offset: usize,
}

impl Spot<'_> {
    /// Notes a problem at this place; the same one twice is noted once.
    pub(crate) fn report(self, code: &'static str, message: impl Into<String>, help: impl Into<String>) {
        let mut problems = self.source.problems.borrow_mut();
        if problems.len() >= PROBLEMS_PER_FILE_MAX {
            return;
        }
        let (line, column) = place(self.source.text.as_bytes(), self.offset);
        let file = self.source.file.clone();
        let problem = Problem { file, line, column, code, message: message.into(), help: help.into() };
        if !problems.contains(&problem) {
            problems.push(problem);
        }
    }
}

/// The line and the column of a byte, both from 1; the column counts characters.
pub(crate) fn place(text: &[u8], offset: usize) -> (usize, usize) {
    let before = &text[..offset.min(text.len())];
    let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    (line, String::from_utf8_lossy(&before[line_start..]).chars().count() + 1)
}
