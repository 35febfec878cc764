//! Reading a client schema: text from a server, rebuilt into definitions with nothing taken on trust.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kuafu_core::{MethodNo, PropertyNo, Rate, TypeNo, Value};
use serde_json::Value as Json;

use super::{
    ArgumentJson, BoundsJson, EnumJson, ExposedJson, FORMAT, FieldJson, MethodJson, PartJson, PropertyJson,
    SchemaError, SchemaJson, StructJson, TypeJson, TypeTextJson, VolatileJson,
};
use crate::json::{DEFAULT_SIZE_MAX, default_from_json, size};
use crate::model::{
    Argument, Component, Definitions, Digest, EntityType, EnumType, Exposed, Field, Method, Parts, Property,
    StructType, TYPE_DEPTH_MAX, Type, Volatile,
};
use crate::type_text::{Found, Names, OnTheWire, TypeTextError, parse_type};

impl Definitions {
    /// The client-visible part of the definitions that a schema was written from. What a schema does not tell (what is
    /// persistent, the full digest, descriptions) is empty.
    ///
    /// # Errors
    /// [`SchemaError`] when the text is no schema; never a panic, whatever the text.
    pub fn from_client_schema_json(text: &str) -> Result<Self, SchemaError> {
        let schema: SchemaJson = serde_json::from_str(text)?;
        if schema.format != FORMAT {
            return Err(SchemaError::Format(schema.format));
        }
        let digest_client: Digest = schema.digest.parse()?;
        let mut reader = Reader::new(schema.structs, schema.enums)?;
        let mut types = BTreeMap::new();
        let mut names = BTreeSet::new();
        for json in schema.types {
            let ty = reader.entity(json)?;
            let name = format!("type {} {}", ty.no, ty.name);
            if !names.insert(ty.name.clone()) || types.insert(ty.no, Arc::new(ty)).is_some() {
                return Err(SchemaError::Duplicate(name));
            }
        }
        let abstract_types = reader.abstract_types(&names);
        let (structs, enums) = reader.into_parts();
        Ok(Self { abstract_types, types, structs, enums, digest_client, ..Self::default() })
    }
}

/// Rebuilds types; structs are resolved when they are first named, because they may name each other in any order.
struct Reader {
    structs: BTreeMap<String, StructJson>,
    resolved: BTreeMap<String, Type>,
    /// The names of the parents, each with its own parent.
    parents: BTreeMap<String, Option<String>>,
    /// The structs that are being resolved.
    open: Vec<String>,
    /// What was wrong with the first struct that could not be resolved.
    broken: Option<SchemaError>,
}

impl Reader {
    fn new(structs: BTreeMap<String, StructJson>, enums: BTreeMap<String, EnumJson>) -> Result<Self, SchemaError> {
        let mut reader =
            Self { structs, resolved: BTreeMap::new(), parents: BTreeMap::new(), open: Vec::new(), broken: None };
        for (name, EnumJson { variants }) in enums {
            reader.resolved.insert(name.clone(), Type::Enum(Arc::new(EnumType { name, variants })));
        }
        for name in reader.structs.keys().cloned().collect::<Vec<_>>() {
            if let Some(Type::Enum(_)) = reader.resolved.get(&name) {
                return Err(SchemaError::Duplicate(format!("the type {name}")));
            }
            let place = format!("the struct {name}");
            reader.ty(&name, || place)?;
        }
        Ok(reader)
    }

    fn into_parts(self) -> (Vec<Arc<StructType>>, Vec<Arc<EnumType>>) {
        let (mut structs, mut enums) = (Vec::new(), Vec::new());
        for ty in self.resolved.into_values() {
            match ty {
                Type::Struct(ty) => structs.push(ty),
                Type::Enum(ty) => enums.push(ty),
                _ => {}
            }
        }
        (structs, enums)
    }

    /// The parents that are no types of their own here, as far as a client knows them: their names.
    fn abstract_types(&self, types: &BTreeSet<String>) -> Vec<Arc<EntityType>> {
        let unknown = self.parents.iter().filter(|(name, _)| !types.contains(*name));
        let stub = |(name, parent): (&String, &Option<String>)| EntityType {
            parent: parent.clone(),
            is_abstract: true,
            ..EntityType::new(TypeNo(0), name, Parts::default())
        };
        unknown.map(|entry| Arc::new(stub(entry))).collect()
    }

