//! What the fuzzer begins with: sound input for every target, from the shared vectors and from our own encoders.

mod scripts;

use std::path::Path;

use anyhow::Context;
use bytes::Bytes;
use kuafu_contract::link::{
    BlobKind, CallMethod, Event, LinkCall, LinkCaller, WitnessPart, WitnessView, WorldFrameWriter, encode_events,
};
use kuafu_contract::{
    Address, Body, CONTRACT_VERSION, CallId, Envelope, Reply, Request, RoleKind, accounts, cell, cell_manager, console,
    db,
};
use kuafu_core::{
    Code, EntityId, Epoch, Incarnation, MethodNo, OperationId, PropertyNo, RecordId, Refusal, SpaceId, TypeNo, Value,
};
use kuafu_wire::{ServerMessage, decode_packet};
use serde_json::Value as Json;

use crate::generate::root;

/// Something that a decoder reads.
pub(super) type Seed = Vec<u8>;

/// Seeds for a target; none for a name that is no target.
pub(super) fn of(target: &str) -> anyhow::Result<Vec<Seed>> {
    Ok(match target {
        "client_packet" => packets("client")?,
        "server_packet" => [packets("server")?, steps()?].concat(),
        "frame" => frames()?,
        "values" => vectors("values.json", &["values", "changes", "refused"])?,
        "splitter" => packets("client")?.iter().map(|packet| framed(3, packet)).collect(),
        "stream" => streams()?,
        "link_frame" => links(),
        "envelope" => envelopes(),
        "schema" => vec![read("fuzz/src/schema.json")?.to_string().into(), schema_of_frames()?],
        "type_text" => TYPES.iter().map(|text| text.as_bytes().to_vec()).collect(),
        "value_json" => defaults()?,
        "definitions" => vec![
            folder("examples/plaza/entities")?,
            folder("crates/def/tests/def/large")?,
            folder("crates/def/tests/def/broken")?,
        ],
        "project_file" => vec![text("examples/plaza/kuafu.toml")?.into(), PROJECT.into()],
        "tables" => TABLES.iter().map(|text| text.as_bytes().to_vec()).collect(),
        "script_set" => scripts::sets()?,
        "lint" => scripts::texts()?,
        _ => Vec::new(),
    })
}

const TYPES: &[&str] = &[
    "bool",
    "int8",
    "uint64 wide",
    "float32",
    "list<map<string, Item>>",
    "map<Kind, list<list<vec3>>>",
    "map<int64 wide, bytes>",
    "list<list<list<list<list<list<list<list<list<list<list<list<list<list<list<Pair>>>>>>>>>>>>>>>",
    "list<entity",
    "Nothing",
];

const PROJECT: &str = "[game]\nrealm_no = 2\nautoload = [\"market\"]\n[roles]\nbases = 2\n[limits]\ntick_hz = 20\n\
    [tls]\ncertificate = \"a.pem\"\nkey = \"b.pem\"\n";

const TABLES: &[&str] = &[
    "id,name,worth,next,at\n1,a,2.5,[2],\n2,b,,,\"{\"\"x\"\": [1, 2, 3]}\"\n",
    "[{ \"id\": 1, \"name\": \"a\", \"next\": [1], \"at\": { \"x\": [1, 2, 3] } }]",
    "key = \"id\"\n[columns]\nid = \"uint32\"\n",
];

/// The definitions of a folder as one text: each file after a line `=== PATH`.
fn folder(path: &str) -> anyhow::Result<Seed> {
    let mut seed = String::new();
    for below in ["", "traits", "components"] {
        let Ok(entries) = std::fs::read_dir(root().join(path).join(below)) else { continue };
        let mut files: Vec<_> = entries.flatten().map(|entry| entry.path()).filter(|path| path.is_file()).collect();
        files.sort();
        for file in files {
            let name = file.strip_prefix(root().join(path))?;
            seed += &format!("=== {}\n{}", name.display(), std::fs::read_to_string(&file)?);
        }
    }
    Ok(seed.into_bytes())
}

fn text(path: &str) -> anyhow::Result<String> {
    std::fs::read_to_string(root().join(path)).with_context(|| path.to_owned())
}

fn read(path: impl AsRef<Path>) -> anyhow::Result<Json> {
    let path = root().join(path);
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    serde_json::from_str(&text).with_context(|| path.display().to_string())
}

/// The bytes of every entry in these lists of a file of vectors.
fn vectors(file: &str, lists: &[&str]) -> anyhow::Result<Vec<Seed>> {
    let json = read(Path::new("sdk/vectors").join(file))?;
    let entries = lists.iter().filter_map(|list| json[list].as_array()).flatten();
    entries.map(|entry| unhex(entry["hex"].as_str().unwrap_or_default())).collect()
}

