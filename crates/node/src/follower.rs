//! One role's copy of the directory, what its own entities hold in it, and who of them is told of changes.
//!
//! The copy is made from a snapshot and numbered updates; a gap asks for a snapshot. What the entities here hold is
//! remembered beside it and compared once a second: what the copy lacks is told again, what it has too much is given
//! up. So a lost message, a base-manager that starts anew or one that took this role for dead mends by itself. `T` is
//! what waits until an update has arrived here. It must not know what a role does with any of it.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use kuafu_contract::base_manager::Request;
use kuafu_contract::directory::{Directory, Feed, Held, Holder, Update};
use kuafu_contract::{Address, RoleKind};
use kuafu_core::{EntityId, Moment, ServiceId, Value, service};

use crate::CallBook;

/// How often a follower tells how far it is, and looks whether all is as it should be.
const PERIOD: Duration = Duration::from_secs(1);

/// What the directory does not know after so long is told again.
const PATIENCE: Duration = Duration::from_secs(3);

/// An update that was promised and does not come is waited for no longer than this.
const ARRIVAL_MAX: Duration = Duration::from_secs(4);

/// What an entity here must hear.
#[derive(Clone, Debug, PartialEq)]
pub enum Heard {
    /// A shared value that it watches changed; nothing when it was taken out.
    Shared(EntityId, Arc<str>, Value),
    /// Another entity holds a name that it held.
    NameLost(EntityId, Arc<str>),
}

/// The copy, and what is ours in it.
#[derive(Debug)]
pub struct Follower<T> {
    me: Address,
    manager: Option<Address>,
    number: u64,
    state: Rc<RefCell<Directory>>,
    provided: BTreeMap<(ServiceId, EntityId), (Holder, Moment)>,
    named: BTreeMap<Arc<str>, (Holder, Moment)>,
    watchers: BTreeMap<Arc<str>, BTreeSet<EntityId>>,
    turns: BTreeMap<ServiceId, usize>,
    heard: VecDeque<Heard>,
    arriving: Vec<(u64, Moment, T)>,
    next: Moment,
    asked: Option<Moment>,
}

impl<T> Follower<T> {
    /// A follower that knows nothing yet.
    #[must_use]
    pub fn new(me: Address) -> Self {
        Self {
            me,
            manager: None,
            number: 0,
            state: Rc::default(),
            provided: BTreeMap::new(),
            named: BTreeMap::new(),
            watchers: BTreeMap::new(),
            turns: BTreeMap::new(),
            heard: VecDeque::new(),
            arriving: Vec::new(),
            next: Moment::default(),
            asked: None,
        }
    }

    /// The copy, to be read by logic. Borrow it for the length of one question only.
    #[must_use]
    pub fn view(&self) -> Rc<RefCell<Directory>> {
        self.state.clone()
    }

    /// Once a second: tells how far it is, and sees to it that the directory says of entities here what is true.
    pub fn turn<X, P>(&mut self, now: Moment, book: &mut CallBook<X, P>, is_here: impl Fn(EntityId) -> bool) {
        if now < self.next {
            return;
        }
        self.next = now + PERIOD;
        let follow = Request::Follow { by: self.me, manager: self.manager, number: self.number };
        book.notice(RoleKind::BaseManager, follow);
        if self.manager.is_none() {
            return;
        }
        self.give_up_strays(book, is_here);
        let state = self.state.borrow();
        let is_old = |since: &Moment| now.since(*since) >= PATIENCE;
        let lacks_provider = |((service, entity), (_, since)): (&(ServiceId, EntityId), &(Holder, Moment))| {
            is_old(since) && !state.providers(service).iter().any(|holder| holder.entity == *entity)
        };
        let lacks_name = |(name, (holder, since)): (&Arc<str>, &(Holder, Moment))| {
            is_old(since) && state.named(name) != Some(*holder)
        };
        let lacks = self.provided.iter().any(lacks_provider) || self.named.iter().any(lacks_name);
        drop(state);
        if lacks {
            self.hold(now, false, book);
        }
    }

