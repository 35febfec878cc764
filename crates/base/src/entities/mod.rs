//! The entities whose base parts live here: what is known of each, and where each stands in its life.

pub(crate) mod effects;
pub(crate) mod enter;
pub(crate) mod leave;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kuafu_contract::Address;
use kuafu_contract::db::Place;
use kuafu_core::{AccountId, EntityId, Epoch, Moment, PropertyNo, RecordId, SpaceId, TypeNo, Value};
use kuafu_def::EntityType;
use kuafu_edge::ConnId;
use kuafu_node::CallRef;
use rustc_hash::FxHashMap;

use crate::clients::Admission;

/// One entity.
#[derive(Debug)]
pub(crate) struct Entity {
    pub(crate) id: EntityId,
    pub(crate) ty: Arc<EntityType>,
    pub(crate) record: Option<RecordId>,
    /// Under which its record is written.
    pub(crate) epoch: Epoch,
    pub(crate) session: Option<(AccountId, Epoch)>,
    /// Newer sessions whose clients did not come in; they are closed with the entity's own.
    pub(crate) sessions_unused: Vec<(AccountId, Epoch)>,
    pub(crate) client: Option<ConnId>,
    /// The number under which its cell knows its client.
    pub(crate) witness: Option<u32>,
    pub(crate) phase: Phase,
    pub(crate) cell: CellPart,
    /// Nothing has come from its cell part that was ever saved: the part is created, not loaded, as often as that
    /// takes.
    pub(crate) is_new: bool,
    /// It lasts, and what logic gives its cell part at its creation is still to be saved.
    pub(crate) is_newborn: bool,
    /// The fence of its cell part: counts up with each one created.
    pub(crate) real_epoch: u32,
    /// Values of persistent cell properties, as last backed up; of all given ones before the part is created.
    pub(crate) cell_values: BTreeMap<PropertyNo, Value>,
    pub(crate) place: Option<Place>,
    /// How its record is claimed, until that has ended.
    pub(crate) claim: Option<Claim>,
    /// Persistent properties of either part that the database does not have yet.
    pub(crate) dirty: BTreeSet<PropertyNo>,
    pub(crate) place_dirty: bool,
    /// When it will be archived, while something is dirty.
    pub(crate) archive_at: Option<Moment>,
    /// A batch with it is on its way.
    pub(crate) in_flight: bool,
    /// Transactions that wait to be sent and hold it; it is not archived meanwhile.
    pub(crate) transactions: u32,
    /// Until when it does not leave though another record still holds an item of its.
    pub(crate) insists_until: Option<Moment>,
    /// It has no client, and stays until then.
    pub(crate) grace_until: Option<Moment>,
    pub(crate) resume: Option<[u8; 16]>,
    /// Who waits for its end.
    pub(crate) waiting: Waiting,
}

/// Where an entity stands in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// The db was asked for its record.
    Claiming,
    /// In the game.
    Live,
    /// Its cell part was told to end; not waited for longer than until then.
    EndingCell(Moment),
    /// Its last state is on its way to the database.
    Saving,
    /// The ownership is being given up; when the db did not do it, it is asked again then.
    Releasing(Moment),
}

/// How a record is claimed.
#[derive(Debug)]
pub(crate) struct Claim {
    /// First values of a record that is created by it.
    pub(crate) or_create: Option<Vec<(PropertyNo, Value)>>,
    /// It may have been done without our knowing.
    pub(crate) is_unsure: bool,
    /// When it is made again.
    pub(crate) again: Moment,
}

/// Where an entity's cell part stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CellPart {
    /// It has none.
    None,
    /// The cell of the space is looked for.
    Finding(SpaceId),
    /// The cell was told to create it.
    Creating(Address, SpaceId),
    /// It stands.
    Ready(Address, SpaceId),
    /// The cell was told to end it.
    Ending(Address),
}

/// Who waits for an entity's end.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    pub(crate) kicks: Vec<CallRef>,
    /// Said Bye.
    pub(crate) bye: Option<ConnId>,
    /// Wants to come in when the entity of before is out.
    pub(crate) next: Option<(ConnId, Admission)>,
}

