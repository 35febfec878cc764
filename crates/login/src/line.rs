//! A line of waiting clients: who came first goes first, and whoever is sent back keeps the place.

use std::collections::BTreeMap;

use kuafu_edge::ConnId;

/// A place in a line; lower is further in front.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place(u64);

#[derive(Debug, Default)]
pub(crate) struct Line {
    waiting: BTreeMap<Place, ConnId>,
    next: u64,
}

impl Line {
    /// A place at the end. It is empty until [`Line::stand`].
    pub(crate) fn new_place(&mut self) -> Place {
        self.next += 1;
        Place(self.next)
    }

    /// Waits at a place.
    pub(crate) fn stand(&mut self, place: Place, conn: ConnId) {
        self.waiting.insert(place, conn);
    }

    /// Leaves the line.
    pub(crate) fn leave(&mut self, place: Place) {
        self.waiting.remove(&place);
    }

    /// The first in the line, who leaves it.
    pub(crate) fn call_next(&mut self) -> Option<(Place, ConnId)> {
        self.waiting.pop_first()
    }

    /// From 1; as if the place were taken.
    pub(crate) fn position(&self, place: Place) -> u32 {
        self.waiting.range(..place).count() as u32 + 1
    }

    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// All who wait, first to last.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Place, ConnId)> {
        self.waiting.iter().map(|(place, conn)| (*place, *conn))
    }

    pub(crate) fn clear(&mut self) {
        self.waiting.clear();
    }
}
