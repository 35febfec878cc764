//! The functions that the prelude calls: everything that scripts can do or learn beyond Luau itself.
//!
//! Each gives what was asked for, or nil and why not; the prelude turns that into an error at the script's line. None
//! acts: what is to be done becomes an effect of the present entry.

use std::rc::Rc;

use kuafu_core::{EntityId, Value};
use kuafu_def::{Method, Part};
use kuafu_logic::{Audience, Caller, Effect};
use mlua::{IntoLuaMulti, Lua, LuaString, MultiValue, Table, Value as Luau, Variadic, Vector};

use crate::convert::{finite, number, place, shared_text};
use crate::create;
use crate::error::Refused;
use crate::shared::{Shared, fit};
use crate::{directory, waits, wide};

/// What went wrong, for the script.
pub(crate) type Why = String;

/// Makes a function of the host table: its body gives a result, or why there is none.
macro_rules! function {
    ($lua:expr, $shared:expr, $table:expr, $name:literal, $body:expr) => {{
        let shared = Rc::clone($shared);
        let body = $body;
        $table.raw_set($name, $lua.create_function(move |lua, arguments| body(lua, &*shared, arguments))?)?;
    }};
}

pub(crate) use function;

/// The host table.
pub(crate) fn functions(lua: &Lua, shared: &Rc<Shared>) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    globals(lua, shared, &table)?;
    calls(lua, shared, &table)?;
    entity(lua, shared, &table)?;
    space(lua, shared, &table)?;
    waits::functions(lua, shared, &table)?;
    directory::functions(lua, shared, &table)?;
    Ok(table)
}

fn globals(lua: &Lua, shared: &Rc<Shared>, table: &Table) -> mlua::Result<()> {
    function!(lua, shared, table, "charge", |_: &Lua, s: &Shared, steps: f64| s.budget.charge(steps as u64));
    function!(lua, shared, table, "refuse", |_: &Lua, _: &Shared, text: LuaString| -> mlua::Result<()> {
        Err(mlua::Error::external(Refused(text.to_string_lossy())))
    });
    function!(lua, shared, table, "now", |_: &Lua, s: &Shared, ()| -> mlua::Result<f64> {
        Ok(match s.part {
            Part::Cell => s.world.space_time_ms() as f64 / 1e3,
            Part::Base | Part::Client => s.run.borrow().now.at.0 as f64 / 1e6,
        })
    });
    function!(lua, shared, table, "new_id", |lua: &Lua, s: &Shared, ()| or_why(
        lua,
        s.world.draw_id().map(|id| id.0 as f64).ok_or_else(|| "there are no more ids".to_owned())
    ));
    function!(lua, shared, table, "caller", |_: &Lua, s: &Shared, ()| -> mlua::Result<(Option<f64>, bool)> {
        Ok(match s.run.borrow().cause.caller {
            Caller::Client(id) => (Some(id.0 as f64), true),
            Caller::Entity(id) => (Some(id.0 as f64), false),
            Caller::Engine => (None, false),
        })
    });
    function!(lua, shared, table, "random", |lua: &Lua, s: &Shared, bounds: (Luau, Luau)| or_why(
        lua,
        random(s, &bounds.0, &bounds.1)
    ));
    function!(lua, shared, table, "wide", |lua: &Lua, _: &Shared, value: Luau| or_why(
        lua,
        wide::of(&value).and_then(|number| wide::interned(lua, number).map_err(|error| error.to_string()))
    ));
    function!(lua, shared, table, "log", |lua: &Lua, s: &Shared, (level, message, fields): (Luau, Luau, Luau)| why(
        lua,
        log(lua, s, &level, &message, &fields)
    ));
    function!(lua, shared, table, "create", |lua: &Lua, s: &Shared, (name, options): (Luau, Luau)| or_why(
        lua,
        create::create(lua, s, &name, &options)
    ));
    Ok(())
}

fn calls(lua: &Lua, shared: &Rc<Shared>, table: &Table) -> mlua::Result<()> {
    function!(lua, shared, table, "send", |lua: &Lua,
                                           s: &Shared,
                                           (to, part, name, arguments): (
        f64,
        LuaString,
        LuaString,
        Variadic<Luau>
    )| or_text(lua, send(lua, s, id(to), &part, &name, &arguments)));
    function!(lua, shared, table, "tell", |lua: &Lua,
                                           s: &Shared,
                                           (of, audience, radius, name, arguments): (
        f64,
        LuaString,
        f32,
        LuaString,
        Variadic<Luau>
    )| why(lua, tell(lua, s, id(of), &audience, radius, &name, &arguments)));
    Ok(())
}

