//! Files that are made from tables in the code: written by `cargo xtask generate`, held fresh by `cargo xtask check`.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use anyhow::bail;
use kuafu_core::Code;
use kuafu_core::limits::Limits;
use kuafu_logic::Hook;
use kuafu_logic::api::{On, TABLE, TYPES};

/// One generated file.
struct Generated {
    path: &'static str,
    /// Makes the whole text; what the file holds now is given, for files of which only a part is generated.
    make: fn(&str) -> String,
}

const FILES: &[Generated] = &[
    Generated { path: "docs/limits.md", make: limits_page },
    Generated { path: "docs/errors.md", make: errors_page },
    Generated { path: "docs/scripting.md", make: scripting_page },
    Generated { path: "sdk/html5/src/codes.js", make: codes_module },
];

/// Writes every file.
pub(crate) fn write_all() -> anyhow::Result<()> {
    for file in FILES {
        std::fs::write(root().join(file.path), (file.make)(&file.current()))?;
    }
    Ok(())
}

/// Says which files are not what their tables make.
pub(crate) fn check_all() -> anyhow::Result<()> {
    let stale: Vec<&str> = FILES
        .iter()
        .filter(|file| {
            let current = file.current();
            current != (file.make)(&current)
        })
        .map(|file| file.path)
        .collect();
    if !stale.is_empty() {
        bail!("not fresh: {}; run `cargo xtask generate`", stale.join(", "));
    }
    Ok(())
}

impl Generated {
    /// What the file holds; nothing when it is not there.
    fn current(&self) -> String {
        std::fs::read_to_string(root().join(self.path)).unwrap_or_default()
    }
}

/// The folder of the workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the workspace").to_owned()
}

fn limits_page(_: &str) -> String {
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

fn errors_page(_: &str) -> String {
    let mut page = String::from(
        "# Error codes\n\nMade from the table in `crates/core/src/code.rs` by `cargo xtask generate`. A number keeps its \
         meaning once it is released.\n\n| number | name | text |\n| --- | --- | --- |\n",
    );
    for code in Code::ALL {
        let _ = writeln!(page, "| {} | `{}` | {} |", *code as u16, code.name(), code.text());
    }
    page
}

fn scripting_page(_: &str) -> String {
    let mut page = String::from(
        "# The script API\n\nMade from the tables in `crates/logic/src/api.rs` and `hook.rs` by `cargo xtask generate`. \
         How scripts are laid out, what they may do and what happens to their errors is in `docs/logic.md`.\n",
    );
    for on in On::ALL {
        let _ = writeln!(page, "\n## {}\n\n| name | signature | what it does |\n| --- | --- | --- |", on.title());
        for entry in TABLE.iter().filter(|entry| entry.on == *on) {
            let signature = entry.signature.replace('|', "\\|");
            let _ = writeln!(page, "| `{}` | `{signature}` | {} |", entry.name, entry.doc);
        }
    }
    page.push_str("\n## Types\n\n| name | type | what it stands for |\n| --- | --- | --- |\n");
    for named in TYPES {
        let definition = named.definition.replace('|', "\\|");
        let _ = writeln!(page, "| `{}` | `{definition}` | {} |", named.name, named.doc);
    }
    page.push_str(
        "\n## Hooks\n\nMethods that the engine calls when they are there.\n\n| name | when |\n| --- | --- |\n",
    );
    for hook in Hook::ALL {
        let _ = writeln!(page, "| `{}` | {} |", hook.method(), hook.doc());
    }
    page
}

/// The rows of the table; what stands around them is written by hand.
fn codes_module(current: &str) -> String {
    const BEGIN: &str = "const TABLE = [\n";
    let Some((head, rest)) = current.split_once(BEGIN) else { return "this file lost its TABLE\n".to_owned() };
    let Some((_, tail)) = rest.split_once("];\n") else { return "this file lost the end of its TABLE\n".to_owned() };
    let mut module = format!("{head}{BEGIN}");
    for code in Code::ALL {
        let text = serde_json::Value::from(code.text());
        let _ = writeln!(module, "  [{}, \"{}\", {text}],", *code as u16, code.name());
    }
    module + "];\n" + tail
}

#[cfg(test)]
mod tests {
    #[test]
    fn generated_files_are_fresh() {
        super::check_all().expect("cargo xtask generate was run");
    }
}
