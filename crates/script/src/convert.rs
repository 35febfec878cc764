//! Values between the engine and Luau: by declared type where there is one, loosely where there is none.
//!
//! Enums are their names in Luau, structs tables with named fields, entities references, `vec2` and `vec3` native
//! vectors, `vec4` a frozen table. No entity is nil, except inside lists and maps, which cannot hold nil.

use std::sync::Arc;

use kuafu_core::change::order;
use kuafu_core::{EntityId, Limits, Quantity, Value};
use kuafu_def::Type;
use mlua::{Function, Lua, Table, Value as Luau, Vector};

use crate::wide;

/// Whole numbers beyond this are not told from their neighbours in Luau.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Converts in one machine.
pub(crate) struct Converter<'a> {
    pub(crate) lua: &'a Lua,
    /// The prelude's constructor of references.
    pub(crate) reference: &'a Function,
    pub(crate) reference_meta: &'a Table,
    pub(crate) limits: &'a Limits,
}

impl Converter<'_> {
    /// A value that fits its type, as plain Luau.
    pub(crate) fn to_luau(&self, ty: &Type, value: &Value) -> mlua::Result<Luau> {
        Ok(match (ty, value) {
            (Type::Enum(declared), Value::Int(index)) => {
                let name = usize::try_from(*index).ok().and_then(|index| declared.variants.get(index));
                Luau::String(self.lua.create_string(name.map_or("", String::as_str))?)
            }
            (Type::Struct(declared), Value::List(values)) => {
                let table = self.lua.create_table_with_capacity(0, values.len())?;
                for (field, value) in declared.fields.iter().zip(values) {
                    table.raw_set(field.name.as_str(), self.to_luau(&field.ty, value)?)?;
                }
                Luau::Table(table)
            }
            (Type::List(item), Value::List(values)) => {
                let table = self.lua.create_table_with_capacity(values.len(), 0)?;
                for value in values {
                    table.raw_push(self.item(item, value)?)?;
                }
                Luau::Table(table)
            }
            (Type::Map(key, item), Value::Map(entries)) => {
                let table = self.lua.create_table_with_capacity(0, entries.len())?;
                for (k, v) in entries {
                    table.raw_set(self.item(key, k)?, self.item(item, v)?)?;
                }
                Luau::Table(table)
            }
            (Type::Int { wide: true, signed, .. }, Value::Int(bits)) => {
                wide::interned(self.lua, wide::of_bits(*bits, *signed))?
            }
            (_, value) => self.to_luau_loosely(value)?,
        })
    }

    fn item(&self, ty: &Type, value: &Value) -> mlua::Result<Luau> {
        match value {
            Value::Entity(id) => self.reference(*id),
            value => self.to_luau(ty, value),
        }
    }

    /// A reference to an entity, even to none.
    pub(crate) fn reference(&self, id: EntityId) -> mlua::Result<Luau> {
        self.reference.call(id.0 as f64)
    }

    /// A value of no known type.
    pub(crate) fn to_luau_loosely(&self, value: &Value) -> mlua::Result<Luau> {
        Ok(match value {
            Value::Nil => Luau::Nil,
            Value::Bool(flag) => Luau::Boolean(*flag),
            Value::Int(number) if number.unsigned_abs() > EXACT as u64 => {
                wide::interned(self.lua, i128::from(*number))?
            }
            Value::Int(number) => Luau::Number(*number as f64),
            Value::Float(number) => Luau::Number(*number),
            Value::Text(text) => Luau::String(self.lua.create_string(text.as_bytes())?),
            Value::Bytes(bytes) => Luau::String(self.lua.create_string(bytes)?),
            Value::Vector(vector) => self.vector(vector)?,
            Value::Entity(id) if id.is_none() => Luau::Nil,
            Value::Entity(id) => self.reference(*id)?,
            Value::List(items) => {
                let table = self.lua.create_table_with_capacity(items.len(), 0)?;
                for (item, place) in items.iter().zip(1..) {
                    table.raw_set(place, self.to_luau_loosely(item)?)?;
                }
                Luau::Table(table)
            }
            Value::Map(entries) => {
                let table = self.lua.create_table_with_capacity(0, entries.len())?;
                for (k, v) in entries {
                    let key = self.to_luau_loosely(k)?;
                    if !key.is_nil() {
                        table.raw_set(key, self.to_luau_loosely(v)?)?;
                    }
                }
                Luau::Table(table)
            }
        })
    }

    fn vector(&self, vector: &Quantity) -> mlua::Result<Luau> {
        let [x, y, z, w] = vector.parts;
        if vector.len < 4 {
            return Ok(Luau::Vector(Vector::new(x, y, z)));
        }
        let table = self.lua.create_table_from([("x", x), ("y", y), ("z", z), ("w", w)])?;
        table.set_readonly(true);
        Ok(Luau::Table(table))
    }

    /// What is stored in a property or in a part of one, as a value of its type.
    ///
    /// # Errors
    /// What stands there instead; the prelude lets nothing in that does not fit.
    pub(crate) fn stored(&self, ty: &Type, value: &Luau) -> Result<Value, String> {
        let unfit = || format!("expected {ty}, found a {}", type_name(value));
        match (ty, value) {
            (Type::Bool, Luau::Boolean(flag)) => Ok(Value::Bool(*flag)),
            (Type::Int { signed, .. }, Luau::UserData(object)) => {
                let bits = wide::number_of(object).and_then(|number| wide::bits(number, *signed));
                bits.map(Value::Int).ok_or_else(unfit)
            }
            (Type::Int { .. }, Luau::Integer(number)) => Ok(Value::Int(*number)),
            (Type::Int { .. }, Luau::Number(number)) => Ok(Value::Int(*number as i64)),
            (Type::Float32 | Type::Float64, Luau::Integer(number)) => Ok(Value::Float(*number as f64)),
            (Type::Float32 | Type::Float64, Luau::Number(number)) => Ok(Value::Float(*number)),
            (Type::Text, Luau::String(text)) => Ok(Value::Text(text.to_str().map_err(|_| unfit())?.as_ref().into())),
            (Type::Bytes, Luau::String(text)) => Ok(Value::Bytes(text.as_bytes().as_ref().into())),
            (Type::Vector(4), Luau::Table(table)) => vec4(table).ok_or_else(unfit),
            (Type::Vector(len), Luau::Vector(v)) => {
                Ok(Value::Vector(Quantity { len: *len, parts: [v.x(), v.y(), v.z(), 0.0] }))
            }
            (Type::Entity(_), Luau::Nil | Luau::Boolean(false)) => Ok(Value::Entity(EntityId::NONE)),
            (Type::Entity(_), Luau::Table(table)) => self.entity_id(table).map(Value::Entity).ok_or_else(unfit),
            (Type::Enum(declared), Luau::String(name)) => {
                let name = name.to_str().map_err(|_| unfit())?;
                let index = declared.variants.iter().position(|variant| *variant == *name).ok_or_else(unfit)?;
                Ok(Value::Int(index as i64))
            }
            (Type::List(item), Luau::Table(table)) => {
                let items = contents(table);
                let items = items.sequence_values::<Luau>();
                items
                    .map(|value| self.stored(item, &value.map_err(|e| e.to_string())?))
                    .collect::<Result<_, _>>()
                    .map(Value::List)
            }
            (Type::Map(key, item), Luau::Table(table)) => {
                let mut entries = contents(table)
                    .pairs::<Luau, Luau>()
                    .map(|pair| {
                        let (k, v) = pair.map_err(|error| error.to_string())?;
                        Ok((self.stored(key, &k)?, self.stored(item, &v)?))
                    })
                    .collect::<Result<Vec<_>, String>>()?;
                entries.sort_by(|a, b| order(&a.0, &b.0));
                Ok(Value::Map(entries))
            }
            (Type::Struct(declared), Luau::Table(table)) => {
                let fields = contents(table);
                let read = |field: &kuafu_def::Field| {
                    let value: Luau = fields.raw_get(field.name.as_str()).map_err(|error| error.to_string())?;
                    self.stored(&field.ty, &value)
                };
                declared.fields.iter().map(read).collect::<Result<_, _>>().map(Value::List)
            }
            _ => Err(unfit()),
        }
    }

    /// What a script gives where no type is known here: an argument, a result, a timer's argument.
    ///
    /// # Errors
    /// What cannot leave a script: functions, too deep, too large or mixed tables.
    pub(crate) fn loose(&self, value: &Luau) -> Result<Value, String> {
        self.loose_at(value, 0, None)
    }

    /// The same, where it is known what it is to become: only wide numbers ask for it, because their bits differ.
    ///
    /// # Errors
    /// As [`Converter::loose`], and wide numbers that do not fit.
    pub(crate) fn loose_as(&self, ty: &Type, value: &Luau) -> Result<Value, String> {
        self.loose_at(value, 0, Some(ty))
    }

    fn loose_at(&self, value: &Luau, depth: u32, ty: Option<&Type>) -> Result<Value, String> {
        if let Some(ty @ Type::Int { wide: true, signed, .. }) = ty
            && let Ok(number) = wide::of(value)
        {
            let bits = wide::bits(number, *signed);
            return bits.map(Value::Int).ok_or_else(|| format!("expected {ty}, found {number}"));
        }
        match value {
            Luau::Nil => Ok(Value::Nil),
            Luau::Boolean(flag) => Ok(Value::Bool(*flag)),
            // Beyond 2^53 a whole number in Luau stands for its neighbours too: it is no whole number to us.
            Luau::Integer(number) if number.unsigned_abs() > EXACT as u64 => Ok(Value::Float(*number as f64)),
            Luau::Integer(number) => Ok(Value::Int(*number)),
            Luau::Number(number) if number.fract() == 0.0 && number.abs() <= EXACT => Ok(Value::Int(*number as i64)),
            Luau::Number(number) => Ok(Value::Float(*number)),
            Luau::String(text) => self.text(text),
            Luau::Vector(v) => Ok(Value::Vector(Quantity { len: 3, parts: [v.x(), v.y(), v.z(), 0.0] })),
            Luau::UserData(object) => match wide::number_of(object) {
                Some(number) => wide::bits(number, true)
                    .map(Value::Int)
                    .ok_or_else(|| format!("{number} is more than 2^63 - 1, and no type is declared here")),
                None => Err("userdata cannot leave a script".to_owned()),
            },
            Luau::Table(table) => match self.entity_id(table) {
                Some(id) => Ok(Value::Entity(id)),
                None => self.table(&contents(table), depth, ty),
            },
            other => Err(format!("a {} cannot leave a script", type_name(other))),
        }
    }

    fn text(&self, text: &mlua::LuaString) -> Result<Value, String> {
        let bytes = text.as_bytes();
        if bytes.len() > self.limits.text_bytes_max as usize {
            return Err(format!("a text of {} bytes is longer than {}", bytes.len(), self.limits.text_bytes_max));
        }
        Ok(match std::str::from_utf8(&bytes) {
            Ok(text) => Value::text(text),
            Err(_) => Value::Bytes(bytes.as_ref().into()),
        })
    }

    fn table(&self, table: &Table, depth: u32, ty: Option<&Type>) -> Result<Value, String> {
        if depth >= self.limits.value_depth_max {
            return Err(format!("a table is nested deeper than {}", self.limits.value_depth_max));
        }
        let length = table.raw_len();
        let mut entries = Vec::new();
        for pair in table.pairs::<Luau, Luau>() {
            let (key, value) = pair.map_err(|error| error.to_string())?;
            if entries.len() >= self.limits.container_items_max as usize {
                return Err(format!("a table has more than {} items", self.limits.container_items_max));
            }
            let (key_type, item_type) = inner_types(ty, &key);
            entries.push((self.loose_at(&key, depth + 1, key_type)?, self.loose_at(&value, depth + 1, item_type)?));
        }
        entries.sort_by(|a, b| order(&a.0, &b.0));
        let is_list = entries.len() == length
            && entries.iter().zip(1i64..).all(|((key, _), place)| matches!(key, Value::Int(at) if *at == place));
        if is_list {
            return Ok(Value::List(entries.into_iter().map(|(_, value)| value).collect()));
        }
        Ok(Value::Map(entries))
    }

    /// The entity that a table stands for, when it is a reference or an entity's own proxy.
    pub(crate) fn entity_id(&self, table: &Table) -> Option<EntityId> {
        let meta = table.metatable()?;
        let number: f64 = if meta == *self.reference_meta {
            table.raw_get("id").ok()?
        } else if meta.raw_get::<Luau>("marks").ok()?.is_table() {
            let id: Option<f64> = meta.raw_get("id").ok()?;
            id.or_else(|| meta.raw_get("last_id").ok().flatten())?
        } else {
            return None;
        };
        Some(EntityId(number as u64))
    }
}

