//! Commits: batches of saves, creations and deletions, each done once however often it is asked for.
//!
//! A batch of plain saves needs no savepoint: all that can be wrong with it is known before its rows are written, so
//! they go out together with those of other batches. Anything else runs inside a savepoint of its own. When the
//! database refuses a save of a batch that is not whole, the batch is taken back and done again without it: what the
//! others hold must not wait for somebody's taken name.

use std::collections::BTreeMap;

use kuafu_contract::db::{self, Refused, Write};
use kuafu_core::{Code, Epoch, Incarnation, OperationId, RealmNo, RecordId, Refusal, TypeNo, WallTime};
use kuafu_owner::{OwnerRecord, may_write};

use crate::StoreReply;
use crate::engine::group::{Group, Newborn, Owned};
use crate::engine::plan::{Planned, Save};
use crate::engine::{Context, Fault, items};
use crate::schema::{Table, Target};
use crate::sql::{Cell, broken_rule, built, signed};
use crate::store::RECORDS_PER_REALM;

/// Writes in one batch; a larger one is refused.
const BATCH_WRITES_MAX: usize = 16_384;

/// What a batch has done so far, and how to take it back.
#[derive(Default)]
struct Progress {
    created: Vec<RecordId>,
    stale: Vec<RecordId>,
    refused: Vec<Refused>,
    /// Owner rows before the batch.
    undo: Vec<((TypeNo, RecordId), Option<Owned>)>,
}

/// Why a batch was not done.
pub(super) struct Failed {
    /// The write that it failed by, when that is known: a save is one that the rest can do without.
    pub(super) save: Option<usize>,
    pub(super) fault: Fault,
}

impl<E: Into<Fault>> From<E> for Failed {
    fn from(fault: E) -> Self {
        Self { save: None, fault: fault.into() }
    }
}

