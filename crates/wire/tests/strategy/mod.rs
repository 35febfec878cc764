//! Draws messages, typed values, changes and frames.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use kuafu_core::change::order;
use kuafu_core::{
    AccountId, Change, Edit, EntityId, MethodNo, PropertyNo, Quantity, RecordId, SpaceId, Step, TypeNo, Value,
};
use kuafu_def::{EntityType, EnumType, Field, Part, Parts, Property, StructType, Type};
use kuafu_wire::{CallOutcome, ClientMessage, Lattice, Password, Role, ServerMessage};
use proptest::prelude::*;

pub(crate) fn any_bytes(most: usize) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..=most)
}

fn raw() -> impl Strategy<Value = Bytes> {
    any_bytes(300).prop_map(Bytes::from)
}

fn finite() -> impl Strategy<Value = f32> {
    prop::num::f32::NORMAL | prop::num::f32::ZERO
}

fn finite64() -> impl Strategy<Value = f64> {
    prop::num::f64::NORMAL | prop::num::f64::ZERO
}

fn id() -> impl Strategy<Value = u64> {
    prop_oneof![0_u64..300, any::<u64>()]
}

pub(crate) fn client_message() -> impl Strategy<Value = ClientMessage> {
    use ClientMessage as M;
    let credentials = (".{0,30}", ".{0,140}").prop_map(|(account, password)| (account, Password(password)));
    prop_oneof![
        (any::<u16>(), any::<u8>(), any::<[u8; 16]>(), ".{0,30}").prop_map(|(version, flags, digest, name)| M::Hello {
            version,
            flags,
            digest,
            name
        }),
        credentials.clone().prop_map(|(account, password)| M::Register { account, password }),
        credentials.prop_map(|(account, password)| M::Login { account, password }),
        ".{0,30}".prop_map(|name| M::RoleCreate { name }),
        id().prop_map(|role| M::RoleDelete { role: RecordId(role) }),
        id().prop_map(|role| M::RoleRestore { role: RecordId(role) }),
        id().prop_map(|role| M::RoleSelect { role: RecordId(role) }),
        any::<[u8; 16]>().prop_map(|token| M::Attach { token }),
        (any::<u32>(), id(), any::<bool>(), any::<u16>(), raw()).prop_map(
            |(number, entity, cell, method, arguments)| {
                let part = if cell { Part::Cell } else { Part::Base };
                M::Call { number, entity: EntityId(entity), part, method: MethodNo(method), arguments }
            }
        ),
        (any::<u32>(), [finite(), finite(), finite()], finite()).prop_map(|(sequence, position, yaw)| M::Move {
            sequence,
            position,
            yaw
        }),
        any::<u64>().prop_map(|sequence| M::Ack { sequence }),
        finite64().prop_map(|clock_ms| M::Ping { clock_ms }),
        Just(M::Bye),
    ]
}

pub(crate) fn server_message() -> impl Strategy<Value = ServerMessage> {
    prop_oneof![login_answer(), game_message(), space_message()]
}

fn role() -> impl Strategy<Value = Role> {
    (id(), ".{0,24}", any::<u64>()).prop_map(|(id, name, deleted_at_ms)| Role { id: RecordId(id), name, deleted_at_ms })
}

