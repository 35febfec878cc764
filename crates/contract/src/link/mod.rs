//! Frames on links: what bases and cells tell each other every tick.
//!
//! A link is ordered and bounded. Each frame has a sequence and acknowledges the peer's; a gap means that the receiver
//! asks for a resync. There are two kinds: a **world frame** goes from a cell to a base once a tick and space, with the
//! view of every witness there; an **event frame** goes either way, and between bases, with events alone.
//!
//! Order within a world frame: leave, enter, state, movement, calls; events come after the world.
//! Source: DESIGN section 6. The layout is fixed-width little-endian, since it is read and written by the million.

pub mod event;
mod read;
mod write;

pub use event::{CallMethod, Event, LinkCall, LinkCaller, WitnessView};
pub use read::{BlobRef, EnterRef, WitnessRef, WorldFrame, decode};
pub use write::{BlobOrdinal, WitnessPart, WorldFrameWriter, encode_events};

/// The version of the frame layout.
pub const LINK_VERSION: u8 = 1;

/// A movement record, as on the client protocol: x, z, y as `u16`, yaw as `u8`.
pub type Record = [u8; 7];

/// What a blob in a world frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum BlobKind {
    /// This tick's changes of an entity, for those who see it.
    DeltaOthers = 0,
    /// Changes for one's own client, or for a viewer that fell behind: named by ordinal, never by bitmap.
    Delta = 1,
    /// All properties of an entity that enters a view, with its id, type and record.
    Snapshot = 2,
    /// A client method number and its arguments.
    Call = 3,
    /// Where an entity is for one viewer that is not told all of its movement: a movement record. Named by ordinal among
    /// the changes, and it belongs to the movement of the viewer's frame.
    Record = 4,
}

/// A decoded frame.
#[derive(Debug)]
pub enum Frame<'a> {
    /// From a cell: a tick of one space.
    World(WorldFrame<'a>),
    /// Events alone.
    Events {
        /// The frame's number on its link.
        sequence: u32,
        /// What happened, in order.
        events: Vec<Event>,
    },
}

/// A frame that cannot be read: a fault of the sender. Dropped and counted; the link resyncs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// It ends too early.
    #[error("the frame ends within {0}")]
    Short(&'static str),
    /// Another layout.
    #[error("the frame has version {0}, this node reads {LINK_VERSION}")]
    Version(u8),
    /// Something that is not of the layout.
    #[error("the frame has a wrong {0}")]
    Wrong(&'static str),
}

#[cfg(test)]
mod tests;
