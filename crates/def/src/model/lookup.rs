//! Finding things in the model, and making its parts.

use std::fmt;
use std::sync::Arc;

use kuafu_core::{MethodNo, PropertyNo, TypeNo};

use super::{
    Argument, Component, Definitions, DetailLevel, EntityType, Exposed, Method, Part, Parts, Property, Type, Volatile,
};

/// Ancestors that are walked at most; the loader refuses longer lines.
pub(crate) const ANCESTORS_MAX: usize = 64;

impl Definitions {
    /// The entity type of a name; none for an abstract one.
    #[must_use]
    pub fn by_name(&self, name: &str) -> Option<&Arc<EntityType>> {
        self.types.values().find(|ty| ty.name == name)
    }

    /// The entity type of a name, be it abstract or not.
    #[must_use]
    pub fn by_name_or_abstract(&self, name: &str) -> Option<&Arc<EntityType>> {
        self.by_name(name).or_else(|| self.abstract_types.iter().find(|ty| ty.name == name))
    }

    /// The entity type of a number.
    #[must_use]
    pub fn get(&self, no: TypeNo) -> Option<&Arc<EntityType>> {
        self.types.get(&no)
    }

    /// The ancestors of an entity type, the nearest first, as far as they are known here.
    pub fn lineage<'a>(&'a self, ty: &'a EntityType) -> impl Iterator<Item = &'a Arc<EntityType>> {
        let parent = |ty: &EntityType| ty.parent.as_deref().and_then(|name| self.by_name_or_abstract(name));
        std::iter::successors(parent(ty), move |ty| parent(ty)).take(ANCESTORS_MAX)
    }

    /// Whether entities of a type are of the kind `name`: it is that type, or one of its ancestors.
    #[must_use]
    pub fn is_a(&self, ty: &EntityType, name: &str) -> bool {
        ty.name == name || ty.parent.as_deref() == Some(name) || self.lineage(ty).any(|ancestor| ancestor.name == name)
    }
}

impl EntityType {
    /// An entity type without members.
    #[must_use]
    pub fn new(no: TypeNo, name: impl Into<String>, parts: Parts) -> Self {
        Self {
            no,
            name: name.into(),
            parts,
            properties: Vec::new(),
            methods: Vec::new(),
            top_speed: None,
            traits: Vec::new(),
            parent: None,
            is_abstract: false,
            is_global: false,
            components: Vec::new(),
            detail_levels: Vec::new(),
            volatile: Volatile::default(),
            description: String::new(),
        }
    }

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

    /// The component in a slot.
    #[must_use]
    pub fn component(&self, slot: &str) -> Option<&Component> {
        self.components.iter().find(|component| component.slot == slot)
    }

    /// The distance of a detail level.
    #[must_use]
    pub fn detail_level(&self, name: &str) -> Option<&DetailLevel> {
        self.detail_levels.iter().find(|level| level.name == name)
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
    /// A method that takes nothing, returns nothing and is not exposed.
    #[must_use]
    pub fn new(no: MethodNo, name: impl Into<String>, part: Part) -> Self {
        let (name, description) = (name.into(), String::new());
        Self { no, name, part, exposed: Exposed::No, rate: None, arguments: Vec::new(), result: None, description }
    }

    /// Whether clients know the method: they may call it, or it is called on them.
    #[must_use]
    pub fn is_for_clients(&self) -> bool {
        self.exposed.is_exposed() || self.part == Part::Client
    }

    /// The slot of the component that it belongs to, and the name there; no slot for the entity's own.
    #[must_use]
    pub fn in_slot(&self) -> (Option<&str>, &str) {
        in_slot(&self.name)
    }
}

impl Argument {
    /// An argument that must be given and has no bounds.
    #[must_use]
    pub fn new(name: impl Into<String>, ty: Type) -> Self {
        Self { name: name.into(), ty, default: None, min: None, max: None, max_length: None }
    }
}

impl Property {
    /// A property that only its part sees, with the default of its type; not persistent.
    #[must_use]
    pub fn new(no: PropertyNo, name: impl Into<String>, ty: Type, part: Part) -> Self {
        Self {
            no,
            name: name.into(),
            default: ty.default_value(),
            ty,
            part,
            own_client: false,
            other_clients: false,
            cell_public: false,
            persistent: false,
            unique: false,
            indexed: false,
            items: false,
            detail: None,
            update: None,
            min: None,
            max: None,
            max_length: None,
            description: String::new(),
        }
    }

    /// Whether any client sees it.
    #[must_use]
    pub fn is_client_visible(&self) -> bool {
        self.own_client || self.other_clients
    }

    /// The slot of the component that it belongs to, and the name there; no slot for the entity's own.
    #[must_use]
    pub fn in_slot(&self) -> (Option<&str>, &str) {
        in_slot(&self.name)
    }

    /// Its type as it is written in definitions: `items<Item>` rather than the map that holds the items.
    #[must_use]
    pub fn type_text(&self) -> String {
        match &self.ty {
            Type::Map(_, item) if self.items => format!("items<{item}>"),
            ty => ty.to_string(),
        }
    }
}

fn in_slot(name: &str) -> (Option<&str>, &str) {
    name.split_once('.').map_or((None, name), |(slot, name)| (Some(slot), name))
}