fn login_answer() -> impl Strategy<Value = ServerMessage> {
    use ServerMessage as M;
    let roles = || prop::collection::vec(role(), 0..5);
    prop_oneof![
        (any::<u16>(), any::<[u8; 16]>(), any::<u32>(), any::<u32>(), ".{0,20}").prop_map(
            |(version, digest, idle_ms, heartbeat_ms, name)| M::Welcome {
                version,
                digest,
                idle_ms,
                heartbeat_ms,
                name
            }
        ),
        ".{0,400}".prop_map(|json| M::Schema { json }),
        Just(M::Registered),
        (id(), any::<u32>(), roles()).prop_map(|(account, roles_max, roles)| M::LoggedIn {
            account: AccountId(account),
            roles_max,
            roles
        }),
        roles().prop_map(|roles| M::Roles { roles }),
        any::<(u32, u32)>().prop_map(|(position, length)| M::Queue { position, length }),
        (any::<[u8; 16]>(), ".{0,40}", any::<u16>()).prop_map(|(ticket, host, port)| M::Enter { ticket, host, port }),
        (any::<u16>(), any::<bool>(), any::<u8>(), ".{0,60}").prop_map(|(code, fatal, answers, text)| M::Error {
            code,
            fatal,
            answers,
            text
        }),
    ]
}

fn outcome() -> impl Strategy<Value = CallOutcome> {
    prop_oneof![
        raw().prop_map(CallOutcome::Value),
        (any::<u16>(), ".{0,60}").prop_map(|(code, text)| CallOutcome::Refused { code, text }),
        (any::<u16>(), ".{0,60}").prop_map(|(code, text)| CallOutcome::Unknown { code, text }),
    ]
}

fn game_message() -> impl Strategy<Value = ServerMessage> {
    use ServerMessage as M;
    prop_oneof![
        (id(), any::<u16>(), id(), any::<[u8; 16]>(), any::<bool>(), raw()).prop_map(
            |(entity, type_no, record, resume, retaken, properties)| M::Attached {
                entity: EntityId(entity),
                type_no: TypeNo(type_no),
                record: RecordId(record),
                resume,
                retaken,
                properties,
            }
        ),
        raw().prop_map(|body| M::Frame { body }),
        (any::<u32>(), outcome()).prop_map(|(number, outcome)| M::Result { number, outcome }),
        (finite64(), finite64(), any::<u32>()).prop_map(|(clock_ms, space_time_ms, held_us)| M::Pong {
            clock_ms,
            space_time_ms,
            held_us
        }),
        raw().prop_map(|changes| M::Own { changes }),
        (any::<u16>(), raw()).prop_map(|(method, arguments)| M::CallClient { method: MethodNo(method), arguments }),
        Just(M::SeeYou),
    ]
}

fn space_message() -> impl Strategy<Value = ServerMessage> {
    use ServerMessage as M;
    let place = || ([finite(), finite(), finite()], finite());
    let lattice = (place(), place()).prop_map(|((origin, _), (step, _))| Lattice { origin, step });
    let bounds = [finite(), finite(), finite(), finite()];
    prop_oneof![
        (any::<u32>(), ".{0,20}", lattice, bounds, any::<u16>(), finite(), finite(), place()).prop_map(
            |(space, name, lattice, [x0, z0, x1, z1], tick_hz, view_radius, top_speed, (position, yaw))| {
                M::SpaceEnter {
                    space: SpaceId(space),
                    name,
                    lattice,
                    least: [x0, z0],
                    greatest: [x1, z1],
                    tick_hz,
                    view_radius,
                    top_speed,
                    position,
                    yaw,
                }
            }
        ),
        Just(M::SpaceLeave),
        (any::<u32>(), place(), any::<u16>()).prop_map(|(sequence, (position, yaw), code)| M::Correct {
            sequence,
            position,
            yaw,
            code
        }),
    ]
}

fn scalar_type() -> impl Strategy<Value = Type> {
    let int = (prop::sample::select(vec![8_u8, 16, 32, 64]), any::<bool>(), any::<bool>())
        .prop_map(|(bits, signed, wide)| Type::Int { bits, signed, wide: wide && bits == 64 });
    let variants = (1_usize..200).prop_map(|count| {
        let variants = (0..count).map(|n| format!("v{n}")).collect();
        Type::Enum(Arc::new(EnumType { name: "E".into(), variants }))
    });
    prop_oneof![
        Just(Type::Bool),
        int,
        Just(Type::Float32),
        Just(Type::Float64),
        Just(Type::Text),
        Just(Type::Bytes),
        (2_u8..=4).prop_map(Type::Vector),
        Just(Type::Entity(None)),
        variants,
    ]
}

