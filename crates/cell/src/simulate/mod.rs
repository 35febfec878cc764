//! Simulate: logic runs, things move, and what changed is encoded.
//!
//! Order within a tick: timers, then what is queued for logic (calls, hooks, results) in rounds, then controllers and
//! what arriving leads to, then encoding. Only [`entries`] enters the logic host, and nothing of the cell is borrowed
//! then.

mod backups;
mod calls;
mod creation;
mod directory;
mod effects;
mod entries;

use std::time::Duration;

use kuafu_core::{Chance, Now};
use kuafu_logic::Hook;
use kuafu_space::{Bounds, Position};

pub(crate) use calls::{Calls, ReplyTo, Route, WhenEnded};
pub(crate) use directory::{CellDirectory, Purpose};
pub(crate) use entries::{Entries, Entry};

use crate::role::CellRole;

impl CellRole {
    pub(crate) fn simulate(&mut self, now: Now, elapsed: Duration) {
        self.expire_calls(now);
        self.directory_due(now);
        self.host.advance(now);
        self.settle(now);
        self.run_entries(now);
        self.run_controllers(now, elapsed);
        self.back_up_in_turn();
        self.encode_changes();
    }

    fn run_controllers(&mut self, now: Now, elapsed: Duration) {
        let world = self.world.clone();
        let mut arrived = std::mem::take(&mut self.arrived);
        {
            let mut spaces = world.spaces.borrow_mut();
            for open in &mut spaces.open {
                arrived.clear();
                open.space.advance(elapsed, &mut arrived);
                let parts = arrived.iter().filter_map(|index| open.part(*index));
                parts.for_each(|part| self.entries.hook(part.id, Hook::Arrive, Vec::new()));
            }
        }
        self.arrived = arrived;
        self.run_entries(now);
    }
}

/// A place in a circle on the ground, evenly spread, drawn into the bounds.
pub(crate) fn scatter(chance: &mut Chance, [x, y, z]: [f32; 3], radius: f32, bounds: &Bounds) -> Position {
    let (distance, angle) =
        (chance.unit().sqrt() as f32 * radius.max(0.0), chance.unit() as f32 * std::f32::consts::TAU);
    Position::new(
        (x + distance * angle.cos()).clamp(bounds.min.x, bounds.max.x),
        y.clamp(bounds.min.y, bounds.max.y),
        (z + distance * angle.sin()).clamp(bounds.min.z, bounds.max.z),
    )
}
