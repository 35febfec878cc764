//! Entering logic: the queue of what it must hear, and what is done after each entry.
//!
//! This is the only place that calls [`kuafu_logic::LogicHost`] methods that run logic. Nothing of the cell is borrowed
//! while it runs; afterwards its changes are applied, its effects carried out and its faults passed on. What an effect
//! leads to is queued and runs in the next round of the same tick.

use std::collections::VecDeque;

use kuafu_contract::link::Event;
use kuafu_core::{EntityId, MethodNo, Now, Value};
use kuafu_logic::{Answer, AwaitId, Caller, Failure, Hook};

use super::calls::ReplyTo;
use crate::role::CellRole;

/// Entities of one cell that call each other back and forth may do so this often in one tick; what is left runs in the
/// next one.
const ROUNDS_MAX: u32 = 16;

/// Calls that wait for logic; a further one is refused as Busy. Hooks and results are bounded by entities and calls.
const CALLS_WAITING_MAX: usize = 65_536;

/// Something that logic must hear.
#[derive(Debug)]
pub(crate) enum Entry {
    /// A hook of a part.
    Hook { entity: EntityId, hook: Hook, arguments: Vec<Value> },
    /// A call; arguments fit.
    Call { to: EntityId, method: MethodNo, arguments: Vec<Value>, caller: Caller, reply: ReplyTo },
    /// What logic awaits has ended.
    Resume { awaiting: AwaitId, outcome: Result<Value, Failure> },
    /// A part ends, if it still has this epoch: its last hook, its last backup.
    Destroy { entity: EntityId, real_epoch: u32, forever: Option<bool> },
}

/// What waits, in order.
#[derive(Debug, Default)]
pub(crate) struct Entries(VecDeque<Entry>);

impl Entries {
    pub(crate) fn push(&mut self, entry: Entry) {
        self.0.push_back(entry);
    }

    pub(crate) fn hook(&mut self, entity: EntityId, hook: Hook, arguments: Vec<Value>) {
        self.push(Entry::Hook { entity, hook, arguments });
    }

    /// Queues a call, or gives it back when too many wait.
    pub(crate) fn push_call(&mut self, entry: Entry) -> Result<(), Entry> {
        if self.0.len() >= CALLS_WAITING_MAX {
            return Err(entry);
        }
        self.push(entry);
        Ok(())
    }
}

impl CellRole {
    /// Lets logic hear what waits, and what that leads to, in at most [`ROUNDS_MAX`] rounds.
    pub(crate) fn run_entries(&mut self, now: Now) {
        for _ in 0..ROUNDS_MAX {
            let waiting = self.entries.0.len();
            if waiting == 0 {
                return;
            }
            for _ in 0..waiting {
                let Some(entry) = self.entries.0.pop_front() else { break };
                self.run_entry(now, entry);
            }
        }
        if !self.entries.0.is_empty() {
            self.counters.count("entry_rounds_cut");
        }
    }

    fn run_entry(&mut self, now: Now, entry: Entry) {
        match entry {
            Entry::Hook { entity, hook, arguments } => {
                if self.world.spaces.borrow().home(entity).is_none() {
                    return;
                }
                self.host.hook(now, entity, hook, &arguments);
                self.settle(now);
            }
            Entry::Call { to, method, arguments, caller, reply } => {
                self.run_call(now, to, method, arguments, caller, reply);
            }
            Entry::Resume { awaiting, outcome } => {
                self.host.resume(now, awaiting, outcome);
                self.settle(now);
            }
            Entry::Destroy { entity, real_epoch, forever } => self.end_part(now, entity, real_epoch, forever),
        }
    }

    fn run_call(
        &mut self,
        now: Now,
        to: EntityId,
        method: MethodNo,
        arguments: Vec<Value>,
        caller: Caller,
        reply: ReplyTo,
    ) {
        let ty = self.world.spaces.borrow().part(to).map(|(_, part)| part.layout.ty.clone());
        let Some(ty) = ty else {
            return self.reply(reply, Err(kuafu_core::Code::EntityUnknown.into()));
        };
        match self.host.call(now, to, method, arguments, caller) {
            Answer::Done(result) => {
                self.settle(now);
                let result = super::calls::fit_result(&ty, method, result, &self.limits);
                self.reply(reply, result);
            }
            Answer::Pending(token) => {
                self.expect_answer(now, token, ty, method, reply);
                self.settle(now);
            }
        }
    }

    /// Carries out what logic did and wants, after an entry.
    pub(crate) fn settle(&mut self, now: Now) {
        self.apply_changes();
        while let Some(effect) = self.host.poll_effect() {
            self.apply_effect(now, effect);
        }
        while let Some(fault) = self.host.poll_fault() {
            self.releases.note_fault(&fault);
            self.report_fault(now, fault);
        }
    }

    fn apply_changes(&mut self) {
        self.host.take_changes(&mut self.changes);
        if self.changes.is_empty() {
            return;
        }
        let mut spaces = self.world.spaces.borrow_mut();
        for (entity, change) in self.changes.drain(..) {
            let mut first = false;
            let taken = spaces.part_mut(entity).map(|(home, part)| (home, part.take_change(change, &mut first)));
            match taken {
                Some((home, true)) if first => spaces.open[home.space].touched.push(home.index),
                Some((_, true)) => {}
                Some((_, false)) | None => self.counters.count("changes_misfit"),
            }
        }
    }

    /// Ends a part: logic hears of it, its base gets the last of its state.
    fn end_part(&mut self, now: Now, entity: EntityId, real_epoch: u32, forever: Option<bool>) {
        {
            let mut spaces = self.world.spaces.borrow_mut();
            match spaces.part_mut(entity) {
                Some((_, part)) if part.real_epoch == real_epoch && !part.leaving => part.leaving = true,
                _ => return,
            }
        }
        self.host.hook(now, entity, Hook::Destroy, &[]);
        self.settle(now);
        self.back_up(entity, 0);
        let base = self.world.spaces.borrow().part(entity).and_then(|(_, part)| part.base);
        self.remove_part(entity);
        if let Some(base) = base {
            self.tell(base, Event::PartGone { entity, real_epoch, forever });
        }
    }

    /// Takes a part out of space, host and directory; nobody is told.
    pub(crate) fn remove_part(&mut self, entity: EntityId) {
        self.host.destroy(entity);
        self.directory.follower.forget(entity, &mut self.book);
        let mut spaces = self.world.spaces.borrow_mut();
        let Some(home) = spaces.directory.remove(&entity) else { return };
        let open = &mut spaces.open[home.space];
        let eyes = open.part(home.index).and_then(|part| part.witness).and_then(|no| open.detach(no));
        if let Some(eyes) = eyes
            && let Some(link) = self.peers.get_mut(eyes.peer)
        {
            link.witnesses.remove(&eyes.number);
        }
        open.remove(home.index);
    }
}
