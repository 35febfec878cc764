//! Coming in: tickets, sessions, and who is told to go because a newer one came.

use std::time::Duration;

use kuafu_contract::{Outcome, RoleKind, accounts, base};
use kuafu_core::{AccountId, Code, EntityId, Epoch, RecordId, Refusal};
use kuafu_edge::ConnId;
use kuafu_node::CallRef;

use super::{Admission, ConnState};
use crate::entities::Phase;
use crate::role::{BaseRole, Purpose};

/// Sessions of clients that did not come in, kept with an entity that an older client plays.
const SESSIONS_UNUSED_MAX: usize = 16;

impl BaseRole {
    /// Gives a ticket for a login that the login role has checked.
    pub(crate) fn admit(
        &mut self,
        account: AccountId,
        epoch: Epoch,
        role: RecordId,
        role_name: String,
    ) -> Result<base::Reply, Refusal> {
        if self.draining {
            return Err(Code::ServerStopping.into());
        }
        if self.clients.sessions.get(&account).is_some_and(|known| *known > epoch) {
            return Err(Code::Stale.into());
        }
        let is_here = self.entities.of_record(self.config.game.role_type, role).is_some();
        if !is_here && self.players() >= self.config.limits.players_max {
            return Err(Refusal::new(Code::Busy, "this base has no seat left"));
        }
        let token = self.chance.token();
        let expires = self.now.at + Duration::from_millis(self.config.limits.ticket_ms_max);
        self.clients.sessions.insert(account, epoch);
        self.clients.tickets.retain(|_, other| other.account != account);
        self.clients.tickets.insert(token, Admission { account, epoch, role, role_name });
        self.clients.ticket_expiry.push_back((expires, token));
        let (host, port) = self.config.listen.clone();
        Ok(base::Reply::Ticket { token, host, port })
    }

    /// Forgets tickets that nobody used.
    pub(crate) fn expire_tickets(&mut self) {
        while let Some((expires, token)) = self.clients.ticket_expiry.front().copied() {
            if expires > self.now.at {
                break;
            }
            self.clients.ticket_expiry.pop_front();
            if let Some(admission) = self.clients.tickets.remove(&token) {
                self.counters.count("tickets_expired");
                self.close_session_unless_played(&admission);
            }
        }
    }

    /// Closes the session of a client that did not come in, unless an older client of the same role plays on: a session
    /// that is open still leads to it whoever comes in next.
    pub(crate) fn close_session_unless_played(&mut self, admission: &Admission) {
        let session = (admission.account, admission.epoch);
        let played = self.entities.of_record(self.config.game.role_type, admission.role);
        match played.and_then(|entity| self.entities.get_mut(entity)) {
            Some(entity) => {
                // Beyond the bound the oldest is forgotten: whoever opens a session next finds it gone.
                if entity.sessions_unused.len() == SESSIONS_UNUSED_MAX {
                    entity.sessions_unused.remove(0);
                }
                entity.sessions_unused.push(session);
            }
            None => self.close_session(session),
        }
    }

    /// Tells the accounts centre that a session ended.
    pub(crate) fn close_session(&mut self, (account, epoch): (AccountId, Epoch)) {
        if self.clients.sessions.get(&account).is_some_and(|known| *known <= epoch) {
            self.clients.sessions.remove(&account);
        }
        self.book.notice(RoleKind::Accounts, accounts::Request::CloseSession { account, epoch });
    }

    /// Player entities here, tickets given out, and clients between the two.
    pub(crate) fn players(&self) -> u32 {
        let playing = self.entities.iter().filter(|entity| entity.session.is_some()).count();
        let placing = self.clients.conns.values().filter(|conn| matches!(conn.state, ConnState::Placing(_))).count();
        (playing + placing + self.clients.tickets.len()) as u32
    }

    /// A connection shows its ticket or resume token.
    pub(crate) fn attach(&mut self, conn: ConnId, token: [u8; 16]) {
        if let Some(entity) = self.entities.of_resume(&token) {
            self.resume(conn, entity);
            return;
        }
        let Some(admission) = self.clients.tickets.remove(&token) else {
            self.close_conn(conn, Code::TicketInvalid.into());
            return;
        };
        // The newer session takes the place of one that is still being placed: of two places the centre keeps one.
        let (account, epoch) = (admission.account, admission.epoch);
        let is_older = |other: &Admission| other.account == account && other.epoch < epoch;
        self.end_arrivals(is_older, Code::LoggedInElsewhere);
        let request = accounts::Request::PlaceSession {
            account: admission.account,
            epoch: admission.epoch,
            base: self.config.address,
        };
        if let Some(conn) = self.clients.get_mut(conn) {
            conn.state = ConnState::Placing(admission);
        }
        self.book.call(RoleKind::Accounts, request, Purpose::PlaceSession(conn));
    }

