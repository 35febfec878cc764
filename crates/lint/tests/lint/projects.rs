//! The projects that are checked, on one set of definitions: one wrong in every way, one right and tricky.

use std::path::{Path, PathBuf};

use kuafu_def::Definitions;
use kuafu_lint::{Source, TableNames};

fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lint")
}

pub(crate) fn definitions() -> Definitions {
    Definitions::load(&here().join("game/entities")).expect("the definitions are right").definitions
}

/// Every script of a folder.
pub(crate) fn scripts(folder: &Path) -> Vec<Source> {
    let (mut found, mut open) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(dir) = open.pop() {
        for entry in std::fs::read_dir(dir).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(folder).expect("it is within").to_str().expect("a plain name").to_owned();
                found.push(Source { path: name, text: std::fs::read_to_string(&path).expect("a text") });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

pub(crate) fn corpus(name: &str) -> Vec<Source> {
    scripts(&here().join(name))
}

pub(crate) fn tables() -> TableNames {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    TableNames::from([("monsters".to_owned(), names(&["id", "name", "hp"])), ("items".to_owned(), names(&["id"]))])
}
