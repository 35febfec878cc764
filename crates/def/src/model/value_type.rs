//! The types of values: what is built in, and the structs and enums that a game declares.

use std::sync::Arc;

use kuafu_core::Value;

/// The type of a value. Which [`Value`] variant stands for which type is said at [`Value`].
#[derive(Clone, Debug, PartialEq)]
pub enum Type {
    /// `bool`.
    Bool,
    /// `int8` to `int64`, `uint8` to `uint64`.
    Int {
        /// 8, 16, 32 or 64.
        bits: u8,
        /// `int` rather than `uint`.
        signed: bool,
        /// The whole range of 64 bits instead of ±2^53.
        wide: bool,
    },
    /// `float32`.
    Float32,
    /// `float64`.
    Float64,
    /// `string`.
    Text,
    /// `bytes`.
    Bytes,
    /// `vec2`, `vec3`, `vec4`: so many 32-bit floats.
    Vector(u8),
    /// `entity` or `entity<thing>`: a run-time reference to an entity; cannot be persisted. The entity type that it
    /// should have is for checks of scripts and for editors: on the wire there is only an entity.
    Entity(Option<Arc<str>>),
    /// `list<T>`.
    List(Arc<Type>),
    /// `map<K, V>`; keys are whole numbers, strings, bools, entities or enums.
    Map(Arc<Type>, Arc<Type>),
    /// A declared struct.
    Struct(Arc<StructType>),
    /// A declared enum.
    Enum(Arc<EnumType>),
}

/// A declared struct: named fields in a fixed order.
#[derive(Clone, Debug, PartialEq)]
pub struct StructType {
    /// The name.
    pub name: String,
    /// The fields, in declared order.
    pub fields: Vec<Field>,
}

/// A field of a struct.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// The name.
    pub name: String,
    /// What it holds.
    pub ty: Type,
    /// What it holds when nothing is said.
    pub default: Value,
    /// It is saved where its struct is; else it has its default again after a load.
    pub persistent: bool,
    /// The least number it takes.
    pub min: Option<f64>,
    /// The greatest number it takes.
    pub max: Option<f64>,
    /// Characters of a string, bytes of a `bytes`, items of a list, entries of a map.
    pub max_length: Option<u32>,
}

/// A declared enum: a value is the index of one of the variants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnumType {
    /// The name.
    pub name: String,
    /// The variants, in declared order; at least one.
    pub variants: Vec<String>,
}

impl Field {
    /// A field with the default of its type and without bounds.
    #[must_use]
    pub fn new(name: impl Into<String>, ty: Type) -> Self {
        let default = ty.default_value();
        Self { name: name.into(), ty, default, persistent: true, min: None, max: None, max_length: None }
    }
}

impl Type {
    /// Whether a value holds a reference to an entity.
    #[must_use]
    pub fn holds_entity(&self) -> bool {
        match self {
            Self::Entity(_) => true,
            Self::List(item) => item.holds_entity(),
            Self::Map(key, item) => key.holds_entity() || item.holds_entity(),
            Self::Struct(ty) => ty.fields.iter().any(|field| field.ty.holds_entity()),
            _ => false,
        }
    }
}
