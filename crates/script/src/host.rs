//! The host: entities, entries, suspended tasks and timers of one base or cell.

use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use kuafu_core::change::Misfit;
use kuafu_core::{Chance, Change, Code, EntityId, Limits, MethodNo, Moment, Now, PropertyNo, TypeNo, Value};
use kuafu_def::{Definitions, Part};
use kuafu_logic::host::{HeapRow, Profile};
use kuafu_logic::{
    Answer, AwaitId, Caller, Effect, EntitySeed, Failure, Fault, Hook, HostCounters, LogicHost, Release, World,
};
use mlua::{Lua, Value as Luau};
use rustc_hash::FxHashMap;

use crate::budget::Collector;
use crate::changes;
use crate::class::Kind;
use crate::error::ScriptError;
use crate::load;
use crate::reload::Releases;
use crate::run::Pool;
use crate::set::ScriptSet;
use crate::shared::{Entity, Shared};
use crate::tasks::Tasks;
use crate::vm;
use kuafu_logic::timers::PERIOD_MIN;

/// What a host is made of.
pub struct HostConfig {
    /// The part that it runs: base or cell.
    pub part: Part,
    /// The game's entity types.
    pub definitions: Arc<Definitions>,
    /// The game's logic and data tables.
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
    pub(crate) shared: Rc<Shared>,
    pub(crate) kinds: FxHashMap<TypeNo, Rc<Kind>>,
    pub(crate) releases: Releases,
    pub(crate) tasks: Tasks,
    pub(crate) pool: Pool,
    pub(crate) collector: Collector,
    pub(crate) effects: VecDeque<Effect>,
    pub(crate) faults: VecDeque<Fault>,
    /// Changes that were taken out of the machine before their time.
    pub(crate) pending_changes: Vec<(EntityId, Change)>,
    pub(crate) last_token: u64,
    pub(crate) entries: u64,
    pub(crate) fault_count: u64,
    pub(crate) lua: Lua,
}

impl ScriptHost {
    /// A host without entities, its scripts loaded as release 1, with which a game starts.
    ///
    /// # Errors
    /// [`ScriptError`] when the machine cannot be set up, the API is not bound as declared, or a script fails to load.
    pub fn new(config: HostConfig) -> Result<Self, ScriptError> {
        Self::with_release(config, 1)
    }

