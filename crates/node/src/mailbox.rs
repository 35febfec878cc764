//! A role's mailbox: three bounded lanes that its thread drains.
//!
//! Messages from others are bounded by `mailbox_messages_max`. Answers, frames, credit and the drain order have a lane
//! of their own, whose load is bounded by what the role itself asked for and by link credit. The role's executor has
//! the third, and waits when it is full.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use kuafu_bus::{Delivery, Overflow};
use kuafu_contract::{Body, Envelope};
use kuafu_core::Limits;

/// How many answers, frames and credits may wait, as a multiple of `mailbox_messages_max`.
const OWED_FACTOR: usize = 2;

/// The widest lane of an executor, which takes its memory at once. Executors wait when it is full, or bring no more than
/// the role has asked for.
const EXTERNAL_MAX: usize = 16_384;

/// What waits in the lane of things owed to the role.
#[derive(Debug)]
pub(crate) enum Owed {
    Delivery(Delivery),
    Drain,
    /// Drop everything at once, as a dead process would.
    Die,
}

/// A bounded lane that takes memory only for what waits in it: a channel, and a count that holds it to its bound.
#[derive(Debug)]
struct Lane<T> {
    sender: Sender<T>,
    waiting: Arc<AtomicUsize>,
    max: usize,
}

/// The other end of a lane.
#[derive(Debug)]
pub(crate) struct LaneEnd<T> {
    pub(crate) receiver: Receiver<T>,
    waiting: Arc<AtomicUsize>,
}

#[expect(clippy::disallowed_methods, reason = "the lane counts what waits and refuses above its bound")]
fn lane<T>(max: usize) -> (Lane<T>, LaneEnd<T>) {
    let (sender, receiver) = unbounded();
    let waiting = Arc::new(AtomicUsize::new(0));
    (Lane { sender, waiting: waiting.clone(), max }, LaneEnd { receiver, waiting })
}

impl<T> Lane<T> {
    fn put(&self, item: T) -> Result<(), Overflow> {
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= self.max {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            return Err(Overflow);
        }
        self.sender.send(item).map_err(|_| Overflow)
    }
}

impl<T> LaneEnd<T> {
    /// Notes that an item was received.
    pub(crate) fn taken(&self) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn try_take(&self) -> Option<T> {
        let item = self.receiver.try_recv().ok()?;
        self.taken();
        Some(item)
    }
}

/// The receiving side of a mailbox.
#[derive(Debug)]
pub struct Mailbox<E> {
    pub(crate) messages: LaneEnd<Delivery>,
    pub(crate) owed: LaneEnd<Owed>,
    pub(crate) external: Receiver<E>,
}

/// Where a role's executor puts what it brings.
pub type ExternalSender<E> = Sender<E>;

/// The side that the bus and the node hold.
#[derive(Debug)]
pub(crate) struct Post {
    messages: Lane<Delivery>,
    owed: Lane<Owed>,
}

pub(crate) fn mailbox<E>(limits: &Limits) -> (Mailbox<E>, Arc<Post>, ExternalSender<E>) {
    let max = limits.mailbox_messages_max as usize;
    let (messages_in, messages) = lane(max);
    let (owed_in, owed) = lane(max * OWED_FACTOR);
    let (external_in, external) = bounded(max.min(EXTERNAL_MAX));
    (Mailbox { messages, owed, external }, Arc::new(Post { messages: messages_in, owed: owed_in }), external_in)
}

impl Post {
    pub(crate) fn drain(&self) {
        // A full lane belongs to a role that no longer drains it; the node's deadline ends it.
        let _ = self.owed.put(Owed::Drain);
    }

    pub(crate) fn die(&self) {
        let _ = self.owed.put(Owed::Die);
    }
}

impl kuafu_bus::Inbox for Post {
    fn deliver(&self, delivery: Delivery) -> Result<(), Overflow> {
        match &delivery {
            Delivery::Envelope(Envelope { body: Body::Call(..) | Body::Notice(_), .. }) => self.messages.put(delivery),
            _ => self.owed.put(Owed::Delivery(delivery)),
        }
    }
}
