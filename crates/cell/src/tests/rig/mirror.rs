//! What a base makes of the frames that it gets: slot tables and what is in them, held to the rules of the link.

use std::collections::BTreeMap;
use std::hash::Hasher;

use kuafu_contract::link::{BlobKind, Event, Frame, Record, WitnessRef, WorldFrame, decode};
use kuafu_core::{EntityId, Limits, MethodNo, PropertyNo, TypeNo, Value};
use kuafu_wire::{Reader, decode_changes, decode_client_call, decode_properties};
use rustc_hash::FxHasher;

use super::definitions;

/// An entity in some slot.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Seen {
    pub(crate) slot: u16,
    pub(crate) index: u32,
    pub(crate) entity: EntityId,
    pub(crate) ty: TypeNo,
    pub(crate) record: Record,
    pub(crate) properties: Vec<(PropertyNo, Value)>,
    /// How many frames had come when it entered.
    pub(crate) entered_at: u32,
    /// How many changes came since it entered.
    pub(crate) changes: u32,
    /// How many records came since it entered.
    pub(crate) records: u32,
}

impl Seen {
    pub(crate) fn get(&self, no: PropertyNo) -> Option<&Value> {
        self.properties.iter().find(|(n, _)| *n == no).map(|(_, value)| value)
    }
}

/// A call that a client got.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Got {
    pub(crate) witness: u32,
    pub(crate) from: EntityId,
    pub(crate) method: MethodNo,
    pub(crate) arguments: Vec<Value>,
}

#[derive(Default)]
pub(crate) struct Mirror {
    pub(crate) views: BTreeMap<u32, BTreeMap<u16, Seen>>,
    pub(crate) calls: Vec<Got>,
    pub(crate) events: Vec<Event>,
    pub(crate) frames: u32,
    pub(crate) world_frames: u32,
    /// Bytes of the frames, newest last.
    pub(crate) lengths: Vec<usize>,
    /// Over all bytes of all frames.
    pub(crate) digest: FxHasher,
    /// Frames are lost while set.
    pub(crate) losing: bool,
    last_sequence: u32,
    space_time_ms: u64,
}

impl Mirror {
    pub(crate) fn receive(&mut self, frame: &[u8]) {
        let (sequence, world) = match decode(frame).expect("a frame of the layout") {
            Frame::Events { sequence, events } => {
                if !self.losing {
                    self.note_events(events);
                }
                (sequence, false)
            }
            Frame::World(world) => {
                let sequence = world.sequence;
                if !self.losing {
                    self.apply(world);
                }
                (sequence, true)
            }
        };
        assert_eq!(sequence, self.last_sequence + 1, "frames are numbered without a gap");
        self.last_sequence = sequence;
        self.frames += 1;
        self.world_frames += u32::from(world);
        self.lengths.push(frame.len());
        self.digest.write(frame);
    }

    fn note_events(&mut self, events: Vec<Event>) {
        for event in &events {
            if let Event::SpaceEntered { witness, .. } = event {
                self.views.insert(*witness, BTreeMap::new());
            }
        }
        self.events.extend(events);
    }

    fn apply(&mut self, mut frame: WorldFrame<'_>) {
        assert!(frame.space_time_ms >= self.space_time_ms);
        self.space_time_ms = frame.space_time_ms;
        let events = std::mem::take(&mut frame.events);
        let records: BTreeMap<u32, Record> = frame.records().collect();
        assert_eq!(records.len(), frame.records().len(), "one record an entity");
        let others = frame.blobs.iter().enumerate().filter(|(_, blob)| blob.kind == BlobKind::DeltaOthers);
        let deltas: BTreeMap<u32, u32> = others.map(|(ordinal, blob)| (blob.index, ordinal as u32)).collect();
        for part in &frame.witnesses {
            self.apply_witness(&frame, &records, &deltas, part);
        }
        self.note_events(events);
    }

