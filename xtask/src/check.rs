//! The gates that every change passes: each is a command that anyone can run alone.

use std::process::Command;

use anyhow::{Context, bail};

use crate::{floors, generate};

/// Runs every gate; the first that fails ends it.
pub(crate) fn run() -> anyhow::Result<()> {
    gate("formatting", || cargo(&["fmt", "--all", "--check"]))?;
    gate("floors", floors::check)?;
    gate("generated files", generate::check_all)?;
    gate("lints", || cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))?;
    gate("documentation", || {
        let mut command = Command::new("cargo");
        command.args(["doc", "--workspace", "--no-deps", "--quiet"]).env("RUSTDOCFLAGS", "-D warnings");
        succeed(command)
    })
}

#[expect(clippy::print_stdout, reason = "progress of a command line tool")]
fn gate(name: &str, check: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<()> {
    println!("check: {name}");
    check().with_context(|| format!("the check of {name} failed"))
}

fn cargo(arguments: &[&str]) -> anyhow::Result<()> {
    let mut command = Command::new("cargo");
    command.args(arguments);
    succeed(command)
}

fn succeed(mut command: Command) -> anyhow::Result<()> {
    let status = command.status()?;
    if !status.success() {
        bail!("{command:?} ended with {status}");
    }
    Ok(())
}
