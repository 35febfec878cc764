//! The data model: entity types with their properties and methods, and the types of values.
//!
//! Everything here is checked by whoever builds it (the loader, or the reader of a client schema): names are unique,
//! numbers stable, types no deeper than [`TYPE_DEPTH_MAX`], defaults fit their types. What an entity type has of its
//! parents, traits and components is written out in it, so that who works with it needs no other. It is plain data,
//! shared by `Arc`, and knows nothing of files or of the protocol.

mod hash;
mod lookup;
mod value_type;

use std::collections::BTreeMap;
use std::sync::Arc;

use kuafu_core::{MethodNo, PropertyNo, Rate, TypeNo, Value};
use serde::{Deserialize, Serialize};

pub use hash::{Digest, NotADigest};
pub(crate) use lookup::ANCESTORS_MAX;
pub use value_type::{EnumType, Field, StructType, Type};

/// Levels of nesting of a type, aliases and structs resolved: `bool` is 1, `list<bool>` is 2. A deeper type is refused.
pub const TYPE_DEPTH_MAX: usize = 16;

/// Parts of which a type consists when every struct in it is written out. A larger type is refused.
pub const TYPE_SIZE_MAX: usize = 4_096;

/// Characters of the name of a type, property, method, argument, field, variant or slot. A longer one is refused.
pub const NAME_LENGTH_MAX: usize = 64;

/// The greatest whole number that every client holds exactly; the bound of 64-bit integers that are not `wide`.
pub const EXACT_INT_MAX: i64 = 1 << 53;

/// All entity types of a game, and the types they share.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Definitions {
    /// The entity types of which there can be entities, by their stable numbers.
    pub types: BTreeMap<TypeNo, Arc<EntityType>>,
    /// The entity types that are only parents, sorted by name. They have no numbers, nor have their members.
    pub abstract_types: Vec<Arc<EntityType>>,
    /// The structs, sorted by name.
    pub structs: Vec<Arc<StructType>>,
    /// The enums, sorted by name.
    pub enums: Vec<Arc<EnumType>>,
    /// Over all that a client can see. A client and a server with equal digests understand each other.
    pub digest_client: Digest,
    /// Over everything. Zero in definitions that were read from a client schema.
    pub digest_full: Digest,
}

/// A kind of entity.
#[derive(Clone, Debug, PartialEq)]
pub struct EntityType {
    /// The stable number; 0 of an abstract type.
    pub no: TypeNo,
    /// The name, which is that of the definition file.
    pub name: String,
    /// Which parts entities of this type have.
    pub parts: Parts,
    /// The properties, its own and those of its ancestors, traits and components, sorted by number.
    pub properties: Vec<Property>,
    /// The methods, its own and those of its ancestors, traits and components, sorted by number.
    pub methods: Vec<Method>,
    /// How fast a client may move the entity, in metres per second; `None` is no limit.
    pub top_speed: Option<f32>,
    /// The traits it adds to those of its ancestors, those used by traits included, each once, the used before the user.
    pub traits: Vec<String>,
    /// The entity type that it inherits from: [`Definitions::lineage`] gives all.
    pub parent: Option<String>,
    /// It is only a parent: there are no entities of it.
    pub is_abstract: bool,
    /// There is exactly one entity of it in a realm, made at the start, and its name finds it.
    pub is_global: bool,
    /// The components, those of its ancestors first, each with its slot; their members are among the type's own.
    pub components: Vec<Component>,
    /// The named distances within which other clients get properties, the nearest first.
    pub detail_levels: Vec<DetailLevel>,
    /// What of its movement others get.
    pub volatile: Volatile,
    /// For people.
    pub description: String,
}

/// Which parts an entity type has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Parts {
    /// The anchor; not in space.
    pub base: bool,
    /// Lives in a space.
    pub cell: bool,
    /// Clients know the type.
    pub client: bool,
}

/// One part of an entity. The discriminants are its stable codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[repr(u8)]
pub enum Part {
    /// The anchor; not in space.
    Base = 0,
    /// In a space.
    Cell = 1,
    /// At a client.
    Client = 2,
}

