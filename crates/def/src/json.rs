//! Values as JSON, led by their type: what containers look like in a database and in a client schema.
//!
//! Structs are objects by field name and enums are their variants' names, so that a definition may grow or be put into
//! another order without touching what is stored. Maps with string keys are objects, other maps are lists of pairs.
//! Bytes are hexadecimal. Whole numbers that JavaScript cannot hold, and all of a `wide` type, are strings.
//! A `float32` and the parts of a vector keep 32 bits of precision.

use std::sync::Arc;

use kuafu_core::{EntityId, Quantity, Value, change};
use serde_json::{Map, Value as Json};

use crate::check::int_range;
use crate::model::{EXACT_INT_MAX, EnumType, StructType, Type};
use crate::type_text::shown;

/// Values of which a default in a definition may consist, filled-in fields of structs included.
pub(crate) const DEFAULT_SIZE_MAX: usize = 4_096;

/// JSON that does not fit a type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}expected {expected}, found {found}", path = if path.is_empty() { String::new() } else { format!("at {path}: ") })]
pub struct JsonError {
    /// The way from the outermost value to the one that does not fit: `[3].name`; empty for the outermost.
    pub path: String,
    /// What would fit.
    pub expected: String,
    /// What stands there.
    pub found: String,
}

/// The JSON of a value as it is stored: without the fields that are not persistent. A value that does not fit the
/// type, or is no number, becomes `null`: check it before.
#[must_use]
pub fn value_to_json(ty: &Type, value: &Value) -> Json {
    Writer { whole: false }.value(ty, value)
}

/// The JSON of a value with all its fields.
pub(crate) fn whole_value_to_json(ty: &Type, value: &Value) -> Json {
    Writer { whole: true }.value(ty, value)
}

struct Writer {
    /// Fields that are not persistent are written too.
    whole: bool,
}

impl Writer {
    fn value(&self, ty: &Type, value: &Value) -> Json {
        match (ty, value) {
            (Type::Bool, Value::Bool(flag)) => Json::Bool(*flag),
            (Type::Int { signed, wide, .. }, Value::Int(number)) => int_to_json(*number, *signed, *wide),
            (Type::Float32, Value::Float(number)) => float32_to_json(*number),
            (Type::Float64, Value::Float(number)) => Json::from(*number),
            (Type::Text, Value::Text(text)) => Json::from(text.as_ref()),
            (Type::Bytes, Value::Bytes(bytes)) => Json::from(hex_of_bytes(bytes)),
            (Type::Vector(_), Value::Vector(vector)) => {
                vector.as_slice().iter().map(|part| float32_to_json(f64::from(*part))).collect()
            }
            (Type::Entity(_), Value::Entity(id)) => Json::from(id.0),
            (Type::List(item), Value::List(items)) => items.iter().map(|value| self.value(item, value)).collect(),
            (Type::Map(key, item), Value::Map(entries)) => self.map(key, item, entries),
            (Type::Struct(ty), Value::List(fields)) if fields.len() == ty.fields.len() => {
                let named = ty.fields.iter().zip(fields).filter(|(field, _)| self.whole || field.persistent);
                Json::Object(named.map(|(field, value)| (field.name.clone(), self.value(&field.ty, value))).collect())
            }
            (Type::Enum(ty), Value::Int(index)) => {
                let variant = usize::try_from(*index).ok().and_then(|index| ty.variants.get(index));
                variant.map_or(Json::Null, |name| Json::from(name.as_str()))
            }
            _ => Json::Null,
        }
    }

    fn map(&self, key: &Type, item: &Type, entries: &[(Value, Value)]) -> Json {
        if matches!(key, Type::Text) {
            let named = entries.iter().filter_map(|(k, v)| Some((k.as_text()?.to_owned(), self.value(item, v))));
            Json::Object(named.collect::<Map<_, _>>())
        } else {
            entries.iter().map(|(k, v)| Json::Array(vec![self.value(key, k), self.value(item, v)])).collect()
        }
    }
}

/// The value of JSON. Unknown fields of structs are passed over, missing ones take their default, whole numbers are
/// held to their range; limits and the bounds of a property are not looked at.
///
/// # Errors
/// [`JsonError`] with the place that does not fit.
pub fn value_from_json(ty: &Type, json: &Json) -> Result<Value, JsonError> {
    Reader { strict: false, left: usize::MAX }.value(ty, json)
}

/// The value of a default in a definition: as [`value_from_json`], but unknown fields are an error, and so is a
/// default that grows beyond all reason by the defaults of structs inside structs.
pub fn default_from_json(ty: &Type, json: &Json) -> Result<Value, JsonError> {
    Reader { strict: true, left: DEFAULT_SIZE_MAX }.value(ty, json)
}

