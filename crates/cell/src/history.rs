//! What was told of one entity to one audience: a bounded history of encoded deltas, and snapshots of each version.
//!
//! Every delta is encoded once and has a sequence, counting up from 1. A viewer that is further behind than the history
//! reaches gets a *catch-up*: one blob of changes that sets every visible property, made at most once a version. The
//! buffers of old deltas are used again, so that a busy entity allocates nothing once its history is full. An entity
//! with detail levels has a history a level; they count alike, so a level in which nothing changed has empty deltas.

use std::collections::VecDeque;

use bytes::BytesMut;
use kuafu_core::{Change, PropertyNo, Value};
use kuafu_def::EntityType;
use kuafu_wire::{EncodeError, Writer, encode_changes, encode_properties};

/// The bytes that a blob costs in a client's frame besides its content: slot and length.
pub(crate) const BLOB_OVERHEAD_BYTES: u32 = 3;

/// One audience's history.
#[derive(Debug, Default)]
pub(crate) struct History {
    newest: u32,
    /// The newest delta that is not empty.
    changed_at: u32,
    deltas: VecDeque<Vec<u8>>,
    snapshot: Version,
    catch_up: Version,
}

/// An encoding of the whole visible state, and the sequence at which it was made.
#[derive(Debug, Default)]
struct Version {
    made_at: Option<u32>,
    bytes: Vec<u8>,
}

impl Version {
    fn refresh(&mut self, version: u32, encode: impl FnOnce(&mut Writer<'_>) -> Result<(), EncodeError>) -> bool {
        if self.made_at == Some(version) {
            return true;
        }
        let mut out = BytesMut::new();
        let encoded = encode(&mut Writer::new(&mut out));
        self.bytes.clear();
        match encoded {
            Ok(()) => self.bytes.extend_from_slice(&out),
            // An empty list: what cannot be encoded is not told.
            Err(_) => self.bytes.push(0),
        }
        self.made_at = Some(version);
        encoded.is_ok()
    }
}

impl History {
    /// The sequence of the newest delta, 0 before the first.
    pub(crate) fn newest(&self) -> u32 {
        self.newest
    }

    /// The sequence of the newest delta with something in it: the version of what a viewer should know.
    pub(crate) fn changed_at(&self) -> u32 {
        self.changed_at
    }

    /// Adds a delta; the oldest goes when there are more than `kept_max`. An empty one stands for "nothing changed".
    /// Returns its sequence.
    pub(crate) fn push(&mut self, delta: &[u8], kept_max: usize) -> u32 {
        let mut buffer =
            if self.deltas.len() >= kept_max.max(1) { self.deltas.pop_front() } else { None }.unwrap_or_default();
        buffer.clear();
        buffer.extend_from_slice(delta);
        self.deltas.push_back(buffer);
        self.newest += 1;
        if !delta.is_empty() {
            self.changed_at = self.newest;
        }
        self.newest
    }

    /// Notes that something changed while nobody could be told: the history begins anew.
    pub(crate) fn skip(&mut self) {
        self.deltas.clear();
        self.newest += 1;
        self.changed_at = self.newest;
    }

    /// The delta of a sequence, if it is still kept; empty when nothing changed then.
    pub(crate) fn delta(&self, sequence: u32) -> Option<&[u8]> {
        let age = self.newest.checked_sub(sequence)? as usize;
        let at = self.deltas.len().checked_sub(age + 1)?;
        Some(&self.deltas[at])
    }

    /// Whether all deltas after `sequence` that have something in them are kept.
    pub(crate) fn reaches(&self, sequence: u32) -> bool {
        sequence >= self.changed_at || (self.newest.wrapping_sub(sequence) as usize) <= self.deltas.len()
    }

    /// All visible properties as of `version`; encoded once a version.
    pub(crate) fn snapshot<'v>(
        &mut self,
        version: u32,
        ty: &EntityType,
        values: impl Iterator<Item = (PropertyNo, &'v Value)>,
    ) -> &[u8] {
        self.snapshot.refresh(version, |writer| encode_properties(ty, values, writer));
        &self.snapshot.bytes
    }

    /// Changes that set all visible properties; encoded once a version.
    pub(crate) fn catch_up<'v>(
        &mut self,
        ty: &EntityType,
        values: impl Iterator<Item = (PropertyNo, &'v Value)>,
    ) -> &[u8] {
        self.catch_up.refresh(self.changed_at, |writer| {
            let changes: Vec<Change> = values.map(|(no, value)| Change::set(no, value.clone())).collect();
            encode_changes(ty, &changes, writer)
        });
        &self.catch_up.bytes
    }

    /// The bytes of all deltas after `sequence` in a client's frame; `None` when some are not kept.
    pub(crate) fn bytes_after(&self, sequence: u32) -> Option<u32> {
        if !self.reaches(sequence) {
            return None;
        }
        let missed = self.newest.wrapping_sub(sequence) as usize;
        let kept = self.deltas.iter().rev().take(missed).filter(|delta| !delta.is_empty());
        Some(kept.map(|delta| delta.len() as u32 + BLOB_OVERHEAD_BYTES).sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_history_keeps_the_newest_deltas_and_knows_what_it_lost() {
        let mut history = History::default();
        for byte in 1..=5u8 {
            assert_eq!(history.push(&[byte], 3), u32::from(byte));
        }
        let kept: Vec<_> = (0..=6).map(|sequence| history.delta(sequence).map(|delta| delta[0])).collect();
        assert_eq!(kept, [None, None, None, Some(3), Some(4), Some(5), None]);
        assert_eq!([1, 2, 4, 5].map(|from| history.reaches(from)), [false, true, true, true]);
        assert_eq!(history.bytes_after(3), Some(2 * (1 + BLOB_OVERHEAD_BYTES)));
        assert_eq!(history.bytes_after(1), None);
    }

    #[test]
    fn ticks_without_a_change_do_not_lengthen_what_must_be_told() {
        let mut history = History::default();
        history.push(&[1, 1], 2);
        for _ in 0..5 {
            history.push(&[], 2);
        }
        assert_eq!((history.newest(), history.changed_at()), (6, 1));
        assert_eq!([0, 1, 3, 6].map(|from| history.reaches(from)), [false, true, true, true]);
        assert_eq!((history.bytes_after(1), history.delta(6)), (Some(0), Some(&[][..])));
    }

    #[test]
    fn what_was_skipped_is_not_reached() {
        let mut history = History::default();
        history.push(&[1], 4);
        history.skip();
        assert_eq!(history.newest(), 2);
        assert!(!history.reaches(1) && history.reaches(2));
        history.push(&[3], 4);
        assert_eq!((history.delta(3), history.delta(2)), (Some(&[3u8][..]), None));
    }
}
