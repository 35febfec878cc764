//! What `kuafu-node`'s driver does, on virtual time: inputs in, outputs out, deadlines, credit, wakes.

use std::time::Duration;

use kuafu_contract::{Address, Body, CallId, Outcome, Reply, Request, Target};
use kuafu_core::{Code, Refusal};
use kuafu_node::{CallRef, Input, Output};
use kuafu_region::accounts::{HashJob, HashOutcome};
use kuafu_store::{StoreCommand, Ticket};

use super::{Event, Realm};
use crate::part::{Brought, Part, Wanted};
use crate::post::{Delivery, recode};

impl Realm {
    /// One input, and all that comes of it at once.
    pub(super) fn feed(&mut self, address: Address, input: Input<Brought>) {
        let Some(mut part) = self.directory.get_mut(&address).and_then(|instance| instance.part.take()) else { return };
        let is_loud = is_loud(&input);
        self.trace.input(self.at, address, &input, is_loud);
        let is_wake = matches!(input, Input::Wake);
        part.handle(self.now(), input);
        // A death falls between two inputs, or between two outputs of one.
        let dies = !is_wake && self.death_is_due(address);
        let outputs_max = if dies { self.chance.between(0, 4).unsigned_abs() } else { u64::MAX };
        self.carry(address, &mut *part, outputs_max);
        while let Some((call, outcome)) = self.next_instant(address).filter(|_| !dies) {
            self.trace.input(self.at, address, &(call, &outcome), true);
            part.handle(self.now(), Input::Answer { call, outcome });
            self.carry(address, &mut *part, u64::MAX);
        }
        if dies {
            self.kill(address);
            return;
        }
        let next = part.next_wake();
        if let Some(instance) = self.directory.get_mut(&address) {
            instance.part = Some(part);
        }
        if let Some(at) = next {
            self.plan_wake(address, at);
        }
    }

    fn next_instant(&mut self, address: Address) -> Option<(CallId, Outcome)> {
        let instance = self.directory.get_mut(&address)?;
        let (call, outcome) = instance.instant.pop_front()?;
        instance.open.remove(&call);
        Some((call, outcome))
    }

    fn plan_wake(&mut self, address: Address, at: kuafu_core::Moment) {
        let late = self.us(0, 1_500);
        let Some(instance) = self.directory.get_mut(&address) else { return };
        let at = at.max(self.at) + late.max(Duration::from_micros(50));
        if instance.wake_at.is_none_or(|planned| at < planned) {
            instance.wake_at = Some(at);
            self.plan_event(at.since(self.at), Event::Wake(address));
        }
    }

    pub(super) fn wake(&mut self, address: Address) {
        let now = self.at;
        let Some(instance) = self.directory.get_mut(&address) else { return };
        if instance.wake_at == Some(now) {
            instance.wake_at = None;
            self.feed(address, Input::Wake);
        }
    }

    fn carry(&mut self, from: Address, part: &mut dyn Part, outputs_max: u64) {
        let mut carried = 0;
        while let Some(output) = part.poll().filter(|_| carried < outputs_max) {
            carried += 1;
            let is_loud = !matches!(&output, Output::Notice { request: Request::Console(_), .. });
            self.trace.output(self.at, from, &output, is_loud);
            match output {
                Output::Call { call, to, request } => self.carry_call(from, call, to, request),
                Output::Notice { to, request } => self.carry_notice(from, to, request),
                Output::Answer { to, result } => self.carry_answer(from, to, result),
                Output::Frame { peer, frame } => {
                    if self.directory.contains_key(&peer) {
                        self.links.insert(if from < peer { (from, peer) } else { (peer, from) });
                        self.post(from, peer, Delivery::Frame { peer: from, frame });
                    } else {
                        part.handle(self.now(), Input::LinkDown { peer });
                    }
                }
                Output::External(what) => self.execute(from, what),
                Output::Drained => {
                    self.laws.break_law("nobody-ends-unasked", format!("{from} says that it is drained"))
                }
            }
        }
    }

    fn post(&mut self, from: Address, to: Address, delivery: Delivery) {
        if let Some((at, draw)) = self.post.send(self.at, from, to, &delivery).filter(|_| !self.is_cut(from, to)) {
            self.queue.push(at, draw, Event::Deliver(to, delivery));
        }
    }

    fn resolve(&mut self, to: Target) -> Option<Address> {
        match to {
            Target::At(address) => self.directory.contains_key(&address).then_some(address),
            Target::Any(role) => {
                let instances: Vec<Address> =
                    self.directory.keys().filter(|address| address.role == role).copied().collect();
                self.turn += 1;
                (!instances.is_empty()).then(|| instances[self.turn % instances.len()])
            }
        }
    }

    /// What is left of a message after its encoding.
    fn recode(&mut self, body: &Body) -> Option<Body> {
        let decoded = recode(body);
        if decoded.is_none() {
            self.laws.break_law("messages-survive-encoding", format!("{body:?}"));
        }
        decoded
    }

