//! One bot's durable operations: what it was told is saved, and what was found afterwards.
//!
//! Each operation adds 1 to a sum that the server keeps, and the answer is the new sum. So the sum never falls below
//! the last answer, and exceeds it by no more than the operations whose outcome is unknown.

/// The account of one bot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// The last sum that is known to be saved.
    sum: Option<i64>,
    /// Operations since that may have happened.
    unknown: i64,
    /// Operations that were acknowledged.
    pub acknowledged: u64,
    /// Acknowledged operations that were not found afterwards.
    pub lost: u64,
    /// Operations that happened and that nobody asked for.
    pub doubled: u64,
}

impl Ledger {
    /// The last sum that is known to be saved; `None` before the first one.
    #[must_use]
    pub fn sum(&self) -> Option<i64> {
        self.sum
    }

    /// An operation was acknowledged with the new sum.
    pub fn acknowledge(&mut self, sum: i64) {
        if let Some(before) = self.sum {
            self.compare(before + 1, sum);
            self.unknown = (self.unknown - (sum - before - 1).max(0)).max(0);
        }
        self.acknowledged += 1;
        self.sum = Some(sum);
    }

    /// An operation ended without an answer.
    pub fn note_unknown(&mut self) {
        self.unknown += 1;
    }

    /// The sum that a login found.
    pub fn find(&mut self, sum: i64) {
        match self.sum {
            None => self.sum = Some(sum),
            Some(known) => {
                self.compare(known, sum);
                // What is lost or came twice is counted once.
                if sum < known {
                    self.sum = Some(sum);
                } else if sum > known + self.unknown {
                    (self.sum, self.unknown) = (Some(sum), 0);
                }
            }
        }
    }

    /// Whether an own sum that is seen in the game can be true.
    #[must_use]
    pub fn allows(&self, sum: i64, in_flight: bool) -> bool {
        let least = self.sum.unwrap_or(i64::MIN);
        let most = self.sum.map_or(i64::MAX, |known| known + self.unknown + i64::from(in_flight));
        (least..=most).contains(&sum)
    }

    fn compare(&mut self, least: i64, found: i64) {
        self.lost += (least - found).max(0).unsigned_abs();
        self.doubled += (found - least - self.unknown).max(0).unsigned_abs();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A bot that found 10 at its first login.
    fn began() -> Ledger {
        let mut ledger = Ledger::default();
        ledger.find(10);
        ledger
    }

    #[test]
    fn what_was_acknowledged_and_is_found_is_well() {
        let mut ledger = began();
        ledger.acknowledge(11);
        ledger.acknowledge(12);
        ledger.find(12);
        assert_eq!((ledger.acknowledged, ledger.lost, ledger.doubled), (2, 0, 0));
    }

    #[test]
    fn acknowledged_operations_that_are_not_found_are_lost_and_counted_once() {
        let mut ledger = began();
        (11..=15).for_each(|sum| ledger.acknowledge(sum));
        ledger.find(13);
        ledger.find(13);
        assert_eq!(ledger.lost, 2);
        ledger.acknowledge(13);
        assert_eq!(ledger.lost, 3, "an answer that does not grow lost what it said");
    }

    #[test]
    fn more_is_fine_only_by_operations_of_unknown_outcome() {
        let mut ledger = began();
        ledger.acknowledge(11);
        ledger.note_unknown();
        ledger.find(11);
        ledger.find(12);
        assert_eq!((ledger.lost, ledger.doubled), (0, 0));
        ledger.acknowledge(13);
        assert_eq!(ledger.doubled, 0, "the unknown one happened");
        ledger.find(14);
        ledger.find(14);
        assert_eq!(ledger.doubled, 1, "and cannot happen twice");
    }

    #[test]
    fn a_sum_seen_in_the_game_may_be_ahead_of_its_answer() {
        let mut ledger = began();
        ledger.acknowledge(11);
        assert!(ledger.allows(11, false) && ledger.allows(12, true));
        assert!(!ledger.allows(12, false) && !ledger.allows(10, true));
    }
}
