//! Functions of scripts about services, names, shared data, groups, entities elsewhere, measures and the space.
//!
//! What is known here is read from the world at once; everything else becomes an effect of the present entry. What can
//! be awaited gives the effect's place in the entry, which the prelude makes a pending thing of.

use std::rc::Rc;
use std::sync::Arc;

use kuafu_core::{EntityId, RecordId, ServiceId, Value, service};
use kuafu_def::{EntityType, Part};
use kuafu_logic::{Effect, FindBy};
use mlua::{Lua, LuaString, Table, Value as Luau, Variadic, Vector};

use crate::bind::{Why, function, id, loose_all, or_text, or_why, why};
use crate::convert::{number, shared_text};
use crate::shared::Shared;

/// Bytes of the name of a service, entity, shared value or group.
const NAME_BYTES_MAX: usize = 128;

/// Bytes of the name of a measure.
const MEASURE_BYTES_MAX: usize = 64;

/// Where an effect is: its index in its entry, and the entry's number.
type Place = (f64, f64);

/// Adds the functions to the host table.
pub(crate) fn functions(lua: &Lua, shared: &Rc<Shared>, table: &Table) -> mlua::Result<()> {
    services(lua, shared, table)?;
    names(lua, shared, table)?;
    elsewhere(lua, shared, table)?;
    surroundings(lua, shared, table)
}

fn services(lua: &Lua, shared: &Rc<Shared>, table: &Table) -> mlua::Result<()> {
    function!(lua, shared, table, "provide", |lua: &Lua, s: &Shared, (of, service): (f64, Luau)| or_text(
        lua,
        provide(s, id(of), &service)
    ));
    function!(lua, shared, table, "withdraw", |lua: &Lua, s: &Shared, (of, service): (f64, Luau)| why(
        lua,
        service_id(&service).and_then(|service| s.push(|_| Effect::Withdraw { entity: id(of), service }).map(drop))
    ));
    function!(lua, shared, table, "service_key", |lua: &Lua, _: &Shared, (service, key): (Luau, Luau)| why(
        lua,
        service_id(&service).and_then(|_| key_of(&key)).map(drop)
    ));
    function!(lua, shared, table, "call_service", |lua: &Lua,
                                                   s: &Shared,
                                                   (service, key, name, arguments): (
        Luau,
        Luau,
        LuaString,
        Variadic<Luau>
    )| or_text(
        lua,
        call_service(lua, s, &service, &key, &name, &arguments)
    ));
    function!(
        lua,
        shared,
        table,
        "call_group",
        |lua: &Lua, s: &Shared, (group, name, arguments): (Luau, LuaString, Variadic<Luau>)| why(
            lua,
            call_group(lua, s, &group, &name, &arguments)
        )
    );
    function!(lua, shared, table, "join", |lua: &Lua, s: &Shared, (of, group, on): (f64, Luau, bool)| why(
        lua,
        join(s, id(of), &group, on)
    ));
    Ok(())
}

fn names(lua: &Lua, shared: &Rc<Shared>, table: &Table) -> mlua::Result<()> {
    function!(lua, shared, table, "claim_name", |lua: &Lua, s: &Shared, (of, name): (f64, Luau)| or_text(
        lua,
        anchored(s, id(of), "claim_name")
            .and_then(|()| text(&name, "a name"))
            .and_then(|name| { pending(s, |_| Effect::ClaimName { entity: id(of), name, awaiting: None }) })
    ));
    function!(lua, shared, table, "release_name", |lua: &Lua, s: &Shared, (of, name): (f64, Luau)| why(
        lua,
        text(&name, "a name").and_then(|name| s.push(|_| Effect::ReleaseName { entity: id(of), name }).map(drop))
    ));
    function!(lua, shared, table, "named", |lua: &Lua, s: &Shared, name: Luau| or_why(
        lua,
        text(&name, "a name").map(|name| s.world.named(&name).map(|id| id.0 as f64))
    ));
    function!(lua, shared, table, "share", |lua: &Lua, s: &Shared, (key, value): (Luau, Luau)| or_text(
        lua,
        share(lua, s, &key, &value)
    ));
    function!(lua, shared, table, "shared", |lua: &Lua, s: &Shared, key: Luau| or_why(
        lua,
        text(&key, "a key").and_then(|key| shared_value(lua, s, &key))
    ));
    function!(lua, shared, table, "watch", |lua: &Lua, s: &Shared, (of, key, on): (f64, Luau, bool)| why(
        lua,
        text(&key, "a key").and_then(|key| s.push(|_| Effect::Watch { entity: id(of), key, on }).map(drop))
    ));
    Ok(())
}

