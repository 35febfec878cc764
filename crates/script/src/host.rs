//! The host: entities, entries, suspended tasks and timers of one base or cell.

use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use kuafu_core::change::Misfit;
use kuafu_core::{Chance, Change, Code, EntityId, Limits, MethodNo, Moment, Now, PropertyNo, Refusal, TypeNo, Value};
use kuafu_def::{Definitions, EntityType, Part, Type};
use kuafu_logic::{
    Answer, AwaitId, CallToken, Caller, Effect, EntitySeed, Failure, Fault, Hook, HostCounters, LogicHost, World,
};
use mlua::{Function, Lua, MultiValue, Table, Thread, Value as Luau};
use rustc_hash::FxHashMap;

use crate::bind::method_result;
use crate::budget::Collector;
use crate::changes;
use crate::class::{self, Class};
use crate::error::ScriptError;
use crate::run::{Ended, Entry, Pool};
use crate::set::ScriptSet;
use crate::shared::{Entity, Shared};
use crate::vm;

/// Faults that wait to be polled; of more, the oldest are dropped. All are logged and counted.
const FAULTS_MAX: usize = 1_024;

/// What a host is made of.
pub struct HostConfig {
    /// The part that it runs: base or cell.
    pub part: Part,
    /// The game's entity types.
    pub definitions: Arc<Definitions>,
    /// The game's logic.
    pub scripts: Arc<ScriptSet>,
    /// Bounds; see the section on scripts.
    pub limits: Limits,
    /// What scripts may read of the world.
    pub world: Rc<dyn World>,
    /// Where scripts' dice come from.
    pub chance: Chance,
}

/// Runs the Luau logic of one base's or cell's entity parts.
pub struct ScriptHost {
    // Declared before the machine, so that handles are dropped while it lives.
    shared: Rc<Shared>,
    classes: FxHashMap<TypeNo, Rc<Class>>,
    tasks: FxHashMap<AwaitId, Task>,
    pool: Pool,
    collector: Collector,
    effects: VecDeque<Effect>,
    faults: VecDeque<Fault>,
    last_token: u64,
    entries: u64,
    fault_count: u64,
    lua: Lua,
}

/// An entry that waits.
struct Task {
    thread: Thread,
    entity: EntityId,
    entry: Arc<str>,
    /// The type of what it waits for, when it is known.
    awaited: Option<Type>,
    /// The call that it is to answer.
    call: Option<(CallToken, Option<Type>)>,
}

impl ScriptHost {
    /// A host without entities, its scripts loaded.
    ///
    /// # Errors
    /// [`ScriptError`] when the machine cannot be set up, the API is not bound as declared, or a script fails to load.
    pub fn new(config: HostConfig) -> Result<Self, ScriptError> {
        let HostConfig { part, definitions, scripts, limits, world, chance } = config;
        let shared = Shared::new(part, Arc::clone(&definitions), limits, world, chance);
        let lua = vm::build(&shared)?;
        let mut classes = FxHashMap::default();
        for ty in definitions.types.values().filter(|ty| ty.parts.has(part)) {
            classes.insert(ty.no, Rc::new(load_class(&lua, &shared, ty, &scripts)?));
        }
        let collector = Collector::new(&lua);
        Ok(Self {
            shared,
            classes,
            tasks: FxHashMap::default(),
            pool: Pool::default(),
            collector,
            effects: VecDeque::new(),
            faults: VecDeque::new(),
            last_token: 0,
            entries: 0,
            fault_count: 0,
            lua,
        })
    }

    /// A flag that stops the entry which runs just now at its next step, as if its budget were spent; the next entry
    /// clears it. Budgets count steps, and one step of native work on a long text can take milliseconds: a driver, which
    /// has a clock, can set the flag from another thread when its role does not come back.
    #[must_use]
    pub fn halt_flag(&self) -> Arc<AtomicBool> {
        self.shared.budget.halt()
    }

    fn class_of(&self, entity: EntityId) -> Option<(Rc<Class>, Table)> {
        let entities = self.shared.entities.borrow();
        entities.get(&entity).map(|entity| (Rc::clone(&entity.class), entity.proxy.clone()))
    }

    /// Enters a method of an entity; `call` is the type of the result when somebody wants it.
    fn enter(&mut self, now: Now, entry: Entry, function: &Function, proxy: Table, rest: Vec<Luau>) -> Ended {
        let thread = match self.pool.thread(&self.lua, function) {
            Ok(thread) => thread,
            Err(error) => return Ended::Fault(Code::ScriptFailed, error.to_string()),
        };
        let arguments: MultiValue = std::iter::once(Luau::Table(proxy)).chain(rest).collect();
        self.resume_thread(now, entry, thread, arguments)
    }

