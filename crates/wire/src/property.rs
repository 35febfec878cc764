//! Properties (snapshots) and changes (deltas) of an entity, by the numbers of its type.
//!
//! A change that was read fits its property's type: the path leads through containers of the type, and the edit is one
//! that its end can take. Whether an index or a key is there is known only to the value, see `Change::apply`.

use kuafu_core::{Change, Edit, Limits, PropertyNo, Step, Value};
use kuafu_def::{EntityType, Property, Type};

use crate::write::Gap;
use crate::{DecodeError, EncodeError, Reader, Writer, decode_value, encode_value};

const SET: u8 = 0;
const INSERT: u8 = 1;
const REMOVE: u8 = 2;

/// The fewest bytes of a change: number, edit, count of steps.
const CHANGE_BYTES_MIN: usize = 3;

/// The fewest bytes of a property: number, and a value, which takes a byte unless it is a struct without fields.
const PROPERTY_BYTES_MIN: usize = 1;

/// Appends a snapshot of the given properties of an entity of type `ty`.
///
/// # Errors
/// [`EncodeError`] when a number is unknown or a value does not fit; nothing is written then.
pub fn encode_properties<'v>(
    ty: &EntityType,
    properties: impl IntoIterator<Item = (PropertyNo, &'v Value)>,
    writer: &mut Writer<'_>,
) -> Result<(), EncodeError> {
    counted(writer, properties, |(no, value), writer| {
        let property = ty.property(no).ok_or(EncodeError::UnknownProperty(no))?;
        encode_property(property, value, writer)
    })
}

/// Appends one property of a snapshot, without the count that stands before them all.
///
/// # Errors
/// [`EncodeError`] when the value does not fit; nothing is written then.
pub fn encode_property(property: &Property, value: &Value, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
    let start = writer.position();
    writer.varint(u64::from(property.no.0));
    encode_value(&property.ty, value, writer).inspect_err(|_| writer.truncate(start))
}

/// Reads a snapshot.
///
/// # Errors
/// [`DecodeError`] when a number is unknown or a value cannot be read.
pub fn decode_properties(
    ty: &EntityType,
    reader: &mut Reader<'_>,
    limits: &Limits,
) -> Result<Vec<(PropertyNo, Value)>, DecodeError> {
    let count = reader.count("properties", PROPERTY_BYTES_MIN)?;
    let mut properties = Vec::with_capacity(count.min(ty.properties.len()));
    for _ in 0..count {
        let property = read_property(ty, reader)?;
        properties.push((property.no, decode_value(&property.ty, reader, limits)?));
    }
    Ok(properties)
}

/// Appends changes of an entity of type `ty`.
///
/// # Errors
/// [`EncodeError`] when one of them does not fit its property; nothing is written then.
pub fn encode_changes<'c>(
    ty: &EntityType,
    changes: impl IntoIterator<Item = &'c Change>,
    writer: &mut Writer<'_>,
) -> Result<(), EncodeError> {
    counted(writer, changes, |change, writer| {
        let property = ty.property(change.property).ok_or(EncodeError::UnknownProperty(change.property))?;
        encode_change(&property.ty, change, writer)
    })
}

/// Appends one change of a property of type `ty`, without the count that stands before them all.
///
/// # Errors
/// [`EncodeError`] when the path or the value does not fit; nothing is written then.
pub fn encode_change(ty: &Type, change: &Change, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
    let start = writer.position();
    write_change(ty, change, writer).inspect_err(|_| writer.truncate(start))
}

/// Reads changes.
///
/// # Errors
/// [`DecodeError`] when a number is unknown, a path leads nowhere or a value cannot be read.
pub fn decode_changes(ty: &EntityType, reader: &mut Reader<'_>, limits: &Limits) -> Result<Vec<Change>, DecodeError> {
    let count = reader.count("changes", CHANGE_BYTES_MIN)?;
    (0..count)
        .map(|_| {
            let property = read_property(ty, reader)?;
            read_change(property.no, &property.ty, reader, limits)
        })
        .collect()
}

