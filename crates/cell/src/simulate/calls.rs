//! Calls under way: those that logic here waits for, those that logic here owes an answer, and where a call goes.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use kuafu_contract::link::{CallMethod, Event, LinkCall, LinkCaller};
use kuafu_contract::{Address, RoleKind};
use kuafu_core::{Code, EntityId, Limits, MethodNo, Moment, Now, Refusal, Value};
use kuafu_def::{EntityType, Part as PartKind};
use kuafu_logic::{AwaitId, CallToken, Caller, Effect, Failure, coerce};
use rustc_hash::FxHashMap;

use super::Entry;
use crate::links::PeerNo;
use crate::role::CellRole;

/// Calls under way at once; a further one is refused as Busy.
const OPEN_CALLS_MAX: usize = 65_536;

/// How many entities that were created at bases this cell remembers the base of.
const NOTES_MAX: usize = 65_536;

/// Who is told how a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReplyTo {
    /// Nobody asked.
    Nobody,
    /// A base, under its number.
    Link {
        /// Which base.
        base: Address,
        /// Its number for the call.
        call: u64,
    },
    /// A call of this cell's own logic, by number.
    Local(u64),
}

/// What happens when a call that this cell made has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WhenEnded {
    /// Logic goes on.
    Resume(AwaitId),
    /// The call was passed on for someone else.
    Reply(ReplyTo),
}

/// Where a receiver is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// In this cell.
    Here,
    /// At this base, or known to it.
    Peer(PeerNo),
}

#[derive(Debug)]
struct OpenCall {
    when_ended: WhenEnded,
    deadline: Moment,
    /// The base that it went to; `None` for a call within the cell.
    base: Option<Address>,
}

/// A call that logic here has suspended.
#[derive(Debug)]
struct Owed {
    ty: Arc<EntityType>,
    method: MethodNo,
    /// Who waits; `None` after the deadline.
    reply: Option<ReplyTo>,
}

/// All calls under way.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    last: u64,
    /// By number, which is also the order of their deadlines.
    open: BTreeMap<u64, OpenCall>,
    owed: FxHashMap<CallToken, Owed>,
    /// When each answer that somebody waits for is given up, soonest first.
    owed_until: VecDeque<(Moment, CallToken)>,
    notes: FxHashMap<EntityId, Address>,
    notes_order: VecDeque<EntityId>,
}

impl Calls {
    /// Remembers at which base an entity with an id of this cell was created.
    pub(crate) fn note_created(&mut self, entity: EntityId, base: Address) {
        if self.notes_order.len() >= NOTES_MAX
            && let Some(oldest) = self.notes_order.pop_front()
        {
            self.notes.remove(&oldest);
        }
        self.notes.insert(entity, base);
        self.notes_order.push_back(entity);
    }
}

impl CellRole {
    /// Where a part of an entity is to be called.
    ///
    /// # Errors
    /// What to tell the caller when it can be nowhere.
    pub(crate) fn route(&self, to: EntityId, part: PartKind) -> Result<Route, Refusal> {
        let here = self.world.spaces.borrow().part(to).map(|(_, part)| part.base);
        match (here, part) {
            (Some(_), PartKind::Cell) => return Ok(Route::Here),
            (Some(Some(base)), _) => return Ok(Route::Peer(base)),
            (Some(None), _) => return Err(Refusal::new(Code::NotAllowed, format!("{to} has no base part"))),
            (None, _) => {}
        }
        let noted = self.calls.notes.get(&to).and_then(|base| self.peers.find(*base));
        if let Some(base) = noted {
            return Ok(Route::Peer(base));
        }
        if let Some(home) = self.home_of(to) {
            return self.route_home(home);
        }
        if to.incarnation() == self.address.incarnation {
            return Err(Code::EntityUnknown.into());
        }
        let maker = Address { role: RoleKind::Base, incarnation: to.incarnation() };
        let next = self.peers.find(maker).or_else(|| self.peers.any());
        next.map(Route::Peer).ok_or_else(|| Refusal::new(Code::Unavailable, "no base is connected"))
    }

