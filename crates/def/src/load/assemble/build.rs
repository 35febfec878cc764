//! An entity type while it is put together: what it has so far, and which names are taken.

use std::collections::{BTreeMap, BTreeSet};

use kuafu_core::TypeNo;

use crate::load::problem::Spot;
use crate::load::sheet::Sheet;
use crate::model::{EntityType, Parts, Property};

/// Properties and methods of one entity type with all that it has from elsewhere. More are a problem.
pub(super) const MEMBERS_ALL_MAX: usize = 4_096;

/// An entity type, and what else is to be known to add to it and to inherit from it.
#[derive(Clone)]
pub(super) struct Built<'a> {
    pub(super) ty: EntityType,
    /// Every name that is taken, and the file that took it.
    taken: BTreeMap<String, &'a str>,
    /// Every trait, those of the ancestors included.
    pub(super) traits: BTreeSet<String>,
    /// Everything that it is made of could be read.
    pub(super) complete: bool,
    /// There were more members than there may be.
    full: bool,
}

impl<'a> Built<'a> {
    /// The type of a file without the members of the file, but with all that it has of its parent.
    pub(super) fn new(sheet: &Sheet<'_>, parent: Option<Self>) -> Self {
        let header = &sheet.header;
        let own = EntityType::new(TypeNo(0), &sheet.name, header.parts.as_ref().map_or(UNSAID, |at| at.value));
        let description = header.description.clone();
        let ty = match &parent {
            None => EntityType { is_abstract: header.is_abstract, description, ..own },
            Some(parent) => EntityType {
                no: own.no,
                name: own.name,
                parts: inherit_parts(sheet, parent),
                parent: Some(parent.ty.name.clone()),
                is_abstract: header.is_abstract,
                is_global: false,
                traits: Vec::new(),
                description,
                ..parent.ty.clone()
            },
        };
        let mut built = match parent {
            None => Self { ty, taken: BTreeMap::new(), traits: BTreeSet::new(), complete: true, full: false },
            Some(parent) => Self { ty, ..parent },
        };
        built.read_header(sheet);
        built
    }

    fn read_header(&mut self, sheet: &Sheet<'_>) {
        let header = &sheet.header;
        if let Some(top_speed) = &header.top_speed {
            if !self.ty.parts.cell {
                let help = "only an entity with a cell part moves; take top_speed away or add the part";
                top_speed.spot.report("parts", "the top speed of an entity without a cell part", help);
            }
            self.ty.top_speed = Some(top_speed.value);
        }
        if let Some(spot) = header.global {
            if !self.ty.parts.base {
                let help = "a global entity is found through its base part; add the part \"base\"";
                spot.report("parts", "a global entity without a base part", help);
            }
            self.ty.is_global = true;
        }
        if let Some(spot) = header.volatile.spot {
            if !self.ty.parts.cell || !self.ty.parts.client {
                let help = "movement is what clients get of a cell part; add the parts or take `volatile` away";
                spot.report("parts", "`volatile` of an entity that no client sees moving", help);
            }
            let volatile = &mut self.ty.volatile;
            volatile.position = header.volatile.position.unwrap_or(volatile.position);
            volatile.yaw = header.volatile.yaw.unwrap_or(volatile.yaw);
        }
        for level in &header.detail {
            if let Some(inherited) = self.ty.detail_level(&level.value.name) {
                let message =
                    format!("`{}` is a detail level of the parent, {} metres", inherited.name, inherited.metres);
                level.spot.report("duplicate", message, "give this one another name");
                continue;
            }
            self.ty.detail_levels.push(level.value.clone());
        }
        self.ty.detail_levels.sort_by(|a, b| a.metres.total_cmp(&b.metres));
    }

    /// Whether there is room for another member; when there is none, it is reported once.
    pub(super) fn has_room(&mut self, spot: Spot<'_>) -> bool {
        if self.ty.properties.len().max(self.ty.methods.len()) < MEMBERS_ALL_MAX {
            return true;
        }
        if !self.full {
            let message = format!("more than {MEMBERS_ALL_MAX} properties or methods with all that is mixed in");
            spot.report("too-large", message, "split the type, or use structs");
        }
        self.full = true;
        false
    }

    /// Takes names; a name that is taken already is reported at `spot`, as declared once more in the file `from`.
    pub(super) fn claim(&mut self, claims: impl IntoIterator<Item = String>, from: &'a str, spot: Spot<'_>) -> bool {
        for name in claims {
            let Some(other) = self.taken.get(&name).copied() else {
                self.taken.insert(name, from);
                continue;
            };
            let word = name.split_once(' ').map_or(name.as_str(), |(_, word)| word);
            let (place, help) = if other == from {
                ("here".to_owned(), "rename one of the two; properties and methods of a part share their names")
            } else {
                (
                    format!("in `{other}`"),
                    "rename one of the two; to change what a property has from elsewhere, leave its `type` out; \
                     a method from elsewhere needs no declaration, only a script",
                )
            };
            spot.report("duplicate", format!("in `{}`, `{word}` is already declared {place}", self.ty.name), help);
            return false;
        }
        true
    }
}

/// Parts of an entity whose file does not say them, which is a problem of its own: all, so that nothing follows from it.
const UNSAID: Parts = Parts { base: true, cell: true, client: true };

fn inherit_parts(sheet: &Sheet<'_>, parent: &Built<'_>) -> Parts {
    let inherited = parent.ty.parts;
    let Some(own) = &sheet.header.parts else { return inherited };
    let lacks = |had: bool, has: bool| had && !has;
    let parts = own.value;
    if lacks(inherited.base, parts.base) || lacks(inherited.cell, parts.cell) || lacks(inherited.client, parts.client) {
        let message = format!("`{}` has not all the parts of its parent `{}`", sheet.name, parent.ty.name);
        own.spot.report("parts", message, "add the parts of the parent, or leave `parts` out to have the same");
    }
    Parts {
        base: parts.base || inherited.base,
        cell: parts.cell || inherited.cell,
        client: parts.client || inherited.client,
    }
}

/// What a property takes for itself: its name among properties, in any writing, because databases do not tell `Gold`
/// from `gold`; and its name on its part, where scripts reach properties and methods alike.
pub(super) fn property_claims(property: &Property) -> [String; 2] {
    [format!("property {}", property.name.to_ascii_lowercase()), format!("{} {}", property.part, property.name)]
}