    fn resume_thread(&mut self, now: Now, entry: Entry, thread: Thread, arguments: MultiValue) -> Ended {
        self.entries += 1;
        let (entity, name) = (entry.entity, Arc::clone(&entry.name));
        let ended = self.pool.resume(&self.lua, &self.shared, now, entry, thread, arguments);
        if let Ended::Fault(code, message) = &ended {
            self.shared.run.borrow_mut().effects.clear();
            self.fault(entity, &name, message.clone());
            if *code == Code::BudgetExceeded {
                self.collector.collect_all(&self.lua);
            }
        } else {
            self.effects.extend(self.shared.run.borrow_mut().effects.drain(..));
        }
        self.collector.step(&self.lua);
        ended
    }

    fn fault(&mut self, entity: EntityId, entry: &str, message: String) {
        let type_name = self.class_of(entity).map(|(class, _)| class.ty.name.clone()).unwrap_or_default();
        tracing::error!(entity = entity.0, r#type = type_name, entry, "{message}");
        self.fault_count += 1;
        if self.faults.len() >= FAULTS_MAX {
            self.faults.pop_front();
        }
        self.faults.push_back(Fault { entity, type_name, entry: entry.to_owned(), message });
    }

    /// Keeps a waiting entry until its answer comes.
    fn suspend(
        &mut self,
        entity: EntityId,
        entry: Arc<str>,
        waiting: (Thread, crate::shared::Claim),
        call: Option<(CallToken, Option<Type>)>,
    ) {
        let (thread, claim) = waiting;
        if let Some(entity) = self.shared.entities.borrow_mut().get_mut(&entity) {
            entity.awaits.push(claim.id);
        }
        self.tasks.insert(claim.id, Task { thread, entity, entry, awaited: claim.result, call });
    }

    /// An entry that nobody waits for.
    fn enter_alone(&mut self, now: Now, entry: Entry, function: &Function, proxy: Table, rest: Vec<Luau>) {
        let (entity, name) = (entry.entity, Arc::clone(&entry.name));
        match self.enter(now, entry, function, proxy, rest) {
            Ended::Waiting(thread, claim) => self.suspend(entity, name, (thread, claim), None),
            Ended::Refused(refusal) => tracing::debug!(entity = entity.0, entry = &*name, "{refusal}"),
            Ended::Value(_) | Ended::Fault(..) => {}
        }
    }

    fn arguments(&mut self, entity: EntityId, entry: &str, values: &[Value]) -> Option<Vec<Luau>> {
        let converted = {
            let converter = self.shared.converter(&self.lua);
            values.iter().map(|value| converter.to_luau_loosely(value)).collect::<mlua::Result<Vec<_>>>()
        };
        converted.map_err(|error| self.fault(entity, entry, error.to_string())).ok()
    }

    /// What a call ended with, for its caller.
    fn outcome(&mut self, entity: EntityId, entry: &str, ty: Option<&Type>, ended: Ended) -> Result<Value, Refusal> {
        match ended {
            Ended::Value(value) => method_result(&self.lua, &self.shared, ty, &value).map_err(|why| {
                self.fault(entity, entry, why);
                Code::ScriptFailed.into()
            }),
            Ended::Refused(refusal) => Err(refusal),
            Ended::Fault(code, _) => Err(code.into()),
            Ended::Waiting(..) => Err(Code::ServerFault.into()),
        }
    }

    fn answer_later(&mut self, token: CallToken, outcome: Result<Value, Refusal>) {
        self.effects.push_back(Effect::Answer { token, outcome });
    }

    /// What `:await()` gives: the value, or nil and a table that says why not.
    fn awaited(&self, ty: Option<&Type>, outcome: &Result<Value, Failure>) -> mlua::Result<MultiValue> {
        let converter = self.shared.converter(&self.lua);
        let (kind, code, text) = match outcome {
            Ok(value) => {
                let value = match ty {
                    Some(ty) => converter.to_luau(ty, value)?,
                    None => converter.to_luau_loosely(value)?,
                };
                return Ok(MultiValue::from_iter([value]));
            }
            Err(Failure::Refused(refusal)) => ("refused", refusal.code, refusal.text.as_str()),
            Err(Failure::Unknown) => ("unknown", Code::DeadlinePassed, Code::DeadlinePassed.text()),
        };
        let table = self.lua.create_table_from([("kind", kind), ("code", code.name()), ("text", text)])?;
        Ok(MultiValue::from_iter([Luau::Nil, Luau::Table(table)]))
    }

    fn create_entity(&mut self, seed: &EntitySeed, class: &Rc<Class>) -> mlua::Result<()> {
        let values = self.lua.create_table()?;
        {
            let converter = self.shared.converter(&self.lua);
            for property in class.ty.properties.iter().filter(|property| property.part == self.shared.part) {
                let given = seed.values.iter().rev().find(|(no, _)| *no == property.no).map(|(_, value)| value);
                let value = converter.to_luau(&property.ty, given.unwrap_or(&property.default))?;
                values.raw_set(property.name.as_str(), value)?;
            }
        }
        let record = seed.record.map(|record| record.0 as f64);
        let (proxy, root): (Table, Table) =
            self.shared.kit().new_entity.call((&class.table, seed.id.0 as f64, record, values))?;
        let data = root.raw_get("__index")?;
        let entity = Entity { class: Rc::clone(class), proxy, root, data, awaits: Vec::new() };
        self.shared.entities.borrow_mut().insert(seed.id, entity);
        Ok(())
    }
}

fn load_class(lua: &Lua, shared: &Shared, ty: &Arc<EntityType>, scripts: &ScriptSet) -> Result<Class, ScriptError> {
    let wrong = |message: String| ScriptError::Script { type_name: ty.name.clone(), message };
    let script = scripts.scripts.iter().find(|script| script.type_name == ty.name);
    let table = script.map(|script| vm::run_script(lua, shared, script)).transpose().map_err(wrong)?;
    class::build(lua, shared, ty, table.as_ref()).map_err(|faults| wrong(faults.join("; ")))
}

impl LogicHost for ScriptHost {
    fn part(&self) -> Part {
        self.shared.part
    }

