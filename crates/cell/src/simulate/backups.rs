//! Backups: what a base must know of its parts so that it can save them, or begin them anew elsewhere.

use kuafu_contract::link::Event;
use kuafu_core::{EntityId, Now};
use kuafu_logic::Hook;
use kuafu_space::Index;

use crate::role::{CellRole, Drain};

/// How long the end waits for links to take the last frames, in milliseconds.
const FLUSH_MS_MAX: u64 = 2_000;

impl CellRole {
    /// Sends what changed of those parts whose turn it is: each once a `cell_backup_period_ms`, spread over the ticks.
    pub(crate) fn back_up_in_turn(&mut self) {
        let period = (self.limits.cell_backup_period_ms * u64::from(self.tick_hz) / 1_000).max(1);
        let turn = self.tick % period;
        let mut spaces = self.world.spaces.borrow_mut();
        for open in &mut spaces.open {
            for at in (turn as usize..open.parts.len()).step_by(period as usize) {
                let index = Index(at as u32);
                let Some(record) = open.space.entities().record(index) else { continue };
                let Some(part) = open.parts[at].as_deref() else { continue };
                let Some(base) = part.base.filter(|_| part.needs_backup(record)) else { continue };
                let Some(event) = backup_of(open, index, 0) else { continue };
                let told = self.peers.get_mut(base).is_some_and(|link| link.tell(event, &self.limits));
                debug_assert!(told, "backups are never dropped while the base has a number");
            }
        }
    }

    /// Sends what changed of one part, and its place, whether it changed or not.
    pub(crate) fn back_up(&mut self, entity: EntityId, token: u64) {
        let event = {
            let mut spaces = self.world.spaces.borrow_mut();
            let Some((home, Some(base))) = spaces.part(entity).map(|(home, part)| (home, part.base)) else { return };
            backup_of(&mut spaces.open[home.space], home.index, token).map(|event| (base, event))
        };
        if let Some((base, event)) = event {
            self.tell(base, event);
        }
    }

    /// Tells logic that the end is near, and backs everything up.
    pub(crate) fn shut_down(&mut self, now: Now) {
        let everyone: Vec<EntityId> = {
            let spaces = self.world.spaces.borrow();
            spaces.open.iter().flat_map(|open| open.each_part().map(|(_, part)| part.id)).collect()
        };
        for entity in &everyone {
            self.entries.hook(*entity, Hook::Shutdown, Vec::new());
        }
        self.run_entries(now);
        for entity in everyone {
            self.back_up(entity, 0);
        }
        self.encode_changes();
        self.drain = Drain::Flushing(now.at + std::time::Duration::from_millis(FLUSH_MS_MAX));
    }

    /// Ends when everything is sent, or when links did not take it for too long.
    pub(crate) fn finish_drain(&mut self, now: Now) {
        let Drain::Flushing(until) = self.drain else { return };
        let waiting = self.peers.iter_mut().any(|(_, link)| link.has_events() || link.has_openings());
        if waiting && now.at < until {
            return;
        }
        if waiting {
            self.counters.count("drain_cut");
        }
        self.drain = Drain::Drained;
        self.book.drained();
    }
}

/// The backup of a part; what it tells counts as told.
fn backup_of(open: &mut crate::space::OpenSpace, index: Index, token: u64) -> Option<Event> {
    let record = open.space.entities().record(index)?;
    let place = open.durable_place(index)?;
    let part = open.part_mut(index)?;
    let values = part.take_backup(record);
    Some(Event::BackedUp { entity: part.id, real_epoch: part.real_epoch, token, values, place })
}
