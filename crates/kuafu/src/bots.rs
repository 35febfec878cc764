//! `kuafu bots`: plays a running game with many clients, shows how far it is, and says what was found.
//!
//! The bots are in `kuafu_bots`; here are their arguments, their runtime, and how their report reaches people.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::ValueEnum;
use kuafu_bots::{BotsError, ConsoleAddress, Formation, Percentiles, Phase, Progress, Report, Settings, Transport};
use kuafu_core::Chance;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Wrong use.
const WRONG_USE: u8 = 2;
/// What the shell sees of a process that a second signal ended.
const ENDED_AT_ONCE: i32 = 130;
/// How many lines of progress pass where there is no terminal to write over.
const QUIET_LINES: u32 = 5;

/// How the bots play.
#[derive(Clone, Debug, clap::Args)]
pub struct BotsArgs {
    /// How many bots.
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub count: usize,
    /// How long their views are checked, from the moment when all are in and in their places.
    #[arg(long, value_name = "S", default_value_t = 30.0)]
    pub seconds: f64,
    /// Write the report as JSON to this file.
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Print the report as JSON instead of a table.
    #[arg(long)]
    pub json: bool,
    /// What account names begin with; random when left out, so that two runs never share an account.
    #[arg(long, value_name = "NAME")]
    pub prefix: Option<String>,
    /// Walk in K crowds, each within 10 m of its point.
    #[arg(long, value_name = "K", conflicts_with = "spread")]
    pub gather: Option<u32>,
    /// Walk so that each sees about 50 others; this is so unless --gather is given.
    #[arg(long)]
    pub spread: bool,
    /// How many logins begin in a second.
    #[arg(long, value_name = "PER_S", default_value_t = 100.0)]
    pub ramp: f64,
    /// The seed of walks and habits; random when left out.
    #[arg(long, value_name = "X")]
    pub seed: Option<u64>,
    /// Do something wrong on the bots' side, to see whether the checks notice: `drop-enter=P` drops a share P of enters.
    #[arg(long, value_name = "drop-enter=P", value_parser = read_injection)]
    pub inject: Option<f64>,
    /// How the bots connect.
    #[arg(long, value_enum, default_value_t = BotsTransport::Tcp)]
    pub transport: BotsTransport,
    /// How much farther than the view radius an entity may stay in view, in metres (`view_hysteresis` of the space).
    #[arg(long, value_name = "M", default_value_t = 5.0)]
    pub hysteresis: f32,
    /// The port of the game's console on this machine.
    #[arg(long, value_name = "N", default_value_t = 9998, conflicts_with = "url")]
    pub port_base: u16,
    /// The URL of the game's console.
    #[arg(long, value_name = "URL", value_parser = ConsoleAddress::parse)]
    pub url: Option<ConsoleAddress>,
}

/// How bots connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum BotsTransport {
    /// Plain TCP.
    Tcp,
    /// WebSocket, as browsers do.
    Ws,
}

fn read_injection(text: &str) -> Result<f64, String> {
    let share = text.strip_prefix("drop-enter=").and_then(|share| share.parse().ok());
    share.filter(|share| (0.0..=1.0).contains(share)).ok_or_else(|| "it is drop-enter=P, with P from 0 to 1".to_owned())
}

/// Runs the bots and says what they found.
#[must_use]
pub fn run(args: &BotsArgs) -> ExitCode {
    let settings = match settings(args) {
        Ok(settings) => settings,
        Err(why) => return fail(WRONG_USE, &why),
    };
    crate::open_files::raise();
    match play(args, settings) {
        Ok(report) => conclude(&report),
        Err(why) => match why.downcast_ref() {
            Some(BotsError::Setting(why)) => fail(WRONG_USE, why),
            _ => fail(1, &format!("{why:#}")),
        },
    }
}

fn fail(code: u8, why: &str) -> ExitCode {
    eprintln!("kuafu bots: {why}");
    ExitCode::from(code)
}