    fn resume(&mut self, conn: ConnId, entity: EntityId) {
        let leaving = self.entities.get(entity).is_none_or(|entity| entity.phase != Phase::Live);
        if leaving {
            self.close_conn(conn, Code::TicketInvalid.into());
            return;
        }
        self.counters.count("resumed");
        self.give_client(entity, conn, true);
    }

    /// The accounts centre answered whether the session still stands.
    pub(crate) fn session_placed(&mut self, conn: ConnId, outcome: Outcome) {
        let Some(ConnState::Placing(admission)) = self.clients.get_mut(conn).map(|conn| conn.state.clone()) else {
            // The client left meanwhile; its session is closed as with an unused ticket.
            self.counters.count("placed_after_close");
            return;
        };
        match outcome {
            Outcome::Value(_) => self.come_in(conn, admission),
            Outcome::Refused(refusal) if refusal.code == Code::Stale => {
                self.close_conn(conn, Code::LoggedInElsewhere.into());
            }
            Outcome::Refused(_) | Outcome::Unknown => {
                self.close_conn(conn, Code::Unavailable.into());
                self.close_session_unless_played(&admission);
            }
        }
    }

    fn come_in(&mut self, conn: ConnId, admission: Admission) {
        let role_type = self.config.game.role_type;
        let Some(id) = self.entities.of_record(role_type, admission.role) else {
            self.claim_player(conn, admission);
            return;
        };
        let Some(entity) = self.entities.get_mut(id) else { return };
        if entity.session.is_some_and(|(_, epoch)| epoch > admission.epoch) {
            self.close_conn(conn, Code::LoggedInElsewhere.into());
            return;
        }
        if entity.is_leaving() {
            let before = entity.waiting.next.replace((conn, admission));
            if let Some((older, _)) = before {
                self.close_conn(older, Code::LoggedInElsewhere.into());
            }
            return;
        }
        entity.session = Some((admission.account, admission.epoch));
        if entity.phase == Phase::Claiming {
            let older = entity.client.replace(conn);
            if let Some(conn) = self.clients.get_mut(conn) {
                conn.state = ConnState::Entering(id);
            }
            if let Some(older) = older {
                self.close_conn(older, Code::LoggedInElsewhere.into());
            }
        } else {
            self.give_client(id, conn, true);
        }
    }

    /// Turns away those who have shown their tickets and are not in yet: nothing of an ended session may come in later.
    fn end_arrivals(&mut self, is_ended: impl Fn(&Admission) -> bool, reason: Code) {
        let arriving = self.clients.conns.values().filter(|conn| match &conn.state {
            ConnState::Placing(admission) => is_ended(admission),
            _ => false,
        });
        let mut ended: Vec<ConnId> = arriving.map(|conn| conn.id).collect();
        ended.sort_unstable();
        for conn in ended {
            self.close_conn(conn, reason.into());
        }
    }

    /// Ends the session of an account, if it is as old as `epoch` says; answered when its entity is released.
    pub(crate) fn end_session(&mut self, from: CallRef, account: AccountId, epoch: Epoch, reason: Code) {
        let is_ended = |admission: &Admission| admission.account == account && admission.epoch <= epoch;
        self.clients.tickets.retain(|_, admission| !is_ended(admission));
        self.end_arrivals(is_ended, reason);
        let found = self.entities.iter().find(|entity| entity.session.is_some_and(|(who, _)| who == account));
        let Some(id) = found.filter(|entity| entity.session.is_some_and(|(_, e)| e <= epoch)).map(|entity| entity.id)
        else {
            self.book.answer(from, Ok(base::Reply::Ended));
            return;
        };
        if let Some(entity) = self.entities.get_mut(id) {
            entity.waiting.kicks.push(from);
        }
        self.remove_client(id, reason.into());
        self.begin_leave(id);
    }
}
