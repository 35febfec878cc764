//! What happens to a player, in the order in which it happened.

use std::sync::Arc;
use std::time::Duration;

use kuafu_core::{Change, EntityId, MethodNo, RecordId, TypeNo, Value};

use crate::{CallError, ClientError, Loss};

/// Something that happened. The world ([`crate::Client::world`]) already shows it.
#[derive(Debug)]
pub enum Event {
    /// The client has its own entity; the world is empty.
    Attached {
        /// The own entity.
        entity: EntityId,
        /// Its record.
        record: RecordId,
        /// The entity was in the game already and was taken over again.
        retaken: bool,
    },
    /// The own entity is in a space; the view is empty.
    SpaceEntered {
        /// The space's name.
        name: Arc<str>,
    },
    /// The own entity is in no space; the view is empty.
    SpaceLeft,
    /// An entity came into view.
    EntityEntered {
        /// Its slot; 0 is the own entity.
        slot: u16,
        /// Its id.
        entity: EntityId,
        /// Its type.
        type_no: TypeNo,
    },
    /// An entity left the view.
    EntityLeft {
        /// The slot that it had.
        slot: u16,
        /// Its id.
        entity: EntityId,
    },
    /// Entities moved: [`crate::World::moved`] has their slots.
    Moved {
        /// The frame.
        sequence: u64,
        /// How many.
        count: usize,
    },
    /// Properties of an entity changed.
    PropertiesChanged {
        /// The entity.
        entity: EntityId,
        /// What happened to them.
        changes: Vec<Change>,
    },
    /// A client method of an entity was called.
    Called {
        /// The entity.
        entity: EntityId,
        /// The method.
        method: MethodNo,
        /// The method's name.
        name: Arc<str>,
        /// The arguments.
        arguments: Vec<Value>,
    },
    /// The server put the own entity somewhere else.
    Corrected {
        /// The last move that counts.
        sequence: u32,
        /// x, y, z in metres.
        position: [f32; 3],
        /// In radians.
        yaw: f32,
        /// Why: the number of a [`kuafu_core::Code`].
        code: u16,
    },
    /// A call that was started with [`crate::Client::start_call`] ended.
    CallEnded {
        /// Its number.
        number: u32,
        /// How.
        result: Result<Value, CallError>,
    },
    /// A round trip was measured.
    Pong {
        /// In milliseconds, without the server's part.
        round_trip_ms: f64,
    },
    /// The server complains; the connection goes on.
    Complaint {
        /// The number of a [`kuafu_core::Code`].
        code: u16,
        /// For people.
        text: String,
    },
    /// The connection broke. Unless the client gives up, it is made again.
    Disconnected {
        /// Why.
        reason: Loss,
    },
    /// The connection is there again; `Attached` follows.
    Reconnected {
        /// How long it was gone.
        after: Duration,
        /// After how many tries.
        tries: u32,
        /// By a full login instead of the resume token.
        by_login: bool,
    },
    /// The player was removed; the last event.
    Kicked {
        /// The number of a [`kuafu_core::Code`].
        code: u16,
        /// For people.
        text: String,
    },
    /// The connection could not be made again; the last event. Holds how the last try failed.
    GaveUp(ClientError),
}
