//! `cargo xtask bench NAME`: what something costs, beside the plain way to do it, measured in turn in the same run.
//!
//! Every row has its raw baseline; times are medians with the tenth and ninetieth percentile. A table goes to the
//! terminal, an array of objects to the file of `--json`.

mod child;
mod crowd;
mod fanout;
mod game;
mod measure;
mod script;
mod tick;
mod view;

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

pub(crate) use measure::Spread;

/// What is measured, and where the numbers go.
#[derive(Args)]
pub(crate) struct BenchArgs {
    /// What is measured.
    #[arg(value_enum)]
    name: Name,
    /// Where the rows go as JSON, besides the table.
    #[arg(long)]
    json: Option<PathBuf>,
    /// How many ticks, or turns of a phase, each row measures; by default what suits the row.
    #[arg(long)]
    ticks: Option<usize>,
    /// Only rows whose name contains this.
    #[arg(long, default_value = "")]
    only: String,
    /// This process measures the one row of this name for its parent.
    #[arg(long, hide = true)]
    child: Option<String>,
}

/// The benchmarks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Name {
    /// From a cell's frame to every client, in a base and on sockets.
    Fanout,
    /// Properties, containers and calls in scripts, beside plain tables and userdata.
    Script,
    /// The whole tick of a cell.
    Tick,
    /// Who sees whom: the view step of a space beside a sorted grid.
    View,
}

/// Measures and reports.
pub(crate) fn run(args: &BenchArgs) -> anyhow::Result<()> {
    let mut sheet = Sheet::default();
    match args.name {
        Name::Fanout => fanout::bench(args, &mut sheet)?,
        Name::Script => script::bench(args, &mut sheet)?,
        Name::Tick => tick::bench(args, &mut sheet)?,
        Name::View => view::bench(args, &mut sheet)?,
    }
    args.json.as_deref().map_or(Ok(()), |path| sheet.write(path))
}

impl BenchArgs {
    /// Whether the row of this name is wanted.
    fn wants(&self, row: &str) -> bool {
        row.contains(&self.only)
    }

    /// How many ticks are measured with so many entities: fewer where each takes long.
    fn ticks_of(&self, entities: usize) -> usize {
        self.ticks.unwrap_or((1_500_000 / entities).clamp(60, 600))
    }
}

/// Rows as they come: shown, and kept for the file.
#[derive(Default)]
struct Sheet {
    rows: Vec<serde_json::Value>,
}

impl Sheet {
    /// A line for people alone.
    #[expect(clippy::print_stdout, reason = "a benchmark prints its table")]
    fn line(&mut self, text: impl std::fmt::Display) {
        println!("{text}");
    }

    fn row(&mut self, row: &(impl serde::Serialize + std::fmt::Display)) -> anyhow::Result<()> {
        self.line(row);
        self.rows.push(serde_json::to_value(row)?);
        Ok(())
    }

    fn write(&self, path: &Path) -> anyhow::Result<()> {
        Ok(std::fs::write(path, serde_json::to_string_pretty(&self.rows)? + "\n")?)
    }
}