impl CellPart {
    /// The cell that has it or is about to.
    pub(crate) fn address(self) -> Option<Address> {
        match self {
            Self::Creating(cell, _) | Self::Ready(cell, _) | Self::Ending(cell) => Some(cell),
            Self::None | Self::Finding(_) => None,
        }
    }
}

impl Entity {
    pub(crate) fn new(id: EntityId, ty: Arc<EntityType>, phase: Phase) -> Self {
        Self {
            id,
            ty,
            record: None,
            epoch: Epoch(0),
            session: None,
            sessions_unused: Vec::new(),
            client: None,
            witness: None,
            phase,
            cell: CellPart::None,
            is_new: false,
            is_newborn: false,
            real_epoch: 0,
            cell_values: BTreeMap::new(),
            place: None,
            claim: None,
            dirty: BTreeSet::new(),
            place_dirty: false,
            archive_at: None,
            in_flight: false,
            transactions: 0,
            insists_until: None,
            grace_until: None,
            resume: None,
            waiting: Waiting::default(),
        }
    }

    /// Whether the database lacks something of it.
    pub(crate) fn is_dirty(&self) -> bool {
        self.place_dirty || !self.dirty.is_empty()
    }

    /// Whether it has left the game or is about to.
    pub(crate) fn is_leaving(&self) -> bool {
        matches!(self.phase, Phase::EndingCell(_) | Phase::Saving | Phase::Releasing(_))
    }
}

/// All entities, found by id, by record and by resume token.
#[derive(Debug, Default)]
pub(crate) struct Entities {
    by_id: FxHashMap<EntityId, Entity>,
    by_record: FxHashMap<(TypeNo, RecordId), EntityId>,
    by_resume: FxHashMap<[u8; 16], EntityId>,
}

impl Entities {
    pub(crate) fn insert(&mut self, entity: Entity) {
        if let Some(record) = entity.record {
            self.by_record.insert((entity.ty.no, record), entity.id);
        }
        self.by_id.insert(entity.id, entity);
    }

    pub(crate) fn remove(&mut self, id: EntityId) -> Option<Entity> {
        let entity = self.by_id.remove(&id)?;
        if let Some(record) = entity.record {
            self.by_record.remove(&(entity.ty.no, record));
        }
        if let Some(resume) = entity.resume {
            self.by_resume.remove(&resume);
        }
        Some(entity)
    }

    pub(crate) fn get(&self, id: EntityId) -> Option<&Entity> {
        self.by_id.get(&id)
    }

    pub(crate) fn get_mut(&mut self, id: EntityId) -> Option<&mut Entity> {
        self.by_id.get_mut(&id)
    }

    pub(crate) fn of_record(&self, ty: TypeNo, record: RecordId) -> Option<EntityId> {
        self.by_record.get(&(ty, record)).copied()
    }

    pub(crate) fn of_resume(&self, token: &[u8; 16]) -> Option<EntityId> {
        self.by_resume.get(token).copied()
    }

    /// Gives an entity its record, when the database has made it.
    pub(crate) fn set_record(&mut self, id: EntityId, record: RecordId) -> bool {
        let Some(entity) = self.by_id.get_mut(&id) else { return false };
        entity.record = Some(record);
        self.by_record.insert((entity.ty.no, record), id);
        true
    }

    /// Replaces the token by which a client may come back.
    pub(crate) fn set_resume(&mut self, id: EntityId, token: Option<[u8; 16]>) {
        let Some(entity) = self.by_id.get_mut(&id) else { return };
        if let Some(old) = std::mem::replace(&mut entity.resume, token) {
            self.by_resume.remove(&old);
        }
        if let Some(token) = token {
            self.by_resume.insert(token, id);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Entity> {
        self.by_id.values()
    }

    /// In the order in which they were created.
    pub(crate) fn all_ids(&self) -> Vec<EntityId> {
        let mut ids: Vec<EntityId> = self.by_id.keys().copied().collect();
        ids.sort_unstable();
        ids
    }
}
