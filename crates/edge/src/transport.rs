//! The two halves of a client's stream, plain or decrypted.
//!
//! Reads go through one buffer a thread, so that ten thousand silent connections hold no read buffers. Both halves can
//! be given up at any await and taken up again without losing a byte.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::os::fd::AsFd;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncWriteExt, ReadBuf, ReadHalf, WriteHalf};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio_rustls::server::TlsStream;

use crate::outbox::{Outbox, Progress};

/// How much one read takes at most; also the largest TLS record.
pub(crate) const READ_BYTES_MAX: usize = 16 * 1024;

thread_local! {
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_BYTES_MAX].into_boxed_slice());
}

/// What comes from the client.
#[derive(Debug)]
pub(crate) enum Reading {
    Plain(OwnedReadHalf),
    Tls(ReadHalf<TlsStream<TcpStream>>),
}

/// What goes to the client.
#[derive(Debug)]
pub(crate) enum Writing {
    Plain(Arc<OwnedWriteHalf>),
    Tls { half: WriteHalf<TlsStream<TcpStream>>, taken: BytesMut },
}

pub(crate) fn plain(stream: TcpStream) -> (Reading, Writing) {
    let (reading, writing) = stream.into_split();
    (Reading::Plain(reading), Writing::Plain(Arc::new(writing)))
}

pub(crate) fn tls(stream: TlsStream<TcpStream>) -> (Reading, Writing) {
    let (reading, writing) = tokio::io::split(stream);
    (Reading::Tls(reading), Writing::Tls { half: writing, taken: BytesMut::new() })
}

impl Reading {
    /// Waits for bytes and hands them to `take`; 0 bytes are the end.
    pub(crate) async fn read<T>(&mut self, mut take: impl FnMut(&[u8]) -> T) -> io::Result<T> {
        poll_fn(|context| {
            SCRATCH.with_borrow_mut(|scratch| {
                let count = ready!(self.poll_read(context, scratch))?;
                Poll::Ready(Ok(take(&scratch[..count])))
            })
        })
        .await
    }

    fn poll_read(&mut self, context: &mut Context<'_>, scratch: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::new(scratch);
        // Not `try_read`: a read that fills less than the buffer spares the next one the system call that finds nothing.
        ready!(match self {
            Self::Plain(half) => Pin::new(half).poll_read(context, &mut buffer),
            Self::Tls(half) => Pin::new(half).poll_read(context, &mut buffer),
        })?;
        Poll::Ready(Ok(buffer.filled().len()))
    }

    /// Reads on without looking until the client ends, so that its unread bytes do not make the system reset the
    /// connection and destroy our last words on their way.
    pub(crate) async fn discard(&mut self) {
        while let Ok(1..) = self.read(<[u8]>::len).await {}
    }
}

impl Writing {
    /// The socket, when packets go to it as they are.
    pub(crate) fn socket(&self) -> Option<Arc<OwnedWriteHalf>> {
        match self {
            Self::Plain(stream) => Some(Arc::clone(stream)),
            Self::Tls { .. } => None,
        }
    }

    /// Writes whatever comes into the outbox, until that is closing and empty.
    pub(crate) async fn run(&mut self, outbox: &Outbox) -> io::Result<()> {
        loop {
            let progress = match self {
                Self::Plain(stream) => outbox.write_to(stream)?,
                Self::Tls { taken, .. } => outbox.take(taken, READ_BYTES_MAX),
            };
            match progress {
                Progress::Finished => return Ok(()),
                Progress::Empty => outbox.work.notified().await,
                Progress::Blocked => self.make_room(outbox).await?,
            }
        }
    }

    async fn make_room(&mut self, outbox: &Outbox) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.writable().await,
            Self::Tls { half, taken } => {
                while !taken.is_empty() {
                    let count = half.write(taken).await?;
                    if count == 0 {
                        return Err(io::ErrorKind::WriteZero.into());
                    }
                    outbox.written_elsewhere(taken, count);
                }
                half.flush().await
            }
        }
    }

    /// Tells the client that nothing follows.
    pub(crate) async fn shutdown(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(stream) => {
                // Tokio's own shutdown wants the half alone; a second descriptor of the same socket does as well.
                let socket: &TcpStream = (**stream).as_ref();
                let second = std::net::TcpStream::from(socket.as_fd().try_clone_to_owned()?);
                second.shutdown(std::net::Shutdown::Write)
            }
            Self::Tls { half, .. } => half.shutdown().await,
        }
    }
}
