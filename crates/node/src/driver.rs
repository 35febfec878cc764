//! The loop of one role: wait, handle, carry.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crossbeam_channel::{never, select};
use kuafu_bus::{Delivery, LocalBus};
use kuafu_contract::{Address, Body, CallId, Envelope, Outcome, Reply, Request, console};
use kuafu_core::{Clock, Limits, Moment, Refusal};

use crate::mailbox::{Mailbox, Owed};
use crate::role::{CallRef, Input, Output, Role};

/// Carries out what a role asks of its own executor.
pub trait Executor<X> {
    /// Takes one request. Must not block; results come back through the role's external lane.
    fn execute(&mut self, request: X);
}

impl<X, F: FnMut(X)> Executor<X> for F {
    fn execute(&mut self, request: X) {
        self(request);
    }
}

/// The longest a role sleeps without looking around.
const IDLE_WAIT: Duration = Duration::from_millis(500);

/// A role to which much comes looks for it once in this span, instead of being woken for each.
///
/// A wake costs both threads a system call; thousands of clients would cause as many a second. What is owed to the role
/// (frames, answers) still wakes it at once.
const PACE: Duration = Duration::from_millis(4);

/// So many inputs within [`PACE`] are much.
const RUSH_INPUTS: u32 = 8;

/// How many inputs a lane gives before calls and timers are looked at again.
const BATCH: usize = 1024;

/// How a role's loop ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Drained,
    Died,
}

pub(crate) struct Driver<'a, R: Role, X> {
    pub(crate) role: R,
    pub(crate) address: Address,
    pub(crate) mailbox: Mailbox<R::In>,
    pub(crate) bus: LocalBus,
    pub(crate) clock: &'a dyn Clock,
    pub(crate) executor: X,
    pub(crate) limits: Limits,
    /// Soonest first.
    pub(crate) deadlines: VecDeque<(Moment, CallId)>,
    pub(crate) open: BTreeSet<CallId>,
    /// Outcomes that the bus gave at once; handled before anything that waits.
    pub(crate) instant: VecDeque<(CallId, Outcome)>,
    pub(crate) external_open: bool,
    pub(crate) drained: bool,
    pub(crate) rush: Rush,
    pub(crate) pulse: Arc<Pulse>,
}

/// Since when a role is at its present input, seen from outside its thread.
#[derive(Debug, Default)]
pub(crate) struct Pulse(AtomicU64);

impl Pulse {
    fn begin(&self, now: Moment) {
        self.0.store(now.0.max(1), Ordering::Relaxed);
    }

    fn end(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    /// When the present input began; `None` between inputs.
    pub(crate) fn since(&self) -> Option<Moment> {
        Some(Moment(self.0.load(Ordering::Relaxed))).filter(|at| at.0 != 0)
    }
}

/// Whether much comes to the role.
#[derive(Debug, Default)]
pub(crate) struct Rush {
    since: Moment,
    inputs: u32,
    on: bool,
}

impl Rush {
    /// Notes one input that did not have to wake the role.
    fn note(&mut self) {
        self.inputs += 1;
    }

    /// Judges the span that has passed, when it was long enough.
    fn judge(&mut self, now: Moment) {
        if now.since(self.since) >= PACE {
            let spans = (now.since(self.since).as_micros() / PACE.as_micros()) as u32;
            self.on = self.inputs >= RUSH_INPUTS.saturating_mul(spans);
            self.since = now;
            self.inputs = 0;
        }
    }
}

impl<R: Role, X: Executor<R::Out>> Driver<'_, R, X> {
    pub(crate) fn run(mut self) -> End {
        self.feed(Input::Start);
        while !self.drained {
            self.expire_calls();
            if self.role.next_wake().is_some_and(|at| at <= self.clock.now().at) {
                self.feed(Input::Wake);
                if self.drained {
                    break;
                }
            }
            if !self.receive() {
                return End::Died;
            }
        }
        End::Drained
    }

