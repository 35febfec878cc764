//! The cell-manager places spaces on cells.

use kuafu_core::SpaceId;
use serde::{Deserialize, Serialize};

use crate::Address;

/// What the cell-manager is asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Request {
    /// A cell reports, once a second and when it starts. A notice.
    Report(Load),
    /// Which cell holds this space? Answered when a cell has opened it.
    Find {
        /// The space.
        space: SpaceId,
    },
}

/// What it answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Reply {
    /// The cell that holds the space.
    Cell(Address),
}

/// How busy a cell is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Load {
    /// Which cell.
    pub cell: Address,
    /// Spaces that it has opened.
    pub spaces: Vec<SpaceId>,
    /// Entities in them.
    pub entities: u32,
    /// Share of a tick that it works, 0 to 1.
    pub busy: f32,
}
