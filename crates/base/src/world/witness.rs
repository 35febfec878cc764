//! Witnesses: the clients here that see a space, each with its mirror of the cell's slot table.

use kuafu_contract::Address;
use kuafu_core::{EntityId, SpaceId, TypeNo};
use kuafu_edge::ConnId;

/// A free slot.
const FREE: u32 = u32::MAX;

/// How many bits of a witness number are its row; the rest counts the row's holders, so that a frame that was on its
/// way when the number changed hands reaches nobody.
const ROW_BITS: u32 = 20;

/// One client's eyes.
#[derive(Debug)]
pub(super) struct Witness {
    number: u32,
    pub(super) conn: ConnId,
    pub(super) view: Option<(Address, SpaceId)>,
    pub(super) frame_sequence: u64,
    /// Entity index in its space, by slot.
    indices: Vec<u32>,
    /// Who that is, by slot; asked only for calls.
    entities: Vec<(EntityId, TypeNo)>,
}

/// All witnesses, by the number that cells know them by.
#[derive(Debug, Default)]
pub(crate) struct Witnesses {
    rows: Vec<Option<Witness>>,
    free: Vec<u32>,
}

impl Witness {
    pub(super) fn enter(&mut self, slot: u16, index: u32, entity: EntityId, ty: TypeNo) {
        let slot = usize::from(slot);
        if self.indices.len() <= slot {
            self.indices.resize(slot + 1, FREE);
            self.entities.resize(slot + 1, (EntityId::NONE, TypeNo(0)));
        }
        self.indices[slot] = index;
        self.entities[slot] = (entity, ty);
    }

    pub(super) fn leave(&mut self, slot: u16) {
        if let Some(index) = self.indices.get_mut(usize::from(slot)) {
            *index = FREE;
            self.entities[usize::from(slot)] = (EntityId::NONE, TypeNo(0));
        }
    }

    /// The entity index in a slot.
    #[inline]
    pub(super) fn index(&self, slot: u16) -> Option<u32> {
        self.indices.get(usize::from(slot)).copied().filter(|index| *index != FREE)
    }

    fn clear(&mut self) {
        self.indices.clear();
        self.entities.clear();
    }
}

impl Witnesses {
    /// A number for a client's eyes.
    pub(crate) fn take(&mut self, conn: ConnId) -> u32 {
        let number = self.free.pop().unwrap_or_else(|| {
            self.rows.push(None);
            (self.rows.len() - 1) as u32
        });
        let fresh = Witness { number, conn, view: None, frame_sequence: 0, indices: Vec::new(), entities: Vec::new() };
        self.rows[row(number)] = Some(fresh);
        number
    }

    /// The client is gone; the number is not given out again, only its row.
    pub(crate) fn free(&mut self, number: u32) {
        if self.get_mut(number).is_some() {
            self.rows[row(number)] = None;
            self.free.push(number.wrapping_add(1 << ROW_BITS));
        }
    }

    pub(super) fn get_mut(&mut self, number: u32) -> Option<&mut Witness> {
        self.rows.get_mut(row(number))?.as_mut().filter(|witness| witness.number == number)
    }

    fn get(&self, number: u32) -> Option<&Witness> {
        self.rows.get(row(number))?.as_ref().filter(|witness| witness.number == number)
    }

    /// The witness begins to see a space; `true` when it saw one before.
    pub(super) fn begin_view(&mut self, number: u32, cell: Address, space: SpaceId) -> bool {
        let Some(witness) = self.get_mut(number) else { return false };
        witness.clear();
        witness.view.replace((cell, space)).is_some()
    }

    /// Which cell and space a witness sees.
    pub(crate) fn space_of(&self, number: u32) -> Option<(Address, SpaceId)> {
        self.get(number)?.view
    }

    /// The type of an entity in a witness's view.
    pub(crate) fn type_in_view(&self, number: u32, entity: EntityId) -> Option<TypeNo> {
        let witness = self.get(number)?;
        witness.entities.iter().find(|(id, _)| *id == entity).map(|(_, ty)| *ty)
    }

    /// Empties the views through a cell; their clients.
    pub(super) fn forget_views_of(&mut self, cell: Address) -> Vec<ConnId> {
        let seeing = self.rows.iter_mut().flatten().filter(|witness| witness.view.is_some_and(|(c, _)| c == cell));
        seeing
            .map(|witness| {
                witness.clear();
                witness.view = None;
                witness.conn
            })
            .collect()
    }
}

fn row(number: u32) -> usize {
    (number & ((1 << ROW_BITS) - 1)) as usize
}
