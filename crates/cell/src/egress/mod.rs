//! Egress: what bases are sent at the end of a tick. Nothing of the world changes here.
//!
//! For each base: openings in a frame of their own, then one world frame for each space in which it has something, even
//! if that is empty; events ride in the last of them. A base whose link is blocked gets nothing of the world: its
//! witnesses' views stand still, and what they miss is told later.

pub(crate) mod calls;
mod frame;
mod levels;
mod world;

pub(crate) use frame::FrameBuilder;
pub(crate) use levels::Picked;

use kuafu_contract::link::{Event, encode_events};

use crate::role::CellRole;

impl CellRole {
    pub(crate) fn egress(&mut self, space_time_ms: u64) {
        self.correct_clients();
        self.plan_frames();
        let world = self.world.clone();
        let mut spaces = world.spaces.borrow_mut();
        for at in 0..spaces.open.len() {
            self.send_world(at, &mut spaces.open[at], space_time_ms);
        }
        drop(spaces);
        self.flush_events();
    }

    /// Tells those clients whose moves were refused where they are.
    fn correct_clients(&mut self) {
        let mut spaces = self.world.spaces.borrow_mut();
        for open in &mut spaces.open {
            for at in 0..open.witnesses.len() {
                let Some(witness) = open.witnesses[at].as_deref_mut() else { continue };
                let Some(code) = witness.correct.take() else { continue };
                let (peer, number, sequence, index) =
                    (witness.peer, witness.number, witness.move_sequence, witness.index);
                let Some((position, yaw)) = open.place(index) else { continue };
                let event = Event::Correct { witness: number, sequence, position, yaw, code };
                self.counters.count("corrections");
                let told = self.peers.get_mut(peer).is_some_and(|link| link.tell(event, &self.limits));
                if !told {
                    self.counters.count("events_dropped");
                }
            }
        }
    }

    /// Decides which bases get frames in this tick, and sends them their openings.
    fn plan_frames(&mut self) {
        let spaces = self.world.spaces.borrow();
        for (no, link) in self.peers.iter_mut() {
            let (mut frames, mut last_space) = (0, None);
            for (at, _) in spaces.open.iter().enumerate().filter(|(_, open)| open.is_present(no)) {
                (frames, last_space) = (frames + 1, Some(at));
            }
            link.last_space = last_space;
            link.blocked = !link.has_room(frames + u32::from(link.has_openings()));
            if link.blocked {
                self.counters.count("links_blocked");
            } else if link.has_openings()
                && let Some(sequence) = link.take()
            {
                let frame = link.take_openings(sequence);
                self.book.frame(link.address, frame);
            }
        }
    }

    /// Sends the events that found no world frame to ride in.
    fn flush_events(&mut self) {
        let bytes_max = self.limits.link_frame_bytes_max as usize / 2;
        for (_, link) in self.peers.iter_mut() {
            while link.has_events() && link.has_room(1) {
                let Some(sequence) = link.take() else { break };
                let events = link.take_events(bytes_max);
                self.book.frame(link.address, encode_events(sequence, &events));
            }
        }
    }
}
