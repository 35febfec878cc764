//! The directory as a base uses it: services, names, shared data, groups, and entities that are looked for.
//!
//! What logic asks for comes as effects; what concerns all bases goes through the base-manager, whose [`authority`]
//! decides; what it decided comes back with the [`Follower`]'s copy. Searches ([`search`]) go over the db and other
//! bases. Nothing here writes a record.

pub(crate) mod authority;
pub(crate) mod groups;
pub(crate) mod search;
pub(crate) mod world;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use kuafu_contract::base::Creation;
use kuafu_contract::base_manager::{Reply as ManagerReply, Request as ManagerRequest};
use kuafu_contract::db;
use kuafu_contract::directory::Holder;
use kuafu_contract::link::{CallMethod, LinkCaller};
use kuafu_contract::{Address, Outcome, Reply, RoleKind, base, interfaces};
use kuafu_core::{Code, EntityId, Limits, Refusal, ServiceId, Value};
use kuafu_logic::{AwaitId, Effect, Failure, FindBy, Hook, Placement};
use kuafu_node::{CallRef, Follower, Heard, Measures};

use crate::calls::{AnswerTo, Origin};
use crate::entities::Phase;
use crate::role::{BaseRole, Purpose};
pub(crate) use authority::Authority;
use groups::Groups;
use search::{Asker, Goal, Searches};
pub(crate) use world::BaseWorld;

/// What a base knows and keeps of the directory.
#[derive(Debug)]
pub(crate) struct BaseDirectory {
    pub(crate) follower: Follower<AwaitId>,
    pub(crate) groups: Rc<RefCell<Groups>>,
    pub(crate) searches: Searches,
    pub(crate) measures: Measures,
}

/// Why a call was made for the directory.
#[derive(Debug)]
pub(crate) enum DirectoryCall {
    /// An entity provides a service.
    Provide(ServiceId, EntityId, Option<AwaitId>),
    /// An entity claims a name.
    Claim(Arc<str>, Holder, Option<AwaitId>),
    /// A shared value is set.
    Share(Arc<str>, Option<AwaitId>),
    /// A step of a search.
    Search(u64),
}

impl BaseDirectory {
    pub(crate) fn new(me: Address, limits: &Limits) -> Self {
        Self {
            follower: Follower::new(me),
            groups: Rc::default(),
            searches: Searches::default(),
            measures: Measures::new(limits.metrics_per_role_max),
        }
    }
}

impl BaseRole {
    /// What logic wants of the directory and of entities elsewhere.
    pub(crate) fn directory_effect(&mut self, effect: Effect) {
        match effect {
            Effect::End { from, entity, forever, awaiting } => {
                let origin = origin_of(from, awaiting);
                self.route(origin, entity, false, CallMethod::End { forever }, Vec::new());
            }
            Effect::Provide { entity, service, awaiting } => self.provide(entity, service, awaiting),
            Effect::Withdraw { entity, service } => self.directory.follower.withdraw(service, entity, &mut self.book),
            Effect::CallService { from, service, key, method, arguments, awaiting } => {
                self.call_service(origin_of(from, awaiting), &service, key, CallMethod::Named(method), arguments);
            }
            Effect::ClaimName { entity, name, awaiting } => self.claim_name(entity, name, awaiting),
            Effect::ReleaseName { entity, name } => self.directory.follower.release(name, entity, &mut self.book),
            Effect::Share { key, value, awaiting, .. } => {
                let request = ManagerRequest::Share { key: key.clone(), value };
                let purpose = Purpose::Directory(DirectoryCall::Share(key, awaiting));
                self.book.call(RoleKind::BaseManager, request, purpose);
            }
            Effect::Watch { entity, key, on } => {
                let keys_max = self.config.limits.shared_entries_max as usize;
                if self.entities.get(entity).is_some() && !self.directory.follower.watch(entity, key, on, keys_max) {
                    self.counters.count("watches_refused");
                }
            }
            Effect::Join { entity, group, on } => self.join(entity, group, on),
            Effect::CallGroup { group, method, arguments, .. } => self.call_group(group, method, arguments),
            Effect::Find { ty, by, load, awaiting, .. } => {
                let by = match by {
                    FindBy::Record(record) => db::FindBy::Record(record),
                    FindBy::Property(no, value) => db::FindBy::Property(no, value),
                };
                self.search(Asker::of(awaiting), Goal::Find { ty, by, load });
            }
            Effect::CreateAnywhere { ty, values, placement, persistent, awaiting, .. } => {
                let place = match placement {
                    Placement::Nowhere => None,
                    Placement::Space { space, position, yaw } => {
                        space.or(self.config.game.start_space).map(|space| (space, position, yaw))
                    }
                };
                let creation = Creation { ty, values, place, persistent, anywhere: true };
                self.search(Asker::of(awaiting), Goal::Create(creation));
            }
            Effect::Http { request, awaiting, .. } => {
                self.book.call(RoleKind::Interfaces, interfaces::Request::Http(request), Purpose::Http(awaiting));
            }
            Effect::Measure { name, amount, is_gauge } => self.directory.measures.note(name, amount, is_gauge),
            other => {
                self.counters.count("effects_without_space");
                tracing::warn!(?other, "a base part has no place in a space to move in");
            }
        }
    }

