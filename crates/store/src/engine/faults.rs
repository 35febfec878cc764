//! Faults on order: where the next commits of a store fail, so that tests reach outcomes that no healthy disk gives.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// Where a commit fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultPoint {
    /// Nothing is written: every command of the group is refused with StoreFailed.
    BeforeCommit,
    /// All is written and synced, but no one is told: every command of the group ends as unknown.
    AfterCommit,
    /// Nothing is written, and no one is told: every command of the group ends as unknown.
    InCommit,
}

/// The faults that wait, one a group. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Faults(Arc<Mutex<VecDeque<FaultPoint>>>);

impl Faults {
    /// Lets a coming group fail, after those that were ordered before.
    pub fn inject(&self, point: FaultPoint) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push_back(point);
    }

    /// The fault of this group.
    pub(crate) fn take(&self) -> Option<FaultPoint> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}
