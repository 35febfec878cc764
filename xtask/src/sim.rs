//! `cargo xtask sim`: whole realms under faults, seed by seed; a law that breaks ends it with its seed and name.

use anyhow::bail;
use clap::Args;
use kuafu_sim::cli::{self, Options};
use kuafu_sim::{Broken, Workload};

/// What the process exits with when a broken variant is not known.
const EXIT_UNKNOWN_NAME: i32 = 2;

/// Which runs are made.
#[derive(Args)]
pub(crate) struct SimArgs {
    /// How many seeds.
    #[arg(long, default_value_t = 200)]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// Print one trace hash a seed.
    #[arg(long)]
    hashes: bool,
    /// Repeat one seed, and print what happens in it.
    #[arg(long, value_name = "SEED")]
    replay: Option<u64>,
    /// Leave a rule out of the model store, and succeed only if that is caught; `list` prints the names.
    #[arg(long, value_name = "NAME")]
    broken: Option<String>,
    /// Let no base die.
    #[arg(long)]
    no_base_deaths: bool,
}

#[expect(clippy::print_stdout, reason = "the hashes, names and lines are what was asked for")]
pub(crate) fn run(args: &SimArgs) -> anyhow::Result<()> {
    if args.broken.as_deref() == Some("list") {
        cli::broken_names().for_each(|name| println!("{name}"));
        return Ok(());
    }
    let broken = args.broken.as_deref().map(named);
    let workload = Workload { base_deaths: !args.no_base_deaths };
    if let Some(seed) = args.replay {
        let report = cli::replay(seed, broken, workload);
        println!("{}", cli::line(&report));
        return report.breach.map_or(Ok(()), |breach| bail!("seed {seed}: {breach}"));
    }
    let options = Options { seeds: args.seeds, from: args.from, broken, workload };
    let series = cli::series(&options, |report| {
        if args.hashes {
            println!("{} {:016x}", report.seed, report.hash);
        }
    });
    println!(
        "runs {} inputs {} acknowledged {} attachments {} deaths {}",
        series.runs, series.inputs, series.acknowledged, series.attachments, series.deaths
    );
    match (broken.is_some(), series.broken) {
        (false, None) => Ok(()),
        (true, Some(report)) => {
            println!("caught: {}", cli::line(&report));
            Ok(())
        }
        (false, Some(report)) => bail!("{}", cli::line(&report)),
        (true, None) => bail!("no law broke within {} seeds", series.runs),
    }
}

fn named(name: &str) -> Broken {
    Broken::from_name(name).unwrap_or_else(|| {
        eprintln!("no broken variant is called `{name}`; `--broken list` prints those that are");
        std::process::exit(EXIT_UNKNOWN_NAME)
    })
}
