//! A whole realm on one thread: who lives in it, and the loop that takes one event after the other.

mod build;
mod carry;
mod edges;
mod faults;
mod finale;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use kuafu_contract::{Address, CallId, Outcome};
use kuafu_core::{Chance, Limits, Moment, Now, WallTime};
use kuafu_edge::CloseReason;
use kuafu_node::CallRef;
use kuafu_store::{StoreCommand, Ticket};

use crate::client::Client;
use crate::game::{AVATAR, definitions};
use crate::laws::{Breach, Laws};
use crate::model::{Broken, Model};
use crate::part::{Brought, Part};
use crate::plan::Plan;
use crate::post::{Delivery, Post};
use crate::queue::Queue;
use crate::trace::Trace;
use edges::{Connection, Down, Up};

/// When every realm begins.
const START: Moment = Moment(1_000_000);

/// How a run ended.
#[derive(Clone, Debug)]
pub struct Report {
    /// Its seed.
    pub seed: u64,
    /// The fingerprint of all inputs and outputs.
    pub hash: u64,
    /// The law that broke, if one did.
    pub breach: Option<Breach>,
    /// Inputs that roles took.
    pub inputs: u64,
    /// Deposits that clients saw acknowledged.
    pub acknowledged: usize,
    /// How often a client got into the game.
    pub attachments: u64,
    /// How many role instances died.
    pub deaths: u64,
}

/// Runs a realm from its beginning until all is quiet, or a law breaks. With `is_printed`, what happens goes to standard
/// error.
#[must_use]
pub fn run(plan: &Plan, broken: Option<Broken>, is_printed: bool) -> Report {
    let mut realm = Realm::new(plan.clone(), broken, is_printed);
    realm.trace.event(START, format_args!("{plan:?}"));
    realm.start();
    while realm.laws.breach.is_none() && !realm.is_over {
        let Some((at, event)) = realm.queue.pop() else { break };
        realm.at = realm.at.max(at);
        realm.laws.set_now(realm.at);
        realm.take(event);
    }
    Report {
        seed: plan.seed,
        hash: realm.trace.hash(),
        breach: realm.laws.breach.clone(),
        inputs: realm.trace.inputs(),
        acknowledged: realm.laws.acknowledged(),
        attachments: realm.attachments,
        deaths: realm.deaths,
    }
}

/// A place in the realm, filled by one instance after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Slot {
    Accounts,
    Db,
    BaseManager,
    CellManager,
    Cell,
    Base(u32),
    Login,
}

/// Something that happens at its time.
#[derive(Debug)]
enum Event {
    Start(Address),
    Deliver(Address, Delivery),
    Wake(Address),
    Deadline(Address, CallId),
    Brought(Address, Brought),
    Store(Address, Ticket, StoreCommand),
    ToServer(usize, Up),
    ToClient(usize, Down),
    /// The edge has ended a connection and tells its role.
    EdgeClosed(usize, CloseReason),
    /// Has the client shown itself in time?
    Handshake(usize),
    ClientTurn(usize),
    /// The instance in a slot dies soon.
    Doom(Slot),
    Kill(Address),
    DeclareDead(Address),
    Revive(Slot),
    FaultsEnd,
    LookAtFinale,
    End,
}

/// One role instance and what its driver keeps.
struct Instance {
    slot: Slot,
    /// `None` while it handles an input.
    part: Option<Box<dyn Part>>,
    open: BTreeSet<CallId>,
    instant: VecDeque<(CallId, Outcome)>,
    wake_at: Option<Moment>,
    /// It dies after so many inputs.
    doomed: Option<u32>,
}

