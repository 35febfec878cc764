//! The authority of the directory, inside the base-manager: who provides what, who holds which name, what is shared.
//!
//! All of it is in memory. After a start it hears for [`SETTLE`] what bases and cells hold before it decides anything, so
//! that a new life of the base-manager gives away nothing that somebody has. A follower that was not heard of for
//! [`SILENCE_MAX`] is gone, with what lives there. Pure: time comes in, messages go out through the book.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kuafu_contract::base_manager::{Reply, Request};
use kuafu_contract::directory::{Directory, Feed, Held, Holder, Update, encoded_len};
use kuafu_contract::{Address, RoleKind};
use kuafu_core::{Code, EntityId, Limits, Moment, Refusal, ServiceId, TypeNo, Value};
use kuafu_node::{CallBook, CallRef, Counters};

use crate::manager::SILENCE_MAX;

/// How long a new authority listens before it decides. Who follows an older one reports every second.
pub(crate) const SETTLE: Duration = Duration::from_millis(1_500);

/// Calls that wait until it decides; further ones are refused as Busy.
const WAITING_MAX: usize = 16_384;

/// One base or cell that follows.
#[derive(Debug)]
struct Followed {
    heard: Moment,
    /// It has a snapshot of ours, and gets every update.
    synced: bool,
    /// It told what it holds, and waits for a snapshot.
    waits: bool,
    /// The number that it had been sent when it told last how far it is.
    sent: u64,
}

/// The authority.
#[derive(Debug)]
pub(crate) struct Authority {
    me: Address,
    entries_max: usize,
    shared_max: usize,
    shared_bytes_max: usize,
    /// Names that belong to a type.
    reserved: BTreeMap<Arc<str>, TypeNo>,
    state: Directory,
    number: u64,
    version: u64,
    /// Updates that were not sent yet; the last has the number `number`.
    unsent: Vec<Update>,
    followers: BTreeMap<Address, Followed>,
    /// When it begins to decide; `None` once it does.
    settles: Option<Moment>,
    started: bool,
    waiting: Vec<(CallRef, Request)>,
}

impl Authority {
    /// An authority that knows nothing yet.
    pub(crate) fn new(me: Address, limits: &Limits) -> Self {
        Self {
            me,
            entries_max: limits.directory_entries_max as usize,
            shared_max: limits.shared_entries_max as usize,
            shared_bytes_max: limits.shared_value_bytes_max as usize,
            reserved: BTreeMap::new(),
            state: Directory::default(),
            number: 0,
            version: 0,
            unsent: Vec::new(),
            followers: BTreeMap::new(),
            settles: Some(Moment::NEVER),
            started: false,
            waiting: Vec::new(),
        }
    }

    /// Only entities of this type can hold the name.
    pub(crate) fn reserve(&mut self, name: &str, ty: TypeNo) {
        self.reserved.insert(name.into(), ty);
    }

    /// What is known.
    pub(crate) fn state(&self) -> &Directory {
        &self.state
    }

    /// Whether it decides.
    pub(crate) fn is_settled(&self) -> bool {
        self.settles.is_none()
    }

    /// A call, or one of the notices of the directory.
    pub(crate) fn ask<X, P>(&mut self, now: Moment, from: CallRef, request: Request, book: &mut CallBook<X, P>) {
        if self.is_settled() {
            let result = self.decide(now, request);
            // Who asked must find it done: the update goes first.
            self.flush(book);
            book.answer(from, result);
        } else if self.waiting.len() < WAITING_MAX {
            self.waiting.push((from, request));
        } else {
            book.answer(from, Err::<Reply, _>(Code::Busy.into()));
        }
    }

    fn decide(&mut self, now: Moment, request: Request) -> Result<Reply, Refusal> {
        match request {
            Request::Provide { service, holder } => self.provide(now, &service, holder)?,
            Request::Claim { name, holder } => self.claim(now, &name, holder)?,
            Request::Share { key, value } => self.share(key, value)?,
            _ => return Err(Code::NotAllowed.into()),
        }
        Ok(Reply::Done { number: self.number })
    }

    fn provide(&mut self, now: Moment, service: &ServiceId, holder: Holder) -> Result<(), Refusal> {
        let is_there = self.state.providers(service).iter().any(|other| other.entity == holder.entity);
        if !is_there {
            self.check_room()?;
        }
        self.meet(now, holder.home);
        self.change(Update::Provided(service.clone(), holder));
        Ok(())
    }

    fn claim(&mut self, now: Moment, name: &Arc<str>, holder: Holder) -> Result<(), Refusal> {
        if self.reserved.get(name).is_some_and(|ty| *ty != holder.ty) {
            return Err(Refusal::new(Code::NameTaken, format!("`{name}` is the name of a global entity")));
        }
        match self.state.named(name) {
            Some(other) if other.entity != holder.entity => {
                return Err(Refusal::new(Code::NameTaken, format!("another entity holds `{name}`")));
            }
            Some(_) => {}
            None => self.check_room()?,
        }
        self.meet(now, holder.home);
        self.change(Update::Named(name.clone(), holder));
        Ok(())
    }

    fn check_room(&self) -> Result<(), Refusal> {
        if self.state.entries_len() < self.entries_max {
            return Ok(());
        }
        let text = format!("the realm has {} names and providers (directory_entries_max)", self.entries_max);
        Err(Refusal::new(Code::Busy, text))
    }

