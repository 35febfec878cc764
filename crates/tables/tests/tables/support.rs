//! Definitions to load tables with, and problems as text.

use std::fs;
use std::sync::LazyLock;

use kuafu_core::Limits;
use kuafu_def::Definitions;
use kuafu_tables::{DataSet, Files, Problem};

/// An enum, two structs and two entity types.
pub(crate) static DEFINITIONS: LazyLock<Definitions> = LazyLock::new(|| {
    definitions(
        "[enums.Kind]\nvariants = [\"flower\", \"gem\", \"hat\"]\n\
         [structs.Item]\nfields = [{ name = \"kind\", type = \"Kind\" }, { name = \"count\", type = \"uint8\", default = 1 }]\n",
    )
});

/// Definitions with these declared types.
pub(crate) fn definitions(types: &str) -> Definitions {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let entity = "[entity]\nparts = [\"base\"]\n";
    for (name, text) in [("types.toml", types), ("avatar.toml", entity), ("wisp.toml", entity)] {
        fs::write(dir.path().join(name), text).expect("a file in a temporary folder");
    }
    Definitions::load(dir.path()).expect("definitions without problems").definitions
}

/// A set of files in memory.
pub(crate) fn load(files: &[(&str, &str)]) -> Result<DataSet, Vec<Problem>> {
    load_within(files, &Limits::default())
}

/// A set of files in memory, within limits.
pub(crate) fn load_within(files: &[(&str, &str)], limits: &Limits) -> Result<DataSet, Vec<Problem>> {
    DataSet::from_files(Files::in_memory("data", files.iter().copied()), &DEFINITIONS, limits)
}

/// The set of files that have no problems.
pub(crate) fn loaded(files: &[(&str, &str)]) -> DataSet {
    load(files).unwrap_or_else(|problems| panic!("problems:\n{}", text_of(&problems)))
}

/// The problems of files, each with its help.
pub(crate) fn problems(files: &[(&str, &str)]) -> String {
    text_of(&load(files).expect_err("a set with problems"))
}

/// The problems of files, a line each, without help.
pub(crate) fn told(files: &[(&str, &str)]) -> Vec<String> {
    lines_of(&load(files).expect_err("a set with problems"))
}

pub(crate) fn lines_of(problems: &[Problem]) -> Vec<String> {
    let line = |p: &Problem| format!("{}:{}:{}: {}", p.file.display(), p.line, p.column, p.message);
    problems.iter().map(line).collect()
}

pub(crate) fn text_of(problems: &[Problem]) -> String {
    problems.iter().map(|problem| format!("[{}] {problem}\n", problem.code)).collect()
}
