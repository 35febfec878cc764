//! Records, owners and operations in the model store.

use std::collections::{BTreeMap, BTreeSet};

use kuafu_contract::db::{Record, Refused, Reply, Write};
use kuafu_core::{Code, Epoch, Incarnation, OperationId, PropertyNo, RealmNo, RecordId, TypeNo, Value, WallTime};
use kuafu_owner::{self as owner, Claim, OwnerRecord, may_write};
use kuafu_store::RECORDS_PER_REALM;

use super::items::Wanting;
use super::{Broken, Key, LOST_COMMIT_ONE_IN, Model, Row};

/// Where all is born.
const REALM: RealmNo = RealmNo(1);

/// What a batch did.
#[derive(Default)]
struct Done {
    created: Vec<RecordId>,
    stale: Vec<RecordId>,
    refused: Vec<Refused>,
    wanting: Wanting,
}

impl Model {
    pub(super) fn claim(
        &mut self,
        key: Key,
        by: Incarnation,
        or_create: Option<&[(PropertyNo, Value)]>,
    ) -> Result<Reply, Code> {
        let looks = self.broken != Some(Broken::LeaseIgnored);
        if looks && !self.live.contains(&by) {
            return Err(Code::Stale);
        }
        let is_dead = |holder| !looks || !self.live.contains(&holder);
        let epoch = match owner::claim(self.owners.get(&key).copied(), by, is_dead) {
            Claim::Granted { epoch } => epoch,
            Claim::Owned { .. } => return Err(Code::Owned),
        };
        if !self.records.contains_key(&key) {
            let values = or_create.ok_or(Code::RecordUnknown)?;
            self.insert(key, values, true);
            self.skip_id(key);
        }
        self.owners.insert(key, OwnerRecord::held(by, epoch));
        let forgets = self.broken == Some(Broken::NoBirthMark);
        let row = self.records.get_mut(&key).ok_or(Code::RecordUnknown)?;
        let (created, cell_created) = (row.newborn_base, row.newborn_cell);
        if forgets {
            (row.newborn_base, row.newborn_cell) = (false, false);
        }
        let record =
            Record { record: key.1, values: row.values.clone().into_iter().collect(), place: row.place.clone() };
        Ok(Reply::Claimed { epoch, record, created, cell_created })
    }

    fn insert(&mut self, key: Key, values: &[(PropertyNo, Value)], newborn_base: bool) {
        let ty = self.definitions.get(key.0);
        let persistent = ty.into_iter().flat_map(|ty| &ty.properties).filter(|property| property.persistent);
        let defaults = persistent.map(|property| (property.no, property.default.clone()));
        let values = defaults.chain(values.iter().cloned()).collect();
        let newborn_cell = ty.is_some_and(|ty| ty.parts.cell);
        self.records.insert(key, Row { values, place: None, newborn_base, newborn_cell });
    }

    pub(super) fn release(&mut self, key: Key, by: Incarnation, epoch: Epoch) -> Result<Reply, Code> {
        let freed = owner::release(self.owners.get(&key).copied(), by, epoch).ok_or(Code::Stale)?;
        self.owners.insert(key, freed);
        Ok(Reply::Released)
    }

    pub(super) fn autoload(&self, ty: TypeNo, after: RecordId, limit: u32) -> Reply {
        let is_free = |key: &Key| {
            let holder = self.owners.get(key).and_then(|owner| owner.holder);
            holder.is_none_or(|holder| !self.live.contains(&holder))
        };
        let records = self.records.keys().filter(|key| key.0 == ty && key.1 > after && is_free(key));
        Reply::Records(records.map(|key| key.1).take(limit as usize).collect())
    }

    pub(super) fn commit(
        &mut self,
        operation: OperationId,
        by: Incarnation,
        whole: bool,
        writes: &[Write],
        at: WallTime,
    ) -> Result<Reply, Code> {
        if let Some((_, reply)) = self.operations.get(&operation)
            && self.broken != Some(Broken::NoDedup)
        {
            return Ok(reply.clone());
        }
        self.commits += 1;
        let plain = writes.iter().all(|write| matches!(write, Write::Save { .. }));
        if self.broken == Some(Broken::AckBeforeCommit) && plain && self.commits.is_multiple_of(LOST_COMMIT_ONE_IN) {
            return Ok(Reply::Committed { created: Vec::new(), stale: Vec::new(), refused: Vec::new() });
        }
        let Done { created, stale, refused, .. } = self.apply(by, whole, writes)?;
        let reply = Reply::Committed { created, stale, refused };
        self.operations.insert(operation, (at, reply.clone()));
        Ok(reply)
    }