fn settings(args: &BotsArgs) -> Result<Settings, String> {
    let mut chance = Chance::from_system();
    let here = ConsoleAddress { host: "127.0.0.1".to_owned(), port: args.port_base };
    let measured =
        Duration::try_from_secs_f64(args.seconds).map_err(|why| format!("--seconds {}: {why}", args.seconds))?;
    let settings = Settings {
        console: args.url.clone().unwrap_or(here),
        transport: match args.transport {
            BotsTransport::Tcp => Transport::Tcp,
            BotsTransport::Ws => Transport::WebSocket,
        },
        count: args.count,
        measured,
        prefix: args.prefix.clone().unwrap_or_else(|| Settings::random_prefix(&mut chance)),
        formation: args.gather.map_or(Formation::Spread, Formation::Gather),
        ramp_per_s: args.ramp,
        seed: args.seed.unwrap_or_else(|| chance.u64() >> 32),
        drop_enter: args.inject.unwrap_or_default(),
        hysteresis: args.hysteresis,
    };
    settings.check()?;
    Ok(settings)
}

fn play(args: &BotsArgs, settings: Settings) -> anyhow::Result<Report> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("kuafu-bots")
        .enable_all()
        .build()
        .context("the runtime could not be started")?;
    let stop = watch_signals(&runtime)?;
    let mut line = Line::new();
    // On a worker, where the others' tasks are.
    let run = async move { kuafu_bots::run(settings, stop, move |progress| line.show(progress)).await };
    let report = runtime.block_on(async { runtime.spawn(run).await }).context("the run failed")??;
    runtime.shutdown_background();
    let document = serde_json::to_string_pretty(&report).context("the report cannot be written as JSON")?;
    if let Some(path) = &args.report {
        write(path, &document)?;
    }
    print(&if args.json { document } else { table(&report) });
    Ok(report)
}

fn write(path: &Path, document: &str) -> anyhow::Result<()> {
    std::fs::write(path, format!("{document}\n"))
        .with_context(|| format!("the report cannot be written to {}", path.display()))
}

#[expect(clippy::print_stdout, reason = "this is the command's answer")]
fn print(text: &str) {
    println!("{text}");
}

/// The first signal ends the run early, with a report; the second ends the process.
fn watch_signals(runtime: &Runtime) -> anyhow::Result<watch::Receiver<bool>> {
    let (tell, stop) = watch::channel(false);
    let _within = runtime.enter();
    let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT cannot be watched")?;
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM cannot be watched")?;
    runtime.spawn(async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if tell.send_replace(true) {
                std::process::exit(ENDED_AT_ONCE);
            }
            eprintln!("\nkuafu bots: ending early; what was saved is looked up first");
        }
    });
    Ok(stop)
}

fn conclude(report: &Report) -> ExitCode {
    let failures = report.failures();
    if failures.is_empty() {
        return ExitCode::SUCCESS;
    }
    let (mismatches, errors) = (&report.details.mismatch_examples, &report.details.error_texts);
    mismatches.iter().for_each(|example| eprintln!("  mismatch: {example}"));
    errors.iter().for_each(|(text, times)| eprintln!("  error, {times} times: {text}"));
    fail(1, &failures.join(", "))
}

/// The line on stderr that tells how far the run is.
struct Line {
    is_terminal: bool,
    shown: u32,
}

impl Line {
    fn new() -> Self {
        Self { is_terminal: std::io::stderr().is_terminal(), shown: 0 }
    }

