//! The bases that this cell has links with: numbers, credit, and what waits to be sent to each.
//!
//! A base gets a small number (0 to 63) while its link stands, by which the view engine names it in masks. Events wait
//! in two lists: *openings* (a part stands, a view begins) go in a frame of their own before the world of a tick, the
//! others ride behind it. Both are bounded: at the limit, events that only answer or inform are dropped and counted.

use kuafu_contract::link::{Event, LinkCall, encode_events};
use kuafu_contract::{Address, RoleKind};
use kuafu_core::{Limits, Value};
use kuafu_node::{LinkReceiver, LinkSender, Received};
use kuafu_space::{BASE_NO_MAX, WitnessNo};
use rustc_hash::FxHashMap;

/// Frames of credit that are kept for a world frame that must be cut.
const CUT_FRAMES_RESERVED: u32 = 4;

/// The small number of a base while its link stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct PeerNo(pub(crate) u8);

impl PeerNo {
    pub(crate) fn at(self) -> usize {
        usize::from(self.0)
    }
}

/// Where a base's witness is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WitnessAt {
    /// The position of the space in the cell.
    pub(crate) space: usize,
    pub(crate) no: WitnessNo,
}

/// One base.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) address: Address,
    /// By the base's own numbers.
    pub(crate) witnesses: FxHashMap<u32, WitnessAt>,
    /// Witnesses that take less than what is configured.
    pub(crate) limited: Vec<u32>,
    /// Nothing of the world can be sent in this tick.
    pub(crate) blocked: bool,
    /// The last space of this tick in which the base has something: its frame carries the events.
    pub(crate) last_space: Option<usize>,
    openings: Vec<Event>,
    events: Vec<Event>,
    events_bytes: usize,
    sender: LinkSender,
    in_flight: u32,
    frames_max: u32,
    receiver: LinkReceiver,
}

impl Peer {
    fn new(address: Address, limits: &Limits) -> Self {
        Self {
            address,
            witnesses: FxHashMap::default(),
            limited: Vec::new(),
            blocked: false,
            last_space: None,
            openings: Vec::new(),
            events: Vec::new(),
            events_bytes: 0,
            sender: LinkSender::new(limits.link_frames_max),
            in_flight: 0,
            frames_max: limits.link_frames_max,
            receiver: LinkReceiver::default(),
        }
    }

    /// The number for the next frame; `None` when the base must take some first.
    pub(crate) fn take(&mut self) -> Option<u32> {
        let sequence = self.sender.take()?;
        self.in_flight += 1;
        Some(sequence)
    }

    pub(crate) fn credit(&mut self, frames: u32) {
        self.sender.credit(frames);
        self.in_flight = self.in_flight.saturating_sub(frames);
    }

    /// Whether `frames` can go in this tick, with room left for cuts.
    pub(crate) fn has_room(&self, frames: u32) -> bool {
        self.in_flight + frames + frames_reserved(self.frames_max) <= self.frames_max
    }

    /// Whether a frame can go and still leave one for later.
    pub(crate) fn has_spare(&self) -> bool {
        self.in_flight + 1 < self.frames_max
    }

    pub(crate) fn receive(&mut self, sequence: u32) -> Received {
        self.receiver.receive(sequence)
    }

    /// Something that must come before the world of this tick.
    pub(crate) fn open(&mut self, event: Event) {
        self.openings.push(event);
    }

    pub(crate) fn has_openings(&self) -> bool {
        !self.openings.is_empty()
    }

    pub(crate) fn has_events(&self) -> bool {
        !self.events.is_empty()
    }

    /// Something that comes after the world of this tick. Returns whether it was taken: at the limit only what changes
    /// the life of a part is.
    pub(crate) fn tell(&mut self, event: Event, limits: &Limits) -> bool {
        if self.events.len() >= limits.mailbox_messages_max as usize && is_droppable(&event) {
            return false;
        }
        self.events_bytes += event_bytes(&event);
        self.events.push(event);
        true
    }

