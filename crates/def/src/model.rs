//! The data model: entity types with their properties and methods, and the types of values.
//!
//! Everything here is checked by whoever builds it (the loader, or the reader of a client schema): names are unique,
//! numbers stable, types no deeper than [`TYPE_DEPTH_MAX`], defaults fit their types. It is plain data, shared by
//! `Arc`, and knows nothing of files or of the protocol.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use kuafu_core::{MethodNo, PropertyNo, Rate, TypeNo, Value};
use serde::{Deserialize, Serialize};

/// Levels of nesting of a type, aliases and structs resolved: `bool` is 1, `list<bool>` is 2. A deeper type is refused.
pub const TYPE_DEPTH_MAX: usize = 16;

/// Parts of which a type consists when every struct in it is written out. A larger type is refused.
pub const TYPE_SIZE_MAX: usize = 4_096;

/// Characters of the name of a type, property, method, argument, field or variant. A longer one is refused.
pub const NAME_LENGTH_MAX: usize = 64;

/// The greatest whole number that every client holds exactly; the bound of 64-bit integers that are not `wide`.
pub const EXACT_INT_MAX: i64 = 1 << 53;

/// All entity types of a game, and the types they share.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Definitions {
    /// The entity types by their stable numbers.
    pub types: BTreeMap<TypeNo, Arc<EntityType>>,
    /// The structs, sorted by name.
    pub structs: Vec<Arc<StructType>>,
    /// The enums, sorted by name.
    pub enums: Vec<Arc<EnumType>>,
    /// Over all that a client can see. A client and a server with equal digests understand each other.
    pub digest_client: Digest,
    /// Over everything. Zero in definitions that were read from a client schema.
    pub digest_full: Digest,
}

/// The first 16 bytes of a BLAKE3 hash; shown as 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Digest(pub [u8; 16]);

/// A kind of entity.
#[derive(Clone, Debug, PartialEq)]
pub struct EntityType {
    /// The stable number.
    pub no: TypeNo,
    /// The name, which is that of the definition file.
    pub name: String,
    /// Which parts entities of this type have.
    pub parts: Parts,
    /// The properties, its own and those of its traits, sorted by number.
    pub properties: Vec<Property>,
    /// The methods, its own and those of its traits, sorted by number.
    pub methods: Vec<Method>,
    /// How fast a client may move the entity, in metres per second; `None` is no limit.
    pub top_speed: Option<f32>,
    /// The traits it is mixed from, those used by traits included, each once, the used before the user.
    pub traits: Vec<String>,
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

/// A property of an entity type.
#[derive(Clone, Debug, PartialEq)]
pub struct Property {
    /// The stable number within the entity type.
    pub no: PropertyNo,
    /// The name.
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
    /// The name, unique within the part.
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
    /// The least number it takes.
    pub min: Option<f64>,
    /// The greatest number it takes.
    pub max: Option<f64>,
    /// Characters of a string, bytes of a `bytes`, items of a list, entries of a map.
    pub max_length: Option<u32>,
}

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
    /// A run-time reference to an entity; cannot be persisted.
    Entity,
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
}

/// A declared enum: a value is the index of one of the variants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnumType {
    /// The name.
    pub name: String,
    /// The variants, in declared order; at least one.
    pub variants: Vec<String>,
}

impl Definitions {
    /// The entity type of a name.
    #[must_use]
    pub fn by_name(&self, name: &str) -> Option<&Arc<EntityType>> {
        self.types.values().find(|ty| ty.name == name)
    }

    /// The entity type of a number.
    #[must_use]
    pub fn get(&self, no: TypeNo) -> Option<&Arc<EntityType>> {
        self.types.get(&no)
    }
}

impl EntityType {
    /// The property of a number.
    #[must_use]
    pub fn property(&self, no: PropertyNo) -> Option<&Property> {
        self.properties.binary_search_by_key(&no, |p| p.no).ok().map(|at| &self.properties[at])
    }

    /// The property of a name.
    #[must_use]
    pub fn property_by_name(&self, name: &str) -> Option<&Property> {
        self.properties.iter().find(|p| p.name == name)
    }

    /// The method of a number.
    #[must_use]
    pub fn method(&self, no: MethodNo) -> Option<&Method> {
        self.methods.binary_search_by_key(&no, |m| m.no).ok().map(|at| &self.methods[at])
    }

    /// The method of a name on a part.
    #[must_use]
    pub fn method_by_name(&self, part: Part, name: &str) -> Option<&Method> {
        self.methods.iter().find(|m| m.part == part && m.name == name)
    }

    /// Whether entities of this type have anything to save.
    #[must_use]
    pub fn is_persistent(&self) -> bool {
        self.properties.iter().any(|p| p.persistent)
    }
}

impl Parts {
    /// Whether the part is there.
    #[must_use]
    pub fn has(self, part: Part) -> bool {
        match part {
            Part::Base => self.base,
            Part::Cell => self.cell,
            Part::Client => self.client,
        }
    }
}

impl Part {
    /// Every part, in the order of the codes.
    pub const ALL: [Self; 3] = [Self::Base, Self::Cell, Self::Client];

    /// The stable code: 0, 1 or 2.
    #[must_use]
    pub fn code(self) -> u8 {
        self as u8
    }

    /// The part of a code, if there is one.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }

    /// The word in definition files: `base`, `cell` or `client`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Base => "base",
            Self::Cell => "cell",
            Self::Client => "client",
        }
    }

    /// The part of a word, if there is one.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|part| part.name() == name)
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Exposed {
    /// Whether any client may call the method.
    #[must_use]
    pub fn is_exposed(self) -> bool {
        self != Self::No
    }
}

impl Method {
    /// Whether clients know the method: they may call it, or it is called on them.
    #[must_use]
    pub fn is_for_clients(&self) -> bool {
        self.exposed.is_exposed() || self.part == Part::Client
    }
}

impl Property {
    /// Whether any client sees it.
    #[must_use]
    pub fn is_client_visible(&self) -> bool {
        self.own_client || self.other_clients
    }
}

impl Digest {
    /// The digest of some bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let mut digest = [0; 16];
        digest.copy_from_slice(&blake3::hash(bytes).as_bytes()[..16]);
        Self(digest)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A text that is not a digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a digest has 32 hexadecimal digits")]
pub struct NotADigest;

impl FromStr for Digest {
    type Err = NotADigest;

    fn from_str(text: &str) -> Result<Self, NotADigest> {
        let bytes = crate::json::bytes_from_hex(text).ok_or(NotADigest)?;
        bytes.try_into().map(Self).map_err(|_| NotADigest)
    }
}
