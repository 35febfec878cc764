//! `kuafu.toml`: what a project says of itself. Every value has a default.

use std::path::{Path, PathBuf};

use kuafu_core::Limits;
use kuafu_def::Problem;
use kuafu_interfaces::AllowList;
use serde::{Deserialize, Serialize};

/// The whole file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProjectFile {
    /// The game.
    pub game: GameSection,
    /// How many instances of each role.
    pub roles: RolesSection,
    /// Bounds that differ from their defaults.
    pub limits: Limits,
    /// Certificates, when clients come over TLS.
    pub tls: Option<TlsSection>,
    /// What scripts may ask of others.
    pub http: HttpSection,
}

/// The game itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GameSection {
    /// Its name, as people see it.
    pub name: String,
    /// The number of this realm; role ids are made of it.
    pub realm_no: u32,
    /// The entity type that a player plays.
    pub role_type: String,
    /// Where a new player begins; the first space when left out.
    pub start_space: Option<String>,
    /// Entity types that live without a player: loaded at start.
    pub autoload: Vec<String>,
}

/// How many instances of each role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RolesSection {
    /// Bases.
    pub bases: u32,
    /// Cells.
    pub cells: u32,
}

/// Files of a certificate, relative to the project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsSection {
    /// PEM file with the certificate chain.
    pub certificate: PathBuf,
    /// PEM file with the private key.
    pub key: PathBuf,
}

/// What scripts may ask of others, over HTTP.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpSection {
    /// Addresses, each with everything below it: `https://api.example.com/v1/`. Nothing may be asked by default.
    pub allow: Vec<String>,
}

impl Default for GameSection {
    fn default() -> Self {
        Self { name: "Kuafu".into(), realm_no: 1, role_type: "avatar".into(), start_space: None, autoload: Vec::new() }
    }
}

impl Default for RolesSection {
    fn default() -> Self {
        Self { bases: 1, cells: 1 }
    }
}

/// Reads and checks the file.
pub(super) fn read(path: &Path) -> Result<ProjectFile, Problem> {
    let text = read_text(path)?;
    let file: ProjectFile = toml::from_str(&text).map_err(|why| from_toml(path, &text, &why))?;
    let counts = [("bases", file.roles.bases, 16), ("cells", file.roles.cells, 64)];
    for (name, count, most) in counts {
        if count == 0 || count > most {
            let message = format!("`{name}` is {count}");
            return Err(problem(path, name, "out-of-range", message, format!("1 to {most}")));
        }
    }
    if !(1..=100).contains(&file.limits.tick_hz) {
        let message = format!("`tick_hz` is {}", file.limits.tick_hz);
        return Err(problem(path, "tick_hz", "out-of-range", message, "1 to 100 ticks a second".into()));
    }
    if let Err(why) = AllowList::parse(&file.http.allow) {
        let help = "scheme, host and the beginning of the path, such as \"https://api.example.com/v1/\"".into();
        // Another entry may hold this one's text.
        let quoted = format!("\"{}\"", why.entry);
        let word = if text.contains(&quoted) { &quoted } else { &why.entry };
        return Err(problem(path, word, "malformed", format!("`http.allow`: {why}"), help));
    }
    Ok(file)
}

/// Reads a text file of a project.
pub(super) fn read_text(path: &Path) -> Result<String, Problem> {
    std::fs::read_to_string(path).map_err(|why| Problem {
        file: path.to_owned(),
        line: 1,
        column: 1,
        code: "unreadable",
        message: format!("the file cannot be read: {why}"),
        help: "a UTF-8 text file that this user may read".into(),
    })
}

/// A problem from what the TOML reader says.
pub(super) fn from_toml(path: &Path, text: &str, why: &toml::de::Error) -> Problem {
    let at = why.span().map_or(0, |span| span.start);
    let (line, column) = place_of(text, at);
    Problem {
        file: path.to_owned(),
        line,
        column,
        code: "malformed",
        message: why.message().to_owned(),
        help: "see docs/project.md for the keys of this file".into(),
    }
}

/// A problem at the first place in the file that holds `word`.
pub(super) fn problem(path: &Path, word: &str, code: &'static str, message: String, help: String) -> Problem {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let (line, column) = place_of(&text, text.find(word).unwrap_or(0));
    Problem { file: path.to_owned(), line, column, code, message, help }
}

fn place_of(text: &str, at: usize) -> (usize, usize) {
    let before = &text[..text.floor_char_boundary(at)];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |line| line.chars().count()) + 1;
    (line, column)
}
