//! Running one entry: a pooled coroutine, its budget, and what became of it.

use std::sync::Arc;

use kuafu_core::{Code, EntityId, Now, Refusal};
use kuafu_logic::Caller;
use mlua::{Function, Lua, MultiValue, Thread, Value as Luau};

use crate::error::{Refused, Replaced, Spent};
use crate::shared::{Claim, Shared};
use crate::trace::{cut, message_of, message_through};

/// Finished coroutines that are kept for the next entry.
const POOL_MAX: usize = 32;

/// How an entry ended.
pub(crate) enum Ended {
    /// It returned.
    Value(Luau),
    /// It called `kuafu.refuse`.
    Refused(Refusal),
    /// It belongs to a release that was replaced, and its time is over.
    Replaced(String),
    /// It failed.
    Fault(Code, String),
    /// It waits.
    Waiting(Thread, Claim),
}

/// What is entered.
pub(crate) struct Entry {
    pub(crate) entity: EntityId,
    pub(crate) name: Arc<str>,
    /// Whose code it is.
    pub(crate) release: u64,
    pub(crate) may_wait: bool,
    /// The stack of who spawned it, for its errors.
    pub(crate) origin: Option<Arc<str>>,
    pub(crate) cause: Cause,
}

/// Why an entry runs; it stays with the entry through its waits, and with what it spawns.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cause {
    pub(crate) caller: Caller,
    /// The number of the request in this machine, for logs; 0 for one that begins.
    request: u64,
}

impl Cause {
    /// A hook, a timer, an operator.
    pub(crate) const ENGINE: Self = Self::call(Caller::Engine);

    pub(crate) const fn call(caller: Caller) -> Self {
        Self { caller, request: 0 }
    }

    pub(crate) fn request(self) -> u64 {
        self.request
    }
}

/// Coroutines for entries.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    idle: Vec<Thread>,
}

impl Pool {
    /// A coroutine that will run the function.
    pub(crate) fn thread(&mut self, lua: &Lua, function: &Function) -> mlua::Result<Thread> {
        match self.idle.pop() {
            Some(thread) => thread.reset(function.clone()).map(|()| thread),
            None => lua.create_thread(function.clone()),
        }
    }

    fn give_back(&mut self, thread: Thread) {
        if self.idle.len() < POOL_MAX {
            self.idle.push(thread);
        }
    }

    /// Lets a coroutine run until it ends or waits.
    pub(crate) fn resume(
        &mut self,
        lua: &Lua,
        shared: &Shared,
        now: Now,
        entry: &Entry,
        thread: Thread,
        arguments: MultiValue,
    ) -> Ended {
        begin(lua, shared, now, entry, &thread);
        let result = thread.resume::<Luau>(arguments);
        shared.budget.end();
        let ended = end(shared, &thread, result);
        match ended {
            Ended::Waiting(_, claim) => Ended::Waiting(thread, claim),
            ended => {
                self.give_back(thread);
                ended
            }
        }
    }
}

fn begin(lua: &Lua, shared: &Shared, now: Now, entry: &Entry, thread: &Thread) {
    let mut run = shared.run.borrow_mut();
    run.entity = Some(entry.entity);
    run.entry = Arc::clone(&entry.name);
    run.release = entry.release;
    run.step += 1;
    let request = if entry.cause.request == 0 { run.step } else { entry.cause.request };
    run.cause = Cause { request, ..entry.cause };
    run.now = now;
    run.may_wait = entry.may_wait;
    run.thread = Some(thread.clone());
    run.effects.clear();
    run.spawned.clear();
    run.claim = None;
    shared.budget.begin(lua);
}

fn end(shared: &Shared, thread: &Thread, result: mlua::Result<Luau>) -> Ended {
    let claim = {
        let mut run = shared.run.borrow_mut();
        run.thread = None;
        run.claim.take()
    };
    if let Some(spent) = shared.budget.spent() {
        let message = match result {
            Err(error) => message_of(&error),
            Ok(_) => spent.to_string(),
        };
        return Ended::Fault(Code::BudgetExceeded, message);
    }
    match result {
        Ok(value) if !thread.is_resumable() => Ended::Value(value),
        Ok(Luau::Table(token)) if token == shared.kit().waiting => match claim {
            Some(claim) => Ended::Waiting(thread.clone(), claim),
            None => Ended::Fault(Code::ScriptFailed, "a wait that was not asked for".to_owned()),
        },
        Ok(_) => {
            let message = "coroutine.yield is for coroutines of the script; a method waits with :await()";
            Ended::Fault(Code::ScriptFailed, message.to_owned())
        }
        Err(error) => failed(shared, &error),
    }
}

fn failed(shared: &Shared, error: &mlua::Error) -> Ended {
    if let Some(Refused(text)) = error.downcast_ref() {
        return Ended::Refused(Refusal::new(Code::Refused, cut(text)));
    }
    if let Some(replaced) = error.downcast_ref::<Replaced>() {
        return Ended::Replaced(replaced.to_string());
    }
    Ended::Fault(code_of(error), message_through(shared, error))
}

fn code_of(error: &mlua::Error) -> Code {
    let memory = matches!(error, mlua::Error::MemoryError(_));
    if memory || error.downcast_ref::<Spent>().is_some() { Code::BudgetExceeded } else { Code::ScriptFailed }
}