struct Realm {
    plan: Plan,
    limits: Limits,
    at: Moment,
    chance: Chance,
    queue: Queue<Event>,
    post: Post,
    trace: Trace,
    laws: Laws,
    store: Model,
    /// Writes take effect in their order.
    store_latest: Moment,
    directory: BTreeMap<Address, Instance>,
    slots: BTreeMap<Slot, Address>,
    links: BTreeSet<(Address, Address)>,
    /// Instances that are declared dead and live: only the db, cells and bases still hear them.
    zombies: BTreeSet<Address>,
    turn: usize,
    connections: Vec<Connection>,
    clients: Vec<Client>,
    /// The connection of each client.
    lines: Vec<Option<usize>>,
    /// Calls that were delivered and are not answered.
    owed: BTreeMap<(Address, CallRef), Moment>,
    calm: bool,
    calm_since: Moment,
    is_over: bool,
    attachments: u64,
    deaths: u64,
}

impl Realm {
    fn new(plan: Plan, broken: Option<Broken>, is_printed: bool) -> Self {
        let clients = (0..plan.accounts * 2).map(|n| Client::new(n as usize, n / 2, &plan));
        let clients: Vec<Client> = clients.collect();
        Self {
            limits: plan.limits(),
            at: START,
            chance: Chance::from_seed(plan.seed ^ 0x7265_616c),
            queue: Queue::new(),
            post: Post::new(&plan),
            trace: Trace::new(is_printed),
            laws: Laws::default(),
            store: Model::new(definitions(), AVATAR, broken),
            store_latest: START,
            directory: BTreeMap::new(),
            slots: BTreeMap::new(),
            links: BTreeSet::new(),
            zombies: BTreeSet::new(),
            turn: 0,
            connections: Vec::new(),
            lines: vec![None; clients.len()],
            clients,
            owed: BTreeMap::new(),
            calm: false,
            calm_since: Moment::NEVER,
            is_over: false,
            attachments: 0,
            deaths: 0,
            plan,
        }
    }

    fn start(&mut self) {
        let bases = (0..self.plan.bases).map(Slot::Base);
        let fixed = [Slot::Db, Slot::Accounts, Slot::BaseManager, Slot::CellManager, Slot::Cell];
        for slot in fixed.into_iter().chain(bases).chain([Slot::Login]) {
            self.fill(slot);
        }
        for client in 0..self.clients.len() {
            self.plan_event(Duration::ZERO, Event::ClientTurn(client));
        }
        self.plan_faults();
    }

    fn now(&self) -> Now {
        Now { at: self.at, wall: WallTime(1_700_000_000_000 + self.at.millis()) }
    }

    fn plan_event(&mut self, after: Duration, event: Event) {
        let draw = self.chance.u64();
        self.queue.push(self.at + after, draw, event);
    }

    fn ms(&mut self, low: i64, high: i64) -> Duration {
        Duration::from_millis(self.chance.between(low, high).unsigned_abs())
    }

    fn us(&mut self, low: i64, high: i64) -> Duration {
        Duration::from_micros(self.chance.between(low, high).unsigned_abs())
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Start(address) => self.feed(address, kuafu_node::Input::Start),
            Event::Deliver(to, delivery) => self.deliver(to, delivery),
            Event::Wake(address) => self.wake(address),
            Event::Deadline(address, call) => self.end_call(address, call, Outcome::Unknown),
            Event::Brought(to, what) => self.feed(to, kuafu_node::Input::External(what)),
            Event::Store(from, ticket, command) => self.do_store(from, ticket, &command),
            Event::ToServer(line, up) => self.take_up(line, up),
            Event::ToClient(line, down) => self.take_down(line, &down),
            Event::EdgeClosed(line, reason) => self.edge_closed(line, reason),
            Event::Handshake(line) => self.check_handshake(line),
            Event::ClientTurn(client) => self.client_turn(client),
            Event::Doom(slot) => self.doom(slot),
            Event::Kill(address) => self.kill(address),
            Event::DeclareDead(address) => self.declare_dead(address),
            Event::Revive(slot) => self.revive(slot),
            Event::FaultsEnd => self.end_faults(),
            Event::LookAtFinale => self.look_at_finale(),
            Event::End => self.finish(),
        }
    }
}
