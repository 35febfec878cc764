//! A base on the bench: it is fed inputs, its outputs are kept, and its calls are answered as the test wants.

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use kuafu_contract::link::{self, Event, encode_events};
use kuafu_contract::{Address, CallId, Outcome, Reply, Request, RoleKind, accounts, base, cell_manager, db};
use kuafu_core::{
    AccountId, Chance, Code, EntityId, Epoch, Incarnation, Limits, MethodNo, Moment, Now, OperationId, RecordId,
    Refusal, SpaceId, Value, WallTime,
};
use kuafu_def::{Definitions, Part};
use kuafu_edge::{CloseReason, ConnId, EdgeCommand, EdgeEvent};
use kuafu_node::{CallRef, Input, Output, Role};
use kuafu_wire::message::CallOutcome;
use kuafu_wire::{ClientMessage, Message, PROTOCOL_VERSION, ServerMessage, Writer, decode_packet, encode_arguments};

use super::logic::{Seen, TestLogic};
use crate::{BaseConfig, BaseRole, GameRules};

pub(super) const CELL: Address = Address { role: RoleKind::Cell, incarnation: Incarnation(50) };
pub(super) const CELL_NEXT: Address = Address { role: RoleKind::Cell, incarnation: Incarnation(51) };
const LOGIN: Address = Address { role: RoleKind::Login, incarnation: Incarnation(60) };

const AVATAR: &str = r#"
[entity]
parts = ["base", "cell", "client"]
[properties.gold]
type = "int64"
visible = "own-client"
persistent = true
[methods.base.bank]
exposed = "owner"
arguments = [{ name = "amount", type = "int32", min = 0 }]
result = "int64"
[methods.base.gold_add]
exposed = "owner"
arguments = [{ name = "amount", type = "int32" }]
result = "int64"
[methods.client.heard]
arguments = [{ name = "text", type = "string" }]
"#;

const GUILD: &str = r#"
[entity]
parts = ["base"]
[properties.gold]
type = "int64"
persistent = true
[properties.name]
type = "string"
persistent = true
unique = true
[methods.base.greet]
arguments = [{ name = "amount", type = "int32" }]
result = "int64"
"#;

const IDS: &str = r#"
[types]
avatar = 1
guild = 2
[properties.avatar]
gold = 1
[properties.guild]
gold = 1
name = 2
[methods.avatar]
"base.bank" = 1
"base.gold_add" = 2
"client.heard" = 3
[methods.guild]
"base.greet" = 2
"#;

pub(super) struct Bench {
    pub(super) base: BaseRole,
    now: Now,
    seen: Seen,
    calls: VecDeque<(CallId, Request)>,
    requests: Vec<Request>,
    answers: BTreeMap<CallRef, Result<Reply, Refusal>>,
    commands: Vec<EdgeCommand>,
    frames: Vec<(Address, Bytes)>,
    queued: Arc<Mutex<BTreeMap<ConnId, u32>>>,
    drained: bool,
    next_call: u64,
    link_sequence: u32,
}

pub(super) fn conn(number: u32) -> ConnId {
    ConnId::new(number, 1)
}

pub(super) fn account(number: u64) -> AccountId {
    AccountId(number)
}

pub(super) fn operation(request: &Request) -> OperationId {
    let Request::Db(db::Request::Commit { operation, .. }) = request else { panic!("no commit: {request:?}") };
    *operation
}

pub(super) fn refused(message: &ServerMessage) -> Option<(u32, u16)> {
    let ServerMessage::Result { number, outcome: CallOutcome::Refused { code, .. } } = message else { return None };
    Some((*number, *code))
}

fn definitions() -> Arc<Definitions> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("avatar.toml"), AVATAR).expect("written");
    std::fs::write(folder.path().join("guild.toml"), GUILD).expect("written");
    std::fs::write(folder.path().join("ids.lock"), IDS).expect("written");
    Arc::new(Definitions::load(folder.path()).expect("sound definitions").definitions)
}

