//! Types of which others get more the nearer they are, and not at every moment.

use std::sync::Arc;

use kuafu_core::{PropertyNo, TypeNo};
use kuafu_def::{EntityType, Part, Parts, Property, Spread, Type, Volatile};

pub(crate) const GUARD: TypeNo = TypeNo(4);
pub(crate) const STATUE: TypeNo = TypeNo(5);
pub(crate) const BALL: TypeNo = TypeNo(6);

/// Guard: all clients, at any distance.
pub(crate) const RANK: PropertyNo = PropertyNo(1);
/// Guard: all clients, within 20 m.
pub(crate) const HEALTH: PropertyNo = PropertyNo(2);
/// Guard: other clients, within 8 m; a list.
pub(crate) const GEAR: PropertyNo = PropertyNo(3);
/// Guard, ball: all clients, twice a second.
pub(crate) const AIM: PropertyNo = PropertyNo(4);
/// Guard: other clients, within 20 m, twice a second; a list.
pub(crate) const PATH: PropertyNo = PropertyNo(5);
/// Guard: its own client.
pub(crate) const LOAD: PropertyNo = PropertyNo(7);

/// Ticks from one update of a property to the next.
pub(crate) const UPDATE_TICKS: u64 = 5;

fn property(no: PropertyNo, list: bool) -> Property {
    let int = Type::Int { bits: 32, signed: true, wide: false };
    let ty = if list { Type::List(Arc::new(int)) } else { int };
    Property { other_clients: no != LOAD, own_client: !list, ..Property::new(no, format!("p{no}"), ty, Part::Cell) }
}

/// Guards, whose position goes 30 m far and whose yaw 10 m; statues, of which nothing moves; balls, whose yaw is nobody's
/// business.
pub(crate) fn guards() -> [EntityType; 3] {
    let parts = Parts { base: true, cell: true, client: true };
    let update = "2/s".parse().ok();
    let new = |no, name: &str, properties, position, yaw| EntityType {
        properties,
        top_speed: Some(6.0),
        volatile: Volatile { position, yaw },
        ..EntityType::new(no, name, parts)
    };
    let properties = vec![
        property(RANK, false),
        Property { detail: Some(20.0), ..property(HEALTH, false) },
        Property { detail: Some(8.0), ..property(GEAR, true) },
        Property { update, ..property(AIM, false) },
        Property { detail: Some(20.0), update, ..property(PATH, true) },
        property(LOAD, false),
    ];
    let aim = Property { update, ..property(AIM, false) };
    [
        new(GUARD, "guard", properties, Spread::Within(30.0), Spread::Within(10.0)),
        new(STATUE, "statue", vec![property(RANK, false)], Spread::Never, Spread::Never),
        new(BALL, "ball", vec![aim], Spread::Always, Spread::Never),
    ]
}
