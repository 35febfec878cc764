//! Values as Rust types, for typed stubs and for logic in Rust.
//!
//! A [`Value`] knows its kind and not its declared type. What is read here was checked against the definition before, so
//! a value that does not fit says that code and definition differ. Whole numbers keep their range, texts, lists and maps
//! become the standard containers; [`value_enum!`](crate::value_enum) and [`value_struct!`](crate::value_struct) declare
//! what a game declares in `entities/types.toml`. `bytes` is `Arc<[u8]>`, because `Vec<u8>` is a `list<uint8>`.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::change::order;
use crate::{EntityId, Quantity, Value};

/// A value that is not of the Rust type that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}, found {found}")]
pub struct Unfit {
    /// What was asked for.
    pub expected: &'static str,
    /// What is there.
    pub found: String,
}

impl Unfit {
    /// The value is of another kind.
    #[must_use]
    pub fn kind(expected: &'static str, found: &Value) -> Self {
        Self { expected, found: found.kind().to_owned() }
    }
}

/// A Rust type that becomes a value.
pub trait IntoValue {
    /// The value.
    fn into_value(self) -> Value;
}

/// A Rust type that is made of a value.
pub trait FromValue: Sized {
    /// Reads the value.
    ///
    /// # Errors
    /// [`Unfit`] when it is of another kind or out of the type's range.
    fn from_value(value: &Value) -> Result<Self, Unfit>;
}

/// A `uint64 wide`: a plain `u64` ends where whole numbers of a [`Value`] end, at 2^63.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WideU64(pub u64);

impl IntoValue for Value {
    fn into_value(self) -> Value {
        self
    }
}

impl FromValue for Value {
    fn from_value(value: &Value) -> Result<Self, Unfit> {
        Ok(value.clone())
    }
}

impl IntoValue for () {
    fn into_value(self) -> Value {
        Value::Nil
    }
}

/// Reads anything: what a method without a result gives is of no interest.
impl FromValue for () {
    fn from_value(_: &Value) -> Result<Self, Unfit> {
        Ok(())
    }
}

impl IntoValue for bool {
    fn into_value(self) -> Value {
        Value::Bool(self)
    }
}

impl FromValue for bool {
    fn from_value(value: &Value) -> Result<Self, Unfit> {
        if let Value::Bool(flag) = value { Ok(*flag) } else { Err(Unfit::kind("a bool", value)) }
    }
}

macro_rules! whole_numbers {
    ($($ty:ident)*) => {
        $(
            impl FromValue for $ty {
                fn from_value(value: &Value) -> Result<Self, Unfit> {
                    let expected = stringify!($ty);
                    let Value::Int(number) = value else { return Err(Unfit::kind(expected, value)) };
                    Self::try_from(*number).map_err(|_| Unfit { expected, found: number.to_string() })
                }
            }
        )*
    };
}
whole_numbers!(i8 i16 i32 i64 u8 u16 u32 u64);

macro_rules! small_numbers {
    ($($ty:ident)*) => {
        $(
            impl IntoValue for $ty {
                fn into_value(self) -> Value {
                    Value::Int(i64::from(self))
                }
            }
        )*
    };
}
small_numbers!(i8 i16 i32 i64 u8 u16 u32);

/// A number beyond 2^63 becomes a negative one, which no property but a wide one takes: its check refuses it.
impl IntoValue for u64 {
    fn into_value(self) -> Value {
        Value::Int(self.cast_signed())
    }
}

impl IntoValue for WideU64 {
    fn into_value(self) -> Value {
        Value::Int(self.0.cast_signed())
    }
}

impl FromValue for WideU64 {
    fn from_value(value: &Value) -> Result<Self, Unfit> {
        i64::from_value(value).map(|number| Self(number.cast_unsigned()))
    }
}

macro_rules! fractions {
    ($($ty:ident)*) => {
        $(
            impl IntoValue for $ty {
                fn into_value(self) -> Value {
                    Value::Float(f64::from(self))
                }
            }

            impl FromValue for $ty {
                fn from_value(value: &Value) -> Result<Self, Unfit> {
                    match value {
                        Value::Float(number) => Ok(*number as $ty),
                        Value::Int(number) => Ok(*number as $ty),
                        other => Err(Unfit::kind("a number", other)),
                    }
                }
            }
        )*
    };
}
fractions!(f32 f64);

impl IntoValue for &str {
    fn into_value(self) -> Value {
        Value::text(self)
    }
}

