//! Services, names, shared data and entities elsewhere, as logic in a cell uses them.
//!
//! The cell follows the directory with a copy of its own. An entity without a base part can provide a service and hold
//! a name here; for others their base part does. Searches are asked of a base, which knows the way.

use std::sync::Arc;

use kuafu_contract::base::Creation;
use kuafu_contract::base_manager::{Reply as ManagerReply, Request as ManagerRequest};
use kuafu_contract::directory::Holder;
use kuafu_contract::link::{CallMethod, LinkCall, LinkCaller};
use kuafu_contract::{Address, Outcome, Reply, RoleKind, base, db, interfaces};
use kuafu_core::{Code, EntityId, Limits, Now, Refusal, ServiceId, Value};
use kuafu_def::Part as PartKind;
use kuafu_logic::{AwaitId, Effect, Failure, FindBy, Hook, Placement, http_outcome};
use kuafu_node::{Follower, Heard, Measures};

use super::{Entry, Route};
use crate::role::CellRole;

/// What a cell knows and keeps of the directory.
#[derive(Debug)]
pub(crate) struct CellDirectory {
    pub(crate) follower: Follower<AwaitId>,
    pub(crate) measures: Measures,
}

/// Why the cell made a call over the bus.
#[derive(Debug)]
pub(crate) enum Purpose {
    /// An entity provides a service.
    Provide(ServiceId, EntityId, Option<AwaitId>),
    /// An entity claims a name.
    Claim(Arc<str>, Holder, Option<AwaitId>),
    /// A shared value is set.
    Share(Arc<str>, Option<AwaitId>),
    /// A base looks for an entity, or creates one.
    Search(Option<AwaitId>),
    /// Somebody else is asked over HTTP.
    Http(Option<AwaitId>),
}

impl CellDirectory {
    pub(crate) fn new(me: Address, limits: &Limits) -> Self {
        Self { follower: Follower::new(me), measures: Measures::new(limits.metrics_per_role_max) }
    }
}

impl CellRole {
    /// What logic wants of the directory and of entities elsewhere.
    pub(crate) fn directory_effect(&mut self, now: Now, effect: Effect) {
        match effect {
            Effect::End { from, entity, forever, awaiting } => self.end_other(now, from, entity, forever, awaiting),
            Effect::Provide { entity, service, awaiting } => match self.holder(now, entity, "provide") {
                Some(holder) => {
                    self.directory.follower.note_provided(now.at, service.clone(), holder);
                    let purpose = Purpose::Provide(service.clone(), entity, awaiting);
                    self.book.call(RoleKind::BaseManager, ManagerRequest::Provide { service, holder }, purpose);
                }
                None => self.end_await(awaiting, Err(Code::NotAllowed.into())),
            },
            Effect::Withdraw { entity, service } => self.directory.follower.withdraw(service, entity, &mut self.book),
            Effect::CallService { from, service, key, method, arguments, awaiting } => {
                let method = CallMethod::Named(method);
                self.call_service(now, from, &service, key, method, arguments, awaiting);
            }
            Effect::ClaimName { entity, name, awaiting } => match self.holder(now, entity, "claim_name") {
                Some(holder) => {
                    let purpose = Purpose::Claim(name.clone(), holder, awaiting);
                    self.book.call(RoleKind::BaseManager, ManagerRequest::Claim { name, holder }, purpose);
                }
                None => self.end_await(awaiting, Err(Code::NotAllowed.into())),
            },
            Effect::ReleaseName { entity, name } => self.directory.follower.release(name, entity, &mut self.book),
            Effect::Share { key, value, awaiting, .. } => {
                let request = ManagerRequest::Share { key: key.clone(), value };
                self.book.call(RoleKind::BaseManager, request, Purpose::Share(key, awaiting));
            }
            Effect::Watch { entity, key, on } => {
                let keys_max = self.limits.shared_entries_max as usize;
                let is_here = self.world.spaces.borrow().home(entity).is_some();
                if is_here && !self.directory.follower.watch(entity, key, on, keys_max) {
                    self.counters.count("watches_refused");
                }
            }
            Effect::CallGroup { group, method, arguments, .. } => self.call_group(&group, &method, &arguments),
            Effect::Find { ty, by, load, awaiting, .. } => {
                let by = match by {
                    FindBy::Record(record) => db::FindBy::Record(record),
                    FindBy::Property(no, value) => db::FindBy::Property(no, value),
                };
                self.ask_base(awaiting, base::Request::Find { ty, by, load });
            }
            Effect::CreateAnywhere { from, ty, values, placement, persistent, awaiting } => {
                let place = self.place_for(from, placement);
                let creation = Creation { ty, values, place, persistent, anywhere: true };
                self.ask_base(awaiting, base::Request::Create(creation));
            }
            Effect::Http { request, awaiting, .. } => {
                self.book.call(RoleKind::Interfaces, interfaces::Request::Http(request), Purpose::Http(awaiting));
            }
            Effect::Measure { name, amount, is_gauge } => self.directory.measures.note(name, amount, is_gauge),
            Effect::Join { entity, .. } => {
                self.fault(now, entity, "join", "a cell part has no client: join in the base part".to_owned());
            }
            _ => self.counters.count("effects_unknown"),
        }
    }

