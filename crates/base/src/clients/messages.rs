//! What a connection brings: opened, packets, closed; and each message of a packet.

use bytes::Bytes;
use kuafu_contract::link::Event;
use kuafu_core::{Code, EntityId, MethodNo, Refusal};
use kuafu_def::Part;
use kuafu_edge::{ConnId, EdgeCommand, EdgeEvent};
use kuafu_wire::{ClientMessage, Message, PROTOCOL_VERSION, ServerMessage, decode_packet};
use rustc_hash::FxHashMap;

use super::{Conn, ConnState, Outbox};
use crate::calls::ClientCall;
use crate::role::BaseRole;

impl BaseRole {
    /// Something happened at a connection.
    pub(crate) fn handle_edge(&mut self, event: EdgeEvent) {
        match event {
            EdgeEvent::Opened { conn, .. } => self.conn_opened(conn),
            EdgeEvent::Packets { conn, packets } => {
                for packet in packets {
                    self.handle_packet(conn, &packet);
                }
            }
            EdgeEvent::Closed { conn, .. } => self.conn_closed(conn),
        }
    }

    fn conn_opened(&mut self, conn: ConnId) {
        let state = ConnState::Fresh;
        let fresh = Conn {
            id: conn,
            state,
            out: Outbox::new(self.now.at),
            calls_in_flight: 0,
            rates: FxHashMap::default(),
            stalled_since: None,
        };
        self.clients.conns.insert(conn, fresh);
        if self.draining {
            self.close_conn(conn, Code::ServerStopping.into());
        }
    }

    /// The connection is gone, whoever ended it.
    pub(crate) fn conn_closed(&mut self, conn: ConnId) {
        let Some(gone) = self.clients.conns.remove(&conn) else { return };
        match gone.state {
            ConnState::Entering(entity) | ConnState::Playing(entity) => self.client_lost(entity, conn),
            ConnState::Placing(admission) => self.close_session_unless_played(&admission),
            ConnState::Fresh | ConnState::Greeted | ConnState::Leaving => {}
        }
    }

    fn handle_packet(&mut self, conn: ConnId, packet: &Bytes) {
        for message in decode_packet::<ClientMessage>(packet) {
            if !self.clients.conns.contains_key(&conn) {
                return;
            }
            match message {
                Ok(message) => self.handle_message(conn, message),
                Err(why) => {
                    self.counters.count("packets_malformed");
                    self.close_conn(conn, Refusal::new(Code::Malformed, format!("{}: {why}", Code::Malformed.text())));
                    return;
                }
            }
        }
    }

    fn handle_message(&mut self, conn: ConnId, message: ClientMessage) {
        let Some(state) = self.clients.conns.get(&conn).map(|conn| &conn.state) else { return };
        match (state, message) {
            (ConnState::Fresh, ClientMessage::Hello { version, flags, digest, .. }) => {
                self.greet(conn, version, flags, digest);
            }
            (ConnState::Greeted, ClientMessage::Attach { token }) => self.attach(conn, token),
            (_, ClientMessage::Ping { clock_ms }) => {
                let now = self.now.at;
                if let Some(conn) = self.clients.get_mut(conn) {
                    conn.out.ping(clock_ms, now);
                }
            }
            (ConnState::Playing(entity), message) => {
                let entity = *entity;
                self.handle_play(conn, entity, message);
            }
            // A client cannot know the moment at which it is in, or out; what it says around it is of no consequence.
            (ConnState::Entering(_) | ConnState::Placing(_), ClientMessage::Bye) => {
                self.conn_closed(conn);
                self.book.external(EdgeCommand::Finish { conn });
            }
            (ConnState::Entering(_) | ConnState::Placing(_) | ConnState::Leaving, _) => {}
            (_, other) => {
                let text = format!("{} is not allowed here", other.name());
                self.close_conn(conn, Refusal::new(Code::OutOfOrder, text));
            }
        }
    }

    fn greet(&mut self, conn: ConnId, version: u16, flags: u8, digest: [u8; 16]) {
        let ours = self.config.definitions.digest_client.0;
        if version != PROTOCOL_VERSION {
            self.close_conn(conn, Code::ProtocolVersion.into());
            return;
        }
        if digest != [0; 16] && digest != ours {
            self.close_conn(conn, Code::DigestMismatch.into());
            return;
        }
        let limits = &self.config.limits;
        let welcome = ServerMessage::Welcome {
            version: PROTOCOL_VERSION,
            digest: ours,
            idle_ms: limits.idle_ms_max as u32,
            // A client that keeps to it is never taken for silent, whatever the project sets.
            heartbeat_ms: limits.heartbeat_ms.min(limits.idle_ms_max / 3) as u32,
            name: self.config.server_name.clone(),
        };
        let schema = (flags & 1 != 0).then(|| ServerMessage::Schema { json: self.config.schema_json.to_string() });
        let Some(conn) = self.clients.get_mut(conn) else { return };
        conn.state = ConnState::Greeted;
        conn.out.message(&welcome);
        if let Some(schema) = schema {
            conn.out.message(&schema);
        }
        let conn = conn.id;
        self.flush_conn(conn);
    }

    fn handle_play(&mut self, conn: ConnId, entity: EntityId, message: ClientMessage) {
        match message {
            ClientMessage::Move { sequence, position, yaw } => self.pass_move(entity, sequence, position, yaw),
            ClientMessage::Call { number, entity: target, part, method, arguments } => {
                let target = if target.is_none() { entity } else { target };
                self.client_call(ClientCall { conn, caller: entity, number, target, part, method, arguments });
            }
            ClientMessage::Ack { .. } => {}
            ClientMessage::Bye => self.say_bye(conn, entity),
            other => {
                let text = format!("{} is not allowed here", other.name());
                self.close_conn(conn, Refusal::new(Code::OutOfOrder, text));
            }
        }
    }

    fn pass_move(&mut self, entity: EntityId, sequence: u32, position: [f32; 3], yaw: f32) {
        let Some(entity) = self.entities.get(entity) else { return };
        if let (Some(witness), Some(cell)) = (entity.witness, entity.cell.address()) {
            self.tell_move(cell, Event::Move { witness, sequence, position, yaw });
        }
    }

    fn say_bye(&mut self, conn: ConnId, entity: EntityId) {
        if let Some(conn) = self.clients.get_mut(conn) {
            conn.state = ConnState::Leaving;
        }
        self.detach_client(entity);
        if let Some(entity) = self.entities.get_mut(entity) {
            entity.waiting.bye = Some(conn);
        }
        self.begin_leave(entity);
    }

    /// Checks how often this client calls this method.
    pub(crate) fn take_rate(&mut self, conn: ConnId, part: Part, method: MethodNo, rate: kuafu_core::Rate) -> bool {
        let now = self.now.at;
        let Some(conn) = self.clients.get_mut(conn) else { return false };
        let bucket = conn.rates.entry((part.code(), method)).or_insert_with(|| kuafu_core::TokenBucket::full(now));
        bucket.take(rate, now)
    }
}
