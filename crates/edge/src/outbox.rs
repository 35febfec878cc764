//! What waits to be written to one connection.
//!
//! A role's thread and the connection's task share it. With direct writes a packet goes straight to the socket as long
//! as nothing waits before it, in one vectored write of header and body; what the socket does not take waits here, and
//! the task writes it when there is room. What must hold: packets leave in the order they were sent, none is torn, and
//! the bytes that wait stay within the bound, except for one packet alone and for the last words of a closing.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use bytes::{Buf, Bytes, BytesMut};
use kuafu_core::Refusal;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::sync::Notify;

use crate::flusher::Flusher;
use crate::framing::{Framing, Header, error_packet};
use crate::slots::lock;
use crate::{ConnId, SendError};

/// How many packets one system call takes from the queue.
const PACKETS_PER_WRITE_MAX: usize = 16;

#[derive(Debug)]
pub(crate) struct Outbox {
    pub(crate) conn: ConnId,
    framing: Framing,
    way: Way,
    bytes_max: u32,
    queued: Arc<AtomicU32>,
    queue: Mutex<Queue>,
    /// The task has something to write, or to end.
    pub(crate) work: Notify,
    /// The role wants the connection closed.
    pub(crate) closing: Notify,
    /// The role says that the client attached or logged in.
    pub(crate) settled: Notify,
    established: AtomicBool,
}

/// Who writes what is sent.
#[derive(Debug)]
pub(crate) enum Way {
    /// Whoever sends it, and the connection's task what is left.
    Direct(Arc<OwnedWriteHalf>),
    /// The flusher, and the connection's task what is left.
    Flusher(Arc<OwnedWriteHalf>, Arc<Flusher>),
    /// The connection's task.
    Task,
}

#[derive(Debug, Default)]
struct Queue {
    chunks: VecDeque<Chunk>,
    /// Nothing more is taken; the connection ends when the chunks are written.
    closing: bool,
    /// The flusher knows that there are chunks.
    listed: bool,
}

/// A packet, or bytes without a header.
#[derive(Debug)]
struct Chunk {
    header: Header,
    body: Bytes,
    written: usize,
}

impl Chunk {
    fn waiting(&self) -> usize {
        self.header.len() + self.body.len() - self.written
    }

    /// What is left of header and body.
    fn parts(&self) -> [&[u8]; 2] {
        let header = &self.header[self.written.min(self.header.len())..];
        [header, &self.body[self.written.saturating_sub(self.header.len())..]]
    }
}

/// How far a write came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Nothing waits.
    Empty,
    /// The socket takes no more now.
    Blocked,
    /// Nothing waits and nothing will.
    Finished,
}

impl Outbox {
    pub(crate) fn new(conn: ConnId, queued: Arc<AtomicU32>, framing: Framing, way: Way, bytes_max: u32) -> Self {
        Self {
            conn,
            framing,
            way,
            bytes_max,
            queued,
            queue: Mutex::default(),
            work: Notify::new(),
            closing: Notify::new(),
            settled: Notify::new(),
            established: AtomicBool::new(false),
        }
    }

    /// Writes or queues one packet.
    pub(crate) fn send(&self, body: Bytes) -> Result<(), SendError> {
        let mut queue = lock(&self.queue);
        if queue.closing {
            return Err(SendError::Gone);
        }
        let mut chunk = Chunk { header: self.framing.header(body.len()), body, written: 0 };
        if !queue.chunks.is_empty() {
            if u64::from(self.queued.load(Relaxed)) + chunk.waiting() as u64 > u64::from(self.bytes_max) {
                return Err(SendError::Full);
            }
        } else if let Way::Direct(socket) = &self.way {
            match socket.try_write_vectored(&chunk.parts().map(IoSlice::new)) {
                Ok(count) => chunk.written = count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // The reading side sees the same end and tells the role.
                Err(_) => return Err(SendError::Gone),
            }
            if chunk.waiting() == 0 {
                return Ok(());
            }
        }
        self.push(&mut queue, chunk);
        Ok(())
    }

    /// Queues bytes that have their frame already. They are dropped when there is no room: pongs can be missed.
    pub(crate) fn send_raw(&self, bytes: Bytes) {
        let mut queue = lock(&self.queue);
        let room = self.bytes_max.saturating_sub(self.queued.load(Relaxed));
        if !queue.closing && !bytes.is_empty() && bytes.len() <= room as usize {
            self.push(&mut queue, Chunk { header: Header::NONE, body: bytes, written: 0 });
        }
    }

