//! What CI does, runnable by hand: `cargo xtask check`, `cargo xtask bench NAME`, `cargo xtask generate`.

mod bench;
mod check;
mod floors;
mod fuzz;
mod generate;
mod sim;

use clap::{Parser, Subcommand};

// As in `kuafu`, so that benchmarks measure what players meet.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Formatting, lints, floors, generated files fresh, docs.
    Check,
    /// Writes the files that are made from tables.
    Generate,
    /// Measures something beside its plain baseline.
    Bench(bench::BenchArgs),
    /// Feeds every decoder of outside bytes with mutated input for a while.
    Fuzz(fuzz::FuzzArgs),
    /// Runs whole realms as values on virtual time, under faults that a seed decides.
    Sim(sim::SimArgs),
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().command {
        Command::Check => check::run(),
        Command::Generate => generate::write_all(),
        Command::Bench(args) => bench::run(&args),
        Command::Fuzz(args) => fuzz::run(&args),
        Command::Sim(args) => sim::run(&args),
    }
}
