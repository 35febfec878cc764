//! Writing frames. A cell builds one world frame a base, space and tick; nothing is allocated an entity.

use bytes::{BufMut, Bytes, BytesMut};
use kuafu_core::{EntityId, SpaceId, TypeNo};

use super::{BlobKind, Event, LINK_VERSION, Record};

/// Names a blob of the frame being written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlobOrdinal(pub u32);

/// What one witness gets this tick. Empty slices cost two bytes each.
#[derive(Clone, Copy, Debug, Default)]
pub struct WitnessPart<'a> {
    /// The base's number.
    pub witness: u32,
    /// Slots that are free from here.
    pub leaves: &'a [u16],
    /// Slot, entity index, and the blob with the snapshot.
    pub enters: &'a [(u16, u32, BlobOrdinal)],
    /// Slots whose entity has a record in this frame, as bits.
    pub moved: &'a [u64],
    /// Slots whose entity has a `DeltaOthers` blob in this frame that the witness gets, as bits.
    pub state: &'a [u64],
    /// Slot and blob: changes of its own entity (slot 0), what it missed of others or alone gets of them, and records
    /// that are for it alone.
    pub deltas: &'a [(u16, BlobOrdinal)],
    /// Slot of the entity that calls, and blob.
    pub calls: &'a [(u16, BlobOrdinal)],
}

/// Builds a world frame: records, then blobs, then witnesses, then events.
///
/// The three tables are kept apart while they grow, so the caller may interleave; reuse the writer for its buffers.
#[derive(Debug, Default)]
pub struct WorldFrameWriter {
    records: BytesMut,
    record_count: u32,
    blobs: BytesMut,
    blob_count: u32,
    witnesses: BytesMut,
    witness_count: u32,
}

impl WorldFrameWriter {
    /// Where an entity is. Once an entity and frame.
    #[inline]
    pub fn record(&mut self, index: u32, record: Record) {
        let mut row = [0; 11];
        row[..4].copy_from_slice(&index.to_le_bytes());
        row[4..].copy_from_slice(&record);
        self.records.put_slice(&row);
        self.record_count += 1;
    }

    /// A delta, call or record blob of an entity.
    pub fn blob(&mut self, kind: BlobKind, index: u32, bytes: &[u8]) -> BlobOrdinal {
        debug_assert_ne!(kind, BlobKind::Snapshot, "snapshots have a head of their own");
        self.blob_head(kind, index);
        self.blob_body(bytes)
    }

    /// All of an entity that someone begins to see.
    pub fn snapshot(
        &mut self,
        index: u32,
        entity: EntityId,
        ty: TypeNo,
        record: Record,
        properties: &[u8],
    ) -> BlobOrdinal {
        self.blob_head(BlobKind::Snapshot, index);
        self.blobs.put_u64_le(entity.0);
        self.blobs.put_u16_le(ty.0);
        self.blobs.put_slice(&record);
        self.blob_body(properties)
    }

    fn blob_head(&mut self, kind: BlobKind, index: u32) {
        self.blobs.put_u8(kind as u8);
        self.blobs.put_u32_le(index);
    }

    fn blob_body(&mut self, bytes: &[u8]) -> BlobOrdinal {
        self.blobs.put_u32_le(bytes.len() as u32);
        self.blobs.put_slice(bytes);
        self.blob_count += 1;
        BlobOrdinal(self.blob_count - 1)
    }

    /// What one witness gets. Witnesses that get nothing are left out.
    pub fn witness(&mut self, part: &WitnessPart<'_>) {
        let out = &mut self.witnesses;
        out.put_u32_le(part.witness);
        out.put_u16_le(part.leaves.len() as u16);
        part.leaves.iter().for_each(|slot| out.put_u16_le(*slot));
        out.put_u16_le(part.enters.len() as u16);
        for (slot, index, blob) in part.enters {
            out.put_u16_le(*slot);
            out.put_u32_le(*index);
            out.put_u32_le(blob.0);
        }
        for bits in [part.moved, part.state] {
            out.put_u16_le(bits.len() as u16);
            bits.iter().for_each(|word| out.put_u64_le(*word));
        }
        for pairs in [part.deltas, part.calls] {
            out.put_u16_le(pairs.len() as u16);
            for (slot, blob) in pairs {
                out.put_u16_le(*slot);
                out.put_u32_le(blob.0);
            }
        }
        self.witness_count += 1;
    }

    /// The whole frame; the writer is empty again.
    pub fn finish(&mut self, sequence: u32, space: SpaceId, space_time_ms: u64, events: &[Event]) -> Bytes {
        let events = encode_body(events);
        let length = 40 + self.records.len() + self.blobs.len() + self.witnesses.len() + events.len();
        let mut out = BytesMut::with_capacity(length);
        out.put_u8(LINK_VERSION);
        out.put_u8(1);
        out.put_u32_le(sequence);
        out.put_u32_le(space.0);
        out.put_u64_le(space_time_ms);
        for (count, table) in [
            (&mut self.record_count, &mut self.records),
            (&mut self.blob_count, &mut self.blobs),
            (&mut self.witness_count, &mut self.witnesses),
        ] {
            out.put_u32_le(std::mem::take(count));
            out.put_slice(table);
            table.clear();
        }
        out.put_slice(&events);
        out.freeze()
    }
}

/// A frame of events alone.
#[must_use]
pub fn encode_events(sequence: u32, events: &[Event]) -> Bytes {
    let body = encode_body(events);
    let mut out = BytesMut::with_capacity(6 + body.len());
    out.put_u8(LINK_VERSION);
    out.put_u8(2);
    out.put_u32_le(sequence);
    out.put_slice(&body);
    out.freeze()
}

fn encode_body(events: &[Event]) -> Vec<u8> {
    if events.is_empty() {
        return vec![0];
    }
    postcard::to_stdvec(events).expect("events hold nothing that postcard cannot write")
}
