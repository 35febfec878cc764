//! What clients ask, and when they may.

use kuafu_core::{Code, Moment, RecordId, Refusal};
use kuafu_edge::{ConnId, EdgeCommand};
use kuafu_wire::{ClientMessage, Message, PROTOCOL_VERSION, ServerMessage, Token};

use crate::client::{Knock, State};
use crate::role::LoginRole;
use crate::roles::Change;

/// Hello's flag that asks for the schema.
const WANTS_SCHEMA: u8 = 1;
/// A client that was not built for any definitions.
const NO_DIGEST: Token = [0; 16];

impl LoginRole {
    pub(crate) fn handle_message(&mut self, now: Moment, conn: ConnId, message: ClientMessage) {
        let opcode = message.opcode();
        let is_new = self.clients.get(&conn).is_some_and(|client| matches!(client.state, State::New));
        match message {
            ClientMessage::Hello { version, flags, digest, .. } if is_new => {
                self.handle_hello(conn, version, flags, digest);
            }
            _ if is_new => self.refuse_and_close(conn, opcode, &Refusal::new(Code::OutOfOrder, "Hello comes first")),
            ClientMessage::Register { account, password } => {
                self.handle_knock(now, conn, Knock { register: true, account, password });
            }
            ClientMessage::Login { account, password } => {
                self.handle_knock(now, conn, Knock { register: false, account, password });
            }
            ClientMessage::RoleCreate { name } => self.handle_change(conn, opcode, Change::Create(name)),
            ClientMessage::RoleDelete { role } => self.handle_change(conn, opcode, Change::Delete(role)),
            ClientMessage::RoleRestore { role } => self.handle_change(conn, opcode, Change::Restore(role)),
            ClientMessage::RoleSelect { role } => self.handle_select(now, conn, opcode, role),
            // There is no space whose time it could tell; the answer keeps the client's sense of the connection alive.
            ClientMessage::Ping { clock_ms } => {
                self.send(conn, &ServerMessage::Pong { clock_ms, space_time_ms: 0.0, held_us: 0 });
            }
            ClientMessage::Bye => self.finish(conn),
            ClientMessage::Hello { .. }
            | ClientMessage::Attach { .. }
            | ClientMessage::Call { .. }
            | ClientMessage::Move { .. }
            | ClientMessage::Ack { .. } => self.refuse(conn, opcode, &Code::OutOfOrder.into()),
        }
    }

    fn handle_hello(&mut self, conn: ConnId, version: u16, flags: u8, digest: Token) {
        let hello = 0x01;
        if version != PROTOCOL_VERSION {
            return self.refuse_and_close(conn, hello, &Code::ProtocolVersion.into());
        }
        if digest != NO_DIGEST && digest != self.config.digest {
            return self.refuse_and_close(conn, hello, &Code::DigestMismatch.into());
        }
        if let Some(client) = self.clients.get_mut(&conn) {
            client.state = State::Greeted;
        }
        let bytes = self.greetings[usize::from(flags & WANTS_SCHEMA)].clone();
        self.book.external(EdgeCommand::Send { conn, bytes });
    }

    fn handle_select(&mut self, now: Moment, conn: ConnId, opcode: u8, role: RecordId) {
        let checked = match self.clients.get(&conn).map(|client| &client.state) {
            Some(State::LoggedIn(login)) => match login.roles.iter().find(|known| known.id == role) {
                None => Err(Code::RoleUnknown),
                Some(known) if known.deleted_at != 0 => Err(Code::RoleDeleting),
                Some(_) if self.queue.len() >= self.config.limits.login_queue_max as usize => {
                    self.counters.count("login_queue_max");
                    Err(Code::QueueFull)
                }
                Some(_) => Ok(()),
            },
            Some(State::New | State::Greeted | State::Waiting(..) | State::Knocking) => Err(Code::NotLoggedIn),
            _ => Err(Code::OutOfOrder),
        };
        match checked {
            Ok(()) => self.join_queue(now, conn, role),
            Err(code) => self.refuse(conn, opcode, &code.into()),
        }
    }
}
