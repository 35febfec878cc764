//! Effects: what logic wants done, as data, in the order in which it was said.

use std::sync::Arc;

use kuafu_core::{Code, EntityId, MethodNo, Refusal, SpaceId, TypeNo, Value};
use kuafu_def::Part;

/// Names one suspended task of a host; the role resumes it with an outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AwaitId(pub u64);

/// Names one call that a host has not answered yet; comes back in [`Effect::Answer`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CallToken(pub u64);

/// Why an awaited thing has no value.
#[derive(Clone, Debug, PartialEq)]
pub enum Failure {
    /// It was not done.
    Refused(Refusal),
    /// The deadline passed: it may have been done.
    Unknown,
}

impl From<Code> for Failure {
    fn from(code: Code) -> Self {
        Self::Refused(code.into())
    }
}

/// Whose clients a client call goes to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Audience {
    /// The entity's own client.
    Own,
    /// The clients of others that see the entity.
    Others,
    /// Both.
    All,
    /// The clients, its own among them, of entities within so many metres that see it.
    Within(f32),
}

/// Where a new entity begins.
#[derive(Clone, Debug, PartialEq)]
pub enum Placement {
    /// With no place in a space.
    Nowhere,
    /// In a space.
    Space {
        /// The space; `None` is the creator's.
        space: Option<SpaceId>,
        /// x, y, z in metres.
        position: [f32; 3],
        /// Facing, in radians.
        yaw: f32,
    },
}

/// One thing that logic wants done.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Calls a method, by name, of some part of some entity. The receiver checks and converts the arguments.
    Call {
        /// Who calls.
        from: EntityId,
        /// The receiver.
        to: EntityId,
        /// Which part of the receiver: base or cell.
        part: Part,
        /// The method's name.
        method: Arc<str>,
        /// Arguments as the script gave them.
        arguments: Vec<Value>,
        /// The task to resume with the result; `None` when nobody waits.
        awaiting: Option<AwaitId>,
    },
    /// Calls a client method of `entity`; arguments already fit the definition.
    CallClient {
        /// On which entity.
        entity: EntityId,
        /// Whose clients are told.
        audience: Audience,
        /// The client method.
        method: MethodNo,
        /// Arguments that fit the definition.
        arguments: Vec<Value>,
    },
    /// Answers a call that was pending.
    Answer {
        /// The call.
        token: CallToken,
        /// Its result.
        outcome: Result<Value, Refusal>,
    },
    /// Creates an entity; the task is resumed with its reference ([`Value::Entity`]).
    Create {
        /// Who asks.
        from: EntityId,
        /// Its type.
        ty: TypeNo,
        /// Properties of either part, by number; those left out take their default.
        values: Vec<(kuafu_core::PropertyNo, Value)>,
        /// Where it begins.
        placement: Placement,
        /// Whether it gets a record in the database, in the same transaction as the saves of the same `step`.
        persistent: bool,
        /// The id it will have, drawn by the host from the role's ids, so that it can be named at once.
        id: EntityId,
        /// Entries are numbered; effects of one entry share the number.
        step: u64,
    },
    /// Ends an entity; a persistent one is deleted from the database when `forever`, in the step's transaction.
    Destroy {
        /// Which.
        entity: EntityId,
        /// Whether its record goes too.
        forever: bool,
        /// As in `Create`.
        step: u64,
    },
    /// Saves an entity now. Saves, creations and deletions of one `step` are one transaction.
    Save {
        /// Which.
        entity: EntityId,
        /// Resumed with [`Value::Bool`] `true` after the commit.
        awaiting: Option<AwaitId>,
        /// As in `Create`.
        step: u64,
    },
    /// Removes the entity's client, with a reason.
    Kick {
        /// Whose.
        entity: EntityId,
        /// What the client is told.
        text: String,
    },
    /// Cell: walk in a straight line.
    MoveTo {
        /// Which.
        entity: EntityId,
        /// x, y, z in metres.
        target: [f32; 3],
        /// Metres a second.
        speed: f32,
    },
    /// Cell: stop walking.
    Stop {
        /// Which.
        entity: EntityId,
    },
    /// Cell: put the entity elsewhere in its space at once.
    Teleport {
        /// Which.
        entity: EntityId,
        /// x, y, z in metres.
        position: [f32; 3],
        /// Facing, in radians; `None` keeps it.
        yaw: Option<f32>,
    },
    /// Cell: be told of entities that come and go within `radius` metres.
    AddTrigger {
        /// Whose.
        entity: EntityId,
        /// Metres.
        radius: f32,
    },
}
