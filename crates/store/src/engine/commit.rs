//! Commits: batches of saves, creations and deletions, each done once however often it is asked for.
//!
//! A batch of plain saves needs no savepoint: all that can be wrong with it is known before its rows are written, so
//! they go out together with those of other batches. Anything else runs inside a savepoint of its own.

use std::collections::BTreeMap;

use kuafu_contract::db::{self, Write};
use kuafu_core::{Code, Epoch, Incarnation, OperationId, RealmNo, RecordId, Refusal, TypeNo, WallTime};
use kuafu_owner::{OwnerRecord, may_write};

use crate::StoreReply;
use crate::engine::group::Group;
use crate::engine::plan::Planned;
use crate::engine::{Context, Fault};
use crate::schema::{Table, Target};
use crate::sql::{Cell, built, is_unique_violation, signed};
use crate::store::RECORDS_PER_REALM;

/// Writes in one batch; a larger one is refused.
const BATCH_WRITES_MAX: usize = 16_384;

/// What a batch has done so far, and how to take it back.
#[derive(Default)]
struct Progress {
    created: Vec<RecordId>,
    stale: Vec<RecordId>,
    /// Owner records before the batch.
    undo: Vec<((TypeNo, RecordId), Option<OwnerRecord>)>,
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
        let plans: Vec<Planned> = writes.iter().map(|write| self.context.plan(write)).collect::<Result<_, _>>()?;
        let plain = plans.iter().all(|plan| matches!(plan, Planned::Save { may_fail: false, .. }));
        let progress = if plain { self.save(by, whole, plans).await? } else { self.guarded(by, whole, plans).await? };
        let reply = db::Reply::Committed { created: progress.created, stale: progress.stale };
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
            let Planned::Save { key, epoch, target, row, .. } = plan else { continue };
            if may_write(self.owners.get(&key).copied(), by, epoch) {
                fresh.push((key, target, row));
            } else {
                progress.note_stale(key.1, whole)?;
            }
        }
        for (key, target, row) in fresh {
            self.save_row(key, &target, row).await?;
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

    /// Any batch, inside a savepoint: refused as a whole or done as a whole, stale writes left out.
    async fn guarded(&mut self, by: Incarnation, whole: bool, plans: Vec<Planned>) -> Result<Progress, Fault> {
        self.flush().await?;
        sqlx::query("SAVEPOINT batch").execute(&mut *self.connection).await?;
        let mut progress = Progress::default();
        let done = match self.apply(by, whole, plans, &mut progress).await {
            Err(Fault::Sql(error)) if is_unique_violation(&error) => Err(Fault::from(Code::NameTaken)),
            other => other,
        };
        match done {
            Ok(()) => {
                sqlx::query("RELEASE batch").execute(&mut *self.connection).await?;
                Ok(progress)
            }
            Err(Fault::Sql(error)) => Err(error.into()),
            Err(refused) => {
                self.rows.clear();
                for (key, before) in progress.undo.into_iter().rev() {
                    match before {
                        Some(owner) => self.owners.insert(key, owner),
                        None => self.owners.remove(&key),
                    };
                }
                sqlx::query("ROLLBACK TO batch").execute(&mut *self.connection).await?;
                sqlx::query("RELEASE batch").execute(&mut *self.connection).await?;
                Err(refused)
            }
        }
    }

    async fn apply(
        &mut self,
        by: Incarnation,
        whole: bool,
        plans: Vec<Planned>,
        progress: &mut Progress,
    ) -> Result<(), Fault> {
        let mut ids = self.reserve_ids(&plans).await?;
        for plan in plans {
            match plan {
                Planned::Save { key, epoch, .. } | Planned::Delete { key, epoch }
                    if !may_write(self.owners.get(&key).copied(), by, epoch) =>
                {
                    progress.note_stale(key.1, whole)?;
                }
                Planned::Save { key, target, row, .. } => self.save_row(key, &target, row).await?,
                Planned::Delete { key, epoch } => self.delete(key, epoch, progress).await?,
                Planned::Create { ty, mut row } => {
                    let record = ids.get_mut(&ty).and_then(Iterator::next).ok_or(sqlx::Error::RowNotFound)?;
                    row[0] = Cell::Int(signed(record));
                    let key = (ty, RecordId(record));
                    self.save_row(key, &Target::Insert(ty), row).await?;
                    let before = self.set_owner(key, OwnerRecord::held(by, Epoch(1)));
                    progress.undo.push((key, before));
                    progress.created.push(key.1);
                }
            }
        }
        Ok(self.flush().await?)
    }

    /// Takes a record out. Its id may come back only where roles are, and there the owner record stays.
    async fn delete(&mut self, key: (TypeNo, RecordId), epoch: Epoch, progress: &mut Progress) -> Result<(), Fault> {
        self.flush().await?;
        let table = self.context.table(key.0)?;
        built(&table.delete).bind(signed(key.1.0)).execute(&mut *self.connection).await?;
        let before = if Some(key.0) == self.context.options.role_type {
            self.set_owner(key, OwnerRecord { holder: None, epoch })
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
}
