//! One connection's life: agree on the transport, carry packets both ways, end with a reason.
//!
//! It is one task: a reader, a writer and a timer that run side by side until the first of them, or the role, ends the
//! connection. Then the role is told, and the client gets what is still meant for it, for a bounded time.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use bytes::Bytes;
use kuafu_core::{Code, Moment, Rate, Refusal, TokenBucket};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};
use tokio_rustls::TlsAcceptor;

use crate::counts::Admission;
use crate::framing::{Fault, Fed, Framing, Inbound};
use crate::handle::Shared;
use crate::listener::RefusalPlace;
use crate::outbox::{Outbox, Way};
use crate::transport::{self, READ_BYTES_MAX, Reading, Writing};
use crate::{CloseReason, ConnId, EdgeEvent};

/// How long a closed connection may take for its last bytes. Less than a drain may last.
pub(crate) const LINGER: Duration = Duration::from_secs(2);
/// The first byte of a TLS handshake record (RFC 8446, 5.1).
const TLS_HANDSHAKE: u8 = 0x16;

/// Whether a client may stay.
#[derive(Debug)]
pub(crate) enum Guest {
    Admitted(Admission),
    /// It is told the code and closed.
    Refused(Code, RefusalPlace),
}

/// A connection whose transport is agreed.
struct Agreed {
    reading: Reading,
    writing: Writing,
    inbound: Inbound,
    framing: Framing,
    fed: Fed,
    fault: Option<Refusal>,
}

/// How a connection came to its end.
enum End {
    /// The client is gone.
    Lost,
    /// The client said goodbye and may read the answer.
    Left,
    /// The role closed it, or is gone.
    Role,
    Limit(Refusal),
}

/// Serves one client from accept to close.
pub(crate) async fn serve(shared: Arc<Shared>, stream: TcpStream, address: SocketAddr, guest: Guest) {
    // Without it packets wait for acknowledgements; a socket that refuses it still works.
    let _ = stream.set_nodelay(true);
    let patience = match guest {
        Guest::Admitted(_) => Duration::from_millis(shared.limits.handshake_ms_max),
        Guest::Refused(..) => LINGER,
    };
    let accepted = Instant::now();
    let Ok(Some(agreed)) = timeout_at(accepted + patience, Box::pin(agree(&shared, stream))).await else { return };
    match guest {
        Guest::Admitted(_admission) => live(&shared, agreed, address, accepted).await,
        Guest::Refused(code, _place) => turn_away(&shared, agreed, code).await,
    }
}

/// Reads until the transport is known; `None` when it is none of ours.
async fn agree(shared: &Shared, stream: TcpStream) -> Option<Agreed> {
    let mut first = [0];
    if stream.peek(&mut first).await.ok()? == 0 {
        return None;
    }
    let (mut reading, mut writing) = match &shared.tls {
        Some(config) if first[0] == TLS_HANDSHAKE => {
            transport::tls(TlsAcceptor::from(Arc::clone(config)).accept(stream).await.ok()?)
        }
        _ => transport::plain(stream),
    };
    let mut inbound = Inbound::new(shared.limits.packet_bytes_max);
    let mut fed = Fed::default();
    loop {
        let outcome = reading.read(|bytes| (!bytes.is_empty()).then(|| inbound.feed(bytes, &mut fed))).await.ok()??;
        match (inbound.framing(), outcome) {
            (Some(framing), Ok(())) => return Some(Agreed { reading, writing, inbound, framing, fed, fault: None }),
            (Some(framing), Err(Fault::Violation(refusal))) => {
                return Some(Agreed { reading, writing, inbound, framing, fed, fault: Some(refusal) });
            }
            (None, Ok(())) => {}
            (_, Err(Fault::Http(answer))) => {
                send_last(&mut reading, &mut writing, answer.as_bytes()).await;
                return None;
            }
            (_, Err(Fault::Foreign | Fault::Violation(_))) => return None,
        }
    }
}

