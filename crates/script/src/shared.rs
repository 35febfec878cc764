//! What the host and the functions that scripts call have in common: the entities, the present entry, its effects.
//!
//! Everything lives on one thread. No borrow is held while Luau runs.

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use kuafu_core::{Chance, EntityId, Limits, Now, Value};
use kuafu_def::{Definitions, EntityType, Part, Type};
use kuafu_logic::{AwaitId, Effect, World, coerce};
use mlua::{Function, Lua, Table, Thread};
use rustc_hash::FxHashMap;

use crate::budget::Budget;
use crate::class::Class;
use crate::convert::Converter;
use crate::error::Spent;
use crate::timers::Timers;

/// Handles of what the prelude made.
#[derive(Debug)]
pub(crate) struct Kit {
    pub(crate) env: Table,
    pub(crate) api: Table,
    /// The present journal; draining may replace it.
    pub(crate) journal: RefCell<Table>,
    pub(crate) drain: Function,
    pub(crate) apply: Function,
    pub(crate) schema: Function,
    pub(crate) new_class: Function,
    pub(crate) new_entity: Function,
    pub(crate) forget: Function,
    pub(crate) reference: Function,
    pub(crate) reference_meta: Table,
    pub(crate) waiting: Table,
}

/// An entity part in this machine.
#[derive(Debug)]
pub(crate) struct Entity {
    pub(crate) class: Rc<Class>,
    /// `self` in scripts.
    pub(crate) proxy: Table,
    /// The proxy's node.
    pub(crate) root: Table,
    /// The backing table of the properties.
    pub(crate) data: Table,
    /// What its suspended tasks wait for.
    pub(crate) awaits: Vec<AwaitId>,
}

/// The await that the running script has asked for and is about to yield for.
#[derive(Debug)]
pub(crate) struct Claim {
    pub(crate) id: AwaitId,
    /// The type of what will come, when it is known.
    pub(crate) result: Option<Type>,
}

/// The entry that runs, or ran last.
#[derive(Debug)]
pub(crate) struct Run {
    /// `None` while scripts are being loaded.
    pub(crate) entity: Option<EntityId>,
    pub(crate) entry: Arc<str>,
    pub(crate) step: u64,
    pub(crate) now: Now,
    /// Whether the entry may wait.
    pub(crate) may_wait: bool,
    pub(crate) thread: Option<Thread>,
    pub(crate) effects: Vec<Effect>,
    pub(crate) claim: Option<Claim>,
}

pub(crate) struct Shared {
    pub(crate) part: Part,
    pub(crate) definitions: Arc<Definitions>,
    pub(crate) limits: Limits,
    pub(crate) world: Rc<dyn World>,
    pub(crate) chance: RefCell<Chance>,
    pub(crate) budget: Budget,
    pub(crate) kit: OnceCell<Kit>,
    pub(crate) entities: RefCell<FxHashMap<EntityId, Entity>>,
    pub(crate) timers: RefCell<Timers>,
    pub(crate) run: RefCell<Run>,
    pub(crate) last_await: Cell<u64>,
}

impl Shared {
    pub(crate) fn new(
        part: Part,
        definitions: Arc<Definitions>,
        limits: Limits,
        world: Rc<dyn World>,
        chance: Chance,
    ) -> Rc<Self> {
        Rc::new(Self {
            part,
            definitions,
            budget: Budget::new(limits.script_steps_max, limits.script_memory_bytes_max),
            limits,
            world,
            chance: RefCell::new(chance),
            kit: OnceCell::new(),
            entities: RefCell::default(),
            timers: RefCell::default(),
            run: RefCell::new(Run {
                entity: None,
                entry: "load".into(),
                step: 0,
                now: Now::default(),
                may_wait: false,
                thread: None,
                effects: Vec::new(),
                claim: None,
            }),
            last_await: Cell::new(0),
        })
    }

    pub(crate) fn kit(&self) -> &Kit {
        self.kit.get().expect("the prelude has run before anything else")
    }

    pub(crate) fn converter<'a>(&'a self, lua: &'a Lua) -> Converter<'a> {
        let Kit { reference, reference_meta, .. } = self.kit();
        Converter { lua, reference, reference_meta, limits: &self.limits }
    }

    /// The type of an entity: exactly when it is here or the world knows it.
    pub(crate) fn type_of(&self, entity: EntityId) -> Option<Arc<EntityType>> {
        let here = self.entities.borrow().get(&entity).map(|entity| Arc::clone(&entity.class.ty));
        here.or_else(|| self.definitions.get(self.world.type_of(entity)?).cloned())
    }

    /// Adds an effect to the present entry. Gives its index in the entry.
    ///
    /// # Errors
    /// What to tell the script.
    pub(crate) fn push(&self, effect: impl FnOnce(&Run) -> Effect) -> Result<usize, String> {
        let mut run = self.run.borrow_mut();
        if run.entity.is_none() {
            return Err("nothing can be done while scripts are being loaded".to_owned());
        }
        if run.effects.len() >= self.limits.effects_per_entry_max as usize {
            return Err(self.budget.exhaust(Spent::Effects).to_string());
        }
        let effect = effect(&run);
        run.effects.push(effect);
        Ok(run.effects.len() - 1)
    }

    /// The type of what awaiting the effect will give.
    pub(crate) fn result_type(&self, effect: &Effect) -> Option<Type> {
        let Effect::Call { to, part, method, .. } = effect else { return None };
        if let Some(ty) = self.type_of(*to) {
            return ty.method_by_name(*part, method)?.result.clone();
        }
        let mut found = self.definitions.types.values().filter_map(|ty| ty.method_by_name(*part, method));
        let first = found.next()?.result.clone();
        if found.all(|method| method.result == first) { first } else { None }
    }
}

/// Makes a script's loose value one of the type.
///
/// # Errors
/// What was expected and what was found.
pub(crate) fn fit(ty: &Type, value: Value, limits: &Limits) -> Result<Value, String> {
    let value = coerce(ty, value)?;
    ty.check(&value, limits)?;
    Ok(value)
}
