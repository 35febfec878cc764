//! The host of native logic: entities, entries, continuations and timers of one base or cell.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;

use kuafu_core::change::Misfit;
use kuafu_core::{Chance, Change, Code, EntityId, Limits, MethodNo, Moment, Now, PropertyNo, Refusal, Value};
use kuafu_def::{Definitions, Part, Type};
use kuafu_logic::host::HeapRow;
use kuafu_logic::{
    Answer, AwaitId, CallToken, Caller, Effect, EntitySeed, Failure, Fault, Hook, HostCounters, LogicHost, World,
    coerce,
};

use crate::behaviour::Stop;
use crate::context::Context;
use crate::entry::Entry;
use crate::handler::{Given, Ran};
use crate::native::Native;
use crate::panic::guard;
use crate::state::{Asked, Entity, NATIVE_BIT, Run, State};
use kuafu_logic::timers::Timers;

/// Faults that wait to be polled; of more, the oldest are dropped. All are logged and counted.
const FAULTS_MAX: usize = 1_024;

/// What a native host is made of.
pub struct NativeConfig {
    /// The part that it runs: base or cell.
    pub part: Part,
    /// The game's entity types.
    pub definitions: Arc<Definitions>,
    /// The game's logic in Rust.
    pub native: Native,
    /// Bounds; those of scripts hold here too, but for steps and memory.
    pub limits: Limits,
    /// What logic may read of the world.
    pub world: Rc<dyn World>,
    /// Where its dice come from.
    pub chance: Chance,
}

/// Runs the native logic of one base's or cell's entity parts.
///
/// Rust that does not come back cannot be stopped from outside: what a script's budget is for, native logic answers for
/// itself.
pub struct NativeHost {
    native: Native,
    state: State,
    effects: VecDeque<Effect>,
    faults: VecDeque<Fault>,
    last_token: u64,
    entries: u64,
    fault_count: u64,
}

/// How an entry ended.
enum Ended {
    Value(Value),
    Later(AwaitId),
    Refused(Refusal),
    /// Logged and counted.
    Fault,
}

impl NativeHost {
    /// A host without entities.
    #[must_use]
    pub fn new(config: NativeConfig) -> Self {
        let NativeConfig { part, definitions, native, limits, world, chance } = config;
        let state = State {
            part,
            definitions,
            limits,
            world,
            chance,
            entities: HashMap::new(),
            waiting: HashMap::new(),
            timers: Timers::default(),
            changes: Vec::new(),
            last_await: 0,
            last_step: 0,
        };
        Self {
            native,
            state,
            effects: VecDeque::new(),
            faults: VecDeque::new(),
            last_token: 0,
            entries: 0,
            fault_count: 0,
        }
    }

    /// Whether it runs the parts of a type.
    pub(crate) fn runs(&self, ty: &str) -> bool {
        self.native.has(ty, self.state.part)
    }

    /// Whether it holds an entity.
    pub(crate) fn holds(&self, entity: EntityId) -> bool {
        self.state.entities.contains_key(&entity)
    }

    /// Enters the logic of an entity; `None` when it is not here.
    fn enter(&mut self, now: Now, entity: EntityId, name: &str, may_wait: bool, entry: &Entry<'_>) -> Option<Ended> {
        let held = self.state.entities.get_mut(&entity)?;
        let mut logic = held.logic.take()?;
        let (ty, class) = (Arc::clone(&held.ty), Arc::clone(&held.class));
        self.entries += 1;
        self.state.last_step += 1;
        let step = self.state.last_step | NATIVE_BIT;
        let run = Run { entity, ty, class, now, step, may_wait, effects: Vec::new(), awaits: Vec::new(), wrong: None };
        let mut cx = Context { state: &mut self.state, run };
        let result = guard(|| logic.run(&mut cx, entry));
        let Run { effects, awaits, wrong, .. } = cx.run;
        if let Some(held) = self.state.entities.get_mut(&entity) {
            held.logic = Some(logic);
        }
        let ended = match (result, wrong) {
            (Err(panic), _) => Err(format!("panicked at {panic}")),
            (Ok(Err(Stop::Fault(why))), _) | (Ok(_), Some(why)) => Err(why),
            (Ok(Err(Stop::Refused(refusal))), None) => Ok(Ended::Refused(refusal)),
            (Ok(Ok(Ran::Value(value))), None) => Ok(Ended::Value(value)),
            (Ok(Ok(Ran::Later(id))), None) if awaits.contains(&id) => Ok(Ended::Later(id)),
            (Ok(Ok(Ran::Later(_))), None) => Err("it returned a Later of another entry".to_owned()),
        };
        Some(match ended {
            Ok(ended) => {
                self.effects.extend(effects);
                ended
            }
            Err(why) => {
                self.drop_awaits(entity, &awaits);
                self.fault(entity, name, why);
                Ended::Fault
            }
        })
    }