    fn holder(&self, entity: EntityId) -> Option<Holder> {
        let ty = self.entities.get(entity)?.ty.no;
        Some(Holder { entity, ty, home: self.config.address })
    }

    fn provide(&mut self, entity: EntityId, service: ServiceId, awaiting: Option<AwaitId>) {
        let Some(holder) = self.holder(entity) else {
            return self.resume_task(awaiting, Err(Code::EntityUnknown.into()));
        };
        self.directory.follower.note_provided(self.now.at, service.clone(), holder);
        let purpose = Purpose::Directory(DirectoryCall::Provide(service.clone(), entity, awaiting));
        self.book.call(RoleKind::BaseManager, ManagerRequest::Provide { service, holder }, purpose);
    }

    fn claim_name(&mut self, entity: EntityId, name: Arc<str>, awaiting: Option<AwaitId>) {
        let Some(holder) = self.holder(entity) else {
            return self.resume_task(awaiting, Err(Code::EntityUnknown.into()));
        };
        let purpose = Purpose::Directory(DirectoryCall::Claim(name.clone(), holder, awaiting));
        self.book.call(RoleKind::BaseManager, ManagerRequest::Claim { name, holder }, purpose);
    }

    /// Sends a call to one of a service's providers.
    fn call_service(
        &mut self,
        origin: Origin,
        service: &ServiceId,
        key: Option<u64>,
        method: CallMethod,
        arguments: Vec<Value>,
    ) {
        match self.directory.follower.pick(service, key) {
            Some(holder) if holder.home == self.config.address => {
                self.route(origin, holder.entity, false, method, arguments);
            }
            Some(Holder { entity, home, .. }) => {
                self.pass_to(home, origin, entity, home.role == RoleKind::Cell, method, arguments);
            }
            None => {
                let refusal = Refusal::new(Code::Unavailable, format!("nobody provides the service {service}"));
                self.answer(origin.answer, Err(Some(refusal)));
            }
        }
    }

    /// Where an entity lives that has no base part here, as far as the directory knows.
    pub(crate) fn home_of(&self, entity: EntityId) -> Option<Address> {
        let home = self.directory.follower.view().borrow().home_of(entity);
        home.filter(|home| *home != self.config.address)
    }

    /// A call for the directory ended.
    pub(crate) fn directory_answered(&mut self, call: DirectoryCall, outcome: Outcome) {
        match call {
            DirectoryCall::Search(search) => self.search_answered(search, outcome),
            DirectoryCall::Provide(service, entity, awaiting) => {
                if let Outcome::Refused(refusal) = &outcome {
                    tracing::warn!(%entity, %service, %refusal, "a service was not registered");
                    self.directory.follower.withdraw(service, entity, &mut self.book);
                }
                self.resume_when_known(awaiting, outcome);
            }
            DirectoryCall::Claim(name, holder, awaiting) => self.claim_answered(name, holder, awaiting, outcome),
            DirectoryCall::Share(key, awaiting) => {
                if let Outcome::Refused(refusal) = &outcome {
                    tracing::warn!(%key, %refusal, "a shared value was not set");
                }
                self.resume_when_known(awaiting, outcome);
            }
        }
    }

    fn claim_answered(&mut self, name: Arc<str>, holder: Holder, awaiting: Option<AwaitId>, outcome: Outcome) {
        let entity = holder.entity;
        let found = self.entities.get(entity).map(|entity| entity.ty.clone());
        match (&outcome, found) {
            (Outcome::Value(_), Some(_)) => self.directory.follower.note_named(self.now.at, name, holder),
            (Outcome::Value(_), None) => self.directory.follower.release(name, entity, &mut self.book),
            (Outcome::Refused(refusal), Some(ty))
                if refusal.code == Code::NameTaken && ty.is_global && ty.name == *name =>
            {
                tracing::warn!(%entity, %name, "there is another one of this global entity; ours ends");
                self.end_entity(entity, false);
            }
            _ => {}
        }
        self.resume_when_known(awaiting, outcome);
    }

