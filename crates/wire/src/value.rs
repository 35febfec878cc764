//! Values of declared types.
//!
//! Reading gives only values that fit the shape of their type: the right variants, integers within their width, enums
//! within their variants, rising map keys, containers within the limits. Ranges that a definition adds (`min`, `max`,
//! `max_length`) are checked by `kuafu_def`, not here. What a value takes in memory is bounded by what its bytes are:
//! every item of a container has at least one byte.

use std::sync::Arc;

use kuafu_core::change::order;
use kuafu_core::{EntityId, Limits, Quantity, Value};
use kuafu_def::model::EXACT_INT_MAX;
use kuafu_def::{StructType, Type};

use crate::{DecodeError, EncodeError, Reader, Writer};

/// Entity ids are below this.
const ENTITY_BOUND: u64 = 1 << 53;

/// Appends a value of type `ty`.
///
/// # Errors
/// [`EncodeError`] when the value is none of the type; nothing is written then.
pub fn encode_value(ty: &Type, value: &Value, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
    let start = writer.position();
    encode(ty, value, writer).inspect_err(|_| writer.truncate(start))
}

/// Reads a value of type `ty`.
///
/// # Errors
/// [`DecodeError`] when the bytes are no such value, or one beyond the `value_depth_max`, `container_items_max` or
/// `text_bytes_max` of `limits`.
pub fn decode_value(ty: &Type, reader: &mut Reader<'_>, limits: &Limits) -> Result<Value, DecodeError> {
    decode(ty, reader, limits, 1)
}

fn encode(ty: &Type, value: &Value, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
    match (ty, value) {
        (Type::Bool, Value::Bool(flag)) => writer.bool(*flag),
        (Type::Int { bits, signed, wide }, Value::Int(number)) => {
            return encode_int(*bits, *signed, *wide, *number, writer);
        }
        (Type::Float32, Value::Float(number)) => writer.f32(*number as f32),
        (Type::Float64, Value::Float(number)) => writer.f64(*number),
        (Type::Text, Value::Text(text)) => writer.text(text),
        (Type::Bytes, Value::Bytes(bytes)) => writer.blob(bytes),
        (Type::Vector(len), Value::Vector(quantity)) if quantity.len == *len => {
            quantity.as_slice().iter().for_each(|part| writer.f32(*part));
        }
        (Type::Entity(_), Value::Entity(id)) if id.0 < ENTITY_BOUND => writer.varint(id.0),
        (Type::Entity(_), Value::Entity(id)) => {
            return Err(EncodeError::OutOfRange { expected: "entity", number: id.0 as i64 });
        }
        (Type::List(item), Value::List(items)) => {
            writer.varint(items.len() as u64);
            return items.iter().try_for_each(|value| encode(item, value, writer));
        }
        (Type::Map(key, item), Value::Map(entries)) => return encode_map(key, item, entries, writer),
        (Type::Struct(ty), Value::List(fields)) => return encode_struct(ty, fields, writer),
        (Type::Enum(ty), Value::Int(index)) => {
            let known = usize::try_from(*index).is_ok_and(|index| index < ty.variants.len());
            if !known {
                return Err(EncodeError::OutOfRange { expected: "enum", number: *index });
            }
            writer.varint(*index as u64);
        }
        _ => return Err(EncodeError::Kind { expected: kind(ty), found: value.kind() }),
    }
    Ok(())
}

fn encode_int(bits: u8, signed: bool, wide: bool, number: i64, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
    if !int_fits(bits, signed, wide, number) {
        return Err(EncodeError::OutOfRange { expected: int_kind(bits, signed), number });
    }
    match (bits, signed) {
        (8, true) => writer.i8(number as i8),
        (8, false) => writer.u8(number as u8),
        (16, true) => writer.i16(number as i16),
        (16, false) => writer.u16(number as u16),
        (_, true) => writer.svarint(number),
        (_, false) => writer.varint(number as u64),
    }
    Ok(())
}

