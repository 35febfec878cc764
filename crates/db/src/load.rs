//! How long commits took since the last report.

use std::time::Duration;

/// Spans kept for one report; further ones are not counted in the percentiles.
const SPANS_MAX: usize = 16_384;

/// Spans since the last report.
#[derive(Debug, Default)]
pub(crate) struct Spans(Vec<Duration>);

impl Spans {
    pub(crate) fn add(&mut self, span: Duration) {
        if self.0.len() < SPANS_MAX {
            self.0.push(span);
        }
    }

    /// Median, 99th percentile and greatest, in milliseconds; starts anew. Zeros when there were none.
    pub(crate) fn take_ms(&mut self) -> [f64; 3] {
        self.0.sort_unstable();
        let at = |share: f64| {
            let rank = (self.0.len() as f64 * share).ceil() as usize;
            self.0.get(rank.saturating_sub(1)).map_or(0.0, |span| span.as_secs_f64() * 1e3)
        };
        let ms = [at(0.5), at(0.99), at(1.0)];
        self.0.clear();
        ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_spans_since_the_last_time() {
        let mut spans = Spans::default();
        assert_eq!(spans.take_ms(), [0.0; 3]);
        for ms in (1..=200).rev() {
            spans.add(Duration::from_millis(ms));
        }
        assert_eq!(spans.take_ms(), [100.0, 198.0, 200.0]);
        spans.add(Duration::from_millis(7));
        assert_eq!(spans.take_ms(), [7.0; 3]);
    }
}