/// Answers somebody with whom no transport was agreed.
async fn send_last(reading: &mut Reading, writing: &mut Writing, answer: &'static [u8]) {
    let outbox = unlisted(Framing::Tcp);
    outbox.send_raw(Bytes::from_static(answer));
    outbox.seal();
    linger(reading, writing, &outbox).await;
}

async fn turn_away(shared: &Shared, mut agreed: Agreed, code: Code) {
    tracing::debug!(name = shared.name, code = code.name(), "a client was turned away");
    let outbox = unlisted(agreed.framing);
    outbox.send_raw(agreed.fed.replies.freeze());
    outbox.close(Some(&code.into()));
    linger(&mut agreed.reading, &mut agreed.writing, &outbox).await;
}

/// An outbox that no role can reach.
fn unlisted(framing: Framing) -> Outbox {
    Outbox::new(ConnId::new(u32::MAX, 0), Arc::default(), framing, Way::Task, u32::MAX)
}

async fn live(shared: &Shared, agreed: Agreed, address: SocketAddr, accepted: Instant) {
    let Agreed { mut reading, mut writing, inbound, framing, mut fed, fault } = agreed;
    let way = |conn| match writing.socket() {
        Some(socket) if shared.direct_writes => Way::Direct(socket),
        Some(socket) => Way::Flusher(socket, shared.flusher(conn)),
        None => Way::Task,
    };
    let bytes_max = shared.limits.write_queue_bytes_max;
    let opened = shared.slots.open(|conn, queued| Outbox::new(conn, queued, framing, way(conn), bytes_max));
    let Some(outbox) = opened else { return };
    outbox.send_raw(fed.replies.split().freeze());
    let signs = Signs { start: shared.start, last_us: AtomicU64::new(micros_since(shared.start)) };
    let mut reader =
        Reader { shared, conn: outbox.conn, reading: &mut reading, inbound, signs: &signs, bucket: full_bucket() };
    let end = tokio::select! {
        end = reader.run(&outbox, address, fed, fault) => end,
        written = writing.run(&outbox) => if written.is_ok() { End::Role } else { End::Lost },
        () = outbox.closing.notified() => End::Role,
        refusal = watch_time(shared, &outbox, &signs, accepted) => End::Limit(refusal),
    };
    finish(shared, &outbox, end, &mut reading, &mut writing).await;
    shared.slots.close(outbox.conn);
}

/// Tells the role, and gives the client its last bytes.
async fn finish(shared: &Shared, outbox: &Outbox, end: End, reading: &mut Reading, writing: &mut Writing) {
    let (reason, polite) = match &end {
        End::Lost => (CloseReason::ByClient, false),
        End::Left => (CloseReason::ByClient, true),
        End::Role => (CloseReason::ByRole, true),
        End::Limit(refusal) => (CloseReason::Limit(refusal.code), true),
    };
    match &end {
        End::Limit(refusal) => {
            shared.counts.count_cut();
            tracing::debug!(name = shared.name, code = refusal.code.name(), "a connection was cut");
            outbox.close(Some(refusal));
        }
        End::Lost | End::Left | End::Role => outbox.seal(),
    }
    let told = shared.deliver(EdgeEvent::Closed { conn: outbox.conn, reason });
    let last = async {
        if polite {
            linger(reading, writing, outbox).await;
        }
    };
    tokio::join!(told, last);
}

/// Writes what waits, tells the client that nothing follows, and waits until it has taken it, for a bounded time.
async fn linger(reading: &mut Reading, writing: &mut Writing, outbox: &Outbox) {
    let last = async {
        if writing.run(outbox).await.is_ok() && writing.shutdown().await.is_ok() {
            reading.discard().await;
        }
    };
    // A client that takes longer has had its time.
    let _ = timeout(LINGER, last).await;
}

/// When the client last sent a packet.
struct Signs {
    start: Instant,
    last_us: AtomicU64,
}

