//! Spaces: where entities are, who sees whom, how far a client may go, who is near.
//!
//! A cell keeps one [`Space`] for each of its spaces and steps it once a tick. Everything is a value in memory: no I/O,
//! no clock, no scripts, no wire formats; time comes in as an argument. The same calls in the same order give the same
//! output, bit by bit. A ghost is an entity with a flag: seen and found like any other, but never a witness.

mod control;
mod entities;
mod error;
mod grid;
mod lattice;
mod movement;
mod query;
mod space;
mod trigger;
mod view;

pub use control::{MoveTo, Stride};
pub use entities::{Audience, Entities, Handle, Index, MovedBy, Spawn};
pub use error::SpaceError;
pub use lattice::{Bounds, Lattice, Position, Record};
pub use movement::{CLOCK_TOLERANCE, MOVE_TOLERANCE_M, MoveBudget, MoveRule, MoveVerdict};
pub use space::{Space, SpaceConfig};
pub use trigger::{TriggerEvent, TriggerNo};
pub use view::{
    Allowance, BASE_NO_MAX, CatchUp, Costs, Enter, EntityOut, FlatCosts, LATE_TICKS_MAX, Radii, RecordOut, ViewCounts,
    ViewOutput, WitnessNo, WitnessTick, for_each_bit,
};