fn elsewhere(lua: &Lua, shared: &Rc<Shared>, table: &Table) -> mlua::Result<()> {
    function!(lua, shared, table, "end_other", |lua: &Lua, s: &Shared, (of, forever): (f64, bool)| or_text(
        lua,
        pending(s, |from| Effect::End { from, entity: id(of), forever, awaiting: None })
    ));
    function!(lua, shared, table, "find", |lua: &Lua, s: &Shared, (name, by, load): (Luau, Luau, Luau)| or_text(
        lua,
        find(lua, s, &name, &by, &load)
    ));
    function!(lua, shared, table, "create_anywhere", |lua: &Lua, s: &Shared, (name, options): (Luau, Luau)| or_text(
        lua,
        crate::create::create_anywhere(lua, s, &name, &options)
    ));
    function!(
        lua,
        shared,
        table,
        "measure",
        |lua: &Lua, s: &Shared, (name, amount, is_gauge): (Luau, Luau, bool)| why(
            lua,
            measure(s, &name, &amount, is_gauge)
        )
    );
    function!(lua, shared, table, "http", |lua: &Lua, s: &Shared, (method, url, options): (Luau, Luau, Luau)| or_text(
        lua,
        crate::http::http(s, &method, &url, &options)
    ));
    function!(lua, shared, table, "time", |_: &Lua, s: &Shared, ()| -> mlua::Result<f64> {
        Ok(s.run.borrow().now.wall.0 as f64 / 1e3)
    });
    Ok(())
}

fn surroundings(lua: &Lua, shared: &Rc<Shared>, table: &Table) -> mlua::Result<()> {
    function!(lua, shared, table, "viewers", |lua: &Lua, s: &Shared, of: f64| -> mlua::Result<Table> {
        let mut found = Vec::new();
        s.world.viewers(id(of), &mut found);
        lua.create_sequence_from(found.iter().map(|id| id.0 as f64))
    });
    function!(lua, shared, table, "in_view", |lua: &Lua, s: &Shared, of: f64| -> mlua::Result<Table> {
        let mut found = Vec::new();
        s.world.in_view(id(of), &mut found);
        lua.create_sequence_from(found.iter().map(|id| id.0 as f64))
    });
    function!(lua, shared, table, "space", |lua: &Lua, s: &Shared, field: Luau| or_why(lua, space(lua, s, &field)));
    Ok(())
}

/// Adds an effect that can be awaited; `make` gets the entity of the entry.
fn pending(s: &Shared, make: impl FnOnce(EntityId) -> Effect) -> Result<Place, Why> {
    let index = s.push(|run| make(run.entity.unwrap_or_default()))?;
    Ok((index as f64, s.run.borrow().step as f64))
}

/// A text that names something.
fn text(value: &Luau, what: &str) -> Result<Arc<str>, Why> {
    match value {
        Luau::String(text) if (1..=NAME_BYTES_MAX).contains(&text.as_bytes().len()) => shared_text(text),
        Luau::String(_) => Err(format!("{what} has 1 to {NAME_BYTES_MAX} bytes")),
        _ => Err(format!("{what} is a text")),
    }
}

fn service_id(value: &Luau) -> Result<ServiceId, Why> {
    if let Some(number) = number(value) {
        let whole = number.fract() == 0.0 && (0.0..9e15).contains(&number);
        return if whole {
            Ok(ServiceId::Number(number as u64))
        } else {
            Err("a service's number is whole".to_owned())
        };
    }
    text(value, "a service").map(ServiceId::Name)
}

