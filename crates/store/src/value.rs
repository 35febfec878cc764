//! Values of properties as cells of a row: scalars in native columns, containers and vectors as JSON text.
//!
//! Reading trusts nothing: a cell that does not fit its type, written by hand or damaged, is an error for its record.

use kuafu_core::{Limits, Value};
use kuafu_def::{Type, value_from_json, value_to_json};

use crate::sql::Cell;

/// The type of column that holds values of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ColumnKind {
    Integer,
    Real,
    Text,
    Blob,
}

/// The column for a type.
pub(crate) fn column_kind(ty: &Type) -> ColumnKind {
    match ty {
        Type::Bool | Type::Int { .. } => ColumnKind::Integer,
        Type::Float32 | Type::Float64 => ColumnKind::Real,
        Type::Bytes => ColumnKind::Blob,
        // An enum is kept by its variant's name, so that variants can be added anywhere.
        _ => ColumnKind::Text,
    }
}

/// The cell of a value.
///
/// # Errors
/// What was expected and what was found, when the value is not one of the type or exceeds the limits.
pub(crate) fn encode(ty: &Type, value: &Value, limits: &Limits) -> Result<Cell, String> {
    ty.check(value, limits)?;
    Ok(match (ty, value) {
        (Type::Bool, Value::Bool(flag)) => Cell::Int(i64::from(*flag)),
        (Type::Int { .. }, Value::Int(number)) => Cell::Int(*number),
        (Type::Float32 | Type::Float64, Value::Float(number)) => Cell::Real(*number),
        (Type::Text, Value::Text(text)) => Cell::Text(text.clone()),
        (Type::Bytes, Value::Bytes(bytes)) => Cell::Blob(bytes.clone()),
        (Type::Enum(ty), Value::Int(index)) => {
            let variant = usize::try_from(*index).ok().and_then(|index| ty.variants.get(index));
            Cell::Text(variant.ok_or("no such variant")?.as_str().into())
        }
        (ty, value) => Cell::Text(value_to_json(ty, value).to_string().into()),
    })
}

/// The value of a cell; `None` for NULL, which stands for "as defined".
///
/// # Errors
/// What was expected and what was found.
pub(crate) fn decode(ty: &Type, cell: &Cell) -> Result<Option<Value>, String> {
    let value = match (ty, cell) {
        (_, Cell::Null) => return Ok(None),
        (Type::Bool, Cell::Int(number @ (0 | 1))) => Value::Bool(*number == 1),
        (Type::Int { .. }, Cell::Int(number)) => Value::Int(*number),
        (Type::Float32 | Type::Float64, Cell::Real(number)) => Value::Float(*number),
        (Type::Float32 | Type::Float64, Cell::Int(number)) => Value::Float(*number as f64),
        (Type::Text, Cell::Text(text)) => return Ok(Some(Value::Text(text.clone()))),
        (Type::Bytes, Cell::Blob(bytes)) => return Ok(Some(Value::Bytes(bytes.clone()))),
        (Type::Enum(ty), Cell::Text(name)) => {
            let index = ty.variants.iter().position(|variant| **variant == **name);
            let index = index.ok_or_else(|| format!("{:?} is no variant of {}", clipped(name), ty.name))?;
            Value::Int(i64::try_from(index).map_err(|error| error.to_string())?)
        }
        (Type::Vector(_) | Type::List(_) | Type::Map(..) | Type::Struct(_), Cell::Text(text)) => {
            let json = serde_json::from_str(text).map_err(|error| format!("no JSON: {error}"))?;
            return value_from_json(ty, &json).map(Some).map_err(|error| error.to_string());
        }
        (ty, cell) => return Err(format!("expected {ty}, found {}", cell.kind())),
    };
    // The limits bound containers and texts only, which were returned above: what was stored under other limits loads.
    ty.check(&value, &Limits::default())?;
    Ok(Some(value))
}

/// Whether a cell of a column with a least number may be written.
///
/// # Errors
/// What was expected and what was found.
pub(crate) fn at_least(least: Option<i64>, cell: &Cell) -> Result<(), String> {
    match (least, cell) {
        (Some(least), Cell::Int(number)) if *number < least => {
            Err(format!("expected at least {least}, found {number}"))
        }
        _ => Ok(()),
    }
}

fn clipped(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use kuafu_def::EnumType;

    use super::*;

    fn int(bits: u8, signed: bool) -> Type {
        Type::Int { bits, signed, wide: true }
    }

    #[test]
    fn what_is_encoded_decodes_as_it_was() {
        let mood =
            Type::Enum(Arc::new(EnumType { name: "Mood".into(), variants: vec!["calm".into(), "angry".into()] }));
        let map = Type::Map(Arc::new(Type::Text), Arc::new(int(64, true)));
        for (ty, value) in [
            (Type::Bool, Value::Bool(true)),
            (int(64, false), Value::Int(-1)),
            (int(64, true), Value::Int(i64::MIN)),
            (Type::Float64, Value::Float(0.1)),
            (Type::Text, Value::text("Robert'); DROP TABLE e_avatar;--\0\u{1f600}")),
            (Type::Bytes, Value::Bytes([0, 255, 7].into())),
            (mood, Value::Int(1)),
            (map, Value::Map(vec![("a\"'".into(), i64::MAX.into())])),
            (Type::List(Arc::new(Type::Bool)), Value::List(vec![true.into()])),
        ] {
            let cell = encode(&ty, &value, &Limits::default()).expect("it fits");
            assert_eq!(decode(&ty, &cell), Ok(Some(value)), "{ty}");
        }
    }

    #[test]
    fn a_value_of_another_type_is_refused_and_so_is_a_foreign_cell() {
        let limits = Limits::default();
        assert!(encode(&Type::Bool, &Value::Int(1), &limits).is_err());
        assert!(encode(&int(8, true), &Value::Int(200), &limits).is_err());
        assert!(encode(&Type::Float64, &Value::Float(f64::NAN), &limits).is_err());
        let list = Type::List(Arc::new(Type::Bool));
        for (ty, cell) in [
            (&Type::Bool, Cell::Int(2)),
            (&int(8, true), Cell::Int(200)),
            (&Type::Text, Cell::Int(2)),
            (&list, Cell::Text("[true".into())),
            (&list, Cell::Text("[1]".into())),
            (&list, Cell::Blob([1].into())),
        ] {
            assert!(decode(ty, &cell).is_err(), "{ty} {cell:?}");
        }
        assert_eq!(decode(&list, &Cell::Null), Ok(None));
    }
}