    /// A host whose scripts are those of a later release.
    ///
    /// # Errors
    /// As [`ScriptHost::new`].
    pub fn with_release(config: HostConfig, release: u64) -> Result<Self, ScriptError> {
        let HostConfig { part, definitions, scripts, limits, world, chance } = config;
        let shared = Shared::new(part, Arc::clone(&definitions), limits, world, chance);
        let lua = vm::build(&shared)?;
        let mut kinds = FxHashMap::default();
        for ty in definitions.types.values().filter(|ty| ty.parts.has(part)) {
            kinds.insert(ty.no, Rc::new(Kind::new(&lua, &shared, ty)?));
        }
        let present = load::load(&lua, &shared, &kinds, release, &scripts)?;
        shared.release.set(release);
        let collector = Collector::new(&lua);
        Ok(Self {
            shared,
            kinds,
            releases: Releases::new(present),
            tasks: Tasks::default(),
            pool: Pool::default(),
            collector,
            effects: VecDeque::new(),
            faults: VecDeque::new(),
            pending_changes: Vec::new(),
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

    fn create_entity(&mut self, seed: &EntitySeed) -> mlua::Result<()> {
        let Some(class) = self.releases.present.classes.get(&seed.ty.no).cloned() else {
            return Err(mlua::Error::runtime(format!("the type has no {} part", self.shared.part)));
        };
        let kind = &class.kind;
        let values = self.lua.create_table()?;
        {
            let converter = self.shared.converter(&self.lua);
            for property in kind.ty.properties.iter().filter(|property| property.part == self.shared.part) {
                let given = seed.values.iter().rev().find(|(no, _)| *no == property.no).map(|(_, value)| value);
                let value = converter.to_luau(&property.ty, given.unwrap_or(&property.default))?;
                values.raw_set(property.name.as_str(), value)?;
            }
        }
        let record = seed.record.map(|record| record.0 as f64);
        let made: mlua::Table =
            self.shared.kit().new_entity.call((kind.table(), &class.code, seed.id.0 as f64, record, values))?;
        let (proxy, root): (mlua::Table, mlua::Table) = (made.raw_get(1)?, made.raw_get(2)?);
        let data = root.raw_get("__index")?;
        let entity = Entity { class, proxy, data, made, awaits: Vec::new() };
        self.shared.entities.borrow_mut().insert(seed.id, entity);
        Ok(())
    }
}

impl LogicHost for ScriptHost {
    fn part(&self) -> Part {
        self.shared.part
    }

    fn create(&mut self, seed: EntitySeed) {
        self.destroy(seed.id);
        if let Err(error) = self.create_entity(&seed) {
            self.fault(seed.id, "create", None, error.to_string());
        }
        self.collector.step(&self.lua);
    }

    fn destroy(&mut self, entity: EntityId) {
        let Some(gone) = self.shared.entities.borrow_mut().remove(&entity) else { return };
        if let Err(error) = self.shared.kit().forget.call::<()>((gone.class.kind.table(), &gone.made)) {
            self.fault(entity, "destroy", None, error.to_string());
        }
        self.shared.timers.borrow_mut().forget(entity);
        self.shared.spawned.borrow_mut().retain(|spawned| spawned.entity != entity);
        for id in gone.awaits {
            if let Some((token, _)) = self.tasks.remove(id).and_then(|task| task.call) {
                self.answer_later(token, Err(Code::EntityUnknown.into()));
            }
        }
    }

    fn hook(&mut self, now: Now, entity: EntityId, hook: Hook, arguments: &[Value]) {
        let Some((class, proxy)) = self.current_class(now, entity) else { return };
        self.tell(now, entity, (&class, &proxy), hook, arguments);
        self.run_spawned(now);
    }

    fn call(&mut self, now: Now, entity: EntityId, method: MethodNo, arguments: Vec<Value>, caller: Caller) -> Answer {
        let answer = self.call_method(now, entity, method, &arguments, caller);
        self.run_spawned(now);
        answer
    }

    fn resume(&mut self, now: Now, awaiting: AwaitId, outcome: Result<Value, Failure>) {
        self.resume_task(now, awaiting, &outcome);
        self.run_spawned(now);
    }

    fn advance(&mut self, now: Now) {
        self.sweep(now);
        for id in self.tasks.due(now.at) {
            self.resume_task(now, id, &Err(Failure::Unknown));
        }
        self.run_timers(now);
        self.run_spawned(now);
    }

    fn next_wake(&self) -> Option<Moment> {
        let spawned = self.shared.spawned.borrow().front().map(|_| self.shared.run.borrow().now.at + PERIOD_MIN);
        let due = [self.shared.timers.borrow().next_due(), self.tasks.next_due(), self.next_sweep(), spawned];
        due.into_iter().flatten().min()
    }

    fn take_changes(&mut self, into: &mut Vec<(EntityId, Change)>) {
        into.append(&mut self.pending_changes);
        if self.shared.kit().journal.borrow().raw_len() == 0 {
            return;
        }
        let before = into.len();
        if let Err(why) = changes::drain(&self.lua, &self.shared, into) {
            into.truncate(before);
            // The memory may be full of what the last entry left; with that gone the journal is read again.
            self.collector.collect_all(&self.lua);
            if changes::drain(&self.lua, &self.shared, into).is_err() {
                self.fault(EntityId::NONE, "take_changes", None, why);
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
        let property = entity.class.kind.ty.property(change.property).ok_or(Misfit("no such property"))?;
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
        let kind = &entity.class.kind;
        let (property, place) = (kind.ty.property(property)?, kind.places.get(&property)?);
        let value = entity.data_in(place.slot).ok()?.raw_get::<Luau>(place.name.as_str()).ok()?;
        self.shared.converter(&self.lua).stored(&property.ty, &value).ok()
    }

    fn counters(&self) -> HostCounters {
        HostCounters {
            entries: self.entries,
            faults: self.fault_count,
            release_faults: self.releases.faults,
            entities: self.shared.entities.borrow().len() as u64,
            tasks: self.tasks.len() as u64,
            timers: self.shared.timers.borrow().len() as u64,
            timers_dropped: self.releases.timers_dropped,
            tasks_ended: self.releases.tasks_ended,
            memory_bytes: self.lua.used_memory() as u64,
        }
    }

    fn stage(&mut self, release: &Release) -> Result<(), String> {
        self.stage_release(release).map_err(|error| error.to_string())
    }

    fn activate(&mut self, now: Now, release: u64) -> Result<(), String> {
        self.activate_release(now, release)
    }

    fn discard(&mut self, release: u64) {
        self.discard_release(release);
    }

    fn release(&self) -> u64 {
        self.releases.present.no
    }

    fn evaluate(&mut self, now: Now, entity: EntityId, source: &str, keep: bool) -> Result<String, String> {
        self.evaluate_source(now, entity, source, keep)
    }

    fn profile_start(&mut self) -> Result<(), String> {
        self.start_profile();
        Ok(())
    }

    fn profile_take(&mut self) -> Result<Profile, String> {
        self.take_profile()
    }

    fn heap(&self) -> Vec<HeapRow> {
        self.heap_rows()
    }
}