    /// The frame with all openings.
    pub(crate) fn take_openings(&mut self, sequence: u32) -> bytes::Bytes {
        let frame = encode_events(sequence, &self.openings);
        self.openings.clear();
        frame
    }

    /// As many waiting events as fit a frame of `bytes_max`, in order; at least one if there are any.
    pub(crate) fn take_events(&mut self, bytes_max: usize) -> Vec<Event> {
        if self.events_bytes <= bytes_max {
            self.events_bytes = 0;
            return std::mem::take(&mut self.events);
        }
        let mut sum = 0;
        let fitting = self.events.iter().take_while(|event| {
            sum += event_bytes(event);
            sum <= bytes_max
        });
        let count = fitting.count().max(1);
        let rest = self.events.split_off(count.min(self.events.len()));
        let taken = std::mem::replace(&mut self.events, rest);
        let gone: usize = taken.iter().map(event_bytes).sum();
        self.events_bytes = self.events_bytes.saturating_sub(gone);
        taken
    }
}

/// All bases.
#[derive(Debug)]
pub(crate) struct Peers {
    slots: Vec<Option<Box<Peer>>>,
}

impl Peers {
    pub(crate) fn new() -> Self {
        Self { slots: Vec::new() }
    }

    /// Whether one tick's frames of so many spaces fit the credit of a link.
    pub(crate) fn can_serve(spaces: usize, limits: &Limits) -> bool {
        let frames_max = limits.link_frames_max;
        spaces + 1 + frames_reserved(frames_max) as usize <= frames_max as usize
    }

    pub(crate) fn find(&self, address: Address) -> Option<PeerNo> {
        let is_it = |peer: &Option<Box<Peer>>| peer.as_ref().is_some_and(|peer| peer.address == address);
        self.slots.iter().position(is_it).map(|at| PeerNo(at as u8))
    }

    /// The number of a base, given to it now if it has none. `None`: it is no base, or there are 64 already.
    pub(crate) fn meet(&mut self, address: Address, limits: &Limits) -> Option<PeerNo> {
        if address.role != RoleKind::Base {
            return None;
        }
        if let Some(no) = self.find(address) {
            return Some(no);
        }
        let at = match self.slots.iter().position(Option::is_none) {
            Some(at) => at,
            None if self.slots.len() > usize::from(BASE_NO_MAX) => return None,
            None => {
                self.slots.push(None);
                self.slots.len() - 1
            }
        };
        self.slots[at] = Some(Box::new(Peer::new(address, limits)));
        Some(PeerNo(at as u8))
    }

    pub(crate) fn forget(&mut self, no: PeerNo) -> Option<Box<Peer>> {
        self.slots.get_mut(no.at())?.take()
    }

    pub(crate) fn get(&self, no: PeerNo) -> Option<&Peer> {
        self.slots.get(no.at())?.as_deref()
    }

    pub(crate) fn get_mut(&mut self, no: PeerNo) -> Option<&mut Peer> {
        self.slots.get_mut(no.at())?.as_deref_mut()
    }

    /// By rising number.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (PeerNo, &mut Peer)> {
        let numbered = self.slots.iter_mut().enumerate();
        numbered.filter_map(|(at, peer)| peer.as_deref_mut().map(|peer| (PeerNo(at as u8), peer)))
    }

    /// The base with the lowest number.
    pub(crate) fn any(&self) -> Option<PeerNo> {
        self.slots.iter().position(Option::is_some).map(|at| PeerNo(at as u8))
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.iter().flatten().count()
    }
}

fn frames_reserved(frames_max: u32) -> u32 {
    CUT_FRAMES_RESERVED.min(frames_max / 4)
}

/// Whether nothing breaks when the event is lost: its deadline ends it, or a later one says the same.
fn is_droppable(event: &Event) -> bool {
    matches!(event, Event::Call(_) | Event::Answer { .. } | Event::Correct { .. })
}

