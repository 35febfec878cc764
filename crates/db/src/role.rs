//! The role: requests in, store commands out, results in, answers out.

use std::collections::BTreeMap;
use std::time::Duration;

use kuafu_contract::db::{Reply, Request};
use kuafu_contract::{Address, RoleKind, console};
use kuafu_core::{Code, Limits, Moment, Now, Refusal, WallTime};
use kuafu_node::{CallBook, CallRef, Counters, Input, Output, Role};
use kuafu_store::{StoreCommand, StoreReply, StoreResult, Ticket};

use crate::load::Spans;

/// Milliseconds for which an operation id is remembered. A batch that is sent again later than this may be done twice.
pub const OPERATION_AGE_MAX_MS: u64 = 3_600_000;

/// Claims, releases and lists in flight; further ones are refused with Busy. Commits have `saves_in_flight_max`.
pub const REQUESTS_IN_FLIGHT_MAX: usize = 4_096;

const REPORT_PERIOD: Duration = Duration::from_secs(1);
const PURGE_PERIOD: Duration = Duration::from_secs(60);

/// What a db needs to know.
#[derive(Clone, Debug)]
pub struct DbConfig {
    /// Its own address.
    pub address: Address,
    /// The bounds of the system.
    pub limits: Limits,
}

/// The `db` role. Its executor takes commands under tickets and brings results under the same tickets.
#[derive(Debug)]
pub struct DbRole {
    config: DbConfig,
    book: CallBook<(Ticket, StoreCommand), ()>,
    waiting: BTreeMap<Ticket, Waiting>,
    next_ticket: u64,
    commits_in_flight: usize,
    counters: Counters,
    commit_spans: Spans,
    next_report: Moment,
    next_purge: Moment,
    draining: bool,
    drained: bool,
}

/// What a ticket stands for.
#[derive(Debug)]
struct Waiting {
    /// Who wants the answer; nobody for a notice and for the role's own commands.
    from: Option<CallRef>,
    kind: Kind,
    since: Moment,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Claim,
    Commit,
    Other,
    Own,
}

impl DbRole {
    /// A db that has not started.
    #[must_use]
    pub fn new(config: DbConfig) -> Self {
        Self {
            config,
            book: CallBook::default(),
            waiting: BTreeMap::new(),
            next_ticket: 1,
            commits_in_flight: 0,
            counters: Counters::default(),
            commit_spans: Spans::default(),
            next_report: Moment::default(),
            next_purge: Moment::default(),
            draining: false,
            drained: false,
        }
    }

    fn handle_request(&mut self, now: Now, from: Option<CallRef>, request: kuafu_contract::Request) {
        let refusal = match request {
            _ if self.draining => Code::ServerStopping.into(),
            kuafu_contract::Request::Db(request) => match self.admit(&request) {
                Ok(kind) => return self.submit(now, from, kind, command(request, now.wall)),
                Err(code) => {
                    self.counters.count("busy");
                    code.into()
                }
            },
            _ => Refusal::new(Code::Malformed, "a db was asked what is none of its business"),
        };
        if let Some(from) = from {
            self.book.answer(from, Err::<Reply, _>(refusal));
        }
    }

    /// Whether there is room for the request.
    fn admit(&self, request: &Request) -> Result<Kind, Code> {
        let others = self.waiting.len() - self.commits_in_flight;
        let (kind, in_flight, max) = match request {
            Request::Commit { .. } => {
                (Kind::Commit, self.commits_in_flight, self.config.limits.saves_in_flight_max as usize)
            }
            Request::Claim { .. } => (Kind::Claim, others, REQUESTS_IN_FLIGHT_MAX),
            Request::Release { .. } | Request::Autoload { .. } | Request::Find { .. } => {
                (Kind::Other, others, REQUESTS_IN_FLIGHT_MAX)
            }
        };
        if in_flight < max { Ok(kind) } else { Err(Code::Busy) }
    }

    fn submit(&mut self, now: Now, from: Option<CallRef>, kind: Kind, command: StoreCommand) {
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        match &command {
            StoreCommand::Commit { writes, .. } => {
                self.commits_in_flight += 1;
                self.counters.count("commits");
                self.counters.add("rows", writes.len() as f64);
            }
            StoreCommand::Claim { .. } => self.counters.count("claims"),
            StoreCommand::Release { .. } => self.counters.count("releases"),
            _ => {}
        }
        self.waiting.insert(ticket, Waiting { from, kind, since: now.at });
        self.book.external((ticket, command));
    }

