//! Changes out of the machine and into it: the prelude's journal as [`Change`]s, and changes from outside.

use kuafu_core::{Change, Edit, EntityId, PropertyNo, Step, Value};
use kuafu_def::Type;
use mlua::{IntoLua, Lua, Table, Value as Luau};

use crate::convert::Converter;
use crate::shared::{Entity, Shared};

/// Moves what the journal holds to the end of `into`.
///
/// # Errors
/// What went wrong in the machine; `into` may then hold a part.
pub(crate) fn drain(lua: &Lua, shared: &Shared, into: &mut Vec<(EntityId, Change)>) -> Result<(), String> {
    let (flat, journal): (Table, Table) = shared.kit().drain.call(()).map_err(|error| error.to_string())?;
    shared.kit().journal.replace(journal);
    let converter = shared.converter(lua);
    let entities = shared.entities.borrow();
    let mut values = flat.sequence_values::<Luau>();
    let mut next = || values.next().unwrap_or(Ok(Luau::Nil)).map_err(|error| error.to_string());
    loop {
        let id = match next()? {
            Luau::Nil => return Ok(()),
            id => EntityId(as_number(&id) as u64),
        };
        let (no, op, value, count) = (as_number(&next()?), as_number(&next()?), next()?, as_number(&next()?));
        let keys = (0..count as usize).map(|_| next()).collect::<Result<Vec<_>, String>>()?;
        let Some(entity) = entities.get(&id) else { continue };
        let property = entity.class.kind.ty.property(PropertyNo(no as u16)).ok_or("the journal names no property")?;
        let (path, ty) = path_of(&converter, &property.ty, &keys)?;
        let edit = match op as u8 {
            0 => Edit::Set(converter.stored(ty, &value)?),
            1 => Edit::Insert(converter.stored(ty, &value)?),
            _ => Edit::Remove,
        };
        into.push((id, Change { property: property.no, path, edit }));
    }
}

/// Makes a change from outside. False when its path leads nowhere.
pub(crate) fn apply(lua: &Lua, shared: &Shared, entity: &Entity, change: &Change) -> mlua::Result<bool> {
    let kind = &entity.class.kind;
    let (Some(property), Some(place)) = (kind.ty.property(change.property), kind.places.get(&change.property)) else {
        return Ok(false);
    };
    let converter = shared.converter(lua);
    let steps = lua.create_table()?;
    steps.raw_push(place.name.as_str())?;
    let mut ty = &property.ty;
    for step in &change.path {
        let Some((inner, key)) = step_into(&converter, ty, step)? else { return Ok(false) };
        steps.raw_push(key)?;
        ty = inner;
    }
    let (op, value) = match &change.edit {
        Edit::Set(value) => (0, converter.to_luau(ty, value)?),
        Edit::Insert(value) => (1, converter.to_luau(ty, value)?),
        Edit::Remove => (2, Luau::Nil),
    };
    shared.kit().apply.call((entity.root_in(place.slot)?, op, value, steps))
}

fn as_number(value: &Luau) -> f64 {
    match value {
        Luau::Integer(number) => *number as f64,
        Luau::Number(number) => *number,
        _ => 0.0,
    }
}

/// The script's keys as steps, and the type where they end.
fn path_of<'t>(converter: &Converter<'_>, ty: &'t Type, keys: &[Luau]) -> Result<(Vec<Step>, &'t Type), String> {
    let mut ty = ty;
    let mut path = Vec::with_capacity(keys.len());
    for key in keys {
        let (step, inner) = match ty {
            Type::List(item) => (Step::Index(as_number(key) as u32 - 1), item.as_ref()),
            Type::Map(k, item) => (Step::Key(converter.stored(k, key)?), item.as_ref()),
            Type::Struct(declared) => {
                let Luau::String(name) = key else { return Err("a field's name is a text".to_owned()) };
                let no = declared.fields.iter().position(|field| *name == field.name.as_str());
                let no = no.ok_or("the journal names no field")?;
                (Step::Field(no as u16), &declared.fields[no].ty)
            }
            other => return Err(format!("the journal steps into {other}")),
        };
        path.push(step);
        ty = inner;
    }
    Ok((path, ty))
}

/// The type behind a step, and the script's key for it; `None` when the type has no such step.
fn step_into<'t>(converter: &Converter<'_>, ty: &'t Type, step: &Step) -> mlua::Result<Option<(&'t Type, Luau)>> {
    Ok(match (ty, step) {
        (Type::List(item), Step::Index(index)) => Some((item.as_ref(), Luau::Number(f64::from(*index) + 1.0))),
        (Type::Map(key, item), Step::Key(at)) => {
            let key = match at {
                Value::Entity(id) => converter.reference(*id)?,
                at => converter.to_luau(key, at)?,
            };
            Some((item.as_ref(), key))
        }
        (Type::Struct(declared), Step::Field(no)) => match declared.fields.get(usize::from(*no)) {
            Some(field) => Some((&field.ty, field.name.as_str().into_lua(converter.lua)?)),
            None => None,
        },
        _ => None,
    })
}
