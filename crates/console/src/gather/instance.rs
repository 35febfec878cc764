//! What the console remembers of one role instance, from report to report.
//!
//! Reports carry no number. Those of one instance are told apart by `thread_cpu_ms`, which never falls: one with less
//! of it than the newest is late, and only its work times are taken.

use std::collections::BTreeMap;
use std::time::Duration;

use kuafu_contract::Address;
use kuafu_contract::console::Report;
use kuafu_core::{Moment, Now, WallTime};

use crate::gather::text::shortened;
use crate::gather::ticks::{Mark, SinceReset, Sliding, TICKS_PER_REPORT_MAX};
use crate::picture::{ENDED, LOST, RolePicture, TickPicture};

/// The most numbers that are kept of one report; those beyond are dropped.
pub(crate) const NUMBERS_MAX: usize = 256;
/// The longest name of a number, in bytes; a number with a longer one is dropped.
const NAME_BYTES_MAX: usize = 64;
/// The longest state, in bytes; a longer one is cut.
const STATE_BYTES_MAX: usize = 24;
/// An instance that is silent for so long is lost.
pub(crate) const LOST_AFTER: Duration = Duration::from_secs(3);
/// Rates are taken over at least so much time, so that two reports that come together do not look like a leap.
const RATE_SPAN_MIN: Duration = Duration::from_millis(800);

/// Numbers that only grow in one life of a role; all others are gauges.
pub(crate) const COUNTS: &[&str] = &[
    "bytes_from_clients",
    "bytes_to_clients",
    "calls",
    "commits",
    "logins",
    "maps",
    "packets_from_clients",
    "registrations",
    "reports",
    "reports_late",
    "reports_refused",
    "saves",
    "script_faults",
    "thread_cpu_ms",
    "ticks",
    "ticks_skipped",
    "writes_to_clients",
];

/// Whether a number only grows.
pub(crate) fn is_count(name: &str) -> bool {
    COUNTS.binary_search(&name).is_ok()
}

#[derive(Debug)]
pub(crate) struct Instance {
    address: Address,
    since: WallTime,
    heard: Moment,
    state: String,
    numbers: BTreeMap<String, f64>,
    rates: BTreeMap<String, f64>,
    /// Where the rates are counted from.
    rates_from: (Moment, BTreeMap<String, f64>),
    ticks_seen: f64,
    sliding: Sliding,
    since_reset: SinceReset,
}

/// What became of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    InOrder,
    Late,
}

impl Instance {
    pub(crate) fn new(address: Address, now: Now) -> Self {
        Self {
            address,
            since: now.wall,
            heard: now.at,
            state: String::new(),
            numbers: BTreeMap::new(),
            rates: BTreeMap::new(),
            rates_from: (now.at, BTreeMap::new()),
            ticks_seen: 0.0,
            sliding: Sliding::default(),
            since_reset: SinceReset::default(),
        }
    }

    pub(crate) fn take(&mut self, now: Now, report: Report) -> Taken {
        let ticks = &report.tick_us[..report.tick_us.len().min(TICKS_PER_REPORT_MAX)];
        self.ticks_seen += report.tick_us.len() as f64;
        let numbers = kept(report.numbers);
        let cpu_ms = numbers.get("thread_cpu_ms").copied().unwrap_or_default();
        if cpu_ms < self.number("thread_cpu_ms").unwrap_or_default() {
            self.sliding.push_late(ticks);
            self.since_reset.push_late(ticks);
            return Taken::Late;
        }
        let mark = Mark { at: now.at, ticks: numbers.get("ticks").copied().unwrap_or(self.ticks_seen), cpu_ms };
        self.sliding.push(mark, ticks);
        self.since_reset.push(mark, ticks);
        self.numbers = numbers;
        self.state = shortened(report.state, STATE_BYTES_MAX);
        self.heard = now.at;
        self.take_rates(now.at);
        Taken::InOrder
    }

    fn take_rates(&mut self, at: Moment) {
        let (from, before) = &self.rates_from;
        let span = at.since(*from);
        if before.is_empty() {
            self.rates_from = (at, self.numbers.clone());
        } else if span >= RATE_SPAN_MIN {
            let rate = |(name, value): (&String, &f64)| {
                let grown = value - before.get(name)?;
                (is_count(name) && grown >= 0.0).then(|| (name.clone(), grown / span.as_secs_f64()))
            };
            self.rates = self.numbers.iter().filter_map(rate).collect();
            self.rates_from = (at, self.numbers.clone());
        }
    }

    pub(crate) fn address(&self) -> Address {
        self.address
    }

    pub(crate) fn heard(&self) -> Moment {
        self.heard
    }

    pub(crate) fn is_alive(&self, now: Moment) -> bool {
        now.since(self.heard) <= LOST_AFTER
    }

    pub(crate) fn number(&self, name: &str) -> Option<f64> {
        self.numbers.get(name).copied()
    }

    pub(crate) fn numbers(&self) -> &BTreeMap<String, f64> {
        &self.numbers
    }

    /// Change per second of a count; 0 when it is not known.
    pub(crate) fn rate(&self, name: &str) -> f64 {
        self.rates.get(name).copied().unwrap_or_default()
    }

    pub(crate) fn sliding(&self) -> &Sliding {
        &self.sliding
    }

    pub(crate) fn since_reset(&self) -> &SinceReset {
        &self.since_reset
    }

    pub(crate) fn expire(&mut self, now: Moment) {
        self.sliding.expire(now);
    }

    pub(crate) fn reset(&mut self) {
        self.since_reset = SinceReset::default();
    }

    pub(crate) fn picture(&self, now: Moment) -> RolePicture {
        let alive = self.is_alive(now);
        let state = match self.state.as_str() {
            _ if alive => &self.state,
            "draining" | "drained" | ENDED => ENDED,
            _ => LOST,
        };
        let pace = self.sliding.pace();
        RolePicture {
            address: self.address,
            state: state.to_owned(),
            since: self.since,
            report_age_ms: u64::try_from(now.since(self.heard).as_millis()).unwrap_or(u64::MAX),
            cpu_percent: self.rates.get("thread_cpu_ms").filter(|_| alive).map(|ms_per_s| ms_per_s / 10.0),
            rss_mib: self.number("process_rss_mib").filter(|_| alive),
            mailbox: self.number("mailbox_waiting").filter(|_| alive),
            tick: self.sliding.times().map(|ms| TickPicture { hz: pace.map(|pace| pace.hz), ms }),
            numbers: self.numbers.iter().map(|(name, value)| (name.clone(), *value)).collect(),
            rates: if alive { self.rates.clone() } else { BTreeMap::new() },
        }
    }
}

/// The numbers that can be shown: finite, with a name of sensible length.
fn kept(numbers: Vec<(String, f64)>) -> BTreeMap<String, f64> {
    let sound = |(name, value): &(String, f64)| value.is_finite() && !name.is_empty() && name.len() <= NAME_BYTES_MAX;
    numbers.into_iter().filter(sound).take(NUMBERS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_sorted_so_that_they_are_found() {
        assert!(COUNTS.is_sorted());
        assert!(is_count("bytes_to_clients") && !is_count("players"));
    }
}
