//! What one side writes, the other reads back the same; what nobody wrote does no harm.

mod strategy;

use bytes::{Bytes, BytesMut};
use kuafu_core::{Change, EntityId, Limits, TypeNo, Value};
use kuafu_wire::{
    ClientMessage, DecodeError, Frame, FrameWriter, Message, PacketSplitter, Reader, Record, ServerMessage, Writer,
    decode_changes, decode_packet, decode_properties, decode_value, encode_changes, encode_properties, encode_value,
};
use proptest::prelude::*;
use strategy::{FrameModel, any_bytes, client_message, frame_model, holder, server_message, typed_change, typed_value};

fn packet<M: Message>(messages: &[M]) -> Bytes {
    let mut out = BytesMut::new();
    messages.iter().for_each(|message| message.encode(&mut out));
    out.freeze()
}

fn read_all<M: Message>(packet: &Bytes) -> Result<Vec<M>, DecodeError> {
    decode_packet(packet).collect()
}

/// Bytes that were sound, with some of them changed and the end cut off.
fn mangled(sound: &[u8], edits: &[(prop::sample::Index, u8)], cut: prop::sample::Index) -> Bytes {
    let mut bytes = sound.to_vec();
    for (place, byte) in edits {
        if !bytes.is_empty() {
            let at = place.index(bytes.len());
            bytes[at] = *byte;
        }
    }
    bytes.truncate(cut.index(bytes.len() + 1));
    bytes.into()
}

fn edits() -> impl Strategy<Value = Vec<(prop::sample::Index, u8)>> {
    let byte = prop_oneof![any::<u8>(), Just(0xff), Just(0x80), Just(0)];
    prop::collection::vec((any::<prop::sample::Index>(), byte), 0..6)
}

/// About how many bytes of memory a value takes.
fn footprint(value: &Value) -> usize {
    size_of::<Value>()
        + match value {
            Value::Text(text) => text.len() + 16,
            Value::Bytes(bytes) => bytes.len() + 16,
            Value::List(items) => items.iter().map(footprint).sum(),
            Value::Map(entries) => entries.iter().map(|(k, v)| footprint(k) + footprint(v)).sum(),
            _ => 0,
        }
}

fn write_frame(model: &FrameModel) -> Bytes {
    let mut out = BytesMut::new();
    let mut frame = FrameWriter::begin(&mut out, model.sequence, model.space_time_ms);
    model.leaves.iter().for_each(|slot| frame.leave(*slot));
    for (slot, entity, type_no, record, properties) in &model.enters {
        frame.enter(*slot, EntityId(*entity), TypeNo(*type_no), record, properties);
    }
    let mut words = [0; 1024];
    model.movements.keys().for_each(|slot| words[usize::from(slot / 64)] |= 1 << (slot % 64));
    frame.movement(&words, |slot| model.movements[&slot]);
    model.state.iter().for_each(|(slot, changes)| frame.state(*slot, changes));
    model.calls.iter().for_each(|(slot, call)| frame.call(*slot, call));
    frame.finish();
    out.freeze()
}

fn read_frame(body: &[u8]) -> Result<FrameModel, DecodeError> {
    let frame = Frame::decode(body)?;
    let model = FrameModel {
        sequence: frame.sequence,
        space_time_ms: frame.space_time_ms,
        leaves: frame.leaves().collect(),
        enters: frame
            .enters()
            .map(|e| (e.slot, e.entity.0, e.type_no.0, e.record.to_bytes(), e.properties.to_vec()))
            .collect(),
        movements: frame.movements().map(|m| (m.slot, m.record.to_bytes())).collect(),
        state: frame.state().map(|s| (s.slot, s.changes.to_vec())).collect(),
        calls: frame.calls().map(|c| (c.slot, c.call.to_vec())).collect(),
    };
    assert_eq!(model.movements.len(), frame.movement_count());
    Ok(model)
}

