//! What a space refuses, and why.

use crate::entities::Index;
use crate::trigger::TriggerNo;
use crate::view::WitnessNo;

/// A refusal of a space; nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum SpaceError {
    /// No entity has this index.
    #[error("no entity has the index {}", .0.0)]
    NoEntity(Index),
    /// No witness has this number.
    #[error("no witness has the number {}", .0.0)]
    NoWitness(WitnessNo),
    /// No trigger has this number.
    #[error("no trigger has the number {}", .0.0)]
    NoTrigger(TriggerNo),
    /// The space holds as many entities as it may.
    #[error("the space is full: {0} entities (entities_per_cell_max)")]
    Full(u32),
    /// A coordinate, angle, speed or radius is infinite or not a number.
    #[error("not a finite number")]
    NotFinite,
    /// The place is not within the bounds of the space.
    #[error("outside the bounds of the space")]
    OutOfBounds,
    /// The entity belongs to another cell; this one may only look at it.
    #[error("the entity {} is a ghost", .0.0)]
    Ghost(Index),
    /// A client already sees through this entity.
    #[error("the entity {} is already a witness", .0.0)]
    AlreadyWitness(Index),
    /// A base number is 64 or higher.
    #[error("base number {0} is above the highest, 63")]
    BaseNumber(u8),
    /// Radii must be positive, the enter radius below the leave radius, and neither above the space's own.
    #[error("view radii of {enter} m and {leave} m are not possible here")]
    Radius {
        /// The enter radius that was asked for, in metres.
        enter: f32,
        /// The leave radius that was asked for, in metres.
        leave: f32,
    },
    /// The bounds have no extent, or a number of the configuration is out of its range.
    #[error("the configuration of the space is not valid: {0}")]
    Config(&'static str),
    /// The entity has as many triggers as it may.
    #[error("the entity has {0} triggers already (triggers_per_entity_max)")]
    Triggers(u32),
}
