//! Calls that come over links: who may call what, with which arguments.

use kuafu_contract::link::{CallMethod, Event, LinkCall, LinkCaller};
use kuafu_core::{Code, EntityId, Now, Refusal, Value};
use kuafu_def::{Exposed, Method, Part as PartKind};
use kuafu_logic::{Caller, fit_arguments};

use crate::links::PeerNo;
use crate::part::Part;
use crate::role::CellRole;
use crate::simulate::{Entry, ReplyTo, Route};
use crate::world::{Home, Spaces};

impl CellRole {
    /// Takes a [`Event::Call`]: queues it, passes it on, or refuses it.
    pub(crate) fn take_call(&mut self, now: Now, peer: PeerNo, call: LinkCall) {
        let Some(from) = self.peers.get(peer).map(|link| link.address) else { return };
        let reply = match call.call {
            0 => ReplyTo::Nobody,
            number => ReplyTo::Link { base: from, call: number },
        };
        if let (CallMethod::End { forever }, LinkCaller::Logic(_)) = (&call.method, call.caller)
            && self.end_here(call.to, *forever)
        {
            return self.reply(reply, Ok(Value::Bool(true)));
        }
        let part = if call.cell { PartKind::Cell } else { PartKind::Base };
        match self.route(call.to, part) {
            Ok(Route::Here) => {
                let resolved = self.resolve(&call);
                self.queue_call(call, resolved, reply);
            }
            // Whoever sent it takes it for ours: passing it back would go on for ever.
            Ok(Route::Peer(next)) if next == peer => self.reply(reply, Err(Code::EntityUnknown.into())),
            Ok(Route::Peer(next)) => self.pass_on(now, next, call, reply),
            Err(refusal) => self.reply(reply, Err(refusal)),
        }
    }

    fn queue_call(
        &mut self,
        call: LinkCall,
        resolved: Result<(kuafu_core::MethodNo, Vec<Value>), Refusal>,
        reply: ReplyTo,
    ) {
        let caller = match call.caller {
            LinkCaller::Client(entity) => Caller::Client(entity),
            LinkCaller::Logic(entity) => Caller::Entity(entity),
        };
        match resolved {
            Ok((method, arguments)) => {
                let entry = Entry::Call { to: call.to, method, arguments, caller, reply };
                if let Err(Entry::Call { reply, .. }) = self.entries.push_call(entry) {
                    self.counters.count("calls_busy");
                    self.reply(reply, Err(Code::Busy.into()));
                }
            }
            Err(refusal) => {
                self.counters.count("calls_refused");
                self.reply(reply, Err(refusal));
            }
        }
    }

    fn pass_on(&mut self, now: Now, next: PeerNo, mut call: LinkCall, reply: ReplyTo) {
        call.hops = call.hops.saturating_add(1);
        if call.hops > LinkCall::HOPS_MAX {
            return self.reply(reply, Err(Refusal::new(Code::EntityUnknown, "the call was passed on too often")));
        }
        call.call = match reply {
            ReplyTo::Nobody => 0,
            reply => match self.open_call(now, crate::simulate::WhenEnded::Reply(reply), Some(next)) {
                Ok(number) => number,
                Err(reply) => return self.reply(reply, Err(Code::Busy.into())),
            },
        };
        self.counters.count("calls_passed_on");
        self.tell(next, Event::Call(call));
    }

    /// The method that is meant and its arguments, if the caller may call it so.
    pub(crate) fn resolve(&self, call: &LinkCall) -> Result<(kuafu_core::MethodNo, Vec<Value>), Refusal> {
        let spaces = self.world.spaces.borrow();
        let (home, part) = spaces.part(call.to).ok_or(Code::EntityUnknown)?;
        let method = find_method(part, &call.method)?;
        if let LinkCaller::Client(client) = call.caller {
            if matches!(call.method, CallMethod::Named(_)) {
                return Err(Refusal::new(Code::NotAllowed, "clients name methods by number"));
            }
            check_exposed(&spaces, method, client, call.to, home)?;
        }
        Ok((method.no, fit_arguments(method, call.arguments.clone(), &self.limits)?))
    }
}

fn find_method<'p>(part: &'p Part, method: &CallMethod) -> Result<&'p Method, Refusal> {
    let ty = &part.layout.ty;
    let found = match method {
        CallMethod::Number(no) => ty.method(*no).filter(|method| method.part == PartKind::Cell),
        CallMethod::Named(name) => ty.method_by_name(PartKind::Cell, name),
        CallMethod::End { .. } => None,
    };
    found.ok_or_else(|| match method {
        CallMethod::Number(no) => Refusal::new(Code::MethodUnknown, format!("{} has no cell method {no}", ty.name)),
        CallMethod::End { .. } => {
            Refusal::new(Code::NotAllowed, format!("a {} is ended through its base part", ty.name))
        }
        CallMethod::Named(name) => {
            Refusal::new(Code::MethodUnknown, format!("{} has no cell method `{name}`", ty.name))
        }
    })
}

fn check_exposed(spaces: &Spaces, method: &Method, client: EntityId, to: EntityId, home: Home) -> Result<(), Refusal> {
    let may = match method.exposed {
        Exposed::No => false,
        Exposed::Owner => client == to,
        Exposed::View => client == to || sees(spaces, client, home),
        Exposed::Within(metres) => client == to || is_within(spaces, client, home, metres),
    };
    let refusal = || match method.exposed {
        Exposed::No | Exposed::Owner => Code::NotAllowed.into(),
        Exposed::View => Refusal::new(Code::NotAllowed, "it is not in view"),
        Exposed::Within(metres) => Refusal::new(Code::NotAllowed, format!("it is more than {metres} m away")),
    };
    if may { Ok(()) } else { Err(refusal()) }
}

fn sees(spaces: &Spaces, client: EntityId, target: Home) -> bool {
    let Some((home, part)) = spaces.part(client) else { return false };
    let Some(witness) = part.witness else { return false };
    home.space == target.space && spaces.open[home.space].space.sees(witness, target.index)
}

fn is_within(spaces: &Spaces, client: EntityId, target: Home, metres: f32) -> bool {
    let Some(home) = spaces.home(client).filter(|home| home.space == target.space) else { return false };
    let entities = spaces.open[home.space].space.entities();
    match (entities.position(home.index), entities.position(target.index)) {
        (Some(from), Some(to)) => from.ground_distance_squared(to) <= metres * metres,
        _ => false,
    }
}
