//! A transaction: what one input made logic save, create and delete.
//!
//! It waits until the cell parts of what it saves have sent their state, and until none of its entities is in a batch;
//! then its writes are sent. What its base parts held is kept from its beginning, and its entities are not archived
//! meanwhile: half of a transaction must not reach the database on another way, be it with an earlier transaction.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use kuafu_contract::db::{Place, Write};
use kuafu_contract::link::Event;
use kuafu_core::{EntityId, Epoch, Moment, PropertyNo, RecordId, Refusal, TypeNo, Value};
use kuafu_def::{EntityType, Part};
use kuafu_logic::{AwaitId, Failure};

use super::{Batch, Member};
use crate::entities::{CellPart, Phase};
use crate::role::BaseRole;

/// How long the state of cell parts is waited for; then what they sent last counts.
const BACKUP_WAIT: Duration = Duration::from_secs(1);

/// One thing that logic wants to last.
#[derive(Debug)]
pub(crate) enum Durable {
    /// An entity's present state.
    Save { entity: EntityId, awaiting: Option<AwaitId> },
    /// A record for an entity.
    Create { entity: EntityId },
    /// The end of a record.
    Delete { ty: TypeNo, record: RecordId, epoch: Epoch },
    /// The end of a record that an earlier transaction makes.
    DeleteMade { entity: EntityId },
}

/// An entity that ended while its record was being made: the record is deleted by the transaction that ended it, so
/// that what moved out of the entity is at no time in both places, nor in none.
#[derive(Debug)]
pub(crate) struct Unmade {
    pub(super) ty: TypeNo,
    /// Known when the creation is committed.
    pub(super) record: Option<RecordId>,
    /// The creation is on its way to the database.
    pub(super) in_flight: bool,
    /// The transaction that ended it was refused: the record is made and stays.
    pub(super) is_kept: bool,
}

/// What one input wants to last.
#[derive(Debug)]
pub(crate) struct Transaction {
    what: Vec<Durable>,
    entities: BTreeSet<EntityId>,
    held: BTreeMap<EntityId, Held>,
    pub(super) backups: BTreeSet<u64>,
    patience: Moment,
}

/// What a base part held when a transaction began, of what the database may lack.
#[derive(Debug, Default)]
pub(crate) struct Held {
    pub(super) dirty: BTreeSet<PropertyNo>,
    pub(super) values: Vec<(PropertyNo, Value)>,
    /// Under which its record is written, when it has one.
    pub(super) key: Option<(TypeNo, RecordId, Epoch)>,
    /// Of an entity that is created: it may have ended before its creation is sent.
    pub(super) born: Option<Born>,
}

#[derive(Debug)]
pub(crate) struct Born {
    ty: Arc<EntityType>,
    cell_values: BTreeMap<PropertyNo, Value>,
    place: Option<Place>,
}

impl BaseRole {
    /// What was gathered since the last time becomes a transaction.
    pub(crate) fn begin_transaction(&mut self) {
        let moved = std::mem::take(&mut self.saver.items_changed);
        if self.saver.gathering.is_empty() && moved.len() < 2 {
            return;
        }
        let mut what = std::mem::take(&mut self.saver.gathering);
        what.extend(moved.into_iter().map(|entity| Durable::Save { entity, awaiting: None }));
        let mut entities = BTreeSet::new();
        for durable in &what {
            if let Durable::Save { entity, .. } | Durable::Create { entity } | Durable::DeleteMade { entity } = durable
            {
                entities.insert(*entity);
            }
        }
        let mut backups = BTreeSet::new();
        for durable in &what {
            if let Durable::Save { entity, .. } = durable {
                backups.extend(self.ask_backup(*entity));
            }
        }
        let created = |id: &EntityId| what.iter().any(|d| matches!(d, Durable::Create { entity } if entity == id));
        let mut held = BTreeMap::new();
        for id in &entities {
            held.extend(self.hold(*id, created(id)).map(|values| (*id, values)));
        }
        let patience = self.now.at + BACKUP_WAIT;
        self.saver.waiting.push_back(Transaction { what, entities, held, backups, patience });
        self.start_transactions();
    }

