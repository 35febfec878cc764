//! `frames.json`: what a base sends to one client in turn, and what the client knows after each packet.
//!
//! The knowledge is written by hand here; it is not computed by any client.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use kuafu_core::{Change, Edit, EntityId, Incarnation, MethodNo, PropertyNo, RecordId, SpaceId, Step, TypeNo, Value};
use kuafu_def::{Argument, Definitions, EntityType, Exposed, Method, Part, Parts, Type, value_from_json};
use kuafu_wire::{
    FrameWriter, Lattice, Message, Record, ServerMessage, Writer, encode_arguments, encode_changes, encode_client_call,
    encode_properties,
};
use serde_json::{Value as Json, json};

use super::values::{Declared, property};
use super::{check, hex};

#[test]
fn frames_json_is_fresh() {
    let game = Game::new();
    let schema: Json = serde_json::from_str(&game.definitions.client_schema_json()).expect("the schema is JSON");
    check("frames.json", &json!({ "schema": schema, "steps": game.steps() }));
}

/// A small game: `avatar` is type 1, `thing` is type 2.
struct Game {
    definitions: Definitions,
    avatar: Arc<EntityType>,
    thing: Arc<EntityType>,
}

const OWN: EntityId = EntityId(3 << 32 | 1);
const LATTICE: Lattice = Lattice { origin: [-2048.0, -64.0, -2048.0], step: [0.0625, 0.0078125, 0.0625] };

impl Game {
    fn new() -> Self {
        let declared = Declared::new();
        let ty = |text: &str| declared.ty(text);
        let avatar = entity_type(
            1,
            "avatar",
            vec![
                property(1, "gold", ty("int64"), Part::Base),
                property(2, "bag", ty("list<Item>"), Part::Base),
                property(3, "name", ty("string"), Part::Cell),
                property(4, "health", ty("uint16"), Part::Cell),
                property(5, "buffs", ty("map<string, float32>"), Part::Cell),
            ],
            vec![
                method(1, "heard", &[("text", ty("string")), ("loud", ty("bool"))]),
                method(2, "gift", &[("item", ty("Item"))]),
                Method {
                    part: Part::Base,
                    exposed: Exposed::Owner,
                    result: Some(Type::Bool),
                    ..method(3, "buy", &[("offer", ty("uint32"))])
                },
            ],
        );
        let thing = entity_type(2, "thing", vec![property(1, "kind", ty("Kind"), Part::Cell)], Vec::new());
        let types = BTreeMap::from([(TypeNo(1), Arc::clone(&avatar)), (TypeNo(2), Arc::clone(&thing))]);
        let definitions = Definitions { types, ..declared.definitions() };
        Self { definitions, avatar, thing }
    }

    fn steps(&self) -> Json {
        let mut known = Known::default();
        let steps: [(&str, Bytes); 13] = [
            ("attach", self.attached(false)),
            ("enter a space", space_enter("plaza", 1)),
            ("three entities come into view, the own one in slot 0", self.frame_1()),
            ("two of them move, one changes and calls", self.frame_2()),
            ("a slot changes hands; one slot has changes twice", self.frame_3()),
            ("the own base part changes", self.own()),
            ("the own base part calls the client", self.call_client()),
            ("a slot in the fifth word of the bitmap", self.frame_4()),
            ("nothing happened, or so it seems: an unknown section", frame_5()),
            ("leave the space", encode(&[ServerMessage::SpaceLeave])),
            ("another space in one packet with its first frame", self.other_space()),
            ("attach again: everything comes anew", self.attached(true)),
            ("the space anew", space_enter("hall", 2)),
        ];
        steps
            .into_iter()
            .enumerate()
            .map(|(number, (what, packet))| {
                known.calls.clear();
                known.advance(number);
                json!({ "what": what, "hex": hex(&packet), "known": known.json() })
            })
            .collect()
    }

