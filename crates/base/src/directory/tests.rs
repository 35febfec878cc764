//! The authority and its followers over a network that loses, delays and reorders, with deaths on both sides.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use kuafu_contract::base_manager::{Reply, Request as ManagerRequest};
use kuafu_contract::directory::{Feed, Holder};
use kuafu_contract::{Address, Request, RoleKind, Target};
use kuafu_core::{Chance, Code, EntityId, Incarnation, Limits, Moment, Refusal, ServiceId, TypeNo, Value};
use kuafu_node::{CallBook, CallRef, Counters, Follower, Heard, Output};

use super::Authority;

/// How far the clock goes in one step.
const STEP: Duration = Duration::from_millis(50);

fn address(role: RoleKind, number: u32) -> Address {
    Address { role, incarnation: Incarnation(number) }
}

fn base(number: u32) -> Address {
    address(RoleKind::Base, number)
}

fn service(number: u64) -> ServiceId {
    ServiceId::Number(number)
}

/// A base: its copy, and which of its entities want what.
struct Base {
    follower: Follower<u64>,
    book: CallBook<(), ()>,
    alive: BTreeSet<EntityId>,
    heard: Vec<Heard>,
    answers: Vec<Result<u64, Refusal>>,
}

struct Rig {
    now: Moment,
    chance: Chance,
    /// One of so many notices is lost.
    loss_one_in: i64,
    delay_ms_max: i64,
    limits: Limits,
    manager: (Address, Authority, CallBook<(), ()>),
    bases: BTreeMap<Address, Base>,
    /// What is on its way, by the time of its arrival and a number that keeps equal times apart.
    queue: BTreeMap<(Moment, u64), (Address, Address, Mail)>,
    sent: u64,
    last: u32,
}

enum Mail {
    Notice(Request),
    Call(kuafu_contract::CallId, Request),
    Answer(Result<kuafu_contract::Reply, Refusal>),
}

impl Rig {
    fn new(seed: u64) -> Self {
        let (me, limits) = (address(RoleKind::BaseManager, 1), Limits::default());
        Self {
            now: Moment(1),
            chance: Chance::from_seed(seed),
            loss_one_in: 0,
            delay_ms_max: 0,
            manager: (me, Authority::new(me, &limits), CallBook::default()),
            limits,
            bases: BTreeMap::new(),
            queue: BTreeMap::new(),
            sent: 0,
            last: 1,
        }
    }

    fn add_base(&mut self) -> Address {
        self.last += 1;
        let me = base(self.last);
        let new = Base {
            follower: Follower::new(me),
            book: CallBook::default(),
            alive: BTreeSet::new(),
            heard: Vec::new(),
            answers: Vec::new(),
        };
        self.bases.insert(me, new);
        me
    }

    /// The base-manager dies, and a new one takes its place.
    fn restart_manager(&mut self) {
        self.last += 1;
        let me = address(RoleKind::BaseManager, self.last);
        self.queue.retain(|_, (_, to, _)| to.role != RoleKind::BaseManager);
        self.manager = (me, Authority::new(me, &self.limits), CallBook::default());
    }

    fn entity(&mut self, at: Address, number: u32) -> Holder {
        let entity = EntityId::new(at.incarnation, number);
        self.at(at).alive.insert(entity);
        Holder { entity, ty: TypeNo(1), home: at }
    }

    fn at(&mut self, base: Address) -> &mut Base {
        self.bases.get_mut(&base).expect("the base lives")
    }

    fn provide(&mut self, holder: Holder, service: ServiceId) {
        let now = self.now;
        let base = self.at(holder.home);
        base.follower.note_provided(now, service.clone(), holder);
        base.book.call(RoleKind::BaseManager, ManagerRequest::Provide { service, holder }, ());
    }

    fn ask(&mut self, from: Address, request: ManagerRequest) {
        self.at(from).book.call(RoleKind::BaseManager, request, ());
    }

    fn claim(&mut self, holder: Holder, name: &str) {
        self.ask(holder.home, ManagerRequest::Claim { name: name.into(), holder });
    }

    fn share(&mut self, from: Address, key: &str, value: i64) {
        self.ask(from, ManagerRequest::Share { key: key.into(), value: Value::Int(value) });
    }

    fn end_entity(&mut self, holder: Holder) {
        let base = self.at(holder.home);
        base.alive.remove(&holder.entity);
        base.follower.forget(holder.entity, &mut base.book);
    }