    fn push(&self, queue: &mut Queue, chunk: Chunk) {
        self.queued.fetch_add(chunk.waiting() as u32, Relaxed);
        queue.chunks.push_back(chunk);
        match &self.way {
            Way::Flusher(_, flusher) if !queue.listed => {
                queue.listed = true;
                flusher.add(self.conn);
            }
            Way::Direct(_) | Way::Task if queue.chunks.len() == 1 => self.work.notify_one(),
            Way::Flusher(..) | Way::Direct(_) | Way::Task => {}
        }
    }

    /// The flusher's turn at this connection. What is left, an error included, becomes the task's work.
    pub(crate) fn flush(&self) {
        let Way::Flusher(socket, _) = &self.way else { return };
        let mut queue = lock(&self.queue);
        queue.listed = false;
        if !matches!(self.write_queue(&mut queue, socket), Ok(Progress::Empty)) {
            self.work.notify_one();
        }
    }

    /// Takes no more; a fatal Error and the transport's own end come last. `false` when it was closing already.
    pub(crate) fn close(&self, refusal: Option<&Refusal>) -> bool {
        let mut queue = lock(&self.queue);
        if queue.closing {
            return false;
        }
        if let Some(refusal) = refusal {
            let body = error_packet(refusal);
            self.push(&mut queue, Chunk { header: self.framing.header(body.len()), body, written: 0 });
        }
        let farewell = self.framing.farewell(refusal.map(|refusal| refusal.code));
        if !farewell.is_empty() {
            self.push(&mut queue, Chunk { header: Header::NONE, body: farewell, written: 0 });
        }
        self.end(&mut queue);
        true
    }

    /// Takes no more, and says nothing.
    pub(crate) fn seal(&self) {
        let mut queue = lock(&self.queue);
        self.end(&mut queue);
    }

    fn end(&self, queue: &mut Queue) {
        queue.closing = true;
        self.closing.notify_one();
        self.work.notify_one();
    }

    pub(crate) fn establish(&self) {
        self.established.store(true, Relaxed);
        self.settled.notify_one();
    }

    pub(crate) fn is_established(&self) -> bool {
        self.established.load(Relaxed)
    }

    /// Writes what waits to the socket, as far as it takes it.
    pub(crate) fn write_to(&self, socket: &OwnedWriteHalf) -> io::Result<Progress> {
        self.write_queue(&mut lock(&self.queue), socket)
    }

    fn write_queue(&self, queue: &mut Queue, socket: &OwnedWriteHalf) -> io::Result<Progress> {
        while !queue.chunks.is_empty() {
            let mut slices = [IoSlice::new(&[]); 2 * PACKETS_PER_WRITE_MAX];
            let mut count = 0;
            for part in queue.chunks.iter().take(PACKETS_PER_WRITE_MAX).flat_map(Chunk::parts) {
                slices[count] = IoSlice::new(part);
                count += 1;
            }
            match socket.try_write_vectored(&slices[..count]) {
                Ok(written) => self.advance(queue, written),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Progress::Blocked),
                Err(error) => return Err(error),
            }
        }
        Ok(if queue.closing { Progress::Finished } else { Progress::Empty })
    }

    fn advance(&self, queue: &mut Queue, mut written: usize) {
        self.queued.fetch_sub(written as u32, Relaxed);
        while let Some(first) = queue.chunks.front_mut() {
            let step = written.min(first.waiting());
            first.written += step;
            written -= step;
            if first.waiting() > 0 {
                break;
            }
            queue.chunks.pop_front();
        }
    }

    /// Moves up to `bytes_max` waiting bytes to `out`, for a stream that is written elsewhere. They count as waiting
    /// until [`Outbox::written_elsewhere`].
    pub(crate) fn take(&self, out: &mut BytesMut, bytes_max: usize) -> Progress {
        let mut queue = lock(&self.queue);
        while let Some(first) = queue.chunks.front_mut() {
            let room = bytes_max.saturating_sub(out.len());
            let [header, body] = first.parts();
            let of_header = header.len().min(room);
            let of_body = body.len().min(room - of_header);
            out.extend_from_slice(&header[..of_header]);
            out.extend_from_slice(&body[..of_body]);
            first.written += of_header + of_body;
            if first.waiting() > 0 {
                break;
            }
            queue.chunks.pop_front();
        }
        if !out.is_empty() {
            Progress::Blocked
        } else if queue.closing {
            Progress::Finished
        } else {
            Progress::Empty
        }
    }

    /// So many of the taken bytes were written.
    pub(crate) fn written_elsewhere(&self, out: &mut BytesMut, count: usize) {
        out.advance(count);
        self.queued.fetch_sub(count as u32, Relaxed);
    }
}
