//! Effects: what logic wants done, as data, in the order in which it was said.

use std::sync::Arc;

use kuafu_contract::interfaces::HttpRequest;
use kuafu_core::{Code, EntityId, MethodNo, PropertyNo, RecordId, Refusal, ServiceId, SpaceId, TypeNo, Value};
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
    /// Ends another entity, if it can be found.
    End {
        /// Who asks.
        from: EntityId,
        /// Which.
        entity: EntityId,
        /// Whether its record goes too.
        forever: bool,
        /// Resumed with [`Value::Bool`] `true` when it is done.
        awaiting: Option<AwaitId>,
    },
    /// The entity provides a service from now on.
    Provide {
        /// Which.
        entity: EntityId,
        /// The service.
        service: ServiceId,
        /// Resumed with [`Value::Bool`] `true` when this role knows it.
        awaiting: Option<AwaitId>,
    },
    /// It does so no more.
    Withdraw {
        /// Which.
        entity: EntityId,
        /// The service.
        service: ServiceId,
    },
    /// Calls a method of one of a service's providers, chosen here: by `key`, else in turn.
    CallService {
        /// Who calls.
        from: EntityId,
        /// The service.
        service: ServiceId,
        /// [`kuafu_core::service::key_hash`] of what the choice goes by.
        key: Option<u64>,
        /// The method's name.
        method: Arc<str>,
        /// Arguments as the script gave them.
        arguments: Vec<Value>,
        /// As in `Call`.
        awaiting: Option<AwaitId>,
    },
    /// The entity wants a global name.
    ClaimName {
        /// Which.
        entity: EntityId,
        /// The name.
        name: Arc<str>,
        /// Resumed with [`Value::Bool`] `true` when it has it.
        awaiting: Option<AwaitId>,
    },
    /// It gives a name up.
    ReleaseName {
        /// Which.
        entity: EntityId,
        /// The name.
        name: Arc<str>,
    },
    /// Sets a shared value; [`Value::Nil`] takes it out.
    Share {
        /// Who says so.
        from: EntityId,
        /// Under which key.
        key: Arc<str>,
        /// The value.
        value: Value,
        /// Resumed with [`Value::Bool`] `true` when this role knows it.
        awaiting: Option<AwaitId>,
    },
    /// The entity part is told of changes of a shared value, or no more.
    Watch {
        /// Which.
        entity: EntityId,
        /// The key.
        key: Arc<str>,
        /// Whether from now on, or no more.
        on: bool,
    },
    /// Base: the entity's client is in a group, or no more.
    Join {
        /// Which.
        entity: EntityId,
        /// The group.
        group: Arc<str>,
        /// Whether from now on, or no more.
        on: bool,
    },
    /// Calls a client method on the clients of a group, on every base.
    CallGroup {
        /// Who calls.
        from: EntityId,
        /// The group.
        group: Arc<str>,
        /// The client method's name.
        method: Arc<str>,
        /// Arguments as the script gave them.
        arguments: Vec<Value>,
    },
    /// Looks for a persistent entity in the whole realm.
    Find {
        /// Who looks.
        from: EntityId,
        /// Its type.
        ty: TypeNo,
        /// What is known of it.
        by: FindBy,
        /// Loads it on the least loaded base when it lives nowhere.
        load: bool,
        /// Resumed with its reference ([`Value::Entity`]), or with nothing when there is none.
        awaiting: Option<AwaitId>,
    },
    /// Creates an entity with a base part on the least loaded base; that base gives it its id.
    CreateAnywhere {
        /// Who asks.
        from: EntityId,
        /// Its type.
        ty: TypeNo,
        /// As in `Create`.
        values: Vec<(PropertyNo, Value)>,
        /// Where it begins.
        placement: Placement,
        /// Whether it gets a record.
        persistent: bool,
        /// Resumed with its reference ([`Value::Entity`]).
        awaiting: Option<AwaitId>,
    },
    /// Asks somebody else over HTTP, as far as the game's list allows.
    Http {
        /// Who asks.
        from: EntityId,
        /// The request, not checked yet.
        request: HttpRequest,
        /// Resumed with the response; see [`crate::http_outcome`].
        awaiting: Option<AwaitId>,
    },
    /// Adds to a number that the role reports, or sets it.
    Measure {
        /// The number's name.
        name: Arc<str>,
        /// What is added, or set.
        amount: f64,
        /// Whether it is set.
        is_gauge: bool,
    },
}

/// What is known of an entity that is looked for.
#[derive(Clone, Debug, PartialEq)]
pub enum FindBy {
    /// Its durable identity.
    Record(RecordId),
    /// The value of a unique or indexed property.
    Property(PropertyNo, Value),
}

impl Effect {
    /// The task that waits for the effect, where one can.
    pub fn awaiting_mut(&mut self) -> Option<&mut Option<AwaitId>> {
        match self {
            Self::Call { awaiting, .. }
            | Self::Save { awaiting, .. }
            | Self::End { awaiting, .. }
            | Self::Provide { awaiting, .. }
            | Self::CallService { awaiting, .. }
            | Self::ClaimName { awaiting, .. }
            | Self::Share { awaiting, .. }
            | Self::Find { awaiting, .. }
            | Self::CreateAnywhere { awaiting, .. }
            | Self::Http { awaiting, .. } => Some(awaiting),
            _ => None,
        }
    }
}