impl Bench {
    pub(super) fn new() -> Self {
        let definitions = definitions();
        let queued: Arc<Mutex<BTreeMap<ConnId, u32>>> = Arc::default();
        let gauge = queued.clone();
        let config = BaseConfig {
            address: Address { role: RoleKind::Base, incarnation: Incarnation(40) },
            limits: Limits::default(),
            schema_json: definitions.client_schema_json().into(),
            game: GameRules {
                role_type: definitions.by_name("avatar").expect("it is there").no,
                start_space: Some(SpaceId(1)),
                spaces: [("plaza".to_owned(), SpaceId(1))].into(),
                ..GameRules::default()
            },
            definitions,
            server_name: "bench".into(),
            listen: (String::new(), 1234),
            queued_bytes: Arc::new(move |conn| {
                gauge.lock().expect("unpoisoned").get(&conn).copied().unwrap_or_default()
            }),
        };
        let seen = Seen::default();
        let logic = seen.clone();
        let base = BaseRole::new(config, Chance::from_seed(1), |_: Rc<_>| Ok(Box::new(TestLogic::new(logic))));
        let mut bench = Self {
            base: base.expect("a base"),
            now: Now { at: Moment(1_000_000), wall: WallTime(0) },
            seen,
            calls: VecDeque::new(),
            requests: Vec::new(),
            answers: BTreeMap::new(),
            commands: Vec::new(),
            frames: Vec::new(),
            queued,
            drained: false,
            next_call: 0,
            link_sequence: 0,
        };
        bench.feed(Input::Start);
        bench
    }

    pub(super) fn limits(&self) -> Limits {
        Limits::default()
    }

    fn feed(&mut self, input: Input<EdgeEvent>) {
        self.base.handle(self.now, input);
        while let Some(output) = self.base.poll_output() {
            match output {
                Output::Call { call, request, .. } => {
                    self.requests.push(request.clone());
                    self.calls.push_back((call, request));
                }
                Output::Notice { request, .. } => self.requests.push(request),
                Output::Answer { to, result } => {
                    self.answers.insert(to, result);
                }
                Output::Frame { peer, frame } => self.frames.push((peer, frame)),
                Output::External(command) => self.commands.push(command),
                Output::Drained => self.drained = true,
            }
        }
    }

    /// Lets time pass, with the base awake as often as it wants.
    pub(super) fn pass_ms(&mut self, span: u64) {
        let end = self.now.at + Duration::from_millis(span);
        while self.now.at < end {
            self.now.at = self.base.next_wake().unwrap_or(end).max(self.now.at + Duration::from_millis(1)).min(end);
            self.feed(Input::Wake);
        }
    }

    pub(super) fn open(&mut self, conn: ConnId) {
        let address = ([127, 0, 0, 1], 999).into();
        self.feed(Input::External(EdgeEvent::Opened { conn, address }));
    }

    pub(super) fn close(&mut self, conn: ConnId) {
        self.feed(Input::External(EdgeEvent::Closed { conn, reason: CloseReason::ByClient }));
    }

    pub(super) fn packet(&mut self, conn: ConnId, bytes: Vec<u8>) {
        self.feed(Input::External(EdgeEvent::Packets { conn, packets: vec![bytes.into()] }));
    }

    pub(super) fn say(&mut self, conn: ConnId, message: ClientMessage) {
        let mut bytes = BytesMut::new();
        message.encode(&mut bytes);
        self.packet(conn, bytes.to_vec());
    }

    pub(super) fn greet(&mut self, conn: ConnId) {
        self.open(conn);
        self.say(
            conn,
            ClientMessage::Hello { version: PROTOCOL_VERSION, flags: 0, digest: [0; 16], name: "bench".into() },
        );
    }

    /// Somebody tells the base something.
    pub(super) fn notice(&mut self, request: impl Into<Request>) {
        self.feed(Input::Notice { from: LOGIN, request: request.into() });
    }

    /// Logic wants something.
    pub(super) fn effect(&mut self, effect: kuafu_logic::Effect) {
        self.base.directory_effect(effect);
        self.feed(Input::Wake);
    }

    /// The type has exactly one entity from now on.
    pub(super) fn make_global(&mut self, ty: kuafu_core::TypeNo) {
        let mut definitions = (*self.base.config.definitions).clone();
        let global = definitions.types.get_mut(&ty).expect("it is there");
        let mut changed = (**global).clone();
        changed.is_global = true;
        *global = Arc::new(changed);
        self.base.config.definitions = Arc::new(definitions);
    }

    /// Logic runs this release from now on, as if it had been made with it.
    pub(super) fn run_release(&mut self, no: u64) {
        let release = kuafu_logic::Release { no, bytes: [].into() };
        self.base.host.stage(&release).expect("it can be loaded");
        self.base.host.activate(self.now, no).expect("it is staged");
    }

