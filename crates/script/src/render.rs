//! Values as text for people, within bounds.

use mlua::Value as Luau;

use crate::convert::contents;

/// How deep tables are shown.
const DEPTH_MAX: u32 = 4;

/// Entries of one table that are shown.
const ENTRIES_MAX: usize = 32;

/// Bytes of the whole text.
const BYTES_MAX: usize = 16_384;

/// A value as a script would write it, as far as it can be written.
pub(crate) fn text(value: &Luau) -> String {
    let mut into = String::new();
    add(value, 0, &mut into);
    if into.len() > BYTES_MAX {
        into.truncate(into.floor_char_boundary(BYTES_MAX));
        into.push('…');
    }
    into
}

fn add(value: &Luau, depth: u32, into: &mut String) {
    if into.len() > BYTES_MAX {
        return;
    }
    match value {
        Luau::String(text) => into.push_str(&format!("{:?}", text.to_string_lossy())),
        Luau::Table(table) => add_table(table, depth, into),
        Luau::Integer(number) => into.push_str(&number.to_string()),
        Luau::Number(number) => into.push_str(&number.to_string()),
        Luau::Function(_) => into.push_str("a function"),
        other => into.push_str(&other.to_string().unwrap_or_else(|_| other.type_name().to_owned())),
    }
}

fn add_table(table: &mlua::Table, depth: u32, into: &mut String) {
    let data = contents(table);
    let is_named = table.metatable().is_some_and(|meta| meta.raw_get::<Luau>("__tostring").is_ok_and(|f| !f.is_nil()));
    let is_root =
        table.metatable().is_some_and(|meta| meta.raw_get::<Luau>("marks").is_ok_and(|marks| marks.is_table()));
    if (is_named && (!is_root || depth > 0)) || depth >= DEPTH_MAX {
        into.push_str(&Luau::Table(table.clone()).to_string().unwrap_or_else(|_| "{…}".to_owned()));
        return;
    }
    let length = data.raw_len();
    into.push('{');
    let mut shown = 0;
    for (key, value) in data.pairs::<Luau, Luau>().flatten() {
        // An entity keeps its methods with its properties.
        if value.is_function() && is_root {
            continue;
        }
        if shown >= ENTRIES_MAX {
            into.push_str(", …");
            break;
        }
        into.push_str(if shown == 0 { " " } else { ", " });
        shown += 1;
        match &key {
            Luau::Integer(at) if (1..=length as i64).contains(at) => {}
            Luau::String(name) => into.push_str(&format!("{} = ", name.to_string_lossy())),
            key => {
                into.push('[');
                add(key, depth + 1, into);
                into.push_str("] = ");
            }
        }
        add(&value, depth + 1, into);
    }
    into.push_str(if shown == 0 { "}" } else { " }" });
}
