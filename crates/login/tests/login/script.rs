//! A role with a hand on its clock, its clients and the answers that it gets.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use kuafu_contract::{
    Address, CallId, Outcome, Reply, Request, RoleKind, Target, accounts, base, base_manager, console, login,
};
use kuafu_core::{AccountId, Code, Epoch, Incarnation, Limits, Moment, Now, RealmNo, RecordId, Refusal, WallTime};
use kuafu_edge::{CloseReason, ConnId, EdgeCommand, EdgeEvent};
use kuafu_login::{LoginConfig, LoginRole};
use kuafu_node::{Input, Output, Role};
use kuafu_wire::{ClientMessage, Message, Password, ServerMessage, decode_packet};

pub(crate) const DIGEST: [u8; 16] = [7; 16];
pub(crate) const ACCOUNT: AccountId = AccountId(5);
pub(crate) const ROLE: RecordId = RecordId(1_000_001);
pub(crate) const DELETED_ROLE: RecordId = RecordId(1_000_002);

pub(crate) fn address(role: RoleKind, incarnation: u32) -> Address {
    Address { role, incarnation: Incarnation(incarnation) }
}

pub(crate) fn base_address(incarnation: u32) -> Address {
    address(RoleKind::Base, incarnation)
}

/// A call that waits for its answer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Asked {
    pub(crate) call: CallId,
    pub(crate) to: Target,
    pub(crate) request: Request,
}

pub(crate) struct Script {
    pub(crate) role: LoginRole,
    pub(crate) at: Moment,
    pub(crate) asked: VecDeque<Asked>,
    pub(crate) notices: Vec<Request>,
    pub(crate) drained: bool,
    pub(crate) established: BTreeSet<ConnId>,
    said: BTreeMap<ConnId, Vec<ServerMessage>>,
    ended: BTreeSet<ConnId>,
    next_conn: u32,
}

impl Script {
    pub(crate) fn new() -> Self {
        Self::with(Limits::default())
    }

    pub(crate) fn with(limits: Limits) -> Self {
        Self::configured(limits, |_| ())
    }

    pub(crate) fn configured(limits: Limits, change: impl FnOnce(&mut LoginConfig)) -> Self {
        let mut config = LoginConfig {
            address: address(RoleKind::Login, 9),
            limits,
            digest: DIGEST,
            schema_json: "{\"types\":[]}".to_owned(),
            server_name: "plaza".to_owned(),
            realm: RealmNo(1),
            registration_open: true,
        };
        change(&mut config);
        let mut script = Self {
            role: LoginRole::new(config),
            at: Moment(1_000_000),
            asked: VecDeque::new(),
            notices: Vec::new(),
            drained: false,
            established: BTreeSet::new(),
            said: BTreeMap::new(),
            ended: BTreeSet::new(),
            next_conn: 0,
        };
        script.input(Input::Start);
        script
    }

    pub(crate) fn input(&mut self, input: Input<EdgeEvent>) {
        self.role.handle(Now { at: self.at, wall: WallTime(0) }, input);
        while let Some(output) = self.role.poll_output() {
            match output {
                Output::Call { call, to, request } => self.asked.push_back(Asked { call, to, request }),
                Output::Notice { request, .. } => self.notices.push(request),
                Output::External(command) => self.command(command),
                Output::Drained => {
                    assert!(!self.drained, "drained twice");
                    self.drained = true;
                }
                Output::Answer { result, .. } => assert!(result.is_err()),
                Output::Frame { .. } => panic!("a login has no links"),
            }
        }
    }

    fn command(&mut self, command: EdgeCommand) {
        let mut tell = |conn, message| {
            assert!(!self.ended.contains(&conn), "{conn:?} is over and is told {message:?}");
            self.said.entry(conn).or_default().push(message);
        };
        match command {
            EdgeCommand::Send { conn, bytes } => {
                for message in decode_packet::<ServerMessage>(&bytes) {
                    tell(conn, message.expect("a sound message"));
                }
            }
            EdgeCommand::Close { conn, code, text } => {
                tell(conn, ServerMessage::error(&Refusal { code, text }, true, 0));
                self.ended.insert(conn);
            }
            EdgeCommand::Finish { conn } => {
                assert!(self.ended.insert(conn));
            }
            EdgeCommand::Established { conn } => {
                self.established.insert(conn);
            }
        }
    }

