//! Shapes: what a column was declared to hold, kept in the file, and whether a changed declaration still reads it.
//!
//! A shape is JSON that spells a type out, structs and enums included, so that it can be compared with the definitions
//! of another day. A change fits when every value stored under the old shape is a value of the new type and none of it
//! would be lost when it is written back.

use kuafu_def::Type;
use serde_json::{Value as Json, json};

/// The shape of a type.
pub(crate) fn shape(ty: &Type) -> Json {
    match ty {
        Type::Int { bits, signed, wide } => json!({ "int": [bits, signed, wide] }),
        Type::Vector(len) => json!({ "vector": len }),
        Type::List(item) => json!({ "list": shape(item) }),
        Type::Map(key, item) => json!({ "map": [shape(key), shape(item)] }),
        Type::Struct(ty) => {
            let fields: serde_json::Map<_, _> =
                ty.fields.iter().map(|field| (field.name.clone(), shape(&field.ty))).collect();
            json!({ "struct": fields })
        }
        Type::Enum(ty) => json!({ "enum": ty.variants }),
        Type::Bool => json!("bool"),
        Type::Float32 => json!("float32"),
        Type::Float64 => json!("float64"),
        Type::Text => json!("string"),
        Type::Bytes => json!("bytes"),
        Type::Entity(_) => json!("entity"),
    }
}

/// Whether what was stored under `old` is safe under `new`.
///
/// # Errors
/// What would be lost, for a person.
pub(crate) fn fits(old: &Json, new: &Type) -> Result<(), String> {
    let fresh = shape(new);
    if *old == fresh {
        return Ok(());
    }
    match (new, old.get("int"), old.as_str()) {
        (Type::Int { .. }, Some(was), _) => int_fits(was, &fresh["int"]),
        (Type::Float64, _, Some("float32")) => Ok(()),
        _ => container_fits(old, new).unwrap_or_else(|| Err(format!("it is stored as {}, not as {new}", named(old)))),
    }
}

fn container_fits(old: &Json, new: &Type) -> Option<Result<(), String>> {
    match new {
        Type::List(item) => Some(fits(old.get("list")?, item)),
        Type::Map(key, item) => {
            let (old_key, old_item) = (old.get("map")?.get(0)?, old.get("map")?.get(1)?);
            Some(fits(old_key, key).and_then(|()| fits(old_item, item)))
        }
        Type::Struct(ty) => {
            let fields = old.get("struct")?.as_object()?;
            let check = |(name, old): (&String, &Json)| match ty.fields.iter().find(|field| field.name == *name) {
                Some(field) => fits(old, &field.ty).map_err(|what| format!("in field `{name}`: {what}")),
                None => Err(format!("the stored field `{name}` of {} is gone", ty.name)),
            };
            Some(fields.iter().try_for_each(check))
        }
        Type::Enum(ty) => {
            let mut variants = old.get("enum")?.as_array()?.iter().filter_map(Json::as_str);
            let gone = variants.find(|name| !ty.variants.iter().any(|variant| variant == name));
            Some(gone.map_or(Ok(()), |name| Err(format!("the stored variant `{name}` of {} is gone", ty.name))))
        }
        _ => None,
    }
}

fn int_fits(old: &Json, new: &Json) -> Result<(), String> {
    let (Some((old_low, old_high)), Some((low, high))) = (int_range(old), int_range(new)) else {
        return Err("its stored shape cannot be read".to_owned());
    };
    if low <= old_low && old_high <= high {
        Ok(())
    } else {
        Err(format!("stored numbers go from {old_low} to {old_high}, the new type from {low} to {high}"))
    }
}

fn int_range(shape: &Json) -> Option<(i128, i128)> {
    let bits = shape.get(0)?.as_u64().filter(|bits| (8..=64).contains(bits))?;
    let (signed, wide) = (shape.get(1)?.as_bool()?, shape.get(2)?.as_bool()?);
    let exact = i128::from(kuafu_def::model::EXACT_INT_MAX);
    Some(match (signed, bits) {
        (true, 64) if !wide => (-exact, exact),
        (false, 64) if !wide => (0, exact),
        (true, bits) => (-(1 << (bits - 1)), (1 << (bits - 1)) - 1),
        (false, bits) => (0, (1 << bits) - 1),
    })
}

fn named(shape: &Json) -> String {
    match (shape.as_str(), shape.as_object().and_then(|object| object.keys().next())) {
        (Some(name), _) => name.to_owned(),
        (None, Some(kind)) => format!("{kind} {}", shape[kind.as_str()]),
        (None, None) => shape.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use kuafu_core::Value;
    use kuafu_def::{EnumType, Field, StructType};

    use super::*;

    fn int(bits: u8, signed: bool) -> Type {
        Type::Int { bits, signed, wide: false }
    }

    fn item(fields: &[(&str, Type)]) -> Type {
        let field = |(name, ty): &(&str, Type)| Field::new(*name, ty.clone());
        Type::Struct(Arc::new(StructType { name: "Item".into(), fields: fields.iter().map(field).collect() }))
    }

    fn mood(variants: &[&str]) -> Type {
        let variants = variants.iter().map(|name| (*name).to_owned()).collect();
        Type::Enum(Arc::new(EnumType { name: "Mood".into(), variants }))
    }

    #[test]
    fn a_type_may_widen_and_never_narrow() {
        for (old, new) in [
            (int(32, true), int(64, true)),
            (int(32, false), int(64, true)),
            (Type::Float32, Type::Float64),
            (item(&[("a", int(8, true))]), item(&[("b", Type::Text), ("a", int(16, true))])),
            (mood(&["calm"]), mood(&["angry", "calm"])),
            (Type::List(Arc::new(Type::Float32)), Type::List(Arc::new(Type::Float64))),
        ] {
            assert_eq!(fits(&shape(&old), &new), Ok(()), "{old} to {new}");
            assert!(fits(&shape(&new), &old).is_err(), "{new} to {old}");
        }
        assert!(fits(&shape(&int(64, true)), &Type::Text).is_err());
        assert!(fits(&shape(&Type::Text), &int(64, true)).is_err());
        assert!(fits(&json!({ "int": "nonsense" }), &int(8, true)).is_err());
    }

    #[test]
    fn wide_numbers_do_not_fit_the_exact_range() {
        let wide = Type::Int { bits: 64, signed: true, wide: true };
        assert_eq!(fits(&shape(&int(64, true)), &wide), Ok(()));
        assert!(fits(&shape(&wide), &int(64, true)).is_err());
        assert_eq!(Type::Text.default_value(), Value::text(""));
    }
}
