//! A player's program: it registers, logs in, plays, loses its connection, comes back, and says goodbye.
//!
//! It knows the client protocol and its own notes, nothing of servers. What it does next is drawn from its own chance;
//! what it wants done is an [`Act`], carried out by the realm around it.

mod play;

use std::collections::BTreeMap;
use std::time::Duration;

use kuafu_core::{Chance, Code, Moment, RecordId};
use kuafu_wire::{ClientMessage, PROTOCOL_VERSION, Password, Role, ServerMessage};

use crate::laws::Coin;

/// The port of the login.
pub(crate) const LOGIN_PORT: u16 = 1;

/// A step on the way in that takes longer than this has failed: the client hangs up and begins anew.
const PATIENCE: Duration = Duration::from_secs(8);
/// So long it waits in the queue.
const QUEUE_PATIENCE: Duration = Duration::from_secs(20);

/// What a client does to the world.
#[derive(Debug)]
pub(crate) enum Act {
    Connect(u16),
    Say(ClientMessage),
    /// Closes its connection.
    HangUp,
    /// Its connection is gone, and the server does not hear of it.
    Vanish,
    Note(Note),
}

/// What a client notes for the checkers of the laws.
#[derive(Debug)]
pub(crate) enum Note {
    Attached,
    Deposit(i64),
    DepositEnded(i64, Coin),
    /// Something that it asked for at `asked` was done, in the attachment that began at `since`.
    Acted {
        since: Moment,
        asked: Moment,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum State {
    /// Without a connection, until then.
    Away(Moment),
    /// At the login; the last step has begun at.
    Login(Moment),
    /// In the queue since.
    Queued(Moment),
    /// At a base, showing this token.
    Base(Moment, [u8; 16]),
    Playing,
    /// Has said Bye at.
    Leaving(Moment),
    /// Wants no more.
    Gone,
}

/// Something that was called, and when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent {
    at: Moment,
    coin: Option<i64>,
}

/// One player's program.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) number: usize,
    pub(crate) account: u32,
    chance: Chance,
    two_roles: bool,
    disconnects: f64,
    state: State,
    known: bool,
    /// Where and with which token it may come back.
    resume: Option<([u8; 16], u16)>,
    port: u16,
    calls: u32,
    pending: BTreeMap<u32, Sent>,
    coins: i64,
    attached_at: Moment,
    in_space: Option<[f32; 3]>,
    moves: u32,
    /// Set when the faults are over: what it still has to do.
    pub(crate) finale: Option<Finale>,
    finale_since: Moment,
}

/// What a client must manage after the faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Finale {
    /// Get in, see a space, have a deposit acknowledged.
    GetIn,
    /// Say Bye and be answered.
    Leave,
    /// All done.
    Done,
}

impl Client {
    pub(crate) fn new(number: usize, account: u32, plan: &crate::Plan) -> Self {
        let mut chance = Chance::from_seed(plan.seed ^ (0xc11e_0000 + number as u64));
        let first = Moment(1_000_000) + Duration::from_millis(chance.between(0, 6_000).unsigned_abs());
        Self {
            number,
            account,
            chance,
            two_roles: plan.two_roles,
            disconnects: plan.disconnects,
            state: State::Away(first),
            known: false,
            resume: None,
            port: LOGIN_PORT,
            calls: 0,
            pending: BTreeMap::new(),
            coins: 0,
            attached_at: Moment(0),
            in_space: None,
            moves: 0,
            finale: None,
            finale_since: Moment(0),
        }
    }

    /// When it looks around next.
    pub(crate) fn pause(&mut self) -> Duration {
        Duration::from_millis(self.chance.between(20, 400).unsigned_abs())
    }

    /// The faults are over: it plays on, or is cut off and wants to get in; or it never comes back.
    pub(crate) fn begin_finale(&mut self, now: Moment, comes_back: bool) -> Vec<Act> {
        self.finale_since = now;
        if !comes_back {
            self.finale = Some(Finale::Done);
            let acts = self.hang_up(now);
            self.state = State::Gone;
            return acts;
        }
        self.finale = Some(Finale::GetIn);
        if self.chance.unit() < 0.5 { self.hang_up(now) } else { Vec::new() }
    }

    /// How far it is, for people.
    pub(crate) fn describe(&self) -> String {
        format!("client {} of account {} is {:?}, {:?}", self.number, self.account, self.state, self.finale)
    }

    /// Calls that were not answered and not lost with their connection, by the time of the oldest.
    pub(crate) fn oldest_call(&self) -> Option<Moment> {
        self.pending.values().map(|sent| sent.at).min()
    }

    fn retry(&mut self, now: Moment) {
        let most = if self.finale.is_some() { 1_000 } else { 4_000 };
        self.state = State::Away(now + Duration::from_millis(self.chance.between(50, most).unsigned_abs()));
        self.in_space = None;
    }

    /// What it had asked for has an unknown outcome now.
    fn lose_calls(&mut self) {
        self.pending.clear();
    }

    fn hang_up(&mut self, now: Moment) -> Vec<Act> {
        self.lose_calls();
        self.retry(now);
        let silent = self.finale.is_none() && self.chance.unit() < 0.2;
        vec![if silent { Act::Vanish } else { Act::HangUp }]
    }

    /// Its connection is over, whoever ended it.
    pub(crate) fn closed(&mut self, now: Moment) {
        self.lose_calls();
        match self.state {
            State::Away(_) | State::Gone => {}
            _ => self.retry(now),
        }
    }