fn encode_map(key: &Type, item: &Type, entries: &[(Value, Value)], writer: &mut Writer<'_>) -> Result<(), EncodeError> {
    if !entries.is_sorted_by(|(a, _), (b, _)| order(a, b).is_lt()) {
        return Err(EncodeError::Unsorted);
    }
    writer.varint(entries.len() as u64);
    entries.iter().try_for_each(|(k, v)| {
        encode(key, k, writer)?;
        encode(item, v, writer)
    })
}

fn encode_struct(ty: &StructType, fields: &[Value], writer: &mut Writer<'_>) -> Result<(), EncodeError> {
    if fields.len() != ty.fields.len() {
        return Err(EncodeError::Count { what: "struct fields", expected: ty.fields.len(), found: fields.len() });
    }
    ty.fields.iter().zip(fields).try_for_each(|(field, value)| encode(&field.ty, value, writer))
}

fn decode(ty: &Type, reader: &mut Reader<'_>, limits: &Limits, depth: u32) -> Result<Value, DecodeError> {
    if depth > limits.value_depth_max {
        return Err(DecodeError::TooDeep { what: kind(ty), at: reader.position(), max: limits.value_depth_max });
    }
    match ty {
        Type::Bool => reader.bool("bool").map(Value::Bool),
        Type::Int { bits, signed, wide } => decode_int(*bits, *signed, *wide, reader).map(Value::Int),
        Type::Float32 => Ok(Value::Float(f64::from(reader.f32("float32")?))),
        Type::Float64 => reader.f64("float64").map(Value::Float),
        Type::Text => {
            check_length(reader, "string", limits)?;
            Ok(Value::Text(Arc::from(reader.text("string")?)))
        }
        Type::Bytes => {
            check_length(reader, "bytes", limits)?;
            Ok(Value::Bytes(Arc::from(reader.blob("bytes")?)))
        }
        Type::Vector(len) => decode_vector(*len, reader),
        Type::Entity(_) => decode_below(reader, "entity", ENTITY_BOUND).map(|id| Value::Entity(EntityId(id))),
        Type::Enum(ty) => decode_below(reader, "enum", ty.variants.len() as u64).map(|index| Value::Int(index as i64)),
        Type::List(item) => decode_list(item, reader, limits, depth),
        Type::Map(key, item) => decode_map(key, item, reader, limits, depth),
        Type::Struct(ty) => {
            let fields = ty.fields.iter().map(|field| decode(&field.ty, reader, limits, depth + 1));
            fields.collect::<Result<_, _>>().map(Value::List)
        }
    }
}

fn decode_int(bits: u8, signed: bool, wide: bool, reader: &mut Reader<'_>) -> Result<i64, DecodeError> {
    let (what, at) = (int_kind(bits, signed), reader.position());
    let number = match (bits, signed) {
        (8, true) => i64::from(reader.i8(what)?),
        (8, false) => i64::from(reader.u8(what)?),
        (16, true) => i64::from(reader.i16(what)?),
        (16, false) => i64::from(reader.u16(what)?),
        (_, true) => reader.svarint(what)?,
        (_, false) => reader.varint(what)? as i64,
    };
    if int_fits(bits, signed, wide, number) { Ok(number) } else { Err(DecodeError::OutOfRange { what, at }) }
}

/// A `varint` below `bound`.
fn decode_below(reader: &mut Reader<'_>, what: &'static str, bound: u64) -> Result<u64, DecodeError> {
    let at = reader.position();
    let number = reader.varint(what)?;
    if number < bound { Ok(number) } else { Err(DecodeError::OutOfRange { what, at }) }
}

fn decode_vector(len: u8, reader: &mut Reader<'_>) -> Result<Value, DecodeError> {
    let mut quantity = Quantity { len: len.min(4), parts: [0.0; 4] };
    for part in &mut quantity.parts[..usize::from(len.min(4))] {
        *part = reader.f32("vector")?;
    }
    Ok(Value::Vector(quantity))
}

