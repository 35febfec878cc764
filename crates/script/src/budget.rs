//! What one entry may spend: steps of the machine, and bytes.
//!
//! The machine asks at every loop turn, call and pattern step. Once a budget is spent every further question is
//! answered with an error, so that a script cannot catch it and go on. The collector stands still during an entry
//! ([`Collector`]): so all that an entry allocates is seen, however fast it throws it away, and an entry never pays for
//! the garbage of another. Steps, not time, are counted: the same run gives the same result on any machine.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mlua::state::{GcIncParams, GcMode};
use mlua::{Lua, VmState};

use crate::error::Spent;
use crate::profile::Sampler;

/// The part of the machine's memory that one entry may allocate, garbage included.
const ENTRY_SHARE: usize = 4;

/// Kibibytes of allocation after which the collector does one step.
const COLLECT_STEP_KIB: usize = 64;

/// Percent of what was allocated that a step works off: what is thrown away during a cycle is garbage until the next.
const COLLECT_PACE_PERCENT: i32 = 400;

/// The collector rests after a cycle until memory has grown by half, or at least by this much.
const COLLECT_REST_BYTES_MIN: usize = 4 << 20;

/// Counts what the present entry spends.
#[derive(Debug)]
pub(crate) struct Budget {
    steps: Cell<u64>,
    steps_max: u64,
    bytes_at_start: Cell<usize>,
    bytes_max: usize,
    spent: Cell<Option<Spent>>,
    /// Where the next sample or the end of the budget is: what watching costs while nobody watches is nothing.
    next_mark: Cell<u64>,
    sampler: RefCell<Option<Sampler>>,
    /// Whether a script runs, and not the engine's own part of the prelude, which must get to its end.
    counts: Cell<bool>,
    /// Set from another thread to stop the entry at its next step.
    halt: Arc<AtomicBool>,
}

impl Budget {
    pub(crate) fn new(steps_max: u64, memory_bytes_max: u64) -> Self {
        let bytes_max = usize::try_from(memory_bytes_max).unwrap_or(usize::MAX) / ENTRY_SHARE;
        Self {
            steps: Cell::new(0),
            steps_max,
            bytes_at_start: Cell::new(0),
            bytes_max: bytes_max.max(1),
            spent: Cell::new(None),
            next_mark: Cell::new(steps_max),
            sampler: RefCell::new(None),
            counts: Cell::new(false),
            halt: Arc::default(),
        }
    }

    /// Begins an entry with a full budget.
    pub(crate) fn begin(&self, lua: &Lua) {
        self.steps.set(0);
        self.next_mark.set(self.steps_max);
        if let Some(sampler) = &*self.sampler.borrow() {
            self.next_mark.set(self.steps_max.min(sampler.left()));
        }
        self.bytes_at_start.set(lua.used_memory());
        self.spent.set(None);
        self.counts.set(true);
        self.halt.store(false, Ordering::Relaxed);
    }

    /// The flag that stops the present entry.
    pub(crate) fn halt(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.halt)
    }

    /// What runs from here on is the engine's own, which spends nothing.
    pub(crate) fn end(&self) {
        self.counts.set(false);
        if let Some(sampler) = &mut *self.sampler.borrow_mut() {
            sampler.rest(self.next_mark.get().saturating_sub(self.steps.get()));
        }
    }

    /// Steps that the present or last entry has taken.
    pub(crate) fn steps(&self) -> u64 {
        self.steps.get()
    }

    /// Who watches, if anybody does.
    pub(crate) fn sampler(&self) -> &RefCell<Option<Sampler>> {
        &self.sampler
    }

    /// A sample is due, or the budget is spent.
    fn reach_mark(&self, lua: &Lua) -> mlua::Result<()> {
        let steps = self.steps.get();
        if steps > self.steps_max {
            return Err(self.exhaust(Spent::Steps));
        }
        if let Some(sampler) = &mut *self.sampler.borrow_mut() {
            self.next_mark.set(self.steps_max.min(steps + sampler.sample(lua)));
        }
        Ok(())
    }

    /// Bytes that the entry has had allocated and that stay for others are not its own.
    pub(crate) fn forgive(&self, bytes: usize) {
        self.bytes_at_start.set(self.bytes_at_start.get() + bytes);
    }

    /// What the entry has overspent.
    pub(crate) fn spent(&self) -> Option<Spent> {
        self.spent.get()
    }

    /// Notes that something is overspent: from now on the script is stopped.
    pub(crate) fn exhaust(&self, what: Spent) -> mlua::Error {
        self.spent.set(Some(self.spent.get().unwrap_or(what)));
        mlua::Error::external(what)
    }

    /// Takes steps for work that the machine does not count itself.
    pub(crate) fn charge(&self, steps: u64) -> mlua::Result<()> {
        let steps = self.steps.get().saturating_add(steps);
        self.steps.set(steps);
        if steps > self.steps_max { Err(self.exhaust(Spent::Steps)) } else { Ok(()) }
    }

    /// The machine's question whether to go on.
    pub(crate) fn interrupt(&self, lua: &Lua) -> mlua::Result<VmState> {
        if !self.counts.get() {
            return Ok(VmState::Continue);
        }
        if let Some(what) = self.spent.get() {
            return Err(self.exhaust(what));
        }
        if self.halt.load(Ordering::Relaxed) {
            return Err(self.exhaust(Spent::Halted));
        }
        let steps = self.steps.get() + 1;
        self.steps.set(steps);
        if steps > self.next_mark.get() {
            self.reach_mark(lua)?;
        }
        if lua.used_memory().saturating_sub(self.bytes_at_start.get()) > self.bytes_max {
            return Err(self.exhaust(Spent::Memory));
        }
        Ok(VmState::Continue)
    }
}

/// Paces the garbage collector between entries.
#[derive(Debug)]
pub(crate) struct Collector {
    used_before: usize,
    debt_bytes: usize,
    /// Between two cycles: how far memory may grow before the next.
    rest_until_bytes: Option<usize>,
}

impl Collector {
    /// Takes the collector into hand.
    pub(crate) fn new(lua: &Lua) -> Self {
        lua.gc_set_mode(GcMode::Incremental(
            GcIncParams::default().step_size(COLLECT_STEP_KIB as _).step_multiplier(COLLECT_PACE_PERCENT),
        ));
        lua.gc_stop();
        Self { used_before: lua.used_memory(), debt_bytes: 0, rest_until_bytes: None }
    }

    /// Works off what was allocated since the last time.
    pub(crate) fn step(&mut self, lua: &Lua) {
        let used = lua.used_memory();
        if self.rest_until_bytes.is_some_and(|until| used < until) {
            self.used_before = used;
            return;
        }
        self.rest_until_bytes = None;
        self.debt_bytes += used.saturating_sub(self.used_before);
        while self.debt_bytes >= COLLECT_STEP_KIB << 10 {
            self.debt_bytes -= COLLECT_STEP_KIB << 10;
            if lua.gc_step().unwrap_or(true) {
                let used = lua.used_memory();
                self.rest_until_bytes = Some(used + (used / 2).max(COLLECT_REST_BYTES_MIN));
                self.debt_bytes = 0;
            }
            lua.gc_stop();
        }
        self.used_before = lua.used_memory();
    }

    /// Collects everything at once, after an entry that filled the memory.
    pub(crate) fn collect_all(&mut self, lua: &Lua) {
        for _ in 0..2 {
            if let Err(error) = lua.gc_collect() {
                tracing::error!(%error, "the script machine could not collect its garbage");
            }
        }
        lua.gc_stop();
        self.used_before = lua.used_memory();
        self.debt_bytes = 0;
    }
}
