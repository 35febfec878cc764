//! What an entity's file says anew of properties that it has from its parent, its traits or its components.
//!
//! It may give another default, narrower bounds, another detail level, update rate or description. Everything else of
//! a property is what others rely on, and stays.

use super::build::Built;
use super::place::detail_of;
use crate::load::bounds::Bounds;
use crate::load::property::{Override, check_others, read_update};
use crate::load::sheet::Sheet;
use crate::load::types::read_default;
use crate::model::{EntityType, Property};
use crate::names;
use crate::type_text::shown;

/// Applies the overrides of a file; those of nothing are reported.
pub(super) fn apply_overrides(built: &mut Built<'_>, sheet: &Sheet<'_>) {
    for change in &sheet.overrides {
        let at = built.ty.properties.iter().position(|property| property.name == change.name);
        match at {
            Some(at) => {
                let changed = overridden(&built.ty.properties[at], change, &built.ty);
                built.ty.properties[at] = changed;
            }
            None if built.complete => report_nothing(change, &built.ty),
            None => {}
        }
    }
}

fn report_nothing(change: &Override<'_>, ty: &EntityType) {
    let known = ty.properties.iter().map(|property| property.name.as_str());
    let guess = names::did_you_mean(change.name, known);
    let help = format!(
        "{guess}a new property says what it holds, such as `type = \"int32\"`; without a type it changes one that \
         `{}` has from its parent, traits or components",
        ty.name
    );
    let message = format!("`type` is missing here, and `{}` is no property from elsewhere", shown(change.name));
    change.table.spot.report("missing-key", message, help);
}

fn overridden(inherited: &Property, change: &Override<'_>, ty: &EntityType) -> Property {
    const KEYS: [&str; 7] = ["default", "min", "max", "max_length", "detail", "update", "description"];
    let table = &change.table;
    for fixed in ["wide", "visible", "persistent", "unique", "indexed"] {
        if table.has(fixed) {
            let message = format!("`{fixed}` of `{}` cannot be changed here", inherited.name);
            let help = format!("only {} can; the rest is as it was declared", KEYS.join(", "));
            table.spot_of(fixed).report("override", message, help);
        }
    }
    table.keys_are(&[&KEYS[..], &["wide", "visible", "persistent", "unique", "indexed"]].concat());
    let mut property = inherited.clone();
    let bounds = narrowed(inherited, change);
    (property.min, property.max, property.max_length) = (bounds.min, bounds.max, bounds.max_length);
    if let Some(Some(default)) = read_default(table, &property.ty) {
        property.default = default;
    }
    bounds.check_default(table, &property.ty, &property.default);
    if inherited.items && table.has("default") {
        let help = "every item has an id of its own: take the default away and make the items in a script";
        table.spot_of("default").report("default", format!("the items of `{}` have a default", inherited.name), help);
    }
    if let Some(detail) = change.detail {
        property.detail = detail_of(detail, ty);
    }
    if table.has("update") {
        property.update = read_update(table);
    }
    if table.has("description") {
        property.description = table.description();
    }
    check_others(&property, table);
    property
}

/// The bounds with those that are said anew, which must lie within the old ones.
fn narrowed(inherited: &Property, change: &Override<'_>) -> Bounds {
    let table = &change.table;
    let own = Bounds::read(table, &inherited.ty);
    let report = |key: &str, old: String| {
        let message = format!("`{key}` of `{}` is wider than the {old} that it was declared with", inherited.name);
        let help = format!("who knows the property relies on its bounds; write a narrower `{key}`");
        table.spot_of(key).report("override", message, help);
    };
    match (own.min, inherited.min) {
        (Some(own), Some(old)) if own < old => report("min", old.to_string()),
        _ => {}
    }
    match (own.max, inherited.max) {
        (Some(own), Some(old)) if own > old => report("max", old.to_string()),
        _ => {}
    }
    match (own.max_length, inherited.max_length) {
        (Some(own), Some(old)) if own > old => report("max_length", old.to_string()),
        _ => {}
    }
    let bounds = Bounds {
        min: own.min.or(inherited.min),
        max: own.max.or(inherited.max),
        max_length: own.max_length.or(inherited.max_length),
    };
    if let (Some(min), Some(max)) = (bounds.min, bounds.max)
        && min > max
        && (own.min.is_none() || own.max.is_none())
    {
        let message = format!("`{}` would go from {min} to {max}", inherited.name);
        table.spot.report("override", message, "write a min and a max that leave values between them");
    }
    bounds
}