fn entity(lua: &Lua, shared: &Rc<Shared>, table: &Table) -> mlua::Result<()> {
    function!(lua, shared, table, "destroy", |lua: &Lua, s: &Shared, (of, forever): (f64, bool)| why(
        lua,
        s.push(|run| Effect::Destroy { entity: id(of), forever, step: run.step }).map(drop)
    ));
    function!(lua, shared, table, "save", |lua: &Lua, s: &Shared, of: f64| or_text(lua, save(s, id(of))));
    function!(lua, shared, table, "kick", |lua: &Lua, s: &Shared, (of, text): (f64, Luau)| why(
        lua,
        match &text {
            Luau::String(text) => s.push(|_| Effect::Kick { entity: id(of), text: text.to_string_lossy() }).map(drop),
            _ => Err("kick takes a text for the player".to_owned()),
        }
    ));
    function!(lua, shared, table, "type_of", |_: &Lua, s: &Shared, of: f64| -> mlua::Result<Option<String>> {
        Ok(s.type_of(id(of)).map(|ty| ty.name.clone()))
    });
    function!(lua, shared, table, "public", |lua: &Lua, s: &Shared, (of, name): (f64, Luau)| or_why(
        lua,
        public(lua, s, id(of), &name)
    ));
    Ok(())
}

fn space(lua: &Lua, shared: &Rc<Shared>, table: &Table) -> mlua::Result<()> {
    function!(lua, shared, table, "position", |_: &Lua, s: &Shared, of: f64| -> mlua::Result<Option<Vector>> {
        Ok(s.world.position(id(of)).map(|[x, y, z]| Vector::new(x, y, z)))
    });
    function!(lua, shared, table, "yaw", |_: &Lua, s: &Shared, of: f64| -> mlua::Result<Option<f32>> {
        Ok(s.world.yaw(id(of)))
    });
    function!(lua, shared, table, "distance", |_: &Lua, s: &Shared, (a, b): (f64, f64)| -> mlua::Result<Option<f64>> {
        Ok(distance(s, id(a), id(b)))
    });
    function!(lua, shared, table, "nearby", |lua: &Lua, s: &Shared, (of, radius, name): (f64, Luau, Luau)| or_why(
        lua,
        nearby(lua, s, id(of), &radius, &name)
    ));
    function!(lua, shared, table, "check_radius", |lua: &Lua, s: &Shared, radius: Luau| why(
        lua,
        checked_radius(s, &radius).map(drop)
    ));
    function!(lua, shared, table, "add_trigger", |lua: &Lua, s: &Shared, (of, radius): (f64, Luau)| why(
        lua,
        checked_radius(s, &radius)
            .and_then(|radius| s.push(|_| Effect::AddTrigger { entity: id(of), radius }).map(drop))
    ));
    function!(lua, shared, table, "move_to", |lua: &Lua, s: &Shared, (of, target, speed): (f64, Luau, Luau)| why(
        lua,
        move_to(s, id(of), &target, &speed)
    ));
    function!(lua, shared, table, "stop", |lua: &Lua, s: &Shared, of: f64| why(
        lua,
        s.push(|_| Effect::Stop { entity: id(of) }).map(drop)
    ));
    function!(lua, shared, table, "teleport", |lua: &Lua, s: &Shared, (of, target, yaw): (f64, Luau, Luau)| why(
        lua,
        teleport(s, id(of), &target, &yaw)
    ));
    Ok(())
}

/// The result, or nil and why there is none.
pub(crate) fn or_why(lua: &Lua, result: Result<impl IntoLuaMulti, Why>) -> mlua::Result<MultiValue> {
    match result {
        Ok(value) => value.into_lua_multi(lua),
        Err(why) => (Luau::Nil, why).into_lua_multi(lua),
    }
}

/// The result, or why there is none, for results that are no text.
pub(crate) fn or_text(lua: &Lua, result: Result<impl IntoLuaMulti, Why>) -> mlua::Result<MultiValue> {
    match result {
        Ok(value) => value.into_lua_multi(lua),
        Err(why) => why.into_lua_multi(lua),
    }
}

/// Nothing, or why it was not done.
pub(crate) fn why(lua: &Lua, result: Result<(), Why>) -> mlua::Result<MultiValue> {
    or_text(lua, result)
}

pub(crate) fn id(number: f64) -> EntityId {
    EntityId(number as u64)
}

