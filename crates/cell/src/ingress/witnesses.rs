//! Clients' eyes: attach, detach, credit, and beginning anew after a lost frame.

use std::collections::VecDeque;

use kuafu_contract::link::Event;
use kuafu_core::{EntityId, Now, Value};
use kuafu_logic::Hook;
use kuafu_space::Allowance;

use crate::links::{PeerNo, WitnessAt};
use crate::role::CellRole;
use crate::space::{OpenSpace, Witness};

impl CellRole {
    /// Takes a [`Event::AttachWitness`]. A witness that the entity had, and one that had the number, are replaced.
    pub(crate) fn attach_witness(&mut self, now: Now, peer: PeerNo, entity: EntityId, number: u32) {
        self.close_eyes(peer, number);
        let world = self.world.clone();
        let mut spaces = world.spaces.borrow_mut();
        let Some(home) = spaces.home(entity) else {
            return self.counters.count("witnesses_unknown");
        };
        let open = &mut spaces.open[home.space];
        let Some(part) = open.part(home.index).filter(|part| part.base == Some(peer)) else {
            return self.counters.count("witnesses_refused");
        };
        let (resumed, before) = (part.had_witness, part.witness);
        if let Some(replaced) = before.and_then(|no| open.detach(no))
            && let Some(link) = self.peers.get_mut(replaced.peer)
        {
            link.witnesses.remove(&replaced.number);
        }
        let witness = Witness {
            peer,
            number,
            entity,
            index: home.index,
            budget: OpenSpace::new_budget(now.at, &self.limits),
            move_sequence: 0,
            correct: None,
            credit: None,
            call_debt: 0,
            allowance: Allowance::UNLIMITED,
            slots: Vec::new(),
            levels: crate::view::Levels::default(),
            waiting: VecDeque::new(),
            calls: Vec::new(),
        };
        let Ok(no) = open.attach(home.index, witness) else {
            return self.counters.count("witnesses_refused");
        };
        let view = open.view_of(home.index, self.tick_hz);
        if let (Some(link), Some(view)) = (self.peers.get_mut(peer), view) {
            link.witnesses.insert(number, WitnessAt { space: home.space, no });
            link.open(Event::SpaceEntered { witness: number, view });
        }
        self.entries.hook(entity, Hook::ClientAttached, vec![Value::Bool(resumed)]);
    }

    /// Takes a [`Event::DetachWitness`].
    pub(crate) fn detach_witness(&mut self, peer: PeerNo, number: u32) {
        match self.close_eyes(peer, number) {
            Some(entity) => self.entries.hook(entity, Hook::ClientLost, Vec::new()),
            None => self.counters.count("witnesses_unknown"),
        }
    }

    /// Ends a witness. Returns whose it was.
    fn close_eyes(&mut self, peer: PeerNo, number: u32) -> Option<EntityId> {
        let at = self.peers.get_mut(peer)?.witnesses.remove(&number)?;
        let witness = self.world.spaces.borrow_mut().open[at.space].detach(at.no)?;
        Some(witness.entity)
    }

    /// Takes a [`Event::Credits`]: those that are not named take what is configured again.
    pub(crate) fn take_credits(&mut self, peer: PeerNo, credits: &[(u32, u32)]) {
        let Some(link) = self.peers.get_mut(peer) else { return };
        let mut spaces = self.world.spaces.borrow_mut();
        let mut set = |at: Option<&WitnessAt>, credit| {
            let witness = at.and_then(|at| spaces.open[at.space].witness_mut(at.no));
            if let Some(witness) = witness {
                witness.credit = credit;
            }
        };
        for number in link.limited.drain(..) {
            set(link.witnesses.get(&number), None);
        }
        for (number, bytes) in credits {
            // A number that is no witness is not kept: the base may name whom it just detached.
            if let Some(at) = link.witnesses.get(number) {
                set(Some(at), Some(*bytes));
                link.limited.push(*number);
            }
        }
    }

    /// Takes a [`Event::Resync`]: the base lost a frame, so all that it knows of its witnesses and parts is told anew.
    pub(crate) fn resync(&mut self, peer: PeerNo) {
        self.counters.count("resyncs");
        let Some(link) = self.peers.get_mut(peer) else { return };
        let mut spaces = self.world.spaces.borrow_mut();
        for open in &mut spaces.open {
            for part in open.parts.iter_mut().flatten().filter(|part| part.base == Some(peer)) {
                part.mark_all_dirty();
                link.open(Event::PartCreated { entity: part.id, real_epoch: part.real_epoch });
            }
        }
        let mut theirs: Vec<WitnessAt> = link.witnesses.values().copied().collect();
        theirs.sort_unstable_by_key(|at| (at.space, at.no));
        for at in theirs {
            if let Some((_, witness, view)) = spaces.open[at.space].restart(at.no, self.tick_hz) {
                link.open(Event::SpaceEntered { witness, view });
            }
        }
    }
}
