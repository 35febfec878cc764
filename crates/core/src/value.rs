//! Values: what properties hold and what calls carry, before or after their definition gives them a type.

use std::cell::Cell;
use std::sync::Arc;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use crate::EntityId;

/// A value of any declared type.
///
/// Which variant stands for which type is fixed: every integer type is `Int` or, for `uint64` above 2^63, still `Int`
/// by its bit pattern; both float widths are `Float`; `struct` is `List` of its fields in declared order; an enum is
/// `Int` (its index). Maps keep their entries sorted by key and hold a key once.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum Value {
    /// No value: the result of a method that returns nothing.
    #[default]
    Nil,
    /// `bool`.
    Bool(bool),
    /// Every integer type and enums.
    Int(i64),
    /// `float32` and `float64`.
    Float(f64),
    /// `string`.
    Text(Arc<str>),
    /// `bytes`.
    Bytes(Arc<[u8]>),
    /// `vec2`, `vec3`, `vec4`: 2 to 4 numbers.
    Vector(Quantity),
    /// A reference to an entity.
    Entity(EntityId),
    /// `list<T>`, and structs as their fields in declared order.
    List(#[serde(deserialize_with = "nested")] Vec<Value>),
    /// `map<K, V>`, sorted by key.
    Map(#[serde(deserialize_with = "nested")] Vec<(Value, Value)>),
}

/// How many levels of containers are read; declared types have at most half as many. Deeper input is refused, since a
/// reader that calls itself would run out of stack on it.
const READ_DEPTH_MAX: u32 = 32;

/// Reads what is in a container, no deeper than [`READ_DEPTH_MAX`].
fn nested<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    thread_local!(static DEPTH: Cell<u32> = const { Cell::new(0) });
    let depth = DEPTH.get();
    if depth >= READ_DEPTH_MAX {
        return Err(D::Error::custom("a value is nested too deeply"));
    }
    DEPTH.set(depth + 1);
    let read = T::deserialize(deserializer);
    DEPTH.set(depth);
    read
}

/// Up to four coordinates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Quantity {
    /// How many of `parts` count, 2 to 4.
    pub len: u8,
    /// The coordinates; those beyond `len` are 0.
    pub parts: [f32; 4],
}

impl Quantity {
    /// The coordinates that count.
    #[must_use]
    pub fn as_slice(&self) -> &[f32] {
        &self.parts[..usize::from(self.len.min(4))]
    }

    /// A quantity of as many coordinates as given; `None` unless there are 2 to 4.
    #[must_use]
    pub fn from_slice(parts: &[f32]) -> Option<Self> {
        let mut quantity = Self { len: u8::try_from(parts.len()).ok()?, parts: [0.0; 4] };
        if !(2..=4).contains(&parts.len()) {
            return None;
        }
        quantity.parts[..parts.len()].copy_from_slice(parts);
        Some(quantity)
    }
}

impl Value {
    /// A text value.
    #[must_use]
    pub fn text(text: &str) -> Self {
        Self::Text(Arc::from(text))
    }

    /// What kind of value this is, for messages.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Nil => "nothing",
            Self::Bool(_) => "a bool",
            Self::Int(_) => "a whole number",
            Self::Float(_) => "a number",
            Self::Text(_) => "a text",
            Self::Bytes(_) => "bytes",
            Self::Vector(_) => "a vector",
            Self::Entity(_) => "an entity",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
        }
    }

    /// The whole number inside, if it is one.
    #[must_use]
    pub fn as_int(&self) -> Option<i64> {
        if let Self::Int(number) = self { Some(*number) } else { None }
    }

    /// The text inside, if it is one.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// The entity inside, if it is one.
    #[must_use]
    pub fn as_entity(&self) -> Option<EntityId> {
        if let Self::Entity(id) = self { Some(*id) } else { None }
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Bool(flag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantity_has_two_to_four_coordinates() {
        assert_eq!(Quantity::from_slice(&[1.0]), None);
        assert_eq!(Quantity::from_slice(&[1.0; 5]), None);
        let quantity = Quantity::from_slice(&[1.0, 2.0, 3.0]).expect("three coordinates");
        assert_eq!(quantity.as_slice(), [1.0, 2.0, 3.0]);
    }
}
