//! What scripts do with time: waiting for an answer, sleeping, tasks of their own, and timers.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use kuafu_core::EntityId;
use kuafu_logic::{AwaitId, Effect};
use mlua::{Function, Lua, MultiValue, Table, Value as Luau, Variadic};

use crate::bind::{Why, function, id, loose_all, or_why, why};
use crate::convert::{number, shared_text};
use crate::error::Replaced;
use crate::http;
use crate::shared::{Awaited, Claim, Shared, Spawned};
use crate::trace;
use kuafu_logic::timers::{PERIOD_MIN, SECONDS_MAX};

/// Adds the functions to the host table.
pub(crate) fn functions(lua: &Lua, shared: &Rc<Shared>, table: &Table) -> mlua::Result<()> {
    function!(lua, shared, table, "claim", |lua: &Lua, s: &Shared, (index, step, seconds): (f64, f64, Luau)| {
        s.check_not_replaced()?;
        why(lua, claim(lua, s, index as usize, step as u64, &seconds))
    });
    function!(lua, shared, table, "sleep", |lua: &Lua, s: &Shared, seconds: Luau| {
        s.check_not_replaced()?;
        why(lua, sleep(lua, s, &seconds))
    });
    function!(lua, shared, table, "spawn", |lua: &Lua, s: &Shared, (task, arguments): (Function, MultiValue)| why(
        lua,
        spawn(lua, s, task, arguments)
    ));
    function!(lua, shared, table, "after", |lua: &Lua,
                                            s: &Shared,
                                            (of, seconds, again, method, arguments): (
        f64,
        Luau,
        bool,
        Luau,
        Variadic<Luau>
    )| or_why(
        lua,
        after(lua, s, id(of), &seconds, again, &method, &arguments)
    ));
    function!(lua, shared, table, "cancel", |_: &Lua, s: &Shared, (of, timer): (f64, Luau)| -> mlua::Result<()> {
        let mut timers = s.timers.borrow_mut();
        match &timer {
            Luau::String(method) => timers.cancel_method(id(of), &method.to_string_lossy()),
            timer => timers.cancel(id(of), number(timer).unwrap_or_default() as u64),
        }
        Ok(())
    });
    Ok(())
}

impl Shared {
    /// Code that was replaced may finish, within the time that a call has; then it may not wait any more, or old code
    /// would live for ever.
    fn check_not_replaced(&self) -> mlua::Result<()> {
        let run = self.run.borrow();
        let last = self.activated_at.get() + Duration::from_millis(self.limits.call_deadline_ms);
        if run.release != self.release.get() && run.now.at >= last {
            return Err(mlua::Error::external(Replaced(self.release.get())));
        }
        Ok(())
    }
}

/// Whether the present entry may wait, and for whom.
fn may_wait(lua: &Lua, s: &Shared) -> Result<EntityId, Why> {
    let run = s.run.borrow();
    let entity = run.entity.ok_or("nothing can be awaited while scripts are being loaded")?;
    if !run.may_wait {
        return Err("nothing can be awaited here: the entity is about to go, or this is no task".to_owned());
    }
    if run.thread.as_ref() != Some(&lua.current_thread()) {
        return Err("await works in the method itself, not in a coroutine that it made".to_owned());
    }
    check_tasks(s, entity, run.spawned.len())?;
    Ok(entity)
}

/// One more task of the entity is allowed.
fn check_tasks(s: &Shared, entity: EntityId, spawned_now: usize) -> Result<(), Why> {
    let waiting = s.entities.borrow().get(&entity).map_or(0, |entity| entity.awaits.len());
    let queued = s.spawned.borrow().iter().filter(|spawned| spawned.entity == entity).count();
    let tasks = waiting + queued + spawned_now;
    if tasks >= s.limits.script_tasks_per_entity_max as usize {
        return Err(format!("the entity has {tasks} suspended tasks already (script_tasks_per_entity_max)"));
    }
    Ok(())
}

