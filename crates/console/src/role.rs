//! The console role: takes reports, maps and faults, and publishes pictures.

use std::sync::Arc;
use std::time::Duration;

use kuafu_contract::console::{Map, Report, Request as Told};
use kuafu_contract::{Address, Outcome, Request, RoleKind, cell, config, logic};
use kuafu_core::{Code, Moment, Now, Refusal, SpaceId};
use kuafu_node::{CallBook, Counters, Input, Output, Role};

use crate::config::ConsoleConfig;
use crate::gather::Gathered;
use crate::gather::instance::Taken;
use crate::gather::releases::bounded;
use crate::gather::spaces::NAME_BYTES_MAX;
use crate::gather::text::shortened;
use crate::gather::watch::Watches;
use crate::picture::Picture;

/// How often a picture is published.
const PUBLISH_PERIOD: Duration = Duration::from_secs(1);

/// What the HTTP side brings.
#[derive(Clone, Debug, PartialEq)]
pub enum In {
    /// Somebody looks at the map of a space. Said every few seconds, as long as it is so.
    WatchMap {
        /// Which.
        space: SpaceId,
    },
    /// Start the measuring window anew.
    Reset,
    /// Put a question to the logic of a base or a cell. [`Out::Answered`] follows in any case.
    Ask {
        /// Comes back with the answer.
        number: u64,
        /// Whom.
        to: Address,
        /// What: something that looks into logic.
        request: logic::Request,
    },
    /// Somebody offered a wrong operator's token.
    TokenWrong,
}

/// What goes to the HTTP side.
#[derive(Clone, Debug, PartialEq)]
pub enum Out {
    /// All that is known, each second.
    Picture(Arc<Picture>),
    /// A map that somebody looks at.
    Map(Arc<Map>),
    /// Nobody looks at the map of this space any more.
    MapOver(SpaceId),
    /// How [`In::Ask`] ended.
    Answered {
        /// Its number.
        number: u64,
        /// A value, a refusal, or unknown.
        outcome: Outcome,
    },
}

/// Gathers what the roles tell.
#[derive(Debug)]
pub struct ConsoleRole {
    address: Address,
    gathered: Gathered,
    watches: Watches,
    counters: Counters,
    /// The purpose of a call is the number of the question.
    book: CallBook<Out, u64>,
    next_publish: Moment,
    state: &'static str,
}

impl ConsoleRole {
    /// A console that knows nothing yet.
    #[must_use]
    pub fn new(config: ConsoleConfig) -> Self {
        Self {
            address: config.address,
            gathered: Gathered::new(config),
            watches: Watches::default(),
            counters: Counters::default(),
            book: CallBook::default(),
            next_publish: Moment::NEVER,
            state: "running",
        }
    }

    fn handle_told(&mut self, now: Now, from: Address, told: Told) {
        match told {
            Told::Report(report) => self.handle_report(now, report),
            Told::Map(map) => self.handle_map(from, map),
            Told::Fault { from, type_name, entry, message } => {
                self.gathered.faults.take(now.wall, from, type_name, entry, message);
            }
            Told::Releases(status) => self.handle_releases(from, status),
        }
    }

    fn handle_report(&mut self, now: Now, report: Report) {
        let name = match self.gathered.take(now, report) {
            Some(Taken::InOrder) => "reports",
            Some(Taken::Late) => "reports_late",
            None => "reports_refused",
        };
        self.counters.count(name);
    }

    fn handle_map(&mut self, from: Address, mut map: Map) {
        let sound = map.bounds.iter().all(|bound| bound.is_finite());
        if from.role != RoleKind::Cell || !self.watches.is_watched(map.space) || !sound {
            self.counters.count("maps_unwanted");
            return;
        }
        map.dots.retain(|dot| dot.x.is_finite() && dot.z.is_finite());
        map.dots.truncate(Map::DOTS_MAX);
        map.name = shortened(map.name, NAME_BYTES_MAX);
        self.counters.count("maps");
        self.gathered.spaces.take_map(from, &map);
        self.book.external(Out::Map(Arc::new(map)));
    }

    fn handle_releases(&mut self, from: Address, status: config::Status) {
        if from.role == RoleKind::Config && status.from == from {
            self.gathered.releases = Some(bounded(status));
        } else {
            self.counters.count("releases_unwanted");
        }
    }

