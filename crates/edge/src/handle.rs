//! What a role's side holds of a listener: it sends, closes, asks and stops, from any thread, without waiting.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use crossbeam_channel::{Sender, TrySendError};
use kuafu_core::{Code, Limits, Refusal};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use crate::counts::Counts;
use crate::flusher::Flusher;
use crate::slots::Slots;
use crate::{ConnId, EdgeCommand, EdgeConfig, EdgeEvent, SendError};

/// How often it is tried whether the role's full mailbox has room again.
const MAILBOX_PAUSE: Duration = Duration::from_millis(1);

/// What all tasks of a listener and its handles share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) name: String,
    pub(crate) address: SocketAddr,
    pub(crate) limits: Limits,
    pub(crate) direct_writes: bool,
    pub(crate) tls: Option<Arc<rustls::ServerConfig>>,
    pub(crate) slots: Slots,
    pub(crate) counts: Arc<Counts>,
    pub(crate) flushers: Vec<Arc<Flusher>>,
    pub(crate) start: Instant,
    pub(crate) stop: Notify,
    events: Sender<EdgeEvent>,
    /// Whose turn it is to wait for room in the mailbox.
    turn: tokio::sync::Mutex<()>,
}

impl Shared {
    pub(crate) fn new(config: EdgeConfig, address: SocketAddr, events: Sender<EdgeEvent>, flushers: usize) -> Self {
        Self {
            name: config.name,
            address,
            direct_writes: config.direct_writes,
            tls: config.tls,
            slots: Slots::new(config.limits.connections_max),
            limits: config.limits,
            counts: Arc::default(),
            flushers: (0..flushers.max(1)).map(|_| Arc::default()).collect(),
            start: Instant::now(),
            stop: Notify::new(),
            events,
            turn: tokio::sync::Mutex::new(()),
        }
    }

    /// The flusher of a connection.
    pub(crate) fn flusher(&self, conn: ConnId) -> Arc<Flusher> {
        Arc::clone(&self.flushers[conn.index() as usize % self.flushers.len()])
    }

    /// Puts an event into the role's mailbox, as soon as there is room. `false` when the role is gone. Tasks that find
    /// it full line up, so that one of them looks again and not ten thousand.
    pub(crate) async fn deliver(&self, event: EdgeEvent) -> bool {
        let mut event = match self.events.try_send(event) {
            Ok(()) => return true,
            Err(TrySendError::Disconnected(_)) => return false,
            Err(TrySendError::Full(event)) => event,
        };
        let _turn = self.turn.lock().await;
        loop {
            match self.events.try_send(event) {
                Ok(()) => return true,
                Err(TrySendError::Disconnected(_)) => return false,
                Err(TrySendError::Full(back)) => event = back,
            }
            tokio::time::sleep(MAILBOX_PAUSE).await;
        }
    }
}

/// A running listener.
#[derive(Clone, Debug)]
pub struct EdgeHandle {
    pub(crate) shared: Arc<Shared>,
    pub(crate) stopped: watch::Receiver<bool>,
}

impl EdgeHandle {
    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.shared.address
    }

    /// Writes one packet, or queues what the socket does not take. Never waits. A packet that finds the queue empty is
    /// taken whatever its size; else it must fit into `write_queue_bytes_max`.
    ///
    /// # Errors
    /// [`SendError`]; nothing was written then.
    pub fn send(&self, conn: ConnId, packet: Bytes) -> Result<(), SendError> {
        self.shared.slots.with(conn, |outbox| outbox.send(packet)).unwrap_or(Err(SendError::Gone))
    }

    /// Bytes that wait for a client, 0 when it is gone. Two loads: cheap enough to ask for every client each tick.
    #[must_use]
    pub fn queued_bytes(&self, conn: ConnId) -> u32 {
        self.shared.slots.queued(conn)
    }

    /// From here `idle_ms_max` counts for this connection instead of `handshake_ms_max`.
    pub fn establish(&self, conn: ConnId) {
        self.shared.slots.with(conn, crate::outbox::Outbox::establish);
    }

    /// Sends what waits, then a fatal Error, then closes. A client that does not take it in time is cut.
    pub fn close(&self, conn: ConnId, code: Code, text: &str) {
        self.shared.slots.with(conn, |outbox| outbox.close(Some(&Refusal::new(code, text))));
    }

    /// Sends what waits, then closes.
    pub fn finish(&self, conn: ConnId) {
        self.shared.slots.with(conn, |outbox| outbox.close(None));
    }

    /// Does what a role without a budget of its own wants: a client that does not take its packet is closed as too slow.
    pub fn execute(&self, command: EdgeCommand) {
        match command {
            EdgeCommand::Send { conn, bytes } => {
                if self.send(conn, bytes) == Err(SendError::Full) {
                    self.close(conn, Code::TooSlow, Code::TooSlow.text());
                }
            }
            EdgeCommand::Established { conn } => self.establish(conn),
            EdgeCommand::Close { conn, code, text } => self.close(conn, code, &text),
            EdgeCommand::Finish { conn } => self.finish(conn),
        }
    }

    /// Name and value of each count, sorted by name: what was accepted, refused, cut and closed since the start, and
    /// the connections of now.
    #[must_use]
    pub fn numbers(&self) -> [(&'static str, u64); 5] {
        self.shared.counts.numbers()
    }

    /// Listens no more and closes what is open with ServerStopping; gives back when all is closed, two seconds later
    /// at the latest for clients that do not take their last bytes.
    pub async fn stop(&self) {
        self.shared.stop.notify_one();
        // An error means that the listener's task is gone, which is as good.
        let _ = self.stopped.clone().wait_for(|stopped| *stopped).await;
    }
}
