//! The files of a folder of definitions: which there are, read as text and as TOML.
//!
//! What cannot be read is a problem at its file, never an error that hides the others. Size is bounded, so that a
//! wrong file is told and not swallowed.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::DeTable;

use super::problem::{Kind, Problem, Source, place};

/// Bytes of a definition file. A larger one is a problem.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Definition files in one folder. More are a problem.
const FILES_MAX: usize = 10_000;

/// The name of the file with the stable numbers.
pub const IDS_FILE: &str = "ids.lock";

/// Every definition file of the folder, sorted by kind and name.
pub(crate) fn read(dir: &Path) -> Result<Vec<Source>, Problem> {
    let mut sources: Vec<Source> = list(dir)?.into_iter().map(read_entity_or_types).collect();
    let traits = dir.join("traits");
    if traits.is_dir() {
        sources.extend(list(&traits)?.into_iter().map(|file| read_one(Kind::Trait, file)));
    }
    let ids = dir.join(IDS_FILE);
    if fs::symlink_metadata(&ids).is_ok() {
        sources.push(read_one(Kind::Ids, ids));
    }
    Ok(sources)
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
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if path.extension().is_some_and(|extension| extension == "toml") && !hidden {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn unreadable(dir: &Path, error: &std::io::Error) -> Problem {
    let message = match error.kind() {
        ErrorKind::NotFound => "there is no such folder".to_owned(),
        _ => format!("the folder cannot be read: {error}"),
    };
    let help = "a project keeps its definitions in entities/*.toml".to_owned();
    Problem { file: dir.to_owned(), line: 1, column: 1, code: "io", message, help }
}

fn read_entity_or_types(file: PathBuf) -> Source {
    let kind = if file.file_stem().is_some_and(|stem| stem == "types") { Kind::Types } else { Kind::Entity };
    read_one(kind, file)
}

fn read_one(kind: Kind, file: PathBuf) -> Source {
    let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let bytes = match read_bytes(&file) {
        Ok(bytes) => bytes,
        Err(what) => {
            let source = Source::new(kind, name, file, String::new());
            let help = format!("a definition is a readable file of at most {FILE_BYTES_MAX} bytes");
            source.whole().report("io", what, help);
            return source;
        }
    };
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
    if bytes.len() as u64 > FILE_BYTES_MAX { Err("the file is too large".to_owned()) } else { Ok(bytes) }
}
