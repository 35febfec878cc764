//! What a listener is told at its start, and how its start can fail.

use std::net::SocketAddr;
use std::sync::Arc;

use kuafu_core::Limits;

/// One listener.
#[derive(Clone, Debug)]
pub struct EdgeConfig {
    /// Where it listens; port 0 takes a free one, see [`crate::EdgeHandle::address`].
    pub bind: SocketAddr,
    /// The bounds of its connections.
    pub limits: Limits,
    /// With it, connections that begin like TLS are decrypted; without it, they are cut.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    /// What logs call it, such as `login` or `base 1`.
    pub name: String,
    /// Whether [`crate::EdgeHandle::send`] writes to the socket on the caller's thread and leaves only what does not
    /// fit to a task. By default tasks of the listener write all: measured with 5,000 clients, the caller is free
    /// after about a hundredth of the time, for up to a seventh more work of the machine (`examples/edge_bench.rs`).
    /// TLS is always written by tasks.
    pub direct_writes: bool,
}

impl EdgeConfig {
    /// Default limits, no TLS, writes by tasks.
    #[must_use]
    pub fn new(bind: SocketAddr, name: impl Into<String>) -> Self {
        Self { bind, limits: Limits::default(), tls: None, name: name.into(), direct_writes: false }
    }
}

/// Why a listener did not start.
#[derive(Debug, thiserror::Error)]
pub enum EdgeError {
    /// Somebody else listens there.
    #[error(
        "{name}: {address} is in use; stop what listens there (`ss -ltnp` shows it) or choose other ports with --port-base"
    )]
    AddressInUse {
        /// The listener's name.
        name: String,
        /// Where it should have listened.
        address: SocketAddr,
    },
    /// The system refused for another reason.
    #[error("{name}: cannot listen on {address}: {source}; check the address of --bind and the rights on the port")]
    Listen {
        /// The listener's name.
        name: String,
        /// Where it should have listened.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
}
