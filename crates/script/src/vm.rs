//! The virtual machine: its libraries, sandbox, budget and prelude, checked against the API table.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

use kuafu_def::Part;
use kuafu_logic::api::{On, TABLE};
use mlua::chunk::Compiler;
use mlua::{Function, Lua, LuaOptions, StdLib, Table, Value as Luau};

use crate::bind;
use crate::error::ScriptError;
use crate::shared::{Kit, Shared};
use crate::wide;

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

    wide::install(lua)?;
    let trace: Table = module(lua, "trace", include_str!("prelude/trace.luau"))?.call(())?;
    let journal: Table = module(lua, "journal", include_str!("prelude/journal.luau"))?.call(())?;
    let proxy: Table = module(lua, "proxy", include_str!("prelude/proxy.luau"))?.call(&journal)?;
    limits.raw_set("wide", host.raw_get::<Function>("wide")?)?;
    let schema: Table = module(lua, "schema", include_str!("prelude/schema.luau"))?.call((&proxy, limits))?;
    let library: Table = module(lua, "library", include_str!("prelude/library.luau"))?.call((&proxy, &host))?;
    host.raw_set("visible", library.raw_get::<Function>("visible")?)?;
    let names = names(lua, shared)?;
    let entity: Table =
        module(lua, "entity", include_str!("prelude/entity.luau"))?.call((&proxy, &schema, &host, &names))?;
    let class: Table = module(lua, "class", include_str!("prelude/class.luau"))?.call((&proxy, &entity))?;
    module(lua, "directory", include_str!("prelude/directory.luau"))?.call::<()>((&entity, &host, &names))?;
    let env: Table = library.raw_get("env")?;
    let global: Table = module(lua, "global", include_str!("prelude/global.luau"))?.call((&entity, &env, &host))?;
    Ok(Kit {
        env,
        api: entity.raw_get("api")?,
        journal: RefCell::new(journal.raw_get("journal")?),
        drain: journal.raw_get("drain")?,
        apply: proxy.raw_get("apply")?,
        schema: schema.raw_get("schema")?,
        new_class: class.raw_get("new_class")?,
        new_code: class.raw_get("new_code")?,
        new_entity: class.raw_get("new_entity")?,
        adopt_code: class.raw_get("adopt_code")?,
        forget: class.raw_get("forget")?,
        environment: global.raw_get("environment")?,
        take_stacks: trace.raw_get("take")?,
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

/// The names of all declared methods by part, and those of all components' slots.
fn names(lua: &Lua, shared: &Shared) -> mlua::Result<Table> {
    let lists = lua.create_table()?;
    let types = || shared.definitions.types.values();
    for part in Part::ALL {
        let methods = types().flat_map(|ty| &ty.methods).filter(|method| method.part == part);
        let names: BTreeSet<&str> = methods.map(|method| method.name.as_str()).collect();
        lists.raw_set(part.name(), lua.create_sequence_from(names)?)?;
    }
    let slots: BTreeSet<&str> = types().flat_map(|ty| &ty.components).map(|found| found.slot.as_str()).collect();
    lists.raw_set("slots", lua.create_sequence_from(slots)?)?;
    Ok(lists)
}

/// Names of what is in tables within a table: `shared.get` instead of `shared`.
fn flatten(nested: &Table, bound: &mut BTreeSet<String>) -> mlua::Result<()> {
    for pair in nested.pairs::<String, Table>() {
        let (outer, table) = pair?;
        bound.remove(&outer);
        for inner in table.pairs::<String, Luau>() {
            bound.insert(format!("{outer}.{}", inner?.0));
        }
    }
    Ok(())
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
        ("Reference", On::Reference),
        ("ReferenceField", On::ReferenceField),
    ] {
        let declared: BTreeSet<String> =
            TABLE.iter().filter(|entry| entry.on == on).map(|entry| entry.name.to_owned()).collect();
        let table: Table = api.raw_get(place)?;
        let bound = table.pairs::<String, Luau>().map(|pair| pair.map(|(name, _)| name));
        let mut bound = bound.collect::<mlua::Result<BTreeSet<String>>>()?;
        if on == On::Global {
            flatten(&api.raw_get("Nested")?, &mut bound)?;
        }
        missing.extend(declared.difference(&bound).map(|name| format!("{place}.{name}")));
        extra.extend(bound.difference(&declared).map(|name| format!("{place}.{name}")));
    }
    if missing.is_empty() && extra.is_empty() { Ok(()) } else { Err(ScriptError::Api { missing, extra }) }
}