/// What a provider is chosen by.
fn key_of(value: &Luau) -> Result<Option<u64>, Why> {
    let key = match value {
        Luau::Nil => return Ok(None),
        Luau::String(text) => Value::Text(shared_text(text)?),
        Luau::Boolean(flag) => Value::Bool(*flag),
        value => match number(value) {
            Some(number) if number.fract() == 0.0 && number.abs() < 9e15 => Value::Int(number as i64),
            Some(number) => Value::Float(number),
            None => return Err("a key is a text or a number".to_owned()),
        },
    };
    Ok(service::key_hash(&key))
}

/// Only the part that others can reach can be found: the base part, where there is one.
fn anchored(s: &Shared, entity: EntityId, what: &str) -> Result<(), Why> {
    let ty = s.type_of(entity).ok_or("the entity is gone")?;
    if s.part == Part::Cell && ty.parts.base {
        return Err(format!("{what} is for the base part of a {}: call it there", ty.name));
    }
    Ok(())
}

fn provide(s: &Shared, entity: EntityId, service: &Luau) -> Result<Place, Why> {
    anchored(s, entity, "provide")?;
    let service = service_id(service)?;
    pending(s, |_| Effect::Provide { entity, service, awaiting: None })
}

fn call_service(
    lua: &Lua,
    s: &Shared,
    service: &Luau,
    key: &Luau,
    name: &LuaString,
    arguments: &[Luau],
) -> Result<Place, Why> {
    let (service, key, method) = (service_id(service)?, key_of(key)?, shared_text(name)?);
    let arguments = loose_all(lua, s, arguments)?;
    pending(s, |from| Effect::CallService { from, service, key, method, arguments, awaiting: None })
}

fn call_group(lua: &Lua, s: &Shared, group: &Luau, name: &LuaString, arguments: &[Luau]) -> Result<(), Why> {
    let (group, method) = (text(group, "a group")?, shared_text(name)?);
    let arguments = loose_all(lua, s, arguments)?;
    s.push(|run| Effect::CallGroup { from: run.entity.unwrap_or_default(), group, method, arguments }).map(drop)
}

fn join(s: &Shared, entity: EntityId, group: &Luau, on: bool) -> Result<(), Why> {
    let group = text(group, "a group")?;
    if on {
        // What was joined in this entry does not show in the world yet. Joining again counts as one more, so the bound
        // may come a little early for those who do.
        let is_join = |effect: &&Effect| matches!(effect, Effect::Join { entity: who, on: true, .. } if *who == entity);
        let joining = s.run.borrow().effects.iter().filter(is_join).count();
        let max = s.limits.groups_per_entity_max as usize;
        if s.world.groups_len(entity) + joining >= max {
            return Err(format!("the entity is in {max} groups already (groups_per_entity_max)"));
        }
    }
    s.push(|_| Effect::Join { entity, group, on }).map(drop)
}

fn share(lua: &Lua, s: &Shared, key: &Luau, value: &Luau) -> Result<Place, Why> {
    let key = text(key, "a key")?;
    let value = s.converter(lua).loose(value)?;
    pending(s, |from| Effect::Share { from, key, value, awaiting: None })
}

fn shared_value(lua: &Lua, s: &Shared, key: &str) -> Result<Luau, Why> {
    let Some(value) = s.world.shared(key) else { return Ok(Luau::Nil) };
    let value = s.converter(lua).to_luau_loosely(&value).map_err(|error| error.to_string())?;
    freeze(&value);
    Ok(value)
}

/// A copy: writing to it would change nothing, so it is an error.
fn freeze(value: &Luau) {
    let Luau::Table(table) = value else { return };
    if table.is_readonly() {
        return;
    }
    table.set_readonly(true);
    for (_, inner) in table.pairs::<Luau, Luau>().flatten() {
        freeze(&inner);
    }
}

