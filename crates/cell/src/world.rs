//! What the logic host may read of the cell at any time, shared with it by reference count.
//!
//! The role and the host hold the same world. Rule of borrowing: the role borrows the spaces for the length of one step
//! of its own work, and never while it is inside the host; the host borrows them for the length of one question. So a
//! borrow can never meet another, and a failed one is a bug of this crate.

use std::cell::{Cell, RefCell};

use kuafu_core::id::EntityIdSource;
use kuafu_core::{EntityId, PropertyNo, TypeNo, Value};
use kuafu_logic::World;
use kuafu_space::Index;
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
    found: RefCell<Vec<Index>>,
    ranked: RefCell<Vec<(f32, EntityId)>>,
}

impl CellWorld {
    pub(crate) fn new(ids: EntityIdSource) -> Self {
        Self {
            spaces: RefCell::default(),
            time_ms: Cell::new(0),
            ids: RefCell::new(ids),
            found: RefCell::default(),
            ranked: RefCell::default(),
        }
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
        let (mut found, mut ranked) = (self.found.borrow_mut(), self.ranked.borrow_mut());
        space.within(center.x, center.z, radius, &mut found);
        ranked.clear();
        for index in found.iter().filter(|index| **index != home.index) {
            let Some(at) = space.entities().position(*index) else { continue };
            ranked.push((at.ground_distance_squared(center), space.entities().id(*index)));
        }
        ranked.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        into.extend(ranked.iter().map(|(_, id)| *id));
    }

    fn space_time_ms(&self) -> u64 {
        self.time_ms.get()
    }

    fn draw_id(&self) -> Option<EntityId> {
        self.ids.borrow_mut().take()
    }
}
