//! What clients are told: messages, errors, ends, and what is counted of them.

use kuafu_core::{Code, Moment, Refusal};
use kuafu_edge::{ConnId, EdgeCommand};
use kuafu_wire::ServerMessage;

use crate::line::Place;
use crate::role::{LoginRole, packet};

/// How often a client is told its position at most, in milliseconds.
const POSITION_PERIOD_MS: u128 = 1_000;

impl LoginRole {
    pub(crate) fn send(&mut self, conn: ConnId, message: &ServerMessage) {
        self.book.external(EdgeCommand::Send { conn, bytes: packet(&[message]) });
    }

    /// An Error after which the client may go on.
    pub(crate) fn refuse(&mut self, conn: ConnId, opcode: u8, refusal: &Refusal) {
        self.counters.count(refused(refusal.code));
        self.send(conn, &ServerMessage::error(refusal, false, opcode));
    }

    /// A fatal Error that answers a message.
    pub(crate) fn refuse_and_close(&mut self, conn: ConnId, opcode: u8, refusal: &Refusal) {
        self.counters.count(refused(refusal.code));
        self.send(conn, &ServerMessage::error(refusal, true, opcode));
        self.finish(conn);
    }

    /// A fatal Error that answers nothing.
    pub(crate) fn close(&mut self, conn: ConnId, refusal: Refusal) {
        self.counters.count(refused(refusal.code));
        self.forget(conn);
        self.book.external(EdgeCommand::Close { conn, code: refusal.code, text: refusal.text });
    }

    /// The end of a connection, without a word.
    pub(crate) fn finish(&mut self, conn: ConnId) {
        self.forget(conn);
        self.book.external(EdgeCommand::Finish { conn });
    }

    /// Tells everybody in the queue a position that has changed.
    pub(crate) fn tell_positions(&mut self, now: Moment) {
        let length = self.queue_length();
        for ((place, conn), waiting) in self.queue.iter().zip(1..) {
            let position = waiting + self.placing_before(place);
            let Some(client) = self.clients.get_mut(&conn) else { continue };
            let due = client
                .told
                .is_none_or(|(told, at)| told != position && now.since(at).as_millis() >= POSITION_PERIOD_MS);
            if due {
                client.told = Some((position, now));
                let bytes = packet(&[&ServerMessage::Queue { position, length }]);
                self.book.external(EdgeCommand::Send { conn, bytes });
            }
        }
    }

    /// Of those for whom a base is looked for, how many keep their places before this one when there is none. While the
    /// game has room they are as good as in.
    fn placing_before(&self, place: Place) -> u32 {
        if self.full_until.is_some() { self.placing.range(..place).count() as u32 } else { 0 }
    }

    fn queue_length(&self) -> u32 {
        let placing = if self.full_until.is_some() { self.placing.len() } else { 0 };
        (self.queue.len() + placing) as u32
    }

    /// Tells one client that it waits in the queue, unless it knows.
    pub(crate) fn tell_waiting(&mut self, now: Moment, conn: ConnId, place: Place) {
        let position = self.queue.position(place) + self.placing_before(place);
        let length = self.queue_length();
        if let Some(client) = self.clients.get_mut(&conn)
            && client.told.is_none()
        {
            client.told = Some((position, now));
            self.send(conn, &ServerMessage::Queue { position, length });
        }
    }
}

/// The counter of a refusal.
fn refused(code: Code) -> &'static str {
    match code {
        Code::ProtocolVersion => "refused_protocol_version",
        Code::DigestMismatch => "refused_digest_mismatch",
        Code::Malformed => "refused_malformed",
        Code::OutOfOrder => "refused_out_of_order",
        Code::NotLoggedIn => "refused_not_logged_in",
        Code::LoginFailed => "refused_login_failed",
        Code::TooManyAttempts => "refused_too_many_attempts",
        Code::QueueFull => "refused_queue_full",
        Code::Unavailable => "refused_unavailable",
        Code::DeadlinePassed => "refused_deadline_passed",
        Code::Idle => "refused_idle",
        Code::ServerStopping => "refused_server_stopping",
        Code::NameTaken | Code::NameInvalid | Code::PasswordInvalid => "refused_name_or_password",
        _ => "refused_other",
    }
}
