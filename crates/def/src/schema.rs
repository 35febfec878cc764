//! The client schema: what a client may see of the definitions, as JSON.
//!
//! ```json
//! { "format": 1, "digest": "32 hexadecimal digits",
//!   "types": [{ "no": 1, "name": "avatar", "parts": ["base", "cell", "client"], "top_speed": 6.0,
//!     "properties": [{ "no": 1, "name": "gold", "type": "int64", "part": "base",
//!                      "own_client": true, "other_clients": false, "default": 0 }],
//!     "methods": [{ "no": 2, "name": "say", "part": "cell", "exposed": "owner", "rate": "3/s",
//!                   "arguments": [{ "name": "text", "type": "string", "max_length": 200 }], "result": "bool" }] }],
//!   "structs": { "Item": { "fields": [{ "name": "kind", "type": "uint16", "default": 0 }] } },
//!   "enums": { "Mood": { "variants": ["calm", "angry"] } } }
//! ```
//!
//! Types are sorted by number, and so are properties and methods; `parts` has only what is there. `exposed` is
//! `"owner"`, `"view"`, `{ "within": metres }`, or absent for methods of the client part. `top_speed`, `rate`, `min`,
//! `max`, `max_length` and `result` are absent when there is none; the first five are not part of the digest.
//! A property or method of a component is called `slot.name`; `components` of a type says which slots there are, and
//! what is in them: `{ "stats": "stats" }`. `parents` has the ancestors of a type, the nearest first. `items` is `true`
//! of a property whose keys are the ids of things. A reference is of the type `entity`; `typed` beside `type` gives the
//! text with the entity types, `list<entity<thing>>`. An argument's `default` is what it is when a caller leaves it out.
//! `detail` of a property is how far away, in metres, another client still gets it, and `update` how often: `"2/s"`.
//! `volatile` of a type says the same of movement: `{ "position": "always", "yaw": { "within": 25.0 } }`, or `"never"`.
//! All of these are absent when there is nothing to say, and none of them is part of the digest.
//!
//! Structs and enums are only those that occur in what clients see. A default is written as [`crate::json`] says.
//! A reader passes over fields that it does not know.

mod read;

use std::collections::{BTreeMap, BTreeSet};

use kuafu_core::Rate;
use kuafu_core::rate::NotARate;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::json::{JsonError, whole_value_to_json};
use crate::model::{
    Argument, Definitions, EntityType, Exposed, Field, Method, NotADigest, Part, Property, Spread, StructType, Type,
    Volatile,
};
use crate::type_text::{OnTheWire, TypeTextError};

/// The form of the schema that is written here, and the only one that is read.
const FORMAT: u32 = 1;

