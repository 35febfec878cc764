//! Saving: what logic wants to last, in batches to the db.
//!
//! Dirty entities are **archived** within the archive period, many in a batch. What one input made logic save, create
//! and delete is one **transaction**: all of it is committed or none. A batch is sent again under the same operation id
//! until its outcome is known. One entity is in one batch at a time, so its writes stay in order.

mod batch;
mod transaction;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use kuafu_contract::db::{self, Write};
use kuafu_contract::{Outcome, Reply, RoleKind};
use kuafu_core::{Code, EntityId, Moment, PropertyNo, Refusal, Value};
use kuafu_def::Part;
use kuafu_logic::{AwaitId, Failure};

use crate::entities::{Entity, Phase};
use crate::role::{BaseRole, Purpose};
pub(crate) use batch::{Batch, Member};
pub(crate) use transaction::{Durable, Held, Transaction, Unmade};

/// How long what failed waits before it is sent again, at first.
pub(crate) const RETRY_FIRST: Duration = Duration::from_millis(200);
/// The longest such wait.
const RETRY_MAX: Duration = Duration::from_secs(5);
/// How long an entity that leaves waits before it is saved again, when another record holds an item of its.
const INSIST_WAIT: Duration = Duration::from_secs(1);

/// Everything that is on its way to the database, or waits for it.
#[derive(Debug, Default)]
pub(crate) struct Saver {
    /// What the present input wants to last.
    gathering: Vec<Durable>,
    /// Entities whose items the present input changed.
    items_changed: BTreeSet<EntityId>,
    /// Transactions that wait for backups of cell parts, or for batches that their entities are in.
    waiting: VecDeque<Transaction>,
    /// Entities that ended before their records were made.
    unmade: BTreeMap<EntityId, Unmade>,
    next_token: u64,
    batches: BTreeMap<u64, Batch>,
    next_batch: u64,
    /// Dirty entities by the time at which they are archived.
    planned: BTreeSet<(Moment, EntityId)>,
    /// How many batches are at the db.
    in_flight: u32,
}

impl Saver {
    /// Logic wants an entity saved with the present transaction.
    pub(crate) fn note_save(&mut self, entity: EntityId, awaiting: Option<AwaitId>) {
        self.gathering.push(Durable::Save { entity, awaiting });
    }

    /// The items of an entity changed. Where that is part of more, it lasts with the rest: a thing that moves must reach
    /// the database in both of its places at once, or in neither.
    pub(crate) fn note_items_changed(&mut self, entity: EntityId) {
        self.items_changed.insert(entity);
    }

    /// An entity is to get a record.
    pub(crate) fn note_create(&mut self, entity: EntityId) {
        self.gathering.push(Durable::Create { entity });
    }

    /// An entity's record is to go. An entity whose record is still being made is deleted when it has one.
    pub(crate) fn note_delete(&mut self, entity: &Entity) {
        let (id, ty) = (entity.id, entity.ty.no);
        if let Some(record) = entity.record {
            self.gathering.push(Durable::Delete { ty, record, epoch: entity.epoch });
            return;
        }
        let is_made_now = |durable: &Durable| matches!(durable, Durable::Create { entity } if *entity == id);
        if self.gathering.iter().any(is_made_now) {
            self.gathering.retain(|durable| !is_made_now(durable));
        } else if entity.epoch.0 > 0 {
            self.unmade.insert(id, Unmade { ty, record: None, in_flight: entity.in_flight, is_kept: false });
            self.gathering.push(Durable::DeleteMade { entity: id });
        }
    }

    /// The end of an entity was refused: its creation goes on.
    fn keep_unmade(&mut self, id: EntityId) {
        if let Some(unmade) = self.unmade.get_mut(&id) {
            unmade.is_kept = true;
            self.unmade.retain(|_, unmade| !unmade.is_kept || unmade.record.is_none());
        }
    }

    /// A cell part's state came; `token` names what asked for it.
    pub(crate) fn backed_up(&mut self, token: u64) {
        for transaction in &mut self.waiting {
            transaction.backups.remove(&token);
        }
    }

    /// Whether nothing waits and nothing is on its way.
    pub(crate) fn is_idle(&self) -> bool {
        self.gathering.is_empty() && self.waiting.is_empty() && self.batches.is_empty()
    }