impl Group<'_> {
    pub(super) async fn commit(
        &mut self,
        operation: OperationId,
        by: Incarnation,
        whole: bool,
        writes: &[Write],
        at: WallTime,
    ) -> Result<StoreReply, Fault> {
        if let Some(reply) = self.operations.get(&operation) {
            return Ok(StoreReply::Entity(reply.clone()));
        }
        if writes.len() > BATCH_WRITES_MAX {
            let text = format!("a batch has at most {BATCH_WRITES_MAX} writes, not {}", writes.len());
            return Err(Refusal::new(Code::ArgumentInvalid, text).into());
        }
        let plans: Vec<Planned> =
            writes.iter().map(|write| self.context.plan(write, whole)).collect::<Result<_, _>>()?;
        let is_plain = |plan: &Planned| match plan {
            Planned::Save { save, .. } => !save.may_fail && save.items.is_empty() && !self.careful,
            Planned::Refused { .. } => true,
            Planned::Create { .. } | Planned::Delete { .. } => false,
        };
        let Progress { created, stale, refused, .. } = if plans.iter().all(is_plain) {
            self.save(by, whole, plans).await?
        } else {
            self.guarded(by, whole, plans).await?
        };
        let reply = db::Reply::Committed { created, stale, refused };
        self.note_operation(operation, at, &reply)?;
        Ok(StoreReply::Entity(reply))
    }

    fn note_operation(&mut self, operation: OperationId, at: WallTime, reply: &db::Reply) -> Result<(), Fault> {
        let result = postcard::to_stdvec(reply).map_err(|error| sqlx::Error::Encode(Box::new(error)))?;
        let id = operation.0.to_be_bytes();
        let row = vec![Cell::Blob(id.as_slice().into()), Cell::Int(signed(at.0)), Cell::Blob(result.into())];
        self.rows.push(Target::Operations, row);
        self.operations.insert(operation, reply.clone());
        Ok(())
    }

    /// Plain saves: no statement of theirs can be refused.
    async fn save(&mut self, by: Incarnation, whole: bool, plans: Vec<Planned>) -> Result<Progress, Fault> {
        let mut progress = Progress::default();
        let mut fresh = Vec::with_capacity(plans.len());
        for plan in plans {
            match plan {
                Planned::Save { key, epoch, .. } | Planned::Refused { key, epoch, .. }
                    if !may_write(self.owner(key), by, epoch) =>
                {
                    progress.note_stale(key.1, whole)?;
                }
                Planned::Save { key, save, .. } => fresh.push((key, save)),
                Planned::Refused { key, refusal, .. } => progress.note_refused(key, refusal),
                Planned::Create { .. } | Planned::Delete { .. } => {}
            }
        }
        for (key, save) in fresh {
            self.grow_up(key, save.with_cell);
            self.save_row(key, &save.target, save.row).await?;
        }
        Ok(progress)
    }

    async fn save_row(
        &mut self,
        key: (TypeNo, RecordId),
        target: &Target,
        mut row: Vec<Cell>,
    ) -> Result<(), sqlx::Error> {
        if row.is_empty() || self.rows.push_record(key, target, &mut row) {
            return Ok(());
        }
        self.flush().await?;
        let pushed = self.rows.push_record(key, target, &mut row);
        debug_assert!(pushed, "no record waits after a flush");
        Ok(())
    }

    /// Any batch, inside a savepoint: done, stale and refused saves left out, or refused as a whole.
    async fn guarded(&mut self, by: Incarnation, whole: bool, mut plans: Vec<Planned>) -> Result<Progress, Fault> {
        self.flush().await?;
        loop {
            sqlx::query("SAVEPOINT batch").execute(&mut *self.connection).await?;
            let mut progress = Progress::default();
            let Err(Failed { save, fault }) = self.apply(by, whole, plans.clone(), &mut progress).await else {
                sqlx::query("RELEASE batch").execute(&mut *self.connection).await?;
                return Ok(progress);
            };
            let refusal = refusal_of(fault)?;
            self.take_back(progress).await?;
            // Each turn leaves one more save out, so they end.
            match save.filter(|_| !whole).map(|at| &mut plans[at]) {
                Some(plan) if matches!(plan, Planned::Save { .. }) => plan.refuse(refusal),
                _ => return Err(refusal.into()),
            }
        }
    }

    async fn take_back(&mut self, progress: Progress) -> Result<(), sqlx::Error> {
        self.rows.clear();
        for (key, before) in progress.undo.into_iter().rev() {
            match before {
                Some(owned) => self.owners.insert(key, owned),
                None => self.owners.remove(&key),
            };
        }
        sqlx::query("ROLLBACK TO batch").execute(&mut *self.connection).await?;
        sqlx::query("RELEASE batch").execute(&mut *self.connection).await?;
        Ok(())
    }

    async fn apply(
        &mut self,
        by: Incarnation,
        whole: bool,
        plans: Vec<Planned>,
        progress: &mut Progress,
    ) -> Result<(), Failed> {
        let records = self.records_of(&plans).await?;
        let items = items::wanted(self, by, &plans, &records);
        let items = self.item_changes(items).await?;
        for (at, (plan, record)) in plans.into_iter().zip(records).enumerate() {
            match plan {
                Planned::Save { key, epoch, .. }
                | Planned::Refused { key, epoch, .. }
                | Planned::Delete { key, epoch }
                    if !may_write(self.owner(key), by, epoch) =>
                {
                    progress.note_stale(key.1, whole)?;
                }
                Planned::Save { key, save, .. } => {
                    let before = self.grow_up(key, save.with_cell);
                    progress.undo.extend(before.map(|before| (key, Some(before))));
                    self.save_guarded(key, save).await.map_err(|fault| Failed { save: Some(at), fault })?;
                }
                Planned::Refused { key, refusal, .. } => progress.note_refused(key, refusal),
                Planned::Delete { key, epoch } => self.delete(key, epoch, progress).await?,
                Planned::Create { ty, row, .. } => self.create_record((ty, record), row, by, progress).await?,
            }
        }
        // Items go where their records are by now.
        self.flush().await?;
        self.write_items(items).await?;
        Ok(self.flush().await?)
    }

    /// A save that may fail is written by itself, so that a failure is known to be its own.
    async fn save_guarded(&mut self, key: (TypeNo, RecordId), save: Save) -> Result<(), Fault> {
        if !save.may_fail && !self.careful {
            return Ok(self.save_row(key, &save.target, save.row).await?);
        }
        self.flush().await?;
        self.save_row(key, &save.target, save.row).await?;
        Ok(self.flush().await?)
    }

    async fn create_record(
        &mut self,
        key: (TypeNo, RecordId),
        mut row: Vec<Cell>,
        by: Incarnation,
        progress: &mut Progress,
    ) -> Result<(), Fault> {
        row[0] = Cell::Int(signed(key.1.0));
        self.save_row(key, &Target::Insert(key.0), row).await?;
        // What its base part began with is in the row; its cell part begins when the record is there.
        let newborn = Newborn { base: false, cell: self.context.table(key.0)?.has_cell };
        let before = self.set_owned(key, Owned { owner: OwnerRecord::held(by, Epoch(1)), newborn });
        progress.undo.push((key, before));
        progress.created.push(key.1);
        Ok(())
    }

    /// Takes a record out. Its id may come back only where roles are, and there the owner record stays.
    async fn delete(&mut self, key: (TypeNo, RecordId), epoch: Epoch, progress: &mut Progress) -> Result<(), Fault> {
        self.flush().await?;
        let table = self.context.table(key.0)?;
        built(&table.delete).bind(signed(key.1.0)).execute(&mut *self.connection).await?;
        let before = if Some(key.0) == self.context.options.role_type {
            let owner = OwnerRecord { holder: None, epoch };
            self.set_owned(key, Owned { owner, newborn: Newborn::default() })
        } else {
            sqlx::query("DELETE FROM owners WHERE ty = ?1 AND record = ?2")
                .bind(i64::from(key.0.0))
                .bind(signed(key.1.0))
                .execute(&mut *self.connection)
                .await?;
            self.owners.remove(&key)
        };
        progress.undo.push((key, before));
        Ok(())
    }

    /// The records that the writes of a batch are about; those of creations are new.
    async fn records_of(&mut self, plans: &[Planned]) -> Result<Vec<RecordId>, Fault> {
        let mut ids = self.reserve_ids(plans).await?;
        let record = |plan: &Planned| match plan {
            Planned::Save { key, .. } | Planned::Refused { key, .. } | Planned::Delete { key, .. } => Ok(key.1),
            Planned::Create { ty, .. } => {
                let id = ids.get_mut(ty).and_then(Iterator::next).ok_or(sqlx::Error::RowNotFound)?;
                Ok(RecordId(id))
            }
        };
        plans.iter().map(record).collect()
    }

    /// Ids for all creations of a batch, by type.
    async fn reserve_ids(&mut self, plans: &[Planned]) -> Result<BTreeMap<TypeNo, std::ops::Range<u64>>, Fault> {
        let mut counts: BTreeMap<TypeNo, u64> = BTreeMap::new();
        for plan in plans {
            if let Planned::Create { ty, .. } = plan {
                *counts.entry(*ty).or_default() += 1;
            }
        }
        let mut ids = BTreeMap::new();
        for (ty, count) in counts {
            ids.insert(ty, self.reserve_of_type(ty, count).await?);
        }
        Ok(ids)
    }

    async fn reserve_of_type(&mut self, ty: TypeNo, count: u64) -> Result<std::ops::Range<u64>, Fault> {
        let realm = self.context.options.realm;
        if Some(ty) == self.context.options.role_type {
            return self.reserve_roles(realm, count).await;
        }
        let first = self.reserve(&record_counter(realm, self.context.table(ty)?), count).await?;
        if first + count > RECORDS_PER_REALM {
            let text = format!("realm {realm} has used up its {RECORDS_PER_REALM} record ids of entity type {ty}");
            return Err(Refusal::new(Code::StoreFailed, text).into());
        }
        let first = u64::from(realm.0) * RECORDS_PER_REALM + first;
        Ok(first..first + count)
    }

    /// Role ids, from the one sequence of a realm. Refused when they would run into the next realm's.
    pub(super) async fn reserve_roles(&mut self, realm: RealmNo, count: u64) -> Result<std::ops::Range<u64>, Fault> {
        let first = self.reserve(&role_counter(realm), count).await?;
        if first + count > RecordId::PER_REALM {
            let text = format!("realm {realm} has used up its {} role ids", RecordId::PER_REALM);
            return Err(Refusal::new(Code::StoreFailed, text).into());
        }
        let first = RecordId::of_realm(realm, first).0;
        Ok(first..first + count)
    }
}