    pub(super) fn ask(&mut self, request: impl Into<Request>) -> CallRef {
        self.next_call += 1;
        let from = CallRef { from: LOGIN, call: CallId(self.next_call) };
        self.feed(Input::Call { from, request: request.into() });
        from
    }

    pub(super) fn answer_to(&self, call: CallRef) -> Option<Result<Reply, Refusal>> {
        self.answers.get(&call).cloned()
    }

    pub(super) fn admit(&mut self, account: u64, epoch: u64) -> [u8; 16] {
        let role = RecordId(1_000_000 + account);
        let request =
            base::Request::Admit { account: AccountId(account), epoch: Epoch(epoch), role, role_name: "Ada".into() };
        let call = self.ask(request);
        match self.answer_to(call) {
            Some(Ok(Reply::Base(base::Reply::Ticket { token, .. }))) => token,
            other => panic!("no ticket: {other:?}"),
        }
    }

    /// Greets, attaches, and has the session placed.
    pub(super) fn attach(&mut self, conn: ConnId, token: [u8; 16]) {
        self.greet(conn);
        self.say(conn, ClientMessage::Attach { token });
        self.reply(
            |request| matches!(request, Request::Accounts(accounts::Request::PlaceSession { .. })),
            accounts::Reply::Placed,
        );
    }

    /// All the way into the game.
    pub(super) fn come_in(&mut self, conn: ConnId, account: u64, epoch: u64) -> EntityId {
        let token = self.admit(account, epoch);
        self.attach(conn, token);
        let record = db::Record { record: RecordId(1_000_000 + account), values: vec![], place: None };
        self.reply(
            |request| matches!(request, Request::Db(db::Request::Claim { .. })),
            db::Reply::Claimed { epoch: Epoch(1), record, created: false, cell_created: false },
        );
        if self.calls.iter().any(|(_, request)| matches!(request, Request::CellManager(_))) {
            self.reply(|request| matches!(request, Request::CellManager(_)), cell_manager::Reply::Cell(CELL));
        }
        let role = self.base.config.game.role_type;
        self.base.entities.of_record(role, RecordId(1_000_000 + account)).expect("it is in the game")
    }

    /// Takes the first open call of a kind.
    pub(super) fn find(&mut self, is_it: impl Fn(&Request) -> bool) -> Request {
        self.take_call(is_it).1
    }

    /// The first open call of a kind, which stays open.
    pub(super) fn unanswered(&self, is_it: impl Fn(&Request) -> bool) -> Request {
        let found = self.calls.iter().find(|(_, request)| is_it(request));
        found.unwrap_or_else(|| panic!("no such call among {:?}", self.calls)).1.clone()
    }

    fn take_call(&mut self, is_it: impl Fn(&Request) -> bool) -> (CallId, Request) {
        let place = self.calls.iter().position(|(_, request)| is_it(request));
        let place = place.unwrap_or_else(|| panic!("no such call among {:?}", self.calls));
        self.calls.remove(place).expect("it was just found")
    }

    pub(super) fn reply(&mut self, is_it: impl Fn(&Request) -> bool, reply: impl Into<Reply>) {
        let (call, _) = self.take_call(is_it);
        self.feed(Input::Answer { call, outcome: Outcome::Value(reply.into()) });
    }

    pub(super) fn refuse(&mut self, is_it: impl Fn(&Request) -> bool, code: Code) {
        let (call, _) = self.take_call(is_it);
        self.feed(Input::Answer { call, outcome: Outcome::Refused(code.into()) });
    }

    pub(super) fn unknown(&mut self, is_it: impl Fn(&Request) -> bool) -> Request {
        let (call, request) = self.take_call(is_it);
        self.feed(Input::Answer { call, outcome: Outcome::Unknown });
        request
    }

    /// Lets the db do all that it is asked, until it is asked for nothing more.
    pub(super) fn settle_db(&mut self) {
        self.pass_ms(1_100);
        for _ in 0..20 {
            while let Some(place) = self.calls.iter().position(|(_, request)| matches!(request, Request::Db(_))) {
                let (call, request) = self.calls.remove(place).expect("it was just found");
                let reply = match request {
                    Request::Db(db::Request::Commit { .. }) => {
                        db::Reply::Committed { created: vec![], stale: vec![], refused: vec![] }
                    }
                    _ => db::Reply::Released,
                };
                self.feed(Input::Answer { call, outcome: Outcome::Value(reply.into()) });
            }
            self.pass_ms(20);
        }
    }

