//! The virtual machine: its libraries, sandbox, budget and prelude, checked against the API table.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

use kuafu_def::Part;
use kuafu_logic::api::{On, TABLE};
use mlua::chunk::{ChunkMode, Compiler};
use mlua::{Function, Lua, LuaOptions, StdLib, Table, Value as Luau};

use crate::bind;
use crate::convert::type_name;
use crate::error::ScriptError;
use crate::run::message_of;
use crate::set::Script;
use crate::shared::{Kit, Shared};

/// Bytes of the longest text that `string.rep` makes; more is an error in the script.
const STRING_REP_BYTES_MAX: u32 = 1 << 20;

/// Bytes of the longest text that the pattern functions look through.
const PATTERN_TEXT_BYTES_MAX: u32 = 65_536;

/// Bytes of the longest pattern.
const PATTERN_BYTES_MAX: u32 = 256;

/// Calls that the compiler would otherwise make straight into the standard library, past the proxies.
const DISABLED_BUILTINS: &[&str] = &["rawlen", "rawget", "getmetatable", "unpack", "table.unpack", "tonumber"];

/// A loop over `next, t` would otherwise look into the table itself, past the proxies.
const MUTABLE_GLOBALS: &[&str] = &["next"];

/// The compiler for scripts.
pub(crate) fn compiler() -> Compiler {
    Compiler::new()
        .set_optimization_level(1)
        .set_debug_level(1)
        .set_disabled_builtins(DISABLED_BUILTINS.iter().copied())
        .set_mutable_globals(MUTABLE_GLOBALS.iter().copied())
}

/// A machine with the prelude in it, ready to load scripts.
pub(crate) fn build(shared: &Rc<Shared>) -> Result<Lua, ScriptError> {
    let libraries = StdLib::TABLE
        | StdLib::STRING
        | StdLib::MATH
        | StdLib::COROUTINE
        | StdLib::UTF8
        | StdLib::BIT
        | StdLib::BUFFER
        | StdLib::VECTOR
        | StdLib::DEBUG;
    // The machine's own pcall: a wait may happen inside one. Our functions never panic, so none can be swallowed.
    let lua = Lua::new_with(libraries, LuaOptions::new().catch_rust_panics(true))?;
    lua.set_memory_limit(usize::try_from(shared.limits.script_memory_bytes_max).unwrap_or(usize::MAX))?;
    let kit = run_prelude(&lua, shared)?;
    check_api(&kit.api)?;
    enclose(&lua, &kit)?;
    shared.kit.set(kit).expect("a machine is built once for its shared state");
    let counted = Rc::clone(shared);
    lua.set_interrupt(move |lua| counted.budget.interrupt(lua));
    Ok(lua)
}

fn run_prelude(lua: &Lua, shared: &Rc<Shared>) -> Result<Kit, ScriptError> {
    let limits = lua.create_table()?;
    limits.raw_set("text_bytes_max", shared.limits.text_bytes_max)?;
    let host = bind::functions(lua, shared)?;
    host.raw_set("string_bytes_max", STRING_REP_BYTES_MAX)?;
    host.raw_set("pattern_text_bytes_max", PATTERN_TEXT_BYTES_MAX)?;
    host.raw_set("pattern_bytes_max", PATTERN_BYTES_MAX)?;
    // Luau seeds with 32 bits.
    host.raw_set("seed", (shared.chance.borrow_mut().u64() >> 33) as f64)?;

    let journal: Table = module(lua, "journal", include_str!("prelude/journal.luau"))?.call(())?;
    let proxy: Table = module(lua, "proxy", include_str!("prelude/proxy.luau"))?.call(&journal)?;
    let schema: Table = module(lua, "schema", include_str!("prelude/schema.luau"))?.call((&proxy, limits))?;
    let library: Table = module(lua, "library", include_str!("prelude/library.luau"))?.call((&proxy, &host))?;
    let names = method_names(lua, shared)?;
    let entity: Table =
        module(lua, "entity", include_str!("prelude/entity.luau"))?.call((&proxy, &schema, &host, names))?;

    let env: Table = library.raw_get("env")?;
    env.raw_set("kuafu", entity.raw_get::<Table>("kuafu")?)?;
    Ok(Kit {
        env,
        api: entity.raw_get("api")?,
        journal: RefCell::new(journal.raw_get("journal")?),
        drain: journal.raw_get("drain")?,
        apply: proxy.raw_get("apply")?,
        schema: schema.raw_get("schema")?,
        new_class: entity.raw_get("new_class")?,
        new_entity: entity.raw_get("new_entity")?,
        forget: entity.raw_get("forget")?,
        reference: entity.raw_get("reference")?,
        reference_meta: entity.raw_get("reference_meta")?,
        waiting: entity.raw_get("waiting")?,
    })
}