    /// Takes back what an entry that failed was waiting for.
    fn drop_awaits(&mut self, entity: EntityId, awaits: &[AwaitId]) {
        self.state.forget_awaits(awaits);
        if let Some(held) = self.state.entities.get_mut(&entity) {
            held.awaits.retain(|id| !awaits.contains(id));
        }
    }

    fn fault(&mut self, entity: EntityId, entry: &str, message: String) {
        let type_name = self.state.entities.get(&entity).map(|entity| entity.ty.name.clone()).unwrap_or_default();
        tracing::error!(entity = entity.0, r#type = type_name, entry, "{message}");
        self.fault_count += 1;
        if self.faults.len() >= FAULTS_MAX {
            self.faults.pop_front();
        }
        self.faults.push_back(Fault { entity, type_name, entry: entry.to_owned(), message });
    }

    /// An entry that nobody waits for.
    fn enter_alone(&mut self, now: Now, entity: EntityId, name: &str, may_wait: bool, entry: &Entry<'_>) {
        if let Some(Ended::Refused(refusal)) = self.enter(now, entity, name, may_wait, entry) {
            tracing::debug!(entity = entity.0, entry = name, "{refusal}");
        }
    }

    /// What a call ended with, for its caller; `Err` is the await that will give it.
    fn outcome(
        &mut self,
        entity: EntityId,
        entry: &str,
        ty: Option<&Type>,
        ended: Ended,
    ) -> Result<Result<Value, Refusal>, AwaitId> {
        Ok(match ended {
            Ended::Later(id) => return Err(id),
            Ended::Refused(refusal) => Err(refusal),
            Ended::Fault => Err(Code::ScriptFailed.into()),
            Ended::Value(value) => result_of(ty, value, &self.state.limits).map_err(|why| {
                self.fault(entity, entry, format!("the result: {why}"));
                Code::ScriptFailed.into()
            }),
        })
    }

    /// Has a continuation answer a call.
    fn answer_by(&mut self, awaiting: AwaitId, asked: Asked) {
        if let Some(waiting) = self.state.waiting.get_mut(&awaiting) {
            waiting.call = Some(asked);
        }
    }
}

/// A value of a declared result type from what a method returned.
fn result_of(ty: Option<&Type>, value: Value, limits: &Limits) -> Result<Value, String> {
    let Some(ty) = ty else { return Ok(Value::Nil) };
    let value = coerce(ty, value)?;
    ty.check(&value, limits)?;
    Ok(value)
}

impl LogicHost for NativeHost {
    fn part(&self) -> Part {
        self.state.part
    }

