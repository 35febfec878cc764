//! Suspended tasks of a host: what each waits for, and until when at the latest.

use std::collections::BTreeSet;
use std::sync::Arc;

use kuafu_core::{EntityId, Moment};
use kuafu_def::Type;
use kuafu_logic::{AwaitId, CallToken};
use mlua::Thread;
use rustc_hash::FxHashMap;

use crate::run::Cause;
use crate::shared::Awaited;

/// An entry that waits.
#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) thread: Thread,
    pub(crate) entity: EntityId,
    pub(crate) entry: Arc<str>,
    /// Whose code it is.
    pub(crate) release: u64,
    /// The stack of who spawned it.
    pub(crate) origin: Option<Arc<str>>,
    /// Why it ran, and runs on.
    pub(crate) cause: Cause,
    pub(crate) awaited: Awaited,
    pub(crate) deadline: Moment,
    /// The call that it is to answer.
    pub(crate) call: Option<(CallToken, Option<Type>)>,
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Tasks {
    tasks: FxHashMap<AwaitId, Task>,
    deadlines: BTreeSet<(Moment, AwaitId)>,
}

impl Tasks {
    pub(crate) fn len(&self) -> usize {
        self.tasks.len()
    }

    pub(crate) fn insert(&mut self, id: AwaitId, task: Task) {
        self.deadlines.insert((task.deadline, id));
        self.tasks.insert(id, task);
    }

    /// Takes a task out; `None` when it ended meanwhile.
    pub(crate) fn remove(&mut self, id: AwaitId) -> Option<Task> {
        let task = self.tasks.remove(&id)?;
        self.deadlines.remove(&(task.deadline, id));
        Some(task)
    }

    /// Those whose time is over, earliest first.
    pub(crate) fn due(&self, now: Moment) -> Vec<AwaitId> {
        self.deadlines.range(..=(now, AwaitId(u64::MAX))).map(|(_, id)| *id).collect()
    }

    /// When the next one's time is over.
    pub(crate) fn next_due(&self) -> Option<Moment> {
        self.deadlines.first().map(|(due, _)| *due)
    }
}
