//! The listener: binds, accepts, admits or turns away, and owns every connection's task.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::Sender;
use kuafu_core::{Code, Refusal};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

use crate::connection::{self, Guest, LINGER};
use crate::handle::Shared;
use crate::{EdgeConfig, EdgeError, EdgeEvent, EdgeHandle};

/// Connections that the system may hold for us until we accept them.
const BACKLOG: u32 = 4096;
/// How many refused clients are told so at once; further ones are only cut.
const REFUSALS_AT_ONCE_MAX: usize = 64;
/// How long to wait when the system has no descriptors for us.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// The least buffers of a socket in the system, in bytes.
const SOCKET_BUFFER_BYTES_MIN: u32 = 16 * 1024;

/// Makes listeners.
#[derive(Debug)]
pub struct Edge;

impl Edge {
    /// Listens on `config.bind` with tasks on `runtime`, and puts what happens into `events`. It ends with
    /// [`EdgeHandle::stop`] or with the runtime.
    ///
    /// # Errors
    /// [`EdgeError`] when the address cannot be had.
    pub fn listen(config: EdgeConfig, events: Sender<EdgeEvent>, runtime: &Handle) -> Result<EdgeHandle, EdgeError> {
        let _context = runtime.enter();
        let (listener, address) = bind(&config).map_err(|source| {
            let (name, address) = (config.name.clone(), config.bind);
            match source.kind() {
                io::ErrorKind::AddrInUse => EdgeError::AddressInUse { name, address },
                _ => EdgeError::Listen { name, address, source },
            }
        })?;
        let shared = Arc::new(Shared::new(config, address, events, runtime.metrics().num_workers().div_ceil(2)));
        let (stopped_in, stopped) = watch::channel(false);
        let handle = EdgeHandle { shared: Arc::clone(&shared), stopped };
        runtime.spawn(async move {
            accept(shared, listener).await;
            stopped_in.send_replace(true);
        });
        Ok(handle)
    }
}

/// The buffers of the system are bounded, too: what hides in them is older than what we could send instead, and is
/// not counted for the client's credit. Accepted sockets inherit them.
fn bind(config: &EdgeConfig) -> io::Result<(TcpListener, SocketAddr)> {
    let socket = if config.bind.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.set_send_buffer_size((config.limits.write_queue_bytes_max / 4).max(SOCKET_BUFFER_BYTES_MIN))?;
    socket.set_recv_buffer_size(config.limits.packet_bytes_max.max(SOCKET_BUFFER_BYTES_MIN))?;
    socket.bind(config.bind)?;
    let listener = socket.listen(BACKLOG)?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

async fn accept(shared: Arc<Shared>, listener: TcpListener) {
    tracing::info!(name = shared.name, address = %shared.address, "listening for clients");
    let refusals = Arc::new(Semaphore::new(REFUSALS_AT_ONCE_MAX));
    let mut tasks = JoinSet::new();
    let mut helpers = JoinSet::new();
    for flusher in shared.flushers.clone() {
        let shared = Arc::clone(&shared);
        helpers.spawn(async move { flusher.run(&shared).await });
    }
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, address)) => welcome(&shared, stream, address, &refusals, &mut tasks),
                Err(error) => {
                    tracing::warn!(name = shared.name, %error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(ended) = tasks.join_next() => report(ended),
            () = shared.stop.notified() => break,
        }
    }
    drop(listener);
    let stopping = Refusal::from(Code::ServerStopping);
    for outbox in shared.slots.all() {
        outbox.close(Some(&stopping));
    }
    let all_closed = async { while tasks.join_next().await.map(report).is_some() {} };
    if tokio::time::timeout(LINGER, all_closed).await.is_err() {
        tasks.shutdown().await;
    }
}

fn welcome(
    shared: &Arc<Shared>,
    stream: TcpStream,
    address: SocketAddr,
    refusals: &Arc<Semaphore>,
    tasks: &mut JoinSet<()>,
) {
    let guest = match shared.counts.admit(address.ip(), &shared.limits) {
        Ok(admission) => Guest::Admitted(admission),
        Err(code) => match Arc::clone(refusals).try_acquire_owned() {
            Ok(permit) => Guest::Refused(code, permit),
            Err(_) => return,
        },
    };
    tasks.spawn(connection::serve(Arc::clone(shared), stream, address, guest));
}

/// A place among the refused clients that are told so.
pub(crate) type RefusalPlace = OwnedSemaphorePermit;

fn report(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(%error, "a connection's task panicked; its connection is cut");
    }
}
