//! Every decoder of outside bytes, under libFuzzer. `KUAFU_FUZZ` names the one to feed; see [`TARGETS`].
//!
//! A decoder may refuse its input in any way but one: it must not panic, hang or allocate without measure.

#![no_main]

// The pure half of the listeners: bytes in, packets out. Its crate shows nothing of it, so it is compiled in here.
#[path = "../../crates/edge/src/framing.rs"]
#[expect(dead_code, reason = "only the reading side is fed")]
mod framing;
#[path = "../../crates/edge/src/websocket.rs"]
mod websocket;
// The file of a project that is no definition; its crate brings all roles with it.
#[path = "../../crates/kuafu/src/project/file.rs"]
#[expect(dead_code, reason = "only the reading of a text is fed")]
mod file;
mod scripts;

use std::path::Path;
use std::sync::LazyLock;

use bytes::Bytes;
use framing::{Fault, Fed, Inbound};
use kuafu_core::Limits;
use kuafu_def::json::{value_from_json, value_to_json};
use kuafu_def::{Definitions, EntityType, Type};
use kuafu_wire::{ClientMessage, Frame, Message, PacketSplitter, Reader, ServerMessage};

/// Name and decoder.
const TARGETS: &[(&str, fn(&[u8]))] = &[
    ("client_packet", client_packet),
    ("server_packet", server_packet),
    ("frame", frame),
    ("values", values),
    ("splitter", splitter),
    ("stream", stream),
    ("link_frame", link_frame),
    ("envelope", envelope),
    ("schema", schema),
    ("type_text", type_text),
    ("value_json", value_json),
    ("definitions", definitions),
    ("project_file", project_file),
    ("tables", kuafu_tables::fuzz),
    ("script_set", scripts::script_set),
    ("lint", scripts::lint),
];

/// The entity types of the shared vectors, and one with something of every kind.
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

const UPGRADE: &[u8] = b"GET /game HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// The first byte says how the stream is cut, and whether a sound upgrade to a WebSocket comes before it.
fn stream(data: &[u8]) {
    let Some((head, rest)) = data.split_first() else { return };
    let sent = if head & 0x80 == 0 { rest.to_vec() } else { [UPGRADE, rest].concat() };
    let (whole, fault) = feed(&sent, sent.len());
    let (cut, fault_cut) = feed(&sent, usize::from(head & 0x7f));
    assert_eq!((&whole.packets, whole.controls, whole.ended), (&cut.packets, cut.controls, cut.ended));
    assert_eq!(fault, fault_cut, "it does not matter where a stream is cut");
    assert!(whole.packets.iter().all(|packet| packet.len() <= 1024));
}

fn feed(sent: &[u8], piece: usize) -> (Fed, Option<Fault>) {
    let (mut inbound, mut fed) = (Inbound::new(1024), Fed::default());
    let fault = sent.chunks(piece.max(1)).find_map(|bytes| inbound.feed(bytes, &mut fed).err());
    (fed, fault)
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
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(definitions) = Definitions::from_client_schema_json(text) else { return };
    for property in definitions.types.values().flat_map(|ty| &ty.properties) {
        let _ = property.ty.check(&property.default, &Limits::default());
    }
}

fn type_text(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = Type::parse(text, &DEFINITIONS.structs, &DEFINITIONS.enums);
    }
}

/// The first byte chooses the type. What was read and is written again is read as the same.
fn value_json(data: &[u8]) {
    let Some((which, text)) = data.split_first() else { return };
    let Ok(json) = serde_json::from_slice(text) else { return };
    let types: Vec<&Type> = every_type().flat_map(|ty| &ty.properties).map(|property| &property.ty).collect();
    let ty = types[usize::from(*which) % types.len()];
    if let Ok(value) = value_from_json(ty, &json) {
        let again = value_from_json(ty, &value_to_json(ty, &value)).expect("its own JSON is read");
        assert_eq!(format!("{value:?}"), format!("{again:?}"));
    }
}

/// Stands before the path of each file of a folder.
const FILE_MARK: &str = "=== ";

/// A folder as one text: a line `=== traits/named.toml` before each file but the first.
fn split_files(text: &str, first: &str) -> Vec<(String, String)> {
    let mut files: Vec<(String, String)> = vec![(first.to_owned(), String::new())];
    for line in text.split_inclusive('\n') {
        match (line.strip_prefix(FILE_MARK), files.last_mut()) {
            (Some(path), _) => files.push((path.trim().to_owned(), String::new())),
            (None, Some((_, text))) => text.push_str(line),
            (None, None) => {}
        }
    }
    files
}

/// Definitions in several files. Problems are at places that are there; what is read goes through the schema, and again
/// through the lock file, as it was.
fn definitions(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let files = split_files(text, "a.toml");
    match Definitions::load_from(files.clone()) {
        Err(problems) => {
            assert!(!problems.is_empty());
            for problem in problems {
                assert!(problem.line >= 1 && problem.column >= 1 && !problem.help.is_empty(), "{problem}");
            }
        }
        Ok(loaded) => sound(&loaded.definitions, files, loaded.ids_changed),
    }
}

fn sound(definitions: &Definitions, mut files: Vec<(String, String)>, ids_changed: Option<String>) {
    let limits = Limits { text_bytes_max: u32::MAX, container_items_max: u32::MAX, ..Limits::default() };
    for property in definitions.types.values().flat_map(|ty| &ty.properties) {
        property.check(&property.default, &limits).expect("a default fits its property");
    }
    let schema = definitions.client_schema_json();
    let client = Definitions::from_client_schema_json(&schema).expect("its own schema is read");
    assert_eq!(client.client_schema_json(), schema);
    assert_eq!(client.digest_client, definitions.digest_client);
    files.extend(ids_changed.map(|lock| ("ids.lock".to_owned(), lock)));
    let again = Definitions::load_from(files).expect("with its lock file it is as good");
    assert_eq!((again.ids_changed, again.definitions), (None, definitions.clone()));
}

fn project_file(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Err(why) = toml::from_str::<file::ProjectFile>(text) {
        let problem = file::from_toml(Path::new("kuafu.toml"), text, &why);
        assert!(problem.line >= 1 && problem.column >= 1);
    }
}
