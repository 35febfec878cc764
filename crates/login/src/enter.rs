//! The way into the game: the queue, and the four steps that end in a ticket.
//!
//! Place asks for a base; Open takes the account's session; Kick ends the session before, when it is elsewhere or plays
//! another role; Admit gets the ticket. A step holds all that is needed to go on or to undo, so that it does not matter
//! whether the client is still there when its answer comes.

use std::time::Duration;

use kuafu_contract::{Address, Reply, RoleKind, accounts, base, base_manager};
use kuafu_core::{AccountId, Code, Epoch, Moment, RecordId, Refusal};
use kuafu_edge::ConnId;
use kuafu_wire::ServerMessage;

use crate::client::State;
use crate::line::Place;
use crate::role::{LoginRole, Purpose};

const ROLE_SELECT: u8 = 0x07;
/// How long the queue waits when no base has room and nobody says that one has.
const FULL_PAUSE: Duration = Duration::from_secs(1);
/// How often a base that does not answer is asked to end a session. Asking twice does no harm.
const KICKS_MAX: u32 = 3;

/// Who is on the way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entrant {
    conn: ConnId,
    place: Place,
    account: AccountId,
    role: RecordId,
}

/// An entrant with a base and a session.
#[derive(Clone, Debug)]
pub(crate) struct Seated {
    entrant: Entrant,
    base: Address,
    epoch: Epoch,
    role_name: String,
}

/// What was asked, and what for.
#[derive(Debug)]
pub(crate) enum Step {
    Place(Entrant),
    Open(Entrant, Address),
    Kick(Seated, accounts::Previous, u32),
    Admit(Seated),
}

impl LoginRole {
    /// A logged-in client wants to play.
    pub(crate) fn join_queue(&mut self, now: Moment, conn: ConnId, role: RecordId) {
        let Some(client) = self.clients.get_mut(&conn) else { return };
        let Some(login) = client.state.take_login() else { return };
        let place = self.queue.new_place();
        client.state = State::Queued(place, login, role);
        client.told = None;
        self.queue.stand(place, conn);
        self.call_from_queue(now);
        if matches!(self.clients.get(&conn).map(|client| &client.state), Some(State::Queued(..))) {
            self.tell_waiting(now, conn, place);
        }
    }

    /// Begins as many logins as may be worked on, while there is room in the game. A game that was full is asked for the
    /// first in the queue alone: the others keep their places, and nobody overtakes.
    pub(crate) fn call_from_queue(&mut self, now: Moment) {
        while self.entering < self.config.limits.logins_in_flight_max {
            if self.full_until.is_some_and(|until| now < until || !self.placing.is_empty()) {
                return;
            }
            let Some((place, conn)) = self.queue.call_next() else { return };
            let Some(client) = self.clients.get_mut(&conn) else { continue };
            let State::Queued(_, _, role) = client.state else { continue };
            let Some(login) = client.state.take_login() else { continue };
            let entrant = Entrant { conn, place, account: login.account, role };
            client.state = State::Entering(login);
            self.entering += 1;
            self.placing.insert(place);
            let request = base_manager::Request::Place { role };
            self.book.call(RoleKind::BaseManager, request, Purpose::Enter(Step::Place(entrant)));
        }
    }

    pub(crate) fn handle_step(&mut self, now: Moment, step: Step, result: Result<Reply, Refusal>) {
        match step {
            Step::Place(entrant) => self.handle_placed(now, entrant, result),
            Step::Open(entrant, base) => self.handle_opened(now, entrant, base, result),
            Step::Kick(seated, previous, tries) => self.handle_kicked(now, seated, previous, tries, result),
            Step::Admit(seated) => self.handle_admitted(now, seated, result),
        }
    }

    fn handle_placed(&mut self, now: Moment, entrant: Entrant, result: Result<Reply, Refusal>) {
        self.placing.remove(&entrant.place);
        match result {
            Ok(Reply::BaseManager(base_manager::Reply::Place(_))) => self.full_until = None,
            Ok(_) => {}
            // Without it nobody gets in: one client is told, the others wait for it to come back.
            Err(_) => self.full_until = Some(now + FULL_PAUSE),
        }
        match result {
            _ if !self.is_here(entrant) => self.end(now),
            Ok(Reply::BaseManager(base_manager::Reply::Place(base))) => {
                let request = accounts::Request::OpenSession { account: entrant.account, role: entrant.role };
                self.book.call(RoleKind::Accounts, request, Purpose::Enter(Step::Open(entrant, base)));
                self.call_from_queue(now);
            }
            Ok(Reply::BaseManager(base_manager::Reply::Full)) => self.send_back(now, entrant),
            Ok(other) => self.fail(now, entrant, unexpected(&other)),
            Err(refusal) => self.fail(now, entrant, refusal),
        }
    }

