//! Native logic for tests: `gold` can be added to, at once or with a save that is waited for.

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use kuafu_core::change::Misfit;
use kuafu_core::{Change, EntityId, MethodNo, Moment, Now, PropertyNo, Value};
use kuafu_def::Part;
use kuafu_logic::{
    Answer, AwaitId, CallToken, Caller, Effect, EntitySeed, Failure, Fault, Hook, HostCounters, LogicHost,
};

/// Adds to gold, saves, and answers with the new amount after the commit.
pub(super) const BANK: u16 = 1;
/// Adds to gold.
pub(super) const GOLD: u16 = 2;

/// What was called, seen from outside.
pub(super) type Seen = Rc<std::cell::RefCell<Vec<(EntityId, &'static str)>>>;

pub(super) struct TestLogic {
    pub(super) seen: Seen,
    gold: BTreeMap<EntityId, i64>,
    changes: Vec<(EntityId, Change)>,
    effects: VecDeque<Effect>,
    waiting: BTreeMap<AwaitId, (CallToken, EntityId)>,
    next: u64,
}

impl TestLogic {
    pub(super) fn new(seen: Seen) -> Self {
        Self {
            seen,
            gold: BTreeMap::new(),
            changes: Vec::new(),
            effects: VecDeque::new(),
            waiting: BTreeMap::new(),
            next: 0,
        }
    }
}

impl LogicHost for TestLogic {
    fn part(&self) -> Part {
        Part::Base
    }

    fn create(&mut self, seed: EntitySeed) {
        self.gold.insert(seed.id, 0);
    }

    fn destroy(&mut self, entity: EntityId) {
        self.gold.remove(&entity);
    }

    fn hook(&mut self, _: Now, entity: EntityId, hook: Hook, _: &[Value]) {
        self.seen.borrow_mut().push((entity, hook.method()));
    }

    fn call(&mut self, _: Now, entity: EntityId, method: MethodNo, arguments: Vec<Value>, _: Caller) -> Answer {
        let amount = arguments[0].as_int().expect("the base checks arguments");
        let gold = self.gold.entry(entity).or_default();
        *gold += amount;
        self.changes.push((entity, Change::set(PropertyNo(1), Value::Int(*gold))));
        if method.0 == GOLD {
            return Answer::Done(Ok(Value::Int(*gold)));
        }
        self.next += 1;
        let (awaiting, token) = (AwaitId(self.next), CallToken(self.next));
        self.waiting.insert(awaiting, (token, entity));
        self.effects.push_back(Effect::Save { entity, awaiting: Some(awaiting), step: 1 });
        Answer::Pending(token)
    }

    fn resume(&mut self, _: Now, awaiting: AwaitId, outcome: Result<Value, Failure>) {
        let (token, entity) = self.waiting.remove(&awaiting).expect("an await ends once");
        let outcome = match outcome {
            Ok(saved) => {
                assert_eq!(saved, Value::Bool(true));
                Ok(Value::Int(self.gold[&entity]))
            }
            Err(Failure::Refused(refusal)) => Err(refusal),
            Err(Failure::Unknown) => panic!("a save is asked for until its outcome is known"),
        };
        self.effects.push_back(Effect::Answer { token, outcome });
    }

    fn advance(&mut self, _: Now) {}

    fn next_wake(&self) -> Option<Moment> {
        None
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
        Ok(())
    }

    fn read(&self, entity: EntityId, property: PropertyNo) -> Option<Value> {
        (property == PropertyNo(1)).then(|| Value::Int(self.gold.get(&entity).copied().unwrap_or_default()))
    }

    fn counters(&self) -> HostCounters {
        HostCounters::default()
    }
}
