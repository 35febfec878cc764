//! The links to cells and other bases, and what the clients here see through them.

mod assemble;
mod events;
mod witness;

use std::collections::BTreeMap;
use std::time::Duration;

use kuafu_contract::link::{Event, Record, encode_events};
use kuafu_contract::{Address, RoleKind};
use kuafu_core::{Incarnation, Moment, SpaceId};
use kuafu_edge::ConnId;
use kuafu_node::{LinkReceiver, LinkSender, Received};

use crate::clients::ConnState;
use crate::role::BaseRole;
pub(crate) use witness::Witnesses;

/// The most events that wait for a peer without credit; then moves are dropped, which later ones replace.
const EVENTS_WAITING_MAX: usize = 65_536;

/// One link.
#[derive(Debug)]
pub(crate) struct Peer {
    sender: LinkSender,
    receiver: LinkReceiver,
    events: Vec<Event>,
    spaces: BTreeMap<SpaceId, SpaceMirror>,
    /// Whether the last list of credits named someone.
    held_back: bool,
}

/// What the present frame of a space says, by entity index. A row counts only with the frame's stamp.
#[derive(Debug, Default)]
struct SpaceMirror {
    stamp: u32,
    records: Vec<(u32, Record)>,
    deltas: Vec<(u32, u32)>,
    time_ms: u64,
    at: Moment,
}

/// All links.
#[derive(Debug, Default)]
pub(crate) struct Peers {
    links: BTreeMap<Address, Peer>,
    pub(crate) witnesses: Witnesses,
    pub(crate) next_credits: Moment,
}

impl Peers {
    /// A peer took frames.
    pub(crate) fn credit(&mut self, peer: Address, frames: u32) {
        if let Some(peer) = self.links.get_mut(&peer) {
            peer.sender.credit(frames);
        }
    }

    fn link(&mut self, peer: Address, frames_max: u32) -> &mut Peer {
        self.links.entry(peer).or_insert_with(|| Peer {
            sender: LinkSender::new(frames_max),
            receiver: LinkReceiver::default(),
            events: Vec::new(),
            spaces: BTreeMap::new(),
            held_back: false,
        })
    }

    /// Where an entity of that incarnation is reached: a known cell, else a base.
    pub(crate) fn of_incarnation(&self, incarnation: Incarnation, own: Address) -> Option<Address> {
        if incarnation == own.incarnation || incarnation == Incarnation::default() {
            return None;
        }
        let known = self.links.keys().find(|address| address.incarnation == incarnation);
        Some(known.copied().unwrap_or(Address { role: RoleKind::Base, incarnation }))
    }

    /// An empty list for each cell that was told to hold back, to be filled with those that still are.
    pub(crate) fn credit_lists(&mut self) -> BTreeMap<Address, Vec<(u32, u32)>> {
        let held =
            self.links.iter_mut().filter_map(|(address, peer)| std::mem::take(&mut peer.held_back).then_some(*address));
        held.map(|address| (address, Vec::new())).collect()
    }

    pub(crate) fn send_credits(&mut self, lists: BTreeMap<Address, Vec<(u32, u32)>>) {
        for (cell, list) in lists {
            if let Some(peer) = self.links.get_mut(&cell) {
                peer.held_back = !list.is_empty();
                peer.events.push(Event::Credits(list));
            }
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.links.len()
    }
}

impl BaseRole {
    /// Tells a peer something with the next frame.
    pub(crate) fn tell_peer(&mut self, peer: Address, event: Event) {
        let link = self.peers.link(peer, self.config.limits.link_frames_max);
        link.events.push(event);
    }

    /// Tells a cell where a client has moved. Of moves that follow each other at once only the last one goes: the way to
    /// it is no longer than theirs together, and a client that sends thousands costs its cell no more than one.
    pub(crate) fn tell_move(&mut self, peer: Address, moved: Event) {
        let link = self.peers.link(peer, self.config.limits.link_frames_max);
        let before = link.events.last();
        if let (Some(Event::Move { witness: before, .. }), Event::Move { witness, .. }) = (&before, &moved)
            && before == witness
        {
            link.events.pop();
        } else if link.events.len() >= EVENTS_WAITING_MAX {
            self.counters.count("moves_dropped");
            return;
        }
        link.events.push(moved);
    }

    /// Sends what waits for each peer that has credit.
    pub(crate) fn flush_peers(&mut self) {
        for (address, peer) in &mut self.peers.links {
            if peer.events.is_empty() {
                continue;
            }
            let Some(sequence) = peer.sender.take() else {
                self.counters.count("links_blocked");
                continue;
            };
            self.book.frame(*address, encode_events(sequence, &peer.events));
            peer.events.clear();
        }
    }

    /// Notes a frame's number; `false` when the frame is an old one.
    pub(crate) fn received(&mut self, peer: Address, sequence: u32) -> bool {
        let link = self.peers.link(peer, self.config.limits.link_frames_max);
        match link.receiver.receive(sequence) {
            Received::InOrder => true,
            Received::Old => {
                self.counters.count("frames_old");
                false
            }
            Received::Gap => {
                self.counters.count("frames_lost");
                self.ask_resync(peer);
                true
            }
        }
    }

    /// Frames of a peer were lost: its views are forgotten and asked for anew.
    pub(crate) fn ask_resync(&mut self, peer: Address) {
        self.counters.count("resyncs");
        self.peers.witnesses.forget_views_of(peer);
        self.tell_peer(peer, Event::Resync);
    }

    /// A peer is gone.
    pub(crate) fn peer_lost(&mut self, peer: Address) {
        if self.peers.links.remove(&peer).is_none() {
            return;
        }
        self.counters.count("links_lost");
        if peer.role == RoleKind::Cell {
            for conn in self.peers.witnesses.forget_views_of(peer) {
                self.tell(conn, &kuafu_wire::ServerMessage::SpaceLeave);
            }
            self.cells_parts_lost(peer);
        }
    }

    /// Milliseconds of the clock by which a client sees its space; the base's own clock where it sees none.
    pub(crate) fn space_time_of(&self, conn: ConnId) -> f64 {
        let own = self.now.at.millis() as f64;
        let Some(ConnState::Playing(entity)) = self.clients.conns.get(&conn).map(|conn| &conn.state) else {
            return own;
        };
        let witness = self.entities.get(*entity).and_then(|entity| entity.witness);
        let Some((cell, space)) = witness.and_then(|witness| self.peers.witnesses.space_of(witness)) else {
            return own;
        };
        let mirror = self.peers.links.get(&cell).and_then(|peer| peer.spaces.get(&space));
        mirror.map_or(own, |mirror| {
            let since: Duration = self.now.at.since(mirror.at);
            mirror.time_ms as f64 + since.as_secs_f64() * 1e3
        })
    }
}