fn decode_list(item: &Type, reader: &mut Reader<'_>, limits: &Limits, depth: u32) -> Result<Value, DecodeError> {
    let count = decode_count(reader, "list", 1, limits)?;
    let mut items = Vec::with_capacity(count);
    for _ in 0..count {
        let before = reader.position();
        items.push(decode(item, reader, limits, depth + 1)?);
        check_progress(reader, before, "list item")?;
    }
    Ok(Value::List(items))
}

fn decode_map(
    key: &Type,
    item: &Type,
    reader: &mut Reader<'_>,
    limits: &Limits,
    depth: u32,
) -> Result<Value, DecodeError> {
    let count = decode_count(reader, "map", 1, limits)?;
    let mut entries: Vec<(Value, Value)> = Vec::with_capacity(count);
    for _ in 0..count {
        let at = reader.position();
        let key = decode(key, reader, limits, depth + 1)?;
        check_progress(reader, at, "map key")?;
        if entries.last().is_some_and(|(last, _)| order(last, &key).is_ge()) {
            return Err(DecodeError::Unsorted { what: "map", at });
        }
        entries.push((key, decode(item, reader, limits, depth + 1)?));
    }
    Ok(Value::Map(entries))
}

/// An item without bytes would let a short message claim any amount of memory.
fn check_progress(reader: &Reader<'_>, before: usize, what: &'static str) -> Result<(), DecodeError> {
    if reader.position() > before { Ok(()) } else { Err(DecodeError::OutOfRange { what, at: before }) }
}

fn decode_count(
    reader: &mut Reader<'_>,
    what: &'static str,
    item_bytes_min: usize,
    limits: &Limits,
) -> Result<usize, DecodeError> {
    let at = reader.position();
    let count = reader.count(what, item_bytes_min)?;
    if count > limits.container_items_max as usize {
        let max = u64::from(limits.container_items_max);
        return Err(DecodeError::TooMany { what, at, count: count as u64, max });
    }
    Ok(count)
}

fn check_length(reader: &Reader<'_>, what: &'static str, limits: &Limits) -> Result<(), DecodeError> {
    let length = reader.clone().varint(what)?;
    let max = u64::from(limits.text_bytes_max);
    if length <= max { Ok(()) } else { Err(DecodeError::TooMany { what, at: reader.position(), count: length, max }) }
}

/// Whether an integer type holds the number; an unsigned 64-bit number is given by its bit pattern.
fn int_fits(bits: u8, signed: bool, wide: bool, number: i64) -> bool {
    match (bits, signed) {
        (64, true) => wide || (-EXACT_INT_MAX..=EXACT_INT_MAX).contains(&number),
        (64, false) => wide || (0..=EXACT_INT_MAX).contains(&number),
        (_, true) => (-1_i64 << (bits - 1)..1 << (bits - 1)).contains(&number),
        (_, false) => (0..1 << bits).contains(&number),
    }
}

fn int_kind(bits: u8, signed: bool) -> &'static str {
    match (bits, signed) {
        (8, true) => "int8",
        (16, true) => "int16",
        (32, true) => "int32",
        (_, true) => "int64",
        (8, false) => "uint8",
        (16, false) => "uint16",
        (32, false) => "uint32",
        (_, false) => "uint64",
    }
}

/// The word for a type in errors.
pub(crate) fn kind(ty: &Type) -> &'static str {
    match ty {
        Type::Bool => "bool",
        Type::Int { bits, signed, .. } => int_kind(*bits, *signed),
        Type::Float32 => "float32",
        Type::Float64 => "float64",
        Type::Text => "string",
        Type::Bytes => "bytes",
        Type::Vector(_) => "vector",
        Type::Entity(_) => "entity",
        Type::List(_) => "list",
        Type::Map(..) => "map",
        Type::Struct(_) => "struct",
        Type::Enum(_) => "enum",
    }
}