impl Signs {
    fn note(&self) {
        self.last_us.store(micros_since(self.start), Relaxed);
    }

    fn last(&self) -> Instant {
        self.start + Duration::from_micros(self.last_us.load(Relaxed))
    }
}

fn micros_since(start: Instant) -> u64 {
    start.elapsed().as_micros() as u64
}

/// Gives back when the client was silent for too long. A timer sleeps to the earliest possible end and looks again,
/// instead of being moved by every packet.
async fn watch_time(shared: &Shared, outbox: &Outbox, signs: &Signs, accepted: Instant) -> Refusal {
    let limits = &shared.limits;
    loop {
        let deadline = if outbox.is_established() {
            signs.last() + Duration::from_millis(limits.idle_ms_max)
        } else {
            accepted + Duration::from_millis(limits.handshake_ms_max)
        };
        if Instant::now() >= deadline {
            return Code::Idle.into();
        }
        tokio::select! {
            () = sleep_until(deadline) => {}
            () = outbox.settled.notified() => {}
        }
    }
}

struct Reader<'a> {
    shared: &'a Shared,
    conn: ConnId,
    reading: &'a mut Reading,
    inbound: Inbound,
    signs: &'a Signs,
    bucket: TokenBucket,
}

fn full_bucket() -> TokenBucket {
    TokenBucket::full(Moment(0))
}

impl Reader<'_> {
    /// Delivers what comes until it ends. `fed` and `fault` are from agreeing.
    async fn run(&mut self, outbox: &Outbox, address: SocketAddr, mut fed: Fed, mut fault: Option<Refusal>) -> End {
        if !self.shared.deliver(EdgeEvent::Opened { conn: self.conn, address }).await {
            return End::Role;
        }
        let mut bytes = 0;
        loop {
            if let Err(end) = self.pass_on(outbox, &mut fed, bytes).await {
                return end;
            }
            if let Some(refusal) = fault {
                return End::Limit(refusal);
            }
            let inbound = &mut self.inbound;
            let read = self.reading.read(|read| (read.len(), inbound.feed(read, &mut fed))).await;
            let Ok((count, outcome)) = read else { return End::Lost };
            if count == 0 {
                return End::Lost;
            }
            bytes = count;
            fault = match outcome {
                Ok(()) => None,
                Err(Fault::Violation(refusal)) => Some(refusal),
                Err(Fault::Foreign | Fault::Http(_)) => return End::Lost,
            };
        }
    }

    /// Hands one read's content over, after it was charged to the client's rate.
    async fn pass_on(&mut self, outbox: &Outbox, fed: &mut Fed, bytes: usize) -> Result<(), End> {
        if !self.charge(fed, bytes) {
            return Err(End::Limit(Code::RateExceeded.into()));
        }
        outbox.send_raw(fed.replies.split().freeze());
        let packets = std::mem::take(&mut fed.packets);
        fed.controls = 0;
        if !packets.is_empty() {
            if !self.shared.deliver(EdgeEvent::Packets { conn: self.conn, packets }).await {
                return Err(End::Role);
            }
            // After the delivery: time that the role's mailbox took is not the client's silence.
            self.signs.note();
        }
        if fed.ended { Err(End::Left) } else { Ok(()) }
    }

    /// A full read counts as a packet even when it holds none, so that fragments and crumbs cost as well.
    fn charge(&mut self, fed: &Fed, bytes: usize) -> bool {
        const BURST_S: u32 = 2;
        let count = self.shared.limits.packets_per_second_max.max(1).saturating_mul(BURST_S);
        let rate = Rate { count, span: Duration::from_secs(u64::from(BURST_S)) };
        let tokens = (fed.packets.len() as u32).saturating_add(fed.controls).max((bytes / READ_BYTES_MAX) as u32);
        tokens == 0 || self.bucket.take_many(rate, tokens, Moment(micros_since(self.shared.start)))
    }
}
