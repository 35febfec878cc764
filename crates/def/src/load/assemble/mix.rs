//! Traits and components: in which order they are reached, and their members put into an entity type.

use super::Mixer;
use super::build::{Built, property_claims};
use super::overrides::apply_overrides;
use super::place::{check_method, place_property};
use crate::load::problem::Kind;
use crate::load::sheet::{Sheet, Slot};
use crate::model::{Component, Part};
use crate::names;
use crate::type_text::shown;

/// Traits that one file is mixed from, over all levels. More are a problem.
const TRAITS_MAX: usize = 256;

impl<'a, 's> Mixer<'a, 's> {
    /// Adds to a type what its file has and what that uses.
    pub(super) fn mix(&self, built: &mut Built<'a>, sheet: &'a Sheet<'s>) {
        let order = self.order(sheet);
        built.complete &= self.is_complete(&order);
        let new: Vec<_> =
            order.into_iter().filter(|from| from.kind != Kind::Trait || self.is_new(built, from)).collect();
        for from in &new {
            self.add_members(built, from, None);
        }
        for from in &new {
            for slot in &from.slots {
                self.add_component(built, from, slot);
            }
        }
        apply_overrides(built, sheet);
    }

    /// Takes note of a trait; `false` when an ancestor has it.
    fn is_new(&self, built: &mut Built<'a>, from: &Sheet<'_>) -> bool {
        let new = built.traits.insert(from.name.clone());
        if new {
            built.ty.traits.push(from.name.clone());
        }
        new
    }

    /// Whether every trait that is used, at any distance, could be read.
    fn is_complete(&self, order: &[&Sheet<'_>]) -> bool {
        order.iter().flat_map(|from| &from.header.uses).all(|used| self.traits.contains_key(used.value))
    }

    fn add_members(&self, built: &mut Built<'a>, from: &'a Sheet<'s>, slot: Option<&str>) {
        let named = |name: &str| slot.map_or_else(|| name.to_owned(), |slot| format!("{slot}.{name}"));
        for declared in &from.properties {
            let name = named(&declared.property.name);
            let Some(property) = place_property(declared, name, &built.ty) else { continue };
            if built.has_room(declared.spot) && built.claim(property_claims(&property), &from.name, declared.spot) {
                built.ty.properties.push(property);
            }
        }
        for declared in &from.methods {
            let mut method = declared.method.clone();
            method.name = named(&method.name);
            check_method(&method, declared.spot, &built.ty);
            let claims = [format!("{} {}", method.part, method.name)];
            if built.has_room(declared.spot) && built.claim(claims, &from.name, declared.spot) {
                built.ty.methods.push(method);
            }
        }
    }

    fn add_component(&self, built: &mut Built<'a>, from: &'a Sheet<'s>, slot: &Slot<'s>) {
        let name = slot.slot.value;
        let claims = Part::ALL.map(|part| format!("{part} {name}"));
        let claims = [format!("property {}", name.to_ascii_lowercase())].into_iter().chain(claims);
        if !built.claim(claims, &from.name, slot.slot.spot) {
            return;
        }
        let Some(sheet) = self.component(slot) else {
            built.complete = false;
            return;
        };
        let order = self.order(sheet);
        built.complete &= self.is_complete(&order);
        for from in &order {
            self.add_members(built, from, Some(name));
        }
        let traits = order.iter().filter(|from| from.kind == Kind::Trait).map(|from| from.name.clone()).collect();
        let (slot, description) = (name.to_owned(), slot.description.clone());
        built.ty.components.push(Component { slot, component: sheet.name.clone(), traits, description });
    }

    /// The file of a component; a component that there is none of is reported.
    pub(super) fn component(&self, slot: &Slot<'s>) -> Option<&'a Sheet<'s>> {
        let component = slot.component;
        let sheet = self.components.get(component.value).copied();
        if sheet.is_none() && !self.names.components.contains(&component.value) {
            let guess = names::did_you_mean(component.value, self.names.components.iter().copied());
            let help = format!("{guess}components are the files in entities/components/");
            let message = format!("there is no component `{}`", shown(component.value));
            component.spot.report("component-unknown", message, help);
        }
        sheet
    }

    /// The sheet after all traits that it uses, at any distance.
    pub(super) fn order(&self, sheet: &'a Sheet<'s>) -> Vec<&'a Sheet<'s>> {
        let (mut order, mut open) = (Vec::new(), Vec::new());
        self.visit(sheet, &mut order, &mut open);
        order
    }

    fn visit(&self, sheet: &'a Sheet<'s>, order: &mut Vec<&'a Sheet<'s>>, open: &mut Vec<&'a Sheet<'s>>) {
        open.push(sheet);
        for used in &sheet.header.uses {
            let name = used.value;
            if let Some(at) = open.iter().position(|open| open.kind == Kind::Trait && open.name == name) {
                let circle: Vec<&str> = open[at..].iter().map(|open| open.name.as_str()).chain([name]).collect();
                let circle = circle.join(" → ");
                let help = "a trait cannot use itself, not even through others; take one `uses` out of the circle";
                used.spot.report("trait-cycle", format!("the traits go in a circle: {circle}"), help);
                continue;
            }
            match self.traits.get(name).copied() {
                None if self.names.traits.contains(&name) => {}
                None => {
                    let guess = names::did_you_mean(name, self.names.traits.iter().copied());
                    let help = format!("{guess}traits are the files in entities/traits/");
                    used.spot.report("trait-unknown", format!("there is no trait `{}`", shown(name)), help);
                }
                Some(inner) if order.iter().any(|seen| std::ptr::eq(*seen, inner)) => {}
                Some(_) if open.len() + order.len() > TRAITS_MAX => {
                    used.spot.report("too-large", format!("more than {TRAITS_MAX} traits"), "join some of them");
                }
                Some(inner) if open[0].kind == Kind::Component && !inner.slots.is_empty() => {
                    let message = format!("the trait `{name}` brings components into a component");
                    let help = "a component has no components; take them out of the trait, or use another trait here";
                    used.spot.report("component", message, help);
                }
                Some(inner) => self.visit(inner, order, open),
            }
        }
        open.pop();
        order.push(sheet);
    }
}