    fn attached(&self, retaken: bool) -> Bytes {
        let gold = if retaken { 25 } else { 10 };
        let properties = self
            .properties(&self.avatar, &json!({ "gold": gold, "bag": [{ "kind": "sword", "count": 1, "tags": [] }] }));
        let (type_no, record, resume) = (TypeNo(1), RecordId(1_000_001), [7; 16]);
        encode(&[ServerMessage::Attached { entity: OWN, type_no, record, resume, retaken, properties }])
    }

    fn frame_1(&self) -> Bytes {
        frame(1, 100, |frame| {
            let own = self.properties(&self.avatar, &json!({ "name": "Yu", "health": 100, "buffs": {} }));
            frame.enter(0, OWN, TypeNo(1), &at(10.0, 0.5, -20.0, 64), &own);
            let other =
                self.properties(&self.avatar, &json!({ "name": "Gun", "health": 80, "buffs": { "haste": 1.5 } }));
            frame.enter(1, id(2), TypeNo(1), &at(11.0, 0.5, -20.0, 0), &other);
            let thing = self.properties(&self.thing, &json!({ "kind": "apple" }));
            frame.enter(2, id(3), TypeNo(2), &at(-2048.0, -64.0, -2048.0, 0), &thing);
        })
    }

    fn frame_2(&self) -> Bytes {
        frame(2, 200, |frame| {
            frame
                .movement(&[0b11], |slot| if slot == 0 { at(10.5, 0.5, -20.0, 64) } else { at(11.0, 1.0, -19.5, 255) });
            frame.state(1, &self.changes(&[Change::set(PropertyNo(4), 79.into())]));
            frame.call(1, &self.call(1, &["hello".into(), false.into()]));
        })
    }

    fn frame_3(&self) -> Bytes {
        frame(3, 300, |frame| {
            frame.leave(2);
            let thing = self.properties(&self.thing, &json!({ "kind": "sword" }));
            frame.enter(2, id(4), TypeNo(2), &at(0.0, 0.0, 0.0, 1), &thing);
            frame.movement(&[0b100], |_| at(0.0625, 0.0, 0.0, 2));
            let edit = |key: &str, edit| Change { property: PropertyNo(5), path: vec![Step::Key(key.into())], edit };
            frame.state(1, &self.changes(&[Change::set(PropertyNo(4), 78.into())]));
            let poison = edit("poison", Edit::Set(Value::Float(2.0)));
            frame
                .state(1, &self.changes(&[poison, edit("haste", Edit::Remove), Change::set(PropertyNo(4), 77.into())]));
            frame.call(1, &self.call(1, &["ouch".into(), true.into()]));
            frame.call(0, &self.call(1, &["oh".into(), false.into()]));
        })
    }

    fn own(&self) -> Bytes {
        let item = |step| vec![Step::Index(0), step];
        let changes = [
            Change::set(PropertyNo(1), 25.into()),
            Change { property: PropertyNo(2), path: item(Step::Field(1)), edit: Edit::Set(2.into()) },
        ];
        encode(&[ServerMessage::Own { changes: self.changes(&changes) }])
    }

    fn call_client(&self) -> Bytes {
        let gift = &self.avatar.methods[1];
        let item = Value::List(vec![2.into(), 3.into(), Value::List(Vec::new())]);
        let arguments = bytes(|writer| encode_arguments(gift, &[item], writer));
        encode(&[ServerMessage::CallClient { method: MethodNo(2), arguments }])
    }

    fn frame_4(&self) -> Bytes {
        frame(4, 400, |frame| {
            let thing = self.properties(&self.thing, &json!({ "kind": "none" }));
            frame.enter(300, id(5), TypeNo(2), &at(1.0, 0.0, 1.0, 0), &thing);
            frame.movement(&[0b10, 0, 0, 0, 1 << (300 - 256)], |slot| at(f32::from(slot), 0.0, 2.0, 3));
        })
    }

