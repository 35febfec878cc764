//! What logic in base parts may read: ids, and this base's copy of the directory. There is no space here.

use std::cell::RefCell;
use std::rc::Rc;

use kuafu_contract::directory::Directory;
use kuafu_core::id::EntityIdSource;
use kuafu_core::{EntityId, PropertyNo, TypeNo, Value};
use kuafu_logic::{NoWorld, World};

use super::groups::Groups;

/// The world of base parts. Logic reads it while the role is inside the host, when the role borrows nothing of it.
#[derive(Debug)]
pub(crate) struct BaseWorld {
    ids: NoWorld,
    directory: Rc<RefCell<Directory>>,
    groups: Rc<RefCell<Groups>>,
}

impl BaseWorld {
    pub(crate) fn new(ids: EntityIdSource, directory: Rc<RefCell<Directory>>, groups: Rc<RefCell<Groups>>) -> Self {
        Self { ids: NoWorld::new(ids), directory, groups }
    }
}

impl World for BaseWorld {
    fn position(&self, _: EntityId) -> Option<[f32; 3]> {
        None
    }

    fn yaw(&self, _: EntityId) -> Option<f32> {
        None
    }

    fn type_of(&self, _: EntityId) -> Option<TypeNo> {
        None
    }

    fn public_property(&self, _: EntityId, _: PropertyNo) -> Option<Value> {
        None
    }

    fn within(&self, _: EntityId, _: f32, _: &mut Vec<EntityId>) {}

    fn space_time_ms(&self) -> u64 {
        0
    }

    fn draw_id(&self) -> Option<EntityId> {
        self.ids.draw_id()
    }

    fn named(&self, name: &str) -> Option<EntityId> {
        self.directory.borrow().named(name).map(|holder| holder.entity)
    }

    fn shared(&self, key: &str) -> Option<Value> {
        self.directory.borrow().shared(key).map(|shared| shared.value.clone())
    }

    fn groups_len(&self, entity: EntityId) -> usize {
        self.groups.borrow().of(entity)
    }
}