    pub(super) fn call_own(&mut self, conn: ConnId, method: u16, number: u32, argument: Value) {
        self.call(conn, EntityId::NONE, method, number, argument);
    }

    pub(super) fn call(&mut self, conn: ConnId, entity: EntityId, method: u16, number: u32, argument: Value) {
        let ty = self.base.config.definitions.by_name("avatar").expect("it is there").clone();
        let mut arguments = BytesMut::new();
        if let Some(method) = ty.method(MethodNo(method)) {
            encode_arguments(method, &[argument], &mut Writer::new(&mut arguments)).expect("it fits");
        }
        let (part, method, arguments) = (Part::Base, MethodNo(method), arguments.freeze());
        self.say(conn, ClientMessage::Call { number, entity, part, method, arguments });
    }

    pub(super) fn frame(&mut self, frame: Bytes) {
        self.feed(Input::Frame { peer: CELL, frame });
    }

    pub(super) fn cell_says(&mut self, events: Vec<Event>) {
        self.link_sequence += 1;
        self.frame(encode_events(self.link_sequence, &events));
    }

    pub(super) fn lose_cell(&mut self) {
        self.pass_ms(20);
        self.feed(Input::LinkDown { peer: CELL });
        self.reply(|request| matches!(request, Request::CellManager(_)), cell_manager::Reply::Cell(CELL_NEXT));
    }

    /// What went to a peer since the last time.
    pub(super) fn events_to(&mut self, peer: Address) -> Vec<Event> {
        let (its, others): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.frames).into_iter().partition(|(to, _)| *to == peer);
        self.frames = others;
        its.iter()
            .flat_map(|(_, frame)| match link::decode(frame).expect("our own frames are sound") {
                link::Frame::Events { events, .. } => events,
                link::Frame::World(_) => panic!("a base sends no world"),
            })
            .collect()
    }

    /// The witness number of the only client.
    pub(super) fn witness(&mut self) -> u32 {
        self.pass_ms(20);
        let numbers = self.events_to(CELL).into_iter().filter_map(|event| match event {
            Event::AttachWitness { witness, .. } => Some(witness),
            _ => None,
        });
        numbers.last().expect("a witness was attached")
    }

    pub(super) fn queue(&self, conn: ConnId, bytes: u32) {
        self.queued.lock().expect("unpoisoned").insert(conn, bytes);
    }

    pub(super) fn drain(&mut self) {
        self.commands.clear();
        self.feed(Input::Drain);
    }

    pub(super) fn is_drained(&self) -> bool {
        self.drained
    }

    pub(super) fn commands(&self) -> &[EdgeCommand] {
        &self.commands
    }

    pub(super) fn requests(&self) -> &[Request] {
        &self.requests
    }

    pub(super) fn hooks(&self, entity: EntityId) -> Vec<&'static str> {
        self.seen.borrow().iter().filter(|(id, _)| *id == entity).map(|(_, hook)| *hook).collect()
    }

    /// How many writes a client got since it was last asked what it was told.
    pub(super) fn sends(&self, to: ConnId) -> usize {
        self.commands.iter().filter(|c| matches!(c, EdgeCommand::Send { conn, .. } if *conn == to)).count()
    }

    /// What a client was told since the last time.
    pub(super) fn told(&mut self, to: ConnId) -> Vec<ServerMessage> {
        let mut told = Vec::new();
        self.commands.retain(|command| match command {
            EdgeCommand::Send { conn, bytes } if *conn == to => {
                told.extend(decode_packet(bytes).map(|message| message.expect("our own messages are sound")));
                false
            }
            _ => true,
        });
        told
    }

    pub(super) fn resume_token(&mut self, conn: ConnId) -> [u8; 16] {
        let tokens = self.told(conn).into_iter().filter_map(|message| match message {
            ServerMessage::Attached { resume, .. } => Some(resume),
            _ => None,
        });
        tokens.last().expect("it was attached")
    }

    pub(super) fn closed_with(&self, to: ConnId) -> Option<Code> {
        self.commands.iter().find_map(|command| match command {
            EdgeCommand::Close { conn, code, .. } if *conn == to => Some(*code),
            _ => None,
        })
    }
}