fn int_to_json(number: i64, signed: bool, wide: bool) -> Json {
    if !wide && (-EXACT_INT_MAX..=EXACT_INT_MAX).contains(&number) {
        Json::from(number)
    } else if signed {
        Json::from(number.to_string())
    } else {
        Json::from(number.cast_unsigned().to_string())
    }
}

/// The shortest decimal that reads back as the same 32-bit float, `0.1` rather than `0.10000000149011612`.
fn float32_to_json(number: f64) -> Json {
    let narrow = number as f32;
    match format!("{narrow}").parse::<f64>() {
        Ok(short) if short as f32 == narrow && f64::from(narrow) == number => Json::from(short),
        _ => Json::from(number),
    }
}

struct Reader {
    strict: bool,
    left: usize,
}

impl Reader {
    fn value(&mut self, ty: &Type, json: &Json) -> Result<Value, JsonError> {
        self.spend(1)?;
        match (ty, json) {
            (Type::Bool, Json::Bool(flag)) => Ok(Value::Bool(*flag)),
            (Type::Int { bits, signed, wide }, json) => int_from_json(*bits, *signed, *wide, json),
            (Type::Float32, json) => Ok(Value::Float(f64::from(float32_from_json(json)?))),
            (Type::Float64, Json::Number(number)) => {
                let number = number.as_f64().filter(|number| number.is_finite());
                number.map(Value::Float).ok_or_else(|| mismatch("a float64", json))
            }
            (Type::Text, Json::String(text)) => Ok(Value::text(text)),
            (Type::Bytes, Json::String(text)) => {
                let bytes = bytes_from_hex(text).ok_or_else(|| mismatch("hexadecimal digits", json))?;
                Ok(Value::Bytes(Arc::from(bytes)))
            }
            (Type::Vector(len), Json::Array(parts)) if parts.len() == usize::from(*len) => vector_from_json(parts),
            (Type::Entity(_), json) => {
                let id = json.as_u64().filter(|id| *id < EXACT_INT_MAX.cast_unsigned());
                id.map(|id| Value::Entity(EntityId(id))).ok_or_else(|| mismatch("the number of an entity", json))
            }
            (Type::List(item), Json::Array(items)) => self.list(item, items),
            (Type::Map(key, item), Json::Object(entries)) if matches!(**key, Type::Text) => self.object(item, entries),
            (Type::Map(key, item), Json::Array(pairs)) if !matches!(**key, Type::Text) => self.pairs(key, item, pairs),
            (Type::Struct(ty), Json::Object(fields)) => self.record(ty, fields),
            (Type::Enum(ty), Json::String(name)) => variant(ty, name).ok_or_else(|| mismatch(&one_of(ty), json)),
            (ty, json) => Err(mismatch(&expected(ty), json)),
        }
    }

    fn spend(&mut self, values: usize) -> Result<(), JsonError> {
        self.left = self.left.checked_sub(values).ok_or_else(|| JsonError {
            path: String::new(),
            expected: format!("at most {DEFAULT_SIZE_MAX} values in all"),
            found: "more".to_owned(),
        })?;
        Ok(())
    }

    fn list(&mut self, item: &Type, items: &[Json]) -> Result<Value, JsonError> {
        let read = |(at, json)| self.value(item, json).map_err(|error| within(&format!("[{at}]"), error));
        items.iter().enumerate().map(read).collect::<Result<_, _>>().map(Value::List)
    }

    fn object(&mut self, item: &Type, entries: &Map<String, Json>) -> Result<Value, JsonError> {
        let mut read = Vec::with_capacity(entries.len());
        for (key, json) in entries {
            let value = self.value(item, json).map_err(|error| within(&format!("[{key:?}]"), error))?;
            read.push((Value::text(key), value));
        }
        Ok(sorted(read))
    }

    fn pairs(&mut self, key: &Type, item: &Type, pairs: &[Json]) -> Result<Value, JsonError> {
        let mut read = Vec::with_capacity(pairs.len());
        for (at, pair) in pairs.iter().enumerate() {
            let in_pair = |error| within(&format!("[{at}]"), error);
            let Some([k, v]) = pair.as_array().map(Vec::as_slice) else {
                return Err(in_pair(mismatch("a pair of key and value", pair)));
            };
            read.push((self.value(key, k).map_err(in_pair)?, self.value(item, v).map_err(in_pair)?));
        }
        let count = read.len();
        let map = sorted(read);
        match &map {
            Value::Map(entries) if entries.len() < count => Err(JsonError {
                path: String::new(),
                expected: "every key once".to_owned(),
                found: "a key twice".to_owned(),
            }),
            _ => Ok(map),
        }
    }

