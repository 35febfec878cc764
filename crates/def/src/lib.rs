//! Entity definitions: what kinds of entities a game has, their stable numbers and their digests.
//!
//! A game describes its entities in `entities/*.toml`; [`Definitions::load`] reads them into the [`model`], every
//! problem with file, line and column. The rest of the platform works with the model alone: it checks values
//! ([`check`]), persists them as readable JSON ([`json`]) and tells clients what they may see ([`schema`]). Reading
//! the definition files is the only I/O here. Nothing here knows of roles, sockets, SQL or scripts.

pub mod check;
mod digest;
pub mod json;
pub mod load;
pub mod model;
mod names;
pub mod schema;
pub mod toml_value;
mod type_text;

pub use json::{JsonError, default_from_json as value_from_json_strict, value_from_json, value_to_json};
pub use load::{Loaded, Problem};
pub use model::{
    Argument, Component, Definitions, DetailLevel, Digest, EntityType, EnumType, Exposed, Field, Method, Part, Parts,
    Property, Spread, StructType, Type, Volatile,
};
pub use names::{is_member, nearest as nearest_name};
pub use schema::SchemaError;
pub use type_text::TypeTextError;