    /// A type with the entity types of its references, if they can be read: an older reader does without them.
    fn typed(&mut self, text: &TypeTextJson, place: impl Fn() -> String) -> Result<Type, SchemaError> {
        let plain = self.ty(&text.ty, &place)?;
        let Some(typed) = &text.typed else { return Ok(plain) };
        let typed = self.ty(typed, &place).ok();
        Ok(typed.filter(|typed| OnTheWire(typed).to_string() == OnTheWire(&plain).to_string()).unwrap_or(plain))
    }

    fn ty(&mut self, text: &str, place: impl FnOnce() -> String) -> Result<Type, SchemaError> {
        parse_type(text, self)
            .map_err(|error| self.broken.take().unwrap_or_else(|| SchemaError::Type { place: place(), error }))
    }

    fn read_struct(&mut self, name: &str, json: StructJson) -> Result<Type, SchemaError> {
        let place = |field: &str| format!("the field {field} of {name}");
        let mut fields: Vec<Field> = Vec::with_capacity(json.fields.len());
        let mut default_size = 1;
        for FieldJson { name: field, ty, default, bounds } in json.fields {
            let ty = self.typed(&ty, || place(&field))?;
            let default = read_default(&ty, &default, || place(&field))?;
            default_size += size(&default);
            if fields.iter().any(|other| other.name == field) {
                return Err(SchemaError::Duplicate(place(&field)));
            }
            if default_size > DEFAULT_SIZE_MAX {
                return Err(SchemaError::Type { place: place(&field), error: TypeTextError::TooLarge });
            }
            let BoundsJson { min, max, max_length } = bounds;
            fields.push(Field { default, min, max, max_length, ..Field::new(field, ty) });
        }
        let ty = Type::Struct(Arc::new(StructType { name: name.to_owned(), fields }));
        ty.bounded().map_err(|error| SchemaError::Type { place: format!("the struct {name}"), error })
    }

    fn entity(&mut self, json: TypeJson) -> Result<EntityType, SchemaError> {
        let mut parts = Parts::default();
        for part in json.parts {
            match part {
                PartJson::Base => parts.base = true,
                PartJson::Cell => parts.cell = true,
                PartJson::Client => parts.client = true,
            }
        }
        let name = json.name;
        let properties = json.properties.into_iter().map(|json| self.property(&name, json));
        let mut properties = properties.collect::<Result<Vec<_>, _>>()?;
        let methods = json.methods.into_iter().map(|json| self.method(&name, json));
        let mut methods = methods.collect::<Result<Vec<_>, _>>()?;
        properties.sort_by_key(|property| property.no);
        methods.sort_by_key(|method| method.no);
        unique(properties.iter().map(|p| (p.no.0, p.name.as_str())), &name, "property")?;
        let keys: Vec<String> = methods.iter().map(|m| format!("{}.{}", m.part, m.name)).collect();
        unique(methods.iter().map(|m| m.no.0).zip(keys.iter().map(String::as_str)), &name, "method")?;
        for (at, parent) in json.parents.iter().enumerate() {
            self.parents.entry(parent.clone()).or_insert_with(|| json.parents.get(at + 1).cloned());
        }
        let components = json.components.into_iter();
        let components = components.map(|(slot, component)| Component { slot, component, ..Component::default() });
        Ok(EntityType {
            properties,
            methods,
            top_speed: json.top_speed,
            parent: json.parents.first().cloned(),
            components: components.collect(),
            volatile: json.volatile.map_or_else(Volatile::default, |VolatileJson { position, yaw }| Volatile {
                position: position.into(),
                yaw: yaw.into(),
            }),
            ..EntityType::new(TypeNo(json.no), name, parts)
        })
    }

