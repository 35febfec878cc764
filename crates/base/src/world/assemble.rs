//! From a cell's world frame to one packet a client: the hot path of a base.
//!
//! The frame's records and deltas are put into tables by entity index; each witness's bitmaps then pick from them
//! through its slot table. Nothing is allocated an entity; a client's packet is built in its own buffer.

use kuafu_contract::Address;
use kuafu_contract::link::{BlobKind, Event, Record, WitnessRef, WorldFrame};
use kuafu_core::Moment;
use kuafu_edge::EdgeCommand;
use kuafu_wire::FrameWriter;

use super::SpaceMirror;
use super::witness::Witness;
use crate::clients::Outbox;
use crate::role::BaseRole;

impl BaseRole {
    /// A tick of a space came.
    pub(crate) fn world_frame(&mut self, cell: Address, mut frame: WorldFrame<'_>) {
        if !self.received(cell, frame.sequence) {
            return;
        }
        // A view begins before what is in it; all other events come after the world.
        let events = std::mem::take(&mut frame.events);
        let (begins, later): (Vec<Event>, Vec<Event>) =
            events.into_iter().partition(|event| matches!(event, Event::SpaceEntered { .. }));
        self.link_events(cell, begins);
        self.fill_mirror(cell, &frame);
        for witness in &frame.witnesses {
            self.assemble(cell, &frame, witness);
        }
        self.link_events(cell, later);
    }

    fn fill_mirror(&mut self, cell: Address, frame: &WorldFrame<'_>) {
        let frames_max = self.config.limits.link_frames_max;
        let now = self.now.at;
        let mirror = self.peers.link(cell, frames_max).spaces.entry(frame.space).or_default();
        mirror.begin(frame, now);
    }

    fn assemble(&mut self, cell: Address, frame: &WorldFrame<'_>, part: &WitnessRef<'_>) {
        let Some(link) = self.peers.links.get(&cell) else { return };
        let Some(mirror) = link.spaces.get(&frame.space) else { return };
        let Some(witness) = self.peers.witnesses.get_mut(part.witness) else { return };
        if witness.view != Some((cell, frame.space)) {
            return;
        }
        let Some(conn) = self.clients.conns.get_mut(&witness.conn) else { return };
        write_frame(&mut conn.out, witness, mirror, frame, part);
        let bytes = conn.out.take(self.now.at, frame.space_time_ms as f64);
        self.counters.add("bytes_to_clients", bytes.len() as f64);
        self.counters.count("writes_to_clients");
        self.book.external(EdgeCommand::Send { conn: conn.id, bytes });
    }
}

impl SpaceMirror {
    fn begin(&mut self, frame: &WorldFrame<'_>, now: Moment) {
        self.stamp = self.stamp.wrapping_add(1).max(1);
        self.time_ms = frame.space_time_ms;
        self.at = now;
        for (index, record) in frame.records() {
            put(&mut self.records, index, (self.stamp, record));
        }
        for (ordinal, blob) in frame.blobs.iter().enumerate() {
            if blob.kind == BlobKind::DeltaOthers {
                put(&mut self.deltas, blob.index, (self.stamp, ordinal as u32));
            }
        }
    }

    #[inline]
    fn record(&self, index: u32) -> Option<Record> {
        self.records.get(index as usize).filter(|(stamp, _)| *stamp == self.stamp).map(|(_, record)| *record)
    }

    fn delta(&self, index: u32) -> Option<u32> {
        self.deltas.get(index as usize).filter(|(stamp, _)| *stamp == self.stamp).map(|(_, ordinal)| *ordinal)
    }
}

/// The records that are for this witness alone, by slot; their slots are marked as moved.
fn single_records(
    frame: &WorldFrame<'_>,
    part: &WitnessRef<'_>,
    moved: &mut smallvec::SmallVec<[u64; 8]>,
) -> smallvec::SmallVec<[(u16, Record); 4]> {
    let mut single = smallvec::SmallVec::new();
    for (slot, ordinal) in part.deltas() {
        let Some(record) = frame.blobs[ordinal as usize].record() else { continue };
        let at = usize::from(slot);
        if moved.len() <= at / 64 {
            moved.resize(at / 64 + 1, 0);
        }
        moved[at / 64] |= 1 << (at % 64);
        single.push((slot, record));
    }
    single.sort_unstable_by_key(|(slot, _)| *slot);
    single
}

/// Puts a row at its index. The table grows with the greatest index that a cell has used, which it reuses.
fn put<T: Copy + Default>(rows: &mut Vec<T>, index: u32, row: T) {
    let index = index as usize;
    if rows.len() <= index {
        rows.resize(index + 1, T::default());
    }
    rows[index] = row;
}

fn write_frame(
    out: &mut Outbox,
    witness: &mut Witness,
    mirror: &SpaceMirror,
    frame: &WorldFrame<'_>,
    part: &WitnessRef<'_>,
) {
    witness.frame_sequence += 1;
    let mut writer = FrameWriter::begin(&mut out.pending, witness.frame_sequence, frame.space_time_ms);
    for slot in part.leaves() {
        witness.leave(slot);
        writer.leave(slot);
    }
    for enter in part.enters() {
        let blob = &frame.blobs[enter.blob as usize];
        if let Some((entity, ty, record)) = blob.head {
            witness.enter(enter.slot, enter.index, entity, ty);
            writer.enter(enter.slot, entity, ty, &record, blob.bytes);
        }
    }
    let mut moved: smallvec::SmallVec<[u64; 8]> = part.moved().collect();
    let single = single_records(frame, part, &mut moved);
    let shared = |slot| witness.index(slot).and_then(|index| mirror.record(index)).unwrap_or_default();
    if single.is_empty() {
        writer.movement(&moved, shared);
    } else {
        let own = |slot: u16| single.binary_search_by_key(&slot, |(of, _)| *of).ok().map(|at| single[at].1);
        writer.movement(&moved, |slot| own(slot).unwrap_or_else(|| shared(slot)));
    }
    for (word, mut bits) in part.state().enumerate() {
        while bits != 0 {
            let slot = (word * 64) as u16 + bits.trailing_zeros() as u16;
            bits &= bits - 1;
            if let Some(ordinal) = witness.index(slot).and_then(|index| mirror.delta(index)) {
                writer.state(slot, frame.blobs[ordinal as usize].bytes);
            }
        }
    }
    for (slot, ordinal) in part.deltas() {
        let blob = &frame.blobs[ordinal as usize];
        if blob.kind != BlobKind::Record {
            writer.state(slot, blob.bytes);
        }
    }
    for (slot, ordinal) in part.calls() {
        writer.call(slot, frame.blobs[ordinal as usize].bytes);
    }
    writer.finish();
}
