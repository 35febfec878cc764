//! Every decoder of outside bytes, under libFuzzer. `KUAFU_FUZZ` names the one to feed; see [`TARGETS`].
//!
//! A decoder may refuse its input in any way but one: it must not panic, hang or allocate without measure.

#![no_main]

use std::sync::LazyLock;

use bytes::Bytes;
use kuafu_core::Limits;
use kuafu_def::{Definitions, EntityType, Type};
use kuafu_wire::{ClientMessage, Frame, Message, PacketSplitter, Reader, ServerMessage};

/// Name and decoder.
const TARGETS: &[(&str, fn(&[u8]))] = &[
    ("client_packet", client_packet),
    ("server_packet", server_packet),
    ("frame", frame),
    ("values", values),
    ("splitter", splitter),
    ("link_frame", link_frame),
    ("envelope", envelope),
    ("schema", schema),
    ("type_text", type_text),
];

/// An entity type with something of every kind.
const SCHEMA: &str = include_str!("schema.json");

static DEFINITIONS: LazyLock<Definitions> =
    LazyLock::new(|| Definitions::from_client_schema_json(SCHEMA).expect("the fuzzer's own schema is sound"));

static TARGET: LazyLock<fn(&[u8])> = LazyLock::new(|| {
    let name = std::env::var("KUAFU_FUZZ").unwrap_or_default();
    let found = TARGETS.iter().find(|(target, _)| *target == name);
    found.unwrap_or_else(|| panic!("KUAFU_FUZZ={name} names no target")).1
});

libfuzzer_sys::fuzz_target!(|data: &[u8]| TARGET(data));

fn every_type() -> impl Iterator<Item = &'static EntityType> {
    DEFINITIONS.types.values().map(|ty| &**ty)
}

fn client_packet(data: &[u8]) {
    let limits = Limits::default();
    for message in kuafu_wire::decode_packet::<ClientMessage>(&Bytes::copy_from_slice(data)).flatten() {
        if let ClientMessage::Call { method, arguments, .. } = &message {
            for method in every_type().filter_map(|ty| ty.method(*method)) {
                let _ = kuafu_wire::decode_arguments(method, &mut Reader::new(arguments), &limits);
            }
        }
        again(&message);
    }
}

fn server_packet(data: &[u8]) {
    let limits = Limits::default();
    for message in kuafu_wire::decode_packet::<ServerMessage>(&Bytes::copy_from_slice(data)).flatten() {
        if let ServerMessage::Own { changes } = &message {
            for ty in every_type() {
                let _ = kuafu_wire::decode_changes(ty, &mut Reader::new(changes), &limits);
            }
        }
        again(&message);
    }
}

/// What was read and is written again is read as the same.
fn again<M: Message + std::fmt::Debug>(message: &M) {
    let mut bytes = bytes::BytesMut::new();
    message.encode(&mut bytes);
    let bytes = bytes.freeze();
    let read: Vec<M> = kuafu_wire::decode_packet(&bytes).map(|m| m.expect("its own bytes are read")).collect();
    assert_eq!(format!("{:?}", [message]), format!("{read:?}"));
}

fn frame(data: &[u8]) {
    let limits = Limits::default();
    let Ok(frame) = Frame::decode(data) else { return };
    for ty in every_type() {
        for state in frame.state() {
            let _ = kuafu_wire::decode_changes(ty, &mut Reader::new(state.changes), &limits);
        }
        for enter in frame.enters() {
            let _ = kuafu_wire::decode_properties(ty, &mut Reader::new(enter.properties), &limits);
        }
        for call in frame.calls() {
            let _ = kuafu_wire::decode_client_call(ty, &mut Reader::new(call.call), &limits);
        }
    }
    assert!(frame.movement_count() <= data.len());
}

fn values(data: &[u8]) {
    let limits = Limits::default();
    for ty in every_type().flat_map(|ty| &ty.properties).map(|property| &property.ty) {
        let mut reader = Reader::new(data);
        if let Ok(value) = kuafu_wire::decode_value(ty, &mut reader, &limits) {
            let _ = ty.check(&value, &limits);
        }
    }
}

fn splitter(data: &[u8]) {
    let Some((cut, rest)) = data.split_first() else { return };
    let mut splitter = PacketSplitter::with_magic(1024);
    for part in rest.chunks(usize::from(*cut).max(1)) {
        splitter.push(part);
        while let Ok(Some(packet)) = splitter.next() {
            assert!(packet.len() <= 1024);
        }
    }
}

fn link_frame(data: &[u8]) {
    if let Ok(kuafu_contract::link::Frame::World(frame)) = kuafu_contract::link::decode(data) {
        assert!(frame.records().len() <= data.len());
        for witness in &frame.witnesses {
            let bits: u32 = witness.moved().chain(witness.state()).map(u64::count_ones).sum();
            assert!(bits as usize <= data.len() * 8);
        }
    }
}

fn envelope(data: &[u8]) {
    let _ = postcard::from_bytes::<kuafu_contract::Envelope>(data);
}

fn schema(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = Definitions::from_client_schema_json(text);
    }
}

fn type_text(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = Type::parse(text, &DEFINITIONS.structs, &DEFINITIONS.enums);
    }
}