    /// How many batches are under way or wait to be sent again.
    pub(crate) fn batches_len(&self) -> usize {
        self.batches.len()
    }
}

impl BaseRole {
    /// Plans the archiving of an entity that has become dirty.
    pub(crate) fn plan_archive(&mut self, id: EntityId) {
        // What comes from a cell part is up to a backup period old when the base hears of it.
        let limits = &self.config.limits;
        let period = limits.archive_period_ms.saturating_sub(limits.cell_backup_period_ms) as f64;
        let Some(entity) = self.entities.get_mut(id) else { return };
        if !entity.is_dirty() || entity.archive_at.is_some() || !entity.ty.is_persistent() {
            return;
        }
        // Spread over the second half of the period, so that those who became dirty together are not saved together.
        let wait = Duration::from_millis((period * (0.5 + 0.5 * self.chance.unit())) as u64);
        let at = self.now.at + wait;
        entity.archive_at = Some(at);
        self.saver.planned.insert((at, id));
    }

    /// Saves an entity that leaves; `last_saved` follows when nothing of it is dirty.
    pub(crate) fn save_last(&mut self, id: EntityId) {
        let Some(entity) = self.entities.get_mut(id) else { return };
        if entity.in_flight || entity.transactions > 0 {
            return;
        }
        if entity.record.is_none() || !entity.is_dirty() {
            self.last_saved(id);
            return;
        }
        let at = Moment::default();
        if let Some(planned) = entity.archive_at.replace(at) {
            self.saver.planned.remove(&(planned, id));
        }
        self.saver.planned.insert((at, id));
    }

    /// Sends what is due: transactions that are ready, batches to repeat, entities to archive.
    pub(crate) fn save_due(&mut self) {
        self.start_transactions();
        self.repeat_batches();
        while self.saver.in_flight < self.config.limits.saves_in_flight_max {
            let writes = self.gather_archive();
            if writes.is_empty() {
                break;
            }
            self.send_batch(Batch::archive(writes));
        }
    }

    fn gather_archive(&mut self) -> Vec<(Write, Member)> {
        let mut gathered = Vec::new();
        while gathered.len() < self.config.limits.save_batch_entities_max as usize {
            let Some((at, id)) = self.saver.planned.first().copied().filter(|(at, _)| *at <= self.now.at) else {
                break;
            };
            self.saver.planned.remove(&(at, id));
            let Some(entity) = self.entities.get_mut(id) else { continue };
            entity.archive_at = None;
            let held = entity.in_flight || entity.transactions > 0 || entity.record.is_none();
            if held || !entity.is_dirty() {
                // The end of what holds it plans it anew; what a transaction or its last save took needs no archiving.
                continue;
            }
            gathered.extend(self.write_of(id, None));
        }
        gathered
    }

    /// What the database lacks of an entity, which counts as clean from here; a failed batch makes it dirty again. Of
    /// the base part that is what a transaction `held`, where there is one.
    pub(crate) fn write_of(&mut self, id: EntityId, held: Option<Held>) -> Option<(Write, Member)> {
        let entity = self.entities.get_mut(id)?;
        let Some(record) = entity.record else {
            entity.dirty.extend(held.map(|held| held.dirty).unwrap_or_default());
            return None;
        };
        let is_base = |no: &PropertyNo| entity.ty.property(*no).is_some_and(|property| property.part == Part::Base);
        let (base, cell): (BTreeSet<_>, BTreeSet<_>) = std::mem::take(&mut entity.dirty).into_iter().partition(is_base);
        let held = match held {
            Some(held) => {
                entity.dirty = base;
                held
            }
            None => {
                let values = base.iter().filter_map(|no| Some((*no, self.host.read(id, *no)?))).collect();
                Held { dirty: base, values, ..Held::default() }
            }
        };
        let Held { mut dirty, mut values, .. } = held;
        values.extend(cell.iter().filter_map(|no| Some((*no, entity.cell_values.get(no)?.clone()))));
        dirty.extend(cell);
        let place_dirty = std::mem::take(&mut entity.place_dirty);
        entity.in_flight = true;
        let place = entity.place.clone().filter(|_| place_dirty);
        let with_cell = entity.ty.parts.cell && !entity.is_new;
        let write = Write::Save { ty: entity.ty.no, record, epoch: entity.epoch, values, place, with_cell };
        Some((write, Member::Saved { entity: id, dirty, place_dirty }))
    }

