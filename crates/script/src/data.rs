//! Data tables as scripts read them: rows become tables of the machine when they are first asked for.
//!
//! The rows themselves are shared by all machines of a process; loading a release costs nothing for them.

use std::rc::Rc;
use std::sync::Arc;

use kuafu_def::{EnumType, Type};
use kuafu_tables::{Cell, Column, DataSet, Key, Table as Rows};
use mlua::{Function, Lua, LuaString, MultiValue, Table, Value as Luau};

use crate::shared::Shared;
use crate::wide;

/// What the prelude needs to know of each table.
pub(crate) fn descriptions(lua: &Lua, shared: &Rc<Shared>, data: &DataSet) -> mlua::Result<Table> {
    let list = lua.create_table()?;
    for table in data.tables() {
        let description = lua.create_table()?;
        description.raw_set("name", table.name())?;
        description.raw_set("count", table.len())?;
        let columns = lua.create_table()?;
        for column in table.columns() {
            columns.raw_set(column.name.as_str(), true)?;
        }
        description.raw_set("columns", columns)?;
        description.raw_set("row_of", row_of(lua, Arc::clone(table))?)?;
        description.raw_set("key_at", key_at(lua, Arc::clone(table))?)?;
        description.raw_set("build", build(lua, shared, Arc::clone(table))?)?;
        list.raw_push(description)?;
    }
    Ok(list)
}

/// From a key to the number of its row, from 1; nil when there is none.
fn row_of(lua: &Lua, table: Arc<Rows>) -> mlua::Result<Function> {
    let is_unsigned = matches!(table.key_column().ty, Type::Int { signed: false, .. });
    lua.create_function(move |_, key: Luau| {
        let row = match &key {
            Luau::String(text) => text.to_str().ok().and_then(|text| table.row(Key::Text(&text))),
            key => {
                let number = wide::of(key).ok().and_then(|number| wide::bits(number, !is_unsigned));
                number.and_then(|number| table.row(Key::Int(number)))
            }
        };
        Ok(row.map(|row| row.number() as f64 + 1.0))
    })
}

/// The key of a row.
fn key_at(lua: &Lua, table: Arc<Rows>) -> mlua::Result<Function> {
    lua.create_function(move |lua, at: f64| match table.at(at as usize - 1) {
        Some(row) => simple(lua, table.key_column(), row.key()),
        None => Ok(Luau::Nil),
    })
}

/// From the number of a row to its cells by column. The cells are given to a function made for the table, which the
/// machine runs faster than it can be told of each cell.
fn build(lua: &Lua, shared: &Rc<Shared>, table: Arc<Rows>) -> mlua::Result<Function> {
    let groups = table.columns().chunks(COLUMNS_A_CALL).enumerate();
    let groups = groups.map(|(no, columns)| constructor(lua, columns, no == 0)).collect::<mlua::Result<Vec<_>>>()?;
    let variants = table.columns().iter().map(|column| variants(lua, &column.ty)).collect::<mlua::Result<Vec<_>>>()?;
    let shared = Rc::clone(shared);
    let cells_from = lua.create_function(move |lua, (at, first): (f64, usize)| {
        let before = lua.used_memory();
        let Some(row) = table.at(at as usize - 1) else { return Ok(MultiValue::new()) };
        let cells = row.cells().zip(&variants).skip(first).take(COLUMNS_A_CALL);
        let values = cells.map(|((column, cell), variants)| value(lua, &shared, column, cell, variants));
        let values = values.collect::<mlua::Result<MultiValue>>();
        // The row stays for all who will ask for it.
        shared.budget.forgive(lua.used_memory().saturating_sub(before));
        values
    })?;
    let join = lua.load(JOIN);
    let list = lua.create_sequence_from(groups)?;
    list.raw_set("width", COLUMNS_A_CALL)?;
    join.set_name("=kuafu/data").call((list, cells_from))
}

/// Columns whose cells are given in one call; a function has a limited number of registers.
const COLUMNS_A_CALL: usize = 64;

/// Makes a row from its first cells, and adds the others.
const JOIN: &str = "
local groups, cells = ...
local first, width, count = groups[1], groups.width, #groups
return function(at)
    local row = first(cells(at, 0))
    for i = 2, count do
        groups[i](row, cells(at, (i - 1) * width))
    end
    return row
end";

/// A function that makes a row of cells by the names of some columns, or adds them to one.
fn constructor(lua: &Lua, columns: &[Column], is_first: bool) -> mlua::Result<Function> {
    let named = |(no, column): (usize, &Column)| format!("[{:?}] = c{no}", column.name);
    let arguments = (0..columns.len()).map(|no| format!("c{no}")).collect::<Vec<_>>().join(", ");
    let named = columns.iter().enumerate().map(named).collect::<Vec<_>>();
    let text = if is_first {
        format!("return function({arguments}) return {{ {} }} end", named.join(", "))
    } else {
        format!("return function(row, {arguments}) row{} end", named.join(" row"))
    };
    lua.load(text).set_name("=kuafu/data").eval()
}

/// The names of an enum's variants in the machine.
fn variants(lua: &Lua, ty: &Type) -> mlua::Result<Vec<LuaString>> {
    let Type::Enum(declared) = ty else { return Ok(Vec::new()) };
    declared.variants.iter().map(|name| lua.create_string(name)).collect()
}

fn value(lua: &Lua, shared: &Shared, column: &Column, cell: Cell<'_>, variants: &[LuaString]) -> mlua::Result<Luau> {
    match cell {
        Cell::Enum(_, no) => {
            let name = usize::try_from(no).ok().and_then(|no| variants.get(no));
            Ok(name.map_or(Luau::Nil, |name| Luau::String(name.clone())))
        }
        Cell::Value(value) => {
            let value = shared.converter(lua).to_luau(&column.ty, value)?;
            freeze(&value)?;
            Ok(value)
        }
        cell => simple(lua, column, cell),
    }
}

/// A cell that is no container.
fn simple(lua: &Lua, column: &Column, cell: Cell<'_>) -> mlua::Result<Luau> {
    let text = |text: &str| lua.create_string(text).map(Luau::String);
    let variant = |ty: &EnumType, no: i64| usize::try_from(no).ok().and_then(|no| ty.variants.get(no).cloned());
    match (cell, &column.ty) {
        (Cell::Bool(flag), _) => Ok(Luau::Boolean(flag)),
        (Cell::Int(bits), Type::Int { wide: true, signed, .. }) => wide::interned(lua, wide::of_bits(bits, *signed)),
        (Cell::Int(number), _) => Ok(Luau::Number(number as f64)),
        (Cell::Float(number), _) => Ok(Luau::Number(number)),
        (Cell::Text(said), _) => text(said),
        (Cell::Enum(ty, no), _) => text(&variant(ty, no).unwrap_or_default()),
        (Cell::Value(_), _) => Ok(Luau::Nil),
    }
}

/// Nothing in a data table can be written.
fn freeze(value: &Luau) -> mlua::Result<()> {
    let Luau::Table(table) = value else { return Ok(()) };
    for pair in table.pairs::<Luau, Luau>() {
        freeze(&pair?.1)?;
    }
    table.set_readonly(true);
    Ok(())
}
