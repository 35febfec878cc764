//! What time it is in the space, from pings.
//!
//! Of the last few samples the one with the shortest round trip is believed: its error is at most half of that.

use std::collections::VecDeque;

const SAMPLES: usize = 8;

/// The offset between the client's clock and the space time.
#[derive(Clone, Debug, Default)]
pub struct TimeSync {
    samples: VecDeque<Sample>,
}

#[derive(Clone, Copy, Debug)]
struct Sample {
    round_trip_ms: f64,
    offset_ms: f64,
}

impl TimeSync {
    /// Takes a Pong: the client's clock when the Ping left and now, the server's space time and holding time. Returns
    /// the round trip in milliseconds.
    pub(crate) fn sample(&mut self, sent_ms: f64, now_ms: f64, space_time_ms: f64, held_us: u32) -> f64 {
        let round_trip_ms = (now_ms - sent_ms - f64::from(held_us) / 1_000.0).max(0.0);
        if self.samples.len() == SAMPLES {
            self.samples.pop_front();
        }
        let offset_ms = space_time_ms + round_trip_ms / 2.0 - now_ms;
        self.samples.push_back(Sample { round_trip_ms, offset_ms });
        round_trip_ms
    }

    /// Forgets everything: another server, or another space.
    pub(crate) fn clear(&mut self) {
        self.samples.clear();
    }

    /// The space time at `now_ms` of the client's clock, in milliseconds; `None` before the first Pong.
    #[must_use]
    pub fn space_time_ms(&self, now_ms: f64) -> Option<f64> {
        self.best().map(|sample| now_ms + sample.offset_ms)
    }

    /// The shortest of the last round trips, in milliseconds.
    #[must_use]
    pub fn round_trip_ms(&self) -> Option<f64> {
        self.best().map(|sample| sample.round_trip_ms)
    }

    fn best(&self) -> Option<&Sample> {
        self.samples.iter().min_by(|a, b| a.round_trip_ms.total_cmp(&b.round_trip_ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_with_the_shortest_round_trip_is_believed() {
        let mut sync = TimeSync::default();
        assert_eq!(sync.space_time_ms(0.0), None);
        // The space clock is 5,000 ms ahead; the first way took long in one direction only.
        assert_eq!(sync.sample(100.0, 300.0, 5_290.0, 0), 200.0);
        assert_eq!(sync.sample(400.0, 424.0, 5_422.0, 20_000), 4.0);
        assert_eq!(sync.space_time_ms(500.0), Some(5_500.0));
        for _ in 0..SAMPLES {
            sync.sample(1_000.0, 1_100.0, 9_050.0, 0);
        }
        assert_eq!(sync.space_time_ms(1_100.0), Some(9_100.0), "old samples are forgotten");
    }
}