    fn carry_call(&mut self, from: Address, call: CallId, to: Target, request: Request) {
        let Some(Body::Call(call, request)) = self.recode(&Body::Call(call, request)) else { return };
        let target = self.resolve(to);
        let deadline = Duration::from_millis(self.limits.call_deadline_ms);
        let Some(instance) = self.directory.get_mut(&from) else { return };
        if !instance.open.insert(call) {
            self.laws.break_law("calls-have-own-numbers", format!("{from} gave {call:?} twice"));
            return;
        }
        match target {
            Some(to) => {
                self.plan_event(deadline, Event::Deadline(from, call));
                self.post(from, to, Delivery::Call { from: CallRef { from, call }, request });
            }
            None => instance.instant.push_back((call, Outcome::Refused(Code::Unavailable.into()))),
        }
    }

    fn carry_notice(&mut self, from: Address, to: Target, request: Request) {
        let Some(to) = self.resolve(to) else { return };
        if let Some(Body::Notice(request)) = self.recode(&Body::Notice(request)) {
            self.post(from, to, Delivery::Notice { from, request });
        }
    }

    fn carry_answer(&mut self, from: Address, to: CallRef, result: Result<Reply, Refusal>) {
        if self.owed.remove(&(from, to)).is_none() {
            self.laws.break_law("one-answer-a-call", format!("{from} answered {to:?} twice or unasked"));
        }
        if let Some(Body::Answer(call, result)) = self.recode(&Body::Answer(to.call, result)) {
            self.post(from, to.from, Delivery::Answer { call, result });
        }
    }

    pub(super) fn deliver(&mut self, to: Address, delivery: Delivery) {
        if !self.directory.contains_key(&to) {
            // Whoever is gone is answered for.
            if let Delivery::Call { from, .. } = delivery {
                let result = Err(Code::Unavailable.into());
                self.post(to, from.from, Delivery::Answer { call: from.call, result });
            }
            return;
        }
        match delivery {
            Delivery::Call { from, request } => {
                self.owed.insert((to, from), self.at);
                self.feed(to, Input::Call { from, request });
            }
            Delivery::Notice { from, request } => self.feed(to, Input::Notice { from, request }),
            Delivery::Answer { call, result: Ok(reply) } => self.end_call(to, call, Outcome::Value(reply)),
            Delivery::Answer { call, result: Err(refusal) } => self.end_call(to, call, Outcome::Refused(refusal)),
            Delivery::Frame { peer, frame } => {
                self.feed(to, Input::Frame { peer, frame });
                if self.directory.contains_key(&to) && self.directory.contains_key(&peer) {
                    self.post(to, peer, Delivery::Credit { peer: to, frames: 1 });
                }
            }
            Delivery::Credit { peer, frames } => self.feed(to, Input::Credit { peer, frames }),
            Delivery::LinkDown { peer } => self.feed(to, Input::LinkDown { peer }),
        }
    }

    pub(super) fn end_call(&mut self, address: Address, call: CallId, outcome: Outcome) {
        if self.directory.get_mut(&address).is_some_and(|instance| instance.open.remove(&call)) {
            self.feed(address, Input::Answer { call, outcome });
        }
    }

    fn execute(&mut self, from: Address, what: Wanted) {
        match what {
            Wanted::Edge(command) => self.edge_command(from, command),
            Wanted::Store(ticket, command) => self.ask_store(from, ticket, command),
            Wanted::Hash(ticket, job) => {
                let outcome = match job {
                    HashJob::Make { password, .. } => HashOutcome::Made(hash(&password)),
                    HashJob::Check { password, stored } => HashOutcome::Checked(stored == Some(hash(&password))),
                };
                let after = self.us(100, 5_000);
                self.plan_event(after, Event::Brought(from, Brought::Hashed(ticket, outcome)));
            }
            Wanted::Nothing => {}
        }
    }

    /// Commands that write take effect in the order in which they were asked for; reads go by themselves.
    fn ask_store(&mut self, from: Address, ticket: Ticket, command: StoreCommand) {
        let at = self.at + self.us(200, 15_000);
        let at = if command.is_read() {
            at
        } else {
            self.store_latest = (self.store_latest + Duration::from_micros(1)).max(at);
            self.store_latest
        };
        self.plan_event(at.since(self.at), Event::Store(from, ticket, command));
    }

    pub(super) fn do_store(&mut self, from: Address, ticket: Ticket, command: &StoreCommand) {
        let (refuses, unknown) =
            if self.calm { (0.0, 0.0) } else { (self.plan.store_refuses, self.plan.store_unknown) };
        let draw = self.chance.unit();
        let is_done = draw >= refuses && (draw >= refuses + unknown || self.chance.unit() < 0.5);
        let mut result = Err(Refusal::from(Code::StoreFailed));
        if is_done {
            result = self.store.run(command);
            self.laws.store_did(command, &result, &self.store);
        }
        self.trace.event(self.at, format_args!("store {command:?} -> {result:?}"));
        if draw >= refuses && draw < refuses + unknown {
            result = Err(Refusal::from(Code::DeadlinePassed));
        }
        let after = self.us(10, 2_000);
        self.plan_event(after, Event::Brought(from, Brought::Store(ticket, result)));
    }
}

fn hash(password: &str) -> String {
    format!("hash of {password}")
}

/// Whether somebody who reads along wants to see it.
fn is_loud(input: &Input<Brought>) -> bool {
    !matches!(input, Input::Wake | Input::Credit { .. } | Input::Frame { .. } | Input::Notice { .. })
}
