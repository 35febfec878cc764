//! The state of a project's files: when each was written last, and how long it is.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// The folders that are looked at, and the endings of the files that count there.
const FOLDERS: &[(&str, &[&str])] =
    &[("scripts", &["luau"]), ("data", &["toml", "csv", "json"]), ("entities", &["toml"]), ("spaces", &["toml"])];

/// The file of the project itself.
const PROJECT_FILE: &str = "kuafu.toml";

/// Levels of folders; deeper ones are not looked at.
const DEPTH_MAX: u32 = 16;

/// The most files; further ones are not looked at.
const FILES_MAX: usize = 50_000;

/// Files by their paths within the project, each with its time and length.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Files(BTreeMap<String, (u128, u64)>);

impl Files {
    /// What is there now. What cannot be read is not there.
    pub(super) fn look(project: &Path) -> Self {
        let mut files = Self::default();
        files.add(project, PROJECT_FILE.to_owned());
        for (folder, endings) in FOLDERS {
            files.look_into(project, folder, endings, DEPTH_MAX);
        }
        files
    }

    fn look_into(&mut self, project: &Path, folder: &str, endings: &[&str], depth: u32) {
        for entry in std::fs::read_dir(project.join(folder)).into_iter().flatten().flatten() {
            let Ok(name) = entry.file_name().into_string() else { continue };
            if name.starts_with('.') || self.0.len() >= FILES_MAX {
                continue;
            }
            let path = format!("{folder}/{name}");
            let ending = Path::new(&name).extension().and_then(|ending| ending.to_str());
            if ending.is_some_and(|ending| endings.contains(&ending)) {
                self.add(project, path);
            } else if depth > 0 && entry.path().is_dir() {
                self.look_into(project, &path, endings, depth - 1);
            }
        }
    }

    fn add(&mut self, project: &Path, path: String) {
        let Ok(about) = std::fs::metadata(project.join(&path)) else { return };
        let written = about.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        let written = written.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        self.0.insert(path, (written, about.len()));
    }

    /// The files that were written, made or removed, sorted.
    pub(super) fn changes_since(&self, before: &Self) -> Vec<String> {
        let written = self.0.iter().filter(|(path, state)| before.0.get(*path) != Some(state));
        let removed = before.0.iter().filter(|(path, _)| !self.0.contains_key(*path));
        let mut changes: Vec<String> = written.chain(removed).map(|(path, _)| path.clone()).collect();
        changes.sort();
        changes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_made_and_removed_files_that_count_are_told() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let write = |path: &str, text: &str| {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().expect("it has one")).expect("a folder");
            std::fs::write(path, text).expect("a file");
        };
        write("kuafu.toml", "");
        write("scripts/avatar.luau", "return {}");
        write("scripts/lib/money.luau", "return {}");
        write("data/monsters.csv", "id\n1\n");
        let before = Files::look(folder.path());
        assert_eq!(Files::look(folder.path()), before);

        write("scripts/avatar.luau", "return {} ");
        write("scripts/lib/deep/er.luau", "return {}");
        std::fs::remove_file(folder.path().join("data/monsters.csv")).expect("it is there");
        for ignored in
            ["scripts/.avatar.luau.swp", "scripts/avatar.luau~", "scripts/4913", "client/game.js", "entities/ids.lock"]
        {
            write(ignored, "x");
        }
        let changed = Files::look(folder.path()).changes_since(&before);
        assert_eq!(changed, ["data/monsters.csv", "scripts/avatar.luau", "scripts/lib/deep/er.luau"]);
    }
}
