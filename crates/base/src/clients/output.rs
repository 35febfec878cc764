//! What waits to be written to a client: gathered as messages, written once a tick.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use kuafu_contract::link::Event;
use kuafu_core::{Code, EntityId, Moment, Refusal};
use kuafu_edge::{ConnId, EdgeCommand};
use kuafu_logic::Hook;
use kuafu_wire::{Message, ServerMessage};

use super::ConnState;
use crate::role::BaseRole;

/// The most pings that wait for one write; older ones are forgotten, since the newest tells all.
const PINGS_MAX: usize = 4;

/// Up to this share of `write_queue_bytes_max` a client takes all; from [`CREDIT_NONE`] on it takes nothing.
const CREDIT_FULL: f32 = 0.5;
/// See [`CREDIT_FULL`].
const CREDIT_NONE: f32 = 0.75;

/// Messages of one connection that wait for the tick's write.
#[derive(Debug)]
pub(crate) struct Outbox {
    pub(crate) pending: BytesMut,
    pings: Vec<(f64, Moment)>,
    pub(crate) written_at: Moment,
}

impl Outbox {
    pub(crate) fn new(now: Moment) -> Self {
        Self { pending: BytesMut::new(), pings: Vec::new(), written_at: now }
    }

    pub(crate) fn message(&mut self, message: &ServerMessage) {
        message.encode(&mut self.pending);
    }

    pub(crate) fn ping(&mut self, clock_ms: f64, now: Moment) {
        if self.pings.len() == PINGS_MAX {
            self.pings.remove(0);
        }
        self.pings.push((clock_ms, now));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.pending.is_empty() && self.pings.is_empty()
    }

    /// All that waits, with the pongs; the outbox is empty then.
    pub(crate) fn take(&mut self, now: Moment, space_time_ms: f64) -> Bytes {
        for (clock_ms, at) in self.pings.drain(..) {
            let held_us = now.since(at).as_micros().min(u128::from(u32::MAX)) as u32;
            ServerMessage::Pong { clock_ms, space_time_ms, held_us }.encode(&mut self.pending);
        }
        self.written_at = now;
        self.pending.split().freeze()
    }
}

impl BaseRole {
    /// Tells a client something with the tick's write.
    pub(crate) fn tell(&mut self, conn: ConnId, message: &ServerMessage) {
        if let Some(conn) = self.clients.get_mut(conn) {
            conn.out.message(message);
        }
    }

    /// Tells why and closes; what waited is written before.
    pub(crate) fn close_conn(&mut self, conn: ConnId, refusal: Refusal) {
        if !self.clients.conns.contains_key(&conn) {
            return;
        }
        self.flush_conn(conn);
        self.book.external(EdgeCommand::Close { conn, code: refusal.code, text: refusal.text });
        self.conn_closed(conn);
    }

    /// Removes an entity's client, telling it why.
    pub(crate) fn remove_client(&mut self, entity: EntityId, refusal: Refusal) {
        let Some(conn) = self.entities.get(entity).and_then(|entity| entity.client) else { return };
        self.detach_client(entity);
        if let Some(conn) = self.clients.get_mut(conn) {
            conn.state = ConnState::Leaving;
        }
        self.close_conn(conn, refusal);
    }

    /// Parts an entity from its client; the connection stays as it is.
    pub(crate) fn detach_client(&mut self, entity: EntityId) {
        let Some(found) = self.entities.get_mut(entity) else { return };
        let had = found.client.take().is_some();
        let witness = found.witness.take();
        if let (Some(witness), Some(cell)) = (witness, found.cell.address()) {
            self.tell_peer(cell, Event::DetachWitness { witness });
        }
        if let Some(witness) = witness {
            self.peers.witnesses.free(witness);
        }
        if had {
            self.host.hook(self.now, entity, Hook::ClientLost, &[]);
        }
    }

    /// Writes what waits for one connection, now.
    pub(crate) fn flush_conn(&mut self, conn: ConnId) {
        let space_time_ms = self.space_time_of(conn);
        let now = self.now.at;
        let Some(found) = self.clients.get_mut(conn) else { return };
        if found.out.is_empty() {
            return;
        }
        let bytes = found.out.take(now, space_time_ms);
        self.counters.add("bytes_to_clients", bytes.len() as f64);
        self.counters.count("writes_to_clients");
        self.book.external(EdgeCommand::Send { conn, bytes });
    }

    /// Writes to those for whom no frame does it: `all`, or those whose messages wait longer than a tick and a half.
    pub(crate) fn flush_clients(&mut self, all: bool) {
        let patience = Duration::from_millis(1500 / u64::from(self.config.limits.tick_hz.max(1)));
        let now = self.now.at;
        let due: Vec<ConnId> = self
            .clients
            .conns
            .values()
            .filter(|conn| {
                let framed = matches!(conn.state, ConnState::Playing(_));
                !conn.out.is_empty() && (all || !framed || now.since(conn.out.written_at) > patience)
            })
            .map(|conn| conn.id)
            .collect();
        for conn in due {
            self.flush_conn(conn);
        }
    }

    /// Once a turn: writes what no frame carries; and once a tick: how much each client can take.
    pub(crate) fn tick_clients(&mut self) {
        self.flush_clients(false);
        if self.now.at < self.peers.next_credits {
            return;
        }
        self.peers.next_credits =
            self.now.at + Duration::from_millis(1000 / u64::from(self.config.limits.tick_hz.max(1)));
        let mut lists = self.peers.credit_lists();
        let mut stuck = Vec::new();
        let max = self.config.limits.write_queue_bytes_max as f32;
        let patience = Duration::from_millis(self.config.limits.stalled_ms_max);
        for conn in self.clients.conns.values_mut() {
            let ConnState::Playing(entity) = conn.state else { continue };
            let share = (self.config.queued_bytes)(conn.id) as f32 / max;
            conn.stalled_since = (share >= CREDIT_NONE).then(|| conn.stalled_since.unwrap_or(self.now.at));
            if conn.stalled_since.is_some_and(|since| self.now.at.since(since) >= patience) {
                stuck.push(conn.id);
            }
            if share <= CREDIT_FULL {
                continue;
            }
            let part = ((CREDIT_NONE - share) / (CREDIT_NONE - CREDIT_FULL)).max(0.0);
            let bytes = (self.config.limits.client_bytes_per_tick_max as f32 * part) as u32;
            let found = self.entities.get(entity);
            if let Some((witness, cell)) = found.and_then(|e| Some((e.witness?, e.cell.address()?))) {
                lists.entry(cell).or_default().push((witness, bytes));
            }
        }
        self.peers.send_credits(lists);
        for conn in stuck {
            self.counters.count("clients_too_slow");
            self.close_conn(conn, Code::TooSlow.into());
        }
    }

    /// The server stops: every client is told.
    pub(crate) fn stop_clients(&mut self) {
        let mut conns: Vec<ConnId> = self.clients.conns.keys().copied().collect();
        conns.sort_unstable();
        for conn in conns {
            let entity = self.clients.conns.get(&conn).and_then(super::Conn::entity);
            if let Some(entity) = entity {
                self.detach_client(entity);
            }
            self.close_conn(conn, Code::ServerStopping.into());
        }
    }
}
