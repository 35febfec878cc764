//! From the definition of a property to the schema with which the prelude checks what scripts write.

use kuafu_core::{Limits, PropertyNo};
use kuafu_def::model::EXACT_INT_MAX;
use kuafu_def::{Field, Property, Type};
use mlua::{Function, Lua, Table};

use crate::convert::Converter;
use crate::wide;

/// What a property, or a field of a struct, adds to its type.
#[derive(Clone, Copy, Default)]
struct Bounds {
    min: Option<f64>,
    max: Option<f64>,
    max_length: Option<u32>,
}

/// Makes schemas in one machine.
pub(crate) struct Schemas<'a> {
    pub(crate) lua: &'a Lua,
    /// The prelude's constructor.
    pub(crate) make: &'a Function,
    pub(crate) converter: &'a Converter<'a>,
    pub(crate) limits: &'a Limits,
}

impl Schemas<'_> {
    /// The schemas of some properties, by the name that they have in their slot, or in the entity itself.
    pub(crate) fn properties<'p>(
        &self,
        properties: impl IntoIterator<Item = (&'p str, &'p Property)>,
    ) -> mlua::Result<Table> {
        let fields = self.lua.create_table()?;
        for (name, property) in properties {
            fields.raw_set(name, self.property(property)?)?;
        }
        Ok(fields)
    }

    fn property(&self, property: &Property) -> mlua::Result<Table> {
        let Property { min, max, max_length, .. } = *property;
        self.schema(&property.ty, Bounds { min, max, max_length }, Some(property.no))
    }

    /// `no` is the number of the property, when it is not a part of one.
    fn schema(&self, ty: &Type, bounds: Bounds, no: Option<PropertyNo>) -> mlua::Result<Table> {
        let schema = self.lua.create_table()?;
        schema.raw_set("no", no.map(|no| no.0))?;
        let name = ty.to_string();
        schema.raw_set("name", name.as_str())?;
        schema.raw_set("text", name.as_str())?;
        schema.raw_set("kind", kind(ty))?;
        match ty {
            Type::Bool | Type::Entity(_) => {}
            Type::Int { wide: true, signed, .. } => {
                let (low, high) =
                    if *signed { (i128::from(i64::MIN), i128::from(i64::MAX)) } else { (0, u64::MAX.into()) };
                let low = bounds.min.map_or(low, |min| (min.ceil() as i128).max(low));
                let high = bounds.max.map_or(high, |max| (max.floor() as i128).min(high));
                schema.raw_set("text", format!("{name} from {low} to {high}"))?;
                schema.raw_set("least", wide::interned(self.lua, low)?)?;
                schema.raw_set("greatest", wide::interned(self.lua, high)?)?;
            }
            Type::Int { bits, signed, .. } => {
                let (low, high) = int_range(*bits, *signed);
                let low = bounds.min.map_or(low, |min| min.ceil().max(low));
                let high = bounds.max.map_or(high, |max| max.floor().min(high));
                self.range(&schema, &name, low, high)?;
            }
            Type::Float32 | Type::Float64 => {
                schema.raw_set("fraction", true)?;
                let greatest = if *ty == Type::Float32 { f64::from(f32::MAX) } else { f64::MAX };
                let low = bounds.min.unwrap_or(-greatest).max(-greatest);
                let high = bounds.max.unwrap_or(greatest).min(greatest);
                if bounds.min.is_some() || bounds.max.is_some() {
                    self.range(&schema, &name, low, high)?;
                } else {
                    schema.raw_set("low", low)?;
                    schema.raw_set("high", high)?;
                }
            }
            Type::Text | Type::Bytes => {
                schema.raw_set("max", bounds.max_length.unwrap_or(u32::MAX).min(self.limits.text_bytes_max))?;
            }
            Type::Vector(length) => schema.raw_set("length", *length)?,
            Type::Enum(declared) => {
                schema.raw_set(
                    "variants",
                    self.lua.create_sequence_from(declared.variants.iter().map(String::as_str))?,
                )?;
            }
            Type::List(item) => {
                schema.raw_set("item", self.schema(item, Bounds::default(), None)?)?;
                schema.raw_set("max", self.items_max(bounds))?;
            }
            Type::Map(key, item) => {
                schema.raw_set("key", self.schema(key, Bounds::default(), None)?)?;
                schema.raw_set("item", self.schema(item, Bounds::default(), None)?)?;
                schema.raw_set("max", self.items_max(bounds))?;
            }
            Type::Struct(declared) => {
                let order = self.lua.create_table()?;
                for field in &declared.fields {
                    let entry = self.lua.create_table()?;
                    entry.raw_set("name", field.name.as_str())?;
                    let Field { min, max, max_length, .. } = *field;
                    entry.raw_set("schema", self.schema(&field.ty, Bounds { min, max, max_length }, None)?)?;
                    entry.raw_set("default", self.converter.to_luau(&field.ty, &field.default)?)?;
                    order.raw_push(entry)?;
                }
                schema.raw_set("order", order)?;
            }
        }
        self.make.call(schema)
    }

    fn range(&self, schema: &Table, name: &str, low: f64, high: f64) -> mlua::Result<()> {
        schema.raw_set("text", format!("{name} from {low} to {high}"))?;
        schema.raw_set("low", low)?;
        schema.raw_set("high", high)
    }

    fn items_max(&self, bounds: Bounds) -> u32 {
        bounds.max_length.unwrap_or(u32::MAX).min(self.limits.container_items_max)
    }
}

fn kind(ty: &Type) -> &'static str {
    match ty {
        Type::Bool => "bool",
        Type::Int { wide: true, .. } => "wide",
        Type::Int { .. } => "int",
        Type::Float32 | Type::Float64 => "float",
        Type::Text => "text",
        Type::Bytes => "bytes",
        Type::Vector(_) => "vector",
        Type::Entity(_) => "entity",
        Type::List(_) => "list",
        Type::Map(..) => "map",
        Type::Struct(_) => "struct",
        Type::Enum(_) => "enum",
    }
}

/// Ends included; 64-bit numbers are those that a double holds exactly (wide ones do not come here).
fn int_range(bits: u8, signed: bool) -> (f64, f64) {
    let exact = EXACT_INT_MAX as f64;
    match (bits, signed) {
        (64, true) => (-exact, exact),
        (64, false) => (0.0, exact),
        (bits, true) => (-(2f64.powi(i32::from(bits) - 1)), 2f64.powi(i32::from(bits) - 1) - 1.0),
        (bits, false) => (0.0, 2f64.powi(i32::from(bits)) - 1.0),
    }
}