    fn record(&mut self, ty: &StructType, fields: &Map<String, Json>) -> Result<Value, JsonError> {
        if let Some(unknown) = fields.keys().find(|name| self.strict && !ty.fields.iter().any(|f| f.name == **name)) {
            let names: Vec<&str> = ty.fields.iter().map(|field| field.name.as_str()).collect();
            return Err(JsonError {
                path: String::new(),
                expected: format!("only the fields of {} ({})", ty.name, names.join(", ")),
                found: format!("`{}`", shown(unknown)),
            });
        }
        let mut read = Vec::with_capacity(ty.fields.len());
        for field in &ty.fields {
            read.push(match fields.get(&field.name) {
                Some(json) => {
                    self.value(&field.ty, json).map_err(|error| within(&format!(".{}", field.name), error))?
                }
                None => {
                    self.spend(size(&field.default))?;
                    field.default.clone()
                }
            });
        }
        Ok(Value::List(read))
    }
}

/// Of how many values a value consists.
pub(crate) fn size(value: &Value) -> usize {
    match value {
        Value::List(items) => 1 + items.iter().map(size).sum::<usize>(),
        Value::Map(entries) => 1 + entries.iter().map(|(k, v)| size(k) + size(v)).sum::<usize>(),
        _ => 1,
    }
}

/// A map of entries in any order; of entries with one key the first stays.
fn sorted(mut entries: Vec<(Value, Value)>) -> Value {
    entries.sort_by(|a, b| change::order(&a.0, &b.0));
    entries.dedup_by(|a, b| a.0 == b.0);
    Value::Map(entries)
}

fn int_from_json(bits: u8, signed: bool, wide: bool, json: &Json) -> Result<Value, JsonError> {
    let number = match json {
        Json::Number(number) => number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from)),
        Json::String(text) => text.parse::<i128>().ok(),
        _ => None,
    };
    let (least, greatest) = int_range(bits, signed, wide);
    let number = number.filter(|number| (least..=greatest).contains(number));
    // The bit pattern is what `Value` wants for a `uint64` above 2^63; everything else is in the range of an i64.
    number
        .map(|number| Value::Int(number as i64))
        .ok_or_else(|| mismatch(&format!("a whole number from {least} to {greatest}"), json))
}

fn float32_from_json(json: &Json) -> Result<f32, JsonError> {
    let number = json.as_f64().map(|number| number as f32).filter(|number| number.is_finite());
    number.ok_or_else(|| mismatch("a float32", json))
}

fn vector_from_json(parts: &[Json]) -> Result<Value, JsonError> {
    let parts: Vec<f32> = parts.iter().map(float32_from_json).collect::<Result<_, _>>()?;
    Quantity::from_slice(&parts).map(Value::Vector).ok_or_else(|| mismatch("2 to 4 numbers", &Json::Null))
}

fn variant(ty: &EnumType, name: &str) -> Option<Value> {
    let index = ty.variants.iter().position(|variant| variant == name)?;
    i64::try_from(index).ok().map(Value::Int)
}

fn one_of(ty: &EnumType) -> String {
    const SHOWN_MAX: usize = 12;
    let names: Vec<&str> = ty.variants.iter().take(SHOWN_MAX).map(String::as_str).collect();
    let more = if ty.variants.len() > SHOWN_MAX { ", …" } else { "" };
    format!("a variant of {} ({}{more})", ty.name, names.join(", "))
}

fn expected(ty: &Type) -> String {
    match ty {
        Type::Vector(len) => format!("a list of {len} numbers"),
        Type::Bytes => "a string of hexadecimal digits".to_owned(),
        Type::Struct(ty) => format!("an object with the fields of {}", ty.name),
        Type::Enum(ty) => one_of(ty),
        Type::Map(key, _) if matches!(**key, Type::Text) => format!("{ty} as an object"),
        Type::Map(..) => format!("{ty} as a list of pairs"),
        ty => ty.to_string(),
    }
}

fn mismatch(expected: &str, found: &Json) -> JsonError {
    let found = match found {
        Json::Array(items) => format!("a list of {}", items.len()),
        Json::Object(_) => "an object".to_owned(),
        Json::String(text) => format!("{:?}", shown(text)),
        other => shown(&other.to_string()),
    };
    JsonError { path: String::new(), expected: expected.to_owned(), found }
}

fn within(step: &str, error: JsonError) -> JsonError {
    JsonError { path: format!("{step}{}", error.path), ..error }
}

fn hex_of_bytes(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|half| char::from(DIGITS[usize::from(half)])).collect()
}

/// The bytes of an even number of hexadecimal digits.
pub(crate) fn bytes_from_hex(text: &str) -> Option<Vec<u8>> {
    let half = |byte: u8| char::from(byte).to_digit(16);
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| Some((half(*pair.first()?)? << 4 | half(*pair.get(1)?)?) as u8)).collect()
}
