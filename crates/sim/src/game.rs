//! The game that is played: players deposit coins, drop them in purses, and pick purses up.
//!
//! A coin is a number that one client gives out once, so that what became of it can be told exactly: it may be in one
//! place at a time, and once its deposit was acknowledged it is somewhere for ever. Each part of an avatar gets a
//! blessing from logic when it is created, which tells how often that was.

use std::sync::{Arc, OnceLock};

use kuafu_cell::SpaceConfig;
use kuafu_core::{MethodNo, PropertyNo, SpaceId, TypeNo, Value};
use kuafu_def::Definitions;

/// The entity type of players.
pub const AVATAR: TypeNo = TypeNo(1);
/// The entity type of what players drop.
pub const PURSE: TypeNo = TypeNo(2);
/// A property of both types.
pub const COINS: PropertyNo = PropertyNo(1);
/// Items in purses, which no player touches: what a store does with them is tried by itself.
pub const GEMS: PropertyNo = PropertyNo(2);
/// A property of the base part of players: how often it was created.
pub(crate) const BLESSING: PropertyNo = PropertyNo(3);
/// A property of the cell part of players: how often it was created.
pub(crate) const MOOD: PropertyNo = PropertyNo(2);
pub(crate) const DEPOSIT: MethodNo = MethodNo(1);
pub(crate) const DROP: MethodNo = MethodNo(2);
pub(crate) const PICK: MethodNo = MethodNo(3);
pub(crate) const SPACE: SpaceId = SpaceId(1);
pub(crate) const SPACE_NAME: &str = "meadow";

const AVATAR_FILE: &str = r#"
[entity]
parts = ["base", "cell", "client"]
[properties.coins]
type = "list<int64>"
visible = "own-client"
persistent = true
[properties.blessing]
type = "int32"
visible = "base"
persistent = true
[properties.mood]
type = "int32"
visible = "all-clients"
persistent = true
[methods.base.deposit]
exposed = "owner"
arguments = [{ name = "coin", type = "int64" }]
[methods.base.drop]
exposed = "owner"
[methods.base.pick]
exposed = "owner"
"#;

const PURSE_FILE: &str = r#"
[entity]
parts = ["base"]
[properties.coins]
type = "list<int64>"
visible = "base"
persistent = true
[properties.gems]
type = "items<Gem>"
visible = "base"
persistent = true
"#;

const TYPES_FILE: &str = r#"
[structs.Gem]
fields = [{ name = "hue", type = "uint16" }]
"#;

const IDS_FILE: &str = r#"
[types]
avatar = 1
purse = 2
[properties.avatar]
coins = 1
mood = 2
blessing = 3
[properties.purse]
coins = 1
gems = 2
[methods.avatar]
"base.deposit" = 1
"base.drop" = 2
"base.pick" = 3
"#;

/// The definitions, read once a process.
///
/// # Panics
/// When the system gives no temporary folder.
#[must_use]
pub fn definitions() -> Arc<Definitions> {
    static READ: OnceLock<Arc<Definitions>> = OnceLock::new();
    READ.get_or_init(|| {
        let folder = tempfile::tempdir().expect("the system gives a temporary folder");
        let files = [
            ("avatar.toml", AVATAR_FILE),
            ("purse.toml", PURSE_FILE),
            ("types.toml", TYPES_FILE),
            ("ids.lock", IDS_FILE),
        ];
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).expect("a temporary folder can be written to");
        }
        let loaded = Definitions::load(folder.path());
        Arc::new(loaded.expect("the definitions above are sound").definitions)
    })
    .clone()
}

pub(crate) fn space() -> SpaceConfig {
    SpaceConfig {
        id: SPACE,
        name: SPACE_NAME.to_owned(),
        bounds: [-100.0, -100.0, 100.0, 100.0],
        height: [-10.0, 50.0],
        spawn: [0.0, 0.0, 0.0],
        spawn_radius: 5.0,
        view_radius: 50.0,
        view_hysteresis: 5.0,
        populate: Vec::new(),
    }
}

/// The coins in a value of the property.
pub(crate) fn coins_of(value: &Value) -> impl Iterator<Item = i64> + '_ {
    let items: &[Value] = if let Value::List(items) = value { items } else { &[] };
    items.iter().filter_map(Value::as_int)
}

pub(crate) fn coins_value(coins: &[i64]) -> Value {
    Value::List(coins.iter().map(|coin| Value::Int(*coin)).collect())
}
