//! A native host: it notes what it hears, and does what the test put down for it.
//!
//! Each time it is entered it asks the world everything, so that a borrow held by the cell would show at once.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use kuafu_core::{Change, EntityId, MethodNo, Moment, Now, PropertyNo, Value};
use kuafu_def::Part;
use kuafu_logic::{
    Answer, AwaitId, Caller, Effect, EntitySeed, Failure, Fault, Hook, HostCounters, LogicHost, Profile, Release, World,
};

use super::{GLOW, MOOD};

/// What logic was entered with.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Heard {
    Hook(EntityId, Hook, Vec<Value>),
    Call(EntityId, MethodNo, Vec<Value>, Caller),
    Resume(AwaitId, Result<Value, Failure>),
}

#[derive(Default)]
pub(crate) struct HostState {
    pub(crate) heard: Vec<Heard>,
    pub(crate) entities: BTreeMap<EntityId, EntitySeed>,
    pub(crate) changes: Vec<(EntityId, Change)>,
    pub(crate) effects: VecDeque<Effect>,
    pub(crate) faults: VecDeque<Fault>,
    /// What calls of a method are answered; nothing else is `Nil`.
    pub(crate) answers: BTreeMap<MethodNo, Answer>,
    /// Effects of the next call of a method.
    pub(crate) on_call: BTreeMap<MethodNo, Vec<Effect>>,
    pub(crate) world: Option<Rc<dyn World>>,
    /// The release that runs; 0 for none.
    pub(crate) release: u64,
    pub(crate) staged: Option<u64>,
    pub(crate) cannot_stage: bool,
    pub(crate) release_faults: u64,
    pub(crate) profiles: u64,
    /// The release that ran at each entry.
    pub(crate) entered_under: Vec<u64>,
}

impl HostState {
    pub(crate) fn hooks_of(&self, entity: EntityId) -> Vec<Hook> {
        let hook = |heard: &Heard| match heard {
            Heard::Hook(who, hook, _) if *who == entity => Some(*hook),
            _ => None,
        };
        self.heard.iter().filter_map(hook).collect()
    }

    pub(crate) fn calls(&self) -> Vec<Heard> {
        self.heard.iter().filter(|heard| matches!(heard, Heard::Call(..))).cloned().collect()
    }

    pub(crate) fn resumed(&self) -> Vec<Heard> {
        self.heard.iter().filter(|heard| matches!(heard, Heard::Resume(..))).cloned().collect()
    }
}

pub(crate) struct NativeHost(Rc<RefCell<HostState>>);

impl NativeHost {
    pub(crate) fn boxed(state: Rc<RefCell<HostState>>, world: Rc<dyn World>) -> Box<dyn LogicHost> {
        state.borrow_mut().world = Some(world);
        Box::new(Self(state))
    }

    fn hear(&self, entity: Option<EntityId>, heard: Heard) {
        let mut state = self.0.borrow_mut();
        state.heard.push(heard);
        let release = state.release;
        state.entered_under.push(release);
        let world = state.world.clone().expect("set when the host was made");
        if let Some(entity) = entity {
            let mut near = Vec::new();
            world.within(entity, 30.0, &mut near);
            assert!(!near.contains(&entity));
            let _ = (world.position(entity), world.yaw(entity), world.type_of(entity), world.space_time_ms());
            let _ = (world.public_property(entity, MOOD), world.public_property(entity, GLOW));
        }
    }
}

impl LogicHost for NativeHost {
    fn part(&self) -> Part {
        Part::Cell
    }

    fn create(&mut self, seed: EntitySeed) {
        self.0.borrow_mut().entities.insert(seed.id, seed);
    }

    fn destroy(&mut self, entity: EntityId) {
        self.0.borrow_mut().entities.remove(&entity);
    }

    fn hook(&mut self, _: Now, entity: EntityId, hook: Hook, arguments: &[Value]) {
        assert!(self.0.borrow().entities.contains_key(&entity), "{hook:?} of {entity}, which is not here");
        self.hear(Some(entity), Heard::Hook(entity, hook, arguments.to_vec()));
    }

    fn call(&mut self, _: Now, entity: EntityId, method: MethodNo, arguments: Vec<Value>, caller: Caller) -> Answer {
        self.hear(Some(entity), Heard::Call(entity, method, arguments, caller));
        let mut state = self.0.borrow_mut();
        if let Some(effects) = state.on_call.remove(&method) {
            state.effects.extend(effects);
        }
        state.answers.get(&method).cloned().unwrap_or(Answer::Done(Ok(Value::Nil)))
    }

    fn resume(&mut self, _: Now, awaiting: AwaitId, outcome: Result<Value, Failure>) {
        self.hear(None, Heard::Resume(awaiting, outcome));
    }

    fn advance(&mut self, _: Now) {}

    fn next_wake(&self) -> Option<Moment> {
        None
    }

    fn take_changes(&mut self, into: &mut Vec<(EntityId, Change)>) {
        into.append(&mut self.0.borrow_mut().changes);
    }

    fn poll_effect(&mut self) -> Option<Effect> {
        self.0.borrow_mut().effects.pop_front()
    }

    fn poll_fault(&mut self) -> Option<Fault> {
        self.0.borrow_mut().faults.pop_front()
    }

    fn apply(&mut self, _: EntityId, _: &Change) -> Result<(), kuafu_core::change::Misfit> {
        Ok(())
    }

    fn read(&self, _: EntityId, _: PropertyNo) -> Option<Value> {
        None
    }

    fn counters(&self) -> HostCounters {
        let state = self.0.borrow();
        let entries = state.heard.len() as u64;
        HostCounters { entries, release_faults: state.release_faults, ..HostCounters::default() }
    }

    fn stage(&mut self, release: &Release) -> Result<(), String> {
        let mut state = self.0.borrow_mut();
        if state.cannot_stage {
            return Err("it cannot be loaded".to_owned());
        }
        state.staged = Some(release.no);
        Ok(())
    }

    fn activate(&mut self, _: Now, release: u64) -> Result<(), String> {
        let mut state = self.0.borrow_mut();
        match state.staged.take_if(|staged| *staged == release) {
            Some(staged) => state.release = staged,
            None => return Err(format!("release {release} is not staged")),
        }
        Ok(())
    }

    fn release(&self) -> u64 {
        self.0.borrow().release
    }

    /// Asks the world, then sets the mood to the number.
    fn evaluate(&mut self, _: Now, entity: EntityId, source: &str, keep: bool) -> Result<String, String> {
        let mood: i64 = source.parse().map_err(|_| "console:1: no number\n  console:1".to_owned())?;
        let mut state = self.0.borrow_mut();
        let world = state.world.clone().expect("set when the host was made");
        if keep {
            state.changes.push((entity, Change::set(MOOD, Value::Int(mood))));
        }
        Ok(format!("{:?}", world.position(entity)))
    }

    fn profile_start(&mut self) -> Result<(), String> {
        self.0.borrow_mut().profiles += 1;
        Ok(())
    }

    fn profile_take(&mut self) -> Result<Profile, String> {
        Ok(Profile::default())
    }
}