    fn handle_external(&mut self, now: Now, what: In) {
        match what {
            In::WatchMap { space } if self.watches.look(now.at, space) => self.ask_for_maps(now.at),
            In::WatchMap { .. } => self.counters.count("watches_refused"),
            In::Reset => {
                self.gathered.reset(now);
                self.publish(now);
            }
            In::Ask { number, to, request } => self.ask(number, to, request),
            In::TokenWrong => self.counters.count("operator_tokens_wrong"),
        }
    }

    fn ask(&mut self, number: u64, to: Address, request: logic::Request) {
        if matches!(to.role, RoleKind::Base | RoleKind::Cell) && request.is_look() {
            self.counters.count("logic_questions");
            self.book.call(to, request, number);
            return;
        }
        let refusal = Refusal::new(Code::NotAllowed, format!("{to} is no base and no cell, or this is no question"));
        self.book.external(Out::Answered { number, outcome: Outcome::Refused(refusal) });
    }

    fn handle_answer(&mut self, call: kuafu_contract::CallId, outcome: Outcome) {
        match self.book.close(call) {
            Some(number) => self.book.external(Out::Answered { number, outcome }),
            None => self.counters.count("answers_unexpected"),
        }
    }

    /// Asks the cells whose maps are looked at. A space that no living cell is known to have is asked for everywhere:
    /// a cell without it does nothing.
    fn ask_for_maps(&mut self, now: Moment) {
        for space in self.watches.take_due(now) {
            let holder = self.gathered.spaces.cell_of(space);
            let cells: Vec<_> = self.gathered.alive(RoleKind::Cell, now).map(|cell| cell.address()).collect();
            for cell in &cells {
                let has_it = holder.is_none_or(|holder| holder == *cell || !cells.contains(&holder));
                if has_it {
                    self.book.notice(*cell, cell::Request::WatchMap { space, console: self.address });
                }
            }
        }
    }

    fn handle_wake(&mut self, now: Now) {
        if now.at < self.next_publish {
            return;
        }
        self.next_publish = (self.next_publish + PUBLISH_PERIOD).max(now.at + PUBLISH_PERIOD / 2);
        for space in self.watches.expire(now.at) {
            self.book.external(Out::MapOver(space));
        }
        self.ask_for_maps(now.at);
        self.gathered.pass_second(now);
        self.publish(now);
        self.report_itself();
    }

    fn publish(&mut self, now: Now) {
        self.book.external(Out::Picture(Arc::new(self.gathered.picture(now))));
    }

    /// The console stands in its own table: its report goes the way of all others, past the driver's measures.
    fn report_itself(&mut self) {
        self.counters.set("maps_watched", self.watches.len() as f64);
        let numbers = self.counters.to_numbers();
        let report = Report { from: self.address, state: self.state.to_owned(), numbers, tick_us: Vec::new() };
        self.book.notice(self.address, Told::Report(report));
    }
}

impl Role for ConsoleRole {
    type In = In;
    type Out = Out;

    fn handle(&mut self, now: Now, input: Input<In>) {
        match input {
            Input::Start => {
                self.gathered.start(now);
                self.next_publish = now.at + PUBLISH_PERIOD;
                self.report_itself();
                self.publish(now);
            }
            Input::Notice { from, request: Request::Console(told) } => self.handle_told(now, from, told),
            Input::Notice { .. } => self.counters.count("notices_unexpected"),
            Input::Call { from, .. } => {
                self.counters.count("calls_unexpected");
                self.book.answer(from, Err::<kuafu_contract::Reply, _>(Code::Unavailable.into()));
            }
            Input::Wake => self.handle_wake(now),
            Input::External(what) => self.handle_external(now, what),
            Input::Drain => {
                self.state = "draining";
                self.publish(now);
                self.book.drained();
            }
            Input::Answer { call, outcome } => self.handle_answer(call, outcome),
            Input::Frame { .. } | Input::Credit { .. } | Input::LinkDown { .. } => {}
        }
    }

    fn poll_output(&mut self) -> Option<Output<Out>> {
        self.book.poll()
    }

    fn next_wake(&self) -> Option<Moment> {
        (self.next_publish != Moment::NEVER).then_some(self.next_publish)
    }
}
