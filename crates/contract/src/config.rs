//! The config role keeps the releases of game logic: it stages, activates and takes back.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::Address;

/// What it is asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Request {
    /// A base or a cell runs, with this release: it is told of the next ones, and of the present one if that differs.
    /// A notice, once a second and when it starts.
    Running {
        /// Who.
        from: Address,
        /// What it runs.
        release: u64,
        /// Errors in logic since that release was activated there.
        faults: u64,
    },
    /// Which release runs now, and its bytes?
    Current,
}

/// What it answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Reply {
    /// To `Current`.
    Release {
        /// Its number.
        release: u64,
        /// Logic and data tables, for the host alone to read.
        bytes: Arc<[u8]>,
    },
}