    fn handle_result(&mut self, now: Now, ticket: Ticket, result: StoreResult) {
        let Some(waiting) = self.waiting.remove(&ticket) else {
            self.counters.count("results_unexpected");
            return;
        };
        if waiting.kind == Kind::Commit {
            self.commits_in_flight -= 1;
            self.commit_spans.add(now.at.since(waiting.since));
        }
        self.count_result(&result);
        let answer = match result {
            Ok(StoreReply::Entity(reply)) => Ok(reply),
            Ok(_) => Err(Code::ServerFault.into()),
            Err(refusal) => Err(refusal),
        };
        if let Some(from) = waiting.from {
            self.book.answer(from, answer);
        }
        self.finish_drain();
    }

    fn count_result(&mut self, result: &StoreResult) {
        match result {
            Ok(StoreReply::Entity(Reply::Committed { created, stale, refused })) => {
                self.counters.add("created", created.len() as f64);
                self.counters.add("stale", stale.len() as f64);
                self.counters.add("refused", refused.len() as f64);
            }
            Ok(_) => {}
            Err(Refusal { code: Code::Stale, .. }) => self.counters.count("stale"),
            Err(Refusal { code: Code::Busy, .. }) => self.counters.count("busy"),
            Err(Refusal { code: Code::DeadlinePassed, .. }) => self.counters.count("unknown"),
            Err(Refusal { code: Code::StoreFailed, .. }) => self.counters.count("failed"),
            Err(_) => self.counters.count("refused"),
        }
    }

    fn wake(&mut self, now: Now) {
        if now.at >= self.next_report {
            self.next_report = now.at + REPORT_PERIOD;
            self.report();
        }
        if now.at >= self.next_purge && !self.draining {
            self.next_purge = now.at + PURGE_PERIOD;
            let before = WallTime(now.wall.0.saturating_sub(OPERATION_AGE_MAX_MS));
            self.submit(now, None, Kind::Own, StoreCommand::PurgeOperations { before });
        }
    }

    fn report(&mut self) {
        let [p50, p99, max] = self.commit_spans.take_ms();
        self.counters.set("commit_ms_p50", p50);
        self.counters.set("commit_ms_p99", p99);
        self.counters.set("commit_ms_max", max);
        self.counters.set("queue", self.waiting.len() as f64);
        let report = console::Report {
            from: self.config.address,
            state: if self.draining { "draining" } else { "running" }.to_owned(),
            numbers: self.counters.to_numbers(),
            tick_us: Vec::new(),
        };
        self.book.notice(RoleKind::Console, console::Request::Report(report));
    }

    /// All that was taken in is answered before the role ends.
    fn finish_drain(&mut self) {
        if self.draining && !self.drained && self.waiting.is_empty() {
            self.drained = true;
            self.report();
            self.book.drained();
        }
    }
}

impl Role for DbRole {
    type In = (Ticket, StoreResult);
    type Out = (Ticket, StoreCommand);

    fn handle(&mut self, now: Now, input: Input<Self::In>) {
        match input {
            Input::Start | Input::Wake => self.wake(now),
            Input::Call { from, request } => self.handle_request(now, Some(from), request),
            Input::Notice { request, .. } => self.handle_request(now, None, request),
            Input::External((ticket, result)) => self.handle_result(now, ticket, result),
            Input::Drain => {
                self.draining = true;
                self.finish_drain();
            }
            // It makes no calls and has no links.
            Input::Answer { .. } | Input::Frame { .. } | Input::Credit { .. } | Input::LinkDown { .. } => {}
        }
    }

    fn poll_output(&mut self) -> Option<Output<Self::Out>> {
        self.book.poll()
    }

    fn next_wake(&self) -> Option<Moment> {
        Some(if self.draining { self.next_report } else { self.next_report.min(self.next_purge) })
    }
}

fn command(request: Request, at: WallTime) -> StoreCommand {
    match request {
        Request::Claim { ty, record, by, or_create } => StoreCommand::Claim { ty, record, by, or_create },
        Request::Commit { operation, by, whole, writes } => StoreCommand::Commit { operation, by, whole, writes, at },
        Request::Release { ty, record, epoch, by } => StoreCommand::Release { ty, record, epoch, by },
        Request::Autoload { ty, after, limit } => StoreCommand::Autoload { ty, after, limit },
        Request::Find { ty, by } => StoreCommand::Find { ty, by },
    }
}
