//! `kuafu.create`: from a script's options to the effect that makes an entity.

use kuafu_core::{PropertyNo, Value};
use kuafu_def::{EntityType, Part};
use kuafu_logic::{Effect, Placement};
use mlua::{Lua, LuaString, Table, Value as Luau};

use crate::convert::{contents, finite, place};
use crate::shared::Shared;

/// What went wrong, for the script.
type Why = String;

/// Asks for a new entity; gives its id.
pub(crate) fn create(lua: &Lua, s: &Shared, name: &Luau, options: &Luau) -> Result<f64, Why> {
    let Luau::String(name) = name else { return Err("create takes the name of an entity type".to_owned()) };
    let name = name.to_string_lossy();
    let ty = s.definitions.by_name(&name).ok_or_else(|| format!("there is no entity type `{name}`"))?;
    let options = Options::read(options)?;
    if ty.is_global {
        return Err(format!("there is one {name} already, made by the engine: kuafu.global(\"{name}\")"));
    }
    if s.part == Part::Cell && ty.parts.base {
        return Err(format!("a {name} has a base part, so only a base can create it"));
    }
    if options.persistent && !ty.parts.base {
        return Err(format!("a {name} has no base part, so it cannot be persistent"));
    }
    let values = create_values(lua, s, ty, &options.properties)?;
    let placement = create_placement(s, ty, &options)?;
    let id = s.world.draw_id().ok_or("there are no more entity ids")?;
    s.push(|run| Effect::Create {
        from: run.entity.unwrap_or_default(),
        ty: ty.no,
        values,
        placement,
        persistent: options.persistent,
        id,
        step: run.step,
    })?;
    Ok(id.0 as f64)
}

/// Asks for a new entity on the least loaded base. Gives the effect's place in the entry.
pub(crate) fn create_anywhere(lua: &Lua, s: &Shared, name: &Luau, options: &Luau) -> Result<(f64, f64), Why> {
    let Luau::String(name) = name else { return Err("create takes the name of an entity type".to_owned()) };
    let name = name.to_string_lossy();
    let ty = s.definitions.by_name(&name).ok_or_else(|| format!("there is no entity type `{name}`"))?;
    if !ty.parts.base {
        return Err(format!("a {name} has no base part, so it lives in the cell that creates it"));
    }
    if ty.is_global {
        return Err(format!("there is one {name} already, made by the engine: kuafu.global(\"{name}\")"));
    }
    let options = Options::read(options)?;
    let (ty_no, persistent) = (ty.no, options.persistent);
    let values = create_values(lua, s, ty, &options.properties)?;
    let placement = create_placement(s, ty, &options)?;
    let index = s.push(|run| Effect::CreateAnywhere {
        from: run.entity.unwrap_or_default(),
        ty: ty_no,
        values,
        placement,
        persistent,
        awaiting: None,
    })?;
    Ok((index as f64, s.run.borrow().step as f64))
}

#[derive(Default)]
struct Options {
    properties: Luau,
    position: Option<[f32; 3]>,
    yaw: f32,
    persistent: bool,
}

impl Options {
    fn read(options: &Luau) -> Result<Self, Why> {
        let mut read = Self::default();
        let table = match options {
            Luau::Nil => return Ok(read),
            Luau::Table(table) => table,
            _ => return Err("the second argument of create is a table of options".to_owned()),
        };
        for pair in table.pairs::<Luau, Luau>() {
            let (key, value) = pair.map_err(|error| error.to_string())?;
            match key.as_string().map(LuaString::to_string_lossy).as_deref() {
                Some("properties") => read.properties = value,
                Some("position") => read.position = Some(place(&value)?),
                Some("yaw") => read.yaw = finite(&value, "yaw")?,
                Some("persistent") => read.persistent = value.as_boolean().ok_or("`persistent` is true or false")?,
                // The prelude has looked at it.
                Some("where") => {}
                other => {
                    let key = other.unwrap_or("that");
                    return Err(format!("create has no option `{key}`: properties, position, yaw, persistent, where"));
                }
            }
        }
        Ok(read)
    }
}

fn create_values(lua: &Lua, s: &Shared, ty: &EntityType, properties: &Luau) -> Result<Vec<(PropertyNo, Value)>, Why> {
    let mut values = Vec::new();
    match properties {
        Luau::Nil => {}
        Luau::Table(table) => add_values(lua, s, ty, ("", &contents(table)), &mut values)?,
        _ => return Err("`properties` is a table of names and values".to_owned()),
    }
    Ok(values)
}

/// Adds the values of a table, whose names begin with `prefix`; a component's are in a table of their own.
fn add_values(
    lua: &Lua,
    s: &Shared,
    ty: &EntityType,
    (prefix, table): (&str, &Table),
    into: &mut Vec<(PropertyNo, Value)>,
) -> Result<(), Why> {
    for pair in table.pairs::<Luau, Luau>() {
        let (key, value) = pair.map_err(|error| error.to_string())?;
        let key = key.as_string().ok_or("`properties` is a table of names and values")?;
        let name = format!("{prefix}{}", key.to_string_lossy());
        if let (true, Luau::Table(inner)) = (prefix.is_empty() && ty.component(&name).is_some(), &value) {
            add_values(lua, s, ty, (&format!("{name}."), &contents(inner)), into)?;
            continue;
        }
        let property = ty.property_by_name(&name).ok_or_else(|| format!("{} has no property `{name}`", ty.name))?;
        let at = |why| format!("{}.{name}: {why}", ty.name);
        let value = s.converter(lua).loose_as(&property.ty, &value).map_err(at)?;
        let value = kuafu_logic::coerce(&property.ty, value).map_err(at)?;
        property.check(&value, &s.limits).map_err(at)?;
        into.push((property.no, value));
    }
    Ok(())
}

fn create_placement(s: &Shared, ty: &EntityType, options: &Options) -> Result<Placement, Why> {
    let creator = s.run.borrow().entity.unwrap_or_default();
    let position = match (s.part, options.position) {
        (Part::Cell, None) if ty.parts.cell => s.world.position(creator),
        (_, position) => position,
    };
    match position {
        Some(_) if !ty.parts.cell => Err(format!("a {} has no cell part, so it has no position", ty.name)),
        Some(position) => Ok(Placement::Space { space: None, position, yaw: options.yaw }),
        None => Ok(Placement::Nowhere),
    }
}
