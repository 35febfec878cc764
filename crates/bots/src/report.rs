//! What a run found, as one document.
//!
//! The names of the first fields are a contract (`kuafu bots --report`); further ones explain them. A number that was
//! not measured is null.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::console::ServerNumbers;
use crate::settings::Settings;
use crate::tally::{Percentiles, Tally};

/// A run.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Bots asked for.
    pub asked: u64,
    /// Bots that came into the game.
    pub logged_in: u64,
    /// Bots with a connection when the time was over.
    pub online_at_end: u64,
    /// Connections that were lost, or cut on purpose, and made again.
    pub reconnected: u64,
    /// What should not have happened; `error_texts` tells.
    pub errors: u64,
    /// Views that were compared with the truth.
    pub checks: u64,
    /// Differences that lasted.
    pub view_mismatches: u64,
    /// Entities in view, the own one left out.
    pub in_view: InView,
    /// Positions that a client sent, each second.
    pub moves_per_client_per_s: f64,
    /// Movement records and property changes that a client received, each second.
    pub updates_per_client_per_s: f64,
    /// Bytes that a client received in packets, each second.
    pub bytes_per_client_per_s: f64,
    /// Bots that came in, each second of the ramp.
    pub logins_per_s: f64,
    /// Round trips without the server's own part, in milliseconds.
    pub rtt_ms: Percentiles,
    /// From a lost connection to standing in the space again, in milliseconds.
    pub recovery_ms: Percentiles,
    /// Durable operations that bots were told are saved.
    pub acknowledged: u64,
    /// Those that were not found afterwards.
    pub acknowledged_lost: u64,
    /// The server's ticks a second, slowest cell.
    pub tick_hz: Option<f64>,
    /// The server's work time of a tick in milliseconds, worst cell.
    pub tick_ms: Percentiles,
    /// The server's spaces.
    pub spaces: Option<u64>,
    /// The server's cells.
    pub cells: Option<u64>,
    /// The server's CPU milliseconds for each tick.
    pub cpu_ms_per_tick: CpuPerTick,
    /// The server's memory.
    pub rss_mib: Option<f64>,
    /// More about the same.
    #[serde(flatten)]
    pub details: Details,
}

/// How many are in view.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct InView {
    /// Of all checks.
    pub mean: f64,
    /// In one check.
    pub max: u64,
}

/// CPU milliseconds for each tick.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct CpuPerTick {
    /// Of all cells.
    pub cell: Option<f64>,
    /// Of all bases.
    pub base: Option<f64>,
}

/// What explains a report.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Details {
    /// What the account names begin with.
    pub prefix: String,
    /// The seed of walks and habits.
    pub seed: u64,
    /// How long was measured, in seconds.
    pub measured_s: f64,
    /// From the first login to the last one that succeeded, in seconds.
    pub ramp_s: f64,
    /// The run was ended before its time.
    pub ended_early: bool,
    /// Comparisons in all checks.
    pub compared: u64,
    /// Mismatches by kind.
    pub mismatch_kinds: BTreeMap<&'static str, u64>,
    /// Some mismatches.
    pub mismatch_examples: Vec<String>,
    /// What the errors said, and how often.
    pub error_texts: BTreeMap<String, u64>,
    /// Connections that broke.
    pub disconnected: u64,
    /// Moves that the server refused.
    pub corrected: u64,
    /// Calls that ended.
    pub calls: u64,
    /// Calls whose outcome is unknown.
    pub calls_unknown: u64,
    /// Client methods that were called.
    pub heard: u64,
    /// Enters that the bots dropped on purpose.
    pub dropped_enters: u64,
    /// Cores that the bots themselves used.
    pub bots_cpu_cores: Option<f64>,
}

/// What only the one who led the run knows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Course {
    pub(crate) logged_in: u64,
    pub(crate) online_at_end: u64,
    pub(crate) measured_s: f64,
    pub(crate) ramp_s: f64,
    pub(crate) ended_early: bool,
    pub(crate) bots_cpu_cores: Option<f64>,
}

