//! A release as the config role holds it.

use std::sync::Arc;

use kuafu_core::Now;

/// So many releases that were taken back are remembered; of more, the oldest is forgotten.
const BAD_MAX: usize = 16;

/// Names the bytes of a release.
pub(crate) type Digest = blake3::Hash;

/// A release with its history.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub(crate) no: u64,
    pub(crate) bytes: Arc<[u8]>,
    pub(crate) digest: Digest,
    /// The files in which it differs from the release before, sorted.
    pub(crate) changed: Vec<String>,
    pub(crate) checked_ms: u64,
    /// When it was handed in; once it is present, since when.
    pub(crate) at: Now,
}

impl Held {
    pub(crate) fn new(no: u64, bytes: Arc<[u8]>, digest: Digest) -> Self {
        Self { no, bytes, digest, changed: Vec::new(), checked_ms: 0, at: Now::default() }
    }
}

/// The releases that were taken back.
#[derive(Debug, Default)]
pub(crate) struct Bad(Vec<(Digest, u64)>);

impl Bad {
    pub(crate) fn note(&mut self, held: &Held) {
        if self.0.len() >= BAD_MAX {
            self.0.remove(0);
        }
        self.0.push((held.digest, held.no));
    }

    /// The number of the bad release with these bytes.
    pub(crate) fn find(&self, digest: &Digest) -> Option<u64> {
        self.0.iter().find(|(bad, _)| bad == digest).map(|(_, no)| *no)
    }
}

/// Adds names that are not there yet, in order.
pub(crate) fn join(into: &mut Vec<String>, more: Vec<String>) {
    into.extend(more);
    into.sort();
    into.dedup();
}
