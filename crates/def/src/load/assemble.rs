//! Entity types put together from their file, their parent, their traits and their components.
//!
//! A type begins as a copy of its parent, then takes in its traits, its own members and its components, and at last
//! changes what it overrides. What is reached twice is mixed in once. A problem of a member that only shows in one
//! entity, such as a method for a part that the entity has not, is told at the member and names the entity.

mod build;
mod mix;
mod overrides;
mod place;

use std::collections::BTreeMap;

use super::problem::Kind;
use super::sheet::Sheet;
use super::table::At;
use crate::model::EntityType;
use crate::names;
use crate::type_text::shown;
use build::Built;

/// Parents above one another. More are a problem.
const ANCESTORS_MAX: usize = crate::model::ANCESTORS_MAX;

/// The names of the files of each kind, those included that could not be read.
pub(crate) struct FileNames<'a> {
    pub(crate) entities: Vec<&'a str>,
    pub(crate) traits: Vec<&'a str>,
    pub(crate) components: Vec<&'a str>,
}

/// The entity types without numbers, sorted by name. Problems are reported.
pub(crate) fn assemble(sheets: &[Sheet<'_>], names: &FileNames<'_>) -> Vec<EntityType> {
    let by_name = |kind| of_kind(sheets, kind).map(|sheet| (sheet.name.as_str(), sheet)).collect();
    let mut mixer = Mixer {
        entities: by_name(Kind::Entity),
        traits: by_name(Kind::Trait),
        components: by_name(Kind::Component),
        names,
        built: BTreeMap::new(),
        open: Vec::new(),
    };
    for sheet in of_kind(sheets, Kind::Trait).chain(of_kind(sheets, Kind::Component)) {
        mixer.order(sheet);
    }
    for sheet in of_kind(sheets, Kind::Trait) {
        for slot in &sheet.slots {
            mixer.component(slot);
        }
    }
    for sheet in of_kind(sheets, Kind::Entity) {
        mixer.entity(sheet);
    }
    mixer.built.into_values().flatten().map(|built| built.ty).collect()
}

fn of_kind<'a, 's>(sheets: &'a [Sheet<'s>], kind: Kind) -> impl Iterator<Item = &'a Sheet<'s>> {
    sheets.iter().filter(move |sheet| sheet.kind == kind)
}

struct Mixer<'a, 's> {
    entities: BTreeMap<&'a str, &'a Sheet<'s>>,
    traits: BTreeMap<&'a str, &'a Sheet<'s>>,
    components: BTreeMap<&'a str, &'a Sheet<'s>>,
    names: &'a FileNames<'a>,
    /// The entity types that are put together, by name; `None` of one that is its own ancestor.
    built: BTreeMap<&'a str, Option<Built<'a>>>,
    /// The entity types that are being put together, the youngest first.
    open: Vec<&'a str>,
}

impl<'a, 's> Mixer<'a, 's> {
    /// Puts an entity type together, after its parents.
    fn entity(&mut self, sheet: &'a Sheet<'s>) {
        if self.built.contains_key(sheet.name.as_str()) {
            return;
        }
        self.open.push(&sheet.name);
        let parent = sheet.header.parent.as_ref().map(|parent| self.parent(parent));
        self.open.pop();
        let complete = !matches!(parent, Some(Parent::Unknown));
        let built = match parent {
            Some(Parent::Circle) => None,
            Some(Parent::Known(parent)) => Some(Built::new(sheet, Some(*parent))),
            None | Some(Parent::Unknown) => Some(Built::new(sheet, None)),
        };
        let built = built.map(|mut built| {
            built.complete &= complete;
            self.mix(&mut built, sheet);
            built
        });
        self.built.insert(&sheet.name, built);
    }

    fn parent(&mut self, parent: &At<'s, &'s str>) -> Parent<'a> {
        let (name, spot) = (parent.value, parent.spot);
        if let Some(at) = self.open.iter().position(|open| *open == name) {
            let circle = format!("{} → {name}", self.open[at..].join(" → "));
            let help = "an entity type cannot inherit from itself, not even through others; take one `parent` away";
            spot.report("parent-cycle", format!("the parents go in a circle: {circle}"), help);
            return Parent::Circle;
        }
        if self.open.len() > ANCESTORS_MAX {
            let message = format!("more than {ANCESTORS_MAX} parents above one another");
            spot.report("too-large", message, "use traits and components instead of more levels");
            return Parent::Circle;
        }
        let Some(sheet) = self.entities.get(name).copied() else {
            if !self.names.entities.contains(&name) {
                let guess = names::did_you_mean(name, self.names.entities.iter().copied());
                let help = format!("{guess}a parent is an entity type, a file in entities/");
                spot.report("parent-unknown", format!("there is no entity type `{}`", shown(name)), help);
            }
            return Parent::Unknown;
        };
        self.entity(sheet);
        match self.built.get(name) {
            Some(Some(built)) => Parent::Known(Box::new(built.clone())),
            _ => Parent::Circle,
        }
    }
}

enum Parent<'a> {
    Known(Box<Built<'a>>),
    /// It is no file, or one that could not be read, so that not all members are known.
    Unknown,
    /// It is its own ancestor, or has one that is.
    Circle,
}
