//! Register and Login: rate, turn, the accounts centre's answer.
//!
//! The centre hashes passwords, which is slow on purpose, so only so many are with it at a time and the rest wait at the
//! door in order. While a client waits there it did its part: the handshake's time no longer runs against it. It is
//! told nothing there, since Queue is for those who are logged in.

use std::time::Duration;

use kuafu_contract::{Reply, RoleKind, accounts};
use kuafu_core::{Code, Moment, Refusal};
use kuafu_edge::{ConnId, EdgeCommand};
use kuafu_wire::ServerMessage;

use crate::client::{Knock, Login, State};
use crate::role::{LoginRole, Purpose};
use crate::roles::wire_roles;

/// A longer name or password is wrong in any case, and would fill the memory while it waits.
const CREDENTIAL_BYTES_MAX: usize = 1024;

const REGISTER: u8 = 0x02;
const LOGIN: u8 = 0x03;

impl Knock {
    fn opcode(&self) -> u8 {
        if self.register { REGISTER } else { LOGIN }
    }
}

impl LoginRole {
    pub(crate) fn handle_knock(&mut self, now: Moment, conn: ConnId, knock: Knock) {
        let opcode = knock.opcode();
        if let Err(code) = self.check_knock(now, conn, &knock) {
            return self.refuse(conn, opcode, &code.into());
        }
        let place = self.door.new_place();
        if let Some(client) = self.clients.get_mut(&conn) {
            client.state = State::Waiting(place, knock);
            client.deadline = None;
        }
        self.door.stand(place, conn);
        self.book.external(EdgeCommand::Established { conn });
        self.call_from_door();
    }

    fn check_knock(&mut self, now: Moment, conn: ConnId, knock: &Knock) -> Result<(), Code> {
        let Some(client) = self.clients.get(&conn) else { return Err(Code::OutOfOrder) };
        if !matches!(client.state, State::Greeted) {
            return Err(Code::OutOfOrder);
        }
        if knock.register && !self.config.registration_open {
            return Err(Code::RegistrationClosed);
        }
        let (allowed, limit) = if knock.register {
            (self.attempts.registration(client.ip, now), "registrations_per_address_per_hour")
        } else {
            (self.attempts.login(client.ip, now), "login_attempts_per_address_per_min")
        };
        if !allowed {
            self.counters.count(limit);
            return Err(Code::TooManyAttempts);
        }
        if knock.account.len() > CREDENTIAL_BYTES_MAX || knock.password.0.len() > CREDENTIAL_BYTES_MAX {
            return Err(if knock.register { Code::NameInvalid } else { Code::LoginFailed });
        }
        if self.door.len() >= self.config.limits.login_queue_max as usize {
            self.counters.count("login_queue_max");
            return Err(Code::QueueFull);
        }
        Ok(())
    }

    /// Lets so many in as the centre should have at once.
    pub(crate) fn call_from_door(&mut self) {
        while self.knocking < self.config.limits.logins_in_flight_max {
            let Some((_, conn)) = self.door.call_next() else { return };
            let Some(client) = self.clients.get_mut(&conn) else { continue };
            let State::Waiting(_, knock) = std::mem::replace(&mut client.state, State::Knocking) else { continue };
            self.knocking += 1;
            let Knock { register, account: name, password } = knock;
            let (request, purpose) = if register {
                (accounts::Request::Register { name, password: password.0 }, Purpose::Register(conn))
            } else {
                (accounts::Request::Authenticate { name, password: password.0 }, Purpose::Authenticate(conn))
            };
            self.book.call(RoleKind::Accounts, request, purpose);
        }
    }

    pub(crate) fn handle_registered(&mut self, now: Moment, conn: ConnId, result: Result<Reply, Refusal>) {
        if self.end_knock(now, conn) {
            match result {
                Ok(_) => {
                    self.counters.count("registrations_total");
                    self.send(conn, &ServerMessage::Registered);
                }
                Err(refusal) => self.refuse(conn, REGISTER, &refusal),
            }
        }
        self.call_from_door();
    }

    pub(crate) fn handle_authenticated(&mut self, now: Moment, conn: ConnId, result: Result<Reply, Refusal>) {
        if self.end_knock(now, conn) {
            match result {
                Ok(Reply::Accounts(accounts::Reply::Account { account, roles })) => {
                    self.log_in(conn, Login { account, roles });
                }
                Ok(other) => {
                    tracing::error!(?other, "the accounts centre answered something else");
                    self.refuse(conn, LOGIN, &Code::ServerFault.into());
                }
                Err(refusal) => self.refuse(conn, LOGIN, &refusal),
            }
        }
        self.call_from_door();
    }

    /// The centre is done with a knock. `false` when the client is gone. A client that is not logged in after it has
    /// as long for its next try as for its first.
    fn end_knock(&mut self, now: Moment, conn: ConnId) -> bool {
        self.knocking -= 1;
        let Some(client) = self.clients.get_mut(&conn) else { return false };
        client.state = State::Greeted;
        client.deadline = Some(now + Duration::from_millis(self.config.limits.handshake_ms_max));
        true
    }

    fn log_in(&mut self, conn: ConnId, login: Login) {
        let Some(client) = self.clients.get_mut(&conn) else { return };
        self.counters.count("logins_total");
        let message = ServerMessage::LoggedIn {
            account: login.account,
            roles_max: self.config.limits.roles_per_account_max,
            roles: wire_roles(&login.roles),
        };
        client.deadline = None;
        client.state = State::LoggedIn(login);
        self.send(conn, &message);
    }
}
