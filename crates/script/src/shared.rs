//! What the host and the functions that scripts call have in common: the entities, the present entry, its effects.
//!
//! Everything lives on one thread. No borrow is held while Luau runs.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use kuafu_core::{Chance, EntityId, Limits, Moment, Now, Value};
use kuafu_def::{Definitions, EntityType, Method, Part, Type};
use kuafu_logic::{AwaitId, Effect, World, coerce};
use mlua::{Function, Lua, MultiValue, Table, Thread};
use rustc_hash::FxHashMap;

use crate::budget::Budget;
use crate::class::Class;
use crate::convert::Converter;
use crate::error::Spent;
use crate::run::Cause;
use kuafu_logic::timers::Timers;

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
    pub(crate) new_code: Function,
    pub(crate) new_entity: Function,
    pub(crate) adopt_code: Function,
    pub(crate) forget: Function,
    /// Makes the environment of a release.
    pub(crate) environment: Function,
    /// The stacks of coroutines that an error left.
    pub(crate) take_stacks: Function,
    pub(crate) reference: Function,
    pub(crate) reference_meta: Table,
    pub(crate) waiting: Table,
}

/// An entity part in this machine.
#[derive(Debug)]
pub(crate) struct Entity {
    /// Its code, which may be that of an older release until it is entered.
    pub(crate) class: Rc<Class>,
    /// `self` in scripts.
    pub(crate) proxy: Table,
    /// The backing table of its own properties.
    pub(crate) data: Table,
    /// Proxy and node of the entity, then of each of its components.
    pub(crate) made: Table,
    /// What its suspended tasks wait for.
    pub(crate) awaits: Vec<AwaitId>,
}

impl Entity {
    /// What a method gets as `self`: the entity, or the component in a slot.
    pub(crate) fn self_in(&self, slot: Option<usize>) -> mlua::Result<Table> {
        slot.map_or_else(|| Ok(self.proxy.clone()), |slot| self.made.raw_get(slot * 2 + 3))
    }

    /// The node of the entity, or of the component in a slot.
    pub(crate) fn root_in(&self, slot: Option<usize>) -> mlua::Result<Table> {
        self.made.raw_get(slot.map_or(2, |slot| slot * 2 + 4))
    }

    /// The backing table of the entity's properties, or of those of the component in a slot.
    pub(crate) fn data_in(&self, slot: Option<usize>) -> mlua::Result<Table> {
        if slot.is_none() { Ok(self.data.clone()) } else { self.root_in(slot)?.raw_get("__index") }
    }
}

/// What a task waits for.
#[derive(Debug)]
pub(crate) enum Awaited {
    /// An answer, of a type when it is known.
    Answer(Option<Type>),
    /// That time passes.
    Time,
}

/// The wait that the running script has asked for and is about to yield for.
#[derive(Debug)]
pub(crate) struct Claim {
    pub(crate) id: AwaitId,
    pub(crate) awaited: Awaited,
    /// How long it lasts at most.
    pub(crate) within: Duration,
}

/// A function that is to run as a task of its own, soon.
#[derive(Debug)]
pub(crate) struct Spawned {
    pub(crate) entity: EntityId,
    /// Whose code it is.
    pub(crate) release: u64,
    pub(crate) entry: Arc<str>,
    pub(crate) task: Function,
    pub(crate) arguments: MultiValue,
    /// The stack of who spawned it.
    pub(crate) origin: Arc<str>,
    pub(crate) cause: Cause,
}

/// The entry that runs, or ran last.
#[derive(Debug)]
pub(crate) struct Run {
    /// `None` while scripts are being loaded.
    pub(crate) entity: Option<EntityId>,
    pub(crate) entry: Arc<str>,
    /// Whose code it is.
    pub(crate) release: u64,
    pub(crate) step: u64,
    /// Why it runs.
    pub(crate) cause: Cause,
    pub(crate) now: Now,
    /// Whether the entry may wait.
    pub(crate) may_wait: bool,
    pub(crate) thread: Option<Thread>,
    pub(crate) effects: Vec<Effect>,
    pub(crate) claim: Option<Claim>,
    pub(crate) spawned: Vec<Spawned>,
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
    /// Tasks that are to run.
    pub(crate) spawned: RefCell<VecDeque<Spawned>>,
    /// The release that runs, and since when.
    pub(crate) release: Cell<u64>,
    pub(crate) activated_at: Cell<Moment>,
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
                release: 0,
                step: 0,
                cause: Cause::ENGINE,
                now: Now::default(),
                may_wait: false,
                thread: None,
                effects: Vec::new(),
                claim: None,
                spawned: Vec::new(),
            }),
            last_await: Cell::new(0),
            spawned: RefCell::default(),
            release: Cell::new(0),
            activated_at: Cell::default(),
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
        let here = self.entities.borrow().get(&entity).map(|entity| Arc::clone(&entity.class.kind.ty));
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
        let alike = |a: &Method, b: &Method| a.result == b.result;
        match effect {
            Effect::Call { to, part, method, .. } => self.method_where(*to, *part, method, alike)?.result.clone(),
            // Which provider it meets is decided later.
            Effect::CallService { method, .. } => {
                let in_part = |part| self.method_where(EntityId::NONE, part, method, alike);
                match (in_part(Part::Base), in_part(Part::Cell)) {
                    (Some(base), Some(cell)) if base.result != cell.result => None,
                    (base, cell) => base.or(cell)?.result.clone(),
                }
            }
            _ => None,
        }
    }

    /// The method that a call of an entity will meet, when that is known.
    pub(crate) fn method_of(&self, entity: EntityId, part: Part, name: &str) -> Option<&Method> {
        self.method_where(entity, part, name, |a, b| a.arguments == b.arguments)
    }

    /// The method of the entity's type, or of any type when all that have it are alike.
    fn method_where(
        &self,
        entity: EntityId,
        part: Part,
        name: &str,
        alike: impl Fn(&Method, &Method) -> bool,
    ) -> Option<&Method> {
        if let Some(ty) = self.type_of(entity) {
            return self.definitions.get(ty.no)?.method_by_name(part, name);
        }
        let mut found = self.definitions.types.values().filter_map(|ty| ty.method_by_name(part, name));
        let first = found.next()?;
        found.all(|method| alike(method, first)).then_some(first)
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
