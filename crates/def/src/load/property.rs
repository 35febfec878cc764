//! The properties of an entity, trait or component file: type, audience, default and bounds.

use kuafu_core::{PropertyNo, Rate};

use super::bounds::Bounds;
use super::problem::Spot;
use super::sheet::MEMBERS_MAX;
use super::table::{At, Table};
use super::types::{TypeTable, checked_member, read_default};
use crate::model::{Part, Property, Type};
use crate::names;
use crate::type_text::shown;

/// A property without its number; its part and its detail level are known only in an entity.
pub(crate) struct DeclaredProperty<'s> {
    pub(crate) property: Property,
    pub(crate) spot: Spot<'s>,
    pub(crate) visible: Visible<'s>,
    pub(crate) detail: Option<At<'s, Detail<'s>>>,
}

/// What an entity's file says anew of a property that it inherits or has of a trait or component.
pub(crate) struct Override<'s> {
    pub(crate) name: &'s str,
    pub(crate) table: Table<'s>,
    pub(crate) detail: Option<At<'s, Detail<'s>>>,
}

/// How near other clients must be.
#[derive(Clone, Copy)]
pub(crate) enum Detail<'s> {
    Level(&'s str),
    Metres(f32),
}

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

/// Reads `[properties.*]`; problems are reported. What has no type changes another's property, where `may_override`.
pub(super) fn read_properties<'s>(
    root: &Table<'s>,
    types: &mut TypeTable<'s>,
    may_override: bool,
) -> (Vec<DeclaredProperty<'s>>, Vec<Override<'s>>) {
    let (mut properties, mut overrides) = (Vec::new(), Vec::new());
    let Some(group) = root.table("properties") else { return (properties, overrides) };
    for name in group.names() {
        let Some(table) = group.table(name.value) else { continue };
        if may_override && !table.has("type") && names::is_full_member(name.value) {
            overrides.push(Override { name: name.value, table, detail: read_detail(&table) });
        } else if let Some(checked) = checked_member(name) {
            properties.extend(read_property(checked, table, types));
        }
        if properties.len() + overrides.len() > MEMBERS_MAX {
            let help = "split the type, or use structs";
            name.spot.report("too-large", format!("more than {MEMBERS_MAX} properties"), help);
            break;
        }
    }
    (properties, overrides)
}

fn read_property<'s>(name: String, table: Table<'s>, types: &mut TypeTable<'s>) -> Option<DeclaredProperty<'s>> {
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
        "detail",
        "update",
        "description",
    ]);
    let visible = read_visible(&table);
    let detail = read_detail(&table);
    let (ty, items) = types.property_type_at(&table)?;
    let bounds = Bounds::read(&table, &ty);
    let default = read_default(&table, &ty)?.unwrap_or_else(|| bounds.nearest_to_zero(&ty));
    let property = Property {
        own_client: visible.own_client,
        other_clients: visible.other_clients,
        cell_public: visible.cell_public || visible.other_clients,
        persistent: table.flag("persistent"),
        unique: table.flag("unique"),
        indexed: table.flag("indexed"),
        items,
        update: read_update(&table),
        default,
        min: bounds.min,
        max: bounds.max,
        max_length: bounds.max_length,
        description: table.description(),
        ..Property::new(PropertyNo(0), name, ty, Part::Base)
    };
    bounds.check_default(&table, &property.ty, &property.default);
    check_property(&property, &table);
    Some(DeclaredProperty { property, spot: table.spot, visible, detail })
}

fn check_property(property: &Property, table: &Table<'_>) {
    let Property { name, ty, .. } = property;
    if property.persistent && persists_entity(ty) {
        let help = "save the entity's record id (a uint64) and look it up again; or take `persistent` away";
        let message = format!("`{name}` is persistent, but a reference to an entity ends with its life");
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
    if property.items {
        check_items(property, table);
    }
    check_others(property, table);
}

fn check_items(property: &Property, table: &Table<'_>) {
    let name = &property.name;
    if !property.persistent {
        let help = "add persistent = true, or write map<uint64, T> for what is not saved";
        table.spot_of("type").report("persistent", format!("the items of `{name}` are not persistent"), help);
    }
    if property.default != property.ty.default_value() {
        let help = "every item has an id of its own: take the default away and make the items in a script";
        table.spot_of("default").report("default", format!("the items of `{name}` have a default"), help);
    }
}

/// Reports what only other clients make sense of, when none see the property.
pub(super) fn check_others(property: &Property, table: &Table<'_>) {
    for key in ["detail", "update"] {
        if table.has(key) && !property.other_clients {
            let message = format!("`{key}` on `{}`, which other clients do not see", property.name);
            let help = format!("add visible = \"all-clients\" or \"other-clients\", or take `{key}` away");
            table.spot_of(key).report("visible", message, help);
        }
    }
}

/// Whether what is saved of a value would hold a reference to an entity.
fn persists_entity(ty: &Type) -> bool {
    match ty {
        Type::Entity(_) => true,
        Type::List(item) => persists_entity(item),
        Type::Map(key, item) => persists_entity(key) || persists_entity(item),
        Type::Struct(ty) => ty.fields.iter().any(|field| field.persistent && persists_entity(&field.ty)),
        _ => false,
    }
}

fn read_detail<'s>(table: &Table<'s>) -> Option<At<'s, Detail<'s>>> {
    if table.is_text("detail") {
        return table.text("detail", "").map(|At { value, spot }| At { value: Detail::Level(value), spot });
    }
    let metres = table.number("detail")?;
    let value = Detail::Metres(checked_metres(metres)?);
    Some(At { value, spot: metres.spot })
}

/// A distance above 0 that a float32 holds.
pub(super) fn checked_metres(metres: At<'_, f64>) -> Option<f32> {
    const METRES_MAX: f64 = 1e6;
    if metres.value > 0.0 && metres.value <= METRES_MAX {
        return Some(metres.value as f32);
    }
    let help = format!("write metres, above 0 and at most {METRES_MAX}");
    metres.spot.report("bounds", format!("the distance is {}", metres.value), help);
    None
}

pub(super) fn read_update(table: &Table<'_>) -> Option<Rate> {
    let At { value: text, spot } = table.text("update", "\"2/s\"")?;
    let help = "write a count, a slash and s, min or h: \"2/s\"";
    text.parse().map_err(|_| spot.report("rate", format!("the rate is {:?}", shown(text)), help)).ok()
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
