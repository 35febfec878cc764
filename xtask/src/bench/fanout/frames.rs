//! World frames as a cell would send them, and the plain way to serve the same views from them.
//!
//! Everybody is a witness, sees so many others, and all move in each tick; one in ten shows a change. Views turn over as
//! they do among people who walk: a slot is taken by somebody else every hundredth tick or so.

use bytes::{Bytes, BytesMut};
use kuafu_contract::link::{BlobKind, BlobOrdinal, Event, Record, WitnessPart, WorldFrameWriter};
use kuafu_core::{Change, EntityId, Value};
use kuafu_wire::{Writer, encode_changes, encode_properties};

use crate::bench::game::{AVATAR, HEALTH, SPACE, definitions};

/// How long someone stays in a view, in ticks.
const STAY_TICKS: u64 = 110;
/// One in so many shows a change each tick.
const CHANGE_EVERY: u32 = 10;
/// The views are filled over so many ticks.
pub(super) const FILL_TICKS: u64 = 10;

/// Makes frames, one a tick.
pub(super) struct Frames {
    witnesses: usize,
    in_view: usize,
    /// Entity index by witness and slot, the own one at 0.
    tables: Vec<Vec<u32>>,
    tick: u64,
    seed: u64,
    snapshot: Vec<u8>,
    delta: Vec<u8>,
    writer: WorldFrameWriter,
}

impl Frames {
    pub(super) fn new(witnesses: usize, in_view: usize) -> Self {
        let definitions = definitions();
        let ty = definitions.get(AVATAR).expect("the avatar");
        let visible = ty.properties.iter().filter(|property| property.other_clients);
        let values = visible.map(|property| (property.no, &property.default));
        let (mut snapshot, mut delta) = (BytesMut::new(), BytesMut::new());
        encode_properties(ty, values, &mut Writer::new(&mut snapshot)).expect("defaults fit");
        let change = Change::set(HEALTH, Value::Int(99));
        encode_changes(ty, &[change], &mut Writer::new(&mut delta)).expect("a change that fits");
        let (snapshot, delta) = (snapshot.to_vec(), delta.to_vec());
        let tables = vec![Vec::new(); witnesses];
        Self { witnesses, in_view, tables, tick: 0, seed: 9, snapshot, delta, writer: WorldFrameWriter::default() }
    }

    /// The next tick. `sequence` is the number on the link.
    pub(super) fn next(&mut self, sequence: u32) -> Bytes {
        self.tick += 1;
        for index in 0..self.witnesses as u32 {
            self.writer.record(index, record_of(index, self.tick));
        }
        for index in 0..self.witnesses as u32 {
            if self.shows_change(index) {
                self.writer.blob(BlobKind::DeltaOthers, index, &self.delta);
            }
        }
        let mut snapshots = vec![None; self.witnesses];
        for witness in 0..self.witnesses {
            self.write_witness(witness, &mut snapshots);
        }
        self.writer.finish(sequence, SPACE, self.tick * 100, &[])
    }

    fn shows_change(&self, index: u32) -> bool {
        (u64::from(index) + self.tick).is_multiple_of(u64::from(CHANGE_EVERY))
    }

    fn write_witness(&mut self, witness: usize, snapshots: &mut [Option<BlobOrdinal>]) {
        let (mut leaves, mut enters) = (Vec::new(), Vec::new());
        let filling = self.tick <= FILL_TICKS;
        let mut table = std::mem::take(&mut self.tables[witness]);
        if filling && witness as u64 % FILL_TICKS == self.tick - 1 {
            table.push(witness as u32);
            table.extend((0..self.in_view).map(|_| self.somebody()));
            enters.extend(0..table.len());
        } else if !filling {
            for (slot, index) in table.iter_mut().enumerate().skip(1) {
                if (self.tick + (witness * 31 + slot * 17) as u64).is_multiple_of(STAY_TICKS) {
                    leaves.push(slot as u16);
                    *index = self.somebody();
                    enters.push(slot);
                }
            }
        }
        let enters: Vec<_> = enters.iter().map(|slot| self.enter(*slot, table[*slot], snapshots)).collect();
        let (moved, state) = self.bits(&table);
        let (leaves, enters) = (&leaves[..], &enters[..]);
        let part =
            WitnessPart { witness: witness as u32, leaves, enters, moved: &moved, state: &state, ..Default::default() };
        self.writer.witness(&part);
        self.tables[witness] = table;
    }