impl Report {
    pub(crate) fn new(settings: &Settings, tally: &Tally, course: &Course, server: &ServerNumbers) -> Self {
        let client_seconds = tally.volume.seconds.max(f64::MIN_POSITIVE);
        let rate = |count: u64| if count == 0 { 0.0 } else { short(count as f64 / client_seconds) };
        let times = server.tick_ms.unwrap_or_default();
        let cpu = |role: &str| server.cpu_ms_per_tick.get(role).copied().flatten();
        Self {
            asked: settings.count as u64,
            logged_in: course.logged_in,
            online_at_end: course.online_at_end,
            reconnected: tally.reconnected,
            errors: tally.errors,
            checks: tally.checks,
            view_mismatches: tally.mismatches_total(),
            in_view: InView { mean: short(tally.in_view_mean()), max: tally.in_view_max },
            moves_per_client_per_s: rate(tally.volume.moves),
            updates_per_client_per_s: rate(tally.volume.updates),
            bytes_per_client_per_s: rate(tally.volume.bytes),
            logins_per_s: short(course.logged_in as f64 / course.ramp_s.max(0.001)),
            rtt_ms: tally.round_trips.percentiles(),
            recovery_ms: tally.recoveries.percentiles(),
            acknowledged: tally.acknowledged,
            acknowledged_lost: tally.acknowledged_lost,
            tick_hz: server.tick_hz,
            tick_ms: Percentiles { p50: times.p50, p99: times.p99, max: times.max },
            spaces: server.spaces,
            cells: server.cells,
            cpu_ms_per_tick: CpuPerTick { cell: cpu("cell"), base: cpu("base") },
            rss_mib: server.rss_mib,
            details: details(settings, tally, course),
        }
    }

    /// Why this run is no success; empty when it is one.
    #[must_use]
    pub fn failures(&self) -> Vec<String> {
        let missing = self.asked.saturating_sub(self.logged_in);
        let gone = self.logged_in.saturating_sub(self.online_at_end);
        let counts = [
            (missing, "bots did not come in"),
            (gone, "bots were not online at the end"),
            (self.view_mismatches, "mismatches between views and the truth"),
            (self.errors, "errors"),
            (self.acknowledged_lost, "acknowledged operations were lost"),
            (u64::from(self.checks == 0 && !self.details.ended_early), "measurement without any check"),
        ];
        counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect()
    }
}

fn details(settings: &Settings, tally: &Tally, course: &Course) -> Details {
    Details {
        prefix: settings.prefix.clone(),
        seed: settings.seed,
        measured_s: short(course.measured_s),
        ramp_s: short(course.ramp_s),
        ended_early: course.ended_early,
        compared: tally.compared,
        mismatch_kinds: tally.mismatches.iter().map(|(kind, count)| (kind.name(), *count)).collect(),
        mismatch_examples: tally.examples.clone(),
        error_texts: tally.error_texts.clone(),
        disconnected: tally.disconnected,
        corrected: tally.corrected,
        calls: tally.calls,
        calls_unknown: tally.calls_unknown,
        heard: tally.volume.heard,
        dropped_enters: tally.dropped,
        bots_cpu_cores: course.bots_cpu_cores.map(short),
    }
}

