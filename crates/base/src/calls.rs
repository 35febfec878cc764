//! Calls: from clients, from logic here, from other bases and cells; and their way to the part that is meant.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use kuafu_contract::Address;
use kuafu_contract::link::{CallMethod, Event, LinkCall, LinkCaller};
use kuafu_core::{Code, EntityId, MethodNo, Moment, Refusal, Value};
use kuafu_def::{EntityType, Exposed, Method, Part};
use kuafu_edge::ConnId;
use kuafu_logic::{Answer, AwaitId, CallToken, Caller, Failure, coerce, fit_arguments};
use kuafu_wire::message::CallOutcome;
use kuafu_wire::{Reader, ServerMessage, Writer, decode_arguments, encode_result};

use crate::role::BaseRole;

/// How a call ends: a value, a refusal, or `Err(None)` when nobody knows.
pub(crate) type Ending = Result<Value, Option<Refusal>>;

/// Who wants the answer of a call.
#[derive(Clone, Debug)]
pub(crate) enum AnswerTo {
    /// Nobody.
    Nobody,
    /// A task of logic here.
    Await(AwaitId),
    /// A client, under its number; the method tells how the result is written.
    Client { conn: ConnId, number: u32, ty: Arc<EntityType>, method: MethodNo },
    /// A peer, under its number.
    Peer { peer: Address, call: u64 },
}

/// Where a call comes from.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    pub(crate) caller: LinkCaller,
    pub(crate) answer: AnswerTo,
    pub(crate) hops: u8,
}

/// A call of a client as it came.
#[derive(Debug)]
pub(crate) struct ClientCall {
    pub(crate) conn: ConnId,
    pub(crate) caller: EntityId,
    pub(crate) number: u32,
    pub(crate) target: EntityId,
    pub(crate) part: Part,
    pub(crate) method: MethodNo,
    pub(crate) arguments: Bytes,
}

/// A call to a base part here, waiting for its turn.
#[derive(Debug)]
pub(crate) struct LocalCall {
    pub(crate) caller: LinkCaller,
    pub(crate) to: EntityId,
    pub(crate) method: CallMethod,
    pub(crate) arguments: Vec<Value>,
    pub(crate) answer: AnswerTo,
}

/// Calls that are under way.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    pub(crate) local: VecDeque<LocalCall>,
    next: u64,
    /// Sent over links.
    open: BTreeMap<u64, AnswerTo>,
    deadlines: VecDeque<(Moment, u64)>,
    /// Suspended in logic here, until logic answers: who still wants that, which is nobody after the deadline.
    suspended: BTreeMap<CallToken, Option<AnswerTo>>,
    /// When each answer that somebody wants is given up, soonest first.
    suspended_until: VecDeque<(Moment, CallToken)>,
}

impl BaseRole {
    /// A client calls: its arguments are read and checked before anything is done.
    pub(crate) fn client_call(&mut self, call: ClientCall) {
        match self.check_client_call(&call) {
            Ok((ty, arguments)) => {
                let method = call.method;
                let answer = if call.number == 0 {
                    AnswerTo::Nobody
                } else {
                    if let Some(conn) = self.clients.get_mut(call.conn) {
                        conn.calls_in_flight += 1;
                    }
                    AnswerTo::Client { conn: call.conn, number: call.number, ty, method }
                };
                let origin = Origin { caller: LinkCaller::Client(call.caller), answer, hops: 0 };
                self.route(origin, call.target, call.part == Part::Cell, CallMethod::Number(method), arguments);
            }
            Err(refusal) => {
                self.counters.count("client_calls_refused");
                if call.number != 0 {
                    let outcome = CallOutcome::refused(refusal);
                    self.tell(call.conn, &ServerMessage::Result { number: call.number, outcome });
                }
            }
        }
    }

    fn check_client_call(&mut self, call: &ClientCall) -> Result<(Arc<EntityType>, Vec<Value>), Refusal> {
        let ty = self.type_for_client(call)?;
        let method = ty.method(call.method).filter(|method| method.part == call.part);
        let method = method.ok_or_else(|| Refusal::from(Code::MethodUnknown))?;
        check_exposed(method, call.target == call.caller)?;
        if let Some(rate) = method.rate
            && !self.take_rate(call.conn, method.part, method.no, rate)
        {
            return Err(Refusal::new(Code::RateExceeded, format!("{} is called too often", method.name)));
        }
        let in_flight = self.clients.get_mut(call.conn).map_or(0, |conn| conn.calls_in_flight);
        if call.number != 0 && in_flight >= self.config.limits.calls_in_flight_max {
            return Err(Code::Busy.into());
        }
        let arguments = decode_arguments(method, &mut Reader::new(&call.arguments), &self.config.limits)
            .map_err(|why| Refusal::new(Code::ArgumentInvalid, why.to_string()))?;
        for (argument, value) in method.arguments.iter().zip(&arguments) {
            argument
                .check(value, &self.config.limits)
                .map_err(|why| Refusal::new(Code::ArgumentInvalid, format!("`{}`: {why}", argument.name)))?;
        }
        Ok((ty.clone(), arguments))
    }

