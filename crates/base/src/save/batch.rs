//! A batch: writes under one operation id, and what they mean here.

use std::collections::BTreeSet;
use std::time::Duration;

use kuafu_contract::db::Write;
use kuafu_core::{EntityId, Moment, OperationId, PropertyNo, TypeNo};
use kuafu_logic::AwaitId;

/// Writes that were sent, kept until their outcome is known.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) operation: OperationId,
    /// All or nothing.
    pub(crate) whole: bool,
    pub(crate) writes: Vec<Write>,
    /// One for each write, in the same order.
    pub(crate) members: Vec<Member>,
    pub(crate) awaits: Vec<AwaitId>,
    pub(crate) wait: Duration,
    pub(crate) repeat_at: Option<Moment>,
}

/// What a write of a batch is about.
#[derive(Debug)]
pub(crate) enum Member {
    /// An entity that was saved, and what of it.
    Saved { entity: EntityId, dirty: BTreeSet<PropertyNo>, place_dirty: bool },
    /// An entity that gets its record.
    Created { entity: EntityId, ty: TypeNo },
    /// A record that goes.
    Deleted,
}

impl Batch {
    /// Entities whose time has come; stale ones are left out by the db.
    pub(crate) fn archive(pairs: Vec<(Write, Member)>) -> Self {
        let (writes, members) = pairs.into_iter().unzip();
        Self::new(false, writes, members, Vec::new())
    }

    /// All or nothing.
    pub(crate) fn transaction(pairs: Vec<(Write, Member)>, awaits: Vec<AwaitId>) -> Self {
        let (writes, members) = pairs.into_iter().unzip();
        Self::new(true, writes, members, awaits)
    }

    /// The entities that it saves and creates.
    pub(crate) fn entities(&self) -> BTreeSet<EntityId> {
        let entity = |member: &Member| match member {
            Member::Saved { entity, .. } | Member::Created { entity, .. } => Some(*entity),
            Member::Deleted => None,
        };
        self.members.iter().filter_map(entity).collect()
    }

    fn new(whole: bool, writes: Vec<Write>, members: Vec<Member>, awaits: Vec<AwaitId>) -> Self {
        Self { operation: OperationId(0), whole, writes, members, awaits, wait: Duration::ZERO, repeat_at: None }
    }
}
