//! The base-manager: places logins and entities on bases by load, keeps the directory, and has global entities made.
//!
//! What it knows comes from the bases' reports; a new one knows all again after a second. A base that has not reported
//! for [`SILENCE_MAX`] is not given logins.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use kuafu_contract::base_manager::{Load, Reply, Request};
use kuafu_contract::{Address, CallId, Outcome, RoleKind, base, console, login};
use kuafu_core::{Code, Limits, Moment, Now, RecordId, Refusal, TypeNo};
use kuafu_node::{CallBook, Counters, Input, Output, Role};
use rustc_hash::FxHashMap;

use crate::directory::Authority;

/// A base that has not reported for so long is taken for dead.
pub const SILENCE_MAX: Duration = Duration::from_secs(4);

/// For how long a place that was given counts as taken, before the base's own report says so.
const PLACED_FOR: Duration = Duration::from_secs(2);

const SECOND: Duration = Duration::from_secs(1);

/// A base that was told to make a global entity has so long until its name is claimed; then another is asked.
const MAKING_MAX: Duration = Duration::from_secs(5);

/// An entity type of which a realm has exactly one.
#[derive(Clone, Debug)]
pub struct GlobalType {
    /// The type.
    pub ty: TypeNo,
    /// Its name, which is also the name that the entity holds.
    pub name: String,
}

/// Why it made a call.
#[derive(Debug)]
enum Purpose {
    /// A base makes the entity of a global type.
    MakeGlobal(TypeNo),
}

/// Places logins.
#[derive(Debug)]
pub struct BaseManagerRole {
    address: Address,
    bases: BTreeMap<Address, (Load, Moment)>,
    /// Where the players are that are in the game.
    online: FxHashMap<RecordId, Address>,
    /// Places given that no report counts yet.
    placed: VecDeque<(Moment, Address)>,
    /// The same for entities without a player.
    placed_entities: VecDeque<(Moment, Address)>,
    authority: Authority,
    globals: Vec<GlobalType>,
    /// Until when the making of a global entity is waited for.
    making: BTreeMap<TypeNo, Moment>,
    /// Somebody was told that all is full since the last SeatsFree.
    was_full: bool,
    book: CallBook<(), Purpose>,
    counters: Counters,
    next_second: Moment,
    drained: bool,
}

impl BaseManagerRole {
    /// A manager that knows nothing yet.
    #[must_use]
    pub fn new(address: Address) -> Self {
        Self {
            address,
            bases: BTreeMap::new(),
            online: FxHashMap::default(),
            placed: VecDeque::new(),
            placed_entities: VecDeque::new(),
            authority: Authority::new(address, &Limits::default()),
            globals: Vec::new(),
            making: BTreeMap::new(),
            was_full: false,
            book: CallBook::default(),
            counters: Counters::default(),
            next_second: Moment::default(),
            drained: false,
        }
    }

    /// With the bounds of a project.
    #[must_use]
    pub fn with_limits(mut self, limits: &Limits) -> Self {
        self.authority = Authority::new(self.address, limits);
        self.with_globals_reserved()
    }

    /// Has exactly one entity of each of these types made, as soon as there is a base.
    #[must_use]
    pub fn with_globals(mut self, globals: Vec<GlobalType>) -> Self {
        self.globals = globals;
        self.with_globals_reserved()
    }

    fn with_globals_reserved(mut self) -> Self {
        for global in &self.globals {
            self.authority.reserve(&global.name, global.ty);
        }
        self
    }

    /// The least loaded base for an entity that needs no seat.
    fn place_entity(&mut self, now: Moment) -> Option<Address> {
        let given = |base: &Address| {
            let placed = self.placed.iter().chain(&self.placed_entities);
            placed.filter(|(_, place)| place == base).count() as u32
        };
        let ready = self.bases.values().filter(|(load, _)| !load.draining);
        let (_, base) = ready.map(|(load, _)| (load.entities + given(&load.base), load.base)).min()?;
        self.placed_entities.push_back((now, base));
        self.counters.count("entities_placed");
        Some(base)
    }

    /// Global entities that nobody holds the name of are made on the least loaded base.
    fn make_globals(&mut self, now: Moment) {
        if !self.authority.is_settled() {
            return;
        }
        for global in self.globals.clone() {
            let waits = self.making.get(&global.ty).is_some_and(|until| *until > now);
            if waits || self.authority.state().named(&global.name).is_some() {
                continue;
            }
            let Some(base) = self.place_entity(now) else { return };
            self.making.insert(global.ty, now + MAKING_MAX);
            self.counters.count("globals_made");
            self.book.call(base, base::Request::MakeGlobal { ty: global.ty }, Purpose::MakeGlobal(global.ty));
        }
    }

