//! A cell simulates spaces. Its bulk goes over links ([`crate::link`]); this is control.

use kuafu_core::SpaceId;
use serde::{Deserialize, Serialize};

use crate::Address;

/// What a cell is told. All are notices.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Request {
    /// Open this space.
    OpenSpace {
        /// Which.
        space: SpaceId,
    },
    /// Send map pictures of the space to the console, twice a second, for the next five seconds.
    WatchMap {
        /// Which.
        space: SpaceId,
        /// Where they go.
        console: Address,
    },
}
