//! Two hosts as one: each entity part is in Rust or in Luau, by its type.
//!
//! The role sees one host. Of what both have to say (changes, effects, faults) the Luau host's comes first, so that a run
//! with the same input is the same run; awaits and calls are told apart by a bit that native numbers carry. Releases are
//! the Luau host's: native logic is compiled in, and its errors do not take a release back.

use kuafu_core::change::Misfit;
use kuafu_core::{Change, EntityId, MethodNo, Moment, Now, PropertyNo, Value};
use kuafu_def::Part;
use kuafu_logic::host::{HeapRow, Profile};
use kuafu_logic::{
    Answer, AwaitId, Caller, Effect, EntitySeed, Failure, Fault, Hook, HostCounters, LogicHost, Release,
};

use crate::host::NativeHost;
use crate::state::NATIVE_BIT;

/// Gives each entity part to native logic where there is some for it, else to another host.
pub struct MixedHost<L> {
    luau: L,
    native: NativeHost,
}

impl<L: LogicHost> MixedHost<L> {
    /// Joins two hosts of the same part.
    ///
    /// # Panics
    /// When they run different parts: whoever builds them made a mistake.
    #[must_use]
    pub fn new(luau: L, native: NativeHost) -> Self {
        assert_eq!(luau.part(), native.part(), "both hosts belong to one role");
        Self { luau, native }
    }

    fn of(&mut self, entity: EntityId) -> &mut dyn LogicHost {
        if self.native.holds(entity) { &mut self.native } else { &mut self.luau }
    }
}

impl<L: LogicHost> LogicHost for MixedHost<L> {
    fn part(&self) -> Part {
        self.native.part()
    }

    fn create(&mut self, seed: EntitySeed) {
        if self.native.runs(&seed.ty.name) { self.native.create(seed) } else { self.luau.create(seed) }
    }

    fn destroy(&mut self, entity: EntityId) {
        self.of(entity).destroy(entity);
    }

    fn hook(&mut self, now: Now, entity: EntityId, hook: Hook, arguments: &[Value]) {
        self.of(entity).hook(now, entity, hook, arguments);
    }

    fn call(&mut self, now: Now, entity: EntityId, method: MethodNo, arguments: Vec<Value>, caller: Caller) -> Answer {
        self.of(entity).call(now, entity, method, arguments, caller)
    }

    fn resume(&mut self, now: Now, awaiting: AwaitId, outcome: Result<Value, Failure>) {
        if awaiting.0 & NATIVE_BIT == 0 {
            self.luau.resume(now, awaiting, outcome);
        } else {
            self.native.resume(now, awaiting, outcome);
        }
    }

    fn advance(&mut self, now: Now) {
        self.luau.advance(now);
        self.native.advance(now);
    }

    fn next_wake(&self) -> Option<Moment> {
        [self.luau.next_wake(), self.native.next_wake()].into_iter().flatten().min()
    }

    fn take_changes(&mut self, into: &mut Vec<(EntityId, Change)>) {
        self.luau.take_changes(into);
        self.native.take_changes(into);
    }

    fn poll_effect(&mut self) -> Option<Effect> {
        self.luau.poll_effect().or_else(|| self.native.poll_effect())
    }

    fn poll_fault(&mut self) -> Option<Fault> {
        self.luau.poll_fault().or_else(|| self.native.poll_fault())
    }

    fn apply(&mut self, entity: EntityId, change: &Change) -> Result<(), Misfit> {
        self.of(entity).apply(entity, change)
    }

    fn read(&self, entity: EntityId, property: PropertyNo) -> Option<Value> {
        if self.native.holds(entity) { self.native.read(entity, property) } else { self.luau.read(entity, property) }
    }

    fn counters(&self) -> HostCounters {
        let (mut counters, native) = (self.luau.counters(), self.native.counters());
        counters.entries += native.entries;
        counters.faults += native.faults;
        counters.entities += native.entities;
        counters.tasks += native.tasks;
        counters.timers += native.timers;
        counters
    }

    fn stage(&mut self, release: &Release) -> Result<(), String> {
        self.luau.stage(release)
    }

    fn activate(&mut self, now: Now, release: u64) -> Result<(), String> {
        self.luau.activate(now, release)
    }

    fn discard(&mut self, release: u64) {
        self.luau.discard(release);
    }

    fn release(&self) -> u64 {
        self.luau.release()
    }

    fn evaluate(&mut self, now: Now, entity: EntityId, source: &str, keep: bool) -> Result<String, String> {
        self.of(entity).evaluate(now, entity, source, keep)
    }

    fn profile_start(&mut self) -> Result<(), String> {
        self.luau.profile_start()
    }

    fn profile_take(&mut self) -> Result<Profile, String> {
        self.luau.profile_take()
    }

    fn heap(&self) -> Vec<HeapRow> {
        let mut rows = self.luau.heap();
        rows.extend(self.native.heap());
        rows.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.type_name.cmp(&b.type_name)));
        rows
    }
}

impl<L> std::fmt::Debug for MixedHost<L> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MixedHost").field("native", &self.native).finish_non_exhaustive()
    }
}