    fn collect(&mut self) {
        let manager = self.manager.0;
        let mut mail = Vec::new();
        for (from, book) in self.bases.iter_mut().map(|(from, base)| (*from, &mut base.book)) {
            while let Some(output) = book.poll() {
                mail.push((from, output));
            }
        }
        while let Some(output) = self.manager.2.poll() {
            mail.push((manager, output));
        }
        for (from, output) in mail {
            let (to, mail) = match output {
                Output::Notice { to, request } => (to, Mail::Notice(request)),
                Output::Call { call, to, request } => (to, Mail::Call(call, request)),
                Output::Answer { to, result } => (to.from.into(), Mail::Answer(result)),
                other => panic!("nobody here sends {other:?}"),
            };
            let to = match to {
                Target::At(to) => to,
                Target::Any(RoleKind::BaseManager) => manager,
                Target::Any(role) => panic!("nobody here asks a {role:?}"),
            };
            let lost = matches!(mail, Mail::Notice(_)) && self.loss_one_in > 0;
            if lost && self.chance.between(1, self.loss_one_in) == 1 {
                continue;
            }
            let delay = self.chance.between(0, self.delay_ms_max) as u64;
            self.sent += 1;
            self.queue.insert((self.now + Duration::from_millis(delay), self.sent), (from, to, mail));
        }
    }

    fn step(&mut self) {
        self.now = self.now + STEP;
        self.collect();
        while let Some(first) = self.queue.first_entry().filter(|first| first.key().0 <= self.now) {
            let (from, to, mail) = first.remove();
            self.deliver(from, to, mail);
            self.collect();
        }
        let (now, (_, authority, book)) = (self.now, &mut self.manager);
        authority.turn(now, book);
        for base in self.bases.values_mut() {
            let alive = &base.alive;
            base.follower.turn(now, &mut base.book, |entity| alive.contains(&entity));
            base.heard.extend(std::iter::from_fn(|| base.follower.next_heard()));
        }
        self.collect();
    }

    fn deliver(&mut self, from: Address, to: Address, mail: Mail) {
        let now = self.now;
        if to == self.manager.0 {
            let (_, authority, book) = &mut self.manager;
            match mail {
                Mail::Call(call, Request::BaseManager(request)) => {
                    authority.ask(now, CallRef { from, call }, request, book);
                }
                Mail::Notice(Request::BaseManager(request)) => match request {
                    ManagerRequest::Follow { by, manager, number } => authority.follow(now, by, manager, number, book),
                    ManagerRequest::Hold(held) => authority.hold(now, held, book, &mut Counters::default()),
                    ManagerRequest::Withdraw { service, entity } => authority.withdraw(service, entity),
                    ManagerRequest::Unclaim { name, entity } => authority.unclaim(name, entity),
                    other => panic!("{other:?}"),
                },
                _ => panic!("a base-manager is asked, not answered"),
            }
            return;
        }
        let Some(base) = self.bases.get_mut(&to) else { return };
        match mail {
            Mail::Notice(Request::Directory(feed)) => base.follower.handle(now, feed, &mut base.book),
            Mail::Answer(result) => base.answers.push(result.map(|reply| match reply {
                kuafu_contract::Reply::BaseManager(Reply::Done { number }) => number,
                other => panic!("{other:?}"),
            })),
            _ => panic!("a base is told and answered"),
        }
    }

    fn pass(&mut self, seconds: u64) {
        for _ in 0..seconds * 20 {
            self.step();
        }
    }

    fn providers(&mut self, at: Address, service: &ServiceId) -> Vec<EntityId> {
        let view = self.at(at).follower.view();
        view.borrow().providers(service).iter().map(|holder| holder.entity).collect()
    }

    fn named(&mut self, at: Address, name: &str) -> Option<EntityId> {
        let view = self.at(at).follower.view();
        view.borrow().named(name).map(|holder| holder.entity)
    }

    fn shared(&mut self, at: Address, key: &str) -> Option<Value> {
        let view = self.at(at).follower.view();
        view.borrow().shared(key).map(|shared| shared.value.clone())
    }
}

