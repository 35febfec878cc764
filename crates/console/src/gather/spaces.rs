//! Which spaces there are and which cell has them, as far as reports and maps tell.

use std::collections::BTreeMap;

use kuafu_contract::Address;
use kuafu_contract::console::Map;
use kuafu_core::SpaceId;

use crate::config::SpaceName;
use crate::gather::instance::Instance;
use crate::gather::text::shortened;
use crate::picture::SpacePicture;

/// The most spaces that are shown; further ones are left out.
const SPACES_MAX: usize = 1_024;
/// The longest name of a space, in bytes; a longer one is cut.
pub(crate) const NAME_BYTES_MAX: usize = 64;

#[derive(Debug, Default)]
pub(crate) struct Spaces {
    known: BTreeMap<SpaceId, SpacePicture>,
}

impl Spaces {
    pub(crate) fn new(names: Vec<SpaceName>) -> Self {
        let mut spaces = Self::default();
        for SpaceName { id, name } in names {
            if let Some(space) = spaces.of(id) {
                space.name = shortened(name, NAME_BYTES_MAX);
            }
        }
        spaces
    }

    fn of(&mut self, id: SpaceId) -> Option<&mut SpacePicture> {
        if !self.known.contains_key(&id) && self.known.len() >= SPACES_MAX {
            return None;
        }
        let unknown = || SpacePicture { id, name: format!("space {id}"), cell: None, entities: None, witnesses: None };
        Some(self.known.entry(id).or_insert_with(unknown))
    }

    /// A cell that reports `space_N_entities` or `space_N_witnesses` has space N.
    pub(crate) fn take_report(&mut self, cell: &Instance) {
        for (name, value) in cell.numbers() {
            let Some((id, what)) = space_number(name) else { continue };
            let Some(space) = self.of(id) else { continue };
            space.cell = Some(cell.address());
            match what {
                "entities" => space.entities = Some(*value),
                "witnesses" => space.witnesses = Some(*value),
                _ => {}
            }
        }
    }

    pub(crate) fn take_map(&mut self, cell: Address, map: &Map) {
        let Some(space) = self.of(map.space) else { return };
        space.name.clone_from(&map.name);
        space.cell = Some(cell);
        space.entities = Some(f64::from(map.entities));
        if map.dots.len() == map.entities as usize {
            space.witnesses = Some(map.dots.iter().filter(|dot| dot.witness).count() as f64);
        }
    }

    pub(crate) fn cell_of(&self, space: SpaceId) -> Option<Address> {
        self.known.get(&space)?.cell
    }

    pub(crate) fn pictures(&self) -> Vec<SpacePicture> {
        self.known.values().cloned().collect()
    }
}

fn space_number(name: &str) -> Option<(SpaceId, &str)> {
    let (id, what) = name.strip_prefix("space_")?.split_once('_')?;
    Some((SpaceId(id.parse().ok()?), what))
}
