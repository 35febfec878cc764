//! The bus of one process: a directory of inboxes.
//!
//! Calls to an instance that is gone are refused as Unavailable; a full inbox refuses calls as Busy and drops notices.
//! Links exist between any two instances that sent each other a frame; when one leaves, the other is told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLock};

use bytes::Bytes;
use kuafu_contract::{Address, Body, CONTRACT_VERSION, Envelope, RoleKind, Target};
use kuafu_core::{Code, Refusal};

use crate::strict::{Strict, Strictness};

/// What arrives at an instance.
#[derive(Clone, Debug)]
pub enum Delivery {
    /// A message.
    Envelope(Envelope),
    /// A frame of a link.
    Frame {
        /// From whom.
        peer: Address,
        /// The frame.
        frame: Bytes,
    },
    /// The peer took frames.
    Credit {
        /// Which peer.
        peer: Address,
        /// How many.
        frames: u32,
    },
    /// The peer of a link left.
    LinkDown {
        /// Which peer.
        peer: Address,
    },
}

/// An inbox had no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the inbox is full")]
pub struct Overflow;

/// Where deliveries go. Must not block.
pub trait Inbox: Send + Sync {
    /// Puts a delivery in.
    ///
    /// # Errors
    /// [`Overflow`] when there is no room for it.
    fn deliver(&self, delivery: Delivery) -> Result<(), Overflow>;
}

/// Joins the roles of one process. Clones share one directory.
#[derive(Clone)]
pub struct LocalBus {
    shared: Arc<Shared>,
}

pub(crate) struct Shared {
    directory: RwLock<Directory>,
    strict: Option<Strict>,
    turn: AtomicU64,
    notices_dropped: AtomicU64,
}

#[derive(Default)]
struct Directory {
    inboxes: BTreeMap<Address, Arc<dyn Inbox>>,
    links: BTreeSet<(Address, Address)>,
}

impl std::fmt::Debug for LocalBus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalBus").field("strict", &self.shared.strict.is_some()).finish_non_exhaustive()
    }
}

impl LocalBus {
    /// A bus that hands messages over as they are.
    #[must_use]
    pub fn new() -> Self {
        Self::build(None)
    }

    /// A bus that encodes, delays and loses. `clock` times the delays.
    #[must_use]
    pub fn strict(strictness: Strictness, clock: Arc<dyn kuafu_core::Clock>) -> Self {
        Self::build(Some(Strict::new(strictness, clock)))
    }

    fn build(strict: Option<Strict>) -> Self {
        let shared = Arc::new(Shared {
            directory: RwLock::default(),
            strict,
            turn: AtomicU64::new(0),
            notices_dropped: AtomicU64::new(0),
        });
        if let Some(strict) = &shared.strict {
            strict.start(Arc::downgrade(&shared));
        }
        Self { shared }
    }

    /// An instance can be reached from here on.
    pub fn register(&self, address: Address, inbox: Arc<dyn Inbox>) {
        self.shared.write().inboxes.insert(address, inbox);
    }

    /// An instance is gone: peers of its links are told.
    pub fn deregister(&self, address: Address) {
        let told: Vec<Arc<dyn Inbox>> = {
            let mut directory = self.shared.write();
            directory.inboxes.remove(&address);
            let (gone, kept) =
                std::mem::take(&mut directory.links).into_iter().partition(|(a, b)| *a == address || *b == address);
            directory.links = kept;
            let gone: BTreeSet<(Address, Address)> = gone;
            gone.iter()
                .map(|(a, b)| if *a == address { b } else { a })
                .filter_map(|peer| directory.inboxes.get(peer).cloned())
                .collect()
        };
        for inbox in told {
            self.count_dropped(inbox.deliver(Delivery::LinkDown { peer: address }));
        }
    }

    /// Instances of a role that can be reached, in the order of their incarnations.
    #[must_use]
    pub fn instances(&self, role: RoleKind) -> Vec<Address> {
        self.shared.read().inboxes.keys().filter(|address| address.role == role).copied().collect()
    }

    /// Sends a call, notice or answer.
    ///
    /// # Errors
    /// The refusal that the caller of a call should see at once.
    pub fn send(&self, from: Address, to: Target, body: Body) -> Result<(), Refusal> {
        let to = self.resolve(to)?;
        let envelope = Envelope { version: CONTRACT_VERSION, from, body };
        match &self.shared.strict {
            Some(strict) => strict.send(to, Delivery::Envelope(envelope)),
            None => self.shared.deliver(to, Delivery::Envelope(envelope)),
        }
    }

    /// Sends a frame; a link is made when it is the first between the two.
    ///
    /// # Errors
    /// Unavailable when the peer is gone; Busy when its inbox is full, which credit should have prevented.
    pub fn frame(&self, from: Address, to: Address, frame: Bytes) -> Result<(), Refusal> {
        let link = if from < to { (from, to) } else { (to, from) };
        if !self.shared.read().links.contains(&link) {
            let mut directory = self.shared.write();
            if !directory.inboxes.contains_key(&to) {
                return Err(unavailable(&format!("{to}")));
            }
            directory.links.insert(link);
        }
        match &self.shared.strict {
            Some(strict) => strict.send(to, Delivery::Frame { peer: from, frame }),
            None => self.shared.deliver(to, Delivery::Frame { peer: from, frame }),
        }
    }