    /// Waits for one input, then takes what else is there, up to a bound, without waiting. `false` to die.
    fn receive(&mut self) -> bool {
        let now = self.clock.now().at;
        let wake = self.role.next_wake().unwrap_or(Moment::NEVER);
        let deadline = self.deadlines.front().map_or(Moment::NEVER, |(at, _)| *at);
        let wait = wake.min(deadline).since(now).min(IDLE_WAIT);
        self.rush.judge(now);
        if self.rush.on {
            return self.receive_paced(wait.min(PACE));
        }
        let Mailbox { messages, owed, external } = &self.mailbox;
        // A closed external lane is a role without an executor: it must not spin.
        let silent = never();
        let external = if self.external_open { external } else { &silent };
        select! {
            recv(owed.receiver) -> what => match what {
                Ok(what) => {
                    owed.taken();
                    if !self.take_owed(what) {
                        return false;
                    }
                }
                Err(_) => return false,
            },
            recv(messages.receiver) -> delivery => if let Ok(delivery) = delivery {
                messages.taken();
                self.rush.note();
                self.take(delivery);
            },
            recv(external) -> what => match what {
                Ok(what) => {
                    self.rush.note();
                    self.feed(Input::External(what));
                }
                Err(_) => self.external_open = false,
            },
            default(wait) => return true,
        }
        self.take_waiting()
    }

    /// Waits for what is owed to the role, no longer than its pace; then takes all that is there.
    fn receive_paced(&mut self, wait: Duration) -> bool {
        match self.mailbox.owed.receiver.recv_timeout(wait) {
            Ok(what) => {
                self.mailbox.owed.taken();
                self.take_owed(what) && self.take_waiting()
            }
            Err(crossbeam_channel::RecvTimeoutError::Timeout) => self.take_waiting(),
            Err(crossbeam_channel::RecvTimeoutError::Disconnected) => false,
        }
    }

    fn take_waiting(&mut self) -> bool {
        for _ in 0..BATCH {
            let mut idle = true;
            if let Some(what) = self.mailbox.owed.try_take() {
                idle = false;
                if !self.take_owed(what) {
                    return false;
                }
            }
            if let Ok(what) = self.mailbox.external.try_recv() {
                idle = false;
                self.rush.note();
                self.feed(Input::External(what));
            }
            if let Some(delivery) = self.mailbox.messages.try_take() {
                idle = false;
                self.rush.note();
                self.take(delivery);
            }
            if idle || self.drained {
                break;
            }
        }
        true
    }

    fn take_owed(&mut self, what: Owed) -> bool {
        match what {
            Owed::Delivery(delivery) => self.take(delivery),
            Owed::Drain => self.feed(Input::Drain),
            Owed::Die => return false,
        }
        true
    }

    fn take(&mut self, delivery: Delivery) {
        match delivery {
            Delivery::Envelope(Envelope { from, body, .. }) => match body {
                Body::Call(call, request) => self.feed(Input::Call { from: CallRef { from, call }, request }),
                Body::Notice(request) => self.feed(Input::Notice { from, request }),
                Body::Answer(call, result) => self.end_call(call, outcome(result)),
            },
            Delivery::Frame { peer, frame } => {
                self.feed(Input::Frame { peer, frame });
                self.bus.credit(self.address, peer, 1);
            }
            Delivery::Credit { peer, frames } => self.feed(Input::Credit { peer, frames }),
            Delivery::LinkDown { peer } => self.feed(Input::LinkDown { peer }),
        }
    }

    fn end_call(&mut self, call: CallId, outcome: Outcome) {
        if self.open.remove(&call) {
            self.feed(Input::Answer { call, outcome });
        }
    }

    fn expire_calls(&mut self) {
        let now = self.clock.now().at;
        while let Some((at, call)) = self.deadlines.front().copied() {
            if at > now {
                break;
            }
            self.deadlines.pop_front();
            self.end_call(call, Outcome::Unknown);
        }
    }

