//! Client connections: who they are, what they said, and what waits to be written to them.

mod admit;
mod messages;
mod output;

use std::collections::{BTreeMap, VecDeque};

use kuafu_core::{AccountId, EntityId, Epoch, MethodNo, Moment, RecordId, TokenBucket};
use kuafu_edge::ConnId;
use rustc_hash::FxHashMap;

pub(crate) use output::Outbox;

/// A login that may come: what its ticket stands for.
#[derive(Clone, Debug)]
pub(crate) struct Admission {
    pub(crate) account: AccountId,
    pub(crate) epoch: Epoch,
    pub(crate) role: RecordId,
    pub(crate) role_name: String,
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Conn {
    pub(crate) id: ConnId,
    pub(crate) state: ConnState,
    pub(crate) out: Outbox,
    pub(crate) calls_in_flight: u32,
    pub(crate) rates: FxHashMap<(u8, MethodNo), TokenBucket>,
    /// Since when its queue is full.
    pub(crate) stalled_since: Option<Moment>,
}

/// How far a connection has come.
#[derive(Clone, Debug)]
pub(crate) enum ConnState {
    /// Hello is next.
    Fresh,
    /// Attach is next.
    Greeted,
    /// The accounts centre is asked whether the session still stands.
    Placing(Admission),
    /// The entity is on its way.
    Entering(EntityId),
    /// It plays.
    Playing(EntityId),
    /// It said Bye; SeeYou is owed.
    Leaving,
}

impl Conn {
    pub(crate) fn entity(&self) -> Option<EntityId> {
        match self.state {
            ConnState::Entering(entity) | ConnState::Playing(entity) => Some(entity),
            _ => None,
        }
    }
}

/// Connections, tickets and sessions.
#[derive(Debug, Default)]
pub(crate) struct Clients {
    pub(crate) conns: FxHashMap<ConnId, Conn>,
    pub(crate) tickets: BTreeMap<[u8; 16], Admission>,
    pub(crate) ticket_expiry: VecDeque<(Moment, [u8; 16])>,
    /// The newest epoch that each account's session had here, while it has one.
    pub(crate) sessions: FxHashMap<AccountId, Epoch>,
}

impl Clients {
    pub(crate) fn get_mut(&mut self, conn: ConnId) -> Option<&mut Conn> {
        self.conns.get_mut(&conn)
    }
}