fn unhex(text: &str) -> anyhow::Result<Seed> {
    let digits = text.as_bytes().chunks(2);
    digits.map(|pair| Ok(u8::from_str_radix(std::str::from_utf8(pair)?, 16)?)).collect()
}

fn packets(direction: &str) -> anyhow::Result<Vec<Seed>> {
    let json = read("sdk/vectors/messages.json")?;
    let entries = ["messages", "tolerated", "refused"].iter().filter_map(|list| json[list].as_array()).flatten();
    let ours = entries.filter(|entry| entry["direction"] == direction);
    ours.map(|entry| unhex(entry["hex"].as_str().unwrap_or_default())).collect()
}

fn steps() -> anyhow::Result<Vec<Seed>> {
    vectors("frames.json", &["steps"])
}

/// The frames within the packets of the vectors.
fn frames() -> anyhow::Result<Vec<Seed>> {
    let packets: Vec<Bytes> = steps()?.into_iter().map(Bytes::from).collect();
    let messages = packets.iter().flat_map(decode_packet::<ServerMessage>);
    let bodies = messages.filter_map(|message| match message {
        Ok(ServerMessage::Frame { body }) => Some(body.to_vec()),
        _ => None,
    });
    Ok(bodies.collect())
}

/// A cut, the magic and one packet.
fn framed(cut: u8, packet: &[u8]) -> Seed {
    let length = (packet.len() as u32).to_le_bytes();
    [&[cut], &b"KFU1"[..], &length, packet].concat()
}

fn streams() -> anyhow::Result<Vec<Seed>> {
    let mut seeds: Vec<Seed> = packets("client")?.iter().take(3).map(|packet| framed(3, packet)).collect();
    for (first, payload) in [(0x82, &[1, 2, 3][..]), (0x02, &[4]), (0x89, &[7]), (0x88, &[3, 0xe8]), (0x81, b"hi")] {
        seeds.push(masked(first, payload));
    }
    seeds.push([masked(0x02, &[4]), masked(0x89, &[]).split_off(1), masked(0x80, &[5]).split_off(1)].concat());
    seeds.push(b"\x05GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec());
    Ok(seeds)
}

/// One WebSocket frame from a client, after an upgrade.
fn masked(first: u8, payload: &[u8]) -> Seed {
    let mask = [1, 2, 3, 4];
    let body = payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask);
    [0x80 | 2, first, 0x80 | payload.len() as u8].into_iter().chain(mask).chain(body).collect()
}

fn links() -> Vec<Seed> {
    let mut seeds = vec![world_frame().to_vec()];
    seeds.extend(events().iter().map(|event| encode_events(4, std::slice::from_ref(event)).to_vec()));
    seeds.push(encode_events(5, &events()).to_vec());
    seeds
}

fn world_frame() -> Bytes {
    let mut writer = WorldFrameWriter::default();
    writer.record(3, [1, 2, 3, 4, 5, 6, 7]);
    writer.blob(BlobKind::DeltaOthers, 3, b"delta");
    let delta = writer.blob(BlobKind::Delta, 3, b"late");
    let snapshot = writer.snapshot(9, EntityId(77), TypeNo(2), [9; 7], b"all");
    let call = writer.blob(BlobKind::Call, 3, b"call");
    writer.witness(&WitnessPart {
        witness: 12,
        leaves: &[4, 5],
        enters: &[(1, 9, snapshot)],
        moved: &[0b10, 1 << 63],
        state: &[0b10],
        deltas: &[(0, delta)],
        calls: &[(1, call)],
    });
    writer.finish(8, SpaceId(1), 1234, &[Event::Resync])
}