impl IntoValue for String {
    fn into_value(self) -> Value {
        Value::Text(self.into())
    }
}

impl FromValue for String {
    fn from_value(value: &Value) -> Result<Self, Unfit> {
        value.as_text().map(str::to_owned).ok_or_else(|| Unfit::kind("a text", value))
    }
}

impl IntoValue for Arc<str> {
    fn into_value(self) -> Value {
        Value::Text(self)
    }
}

impl FromValue for Arc<str> {
    fn from_value(value: &Value) -> Result<Self, Unfit> {
        if let Value::Text(text) = value { Ok(Self::clone(text)) } else { Err(Unfit::kind("a text", value)) }
    }
}

impl IntoValue for Arc<[u8]> {
    fn into_value(self) -> Value {
        Value::Bytes(self)
    }
}

impl FromValue for Arc<[u8]> {
    fn from_value(value: &Value) -> Result<Self, Unfit> {
        if let Value::Bytes(bytes) = value { Ok(Self::clone(bytes)) } else { Err(Unfit::kind("bytes", value)) }
    }
}

impl IntoValue for EntityId {
    fn into_value(self) -> Value {
        Value::Entity(self)
    }
}

impl FromValue for EntityId {
    fn from_value(value: &Value) -> Result<Self, Unfit> {
        value.as_entity().ok_or_else(|| Unfit::kind("an entity", value))
    }
}

impl IntoValue for Option<EntityId> {
    fn into_value(self) -> Value {
        Value::Entity(self.unwrap_or(EntityId::NONE))
    }
}

/// No value is no entity: what a search gives that found none.
impl FromValue for Option<EntityId> {
    fn from_value(value: &Value) -> Result<Self, Unfit> {
        if *value == Value::Nil {
            return Ok(None);
        }
        EntityId::from_value(value).map(|id| (!id.is_none()).then_some(id))
    }
}

macro_rules! vectors {
    ($($len:literal $expected:literal)*) => {
        $(
            impl IntoValue for [f32; $len] {
                fn into_value(self) -> Value {
                    let mut parts = [0.0; 4];
                    parts[..$len].copy_from_slice(&self);
                    Value::Vector(Quantity { len: $len, parts })
                }
            }

            impl FromValue for [f32; $len] {
                fn from_value(value: &Value) -> Result<Self, Unfit> {
                    match value {
                        Value::Vector(Quantity { len: $len, parts }) => Ok(std::array::from_fn(|at| parts[at])),
                        other => Err(Unfit::kind($expected, other)),
                    }
                }
            }
        )*
    };
}
vectors!(2 "a vec2" 3 "a vec3" 4 "a vec4");

impl<T: IntoValue> IntoValue for Vec<T> {
    fn into_value(self) -> Value {
        Value::List(self.into_iter().map(IntoValue::into_value).collect())
    }
}

impl<T: FromValue> FromValue for Vec<T> {
    fn from_value(value: &Value) -> Result<Self, Unfit> {
        let Value::List(items) = value else { return Err(Unfit::kind("a list", value)) };
        items.iter().map(T::from_value).collect()
    }
}

impl<K: IntoValue, V: IntoValue> IntoValue for BTreeMap<K, V> {
    fn into_value(self) -> Value {
        let mut entries: Vec<_> = self.into_iter().map(|(k, v)| (k.into_value(), v.into_value())).collect();
        entries.sort_by(|a, b| order(&a.0, &b.0));
        Value::Map(entries)
    }
}

impl<K: FromValue + Ord, V: FromValue> FromValue for BTreeMap<K, V> {
    fn from_value(value: &Value) -> Result<Self, Unfit> {
        let Value::Map(entries) = value else { return Err(Unfit::kind("a map", value)) };
        entries.iter().map(|(k, v)| Ok((K::from_value(k)?, V::from_value(v)?))).collect()
    }
}

