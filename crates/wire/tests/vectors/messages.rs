//! `messages.json`: every message by example, packets that a receiver must put up with, and some it must refuse.

use bytes::{Bytes, BytesMut};
use kuafu_core::{AccountId, Code, EntityId, Incarnation, MethodNo, RecordId, Refusal, SpaceId, TypeNo};
use kuafu_def::Part;
use kuafu_wire::{CallOutcome, ClientMessage, Lattice, Message, Password, Role, ServerMessage, Token, decode_packet};
use serde_json::{Value as Json, json};

use super::{check, hex, unhex};

const TOKEN: Token = [0, 1, 2, 3, 4, 5, 6, 7, 0xf8, 0xf9, 0xfa, 0xfb, 0xfc, 0xfd, 0xfe, 0xff];
const TOKEN_HEX: &str = "0001020304050607f8f9fafbfcfdfeff";

#[test]
fn messages_json_is_fresh() {
    let client = client_messages();
    let server = server_messages();
    assert_covers(ClientMessage::TABLE, &client);
    assert_covers(ServerMessage::TABLE, &server);
    let mut messages: Vec<Json> = client.into_iter().map(|(m, f)| entry("client", &m, &f)).collect();
    messages.extend(server.into_iter().map(|(m, f)| entry("server", &m, &f)));
    check("messages.json", &json!({ "messages": messages, "tolerated": tolerated(), "refused": refused() }));
}

fn assert_covers<M: Message>(table: &[(u8, &str)], samples: &[(M, Json)]) {
    for (opcode, name) in table {
        assert!(samples.iter().any(|(m, _)| m.opcode() == *opcode && m.name() == *name), "no sample of {name}");
    }
}

fn entry<M: Message + PartialEq + std::fmt::Debug>(direction: &str, message: &M, fields: &Json) -> Json {
    let mut out = BytesMut::new();
    message.encode(&mut out);
    let packet = out.freeze();
    let back: Vec<M> = decode_packet(&packet).collect::<Result<_, _>>().expect("own bytes are sound");
    assert_eq!(back, std::slice::from_ref(message));
    json!({ "name": message.name(), "direction": direction, "opcode": message.opcode(), "hex": hex(&packet), "fields": fields })
}

fn client_messages() -> Vec<(ClientMessage, Json)> {
    use ClientMessage as M;
    let entity = EntityId::new(Incarnation(3), 70_000);
    vec![
        (
            M::Hello { version: 1, flags: 1, digest: [0; 16], name: "kuafu-html5 0.1".into() },
            json!({ "version": 1, "flags": 1, "digest": hex(&[0; 16]), "name": "kuafu-html5 0.1" }),
        ),
        (
            M::Hello { version: 1, flags: 0, digest: TOKEN, name: String::new() },
            json!({ "version": 1, "flags": 0, "digest": TOKEN_HEX, "name": "" }),
        ),
        (
            M::Register { account: "夸父".into(), password: Password("sun-chaser".into()) },
            json!({ "account": "夸父", "password": "sun-chaser" }),
        ),
        (
            M::Login { account: "anna".into(), password: Password("p".repeat(130)) },
            json!({ "account": "anna", "password": "p".repeat(130) }),
        ),
        (M::RoleCreate { name: "Yu 😀".into() }, json!({ "name": "Yu 😀" })),
        (M::RoleDelete { role: RecordId(1_000_042) }, json!({ "role": 1_000_042 })),
        (M::RoleRestore { role: RecordId(1_000_042) }, json!({ "role": 1_000_042 })),
        (M::RoleSelect { role: RecordId((1 << 53) - 1) }, json!({ "role": 9_007_199_254_740_991_u64 })),
        (M::Attach { token: TOKEN }, json!({ "token": TOKEN_HEX })),
        (
            M::Call {
                number: 300,
                entity,
                part: Part::Cell,
                method: MethodNo(12),
                arguments: Bytes::from_static(b"\x05hello"),
            },
            json!({ "number": 300, "entity": entity.0, "part": 1, "method": 12, "arguments": "0568656c6c6f" }),
        ),
        (
            M::Call {
                number: 0,
                entity: EntityId::NONE,
                part: Part::Base,
                method: MethodNo(1),
                arguments: Bytes::new(),
            },
            json!({ "number": 0, "entity": 0, "part": 0, "method": 1, "arguments": "" }),
        ),
        (
            M::Move { sequence: 129, position: [1.5, -0.25, 1024.0], yaw: -3.125 },
            json!({ "sequence": 129, "position": [1.5, -0.25, 1024.0], "yaw": -3.125 }),
        ),
        (M::Ack { sequence: 16_384 }, json!({ "sequence": 16_384 })),
        (M::Ping { clock_ms: 1_234.5 }, json!({ "clock_ms": 1_234.5 })),
        (M::Bye, json!({})),
    ]
}