proptest! {
    #[test]
    fn client_messages_come_back(messages in prop::collection::vec(client_message(), 0..5)) {
        prop_assert_eq!(read_all(&packet(&messages)), Ok(messages));
    }

    #[test]
    fn server_messages_come_back(messages in prop::collection::vec(server_message(), 0..5)) {
        prop_assert_eq!(read_all(&packet(&messages)), Ok(messages));
    }

    #[test]
    fn mangled_packets_do_no_harm(
        client in prop::collection::vec(client_message(), 1..4),
        server in prop::collection::vec(server_message(), 1..4),
        edits in edits(),
        cut: prop::sample::Index,
    ) {
        let _ = read_all::<ClientMessage>(&mangled(&packet(&client), &edits, cut));
        let _ = read_all::<ServerMessage>(&mangled(&packet(&server), &edits, cut));
    }

    #[test]
    fn after_an_error_a_packet_gives_nothing_more(bytes in any_bytes(200)) {
        let packet = Bytes::from(bytes);
        let read: Vec<Result<ServerMessage, _>> = decode_packet(&packet).collect();
        prop_assert!(read.iter().rev().skip(1).all(Result::is_ok));
    }

    #[test]
    fn values_come_back((ty, value) in typed_value()) {
        let mut out = BytesMut::new();
        encode_value(&ty, &value, &mut Writer::new(&mut out)).expect("it fits");
        let mut reader = Reader::new(&out);
        prop_assert_eq!(decode_value(&ty, &mut reader, &Limits::default()), Ok(value));
        prop_assert!(reader.is_empty());
    }

    #[test]
    fn a_value_from_mangled_bytes_fits_its_type_and_the_bytes(
        (ty, value) in typed_value(), edits in edits(), cut: prop::sample::Index,
    ) {
        let mut out = BytesMut::new();
        encode_value(&ty, &value, &mut Writer::new(&mut out)).expect("it fits");
        let bytes = mangled(&out, &edits, cut);
        if let Ok(value) = decode_value(&ty, &mut Reader::new(&bytes), &Limits::default()) {
            prop_assert!(footprint(&value) <= 1_024 + 160 * bytes.len(), "{} bytes became {}", bytes.len(), footprint(&value));
            let mut again = BytesMut::new();
            prop_assert_eq!(encode_value(&ty, &value, &mut Writer::new(&mut again)), Ok(()));
        }
    }

    #[test]
    fn a_value_of_another_type_is_refused_or_writes_what_its_type_reads(
        (ty, _) in typed_value(), (_, value) in typed_value(),
    ) {
        let mut out = BytesMut::from(&b"before"[..]);
        match encode_value(&ty, &value, &mut Writer::new(&mut out)) {
            Ok(()) => prop_assert!(decode_value(&ty, &mut Reader::new(&out[6..]), &Limits::default()).is_ok()),
            Err(_) => prop_assert_eq!(&out[..], b"before"),
        }
    }

    #[test]
    fn snapshots_come_back((ty, value) in typed_value()) {
        let holder = holder(ty);
        let properties = vec![(holder.properties[0].no, value)];
        let mut out = BytesMut::new();
        let given = properties.iter().map(|(no, value)| (*no, value));
        encode_properties(&holder, given, &mut Writer::new(&mut out)).expect("it fits");
        prop_assert_eq!(decode_properties(&holder, &mut Reader::new(&out), &Limits::default()), Ok(properties));
    }

    #[test]
    fn changes_come_back(
        (ty, changes) in typed_change(), edits in edits(), cut: prop::sample::Index,
    ) {
        let holder = holder(ty);
        let mut out = BytesMut::new();
        encode_changes(&holder, &changes, &mut Writer::new(&mut out)).expect("it fits");
        let read = |bytes: &[u8]| decode_changes(&holder, &mut Reader::new(bytes), &Limits::default());
        prop_assert_eq!(read(&out), Ok(changes));
        if let Ok(changes) = read(&mangled(&out, &edits, cut)) {
            let changes: Vec<Change> = changes;
            let mut again = BytesMut::new();
            prop_assert_eq!(encode_changes(&holder, &changes, &mut Writer::new(&mut again)), Ok(()));
        }
    }

    #[test]
    fn frames_come_back(model in frame_model()) {
        let packet = write_frame(&model);
        let messages: Vec<ServerMessage> = read_all(&packet).expect("sound");
        let [ServerMessage::Frame { body }] = &messages[..] else { panic!("one frame") };
        prop_assert_eq!(read_frame(body), Ok(model));
    }

    #[test]
    fn mangled_frames_do_no_harm(model in frame_model(), edits in edits(), cut: prop::sample::Index) {
        let bytes = mangled(&write_frame(&model)[3..], &edits, cut);
        if let Ok(read) = read_frame(&bytes) {
            let items = read.leaves.len() + read.enters.len() + read.movements.len() + read.state.len() + read.calls.len();
            prop_assert!(items <= bytes.len());
        }
    }

    #[test]
    fn any_stream_is_cut_within_its_bounds(pieces in prop::collection::vec(any_bytes(40), 0..20)) {
        let mut splitter = PacketSplitter::new(64);
        for piece in pieces {
            splitter.push(&piece);
            while let Ok(Some(packet)) = splitter.next() {
                prop_assert!(packet.len() <= 64);
            }
            prop_assert!(splitter.spare().len() <= 64 + 4 + 40);
        }
    }

    #[test]
    fn a_record_is_its_bytes(bytes: [u8; 7]) {
        prop_assert_eq!(Record::from_bytes(bytes).to_bytes(), bytes);
    }
}

#[test]
fn a_container_cannot_claim_what_its_bytes_do_not_hold() {
    let limits = Limits::default();
    let read = |text: &str, bytes: &[u8]| {
        let ty = kuafu_def::Type::parse(text, &[], &[]).expect("a type");
        decode_value(&ty, &mut Reader::new(bytes), &limits)
    };
    let huge = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
    assert!(matches!(read("list<bool>", &huge), Err(DecodeError::Truncated { .. })));
    assert!(matches!(read("string", &huge), Err(DecodeError::TooMany { .. })));
    let mut many = vec![0x81, 0x20];
    many.resize(2 + 4_097, 0);
    assert!(matches!(read("list<bool>", &many), Err(DecodeError::TooMany { count: 4_097, .. })));
}

#[test]
fn values_nested_deeper_than_the_limit_are_refused() {
    let limits = Limits { value_depth_max: 2, ..Limits::default() };
    let ty = kuafu_def::Type::parse("list<list<bool>>", &[], &[]).expect("a type");
    let read = |bytes: &[u8]| decode_value(&ty, &mut Reader::new(bytes), &limits);
    assert!(read(&[1, 0]).is_ok());
    assert!(matches!(read(&[1, 1, 1]), Err(DecodeError::TooDeep { max: 2, .. })));
}