    fn enter(&mut self, slot: usize, index: u32, snapshots: &mut [Option<BlobOrdinal>]) -> (u16, u32, BlobOrdinal) {
        let record = record_of(index, self.tick);
        let entity = EntityId(1 << 32 | u64::from(index));
        let ordinal = *snapshots[index as usize]
            .get_or_insert_with(|| self.writer.snapshot(index, entity, AVATAR, record, &self.snapshot));
        (slot as u16, index, ordinal)
    }

    /// Who has moved, and who shows a change, by slot.
    fn bits(&self, table: &[u32]) -> (Vec<u64>, Vec<u64>) {
        let words = table.len().div_ceil(64);
        let (mut moved, mut state) = (vec![0; words], vec![0; words]);
        for (slot, index) in table.iter().enumerate().skip(1) {
            moved[slot / 64] |= 1 << (slot % 64);
            state[slot / 64] |= u64::from(self.shows_change(*index)) << (slot % 64);
        }
        (moved, state)
    }

    fn somebody(&mut self) -> u32 {
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 7;
        self.seed ^= self.seed << 17;
        (self.seed % self.witnesses as u64) as u32
    }

    /// What the base is told when a client's eyes open.
    pub(super) fn opening(witness: u32, entity: EntityId) -> Event {
        Event::SpaceEntered {
            witness,
            view: kuafu_contract::link::WitnessView {
                entity,
                space: SPACE,
                name: "plaza".to_owned(),
                origin: [0.0; 3],
                step: [0.05; 3],
                bounds: [0.0, 0.0, 3_000.0, 3_000.0],
                tick_hz: 10,
                view_radius: 50.0,
                top_speed: 7.0,
                position: [0.0; 3],
                yaw: 0.0,
            },
        }
    }
}

fn record_of(index: u32, tick: u64) -> Record {
    let [a, b, c, d] = index.wrapping_add(tick as u32).to_le_bytes();
    [a, b, c, d, 0, 0, tick as u8]
}

/// The least that serving these views costs: a table of records, and for each witness one buffer of as many bytes as its
/// packet has, filled through its slots.
pub(super) struct Plain {
    records: Vec<Record>,
}

impl Plain {
    pub(super) fn new(witnesses: usize) -> Self {
        Self { records: vec![Record::default(); witnesses] }
    }

    /// `packet_bytes` is what a client gets in a tick, on average.
    pub(super) fn tick(&mut self, frames: &Frames, packet_bytes: usize) {
        for (index, record) in self.records.iter_mut().enumerate() {
            *record = record_of(index as u32, frames.tick);
        }
        for table in &frames.tables {
            let mut packet = BytesMut::with_capacity(packet_bytes);
            for index in &table[1..] {
                packet.extend_from_slice(&self.records[*index as usize]);
            }
            packet.resize(packet_bytes.max(packet.len()), 0);
            std::hint::black_box(packet.freeze());
        }
    }
}

#[cfg(test)]
mod tests {
    use kuafu_contract::link::{Frame, decode};

    use super::*;

    #[test]
    fn frames_fill_every_view_and_turn_some_over() {
        let mut frames = Frames::new(100, 20);
        let mut enters = 0;
        for tick in 1..=60 {
            let bytes = frames.next(tick);
            let Frame::World(frame) = decode(&bytes).expect("a sound frame") else { panic!("a world frame") };
            assert_eq!(frame.records().len(), 100);
            let entered: usize = frame.witnesses.iter().map(|witness| witness.enters().len()).sum();
            if u64::from(tick) <= FILL_TICKS {
                assert_eq!(entered, 10 * 21);
            } else {
                enters += entered;
            }
        }
        assert!((800..1_000).contains(&enters), "{enters} of 100 × 20 × 50 / 110");
        assert!(frames.tables.iter().all(|table| table.len() == 21));
    }
}