fn server_messages() -> Vec<(ServerMessage, Json)> {
    let mut all = handshake_and_login_answers();
    all.extend(game_answers());
    all.extend(space_messages());
    all
}

fn handshake_and_login_answers() -> Vec<(ServerMessage, Json)> {
    use ServerMessage as M;
    let roles = vec![
        Role { id: RecordId(1_000_001), name: "Yu".into(), deleted_at_ms: 0 },
        Role { id: RecordId(1_000_002), name: "Gun".into(), deleted_at_ms: 1_790_000_000_000 },
    ];
    let roles_json = json!([
        { "id": 1_000_001, "name": "Yu", "deleted_at_ms": 0 },
        { "id": 1_000_002, "name": "Gun", "deleted_at_ms": 1_790_000_000_000_u64 },
    ]);
    let error = Refusal::new(Code::NameTaken, "the name is taken");
    vec![
        (
            M::Welcome { version: 1, digest: TOKEN, idle_ms: 30_000, heartbeat_ms: 5_000, name: "plaza".into() },
            json!({ "version": 1, "digest": TOKEN_HEX, "idle_ms": 30_000, "heartbeat_ms": 5_000, "name": "plaza" }),
        ),
        (M::Schema { json: r#"{"types":[]}"#.into() }, json!({ "json": r#"{"types":[]}"# })),
        (M::Registered, json!({})),
        (
            M::LoggedIn { account: AccountId(77), roles_max: 4, roles: roles.clone() },
            json!({ "account": 77, "roles_max": 4, "roles": roles_json }),
        ),
        (M::Roles { roles: Vec::new() }, json!({ "roles": [] })),
        (M::Roles { roles }, json!({ "roles": roles_json })),
        (M::Queue { position: 12, length: 340 }, json!({ "position": 12, "length": 340 })),
        (
            M::Enter { ticket: TOKEN, host: String::new(), port: 10_000 },
            json!({ "ticket": TOKEN_HEX, "host": "", "port": 10_000 }),
        ),
        (
            M::Enter { ticket: TOKEN, host: "base.example.org".into(), port: 443 },
            json!({ "ticket": TOKEN_HEX, "host": "base.example.org", "port": 443 }),
        ),
        (
            M::error(&error, false, 0x02),
            json!({ "code": 100, "fatal": false, "answers": 2, "text": "the name is taken" }),
        ),
        (
            M::Error { code: 60_000, fatal: true, answers: 0, text: String::new() },
            json!({ "code": 60_000, "fatal": true, "answers": 0, "text": "" }),
        ),
    ]
}

fn game_answers() -> Vec<(ServerMessage, Json)> {
    use ServerMessage as M;
    let entity = EntityId::new(Incarnation(3), 9);
    vec![
        (
            M::Attached {
                entity,
                type_no: TypeNo(1),
                record: RecordId(1_000_001),
                resume: TOKEN,
                retaken: true,
                properties: Bytes::from_static(&[1, 4, 2]),
            },
            json!({
                "entity": entity.0, "type_no": 1, "record": 1_000_001, "resume": TOKEN_HEX, "retaken": true,
                "properties": "010402",
            }),
        ),
        (M::Frame { body: Bytes::from_static(&[7, 100, 0]) }, json!({ "body": "076400" })),
        (
            M::Result { number: 300, outcome: CallOutcome::Value(Bytes::from_static(&[1])) },
            json!({ "number": 300, "outcome": "value", "value": "01" }),
        ),
        (
            M::Result { number: 301, outcome: CallOutcome::refused(Refusal::new(Code::Refused, "too far")) },
            json!({ "number": 301, "outcome": "refused", "code": 305, "text": "too far" }),
        ),
        (
            M::Result { number: 302, outcome: CallOutcome::refused(Refusal::new(Code::DeadlinePassed, "no answer")) },
            json!({ "number": 302, "outcome": "unknown", "code": 306, "text": "no answer" }),
        ),
        (
            M::Pong { clock_ms: 1_234.5, space_time_ms: 99_000.25, held_us: 850 },
            json!({ "clock_ms": 1_234.5, "space_time_ms": 99_000.25, "held_us": 850 }),
        ),
        (M::Own { changes: Bytes::from_static(&[1, 4, 0, 0, 6]) }, json!({ "changes": "0104000006" })),
        (
            M::CallClient { method: MethodNo(9), arguments: Bytes::from_static(&[2]) },
            json!({ "method": 9, "arguments": "02" }),
        ),
        (M::SeeYou, json!({})),
    ]
}

fn space_messages() -> Vec<(ServerMessage, Json)> {
    use ServerMessage as M;
    let enter = M::SpaceEnter {
        space: SpaceId(2),
        name: "plaza".into(),
        lattice: Lattice { origin: [-2048.0, -64.0, -2048.0], step: [0.0625, 0.0078125, 0.0625] },
        least: [-1000.0, -900.0],
        greatest: [1000.0, 900.0],
        tick_hz: 10,
        view_radius: 50.0,
        top_speed: 6.5,
        position: [10.0, 0.5, -20.0],
        yaw: 1.5,
    };
    let enter_json = json!({
        "space": 2, "name": "plaza", "origin": [-2048.0, -64.0, -2048.0], "step": [0.0625, 0.0078125, 0.0625],
        "least": [-1000.0, -900.0], "greatest": [1000.0, 900.0], "tick_hz": 10, "view_radius": 50.0,
        "top_speed": 6.5, "position": [10.0, 0.5, -20.0], "yaw": 1.5,
    });
    vec![
        (enter, enter_json),
        (M::SpaceLeave, json!({})),
        (
            M::Correct { sequence: 41, position: [1.0, 2.0, 3.0], yaw: 0.5, code: Code::MovedTooFar as u16 },
            json!({ "sequence": 41, "position": [1.0, 2.0, 3.0], "yaw": 0.5, "code": 500 }),
        ),
    ]
}

/// Packets that give these messages though a careful writer would not write them.
fn tolerated() -> Vec<Json> {
    let case = |why: &str, text: &str, names: &[&str]| {
        let packet = Bytes::from(unhex(text));
        let read: Vec<_> = decode_packet::<ServerMessage>(&packet).collect::<Result<_, _>>().expect(why);
        assert_eq!(read.iter().map(Message::name).collect::<Vec<_>>(), names, "{why}");
        json!({ "why": why, "direction": "server", "hex": hex(&packet), "messages": names })
    };
    vec![
        case("a packet without messages", "", &[]),
        case("an unknown message is skipped", "8300 c0 03 010203 9700", &["Registered", "SpaceLeave"]),
        case("bytes after the known fields are ignored", "83 02 0102 86 04 01 02 ffff", &["Registered", "Queue"]),
        case("a varint need not be in its shortest form", "86 8600 8100 82808000", &["Queue"]),
        case("a length need not be in its shortest form", "97 8000 99 808000", &["SpaceLeave", "SeeYou"]),
    ]
}

/// Packets that a receiver refuses without harm.
fn refused() -> Vec<Json> {
    let case = |why: &str, text: &str| {
        let packet = Bytes::from(unhex(text));
        let error = decode_packet::<ServerMessage>(&packet).find_map(Result::err);
        assert!(error.is_some(), "{why}");
        json!({ "why": why, "direction": "server", "hex": hex(&packet) })
    };
    vec![
        case("a body longer than the packet", "86 03 01 02"),
        case("an opcode without a length", "83"),
        case("a length that never ends", "83 ff"),
        case("a varint wider than 64 bits", "86 0b ffffffffffffffffff7f 01"),
        case("a text longer than its body", "82 02 05 7b"),
        case("a text that is not UTF-8", "82 03 02 c328"),
        case("a flag that is neither 0 nor 1", "8f 06 6400 02 00 01 78"),
        case("a count of roles that cannot be there", "85 05 ffffffff0f"),
        case("a call outcome that does not exist", "92 05 01 03 3101 00"),
        case("a truncated number", "93 04 00000000"),
    ]
}