    fn handle_opened(&mut self, now: Moment, entrant: Entrant, base: Address, result: Result<Reply, Refusal>) {
        let (epoch, role_name, previous) = match result {
            Ok(Reply::Accounts(accounts::Reply::Session { epoch, role_name, previous })) => {
                (epoch, role_name, previous)
            }
            Ok(other) => return self.fail(now, entrant, unexpected(&other)),
            Err(refusal) => return self.fail(now, entrant, refusal),
        };
        let seated = Seated { entrant, base, epoch, role_name };
        match previous {
            _ if !self.is_here(entrant) => self.undo(now, &seated, None),
            // The base hands a role that it has over to its new client by itself.
            Some(previous) if previous.base != base || previous.role != entrant.role => self.kick(seated, previous, 1),
            _ => self.admit(seated),
        }
    }

    fn kick(&mut self, seated: Seated, previous: accounts::Previous, tries: u32) {
        let account = seated.entrant.account;
        let request = base::Request::Kick { account, epoch: previous.epoch, reason: Code::LoggedInElsewhere };
        self.counters.count("kicks_total");
        self.book.call(previous.base, request, Purpose::Enter(Step::Kick(seated, previous, tries)));
    }

    fn handle_kicked(
        &mut self,
        now: Moment,
        seated: Seated,
        previous: accounts::Previous,
        tries: u32,
        result: Result<Reply, Refusal>,
    ) {
        match result {
            _ if !self.is_here(seated.entrant) => self.undo(now, &seated, None),
            Ok(_) => self.admit(seated),
            // A base that is gone holds no session.
            Err(refusal) if refusal.code == Code::Unavailable => self.admit(seated),
            Err(_) if tries < KICKS_MAX => self.kick(seated, previous, tries + 1),
            Err(refusal) => self.undo(now, &seated, Some(refusal)),
        }
    }

    fn admit(&mut self, seated: Seated) {
        let Entrant { account, role, .. } = seated.entrant;
        let (epoch, role_name) = (seated.epoch, seated.role_name.clone());
        let request = base::Request::Admit { account, epoch, role, role_name };
        self.book.call(seated.base, request, Purpose::Enter(Step::Admit(seated)));
    }

    /// A ticket for a client that has left runs out at the base, which then closes the session.
    fn handle_admitted(&mut self, now: Moment, seated: Seated, result: Result<Reply, Refusal>) {
        let entrant = seated.entrant;
        match result {
            Ok(Reply::Base(base::Reply::Ticket { token, host, port })) => {
                if let Some(client) = self.clients.get_mut(&entrant.conn) {
                    client.state = State::Entered;
                    client.deadline = Some(now + Duration::from_millis(self.config.limits.ticket_ms_max));
                    self.counters.count("entered_total");
                    self.send(entrant.conn, &ServerMessage::Enter { ticket: token, host, port });
                }
                self.end(now);
            }
            // The base filled up since the base-manager last heard of it.
            Err(refusal) if refusal.code == Code::Busy && self.is_here(entrant) => {
                self.close_session(&seated);
                self.send_back(now, entrant);
            }
            Ok(other) => self.undo(now, &seated, Some(unexpected(&other))),
            Err(refusal) => self.undo(now, &seated, Some(refusal)),
        }
    }

    fn is_here(&self, entrant: Entrant) -> bool {
        self.clients.contains_key(&entrant.conn)
    }

    /// There is no room: back to the place that it had.
    fn send_back(&mut self, now: Moment, entrant: Entrant) {
        let Entrant { conn, place, role, .. } = entrant;
        self.entering -= 1;
        self.full_until = Some(now + FULL_PAUSE);
        let Some(client) = self.clients.get_mut(&conn) else { return };
        let Some(login) = client.state.take_login() else { return };
        client.state = State::Queued(place, login, role);
        self.queue.stand(place, conn);
        self.tell_waiting(now, conn, place);
    }

    /// Gives the session back; the client, if it is there, is told why.
    fn undo(&mut self, now: Moment, seated: &Seated, why: Option<Refusal>) {
        self.close_session(seated);
        match why {
            Some(refusal) => self.fail(now, seated.entrant, refusal),
            None => self.end(now),
        }
    }

    fn close_session(&mut self, seated: &Seated) {
        let request = accounts::Request::CloseSession { account: seated.entrant.account, epoch: seated.epoch };
        self.book.notice(RoleKind::Accounts, request);
    }

    /// The client may try again.
    fn fail(&mut self, now: Moment, entrant: Entrant, refusal: Refusal) {
        if let Some(client) = self.clients.get_mut(&entrant.conn)
            && let Some(login) = client.state.take_login()
        {
            client.state = State::LoggedIn(login);
            self.refuse(entrant.conn, ROLE_SELECT, &refusal);
        }
        self.end(now);
    }

    /// One login less is worked on: the next may begin.
    fn end(&mut self, now: Moment) {
        self.entering -= 1;
        self.call_from_queue(now);
    }
}

fn unexpected(reply: &Reply) -> Refusal {
    tracing::error!(?reply, "a step of a login was answered with something else");
    Code::ServerFault.into()
}
