//! Script files: what each is for by its path, and where things stand in it.

use std::path::PathBuf;

use kuafu_def::Problem;

use crate::syntax::Span;

/// One script file.
#[derive(Clone, Debug)]
pub struct Source {
    /// Its path below `scripts/`, with `/`: `avatar.luau`, `traits/named.luau`, `components/stats.luau`,
    /// `lib/shop/prices.luau`.
    pub path: String,
    /// What it holds.
    pub text: String,
}

/// What a file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind<'s> {
    /// The logic of an entity type.
    Type(&'s str),
    Trait(&'s str),
    Component(&'s str),
    /// A module; the name is what `require` takes.
    Library(&'s str),
    /// A place where no script belongs.
    Nowhere,
}

impl<'s> Kind<'s> {
    pub(crate) fn of(path: &'s str) -> Self {
        let Some(stem) = path.strip_suffix(".luau") else { return Self::Nowhere };
        match stem.split_once('/') {
            None => Self::Type(stem),
            Some(("traits", name)) if !name.contains('/') => Self::Trait(name),
            Some(("components", name)) if !name.contains('/') => Self::Component(name),
            Some(("lib", _)) => Self::Library(stem),
            _ => Self::Nowhere,
        }
    }
}

/// The places in a text.
#[derive(Debug)]
pub(crate) struct Lines<'s> {
    path: &'s str,
    text: &'s str,
    starts: Vec<usize>,
}

impl<'s> Lines<'s> {
    pub(crate) fn new(source: &'s Source) -> Self {
        let ends = source.text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        Self { path: &source.path, text: &source.text, starts: std::iter::once(0).chain(ends).collect() }
    }

    /// The line from 1, and the column in characters from 1.
    pub(crate) fn place(&self, span: Span) -> (usize, usize) {
        let at = (span.start as usize).min(self.text.len());
        let line = self.starts.partition_point(|start| *start <= at);
        let before = self.text.get(self.starts[line - 1]..at).unwrap_or_default();
        (line, before.chars().count() + 1)
    }

    pub(crate) fn problem(&self, span: Span, code: &'static str, message: String, help: String) -> Problem {
        let (line, column) = self.place(span);
        Problem { file: PathBuf::from(self.path), line, column, code, message, help }
    }
}
