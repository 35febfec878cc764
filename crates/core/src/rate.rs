//! Token buckets: how often something may happen.

use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Moment;

/// So many times in such a span, written `"3/s"`, `"10/min"` or `"100/h"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// How many events the span allows; also the burst.
    pub count: u32,
    /// The span.
    pub span: Duration,
}

/// A text that is not a rate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a rate: write a count of at least 1, a slash and `s`, `min` or `h`, such as `3/s`")]
pub struct NotARate(pub String);

impl FromStr for Rate {
    type Err = NotARate;

    fn from_str(text: &str) -> Result<Self, NotARate> {
        let wrong = || NotARate(text.to_owned());
        let (count, unit) = text.split_once('/').ok_or_else(wrong)?;
        let count: u32 = count.trim().parse().map_err(|_| wrong())?;
        let seconds = match unit.trim() {
            "s" => 1,
            "min" => 60,
            "h" => 3600,
            _ => return Err(wrong()),
        };
        if count == 0 {
            return Err(wrong());
        }
        Ok(Self { count, span: Duration::from_secs(seconds) })
    }
}

/// Allows a [`Rate`] with bursts of up to its count.
#[derive(Clone, Copy, Debug)]
pub struct TokenBucket {
    /// Spent time credit, in microseconds: the bucket is full at 0 and empty at `span`.
    debt_us: u64,
    last: Moment,
}

impl TokenBucket {
    /// A full bucket.
    #[must_use]
    pub fn full(now: Moment) -> Self {
        Self { debt_us: 0, last: now }
    }

    /// Takes one token. `false` when there is none, and then nothing is taken.
    pub fn take(&mut self, rate: Rate, now: Moment) -> bool {
        self.take_many(rate, 1, now)
    }

    /// Takes `tokens` at once, or nothing.
    pub fn take_many(&mut self, rate: Rate, tokens: u32, now: Moment) -> bool {
        let span_us = rate.span.as_micros() as u64;
        let price_us = span_us * u64::from(tokens) / u64::from(rate.count);
        self.debt_us = self.debt_us.saturating_sub(now.since(self.last).as_micros() as u64);
        self.last = self.last.max(now);
        if self.debt_us + price_us > span_us {
            return false;
        }
        self.debt_us += price_us;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_read_from_its_text() {
        assert_eq!("3/s".parse(), Ok(Rate { count: 3, span: Duration::from_secs(1) }));
        assert_eq!("10 / min".parse(), Ok(Rate { count: 10, span: Duration::from_secs(60) }));
        for wrong in ["", "3", "0/s", "-1/s", "3/day", "x/s"] {
            assert!(wrong.parse::<Rate>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_bucket_allows_a_burst_and_then_the_rate() {
        let rate = "3/s".parse().expect("a rate");
        let mut bucket = TokenBucket::full(Moment(0));
        let burst = (0..5).filter(|_| bucket.take(rate, Moment(0))).count();
        assert_eq!(burst, 3);
        assert!(!bucket.take(rate, Moment(200_000)));
        assert!(bucket.take(rate, Moment(400_000)));
        assert!(!bucket.take(rate, Moment(400_000)));
    }
}
