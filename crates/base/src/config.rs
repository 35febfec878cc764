//! What a base must be told before it starts.

use std::collections::BTreeMap;
use std::sync::Arc;

use kuafu_contract::Address;
use kuafu_core::{Limits, PropertyNo, SpaceId, TypeNo, Value};
use kuafu_def::Definitions;
use kuafu_edge::ConnId;

/// What a base must be told before it starts.
#[derive(Clone)]
pub struct BaseConfig {
    /// Itself.
    pub address: Address,
    /// Every bound.
    pub limits: Limits,
    /// The game's entity types.
    pub definitions: Arc<Definitions>,
    /// What clients ask for in their Hello.
    pub schema_json: Arc<str>,
    /// The name in Welcome.
    pub server_name: String,
    /// Where clients connect: a host, empty for the one that they reached the login by, and a port.
    pub listen: (String, u16),
    /// The game's own rules.
    pub game: GameRules,
    /// How many bytes wait for a connection, asked once a tick and client.
    pub queued_bytes: Arc<dyn Fn(ConnId) -> u32 + Send + Sync>,
}

/// What a game project says of its players and its first things.
#[derive(Clone, Debug, Default)]
pub struct GameRules {
    /// The entity type of players.
    pub role_type: TypeNo,
    /// The property that takes the role's name when a player is created.
    pub name_property: Option<PropertyNo>,
    /// Where new players begin; `None` leaves them without a cell part.
    pub start_space: Option<SpaceId>,
    /// Spaces by name.
    pub spaces: BTreeMap<String, SpaceId>,
    /// Types whose records are loaded at start by this base.
    pub autoload: Vec<TypeNo>,
    /// What is created once, when an autoloaded type has no record at all.
    pub populate: Vec<Populate>,
}

/// Persistent entities that a game begins with.
#[derive(Clone, Debug)]
pub struct Populate {
    /// Their type.
    pub ty: TypeNo,
    /// Where.
    pub space: SpaceId,
    /// How many.
    pub count: u32,
    /// Around here, in metres.
    pub center: [f32; 3],
    /// Within so many metres.
    pub radius: f32,
    /// Sets of property values, taken in turn.
    pub variants: Vec<Vec<(PropertyNo, Value)>>,
}

impl std::fmt::Debug for BaseConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BaseConfig")
            .field("address", &self.address)
            .field("listen", &self.listen)
            .finish_non_exhaustive()
    }
}
