//! The role: requests in; what may be sent, out to the executor; its ends in; answers out.

use std::collections::BTreeMap;
use std::time::Duration;

use kuafu_contract::interfaces::{ANSWER_MARGIN, HttpRequest, HttpResponse, Reply, Request};
use kuafu_contract::{Address, RoleKind, console};
use kuafu_core::{Code, Limits, Moment, Now, Refusal};
use kuafu_node::{CallBook, CallRef, Counters, Input, Output, Role};

use crate::allow::AllowList;
use crate::job::{HttpJob, Place};

const REPORT_PERIOD: Duration = Duration::from_secs(1);

/// How long a drain waits for what is under way: whoever asked is gone by then, but what was asked for may matter.
const DRAIN_MAX: Duration = Duration::from_secs(2);

/// Lines in the log of one second; a script that asks in a loop is counted, and does not fill the disk.
const LINES_PER_REPORT_MAX: u32 = 10;

/// What the role needs to know.
#[derive(Clone, Debug)]
pub struct InterfacesConfig {
    /// Its own address.
    pub address: Address,
    /// The bounds of the system.
    pub limits: Limits,
    /// What may be asked.
    pub allow: AllowList,
}

/// The number of a request at its executor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// What the role asks of its executor.
#[derive(Clone, Debug, PartialEq)]
pub enum InterfacesOut {
    /// To send a request. Exactly one [`InterfacesIn::Http`] follows, within the request's time.
    Http(Ticket, HttpJob),
}

/// What the executor brings.
#[derive(Clone, Debug, PartialEq)]
pub enum InterfacesIn {
    /// How a request ended.
    Http(Ticket, HttpEnd),
}

/// How a request ended.
#[derive(Clone, Debug, PartialEq)]
pub enum HttpEnd {
    /// A whole response came.
    Response(HttpResponse),
    /// Nothing was sent.
    NotSent(Refusal),
    /// A response came whose body is longer than it may be.
    TooLong {
        /// Its status.
        status: u16,
    },
    /// No whole response came in time.
    Late,
    /// It was sent, or may have been, and no whole response came.
    Broken(String),
}

/// Asks others on the game's behalf. See the crate's documentation.
#[derive(Debug)]
pub struct InterfacesRole {
    config: InterfacesConfig,
    book: CallBook<InterfacesOut, ()>,
    open: BTreeMap<Ticket, Open>,
    last_ticket: u64,
    counters: Counters,
    next_report: Moment,
    lines_left: u32,
    drain_until: Option<Moment>,
    drained: bool,
}

/// A request under way.
#[derive(Debug)]
struct Open {
    from: CallRef,
    /// For the log.
    origin: String,
    /// The executor has ended it by then, or never will.
    until: Moment,
}

impl InterfacesRole {
    /// A role that has not started.
    #[must_use]
    pub fn new(config: InterfacesConfig) -> Self {
        Self {
            config,
            book: CallBook::default(),
            open: BTreeMap::new(),
            last_ticket: 0,
            counters: Counters::default(),
            next_report: Moment::default(),
            lines_left: LINES_PER_REPORT_MAX,
            drain_until: None,
            drained: false,
        }
    }

    fn handle_call(&mut self, now: Now, from: CallRef, request: kuafu_contract::Request) {
        let kuafu_contract::Request::Interfaces(Request::Http(request)) = request else {
            return self.book.answer(from, Err::<Reply, _>(Code::MethodUnknown.into()));
        };
        self.counters.count("http_requests");
        match self.read(request) {
            Ok(job) => self.send(now, from, job),
            Err(refusal) => {
                self.counters.count("http_refused");
                if self.takes_line() {
                    tracing::warn!(from = %from.from, %refusal, "an HTTP request was refused");
                }
                self.book.answer(from, Err::<Reply, _>(refusal));
            }
        }
    }

    fn read(&mut self, mut request: HttpRequest) -> Result<HttpJob, Refusal> {
        let limits = &self.config.limits;
        if self.drain_until.is_some() {
            return Err(Code::ServerStopping.into());
        }
        request.within_ms = request.within_ms.min(limits.http_ms_max);
        let (bytes_max, response_bytes_max) = (limits.http_request_bytes_max, limits.http_response_bytes_max);
        let job = HttpJob::read(request, bytes_max as usize, response_bytes_max as usize)
            .map_err(|why| Refusal::new(Code::ArgumentInvalid, why.to_string()))?;
        if !self.config.allow.allows(&job.place) {
            return Err(Refusal::new(Code::NotAllowed, not_allowed(&job.place)));
        }
        let in_flight_max = limits.http_requests_in_flight_max;
        if self.open.len() >= in_flight_max as usize {
            self.counters.count("http_requests_in_flight_max");
            let text = format!("{in_flight_max} HTTP requests are under way already (http_requests_in_flight_max)");
            return Err(Refusal::new(Code::Busy, text));
        }
        Ok(job)
    }

