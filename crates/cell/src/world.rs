//! What the logic host may read of the cell at any time, shared with it by reference count.
//!
//! The role and the host hold the same world. Rule of borrowing: the role borrows the spaces for the length of one step
//! of its own work, and never while it is inside the host; the host borrows them for the length of one question. So a
//! borrow can never meet another, and a failed one is a bug of this crate.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use kuafu_contract::directory::Directory;
use kuafu_core::id::EntityIdSource;
use kuafu_core::{EntityId, PropertyNo, TypeNo, Value};
use kuafu_logic::{SpaceFacts, World};
use kuafu_space::{Index, Space};
use rustc_hash::FxHashMap;

use crate::part::Part;
use crate::space::OpenSpace;

/// Where a part is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Home {
    /// The position of the space in the cell.
    pub(crate) space: usize,
    pub(crate) index: Index,
}

/// The opened spaces, and where each part is.
#[derive(Debug, Default)]
pub(crate) struct Spaces {
    pub(crate) open: Vec<OpenSpace>,
    pub(crate) directory: FxHashMap<EntityId, Home>,
}

impl Spaces {
    pub(crate) fn home(&self, entity: EntityId) -> Option<Home> {
        self.directory.get(&entity).copied()
    }

    pub(crate) fn part(&self, entity: EntityId) -> Option<(Home, &Part)> {
        let home = self.home(entity)?;
        Some((home, self.open[home.space].part(home.index)?))
    }

    pub(crate) fn part_mut(&mut self, entity: EntityId) -> Option<(Home, &mut Part)> {
        let home = self.home(entity)?;
        Some((home, self.open[home.space].part_mut(home.index)?))
    }

    pub(crate) fn find(&self, space: kuafu_core::SpaceId) -> Option<usize> {
        self.open.iter().position(|open| open.id() == space)
    }

    pub(crate) fn len(&self) -> usize {
        self.directory.len()
    }
}

/// The world of one cell.
#[derive(Debug)]
pub(crate) struct CellWorld {
    pub(crate) spaces: RefCell<Spaces>,
    pub(crate) time_ms: Cell<u64>,
    ids: RefCell<EntityIdSource>,
    directory: Rc<RefCell<Directory>>,
    found: RefCell<Vec<Index>>,
    ranked: RefCell<Vec<(f32, EntityId)>>,
}

impl CellWorld {
    pub(crate) fn new(ids: EntityIdSource, directory: Rc<RefCell<Directory>>) -> Self {
        Self {
            spaces: RefCell::default(),
            time_ms: Cell::new(0),
            ids: RefCell::new(ids),
            directory,
            found: RefCell::default(),
            ranked: RefCell::default(),
        }
    }
}

/// How far, in metres, an entity and one that sees it may have parted since views were last looked at.
const MOVED_SINCE: f32 = 20.0;

impl CellWorld {
    /// Adds entities to `into`, nearest to `center` first, itself left out.
    fn rank(&self, space: &Space, center: Index, who: impl Iterator<Item = Index>, into: &mut Vec<EntityId>) {
        let Some(from) = space.entities().position(center) else { return };
        let mut ranked = self.ranked.borrow_mut();
        ranked.clear();
        for index in who.filter(|index| *index != center) {
            let Some(at) = space.entities().position(index) else { continue };
            ranked.push((at.ground_distance_squared(from), space.entities().id(index)));
        }
        ranked.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        into.extend(ranked.iter().map(|(_, id)| *id));
    }
}

impl World for CellWorld {
    fn position(&self, entity: EntityId) -> Option<[f32; 3]> {
        let spaces = self.spaces.borrow();
        let home = spaces.home(entity)?;
        spaces.open[home.space].place(home.index).map(|(position, _)| position)
    }

    fn yaw(&self, entity: EntityId) -> Option<f32> {
        let spaces = self.spaces.borrow();
        let home = spaces.home(entity)?;
        spaces.open[home.space].place(home.index).map(|(_, yaw)| yaw)
    }

    fn type_of(&self, entity: EntityId) -> Option<TypeNo> {
        self.spaces.borrow().part(entity).map(|(_, part)| part.layout.ty.no)
    }

    fn public_property(&self, entity: EntityId, property: PropertyNo) -> Option<Value> {
        self.spaces.borrow().part(entity)?.1.public_value(property).cloned()
    }

    fn within(&self, entity: EntityId, radius: f32, into: &mut Vec<EntityId>) {
        let spaces = self.spaces.borrow();
        let Some(home) = spaces.home(entity) else { return };
        let space = &spaces.open[home.space].space;
        let Some(center) = space.entities().position(home.index) else { return };
        let mut found = self.found.borrow_mut();
        space.within(center.x, center.z, radius, &mut found);
        self.rank(space, home.index, found.iter().copied(), into);
    }

    fn space_time_ms(&self) -> u64 {
        self.time_ms.get()
    }

    fn draw_id(&self) -> Option<EntityId> {
        self.ids.borrow_mut().take()
    }

    fn named(&self, name: &str) -> Option<EntityId> {
        self.directory.borrow().named(name).map(|holder| holder.entity)
    }

    fn shared(&self, key: &str) -> Option<Value> {
        self.directory.borrow().shared(key).map(|shared| shared.value.clone())
    }

    fn viewers(&self, entity: EntityId, into: &mut Vec<EntityId>) {
        let spaces = self.spaces.borrow();
        let Some(home) = spaces.home(entity) else { return };
        let open = &spaces.open[home.space];
        let Some(center) = open.space.entities().position(home.index) else { return };
        let mut found = self.found.borrow_mut();
        // Views are as of the last tick's end: whoever sees it was near enough then, and has hardly moved since.
        open.space.within(center.x, center.z, open.config.radii().leave + MOVED_SINCE, &mut found);
        let sees = |index: &Index| {
            let witness = open.part(*index).and_then(|part| part.witness);
            witness.is_some_and(|witness| open.space.sees(witness, home.index))
        };
        self.rank(&open.space, home.index, found.iter().copied().filter(sees), into);
    }

    fn in_view(&self, entity: EntityId, into: &mut Vec<EntityId>) {
        let spaces = self.spaces.borrow();
        let Some((home, part)) = spaces.part(entity) else { return };
        let open = &spaces.open[home.space];
        let Some(witness) = part.witness.and_then(|witness| open.witness(witness)) else { return };
        let seen = witness.slots.iter().map(|who| Index(*who)).filter(|index| *index != Index::NOBODY);
        self.rank(&open.space, home.index, seen, into);
    }

    fn space_of(&self, entity: EntityId) -> Option<SpaceFacts> {
        let spaces = self.spaces.borrow();
        let open = &spaces.open[spaces.home(entity)?.space];
        let (least, greatest) = (open.bounds.min, open.bounds.max);
        Some(SpaceFacts {
            name: open.config.name.clone(),
            least: [least.x, least.y, least.z],
            greatest: [greatest.x, greatest.y, greatest.z],
            population: open.space.entities().len() as u32,
        })
    }
}
