//! One base's world frame while it is built: what is in it already, and how large it is.
//!
//! Blobs are added when the first witness needs them, and named by ordinal after that. In a *sparse* frame records and
//! deltas are added so as well; otherwise they stand in it from the beginning. Tables by index are stamped with the
//! frame's round instead of being cleared.

use bytes::Bytes;
use kuafu_contract::link::{BlobKind, BlobOrdinal, Event, WitnessPart, WorldFrameWriter};
use kuafu_core::SpaceId;
use kuafu_space::{Index, Record};
use rustc_hash::FxHashMap;

use crate::part::{Audience, Band, Part};

/// Which blobs of an entity: a layer of what others get, or what its own client gets.
type Stream = u8;

/// The stream of the own client.
const OWN: Stream = Stream::MAX;

/// Stands for the blob that sets all properties, among the sequences of deltas.
const WHOLE: u32 = u32::MAX;

const FRAME_HEAD_BYTES: usize = 64;
const RECORD_ROW_BYTES: usize = 11;
const BLOB_HEAD_BYTES: usize = 9;
const SNAPSHOT_HEAD_BYTES: usize = BLOB_HEAD_BYTES + 17;
const WITNESS_HEAD_BYTES: usize = 16;

/// Builds one frame after the other for one base.
#[derive(Debug, Default)]
pub(crate) struct FrameBuilder {
    /// Something goes to this base in this tick and space.
    pub(crate) active: bool,
    pub(crate) sparse: bool,
    bytes: usize,
    writer: WorldFrameWriter,
    round: u32,
    records: Vec<u32>,
    states: Vec<u32>,
    snapshots: Vec<(u32, u32)>,
    /// Snapshots for those who are nearer than the farthest, by band.
    near_snapshots: FxHashMap<(Index, Band), BlobOrdinal>,
    deltas: FxHashMap<(Index, Stream, u32), BlobOrdinal>,
    calls: Vec<Option<BlobOrdinal>>,
    pub(crate) enters: Vec<(u16, u32, BlobOrdinal)>,
    pub(crate) delta_pairs: Vec<(u16, BlobOrdinal)>,
    pub(crate) call_pairs: Vec<(u16, BlobOrdinal)>,
}

impl FrameBuilder {
    /// Begins a frame for a space with indices below `capacity` and so many calls in this tick.
    pub(crate) fn begin(&mut self, sparse: bool, capacity: usize, calls: usize) {
        self.active = true;
        self.sparse = sparse;
        self.bytes = FRAME_HEAD_BYTES;
        self.round = self.round.wrapping_add(1);
        if self.round == 0 {
            self.records.fill(0);
            self.states.fill(0);
            self.snapshots.fill((0, 0));
            self.round = 1;
        }
        if self.records.len() < capacity {
            self.records.resize(capacity, 0);
            self.states.resize(capacity, 0);
            self.snapshots.resize(capacity, (0, 0));
        }
        self.near_snapshots.clear();
        self.deltas.clear();
        self.calls.clear();
        self.calls.resize(calls, None);
    }

    /// About how many bytes the frame has.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds a record that the caller adds only once.
    pub(crate) fn record(&mut self, index: Index, record: Record) {
        self.bytes += RECORD_ROW_BYTES;
        self.writer.record(index.0, record.0);
    }

    pub(crate) fn record_once(&mut self, index: Index, record: Record) {
        if std::mem::replace(&mut self.records[index.at()], self.round) != self.round {
            self.record(index, record);
        }
    }

    /// Adds this tick's changes of an entity, which the caller adds only once.
    pub(crate) fn state(&mut self, index: Index, part: &Part) {
        let history = part.history(Audience::Others);
        let Some(delta) = history.delta(history.newest()).filter(|delta| !delta.is_empty()) else { return };
        self.bytes += BLOB_HEAD_BYTES + delta.len();
        self.writer.blob(BlobKind::DeltaOthers, index.0, delta);
    }

    pub(crate) fn state_once(&mut self, index: Index, part: &Part) {
        if std::mem::replace(&mut self.states[index.at()], self.round) != self.round {
            self.state(index, part);
        }
    }

    /// An entity enters `slot`; `band` is given for those who give more to who is near.
    pub(crate) fn enter(&mut self, slot: u16, index: Index, record: Record, part: &mut Part, band: Option<Band>) {
        let ordinal = match band {
            _ if slot == 0 => self.write_snapshot(index, record, part, Audience::Own, Band::MAX),
            Some(band) => match self.near_snapshots.get(&(index, band)) {
                Some(ordinal) => *ordinal,
                None => {
                    let ordinal = self.write_snapshot(index, record, part, Audience::Others, band);
                    self.near_snapshots.insert((index, band), ordinal);
                    ordinal
                }
            },
            None => match self.snapshots[index.at()] {
                (round, ordinal) if round == self.round => BlobOrdinal(ordinal),
                _ => {
                    let ordinal = self.write_snapshot(index, record, part, Audience::Others, Band::MAX);
                    self.snapshots[index.at()] = (self.round, ordinal.0);
                    ordinal
                }
            },
        };
        self.enters.push((slot, index.0, ordinal));
    }

