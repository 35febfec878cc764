//! Deaths and births: instances die between any two inputs or outputs, are declared dead, and others take their slots.

use std::time::Duration;

use kuafu_contract::{Address, RoleKind};
use kuafu_store::StoreCommand;

use super::{Event, Realm, Slot};
use crate::post::Delivery;

/// A doomed instance dies after at most so many inputs.
const DOOM_INPUTS_MAX: i64 = 30;

/// The longest that an instance lives on after it was declared dead.
const ZOMBIE_MS_MAX: i64 = 12_000;

impl Realm {
    pub(super) fn plan_faults(&mut self) {
        let faults_ms = self.plan.faults_ms;
        for _ in 0..self.plan.cell_deaths {
            let after = self.ms(2_000, faults_ms);
            self.plan_event(after, Event::Doom(Slot::Cell));
        }
        for _ in 0..self.plan.base_deaths {
            let after = self.ms(2_000, faults_ms);
            let base = self.chance.between(0, i64::from(self.plan.bases) - 1) as u32;
            self.plan_event(after, Event::Doom(Slot::Base(base)));
        }
        self.plan_event(Duration::from_millis(faults_ms.unsigned_abs()), Event::FaultsEnd);
    }

    pub(super) fn doom(&mut self, slot: Slot) {
        let Some(address) = self.slots.get(&slot).copied() else { return };
        if self.calm || !self.directory.contains_key(&address) {
            return;
        }
        if self.plan.zombies && matches!(slot, Slot::Base(_)) && self.chance.unit() < 0.7 {
            self.declare_dead(address);
            self.zombies.insert(address);
            let after = self.ms(0, ZOMBIE_MS_MAX);
            self.plan_event(after, Event::Kill(address));
            return;
        }
        let inputs = self.chance.between(0, DOOM_INPUTS_MAX) as u32;
        if let Some(instance) = self.directory.get_mut(&address) {
            instance.doomed = Some(inputs);
        }
    }

    /// Whether an instance dies with this input.
    pub(super) fn death_is_due(&mut self, address: Address) -> bool {
        let Some(instance) = self.directory.get_mut(&address) else { return false };
        let Some(left) = &mut instance.doomed else { return false };
        *left = left.saturating_sub(1);
        *left == 0
    }

    /// Whether a message cannot pass, since one end is taken for dead by those who keep order among bases.
    pub(super) fn is_cut(&self, from: Address, to: Address) -> bool {
        let hears = |other: Address| matches!(other.role, RoleKind::Db | RoleKind::Cell | RoleKind::Base);
        (self.zombies.contains(&from) && !hears(to)) || (self.zombies.contains(&to) && !hears(from))
    }

    /// Cuts an instance's mailbox, links and connections, and drops its memory.
    pub(super) fn kill(&mut self, address: Address) {
        let Some(instance) = self.directory.remove(&address) else { return };
        self.trace.event(self.at, format_args!("{address} dies"));
        self.deaths += 1;
        self.zombies.remove(&address);
        self.owed.retain(|(callee, _), _| *callee != address);
        let (cut, kept) =
            std::mem::take(&mut self.links).into_iter().partition(|(a, b)| *a == address || *b == address);
        self.links = kept;
        let cut: std::collections::BTreeSet<(Address, Address)> = cut;
        for (a, b) in cut {
            let peer = if a == address { b } else { a };
            let delivery = Delivery::LinkDown { peer: address };
            if let Some((at, draw)) = self.post.send(self.at, address, peer, &delivery) {
                self.queue.push(at, draw, Event::Deliver(peer, delivery));
            }
        }
        self.cut_connections(address);
        let (told, born) =
            if self.calm { (self.ms(0, 200), self.ms(0, 500)) } else { (self.ms(0, 3_000), self.ms(300, 4_000)) };
        self.plan_event(told, Event::DeclareDead(address));
        self.plan_event(born, Event::Revive(instance.slot));
    }

    /// The store hears that an instance is dead; whether it is true is another matter.
    pub(super) fn declare_dead(&mut self, address: Address) {
        let command = StoreCommand::EndIncarnation(address.incarnation);
        let result = self.store.run(&command);
        self.laws.store_did(&command, &result, &self.store);
        self.trace.event(self.at, format_args!("{address} is declared dead"));
    }

    pub(super) fn revive(&mut self, slot: Slot) {
        let is_filled = self.slots.get(&slot).is_some_and(|address| self.directory.contains_key(address));
        if !is_filled {
            self.fill(slot);
        }
    }
}