/// To three digits after the point.
fn short(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use kuafu_client::Transport;
    use kuafu_core::EntityId;
    use serde_json::Value;

    use super::*;
    use crate::check::{Kind, Mismatch};
    use crate::console::{ConsoleAddress, TickTimes};
    use crate::plan::Formation;
    use crate::tally::Volume;

    fn report(tally: &Tally, course: &Course, server: &ServerNumbers) -> Report {
        let settings = Settings {
            console: ConsoleAddress { host: "127.0.0.1".to_owned(), port: 9998 },
            transport: Transport::Tcp,
            count: 10,
            measured: Duration::from_secs(10),
            prefix: "bot-x".to_owned(),
            formation: Formation::Spread,
            ramp_per_s: 100.0,
            seed: 7,
            drop_enter: 0.0,
            hysteresis: 5.0,
        };
        Report::new(&settings, tally, course, server)
    }

    fn sound() -> (Tally, Course, ServerNumbers) {
        let volume = Volume { seconds: 100.0, moves: 1_000, updates: 50_000, bytes: 400_000, heard: 0 };
        let mut tally = Tally { volume, acknowledged: 5, ..Tally::default() };
        tally.note_check(50, 60);
        tally.note_check(40, 60);
        tally.round_trips.add(Duration::from_millis(2));
        let course = Course { logged_in: 10, online_at_end: 10, measured_s: 10.0, ramp_s: 0.5, ..Course::default() };
        let server = ServerNumbers {
            tick_hz: Some(10.0),
            tick_ms: Some(TickTimes { p50: Some(1.0), p99: Some(2.0), max: Some(3.0) }),
            spaces: Some(1),
            cells: Some(1),
            cpu_ms_per_tick: [("cell".to_owned(), Some(4.5)), ("base".to_owned(), None)].into(),
            rss_mib: Some(99.5),
        };
        (tally, course, server)
    }

    #[test]
    fn the_document_has_the_fields_of_the_contract() {
        let (tally, course, server) = sound();
        let json = serde_json::to_value(report(&tally, &course, &server)).expect("it encodes");
        for (pointer, wanted) in [
            ("/asked", 10.0),
            ("/logged_in", 10.0),
            ("/online_at_end", 10.0),
            ("/reconnected", 0.0),
            ("/errors", 0.0),
            ("/checks", 2.0),
            ("/view_mismatches", 0.0),
            ("/in_view/mean", 45.0),
            ("/in_view/max", 50.0),
            ("/moves_per_client_per_s", 10.0),
            ("/updates_per_client_per_s", 500.0),
            ("/bytes_per_client_per_s", 4_000.0),
            ("/logins_per_s", 20.0),
            ("/acknowledged", 5.0),
            ("/acknowledged_lost", 0.0),
            ("/tick_hz", 10.0),
            ("/tick_ms/p50", 1.0),
            ("/tick_ms/p99", 2.0),
            ("/tick_ms/max", 3.0),
            ("/spaces", 1.0),
            ("/cells", 1.0),
            ("/cpu_ms_per_tick/cell", 4.5),
            ("/rss_mib", 99.5),
        ] {
            assert_eq!(json.pointer(pointer).and_then(Value::as_f64), Some(wanted), "{pointer} in {json:#}");
        }
        for pointer in ["/rtt_ms/p50", "/rtt_ms/p99", "/rtt_ms/max"] {
            let ms = json.pointer(pointer).and_then(Value::as_f64).expect("it was measured");
            assert!((ms - 2.0).abs() < 0.01, "{pointer}: {ms}");
        }
        for pointer in ["/recovery_ms/p50", "/recovery_ms/p99", "/recovery_ms/max", "/cpu_ms_per_tick/base"] {
            assert_eq!(json.pointer(pointer), Some(&Value::Null), "{pointer} was not measured");
        }
    }

    #[test]
    fn a_report_without_numbers_is_a_document_all_the_same() {
        let json = serde_json::to_string(&report(&Tally::default(), &Course::default(), &ServerNumbers::default()));
        assert!(json.is_ok_and(|json| json.contains("\"tick_hz\":null")));
    }

    #[test]
    fn only_a_run_without_fault_is_a_success() {
        let (tally, course, server) = sound();
        assert_eq!(report(&tally, &course, &server).failures(), Vec::<String>::new());
        let faults: [fn(&mut Tally, &mut Course); 6] = [
            |tally, _| tally.note_error("x"),
            |tally, _| tally.note_mismatch("b", &Mismatch { kind: Kind::Absent, entity: EntityId(1), metres: 1.0 }),
            |tally, _| tally.acknowledged_lost = 1,
            |tally, _| tally.checks = 0,
            |_, course| course.logged_in = 9,
            |_, course| course.online_at_end = 9,
        ];
        for fault in faults {
            let (mut tally, mut course, server) = sound();
            fault(&mut tally, &mut course);
            assert!(!report(&tally, &course, &server).failures().is_empty());
        }
    }
}