fn counted<T>(
    writer: &mut Writer<'_>,
    items: impl IntoIterator<Item = T>,
    mut encode: impl FnMut(T, &mut Writer<'_>) -> Result<(), EncodeError>,
) -> Result<(), EncodeError> {
    let start = writer.position();
    let gap = Gap::open(writer.buffer(), 1);
    let mut count = 0;
    for item in items {
        encode(item, writer).inspect_err(|_| writer.truncate(start))?;
        count += 1;
    }
    gap.close(writer.buffer(), count);
    Ok(())
}

fn read_property<'t>(ty: &'t EntityType, reader: &mut Reader<'_>) -> Result<&'t Property, DecodeError> {
    let at = reader.position();
    let number = reader.varint("property number")?;
    let no = u16::try_from(number).ok().map(PropertyNo);
    no.and_then(|no| ty.property(no)).ok_or(DecodeError::Unknown { what: "property", at, number })
}

fn write_change(ty: &Type, change: &Change, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
    let (edit, value) = match &change.edit {
        Edit::Set(value) => (SET, Some(value)),
        Edit::Insert(value) => (INSERT, Some(value)),
        Edit::Remove => (REMOVE, None),
    };
    writer.varint(u64::from(change.property.0));
    writer.u8(edit);
    writer.varint(change.path.len() as u64);
    let (mut container, mut target) = (None, ty);
    for step in &change.path {
        container = Some(target);
        target = write_step(target, step, writer)?;
    }
    if change.path.is_empty() && edit != SET {
        return Err(EncodeError::NoPath);
    }
    if !can_take(container, edit) {
        return Err(EncodeError::BadPath);
    }
    value.map_or(Ok(()), |value| encode_value(target, value, writer))
}

fn write_step<'t>(ty: &'t Type, step: &Step, writer: &mut Writer<'_>) -> Result<&'t Type, EncodeError> {
    match (ty, step) {
        (Type::List(item), Step::Index(index)) => {
            writer.varint(u64::from(*index));
            Ok(item)
        }
        (Type::Struct(ty), Step::Field(no)) => {
            writer.varint(u64::from(*no));
            ty.fields.get(usize::from(*no)).map(|field| &field.ty).ok_or(EncodeError::BadPath)
        }
        (Type::Map(key, item), Step::Key(value)) => {
            encode_value(key, value, writer)?;
            Ok(item)
        }
        _ => Err(EncodeError::BadPath),
    }
}

fn read_change(
    property: PropertyNo,
    ty: &Type,
    reader: &mut Reader<'_>,
    limits: &Limits,
) -> Result<Change, DecodeError> {
    let at = reader.position();
    let edit = reader.u8("edit")?;
    let steps = reader.varint("steps")?;
    let (mut container, mut target, mut path) = (None, ty, Vec::new());
    for _ in 0..steps {
        container = Some(target);
        let (step, inner) = read_step(target, reader, limits)?;
        path.push(step);
        target = inner;
    }
    if !can_take(container, edit) {
        return Err(DecodeError::Unknown { what: "edit there", at, number: u64::from(edit) });
    }
    let edit = match edit {
        SET => Edit::Set(decode_value(target, reader, limits)?),
        INSERT => Edit::Insert(decode_value(target, reader, limits)?),
        _ => Edit::Remove,
    };
    Ok(Change { property, path, edit })
}

/// Each step goes one level down, so there are no more of them than the type has levels.
fn read_step<'t>(ty: &'t Type, reader: &mut Reader<'_>, limits: &Limits) -> Result<(Step, &'t Type), DecodeError> {
    let at = reader.position();
    match ty {
        Type::List(item) => Ok((Step::Index(reader.varint_as("list index")?), item)),
        Type::Map(key, item) => Ok((Step::Key(decode_value(key, reader, limits)?), item)),
        Type::Struct(ty) => {
            let no: u16 = reader.varint_as("field number")?;
            let field = ty.fields.get(usize::from(no)).ok_or(DecodeError::BadPath { what: "a field step", at })?;
            Ok((Step::Field(no), &field.ty))
        }
        _ => Err(DecodeError::BadPath { what: "a step", at }),
    }
}

/// Whether the container that the last step goes into (`None` without steps) takes the edit.
fn can_take(container: Option<&Type>, edit: u8) -> bool {
    match edit {
        SET => true,
        INSERT => matches!(container, Some(Type::List(_))),
        REMOVE => matches!(container, Some(Type::List(_) | Type::Map(..))),
        _ => false,
    }
}