impl Context {
    /// The counter that would hand this id out one day, and the id's number in it.
    pub(super) fn counter_of(&self, table: &Table, record: RecordId) -> Option<(String, u64)> {
        if Some(table.ty) == self.options.role_type {
            return Some((role_counter(record.home_realm()), record.0 % RecordId::PER_REALM));
        }
        let realm = u32::try_from(record.0 / RECORDS_PER_REALM).ok()?;
        Some((record_counter(RealmNo(realm), table), record.0 % RECORDS_PER_REALM))
    }
}

fn role_counter(realm: RealmNo) -> String {
    format!("roles/{realm}")
}

/// By the type's name: its number is only as stable as the file that keeps it.
fn record_counter(realm: RealmNo, table: &Table) -> String {
    format!("records/{realm}/{}", table.type_name)
}

impl Progress {
    fn note_stale(&mut self, record: RecordId, whole: bool) -> Result<(), Fault> {
        if whole {
            return Err(Code::Stale.into());
        }
        if !self.stale.contains(&record) {
            self.stale.push(record);
        }
        Ok(())
    }

    fn note_refused(&mut self, (ty, record): (TypeNo, RecordId), refusal: Refusal) {
        self.refused.push(Refused { ty, record, refusal });
    }
}

impl Planned {
    /// Leaves a save out.
    fn refuse(&mut self, refusal: Refusal) {
        if let Self::Save { key, epoch, .. } = *self {
            *self = Self::Refused { key, epoch, refusal };
        }
    }
}

/// The refusal in a fault; a rule of the database that was broken is one.
fn refusal_of(fault: Fault) -> Result<Refusal, sqlx::Error> {
    match fault {
        Fault::Refused(refusal) => Ok(refusal),
        Fault::Sql(error) => broken_rule(&error).ok_or(error),
    }
}
