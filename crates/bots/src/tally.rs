//! What all bots of a run counted, together.
//!
//! Bots add to it about once a second each. Everything in it is bounded: texts are kept once with how often they came.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::check::{Kind, Mismatch};

/// The most different texts of errors; further ones are counted together.
const TEXTS_MAX: usize = 40;
/// How many mismatches are described one by one.
const EXAMPLES_MAX: usize = 20;
/// The longest span that is told exactly, in microseconds: ten minutes.
const SPAN_US_MAX: u64 = 600_000_000;

/// Spans of time and their percentiles.
#[derive(Clone, Debug)]
pub(crate) struct Spans(Histogram<u64>);

impl Default for Spans {
    fn default() -> Self {
        Self(Histogram::new_with_bounds(1, SPAN_US_MAX, 3).expect("these bounds are valid for any input"))
    }
}

/// Percentiles in milliseconds; `None` when there was nothing to measure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Percentiles {
    /// Half are shorter.
    pub p50: Option<f64>,
    /// 99 of 100 are shorter.
    pub p99: Option<f64>,
    /// The longest.
    pub max: Option<f64>,
}

impl Spans {
    /// Adds a span.
    pub(crate) fn add(&mut self, span: Duration) {
        let us = u64::try_from(span.as_micros()).unwrap_or(u64::MAX);
        self.0.saturating_record(us.clamp(1, SPAN_US_MAX));
    }

    /// What is known of them.
    #[must_use]
    pub(crate) fn percentiles(&self) -> Percentiles {
        let ms = |us: u64| (!self.0.is_empty()).then_some(us as f64 / 1e3);
        let at = |share: f64| ms(self.0.value_at_quantile(share).min(self.0.max()));
        Percentiles { p50: at(0.5), p99: at(0.99), max: ms(self.0.max()) }
    }
}

/// What one bot sent and received in the time that counts.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Volume {
    /// How long it counted, in seconds.
    pub seconds: f64,
    /// Positions sent.
    pub moves: u64,
    /// Movement records and property changes received.
    pub updates: u64,
    /// Bytes received, in packets.
    pub bytes: u64,
    /// Client methods that were called.
    pub(crate) heard: u64,
}

/// Counts of all bots.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    /// Round trips.
    pub round_trips: Spans,
    /// From a lost connection to standing in the space again.
    pub recoveries: Spans,
    /// Views that were compared with the truth.
    pub checks: u64,
    /// Comparisons in them.
    pub compared: u64,
    /// Mismatches by kind.
    pub mismatches: BTreeMap<Kind, u64>,
    /// Some of them, for people.
    pub examples: Vec<String>,
    /// Sum of the sizes of the views that were checked, own entities left out.
    pub in_view_sum: u64,
    /// The largest of them.
    pub in_view_max: u64,
    /// Errors.
    pub errors: u64,
    /// What they said, and how often.
    pub error_texts: BTreeMap<String, u64>,
    /// Connections that broke.
    pub disconnected: u64,
    /// Connections that were made again.
    pub reconnected: u64,
    /// Moves that the server refused.
    pub corrected: u64,
    /// Calls that ended.
    pub calls: u64,
    /// Calls whose outcome is unknown.
    pub calls_unknown: u64,
    /// Enters that were dropped on purpose.
    pub dropped: u64,
    /// Durable operations that were acknowledged.
    pub acknowledged: u64,
    /// Acknowledged operations that were not found afterwards.
    pub acknowledged_lost: u64,
    /// What bots sent and received.
    pub volume: Volume,
}

impl Tally {
    /// Counts something that should not have happened.
    pub(crate) fn note_error(&mut self, text: &str) {
        self.errors += 1;
        let text: String = text.chars().take(200).collect();
        if self.error_texts.len() < TEXTS_MAX || self.error_texts.contains_key(&text) {
            *self.error_texts.entry(text).or_default() += 1;
        } else {
            *self.error_texts.entry("others".to_owned()).or_default() += 1;
        }
    }

    /// Counts the check of a view with `in_view` others.
    pub(crate) fn note_check(&mut self, in_view: u64, compared: u32) {
        self.checks += 1;
        self.compared += u64::from(compared);
        self.in_view_sum += in_view;
        self.in_view_max = self.in_view_max.max(in_view);
    }

    /// Counts a mismatch that `bot` found.
    pub(crate) fn note_mismatch(&mut self, bot: &str, mismatch: &Mismatch) {
        *self.mismatches.entry(mismatch.kind).or_default() += 1;
        if self.examples.len() < EXAMPLES_MAX {
            let Mismatch { kind, entity, metres } = mismatch;
            self.examples.push(format!("{bot}: entity {entity} {}, {metres:.1} m", kind.name()));
        }
    }

    /// All mismatches.
    #[must_use]
    pub(crate) fn mismatches_total(&self) -> u64 {
        self.mismatches.values().sum()
    }

    /// The mean size of the views that were checked.
    #[must_use]
    pub(crate) fn in_view_mean(&self) -> f64 {
        self.in_view_sum as f64 / self.checks.max(1) as f64
    }

    /// Adds what a bot sent and received.
    pub(crate) fn add_volume(&mut self, volume: Volume) {
        self.volume.seconds += volume.seconds;
        self.volume.moves += volume.moves;
        self.volume.updates += volume.updates;
        self.volume.bytes += volume.bytes;
        self.volume.heard += volume.heard;
    }
}

#[cfg(test)]
mod tests {
    use kuafu_core::EntityId;

    use super::*;

    #[test]
    fn percentiles_are_near_those_of_a_sorted_list() {
        let mut spans = Spans::default();
        assert_eq!(spans.percentiles(), Percentiles::default());
        (1..=1_000).for_each(|ms| spans.add(Duration::from_millis(ms)));
        let Percentiles { p50: Some(p50), p99: Some(p99), max: Some(max) } = spans.percentiles() else {
            panic!("there are spans")
        };
        assert!(
            (p50 - 500.0).abs() < 1.0 && (p99 - 990.0).abs() < 1.5 && (max - 1_000.0).abs() < 1.0,
            "{p50} {p99} {max}"
        );
        spans.add(Duration::from_secs(100_000));
        assert!(spans.percentiles().max.is_some_and(|max| max <= 600_500.0), "too long a span counts as the longest");
    }

    #[test]
    fn texts_and_examples_are_bounded_and_counts_are_not() {
        let mut tally = Tally::default();
        for number in 0..1_000 {
            tally.note_error(&format!("error {}", number % 100));
            let mismatch = Mismatch { kind: Kind::Absent, entity: EntityId(number), metres: 1.0 };
            tally.note_mismatch("bot", &mismatch);
        }
        assert_eq!((tally.errors, tally.mismatches_total()), (1_000, 1_000));
        assert_eq!(tally.error_texts.values().sum::<u64>(), 1_000);
        assert!(tally.error_texts.len() <= TEXTS_MAX + 1 && tally.examples.len() == EXAMPLES_MAX);
    }
}