    /// Lets time pass second by second.
    pub(crate) fn pass(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.at = self.at + Duration::from_secs(1);
            self.input(Input::Wake);
        }
    }

    pub(crate) fn open(&mut self) -> ConnId {
        self.open_from("192.0.2.1:1000")
    }

    pub(crate) fn open_from(&mut self, address: &str) -> ConnId {
        self.next_conn += 1;
        let conn = ConnId::new(self.next_conn, 1);
        self.input(Input::External(EdgeEvent::Opened { conn, address: address.parse().unwrap() }));
        conn
    }

    pub(crate) fn lose(&mut self, conn: ConnId) {
        self.ended.insert(conn);
        self.input(Input::External(EdgeEvent::Closed { conn, reason: CloseReason::ByClient }));
    }

    pub(crate) fn say(&mut self, conn: ConnId, message: &ClientMessage) {
        let mut packet = BytesMut::new();
        message.encode(&mut packet);
        self.say_raw(conn, packet.freeze());
    }

    pub(crate) fn say_raw(&mut self, conn: ConnId, packet: Bytes) {
        self.input(Input::External(EdgeEvent::Packets { conn, packets: vec![packet] }));
    }

    /// What a client was told since the last look.
    pub(crate) fn heard(&mut self, conn: ConnId) -> Vec<ServerMessage> {
        self.said.remove(&conn).unwrap_or_default()
    }

    /// The one Error that a client was told: its code, whether it is fatal, what it answers.
    pub(crate) fn error(&mut self, conn: ConnId) -> (Code, bool, u8) {
        match &self.heard(conn)[..] {
            [ServerMessage::Error { code, fatal, answers, .. }] => {
                assert_eq!(*fatal, self.is_over(conn));
                (Code::from_number(*code).unwrap(), *fatal, *answers)
            }
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn is_over(&self, conn: ConnId) -> bool {
        self.ended.contains(&conn)
    }

    /// The oldest call that was not answered.
    pub(crate) fn next_call(&mut self) -> Asked {
        self.asked.pop_front().expect("a call")
    }

    pub(crate) fn answer(&mut self, asked: &Asked, outcome: Outcome) {
        self.input(Input::Answer { call: asked.call, outcome });
    }

    /// Answers the oldest call, which must be this request.
    pub(crate) fn expect(&mut self, to: impl Into<Target>, request: impl Into<Request>, reply: impl Into<Reply>) {
        self.expect_outcome(to, request, Outcome::Value(reply.into()));
    }

    pub(crate) fn expect_outcome(&mut self, to: impl Into<Target>, request: impl Into<Request>, outcome: Outcome) {
        let asked = self.next_call();
        assert_eq!((asked.to, &asked.request), (to.into(), &request.into()));
        self.answer(&asked, outcome);
    }

    pub(crate) fn seats_free(&mut self) {
        let from = address(RoleKind::BaseManager, 2);
        self.input(Input::Notice { from, request: login::Request::SeatsFree.into() });
    }

    pub(crate) fn number(&mut self, name: &str) -> f64 {
        self.notices.clear();
        self.pass(1);
        let report = self.notices.iter().rev().find_map(|notice| match notice {
            Request::Console(console::Request::Report(report)) => Some(report),
            _ => None,
        });
        report.expect("a report").numbers.iter().find(|(n, _)| n == name).map_or(0.0, |(_, value)| *value)
    }

    /// Notices other than reports, since the last look.
    pub(crate) fn told_others(&mut self) -> Vec<Request> {
        let notices = std::mem::take(&mut self.notices);
        notices.into_iter().filter(|notice| !matches!(notice, Request::Console(_))).collect()
    }

    // The way through the states, step by step.

    pub(crate) fn greet(&mut self) -> ConnId {
        let conn = self.open();
        self.say(conn, &hello());
        assert_eq!(self.heard(conn).len(), 1);
        conn
    }

    pub(crate) fn log_in(&mut self) -> ConnId {
        let conn = self.greet();
        self.say(conn, &login_message());
        let asked = self.asked.pop_back().expect("a call");
        self.answer(&asked, Outcome::Value(account().into()));
        assert!(matches!(self.heard(conn)[..], [ServerMessage::LoggedIn { .. }]));
        conn
    }

    /// Up to the point where the base-manager was asked for a base, or the client waits.
    pub(crate) fn select(&mut self) -> ConnId {
        let conn = self.log_in();
        self.say(conn, &ClientMessage::RoleSelect { role: ROLE });
        conn
    }

    pub(crate) fn expect_place(&mut self, reply: base_manager::Reply) {
        self.expect(RoleKind::BaseManager, base_manager::Request::Place { role: ROLE }, reply);
    }

    pub(crate) fn expect_open(&mut self, previous: Option<accounts::Previous>) {
        let reply = accounts::Reply::Session { epoch: Epoch(8), role_name: "Kua".to_owned(), previous };
        self.expect(RoleKind::Accounts, open_session(), reply);
    }

    pub(crate) fn expect_admit(&mut self, base: Address) {
        self.expect(base, admit(), ticket());
    }
}

pub(crate) fn hello() -> ClientMessage {
    ClientMessage::Hello { version: 1, flags: 0, digest: DIGEST, name: "test".to_owned() }
}

pub(crate) fn login_message() -> ClientMessage {
    ClientMessage::Login { account: "ann".to_owned(), password: Password("secret".to_owned()) }
}

pub(crate) fn authenticate() -> accounts::Request {
    accounts::Request::Authenticate { name: "ann".to_owned(), password: "secret".to_owned() }
}

pub(crate) fn account() -> accounts::Reply {
    let role = |id, name: &str, deleted_at| accounts::Role { id, name: name.to_owned(), deleted_at };
    accounts::Reply::Account { account: ACCOUNT, roles: vec![role(ROLE, "Kua", 0), role(DELETED_ROLE, "Old", 77)] }
}

pub(crate) fn open_session() -> accounts::Request {
    accounts::Request::OpenSession { account: ACCOUNT, role: ROLE }
}

pub(crate) fn close_session() -> Request {
    accounts::Request::CloseSession { account: ACCOUNT, epoch: Epoch(8) }.into()
}

pub(crate) fn admit() -> base::Request {
    base::Request::Admit { account: ACCOUNT, epoch: Epoch(8), role: ROLE, role_name: "Kua".to_owned() }
}

pub(crate) fn ticket() -> base::Reply {
    base::Reply::Ticket { token: [3; 16], host: String::new(), port: 10_000 }
}

pub(crate) fn enter() -> ServerMessage {
    ServerMessage::Enter { ticket: [3; 16], host: String::new(), port: 10_000 }
}

pub(crate) fn refused(code: Code) -> Outcome {
    Outcome::Refused(code.into())
}
