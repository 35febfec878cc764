//! The host: what a role asks of game logic, and what logic may read of the world.

use std::sync::Arc;

use kuafu_core::{Change, EntityId, MethodNo, Now, PropertyNo, RecordId, Refusal, TypeNo, Value};
use kuafu_def::{EntityType, Part};

use crate::{AwaitId, CallToken, Effect, Failure, Hook};

/// A new entity part, as the role hands it to logic.
#[derive(Clone, Debug)]
pub struct EntitySeed {
    /// Its handle.
    pub id: EntityId,
    /// Its type.
    pub ty: Arc<EntityType>,
    /// Its durable identity, when it has one.
    pub record: Option<RecordId>,
    /// Values of this part's properties; those left out take their default.
    pub values: Vec<(PropertyNo, Value)>,
}

/// Who called a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// The client of an entity.
    Client(EntityId),
    /// The logic of an entity.
    Entity(EntityId),
    /// The engine itself.
    Engine,
}

/// What became of a call.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// It ended.
    Done(Result<Value, Refusal>),
    /// It waits for something; [`Effect::Answer`] will carry the token.
    Pending(CallToken),
}

/// An error in game logic: already logged, for counters and the console.
#[derive(Clone, Debug)]
pub struct Fault {
    /// Whose logic.
    pub entity: EntityId,
    /// Its type's name.
    pub type_name: String,
    /// The method or hook that was entered.
    pub entry: String,
    /// The message with the script's stack.
    pub message: String,
}

/// One version of a game's logic and data tables. What the bytes are, only hosts and the compiler know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// Counts up from 1, the release that a game starts with.
    pub no: u64,
    /// Logic and data tables.
    pub bytes: Arc<[u8]>,
}

/// What a host counts.
#[derive(Clone, Copy, Debug, Default)]
pub struct HostCounters {
    /// Entries into logic since the start: hooks, calls, timers, resumptions.
    pub entries: u64,
    /// Entries that ended in an error.
    pub faults: u64,
    /// Those of them since the present release was activated.
    pub release_faults: u64,
    /// Entities it holds.
    pub entities: u64,
    /// Suspended tasks.
    pub tasks: u64,
    /// Timers.
    pub timers: u64,
    /// Timers that came due after a release had taken their method away.
    pub timers_dropped: u64,
    /// Tasks of replaced code that were ended where they would have waited once more.
    pub tasks_ended: u64,
    /// Bytes its virtual machine uses.
    pub memory_bytes: u64,
}

/// Where logic spent its steps while it was watched. Steps are what budgets count; they are in proportion to time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    /// By function, the one with most steps of its own first.
    pub functions: Vec<FunctionRow>,
    /// By hook, method or timer, the one with most steps first.
    pub entries: Vec<EntryRow>,
}

/// What one function spent, from samples.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionRow {
    /// File, line and name.
    pub function: String,
    /// Steps in it.
    pub own_steps: u64,
    /// Steps in it and in what it called.
    pub all_steps: u64,
}

/// What one entry point spent, counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryRow {
    /// Type and method.
    pub entry: String,
    /// How often it was entered.
    pub entries: u64,
    /// Steps of all of them.
    pub steps: u64,
    /// Steps of the longest.
    pub steps_max: u64,
}

/// What the entities of one type take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeapRow {
    /// The type's name.
    pub type_name: String,
    /// How many there are.
    pub entities: u64,
    /// Bytes of their properties, estimated from some of them.
    pub bytes: u64,
}

/// What a host says that has no such function.
const NOT_SUPPORTED: &str = "this logic is compiled in: it cannot be looked into";

/// Runs the logic of one base's or cell's entity parts. Lives on its role's thread.
///
/// After each entry (`hook`, `call`, `resume`, `advance`) the role drains [`LogicHost::take_changes`] and
/// [`LogicHost::poll_effect`]. An error in an entry undoes none of the changes it made, drops its effects, and shows
/// in [`LogicHost::poll_fault`]; everything else runs on.
pub trait LogicHost {
    /// The part that this host runs: base or cell.
    fn part(&self) -> Part;

    /// Takes an entity part in. Runs no logic.
    fn create(&mut self, seed: EntitySeed);

    /// Forgets an entity part: its properties, timers and tasks. Runs no logic.
    fn destroy(&mut self, entity: EntityId);

    /// Tells an entity part of something; does nothing when it has no such method or there is no such entity.
    fn hook(&mut self, now: Now, entity: EntityId, hook: Hook, arguments: &[Value]);

    /// Calls a method of this part; arguments already fit the definition.
    fn call(&mut self, now: Now, entity: EntityId, method: MethodNo, arguments: Vec<Value>, caller: Caller) -> Answer;

    /// Ends an await.
    fn resume(&mut self, now: Now, awaiting: AwaitId, outcome: Result<Value, Failure>);

    /// Runs the timers that are due.
    fn advance(&mut self, now: Now);

    /// When the next timer is due, in microseconds of the role's clock.
    fn next_wake(&self) -> Option<kuafu_core::Moment>;

    /// Moves the changes that logic made to properties since the last time to the end of `into`, in order.
    fn take_changes(&mut self, into: &mut Vec<(EntityId, Change)>);

    /// The next thing that logic wants done.
    fn poll_effect(&mut self) -> Option<Effect>;

    /// The next error that logic ran into.
    fn poll_fault(&mut self) -> Option<Fault>;

    /// Writes a property from outside; not reported by `take_changes`.
    ///
    /// # Errors
    /// [`kuafu_core::change::Misfit`] when the change does not fit; nothing is changed then.
    fn apply(&mut self, entity: EntityId, change: &Change) -> Result<(), kuafu_core::change::Misfit>;

