//! Proximity triggers: circles around entities that tell who came in and who went out.
//!
//! There are few of them, so each is searched anew at every step and compared with the members it had: exact, without
//! hysteresis and never late. The owner is not its own member.

use kuafu_core::EntityId;

use crate::entities::{Entities, Index};
use crate::error::SpaceError;
use crate::grid::Grid;
use crate::query;

/// The dense number of a trigger within its space; reused after removal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TriggerNo(pub u32);

/// Someone came into a trigger or went out of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TriggerEvent {
    /// Which trigger.
    pub trigger: TriggerNo,
    /// Whose trigger.
    pub owner: Index,
    /// Who came or went. Its index is free already when it went by being removed.
    pub entity: Index,
    /// The id of who came or went.
    pub id: EntityId,
    /// Whether it came in.
    pub entered: bool,
}

#[derive(Debug)]
struct Trigger {
    owner: Index,
    radius: f32,
    members: Vec<Index>,
}

/// The triggers of one space.
#[derive(Debug)]
pub(crate) struct Triggers {
    per_entity_max: u32,
    all: Vec<Option<Trigger>>,
    free: Vec<u32>,
    found: Vec<Index>,
}

impl Triggers {
    pub(crate) fn new(per_entity_max: u32) -> Self {
        Self { per_entity_max, all: Vec::new(), free: Vec::new(), found: Vec::new() }
    }

    pub(crate) fn add(&mut self, owner: Index, radius: f32) -> Result<TriggerNo, SpaceError> {
        if !(radius.is_finite() && radius > 0.0) {
            return Err(SpaceError::NotFinite);
        }
        let owned = self.all.iter().flatten().filter(|trigger| trigger.owner == owner).count();
        if owned >= self.per_entity_max as usize {
            return Err(SpaceError::Triggers(self.per_entity_max));
        }
        let trigger = Some(Trigger { owner, radius, members: Vec::new() });
        if let Some(no) = self.free.pop() {
            self.all[no as usize] = trigger;
            return Ok(TriggerNo(no));
        }
        self.all.push(trigger);
        Ok(TriggerNo(self.all.len() as u32 - 1))
    }

    pub(crate) fn remove(&mut self, no: TriggerNo) -> Result<(), SpaceError> {
        let slot = self.all.get_mut(no.0 as usize).ok_or(SpaceError::NoTrigger(no))?;
        slot.take().ok_or(SpaceError::NoTrigger(no))?;
        self.free.push(no.0);
        Ok(())
    }

    pub(crate) fn remove_owner(&mut self, owner: Index) {
        for (no, slot) in self.all.iter_mut().enumerate() {
            if slot.as_ref().is_some_and(|trigger| trigger.owner == owner) {
                *slot = None;
                self.free.push(no as u32);
            }
        }
    }

    pub(crate) fn members(&self, no: TriggerNo) -> Option<&[Index]> {
        self.all.get(no.0 as usize)?.as_ref().map(|trigger| trigger.members.as_slice())
    }

    /// Compares each trigger's members with who is within now. Runs right after the grid was sorted.
    pub(crate) fn step(&mut self, entities: &Entities, grid: &Grid, events: &mut Vec<TriggerEvent>) {
        for (no, slot) in self.all.iter_mut().enumerate() {
            let Some(trigger) = slot else { continue };
            let owner = trigger.owner;
            let Some(at) = entities.position(owner) else { continue };
            query::within(entities, grid, at.x, at.z, trigger.radius, &mut self.found);
            self.found.retain(|index| *index != owner);
            let event = |entity: Index, entered| {
                let id = entities.id(entity);
                TriggerEvent { trigger: TriggerNo(no as u32), owner, entity, id, entered }
            };
            compare(&trigger.members, &self.found, |entity, entered| events.push(event(entity, entered)));
            std::mem::swap(&mut trigger.members, &mut self.found);
        }
    }
}

/// Walks two sorted lists and tells what only one of them has: those of `old` as gone, those of `new` as entered.
fn compare(old: &[Index], new: &[Index], mut tell: impl FnMut(Index, bool)) {
    let (mut old, mut new) = (old.iter().peekable(), new.iter().peekable());
    loop {
        match (old.peek(), new.peek()) {
            (Some(&&a), Some(&&b)) if a == b => {
                old.next();
                new.next();
            }
            (Some(&&a), b) if b.is_none_or(|b| a < **b) => {
                tell(a, false);
                old.next();
            }
            (_, Some(&&b)) => {
                tell(b, true);
                new.next();
            }
            (_, None) => return,
        }
    }
}