    fn other_space(&self) -> Bytes {
        let mut out = BytesMut::from(&space_enter("hall", 2)[..]);
        let own = self.properties(&self.avatar, &json!({ "name": "Yu", "health": 99, "buffs": {} }));
        let first = frame(6, 600, |frame| frame.enter(0, OWN, TypeNo(1), &at(1.0, 1.0, 1.0, 0), &own));
        out.extend_from_slice(&first);
        out.freeze()
    }

    fn properties(&self, ty: &EntityType, json: &Json) -> Bytes {
        let values: Vec<(PropertyNo, Value)> = ty
            .properties
            .iter()
            .filter_map(|p| Some((p.no, value_from_json(&p.ty, json.get(&p.name)?).expect("a value"))))
            .collect();
        bytes(|writer| encode_properties(ty, values.iter().map(|(no, value)| (*no, value)), writer))
    }

    fn changes(&self, changes: &[Change]) -> Bytes {
        bytes(|writer| encode_changes(&self.avatar, changes, writer))
    }

    fn call(&self, method: u16, arguments: &[Value]) -> Bytes {
        let method = self.avatar.method(MethodNo(method)).expect("a method");
        bytes(|writer| encode_client_call(method, arguments, writer))
    }
}

/// What a client knows after each step.
#[derive(Default)]
struct Known {
    own: Json,
    space: Json,
    sequence: u64,
    entities: BTreeMap<u16, Json>,
    calls: Vec<Json>,
}

impl Known {
    fn json(&self) -> Json {
        let entities: Json = self.entities.values().cloned().collect();
        json!({
            "own": self.own, "space": self.space, "sequence": self.sequence, "entities": entities, "calls": self.calls,
        })
    }

    fn advance(&mut self, step: usize) {
        match step {
            0 | 11 => {
                let gold = if step == 0 { 10 } else { 25 };
                let bag = json!([{ "kind": "sword", "count": 1, "tags": [] }]);
                let properties = json!({ "gold": gold, "bag": bag });
                *self = Self::default();
                self.own = json!({ "entity": OWN.0, "type": "avatar", "record": 1_000_001, "properties": properties });
            }
            1 => self.space = json!("plaza"),
            2 => {
                let yu = json!({ "name": "Yu", "health": 100, "buffs": {} });
                let gun = json!({ "name": "Gun", "health": 80, "buffs": { "haste": 1.5 } });
                self.enter(0, OWN, "avatar", [10.0, 0.5, -20.0], 64, &yu);
                self.enter(1, id(2), "avatar", [11.0, 0.5, -20.0], 0, &gun);
                self.enter(2, id(3), "thing", [-2048.0, -64.0, -2048.0], 0, &json!({ "kind": "apple" }));
                self.sequence = 1;
            }
            3 => {
                self.place(0, [10.5, 0.5, -20.0], 64);
                self.place(1, [11.0, 1.0, -19.5], 255);
                self.set(1, "health", json!(79));
                self.call(id(2), "heard", json!(["hello", false]));
                self.sequence = 2;
            }
            4 => {
                self.enter(2, id(4), "thing", [0.0625, 0.0, 0.0], 2, &json!({ "kind": "sword" }));
                self.set(1, "health", json!(77));
                self.set(1, "buffs", json!({ "poison": 2.0 }));
                self.call(id(2), "heard", json!(["ouch", true]));
                self.call(OWN, "heard", json!(["oh", false]));
                self.sequence = 3;
            }
            5 => {
                self.own["properties"]["gold"] = json!(25);
                self.own["properties"]["bag"][0]["count"] = json!(2);
            }
            6 => self.call(OWN, "gift", json!([{ "kind": "apple", "count": 3, "tags": [] }])),
            7 => {
                self.enter(300, id(5), "thing", [300.0, 0.0, 2.0], 3, &json!({ "kind": "none" }));
                self.place(1, [1.0, 0.0, 2.0], 3);
                self.sequence = 4;
            }
            8 => self.sequence = 5,
            9 => {
                self.space = Json::Null;
                self.entities.clear();
            }
            10 => {
                self.space = json!("hall");
                let yu = json!({ "name": "Yu", "health": 99, "buffs": {} });
                self.enter(0, OWN, "avatar", [1.0, 1.0, 1.0], 0, &yu);
                self.sequence = 6;
            }
            12 => self.space = json!("hall"),
            _ => unreachable!("every step says what it changes"),
        }
    }

