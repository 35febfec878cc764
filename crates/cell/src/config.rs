//! What a cell is told when it is made: plain values, parsed and checked elsewhere.

use std::sync::Arc;

use kuafu_contract::Address;
use kuafu_core::{Limits, PropertyNo, SpaceId, TypeNo, Value};
use kuafu_def::Definitions;
use kuafu_space::{Bounds, Position, Radii};

/// What a cell needs to know of itself and of the game.
#[derive(Clone, Debug)]
pub struct CellConfig {
    /// Its own address; entities that it creates carry its incarnation.
    pub address: Address,
    /// The named bounds.
    pub limits: Limits,
    /// The entity types.
    pub definitions: Arc<Definitions>,
    /// Every space that it may be told to open.
    pub spaces: Vec<SpaceConfig>,
    /// Ticks a second, at least 1.
    pub tick_hz: u32,
}

/// One space, as `spaces/NAME.toml` describes it.
#[derive(Clone, Debug, PartialEq)]
pub struct SpaceConfig {
    /// Its number.
    pub id: SpaceId,
    /// Its name, by which records remember it.
    pub name: String,
    /// Least x, least z, greatest x, greatest z, in metres.
    pub bounds: [f32; 4],
    /// Least and greatest y, in metres.
    pub height: [f32; 2],
    /// Where those begin who have no place yet: x, y, z in metres.
    pub spawn: [f32; 3],
    /// They are spread over a circle of so many metres.
    pub spawn_radius: f32,
    /// Who comes as near as this, in metres, is seen.
    pub view_radius: f32,
    /// Who goes so many metres farther than that is seen no more.
    pub view_hysteresis: f32,
    /// Who lives there from the beginning.
    pub populate: Vec<Populate>,
}

/// Some entities without a base part that a space begins with.
#[derive(Clone, Debug, PartialEq)]
pub struct Populate {
    /// Their type; types with a base part are the bases' to create, and left out here.
    pub ty: TypeNo,
    /// How many.
    pub count: u32,
    /// The centre of the circle over which they are spread: x, y, z in metres.
    pub center: [f32; 3],
    /// Its radius, in metres.
    pub radius: f32,
    /// Properties that do not take their default.
    pub values: Vec<(PropertyNo, Value)>,
}

impl SpaceConfig {
    /// The box that the space fills.
    #[must_use]
    pub fn bounding_box(&self) -> Bounds {
        let [min_x, min_z, max_x, max_z] = self.bounds;
        let [min_y, max_y] = self.height;
        Bounds::new(Position::new(min_x, min_y, min_z), Position::new(max_x, max_y, max_z))
    }

    /// How far a witness sees.
    #[must_use]
    pub fn radii(&self) -> Radii {
        Radii { enter: self.view_radius, leave: self.view_radius + self.view_hysteresis }
    }

    pub(crate) fn engine_config(&self, limits: &Limits) -> kuafu_space::SpaceConfig {
        kuafu_space::SpaceConfig::new(self.bounding_box(), self.radii(), limits)
    }
}

/// Why a cell cannot be made.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CellError {
    /// A space's numbers make no sense.
    #[error("space `{space}`: {error}")]
    Space {
        /// Its name.
        space: String,
        /// What is wrong with it.
        error: kuafu_space::SpaceError,
    },
    /// It must tick.
    #[error("a cell ticks at least once and at most 1,000 times a second, not {0} times")]
    TickHz(u32),
    /// A base must be able to take a frame of every space, openings, and what is cut, in one tick.
    #[error("link_frames_max is {frames}, too few for {spaces} spaces in one cell")]
    LinkFrames {
        /// The limit.
        frames: u32,
        /// How many spaces there are.
        spaces: usize,
    },
    /// The host of game logic could not be made.
    #[error("the logic host could not be made: {0}")]
    Host(String),
}
