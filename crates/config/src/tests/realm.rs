//! A realm around the role: bases and cells that may die, start late and not answer, and a bus that a test holds.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use kuafu_contract::config::{Event, EventKind, Request as Asked, Status};
use kuafu_contract::{Address, CallId, Outcome, Request, RoleKind, Target, console, logic};
use kuafu_core::{Code, EntityId, Incarnation, Limits, Moment, Now, Refusal, WallTime};
use kuafu_logic::{Fault, Releases};
use kuafu_node::{Input, Output, Role};

use super::host::TextHost;
use crate::{ConfigRole, ConfigSettings, In, Saved};

pub(super) const CONFIG: Address = Address { role: RoleKind::Config, incarnation: Incarnation(1) };
pub(super) const FIRST: &str = "first";

pub(super) fn cell(number: u32) -> Address {
    Address { role: RoleKind::Cell, incarnation: Incarnation(number) }
}

pub(super) fn base(number: u32) -> Address {
    Address { role: RoleKind::Base, incarnation: Incarnation(number) }
}

/// What is on its way.
#[derive(Debug)]
pub(super) enum Mail {
    /// To a base or cell; an answer is wanted under the number.
    Request(Option<CallId>, logic::Request),
    /// To the role.
    Answer(CallId, Outcome),
    /// To the role.
    Running(Asked),
}

pub(super) struct Node {
    pub(super) host: TextHost,
    pub(super) releases: Releases,
    report_at: Moment,
}

pub(super) struct Realm {
    pub(super) role: ConfigRole,
    pub(super) now: Now,
    pub(super) nodes: BTreeMap<Address, Node>,
    /// By base or cell: both directions keep their own order.
    pub(super) to_nodes: BTreeMap<Address, VecDeque<Mail>>,
    pub(super) from_nodes: BTreeMap<Address, VecDeque<Mail>>,
    /// Calls without an end, and when they end as unknown.
    pub(super) open: BTreeMap<CallId, Moment>,
    pub(super) events: Vec<Event>,
    pub(super) status: Option<Status>,
    pub(super) limits: Limits,
    /// Every release that was the present one.
    pub(super) ever_present: BTreeSet<u64>,
}

impl Realm {
    pub(super) fn new(nodes: &[Address]) -> Self {
        Self::with(nodes, Limits::default())
    }

    pub(super) fn with(nodes: &[Address], limits: Limits) -> Self {
        let settings = ConfigSettings { address: CONFIG, limits: limits.clone(), first: FIRST.as_bytes().into() };
        let mut realm = Self {
            role: ConfigRole::new(settings),
            now: Now { at: Moment(1_000_000), wall: WallTime(1_000) },
            nodes: BTreeMap::new(),
            to_nodes: BTreeMap::new(),
            from_nodes: BTreeMap::new(),
            open: BTreeMap::new(),
            events: Vec::new(),
            status: None,
            limits,
            ever_present: BTreeSet::new(),
        };
        realm.input(Input::Start);
        nodes.iter().for_each(|node| realm.start(*node));
        realm.settle();
        realm
    }

    /// A base or cell starts, with what lay on disk at the start of the realm.
    pub(super) fn start(&mut self, address: Address) {
        let releases = Releases::new(self.limits.release_bytes_max);
        let node = Node { host: TextHost::new(FIRST), releases, report_at: self.now.at };
        self.nodes.insert(address, node);
        self.report(address);
    }

    /// A base or cell dies; what it had said is still on its way.
    pub(super) fn kill(&mut self, address: Address) {
        self.nodes.remove(&address);
    }

    pub(super) fn save(&mut self, text: &str) {
        self.save_files(text, &["scripts/avatar.luau"]);
    }

    pub(super) fn save_files(&mut self, text: &str, files: &[&str]) {
        let changed = files.iter().map(|file| (*file).to_owned()).collect();
        let saved = Saved { bytes: text.as_bytes().into(), changed, checked_ms: 3 };
        self.input(Input::External(In::Saved(saved)));
    }

    pub(super) fn input(&mut self, input: Input<In>) {
        self.role.handle(self.now, input);
        while let Some(output) = self.role.poll_output() {
            match output {
                Output::Call { call, to: Target::At(to), request: Request::Logic(request) } => {
                    self.open.insert(call, self.now.at + Duration::from_millis(self.limits.call_deadline_ms));
                    self.to_nodes.entry(to).or_default().push_back(Mail::Request(Some(call), request));
                }
                Output::Notice { to: Target::At(to), request: Request::Logic(request) } => {
                    self.to_nodes.entry(to).or_default().push_back(Mail::Request(None, request));
                }
                Output::Notice { request: Request::Console(console::Request::Releases(status)), .. } => {
                    self.status = Some(status);
                }
                Output::Notice { request: Request::Console(console::Request::Report(_)), .. } => {}
                Output::External(event) => self.events.push(event),
                Output::Answer { .. } | Output::Drained => {}
                other => panic!("unexpected {other:?}"),
            }
        }
        self.ever_present.insert(self.role.present.no);
    }