fn random(s: &Shared, low: &Luau, high: &Luau) -> Result<f64, Why> {
    let whole = |value: &Luau| {
        let number = number(value).filter(|number| number.fract() == 0.0 && number.abs() < 9e15);
        number.map(|number| number as i64).ok_or("random takes whole numbers")
    };
    let mut chance = s.chance.borrow_mut();
    match (low, high) {
        (Luau::Nil, _) => Ok(chance.unit()),
        (high, Luau::Nil) => Ok(chance.between(1, whole(high)?) as f64),
        (low, high) => {
            let (low, high) = (whole(low)?, whole(high)?);
            if low > high {
                Err(format!("there is no number from {low} to {high}"))
            } else {
                Ok(chance.between(low, high) as f64)
            }
        }
    }
}

fn log(lua: &Lua, s: &Shared, level: &Luau, message: &Luau, fields: &Luau) -> Result<(), Why> {
    let (Luau::String(level), Luau::String(message)) = (level, message) else {
        return Err("log takes a level and a message".to_owned());
    };
    let fields = match fields {
        Luau::Nil => String::new(),
        fields => format!("{:?}", s.converter(lua).loose(fields)?),
    };
    let run = s.run.borrow();
    let entity = run.entity.unwrap_or_default().0;
    let ty = run.entity.and_then(|id| s.entities.borrow().get(&id).map(|entity| entity.class.kind.ty.name.clone()));
    let (ty, entry, step) = (ty.unwrap_or_default(), &*run.entry, run.step);
    let request = run.cause.request();
    let message = message.to_string_lossy();
    match level.to_string_lossy().as_str() {
        "debug" => tracing::debug!(entity, r#type = ty, entry, step, request, fields, "{message}"),
        "info" => tracing::info!(entity, r#type = ty, entry, step, request, fields, "{message}"),
        "warn" => tracing::warn!(entity, r#type = ty, entry, step, request, fields, "{message}"),
        "error" => tracing::error!(entity, r#type = ty, entry, step, request, fields, "{message}"),
        other => return Err(format!("`{other}` is no level: debug, info, warn, error")),
    }
    Ok(())
}

fn part_of(part: &LuaString) -> Part {
    if part == "cell" { Part::Cell } else { Part::Base }
}

pub(crate) fn loose_all(lua: &Lua, s: &Shared, arguments: &[Luau]) -> Result<Vec<Value>, Why> {
    loose_as(lua, s, arguments, None)
}

/// Arguments of a method, when it is known which. Types are not checked here, only told to wide numbers.
fn loose_as(lua: &Lua, s: &Shared, arguments: &[Luau], method: Option<&Method>) -> Result<Vec<Value>, Why> {
    let converter = s.converter(lua);
    let one = |(no, value): (usize, &Luau)| {
        let declared = method.and_then(|method| method.arguments.get(no));
        let loose = declared.map_or_else(|| converter.loose(value), |argument| converter.loose_as(&argument.ty, value));
        loose.map_err(|why| format!("argument {}: {why}", no + 1))
    };
    arguments.iter().enumerate().map(one).collect()
}

fn send(
    lua: &Lua,
    s: &Shared,
    to: EntityId,
    part: &LuaString,
    name: &LuaString,
    arguments: &[Luau],
) -> Result<(f64, f64), Why> {
    let (part, method) = (part_of(part), shared_text(name)?);
    if to.is_none() {
        return Err(format!("{method} is called on no entity"));
    }
    if let Some(ty) = s.type_of(to).filter(|ty| ty.method_by_name(part, &method).is_none()) {
        return Err(format!("{} has no method `{method}` in its {part} part", ty.name));
    }
    let arguments = loose_as(lua, s, arguments, s.method_of(to, part, &method))?;
    let from = |run: &crate::shared::Run| run.entity.unwrap_or_default();
    let index = s.push(|run| Effect::Call { from: from(run), to, part, method, arguments, awaiting: None })?;
    Ok((index as f64, s.run.borrow().step as f64))
}

fn save(s: &Shared, entity: EntityId) -> Result<(f64, f64), Why> {
    let index = s.push(|run| Effect::Save { entity, awaiting: None, step: run.step })?;
    Ok((index as f64, s.run.borrow().step as f64))
}

fn tell(
    lua: &Lua,
    s: &Shared,
    entity: EntityId,
    audience: &LuaString,
    radius: f32,
    name: &LuaString,
    arguments: &[Luau],
) -> Result<(), Why> {
    let name = name.to_string_lossy();
    let ty = s.type_of(entity).ok_or("the entity is not here any more")?;
    let method =
        ty.method_by_name(Part::Client, &name).ok_or_else(|| format!("{} has no client method `{name}`", ty.name))?;
    if arguments.len() > method.arguments.len() {
        return Err(format!("{name} takes {} arguments, not {}", method.arguments.len(), arguments.len()));
    }
    let converter = s.converter(lua);
    let given = |(no, declared): (usize, &kuafu_def::Argument)| {
        let at = |why| format!("{name}, argument {}: {why}", declared.name);
        if let (None, Some(default)) = (arguments.get(no), &declared.default) {
            return Ok(default.clone());
        }
        let value = converter.loose_as(&declared.ty, arguments.get(no).unwrap_or(&Luau::Nil)).map_err(at)?;
        let value = kuafu_logic::coerce(&declared.ty, value).map_err(at)?;
        declared.check(&value, &s.limits).map_err(at)?;
        Ok(value)
    };
    let arguments = method.arguments.iter().enumerate().map(given).collect::<Result<_, Why>>()?;
    let audience = if audience == "own" {
        Audience::Own
    } else if audience == "others" {
        Audience::Others
    } else if audience == "all" {
        Audience::All
    } else {
        Audience::Within(radius)
    };
    s.push(|_| Effect::CallClient { entity, audience, method: method.no, arguments }).map(drop)
}

fn public(lua: &Lua, s: &Shared, entity: EntityId, name: &Luau) -> Result<Luau, Why> {
    let Luau::String(name) = name else { return Err("an entity's properties have names".to_owned()) };
    let name = name.to_string_lossy();
    let Some(ty) = s.type_of(entity) else { return Ok(Luau::Nil) };
    let Some(property) = ty.property_by_name(&name) else {
        return Err(format!("{} has no property `{name}`", ty.name));
    };
    let Some(value) = s.world.public_property(entity, property.no) else { return Ok(Luau::Nil) };
    let value = s.converter(lua).to_luau(&property.ty, &value).map_err(|error| error.to_string())?;
    // A copy: writing to it would change nothing, so it is an error.
    if let Luau::Table(table) = &value {
        table.set_readonly(true);
    }
    Ok(value)
}

fn checked_radius(s: &Shared, radius: &Luau) -> Result<f32, Why> {
    let (radius, max) = (finite(radius, "a radius")?, s.limits.view_radius_max as f32);
    if (0.0..=max).contains(&radius) { Ok(radius) } else { Err(format!("a radius is 0 to {max} metres")) }
}

fn move_to(s: &Shared, entity: EntityId, target: &Luau, speed: &Luau) -> Result<(), Why> {
    let (target, speed) = (place(target)?, finite(speed, "a speed")?);
    if speed <= 0.0 {
        return Err("a speed is more than 0".to_owned());
    }
    s.push(|_| Effect::MoveTo { entity, target, speed }).map(drop)
}

fn teleport(s: &Shared, entity: EntityId, target: &Luau, yaw: &Luau) -> Result<(), Why> {
    let position = place(target)?;
    let yaw = if yaw.is_nil() { None } else { Some(finite(yaw, "yaw")?) };
    s.push(|_| Effect::Teleport { entity, position, yaw }).map(drop)
}

fn distance(s: &Shared, a: EntityId, b: EntityId) -> Option<f64> {
    let ([ax, _, az], [bx, _, bz]) = (s.world.position(a)?, s.world.position(b)?);
    Some(f64::from(ax - bx).hypot(f64::from(az - bz)))
}

fn nearby(lua: &Lua, s: &Shared, of: EntityId, radius: &Luau, name: &Luau) -> Result<Table, Why> {
    let radius = checked_radius(s, radius)?;
    let wanted = match name {
        Luau::Nil => None,
        Luau::String(name) => {
            let name = name.to_string_lossy();
            let ty = s.definitions.by_name(&name).ok_or_else(|| format!("there is no entity type `{name}`"))?;
            Some(ty.no)
        }
        _ => return Err("nearby takes a radius and the name of a type".to_owned()),
    };
    let mut found = Vec::new();
    s.world.within(of, radius, &mut found);
    let found = found.iter().filter(|id| wanted.is_none() || s.world.type_of(**id) == wanted);
    lua.create_sequence_from(found.map(|id| id.0 as f64)).map_err(|error| error.to_string())
}

/// A value of a declared result type from what a method returned.
pub(crate) fn method_result(lua: &Lua, s: &Shared, ty: Option<&kuafu_def::Type>, value: &Luau) -> Result<Value, Why> {
    let Some(ty) = ty else { return Ok(Value::Nil) };
    fit(ty, s.converter(lua).loose_as(ty, value)?, &s.limits).map_err(|why| format!("the result: {why}"))
}
