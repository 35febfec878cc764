//! Named counts of a role, as it reports them to the console.

use std::collections::BTreeMap;

/// Counts and gauges by name. Names are snake_case, with the unit last.
#[derive(Clone, Debug, Default)]
pub struct Counters(BTreeMap<&'static str, f64>);

impl Counters {
    /// One more.
    pub fn count(&mut self, name: &'static str) {
        self.add(name, 1.0);
    }

    /// So many more.
    pub fn add(&mut self, name: &'static str, amount: f64) {
        *self.0.entry(name).or_default() += amount;
    }

    /// A gauge's present value.
    pub fn set(&mut self, name: &'static str, value: f64) {
        self.0.insert(name, value);
    }

    /// The present value, 0 when it was never counted.
    #[must_use]
    pub fn get(&self, name: &str) -> f64 {
        self.0.get(name).copied().unwrap_or_default()
    }

    /// All, sorted by name, as [`kuafu_contract::console::Report`] carries them.
    #[must_use]
    pub fn to_numbers(&self) -> Vec<(String, f64)> {
        self.0.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect()
    }
}
