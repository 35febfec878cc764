//! The simulation ring: seeds keep the laws, a seed is one run, and a broken store does not pass.

use kuafu_sim::cli::{self, Options};
use kuafu_sim::{Broken, Plan, Workload, run};

fn options(from: u64, seeds: u64) -> Options {
    Options { from, seeds, ..Options::default() }
}

#[test]
fn the_laws_hold_under_faults() {
    let series = cli::series(&options(1, 200), |_| {});
    assert!(series.broken.is_none(), "{}", cli::line(&series.broken.expect("just seen")));
    assert!(series.acknowledged > 5_000, "clients get in and play: {series:?}");
}

#[test]
fn a_seed_is_the_same_run_each_time() {
    for seed in 1..=40 {
        let plan = Plan::from_seed(seed, Workload::default());
        let (first, second) = (run(&plan, None, false), run(&plan, None, false));
        assert_eq!(first.hash, second.hash, "seed {seed}");
    }
}

#[test]
fn every_broken_store_is_caught() {
    for (name, broken) in Broken::ALL {
        let series = cli::series(&Options { broken: Some(*broken), ..options(1, 200) }, |_| {});
        assert!(series.broken.is_some(), "{name} passed {} seeds", series.runs);
    }
}
