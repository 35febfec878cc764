//! How often a password may be tried for one name, whoever tries.

use std::collections::HashMap;
use std::time::Duration;

use kuafu_core::{Moment, Rate, TokenBucket};

/// Names whose attempts are remembered. Beyond that the ones tried longest ago are forgotten.
pub const ATTEMPT_NAMES_MAX: usize = 65_536;

const SPAN: Duration = Duration::from_secs(60);

/// Attempts by name.
#[derive(Debug)]
pub(crate) struct Attempts {
    rate: Rate,
    names_max: usize,
    names: HashMap<String, (TokenBucket, Moment)>,
}

impl Attempts {
    /// So many a minute and name.
    pub(crate) fn new(per_minute: u32, names_max: usize) -> Self {
        Self { rate: Rate { count: per_minute.max(1), span: SPAN }, names_max, names: HashMap::new() }
    }

    /// Whether one more attempt is allowed; then it counts.
    pub(crate) fn take(&mut self, key: &str, now: Moment) -> bool {
        if let Some((bucket, last)) = self.names.get_mut(key) {
            *last = now;
            return bucket.take(self.rate, now);
        }
        if self.names.len() >= self.names_max {
            self.forget(now);
        }
        let mut bucket = TokenBucket::full(now);
        let taken = bucket.take(self.rate, now);
        self.names.insert(key.to_owned(), (bucket, now));
        taken
    }

    /// Makes room: buckets that are full again say nothing; of the others the older half goes.
    fn forget(&mut self, now: Moment) {
        self.names.retain(|_, (_, last)| now.since(*last) < SPAN);
        if self.names.len() >= self.names_max {
            let mut times: Vec<Moment> = self.names.values().map(|(_, last)| *last).collect();
            let middle = times.len() / 2;
            let (_, middle, _) = times.select_nth_unstable(middle);
            let middle = *middle;
            self.names.retain(|_, (_, last)| *last > middle);
        }
    }

    /// Names that are remembered.
    pub(crate) fn len(&self) -> usize {
        self.names.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_name_is_limited_and_others_are_not() {
        let mut attempts = Attempts::new(3, 10);
        let taken = (0..5).filter(|_| attempts.take("ann", Moment(0))).count();
        assert_eq!(taken, 3);
        assert!(attempts.take("bob", Moment(0)));
        assert!(!attempts.take("ann", Moment(10_000_000)));
        assert!(attempts.take("ann", Moment(25_000_000)));
    }

    #[test]
    fn a_flood_of_names_is_bounded_and_forgets_the_oldest() {
        let mut attempts = Attempts::new(1, 100);
        for number in 0..10_000_u64 {
            assert!(attempts.take(&number.to_string(), Moment(number)));
            assert!(attempts.len() <= 100);
        }
        assert!(!attempts.take("9999", Moment(10_000)), "the newest is remembered");
        assert!(attempts.take("0", Moment(10_000)), "the oldest is not");
    }
}
