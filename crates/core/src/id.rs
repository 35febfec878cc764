//! Identities: run-time handles, durable records, and the small stable numbers of definitions.
//!
//! A run-time handle is never reused and fits a double (below 2^53), so that scripts and browsers hold it exactly.
//! A durable identity outlives every process. The two are different types and never convert into each other.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number! {
    /// One life of one role instance. Handed out by the store, counting up from 1, never twice.
    Incarnation(u32)
}
number! {
    /// A run-time entity handle: `incarnation << 32 | sequence`, below 2^53, never reused.
    ///
    /// The incarnation is that of the base or cell that created the entity, which makes the id an address.
    EntityId(u64)
}
number! {
    /// A durable identity. For a player it is the role id `realm_no × 1,000,000 + sequence`.
    RecordId(u64)
}
number! {
    /// One game server in the player's eyes.
    RealmNo(u32)
}
number! {
    /// An account of the region.
    AccountId(u64)
}
number! {
    /// The version of an ownership: a writer with an older epoch is refused.
    Epoch(u64)
}
number! {
    /// A space of this realm, numbered in the order of the space files' names.
    SpaceId(u32)
}
number! {
    /// The stable number of an entity type (`entities/ids.lock`).
    TypeNo(u16)
}
number! {
    /// The stable number of a property within its entity type.
    PropertyNo(u16)
}
number! {
    /// The stable number of a method within its entity type.
    MethodNo(u16)
}
number! {
    /// Names one durable operation, so that it is done once however often it is asked for.
    OperationId(u128)
}

impl Incarnation {
    /// The greatest incarnation that still leaves entity ids below 2^53.
    pub const MAX: Self = Self((1 << 21) - 1);
}

impl EntityId {
    /// No entity.
    pub const NONE: Self = Self(0);

    /// The handle number `sequence` of `incarnation`.
    ///
    /// # Panics
    /// When `incarnation` is above [`Incarnation::MAX`]: the store refuses to hand such a number out.
    #[must_use]
    pub fn new(incarnation: Incarnation, sequence: u32) -> Self {
        assert!(incarnation <= Incarnation::MAX, "the store hands out no incarnation above 2^21 - 1");
        Self(u64::from(incarnation.0) << 32 | u64::from(sequence))
    }

    /// The role instance that created the entity.
    #[must_use]
    pub fn incarnation(self) -> Incarnation {
        Incarnation((self.0 >> 32) as u32)
    }

    /// Whether this names no entity.
    #[must_use]
    pub fn is_none(self) -> bool {
        self == Self::NONE
    }
}

impl RecordId {
    /// How many role ids one realm holds by default.
    pub const PER_REALM: u64 = 1_000_000;

    /// The role id number `sequence` of `realm`.
    #[must_use]
    pub fn of_realm(realm: RealmNo, sequence: u64) -> Self {
        Self(u64::from(realm.0) * Self::PER_REALM + sequence)
    }

    /// The realm in which a role id was born.
    #[must_use]
    pub fn home_realm(self) -> RealmNo {
        RealmNo((self.0 / Self::PER_REALM) as u32)
    }
}

/// Hands out the entity ids of one incarnation.
#[derive(Debug)]
pub struct EntityIdSource {
    incarnation: Incarnation,
    next: u32,
}

impl EntityIdSource {
    /// A source that starts at sequence 1.
    #[must_use]
    pub fn new(incarnation: Incarnation) -> Self {
        Self { incarnation, next: 1 }
    }

    /// The next id, or `None` when the incarnation has used up its four thousand million.
    pub fn take(&mut self) -> Option<EntityId> {
        let sequence = self.next;
        self.next = sequence.checked_add(1)?;
        Some(EntityId::new(self.incarnation, sequence))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entity_id_carries_its_incarnation_and_fits_a_double() {
        let id = EntityId::new(Incarnation::MAX, u32::MAX);
        assert_eq!(id.incarnation(), Incarnation::MAX);
        assert!(id.0 < 1 << 53);
    }

    #[test]
    fn a_role_id_tells_its_home_realm() {
        assert_eq!(RecordId::of_realm(RealmNo(7), 42).home_realm(), RealmNo(7));
    }

    #[test]
    fn a_source_never_repeats_an_id() {
        let mut source = EntityIdSource::new(Incarnation(3));
        assert_ne!(source.take(), source.take());
    }
}