#[test]
fn what_one_base_provides_names_and_shares_is_known_on_all() {
    let mut rig = Rig::new(1);
    let (a, b) = (rig.add_base(), rig.add_base());
    rig.pass(3);
    let (one, two) = (rig.entity(a, 1), rig.entity(b, 1));
    rig.provide(one, service(7));
    rig.provide(two, service(7));
    rig.claim(one, "hall");
    rig.share(b, "weather", 3);
    rig.pass(1);
    for base in [a, b] {
        assert_eq!(rig.providers(base, &service(7)), [one.entity, two.entity]);
        assert_eq!(rig.named(base, "hall"), Some(one.entity));
        assert_eq!(rig.shared(base, "weather"), Some(Value::Int(3)));
        let view = rig.at(base).follower.view();
        assert_eq!(view.borrow().bases().collect::<Vec<_>>(), [a, b]);
    }
    rig.end_entity(one);
    rig.pass(1);
    assert_eq!(rig.providers(b, &service(7)), [two.entity]);
    assert_eq!(rig.named(b, "hall"), None);
}

#[test]
fn a_name_is_held_once_and_its_type_may_be_reserved() {
    let mut rig = Rig::new(2);
    rig.manager.1.reserve("arena", TypeNo(9));
    let (a, b) = (rig.add_base(), rig.add_base());
    let (one, two) = (rig.entity(a, 1), rig.entity(b, 1));
    rig.claim(one, "hall");
    rig.pass(3);
    rig.claim(two, "hall");
    rig.claim(two, "arena");
    rig.claim(Holder { ty: TypeNo(9), ..two }, "arena");
    rig.pass(1);
    let codes: Vec<_> = rig.at(b).answers.iter().map(|answer| answer.as_ref().map_err(|why| why.code).err()).collect();
    assert_eq!(codes, [Some(Code::NameTaken), Some(Code::NameTaken), None]);
    assert_eq!((rig.named(a, "hall"), rig.named(a, "arena")), (Some(one.entity), Some(two.entity)));
    rig.end_entity(one);
    rig.claim(two, "hall");
    rig.pass(1);
    assert_eq!(rig.named(a, "hall"), Some(two.entity));
}

#[test]
fn a_watcher_hears_of_each_change_once_and_of_none_that_a_new_authority_repeats() {
    let mut rig = Rig::new(3);
    let (a, b) = (rig.add_base(), rig.add_base());
    let watcher = rig.entity(a, 1).entity;
    rig.at(a).follower.watch(watcher, "weather".into(), true, 10);
    rig.pass(3);
    rig.share(b, "weather", 1);
    rig.share(b, "weather", 1);
    rig.share(b, "other", 1);
    rig.pass(1);
    let change = |value| Heard::Shared(watcher, "weather".into(), Value::Int(value));
    assert_eq!(rig.at(a).heard, [change(1)]);
    rig.restart_manager();
    rig.pass(4);
    assert_eq!(rig.at(a).heard, [change(1)]);
    assert_eq!(rig.shared(b, "weather"), Some(Value::Int(1)), "it was remembered by those who follow");
    rig.share(b, "weather", 2);
    rig.ask(b, ManagerRequest::Share { key: "weather".into(), value: Value::Nil });
    rig.pass(1);
    assert_eq!(rig.at(a).heard, [change(1), change(2), Heard::Shared(watcher, "weather".into(), Value::Nil)]);
}

#[test]
fn a_new_authority_gives_away_nothing_that_somebody_holds() {
    let mut rig = Rig::new(4);
    let (a, b) = (rig.add_base(), rig.add_base());
    let (one, two) = (rig.entity(a, 1), rig.entity(b, 1));
    rig.claim(one, "hall");
    rig.provide(one, service(1));
    rig.pass(3);
    rig.restart_manager();
    rig.claim(two, "hall");
    rig.step();
    assert_eq!(rig.providers(b, &service(1)), [one.entity], "what was known serves until more is known");
    rig.pass(4);
    assert_eq!(rig.at(b).answers.pop().expect("an answer").map_err(|why| why.code), Err(Code::NameTaken));
    assert_eq!((rig.named(b, "hall"), rig.providers(b, &service(1))), (Some(one.entity), vec![one.entity]));
}

#[test]
fn what_lived_on_a_base_that_died_goes_with_it() {
    let mut rig = Rig::new(5);
    let (a, b) = (rig.add_base(), rig.add_base());
    let one = rig.entity(a, 1);
    rig.claim(one, "hall");
    rig.provide(one, service(1));
    rig.pass(3);
    rig.bases.remove(&a);
    rig.pass(6);
    assert_eq!((rig.named(b, "hall"), rig.providers(b, &service(1))), (None, vec![]));
    let view = rig.at(b).follower.view();
    assert_eq!(view.borrow().bases().collect::<Vec<_>>(), [b]);
}