    /// Ends an await, as soon as what was done can be seen here.
    fn resume_when_known(&mut self, awaiting: Option<AwaitId>, outcome: Outcome) {
        let Some(awaiting) = awaiting else { return };
        match outcome {
            Outcome::Value(Reply::BaseManager(ManagerReply::Done { number })) => {
                self.directory.follower.wait_for(self.now.at, number, awaiting);
            }
            Outcome::Value(_) => self.resume_task(Some(awaiting), Err(Code::ServerFault.into())),
            Outcome::Refused(refusal) => self.resume_task(Some(awaiting), Err(Failure::Refused(refusal))),
            Outcome::Unknown => self.resume_task(Some(awaiting), Err(Failure::Unknown)),
        }
    }

    pub(crate) fn resume_task(&mut self, awaiting: Option<AwaitId>, outcome: Result<Value, Failure>) {
        if let Some(awaiting) = awaiting {
            self.host.resume(self.now, awaiting, outcome);
        }
    }

    /// A request about entities here or elsewhere.
    pub(crate) fn directory_request(&mut self, from: CallRef, request: base::Request) {
        match request {
            base::Request::Find { ty, by, load } => self.search(Asker::Call(from), Goal::Find { ty, by, load }),
            base::Request::Seek { ty, record } => {
                let found = self.entities.of_record(ty, record).and_then(|id| self.entities.get(id));
                let found = found.filter(|entity| entity.phase == Phase::Live).map(|entity| entity.id);
                self.book.answer(from, Ok(base::Reply::Entity(found.unwrap_or_default())));
            }
            base::Request::Load { ty, record } => self.search(Asker::Call(from), Goal::Load { ty, record }),
            base::Request::Create(creation) => self.search(Asker::Call(from), Goal::Create(creation)),
            base::Request::MakeGlobal { ty } => self.search(Asker::Call(from), Goal::Global { ty }),
            base::Request::Admit { .. } | base::Request::Kick { .. } | base::Request::CallGroup { .. } => {
                self.book.answer(from, Err::<Reply, _>(Code::NotAllowed.into()));
            }
        }
    }

    /// What is due: the copy is compared with what is true, and who waits for it hears of it.
    pub(crate) fn directory_due(&mut self) {
        let entities = &self.entities;
        let is_here = |id| entities.get(id).is_some();
        self.directory.follower.turn(self.now.at, &mut self.book, is_here);
        for awaiting in self.directory.follower.take_arrived(self.now.at) {
            self.host.resume(self.now, awaiting, Ok(Value::Bool(true)));
            self.settle();
        }
        while let Some(heard) = self.directory.follower.next_heard() {
            self.tell_heard(heard);
            self.settle();
        }
        self.searches_due();
    }

    fn tell_heard(&mut self, heard: Heard) {
        match heard {
            Heard::Shared(entity, key, value) => {
                self.host.hook(self.now, entity, Hook::Shared, &[Value::Text(key), value]);
            }
            Heard::NameLost(entity, name) => {
                self.counters.count("names_lost");
                let is_own = self.entities.get(entity).is_some_and(|e| e.ty.is_global && e.ty.name == *name);
                self.host.hook(self.now, entity, Hook::NameLost, &[Value::Text(name)]);
                if is_own {
                    self.end_entity(entity, false);
                }
            }
        }
    }

    /// Once a second: an entity of a global type that lives here claims its type's name, however it came to live here.
    pub(crate) fn claim_globals(&mut self) {
        let global = self.entities.iter().filter(|entity| entity.ty.is_global && entity.phase == Phase::Live);
        let unclaimed = global.filter(|entity| !self.directory.follower.holds(&entity.ty.name, entity.id));
        let unclaimed: Vec<(EntityId, Arc<str>)> =
            unclaimed.map(|entity| (entity.id, Arc::from(entity.ty.name.as_str()))).collect();
        for (id, name) in unclaimed {
            self.claim_name(id, name, None);
        }
    }

    /// An entity is gone: it holds nothing any more.
    pub(crate) fn forget_in_directory(&mut self, entity: EntityId) {
        self.directory.follower.forget(entity, &mut self.book);
        self.directory.groups.borrow_mut().forget(entity);
    }
}

fn origin_of(from: EntityId, awaiting: Option<AwaitId>) -> Origin {
    let answer = awaiting.map_or(AnswerTo::Nobody, AnswerTo::Await);
    Origin { caller: LinkCaller::Logic(from), answer, hops: 0 }
}

#[cfg(test)]
mod tests;
