//! What an edge and a role say to each other.

use std::net::SocketAddr;

use bytes::Bytes;
use kuafu_core::Code;

/// One connection of one listener. The index is dense and used again, the generation tells its users apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnId {
    index: u32,
    generation: u32,
}

impl ConnId {
    /// Only a listener makes them; tests of roles do, too.
    #[must_use]
    pub fn new(index: u32, generation: u32) -> Self {
        Self { index, generation }
    }

    /// Below `connections_max`: good to index a table with.
    #[must_use]
    pub fn index(self) -> u32 {
        self.index
    }

    /// How often the index was given out before, plus one.
    #[must_use]
    pub fn generation(self) -> u32 {
        self.generation
    }
}

/// What happens to a listener's connections. For one connection: `Opened`, any number of `Packets`, `Closed`.
#[derive(Clone, Debug, PartialEq)]
pub enum EdgeEvent {
    /// A client is there and its transport is agreed.
    Opened {
        /// Its number.
        conn: ConnId,
        /// From where.
        address: SocketAddr,
    },
    /// Packets came: all that one read gave, in order.
    Packets {
        /// From whom.
        conn: ConnId,
        /// Each within `packet_bytes_max`.
        packets: Vec<Bytes>,
    },
    /// The connection is over; its number reaches nobody from here.
    Closed {
        /// Which.
        conn: ConnId,
        /// Why.
        reason: CloseReason,
    },
}

/// Why a connection is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// The client closed it, or the network broke.
    ByClient,
    /// The role closed it.
    ByRole,
    /// The client passed a limit; it was told this code.
    Limit(Code),
}

/// What a role wants of a listener.
#[derive(Clone, Debug, PartialEq)]
pub enum EdgeCommand {
    /// Write one packet.
    Send {
        /// To whom.
        conn: ConnId,
        /// Its messages.
        bytes: Bytes,
    },
    /// The client attached or logged in: from here `idle_ms_max` counts instead of `handshake_ms_max`.
    Established {
        /// Which.
        conn: ConnId,
    },
    /// Send what waits, then a fatal Error, then close.
    Close {
        /// Which.
        conn: ConnId,
        /// Why.
        code: Code,
        /// For people.
        text: String,
    },
    /// Send what waits, then close without a word.
    Finish {
        /// Which.
        conn: ConnId,
    },
}

/// Why a packet was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// So much waits for this client that the packet does not fit; nothing of it was written.
    #[error("the client's write queue is full")]
    Full,
    /// The connection is over or closing.
    #[error("the connection is over")]
    Gone,
}