    fn write_snapshot(
        &mut self,
        index: Index,
        record: Record,
        part: &mut Part,
        audience: Audience,
        band: Band,
    ) -> BlobOrdinal {
        let (entity, ty) = (part.id, part.layout.ty.no);
        let properties = part.snapshot(audience, band);
        self.bytes += SNAPSHOT_HEAD_BYTES + properties.len();
        self.writer.snapshot(index.0, entity, ty, record.0, properties)
    }

    /// The newest changes for the own client.
    pub(crate) fn own_delta(&mut self, index: Index, part: &Part) {
        let history = part.history(Audience::Own);
        self.delta(0, index, OWN, history.newest(), history.delta(history.newest()));
    }

    /// The newest changes of one layer.
    pub(crate) fn layer_delta(&mut self, slot: u16, index: Index, part: &Part, layer: usize) {
        let history = part.layer(layer);
        self.delta(slot, index, layer as Stream, history.newest(), history.delta(history.newest()));
    }

    /// All changes after `from` for the own client in slot 0, or of one layer for another: one by one where the history
    /// reaches, else in one that sets everything.
    pub(crate) fn catch_up(&mut self, slot: u16, index: Index, from: u32, part: &mut Part, layer: usize) {
        let (history, stream) = match slot {
            0 => (part.history(Audience::Own), OWN),
            _ => (part.layer(layer), layer as Stream),
        };
        if !history.reaches(from) {
            return self.whole(slot, index, part, layer);
        }
        for sequence in from + 1..=history.newest() {
            self.delta(slot, index, stream, sequence, history.delta(sequence));
        }
    }

    /// What sets everything for the own client in slot 0, or of one layer for another.
    pub(crate) fn whole(&mut self, slot: u16, index: Index, part: &mut Part, layer: usize) {
        let (audience, stream) = if slot == 0 { (Audience::Own, OWN) } else { (Audience::Others, layer as Stream) };
        match self.deltas.get(&(index, stream, WHOLE)) {
            Some(ordinal) => self.delta_pairs.push((slot, *ordinal)),
            None => self.delta(slot, index, stream, WHOLE, Some(part.catch_up(audience, layer))),
        }
    }

    fn delta(&mut self, slot: u16, index: Index, stream: Stream, sequence: u32, delta: Option<&[u8]>) {
        let Some(delta) = delta.filter(|delta| !delta.is_empty()) else { return };
        let Self { writer, deltas, bytes, .. } = self;
        let ordinal = *deltas.entry((index, stream, sequence)).or_insert_with(|| {
            *bytes += BLOB_HEAD_BYTES + delta.len();
            writer.blob(BlobKind::Delta, index.0, delta)
        });
        self.delta_pairs.push((slot, ordinal));
    }

    /// Where an entity is for the present witness alone.
    pub(crate) fn single_record(&mut self, slot: u16, index: Index, record: Record) {
        self.bytes += BLOB_HEAD_BYTES + Record::BYTES;
        let ordinal = self.writer.blob(BlobKind::Record, index.0, &record.0);
        self.delta_pairs.push((slot, ordinal));
    }

    /// Call number `no` of this tick goes to a witness that has its caller in `slot`.
    pub(crate) fn call(&mut self, slot: u16, no: u32, (from, encoded): (Index, &[u8])) {
        let Self { writer, calls, bytes, .. } = self;
        let ordinal = *calls[no as usize].get_or_insert_with(|| {
            *bytes += BLOB_HEAD_BYTES + encoded.len();
            writer.blob(BlobKind::Call, from.0, encoded)
        });
        self.call_pairs.push((slot, ordinal));
    }

    /// Completes a witness with what was gathered for it. One that gets nothing is left out.
    pub(crate) fn witness(&mut self, number: u32, leaves: &[u16], moved: &[u64], state: &[u64]) {
        let lists = [leaves.len(), self.enters.len(), self.delta_pairs.len(), self.call_pairs.len()];
        if moved.is_empty() && state.is_empty() && lists == [0; 4] {
            return;
        }
        let pairs = self.delta_pairs.len() + self.call_pairs.len();
        self.bytes += WITNESS_HEAD_BYTES
            + leaves.len() * 2
            + self.enters.len() * 10
            + (moved.len() + state.len()) * 8
            + pairs * 6;
        self.writer.witness(&WitnessPart {
            witness: number,
            leaves,
            enters: &self.enters,
            moved,
            state,
            deltas: &self.delta_pairs,
            calls: &self.call_pairs,
        });
        self.enters.clear();
        self.delta_pairs.clear();
        self.call_pairs.clear();
    }

    pub(crate) fn finish(&mut self, sequence: u32, space: SpaceId, space_time_ms: u64, events: &[Event]) -> Bytes {
        self.writer.finish(sequence, space, space_time_ms, events)
    }
}