    fn apply_witness(
        &mut self,
        frame: &WorldFrame<'_>,
        records: &BTreeMap<u32, Record>,
        deltas: &BTreeMap<u32, u32>,
        part: &WitnessRef<'_>,
    ) {
        let frames = self.frames;
        let view = self.views.get_mut(&part.witness).expect("a view begins with SpaceEntered");
        for slot in part.leaves() {
            assert!(slot != 0 && view.remove(&slot).is_some(), "a used slot leaves");
        }
        for enter in part.enters() {
            let blob = &frame.blobs[enter.blob as usize];
            let (entity, ty, record) = blob.head.expect("a snapshot");
            assert_eq!((blob.kind, blob.index), (BlobKind::Snapshot, enter.index));
            let definition = definitions().get(ty).cloned().expect("a type");
            let properties =
                decode_properties(&definition, &mut Reader::new(blob.bytes), &Limits::default()).expect("properties");
            assert!(enter.slot == 0 || view.contains_key(&0), "one's own entity enters first");
            let seen = Seen {
                slot: enter.slot,
                index: enter.index,
                entity,
                ty,
                record,
                properties,
                entered_at: frames,
                changes: 0,
                records: 0,
            };
            assert!(view.insert(enter.slot, seen).is_none(), "a free slot is entered");
        }
        for slot in bits(part.moved()) {
            let seen = view.get_mut(&slot).expect("who moves is in view");
            seen.record = *records.get(&seen.index).expect("a record for each bit");
            seen.records += 1;
        }
        for slot in bits(part.state()) {
            assert_ne!(slot, 0, "one's own changes are named by ordinal");
            let index = view[&slot].index;
            change(view, frame, slot, *deltas.get(&index).expect("a delta for each bit"));
        }
        for (slot, ordinal) in part.deltas() {
            match frame.blobs[ordinal as usize].record() {
                Some(record) => {
                    let seen = view.get_mut(&slot).expect("who moves is in view");
                    assert_eq!(frame.blobs[ordinal as usize].index, seen.index);
                    (seen.record, seen.records) = (record, seen.records + 1);
                }
                None => change(view, frame, slot, ordinal),
            }
        }
        for (slot, ordinal) in part.calls() {
            let (blob, seen) = (&frame.blobs[ordinal as usize], &view[&slot]);
            assert_eq!((blob.kind, blob.index), (BlobKind::Call, seen.index));
            let definition = definitions().get(seen.ty).cloned().expect("a type");
            let (method, arguments) =
                decode_client_call(&definition, &mut Reader::new(blob.bytes), &Limits::default()).expect("a call");
            let (witness, from) = (part.witness, seen.entity);
            self.calls.push(Got { witness, from, method: method.no, arguments });
        }
    }

    pub(crate) fn seen(&self, witness: u32, entity: EntityId) -> Option<&Seen> {
        self.views.get(&witness)?.values().find(|seen| seen.entity == entity)
    }

    /// Who a witness sees, itself included, by id.
    pub(crate) fn everyone(&self, witness: u32) -> Vec<EntityId> {
        let mut all: Vec<_> =
            self.views.get(&witness).into_iter().flat_map(|view| view.values().map(|seen| seen.entity)).collect();
        all.sort_unstable();
        all
    }
}

fn change(view: &mut BTreeMap<u16, Seen>, frame: &WorldFrame<'_>, slot: u16, ordinal: u32) {
    let seen = view.get_mut(&slot).expect("who changes is in view");
    let blob = &frame.blobs[ordinal as usize];
    assert_eq!(blob.index, seen.index);
    let definition = definitions().get(seen.ty).cloned().expect("a type");
    assert!(blob.bytes.len() > 1, "a blob of changes has some");
    let changes = decode_changes(&definition, &mut Reader::new(blob.bytes), &Limits::default()).expect("changes");
    for change in changes {
        let at = seen.properties.iter().position(|(no, _)| *no == change.property).unwrap_or_else(|| {
            let property = definition.property(change.property).expect("a property");
            // What was never sent has its default; only what goes by distance is left out of an enter.
            assert!(property.detail.is_some(), "a visible property");
            seen.properties.push((change.property, property.default.clone()));
            seen.properties.len() - 1
        });
        change.apply(&mut seen.properties[at].1).expect("a change that fits");
        seen.changes += 1;
    }
}

fn bits(words: impl Iterator<Item = u64>) -> Vec<u16> {
    let of_word = |(at, word): (usize, u64)| {
        (0..64).filter(move |bit| word >> bit & 1 == 1).map(move |bit| (at * 64 + bit) as u16)
    };
    words.enumerate().flat_map(of_word).collect()
}
