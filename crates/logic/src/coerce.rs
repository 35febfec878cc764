//! From what a script says to what a definition means: numbers, records and keys take their declared form.

use kuafu_core::change::order;
use kuafu_core::{Code, EntityId, Limits, Quantity, Refusal, Value};
use kuafu_def::{Argument, Method, Type};

/// Turns a script's loose value into one of the declared type: whole numbers where floats are declared, tables with
/// names where structs are, names where enums are. Ranges are not checked here ([`Type::check`] does).
///
/// # Errors
/// What stands there and what was expected.
pub fn coerce(ty: &Type, value: Value) -> Result<Value, String> {
    match (ty, value) {
        (Type::Float32 | Type::Float64, Value::Int(number)) => Ok(Value::Float(number as f64)),
        (Type::Int { .. }, Value::Float(number)) if number.fract() == 0.0 && number.abs() < 9.0e15 => {
            Ok(Value::Int(number as i64))
        }
        (Type::Bytes, Value::Text(text)) => Ok(Value::Bytes(text.as_bytes().into())),
        (Type::Entity(_), Value::Nil) => Ok(Value::Entity(EntityId::NONE)),
        // Luau's own vectors have three parts.
        (Type::Vector(2), Value::Vector(Quantity { len: 3, parts: [x, y, 0.0, _] })) => {
            Ok(Value::Vector(Quantity { len: 2, parts: [x, y, 0.0, 0.0] }))
        }
        (Type::Vector(4), Value::Map(entries)) => coerce_vec4(&entries),
        (Type::Enum(declared), Value::Text(name)) => match declared.variants.iter().position(|v| **v == *name) {
            Some(index) => Ok(Value::Int(index as i64)),
            None => Err(format!("`{name}` is no {}; it has {}", declared.name, declared.variants.join(", "))),
        },
        (Type::List(item), Value::List(items)) => {
            items.into_iter().map(|value| coerce(item, value)).collect::<Result<_, _>>().map(Value::List)
        }
        (Type::List(_), Value::Map(entries)) if entries.is_empty() => Ok(Value::List(vec![])),
        (Type::Map(..), Value::List(items)) if items.is_empty() => Ok(Value::Map(vec![])),
        (Type::Map(key, item), Value::Map(entries)) => coerce_map(key, item, entries),
        (Type::Map(key, item), Value::List(items)) => {
            coerce_map(key, item, items.into_iter().zip(1..).map(|(v, n)| (Value::Int(n), v)).collect())
        }
        (Type::Struct(declared), Value::List(items)) if items.is_empty() => {
            Ok(Value::List(declared.fields.iter().map(|field| field.default.clone()).collect()))
        }
        (Type::Struct(declared), Value::Map(entries)) => coerce_struct(declared, entries),
        (_, value) => Ok(value),
    }
}

/// A table with `x`, `y`, `z` and `w`.
fn coerce_vec4(entries: &[(Value, Value)]) -> Result<Value, String> {
    let mut parts = [0.0; 4];
    for (part, name) in parts.iter_mut().zip(["x", "y", "z", "w"]) {
        let value = entries.iter().find(|(key, _)| key.as_text() == Some(name)).map(|(_, value)| value);
        *part = match value {
            Some(Value::Int(number)) => *number as f32,
            Some(Value::Float(number)) => *number as f32,
            _ => return Err("a vec4 is a table with the numbers x, y, z and w".to_owned()),
        };
    }
    Ok(Value::Vector(Quantity { len: 4, parts }))
}

fn coerce_map(key: &Type, item: &Type, entries: Vec<(Value, Value)>) -> Result<Value, String> {
    let mut entries = entries
        .into_iter()
        .map(|(k, v)| Ok((coerce(key, k)?, coerce(item, v)?)))
        .collect::<Result<Vec<_>, String>>()?;
    entries.sort_by(|a, b| order(&a.0, &b.0));
    Ok(Value::Map(entries))
}

fn coerce_struct(declared: &kuafu_def::StructType, entries: Vec<(Value, Value)>) -> Result<Value, String> {
    let mut fields: Vec<Value> = declared.fields.iter().map(|field| field.default.clone()).collect();
    for (key, value) in entries {
        let name = key.as_text().ok_or_else(|| format!("{} has named fields, not {}", declared.name, key.kind()))?;
        let no = declared
            .fields
            .iter()
            .position(|field| field.name == name)
            .ok_or_else(|| format!("{} has no field `{name}`", declared.name))?;
        fields[no] = coerce(&declared.fields[no].ty, value).map_err(|why| format!("field `{name}`: {why}"))?;
    }
    Ok(Value::List(fields))
}

