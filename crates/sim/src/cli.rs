//! The command `sim` as plain functions: the caller prints what they give, and exits as they say.

use crate::Broken;
use crate::plan::{Plan, Workload};
use crate::realm::{Report, run};

/// What is asked for.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// How many seeds.
    pub seeds: u64,
    /// The first.
    pub from: u64,
    /// A rule that the model store leaves out.
    pub broken: Option<Broken>,
    /// What kinds of runs.
    pub workload: Workload,
}

/// How a series of runs ended.
#[derive(Clone, Debug)]
pub struct Series {
    /// Runs that were made.
    pub runs: u64,
    /// Inputs that roles took, all together.
    pub inputs: u64,
    /// Deposits that were acknowledged, all together.
    pub acknowledged: u64,
    /// How often clients got into the game, all together.
    pub attachments: u64,
    /// Role instances that died, all together.
    pub deaths: u64,
    /// The first run that broke a law.
    pub broken: Option<Report>,
}

/// Runs one seed after the other until a law breaks; `each` sees every report.
pub fn series(options: &Options, mut each: impl FnMut(&Report)) -> Series {
    let mut series = Series { runs: 0, inputs: 0, acknowledged: 0, attachments: 0, deaths: 0, broken: None };
    for seed in options.from..options.from.saturating_add(options.seeds) {
        let report = run(&Plan::from_seed(seed, options.workload), options.broken, false);
        series.runs += 1;
        series.inputs += report.inputs;
        series.acknowledged += report.acknowledged as u64;
        series.attachments += report.attachments;
        series.deaths += report.deaths;
        each(&report);
        if report.breach.is_some() {
            series.broken = Some(report);
            break;
        }
    }
    series
}

/// Runs one seed again and prints what happens to standard error.
#[must_use]
pub fn replay(seed: u64, broken: Option<Broken>, workload: Workload) -> Report {
    run(&Plan::from_seed(seed, workload), broken, true)
}

/// The names of the broken variants.
pub fn broken_names() -> impl Iterator<Item = &'static str> {
    Broken::ALL.iter().map(|(name, _)| *name)
}

/// One line about a run.
#[must_use]
pub fn line(report: &Report) -> String {
    let Report { seed, hash, inputs, acknowledged, attachments, deaths, .. } = report;
    let how = match &report.breach {
        Some(breach) => format!("BROKEN: {breach}"),
        None => "ok".to_owned(),
    };
    format!(
        "seed {seed} hash {hash:016x} inputs {inputs} attachments {attachments} acknowledged {acknowledged} \
         deaths {deaths} {how}"
    )
}
