//! A transaction: what one input made logic save, create and delete.
//!
//! It waits until the cell parts of what it saves have sent their state, and until none of its entities is in a batch;
//! then its writes are made and sent at once. Its entities are not archived meanwhile: half of a transaction must not
//! reach the database on another way.

use std::collections::BTreeSet;
use std::time::Duration;

use kuafu_contract::db::Write;
use kuafu_contract::link::Event;
use kuafu_core::{EntityId, Epoch, Moment, RecordId, TypeNo, Value};
use kuafu_def::Part;
use kuafu_logic::{AwaitId, Failure};

use super::{Batch, Member};
use crate::entities::{CellPart, Entity, Phase};
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
}

/// What one input wants to last.
#[derive(Debug)]
pub(crate) struct Transaction {
    what: Vec<Durable>,
    entities: BTreeSet<EntityId>,
    pub(super) backups: BTreeSet<u64>,
    patience: Moment,
}

impl BaseRole {
    /// What was gathered since the last time becomes a transaction.
    pub(crate) fn begin_transaction(&mut self) {
        if self.saver.gathering.is_empty() {
            return;
        }
        let what = std::mem::take(&mut self.saver.gathering);
        let mut entities = BTreeSet::new();
        for durable in &what {
            if let Durable::Save { entity, .. } | Durable::Create { entity } = durable {
                entities.insert(*entity);
            }
        }
        let mut backups = BTreeSet::new();
        for durable in &what {
            if let Durable::Save { entity, .. } = durable {
                backups.extend(self.ask_backup(*entity));
            }
        }
        for id in &entities {
            if let Some(entity) = self.entities.get_mut(*id) {
                entity.transactions += 1;
            }
        }
        let patience = self.now.at + BACKUP_WAIT;
        self.saver.waiting.push_back(Transaction { what, entities, backups, patience });
        self.start_transactions();
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
        let mut kept = std::collections::VecDeque::new();
        while let Some(transaction) = self.saver.waiting.pop_front() {
            let waits = !transaction.backups.is_empty() && self.now.at < transaction.patience;
            let busy = transaction
                .entities
                .iter()
                .any(|id| held.contains(id) || self.entities.get(*id).is_some_and(|entity| entity.in_flight));
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

    fn send_transaction(&mut self, transaction: Transaction) {
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
                        pairs.extend(self.write_of(entity));
                    }
                }
                Durable::Create { entity } => {
                    saved.insert(entity);
                    pairs.extend(self.creation_of(entity));
                }
                Durable::Delete { ty, record, epoch } => {
                    pairs.push((Write::Delete { ty, record, epoch }, Member::Deleted));
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

    fn creation_of(&mut self, id: EntityId) -> Option<(Write, Member)> {
        let entity = self.entities.get_mut(id)?;
        entity.in_flight = true;
        entity.dirty.clear();
        entity.place_dirty = false;
        let ty = entity.ty.clone();
        let cell_values = entity.cell_values.clone();
        let persistent = ty.properties.iter().filter(|property| property.persistent);
        let values = persistent.map(|property| {
            let value = match property.part {
                Part::Base => self.host.read(id, property.no),
                Part::Cell | Part::Client => cell_values.get(&property.no).cloned(),
            };
            (property.no, value.unwrap_or_else(|| property.default.clone()))
        });
        let values: Vec<(kuafu_core::PropertyNo, Value)> = values.collect();
        let place = self.entities.get(id).and_then(|entity: &Entity| entity.place.clone());
        Some((Write::Create { ty: ty.no, values, place }, Member::Created { entity: id, ty: ty.no }))
    }
}