/// The arguments of a call as its method declares them: those left out at the end take their defaults, each is converted
/// and within its bounds.
///
/// # Errors
/// [`Code::ArgumentInvalid`] with the method, the argument and what was expected.
pub fn fit_arguments(method: &Method, mut given: Vec<Value>, limits: &Limits) -> Result<Vec<Value>, Refusal> {
    let wrong = |text: String| Refusal::new(Code::ArgumentInvalid, format!("{}: {text}", method.name));
    method.fill_in(&mut given);
    if given.len() != method.arguments.len() {
        return Err(wrong(format!("{} arguments wanted, {} given", method.arguments.len(), given.len())));
    }
    let fit = |argument: &Argument, value| {
        let value = coerce(&argument.ty, value)?;
        argument.check(&value, limits)?;
        Ok(value)
    };
    let pairs = method.arguments.iter().zip(given);
    pairs
        .map(|(argument, value)| {
            fit(argument, value).map_err(|why: String| wrong(format!("argument `{}`: {why}", argument.name)))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use kuafu_core::MethodNo;
    use kuafu_def::{EnumType, Field, Part, StructType};

    use super::*;

    fn mood() -> Arc<EnumType> {
        Arc::new(EnumType { name: "Mood".into(), variants: vec!["calm".into(), "merry".into()] })
    }

    fn item() -> Arc<StructType> {
        let field = |name: &str, ty: Type, default| Field { default, ..Field::new(name, ty) };
        let fields =
            vec![field("mood", Type::Enum(mood()), Value::Int(0)), field("weight", Type::Float64, Value::Float(1.0))];
        Arc::new(StructType { name: "Item".into(), fields })
    }

    fn named(name: &str, value: impl Into<Value>) -> (Value, Value) {
        (Value::text(name), value.into())
    }

    #[track_caller]
    fn check(ty: &Type, loose: impl Into<Value>, declared: Value) {
        assert_eq!(coerce(ty, loose.into()), Ok(declared));
    }

    #[test]
    fn numbers_names_and_nothing_take_their_declared_form() {
        let int = Type::Int { bits: 32, signed: true, wide: false };
        check(&Type::Float64, 3, Value::Float(3.0));
        check(&int, Value::Float(3.0), 3.into());
        check(&int, Value::Float(3.5), Value::Float(3.5));
        check(&Type::Enum(mood()), "merry", 1.into());
        check(&Type::Bytes, "ab", Value::Bytes(b"ab"[..].into()));
        check(&Type::Entity(None), Value::Nil, Value::Entity(EntityId::NONE));
        assert!(coerce(&Type::Enum(mood()), "sad".into()).expect_err("no such mood").contains("calm, merry"));
    }

    #[test]
    fn a_table_with_names_becomes_a_struct_and_what_it_lacks_takes_its_default() {
        let ty = Type::Struct(item());
        check(&ty, Value::Map(vec![named("mood", "merry")]), Value::List(vec![1.into(), Value::Float(1.0)]));
        check(&ty, Value::List(vec![]), Value::List(vec![0.into(), Value::Float(1.0)]));
        let wrong = coerce(&ty, Value::Map(vec![named("colour", 1)]));
        assert_eq!(wrong, Err("Item has no field `colour`".to_owned()));
    }

    #[test]
    fn an_empty_table_is_any_container_and_a_map_is_sorted_by_its_keys() {
        let int = Arc::new(Type::Int { bits: 32, signed: true, wide: false });
        let (list, map) = (Type::List(int.clone()), Type::Map(int.clone(), int));
        check(&list, Value::Map(vec![]), Value::List(vec![]));
        check(&map, Value::List(vec![]), Value::Map(vec![]));
        let sorted = Value::Map(vec![(1.into(), 10.into()), (2.into(), 20.into())]);
        check(&map, Value::Map(vec![(2.into(), 20.into()), (Value::Float(1.0), 10.into())]), sorted.clone());
        check(&map, Value::List(vec![10.into(), 20.into()]), sorted);
    }

    #[test]
    fn vectors_of_a_script_have_three_parts_or_names() {
        let vector = |parts: &[f32]| Value::Vector(Quantity::from_slice(parts).expect("2 to 4 parts"));
        check(&Type::Vector(2), vector(&[1.0, 2.0, 0.0]), vector(&[1.0, 2.0]));
        let named = ["x", "y", "z", "w"].map(|name| named(name, 1)).to_vec();
        check(&Type::Vector(4), Value::Map(named), vector(&[1.0; 4]));
        assert!(coerce(&Type::Vector(4), Value::Map(vec![])).is_err());
    }

    #[test]
    fn arguments_left_out_take_their_defaults_and_the_others_must_be_there() {
        let argument = |name: &str, default| Argument { default, ..Argument::new(name, Type::Text) };
        let mut method = Method::new(MethodNo(1), "say", Part::Base);
        method.arguments = vec![argument("text", None), argument("tone", Some(Value::from("plain")))];
        let fit = |given| fit_arguments(&method, given, &Limits::default());
        assert_eq!(fit(vec![Value::from("hi")]), Ok(vec![Value::from("hi"), Value::from("plain")]));
        assert_eq!(fit(vec![Value::from("hi"), Value::from("loud")]), Ok(vec![Value::from("hi"), Value::from("loud")]));
        for wrong in [vec![], vec![Value::from("hi"); 3], vec![Value::Bool(true)]] {
            assert_eq!(fit(wrong).map_err(|refusal| refusal.code), Err(Code::ArgumentInvalid));
        }
    }
}
