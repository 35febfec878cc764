//! The role itself: what comes in goes to the part that it concerns.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use kuafu_contract::console::{self, Report};
use kuafu_contract::{Address, Outcome, Reply, Request, RoleKind, login};
use kuafu_core::{Code, Limits, Moment, Now, RealmNo, Refusal};
use kuafu_edge::{ConnId, EdgeCommand, EdgeEvent};
use kuafu_node::{CallBook, Counters, Input, Output, Role};
use kuafu_wire::{ClientMessage, Message, PROTOCOL_VERSION, ServerMessage, Token, decode_packet};

use crate::attempts::Attempts;
use crate::client::{Client, State};
use crate::enter::Step;
use crate::line::{Line, Place};

/// How often it reports, tells positions, and looks at the queue and at deadlines.
const BEAT: Duration = Duration::from_secs(1);

/// What a login is told at its start.
#[derive(Clone, Debug)]
pub struct LoginConfig {
    /// Its own address, for its reports.
    pub address: Address,
    /// The bounds that it keeps.
    pub limits: Limits,
    /// The client digest of the definitions; a client with another one is turned away.
    pub digest: Token,
    /// The definitions as clients see them.
    pub schema_json: String,
    /// What clients call the server.
    pub server_name: String,
    /// Where new roles are born.
    pub realm: RealmNo,
    /// Whether clients may make accounts.
    pub registration_open: bool,
}

/// What a call was for.
#[derive(Debug)]
pub(crate) enum Purpose {
    /// A new account.
    Register(ConnId),
    /// A password check.
    Authenticate(ConnId),
    /// A change of roles, and the opcode that asked for it.
    Change(ConnId, u8),
    /// A step on the way into the game.
    Enter(Step),
}

/// See the crate's documentation. A value without I/O: the node drives it, an edge carries its commands.
#[derive(Debug)]
pub struct LoginRole {
    pub(crate) config: LoginConfig,
    pub(crate) book: CallBook<EdgeCommand, Purpose>,
    pub(crate) clients: BTreeMap<ConnId, Client>,
    /// Logins and registrations that wait for the accounts centre.
    pub(crate) door: Line,
    /// Those that the centre works on.
    pub(crate) knocking: u32,
    /// Clients that wait for a seat in the game.
    pub(crate) queue: Line,
    /// Those that are being placed and admitted.
    pub(crate) entering: u32,
    /// Those of them for whom a base is looked for.
    pub(crate) placing: BTreeSet<Place>,
    /// The game was full when last heard of: it is not asked again before this, and then for the first in the queue
    /// alone.
    pub(crate) full_until: Option<Moment>,
    pub(crate) attempts: Attempts,
    pub(crate) counters: Counters,
    /// Welcome, without and with the schema.
    pub(crate) greetings: [Bytes; 2],
    next_beat: Moment,
    draining: bool,
    drained: bool,
}

impl LoginRole {
    /// A login without clients.
    #[must_use]
    pub fn new(config: LoginConfig) -> Self {
        let millis = |ms: u64| u32::try_from(ms).unwrap_or(u32::MAX);
        let welcome = ServerMessage::Welcome {
            version: PROTOCOL_VERSION,
            digest: config.digest,
            idle_ms: millis(config.limits.idle_ms_max),
            // A client that keeps to it is never taken for silent, whatever the project sets.
            heartbeat_ms: millis(config.limits.heartbeat_ms.min(config.limits.idle_ms_max / 3)),
            name: config.server_name.clone(),
        };
        let schema = ServerMessage::Schema { json: config.schema_json.clone() };
        Self {
            book: CallBook::default(),
            clients: BTreeMap::new(),
            door: Line::default(),
            knocking: 0,
            queue: Line::default(),
            entering: 0,
            placing: BTreeSet::new(),
            full_until: None,
            attempts: Attempts::new(&config.limits),
            counters: Counters::default(),
            greetings: [packet(&[&welcome]), packet(&[&welcome, &schema])],
            next_beat: Moment(0),
            draining: false,
            drained: false,
            config,
        }
    }

    fn handle_edge(&mut self, now: Moment, event: EdgeEvent) {
        match event {
            EdgeEvent::Opened { conn, .. } if self.draining => self.close(conn, Code::ServerStopping.into()),
            EdgeEvent::Opened { conn, address } => {
                self.counters.count("connections_total");
                let deadline = Some(now + Duration::from_millis(self.config.limits.handshake_ms_max));
                self.clients.insert(conn, Client { ip: address.ip(), state: State::New, deadline, told: None });
            }
            EdgeEvent::Packets { conn, packets } => {
                for packet in packets {
                    self.handle_packet(now, conn, &packet);
                }
            }
            EdgeEvent::Closed { conn, .. } => self.forget(conn),
        }
    }