    fn end_await(&mut self, awaiting: Option<AwaitId>, outcome: Result<Value, Failure>) {
        if let Some(awaiting) = awaiting {
            self.entries.push(Entry::Resume { awaiting, outcome });
        }
    }

    fn holder(&mut self, now: Now, entity: EntityId, what: &str) -> Option<Holder> {
        let found = self.world.spaces.borrow().part(entity).map(|(_, part)| part.layout.ty.clone());
        match found {
            Some(ty) if !ty.parts.base => Some(Holder { entity, ty: ty.no, home: self.address }),
            Some(ty) => {
                let why = format!("a {} has a base part, which is to do it", ty.name);
                self.fault(now, entity, what, why);
                None
            }
            None => None,
        }
    }

    fn end_other(&mut self, now: Now, from: EntityId, to: EntityId, forever: bool, awaiting: Option<AwaitId>) {
        if self.end_here(to, forever) {
            return self.end_await(awaiting, Ok(Value::Bool(true)));
        }
        let (caller, method) = (LinkCaller::Logic(from), CallMethod::End { forever });
        let call = LinkCall { call: 0, caller, to, cell: false, method, arguments: Vec::new(), hops: 0 };
        let route = self.route(to, PartKind::Base);
        self.dispatch(now, route, call, awaiting);
    }

    /// Ends an entity of this cell that has no base part. `false` when there is none such here.
    pub(crate) fn end_here(&mut self, entity: EntityId, forever: bool) -> bool {
        let is_ours = self.world.spaces.borrow().part(entity).is_some_and(|(_, part)| !part.layout.ty.parts.base);
        if is_ours {
            self.destroy_entity(entity, forever);
        }
        is_ours
    }

    #[expect(clippy::too_many_arguments, reason = "the fields of one effect")]
    fn call_service(
        &mut self,
        now: Now,
        from: EntityId,
        service: &ServiceId,
        key: Option<u64>,
        method: CallMethod,
        arguments: Vec<Value>,
        awaiting: Option<AwaitId>,
    ) {
        let Some(Holder { entity: to, home, .. }) = self.directory.follower.pick(service, key) else {
            let refusal = Refusal::new(Code::Unavailable, format!("nobody provides the service {service}"));
            return self.end_await(awaiting, Err(Failure::Refused(refusal)));
        };
        let cell = home.role == RoleKind::Cell;
        let call = LinkCall { call: 0, caller: LinkCaller::Logic(from), to, cell, method, arguments, hops: 0 };
        let route = if home == self.address { Ok(Route::Here) } else { self.route_home(home) };
        self.dispatch(now, route, call, awaiting);
    }

    /// The way to where an entity lives: its base, or any base, which knows where that is.
    pub(crate) fn route_home(&self, home: Address) -> Result<Route, Refusal> {
        let next = self.peers.find(home).or_else(|| self.peers.any());
        next.map(Route::Peer).ok_or_else(|| Refusal::new(Code::Unavailable, "no base is connected"))
    }

    /// Where an entity lives that is not here, as far as the directory knows.
    pub(crate) fn home_of(&self, entity: EntityId) -> Option<Address> {
        self.directory.follower.view().borrow().home_of(entity)
    }

    fn call_group(&mut self, group: &Arc<str>, method: &Arc<str>, arguments: &[Value]) {
        let directory = self.directory.follower.view();
        for base in directory.borrow().bases() {
            let (group, method, arguments) = (group.clone(), method.clone(), arguments.to_vec());
            self.book.notice(base, base::Request::CallGroup { group, method, arguments });
        }
    }