    /// The db answered a batch.
    pub(crate) fn committed(&mut self, number: u64, outcome: Outcome) {
        self.saver.in_flight -= 1;
        match outcome {
            Outcome::Value(Reply::Db(db::Reply::Committed { created, stale, refused })) => {
                let Some(batch) = self.saver.batches.remove(&number) else { return };
                self.counters.add("entities_saved", batch.members.len().saturating_sub(refused.len()) as f64);
                let mut created = VecDeque::from(created);
                for (write, member) in batch.writes.iter().zip(batch.members) {
                    match refusal_of(write, &refused) {
                        Some(refusal) => self.save_refused(member, refusal),
                        None => self.member_committed(&member, &mut created, &stale),
                    }
                }
                self.end_awaits(batch.awaits, &Ok(Value::Bool(true)));
            }
            Outcome::Refused(refusal) if is_final(refusal.code) => self.batch_refused(number, &refusal),
            Outcome::Refused(refusal) => {
                self.counters.count("commits_repeated");
                tracing::warn!(%refusal, "a batch was not committed; it is sent again");
                self.plan_repeat(number);
            }
            _ => self.plan_repeat(number),
        }
    }

    fn member_committed(
        &mut self,
        member: &Member,
        created: &mut VecDeque<kuafu_core::RecordId>,
        stale: &[kuafu_core::RecordId],
    ) {
        match member {
            Member::Saved { entity, .. } => {
                let record = self.entities.get(*entity).and_then(|entity| entity.record);
                if record.is_some_and(|record| stale.contains(&record)) {
                    self.lose_entity(*entity);
                } else {
                    self.member_done(*entity);
                }
            }
            Member::Created { entity, ty } => {
                let Some(record) = created.pop_front() else {
                    tracing::error!(%entity, "the db named fewer records than were created");
                    return;
                };
                if self.entities.set_record(*entity, record) {
                    self.member_done(*entity);
                } else if let Some(unmade) = self.saver.unmade.get_mut(entity) {
                    (unmade.record, unmade.in_flight) = (Some(record), false);
                    self.saver.unmade.retain(|_, unmade| !unmade.is_kept || unmade.record.is_none());
                } else {
                    let epoch = kuafu_core::Epoch(1);
                    self.saver.gathering.push(Durable::Delete { ty: *ty, record, epoch });
                }
            }
            Member::Deleted => {}
        }
    }

    /// An entity is in no batch any more: what it became meanwhile is planned.
    fn member_done(&mut self, id: EntityId) {
        let Some(entity) = self.entities.get_mut(id) else { return };
        entity.in_flight = false;
        if entity.phase == Phase::Saving {
            self.save_last(id);
        } else {
            self.plan_archive(id);
        }
    }

    /// The db will not do this batch: what it held is dirty again, and who waits is told.
    fn batch_refused(&mut self, number: u64, refusal: &Refusal) {
        let Some(batch) = self.saver.batches.remove(&number) else { return };
        self.counters.count("commits_refused");
        tracing::error!(%refusal, "the database refused a batch");
        let refused = if batch.whole { batch.entities() } else { BTreeSet::new() };
        for member in batch.members {
            if let Member::Created { entity: id, .. } = member {
                // It was never to be without its record.
                self.end_unmade(id);
            } else if !self.insists(&member, refusal) {
                self.take_dirt_back(member);
            }
        }
        self.refuse_followers(refused, refusal);
        self.end_awaits(batch.awaits, &Err(refusal.clone()));
    }

    /// The db left one save of a batch out, for good.
    fn save_refused(&mut self, member: Member, refusal: &Refusal) {
        self.counters.count("saves_refused");
        tracing::error!(%refusal, ?member, "the database refused to save an entity");
        if !self.insists(&member, refusal) {
            self.take_dirt_back(member);
        }
    }

