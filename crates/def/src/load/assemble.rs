//! Entity types put together from their file and their traits, each member on its part.
//!
//! Traits may use traits; one that is reached twice is mixed in once. A problem of a trait's member that only shows in
//! one entity, such as a method for a part that the entity has not, is told at the member and names the entity.

use std::collections::BTreeMap;

use kuafu_core::TypeNo;

use super::entity::{Declared, Sheet};
use super::problem::{Kind, Spot};
use super::property::Visible;
use crate::model::{EntityType, Method, Part, Parts, Property};
use crate::names;
use crate::type_text::shown;

/// Traits that one entity is mixed from, over all levels. More are a problem.
const TRAITS_MAX: usize = 256;

/// The entity types without numbers, sorted by name. Problems are reported.
pub(crate) fn assemble(sheets: &[Sheet<'_>], trait_names: &[&str]) -> Vec<EntityType> {
    let traits: BTreeMap<&str, &Sheet<'_>> =
        of_kind(sheets, Kind::Trait).map(|sheet| (sheet.name.as_str(), sheet)).collect();
    let mixer = Mixer { traits, trait_names };
    for sheet in of_kind(sheets, Kind::Trait) {
        mixer.order(sheet);
    }
    of_kind(sheets, Kind::Entity).map(|sheet| mixer.entity(sheet)).collect()
}

fn of_kind<'a, 's>(sheets: &'a [Sheet<'s>], kind: Kind) -> impl Iterator<Item = &'a Sheet<'s>> {
    sheets.iter().filter(move |sheet| sheet.kind == kind)
}

struct Mixer<'a, 's> {
    traits: BTreeMap<&'a str, &'a Sheet<'s>>,
    /// Every trait file, those included that could not be read.
    trait_names: &'a [&'a str],
}

impl<'a, 's> Mixer<'a, 's> {
    fn entity(&self, sheet: &'a Sheet<'s>) -> EntityType {
        let order = self.order(sheet);
        let mut ty = EntityType {
            no: TypeNo(0),
            name: sheet.name.clone(),
            parts: sheet.parts,
            properties: Vec::new(),
            methods: Vec::new(),
            top_speed: sheet.top_speed,
            traits: order.iter().filter(|s| s.kind == Kind::Trait).map(|s| s.name.clone()).collect(),
            description: sheet.description.clone(),
        };
        let mut taken: BTreeMap<String, &str> = BTreeMap::new();
        for from in order {
            for declared in &from.properties {
                if let Some(property) = place_property(declared, &ty) {
                    claim(&mut taken, property_claims(&property), from, declared.spot, &ty.name);
                    ty.properties.push(property);
                }
            }
            for declared in &from.methods {
                check_method(&declared.item, declared.spot, &ty);
                claim(
                    &mut taken,
                    vec![format!("{} {}", declared.item.part, declared.item.name)],
                    from,
                    declared.spot,
                    &ty.name,
                );
                ty.methods.push(declared.item.clone());
            }
        }
        ty
    }

    /// The sheet after all traits that it uses, at any distance.
    fn order(&self, sheet: &'a Sheet<'s>) -> Vec<&'a Sheet<'s>> {
        let (mut order, mut open) = (Vec::new(), Vec::new());
        self.visit(sheet, &mut order, &mut open);
        order
    }

    fn visit(&self, sheet: &'a Sheet<'s>, order: &mut Vec<&'a Sheet<'s>>, open: &mut Vec<&'a Sheet<'s>>) {
        open.push(sheet);
        for used in &sheet.uses {
            let name = used.value;
            if let Some(at) = open.iter().position(|open| open.kind == Kind::Trait && open.name == name) {
                let circle: Vec<&str> = open[at..].iter().map(|open| open.name.as_str()).chain([name]).collect();
                let circle = circle.join(" → ");
                let help = "a trait cannot use itself, not even through others; take one `uses` out of the circle";
                used.spot.report("trait-cycle", format!("the traits go in a circle: {circle}"), help);
                continue;
            }
            match self.traits.get(name) {
                None if self.trait_names.contains(&name) => {}
                None => {
                    let guess = names::did_you_mean(name, self.trait_names.iter().copied());
                    let help = format!("{guess}traits are the files in entities/traits/");
                    used.spot.report("trait-unknown", format!("there is no trait `{}`", shown(name)), help);
                }
                Some(inner) if order.iter().any(|seen| std::ptr::eq(*seen, *inner)) => {}
                Some(_) if open.len() + order.len() > TRAITS_MAX => {
                    used.spot.report("too-large", format!("more than {TRAITS_MAX} traits"), "join some of them");
                }
                Some(inner) => self.visit(inner, order, open),
            }
        }
        open.pop();
        order.push(sheet);
    }
}

/// What a property takes for itself: its name among properties, in any writing, because databases do not tell `Gold`
/// from `gold`; and its name on its part, where scripts reach properties and methods alike.
fn property_claims(property: &Property) -> Vec<String> {
    vec![format!("property {}", property.name.to_ascii_lowercase()), format!("{} {}", property.part, property.name)]
}

fn claim<'a>(
    taken: &mut BTreeMap<String, &'a str>,
    claims: Vec<String>,
    from: &'a Sheet<'_>,
    spot: Spot<'_>,
    entity: &str,
) {
    for name in claims {
        if let Some(other) = taken.insert(name.clone(), &from.name) {
            let word = name.split_once(' ').map_or(name.as_str(), |(_, word)| word);
            let place = if other == from.name { "here".to_owned() } else { format!("in `{other}`") };
            let message = format!("in `{entity}`, `{word}` is already declared {place}");
            spot.report(
                "duplicate",
                message,
                "rename one of the two; properties and methods of a part share their names",
            );
            return;
        }
    }
}

fn place_property(declared: &Declared<'_, Property>, ty: &EntityType) -> Option<Property> {
    let mut property = declared.item.clone();
    match part_of(declared.visible, ty.parts) {
        Ok(part) => property.part = part,
        Err((message, help)) => {
            let message = format!("`{}` of `{}`: {message}", property.name, ty.name);
            declared.visible.spot.unwrap_or(declared.spot).report("visible", message, help);
            return None;
        }
    }
    if property.persistent && !ty.parts.base {
        let message = format!("`{}` is persistent, but `{}` has no base part to save it", property.name, ty.name);
        declared.spot.report("persistent", message, "add the part \"base\", or take `persistent` away");
    }
    Some(property)
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

fn check_method(method: &Method, spot: Spot<'_>, ty: &EntityType) {
    if !ty.parts.has(method.part) {
        let message = format!("`{}` of `{}`: there is no {} part", method.name, ty.name, method.part);
        spot.report("parts", message, format!("add the part \"{}\", or move the method", method.part));
    } else if method.exposed.is_exposed() && !ty.parts.client {
        let message = format!("`{}` of `{}` is exposed, but there is no client part", method.name, ty.name);
        spot.report("exposed", message, "add the part \"client\", or take `exposed` away");
    }
}
