//! Native logic for tests: `gold` can be added to, at once or with a save that is waited for.

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use kuafu_core::change::Misfit;
use kuafu_core::{Change, EntityId, MethodNo, Moment, Now, PropertyNo, Value};
use kuafu_def::Part;
use kuafu_logic::{
    Answer, AwaitId, CallToken, Caller, Effect, EntitySeed, Failure, Fault, FunctionRow, HeapRow, Hook, HostCounters,
    LogicHost, Profile, Release,
};

/// Adds to gold, saves, and answers with the new amount after the commit.
pub(super) const BANK: u16 = 1;
/// Adds to gold.
pub(super) const GOLD: u16 = 2;

/// What a new entity has.
pub(super) const STARTING_GOLD: i64 = 5;

/// What was called, seen from outside.
pub(super) type Seen = Rc<std::cell::RefCell<Vec<(EntityId, &'static str)>>>;

pub(super) struct TestLogic {
    pub(super) seen: Seen,
    gold: BTreeMap<EntityId, i64>,
    changes: Vec<(EntityId, Change)>,
    effects: VecDeque<Effect>,
    waiting: BTreeMap<AwaitId, (CallToken, EntityId)>,
    next: u64,
    release: u64,
    staged: Option<u64>,
    watched: bool,
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
            release: 0,
            staged: None,
            watched: false,
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
        if hook == Hook::Create {
            self.gold.insert(entity, STARTING_GOLD);
            self.changes.push((entity, Change::set(PropertyNo(1), Value::Int(STARTING_GOLD))));
        }
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

    fn stage(&mut self, release: &Release) -> Result<(), String> {
        self.staged = Some(release.no);
        Ok(())
    }

    fn activate(&mut self, _: Now, release: u64) -> Result<(), String> {
        match self.staged.take_if(|staged| *staged == release) {
            Some(staged) => self.release = staged,
            None => return Err(format!("release {release} is not staged")),
        }
        Ok(())
    }

    fn release(&self) -> u64 {
        self.release
    }

    /// Adds the number to gold, and keeps that or not.
    fn evaluate(&mut self, _: Now, entity: EntityId, source: &str, keep: bool) -> Result<String, String> {
        let amount: i64 = source.parse().map_err(|_| "console:1: no number\n  console:1".to_owned())?;
        let gold = self.gold.get_mut(&entity).ok_or("there is no such entity here")?;
        let sum = *gold + amount;
        if keep {
            *gold = sum;
            self.changes.push((entity, Change::set(PropertyNo(1), Value::Int(sum))));
        }
        Ok(sum.to_string())
    }

    fn profile_start(&mut self) -> Result<(), String> {
        self.watched = true;
        Ok(())
    }

    fn profile_take(&mut self) -> Result<Profile, String> {
        assert!(std::mem::take(&mut self.watched), "it is watched when it is taken");
        let row = |number: u64| FunctionRow { function: format!("{number}"), own_steps: number, all_steps: number };
        Ok(Profile { functions: (0..300).rev().map(row).collect(), entries: Vec::new() })
    }

    fn heap(&self) -> Vec<HeapRow> {
        vec![HeapRow { type_name: "avatar".to_owned(), entities: self.gold.len() as u64, bytes: 100 }]
    }
}
