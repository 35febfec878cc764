//! Looking into a running host: evaluating source as an entity, watching where steps go, what entities take.

use std::collections::BTreeMap;
use std::sync::Arc;

use kuafu_core::{Change, Edit, EntityId, Now};
use kuafu_logic::LogicHost;
use kuafu_logic::host::{HeapRow, Profile};
use mlua::chunk::ChunkMode;
use mlua::{Function, MultiValue, Table, Value as Luau};

use crate::convert::contents;
use crate::host::ScriptHost;
use crate::load::show_globals;
use crate::profile::Sampler;
use crate::render;
use crate::run::{Cause, Ended, Entry};
use crate::trace::message_of;
use crate::vm;

/// Bytes of the source that is evaluated.
const SOURCE_BYTES_MAX: usize = 65_536;

/// Entities of a type that are measured.
const MEASURED_MAX: usize = 16;

/// How deep properties are measured.
const DEPTH_MAX: u32 = 16;

impl ScriptHost {
    /// Runs source as an entity.
    pub(crate) fn evaluate_source(
        &mut self,
        now: Now,
        entity: EntityId,
        source: &str,
        keep: bool,
    ) -> Result<String, String> {
        if source.len() > SOURCE_BYTES_MAX {
            return Err(format!("the source has {} bytes, more than {SOURCE_BYTES_MAX}", source.len()));
        }
        let (_, proxy) = self.current_class(now, entity).ok_or("there is no such entity here")?;
        let function = self.compile_source(source)?;
        if keep {
            return self.evaluate_function(now, entity, &function, proxy, keep);
        }
        // What was written before is not ours to undo, and stays to be reported.
        let mut before = std::mem::take(&mut self.pending_changes);
        self.take_changes(&mut before);
        let (values, timers) = (self.values_of(entity), self.shared.timers.borrow().clone());
        let answer = self.evaluate_function(now, entity, &function, proxy, keep);
        let mut made = Vec::new();
        self.take_changes(&mut made);
        let written = made.iter().filter(|(id, _)| *id == entity).map(|(_, change)| change.property);
        for property in written.collect::<std::collections::BTreeSet<_>>() {
            if let Some(value) = values.get(&property) {
                let change = Change { property, path: Vec::new(), edit: Edit::Set(value.clone()) };
                self.apply(entity, &change).map_err(|misfit| misfit.0.to_owned())?;
            }
        }
        self.shared.timers.replace(timers);
        self.pending_changes = before;
        answer
    }

    fn values_of(&self, entity: EntityId) -> BTreeMap<kuafu_core::PropertyNo, kuafu_core::Value> {
        let entities = self.shared.entities.borrow();
        let places = entities.get(&entity).map(|entity| entity.class.kind.places.keys().copied().collect::<Vec<_>>());
        drop(entities);
        places.unwrap_or_default().into_iter().filter_map(|no| Some((no, self.read(entity, no)?))).collect()
    }

    /// An expression, or statements, with `self` as an argument.
    fn compile_source(&self, source: &str) -> Result<Function, String> {
        let compiled = vm::compiler()
            .compile(format!("local self = ... return {source}"))
            .or_else(|_| vm::compiler().compile(format!("local self = ... {source}")));
        let bytecode = compiled.map_err(|error| message_of(&error))?;
        let env = &self.releases.present.env;
        let load = || {
            show_globals(&self.lua, Some(env))?;
            let chunk = self.lua.load(bytecode.as_slice()).set_name("=console").set_mode(ChunkMode::Binary);
            chunk.set_environment(env.clone()).into_function()
        };
        let function = load();
        show_globals(&self.lua, None).map_err(|error| error.to_string())?;
        function.map_err(|error| message_of(&error))
    }

    fn evaluate_function(
        &mut self,
        now: Now,
        entity: EntityId,
        function: &Function,
        proxy: Table,
        keep: bool,
    ) -> Result<String, String> {
        let thread = self.pool.thread(&self.lua, function).map_err(|error| message_of(&error))?;
        let release = self.releases.present.no;
        let entry =
            Entry { entity, name: Arc::from("evaluate"), release, may_wait: false, origin: None, cause: Cause::ENGINE };
        let arguments = MultiValue::from_iter([Luau::Table(proxy)]);
        self.entries += 1;
        let ended = self.pool.resume(&self.lua, &self.shared, now, &entry, thread, arguments);
        let (effects, spawned) = {
            let mut run = self.shared.run.borrow_mut();
            (std::mem::take(&mut run.effects), std::mem::take(&mut run.spawned))
        };
        let answer = match ended {
            Ended::Value(value) => Ok(render::text(&value)),
            Ended::Refused(refusal) => Err(format!("refused: {}", refusal.text)),
            Ended::Fault(_, message) | Ended::Replaced(message) => Err(message),
            Ended::Waiting(..) => Err("nothing can be awaited here".to_owned()),
        };
        if keep && answer.is_ok() {
            self.effects.extend(effects);
            self.shared.spawned.borrow_mut().extend(spawned);
            self.run_spawned(now);
        }
        self.collector.step(&self.lua);
        answer
    }

    /// Begins to watch.
    pub(crate) fn start_profile(&mut self) {
        self.shared.budget.sampler().replace(Some(Sampler::default()));
    }

    /// Ends watching.
    pub(crate) fn take_profile(&mut self) -> Result<Profile, String> {
        let sampler = self.shared.budget.sampler().take();
        sampler.map(Sampler::into_profile).ok_or_else(|| "nothing was being watched".to_owned())
    }

    /// What the entities take, estimated.
    pub(crate) fn heap_rows(&self) -> Vec<HeapRow> {
        let mut types: BTreeMap<String, (u64, u64, u64)> = BTreeMap::new();
        for entity in self.shared.entities.borrow().values() {
            let (count, measured, bytes) = types.entry(entity.class.kind.ty.name.clone()).or_default();
            *count += 1;
            if *measured < MEASURED_MAX as u64 {
                *measured += 1;
                *bytes += bytes_of(&Luau::Table(entity.proxy.clone()), 0);
            }
        }
        let row = |(type_name, (entities, measured, bytes)): (String, (u64, u64, u64))| HeapRow {
            type_name,
            entities,
            bytes: bytes / measured.max(1) * entities,
        };
        let mut rows: Vec<HeapRow> = types.into_iter().map(row).collect();
        rows.sort_by_key(|row| std::cmp::Reverse(row.bytes));
        rows
    }
}

/// Bytes of a value and of what is in it: a proxy counts with its node and its backing table.
fn bytes_of(value: &Luau, depth: u32) -> u64 {
    const TABLE: u64 = 64;
    const ITEM: u64 = 16;
    const ENTRY: u64 = 40;
    match value {
        Luau::String(text) => 24 + text.as_bytes().len() as u64,
        Luau::Table(table) if depth < DEPTH_MAX => {
            let data = contents(table);
            let is_proxy = data != *table;
            let mut bytes = if is_proxy { TABLE * 3 + 16 * ENTRY } else { TABLE };
            for (key, value) in data.pairs::<Luau, Luau>().flatten() {
                // A component's way to its owner, and methods, belong to others.
                let is_ours = key.as_string().is_none_or(|name| *name != "owner") && !value.is_function();
                bytes += if key.is_integer() { ITEM } else { ENTRY };
                bytes += if is_ours { bytes_of(&value, depth + 1) } else { 0 };
            }
            bytes
        }
        _ => 0,
    }
}
