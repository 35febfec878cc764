//! Classes: what the definitions and one release's scripts make of one part of an entity type, ready for entities.

use std::rc::Rc;
use std::sync::Arc;

use kuafu_core::{MethodNo, PropertyNo};
use kuafu_def::EntityType;
use kuafu_logic::Hook;
use mlua::{Function, Lua, Table};
use rustc_hash::FxHashMap;

use crate::compose::Composed;
use crate::schema::Schemas;
use crate::shared::Shared;

/// What the definitions say of one part of a type; the same for every release.
#[derive(Debug)]
pub(crate) struct Kind {
    pub(crate) ty: Arc<EntityType>,
    /// The prelude's class.
    table: Table,
    /// Where the properties of the part are.
    pub(crate) places: FxHashMap<PropertyNo, Place>,
}

/// Where a property is: in the entity or in the component of a slot, and under which name there.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) slot: Option<usize>,
    pub(crate) name: String,
}

/// A method as it is entered.
#[derive(Debug)]
pub(crate) struct Method {
    /// With the slot in front when it is a component's.
    pub(crate) name: Arc<str>,
    pub(crate) function: Function,
    /// Whose component's `self` it gets.
    pub(crate) slot: Option<usize>,
}

/// The logic of one part of one entity type in one release.
#[derive(Debug)]
pub(crate) struct Class {
    pub(crate) kind: Rc<Kind>,
    pub(crate) release: u64,
    /// The prelude's tables of methods.
    pub(crate) code: Table,
    /// All methods: declared ones, hooks, timers' targets, helpers.
    pub(crate) methods: FxHashMap<Arc<str>, Rc<Method>>,
    /// The declared ones by number.
    pub(crate) declared: FxHashMap<MethodNo, Rc<Method>>,
    /// Those of each hook, by [`Hook`]: the entity's own, then those of its components.
    hooks: Vec<Vec<Rc<Method>>>,
}

impl Class {
    /// The methods that a hook enters.
    pub(crate) fn hooks(&self, hook: Hook) -> &[Rc<Method>] {
        &self.hooks[hook as usize]
    }
}

impl Kind {
    /// What the definitions say of a type's part.
    pub(crate) fn new(lua: &Lua, shared: &Shared, ty: &Arc<EntityType>) -> mlua::Result<Self> {
        let part = shared.part;
        let kit = shared.kit();
        let converter = shared.converter(lua);
        let schemas = Schemas { lua, make: &kit.schema, converter: &converter, limits: &shared.limits };
        let described = |slot: Option<usize>| -> mlua::Result<(Table, Table)> {
            let here = || ty.properties.iter().map(|p| (place_of(ty, &p.name), p)).filter(|(place, _)| place.0 == slot);
            let fields = here().filter(|(_, p)| p.part == part).map(|((_, name), p)| (name, p));
            let elsewhere = here().filter(|(_, p)| p.part != part).map(|((_, name), p)| (name, p.part.name()));
            Ok((schemas.properties(fields)?, lua.create_table_from(elsewhere)?))
        };
        let slots = lua.create_table()?;
        for (no, component) in ty.components.iter().enumerate() {
            let (fields, elsewhere) = described(Some(no))?;
            let slot = lua.create_table()?;
            slot.raw_set("name", component.slot.as_str())?;
            slot.raw_set("fields", fields)?;
            slot.raw_set("elsewhere", elsewhere)?;
            slots.raw_push(slot)?;
        }
        let (fields, elsewhere) = described(None)?;
        let table = kit.new_class.call((ty.name.as_str(), part.name(), fields, elsewhere, slots))?;
        let own = ty.properties.iter().filter(|property| property.part == part);
        let places = own.map(|property| {
            let (slot, name) = place_of(ty, &property.name);
            (property.no, Place { slot, name: name.to_owned() })
        });
        Ok(Self { ty: Arc::clone(ty), table, places: places.collect() })
    }

    /// The prelude's class.
    pub(crate) fn table(&self) -> &Table {
        &self.table
    }
}

/// The slot that a member's name begins with, and the name in it.
pub(crate) fn place_of<'n>(ty: &EntityType, name: &'n str) -> (Option<usize>, &'n str) {
    let in_slot = name.split_once('.').and_then(|(slot, name)| {
        let no = ty.components.iter().position(|component| component.slot == slot)?;
        Some((Some(no), name))
    });
    in_slot.unwrap_or((None, name))
}

/// The class of a type in a release.
pub(crate) fn build(
    lua: &Lua,
    shared: &Shared,
    kind: &Rc<Kind>,
    release: u64,
    composed: Composed,
) -> mlua::Result<Class> {
    let ty = &kind.ty;
    let own = lua.create_table()?;
    let slots: Vec<Table> = ty.components.iter().map(|_| lua.create_table()).collect::<mlua::Result<_>>()?;
    let mut methods = FxHashMap::default();
    for (name, function) in composed {
        let (slot, short) = place_of(ty, &name);
        slot.map_or(&own, |slot| &slots[slot]).raw_set(short, &function)?;
        let name: Arc<str> = Arc::from(name.as_str());
        methods.insert(Arc::clone(&name), Rc::new(Method { name, function, slot }));
    }
    let code = shared.kit().new_code.call((&kind.table, own, lua.create_sequence_from(slots)?))?;
    let declared = ty.methods.iter().filter(|method| method.part == shared.part);
    let declared =
        declared.filter_map(|method| Some((method.no, Rc::clone(methods.get(method.name.as_str())?)))).collect();
    let hooks = Hook::ALL.iter().map(|hook| hooks_of(ty, &methods, hook.method())).collect();
    Ok(Class { kind: Rc::clone(kind), release, code, methods, declared, hooks })
}

fn hooks_of(ty: &EntityType, methods: &FxHashMap<Arc<str>, Rc<Method>>, hook: &str) -> Vec<Rc<Method>> {
    let in_slots = ty.components.iter().map(|component| format!("{}.{hook}", component.slot));
    let names = std::iter::once(hook.to_owned()).chain(in_slots);
    names.filter_map(|name| methods.get(name.as_str()).cloned()).collect()
}