/// The types of a key and of what is there, when the container's type is known.
fn inner_types<'t>(ty: Option<&'t Type>, key: &Luau) -> (Option<&'t Type>, Option<&'t Type>) {
    match (ty, key) {
        (Some(Type::List(item)), _) => (None, Some(item.as_ref())),
        (Some(Type::Map(key, item)), _) => (Some(key.as_ref()), Some(item.as_ref())),
        (Some(Type::Struct(declared)), Luau::String(name)) => {
            let field = declared.fields.iter().find(|field| *name == field.name.as_str());
            (None, field.map(|field| &field.ty))
        }
        _ => (None, None),
    }
}

/// The backing table of a proxy, or the table itself.
pub(crate) fn contents(table: &Table) -> Table {
    let data = table.metatable().filter(|meta| meta.raw_get::<Luau>("schema").is_ok_and(|schema| schema.is_table()));
    data.and_then(|meta| meta.raw_get("__index").ok()).unwrap_or_else(|| table.clone())
}

fn vec4(table: &Table) -> Option<Value> {
    let mut parts = [0.0; 4];
    for (part, name) in parts.iter_mut().zip(["x", "y", "z", "w"]) {
        *part = table.raw_get(name).ok()?;
    }
    Some(Value::Vector(Quantity { len: 4, parts }))
}