    fn create(&mut self, seed: EntitySeed) {
        let EntitySeed { id, ty, record, values: given, .. } = seed;
        let Some(class) = self.native.class(&ty.name, self.state.part).cloned() else {
            tracing::error!(entity = id.0, r#type = ty.name, "the type has no native logic for this part");
            return;
        };
        self.destroy(id);
        let own = ty.properties.iter().filter(|property| property.part == self.state.part);
        let values = own
            .map(|property| {
                let given = given.iter().rev().find(|(no, _)| *no == property.no).map(|(_, value)| value);
                (property.no, given.unwrap_or(&property.default).clone())
            })
            .collect();
        let logic = guard(|| class.make());
        let (logic, failed) = match logic {
            Ok(logic) => (Some(logic), None),
            Err(why) => (None, Some(why)),
        };
        self.state.entities.insert(id, Entity { ty, record, class, logic, values, awaits: Vec::new() });
        if let Some(why) = failed {
            self.fault(id, "create", format!("panicked at {why}"));
        }
    }

    fn destroy(&mut self, entity: EntityId) {
        let Some(gone) = self.state.entities.remove(&entity) else { return };
        self.state.timers.forget(entity);
        for Asked { token, .. } in self.state.forget_awaits(&gone.awaits) {
            self.effects.push_back(Effect::Answer { token, outcome: Err(Code::EntityUnknown.into()) });
        }
    }

    fn hook(&mut self, now: Now, entity: EntityId, hook: Hook, arguments: &[Value]) {
        self.enter_alone(now, entity, hook.method(), hook != Hook::Destroy, &Entry::Hook(hook, arguments));
    }

    fn call(&mut self, now: Now, entity: EntityId, method: MethodNo, arguments: Vec<Value>, _: Caller) -> Answer {
        let Some(held) = self.state.entities.get(&entity) else {
            return Answer::Done(Err(Code::EntityUnknown.into()));
        };
        let (ty, class) = (Arc::clone(&held.ty), Arc::clone(&held.class));
        let declared = ty.method(method).filter(|method| method.part == self.state.part);
        let Some(method) = declared.filter(|method| class.count(&method.name).is_some()) else {
            return Answer::Done(Err(Code::MethodUnknown.into()));
        };
        let given: Vec<Given> = arguments.into_iter().map(Given::Value).collect();
        let entry = Entry::Method(&method.name, &given);
        let ended = self.enter(now, entity, &method.name, true, &entry).unwrap_or(Ended::Fault);
        match self.outcome(entity, &method.name, method.result.as_ref(), ended) {
            Ok(outcome) => Answer::Done(outcome),
            Err(awaiting) => {
                self.last_token += 1;
                let token = CallToken(self.last_token | NATIVE_BIT);
                self.answer_by(awaiting, Asked { token, result: method.result.clone() });
                Answer::Pending(token)
            }
        }
    }

    fn resume(&mut self, now: Now, awaiting: AwaitId, outcome: Result<Value, Failure>) {
        let Some(waiting) = self.state.waiting.remove(&awaiting) else { return };
        let entity = waiting.entity;
        if let Some(held) = self.state.entities.get_mut(&entity) {
            held.awaits.retain(|id| *id != awaiting);
        }
        let more = waiting.more.into_iter().map(Given::Value);
        let given: Vec<Given> = std::iter::once(Given::Outcome(outcome)).chain(more).collect();
        let entry = Entry::Method(&waiting.method, &given);
        let Some(ended) = self.enter(now, entity, &waiting.method, true, &entry) else { return };
        let Some(asked) = waiting.call else { return };
        match self.outcome(entity, &waiting.method, asked.result.as_ref(), ended) {
            Ok(outcome) => self.effects.push_back(Effect::Answer { token: asked.token, outcome }),
            Err(awaiting) => self.answer_by(awaiting, asked),
        }
    }

    fn advance(&mut self, now: Now) {
        for key in self.state.timers.due(now.at) {
            let Some(timer) = self.state.timers.take(key, now.at) else { continue };
            let given: Vec<Given> = timer.arguments.into_iter().map(Given::Value).collect();
            self.enter_alone(now, timer.entity, &timer.method, true, &Entry::Method(&timer.method, &given));
        }
    }

    fn next_wake(&self) -> Option<Moment> {
        self.state.timers.next_due()
    }

    fn take_changes(&mut self, into: &mut Vec<(EntityId, Change)>) {
        into.append(&mut self.state.changes);
    }

    fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    fn poll_fault(&mut self) -> Option<Fault> {
        self.faults.pop_front()
    }

    fn apply(&mut self, entity: EntityId, change: &Change) -> Result<(), Misfit> {
        let entity = self.state.entities.get_mut(&entity).ok_or(Misfit("no such entity"))?;
        let ty = Arc::clone(&entity.ty);
        let property = ty.property(change.property).ok_or(Misfit("no such property"))?;
        let value = entity.value_mut(change.property).ok_or(Misfit("a property of the other part"))?;
        property.ty.check_change(change, &self.state.limits).map_err(|_| Misfit("not of the property's type"))?;
        change.apply(value)
    }

    fn read(&self, entity: EntityId, property: PropertyNo) -> Option<Value> {
        self.state.entities.get(&entity)?.value(property).cloned()
    }

    fn counters(&self) -> HostCounters {
        HostCounters {
            entries: self.entries,
            faults: self.fault_count,
            entities: self.state.entities.len() as u64,
            tasks: self.state.waiting.len() as u64,
            timers: self.state.timers.len() as u64,
            ..HostCounters::default()
        }
    }

    fn heap(&self) -> Vec<HeapRow> {
        let mut rows: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
        for entity in self.state.entities.values() {
            let (entities, bytes) = rows.entry(&entity.ty.name).or_default();
            *entities += 1;
            *bytes += entity.values.iter().map(|(_, value)| bytes_of(value)).sum::<u64>();
        }
        let row = |(name, (entities, bytes)): (&str, _)| HeapRow { type_name: name.to_owned(), entities, bytes };
        let mut rows: Vec<HeapRow> = rows.into_iter().map(row).collect();
        rows.sort_by_key(|row| std::cmp::Reverse(row.bytes));
        rows
    }
}

/// What a value takes, estimated.
fn bytes_of(value: &Value) -> u64 {
    let inner: u64 = match value {
        Value::Text(text) => text.len() as u64,
        Value::Bytes(bytes) => bytes.len() as u64,
        Value::List(items) => items.iter().map(bytes_of).sum(),
        Value::Map(entries) => entries.iter().map(|(k, v)| bytes_of(k) + bytes_of(v)).sum(),
        _ => 0,
    };
    size_of::<Value>() as u64 + inner
}

impl std::fmt::Debug for NativeHost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NativeHost")
            .field("part", &self.state.part)
            .field("native", &self.native)
            .finish_non_exhaustive()
    }
}
