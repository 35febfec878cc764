//! Ingress: what bases sent since the last tick takes effect, in the order in which it came.
//!
//! A frame is only read when it comes; its events wait for the tick. When more wait than the bound allows, they take
//! effect at once: nothing is lost, it only happens earlier. What logic must hear is queued for later in the tick; only when
//! a part ends or is replaced is it told at once, so that what follows finds things as its sender left them.

mod calls;
mod moves;
mod parts;
mod witnesses;

use bytes::Bytes;
use kuafu_contract::Address;
use kuafu_contract::link::{Event, Frame, decode};
use kuafu_core::Now;
use kuafu_node::Received;

use crate::links::PeerNo;
use crate::role::CellRole;

impl CellRole {
    pub(crate) fn handle_frame(&mut self, now: Now, from: Address, frame: &Bytes) {
        let Some(peer) = self.peers.meet(from, &self.limits) else {
            self.counters.count("frames_refused");
            return;
        };
        let Ok(Frame::Events { sequence, events }) = decode(frame) else {
            self.counters.count("frames_malformed");
            return;
        };
        let Some(link) = self.peers.get_mut(peer) else { return };
        match link.receive(sequence) {
            Received::Old => {
                self.counters.count("frames_repeated");
                return;
            }
            Received::Gap => {
                self.counters.count("link_gaps");
                link.open(Event::Resync);
            }
            Received::InOrder => {}
        }
        self.inbox.extend(events.into_iter().map(|event| (peer, event)));
        if self.inbox.len() > self.limits.mailbox_messages_max as usize {
            self.counters.count("ingress_early");
            self.ingress(now);
        }
    }

    /// Lets everything that waits take effect.
    pub(crate) fn ingress(&mut self, now: Now) {
        while let Some((peer, event)) = self.inbox.pop_front() {
            self.take_event(now, peer, event);
        }
    }

    fn take_event(&mut self, now: Now, peer: PeerNo, event: Event) {
        match event {
            Event::CreatePart { .. } => self.create_part(now, peer, event),
            Event::DestroyPart { entity, real_epoch } => self.destroy_part(now, peer, entity, real_epoch),
            Event::AttachWitness { entity, witness } => self.attach_witness(now, peer, entity, witness),
            Event::DetachWitness { witness } => self.detach_witness(peer, witness),
            Event::Move { witness, sequence, position, yaw } => {
                self.take_move(now, peer, witness, sequence, position, yaw);
            }
            Event::Credits(credits) => self.take_credits(peer, &credits),
            Event::Resync => self.resync(peer),
            Event::BackUp { entity, token } => self.back_up_on_demand(peer, entity, token),
            Event::Call(call) => self.take_call(now, peer, call),
            Event::Answer { call, outcome } => self.take_answer(call, outcome),
            Event::PartCreated { .. }
            | Event::PartRefused { .. }
            | Event::PartGone { .. }
            | Event::BackedUp { .. }
            | Event::SpaceEntered { .. }
            | Event::Correct { .. }
            | Event::CreateEntity { .. }
            | Event::Kick { .. } => self.counters.count("events_misdirected"),
        }
    }

    /// Sends an event behind the world of this tick.
    pub(crate) fn tell(&mut self, peer: PeerNo, event: Event) {
        let told = self.peers.get_mut(peer).is_some_and(|link| link.tell(event, &self.limits));
        if !told {
            self.counters.count("events_dropped");
        }
    }

    /// Sends an event before the world of this tick.
    pub(crate) fn tell_first(&mut self, peer: PeerNo, event: Event) {
        if let Some(link) = self.peers.get_mut(peer) {
            link.open(event);
        }
    }
}