    /// The directory names entities here that are gone, or that do not want it any more.
    fn give_up_strays<X, P>(&mut self, book: &mut CallBook<X, P>, is_here: impl Fn(EntityId) -> bool) {
        self.provided.retain(|(_, entity), _| is_here(*entity));
        self.named.retain(|_, (holder, _)| is_here(holder.entity));
        let state = self.state.borrow();
        for (service, holder) in state.all_provided().filter(|(_, holder)| holder.home == self.me) {
            if !self.provided.contains_key(&(service.clone(), holder.entity)) {
                let withdraw = Request::Withdraw { service: service.clone(), entity: holder.entity };
                book.notice(RoleKind::BaseManager, withdraw);
            }
        }
        for (name, holder) in state.all_named().filter(|(_, holder)| holder.home == self.me) {
            if !self.named.contains_key(name) {
                book.notice(RoleKind::BaseManager, Request::Unclaim { name: name.clone(), entity: holder.entity });
            }
        }
    }

    /// Tells all that is held here; a snapshot is the answer.
    fn hold<X, P>(&mut self, now: Moment, with_shared: bool, book: &mut CallBook<X, P>) {
        self.asked = Some(now);
        let state = self.state.borrow();
        let shared = state.all_shared().filter(|_| with_shared);
        let held = Held {
            by: self.me,
            provided: self.provided.iter().map(|((service, _), (holder, _))| (service.clone(), *holder)).collect(),
            named: self.named.iter().map(|(name, (holder, _))| (name.clone(), *holder)).collect(),
            shared: shared.map(|(key, shared)| (key.clone(), shared.value.clone(), shared.version)).collect(),
        };
        book.notice(RoleKind::BaseManager, Request::Hold(held));
    }

    /// The authority tells something.
    pub fn handle<X, P>(&mut self, now: Moment, feed: Feed, book: &mut CallBook<X, P>) {
        let (Feed::Hello { manager } | Feed::Snapshot { manager, .. } | Feed::Updates { manager, .. }) = &feed;
        let is_same = self.manager == Some(*manager);
        if self.manager.is_some_and(|known| manager.incarnation < known.incarnation) {
            return;
        }
        match feed {
            Feed::Hello { .. } => self.hold(now, !is_same, book),
            Feed::Snapshot { number, .. } if is_same && number < self.number => {}
            Feed::Snapshot { manager, number, entries } => {
                self.replace(now, &entries);
                (self.manager, self.number, self.asked) = (Some(manager), number, None);
            }
            Feed::Updates { first, updates, .. } if is_same && first <= self.number + 1 => {
                let known = (self.number + 1 - first) as usize;
                for update in updates.iter().skip(known) {
                    self.apply(now, update);
                    self.number += 1;
                }
            }
            Feed::Updates { .. } => {
                let waits = self.asked.is_some_and(|asked| now.since(asked) < PERIOD);
                if !waits {
                    self.hold(now, !is_same, book);
                }
            }
        }
    }

    /// A snapshot takes the place of all that was known; only what it changes is told.
    fn replace(&mut self, now: Moment, entries: &[Update]) {
        let before = self.state.take();
        let keys: Vec<Arc<str>> = before.all_shared().map(|(key, _)| key.clone()).collect();
        for update in entries {
            match update {
                Update::Shared(key, value, _) if before.shared(key).is_some_and(|old| old.value == *value) => {
                    self.state.borrow_mut().apply(update);
                }
                update => self.apply(now, update),
            }
        }
        let gone = |key: &Arc<str>| self.state.borrow().shared(key).is_none();
        let gone: Vec<Arc<str>> = keys.into_iter().filter(gone).collect();
        gone.iter().for_each(|key| self.tell_watchers(key, &Value::Nil));
    }

    fn apply(&mut self, now: Moment, update: &Update) {
        if !self.state.borrow_mut().apply(update) {
            return;
        }
        match update {
            Update::Shared(key, value, _) => self.tell_watchers(key, value),
            Update::Named(name, holder) => match self.named.get(name) {
                Some((ours, _)) if ours.entity != holder.entity => {
                    self.heard.push_back(Heard::NameLost(ours.entity, name.clone()));
                    self.named.remove(name);
                }
                Some(_) => {}
                None if holder.home == self.me => {
                    self.named.insert(name.clone(), (*holder, now));
                }
                None => {}
            },
            _ => {}
        }
    }