    fn share(&mut self, key: Arc<str>, value: Value) -> Result<(), Refusal> {
        if encoded_len(&value) > self.shared_bytes_max {
            let text = format!("it takes more than {} bytes (shared_value_bytes_max)", self.shared_bytes_max);
            return Err(Refusal::new(Code::ArgumentInvalid, text));
        }
        let known = self.state.shared(&key).map(|shared| &shared.value);
        if known == Some(&value) {
            return Ok(());
        }
        if known.is_none() && value != Value::Nil && self.state.shared_len() >= self.shared_max {
            let text = format!("the realm shares {} values (shared_entries_max)", self.shared_max);
            return Err(Refusal::new(Code::Busy, text));
        }
        self.version += 1;
        self.change(Update::Shared(key, value, self.version));
        Ok(())
    }

    /// An entity provides a service no more.
    pub(crate) fn withdraw(&mut self, service: ServiceId, entity: EntityId) {
        self.change(Update::Withdrawn(service, entity));
    }

    /// An entity gives a name up; of no consequence when another holds it.
    pub(crate) fn unclaim(&mut self, name: Arc<str>, entity: EntityId) {
        if self.state.named(&name).is_some_and(|holder| holder.entity == entity) {
            self.change(Update::Unnamed(name));
        }
    }

    fn change(&mut self, update: Update) {
        if self.state.apply(&update) {
            self.number += 1;
            self.unsent.push(update);
        }
    }

    /// Somebody follows from now on, or is heard of again.
    fn meet(&mut self, now: Moment, who: Address) -> &mut Followed {
        let is_new = !self.followers.contains_key(&who);
        if is_new && who.role == RoleKind::Base {
            self.change(Update::BaseHere(who));
        }
        let new = Followed { heard: now, synced: false, waits: false, sent: 0 };
        let followed = self.followers.entry(who).or_insert(new);
        followed.heard = now;
        followed
    }

    /// A follower tells how far it is.
    pub(crate) fn follow<X, P>(
        &mut self,
        now: Moment,
        by: Address,
        manager: Option<Address>,
        number: u64,
        book: &mut CallBook<X, P>,
    ) {
        let (me, newest) = (self.me, self.number - self.unsent.len() as u64);
        let followed = self.meet(now, by);
        let is_behind = manager != Some(me) || !followed.synced || number < followed.sent;
        followed.sent = newest;
        if is_behind {
            book.notice(by, Feed::Hello { manager: me });
        }
    }

    /// A follower tells what it holds. What nobody else has is its own; it gets a snapshot.
    pub(crate) fn hold<X, P>(&mut self, now: Moment, held: Held, book: &mut CallBook<X, P>, counters: &mut Counters) {
        for (service, holder) in &held.provided {
            if self.provide(now, service, *holder).is_err() {
                counters.count("directory_refused");
            }
        }
        for (name, holder) in &held.named {
            if self.claim(now, name, *holder).is_err() {
                counters.count("directory_refused");
            }
        }
        for (key, value, version) in held.shared {
            self.version = self.version.max(version);
            if self.state.shared(&key).is_none_or(|known| known.version < version) {
                self.change(Update::Shared(key, value, version));
            }
        }
        self.meet(now, held.by).waits = true;
        if self.is_settled() {
            self.flush(book);
            self.send_snapshots(book);
        }
    }

    fn send_snapshots<X, P>(&mut self, book: &mut CallBook<X, P>) {
        let (manager, number) = (self.me, self.number);
        for (address, followed) in self.followers.iter_mut().filter(|(_, followed)| followed.waits) {
            (followed.waits, followed.synced) = (false, true);
            followed.sent = followed.sent.max(number);
            book.notice(*address, Feed::Snapshot { manager, number, entries: self.state.to_updates() });
        }
    }

    /// What is due: those who are silent are gone, and once it has heard all it decides.
    pub(crate) fn turn<X, P>(&mut self, now: Moment, book: &mut CallBook<X, P>) {
        if !std::mem::replace(&mut self.started, true) {
            self.settles = Some(now + SETTLE);
        }
        let silent = self.followers.iter().filter(|(_, followed)| now.since(followed.heard) >= SILENCE_MAX);
        let silent: Vec<Address> = silent.map(|(address, _)| *address).collect();
        silent.into_iter().for_each(|address| self.gone(address));
        if self.settles.is_some_and(|at| at <= now) {
            self.settles = None;
            self.flush(book);
            self.send_snapshots(book);
            for (from, request) in std::mem::take(&mut self.waiting) {
                self.ask(now, from, request, book);
            }
        }
        self.flush(book);
    }

    /// A base or cell is gone, with all that lived there.
    pub(crate) fn gone(&mut self, address: Address) {
        if self.followers.remove(&address).is_none() {
            return;
        }
        let lost = |holder: &Holder| holder.home == address;
        let provided = self.state.all_provided().filter(|(_, holder)| lost(holder));
        let mut updates: Vec<Update> =
            provided.map(|(service, holder)| Update::Withdrawn(service.clone(), holder.entity)).collect();
        let named = self.state.all_named().filter(|(_, holder)| lost(holder));
        updates.extend(named.map(|(name, _)| Update::Unnamed(name.clone())));
        updates.push(Update::BaseGone(address));
        updates.into_iter().for_each(|update| self.change(update));
    }

    /// Sends what changed to all who have a snapshot. Before it decides nobody has.
    pub(crate) fn flush<X, P>(&mut self, book: &mut CallBook<X, P>) {
        let updates = std::mem::take(&mut self.unsent);
        if updates.is_empty() {
            return;
        }
        let first = self.number + 1 - updates.len() as u64;
        for (address, _) in self.followers.iter().filter(|(_, followed)| followed.synced) {
            book.notice(*address, Feed::Updates { manager: self.me, first, updates: updates.clone() });
        }
    }
}