    /// An entity that leaves with an item whose former holder is not archived yet is saved again until that must have
    /// happened.
    fn insists(&mut self, member: &Member, refusal: &Refusal) -> bool {
        let Member::Saved { entity: id, dirty, place_dirty } = member else { return false };
        let (now, most) = (self.now.at, Duration::from_millis(self.config.limits.archive_period_ms));
        let Some(entity) = self.entities.get_mut(*id).filter(|entity| entity.phase == Phase::Saving) else {
            return false;
        };
        if refusal.code != Code::ItemTaken || *entity.insists_until.get_or_insert(now + most) <= now {
            return false;
        }
        entity.dirty.extend(dirty);
        entity.place_dirty |= place_dirty;
        entity.in_flight = false;
        let at = now + INSIST_WAIT;
        entity.archive_at = Some(at);
        self.saver.planned.insert((at, *id));
        true
    }

    /// What a save held is dirty again.
    fn take_dirt_back(&mut self, member: Member) {
        let Member::Saved { entity: id, dirty, place_dirty } = member else { return };
        if let Some(entity) = self.entities.get_mut(id) {
            entity.dirty.extend(dirty);
            entity.place_dirty |= place_dirty;
        }
        self.member_refused(id);
    }

    /// An entity that leaves cannot wait for a database that refuses it for good; what is lost is in the log.
    pub(super) fn member_refused(&mut self, id: EntityId) {
        let leaving = self.entities.get(id).filter(|entity| entity.phase == Phase::Saving);
        if let Some(entity) = leaving {
            self.counters.count("saves_given_up");
            tracing::error!(entity = %id, record = ?entity.record, dirty = ?entity.dirty, "left without its last state");
            if let Some(entity) = self.entities.get_mut(id) {
                entity.dirty.clear();
                entity.place_dirty = false;
            }
        }
        self.member_done(id);
    }

    pub(super) fn end_unmade(&mut self, id: EntityId) {
        if let Some(entity) = self.entities.get_mut(id) {
            entity.in_flight = false;
        }
        if let Some(unmade) = self.saver.unmade.get_mut(&id) {
            unmade.in_flight = false;
        }
        self.saver.unmade.retain(|other, unmade| *other != id || !unmade.is_kept);
        self.end_entity(id, true);
    }

    pub(super) fn end_awaits(&mut self, awaits: Vec<AwaitId>, result: &Result<Value, Refusal>) {
        for awaiting in awaits {
            self.host.resume(self.now, awaiting, result.clone().map_err(Failure::Refused));
        }
    }

    pub(crate) fn send_batch(&mut self, batch: Batch) {
        let mut batch = batch;
        batch.operation = kuafu_core::OperationId(u128::from_le_bytes(self.chance.token()));
        self.saver.next_batch += 1;
        let number = self.saver.next_batch;
        self.saver.batches.insert(number, batch);
        self.commit(number);
    }

    fn commit(&mut self, number: u64) {
        let Some(batch) = self.saver.batches.get_mut(&number) else { return };
        batch.repeat_at = None;
        let request = db::Request::Commit {
            operation: batch.operation,
            by: self.config.address.incarnation,
            whole: batch.whole,
            writes: batch.writes.clone(),
        };
        self.saver.in_flight += 1;
        self.book.call(RoleKind::Db, request, Purpose::Commit(number));
    }

    fn plan_repeat(&mut self, number: u64) {
        let now = self.now.at;
        if let Some(batch) = self.saver.batches.get_mut(&number) {
            batch.wait = if batch.wait.is_zero() { RETRY_FIRST } else { (batch.wait * 2).min(RETRY_MAX) };
            batch.repeat_at = Some(now + batch.wait);
        }
    }

    fn repeat_batches(&mut self) {
        let now = self.now.at;
        let due: Vec<u64> = self
            .saver
            .batches
            .iter()
            .filter(|(_, batch)| batch.repeat_at.is_some_and(|at| at <= now))
            .map(|(number, _)| *number)
            .collect();
        for number in due {
            self.commit(number);
        }
    }
}

fn refusal_of<'r>(write: &Write, refused: &'r [db::Refused]) -> Option<&'r Refusal> {
    let Write::Save { ty, record, .. } = write else { return None };
    refused.iter().find(|refused| (refused.ty, refused.record) == (*ty, *record)).map(|refused| &refused.refusal)
}

/// Whether asking the db the same again cannot help.
pub(crate) fn is_final(code: Code) -> bool {
    !matches!(code, Code::Busy | Code::Unavailable | Code::StoreFailed | Code::ServerFault | Code::DeadlinePassed)
}