    /// Tells a peer that so many of its frames were taken.
    pub fn credit(&self, from: Address, to: Address, frames: u32) {
        if self.shared.deliver(to, Delivery::Credit { peer: from, frames }).is_err() {
            self.shared.notices_dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Notices that a full inbox or strict mode has dropped.
    #[must_use]
    pub fn notices_dropped(&self) -> u64 {
        self.shared.notices_dropped.load(Ordering::Relaxed)
    }

    fn resolve(&self, to: Target) -> Result<Address, Refusal> {
        let role = match to {
            Target::At(address) => return Ok(address),
            Target::Any(role) => role,
        };
        let instances = self.instances(role);
        if instances.is_empty() {
            return Err(unavailable(role.name()));
        }
        let turn = self.shared.turn.fetch_add(1, Ordering::Relaxed) as usize;
        Ok(instances[turn % instances.len()])
    }

    fn count_dropped(&self, result: Result<(), Overflow>) {
        if result.is_err() {
            self.shared.notices_dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Default for LocalBus {
    fn default() -> Self {
        Self::new()
    }
}

impl Shared {
    fn read(&self) -> std::sync::RwLockReadGuard<'_, Directory> {
        self.directory.read().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, Directory> {
        self.directory.write().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Puts a delivery into the inbox of `to`.
    pub(crate) fn deliver(&self, to: Address, delivery: Delivery) -> Result<(), Refusal> {
        let inbox = self.read().inboxes.get(&to).cloned();
        let notice = matches!(&delivery, Delivery::Envelope(Envelope { body: Body::Notice(_), .. }));
        match inbox.ok_or_else(|| unavailable(&format!("{to}")))?.deliver(delivery) {
            Ok(()) => Ok(()),
            Err(Overflow) if notice => {
                self.notices_dropped.fetch_add(1, Ordering::Relaxed);
                Ok(())
            }
            Err(Overflow) => Err(Refusal::new(Code::Busy, format!("{to} has more to do than it can hold"))),
        }
    }
}

fn unavailable(who: &str) -> Refusal {
    Refusal::new(Code::Unavailable, format!("no {who} can be reached"))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use kuafu_contract::{CallId, login};
    use kuafu_core::Incarnation;

    use super::*;

    #[derive(Default)]
    struct Kept(Mutex<Vec<Delivery>>, usize);

    impl Inbox for Kept {
        fn deliver(&self, delivery: Delivery) -> Result<(), Overflow> {
            let mut kept = self.0.lock().expect("no test panics within the lock");
            if self.1 != 0 && kept.len() == self.1 {
                return Err(Overflow);
            }
            kept.push(delivery);
            Ok(())
        }
    }

    fn address(role: RoleKind, incarnation: u32) -> Address {
        Address { role, incarnation: Incarnation(incarnation) }
    }

    fn call() -> Body {
        Body::Call(CallId(1), login::Request::SeatsFree.into())
    }

    #[test]
    fn a_call_to_nobody_is_refused_at_once() {
        let bus = LocalBus::new();
        let refusal = bus.send(address(RoleKind::Base, 1), RoleKind::Login.into(), call()).expect_err("nobody");
        assert_eq!(refusal.code, Code::Unavailable);
    }

    #[test]
    fn calls_to_a_role_take_turns_among_its_instances() {
        let bus = LocalBus::new();
        let inboxes = [1, 2].map(|n| {
            let inbox = Arc::new(Kept::default());
            bus.register(address(RoleKind::Login, n), inbox.clone());
            inbox
        });
        for _ in 0..6 {
            bus.send(address(RoleKind::Base, 9), RoleKind::Login.into(), call()).expect("sent");
        }
        assert!(inboxes.iter().all(|inbox| inbox.0.lock().expect("unpoisoned").len() == 3));
    }

    #[test]
    fn a_full_inbox_refuses_calls_and_drops_notices() {
        let bus = LocalBus::new();
        bus.register(address(RoleKind::Login, 1), Arc::new(Kept(Mutex::default(), 1)));
        let from = address(RoleKind::Base, 9);
        bus.send(from, RoleKind::Login.into(), call()).expect("room for one");
        let refusal = bus.send(from, RoleKind::Login.into(), call()).expect_err("full");
        assert_eq!(refusal.code, Code::Busy);
        bus.send(from, RoleKind::Login.into(), Body::Notice(login::Request::SeatsFree.into())).expect("dropped");
        assert_eq!(bus.notices_dropped(), 1);
    }

    #[test]
    fn the_peer_of_a_link_is_told_when_the_other_end_leaves() {
        let bus = LocalBus::new();
        let (cell, base) = (address(RoleKind::Cell, 1), address(RoleKind::Base, 2));
        let inbox = Arc::new(Kept::default());
        bus.register(cell, Arc::new(Kept::default()));
        bus.register(base, inbox.clone());
        bus.frame(base, cell, Bytes::from_static(b"x")).expect("sent");
        bus.deregister(cell);
        assert!(matches!(inbox.0.lock().expect("unpoisoned")[..], [Delivery::LinkDown { peer }] if peer == cell));
        assert!(bus.frame(base, cell, Bytes::new()).is_err());
    }
}