    fn place_for(&self, from: EntityId, placement: Placement) -> Option<(kuafu_core::SpaceId, [f32; 3], f32)> {
        let Placement::Space { space, position, yaw } = placement else { return None };
        let spaces = self.world.spaces.borrow();
        let own = spaces.home(from).map(|home| spaces.open[home.space].id());
        space.or(own).map(|space| (space, position, yaw))
    }

    fn ask_base(&mut self, awaiting: Option<AwaitId>, request: base::Request) {
        if self.book.open_len() >= self.limits.lookups_in_flight_max as usize {
            self.counters.count("searches_busy");
            let text = "too many entities are being looked for (lookups_in_flight_max)";
            return self.end_await(awaiting, Err(Failure::Refused(Refusal::new(Code::Busy, text))));
        }
        self.book.call(RoleKind::Base, request, Purpose::Search(awaiting));
    }

    /// A call over the bus ended.
    pub(crate) fn bus_answered(&mut self, now: Now, call: kuafu_contract::CallId, outcome: Outcome) {
        let (awaiting, outcome) = match self.book.close(call) {
            None => return self.counters.count("answers_unexpected"),
            Some(Purpose::Provide(service, entity, awaiting)) => {
                if let Outcome::Refused(refusal) = &outcome {
                    tracing::warn!(%entity, %service, %refusal, "a service was not registered");
                    self.directory.follower.withdraw(service, entity, &mut self.book);
                }
                (awaiting, outcome)
            }
            Some(Purpose::Claim(name, holder, awaiting)) => {
                let is_here = self.world.spaces.borrow().home(holder.entity).is_some();
                match (&outcome, is_here) {
                    (Outcome::Value(_), true) => self.directory.follower.note_named(now.at, name, holder),
                    (Outcome::Value(_), false) => {
                        self.directory.follower.release(name, holder.entity, &mut self.book);
                    }
                    _ => {}
                }
                (awaiting, outcome)
            }
            Some(Purpose::Share(key, awaiting)) => {
                if let Outcome::Refused(refusal) = &outcome {
                    tracing::warn!(%key, %refusal, "a shared value was not set");
                }
                (awaiting, outcome)
            }
            Some(Purpose::Search(awaiting)) => (awaiting, outcome),
            Some(Purpose::Http(awaiting)) => return self.end_await(awaiting, http_outcome(outcome)),
        };
        let Some(awaiting) = awaiting else { return };
        let ended = match outcome {
            Outcome::Value(Reply::BaseManager(ManagerReply::Done { number })) => {
                return self.directory.follower.wait_for(now.at, number, awaiting);
            }
            Outcome::Value(Reply::Base(base::Reply::Entity(id))) if id.is_none() => Ok(Value::Nil),
            Outcome::Value(Reply::Base(base::Reply::Entity(id))) => Ok(Value::Entity(id)),
            Outcome::Value(_) => Err(Code::ServerFault.into()),
            Outcome::Refused(refusal) if refusal.code == Code::DeadlinePassed => Err(Failure::Unknown),
            Outcome::Refused(refusal) => Err(Failure::Refused(refusal)),
            Outcome::Unknown => Err(Failure::Unknown),
        };
        self.end_await(Some(awaiting), ended);
    }

    /// What is due: the copy is compared with what is true, and who waits for it or watches it hears of it.
    pub(crate) fn directory_due(&mut self, now: Now) {
        let spaces = self.world.spaces.borrow();
        self.directory.follower.turn(now.at, &mut self.book, |entity| spaces.home(entity).is_some());
        drop(spaces);
        for awaiting in self.directory.follower.take_arrived(now.at) {
            self.end_await(Some(awaiting), Ok(Value::Bool(true)));
        }
        while let Some(heard) = self.directory.follower.next_heard() {
            match heard {
                Heard::Shared(entity, key, value) => {
                    self.entries.hook(entity, Hook::Shared, vec![Value::Text(key), value]);
                }
                Heard::NameLost(entity, name) => {
                    self.counters.count("names_lost");
                    self.entries.hook(entity, Hook::NameLost, vec![Value::Text(name)]);
                }
            }
        }
    }
}
