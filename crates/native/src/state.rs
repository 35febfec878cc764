//! What a host keeps, and what an entry into logic may reach of it.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use kuafu_core::{Chance, Change, EntityId, Limits, Now, PropertyNo, RecordId, Value};
use kuafu_def::{Definitions, EntityType, Part, Type};
use kuafu_logic::{AwaitId, CallToken, Effect, World};

use crate::entry::{Class, Logic};
use kuafu_logic::timers::Timers;

/// Set in every number that a native host gives out, so that none is one of another host beside it.
pub(crate) const NATIVE_BIT: u64 = 1 << 63;

/// An entity part.
pub(crate) struct Entity {
    pub(crate) ty: Arc<EntityType>,
    pub(crate) record: Option<RecordId>,
    pub(crate) class: Arc<dyn Class>,
    /// Away while it runs.
    pub(crate) logic: Option<Box<dyn Logic>>,
    /// The properties of this part, by rising number.
    pub(crate) values: Vec<(PropertyNo, Value)>,
    /// What it waits for.
    pub(crate) awaits: Vec<AwaitId>,
}

/// What happens when something awaited ends.
pub(crate) struct Waiting {
    pub(crate) entity: EntityId,
    pub(crate) method: String,
    /// What the method is given after the outcome.
    pub(crate) more: Vec<Value>,
    /// The call that the method is to answer.
    pub(crate) call: Option<Asked>,
}

/// A call that was not answered yet.
pub(crate) struct Asked {
    pub(crate) token: CallToken,
    pub(crate) result: Option<Type>,
}

/// All of a host that logic reaches through its context.
pub(crate) struct State {
    pub(crate) part: Part,
    pub(crate) definitions: Arc<Definitions>,
    pub(crate) limits: Limits,
    pub(crate) world: Rc<dyn World>,
    pub(crate) chance: Chance,
    pub(crate) entities: HashMap<EntityId, Entity>,
    pub(crate) waiting: HashMap<AwaitId, Waiting>,
    pub(crate) timers: Timers,
    pub(crate) changes: Vec<(EntityId, Change)>,
    pub(crate) last_await: u64,
    pub(crate) last_step: u64,
}

/// The entry that runs.
pub(crate) struct Run {
    pub(crate) entity: EntityId,
    pub(crate) ty: Arc<EntityType>,
    pub(crate) class: Arc<dyn Class>,
    pub(crate) now: Now,
    /// Effects of one entry share the number.
    pub(crate) step: u64,
    pub(crate) may_wait: bool,
    pub(crate) effects: Vec<Effect>,
    /// What was awaited in this entry.
    pub(crate) awaits: Vec<AwaitId>,
    /// The first thing that was asked for wrongly; it makes the entry a fault when it ends.
    pub(crate) wrong: Option<String>,
}

impl State {
    /// The type of an entity, when it is here or the world knows it.
    pub(crate) fn type_of(&self, entity: EntityId) -> Option<Arc<EntityType>> {
        let here = self.entities.get(&entity).map(|entity| Arc::clone(&entity.ty));
        here.or_else(|| self.definitions.get(self.world.type_of(entity)?).cloned())
    }

    /// Forgets what an entity waits for; gives the calls that will not be answered.
    pub(crate) fn forget_awaits(&mut self, awaits: &[AwaitId]) -> Vec<Asked> {
        awaits.iter().filter_map(|id| self.waiting.remove(id)?.call).collect()
    }
}

impl Entity {
    /// A property's value.
    pub(crate) fn value(&self, property: PropertyNo) -> Option<&Value> {
        let at = self.values.binary_search_by_key(&property, |(no, _)| *no).ok()?;
        Some(&self.values[at].1)
    }

    /// A property's value, to change it.
    pub(crate) fn value_mut(&mut self, property: PropertyNo) -> Option<&mut Value> {
        let at = self.values.binary_search_by_key(&property, |(no, _)| *no).ok()?;
        Some(&mut self.values[at].1)
    }
}
