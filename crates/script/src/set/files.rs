//! Which files are scripts, and reading them within bounds.

use std::path::Path;

use kuafu_def::Problem;

use super::problem;

/// Bytes of one script file; a larger one is a problem.
pub(super) const FILE_BYTES_MAX: u64 = 1 << 20;

/// Script files of a project; more are a problem.
pub(super) const FILES_MAX: usize = 10_000;

/// Folders within each other below `lib`.
const DEPTH_MAX: usize = 8;

/// The folders that hold scripts besides the main one.
const FOLDERS: &[&str] = &["traits", "components", "lib"];

/// The scripts below a folder, with `/` in their names, sorted.
pub(super) fn list(dir: &Path) -> Result<Vec<String>, Problem> {
    let mut files = Vec::new();
    add(dir, "", 0, &mut files)?;
    files.sort();
    Ok(files)
}

fn add(dir: &Path, prefix: &str, depth: usize, files: &mut Vec<String>) -> Result<(), Problem> {
    let whole = |why: String| problem(&dir.display().to_string(), 1, "script-file", why, "check the folder");
    if !dir.exists() {
        return Ok(());
    }
    for entry in std::fs::read_dir(dir).map_err(|error| whole(error.to_string()))? {
        let entry = entry.map_err(|error| whole(error.to_string()))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') {
            continue;
        }
        let path = format!("{prefix}{name}");
        let is_folder = entry.file_type().map_err(|error| whole(error.to_string()))?.is_dir();
        if is_folder && (FOLDERS.contains(&path.as_str()) || prefix.starts_with("lib/")) {
            if depth >= DEPTH_MAX {
                return Err(whole(format!("more than {DEPTH_MAX} folders within each other")));
            }
            add(&entry.path(), &format!("{path}/"), depth + 1, files)?;
        } else if !is_folder && name.ends_with(".luau") {
            files.push(path);
        }
        if files.len() > FILES_MAX {
            return Err(whole(format!("more than {FILES_MAX} scripts")));
        }
    }
    Ok(())
}

/// The text of a file.
pub(super) fn read(path: &Path) -> Result<String, String> {
    let length = std::fs::metadata(path).map_err(|error| error.to_string())?.len();
    if length > FILE_BYTES_MAX {
        return Err(format!("the file has {length} bytes; at most {FILE_BYTES_MAX} are read"));
    }
    std::fs::read_to_string(path).map_err(|error| error.to_string())
}
