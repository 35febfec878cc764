//! One entity, trait or component file: what it declares, before parents, traits and components are mixed in and parts
//! and numbers are given out.

use super::header::Header;
use super::method::{DeclaredMethod, read_methods};
use super::problem::{Kind, Spot};
use super::property::{DeclaredProperty, Override, read_properties};
use super::table::{At, Table};
use super::types::{TypeTable, checked_member};
use crate::names;
use crate::type_text::shown;

/// Properties of one file, and methods of one file. More are a problem.
pub(super) const MEMBERS_MAX: usize = 1_024;

/// Components of one file. More are a problem.
const SLOTS_MAX: usize = 64;

/// What one file declares.
pub(crate) struct Sheet<'s> {
    pub(crate) kind: Kind,
    pub(crate) name: String,
    pub(crate) header: Header<'s>,
    pub(crate) properties: Vec<DeclaredProperty<'s>>,
    /// What it says anew of properties that it has from elsewhere.
    pub(crate) overrides: Vec<Override<'s>>,
    pub(crate) methods: Vec<DeclaredMethod<'s>>,
    pub(crate) slots: Vec<Slot<'s>>,
}

/// A component and the name under which the entity has it.
pub(crate) struct Slot<'s> {
    pub(crate) slot: At<'s, &'s str>,
    pub(crate) component: At<'s, &'s str>,
    pub(crate) description: String,
}

impl<'s> Sheet<'s> {
    /// Reads a file; its problems are reported.
    pub(crate) fn read(root: Table<'s>, types: &mut TypeTable<'s>) -> Self {
        let source = root.spot.source;
        check_file_name(root.spot);
        let header = Header::read(&root);
        let may_override = source.kind == Kind::Entity && (header.parent.is_some() || mixes(&root, &header));
        let (properties, overrides) = read_properties(&root, types, may_override);
        Self {
            kind: source.kind,
            name: source.name.clone(),
            properties,
            overrides,
            methods: read_methods(&root, types),
            slots: if source.kind == Kind::Component { Vec::new() } else { read_slots(&root) },
            header,
        }
    }
}

/// Whether the file has members from elsewhere.
fn mixes(root: &Table<'_>, header: &Header<'_>) -> bool {
    !header.uses.is_empty() || root.has("components")
}

fn check_file_name(spot: Spot<'_>) {
    let name = &spot.source.name;
    if !names::is_snake_case(name) {
        let help = "name the file in small letters, digits and `_`, such as `treasure_chest.toml`";
        spot.report("name", format!("`{}` cannot name an entity type, trait or component", shown(name)), help);
    }
}

fn read_slots<'s>(root: &Table<'s>) -> Vec<Slot<'s>> {
    let Some(group) = root.table("components") else { return Vec::new() };
    let mut slots = Vec::new();
    for slot in group.names() {
        let (Some(_), Some(table)) = (checked_member(slot), group.table(slot.value)) else { continue };
        table.keys_are(&["type", "description"]);
        let component = if table.has("type") { table.text("type", "\"stats\"") } else { Some(slot) };
        let Some(component) = component else { continue };
        slots.push(Slot { slot, component, description: table.description() });
        if slots.len() > SLOTS_MAX {
            slot.spot.report("too-large", format!("more than {SLOTS_MAX} components"), "join some of them");
            break;
        }
    }
    slots
}
