//! Files that are made from tables in the code: written by `cargo xtask generate`, held fresh by `cargo xtask check`.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use anyhow::bail;
use kuafu_core::limits::Limits;
use kuafu_core::Code;
use kuafu_logic::api::{On, TABLE};
use kuafu_logic::Hook;

/// One generated file.
struct Generated {
    path: &'static str,
    make: fn() -> String,
}

const FILES: &[Generated] = &[
    Generated { path: "docs/limits.md", make: limits_page },
    Generated { path: "docs/errors.md", make: errors_page },
    Generated { path: "docs/scripting.md", make: scripting_page },
];

/// Writes every file.
pub(crate) fn write_all() -> anyhow::Result<()> {
    for file in FILES {
        std::fs::write(root().join(file.path), (file.make)())?;
    }
    Ok(())
}

/// Says which files are not what their tables make.
pub(crate) fn check_all() -> anyhow::Result<()> {
    let stale: Vec<&str> = FILES
        .iter()
        .filter(|file| std::fs::read_to_string(root().join(file.path)).ok() != Some((file.make)()))
        .map(|file| file.path)
        .collect();
    if !stale.is_empty() {
        bail!("not fresh: {}; run `cargo xtask generate`", stale.join(", "));
    }
    Ok(())
}

/// The folder of the workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the workspace").to_owned()
}

fn limits_page() -> String {
    let mut page = String::from(
        "# Limits\n\nMade from the table in `crates/core/src/limits.rs` by `cargo xtask generate`. A project sets any of \
         them in `kuafu.toml` under `[limits]`, a run with `--limit NAME=VALUE`.\n\n| name | default | counts | at the \
         limit |\n| --- | --- | --- | --- |\n",
    );
    for row in Limits::TABLE {
        let _ = writeln!(page, "| `{}` | {} | {} | {} |", row.name, row.default, row.unit, row.behaviour);
    }
    page
}

fn errors_page() -> String {
    let mut page = String::from(
        "# Error codes\n\nMade from the table in `crates/core/src/code.rs` by `cargo xtask generate`. A number keeps its \
         meaning once it is released.\n\n| number | name | text |\n| --- | --- | --- |\n",
    );
    for code in Code::ALL {
        let _ = writeln!(page, "| {} | `{}` | {} |", *code as u16, code.name(), code.text());
    }
    page
}

fn scripting_page() -> String {
    let mut page = String::from(
        "# The script API\n\nMade from the tables in `crates/logic/src/api.rs` and `hook.rs` by `cargo xtask generate`. \
         How scripts are laid out, what they may do and what happens to their errors is in `docs/logic.md`.\n",
    );
    let groups = [
        (On::Global, "Functions of `kuafu`"),
        (On::EntityField, "Fields of `self`"),
        (On::Entity, "Methods of `self`"),
        (On::Base, "Methods of `self` in base parts"),
        (On::CellField, "Fields of `self` in cell parts"),
        (On::Cell, "Methods of `self` in cell parts"),
    ];
    for (on, title) in groups {
        let _ = writeln!(page, "\n## {title}\n\n| name | signature | what it does |\n| --- | --- | --- |");
        for entry in TABLE.iter().filter(|entry| entry.on == on) {
            let signature = entry.signature.replace('|', "\\|");
            let _ = writeln!(page, "| `{}` | `{signature}` | {} |", entry.name, entry.doc);
        }
    }
    page.push_str("\n## Hooks\n\nMethods that the engine calls when they are there.\n\n| name | when |\n| --- | --- |\n");
    for hook in Hook::ALL {
        let _ = writeln!(page, "| `{}` | {} |", hook.method(), hook.doc());
    }
    page
}

#[cfg(test)]
mod tests {
    #[test]
    fn generated_files_are_fresh() {
        super::check_all().expect("cargo xtask generate was run");
    }
}