    fn send(&mut self, now: Now, from: CallRef, job: HttpJob) {
        self.last_ticket += 1;
        let ticket = Ticket(self.last_ticket);
        // Half of the time by which the caller waits longer than the executor.
        let until = now.at + job.within + ANSWER_MARGIN / 2;
        self.open.insert(ticket, Open { from, origin: job.place.origin(), until });
        self.book.external(InterfacesOut::Http(ticket, job));
    }

    fn handle_end(&mut self, ticket: Ticket, end: HttpEnd) {
        // One that was given up before.
        let Some(Open { from, origin, .. }) = self.open.remove(&ticket) else { return };
        let answer = match end {
            HttpEnd::Response(response) => {
                self.counters.count("http_responses");
                Ok(Reply::Http(response))
            }
            HttpEnd::NotSent(refusal) => {
                self.counters.count("http_not_sent");
                if self.takes_line() {
                    tracing::warn!(to = origin, %refusal, "an HTTP request could not be sent");
                }
                Err(refusal)
            }
            HttpEnd::TooLong { status } => {
                self.counters.count("http_response_bytes_max");
                let bytes_max = self.config.limits.http_response_bytes_max;
                let text = format!(
                    "the server answered {status}, with more than {bytes_max} bytes (http_response_bytes_max); what was \
                     asked for may have been done"
                );
                if self.takes_line() {
                    tracing::warn!(to = origin, status, bytes_max, "an HTTP response was too long");
                }
                Err(Refusal::new(Code::FrameTooLarge, text))
            }
            HttpEnd::Late => {
                self.counters.count("http_ms_max");
                Ok(self.unknown(&origin, "no response came in time".to_owned()))
            }
            HttpEnd::Broken(why) => Ok(self.unknown(&origin, why)),
        };
        self.book.answer(from, answer);
    }

    fn unknown(&mut self, origin: &str, why: String) -> Reply {
        self.counters.count("http_unknown");
        if self.takes_line() {
            tracing::warn!(to = origin, why, "nobody knows how an HTTP request ended");
        }
        Reply::Unknown { why }
    }

    fn takes_line(&mut self) -> bool {
        let takes = self.lines_left > 0;
        self.lines_left = self.lines_left.saturating_sub(1);
        takes
    }

    /// What the executor has lost; that would be a fault of ours.
    fn expire(&mut self, now: Moment) {
        let lost: Vec<Ticket> =
            self.open.iter().filter(|(_, open)| open.until <= now).map(|(ticket, _)| *ticket).collect();
        for ticket in lost {
            self.counters.count("http_lost");
            self.handle_end(ticket, HttpEnd::Late);
        }
    }

    fn report(&mut self, now: Moment) {
        if now < self.next_report {
            return;
        }
        self.next_report = now + REPORT_PERIOD;
        self.lines_left = LINES_PER_REPORT_MAX;
        self.counters.set("http_in_flight", self.open.len() as f64);
        self.counters.set("http_allowed_prefixes", self.config.allow.len() as f64);
        let report = console::Report {
            from: self.config.address,
            state: if self.drain_until.is_some() { "draining" } else { "running" }.to_owned(),
            numbers: self.counters.to_numbers(),
            tick_us: Vec::new(),
        };
        self.book.notice(RoleKind::Console, console::Request::Report(report));
    }

    fn finish_drain(&mut self, now: Moment) {
        let Some(until) = self.drain_until else { return };
        if self.drained || !(self.open.is_empty() || now >= until) {
            return;
        }
        for ticket in self.open.keys().copied().collect::<Vec<_>>() {
            self.handle_end(ticket, HttpEnd::Broken("the server is stopping".to_owned()));
        }
        self.drained = true;
        self.book.drained();
    }
}

/// What is wrong, and what to write to make it right.
fn not_allowed(place: &Place) -> String {
    let origin = place.origin();
    format!(
        "{origin}/ is not among what this game may ask; to allow it, write into kuafu.toml: [http] allow = [\"{origin}/\"]"
    )
}

impl Role for InterfacesRole {
    type In = InterfacesIn;
    type Out = InterfacesOut;

    fn handle(&mut self, now: Now, input: Input<InterfacesIn>) {
        match input {
            Input::Call { from, request } => self.handle_call(now, from, request),
            Input::External(InterfacesIn::Http(ticket, end)) => self.handle_end(ticket, end),
            Input::Notice { .. } => self.counters.count("misdirected_notices"),
            Input::Drain if self.drain_until.is_none() => self.drain_until = Some(now.at + DRAIN_MAX),
            Input::Answer { .. } | Input::Start | Input::Wake | Input::Drain => {}
            Input::Frame { .. } | Input::Credit { .. } | Input::LinkDown { .. } => {}
        }
        self.expire(now.at);
        self.report(now.at);
        self.finish_drain(now.at);
    }

    fn poll_output(&mut self) -> Option<Output<InterfacesOut>> {
        self.book.poll()
    }

    fn next_wake(&self) -> Option<Moment> {
        let soonest = self.open.values().map(|open| open.until).chain(self.drain_until).min();
        (!self.drained).then(|| soonest.map_or(self.next_report, |at| at.min(self.next_report)))
    }
}