    /// Carries out an [`Effect::Call`].
    pub(crate) fn send_call(&mut self, now: Now, effect: Effect) {
        let Effect::Call { from, to, part, method, arguments, awaiting } = effect else { return };
        let route = if part == PartKind::Client {
            Err(Refusal::new(Code::NotAllowed, "clients are called with client calls"))
        } else {
            self.route(to, part)
        };
        let (cell, method) = (part == PartKind::Cell, CallMethod::Named(method));
        let call = LinkCall { call: 0, caller: LinkCaller::Logic(from), to, cell, method, arguments, hops: 0 };
        self.dispatch(now, route, call, awaiting);
    }

    /// Sends a call of this cell's logic on its way; it gets its number here.
    pub(crate) fn dispatch(
        &mut self,
        now: Now,
        route: Result<Route, Refusal>,
        mut call: LinkCall,
        awaiting: Option<AwaitId>,
    ) {
        let (LinkCaller::Client(from) | LinkCaller::Logic(from)) = call.caller;
        let peer = match route {
            Ok(Route::Peer(peer)) => Some(peer),
            Ok(Route::Here) => None,
            Err(refusal) => return self.resume(awaiting, Err(Failure::Refused(refusal))),
        };
        call.call = match awaiting.map(|awaiting| self.open_call(now, WhenEnded::Resume(awaiting), peer)) {
            None => 0,
            Some(Ok(number)) => number,
            Some(Err(_)) => return self.resume(awaiting, Err(Code::Busy.into())),
        };
        match peer {
            Some(peer) => self.tell(peer, Event::Call(call)),
            None => self.call_here(from, &call),
        }
    }

    fn call_here(&mut self, from: EntityId, call: &LinkCall) {
        let reply = if call.call == 0 { ReplyTo::Nobody } else { ReplyTo::Local(call.call) };
        let refusal = match self.resolve(call) {
            Ok((method, arguments)) => {
                let entry = Entry::Call { to: call.to, method, arguments, caller: Caller::Entity(from), reply };
                if self.entries.push_call(entry).is_ok() {
                    return;
                }
                Code::Busy.into()
            }
            Err(refusal) => refusal,
        };
        self.counters.count("calls_refused");
        self.reply(reply, Err(refusal));
    }

    /// Registers a call that this cell makes; gives `when_ended` back, as a reply, when too many are open.
    pub(crate) fn open_call(&mut self, now: Now, when_ended: WhenEnded, peer: Option<PeerNo>) -> Result<u64, ReplyTo> {
        if self.calls.open.len() >= OPEN_CALLS_MAX {
            self.counters.count("calls_busy");
            return Err(if let WhenEnded::Reply(reply) = when_ended { reply } else { ReplyTo::Nobody });
        }
        let base = peer.and_then(|peer| self.peers.get(peer)).map(|link| link.address);
        let deadline = now.at + Duration::from_millis(self.limits.call_deadline_ms);
        self.calls.last += 1;
        self.calls.open.insert(self.calls.last, OpenCall { when_ended, deadline, base });
        Ok(self.calls.last)
    }

    /// Takes a [`Event::Answer`].
    pub(crate) fn take_answer(&mut self, call: u64, outcome: Result<Value, Option<Refusal>>) {
        match self.calls.open.remove(&call) {
            Some(open) => self.end_call(open.when_ended, outcome),
            None => self.counters.count("answers_late"),
        }
    }

    fn end_call(&mut self, when_ended: WhenEnded, outcome: Result<Value, Option<Refusal>>) {
        match when_ended {
            WhenEnded::Resume(awaiting) => {
                let outcome = outcome.map_err(|refusal| refusal.map_or(Failure::Unknown, Failure::Refused));
                self.resume(Some(awaiting), outcome);
            }
            WhenEnded::Reply(ReplyTo::Link { base, call }) => self.answer_link(base, call, outcome),
            WhenEnded::Reply(ReplyTo::Local(_) | ReplyTo::Nobody) => {}
        }
    }

