//! The files of a data folder, as bytes in memory: read from disk, or made by tests and fuzzers.
//!
//! Only `*.toml`, `*.csv` and `*.json` directly in the folder count; a spreadsheet or a note beside them is nobody's
//! business here. What cannot be read is a problem at its file, never an error that hides the others.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use kuafu_core::Limits;

use crate::report::{Place, Report};

/// Tables of one project. More are a problem.
pub const TABLES_MAX: usize = 1_000;

/// How many times the bytes of a release all files together may have: text is longer than what is sent of it.
const BYTES_PER_RELEASE_BYTE_MAX: u64 = 4;

/// The files of a data folder by name.
#[derive(Clone, Debug, Default)]
pub struct Files {
    pub(crate) dir: PathBuf,
    pub(crate) entries: BTreeMap<String, Vec<u8>>,
    pub(crate) reports: Vec<Report>,
}

impl Files {
    /// Files in memory, named as if they lay in `dir`.
    pub fn in_memory<N: Into<String>, B: Into<Vec<u8>>>(
        dir: impl Into<PathBuf>,
        files: impl IntoIterator<Item = (N, B)>,
    ) -> Self {
        let entries = files.into_iter().map(|(name, bytes)| (name.into(), bytes.into())).collect();
        Self { dir: dir.into(), entries, reports: Vec::new() }
    }

    /// The files of a folder, none when there is no such folder: a project needs no data. What could not be read is
    /// told by [`crate::Draft::finish`].
    #[must_use]
    pub fn read(dir: &Path, limits: &Limits) -> Self {
        let mut files = Self { dir: dir.to_owned(), ..Self::default() };
        match list(dir) {
            Ok(names) => files.read_all(names, limits),
            Err(what) => files.report(String::new(), "io", &what, "a project keeps its data tables in data/"),
        }
        files
    }

    fn read_all(&mut self, names: Vec<String>, limits: &Limits) {
        let mut left = u64::from(limits.release_bytes_max) * BYTES_PER_RELEASE_BYTE_MAX;
        for name in names {
            if self.entries.len() >= TABLES_MAX * 2 {
                let help = format!("a project has at most {TABLES_MAX} tables");
                return self.report(name, "too-large", "there are too many files in this folder", &help);
            }
            match read_bytes(&self.dir.join(&name), limits.data_bytes_max.min(left)) {
                Ok(bytes) => {
                    left = left.saturating_sub(bytes.len() as u64);
                    self.entries.insert(name, bytes);
                }
                Err(Unread::Io(what)) => {
                    self.report(name, "io", &what, "make it a file that can be read");
                }
                Err(Unread::TooLarge) => {
                    let help = format!(
                        "a data file has at most {} bytes (limits.data_bytes_max); split the table",
                        limits.data_bytes_max
                    );
                    self.report(name, "too-large", "the file is too large", &help);
                }
            }
        }
    }

    fn report(&mut self, name: String, code: &'static str, message: &str, help: &str) {
        let mut report = Report::new(self.dir.join(name));
        report.add(Place::START, code, message, help);
        self.reports.push(report);
    }
}

/// The stem and the extension, in small letters, of a name that could be a data file's.
pub(crate) fn parts(name: &str) -> Option<(&str, String)> {
    let (stem, extension) = name.rsplit_once('.')?;
    let extension = extension.to_ascii_lowercase();
    let known = ["toml", "csv", "json"].contains(&extension.as_str());
    // Spreadsheets keep locks and backups as hidden files beside the open one.
    (known && !stem.is_empty() && !name.starts_with('.')).then_some((stem, extension))
}

fn list(dir: &Path) -> Result<Vec<String>, String> {
    let told = |error: std::io::Error| format!("the folder cannot be read: {error}");
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(told)?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let name = entry.map_err(told)?.file_name().to_string_lossy().into_owned();
        if parts(&name).is_some() {
            names.push(name);
        }
        if names.len() > TABLES_MAX * 2 {
            break;
        }
    }
    names.sort();
    Ok(names)
}

enum Unread {
    Io(String),
    TooLarge,
}

fn read_bytes(file: &Path, bytes_max: u64) -> Result<Vec<u8>, Unread> {
    let told = |error: std::io::Error| Unread::Io(format!("the file cannot be read: {error}"));
    if !fs::metadata(file).map_err(told)?.is_file() {
        return Err(Unread::Io("this is not a file".to_owned()));
    }
    let mut bytes = Vec::new();
    File::open(file).and_then(|open| open.take(bytes_max + 1).read_to_end(&mut bytes)).map_err(told)?;
    if bytes.len() as u64 > bytes_max { Err(Unread::TooLarge) } else { Ok(bytes) }
}
