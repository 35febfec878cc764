//! Lists the browser client library, so that the console serves it from inside the binary.
//!
//! It writes one table of (name, text) for `src/http/sdk.rs`. Tests and package files of the library stay out.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sdk/html5");
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed={}", root.display());
    let mut files = Vec::new();
    collect(&root, &mut files);
    files.sort();
    let mut table = String::from("&[\n");
    for file in files {
        let name = file.strip_prefix(&root).expect("the walk began at the root").to_string_lossy().replace('\\', "/");
        println!("cargo:rerun-if-changed={}", file.display());
        writeln!(table, "    ({name:?}, include_str!({:?})),", file.display().to_string())
            .expect("writing to a text cannot fail");
    }
    table.push_str("]\n");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR")).join("sdk_files.rs");
    std::fs::write(out, table).expect("the build folder can be written");
}

/// Every `*.js` and `*.d.ts` below `folder`; nothing when there is no such folder.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        if path.is_dir() && name != "test" && name != "node_modules" && !name.starts_with('.') {
            collect(&path, files);
        } else if path.is_file() && (name.ends_with(".js") || name.ends_with(".d.ts")) {
            files.push(path);
        }
    }
}
