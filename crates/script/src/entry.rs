//! Entries into scripts: hooks, calls, resumptions, timers and spawned tasks, and what becomes of each.

use std::rc::Rc;
use std::sync::Arc;

use kuafu_core::{Code, EntityId, MethodNo, Now, Refusal, Value};
use kuafu_def::Type;
use kuafu_logic::{Answer, AwaitId, CallToken, Caller, Effect, Failure, Fault, Hook};
use mlua::{MultiValue, Table, Thread, Value as Luau};

use crate::bind::method_result;
use crate::class::{Class, Method};
use crate::host::ScriptHost;
use crate::run::{Cause, Ended, Entry};
use crate::shared::{Awaited, Claim};
use crate::tasks::Task;

/// Faults that wait to be polled; of more, the oldest are dropped. All are logged and counted.
const FAULTS_MAX: usize = 1_024;

/// A call that is to be answered, and the type of its result.
type Call = (CallToken, Option<Type>);

impl ScriptHost {
    /// Enters a method of an entity, with the entity or its component as `self`.
    fn enter(&mut self, now: Now, entry: &Entry, method: &Method, proxy: &Table, rest: Vec<Luau>) -> Ended {
        let target = match method.slot {
            None => Ok(proxy.clone()),
            slot => self.component(entry.entity, slot),
        };
        match target.and_then(|target| Ok((target, self.pool.thread(&self.lua, &method.function)?))) {
            Ok((target, thread)) => {
                let arguments: MultiValue = std::iter::once(Luau::Table(target)).chain(rest).collect();
                self.resume_thread(now, entry, thread, arguments)
            }
            Err(error) => {
                self.fault(entry.entity, &entry.name, Some(entry.release), error.to_string());
                Ended::Fault(Code::ScriptFailed, error.to_string())
            }
        }
    }

    fn component(&self, entity: EntityId, slot: Option<usize>) -> mlua::Result<Table> {
        let entities = self.shared.entities.borrow();
        let entity = entities.get(&entity).ok_or_else(|| mlua::Error::runtime("the entity is gone"))?;
        entity.self_in(slot)
    }

    fn resume_thread(&mut self, now: Now, entry: &Entry, thread: Thread, arguments: MultiValue) -> Ended {
        self.entries += 1;
        let ended = self.pool.resume(&self.lua, &self.shared, now, entry, thread, arguments);
        self.count(entry);
        match &ended {
            Ended::Fault(code, message) => {
                let message = match &entry.origin {
                    Some(origin) => format!("{message}\n  spawned by\n{origin}"),
                    None => message.clone(),
                };
                self.fault(entry.entity, &entry.name, Some(entry.release), message);
                if *code == Code::BudgetExceeded {
                    self.collector.collect_all(&self.lua);
                }
                let mut run = self.shared.run.borrow_mut();
                run.effects.clear();
                run.spawned.clear();
                drop(run);
                return ended;
            }
            Ended::Replaced(why) => {
                self.releases.tasks_ended += 1;
                tracing::info!(entity = entry.entity.0, entry = &*entry.name, "{why}");
            }
            _ => {}
        }
        let mut run = self.shared.run.borrow_mut();
        self.effects.extend(run.effects.drain(..));
        if !run.spawned.is_empty() {
            self.shared.spawned.borrow_mut().extend(run.spawned.drain(..));
        }
        drop(run);
        self.collector.step(&self.lua);
        ended
    }

    fn count(&self, entry: &Entry) {
        if let Some(sampler) = &mut *self.shared.budget.sampler().borrow_mut() {
            let entities = self.shared.entities.borrow();
            let ty = entities.get(&entry.entity).map_or("", |entity| entity.class.kind.ty.name.as_str());
            sampler.count(ty, &entry.name, self.shared.budget.steps());
        }
    }