    /// Looks around.
    pub(crate) fn turn(&mut self, now: Moment) -> Vec<Act> {
        let breaks = !matches!(self.state, State::Playing) && self.breaks();
        match self.state {
            State::Away(until) if until <= now && self.finale != Some(Finale::Done) => self.begin(now),
            State::Login(since) | State::Base(since, _) | State::Leaving(since) if now.since(since) > PATIENCE => {
                self.hang_up(now)
            }
            State::Queued(since) if now.since(since) > QUEUE_PATIENCE => self.hang_up(now),
            State::Login(_) | State::Queued(_) | State::Base(..) if breaks => self.hang_up(now),
            State::Playing => self.play(now),
            _ => Vec::new(),
        }
    }

    fn breaks(&mut self) -> bool {
        self.finale.is_none() && self.chance.unit() < self.disconnects
    }

    fn begin(&mut self, now: Moment) -> Vec<Act> {
        if let Some((token, port)) = self.resume.take() {
            self.port = port;
            self.state = State::Base(now, token);
        } else {
            self.port = LOGIN_PORT;
            self.state = State::Login(now);
        }
        let hello =
            ClientMessage::Hello { version: PROTOCOL_VERSION, flags: 0, digest: [0; 16], name: "sim".to_owned() };
        vec![Act::Connect(self.port), Act::Say(hello)]
    }

    /// A message came.
    pub(crate) fn hear(&mut self, now: Moment, message: ServerMessage) -> Vec<Act> {
        match (&self.state, message) {
            (_, ServerMessage::Error { fatal: true, code, .. }) => self.told_to_go(now, code),
            (State::Login(_) | State::Queued(_), message) => self.hear_login(now, message),
            (State::Base(_, token), ServerMessage::Welcome { .. }) => {
                vec![Act::Say(ClientMessage::Attach { token: *token })]
            }
            (State::Base(..), ServerMessage::Attached { resume, .. }) => {
                self.resume = Some((resume, self.port));
                self.state = State::Playing;
                self.attached_at = now;
                self.in_space = None;
                vec![Act::Note(Note::Attached)]
            }
            (State::Leaving(_), ServerMessage::SeeYou) => {
                self.resume = None;
                self.lose_calls();
                self.retry(now);
                if self.finale.is_some() {
                    (self.finale, self.state) = (Some(Finale::Done), State::Gone);
                }
                vec![Act::HangUp]
            }
            (State::Playing | State::Leaving(_), message) => self.hear_game(now, message),
            _ => Vec::new(),
        }
    }

    /// The server closes the connection and says why.
    fn told_to_go(&mut self, now: Moment, code: u16) -> Vec<Act> {
        self.lose_calls();
        self.retry(now);
        if code == Code::LoggedInElsewhere as u16 {
            self.resume = None;
            // Whoever took over is left in peace for a while.
            let wait = self.chance.between(500, if self.finale.is_some() { 600 } else { 8_000 });
            self.state = State::Away(now + Duration::from_millis(wait.unsigned_abs()));
        }
        vec![Act::HangUp]
    }

    fn hear_login(&mut self, now: Moment, message: ServerMessage) -> Vec<Act> {
        let login = || {
            let (account, password) = (self.account_name(), Password("the same for all".into()));
            ClientMessage::Login { account, password }
        };
        let said = match message {
            ServerMessage::Welcome { .. } if self.known => login(),
            ServerMessage::Welcome { .. } => {
                ClientMessage::Register { account: self.account_name(), password: Password("the same for all".into()) }
            }
            ServerMessage::Registered => login(),
            ServerMessage::Error { code, answers: 0x02, .. } if code == Code::NameTaken as u16 => login(),
            ServerMessage::LoggedIn { roles, .. } => {
                self.known = true;
                self.choose(&roles)
            }
            ServerMessage::Roles { roles } => self.choose(&roles),
            ServerMessage::Queue { .. } => {
                if !matches!(self.state, State::Queued(_)) {
                    self.state = State::Queued(now);
                }
                return vec![Act::Say(ClientMessage::Ping { clock_ms: 0.0 })];
            }
            ServerMessage::Enter { ticket, port, .. } => return self.enter(now, ticket, port),
            ServerMessage::Error { .. } => return self.hang_up(now),
            _ => return Vec::new(),
        };
        self.state = State::Login(now);
        vec![Act::Say(said)]
    }

    fn account_name(&self) -> String {
        format!("player {}", self.account)
    }

    fn choose(&mut self, roles: &[Role]) -> ClientMessage {
        let wanted = if self.two_roles { 2 } else { 1 };
        let makes_one = roles.is_empty() || (roles.len() < wanted && self.chance.unit() < 0.5);
        if makes_one {
            return ClientMessage::RoleCreate { name: format!("hero {} {}", self.account, roles.len()) };
        }
        let place = self.chance.between(0, roles.len() as i64 - 1) as usize;
        let role: RecordId = roles[place].id;
        ClientMessage::RoleSelect { role }
    }

    fn enter(&mut self, now: Moment, ticket: [u8; 16], port: u16) -> Vec<Act> {
        // Some tickets are never used.
        if self.breaks() {
            return self.hang_up(now);
        }
        self.port = port;
        self.state = State::Base(now, ticket);
        let hello =
            ClientMessage::Hello { version: PROTOCOL_VERSION, flags: 0, digest: [0; 16], name: "sim".to_owned() };
        vec![Act::HangUp, Act::Connect(port), Act::Say(hello)]
    }
}
