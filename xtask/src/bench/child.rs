//! Rows that are measured in a process of their own, so that memory is counted from nothing.

use std::process::{Command, Stdio};

use anyhow::{Context, bail};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::BenchArgs;

/// Starts this program again for one row of the benchmark `bench`, and reads the row from its output.
pub(super) fn measure<Row: DeserializeOwned>(bench: &str, row: &str, args: &BenchArgs) -> anyhow::Result<Row> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["bench", bench, "--child", row]).stdout(Stdio::piped());
    if let Some(ticks) = args.ticks {
        command.args(["--ticks", &ticks.to_string()]);
    }
    let output = command.spawn()?.wait_with_output()?;
    if !output.status.success() {
        bail!("{bench} {row} ended with {}", output.status);
    }
    serde_json::from_slice(&output.stdout).with_context(|| format!("{bench} {row} gave no row"))
}

/// What the child says.
#[expect(clippy::print_stdout, reason = "the parent reads it")]
pub(super) fn tell(row: &impl Serialize) -> anyhow::Result<()> {
    println!("{}", serde_json::to_string(row)?);
    Ok(())
}

/// Kind and size of a row's name: `base:1000x50`.
pub(super) fn row_of(row: &str) -> anyhow::Result<(&str, (usize, usize))> {
    let (kind, size) = row.split_once(':').with_context(|| format!("{row} names no row"))?;
    let (count, around) = size.split_once('x').with_context(|| format!("{row} names no size"))?;
    Ok((kind, (count.parse()?, around.parse()?)))
}
