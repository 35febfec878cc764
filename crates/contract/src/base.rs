//! A base holds client connections and base parts.

use std::sync::Arc;

use kuafu_core::{AccountId, Code, EntityId, Epoch, PropertyNo, RecordId, SpaceId, TypeNo, Value};
use serde::{Deserialize, Serialize};

use crate::db::FindBy;

/// What a base is asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Request {
    /// Expect a client: gives a ticket.
    Admit {
        /// Whose session.
        account: AccountId,
        /// The session's epoch; an older one than the base has seen is refused as Stale.
        epoch: Epoch,
        /// The role to play.
        role: RecordId,
        /// Its name, for an entity that is created for the first time.
        role_name: String,
    },
    /// End this session: tell its client why, save, release, forget. Answered when the entity is released.
    Kick {
        /// Whose session.
        account: AccountId,
        /// Sessions with this epoch or an older one are ended.
        epoch: Epoch,
        /// What the client is told.
        reason: Code,
    },
    /// Find an entity in the whole realm, by what the database knows of it.
    Find {
        /// Its type.
        ty: TypeNo,
        /// What is known of it.
        by: FindBy,
        /// Loads it on the least loaded base when it lives nowhere; else it is not found then.
        load: bool,
    },
    /// Does this record live here? Not found when it does not.
    Seek {
        /// Its type.
        ty: TypeNo,
        /// Which.
        record: RecordId,
    },
    /// Load this record here, if it does not live here already. Refused as Owned while it lives elsewhere.
    Load {
        /// Its type.
        ty: TypeNo,
        /// Which.
        record: RecordId,
    },
    /// Create an entity.
    Create(Creation),
    /// Bring the one entity of a global type to life here, from its record if it has one. Answered when it lives.
    MakeGlobal {
        /// The type.
        ty: TypeNo,
    },
    /// Call a client method on the clients of a group's members here. A notice.
    CallGroup {
        /// The group.
        group: Arc<str>,
        /// The client method; members whose type has none of the name are passed over.
        method: Arc<str>,
        /// As the caller gave them.
        arguments: Vec<Value>,
    },
}

/// An entity to be created at a base.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Creation {
    /// Its type.
    pub ty: TypeNo,
    /// Values of both parts' properties.
    pub values: Vec<(PropertyNo, Value)>,
    /// Space, x, y, z in metres, yaw in radians.
    pub place: Option<(SpaceId, [f32; 3], f32)>,
    /// Whether it gets a record.
    pub persistent: bool,
    /// Whether the base that is asked chooses the least loaded one, or takes it itself.
    pub anywhere: bool,
}

/// What it answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Reply {
    /// To `Admit`.
    Ticket {
        /// Good once, here, for `ticket_ms_max`.
        token: [u8; 16],
        /// Where the client connects; empty for the host that it is connected to.
        host: String,
        /// The port.
        port: u16,
    },
    /// To `Kick`: nothing of the session is left here.
    Ended,
    /// To `Find`, `Seek`, `Load`, `Create` and `MakeGlobal`: the entity; none when it was not found.
    Entity(EntityId),
}