/// A text that is no client schema.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// It is no JSON, or JSON of another shape.
    #[error("the schema is not of the expected shape: {0}")]
    Json(#[from] serde_json::Error),
    /// It was written in a form that came later.
    #[error("the schema has format {0}, only {FORMAT} is known")]
    Format(u32),
    /// The digest is none.
    #[error("the digest of the schema: {0}")]
    Digest(#[from] NotADigest),
    /// A type text is wrong, or a struct contains itself.
    #[error("{place}: {error}")]
    Type {
        /// Where in the schema.
        place: String,
        /// What is wrong.
        error: TypeTextError,
    },
    /// A default does not fit its type.
    #[error("{place}: {error}")]
    Default {
        /// Where in the schema.
        place: String,
        /// What is wrong.
        error: JsonError,
    },
    /// A rate is none.
    #[error("{place}: {error}")]
    Rate {
        /// Where in the schema.
        place: String,
        /// What is wrong.
        error: NotARate,
    },
    /// Two things have the same number or name.
    #[error("{0} is there twice")]
    Duplicate(String),
}

#[derive(Serialize, Deserialize)]
struct SchemaJson {
    format: u32,
    digest: String,
    types: Vec<TypeJson>,
    structs: BTreeMap<String, StructJson>,
    enums: BTreeMap<String, EnumJson>,
}

#[derive(Serialize, Deserialize)]
struct TypeJson {
    no: u16,
    name: String,
    parts: Vec<PartJson>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    top_speed: Option<f32>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    parents: Vec<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    components: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    volatile: Option<VolatileJson>,
    properties: Vec<PropertyJson>,
    methods: Vec<MethodJson>,
}

#[derive(Serialize, Deserialize)]
struct VolatileJson {
    position: SpreadJson,
    yaw: SpreadJson,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum SpreadJson {
    Always,
    Never,
    Within(f32),
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum PartJson {
    Base,
    Cell,
    Client,
}

#[derive(Serialize, Deserialize)]
struct PropertyJson {
    no: u16,
    name: String,
    #[serde(flatten)]
    ty: TypeTextJson,
    #[serde(default, skip_serializing_if = "is_false")]
    items: bool,
    part: PartJson,
    own_client: bool,
    other_clients: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    detail: Option<f32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    update: Option<String>,
    default: Json,
    #[serde(flatten)]
    bounds: BoundsJson,
}

/// The text of a type, and the one with the entity types of its references when that is another.
#[derive(Clone, Serialize, Deserialize)]
struct TypeTextJson {
    #[serde(rename = "type")]
    ty: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    typed: Option<String>,
}

#[derive(Clone, Serialize, Deserialize)]
struct BoundsJson {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    min: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_length: Option<u32>,
}

#[derive(Serialize, Deserialize)]
struct MethodJson {
    no: u16,
    name: String,
    part: PartJson,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    exposed: Option<ExposedJson>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rate: Option<String>,
    arguments: Vec<ArgumentJson>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    result: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    result_typed: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ExposedJson {
    Owner,
    View,
    Within(f32),
}

#[derive(Serialize, Deserialize)]
struct ArgumentJson {
    name: String,
    #[serde(flatten)]
    ty: TypeTextJson,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    default: Option<Json>,
    #[serde(flatten)]
    bounds: BoundsJson,
}

#[derive(Clone, Serialize, Deserialize)]
struct StructJson {
    fields: Vec<FieldJson>,
}

#[derive(Clone, Serialize, Deserialize)]
struct FieldJson {
    name: String,
    #[serde(flatten)]
    ty: TypeTextJson,
    default: Json,
    #[serde(flatten)]
    bounds: BoundsJson,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}

#[derive(Serialize, Deserialize)]
struct EnumJson {
    variants: Vec<String>,
}

impl Definitions {
    /// What a client may see, as the JSON that the [module](self) describes. Equal definitions give equal texts.
    #[must_use]
    pub fn client_schema_json(&self) -> String {
        let names = self.names_for_clients();
        let structs = self.structs.iter().filter(|ty| names.contains(ty.name.as_str()));
        let enums = self.enums.iter().filter(|ty| names.contains(ty.name.as_str()));
        let schema = SchemaJson {
            format: FORMAT,
            digest: self.digest_client.to_string(),
            types: self.types.values().filter(|ty| ty.parts.client).map(|ty| self.type_json(ty)).collect(),
            structs: structs.map(|ty| (ty.name.clone(), struct_json(ty))).collect(),
            enums: enums.map(|ty| (ty.name.clone(), EnumJson { variants: ty.variants.clone() })).collect(),
        };
        serde_json::to_string(&schema).expect("keys are strings and numbers are finite, so JSON can hold them")
    }

    fn type_json(&self, ty: &EntityType) -> TypeJson {
        let properties: Vec<_> = ty.properties.iter().filter(|p| p.is_client_visible()).collect();
        let methods: Vec<_> = ty.methods.iter().filter(|m| m.is_for_clients()).collect();
        let slots: BTreeSet<&str> = properties
            .iter()
            .filter_map(|p| p.in_slot().0)
            .chain(methods.iter().filter_map(|m| m.in_slot().0))
            .collect();
        let seen = ty.components.iter().filter(|component| slots.contains(component.slot.as_str()));
        TypeJson {
            no: ty.no.0,
            name: ty.name.clone(),
            parts: Part::ALL.into_iter().filter(|part| ty.parts.has(*part)).map(PartJson::from).collect(),
            top_speed: ty.top_speed,
            parents: self.lineage(ty).map(|ancestor| ancestor.name.clone()).collect(),
            components: seen.map(|seen| (seen.slot.clone(), seen.component.clone())).collect(),
            volatile: volatile_json(ty.volatile),
            properties: properties.into_iter().map(property_json).collect(),
            methods: methods.into_iter().map(method_json).collect(),
        }
    }
}

impl TypeTextJson {
    fn of(ty: &Type) -> Self {
        let (plain, typed) = (OnTheWire(ty).to_string(), ty.to_string());
        Self { typed: (typed != plain).then_some(typed), ty: plain }
    }
}

fn property_json(property: &Property) -> PropertyJson {
    let Property { min, max, max_length, .. } = *property;
    PropertyJson {
        no: property.no.0,
        name: property.name.clone(),
        ty: TypeTextJson::of(&property.ty),
        items: property.items,
        part: property.part.into(),
        own_client: property.own_client,
        other_clients: property.other_clients,
        detail: property.detail,
        update: property.update.map(rate_text),
        default: whole_value_to_json(&property.ty, &property.default),
        bounds: BoundsJson { min, max, max_length },
    }
}

/// Nothing when all movement goes to all.
fn volatile_json(volatile: Volatile) -> Option<VolatileJson> {
    let Volatile { position, yaw } = volatile;
    (volatile != Volatile::default()).then(|| VolatileJson { position: position.into(), yaw: yaw.into() })
}

impl From<Spread> for SpreadJson {
    fn from(spread: Spread) -> Self {
        match spread {
            Spread::Always => Self::Always,
            Spread::Never => Self::Never,
            Spread::Within(metres) => Self::Within(metres),
        }
    }
}

impl From<SpreadJson> for Spread {
    fn from(spread: SpreadJson) -> Self {
        match spread {
            SpreadJson::Always => Self::Always,
            SpreadJson::Never => Self::Never,
            SpreadJson::Within(metres) => Self::Within(metres),
        }
    }
}

fn method_json(method: &Method) -> MethodJson {
    let argument = |argument: &Argument| ArgumentJson {
        name: argument.name.clone(),
        ty: TypeTextJson::of(&argument.ty),
        default: argument.default.as_ref().map(|default| whole_value_to_json(&argument.ty, default)),
        bounds: BoundsJson { min: argument.min, max: argument.max, max_length: argument.max_length },
    };
    let result = method.result.as_ref().map(TypeTextJson::of);
    let (result, result_typed) = result.map_or((None, None), |TypeTextJson { ty, typed }| (Some(ty), typed));
    MethodJson {
        no: method.no.0,
        name: method.name.clone(),
        part: method.part.into(),
        exposed: match method.exposed {
            Exposed::No => None,
            Exposed::Owner => Some(ExposedJson::Owner),
            Exposed::View => Some(ExposedJson::View),
            Exposed::Within(metres) => Some(ExposedJson::Within(metres)),
        },
        rate: method.rate.map(rate_text),
        arguments: method.arguments.iter().map(argument).collect(),
        result,
        result_typed,
    }
}

/// A rate as it is written in definitions.
fn rate_text(rate: Rate) -> String {
    let unit = match rate.span.as_secs() {
        3600 => "h",
        60 => "min",
        _ => "s",
    };
    format!("{}/{unit}", rate.count)
}

fn struct_json(ty: &StructType) -> StructJson {
    let field = |field: &Field| FieldJson {
        name: field.name.clone(),
        ty: TypeTextJson::of(&field.ty),
        default: whole_value_to_json(&field.ty, &field.default),
        bounds: BoundsJson { min: field.min, max: field.max, max_length: field.max_length },
    };
    StructJson { fields: ty.fields.iter().map(field).collect() }
}

impl From<Part> for PartJson {
    fn from(part: Part) -> Self {
        match part {
            Part::Base => Self::Base,
            Part::Cell => Self::Cell,
            Part::Client => Self::Client,
        }
    }
}

impl From<PartJson> for Part {
    fn from(part: PartJson) -> Self {
        match part {
            PartJson::Base => Self::Base,
            PartJson::Cell => Self::Cell,
            PartJson::Client => Self::Client,
        }
    }
}