    fn property(&mut self, entity: &str, json: PropertyJson) -> Result<Property, SchemaError> {
        let place = || format!("the property {} of {entity}", json.name);
        let ty = self.typed(&json.ty, place)?;
        let default = read_default(&ty, &json.default, place)?;
        let update = json.update.map(|text| text.parse::<Rate>()).transpose();
        Ok(Property {
            detail: json.detail.filter(|metres| metres.is_finite()),
            update: update.map_err(|error| SchemaError::Rate { place: place(), error })?,
            items: json.items && is_items(&ty),
            own_client: json.own_client,
            other_clients: json.other_clients,
            cell_public: json.other_clients,
            default,
            min: json.bounds.min,
            max: json.bounds.max,
            max_length: json.bounds.max_length,
            ..Property::new(PropertyNo(json.no), json.name, ty, json.part.into())
        })
    }

    fn method(&mut self, entity: &str, json: MethodJson) -> Result<Method, SchemaError> {
        let place = || format!("the method {} of {entity}", json.name);
        let mut arguments = Vec::with_capacity(json.arguments.len());
        for ArgumentJson { name, ty, default, bounds } in json.arguments {
            let ty = self.typed(&ty, place)?;
            let default = default.map(|json| read_default(&ty, &json, place)).transpose()?;
            let BoundsJson { min, max, max_length } = bounds;
            arguments.push(Argument { default, min, max, max_length, ..Argument::new(name, ty) });
        }
        let typed = json.result_typed;
        let result = json.result.map(|ty| TypeTextJson { ty, typed });
        let rate = json.rate.map(|text| text.parse::<Rate>()).transpose();
        Ok(Method {
            no: MethodNo(json.no),
            part: json.part.into(),
            exposed: match json.exposed {
                None => Exposed::No,
                Some(ExposedJson::Owner) => Exposed::Owner,
                Some(ExposedJson::View) => Exposed::View,
                Some(ExposedJson::Within(metres)) => Exposed::Within(metres),
            },
            rate: rate.map_err(|error| SchemaError::Rate { place: place(), error })?,
            arguments,
            result: result.map(|text| self.typed(&text, place)).transpose()?,
            name: json.name,
            description: String::new(),
        })
    }
}

impl Names for Reader {
    fn find(&mut self, name: &str) -> Found {
        if let Some(ty) = self.resolved.get(name) {
            return Found::Type(ty.clone());
        }
        if self.broken.is_some() {
            return Found::Broken;
        }
        // A struct that is being resolved is out of the map, but still open: it contains itself.
        if self.open.iter().any(|open| open == name) || self.open.len() >= TYPE_DEPTH_MAX {
            let place = format!("the struct {name}");
            self.broken = Some(SchemaError::Type { place, error: TypeTextError::TooDeep });
            return Found::Broken;
        }
        let Some(json) = self.structs.remove(name) else { return Found::Unknown };
        self.open.push(name.to_owned());
        let ty = self.read_struct(name, json);
        self.open.pop();
        match ty {
            Ok(ty) => {
                self.resolved.insert(name.to_owned(), ty.clone());
                Found::Type(ty)
            }
            Err(error) => {
                self.broken = Some(error);
                Found::Broken
            }
        }
    }

    fn all(&self) -> Vec<String> {
        self.resolved.keys().chain(self.structs.keys()).cloned().collect()
    }
}

fn is_items(ty: &Type) -> bool {
    matches!(ty, Type::Map(key, item) if **key == Type::Int { bits: 64, signed: false, wide: false } && matches!(**item, Type::Struct(_)))
}

fn read_default(ty: &Type, json: &Json, place: impl FnOnce() -> String) -> Result<Value, SchemaError> {
    default_from_json(ty, json).map_err(|error| SchemaError::Default { place: place(), error })
}

/// Refuses a number or a name that is there twice; the items are sorted by number.
fn unique<'a>(items: impl Iterator<Item = (u16, &'a str)>, entity: &str, what: &str) -> Result<(), SchemaError> {
    let (mut names, mut last) = (BTreeSet::new(), None);
    for (no, name) in items {
        if !names.insert(name) || last == Some(no) {
            return Err(SchemaError::Duplicate(format!("the {what} {no} {name} of {entity}")));
        }
        last = Some(no);
    }
    Ok(())
}