    fn tell_watchers(&mut self, key: &Arc<str>, value: &Value) {
        for entity in self.watchers.get(key).into_iter().flatten() {
            self.heard.push_back(Heard::Shared(*entity, key.clone(), value.clone()));
        }
    }

    /// What an entity here must hear next.
    pub fn next_heard(&mut self) -> Option<Heard> {
        self.heard.pop_front()
    }

    /// Keeps something until the update of this number is here.
    pub fn wait_for(&mut self, now: Moment, number: u64, what: T) {
        self.arriving.push((number, now + ARRIVAL_MAX, what));
    }

    /// What waits no longer.
    pub fn take_arrived(&mut self, now: Moment) -> Vec<T> {
        let number = self.number;
        let is_here = |(wanted, until, _): &mut (u64, Moment, T)| *wanted <= number || *until <= now;
        self.arriving.extract_if(.., is_here).map(|(_, _, what)| what).collect()
    }

    /// An entity here provides a service; the authority is to be asked by the caller.
    pub fn note_provided(&mut self, now: Moment, service: ServiceId, holder: Holder) {
        self.provided.insert((service, holder.entity), (holder, now));
    }

    /// It does so no more, or was refused.
    pub fn withdraw<X, P>(&mut self, service: ServiceId, entity: EntityId, book: &mut CallBook<X, P>) {
        self.provided.remove(&(service.clone(), entity));
        book.notice(RoleKind::BaseManager, Request::Withdraw { service, entity });
    }

    /// The authority gave a name to an entity here.
    pub fn note_named(&mut self, now: Moment, name: Arc<str>, holder: Holder) {
        self.named.insert(name, (holder, now));
    }

    /// An entity here gives a name up.
    pub fn release<X, P>(&mut self, name: Arc<str>, entity: EntityId, book: &mut CallBook<X, P>) {
        if self.named.get(&name).is_some_and(|(holder, _)| holder.entity == entity) {
            self.named.remove(&name);
        }
        book.notice(RoleKind::BaseManager, Request::Unclaim { name, entity });
    }

    /// Whether an entity here holds a name, as far as is known.
    #[must_use]
    pub fn holds(&self, name: &str, entity: EntityId) -> bool {
        self.named.get(name).is_some_and(|(holder, _)| holder.entity == entity)
    }

    /// An entity here is told of changes of a shared value, or no more. `false` when it watches `keys_max` others.
    pub fn watch(&mut self, entity: EntityId, key: Arc<str>, on: bool, keys_max: usize) -> bool {
        if !on {
            if let Some(watchers) = self.watchers.get_mut(&key) {
                watchers.remove(&entity);
                self.watchers.retain(|_, watchers| !watchers.is_empty());
            }
            return true;
        }
        if self.watchers.values().filter(|watchers| watchers.contains(&entity)).count() >= keys_max {
            return false;
        }
        self.watchers.entry(key).or_default().insert(entity);
        true
    }

    /// An entity here is gone: it holds nothing any more.
    pub fn forget<X, P>(&mut self, entity: EntityId, book: &mut CallBook<X, P>) {
        let services: Vec<ServiceId> =
            self.provided.keys().filter(|(_, who)| *who == entity).map(|(service, _)| service.clone()).collect();
        services.into_iter().for_each(|service| self.withdraw(service, entity, book));
        let held = self.named.iter().filter(|(_, (holder, _))| holder.entity == entity);
        let names: Vec<Arc<str>> = held.map(|(name, _)| name.clone()).collect();
        names.into_iter().for_each(|name| self.release(name, entity, book));
        self.watchers.retain(|_, watchers| {
            watchers.remove(&entity);
            !watchers.is_empty()
        });
    }

    /// A provider of a service: the key's, or the next one in turn.
    pub fn pick(&mut self, service: &ServiceId, key: Option<u64>) -> Option<Holder> {
        let state = self.state.borrow();
        let providers = state.providers(service);
        if providers.is_empty() {
            self.turns.remove(service);
            return None;
        }
        if let Some(key) = key {
            return providers.iter().copied().max_by_key(|holder| service::weight(key, holder.entity));
        }
        let turn = self.turns.entry(service.clone()).or_default();
        *turn = (*turn + 1) % providers.len();
        Some(providers[*turn])
    }
}