    fn handle_packet(&mut self, now: Moment, conn: ConnId, packet: &Bytes) {
        for message in decode_packet::<ClientMessage>(packet) {
            if !self.clients.contains_key(&conn) {
                return;
            }
            match message {
                Ok(message) => self.handle_message(now, conn, message),
                Err(error) => self.close(conn, Refusal::new(error.code(), error.to_string())),
            }
        }
    }

    fn handle_answer(&mut self, now: Moment, purpose: Purpose, outcome: Outcome) {
        let result = match outcome {
            Outcome::Value(reply) => Ok(reply),
            Outcome::Refused(refusal) => Err(refusal),
            Outcome::Unknown => Err(Code::DeadlinePassed.into()),
        };
        match purpose {
            Purpose::Register(conn) => self.handle_registered(now, conn, result),
            Purpose::Authenticate(conn) => self.handle_authenticated(now, conn, result),
            Purpose::Change(conn, opcode) => self.handle_changed(conn, opcode, result),
            Purpose::Enter(step) => self.handle_step(now, step, result),
        }
    }

    /// The client is gone, or will be.
    pub(crate) fn forget(&mut self, conn: ConnId) {
        match self.clients.remove(&conn).map(|client| client.state) {
            Some(State::Waiting(place, _)) => self.door.leave(place),
            Some(State::Queued(place, ..)) => self.queue.leave(place),
            _ => {}
        }
    }

    fn beat(&mut self, now: Moment) {
        self.next_beat = now + BEAT;
        self.tell_positions(now);
        self.call_from_door();
        self.call_from_queue(now);
        self.close_expired(now);
        self.attempts.expire(now);
        self.report();
    }

    fn close_expired(&mut self, now: Moment) {
        let is_late = |client: &Client| client.deadline.is_some_and(|deadline| deadline <= now);
        let late: Vec<ConnId> =
            self.clients.iter().filter(|(_, client)| is_late(client)).map(|(conn, _)| *conn).collect();
        for conn in late {
            if matches!(self.clients[&conn].state, State::Entered) {
                self.finish(conn);
            } else {
                self.close(conn, Code::Idle.into());
            }
        }
    }

    fn report(&mut self) {
        let gauges = [
            ("connections", self.clients.len()),
            ("queue", self.queue.len()),
            ("logins_in_flight", self.entering as usize),
            ("password_queue", self.door.len()),
            ("password_checks_in_flight", self.knocking as usize),
        ];
        for (name, value) in gauges {
            self.counters.set(name, value as f64);
        }
        let state = if self.draining { "draining" } else { "running" }.to_owned();
        let numbers = self.counters.to_numbers();
        let report = Report { from: self.config.address, state, numbers, tick_us: Vec::new() };
        self.book.notice(RoleKind::Console, console::Request::Report(report));
    }

    fn drain(&mut self) {
        self.draining = true;
        self.door.clear();
        self.queue.clear();
        for conn in std::mem::take(&mut self.clients).into_keys() {
            self.close(conn, Code::ServerStopping.into());
        }
    }

    /// Done when no login is half done: one whose session was opened must still be undone.
    fn finish_drain(&mut self) {
        if self.draining && !self.drained && self.entering == 0 {
            self.drained = true;
            self.report();
            self.book.drained();
        }
    }
}

impl Role for LoginRole {
    type In = EdgeEvent;
    type Out = EdgeCommand;

    fn handle(&mut self, now: Now, input: Input<EdgeEvent>) {
        let now = now.at;
        match input {
            Input::Start => self.next_beat = now + BEAT,
            Input::External(event) => self.handle_edge(now, event),
            Input::Answer { call, outcome } => {
                if let Some(purpose) = self.book.close(call) {
                    self.handle_answer(now, purpose, outcome);
                }
            }
            Input::Notice { request: Request::Login(login::Request::SeatsFree), .. } => {
                self.full_until = self.full_until.map(|_| now);
                self.call_from_queue(now);
            }
            Input::Call { from, .. } => {
                let refusal = Refusal::new(Code::NotAllowed, "a login answers no calls");
                self.book.answer(from, Err::<Reply, _>(refusal));
            }
            Input::Drain => self.drain(),
            Input::Wake
            | Input::Notice { .. }
            | Input::Frame { .. }
            | Input::Credit { .. }
            | Input::LinkDown { .. } => {}
        }
        if now >= self.next_beat {
            self.beat(now);
        }
        self.finish_drain();
    }

    fn poll_output(&mut self) -> Option<Output<EdgeCommand>> {
        self.book.poll()
    }

    fn next_wake(&self) -> Option<Moment> {
        Some(self.next_beat)
    }
}

/// One packet of these messages.
pub(crate) fn packet(messages: &[&ServerMessage]) -> Bytes {
    let mut out = BytesMut::new();
    for message in messages {
        message.encode(&mut out);
    }
    out.freeze()
}
