//! Events on links: everything but the view itself. One list serves base to cell, cell to base and base to base.

use std::sync::Arc;

use kuafu_core::{Code, EntityId, MethodNo, PropertyNo, RecordId, Refusal, SpaceId, TypeNo, Value};
use serde::{Deserialize, Serialize};

use crate::db::Place;

/// Something that a base or a cell tells its peer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {
    // Base to cell.
    /// Create the cell part of an entity.
    CreatePart {
        /// Which.
        entity: EntityId,
        /// Its type.
        ty: TypeNo,
        /// Its durable identity.
        record: Option<RecordId>,
        /// The cell part's fence: messages about an older one are dropped.
        real_epoch: u32,
        /// Where.
        space: SpaceId,
        /// x, y, z in metres and yaw; `None` is the space's spawn point.
        position: Option<([f32; 3], f32)>,
        /// Values of cell properties.
        values: Vec<(PropertyNo, Value)>,
        /// Whether they come from the database (`on_load`) or are new (`on_create`).
        loaded: bool,
    },
    /// End the cell part.
    DestroyPart {
        /// Which.
        entity: EntityId,
        /// Its fence.
        real_epoch: u32,
    },
    /// A client sees through this entity from now on. The view starts empty; a witness that the entity had is replaced.
    AttachWitness {
        /// Which entity.
        entity: EntityId,
        /// The base's number for the client, reused after it was detached.
        witness: u32,
    },
    /// The client is gone.
    DetachWitness {
        /// The base's number.
        witness: u32,
    },
    /// The client claims to be there.
    Move {
        /// The base's number.
        witness: u32,
        /// The client's move sequence.
        sequence: u32,
        /// x, y, z in metres.
        position: [f32; 3],
        /// Radians.
        yaw: f32,
    },
    /// How many bytes a tick these clients can take; those not named take what is configured.
    Credits(Vec<(u32, u32)>),
    /// A frame was lost: forget every view of this base's witnesses and send them anew.
    Resync,
    /// Send the part's persistent state now.
    BackUp {
        /// Which.
        entity: EntityId,
        /// Comes back in `BackedUp`.
        token: u64,
    },

    // Cell to base.
    /// The cell part stands.
    PartCreated {
        /// Which.
        entity: EntityId,
        /// Its fence.
        real_epoch: u32,
    },
    /// It could not be created.
    PartRefused {
        /// Which.
        entity: EntityId,
        /// Its fence.
        real_epoch: u32,
        /// Why.
        refusal: Refusal,
    },
    /// The cell part ended; logic asked for it when `forever` is there.
    PartGone {
        /// Which.
        entity: EntityId,
        /// Its fence.
        real_epoch: u32,
        /// Logic ended the whole entity; `true` deletes its record.
        forever: Option<bool>,
    },
    /// Persistent state of the cell part: those properties that changed since the last time, and its place.
    BackedUp {
        /// Which.
        entity: EntityId,
        /// Its fence.
        real_epoch: u32,
        /// The token of `BackUp`, 0 for the periodic one.
        token: u64,
        /// Whole values.
        values: Vec<(PropertyNo, Value)>,
        /// Where it is.
        place: Place,
    },
    /// A client's view begins: what it must know of the space.
    SpaceEntered {
        /// The base's number.
        witness: u32,
        /// The space.
        view: WitnessView,
    },
    /// The client is not where it thinks.
    Correct {
        /// The base's number.
        witness: u32,
        /// The last move sequence that counts.
        sequence: u32,
        /// x, y, z in metres.
        position: [f32; 3],
        /// Radians.
        yaw: f32,
        /// Why.
        code: Code,
    },
    /// Cell logic creates an entity that has a base part.
    CreateEntity {
        /// The id it will have.
        entity: EntityId,
        /// Its type.
        ty: TypeNo,
        /// Values of both parts' properties.
        values: Vec<(PropertyNo, Value)>,
        /// Its place.
        place: Option<(SpaceId, [f32; 3], f32)>,
        /// Whether it gets a record.
        persistent: bool,
    },
    /// Cell logic removes a client.
    Kick {
        /// Whose.
        entity: EntityId,
        /// What it is told.
        text: String,
    },

    // Any way.
    /// A call to an entity part.
    Call(LinkCall),
    /// The end of a call.
    Answer {
        /// Its number at the caller.
        call: u64,
        /// `Err(None)` is unknown.
        outcome: Result<Value, Option<Refusal>>,
    },
}

/// A call to an entity part, on its way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LinkCall {
    /// The caller's number for it on this link, 0 when no answer is wanted.
    pub call: u64,
    /// Who calls.
    pub caller: LinkCaller,
    /// The receiver.
    pub to: EntityId,
    /// `true` for its cell part, `false` for its base part.
    pub cell: bool,
    /// Which method.
    pub method: CallMethod,
    /// As the caller gave them when the method is named, else as declared.
    pub arguments: Vec<Value>,
    /// How often it was passed on; refused above [`LinkCall::HOPS_MAX`].
    pub hops: u8,
}

impl LinkCall {
    /// The most often a call is passed on.
    pub const HOPS_MAX: u8 = 4;
}

/// Who calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LinkCaller {
    /// The client of this entity. The receiver checks what is exposed to it.
    Client(EntityId),
    /// The logic of this entity.
    Logic(EntityId),
}

/// How a method is named.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum CallMethod {
    /// By its stable number, with arguments that fit.
    Number(MethodNo),
    /// By its name, from logic that need not know the receiver's type; arguments are converted by the receiver.
    Named(Arc<str>),
    /// None: logic asks for the end of the receiver, with its record when `forever`.
    End {
        /// Whether its record goes too.
        forever: bool,
    },
}

/// What a client must know of the space that its entity is in. Fields as `SpaceEnter` in the client protocol.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WitnessView {
    /// The witnessing entity.
    pub entity: EntityId,
    /// The space.
    pub space: SpaceId,
    /// Its name.
    pub name: String,
    /// Lattice origin in metres.
    pub origin: [f32; 3],
    /// Lattice step in metres.
    pub step: [f32; 3],
    /// Least x, least z, greatest x, greatest z.
    pub bounds: [f32; 4],
    /// Ticks a second.
    pub tick_hz: u16,
    /// Metres.
    pub view_radius: f32,
    /// Metres a second.
    pub top_speed: f32,
    /// x, y, z in metres.
    pub position: [f32; 3],
    /// Radians.
    pub yaw: f32,
}