    fn show(&mut self, progress: &Progress) {
        let text = progress_text(progress);
        let mut stderr = std::io::stderr().lock();
        // A closed stderr is no reason to stop.
        let _ = if self.is_terminal {
            write!(stderr, "\r\x1b[K{text}")
        } else if self.shown.is_multiple_of(QUIET_LINES) {
            writeln!(stderr, "{text}")
        } else {
            Ok(())
        };
        self.shown += 1;
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if self.is_terminal && self.shown > 0 {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}

fn progress_text(progress: &Progress) -> String {
    let Progress { phase, asked, count, mismatches, errors, .. } = progress;
    let left = progress.left.as_secs();
    let text = match phase {
        Phase::Ramp => format!("coming in   {count} of {asked}"),
        Phase::WarmUp => format!("walking to their places   {count} in"),
        Phase::Measure => format!(
            "{left} s left   {count} in   {:.1} in view   rtt {} ms   tick p99 {} ms   {mismatches} mismatches",
            progress.in_view_mean,
            milliseconds(progress.rtt_ms.p50),
            milliseconds(progress.tick_p99_ms),
        ),
        Phase::Audit => format!("looking up what was saved   {count} of {asked}"),
    };
    if *errors > 0 { format!("{text}   {errors} errors") } else { text }
}

/// The report for people.
fn table(report: &Report) -> String {
    let spans = |times: &Percentiles| {
        let [p50, p99, max] = [times.p50, times.p99, times.max].map(milliseconds);
        format!("{p50} / {p99} / {max} ms (half, 99 of 100, longest)")
    };
    let details = &report.details;
    let rows = [
        (
            "bots",
            format!(
                "{} asked, {} came in ({} a second), {} online at the end",
                report.asked, report.logged_in, report.logins_per_s, report.online_at_end
            ),
        ),
        ("time", format!("{} s measured, after {} s of coming in", details.measured_s, details.ramp_s)),
        (
            "views",
            format!(
                "{} checks, {} mismatches; {} in view on average, {} at most",
                report.checks, report.view_mismatches, report.in_view.mean, report.in_view.max
            ),
        ),
        (
            "a client",
            format!(
                "{} moves, {} updates, {} bytes a second",
                report.moves_per_client_per_s, report.updates_per_client_per_s, report.bytes_per_client_per_s
            ),
        ),
        ("round trip", spans(&report.rtt_ms)),
        ("recovery", format!("{} came back; {}", report.reconnected, spans(&report.recovery_ms))),
        (
            "saved",
            format!("{} operations acknowledged, {} of them lost", report.acknowledged, report.acknowledged_lost),
        ),
        (
            "server",
            format!(
                "{} ticks a second in {} cells of {} spaces, {} MiB",
                number(report.tick_hz),
                number(report.cells.map(|n| n as f64)),
                number(report.spaces.map(|n| n as f64)),
                number(report.rss_mib)
            ),
        ),
        ("tick", spans(&report.tick_ms)),
        (
            "CPU a tick",
            format!(
                "cells {} ms, bases {} ms; the bots {} cores",
                number(report.cpu_ms_per_tick.cell),
                number(report.cpu_ms_per_tick.base),
                number(details.bots_cpu_cores)
            ),
        ),
        ("errors", report.errors.to_string()),
    ];
    let lines: Vec<String> = rows.iter().map(|(name, text)| format!("  {name:<11} {text}")).collect();
    lines.join("\n")
}

fn milliseconds(ms: Option<f64>) -> String {
    ms.map_or_else(|| "-".to_owned(), |ms| format!("{ms:.1}"))
}

fn number(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::{Cli, Command};

    fn parse(more: &[&str]) -> Result<Settings, String> {
        let words = ["kuafu", "bots"].iter().chain(more);
        match Cli::try_parse_from(words).map_err(|why| why.to_string())?.command {
            Command::Bots(args) => settings(&args),
            other => Err(format!("{other:?}")),
        }
    }

    #[test]
    fn arguments_become_settings() {
        let line = "--count 7 --seconds 2.5 --prefix abc --gather 3 --ramp 9 --seed 4 --inject drop-enter=0.25 \
                    --port-base 1234 --transport ws";
        let settings = parse(&line.split_whitespace().collect::<Vec<_>>()).expect("these are sound");
        assert_eq!((settings.count, settings.measured), (7, Duration::from_millis(2_500)));
        assert_eq!((settings.formation, settings.drop_enter), (Formation::Gather(3), 0.25));
        assert_eq!((settings.console.port, settings.seed, settings.ramp_per_s), (1_234, 4, 9.0));
        assert_eq!((settings.transport, settings.prefix.as_str()), (Transport::WebSocket, "abc"));
    }

    #[test]
    fn wrong_arguments_are_refused() {
        for line in [
            "--gather 2 --spread",
            "--inject lose-all=1",
            "--inject drop-enter=2",
            "--url ftp://x",
            "--url http://x --port-base 3",
            "--seconds -1",
            "--count 0",
            "--prefix a/b",
        ] {
            assert!(parse(&line.split_whitespace().collect::<Vec<_>>()).is_err(), "{line}");
        }
    }
}
