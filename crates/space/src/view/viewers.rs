//! Which bases have a viewer of each entity.
//!
//! The mask changes only when a view does, so keeping counts there is far cheaper than to collect a mask per pair and
//! tick. A [`MaskSet`] beside it collects what the counts cannot know, for the few entities that it concerns.

use crate::entities::Index;

/// How many witnesses of each base have each entity in view.
#[derive(Debug)]
pub(crate) struct Viewers {
    stride: usize,
    counts: Vec<u32>,
    masks: Vec<u64>,
}

impl Viewers {
    pub(crate) fn new() -> Self {
        Self { stride: 1, counts: Vec::new(), masks: Vec::new() }
    }

    /// Makes room for all indices below `capacity`, and for `base`.
    pub(crate) fn reserve(&mut self, capacity: usize, base: u8) {
        let stride = self.stride.max((usize::from(base) + 1).next_power_of_two());
        if stride != self.stride {
            let mut counts = vec![0; self.masks.len() * stride];
            for (old, new) in self.counts.chunks(self.stride).zip(counts.chunks_mut(stride)) {
                new[..old.len()].copy_from_slice(old);
            }
            (self.counts, self.stride) = (counts, stride);
        }
        if capacity > self.masks.len() {
            self.masks.resize(capacity, 0);
            self.counts.resize(capacity * stride, 0);
        }
    }

    #[inline]
    pub(crate) fn add(&mut self, entity: Index, base: u8) {
        let count = &mut self.counts[entity.at() * self.stride + usize::from(base)];
        *count += 1;
        self.masks[entity.at()] |= 1 << base;
    }

    #[inline]
    pub(crate) fn remove(&mut self, entity: Index, base: u8) {
        let count = &mut self.counts[entity.at() * self.stride + usize::from(base)];
        *count -= 1;
        if *count == 0 {
            self.masks[entity.at()] &= !(1 << base);
        }
    }

    pub(crate) fn mask(&self, entity: Index) -> u64 {
        self.masks.get(entity.at()).copied().unwrap_or(0)
    }
}

/// A mask of bases for a few entities, in the order in which they were added.
#[derive(Debug, Default)]
pub(crate) struct MaskSet {
    masks: Vec<u64>,
    touched: Vec<Index>,
}

impl MaskSet {
    pub(crate) fn reserve(&mut self, capacity: usize) {
        if capacity > self.masks.len() {
            self.masks.resize(capacity, 0);
        }
    }

    #[inline]
    pub(crate) fn add(&mut self, entity: Index, base: u8) {
        let mask = &mut self.masks[entity.at()];
        if *mask == 0 {
            self.touched.push(entity);
        }
        *mask |= 1 << base;
    }

    /// Takes the mask of one entity out.
    pub(crate) fn take(&mut self, entity: Index) -> u64 {
        self.masks.get_mut(entity.at()).map_or(0, std::mem::take)
    }

    /// Calls `visit` with all that were not taken, and empties the set.
    pub(crate) fn drain(&mut self, mut visit: impl FnMut(Index, u64)) {
        for entity in self.touched.drain(..) {
            let mask = std::mem::take(&mut self.masks[entity.at()]);
            if mask != 0 {
                visit(entity, mask);
            }
        }
    }
}
