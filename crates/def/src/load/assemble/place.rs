//! Members in their entity type: on which part a property lives, and whether all that it needs is there.

use crate::load::header::DETAIL_LEVELS_MAX;
use crate::load::problem::Spot;
use crate::load::property::{DeclaredProperty, Detail, Visible};
use crate::load::table::At;
use crate::model::{EntityType, Method, Part, Parts, Property};
use crate::names;
use crate::type_text::shown;

/// The property under its full name, on its part; `None` when it has none, which is reported.
pub(super) fn place_property(declared: &DeclaredProperty<'_>, name: String, ty: &EntityType) -> Option<Property> {
    let mut property = Property { name, ..declared.property.clone() };
    match part_of(declared.visible, ty.parts) {
        Ok(part) => property.part = part,
        Err((message, help)) => {
            let message = format!("`{}` of `{}`: {message}", property.name, ty.name);
            declared.visible.spot.unwrap_or(declared.spot).report("visible", message, help);
            return None;
        }
    }
    let Property { name, .. } = &property;
    if property.persistent && !ty.parts.base {
        let message = format!("`{name}` is persistent, but `{}` has no base part to save it", ty.name);
        declared.spot.report("persistent", message, "add the part \"base\", or take `persistent` away");
    } else if property.items && property.part == Part::Cell {
        let message = format!("`{name}` of `{}` holds items, but lives on the cell part", ty.name);
        declared.spot.report(
            "visible",
            message,
            "items are owned by the base part: write visible = \"base\" or \"own-client\"",
        );
    }
    property.detail = declared.detail.and_then(|detail| detail_of(detail, ty));
    Some(property)
}

/// The distance of a detail; an unknown level, or one distance too many, is reported.
pub(super) fn detail_of(detail: At<'_, Detail<'_>>, ty: &EntityType) -> Option<f32> {
    let metres = metres_of(detail, ty)?;
    let mut others: Vec<f32> = ty.properties.iter().filter_map(|property| property.detail).collect();
    others.sort_by(f32::total_cmp);
    others.dedup();
    if others.len() >= DETAIL_LEVELS_MAX && !others.contains(&metres) {
        let message = format!("`{}` has properties of {} other distances already", ty.name, others.len());
        let help = format!("at most {DETAIL_LEVELS_MAX} a type; give several properties the same `detail`");
        detail.spot.report("detail", message, help);
        return None;
    }
    Some(metres)
}

fn metres_of(detail: At<'_, Detail<'_>>, ty: &EntityType) -> Option<f32> {
    match detail.value {
        Detail::Metres(metres) => Some(metres),
        Detail::Level(name) => {
            let level = ty.detail_level(name).map(|level| level.metres);
            if level.is_none() {
                let guess = names::did_you_mean(name, ty.detail_levels.iter().map(|level| level.name.as_str()));
                let help = format!("{guess}an entity declares its levels: [entity] detail = {{ near = 15.0 }}");
                let message = format!("`{}` has no detail level `{}`", ty.name, shown(name));
                detail.spot.report("detail", message, help);
            }
            level
        }
    }
}

/// The part on which a property lives.
fn part_of(visible: Visible<'_>, parts: Parts) -> Result<Part, (&'static str, &'static str)> {
    let Visible { base, cell, cell_public, own_client, other_clients, .. } = visible;
    if (own_client || other_clients) && !parts.client {
        return Err((
            "clients cannot see it, for there is no client part",
            "add the part \"client\", or take the clients away",
        ));
    }
    let on_cell = cell || cell_public || other_clients;
    match (base, on_cell) {
        (true, true) => Err((
            "it is to live on the base part and on the cell part",
            "write base (with own-client, if the player is to see it), or one or more of cell, cell-public, own-client, other-clients, all-clients",
        )),
        (true, false) if !parts.base => Err(("there is no base part", "add the part \"base\", or write cell")),
        (false, true) if !parts.cell => {
            Err(("there is no cell part", "add the part \"cell\", or write base or own-client"))
        }
        (true, false) => Ok(Part::Base),
        (false, true) => Ok(Part::Cell),
        (false, false) => Ok(if parts.base { Part::Base } else { Part::Cell }),
    }
}

/// Reports a method on a part that is not there, or for clients where there are none.
pub(super) fn check_method(method: &Method, spot: Spot<'_>, ty: &EntityType) {
    if !ty.parts.has(method.part) {
        let message = format!("`{}` of `{}`: there is no {} part", method.name, ty.name, method.part);
        spot.report("parts", message, format!("add the part \"{}\", or move the method", method.part));
    } else if method.exposed.is_exposed() && !ty.parts.client {
        let message = format!("`{}` of `{}` is exposed, but there is no client part", method.name, ty.name);
        spot.report("exposed", message, "add the part \"client\", or take `exposed` away");
    }
}
