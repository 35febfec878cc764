//! A base holds client connections and base parts.

use kuafu_core::{AccountId, Code, Epoch, RecordId};
use serde::{Deserialize, Serialize};

/// What a base is asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Request {
    /// Expect a client: gives a ticket.
    Admit {
        /// Whose session.
        account: AccountId,
        /// The session's epoch; an older one than the base has seen is refused as Stale.
        epoch: Epoch,
        /// The role to play.
        role: RecordId,
        /// Its name, for an entity that is created for the first time.
        role_name: String,
    },
    /// End this session: tell its client why, save, release, forget. Answered when the entity is released.
    Kick {
        /// Whose session.
        account: AccountId,
        /// Sessions with this epoch or an older one are ended.
        epoch: Epoch,
        /// What the client is told.
        reason: Code,
    },
}

/// What it answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Reply {
    /// To `Admit`.
    Ticket {
        /// Good once, here, for `ticket_ms_max`.
        token: [u8; 16],
        /// Where the client connects; empty for the host that it is connected to.
        host: String,
        /// The port.
        port: u16,
    },
    /// To `Kick`: nothing of the session is left here.
    Ended,
}