    /// Keeps what a base part holds for a transaction; it counts as clean from here. `all`: also what is not dirty.
    fn hold(&mut self, id: EntityId, all: bool) -> Option<Held> {
        let entity = self.entities.get_mut(id)?;
        entity.transactions += 1;
        let (ty, cell_values, place) = (entity.ty.clone(), entity.cell_values.clone(), entity.place.clone());
        let key = entity.record.map(|record| (ty.no, record, entity.epoch));
        let mut held = Held { key, born: all.then_some(Born { ty, cell_values, place }), ..Held::default() };
        for property in entity.ty.properties.iter().filter(|p| p.persistent && p.part == Part::Base) {
            let is_dirty = entity.dirty.remove(&property.no);
            if is_dirty {
                held.dirty.insert(property.no);
            }
            if let Some(value) = self.host.read(id, property.no).filter(|_| is_dirty || all) {
                held.values.push((property.no, value));
            }
        }
        Some(held)
    }

    /// Asks the cell part of an entity for its state, when it has one.
    fn ask_backup(&mut self, id: EntityId) -> Option<u64> {
        let CellPart::Ready(cell, _) = self.entities.get(id)?.cell else { return None };
        self.saver.next_token += 1;
        let token = self.saver.next_token;
        self.tell_peer(cell, Event::BackUp { entity: id, token });
        Some(token)
    }

    /// Sends the transactions that wait for nothing more. Those that share an entity keep their order.
    pub(crate) fn start_transactions(&mut self) {
        let mut held: BTreeSet<EntityId> = BTreeSet::new();
        let mut kept = VecDeque::new();
        while let Some(transaction) = self.saver.waiting.pop_front() {
            let waits = !transaction.backups.is_empty() && self.now.at < transaction.patience;
            let busy = transaction.entities.iter().any(|id| held.contains(id) || self.is_in_flight(*id));
            if waits || busy || self.saver.in_flight >= self.config.limits.saves_in_flight_max {
                held.extend(&transaction.entities);
                kept.push_back(transaction);
            } else {
                self.send_transaction(transaction);
            }
        }
        kept.append(&mut self.saver.waiting);
        self.saver.waiting = kept;
    }

    fn is_in_flight(&self, id: EntityId) -> bool {
        let unmade = self.saver.unmade.get(&id).is_some_and(|unmade| unmade.in_flight);
        unmade || self.entities.get(id).is_some_and(|entity| entity.in_flight)
    }

    fn send_transaction(&mut self, mut transaction: Transaction) {
        for id in &transaction.entities {
            if let Some(entity) = self.entities.get_mut(*id) {
                entity.transactions -= 1;
            }
        }
        let mut pairs: Vec<(Write, Member)> = Vec::new();
        let mut awaits = Vec::new();
        let mut saved = BTreeSet::new();
        for durable in transaction.what {
            match durable {
                Durable::Save { entity, awaiting } => {
                    awaits.extend(awaiting);
                    if saved.insert(entity) {
                        let held = transaction.held.remove(&entity).unwrap_or_default();
                        let write = match self.entities.get(entity) {
                            Some(_) => self.write_of(entity, Some(held)),
                            None => self.write_of_ended(entity, held),
                        };
                        pairs.extend(write);
                    }
                }
                Durable::Create { entity } => {
                    saved.insert(entity);
                    let held = transaction.held.remove(&entity).unwrap_or_default();
                    pairs.extend(self.creation_of(entity, held));
                }
                Durable::Delete { ty, record, epoch } => {
                    pairs.push((Write::Delete { ty, record, epoch }, Member::Deleted));
                }
                Durable::DeleteMade { entity } => {
                    let made = self.saver.unmade.remove(&entity).and_then(|unmade| Some((unmade.ty, unmade.record?)));
                    let delete = made.map(|(ty, record)| Write::Delete { ty, record, epoch: Epoch(1) });
                    pairs.extend(delete.map(|delete| (delete, Member::Deleted)));
                }
            }
        }
        for id in transaction.entities {
            if self.entities.get(id).is_some_and(|entity| entity.phase == Phase::Saving) {
                self.save_last(id);
            }
        }
        if pairs.is_empty() {
            // What was to be saved is gone, or has no record: that is not a save.
            for awaiting in awaits {
                self.host.resume(self.now, awaiting, Err(Failure::from(kuafu_core::Code::RecordUnknown)));
            }
            return;
        }
        self.send_batch(Batch::transaction(pairs, awaits));
    }