fn events() -> Vec<Event> {
    let entity = EntityId::new(Incarnation(3), 7);
    let call = LinkCall {
        call: 5,
        caller: LinkCaller::Client(entity),
        to: entity,
        cell: true,
        method: CallMethod::Number(MethodNo(2)),
        arguments: values(),
        hops: 1,
    };
    let named = LinkCall { method: CallMethod::Named("say".into()), caller: LinkCaller::Logic(entity), ..call.clone() };
    vec![
        Event::CreatePart {
            entity,
            ty: TypeNo(1),
            record: Some(RecordId(1_000_042)),
            real_epoch: 2,
            space: SpaceId(1),
            position: Some(([1.0, 2.0, 3.0], 0.5)),
            values: vec![(PropertyNo(4), Value::List(values()))],
            loaded: true,
        },
        Event::AttachWitness { entity, witness: 3 },
        Event::Move { witness: 3, sequence: 9, position: [1.0, 0.0, -1.0], yaw: 3.0 },
        Event::Credits(vec![(3, 400), (4, 0)]),
        Event::BackUp { entity, token: 6 },
        Event::PartRefused { entity, real_epoch: 2, refusal: refusal() },
        Event::BackedUp {
            entity,
            real_epoch: 2,
            token: 6,
            values: vec![(PropertyNo(1), Value::Int(-4))],
            place: place(),
        },
        Event::SpaceEntered { witness: 3, view: view(entity) },
        Event::Correct { witness: 3, sequence: 8, position: [0.0; 3], yaw: 0.0, code: Code::MovedTooFar },
        Event::Kick { entity, text: "bye".to_owned() },
        Event::Call(call),
        Event::Call(named),
        Event::Answer { call: 5, outcome: Ok(Value::Bool(true)) },
        Event::Answer { call: 5, outcome: Err(Some(refusal())) },
    ]
}

fn values() -> Vec<Value> {
    let list = Value::List(vec![Value::Nil, Value::Bool(true), Value::Int(-1)]);
    let map = Value::Map(vec![(Value::text("a"), Value::Float(0.5)), (Value::text("b"), list.clone())]);
    vec![list, map, Value::Bytes([1, 2][..].into()), Value::Entity(EntityId(9))]
}

fn refusal() -> Refusal {
    Refusal::from(Code::NotAllowed)
}

fn place() -> db::Place {
    db::Place { space: "plaza".to_owned(), position: [1.0, 2.0, 3.0], yaw: 0.5 }
}

fn view(entity: EntityId) -> WitnessView {
    WitnessView {
        entity,
        space: SpaceId(1),
        name: "plaza".to_owned(),
        origin: [0.0; 3],
        step: [0.01; 3],
        bounds: [-10.0, -10.0, 10.0, 10.0],
        tick_hz: 10,
        view_radius: 50.0,
        top_speed: 6.0,
        position: [0.0; 3],
        yaw: 0.0,
    }
}

fn envelopes() -> Vec<Seed> {
    let from = Address { role: RoleKind::Base, incarnation: Incarnation(3) };
    let write = db::Write::Save {
        ty: TypeNo(1),
        record: RecordId(1_000_042),
        epoch: Epoch(2),
        values: vec![(PropertyNo(4), Value::List(values()))],
        place: Some(place()),
        with_cell: true,
    };
    let commit =
        db::Request::Commit { operation: OperationId(7), by: Incarnation(3), whole: true, writes: vec![write] };
    let login = accounts::Request::Authenticate { name: "anna".to_owned(), password: "secret".to_owned() };
    let report = console::Report { from, state: "running".to_owned(), numbers: Default::default(), tick_us: vec![900] };
    let record = db::Record { record: RecordId(7), values: vec![(PropertyNo(1), Value::Int(4))], place: None };
    let claimed = db::Reply::Claimed { epoch: Epoch(1), record, created: false, cell_created: false };
    let bodies = [
        Body::Call(CallId(9), commit.into()),
        Body::Call(CallId(10), login.into()),
        Body::Call(CallId(11), cell_manager::Request::Find { space: SpaceId(1) }.into()),
        Body::Notice(Request::Cell(cell::Request::OpenSpace { space: SpaceId(1) })),
        Body::Notice(console::Request::Report(report).into()),
        Body::Answer(CallId(9), Ok(Reply::from(claimed))),
        Body::Answer(CallId(10), Err(refusal())),
    ];
    let envelope = |body| Envelope { version: CONTRACT_VERSION, from, body };
    bodies.into_iter().map(|body| postcard::to_stdvec(&envelope(body)).expect("plain data is written")).collect()
}

fn schema_of_frames() -> anyhow::Result<Seed> {
    Ok(read("sdk/vectors/frames.json")?["schema"].to_string().into())
}

/// The default of every property of the fuzzer's schema, after the number of its type there.
fn defaults() -> anyhow::Result<Vec<Seed>> {
    let schema = read("fuzz/src/schema.json")?;
    let types = schema["types"].as_array().context("the schema has types")?;
    let properties = types.iter().filter_map(|ty| ty["properties"].as_array()).flatten();
    let seed = |(at, property): (usize, &Json)| [&[at as u8], property["default"].to_string().as_bytes()].concat();
    Ok(properties.enumerate().map(seed).collect())
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_target_has_something_to_begin_with() {
        for target in crate::fuzz::TARGETS {
            assert!(!super::of(target).expect("sound vectors").is_empty(), "{target}");
        }
    }
}
