//! What a project's entities do, and the tables they look things up in: what a release is made of.
//!
//! The start of a game, `kuafu check` and every reload read it through here, so what passes one passes all.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use kuafu_core::Limits;
use kuafu_def::{Definitions, Problem};
use kuafu_lint::{Source, TableNames};
use kuafu_script::ScriptSet;
use kuafu_tables::{DataSet, Draft, Files, QueryRows, Table};

/// Scripts that are checked; a project with more is refused by the compiler.
const SCRIPTS_MAX: usize = 10_000;

/// Who answers the queries of data tables: gives the rows, or says why there are none. `None` where there is no database:
/// then those tables are empty, and what depends on their rows is not checked.
pub type Ask<'a> = Option<&'a dyn Fn(&str) -> Result<QueryRows, String>>;

/// Scripts and data tables of one state of the files.
#[derive(Clone, Debug, Default)]
pub struct Logic {
    /// The scripts, compiled, with the data tables that they read.
    pub scripts: Arc<ScriptSet>,
    /// The data tables whose queries nobody answered, sorted. With any, this is to be checked, not to be run.
    pub unanswered: Vec<String>,
}

impl Logic {
    /// Reads and checks `scripts/` and `data/` of the project in `folder`; `ask` brings the rows of queries.
    ///
    /// # Errors
    /// Every problem of every file, with paths below `folder`.
    pub fn read(folder: &Path, definitions: &Definitions, limits: &Limits, ask: Ask<'_>) -> Result<Self, Vec<Problem>> {
        let scripts = folder.join("scripts");
        let load = |scripted: &Definitions, data| ScriptSet::load_with(&scripts, scripted, data);
        Self::checked(folder, definitions, limits, ask, &sources(&scripts), load)
    }

    /// The same for the definitions that run, when `on_disk` are others: scripts of types that only those on disk have
    /// wait for the restart, and are left out.
    ///
    /// # Errors
    /// As [`Logic::read`].
    pub fn read_for(
        running: &Definitions,
        on_disk: &Definitions,
        folder: &Path,
        limits: &Limits,
        ask: Ask<'_>,
    ) -> Result<Self, Vec<Problem>> {
        let mut sources = sources(&folder.join("scripts"));
        sources.retain(|source| !waits(&source.path, running, on_disk));
        let load = |scripted: &Definitions, data| {
            let texts = sources.iter().map(|source| (source.path.as_str(), source.text.as_str()));
            ScriptSet::from_texts_with(texts, scripted, data)
        };
        Self::checked(folder, running, limits, ask, &sources, load)
    }

    fn checked(
        folder: &Path,
        definitions: &Definitions,
        limits: &Limits,
        ask: Ask<'_>,
        sources: &[Source],
        load: impl FnOnce(&Definitions, DataSet) -> Result<ScriptSet, Vec<Problem>>,
    ) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        problems.extend(crate::game::native_problems(definitions));
        let scripted = crate::game::left_to_scripts(definitions);
        let (data, unanswered) = tables(folder, definitions, limits, ask);
        let data = data.map_err(|more| problems.extend(below("data", more))).ok();
        let columns = data.as_ref().map(columns);
        let compiled = load(&scripted, data.unwrap_or_default()).unwrap_or_else(|more| {
            // What fails while it is loaded may fail for want of the tables, or of their rows.
            let all_there = columns.is_some() && unanswered.is_empty();
            let certain = |problem: &Problem| all_there || problem.code != "script-load";
            problems.extend(below("scripts", more.into_iter().filter(certain).collect()));
            ScriptSet::default()
        });
        let linted = below("scripts", lint(sources, definitions, &scripted, columns.as_ref()));
        let untold: Vec<Problem> = linted.filter(|problem| !is_told(problem, &problems)).collect();
        problems.extend(untold);
        problems.sort();
        if problems.is_empty() { Ok(Self { scripts: Arc::new(compiled), unanswered }) } else { Err(problems) }
    }

    /// The bytes of a release, for hosts with these definitions. Equal files make equal bytes.
    #[must_use]
    pub fn to_release(&self, definitions: &Definitions) -> Arc<[u8]> {
        self.scripts.to_bytes(definitions).into()
    }
}