    fn enter(&mut self, slot: u16, entity: EntityId, ty: &str, position: [f32; 3], yaw: u8, properties: &Json) {
        let known = json!({
            "slot": slot, "entity": entity.0, "type": ty, "position": position, "yaw_steps": yaw, "properties": properties,
        });
        self.entities.insert(slot, known);
    }

    fn place(&mut self, slot: u16, position: [f32; 3], yaw: u8) {
        let entity = self.entities.get_mut(&slot).expect("in view");
        entity["position"] = json!(position);
        entity["yaw_steps"] = json!(yaw);
    }

    fn set(&mut self, slot: u16, property: &str, value: Json) {
        self.entities.get_mut(&slot).expect("in view")["properties"][property] = value;
    }

    fn call(&mut self, entity: EntityId, method: &str, arguments: Json) {
        self.calls.push(json!({ "entity": entity.0, "method": method, "arguments": arguments }));
    }
}

fn entity_type(no: u16, name: &str, properties: Vec<kuafu_def::Property>, methods: Vec<Method>) -> Arc<EntityType> {
    let parts = Parts { base: true, cell: true, client: true };
    Arc::new(EntityType { properties, methods, ..EntityType::new(TypeNo(no), name, parts) })
}

fn method(no: u16, name: &str, arguments: &[(&str, Type)]) -> Method {
    let arguments = arguments.iter().map(|(name, ty)| Argument::new(*name, ty.clone())).collect();
    Method { arguments, ..Method::new(MethodNo(no), name, Part::Client) }
}

fn id(sequence: u32) -> EntityId {
    EntityId::new(Incarnation(4), sequence)
}

fn at(x: f32, y: f32, z: f32, yaw: u8) -> [u8; 7] {
    Record { yaw, ..LATTICE.record([x, y, z], 0.0) }.to_bytes()
}

fn bytes<E: std::fmt::Debug>(write: impl FnOnce(&mut Writer<'_>) -> Result<(), E>) -> Bytes {
    let mut out = BytesMut::new();
    write(&mut Writer::new(&mut out)).expect("it fits");
    out.freeze()
}

fn encode(messages: &[ServerMessage]) -> Bytes {
    let mut out = BytesMut::new();
    messages.iter().for_each(|message| message.encode(&mut out));
    out.freeze()
}

fn frame(sequence: u64, space_time_ms: u64, write: impl FnOnce(&mut FrameWriter<'_>)) -> Bytes {
    let mut out = BytesMut::new();
    let mut frame = FrameWriter::begin(&mut out, sequence, space_time_ms);
    write(&mut frame);
    frame.finish();
    out.freeze()
}

/// A frame with a section of a later version: bit 5 and bytes that nobody knows yet.
fn frame_5() -> Bytes {
    let body = Bytes::from_static(&[5, 0xf4, 0x03, 1 << 5, 0xde, 0xad]);
    encode(&[ServerMessage::Frame { body }])
}

fn space_enter(name: &str, space: u32) -> Bytes {
    encode(&[ServerMessage::SpaceEnter {
        space: SpaceId(space),
        name: name.into(),
        lattice: LATTICE,
        least: [-1000.0, -1000.0],
        greatest: [1000.0, 1000.0],
        tick_hz: 10,
        view_radius: 50.0,
        top_speed: 6.5,
        position: [10.0, 0.5, -20.0],
        yaw: 0.0,
    }])
}
