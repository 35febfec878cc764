//! The properties of an entity or trait file: type, audience, default and bounds.

use kuafu_core::{PropertyNo, Value};

use super::entity::{Declared, MEMBERS_MAX};
use super::problem::Spot;
use super::table::{At, Table};
use super::types::{TypeTable, checked_member, read_default};
use crate::check::{check_bounds, int_range};
use crate::model::{Part, Property, Type};
use crate::names;
use crate::type_text::shown;

/// The words of `visible`.
#[derive(Clone, Copy, Default)]
pub(crate) struct Visible<'s> {
    /// Where they stand, when they are written.
    pub(crate) spot: Option<Spot<'s>>,
    pub(crate) base: bool,
    pub(crate) cell: bool,
    pub(crate) cell_public: bool,
    pub(crate) own_client: bool,
    pub(crate) other_clients: bool,
}

/// Reads `[properties.*]`; problems are reported.
pub(super) fn read_properties<'s>(root: &Table<'s>, types: &mut TypeTable<'s>) -> Vec<Declared<'s, Property>> {
    let Some(group) = root.table("properties") else { return Vec::new() };
    let mut properties = Vec::new();
    for name in group.names() {
        let (checked, table) = (checked_member(name), group.table(name.value));
        let (Some(checked), Some(table)) = (checked, table) else { continue };
        properties.extend(read_property(checked, table, types));
        if properties.len() > MEMBERS_MAX {
            name.spot.report(
                "too-large",
                format!("more than {MEMBERS_MAX} properties"),
                "split the type, or use structs",
            );
            break;
        }
    }
    properties
}

fn read_property<'s>(name: String, table: Table<'s>, types: &mut TypeTable<'s>) -> Option<Declared<'s, Property>> {
    table.keys_are(&[
        "type",
        "wide",
        "visible",
        "persistent",
        "unique",
        "indexed",
        "default",
        "min",
        "max",
        "max_length",
        "description",
    ]);
    let visible = read_visible(&table);
    let ty = types.type_at(&table, "type")?;
    let bounds = Bounds::read(&table, &ty);
    let default = read_default(&table, &ty)?;
    let property = Property {
        no: PropertyNo(0),
        name,
        part: Part::Base,
        own_client: visible.own_client,
        other_clients: visible.other_clients,
        cell_public: visible.cell_public || visible.other_clients,
        persistent: table.flag("persistent"),
        unique: table.flag("unique"),
        indexed: table.flag("indexed"),
        default: default.unwrap_or_else(|| bounds.nearest_to_zero(&ty)),
        min: bounds.min,
        max: bounds.max,
        max_length: bounds.max_length,
        description: table.description(),
        ty,
    };
    check_property(&property, &table);
    Some(Declared { item: property, spot: table.spot, visible })
}

fn check_property(property: &Property, table: &Table<'_>) {
    let Property { ty, default, min, max, max_length, .. } = property;
    if let Err(error) = check_bounds(ty, default, *min, *max, *max_length) {
        let spot = table.spot_of("default");
        spot.report(
            "default",
            format!("the default is out of bounds: {error}"),
            "write a default within min, max and max_length",
        );
    }
    if property.persistent && holds_entity(ty) {
        let help = "save the entity's record id (a uint64) and look it up again; or take `persistent` away";
        let message = format!("`{}` is persistent, but a reference to an entity ends with its life", property.name);
        table.spot_of("persistent").report("persistent", message, help);
    }
    let looked_up = [("unique", property.unique), ("indexed", property.indexed)];
    for (key, _) in looked_up.into_iter().filter(|(_, on)| *on) {
        if !property.persistent {
            table.spot_of(key).report(
                "persistent",
                format!("`{key}` needs `persistent = true`"),
                "only what is saved can be looked up",
            );
        } else if !ty.can_be_key() {
            let help = "whole numbers, bools, strings and enums can be looked up";
            table.spot_of(key).report("type", format!("`{key}` cannot be had for {ty}"), help);
        }
    }
}

