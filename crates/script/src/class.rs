//! Classes: what one script says of one part of its entity type, ready for entities.

use std::sync::Arc;

use kuafu_core::MethodNo;
use kuafu_def::{EntityType, Part};
use kuafu_logic::api::{On, TABLE};
use mlua::{Function, Lua, Table, Value as Luau};
use rustc_hash::FxHashMap;

use crate::convert::type_name;
use crate::schema::Schemas;
use crate::shared::Shared;

/// The logic of one part of one entity type.
#[derive(Debug)]
pub(crate) struct Class {
    pub(crate) ty: Arc<EntityType>,
    /// The prelude's class.
    pub(crate) table: Table,
    /// All methods: declared ones, hooks, timers' targets, helpers.
    pub(crate) methods: FxHashMap<Arc<str>, Function>,
    /// The declared ones by number.
    pub(crate) declared: FxHashMap<MethodNo, (Arc<str>, Function)>,
}

/// Makes the class of a type; `script` is what its script returned, if it has one.
pub(crate) fn build(
    lua: &Lua,
    shared: &Shared,
    ty: &Arc<EntityType>,
    script: Option<&Table>,
) -> Result<Class, Vec<String>> {
    let methods = script.map_or(Ok(FxHashMap::default()), |script| methods_of(script, shared.part))?;
    let wrong = |error: mlua::Error| vec![error.to_string()];
    let table = prelude_class(lua, shared, ty, &methods).map_err(wrong)?;
    let declared = ty.methods.iter().filter(|method| method.part == shared.part);
    let declared = declared
        .filter_map(|method| {
            methods.get_key_value(method.name.as_str()).map(|(n, f)| (method.no, (n.clone(), f.clone())))
        })
        .collect();
    Ok(Class { ty: Arc::clone(ty), table, methods, declared })
}

fn prelude_class(
    lua: &Lua,
    shared: &Shared,
    ty: &EntityType,
    methods: &FxHashMap<Arc<str>, Function>,
) -> mlua::Result<Table> {
    let converter = shared.converter(lua);
    let schemas = Schemas { lua, make: &shared.kit().schema, converter: &converter, limits: &shared.limits };
    let fields = schemas.properties(ty, shared.part)?;
    let table = lua.create_table()?;
    for (name, function) in methods {
        table.raw_set(&**name, function)?;
    }
    let elsewhere = lua.create_table()?;
    for property in ty.properties.iter().filter(|property| property.part != shared.part) {
        elsewhere.raw_set(property.name.as_str(), property.part.name())?;
    }
    shared.kit().new_class.call((ty.name.as_str(), shared.part.name(), fields, table, elsewhere))
}

/// The functions of one part in a script's table.
fn methods_of(script: &Table, part: Part) -> Result<FxHashMap<Arc<str>, Function>, Vec<String>> {
    let table = match script.raw_get::<Luau>(part.name()) {
        Ok(Luau::Table(table)) => table,
        Ok(Luau::Nil) => return Ok(FxHashMap::default()),
        _ => return Err(vec![format!("`{part}` must be a table of methods")]),
    };
    let (mut methods, mut wrong) = (FxHashMap::default(), Vec::new());
    for pair in table.pairs::<Luau, Luau>() {
        match pair {
            Ok((Luau::String(name), Luau::Function(function))) => {
                let name = name.to_string_lossy();
                methods.insert(Arc::from(name.as_str()), function);
            }
            Ok((key, value)) => {
                let key = key.to_string().unwrap_or_default();
                wrong.push(format!("`{part}.{key}` is a {}; a part holds only methods", type_name(&value)));
            }
            Err(error) => wrong.push(error.to_string()),
        }
    }
    if wrong.is_empty() { Ok(methods) } else { Err(wrong) }
}

/// What is wrong with a script's table as the logic of a type, in both parts.
pub(crate) fn faults(ty: &EntityType, script: &Table) -> Vec<String> {
    let mut found = Vec::new();
    for pair in script.pairs::<Luau, Luau>() {
        match pair {
            Ok((Luau::String(name), _)) if ["base", "cell"].iter().any(|part| name == *part) => {}
            Ok((key, _)) => found.push(format!(
                "`{}` is no part: a script returns a table with `base` and `cell`",
                key.to_string().unwrap_or_default()
            )),
            Err(error) => found.push(error.to_string()),
        }
    }
    for part in [Part::Base, Part::Cell] {
        match methods_of(script, part) {
            Ok(methods) => part_faults(ty, part, &methods, &mut found),
            Err(wrong) => found.extend(wrong),
        }
    }
    found
}

fn part_faults(ty: &EntityType, part: Part, methods: &FxHashMap<Arc<str>, Function>, found: &mut Vec<String>) {
    if !methods.is_empty() && !ty.parts.has(part) {
        found.push(format!("{} has no {part} part, but the script has methods for it", ty.name));
    }
    for method in ty.methods.iter().filter(|method| method.part == part) {
        if !methods.contains_key(method.name.as_str()) {
            found.push(format!("the method `{part}.{}` is declared and missing", method.name));
        }
    }
    for name in methods.keys() {
        if is_of_engine(name, part) {
            found.push(format!("`{part}.{name}` hides the engine's `self.{name}`"));
        } else if ty.properties.iter().any(|property| property.part == part && property.name == **name) {
            found.push(format!("`{part}.{name}` is a property of the same part; a method needs another name"));
        }
    }
    for property in ty.properties.iter().filter(|property| property.part == part) {
        if is_of_engine(&property.name, part) {
            found.push(format!("the property `{}` hides the engine's `self.{}`", property.name, property.name));
        }
    }
}

/// Whether the engine puts something of this name on `self` in the part.
fn is_of_engine(name: &str, part: Part) -> bool {
    TABLE.iter().any(|entry| {
        entry.name == name
            && match entry.on {
                On::Global => false,
                On::Entity | On::EntityField => true,
                On::Base => part == Part::Base,
                On::Cell | On::CellField => part == Part::Cell,
            }
    })
}