fn span(seconds: &Luau, what: &str) -> Result<Duration, Why> {
    let seconds = number(seconds).filter(|seconds| (0.0..=SECONDS_MAX).contains(seconds));
    seconds.map(Duration::from_secs_f64).ok_or_else(|| format!("{what} takes seconds of at least 0"))
}

/// Turns a sent call of this entry into one that the entry waits for.
fn claim(lua: &Lua, s: &Shared, index: usize, step: u64, seconds: &Luau) -> Result<(), Why> {
    may_wait(lua, s)?;
    if s.run.borrow().step != step {
        return Err("await it at once: after another await the answer is no longer kept".to_owned());
    }
    let within = match (seconds, s.run.borrow().effects.get(index)) {
        (Luau::Nil, Some(Effect::Http { request, .. })) => http::await_within(request),
        (Luau::Nil, _) => Duration::from_millis(s.limits.call_deadline_ms),
        (seconds, _) => span(seconds, "await")?,
    };
    let result = s.run.borrow().effects.get(index).and_then(|effect| s.result_type(effect));
    let id = s.next_await();
    let mut run = s.run.borrow_mut();
    match run.effects.get_mut(index).and_then(|effect| effect.awaiting_mut()) {
        Some(awaiting) if awaiting.is_none() => *awaiting = Some(id),
        _ => return Err("it was awaited already".to_owned()),
    }
    run.claim = Some(Claim { id, awaited: Awaited::Answer(result), within: within.max(PERIOD_MIN) });
    Ok(())
}

fn sleep(lua: &Lua, s: &Shared, seconds: &Luau) -> Result<(), Why> {
    may_wait(lua, s)?;
    // A loop around a sleep of no time must not keep the clock standing.
    let within = span(seconds, "sleep")?.max(PERIOD_MIN);
    let id = s.next_await();
    s.run.borrow_mut().claim = Some(Claim { id, awaited: Awaited::Time, within });
    Ok(())
}

impl Shared {
    fn next_await(&self) -> AwaitId {
        self.last_await.set(self.last_await.get() + 1);
        AwaitId(self.last_await.get())
    }
}

fn spawn(lua: &Lua, s: &Shared, task: Function, arguments: MultiValue) -> Result<(), Why> {
    let (entity, spawned_now) = {
        let run = s.run.borrow();
        (run.entity.ok_or("nothing can be done while scripts are being loaded")?, run.spawned.len())
    };
    check_tasks(s, entity, spawned_now)?;
    let origin = trace::here(lua);
    let mut run = s.run.borrow_mut();
    let cause = run.cause;
    let (release, entry) = (run.release, Arc::from(format!("{}/spawn", run.entry.trim_end_matches("/spawn"))));
    run.spawned.push(Spawned { entity, release, entry, task, arguments, origin: Arc::from(origin), cause });
    Ok(())
}

fn after(
    lua: &Lua,
    s: &Shared,
    entity: EntityId,
    seconds: &Luau,
    again: bool,
    method: &Luau,
    arguments: &[Luau],
) -> Result<f64, Why> {
    let span = span(seconds, "a timer")?;
    let Luau::String(method) = method else { return Err("a timer takes the name of a method".to_owned()) };
    let method: Arc<str> = shared_text(method)?;
    let class = s.entities.borrow().get(&entity).map(|entity| Rc::clone(&entity.class));
    let class = class.ok_or("the entity is gone")?;
    if !class.methods.contains_key(&method) {
        return Err(format!("{} has no method `{method}` in its {} part", class.kind.ty.name, s.part));
    }
    let arguments = loose_all(lua, s, arguments)?;
    let mut timers = s.timers.borrow_mut();
    if timers.count_of(entity) >= s.limits.timers_per_entity_max as usize {
        return Err(format!("the entity has {} timers already (timers_per_entity_max)", timers.count_of(entity)));
    }
    let period = again.then_some(span.max(PERIOD_MIN));
    let due = s.run.borrow().now.at + period.unwrap_or(span);
    Ok(timers.start(entity, due, period, method, arguments) as f64)
}