fn find(lua: &Lua, s: &Shared, name: &Luau, by: &Luau, load: &Luau) -> Result<Place, Why> {
    let Luau::String(name) = name else { return Err("the first argument is the name of an entity type".to_owned()) };
    let name = name.to_string_lossy();
    let ty = s.definitions.by_name(&name).ok_or_else(|| format!("there is no entity type `{name}`"))?;
    if !ty.is_persistent() {
        return Err(format!("a {name} has nothing persistent, so it cannot be found; give it a name or a service"));
    }
    let load = match load {
        Luau::Nil => true,
        Luau::Boolean(flag) => *flag,
        _ => return Err("`load` is true or false".to_owned()),
    };
    let by = match by {
        Luau::Table(table) => find_by_property(lua, s, ty, table)?,
        by => {
            let record = number(by).filter(|number| number.fract() == 0.0 && (1.0..9e15).contains(number));
            let record = record.ok_or("a record is a whole number from 1")?;
            FindBy::Record(RecordId(record as u64))
        }
    };
    let no = ty.no;
    pending(s, |from| Effect::Find { from, ty: no, by, load, awaiting: None })
}

fn find_by_property(lua: &Lua, s: &Shared, ty: &EntityType, table: &Table) -> Result<FindBy, Why> {
    let mut pairs = table.pairs::<Luau, Luau>();
    let pair = pairs.next().transpose().map_err(|error| error.to_string())?;
    let (Some((Luau::String(name), value)), None) = (pair, pairs.next()) else {
        return Err("an entity is found by one property: {name = value}".to_owned());
    };
    let name = name.to_string_lossy();
    let property = ty.property_by_name(&name).ok_or_else(|| format!("{} has no property `{name}`", ty.name))?;
    if !(property.persistent && (property.unique || property.indexed)) {
        let what = "to be found by it, it is persistent and `unique = true` or `indexed = true`";
        return Err(format!("{}.{name}: {what}", ty.name));
    }
    let at = |why| format!("{}.{name}: {why}", ty.name);
    let value = kuafu_logic::coerce(&property.ty, s.converter(lua).loose(&value)?).map_err(at)?;
    property.check(&value, &s.limits).map_err(at)?;
    Ok(FindBy::Property(property.no, value))
}

fn measure(s: &Shared, name: &Luau, amount: &Luau, is_gauge: bool) -> Result<(), Why> {
    let wrong = || format!("a measure's name has 1 to {MEASURE_BYTES_MAX} small letters, digits and `_`");
    let Luau::String(name) = name else { return Err(wrong()) };
    let name = shared_text(name)?;
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if name.is_empty() || name.len() > MEASURE_BYTES_MAX || !name.bytes().all(fits) {
        return Err(wrong());
    }
    let amount = match amount {
        Luau::Nil if !is_gauge => Some(1.0),
        amount => number(amount).filter(|amount| amount.is_finite()),
    };
    let amount = amount.ok_or("a measure is a finite number")?;
    s.push(|_| Effect::Measure { name, amount, is_gauge }).map(drop)
}

fn space(lua: &Lua, s: &Shared, field: &Luau) -> Result<Luau, Why> {
    let Luau::String(field) = field else { return Err("a space has a name, bounds and a population".to_owned()) };
    if s.part != Part::Cell {
        return Err("a base part is in no space".to_owned());
    }
    let entity = s.run.borrow().entity.ok_or("there is no space while scripts are being loaded")?;
    let facts = s.world.space_of(entity).ok_or("the entity is in no space any more")?;
    let vector = |[x, y, z]: [f32; 3]| Luau::Vector(Vector::new(x, y, z));
    match field.to_string_lossy().as_str() {
        "name" => lua.create_string(&facts.name).map(Luau::String).map_err(|error| error.to_string()),
        "least" => Ok(vector(facts.least)),
        "greatest" => Ok(vector(facts.greatest)),
        "population" => Ok(Luau::Number(f64::from(facts.population))),
        other => Err(format!("a space has no `{other}`: name, least, greatest, population")),
    }
}