    /// The writes of a batch; of one that is not whole, without saves that want items of others.
    fn apply(&mut self, by: Incarnation, whole: bool, writes: &[Write]) -> Result<Done, Code> {
        let may_fail = whole || writes.iter().any(|write| self.has_items(write));
        let before = may_fail.then(|| (self.records.clone(), self.owners.clone(), self.used.clone()));
        let mut left_out = BTreeSet::new();
        loop {
            let mut done = Done::default();
            for (at, write) in writes.iter().enumerate() {
                self.write(at, write, by, left_out.contains(&at), &mut done);
            }
            let Some(before) = &before else { return Ok(done) };
            let clash = self.item_clash(&done.wanting);
            let is_stale = whole && !done.stale.is_empty();
            if clash.is_none() && !is_stale {
                return Ok(done);
            }
            (self.records, self.owners, self.used) = before.clone();
            match clash {
                Some(at) if !whole && matches!(writes[at], Write::Save { .. }) => drop(left_out.insert(at)),
                Some(_) => return Err(Code::ItemTaken),
                None => return Err(Code::Stale),
            }
        }
    }

    fn has_items(&self, write: &Write) -> bool {
        let (Write::Save { ty, values, .. } | Write::Create { ty, values, .. }) = write else { return false };
        values.iter().any(|(no, _)| self.is_items(*ty, *no))
    }

    /// One write of a batch, under the owners that those before it left.
    fn write(&mut self, at: usize, write: &Write, by: Incarnation, is_left_out: bool, done: &mut Done) {
        let checks = self.broken != Some(Broken::NoEpochCheck);
        let may = |owners: &BTreeMap<Key, OwnerRecord>, key: Key, epoch: Epoch| {
            !checks || may_write(owners.get(&key).copied(), by, epoch)
        };
        match write {
            Write::Save { ty, record, epoch, .. } | Write::Delete { ty, record, epoch }
                if !may(&self.owners, (*ty, *record), *epoch) =>
            {
                if !done.stale.contains(record) {
                    done.stale.push(*record);
                }
            }
            Write::Save { ty, record, .. } if is_left_out => {
                let (ty, record, refusal) = (*ty, *record, Code::ItemTaken.into());
                done.refused.push(Refused { ty, record, refusal });
            }
            Write::Save { ty, record, values, place, with_cell, .. } => {
                self.note_items(at, (*ty, *record), values, done);
                if let Some(row) = self.records.get_mut(&(*ty, *record)) {
                    (row.newborn_base, row.newborn_cell) = (false, row.newborn_cell && !with_cell);
                    row.values.extend(values.iter().cloned());
                    row.place = place.clone().or(row.place.take());
                }
            }
            Write::Delete { ty, record, epoch } => self.delete((*ty, *record), *epoch),
            Write::Create { ty, values, place } => {
                let key = (*ty, self.next_record(*ty));
                self.insert(key, values, false);
                self.note_items(at, key, values, done);
                if let Some(row) = self.records.get_mut(&key) {
                    row.place = place.clone();
                }
                self.owners.insert(key, OwnerRecord::held(by, Epoch(1)));
                done.created.push(key.1);
            }
        }
    }

    fn note_items(&self, at: usize, key: Key, values: &[(PropertyNo, Value)], done: &mut Done) {
        for (no, _) in values.iter().filter(|(no, _)| self.is_items(key.0, *no)) {
            done.wanting.insert((key.0, *no, key.1), at);
        }
    }

    /// A record's id may come back only where roles are, and there the owner record stays.
    fn delete(&mut self, key: Key, epoch: Epoch) {
        self.records.remove(&key);
        if key.0 == self.role_type {
            self.owners.insert(key, OwnerRecord { holder: None, epoch });
        } else {
            self.owners.remove(&key);
        }
    }

    /// A record was made under an id of the claimer's choice: the counter of such ids goes past it.
    fn skip_id(&mut self, (ty, record): Key) {
        let per_realm = if ty == self.role_type { RecordId::PER_REALM } else { RECORDS_PER_REALM };
        if record.0 / per_realm == u64::from(REALM.0) {
            let used = self.used.entry(ty).or_default();
            *used = (*used).max(record.0 % per_realm);
        }
    }

    pub(super) fn next_record(&mut self, ty: TypeNo) -> RecordId {
        let used = self.used.entry(ty).or_default();
        *used += 1;
        if ty == self.role_type { RecordId::of_realm(REALM, *used) } else { RecordId(RECORDS_PER_REALM + *used) }
    }
}
