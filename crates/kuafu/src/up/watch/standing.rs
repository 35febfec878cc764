//! What is read at the start only: definitions, spaces and the project's own file; and how they differ now.
//!
//! Compared is what the files say, not how they are written: a comment or an empty line needs no restart.

use std::collections::BTreeMap;
use std::path::Path;

use toml::{Table, Value};

/// The changes that are told of one file; of more, their number.
const CHANGES_TOLD_MAX: usize = 3;

/// The longest value that is told, in characters.
const VALUE_CHARS_MAX: usize = 40;

/// What the files said, by their paths within the project.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Standing(BTreeMap<String, Table>);

impl Standing {
    /// Reads them. A file that cannot be read counts as empty: its problem is told elsewhere.
    pub(super) fn read(project: &Path) -> Self {
        let mut standing = Self::default();
        standing.add(project, "kuafu.toml".to_owned());
        for folder in ["entities", "entities/traits", "entities/components", "spaces"] {
            for entry in std::fs::read_dir(project.join(folder)).into_iter().flatten().flatten() {
                let Ok(name) = entry.file_name().into_string() else { continue };
                if name.ends_with(".toml") && !name.starts_with('.') {
                    standing.add(project, format!("{folder}/{name}"));
                }
            }
        }
        standing
    }

    fn add(&mut self, project: &Path, path: String) {
        let text = std::fs::read_to_string(project.join(&path)).unwrap_or_default();
        self.0.insert(path, text.parse().unwrap_or_default());
    }

    /// What differs in `now`, a line for each file.
    pub(super) fn differences(&self, now: &Self) -> Vec<String> {
        let mut lines = Vec::new();
        let empty = Table::new();
        let paths: std::collections::BTreeSet<&String> = self.0.keys().chain(now.0.keys()).collect();
        for path in paths {
            let (before, after) = (self.0.get(path), now.0.get(path));
            if before == after {
                continue;
            }
            let mut changes = Vec::new();
            compare("", before.unwrap_or(&empty), after.unwrap_or(&empty), &mut changes);
            lines.push(match (before, after) {
                (None, _) => format!("{path} is new"),
                (_, None) => format!("{path} is gone"),
                _ => format!("{path}: {}", told(&changes)),
            });
        }
        lines
    }
}

fn told(changes: &[String]) -> String {
    let more = changes.len().saturating_sub(CHANGES_TOLD_MAX);
    let first = changes[..changes.len() - more].join(", ");
    if more == 0 { first } else { format!("{first} and {more} more") }
}

/// Adds a line for each value that differs.
fn compare(path: &str, before: &Table, after: &Table, into: &mut Vec<String>) {
    let keys: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    for key in keys {
        let here = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        match (before.get(key), after.get(key)) {
            (Some(Value::Table(before)), Some(Value::Table(after))) => compare(&here, before, after, into),
            (Some(before), Some(after)) if before != after => {
                into.push(difference(&here, before, after));
            }
            (Some(_), None) => into.push(format!("without {here}")),
            (None, Some(_)) => into.push(format!("new {here}")),
            _ => {}
        }
    }
}

fn difference(here: &str, before: &Value, after: &Value) -> String {
    if let (Value::Array(before), Value::Array(after)) = (before, after)
        && before.len() != after.len()
        && after.iter().chain(before).all(Value::is_table)
    {
        return format!("{here} has {} entries, not {}", after.len(), before.len());
    }
    match (short(before), short(after)) {
        (before, after) if before == after => format!("{here} changed"),
        (before, after) => format!("{here} {before} → {after}"),
    }
}

fn short(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(VALUE_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(files: &[(&str, &str)]) -> Standing {
        Standing(files.iter().map(|(path, text)| ((*path).to_owned(), text.parse().expect("TOML"))).collect())
    }

    #[test]
    fn long_lists_are_told_by_what_can_be_seen_of_them() {
        let populate = |types: &[&str]| -> Standing {
            let entry = |ty: &&str| {
                format!("[[populate]]\ncenter = [0.0, 0.0, 0.0]\ncount = 12\nradius = 30.0\ntype = \"{ty}\"\n")
            };
            standing(&[("spaces/meadow.toml", &types.iter().map(entry).collect::<String>())])
        };
        let before = populate(&["bush", "bush"]);
        let told = |types: &[&str]| before.differences(&populate(types));
        assert_eq!(told(&["bush", "bush", "lamp"]), ["spaces/meadow.toml: populate has 3 entries, not 2"]);
        assert_eq!(told(&["bush", "lamp"]), ["spaces/meadow.toml: populate changed"]);
    }

    #[test]
    fn differences_name_files_and_values_and_comments_do_not_count() {
        let before = standing(&[
            ("kuafu.toml", "[limits]\ntick_hz = 10\n"),
            ("entities/wisp.toml", "[entity]\nparts = [\"cell\"]"),
            ("spaces/old.toml", ""),
        ]);
        assert_eq!(before.differences(&before), Vec::<String>::new());
        let same = standing(&[
            ("kuafu.toml", "# faster?\n\n[limits]\ntick_hz = 10\n"),
            ("entities/wisp.toml", "[entity]\nparts = [\"cell\"] # none"),
            ("spaces/old.toml", ""),
        ]);
        assert_eq!(before.differences(&same), Vec::<String>::new());
        let after = standing(&[
            ("kuafu.toml", "[limits]\ntick_hz = 20\nplayers_max = 3\n"),
            (
                "entities/wisp.toml",
                "[entity]\nparts = [\"cell\"]\n[properties.a]\n[properties.b]\n[methods.c]\n[methods.d]",
            ),
            ("spaces/new.toml", ""),
        ]);
        assert_eq!(
            before.differences(&after),
            [
                "entities/wisp.toml: new methods, new properties",
                "kuafu.toml: new limits.players_max, limits.tick_hz 10 → 20",
                "spaces/new.toml is new",
                "spaces/old.toml is gone",
            ]
        );
    }
}