fn key_type() -> impl Strategy<Value = Type> {
    prop_oneof![
        Just(Type::Text),
        Just(Type::Entity(None)),
        Just(Type::Bool),
        Just(Type::Int { bits: 32, signed: true, wide: false }),
        Just(Type::Int { bits: 64, signed: true, wide: true }),
    ]
}

fn any_type() -> impl Strategy<Value = Type> {
    scalar_type().prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            inner.clone().prop_map(|item| Type::List(Arc::new(item))),
            (key_type(), inner.clone()).prop_map(|(key, item)| Type::Map(Arc::new(key), Arc::new(item))),
            prop::collection::vec(inner, 1..4).prop_map(|types| {
                let field = |(no, ty): (usize, Type)| Field { default: Value::Nil, ..Field::new(format!("f{no}"), ty) };
                let fields = types.into_iter().enumerate().map(field).collect();
                Type::Struct(Arc::new(StructType { name: "S".into(), fields }))
            }),
        ]
    })
}

fn value_of(ty: &Type) -> BoxedStrategy<Value> {
    match ty {
        Type::Bool => any::<bool>().prop_map(Value::Bool).boxed(),
        Type::Int { bits, signed, wide } => int_of(*bits, *signed, *wide),
        Type::Float32 => finite().prop_map(|number| Value::Float(f64::from(number))).boxed(),
        Type::Float64 => finite64().prop_map(Value::Float).boxed(),
        Type::Text => ".{0,20}".prop_map(|text| Value::text(&text)).boxed(),
        Type::Bytes => any_bytes(20).prop_map(|bytes| Value::Bytes(bytes.into())).boxed(),
        Type::Vector(len) => prop::collection::vec(finite(), usize::from(*len))
            .prop_map(|parts| Value::Vector(Quantity::from_slice(&parts).expect("2 to 4")))
            .boxed(),
        Type::Entity(_) => (0_u64..1 << 53).prop_map(|id| Value::Entity(EntityId(id))).boxed(),
        Type::Enum(ty) => (0..ty.variants.len() as i64).prop_map(Value::Int).boxed(),
        Type::List(item) => prop::collection::vec(value_of(item), 0..5).prop_map(Value::List).boxed(),
        Type::Map(key, item) => prop::collection::vec((value_of(key), value_of(item)), 0..5).prop_map(sorted).boxed(),
        Type::Struct(ty) => {
            let fields: Vec<_> = ty.fields.iter().map(|field| value_of(&field.ty)).collect();
            fields.prop_map(Value::List).boxed()
        }
    }
}

fn sorted(mut entries: Vec<(Value, Value)>) -> Value {
    entries.sort_by(|(a, _), (b, _)| order(a, b));
    entries.dedup_by(|(a, _), (b, _)| a == b);
    Value::Map(entries)
}

fn int_of(bits: u8, signed: bool, wide: bool) -> BoxedStrategy<Value> {
    let (least, greatest) = match (bits, signed, wide) {
        (64, _, true) => (i64::MIN, i64::MAX),
        (64, true, false) => (-(1 << 53), 1 << 53),
        (64, false, false) => (0, 1 << 53),
        (_, true, _) => (-1 << (bits - 1), (1 << (bits - 1)) - 1),
        (_, false, _) => (0, (1 << bits) - 1),
    };
    prop_oneof![Just(least), Just(greatest), least..=greatest].prop_map(Value::Int).boxed()
}

pub(crate) fn typed_value() -> impl Strategy<Value = (Type, Value)> {
    any_type().prop_flat_map(|ty| (Just(ty.clone()), value_of(&ty)))
}