fn holds_entity(ty: &Type) -> bool {
    match ty {
        Type::Entity => true,
        Type::List(item) => holds_entity(item),
        Type::Map(key, item) => holds_entity(key) || holds_entity(item),
        Type::Struct(ty) => ty.fields.iter().any(|field| holds_entity(&field.ty)),
        _ => false,
    }
}

fn read_visible<'s>(table: &Table<'s>) -> Visible<'s> {
    const WORDS: [&str; 6] = ["base", "cell", "cell-public", "own-client", "other-clients", "all-clients"];
    let spot = table.has("visible").then(|| table.spot_of("visible"));
    let mut visible = Visible { spot, ..Visible::default() };
    for At { value: word, spot } in table.texts("visible", "\"own-client\"") {
        match word {
            "base" => visible.base = true,
            "cell" => visible.cell = true,
            "cell-public" => visible.cell_public = true,
            "own-client" => visible.own_client = true,
            "other-clients" => visible.other_clients = true,
            "all-clients" => (visible.own_client, visible.other_clients) = (true, true),
            _ => {
                let help = format!("{}the words are {}", names::did_you_mean(word, WORDS), WORDS.join(", "));
                spot.report("visible", format!("`visible` has no word `{}`", shown(word)), help);
            }
        }
    }
    visible
}

/// The bounds of a property or argument; those that make no sense for the type are reported.
pub(super) struct Bounds {
    pub(super) min: Option<f64>,
    pub(super) max: Option<f64>,
    pub(super) max_length: Option<u32>,
}

impl Bounds {
    pub(super) fn read(table: &Table<'_>, ty: &Type) -> Self {
        let (min, max, max_length) = (table.number("min"), table.number("max"), table.count("max_length"));
        for (key, bound) in [("min", min), ("max", max)] {
            let Some(At { value, spot }) = bound else { continue };
            match ty {
                Type::Int { bits, signed, wide } => {
                    let (least, greatest) = int_range(*bits, *signed, *wide);
                    if value < least as f64 || value > greatest as f64 {
                        let help = format!("a {ty} goes from {least} to {greatest}");
                        spot.report("bounds", format!("`{key}` is {value}, which no {ty} can be"), help);
                    }
                }
                Type::Float32 | Type::Float64 => {}
                ty => {
                    spot.report("bounds", format!("`{key}` has no meaning for {ty}"), "only numbers have min and max")
                }
            }
        }
        if let (Some(min), Some(max)) = (min, max)
            && min.value > max.value
        {
            max.spot.report(
                "bounds",
                format!("`max` is {}, below `min`, {}", max.value, min.value),
                "exchange the two",
            );
        }
        let has_length = matches!(ty, Type::Text | Type::Bytes | Type::List(_) | Type::Map(..));
        if let Some(At { spot, .. }) = max_length
            && !has_length
        {
            let help = "string, bytes, list and map have a max_length";
            spot.report("bounds", format!("`max_length` has no meaning for {ty}"), help);
        }
        Self { min: min.map(|at| at.value), max: max.map(|at| at.value), max_length: max_length.map(|at| at.value) }
    }

    /// The default of the type, moved to where the bounds allow it.
    fn nearest_to_zero(&self, ty: &Type) -> Value {
        let least = self.min.unwrap_or(f64::MIN).max(0.0);
        let nearest = self.max.map_or(least, |max| if max < least { max } else { least });
        match ty {
            // A whole number beyond 2^63 is a bit pattern, see `Value`.
            Type::Int { .. } if nearest >= 0.0 => Value::Int((nearest.ceil() as u64).cast_signed()),
            Type::Int { .. } => Value::Int(nearest.floor() as i64),
            Type::Float32 | Type::Float64 => Value::Float(nearest),
            ty => ty.default_value(),
        }
    }
}
