//! Frames come back as they were written, and mangled ones are errors.

use kuafu_core::{EntityId, SpaceId, TypeNo};
use proptest::prelude::*;

use super::*;

fn sample() -> bytes::Bytes {
    let mut writer = WorldFrameWriter::default();
    writer.record(3, [1, 2, 3, 4, 5, 6, 7]);
    writer.blob(BlobKind::DeltaOthers, 3, b"delta");
    let snapshot = writer.snapshot(9, EntityId(77), TypeNo(2), [9; 7], b"all");
    let call = writer.blob(BlobKind::Call, 3, b"call");
    let single = writer.blob(BlobKind::Record, 3, &[7; 7]);
    writer.witness(&WitnessPart {
        witness: 12,
        leaves: &[4, 5],
        enters: &[(1, 9, snapshot)],
        moved: &[0b10, 1 << 63],
        state: &[0b10],
        deltas: &[(1, single)],
        calls: &[(1, call)],
    });
    writer.finish(8, SpaceId(1), 1234, &[Event::Resync])
}

#[test]
fn a_world_frame_is_read_as_it_was_written() {
    let bytes = sample();
    let Frame::World(frame) = decode(&bytes).expect("a frame") else { panic!("a world frame") };
    assert_eq!((frame.sequence, frame.space, frame.space_time_ms), (8, SpaceId(1), 1234));
    assert_eq!(frame.records().collect::<Vec<_>>(), [(3, [1, 2, 3, 4, 5, 6, 7])]);
    assert_eq!(frame.blobs[1].head, Some((EntityId(77), TypeNo(2), [9; 7])));
    assert_eq!(frame.blobs[2].bytes, b"call");
    let witness = frame.witnesses[0];
    assert_eq!(witness.leaves().collect::<Vec<_>>(), [4, 5]);
    assert_eq!(witness.enters().collect::<Vec<_>>(), [EnterRef { slot: 1, index: 9, blob: 1 }]);
    assert_eq!(witness.moved().collect::<Vec<_>>(), [0b10, 1 << 63]);
    assert_eq!(witness.state().collect::<Vec<_>>(), [0b10]);
    assert_eq!(witness.calls().collect::<Vec<_>>(), [(1, 2)]);
    assert_eq!(witness.deltas().collect::<Vec<_>>(), [(1, 3)]);
    assert_eq!([2, 3].map(|ordinal| frame.blobs[ordinal].record()), [None, Some([7; 7])]);
    assert_eq!(frame.events, [Event::Resync]);
}

#[test]
fn a_record_of_another_length_is_refused() {
    let mut writer = WorldFrameWriter::default();
    writer.blob(BlobKind::Record, 3, &[7; 8]);
    let bytes = writer.finish(1, SpaceId(1), 1, &[]);
    assert_eq!(decode(&bytes).err(), Some(LinkError::Wrong("length of a record")));
}

#[test]
fn an_event_frame_is_read_as_it_was_written() {
    let events = vec![Event::DetachWitness { witness: 3 }, Event::Credits(vec![(1, 400)])];
    let bytes = encode_events(5, &events);
    let Frame::Events { sequence, events: read } = decode(&bytes).expect("a frame") else { panic!("events") };
    assert_eq!((sequence, read), (5, events));
}

#[test]
fn every_cut_of_a_frame_is_an_error() {
    let bytes = sample();
    for end in 0..bytes.len() {
        assert!(decode(&bytes[..end]).is_err(), "cut at {end}");
    }
}

#[test]
fn values_nested_without_end_are_refused_and_do_not_exhaust_the_stack() {
    // An answer whose value is a list in a list in a list, as no definition allows it.
    let deep = |levels: usize| {
        let value = (0..levels).fold(kuafu_core::Value::Nil, |inner, _| kuafu_core::Value::List(vec![inner]));
        encode_events(1, &[Event::Answer { call: 1, outcome: Ok(value) }])
    };
    assert!(decode(&deep(16)).is_ok());
    assert!(decode(&deep(40)).is_err());
    let shallow = deep(2);
    let level = &deep(3)[shallow.len() - 3..shallow.len() - 1];
    let mut endless = shallow[..shallow.len() - 3].to_vec();
    endless.extend(level.repeat(100_000));
    assert!(decode(&endless).is_err());
}

proptest! {
    #[test]
    fn mangled_frames_never_panic(at in 0..sample().len(), byte: u8, tail: Vec<u8>) {
        let mut bytes = sample().to_vec();
        bytes[at] = byte;
        bytes.extend(tail);
        let _ = decode(&bytes);
    }
}
