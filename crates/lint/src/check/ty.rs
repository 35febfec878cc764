//! What the checks know of a value: as much as is certain, and else nothing.

use kuafu_def::{Part, Type};

use crate::api::API;
use crate::library::Library;
use crate::syntax::TypeText;
use crate::world::{ViewNo, World};

/// What is known of a value. A value of a known kind may still be nil: nothing is concluded from that.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ty<'w> {
    Unknown,
    Nil,
    Bool,
    /// With its value where it is written out.
    Number(Option<f64>),
    /// The run-time id of an entity.
    RuntimeId,
    Text(Option<&'w str>),
    /// The name of an entity type.
    TypeName,
    Vector,
    Function,
    /// A table of the script's own.
    Table,
    Entity(Option<ViewNo>),
    Entities(Option<ViewNo>),
    /// `self`, or a component of it.
    Own(ViewNo, Part),
    /// `x.base`, `x.cell`
    Calls(Option<ViewNo>, Part),
    /// Who provides a service: some part of some type.
    Provider,
    /// `self.client`, `self.others` …
    Clients(Option<ViewNo>),
    /// What a call gives, to be awaited.
    Pending(Answer<'w>),
    /// What a call of clients gives.
    NoAnswer,
    /// A struct, list, map or enum of the definitions.
    Declared(&'w Type, Origin),
    /// The table `kuafu`.
    Kuafu,
    /// A table in `kuafu`.
    Namespace(&'static str),
    Library(&'static Library),
    /// `kuafu.data`
    Data,
    DataTable(&'w str),
    DataRow(&'w str),
    DataRows(&'w str),
}

/// Where a declared value lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// In a property: it keeps its form.
    Property { persistent: bool },
    /// In a plain table, which may get other fields.
    Plain,
}

/// What a call answers.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Answer<'w> {
    Unknown,
    Entity(Option<ViewNo>),
    Declared(&'w Type),
}

impl<'w> Ty<'w> {
    /// The value of a declared type.
    pub(crate) fn declared(world: &World<'w>, ty: &'w Type, origin: Origin) -> Self {
        match ty {
            Type::Bool => Self::Bool,
            // Wide numbers are things of their own in scripts.
            Type::Int { wide: true, .. } => Self::Unknown,
            Type::Int { .. } | Type::Float32 | Type::Float64 => Self::Number(None),
            Type::Text | Type::Bytes => Self::Text(None),
            Type::Vector(2 | 3) => Self::Vector,
            Type::Vector(_) => Self::Unknown,
            Type::Entity(name) => Self::Entity(name.as_deref().and_then(|name| world.type_view(name))),
            Type::List(_) | Type::Map(..) | Type::Struct(_) | Type::Enum(_) => Self::Declared(ty, origin),
        }
    }

    /// The value of a type that is written in a script or in the API. `entity` is which kind of entity `Entity` is.
    pub(crate) fn annotated(
        world: &World<'w>,
        text: &TypeText<'_>,
        own_types: &[&str],
        entity: Option<ViewNo>,
    ) -> Self {
        match text {
            TypeText::Name(name) if own_types.contains(name) => Self::Unknown,
            TypeText::Name("number") => Self::Number(None),
            TypeText::Name("string") => Self::Text(None),
            TypeText::Name("boolean") => Self::Bool,
            TypeText::Name("vector") => Self::Vector,
            TypeText::Name("Entity") => Self::Entity(entity),
            TypeText::Name("ClientCalls") => Self::Clients(None),
            TypeText::Name("Calls") => Self::Provider,
            TypeText::Of("Pending", answer) => match **answer {
                TypeText::Name("Entity") => Self::Pending(Answer::Entity(entity)),
                _ => Self::Pending(Answer::Unknown),
            },
            TypeText::Name(name) if API.is_type(name) => Self::Unknown,
            TypeText::Name(name) => match (world.annotated(name), world.annotated_own(name)) {
                (Some(view), _) => Self::Entity(Some(view)),
                (None, Some((view, part))) => Self::Own(view, part),
                (None, None) => Self::Unknown,
            },
            TypeText::Optional(inner) => Self::annotated(world, inner, own_types, entity),
            TypeText::List(inner) => match Self::annotated(world, inner, own_types, entity) {
                Self::Entity(view) => Self::Entities(view),
                _ => Self::Unknown,
            },
            TypeText::Text(_) => Self::Text(None),
            TypeText::Function(_) => Self::Function,
            TypeText::Record(_) | TypeText::Of(..) | TypeText::Either(_) | TypeText::Both(_) | TypeText::Other => {
                Self::Unknown
            }
        }
    }

    pub(crate) fn answered(world: &World<'w>, answer: Answer<'w>) -> Self {
        match answer {
            Answer::Unknown => Self::Unknown,
            Answer::Entity(view) => Self::Entity(view),
            Answer::Declared(ty) => Self::declared(world, ty, Origin::Plain),
        }
    }

    /// What it is, in words, when that is certain.
    pub(crate) fn words(self) -> Option<&'static str> {
        Some(match self {
            Self::Nil => "nil",
            Self::Bool => "a boolean",
            Self::Number(_) | Self::RuntimeId => "a number",
            Self::Text(_) | Self::TypeName => "a string",
            Self::Vector => "a vector",
            Self::Function => "a function",
            Self::Table => "a table",
            Self::Entity(_) => "an entity",
            Self::Entities(_) => "a list of entities",
            Self::Own(..) => "the entity itself",
            Self::Calls(..) | Self::Provider | Self::Clients(_) => "a part to call",
            Self::Pending(_) => "a call that was not awaited",
            Self::NoAnswer => "nothing",
            Self::Declared(Type::Struct(_), _) => "a struct",
            Self::Declared(Type::List(_), _) => "a list",
            Self::Declared(Type::Map(..), _) => "a map",
            Self::Declared(Type::Enum(_), _) => "the name of a variant",
            Self::Kuafu | Self::Namespace(_) | Self::Library(_) => "a library",
            Self::Data | Self::DataTable(_) | Self::DataRow(_) | Self::DataRows(_) => "a part of the data tables",
            Self::Declared(..) | Self::Unknown => return None,
        })
    }

    pub(crate) fn is_function(self) -> bool {
        matches!(self, Self::Function)
    }

    /// Whether as a key it is placed by where it lies in memory.
    pub(crate) fn is_by_address(self) -> bool {
        matches!(self, Self::Entity(_) | Self::Own(..) | Self::Table | Self::Function)
    }
}