    fn resume(&mut self, awaiting: Option<AwaitId>, outcome: Result<Value, Failure>) {
        if let Some(awaiting) = awaiting {
            self.entries.push(Entry::Resume { awaiting, outcome });
        }
    }

    fn answer_link(&mut self, base: Address, call: u64, outcome: Result<Value, Option<Refusal>>) {
        match self.peers.find(base) {
            Some(peer) => self.tell(peer, Event::Answer { call, outcome }),
            None => self.counters.count("answers_undeliverable"),
        }
    }

    /// Tells a caller how its call ended.
    pub(crate) fn reply(&mut self, reply: ReplyTo, result: Result<Value, Refusal>) {
        match reply {
            ReplyTo::Nobody => {}
            ReplyTo::Link { base, call } => self.answer_link(base, call, result.map_err(Some)),
            ReplyTo::Local(number) => self.take_answer(number, result.map_err(Some)),
        }
    }

    /// Logic answers later. Whoever waits is told in time, whatever logic does.
    pub(crate) fn expect_answer(
        &mut self,
        now: Now,
        token: CallToken,
        ty: Arc<EntityType>,
        method: MethodNo,
        reply: ReplyTo,
    ) {
        if reply != ReplyTo::Nobody {
            let deadline = now.at + Duration::from_millis(self.limits.call_deadline_ms);
            self.calls.owed_until.push_back((deadline, token));
        }
        self.calls.owed.insert(token, Owed { ty, method, reply: Some(reply) });
    }

    /// Logic answers now.
    pub(crate) fn settle_answer(&mut self, token: CallToken, outcome: Result<Value, Refusal>) {
        let Some(owed) = self.calls.owed.remove(&token) else {
            return self.counters.count("answers_unexpected");
        };
        let Some(reply) = owed.reply else { return self.counters.count("answers_late") };
        let result = fit_result(&owed.ty, owed.method, outcome, &self.limits);
        self.reply(reply, result);
    }

    /// Ends what is past its deadline: callers hear that it is unknown.
    pub(crate) fn expire_calls(&mut self, now: Now) {
        while let Some(first) = self.calls.open.first_entry().filter(|first| first.get().deadline <= now.at) {
            let open = first.remove();
            self.counters.count("calls_unknown");
            self.end_call(open.when_ended, Err(None));
        }
        while let Some((_, token)) = self.calls.owed_until.pop_front_if(|(deadline, _)| *deadline <= now.at) {
            match self.calls.owed.get_mut(&token).and_then(|owed| owed.reply.take()) {
                Some(ReplyTo::Link { base, call }) => {
                    self.counters.count("calls_overdue");
                    self.answer_link(base, call, Err(None));
                }
                // A call of logic here has ended as unknown with its own deadline.
                Some(ReplyTo::Local(_) | ReplyTo::Nobody) | None => {}
            }
        }
    }

    /// Calls to a base that is gone may have been done.
    pub(crate) fn end_calls_to(&mut self, base: Address) {
        let gone = |call: &OpenCall| call.base == Some(base);
        let numbers: Vec<u64> =
            self.calls.open.iter().filter(|(_, call)| gone(call)).map(|(number, _)| *number).collect();
        for number in numbers {
            self.take_answer(number, Err(None));
        }
    }
}

/// A result in its declared form.
pub(crate) fn fit_result(
    ty: &EntityType,
    method: MethodNo,
    result: Result<Value, Refusal>,
    limits: &Limits,
) -> Result<Value, Refusal> {
    let value = result?;
    let Some(declared) = ty.method(method).and_then(|method| method.result.as_ref()) else { return Ok(Value::Nil) };
    let fitting = coerce(declared, value).and_then(|value| declared.check(&value, limits).map(|()| value));
    fitting.map_err(|why| Refusal::new(Code::ScriptFailed, format!("the result of {}: {why}", ty.name)))
}