#[test]
fn a_base_that_was_taken_for_dead_gets_its_names_back_unless_another_took_them() {
    let mut rig = Rig::new(6);
    let (a, b) = (rig.add_base(), rig.add_base());
    let (one, two) = (rig.entity(a, 1), rig.entity(b, 1));
    rig.claim(one, "hall");
    rig.claim(one, "gate");
    rig.pass(3);
    let stalled = rig.bases.remove(&a).expect("it lives");
    rig.pass(6);
    rig.claim(two, "hall");
    rig.pass(1);
    rig.bases.insert(a, stalled);
    rig.pass(6);
    assert_eq!((rig.named(b, "gate"), rig.named(a, "hall")), (Some(one.entity), Some(two.entity)));
    assert_eq!(rig.at(a).heard, [Heard::NameLost(one.entity, "hall".into())]);
}

#[test]
fn the_bounds_are_refusals_with_their_names() {
    let mut rig = Rig::new(7);
    rig.limits =
        Limits { directory_entries_max: 2, shared_entries_max: 1, shared_value_bytes_max: 16, ..Limits::default() };
    rig.restart_manager();
    let a = rig.add_base();
    let one = rig.entity(a, 1);
    rig.pass(3);
    for number in 0..3 {
        rig.ask(a, ManagerRequest::Provide { service: service(number), holder: one });
    }
    rig.share(a, "one", 1);
    rig.share(a, "two", 1);
    rig.ask(a, ManagerRequest::Share { key: "one".into(), value: Value::text(&"long".repeat(9)) });
    rig.pass(1);
    let refused: Vec<Option<String>> = rig.at(a).answers.iter().map(|a| a.clone().err().map(|why| why.text)).collect();
    let limits = ["directory_entries_max", "shared_entries_max", "shared_value_bytes_max"];
    for (at, limit) in [2, 4, 5].into_iter().zip(limits) {
        assert!(refused[at].as_ref().is_some_and(|why| why.contains(limit)), "{limit}: {refused:?}");
    }
    assert_eq!(refused.iter().flatten().count(), 3);
}

#[test]
fn updates_that_come_twice_late_or_with_a_gap_lead_to_the_same_copy() {
    let mut rig = Rig::new(8);
    let a = rig.add_base();
    rig.pass(3);
    let manager = rig.manager.0;
    let update = |key: &str, number: i64| {
        kuafu_contract::directory::Update::Shared(key.into(), Value::Int(number), number.cast_unsigned())
    };
    let (now, base) = (rig.now, rig.at(a));
    let (follower, book) = (&mut base.follower, &mut base.book);
    let first = 2; // The first update was that this base is there.
    follower.handle(now, Feed::Updates { manager, first, updates: vec![update("x", 1), update("y", 2)] }, book);
    follower.handle(
        now,
        Feed::Updates { manager, first: first + 1, updates: vec![update("y", 2), update("x", 3)] },
        book,
    );
    follower.handle(now, Feed::Updates { manager, first, updates: vec![update("x", 1)] }, book);
    assert!(book.poll().is_none(), "nothing is missing");
    follower.handle(now, Feed::Updates { manager, first: first + 9, updates: vec![update("z", 9)] }, book);
    let asked =
        matches!(book.poll(), Some(Output::Notice { request: Request::BaseManager(ManagerRequest::Hold(_)), .. }));
    assert!(asked, "a gap asks for a snapshot");
    let late = address(RoleKind::BaseManager, 0);
    follower.handle(now, Feed::Snapshot { manager: late, number: 99, entries: vec![update("w", 1)] }, book);
    let view = follower.view();
    let copy: Vec<_> =
        view.borrow().all_shared().map(|(key, shared)| (key.to_string(), shared.value.clone())).collect();
    assert_eq!(copy, [("x".to_owned(), Value::Int(3)), ("y".to_owned(), Value::Int(2))]);
}

#[test]
fn the_last_update_is_mended_when_it_was_lost() {
    let mut rig = Rig::new(9);
    let (a, b) = (rig.add_base(), rig.add_base());
    rig.pass(3);
    rig.loss_one_in = 1;
    rig.share(a, "weather", 1);
    rig.step();
    rig.loss_one_in = 0;
    assert_eq!((rig.shared(a, "weather"), rig.shared(b, "weather")), (None, None), "nobody was told");
    rig.pass(4);
    let sun = Some(Value::Int(1));
    assert_eq!((rig.shared(a, "weather"), rig.shared(b, "weather")), (sun.clone(), sun));
}

