//! The schedule of ticks: fixed points in time, so that no delay adds up.

use std::time::Duration;

use kuafu_core::{Limits, Moment};

/// When ticks are due.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    period: Duration,
    late_max: Duration,
    next: Moment,
}

/// A tick that is due now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Due {
    /// The point of the schedule that it stands for.
    pub(crate) at: Moment,
    /// How much time it simulates: the time since the tick before, as far as `tick_late_ms_max` allows.
    pub(crate) elapsed: Duration,
    /// How many points of the schedule were left out before it.
    pub(crate) skipped: u64,
}

impl Pace {
    pub(crate) fn new(tick_hz: u32, limits: &Limits) -> Self {
        let period = Duration::from_micros(1_000_000 / u64::from(tick_hz.max(1)));
        let late_max = Duration::from_millis(limits.tick_late_ms_max).max(period);
        Self { period, late_max, next: Moment::NEVER }
    }

    pub(crate) fn start(&mut self, now: Moment) {
        self.next = now + self.period;
    }

    pub(crate) fn next(&self) -> Moment {
        self.next
    }

    pub(crate) fn period(&self) -> Duration {
        self.period
    }

    /// The tick that is due, if one is. Points of the schedule that are past by a whole period are left out.
    pub(crate) fn take(&mut self, now: Moment) -> Option<Due> {
        if now < self.next {
            return None;
        }
        let skipped = (now.since(self.next).as_micros() / self.period.as_micros()) as u64;
        let at = self.next + self.period * u32::try_from(skipped).unwrap_or(u32::MAX);
        self.next = at + self.period;
        let elapsed = self.period.saturating_mul(u32::try_from(skipped + 1).unwrap_or(u32::MAX)).min(self.late_max);
        Some(Due { at, elapsed, skipped })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_tick_does_not_move_the_schedule_and_missed_ones_are_left_out() {
        let mut pace = Pace::new(10, &Limits::default());
        pace.start(Moment(0));
        assert_eq!(pace.take(Moment(99_999)), None);
        let due =
            |at, elapsed_ms, skipped| Some(Due { at: Moment(at), elapsed: Duration::from_millis(elapsed_ms), skipped });
        assert_eq!(pace.take(Moment(130_000)), due(100_000, 100, 0));
        assert_eq!(pace.take(Moment(200_000)), due(200_000, 100, 0));
        assert_eq!(pace.take(Moment(555_000)), due(500_000, 300, 2));
        assert_eq!(pace.next(), Moment(600_000));
        assert_eq!(pace.take(Moment(60_000_000)), due(60_000_000, 1_000, 594));
    }
}
