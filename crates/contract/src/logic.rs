//! Releases of game logic, as every role that runs logic is told of them: staged first, then activated.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// What a base or a cell is asked about its logic.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Request {
    /// Load this release beside the running one. Answered when it is loaded, or refused with the reason.
    Stage {
        /// Its number.
        release: u64,
        /// Logic and data tables, for the host alone to read.
        bytes: Arc<[u8]>,
    },
    /// Run a staged release, or one that ran before, from the next tick on.
    Activate {
        /// Its number.
        release: u64,
    },
    /// Forget a staged release that will not be activated. A notice.
    Discard {
        /// Its number.
        release: u64,
    },
}

/// What it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// To `Stage`: it can be activated.
    Staged,
    /// To `Activate`: it runs.
    Activated,
}