/// What a script would call the kind of a value.
pub(crate) fn type_name(value: &Luau) -> &'static str {
    if value.is_integer() { "number" } else { value.type_name() }
}

/// A short text as shared bytes.
pub(crate) fn shared_text(text: &mlua::LuaString) -> Result<Arc<str>, String> {
    text.to_str().map(|text| Arc::from(&*text)).map_err(|_| "a name must be valid UTF-8".to_owned())
}

/// A number as Luau has them.
pub(crate) fn number(value: &Luau) -> Option<f64> {
    match value {
        Luau::Integer(number) => Some(*number as f64),
        Luau::Number(number) => Some(*number),
        _ => None,
    }
}

/// A finite number.
pub(crate) fn finite(value: &Luau, what: &str) -> Result<f32, String> {
    let number = number(value).map(|number| number as f32).filter(|number| number.is_finite());
    number.ok_or_else(|| format!("{what} is a finite number"))
}

/// A position.
pub(crate) fn place(value: &Luau) -> Result<[f32; 3], String> {
    match value {
        Luau::Vector(v) if [v.x(), v.y(), v.z()].iter().all(|part| part.is_finite()) => Ok([v.x(), v.y(), v.z()]),
        _ => Err("a position is a vector of finite numbers".to_owned()),
    }
}