/// About how long an event is when encoded; never far below.
fn event_bytes(event: &Event) -> usize {
    const HEAD: usize = 64;
    let named = |values: &[(kuafu_core::PropertyNo, Value)]| -> usize {
        values.iter().map(|(_, value)| 3 + value_bytes(value)).sum()
    };
    HEAD + match event {
        Event::BackedUp { values, place, .. } => named(values) + place.space.len(),
        Event::CreateEntity { values, .. } | Event::CreatePart { values, .. } => named(values),
        Event::Call(LinkCall { arguments, .. }) => arguments.iter().map(value_bytes).sum::<usize>() + HEAD,
        Event::Answer { outcome: Ok(value), .. } => value_bytes(value),
        Event::Answer { outcome: Err(Some(refusal)), .. } | Event::PartRefused { refusal, .. } => refusal.text.len(),
        Event::Kick { text, .. } => text.len(),
        Event::SpaceEntered { view, .. } => view.name.len() + HEAD,
        _ => 0,
    }
}

fn value_bytes(value: &Value) -> usize {
    match value {
        Value::Text(text) => 4 + text.len(),
        Value::Bytes(bytes) => 4 + bytes.len(),
        Value::List(items) => 4 + items.iter().map(value_bytes).sum::<usize>(),
        Value::Map(entries) => 4 + entries.iter().map(|(k, v)| value_bytes(k) + value_bytes(v)).sum::<usize>(),
        Value::Vector(_) => 18,
        _ => 11,
    }
}

#[cfg(test)]
mod tests {
    use kuafu_core::Incarnation;

    use super::*;

    fn base(incarnation: u32) -> Address {
        Address { role: RoleKind::Base, incarnation: Incarnation(incarnation) }
    }

    #[test]
    fn a_number_is_given_again_only_after_the_base_is_forgotten() {
        let (mut peers, limits) = (Peers::new(), Limits::default());
        let numbers = [1, 2, 1, 3].map(|n| peers.meet(base(n), &limits));
        assert_eq!(numbers, [Some(PeerNo(0)), Some(PeerNo(1)), Some(PeerNo(0)), Some(PeerNo(2))]);
        peers.forget(PeerNo(1));
        assert_eq!((peers.find(base(2)), peers.meet(base(9), &limits)), (None, Some(PeerNo(1))));
        assert_eq!(peers.meet(Address { role: RoleKind::Cell, ..base(9) }, &limits), None);
    }

    #[test]
    fn the_sixty_fifth_base_is_refused() {
        let (mut peers, limits) = (Peers::new(), Limits::default());
        let met = (0..70).filter(|n| peers.meet(base(*n), &limits).is_some()).count();
        assert_eq!(met, 64);
    }

    #[test]
    fn events_are_cut_at_the_bound_and_keep_their_order() {
        let limits = Limits::default();
        let mut peer = Peer::new(base(1), &limits);
        let kick = |n: u64| Event::Kick { entity: kuafu_core::EntityId(n), text: "x".repeat(100) };
        (1..=10).for_each(|n| assert!(peer.tell(kick(n), &limits)));
        let mut read = Vec::new();
        while peer.has_events() {
            let taken = peer.take_events(400);
            assert!(taken.len() <= 2);
            read.extend(taken);
        }
        assert_eq!(read, (1..=10).map(kick).collect::<Vec<_>>());
    }

    #[test]
    fn at_the_limit_only_what_can_be_lost_is_dropped() {
        let limits = Limits { mailbox_messages_max: 2, ..Limits::default() };
        let mut peer = Peer::new(base(1), &limits);
        let answer = |call| Event::Answer { call, outcome: Err(None) };
        let gone = Event::PartGone { entity: kuafu_core::EntityId(1), real_epoch: 1, forever: None };
        assert_eq!(
            [answer(1), answer(2), answer(3), gone].map(|event| peer.tell(event, &limits)),
            [true, true, false, true]
        );
    }
}