    /// The type of the entity that a client calls: its own, or one that this base or its view knows.
    fn type_for_client(&self, call: &ClientCall) -> Result<Arc<EntityType>, Refusal> {
        if let Some(entity) = self.entities.get(call.target) {
            return Ok(entity.ty.clone());
        }
        let witness = self.entities.get(call.caller).and_then(|entity| entity.witness);
        let seen = witness.and_then(|witness| self.peers.witnesses.type_in_view(witness, call.target));
        seen.and_then(|no| self.config.definitions.get(no).cloned()).ok_or_else(|| Code::EntityUnknown.into())
    }

    /// Sends a call on its way: to a base part here, to a cell, or to another base.
    pub(crate) fn route(
        &mut self,
        origin: Origin,
        to: EntityId,
        cell: bool,
        method: CallMethod,
        arguments: Vec<Value>,
    ) {
        let Origin { caller, answer, hops } = origin;
        if let Some(entity) = self.entities.get(to)
            && !cell
        {
            let to = entity.id;
            self.calls.local.push_back(LocalCall { caller, to, method, arguments, answer });
            return;
        }
        let peer = match self.entities.get(to) {
            Some(entity) => entity.cell.address(),
            None => {
                let own = self.config.address;
                self.home_of(to).or_else(|| self.peers.of_incarnation(to.incarnation(), own))
            }
        };
        match peer {
            Some(peer) => self.pass_to(peer, Origin { caller, answer, hops }, to, cell, method, arguments),
            None => self.answer(answer, Err(Some(Code::EntityUnknown.into()))),
        }
    }

    /// Sends a call to the base or cell where its receiver is, or that knows more.
    pub(crate) fn pass_to(
        &mut self,
        peer: Address,
        Origin { caller, answer, hops }: Origin,
        to: EntityId,
        cell: bool,
        method: CallMethod,
        arguments: Vec<Value>,
    ) {
        if hops >= LinkCall::HOPS_MAX {
            return self.answer(answer, Err(Some(Code::EntityUnknown.into())));
        }
        let call = self.open_call(answer);
        let call = LinkCall { call, caller, to, cell, method, arguments, hops: hops + 1 };
        self.tell_peer(peer, Event::Call(call));
    }

    fn open_call(&mut self, answer: AnswerTo) -> u64 {
        if matches!(answer, AnswerTo::Nobody) {
            return 0;
        }
        self.calls.next += 1;
        let call = self.calls.next;
        let deadline = self.now.at + Duration::from_millis(self.config.limits.call_deadline_ms);
        self.calls.open.insert(call, answer);
        self.calls.deadlines.push_back((deadline, call));
        call
    }

    /// A call came over a link.
    pub(crate) fn link_call(&mut self, peer: Address, call: LinkCall) {
        let answer = if call.call == 0 { AnswerTo::Nobody } else { AnswerTo::Peer { peer, call: call.call } };
        let origin = Origin { caller: call.caller, answer, hops: call.hops };
        self.route(origin, call.to, call.cell, call.method, call.arguments);
    }

    /// An answer came over a link.
    pub(crate) fn link_answer(&mut self, call: u64, outcome: Ending) {
        if let Some(answer) = self.calls.open.remove(&call) {
            self.answer(answer, outcome);
        }
    }

    /// Enters logic with a call to a base part here.
    pub(crate) fn enter_base_part(&mut self, call: LocalCall) {
        let Some(entity) = self.entities.get(call.to) else { return };
        let ty = entity.ty.clone();
        if let CallMethod::End { forever } = call.method {
            let is_logic = matches!(call.caller, LinkCaller::Logic(_));
            if is_logic {
                self.end_entity(call.to, forever);
            }
            let ending = if is_logic { Ok(Value::Bool(true)) } else { Err(Some(Code::NotAllowed.into())) };
            return self.answer(call.answer, ending);
        }
        let (caller, is_client) = match call.caller {
            LinkCaller::Client(id) => (Caller::Client(id), true),
            LinkCaller::Logic(id) => (Caller::Entity(id), false),
        };
        let checked = find_method(&ty, &call.method).and_then(|method| {
            if is_client {
                check_exposed(method, caller == Caller::Client(call.to))?;
            }
            Ok((method.no, fit_arguments(method, call.arguments, &self.config.limits)?))
        });
        match checked {
            Ok((method, arguments)) => match self.host.call(self.now, call.to, method, arguments, caller) {
                Answer::Done(result) => self.answer(call.answer, result.map_err(Some)),
                Answer::Pending(token) => self.suspend(token, call.answer),
            },
            Err(refusal) => self.answer(call.answer, Err(Some(refusal))),
        }
    }

