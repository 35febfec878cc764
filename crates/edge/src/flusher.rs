//! A task that writes what many connections have waiting, so that the role does not write itself.
//!
//! Waking a connection's own task for every packet costs a switch each; this one is woken once for a whole tick's
//! packets and goes through them in a row. There is one for every two workers of the runtime. A connection that does not take its packet at once is left to its own task.

use std::sync::Mutex;

use tokio::sync::Notify;

use crate::ConnId;
use crate::handle::Shared;
use crate::outbox::Outbox;
use crate::slots::lock;

/// How many connections are written to before other tasks get their turn.
const CONNECTIONS_PER_TURN: usize = 64;

/// The connections that got something to write. Each open one is in it once, so the table of connections
/// bounds it.
#[derive(Debug, Default)]
pub(crate) struct Flusher {
    dirty: Mutex<Vec<ConnId>>,
    wake: Notify,
}

impl Flusher {
    /// A connection has something to write where it had nothing.
    pub(crate) fn add(&self, conn: ConnId) {
        let mut dirty = lock(&self.dirty);
        dirty.push(conn);
        if dirty.len() == 1 {
            self.wake.notify_one();
        }
    }

    pub(crate) async fn run(&self, shared: &Shared) {
        let mut batch = Vec::new();
        loop {
            self.wake.notified().await;
            std::mem::swap(&mut batch, &mut *lock(&self.dirty));
            for conns in batch.chunks(CONNECTIONS_PER_TURN) {
                for conn in conns {
                    shared.slots.with(*conn, Outbox::flush);
                }
                tokio::task::yield_now().await;
            }
            batch.clear();
        }
    }
}