/// Declares a Rust enum for an enum of `entities/types.toml`: its variants in the declared order, each with its name
/// there. The first one is the default.
///
/// ```
/// kuafu_core::value_enum! {
///     /// What a thing is.
///     pub enum Kind {
///         /// Smells.
///         Flower = "flower",
///         Gem = "gem",
///     }
/// }
/// assert_eq!(Kind::default().name(), "flower");
/// ```
#[macro_export]
macro_rules! value_enum {
    ($(#[$meta:meta])* $vis:vis enum $name:ident {
        $(#[$first_meta:meta])* $first:ident = $first_name:literal
        $(, $(#[$rest_meta:meta])* $rest:ident = $rest_name:literal)* $(,)?
    }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
        $vis enum $name {
            #[default]
            #[doc = concat!("`", $first_name, "`")]
            $(#[$first_meta])*
            $first,
            $(#[doc = concat!("`", $rest_name, "`")] $(#[$rest_meta])* $rest,)*
        }

        impl $name {
            /// Every variant, in the declared order.
            $vis const ALL: &'static [Self] = &[Self::$first $(, Self::$rest)*];

            /// The name in the definition.
            #[must_use]
            $vis fn name(self) -> &'static str {
                match self { Self::$first => $first_name $(, Self::$rest => $rest_name)* }
            }
        }

        impl $crate::typed::IntoValue for $name {
            fn into_value(self) -> $crate::Value {
                $crate::Value::Int(self as i64)
            }
        }

        impl $crate::typed::FromValue for $name {
            fn from_value(value: &$crate::Value) -> Result<Self, $crate::typed::Unfit> {
                let index = value.as_int().and_then(|index| usize::try_from(index).ok());
                let variant = index.and_then(|index| Self::ALL.get(index)).copied();
                variant.ok_or_else(|| $crate::typed::Unfit::kind(stringify!($name), value))
            }
        }
    };
}

/// Declares a Rust struct for a struct of `entities/types.toml`: its fields in the declared order.
///
/// ```
/// kuafu_core::value_struct! {
///     /// A thing in a bag.
///     pub struct Item {
///         /// How heavy it is.
///         pub grams: u32,
///     }
/// }
/// ```
#[macro_export]
macro_rules! value_struct {
    ($(#[$meta:meta])* $vis:vis struct $name:ident {
        $($(#[$field_meta:meta])* $field_vis:vis $field:ident: $ty:ty),* $(,)?
    }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq)]
        $vis struct $name {
            $($(#[$field_meta])* $field_vis $field: $ty,)*
        }

        impl $crate::typed::IntoValue for $name {
            fn into_value(self) -> $crate::Value {
                $crate::Value::List(vec![$($crate::typed::IntoValue::into_value(self.$field)),*])
            }
        }

        impl $crate::typed::FromValue for $name {
            fn from_value(value: &$crate::Value) -> Result<Self, $crate::typed::Unfit> {
                let unfit = || $crate::typed::Unfit::kind(stringify!($name), value);
                let $crate::Value::List(fields) = value else { return Err(unfit()) };
                let mut fields = fields.iter();
                let read = Self {
                    $($field: $crate::typed::FromValue::from_value(fields.next().ok_or_else(unfit)?)?,)*
                };
                if fields.next().is_some() { Err(unfit()) } else { Ok(read) }
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    value_enum! {
        /// A colour.
        enum Colour { Red = "red", Blue = "blue" }
    }

    value_struct! {
        /// A dot.
        struct Dot { at: [f32; 2], colour: Colour, tags: Vec<String> }
    }

    fn dot() -> Dot {
        Dot { at: [1.0, 2.0], colour: Colour::Blue, tags: vec!["a".into()] }
    }

    #[test]
    fn what_becomes_a_value_comes_back_from_it() {
        assert_eq!(Dot::from_value(&dot().into_value()), Ok(dot()));
        let map: BTreeMap<String, Option<EntityId>> =
            [("b".into(), None), ("a".into(), Some(EntityId(7)))].into_iter().collect();
        assert_eq!(BTreeMap::from_value(&map.clone().into_value()), Ok(map));
        assert_eq!(WideU64::from_value(&WideU64(u64::MAX).into_value()), Ok(WideU64(u64::MAX)));
        assert_eq!(<Arc<[u8]>>::from_value(&Value::Bytes([1, 2].into())), Ok([1, 2].into()));
    }

    #[test]
    fn what_is_out_of_range_or_of_another_kind_says_so() {
        let said = u8::from_value(&Value::Int(300)).expect_err("too great").to_string();
        assert_eq!(said, "expected u8, found 300");
        assert!(u64::from_value(&Value::Int(-1)).is_err());
        assert!(Colour::from_value(&Value::Int(2)).is_err());
        assert!(Dot::from_value(&Value::List(vec![])).is_err());
        let Value::List(mut fields) = dot().into_value() else { panic!("a struct is a list of its fields") };
        fields.push(Value::Nil);
        assert!(Dot::from_value(&Value::List(fields)).is_err(), "a field too many");
        assert_eq!(Colour::ALL.iter().map(|colour| colour.name()).collect::<Vec<_>>(), ["red", "blue"]);
    }
}
