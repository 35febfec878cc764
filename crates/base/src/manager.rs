//! The base-manager: places logins on bases by load.
//!
//! What it knows comes from the bases' reports; a new one knows all again after a second. A base that has not reported
//! for [`SILENCE_MAX`] is not given logins.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use kuafu_contract::base_manager::{Load, Reply, Request};
use kuafu_contract::{Address, RoleKind, console, login};
use kuafu_core::{Code, Moment, Now, RecordId, Refusal};
use kuafu_node::{CallBook, Counters, Input, Output, Role};
use rustc_hash::FxHashMap;

/// A base that has not reported for so long is taken for dead.
pub const SILENCE_MAX: Duration = Duration::from_secs(4);

/// For how long a place that was given counts as taken, before the base's own report says so.
const PLACED_FOR: Duration = Duration::from_secs(2);

const SECOND: Duration = Duration::from_secs(1);

/// Places logins.
#[derive(Debug)]
pub struct BaseManagerRole {
    address: Address,
    bases: BTreeMap<Address, (Load, Moment)>,
    /// Where the players are that are in the game.
    online: FxHashMap<RecordId, Address>,
    /// Places given that no report counts yet.
    placed: VecDeque<(Moment, Address)>,
    /// Somebody was told that all is full since the last SeatsFree.
    was_full: bool,
    book: CallBook<(), ()>,
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
            was_full: false,
            book: CallBook::default(),
            counters: Counters::default(),
            next_second: Moment::default(),
            drained: false,
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
            Request::Place { .. } => {}
        }
    }

    fn turn(&mut self, now: Moment) {
        self.placed.retain(|(at, _)| now.since(*at) < PLACED_FOR);
        if now < self.next_second {
            return;
        }
        self.next_second = now + SECOND;
        self.bases.retain(|_, (_, heard)| now.since(*heard) < SILENCE_MAX);
        self.counters.set("bases", self.bases.len() as f64);
        self.counters.set("players", self.online.len() as f64);
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
            Input::Call { from, .. } => self.book.answer(from, Err::<Reply, _>(Refusal::from(Code::NotAllowed))),
            Input::Notice { request: kuafu_contract::Request::BaseManager(request), .. } => {
                self.handle_notice(now.at, request);
            }
            Input::LinkDown { peer } => {
                self.bases.remove(&peer);
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