    /// The database refused a transaction for good. Those that began after it with the same entities hold what it did,
    /// so they are refused with it.
    pub(super) fn refuse_followers(&mut self, mut refused: BTreeSet<EntityId>, refusal: &Refusal) {
        let (mut kept, mut followers) = (VecDeque::new(), Vec::new());
        for transaction in std::mem::take(&mut self.saver.waiting) {
            if transaction.entities.is_disjoint(&refused) {
                kept.push_back(transaction);
            } else {
                refused.extend(&transaction.entities);
                followers.push(transaction);
            }
        }
        self.saver.waiting = kept;
        // The newest first, so that logic that takes back what it did finds what it left.
        for transaction in followers.into_iter().rev() {
            self.refuse_waiting(transaction, refusal);
        }
    }

    fn refuse_waiting(&mut self, mut transaction: Transaction, refusal: &Refusal) {
        self.counters.count("commits_refused");
        for id in &transaction.entities {
            if let Some(entity) = self.entities.get_mut(*id) {
                entity.transactions -= 1;
                entity.dirty.extend(transaction.held.remove(id).map(|held| held.dirty).unwrap_or_default());
            }
        }
        let mut awaits = Vec::new();
        for durable in transaction.what {
            match durable {
                Durable::Save { awaiting, .. } => awaits.extend(awaiting),
                Durable::Create { entity } => self.end_unmade(entity),
                Durable::Delete { .. } => {}
                Durable::DeleteMade { entity } => self.saver.keep_unmade(entity),
            }
        }
        for id in transaction.entities {
            if self.entities.get(id).is_some_and(|entity| !entity.in_flight && entity.transactions == 0) {
                self.member_refused(id);
            }
        }
        self.end_awaits(awaits, &Err(refusal.clone()));
    }

    /// The write of an entity that has ended since, or was lost: without it the rest would be half of a transaction. The
    /// db refuses all when it is not ours any more.
    fn write_of_ended(&self, id: EntityId, held: Held) -> Option<(Write, Member)> {
        let unmade = || self.saver.unmade.get(&id).and_then(|unmade| Some((unmade.ty, unmade.record?, Epoch(1))));
        let (ty, record, epoch) = held.key.or_else(unmade)?;
        let write = Write::Save { ty, record, epoch, values: held.values, place: None, with_cell: false };
        Some((write, Member::Saved { entity: id, dirty: held.dirty, place_dirty: false }))
    }

    fn creation_of(&mut self, id: EntityId, held: Held) -> Option<(Write, Member)> {
        let Held { values: base, born, .. } = held;
        let Born { ty, mut cell_values, mut place } = born?;
        if let Some(entity) = self.entities.get_mut(id) {
            entity.in_flight = true;
            entity.dirty.retain(|no| ty.property(*no).is_some_and(|property| property.part == Part::Base));
            entity.place_dirty = false;
            (cell_values, place) = (entity.cell_values.clone(), entity.place.clone());
        } else {
            self.saver.unmade.get_mut(&id)?.in_flight = true;
        }
        let persistent = ty.properties.iter().filter(|property| property.persistent);
        let values = persistent.map(|property| {
            let value = match property.part {
                Part::Base => base.iter().find(|(no, _)| *no == property.no).map(|(_, value)| value.clone()),
                Part::Cell | Part::Client => cell_values.get(&property.no).cloned(),
            };
            (property.no, value.unwrap_or_else(|| property.default.clone()))
        });
        let values = values.collect();
        Some((Write::Create { ty: ty.no, values, place }, Member::Created { entity: id, ty: ty.no }))
    }
}
