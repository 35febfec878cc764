//! Who is alive: the incarnations that this process has handed out and not ended.
//!
//! The lock on the data folder proves that every incarnation from before is dead. The set is shared between the writer,
//! which decides by it inside its transactions, and readers, which only leave owned records out of a list by it.

use std::collections::BTreeSet;
use std::sync::{PoisonError, RwLock};

use kuafu_core::Incarnation;

/// The living incarnations.
#[derive(Debug, Default)]
pub(crate) struct Live(RwLock<BTreeSet<Incarnation>>);

impl Live {
    pub(crate) fn insert(&self, incarnation: Incarnation) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(incarnation);
    }

    pub(crate) fn remove(&self, incarnation: Incarnation) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(&incarnation);
    }

    pub(crate) fn has(&self, incarnation: Incarnation) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).contains(&incarnation)
    }

    /// All as a JSON array, to be bound as one argument.
    pub(crate) fn json(&self) -> String {
        let live = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let numbers: Vec<u32> = live.iter().map(|incarnation| incarnation.0).collect();
        serde_json::Value::from(numbers).to_string()
    }
}