    fn create(&mut self, seed: EntitySeed) {
        let Some(class) = self.classes.get(&seed.ty.no).cloned() else {
            tracing::error!(entity = seed.id.0, r#type = seed.ty.name, "the type has no {} part", self.shared.part);
            return;
        };
        self.destroy(seed.id);
        if let Err(error) = self.create_entity(&seed, &class) {
            self.fault(seed.id, "create", error.to_string());
        }
        self.collector.step(&self.lua);
    }

    fn destroy(&mut self, entity: EntityId) {
        let Some(gone) = self.shared.entities.borrow_mut().remove(&entity) else { return };
        if let Err(error) = self.shared.kit().forget.call::<()>((&gone.class.table, &gone.root)) {
            self.fault(entity, "destroy", error.to_string());
        }
        self.shared.timers.borrow_mut().forget(entity);
        for id in gone.awaits {
            if let Some((token, _)) = self.tasks.remove(&id).and_then(|task| task.call) {
                self.answer_later(token, Err(Code::EntityUnknown.into()));
            }
        }
    }

    fn hook(&mut self, now: Now, entity: EntityId, hook: Hook, arguments: &[Value]) {
        let Some((class, proxy)) = self.class_of(entity) else { return };
        let Some((name, function)) = class.methods.get_key_value(hook.method()) else { return };
        let Some(rest) = self.arguments(entity, name, arguments) else { return };
        let entry = Entry { entity, name: Arc::clone(name), may_wait: hook != Hook::Destroy };
        self.enter_alone(now, entry, function, proxy, rest);
    }

    fn call(&mut self, now: Now, entity: EntityId, method: MethodNo, arguments: Vec<Value>, caller: Caller) -> Answer {
        let Some((class, proxy)) = self.class_of(entity) else {
            return Answer::Done(Err(Code::EntityUnknown.into()));
        };
        let declared = class.ty.method(method).zip(class.declared.get(&method));
        let Some((method, (name, function))) = declared else {
            tracing::debug!(entity = entity.0, %method, ?caller, "a call of a method that is not there");
            return Answer::Done(Err(Code::MethodUnknown.into()));
        };
        let converted = {
            let converter = self.shared.converter(&self.lua);
            let typed = method.arguments.iter().zip(&arguments);
            typed.map(|(argument, value)| converter.to_luau(&argument.ty, value)).collect::<mlua::Result<Vec<_>>>()
        };
        let rest = match converted {
            Ok(rest) => rest,
            Err(error) => {
                self.fault(entity, name, error.to_string());
                return Answer::Done(Err(Code::ScriptFailed.into()));
            }
        };
        let entry = Entry { entity, name: Arc::clone(name), may_wait: true };
        match self.enter(now, entry, function, proxy, rest) {
            Ended::Waiting(thread, claim) => {
                self.last_token += 1;
                let token = CallToken(self.last_token);
                self.suspend(entity, Arc::clone(name), (thread, claim), Some((token, method.result.clone())));
                Answer::Pending(token)
            }
            ended => Answer::Done(self.outcome(entity, name, method.result.as_ref(), ended)),
        }
    }

    fn resume(&mut self, now: Now, awaiting: AwaitId, outcome: Result<Value, Failure>) {
        let Some(task) = self.tasks.remove(&awaiting) else { return };
        let Task { thread, entity, entry: name, awaited, call } = task;
        if let Some(entity) = self.shared.entities.borrow_mut().get_mut(&entity) {
            entity.awaits.retain(|id| *id != awaiting);
        }
        let entry = Entry { entity, name: Arc::clone(&name), may_wait: true };
        let ended = match self.awaited(awaited.as_ref(), &outcome) {
            Ok(arguments) => self.resume_thread(now, entry, thread, arguments),
            Err(error) => {
                self.fault(entity, &name, error.to_string());
                Ended::Fault(Code::ScriptFailed, String::new())
            }
        };
        match (ended, call) {
            (Ended::Waiting(thread, claim), call) => self.suspend(entity, name, (thread, claim), call),
            (ended, Some((token, ty))) => {
                let outcome = self.outcome(entity, &name, ty.as_ref(), ended);
                self.answer_later(token, outcome);
            }
            (_, None) => {}
        }
    }

    fn advance(&mut self, now: Now) {
        let due = self.shared.timers.borrow().due(now.at);
        for id in due {
            let Some(timer) = self.shared.timers.borrow_mut().take(id, now.at) else { continue };
            let Some((class, proxy)) = self.class_of(timer.entity) else { continue };
            let Some((name, function)) = class.methods.get_key_value(&timer.method) else { continue };
            let Some(rest) = self.arguments(timer.entity, name, &timer.arguments) else { continue };
            let entry = Entry { entity: timer.entity, name: Arc::clone(name), may_wait: true };
            self.enter_alone(now, entry, function, proxy, rest);
        }
    }

    fn next_wake(&self) -> Option<Moment> {
        self.shared.timers.borrow().next_due()
    }

    fn take_changes(&mut self, into: &mut Vec<(EntityId, Change)>) {
        if self.shared.kit().journal.borrow().raw_len() == 0 {
            return;
        }
        let before = into.len();
        if let Err(why) = changes::drain(&self.lua, &self.shared, into) {
            into.truncate(before);
            // The memory may be full of what the last entry left; with that gone the journal is read again.
            self.collector.collect_all(&self.lua);
            if changes::drain(&self.lua, &self.shared, into).is_err() {
                self.fault(EntityId::NONE, "take_changes", why);
            }
        }
        self.collector.step(&self.lua);
    }

    fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    fn poll_fault(&mut self) -> Option<Fault> {
        self.faults.pop_front()
    }

    fn apply(&mut self, entity: EntityId, change: &Change) -> Result<(), Misfit> {
        let entities = self.shared.entities.borrow();
        let entity = entities.get(&entity).ok_or(Misfit("no such entity"))?;
        let property = entity.class.ty.property(change.property).ok_or(Misfit("no such property"))?;
        if property.part != self.shared.part {
            return Err(Misfit("a property of the other part"));
        }
        property.ty.check_change(change, &self.shared.limits).map_err(|_| Misfit("not of the property's type"))?;
        match changes::apply(&self.lua, &self.shared, entity, change) {
            Ok(true) => Ok(()),
            Ok(false) => Err(Misfit("the path leads nowhere")),
            Err(error) => {
                tracing::error!(%error, "a change could not be applied");
                Err(Misfit("the script machine failed"))
            }
        }
    }

    fn read(&self, entity: EntityId, property: PropertyNo) -> Option<Value> {
        let entities = self.shared.entities.borrow();
        let entity = entities.get(&entity)?;
        let property = entity.class.ty.property(property).filter(|property| property.part == self.shared.part)?;
        let value = entity.data.raw_get::<Luau>(property.name.as_str()).ok()?;
        self.shared.converter(&self.lua).stored(&property.ty, &value).ok()
    }

    fn counters(&self) -> HostCounters {
        HostCounters {
            entries: self.entries,
            faults: self.fault_count,
            release_faults: self.fault_count,
            entities: self.shared.entities.borrow().len() as u64,
            tasks: self.tasks.len() as u64,
            timers: self.shared.timers.borrow().len() as u64,
            memory_bytes: self.lua.used_memory() as u64,
        }
    }
}