    /// Logic answers later. Whoever waits is told in time, whatever logic does.
    fn suspend(&mut self, token: CallToken, answer: AnswerTo) {
        if !matches!(answer, AnswerTo::Nobody) {
            let deadline = self.now.at + Duration::from_millis(self.config.limits.call_deadline_ms);
            self.calls.suspended_until.push_back((deadline, token));
        }
        self.calls.suspended.insert(token, Some(answer));
    }

    /// Logic answered a call that it had suspended.
    pub(crate) fn token_answered(&mut self, token: CallToken, outcome: Result<Value, Refusal>) {
        match self.calls.suspended.remove(&token) {
            Some(Some(answer)) => self.answer(answer, outcome.map_err(Some)),
            Some(None) => self.counters.count("answers_late"),
            None => self.counters.count("answers_unexpected"),
        }
    }

    /// Ends a call for whoever made it.
    pub(crate) fn answer(&mut self, answer: AnswerTo, outcome: Ending) {
        match answer {
            AnswerTo::Nobody => {}
            AnswerTo::Await(awaiting) => {
                let outcome = outcome.map_err(|refusal| refusal.map_or(Failure::Unknown, Failure::Refused));
                self.host.resume(self.now, awaiting, outcome);
            }
            AnswerTo::Client { conn, number, ty, method } => self.answer_client(conn, number, &ty, method, outcome),
            AnswerTo::Peer { peer, call } => self.tell_peer(peer, Event::Answer { call, outcome }),
        }
    }

    fn answer_client(&mut self, conn: ConnId, number: u32, ty: &EntityType, method: MethodNo, outcome: Ending) {
        let outcome = match outcome {
            Ok(value) => result_bytes(ty, method, value).map_or_else(CallOutcome::refused, CallOutcome::Value),
            Err(Some(refusal)) => CallOutcome::refused(refusal),
            Err(None) => CallOutcome::refused(Code::DeadlinePassed.into()),
        };
        if let Some(conn) = self.clients.get_mut(conn) {
            conn.calls_in_flight = conn.calls_in_flight.saturating_sub(1);
            conn.out.message(&ServerMessage::Result { number, outcome });
        }
    }

    /// Calls whose answer did not come in time end as unknown.
    pub(crate) fn expire_calls(&mut self) {
        while let Some((deadline, call)) = self.calls.deadlines.front().copied() {
            if deadline > self.now.at {
                break;
            }
            self.calls.deadlines.pop_front();
            self.link_answer(call, Err(None));
        }
        let now = self.now.at;
        while let Some((_, token)) = self.calls.suspended_until.pop_front_if(|(deadline, _)| *deadline <= now) {
            if let Some(answer) = self.calls.suspended.get_mut(&token).and_then(Option::take) {
                self.counters.count("calls_overdue");
                self.answer(answer, Err(None));
            }
        }
    }
}

fn check_exposed(method: &Method, is_own: bool) -> Result<(), Refusal> {
    let allowed = match method.exposed {
        Exposed::No => false,
        Exposed::Owner => is_own,
        // Whether it is in view or near enough is known to its cell alone.
        Exposed::View | Exposed::Within(_) => true,
    };
    if allowed { Ok(()) } else { Err(Code::NotAllowed.into()) }
}

fn find_method<'t>(ty: &'t EntityType, method: &CallMethod) -> Result<&'t Method, Refusal> {
    let found = match method {
        CallMethod::Number(no) => ty.method(*no).filter(|method| method.part == Part::Base),
        CallMethod::Named(name) => ty.method_by_name(Part::Base, name),
        CallMethod::End { .. } => None,
    };
    found.ok_or_else(|| match method {
        CallMethod::Number(_) | CallMethod::End { .. } => Code::MethodUnknown.into(),
        CallMethod::Named(name) => {
            Refusal::new(Code::MethodUnknown, format!("{} has no base method `{name}`", ty.name))
        }
    })
}

fn result_bytes(ty: &EntityType, method: MethodNo, value: Value) -> Result<Bytes, Refusal> {
    let method = ty.method(method).ok_or_else(|| Refusal::from(Code::MethodUnknown))?;
    let wrong = |why: String| {
        tracing::error!(
            entity_type = ty.name,
            method = method.name,
            why,
            "a method gave what its definition does not say"
        );
        Refusal::from(Code::ScriptFailed)
    };
    let value = match &method.result {
        Some(result) => coerce(result, value).map_err(wrong)?,
        None => Value::Nil,
    };
    let mut bytes = BytesMut::new();
    encode_result(method, &value, &mut Writer::new(&mut bytes)).map_err(|why| wrong(why.to_string()))?;
    Ok(bytes.freeze())
}