    fn report(&mut self, address: Address) {
        let Some(node) = self.nodes.get_mut(&address) else { return };
        node.report_at = self.now.at + Duration::from_secs(1);
        let told = node.releases.running(address, &node.host).expect("it has releases");
        self.from_nodes.entry(address).or_default().push_back(Mail::Running(told));
    }

    /// The next thing reaches a base or cell.
    pub(super) fn deliver_to(&mut self, address: Address) -> bool {
        let Some(Mail::Request(call, request)) = self.to_nodes.get_mut(&address).and_then(VecDeque::pop_front) else {
            return false;
        };
        let result = match self.nodes.get_mut(&address) {
            Some(node) => node.releases.handle(self.now, &mut node.host, request),
            None => Err(Refusal::new(Code::Unavailable, format!("no {address} can be reached"))),
        };
        if let Some(call) = call {
            let outcome = match result {
                Ok(reply) => Outcome::Value(reply.into()),
                Err(refusal) => Outcome::Refused(refusal),
            };
            self.from_nodes.entry(address).or_default().push_back(Mail::Answer(call, outcome));
        }
        true
    }

    /// The next thing from a base or cell reaches the role.
    pub(super) fn deliver_from(&mut self, address: Address) -> bool {
        match self.from_nodes.get_mut(&address).and_then(VecDeque::pop_front) {
            Some(Mail::Answer(call, outcome)) => self.end(call, outcome),
            Some(Mail::Running(request)) => {
                self.input(Input::Notice { from: address, request: Request::Config(request) });
            }
            Some(Mail::Request(..)) | None => return false,
        }
        true
    }

    fn end(&mut self, call: CallId, outcome: Outcome) {
        if self.open.remove(&call).is_some() {
            self.input(Input::Answer { call, outcome });
        }
    }

    /// Everything that is on its way arrives, and what comes of it.
    pub(super) fn settle(&mut self) {
        for _ in 0..10_000 {
            let addresses: Vec<Address> = self.to_nodes.keys().chain(self.from_nodes.keys()).copied().collect();
            let mut idle = true;
            for address in addresses {
                idle &= !self.deliver_to(address);
                idle &= !self.deliver_from(address);
            }
            if idle {
                return;
            }
        }
        panic!("it never comes to rest");
    }

    /// Time passes: roles report, calls end as unknown, the role is woken when it wants.
    pub(super) fn pass(&mut self, span: Duration) {
        let end = self.now.at + span;
        while let Some(wake) = self.role.next_wake().filter(|wake| *wake <= end) {
            self.tick(wake.max(self.now.at + Duration::from_millis(1)));
        }
        self.tick(end);
    }

    fn tick(&mut self, at: Moment) {
        self.now.at = self.now.at.max(at);
        self.now.wall = WallTime(self.now.at.millis());
        let late: Vec<CallId> = self.open.iter().filter(|(_, due)| **due <= at).map(|(call, _)| *call).collect();
        late.into_iter().for_each(|call| self.end(call, Outcome::Unknown));
        let due = self.nodes.iter().filter(|(_, node)| node.report_at <= at).map(|(address, _)| *address);
        due.collect::<Vec<_>>().into_iter().for_each(|address| self.report(address));
        self.input(Input::Wake);
    }

    /// The same, with everything delivered all the time.
    pub(super) fn play(&mut self, span: Duration) {
        let end = self.now.at + span;
        while self.now.at < end {
            self.pass(Duration::from_millis(50));
            self.settle();
        }
    }

    pub(super) fn runs(&self, address: Address) -> (u64, &str) {
        let (no, text) = &self.nodes[&address].host.runs;
        (*no, text)
    }

    pub(super) fn kinds(&self) -> Vec<EventKind> {
        self.events.iter().map(|event| event.kind).collect()
    }

    /// Logic runs into errors.
    pub(super) fn fail(&mut self, address: Address, times: u64, message: &str) {
        let node = self.nodes.get_mut(&address).expect("it lives");
        node.host.faults += times;
        node.releases.note_fault(&Fault {
            entity: EntityId(1),
            type_name: "avatar".into(),
            entry: "say".into(),
            message: message.into(),
        });
    }
}