#[test]
fn what_an_entity_held_goes_though_its_end_was_not_heard() {
    let mut rig = Rig::new(9);
    let (a, b) = (rig.add_base(), rig.add_base());
    let one = rig.entity(a, 1);
    rig.provide(one, service(1));
    rig.claim(one, "hall");
    rig.pass(3);
    rig.loss_one_in = 1;
    rig.end_entity(one);
    rig.step();
    rig.loss_one_in = 0;
    assert_eq!(rig.named(b, "hall"), Some(one.entity), "nobody was told");
    rig.pass(3);
    assert_eq!((rig.named(b, "hall"), rig.providers(b, &service(1))), (None, vec![]));
}

#[test]
fn what_an_authority_lost_is_told_to_it_again() {
    let mut rig = Rig::new(10);
    let a = rig.add_base();
    let one = rig.entity(a, 1);
    rig.provide(one, service(1));
    rig.claim(one, "hall");
    rig.pass(3);
    let now = rig.now;
    rig.at(a).follower.note_named(now, "hall".into(), one);
    rig.manager.1.withdraw(service(1), one.entity);
    rig.manager.1.unclaim("hall".into(), one.entity);
    rig.pass(1);
    assert_eq!((rig.named(a, "hall"), rig.providers(a, &service(1))), (None, vec![]));
    rig.pass(4);
    assert_eq!((rig.named(a, "hall"), rig.providers(a, &service(1))), (Some(one.entity), vec![one.entity]));
}

/// Random use over a bad network, with deaths; then calm, and all must agree with what the living want.
fn storm(seed: u64) {
    let mut rig = Rig::new(seed);
    (rig.loss_one_in, rig.delay_ms_max) = (8, 400);
    let mut bases: Vec<Address> = (0..3).map(|_| rig.add_base()).collect();
    let mut wanted: BTreeSet<(ServiceId, EntityId)> = BTreeSet::new();
    let mut holders: Vec<Holder> = Vec::new();
    for round in 0..300u32 {
        let at = bases[rig.chance.between(0, bases.len() as i64 - 1) as usize];
        match rig.chance.between(0, 19) {
            0..=6 => {
                let holder = rig.entity(at, round + 1);
                let service = service(rig.chance.between(1, 5).cast_unsigned());
                rig.provide(holder, service.clone());
                wanted.insert((service, holder.entity));
                holders.push(holder);
            }
            7..=9 if !holders.is_empty() => {
                let gone = holders.swap_remove(rig.chance.between(0, holders.len() as i64 - 1) as usize);
                rig.end_entity(gone);
                wanted.retain(|(_, entity)| *entity != gone.entity);
            }
            10..=12 if !holders.is_empty() => {
                let holder = holders[rig.chance.between(0, holders.len() as i64 - 1) as usize];
                let name = format!("name {}", rig.chance.between(1, 4));
                rig.claim(holder, &name);
            }
            13..=15 => rig.share(at, "weather", i64::from(round)),
            16 => rig.restart_manager(),
            17 => {
                rig.bases.remove(&at);
                bases.retain(|base| *base != at);
                holders.retain(|holder| holder.home != at);
                wanted.retain(|(_, entity)| entity.incarnation() != at.incarnation);
                bases.push(rig.add_base());
            }
            _ => {}
        }
        rig.step();
        rig.step();
    }
    (rig.loss_one_in, rig.delay_ms_max) = (0, 0);
    rig.pass(20);
    let truth = rig.manager.1.state().clone();
    let provided: BTreeSet<_> =
        truth.all_provided().map(|(service, holder)| (service.clone(), holder.entity)).collect();
    assert_eq!(provided, wanted, "seed {seed}: what the living provide");
    let alive: BTreeSet<EntityId> = rig.bases.values().flat_map(|base| &base.alive).copied().collect();
    assert!(truth.all_named().all(|(_, holder)| alive.contains(&holder.entity)), "seed {seed}: a name of the dead");
    for (address, base) in &rig.bases {
        assert_eq!(*base.follower.view().borrow(), truth, "seed {seed}: the copy of {address}");
    }
}

#[test]
fn after_any_storm_all_copies_are_the_truth() {
    (0..60).for_each(storm);
}