/// A path into the type, taking the turns that `turns` names, and the type at its end.
fn path_into(ty: &Type, turns: &[u16]) -> (Vec<BoxedStrategy<Step>>, Type, Option<Type>) {
    let (mut steps, mut target, mut container) = (Vec::new(), ty.clone(), None);
    for turn in turns {
        let inner = match &target {
            Type::List(item) => {
                steps.push(any::<u32>().prop_map(Step::Index).boxed());
                item.as_ref().clone()
            }
            Type::Map(key, item) => {
                steps.push(value_of(key).prop_map(Step::Key).boxed());
                item.as_ref().clone()
            }
            Type::Struct(ty) => {
                let no = turn % ty.fields.len() as u16;
                steps.push(Just(Step::Field(no)).boxed());
                ty.fields[usize::from(no)].ty.clone()
            }
            _ => break,
        };
        container = Some(std::mem::replace(&mut target, inner));
    }
    (steps, target, container)
}

fn change_of(ty: &Type) -> BoxedStrategy<Change> {
    let ty = ty.clone();
    let turns = prop::collection::vec(any::<u16>(), 0..5);
    (turns, 0..3)
        .prop_flat_map(move |(turns, edit)| {
            let (steps, target, container) = path_into(&ty, &turns);
            let edit = match (edit, container) {
                (1, Some(Type::List(_))) => value_of(&target).prop_map(Edit::Insert).boxed(),
                (2, Some(Type::List(_) | Type::Map(..))) => Just(Edit::Remove).boxed(),
                _ => value_of(&target).prop_map(Edit::Set).boxed(),
            };
            (steps, edit).prop_map(|(path, edit)| Change { property: PropertyNo(300), path, edit })
        })
        .boxed()
}

pub(crate) fn typed_change() -> impl Strategy<Value = (Type, Vec<Change>)> {
    any_type().prop_flat_map(|ty| (Just(ty.clone()), prop::collection::vec(change_of(&ty), 0..4)))
}

/// An entity type whose one property, number 300, holds values of the type.
pub(crate) fn holder(ty: Type) -> EntityType {
    let property = Property {
        own_client: true,
        other_clients: true,
        cell_public: true,
        default: Value::Nil,
        ..Property::new(PropertyNo(300), "thing", ty, Part::Cell)
    };
    let parts = Parts { base: true, cell: true, client: true };
    EntityType { properties: vec![property], ..EntityType::new(TypeNo(1), "holder", parts) }
}

/// Slot, entity, type, record, properties.
pub(crate) type EnterModel = (u16, u64, u16, [u8; 7], Vec<u8>);

/// A frame as plain data.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FrameModel {
    pub(crate) sequence: u64,
    pub(crate) space_time_ms: u64,
    pub(crate) leaves: Vec<u16>,
    pub(crate) enters: Vec<EnterModel>,
    pub(crate) movements: BTreeMap<u16, [u8; 7]>,
    pub(crate) state: Vec<(u16, Vec<u8>)>,
    pub(crate) calls: Vec<(u16, Vec<u8>)>,
}

fn slot() -> impl Strategy<Value = u16> {
    prop_oneof![0_u16..70, any::<u16>()]
}

pub(crate) fn frame_model() -> impl Strategy<Value = FrameModel> {
    let enter = (slot(), id(), any::<u16>(), any::<[u8; 7]>(), any_bytes(40));
    let slot_bytes = || prop::collection::vec((slot(), any_bytes(20)), 0..5);
    (
        (id(), id()),
        prop::collection::vec(slot(), 0..200),
        prop::collection::vec(enter, 0..5),
        prop::collection::btree_map(slot(), any::<[u8; 7]>(), 0..80),
        slot_bytes(),
        slot_bytes(),
    )
        .prop_map(|((sequence, space_time_ms), leaves, enters, movements, state, calls)| FrameModel {
            sequence,
            space_time_ms,
            leaves,
            enters,
            movements,
            state,
            calls,
        })
}