    /// Notes an error; `release` is whose code it was, when it was a script's.
    pub(crate) fn fault(&mut self, entity: EntityId, entry: &str, release: Option<u64>, message: String) {
        let type_name = self.shared.entities.borrow().get(&entity).map(|entity| entity.class.kind.ty.name.clone());
        let type_name = type_name.unwrap_or_default();
        tracing::error!(entity = entity.0, r#type = type_name, entry, release, "{message}");
        self.fault_count += 1;
        if release == Some(self.releases.present.no) {
            self.releases.faults += 1;
        }
        if self.faults.len() >= FAULTS_MAX {
            self.faults.pop_front();
        }
        self.faults.push_back(Fault { entity, type_name, entry: entry.to_owned(), message });
    }

    /// Keeps a waiting entry until its answer comes, or its time is over.
    fn suspend(&mut self, now: Now, entry: Entry, (thread, claim): (Thread, Claim), call: Option<Call>) {
        let Entry { entity, name, release, origin, .. } = entry;
        let Claim { id, awaited, within } = claim;
        if let Some(entity) = self.shared.entities.borrow_mut().get_mut(&entity) {
            entity.awaits.push(id);
        }
        let deadline = now.at + within;
        let cause = self.shared.run.borrow().cause;
        self.tasks.insert(id, Task { thread, entity, entry: name, release, origin, cause, awaited, deadline, call });
    }

    /// What became of an entry that nobody waits for.
    fn settle_alone(&mut self, now: Now, entry: Entry, ended: Ended) {
        match ended {
            Ended::Waiting(thread, claim) => self.suspend(now, entry, (thread, claim), None),
            Ended::Refused(refusal) => tracing::debug!(entity = entry.entity.0, entry = &*entry.name, "{refusal}"),
            Ended::Value(_) | Ended::Fault(..) | Ended::Replaced(_) => {}
        }
    }

    /// Enters the methods that an entity and its components have for a hook, each by itself.
    pub(crate) fn tell(
        &mut self,
        now: Now,
        entity: EntityId,
        (class, proxy): (&Class, &Table),
        hook: Hook,
        arguments: &[Value],
    ) {
        for method in class.hooks(hook) {
            let Some(rest) = self.arguments(entity, method, class.release, arguments) else { return };
            let may_wait = hook != Hook::Destroy;
            let entry = Entry {
                entity,
                name: Arc::clone(&method.name),
                release: class.release,
                may_wait,
                origin: None,
                cause: Cause::ENGINE,
            };
            let ended = self.enter(now, &entry, method, proxy, rest);
            self.settle_alone(now, entry, ended);
        }
    }

    fn arguments(&mut self, entity: EntityId, method: &Method, release: u64, values: &[Value]) -> Option<Vec<Luau>> {
        let converted = {
            let converter = self.shared.converter(&self.lua);
            values.iter().map(|value| converter.to_luau_loosely(value)).collect::<mlua::Result<Vec<_>>>()
        };
        converted.map_err(|error| self.fault(entity, &method.name, Some(release), error.to_string())).ok()
    }

    /// Calls a declared method.
    pub(crate) fn call_method(
        &mut self,
        now: Now,
        entity: EntityId,
        no: MethodNo,
        arguments: &[Value],
        caller: Caller,
    ) -> Answer {
        let Some((class, proxy)) = self.current_class(now, entity) else {
            return Answer::Done(Err(Code::EntityUnknown.into()));
        };
        let Some((declared, method)) = class.kind.ty.method(no).zip(class.declared.get(&no)) else {
            tracing::debug!(entity = entity.0, method = %no, ?caller, "a call of a method that is not there");
            return Answer::Done(Err(Code::MethodUnknown.into()));
        };
        let release = class.release;
        let converted = {
            let converter = self.shared.converter(&self.lua);
            let typed = declared.arguments.iter().zip(arguments);
            typed.map(|(argument, value)| converter.to_luau(&argument.ty, value)).collect::<mlua::Result<Vec<_>>>()
        };
        let rest = match converted {
            Ok(rest) => rest,
            Err(error) => {
                self.fault(entity, &method.name, Some(release), error.to_string());
                return Answer::Done(Err(Code::ScriptFailed.into()));
            }
        };
        let entry = Entry {
            entity,
            name: Arc::clone(&method.name),
            release,
            may_wait: true,
            origin: None,
            cause: Cause::call(caller),
        };
        match self.enter(now, &entry, method, &proxy, rest) {
            Ended::Waiting(thread, claim) => {
                self.last_token += 1;
                let token = CallToken(self.last_token);
                self.suspend(now, entry, (thread, claim), Some((token, declared.result.clone())));
                Answer::Pending(token)
            }
            ended => Answer::Done(self.outcome(&entry, declared.result.as_ref(), ended)),
        }
    }

    /// What a call ended with, for its caller.
    fn outcome(&mut self, entry: &Entry, ty: Option<&Type>, ended: Ended) -> Result<Value, Refusal> {
        match ended {
            Ended::Value(value) => method_result(&self.lua, &self.shared, ty, &value).map_err(|why| {
                self.fault(entry.entity, &entry.name, Some(entry.release), why);
                Code::ScriptFailed.into()
            }),
            Ended::Refused(refusal) => Err(refusal),
            Ended::Replaced(_) => Err(Code::Unavailable.into()),
            Ended::Fault(code, _) => Err(code.into()),
            Ended::Waiting(..) => Err(Code::ServerFault.into()),
        }
    }

    pub(crate) fn answer_later(&mut self, token: CallToken, outcome: Result<Value, Refusal>) {
        self.effects.push_back(Effect::Answer { token, outcome });
    }

    /// Goes on with a task. Outcomes of tasks that ended meanwhile are dropped.
    pub(crate) fn resume_task(&mut self, now: Now, id: AwaitId, outcome: &Result<Value, Failure>) {
        let Some(task) = self.tasks.remove(id) else { return };
        let Task { thread, entity, entry: name, release, origin, cause, awaited, call, .. } = task;
        if let Some(entity) = self.shared.entities.borrow_mut().get_mut(&entity) {
            entity.awaits.retain(|other| *other != id);
        }
        let entry = Entry { entity, name, release, may_wait: true, origin, cause };
        let ended = match self.awaited(&awaited, outcome) {
            Ok(arguments) => self.resume_thread(now, &entry, thread, arguments),
            Err(error) => {
                self.fault(entity, &entry.name, Some(release), error.to_string());
                Ended::Fault(Code::ScriptFailed, String::new())
            }
        };
        match (ended, call) {
            (Ended::Waiting(thread, claim), call) => self.suspend(now, entry, (thread, claim), call),
            (ended, Some((token, ty))) => {
                let outcome = self.outcome(&entry, ty.as_ref(), ended);
                self.answer_later(token, outcome);
            }
            (ended, None) => self.settle_alone(now, entry, ended),
        }
    }

    /// What a wait gives: the value, or nil and a table that says why not; nothing after a sleep.
    fn awaited(&self, awaited: &Awaited, outcome: &Result<Value, Failure>) -> mlua::Result<MultiValue> {
        let Awaited::Answer(ty) = awaited else { return Ok(MultiValue::new()) };
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

    /// Calls the methods of the timers that are due.
    pub(crate) fn run_timers(&mut self, now: Now) {
        let due = self.shared.timers.borrow().due(now.at);
        for id in due {
            let Some(entity) = self.shared.timers.borrow().entity_of(id) else { continue };
            // Going over to new code may end timers; so it comes first.
            let Some((class, proxy)) = self.current_class(now, entity) else { continue };
            let Some(timer) = self.shared.timers.borrow_mut().take(id, now.at) else { continue };
            let Some(method) = class.methods.get(&timer.method).map(Rc::clone) else {
                self.shared.timers.borrow_mut().cancel(entity, id);
                self.drop_timer(&class.kind.ty.name, &timer.method);
                continue;
            };
            let release = class.release;
            let Some(rest) = self.arguments(entity, &method, release, &timer.arguments) else { continue };
            let entry = Entry {
                entity,
                name: Arc::clone(&method.name),
                release,
                may_wait: true,
                origin: None,
                cause: Cause::ENGINE,
            };
            let ended = self.enter(now, &entry, &method, &proxy, rest);
            self.settle_alone(now, entry, ended);
        }
    }

    /// Runs tasks that were spawned. Those that they spawn in turn run next time, when they are too many.
    pub(crate) fn run_spawned(&mut self, now: Now) {
        for _ in 0..self.shared.limits.script_tasks_per_entity_max {
            let Some(spawned) = self.shared.spawned.borrow_mut().pop_front() else { return };
            let name = Arc::clone(&spawned.entry);
            let (entity, release) = (spawned.entity, spawned.release);
            let entry =
                Entry { entity, name, release, may_wait: true, origin: Some(spawned.origin), cause: spawned.cause };
            let ended = match self.pool.thread(&self.lua, &spawned.task) {
                Ok(thread) => self.resume_thread(now, &entry, thread, spawned.arguments),
                Err(error) => {
                    self.fault(entity, &entry.name, Some(release), error.to_string());
                    continue;
                }
            };
            self.settle_alone(now, entry, ended);
        }
    }
}
