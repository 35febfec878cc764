//! Tick times of one role instance: a sliding window for people, and a window since the last reset for measurements.
//!
//! Both count from marks: how many ticks and how much CPU time there had been at a report. A report that is lost
//! leaves a gap in the work times but not in the marks, when the role counts its `ticks` itself.

use std::collections::VecDeque;
use std::time::Duration;

use hdrhistogram::Histogram;
use kuafu_core::Moment;

use crate::picture::TickTimes;

/// How far back the sliding window reaches.
pub(crate) const WINDOW: Duration = Duration::from_secs(30);
/// The most reports in the sliding window; the oldest leave first.
const REPORTS_MAX: usize = 64;
/// The most work times that are taken from one report; those beyond are counted as ticks only.
pub(crate) const TICKS_PER_REPORT_MAX: usize = 1_024;
/// Work times are kept exact to three digits up to a minute, in microseconds.
const TICK_US_MAX: u64 = 60_000_000;

/// Ticks and CPU time up to one report.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Mark {
    pub(crate) at: Moment,
    pub(crate) ticks: f64,
    pub(crate) cpu_ms: f64,
}

/// What happened between two marks.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Pace {
    /// Ticks per second; 0 for a role that does not tick.
    pub(crate) hz: f64,
    /// CPU milliseconds per second.
    pub(crate) cpu_ms_per_s: f64,
}

impl Pace {
    fn between(first: Mark, last: Mark) -> Option<Self> {
        let seconds = last.at.since(first.at).as_secs_f64();
        (seconds > 0.0).then(|| Self {
            hz: (last.ticks - first.ticks).max(0.0) / seconds,
            cpu_ms_per_s: (last.cpu_ms - first.cpu_ms).max(0.0) / seconds,
        })
    }
}

/// The last 30 s.
#[derive(Debug, Default)]
pub(crate) struct Sliding {
    reports: VecDeque<(Mark, Vec<u32>)>,
}

impl Sliding {
    pub(crate) fn push(&mut self, mark: Mark, tick_us: &[u32]) {
        if self.reports.len() == REPORTS_MAX {
            self.reports.pop_front();
        }
        self.reports.push_back((mark, tick_us.to_vec()));
    }

    /// Adds work times that came late: their marks are passed, they are not.
    pub(crate) fn push_late(&mut self, tick_us: &[u32]) {
        if let Some((_, times)) = self.reports.back_mut() {
            let room = TICKS_PER_REPORT_MAX.saturating_sub(times.len());
            times.extend(tick_us.iter().take(room));
        }
    }

    pub(crate) fn expire(&mut self, now: Moment) {
        while self.reports.front().is_some_and(|(mark, _)| now.since(mark.at) > WINDOW) {
            self.reports.pop_front();
        }
    }

    pub(crate) fn pace(&self) -> Option<Pace> {
        Pace::between(self.reports.front()?.0, self.reports.back()?.0)
    }

    pub(crate) fn times(&self) -> Option<TickTimes> {
        let mut all: Vec<u32> = self.reports.iter().flat_map(|(_, times)| times).copied().collect();
        times_of(&mut all)
    }

    /// The work times of the newest report alone.
    pub(crate) fn newest_times(&self) -> Option<TickTimes> {
        times_of(&mut self.reports.back()?.1.clone())
    }
}

/// Percentiles by nearest rank; `None` when there is nothing.
pub(crate) fn times_of(tick_us: &mut [u32]) -> Option<TickTimes> {
    tick_us.sort_unstable();
    let max = *tick_us.last()?;
    let rank = |share: f64| tick_us[((tick_us.len() as f64 * share).ceil() as usize).clamp(1, tick_us.len()) - 1];
    Some(TickTimes { p50: millis(rank(0.5)), p99: millis(rank(0.99)), max: millis(max) })
}

fn millis(us: u32) -> f64 {
    f64::from(us) / 1e3
}

/// Since the last reset.
///
/// It begins with the first report after the reset: what that one tells happened before.
#[derive(Debug)]
pub(crate) struct SinceReset {
    first: Option<Mark>,
    last: Mark,
    times: Histogram<u64>,
    max_us: u32,
}

impl Default for SinceReset {
    fn default() -> Self {
        let times = Histogram::new_with_bounds(1, TICK_US_MAX, 3).expect("these bounds are valid for any input");
        Self { first: None, last: Mark::default(), times, max_us: 0 }
    }
}

impl SinceReset {
    pub(crate) fn push(&mut self, mark: Mark, tick_us: &[u32]) {
        if self.first.is_none() {
            self.first = Some(mark);
        } else {
            self.push_times(tick_us);
        }
        self.last = mark;
    }

    /// Adds work times that came late, unless they may be from before the reset.
    pub(crate) fn push_late(&mut self, tick_us: &[u32]) {
        if self.first.is_some_and(|first| self.last.at > first.at) {
            self.push_times(tick_us);
        }
    }

    fn push_times(&mut self, tick_us: &[u32]) {
        for us in tick_us {
            self.times.saturating_record(u64::from(*us).max(1));
            self.max_us = self.max_us.max(*us);
        }
    }

    pub(crate) fn pace(&self) -> Option<Pace> {
        Pace::between(self.first?, self.last)
    }

    pub(crate) fn times(&self) -> Option<TickTimes> {
        let at = |share: f64| (self.times.value_at_quantile(share) as f64 / 1e3).min(millis(self.max_us));
        (!self.times.is_empty()).then(|| TickTimes { p50: at(0.5), p99: at(0.99), max: millis(self.max_us) })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn mark(second: u64, ticks: f64) -> Mark {
        Mark { at: Moment(second * 1_000_000), ticks, cpu_ms: ticks * 2.0 }
    }

    #[test]
    fn the_sliding_window_forgets_what_is_older_than_thirty_seconds() {
        let mut sliding = Sliding::default();
        sliding.push(mark(0, 0.0), &[90_000]);
        sliding.push(mark(40, 400.0), &[1_000]);
        sliding.expire(Moment(40_000_000));
        assert_eq!(sliding.times().map(|times| times.max), Some(1.0));
        assert_eq!(sliding.pace(), None, "one mark alone tells no pace");
    }

    #[test]
    fn a_measurement_begins_with_the_first_report_after_the_reset() {
        let mut since = SinceReset::default();
        since.push(mark(10, 100.0), &[50_000]);
        assert_eq!(since.times(), None, "those ticks were before the reset");
        since.push(mark(11, 110.0), &[4_000]);
        assert_eq!(since.times().map(|times| times.max), Some(4.0));
        assert_eq!(since.pace(), Some(Pace { hz: 10.0, cpu_ms_per_s: 20.0 }));
    }

    proptest! {
        #[test]
        fn percentiles_are_those_of_counting_one_by_one(mut us in prop::collection::vec(1_u32..50_000_000, 1..300)) {
            let times = times_of(&mut us.clone()).expect("there are ticks");
            us.sort_unstable();
            let naive = |share: f64| {
                let enough = |value: &&u32| us.iter().filter(|other| other <= value).count() as f64 >= us.len() as f64 * share;
                millis(*us.iter().find(enough).expect("the greatest is enough"))
            };
            prop_assert_eq!(times, TickTimes { p50: naive(0.5), p99: naive(0.99), max: naive(1.0) });
            let mut since = SinceReset::default();
            since.push(mark(0, 0.0), &[]);
            since.push(mark(1, 1.0), &us);
            let kept = since.times().expect("there are ticks");
            prop_assert!((kept.p99 - times.p99).abs() <= times.p99 * 0.002 + 0.001);
            prop_assert_eq!(kept.max, times.max);
        }
    }
}
