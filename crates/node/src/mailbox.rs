//! A role's mailbox: three bounded lanes that its thread drains.
//!
//! Messages from others are bounded by `mailbox_messages_max`. Answers, frames, credit and the drain order have a lane
//! of their own, whose load is bounded by what the role itself asked for and by link credit. The role's executor has
//! the third, and waits when it is full.

use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, bounded};
use kuafu_bus::{Delivery, Overflow};
use kuafu_contract::{Body, Envelope};
use kuafu_core::Limits;

/// How many answers, frames and credits may wait, as a multiple of `mailbox_messages_max`.
const OWED_FACTOR: usize = 2;

/// What waits in the lane of things owed to the role.
#[derive(Debug)]
pub(crate) enum Owed {
    Delivery(Delivery),
    Drain,
    /// Drop everything at once, as a dead process would.
    Die,
}

/// The receiving side of a mailbox.
#[derive(Debug)]
pub struct Mailbox<E> {
    pub(crate) messages: Receiver<Delivery>,
    pub(crate) owed: Receiver<Owed>,
    pub(crate) external: Receiver<E>,
}

/// Where a role's executor puts what it brings.
pub type ExternalSender<E> = Sender<E>;

/// The side that the bus and the node hold.
#[derive(Clone, Debug)]
pub(crate) struct Post {
    messages: Sender<Delivery>,
    owed: Sender<Owed>,
}

pub(crate) fn mailbox<E>(limits: &Limits) -> (Mailbox<E>, Arc<Post>, ExternalSender<E>) {
    let max = limits.mailbox_messages_max as usize;
    let (messages_in, messages) = bounded(max);
    let (owed_in, owed) = bounded(max * OWED_FACTOR);
    let (external_in, external) = bounded(max);
    (Mailbox { messages, owed, external }, Arc::new(Post { messages: messages_in, owed: owed_in }), external_in)
}

impl Post {
    pub(crate) fn drain(&self) {
        // A full lane belongs to a role that no longer drains it; the node's deadline ends it.
        let _ = self.owed.try_send(Owed::Drain);
    }

    pub(crate) fn die(&self) {
        let _ = self.owed.try_send(Owed::Die);
    }
}

impl kuafu_bus::Inbox for Post {
    fn deliver(&self, delivery: Delivery) -> Result<(), Overflow> {
        match &delivery {
            Delivery::Envelope(Envelope { body: Body::Call(..) | Body::Notice(_), .. }) => {
                self.messages.try_send(delivery).map_err(|_| Overflow)
            }
            _ => self.owed.try_send(Owed::Delivery(delivery)).map_err(|_| Overflow),
        }
    }
}
