//! Numbers that game logic counts, by names of its own choice: bounded, since logic can make names without end.

use std::collections::BTreeMap;
use std::sync::Arc;

/// What stands before each name in reports, so that no game's name can be taken for one of ours.
const PREFIX: &str = "game_";

/// Counts and gauges of one base's or cell's logic.
#[derive(Debug)]
pub struct Measures {
    numbers: BTreeMap<Arc<str>, f64>,
    names_max: usize,
    /// What is counted under names beyond the bound.
    other: f64,
}

impl Measures {
    /// No numbers yet; at most so many names.
    #[must_use]
    pub fn new(names_max: u32) -> Self {
        Self { numbers: BTreeMap::new(), names_max: names_max as usize, other: 0.0 }
    }

    /// Adds to a number, or sets it.
    pub fn note(&mut self, name: Arc<str>, amount: f64, is_gauge: bool) {
        if let Some(number) = self.numbers.get_mut(&name) {
            *number = if is_gauge { amount } else { *number + amount };
        } else if self.numbers.len() < self.names_max {
            self.numbers.insert(name, amount);
        } else if !is_gauge {
            self.other += amount;
        }
    }

    /// All, for a report.
    pub fn to_numbers(&self) -> impl Iterator<Item = (String, f64)> {
        let other = (self.other != 0.0).then(|| (format!("{PREFIX}other"), self.other));
        self.numbers.iter().map(|(name, number)| (format!("{PREFIX}{name}"), *number)).chain(other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_beyond_the_bound_are_counted_together() {
        let mut measures = Measures::new(2);
        for name in ["kills", "kills", "load", "third", "fourth"] {
            measures.note(name.into(), 2.0, false);
        }
        measures.note("load".into(), 0.5, true);
        measures.note("fifth".into(), 9.0, true);
        let numbers: Vec<(String, f64)> = measures.to_numbers().collect();
        let expected = [("game_kills", 4.0), ("game_load", 0.5), ("game_other", 4.0)];
        assert_eq!(numbers, expected.map(|(name, number)| (name.to_owned(), number)));
    }
}
