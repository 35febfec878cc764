//! The scripts of a game, with its data tables: what a release consists of.
//!
//! `TYPE.luau`, `traits/NAME.luau` and `components/NAME.luau` give methods; `lib/**/NAME.luau` are modules that others
//! require. All are compiled and checked against the definitions, all problems at once.

mod bytes;
mod check;
mod files;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use kuafu_def::{Definitions, Problem};
use kuafu_tables::DataSet;

use crate::vm;

/// What a script file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScriptKind {
    /// The logic of an entity type.
    Type,
    /// Methods that types take in.
    Trait,
    /// Methods of a component.
    Component,
    /// A module for other scripts.
    Library,
}

/// One compiled script.
#[derive(Clone, Debug)]
pub struct Script {
    /// The name by which it is required: the file below the folder of scripts, without `.luau`.
    pub module: String,
    /// What it is for.
    pub kind: ScriptKind,
    source: Arc<str>,
    pub(crate) bytecode: Arc<[u8]>,
}

impl Script {
    /// The file's name below the folder of scripts, for messages.
    #[must_use]
    pub fn file(&self) -> String {
        format!("{}.luau", self.module)
    }
}

/// All scripts of a game, compiled, and its data tables; shared by the hosts of all threads.
#[derive(Clone, Debug, Default)]
pub struct ScriptSet {
    /// In the order of the modules' names.
    pub scripts: Vec<Script>,
    /// The data tables, which scripts read.
    pub data: DataSet,
}

impl ScriptSet {
    /// Reads and compiles every `*.luau` in `dir` and in its folders `traits`, `components` and `lib`. Types without a
    /// script are allowed. A folder that is not there holds no scripts.
    ///
    /// # Errors
    /// Every problem of every file: what cannot be read or compiled, what fails when it is loaded, scripts of unknown
    /// types, declared methods that are missing, names that hide something.
    pub fn load(dir: &Path, definitions: &Definitions) -> Result<Self, Vec<Problem>> {
        Self::load_with(dir, definitions, DataSet::default())
    }

    /// The same with data tables, which scripts may read when they are loaded.
    ///
    /// # Errors
    /// As [`ScriptSet::load`].
    pub fn load_with(dir: &Path, definitions: &Definitions, data: DataSet) -> Result<Self, Vec<Problem>> {
        let files = files::list(dir).map_err(|problem| vec![problem])?;
        let sources = files.into_iter().map(|file| {
            let text = files::read(&dir.join(&file));
            (file, text)
        });
        Self::compile(sources.collect(), definitions, data)
    }

    /// The same from texts, by file name.
    ///
    /// # Errors
    /// As [`ScriptSet::load`].
    pub fn from_texts<'a>(
        texts: impl IntoIterator<Item = (&'a str, &'a str)>,
        definitions: &Definitions,
    ) -> Result<Self, Vec<Problem>> {
        Self::from_texts_with(texts, definitions, DataSet::default())
    }

    /// The same with data tables.
    ///
    /// # Errors
    /// As [`ScriptSet::load`].
    pub fn from_texts_with<'a>(
        texts: impl IntoIterator<Item = (&'a str, &'a str)>,
        definitions: &Definitions,
        data: DataSet,
    ) -> Result<Self, Vec<Problem>> {
        let sources = texts.into_iter().map(|(file, text)| (file.to_owned(), Ok(text.to_owned())));
        Self::compile(sources.collect(), definitions, data)
    }

    fn compile(
        sources: Vec<(String, Result<String, String>)>,
        definitions: &Definitions,
        data: DataSet,
    ) -> Result<Self, Vec<Problem>> {
        let (mut scripts, mut problems) = (Vec::new(), Vec::new());
        for (file, text) in sources {
            match text.map_err(|why| problem(&file, 1, "script-file", why, "a script is a text file in UTF-8")) {
                Ok(text) => match compile(&file, text, definitions) {
                    Ok(script) => scripts.push(script),
                    Err(problem) => problems.push(problem),
                },
                Err(problem) => problems.push(problem),
            }
        }
        scripts.sort_by(|a, b| a.module.cmp(&b.module));
        let set = Self { scripts, data };
        if problems.is_empty() {
            problems = check::check(&set, definitions);
        } else {
            problems.sort();
        }
        if problems.is_empty() { Ok(set) } else { Err(problems) }
    }

    /// The script of a module.
    pub(crate) fn script(&self, module: &str) -> Option<&Script> {
        self.scripts.binary_search_by(|script| script.module.as_str().cmp(module)).ok().map(|at| &self.scripts[at])
    }
}

fn problem(file: &str, line: usize, code: &'static str, message: String, help: &str) -> Problem {
    Problem { file: PathBuf::from(file), line, column: 1, code, message, help: help.to_owned() }
}

fn kind_of(module: &str) -> ScriptKind {
    match module.split_once('/') {
        Some(("traits", _)) => ScriptKind::Trait,
        Some(("components", _)) => ScriptKind::Component,
        Some(_) => ScriptKind::Library,
        None => ScriptKind::Type,
    }
}

/// Compiles a file: its syntax is checked, and that its name says what it is for.
fn compile(file: &str, text: String, definitions: &Definitions) -> Result<Script, Problem> {
    let module = file.strip_suffix(".luau").unwrap_or(file).to_owned();
    let kind = kind_of(&module);
    if kind == ScriptKind::Type && definitions.by_name_or_abstract(&module).is_none() {
        let names: Vec<&str> = definitions.types.values().map(|ty| ty.name.as_str()).collect();
        let message = format!("there is no entity type `{module}`");
        let help = format!("a script is named after its type: {}; modules are in lib/", names.join(", "));
        return Err(problem(file, 1, "script-type", message, &help));
    }
    if let Some(at) = text.find('\0') {
        let line = text[..at].matches('\n').count() + 1;
        let message = "there is a NUL here, and Luau reads no further".to_owned();
        return Err(problem(file, line, "script-syntax", message, "take it out, or write \"\\0\" within a text"));
    }
    let bytecode = vm::compiler().compile(&text).map_err(|error| {
        let (_, line, message) = place(&error.to_string());
        problem(file, line, "script-syntax", message, "correct the line; see https://luau.org/syntax")
    })?;
    Ok(Script { module, kind, source: text.into(), bytecode: bytecode.into() })
}

/// The file and the line in a message of the compiler or of a running script, and the message without them.
pub(crate) fn place(message: &str) -> (Option<String>, usize, String) {
    let first = message.lines().next().unwrap_or_default();
    let mut parts = first.splitn(3, ':');
    let (file, line, rest) = (parts.next(), parts.next(), parts.next());
    match (line.and_then(|line| line.trim().parse().ok()), rest) {
        (Some(line), Some(rest)) => {
            (file.filter(|file| file.ends_with(".luau")).map(str::to_owned), line, rest.trim().to_owned())
        }
        _ => (None, 1, first.trim().to_owned()),
    }
}
