//! Clocks and memory of this process, and what becomes of many measurements.

use std::fmt;
use std::time::{Duration, Instant};

use rustix::time::ClockId;
use serde::{Deserialize, Serialize};

/// A median with the tenth and ninetieth percentile.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Spread {
    pub(crate) p10: f64,
    pub(crate) median: f64,
    pub(crate) p90: f64,
}

impl Spread {
    /// # Panics
    /// When nothing was measured.
    pub(crate) fn of(mut figures: Vec<f64>) -> Self {
        figures.sort_unstable_by(f64::total_cmp);
        let at = |part: f64| figures[((figures.len() - 1) as f64 * part) as usize];
        Self { p10: at(0.1), median: at(0.5), p90: at(0.9) }
    }

    /// The same in another unit.
    pub(crate) fn times(self, factor: f64) -> Self {
        Self { p10: self.p10 * factor, median: self.median * factor, p90: self.p90 * factor }
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = if self.median < 1.0 { 3 } else { 2 };
        f.pad(&format!("{:.digits$} ({:.digits$}-{:.digits$})", self.median, self.p10, self.p90))
    }
}

#[expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Milliseconds of this thread's processor time: what others do on the machine counts only through shared caches.
pub(crate) fn measure_ms(work: impl FnOnce()) -> f64 {
    let start = cpu(ClockId::ThreadCPUTime);
    work();
    (cpu(ClockId::ThreadCPUTime) - start).as_secs_f64() * 1e3
}

/// How long all threads of this process have worked, kernel time included.
pub(crate) fn process_cpu() -> Duration {
    cpu(ClockId::ProcessCPUTime)
}

fn cpu(clock: ClockId) -> Duration {
    let time = rustix::time::clock_gettime(clock);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or_default(), u32::try_from(time.tv_nsec).unwrap_or_default())
}

/// Bytes of memory that this process holds, from `/proc/self/statm`; 0 where there is none.
pub(crate) fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or_default() * rustix::param::page_size() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_is_read_off_the_sorted_figures() {
        let spread = Spread::of((1..=11).rev().map(f64::from).collect());
        assert_eq!((spread.p10, spread.median, spread.p90), (2.0, 6.0, 10.0));
    }

    #[test]
    fn this_process_has_memory_and_works() {
        assert!(resident_bytes() > 0);
        assert!(process_cpu() > Duration::ZERO);
    }
}
