//! The base-manager places logins and entities on bases by load, and keeps the directory ([`crate::directory`]).

use std::sync::Arc;

use kuafu_core::{EntityId, RecordId, ServiceId, Value};
use serde::{Deserialize, Serialize};

use crate::Address;
use crate::directory::{Held, Holder};

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
    /// Which base is the least loaded, for an entity that is created or loaded? One without a free seat for players
    /// will do.
    PlaceEntity,
    /// A base or cell follows the directory, and has come so far. A notice, once a second and when it starts.
    Follow {
        /// Who.
        by: Address,
        /// Whose directory it has a copy of.
        manager: Option<Address>,
        /// The number of the last update in it.
        number: u64,
    },
    /// What it holds: answered with a snapshot, as a notice. A notice.
    Hold(Held),
    /// An entity provides a service.
    Provide {
        /// Which service.
        service: ServiceId,
        /// The entity.
        holder: Holder,
    },
    /// It does so no more. A notice.
    Withdraw {
        /// Which service.
        service: ServiceId,
        /// The entity.
        entity: EntityId,
    },
    /// An entity wants a name, which one at a time can hold. Refused as NameTaken while another does.
    Claim {
        /// The name.
        name: Arc<str>,
        /// The entity.
        holder: Holder,
    },
    /// It gives the name up. A notice.
    Unclaim {
        /// The name.
        name: Arc<str>,
        /// The entity.
        entity: EntityId,
    },
    /// Sets a shared value; nothing takes it out.
    Share {
        /// Under which key.
        key: Arc<str>,
        /// The new value.
        value: Value,
    },
}

/// What it answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Reply {
    /// Play there.
    Place(Address),
    /// No base has a free seat.
    Full,
    /// To `Provide`, `Claim` and `Share`: done with this update or before.
    Done {
        /// Its number.
        number: u64,
    },
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
    /// Entities on it, players included.
    pub entities: u32,
    /// Share of its time that it works, 0 to 1.
    pub busy: f32,
    /// Whether it is draining and takes no more.
    pub draining: bool,
}