/// Leaves scripts nothing but the prelude's environment, and nothing in it to write to.
fn enclose(lua: &Lua, kit: &Kit) -> mlua::Result<()> {
    // The globals of the prelude itself, out of every script's reach from here on.
    let inner = lua.globals();
    // Names are resolved when a script is loaded, against the globals rather than against its environment.
    lua.set_globals(kit.env.clone())?;
    lua.sandbox(true)?;
    for table in [&inner, &kit.env, &lua.globals()] {
        table.set_readonly(true);
        table.set_safeenv(true);
    }
    Ok(())
}

fn module(lua: &Lua, name: &str, source: &str) -> mlua::Result<Function> {
    // Without inlining: errors name the script's line by counting calls.
    let compiler = Compiler::new().set_optimization_level(1).set_debug_level(1);
    lua.load(source).set_name(format!("=kuafu/{name}")).set_compiler(compiler).into_function()
}

/// The names of all declared methods by part.
fn method_names(lua: &Lua, shared: &Shared) -> mlua::Result<Table> {
    let lists = lua.create_table()?;
    for part in Part::ALL {
        let methods = shared.definitions.types.values().flat_map(|ty| &ty.methods);
        let names: BTreeSet<&str> = methods.filter(|method| method.part == part).map(|m| m.name.as_str()).collect();
        lists.raw_set(part.name(), lua.create_sequence_from(names)?)?;
    }
    Ok(lists)
}

/// Every entry of the API table is bound, and nothing else is.
fn check_api(api: &Table) -> Result<(), ScriptError> {
    let (mut missing, mut extra) = (Vec::new(), Vec::new());
    for (place, on) in [
        ("Global", On::Global),
        ("Entity", On::Entity),
        ("Base", On::Base),
        ("Cell", On::Cell),
        ("EntityField", On::EntityField),
        ("CellField", On::CellField),
    ] {
        let declared: BTreeSet<String> =
            TABLE.iter().filter(|entry| entry.on == on).map(|entry| entry.name.to_owned()).collect();
        let table: Table = api.raw_get(place)?;
        let bound = table.pairs::<String, Luau>().map(|pair| pair.map(|(name, _)| name));
        let bound = bound.collect::<mlua::Result<BTreeSet<String>>>()?;
        missing.extend(declared.difference(&bound).map(|name| format!("{place}.{name}")));
        extra.extend(bound.difference(&declared).map(|name| format!("{place}.{name}")));
    }
    if missing.is_empty() && extra.is_empty() { Ok(()) } else { Err(ScriptError::Api { missing, extra }) }
}

/// Runs a script once and gives the table that it returns.
///
/// # Errors
/// What went wrong, with file and line.
pub(crate) fn run_script(lua: &Lua, shared: &Shared, script: &Script) -> Result<Table, String> {
    shared.budget.begin(lua);
    let chunk = lua
        .load(script.bytecode.as_slice())
        .set_name(format!("={}", script.file))
        .set_mode(ChunkMode::Binary)
        .set_environment(shared.kit().env.clone());
    let function = chunk.into_function().map_err(|error| message_of(&error))?;
    let returned = function.call::<Luau>(());
    shared.budget.end();
    match returned.map_err(|error| message_of(&error))? {
        Luau::Table(table) => Ok(table),
        other => Err(format!("the script returns a {}, not a table with `base` and `cell`", type_name(&other))),
    }
}
