//! The files of definitions, from a folder or from memory: which there are, read as text and as TOML.
//!
//! What a file is for its path below `entities/` says. What cannot be read is a problem at its file, never an error that hides the others. Size is bounded, so that a
//! wrong file is told and not swallowed.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::DeTable;

use super::problem::{Kind, Problem, Source, place};
use crate::names;
use crate::type_text::shown;

/// Bytes of a definition file. A larger one is a problem.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Definition files in one folder. More are a problem.
const FILES_MAX: usize = 10_000;

/// The name of the file with the stable numbers.
pub const IDS_FILE: &str = "ids.lock";

/// The folders of definitions below `entities/`, and what the files in them declare.
const FOLDERS: [(&str, Kind); 2] = [("traits", Kind::Trait), ("components", Kind::Component)];

/// A definition file by its path below `entities/`, and its text, if it could be read.
pub(crate) struct Found {
    pub(crate) path: PathBuf,
    pub(crate) text: Result<Vec<u8>, String>,
}

/// Every file of the folder that may be a definition: `*.toml` in it and in the folders directly below, `ids.lock`.
pub(crate) fn find(dir: &Path) -> Result<Vec<Found>, Problem> {
    let mut paths = list(dir)?;
    for entry in fs::read_dir(dir).map_err(|error| unreadable(dir, &error))?.take(FILES_MAX).flatten() {
        let path = entry.path();
        if path.is_dir() && !is_hidden(&path) && !is_definition(&path) {
            paths.extend(list(&path)?);
        }
    }
    let ids = dir.join(IDS_FILE);
    if fs::symlink_metadata(&ids).is_ok() {
        paths.push(ids);
    }
    let found = |path: PathBuf| Found {
        text: read_bytes(&path),
        path: path.strip_prefix(dir).map(Path::to_path_buf).unwrap_or(path),
    };
    Ok(paths.into_iter().map(found).collect())
}

/// The files as sources, sorted by path; `dir` stands before their paths in problems. A file in a folder that is none
/// of definitions is a problem.
pub(crate) fn sources(dir: &Path, files: impl IntoIterator<Item = Found>) -> Vec<Source> {
    // A path that is there twice has its last text.
    let files = files.into_iter().filter(|found| is_definition(&found.path));
    let files: BTreeMap<PathBuf, Found> = files.map(|found| (found.path.clone(), found)).collect();
    files.into_values().take(FILES_MAX).map(|found| source(dir, found)).collect()
}

fn source(dir: &Path, found: Found) -> Source {
    let Found { path, text } = found;
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let (kind, file) = (kind(&path), dir.join(&path));
    let source = match text {
        Ok(bytes) if bytes.len() as u64 > FILE_BYTES_MAX => refused(kind, name, file, "the file is too large"),
        Ok(bytes) => of_bytes(kind, name, file, bytes),
        Err(what) => refused(kind, name, file, &what),
    };
    if kind == Kind::Stray {
        let folder = path.parent().unwrap_or(&path).to_string_lossy().into_owned();
        let guess = names::did_you_mean(&folder, FOLDERS.map(|(name, _)| name));
        let help = format!("{guess}definitions are in entities/, entities/traits/ and entities/components/");
        source.whole().report("folder", format!("`{}` is no folder of definitions", shown(&folder)), help);
    }
    source
}

fn kind(path: &Path) -> Kind {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    match folder {
        None if path.as_os_str() == IDS_FILE => Kind::Ids,
        None if path.file_stem().is_some_and(|stem| stem == "types") => Kind::Types,
        None => Kind::Entity,
        Some(folder) => {
            FOLDERS.into_iter().find(|(name, _)| folder.as_os_str() == *name).map_or(Kind::Stray, |(_, kind)| kind)
        }
    }
}

/// The source as TOML; `None` when it is none, which is then a problem of the source.
pub(crate) fn parse(source: &Source) -> Option<Spanned<DeTable<'_>>> {
    if source.has_problems() {
        return None;
    }
    let (table, errors) = DeTable::parse_recoverable(&source.text);
    for error in &errors {
        let spot = source.at(error.span().unwrap_or(0..0));
        spot.report(
            "syntax",
            format!("this is not TOML: {}", error.message()),
            "correct the line; see https://toml.io",
        );
    }
    errors.is_empty().then_some(table)
}

fn list(dir: &Path) -> Result<Vec<PathBuf>, Problem> {
    let entries = fs::read_dir(dir).map_err(|error| unreadable(dir, &error))?;
    let mut files = Vec::new();
    for entry in entries.take(FILES_MAX) {
        let path = entry.map_err(|error| unreadable(dir, &error))?.path();
        if is_definition(&path) {
            files.push(path);
        }
    }
    Ok(files)
}

fn is_definition(path: &Path) -> bool {
    let is_toml = path.extension().is_some_and(|extension| extension == "toml");
    path.as_os_str() == IDS_FILE || is_toml && !is_hidden(path)
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'))
}

fn unreadable(dir: &Path, error: &std::io::Error) -> Problem {
    let message = match error.kind() {
        ErrorKind::NotFound => "there is no such folder".to_owned(),
        _ => format!("the folder cannot be read: {error}"),
    };
    let help = "a project keeps its definitions in entities/*.toml".to_owned();
    Problem { file: dir.to_owned(), line: 1, column: 1, code: "io", message, help }
}

fn refused(kind: Kind, name: String, file: PathBuf, what: &str) -> Source {
    let source = Source::new(kind, name, file, String::new());
    let help = format!("a definition is a readable file of at most {FILE_BYTES_MAX} bytes");
    source.whole().report("io", what, help);
    source
}

fn of_bytes(kind: Kind, name: String, file: PathBuf, bytes: Vec<u8>) -> Source {
    match String::from_utf8(bytes) {
        Ok(text) => Source::new(kind, name, file, text),
        Err(error) => {
            let (line, column) = place(error.as_bytes(), error.utf8_error().valid_up_to());
            let source = Source::new(kind, name, file, String::from_utf8_lossy(error.as_bytes()).into_owned());
            let text = &source.text;
            let line_start = text.split_inclusive('\n').take(line - 1).map(str::len).sum::<usize>();
            let within = text[line_start..].char_indices().nth(column - 1).map_or(0, |(at, _)| at);
            let spot = source.at(line_start + within..text.len());
            spot.report("not-utf8", "the byte here is not part of any UTF-8 character", "save the file as UTF-8");
            source
        }
    }
}

fn read_bytes(file: &Path) -> Result<Vec<u8>, String> {
    let told = |error: std::io::Error| format!("the file cannot be read: {error}");
    if !fs::metadata(file).map_err(told)?.is_file() {
        return Err("this is not a file".to_owned());
    }
    let mut bytes = Vec::new();
    File::open(file).and_then(|open| open.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)).map_err(told)?;
    Ok(bytes)
}