/// A component in its slot. Its property `hp` is the type's property `SLOT.hp`, and so for its methods.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Component {
    /// Under which name the entity has it.
    pub slot: String,
    /// The component's type: the name of its definition file. Empty in definitions that were read from a client schema.
    pub component: String,
    /// The traits that the component is mixed from, those used by traits included, the used before the user.
    pub traits: Vec<String>,
    /// For people.
    pub description: String,
}

/// A named distance within which other clients get certain properties.
#[derive(Clone, Debug, PartialEq)]
pub struct DetailLevel {
    /// The name.
    pub name: String,
    /// Metres between the entity and who sees it.
    pub metres: f32,
}

/// What of an entity's movement the clients get that have it in view.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Volatile {
    /// Where it is.
    pub position: Spread,
    /// Where it looks.
    pub yaw: Spread,
}

/// How far a piece of movement goes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Spread {
    /// To all who have the entity in view.
    #[default]
    Always,
    /// To nobody: what it was on entering the view stays.
    Never,
    /// To those who are at most so many metres away.
    Within(f32),
}

/// A property of an entity type.
#[derive(Clone, Debug, PartialEq)]
pub struct Property {
    /// The stable number within the entity type.
    pub no: PropertyNo,
    /// The name; `slot.name` for a property of a component.
    pub name: String,
    /// What it holds.
    pub ty: Type,
    /// The part that owns it: [`Part::Base`] or [`Part::Cell`].
    pub part: Part,
    /// The client that plays the entity sees it.
    pub own_client: bool,
    /// Clients that have the entity in view see it.
    pub other_clients: bool,
    /// Ghosts carry it, so that entities in neighbouring cells can read it. Always so for `other_clients`.
    pub cell_public: bool,
    /// It is saved to the database.
    pub persistent: bool,
    /// No two records of the type hold the same value.
    pub unique: bool,
    /// Records can be looked up by it.
    pub indexed: bool,
    /// It holds unique things, `items<Struct>`: the type is `map<uint64, Struct>`, the keys are the things' ids, and it
    /// is saved as a table of its own.
    pub items: bool,
    /// Other clients get it only when they are at most so many metres away.
    pub detail: Option<f32>,
    /// Other clients get changes of it at most so often: the newest value, which is never lost.
    pub update: Option<Rate>,
    /// What it holds in a new entity.
    pub default: Value,
    /// The least number it takes.
    pub min: Option<f64>,
    /// The greatest number it takes.
    pub max: Option<f64>,
    /// Characters of a string, bytes of a `bytes`, items of a list, entries of a map.
    pub max_length: Option<u32>,
    /// For people.
    pub description: String,
}

/// A method of an entity type.
#[derive(Clone, Debug, PartialEq)]
pub struct Method {
    /// The stable number within the entity type, over all parts.
    pub no: MethodNo,
    /// The name, unique within the part; `slot.name` for a method of a component.
    pub name: String,
    /// Where it runs.
    pub part: Part,
    /// Which clients may call it.
    pub exposed: Exposed,
    /// How often one client may call it; `None` is no limit of its own.
    pub rate: Option<Rate>,
    /// What a call carries, in order.
    pub arguments: Vec<Argument>,
    /// What a call returns; `None` is nothing.
    pub result: Option<Type>,
    /// For people.
    pub description: String,
}

/// Which clients may call a method.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Exposed {
    /// None.
    #[default]
    No,
    /// The client that plays the entity.
    Owner,
    /// Any client that has the entity in view. Cell methods only.
    View,
    /// Any client whose own entity is at most so many metres away. Cell methods only.
    Within(f32),
}

/// An argument of a method.
#[derive(Clone, Debug, PartialEq)]
pub struct Argument {
    /// The name.
    pub name: String,
    /// What it holds.
    pub ty: Type,
    /// What it is when a caller leaves it out; only the last arguments have one. A call on the wire carries all.
    pub default: Option<Value>,
    /// The least number it takes.
    pub min: Option<f64>,
    /// The greatest number it takes.
    pub max: Option<f64>,
    /// Characters of a string, bytes of a `bytes`, items of a list, entries of a map.
    pub max_length: Option<u32>,
}