    fn handle_answer(&mut self, now: Moment, call: CallId, outcome: &Outcome) {
        let Some(Purpose::MakeGlobal(ty)) = self.book.close(call) else { return };
        if !matches!(outcome, Outcome::Value(_)) {
            tracing::warn!(%ty, ?outcome, "a global entity could not be made; it is tried again");
            self.making.insert(ty, now + SECOND);
        }
    }

    fn place(&mut self, now: Moment, role: RecordId) -> Reply {
        if let Some(base) = self.online.get(&role).filter(|base| self.bases.contains_key(base)) {
            return Reply::Place(*base);
        }
        let given = |base: &Address| self.placed.iter().filter(|(_, place)| place == base).count() as u32;
        let free = self.bases.values().filter(|(load, _)| !load.draining).filter_map(|(load, _)| {
            let players = load.players + given(&load.base);
            (players < load.players_max).then_some((players, load.base))
        });
        match free.min() {
            Some((_, base)) => {
                self.placed.push_back((now, base));
                self.counters.count("placed");
                Reply::Place(base)
            }
            None => {
                self.was_full = true;
                self.counters.count("full");
                Reply::Full
            }
        }
    }

    fn handle_notice(&mut self, now: Moment, request: Request) {
        match request {
            Request::Report(load) => {
                let has_room = load.players < load.players_max && !load.draining;
                self.bases.insert(load.base, (load, now));
                if has_room && std::mem::take(&mut self.was_full) {
                    self.book.notice(RoleKind::Login, login::Request::SeatsFree);
                }
            }
            Request::Online { role, base } => {
                self.online.insert(role, base);
            }
            Request::Offline { role, base } => {
                if self.online.get(&role) == Some(&base) {
                    self.online.remove(&role);
                }
            }
            Request::Follow { by, manager, number } => {
                self.authority.follow(now, by, manager, number, &mut self.book);
            }
            Request::Hold(held) => self.authority.hold(now, held, &mut self.book, &mut self.counters),
            Request::Withdraw { service, entity } => self.authority.withdraw(service, entity),
            Request::Unclaim { name, entity } => self.authority.unclaim(name, entity),
            Request::Place { .. }
            | Request::PlaceEntity
            | Request::Provide { .. }
            | Request::Claim { .. }
            | Request::Share { .. } => {}
        }
    }

    fn turn(&mut self, now: Moment) {
        self.placed.retain(|(at, _)| now.since(*at) < PLACED_FOR);
        self.placed_entities.retain(|(at, _)| now.since(*at) < PLACED_FOR);
        self.authority.turn(now, &mut self.book);
        self.make_globals(now);
        if now < self.next_second {
            return;
        }
        self.next_second = now + SECOND;
        self.bases.retain(|_, (_, heard)| now.since(*heard) < SILENCE_MAX);
        self.counters.set("bases", self.bases.len() as f64);
        self.counters.set("players", self.online.len() as f64);
        self.counters.set("directory_entries", self.authority.state().entries_len() as f64);
        self.counters.set("shared_entries", self.authority.state().shared_len() as f64);
        let report = console::Report {
            from: self.address,
            state: "running".to_owned(),
            numbers: self.counters.to_numbers(),
            tick_us: Vec::new(),
        };
        self.book.notice(RoleKind::Console, console::Request::Report(report));
    }
}

impl Role for BaseManagerRole {
    type In = ();
    type Out = ();

    fn handle(&mut self, now: Now, input: Input<()>) {
        match input {
            Input::Call { from, request: kuafu_contract::Request::BaseManager(Request::Place { role }) } => {
                let reply = self.place(now.at, role);
                self.book.answer(from, Ok(reply));
            }
            Input::Call { from, request: kuafu_contract::Request::BaseManager(Request::PlaceEntity) } => {
                let reply = self.place_entity(now.at).map_or(Reply::Full, Reply::Place);
                self.book.answer(from, Ok(reply));
            }
            Input::Call { from, request: kuafu_contract::Request::BaseManager(request) } => {
                self.authority.ask(now.at, from, request, &mut self.book);
            }
            Input::Call { from, .. } => self.book.answer(from, Err::<Reply, _>(Refusal::from(Code::NotAllowed))),
            Input::Notice { request: kuafu_contract::Request::BaseManager(request), .. } => {
                self.handle_notice(now.at, request);
            }
            Input::Answer { call, outcome } => self.handle_answer(now.at, call, &outcome),
            Input::LinkDown { peer } => {
                self.bases.remove(&peer);
                self.authority.gone(peer);
            }
            Input::Drain => {
                self.drained = true;
                self.book.drained();
            }
            _ => {}
        }
        self.turn(now.at);
    }

    fn poll_output(&mut self) -> Option<Output<()>> {
        self.book.poll()
    }

    fn next_wake(&self) -> Option<Moment> {
        (!self.drained).then_some(self.next_second)
    }
}