    /// The present value of a property.
    fn read(&self, entity: EntityId, property: PropertyNo) -> Option<Value>;

    /// What it has counted.
    fn counters(&self) -> HostCounters;

    /// Loads a release beside the running one; nothing runs differently yet.
    ///
    /// # Errors
    /// What is wrong with it, for people. The host is as before.
    fn stage(&mut self, release: &Release) -> Result<(), String> {
        Err(format!("this logic is compiled in: release {} needs a restart", release.no))
    }

    /// Runs a staged release, or the one before the present one, from now on: entries that begin after this run its
    /// code, suspended ones end on theirs. The release that ran is kept until the next one is activated.
    ///
    /// # Errors
    /// When it is neither staged nor the one before. The host is as before.
    fn activate(&mut self, _now: Now, release: u64) -> Result<(), String> {
        Err(format!("release {release} is not staged"))
    }

    /// Forgets a staged release.
    fn discard(&mut self, _release: u64) {}

    /// The number of the release that runs; 0 for logic that is compiled in.
    fn release(&self) -> u64 {
        0
    }

    /// Runs a piece of source as a method of an entity would run, with `self`, within the budget of an entry, and gives
    /// what it returned as text. Without `keep`, what it wanted done and what it wrote to the entity's properties is
    /// undone. Nothing can be awaited.
    ///
    /// # Errors
    /// What went wrong, for people.
    fn evaluate(&mut self, _now: Now, _entity: EntityId, _source: &str, _keep: bool) -> Result<String, String> {
        Err(NOT_SUPPORTED.to_owned())
    }

    /// Begins to watch where steps are spent; what was watched before is forgotten.
    ///
    /// # Errors
    /// When the host cannot do that.
    fn profile_start(&mut self) -> Result<(), String> {
        Err(NOT_SUPPORTED.to_owned())
    }

    /// Ends watching and gives what was seen.
    ///
    /// # Errors
    /// When nothing was being watched.
    fn profile_take(&mut self) -> Result<Profile, String> {
        Err(NOT_SUPPORTED.to_owned())
    }

    /// What the entities take, by type, the largest first.
    fn heap(&self) -> Vec<HeapRow> {
        Vec::new()
    }
}

/// What logic may read of the world at any time. A cell answers from its space; a base has [`NoWorld`].
pub trait World {
    /// x, y, z in metres.
    fn position(&self, entity: EntityId) -> Option<[f32; 3]>;

    /// Facing in radians.
    fn yaw(&self, entity: EntityId) -> Option<f32>;

    /// The entity's type, when it is known here.
    fn type_of(&self, entity: EntityId) -> Option<TypeNo>;

    /// A property of an entity of the same cell, when its definition lets others read it (`cell-public`,
    /// `other-clients`, `all-clients`).
    fn public_property(&self, entity: EntityId, property: PropertyNo) -> Option<Value>;

    /// Adds the entities within `radius` metres of an entity to `into`, nearest first, itself left out.
    fn within(&self, entity: EntityId, radius: f32, into: &mut Vec<EntityId>);

    /// Space time in milliseconds.
    fn space_time_ms(&self) -> u64;

    /// A fresh entity id for [`Effect::Create`]; `None` when there are no more.
    fn draw_id(&self) -> Option<EntityId>;

    /// Who holds a global name, as far as it is known here.
    fn named(&self, _name: &str) -> Option<EntityId> {
        None
    }

    /// A shared value, as far as it is known here.
    fn shared(&self, _key: &str) -> Option<Value> {
        None
    }

    /// In how many groups an entity's client is.
    fn groups_len(&self, _entity: EntityId) -> usize {
        0
    }

    /// Adds the entities whose clients see an entity to `into`, nearest first, itself left out.
    fn viewers(&self, _entity: EntityId, _into: &mut Vec<EntityId>) {}

    /// Adds the entities that an entity's client sees to `into`, nearest first, itself left out.
    fn in_view(&self, _entity: EntityId, _into: &mut Vec<EntityId>) {}

    /// The space that an entity is in.
    fn space_of(&self, _entity: EntityId) -> Option<SpaceFacts> {
        None
    }
}

/// What logic may know of a space.
#[derive(Clone, Debug, PartialEq)]
pub struct SpaceFacts {
    /// Its name.
    pub name: String,
    /// Least x, y, z in metres.
    pub least: [f32; 3],
    /// Greatest x, y, z in metres.
    pub greatest: [f32; 3],
    /// Entities in it.
    pub population: u32,
}

/// A world without a space; it still draws ids.
#[derive(Debug)]
pub struct NoWorld {
    ids: std::cell::RefCell<kuafu_core::id::EntityIdSource>,
}

impl NoWorld {
    /// Draws ids of one incarnation.
    #[must_use]
    pub fn new(ids: kuafu_core::id::EntityIdSource) -> Self {
        Self { ids: std::cell::RefCell::new(ids) }
    }
}

impl World for NoWorld {
    fn position(&self, _: EntityId) -> Option<[f32; 3]> {
        None
    }

    fn yaw(&self, _: EntityId) -> Option<f32> {
        None
    }

    fn type_of(&self, _: EntityId) -> Option<TypeNo> {
        None
    }

    fn public_property(&self, _: EntityId, _: PropertyNo) -> Option<Value> {
        None
    }

    fn within(&self, _: EntityId, _: f32, _: &mut Vec<EntityId>) {}

    fn space_time_ms(&self) -> u64 {
        0
    }

    fn draw_id(&self) -> Option<EntityId> {
        self.ids.borrow_mut().take()
    }
}