    /// One input, and all that comes of it at once.
    fn feed(&mut self, input: Input<R::In>) {
        let now = self.clock.now();
        self.pulse.begin(now.at);
        self.role.handle(now, input);
        self.carry();
        while let Some((call, outcome)) = self.instant.pop_front() {
            if self.open.remove(&call) {
                self.role.handle(self.clock.now(), Input::Answer { call, outcome });
                self.carry();
            }
        }
        self.pulse.end();
    }

    fn carry(&mut self) {
        while let Some(output) = self.role.poll_output() {
            match output {
                Output::Call { call, to, request } => self.carry_call(call, to, request),
                Output::Notice { to, request } => {
                    let request = self.add_process_numbers(request);
                    if let Err(refusal) = self.bus.send(self.address, to, Body::Notice(request)) {
                        tracing::trace!(%refusal, from = %self.address, "a notice found nobody");
                    }
                }
                Output::Answer { to, result } => {
                    let body = Body::Answer(to.call, result);
                    if let Err(refusal) = self.bus.send(self.address, to.from.into(), body) {
                        tracing::debug!(%refusal, from = %self.address, "an answer found nobody");
                    }
                }
                Output::Frame { peer, frame } => {
                    if let Err(refusal) = self.bus.frame(self.address, peer, frame) {
                        tracing::debug!(%refusal, from = %self.address, to = %peer, "a frame was lost");
                        self.role.handle(self.clock.now(), Input::LinkDown { peer });
                    }
                }
                Output::External(what) => self.executor.execute(what),
                Output::Drained => self.drained = true,
            }
        }
    }

    /// A role cannot know what its thread costs; its driver adds that to the reports that pass.
    fn add_process_numbers(&self, request: Request) -> Request {
        let Request::Console(console::Request::Report(mut report)) = request else { return request };
        report.numbers.push(("thread_cpu_ms".to_owned(), thread_cpu_ms()));
        let waiting =
            self.mailbox.messages.receiver.len() + self.mailbox.owed.receiver.len() + self.mailbox.external.len();
        report.numbers.push(("mailbox_waiting".to_owned(), waiting as f64));
        report.numbers.push(("process_id".to_owned(), f64::from(std::process::id())));
        report.numbers.push(("process_rss_mib".to_owned(), process_rss_mib()));
        report.numbers.sort_by(|a, b| a.0.cmp(&b.0));
        Request::Console(console::Request::Report(report))
    }

    fn carry_call(&mut self, call: CallId, to: kuafu_contract::Target, request: Request) {
        self.open.insert(call);
        let usual = Duration::from_millis(self.limits.call_deadline_ms);
        let deadline = self.clock.now().at + request.answer_within().unwrap_or(usual);
        let place = self.deadlines.partition_point(|(other, _)| *other <= deadline);
        self.deadlines.insert(place, (deadline, call));
        if let Err(refusal) = self.bus.send(self.address, to, Body::Call(call, request)) {
            self.instant.push_back((call, Outcome::Refused(refusal)));
        }
    }
}

fn outcome(result: Result<Reply, Refusal>) -> Outcome {
    match result {
        Ok(reply) => Outcome::Value(reply),
        Err(refusal) => Outcome::Refused(refusal),
    }
}

/// CPU time of the calling thread, in milliseconds.
fn thread_cpu_ms() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 / 1e6
}

/// Resident memory of the process, in MiB; 0 where the system does not tell.
fn process_rss_mib() -> f64 {
    let pages = std::fs::read_to_string("/proc/self/statm")
        .ok()
        .and_then(|text| text.split(' ').nth(1).and_then(|pages| pages.parse::<f64>().ok()));
    pages.unwrap_or_default() * rustix::param::page_size() as f64 / (1024.0 * 1024.0)
}
