//! Two hosts as one: who gets what, and in which order both are heard.

use std::collections::VecDeque;

use kuafu_core::change::Misfit;
use kuafu_core::{Change, EntityId, MethodNo, Moment, Now, PropertyNo, Value};
use kuafu_def::Part;
use kuafu_logic::{
    Answer, AwaitId, CallToken, Caller, Effect, EntitySeed, Failure, Fault, Hook, HostCounters, LogicHost, Release,
};
use kuafu_native::{Behaviour, Context, Done, Later, Methods, MixedHost, Native, NativeHost, Outcome, methods};

use crate::support::{at, call, changes, config, create, effects};

/// Stands in for the Luau host: notes what it is asked, kicks on every entry.
#[derive(Default)]
struct Other {
    heard: Vec<String>,
    effects: VecDeque<Effect>,
    changes: Vec<(EntityId, Change)>,
    release: u64,
}

impl Other {
    fn hear(&mut self, entity: EntityId, what: impl Into<String>) {
        self.heard.push(what.into());
        self.effects.push_back(Effect::Kick { entity, text: "luau".into() });
        self.changes.push((entity, Change::set(PropertyNo(1), Value::Nil)));
    }
}

impl LogicHost for Other {
    fn part(&self) -> Part {
        Part::Base
    }

    fn create(&mut self, seed: EntitySeed) {
        self.hear(seed.id, format!("create {}", seed.ty.name));
    }

    fn destroy(&mut self, entity: EntityId) {
        self.hear(entity, "destroy");
    }

    fn hook(&mut self, _: Now, entity: EntityId, hook: Hook, _: &[Value]) {
        self.hear(entity, hook.method());
    }

    fn call(&mut self, _: Now, entity: EntityId, _: MethodNo, _: Vec<Value>, _: Caller) -> Answer {
        self.hear(entity, "call");
        Answer::Pending(CallToken(1))
    }

    fn resume(&mut self, _: Now, awaiting: AwaitId, _: Result<Value, Failure>) {
        self.hear(EntityId::NONE, format!("resume {}", awaiting.0));
    }

    fn advance(&mut self, _: Now) {
        self.hear(EntityId::NONE, "advance");
    }

    fn next_wake(&self) -> Option<Moment> {
        Some(Moment(9))
    }

    fn take_changes(&mut self, into: &mut Vec<(EntityId, Change)>) {
        into.append(&mut self.changes);
    }

    fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    fn poll_fault(&mut self) -> Option<Fault> {
        None
    }

    fn apply(&mut self, _: EntityId, _: &Change) -> Result<(), Misfit> {
        Err(Misfit("luau"))
    }

    fn read(&self, _: EntityId, _: PropertyNo) -> Option<Value> {
        Some("luau".into())
    }

    fn counters(&self) -> HostCounters {
        HostCounters { entries: self.heard.len() as u64, entities: 1, ..HostCounters::default() }
    }

    fn stage(&mut self, release: &Release) -> Result<(), String> {
        self.release = release.no;
        Ok(())
    }

    fn release(&self) -> u64 {
        self.release
    }
}

#[derive(Default)]
struct Shop;

impl Behaviour for Shop {
    fn methods() -> Methods<Self> {
        methods![buy, restock, order, saved, break_down]
    }

    fn on_create(&mut self, cx: &mut Context<'_>) -> Done {
        cx.every(0.001, "restock", ());
        Ok(())
    }
}

impl Shop {
    fn buy(&mut self, cx: &mut Context<'_>, _count: u8) -> Done<Later> {
        Ok(cx.save().then("saved"))
    }

    fn saved(&mut self, _: &mut Context<'_>, saved: Outcome<bool>) -> Done<i64> {
        saved.or_refuse().map(i64::from)
    }

    fn restock(&mut self, cx: &mut Context<'_>) -> Done {
        cx.kick("rust");
        cx.set("gold", 5)
    }

    fn order(&mut self, _: &mut Context<'_>, _from: EntityId) {}

    fn break_down(&mut self, _: &mut Context<'_>) {}
}

/// A host in which the shop is native, and a wisp is not; an entity of each.
fn mixed() -> (MixedHost<Other>, EntityId, EntityId) {
    let native = Native::new().base::<Shop>("shop");
    let mut host = MixedHost::new(Other::default(), NativeHost::new(config(Part::Base, native)));
    let (shop, wisp) = (create(&mut host, "shop", 1), create(&mut host, "wisp", 2));
    (host, shop, wisp)
}

#[test]
fn each_entity_is_asked_where_its_type_has_its_logic() {
    let (mut host, shop, wisp) = mixed();
    let gold = PropertyNo(2);
    assert_eq!(host.read(wisp, gold), Some("luau".into()));
    assert_ne!(host.read(shop, gold), Some("luau".into()));
    host.hook(at(1), shop, Hook::Shutdown, &[]);
    host.hook(at(1), wisp, Hook::Shutdown, &[]);
    let kicked = effects(&mut host);
    assert_eq!(kicked.len(), 3, "created, told of it, told of the end: {kicked:?}");
    assert_eq!(host.counters().entities, 2);
}

#[test]
fn of_both_hosts_the_other_one_is_heard_first() {
    let (mut host, shop, _) = mixed();
    effects(&mut host);
    changes(&mut host);
    assert_eq!(host.next_wake(), Some(Moment(9)), "the earlier of both");
    host.advance(at(2));
    let said: Vec<String> = effects(&mut host)
        .into_iter()
        .map(|effect| match effect {
            Effect::Kick { text, .. } => text,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(said, ["luau", "rust"]);
    let mut changed = Vec::new();
    host.take_changes(&mut changed);
    assert_eq!(changed.iter().map(|(entity, _)| *entity).collect::<Vec<_>>(), [EntityId::NONE, shop]);
}

#[test]
fn numbers_of_awaits_and_calls_never_clash() {
    let (mut host, shop, wisp) = mixed();
    effects(&mut host);
    let ours = call(&mut host, shop, "buy", &[1.into()]);
    let theirs = call(&mut host, wisp, "buy", &[1.into()]);
    assert_ne!(ours, theirs);
    let Some(Effect::Save { awaiting: Some(awaiting), .. }) =
        effects(&mut host).into_iter().find(|effect| matches!(effect, Effect::Save { .. }))
    else {
        panic!("it saves")
    };
    host.resume(at(3), AwaitId(1), Ok(true.into()));
    host.resume(at(3), awaiting, Ok(true.into()));
    let answered = effects(&mut host);
    assert_eq!(answered.len(), 2, "the other's kick, our answer: {answered:?}");
    let Answer::Pending(token) = ours else { panic!("it waits") };
    assert_eq!(answered[1], Effect::Answer { token, outcome: Ok(1.into()) });
}

#[test]
fn a_release_goes_to_the_host_that_can_have_one() {
    let (mut host, ..) = mixed();
    host.stage(&Release { no: 4, bytes: [].into() }).expect("it is taken");
    assert_eq!(host.release(), 4);
}
