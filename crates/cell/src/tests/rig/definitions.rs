//! A small game: avatars with both parts, wisps that live in cells alone, things with both parts and no methods.

use std::sync::Arc;

use kuafu_core::{MethodNo, PropertyNo, TypeNo, Value};
use kuafu_def::{Argument, Definitions, EntityType, Exposed, Method, Part, Parts, Property, Type};

pub(crate) const AVATAR: TypeNo = TypeNo(1);
pub(crate) const WISP: TypeNo = TypeNo(2);
pub(crate) const THING: TypeNo = TypeNo(3);

/// Avatar: base part, so none of a cell's business.
pub(crate) const BANK: PropertyNo = PropertyNo(1);
/// Avatar: its own client, persistent.
pub(crate) const GOLD: PropertyNo = PropertyNo(3);
/// Avatar: all clients.
pub(crate) const MOOD: PropertyNo = PropertyNo(4);
/// Avatar: other clients only; a list.
pub(crate) const MARKS: PropertyNo = PropertyNo(6);
/// Avatar: no client, persistent.
pub(crate) const SECRET: PropertyNo = PropertyNo(9);
/// Wisp: all clients.
pub(crate) const GLOW: PropertyNo = PropertyNo(1);

/// Cell, owner: `say(text)`.
pub(crate) const SAY: MethodNo = MethodNo(1);
/// Cell, view: `poke() -> int32`.
pub(crate) const POKE: MethodNo = MethodNo(2);
/// Cell, within 5 m: `pick(count: uint8, 1 to 9)`.
pub(crate) const PICK: MethodNo = MethodNo(3);
/// Cell, not exposed.
pub(crate) const HIDDEN: MethodNo = MethodNo(4);
/// Client: `heard(text)`.
pub(crate) const HEARD: MethodNo = MethodNo(5);
/// Base.
pub(crate) const GIVE: MethodNo = MethodNo(6);

fn property(no: PropertyNo, part: Part, ty: Type) -> Property {
    Property::new(no, format!("p{no}"), ty, part)
}

fn int() -> Type {
    Type::Int { bits: 32, signed: true, wide: false }
}

fn method(no: MethodNo, name: &str, part: Part, exposed: Exposed, arguments: Vec<Argument>) -> Method {
    let result = (no == POKE).then(int);
    Method { exposed, arguments, result, ..Method::new(no, name, part) }
}

fn argument(ty: Type, range: Option<(f64, f64)>) -> Argument {
    let (min, max) = range.unzip();
    Argument { min, max, ..Argument::new("a", ty) }
}

fn avatar() -> EntityType {
    let byte = Type::Int { bits: 8, signed: false, wide: false };
    let parts = Parts { base: true, cell: true, client: true };
    EntityType {
        properties: vec![
            property(BANK, Part::Base, int()),
            Property { own_client: true, persistent: true, ..property(GOLD, Part::Cell, int()) },
            Property { own_client: true, other_clients: true, ..property(MOOD, Part::Cell, int()) },
            Property { other_clients: true, ..property(MARKS, Part::Cell, Type::List(Arc::new(int()))) },
            Property { persistent: true, ..property(SECRET, Part::Cell, Type::Text) },
        ],
        methods: vec![
            method(SAY, "say", Part::Cell, Exposed::Owner, vec![argument(Type::Text, None)]),
            method(POKE, "poke", Part::Cell, Exposed::View, vec![]),
            method(PICK, "pick", Part::Cell, Exposed::Within(5.0), vec![argument(byte, Some((1.0, 9.0)))]),
            method(HIDDEN, "hidden", Part::Cell, Exposed::No, vec![]),
            method(HEARD, "heard", Part::Client, Exposed::No, vec![argument(Type::Text, None)]),
            method(GIVE, "give", Part::Base, Exposed::No, vec![]),
        ],
        top_speed: Some(6.0),
        ..EntityType::new(AVATAR, "avatar", parts)
    }
}

pub(crate) fn definitions() -> Arc<Definitions> {
    let avatar = avatar();
    let wisp = EntityType {
        no: WISP,
        name: "wisp".to_owned(),
        parts: Parts { base: false, cell: true, client: true },
        properties: vec![Property { own_client: true, other_clients: true, ..property(GLOW, Part::Cell, int()) }],
        methods: vec![],
        ..avatar.clone()
    };
    let thing = EntityType {
        no: THING,
        name: "thing".to_owned(),
        parts: Parts { base: true, ..wisp.parts },
        top_speed: None,
        ..wisp.clone()
    };
    let types = [avatar, wisp, thing].into_iter().chain(super::guards());
    Arc::new(Definitions { types: types.map(|ty| (ty.no, Arc::new(ty))).collect(), ..Definitions::default() })
}

/// What a new avatar shows to others.
pub(crate) fn fresh_avatar() -> Vec<(PropertyNo, Value)> {
    vec![(MOOD, Value::Int(0)), (MARKS, Value::List(vec![]))]
}
