//! The base-manager places logins on bases by load.

use kuafu_core::RecordId;
use serde::{Deserialize, Serialize};

use crate::Address;

/// What the base-manager is asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Request {
    /// Where should this role play? The base that has it already, else the least loaded with a free seat.
    Place {
        /// The role.
        role: RecordId,
    },
    /// A base reports, once a second and when it starts. A notice.
    Report(Load),
    /// A role's entity came to a base. A notice.
    Online {
        /// The role.
        role: RecordId,
        /// The base.
        base: Address,
    },
    /// A role's entity left its base. A notice.
    Offline {
        /// The role.
        role: RecordId,
        /// The base.
        base: Address,
    },
}

/// What it answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Reply {
    /// Play there.
    Place(Address),
    /// No base has a free seat.
    Full,
}

/// How busy a base is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Load {
    /// Which base.
    pub base: Address,
    /// Player entities on it, and tickets given out.
    pub players: u32,
    /// The most it takes.
    pub players_max: u32,
    /// Share of its time that it works, 0 to 1.
    pub busy: f32,
    /// Whether it is draining and takes no more.
    pub draining: bool,
}
