//! What roles report to the console: counters each second, map pictures while somebody looks.

use kuafu_core::SpaceId;
use serde::{Deserialize, Serialize};

use crate::{Address, config};

/// What the console is told. All are notices.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Request {
    /// The state of one role instance.
    Report(Report),
    /// Where things are in a space.
    Map(Map),
    /// An error in game logic.
    Fault {
        /// Where it ran.
        from: Address,
        /// Entity type.
        type_name: String,
        /// Method or hook.
        entry: String,
        /// Message and stack.
        message: String,
    },
    /// What the config role knows of releases: each second, and when something changed.
    Releases(config::Status),
}

/// The state of one role instance, each second.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Whose.
    pub from: Address,
    /// One word: `running`, `draining`.
    pub state: String,
    /// Named numbers, such as `players` or `script_faults`. Sorted by name.
    pub numbers: Vec<(String, f64)>,
    /// Work times of the ticks since the last report, in microseconds; empty for roles that do not tick.
    pub tick_us: Vec<u32>,
}

/// Where things are in a space.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Map {
    /// Which space.
    pub space: SpaceId,
    /// Its name.
    pub name: String,
    /// Least x, least z, greatest x, greatest z, in metres.
    pub bounds: [f32; 4],
    /// At most [`Map::DOTS_MAX`]; a larger space is thinned evenly.
    pub dots: Vec<Dot>,
    /// How many entities there are.
    pub entities: u32,
}

/// One entity on the map.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Dot {
    /// Entity id.
    pub entity: u64,
    /// Type number.
    pub ty: u16,
    /// Metres.
    pub x: f32,
    /// Metres.
    pub z: f32,
    /// Whether a client sees through it.
    pub witness: bool,
}

impl Map {
    /// The most dots in one picture.
    pub const DOTS_MAX: usize = 4_000;
}