/// What the checks say. Scripts may call what Rust has, and need not have it themselves: `scripted` is without that.
fn lint(sources: &[Source], whole: &Definitions, scripted: &Definitions, names: Option<&TableNames>) -> Vec<Problem> {
    const MISSING: &str = "missing-method";
    let mut problems = kuafu_lint::check(sources, whole, names);
    if problems.iter().any(|problem| problem.code == MISSING) {
        problems.retain(|problem| problem.code != MISSING);
        let missing = kuafu_lint::check(sources, scripted, names).into_iter();
        problems.extend(missing.filter(|problem| problem.code == MISSING));
    }
    problems
}

/// Whether a script, by its path below `scripts/`, is that of an entity type which only the definitions on disk have.
pub(crate) fn waits(path: &str, running: &Definitions, on_disk: &Definitions) -> bool {
    let Some(ty) = path.strip_suffix(".luau") else { return false };
    running.by_name_or_abstract(ty).is_none() && on_disk.by_name_or_abstract(ty).is_some()
}

/// Reads the data tables; also the names of those whose rows nobody could be asked for.
fn tables(
    folder: &Path,
    definitions: &Definitions,
    limits: &Limits,
    ask: Ask<'_>,
) -> (Result<DataSet, Vec<Problem>>, Vec<String>) {
    let mut draft = Draft::read(Files::read(&folder.join("data"), limits), definitions, limits);
    let waiting: Vec<_> = draft.queries().map(|query| (query.table.to_owned(), query.text.to_owned())).collect();
    let Some(ask) = ask else {
        return (draft.finish(), waiting.into_iter().map(|(table, _)| table).collect());
    };
    for (table, sql) in waiting {
        let taken = match ask(&sql) {
            Ok(rows) => draft.fill(&table, &rows),
            Err(why) => draft.fail(&table, &why),
        };
        debug_assert!(taken.is_ok(), "the draft has just named the table");
    }
    (draft.finish(), Vec::new())
}

/// The names that scripts may use of the tables.
fn columns(data: &DataSet) -> TableNames {
    let names = |table: &Table| table.columns().iter().map(|column| column.name.clone()).collect();
    data.tables().map(|table| (table.name().to_owned(), names(table))).collect()
}

/// Whether the compiler has told of it already: it stops at the first error of a file, the checks read on.
fn is_told(problem: &Problem, told: &[Problem]) -> bool {
    let same = |other: &Problem| {
        other.line == problem.line || (other.code == "script-syntax" && problem.code == "script-syntax")
    };
    told.iter().any(|other| other.file == problem.file && same(other))
}

/// Every script below a folder, as far as it can be read: who compiles them tells of those that cannot.
fn sources(folder: &Path) -> Vec<Source> {
    let (mut sources, mut folders) = (Vec::new(), vec![String::new()]);
    while let Some(prefix) = folders.pop() {
        for entry in std::fs::read_dir(folder.join(&prefix)).into_iter().flatten().flatten() {
            let Ok(name) = entry.file_name().into_string() else { continue };
            let path = format!("{prefix}{name}");
            if name.starts_with('.') || sources.len() >= SCRIPTS_MAX {
                continue;
            }
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push(format!("{path}/"));
            } else if name.ends_with(".luau")
                && let Ok(text) = std::fs::read_to_string(entry.path())
            {
                sources.push(Source { path, text });
            }
        }
    }
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    sources
}

/// Problems of a folder, told with paths from the project.
pub(super) fn below(folder: &str, problems: Vec<Problem>) -> impl Iterator<Item = Problem> {
    let folder = PathBuf::from(folder);
    problems.into_iter().map(move |mut problem| {
        if problem.file.is_relative() && !problem.file.starts_with(&folder) {
            problem.file = folder.join(&problem.file);
        }
        problem
    })
}
