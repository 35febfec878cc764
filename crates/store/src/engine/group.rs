//! One group of commands inside one transaction: what it has read of owners and operations, what it has yet to write.
//!
//! All owner rows that a group needs are read at its start, under the write lock; from there on the group keeps them
//! itself, so that a later command sees what an earlier one did. Rows wait and go out together; whatever reads a record
//! back writes them first.

use std::collections::{BTreeMap, HashMap};

use kuafu_contract::db;
use kuafu_core::{Epoch, Incarnation, OperationId, RecordId, TypeNo};
use kuafu_owner::OwnerRecord;
use sqlx::{Row as _, SqliteConnection};

use crate::engine::rows::{Rows, Texts};
use crate::engine::{Context, Fault};
use crate::schema::Target;
use crate::sql::{Cell, signed};
use crate::{StoreCommand, StoreReply};

/// An owner row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Owned {
    pub(super) owner: OwnerRecord,
    pub(super) newborn: Newborn,
}

/// What of an entity's first state no save has held yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Newborn {
    pub(super) base: bool,
    pub(super) cell: bool,
}

/// A group in its transaction.
pub(crate) struct Group<'a> {
    pub(super) connection: &'a mut SqliteConnection,
    pub(super) context: &'a Context,
    pub(super) texts: &'a mut Texts,
    pub(super) owners: HashMap<(TypeNo, RecordId), Owned>,
    pub(super) operations: HashMap<OperationId, db::Reply>,
    pub(super) rows: Rows,
    /// It is alone in its transaction, because something failed: each save is written by itself.
    pub(super) careful: bool,
}

impl<'a> Group<'a> {
    pub(super) fn new(
        connection: &'a mut SqliteConnection,
        context: &'a Context,
        texts: &'a mut Texts,
        careful: bool,
    ) -> Self {
        let (owners, operations, rows) = (HashMap::new(), HashMap::new(), Rows::default());
        Self { connection, context, texts, owners, operations, rows, careful }
    }

    /// Reads the owner rows and the operations that the batch is about.
    pub(super) async fn load(&mut self, batch: &[StoreCommand]) -> Result<(), sqlx::Error> {
        let mut records: BTreeMap<TypeNo, Vec<i64>> = BTreeMap::new();
        let mut operations = Vec::new();
        for command in batch {
            match command {
                StoreCommand::Claim { ty, record, .. } | StoreCommand::Release { ty, record, .. } => {
                    records.entry(*ty).or_default().push(signed(record.0));
                }
                StoreCommand::Commit { operation, writes, .. } => {
                    operations.push(format!("{:032x}", operation.0));
                    for write in writes {
                        if let db::Write::Save { ty, record, .. } | db::Write::Delete { ty, record, .. } = write {
                            records.entry(*ty).or_default().push(signed(record.0));
                        }
                    }
                }
                _ => {}
            }
        }
        for (ty, records) in records {
            self.load_owners(ty, &records).await?;
        }
        if !operations.is_empty() {
            self.load_operations(operations).await?;
        }
        Ok(())
    }

    /// The rows come as one text, because each row of a result is copied and sent between threads by itself.
    async fn load_owners(&mut self, ty: TypeNo, records: &[i64]) -> Result<(), sqlx::Error> {
        let packed: Option<String> = sqlx::query_scalar(
            "SELECT group_concat(record || ' ' || holder || ' ' || epoch || ' ' || newborn, ';') FROM owners
             WHERE ty = ?1 AND record IN (SELECT value FROM json_each(?2))",
        )
        .bind(i64::from(ty.0))
        .bind(serde_json::Value::from(records).to_string())
        .fetch_one(&mut *self.connection)
        .await?;
        for row in packed.iter().flat_map(|packed| packed.split(';')) {
            let mut numbers = row.split(' ').map(|number| number.parse::<i64>().ok());
            if let (Some(Some(record)), Some(Some(holder)), Some(Some(epoch)), Some(Some(newborn))) =
                (numbers.next(), numbers.next(), numbers.next(), numbers.next())
            {
                let owned = Owned { owner: owner_record(holder, epoch), newborn: Newborn::from_number(newborn) };
                self.owners.insert((ty, RecordId(record.cast_unsigned())), owned);
            }
        }
        Ok(())
    }

    async fn load_operations(&mut self, ids: Vec<String>) -> Result<(), sqlx::Error> {
        let rows =
            sqlx::query("SELECT id, result FROM operations WHERE id IN (SELECT unhex(value) FROM json_each(?1))")
                .bind(serde_json::Value::from(ids).to_string())
                .fetch_all(&mut *self.connection)
                .await?;
        for row in rows {
            let (id, result): (&[u8], &[u8]) = (row.try_get(0)?, row.try_get(1)?);
            let Ok(id) = id.try_into().map(u128::from_be_bytes) else { continue };
            match postcard::from_bytes(result) {
                Ok(reply) => drop(self.operations.insert(OperationId(id), reply)),
                // Without its answer the operation must not run a second time.
                Err(error) => return Err(sqlx::Error::Decode(Box::new(error))),
            }
        }
        Ok(())
    }

    /// Does one command.
    pub(super) async fn run(&mut self, command: &StoreCommand) -> Result<StoreReply, Fault> {
        match command {
            StoreCommand::NextIncarnation { role, at } => self.next_incarnation(*role, *at).await,
            StoreCommand::EndIncarnation(incarnation) => {
                self.context.live.remove(*incarnation);
                Ok(StoreReply::Done)
            }
            StoreCommand::Claim { ty, record, by, or_create } => {
                self.claim((*ty, *record), *by, or_create.as_deref()).await
            }
            StoreCommand::Commit { operation, by, whole, writes, at } => {
                self.commit(*operation, *by, *whole, writes, *at).await
            }
            StoreCommand::Release { ty, record, epoch, by } => self.release((*ty, *record), *by, *epoch),
            StoreCommand::Autoload { ty, after, limit } => {
                self.flush().await?;
                super::reader::autoload(self.connection, self.context, *ty, *after, *limit).await
            }
            StoreCommand::Find { ty, by } => {
                self.flush().await?;
                super::find::find_record(self.connection, self.context, *ty, by).await
            }
            StoreCommand::PurgeOperations { before } => self.purge_operations(*before).await,
            StoreCommand::Account(command) => self.run_account(command).await,
        }
    }

    /// Writes all rows that wait.
    pub(super) async fn flush(&mut self) -> Result<(), sqlx::Error> {
        self.rows.flush(self.connection, &self.context.tables, self.texts).await
    }

    /// Who owns a record.
    pub(super) fn owner(&self, key: (TypeNo, RecordId)) -> Option<OwnerRecord> {
        self.owners.get(&key).map(|owned| owned.owner)
    }

    /// Changes an owner row, here and, with the next flush, in the database. Gives the one before.
    pub(super) fn set_owned(&mut self, key: (TypeNo, RecordId), owned: Owned) -> Option<Owned> {
        let Owned { owner, newborn } = owned;
        let holder = owner.holder.map_or(0, |holder| i64::from(holder.0));
        let (ty, record) = (i64::from(key.0.0), signed(key.1.0));
        let numbers = [ty, record, holder, signed(owner.epoch.0), newborn.number()];
        self.rows.push(Target::Owners, numbers.map(Cell::Int).into());
        self.owners.insert(key, owned)
    }

    /// An owned record is saved: what was a newborn's is so no more. Gives the row before, when it changes.
    pub(super) fn grow_up(&mut self, key: (TypeNo, RecordId), with_cell: bool) -> Option<Owned> {
        let owned = *self.owners.get(&key)?;
        let newborn = Newborn { base: false, cell: owned.newborn.cell && !with_cell };
        if newborn == owned.newborn { None } else { self.set_owned(key, Owned { newborn, ..owned }) }
    }
}

impl Newborn {
    const BASE: i64 = 1;
    const CELL: i64 = 2;

    fn from_number(number: i64) -> Self {
        Self { base: number & Self::BASE != 0, cell: number & Self::CELL != 0 }
    }

    fn number(self) -> i64 {
        i64::from(self.base) * Self::BASE + i64::from(self.cell) * Self::CELL
    }
}

fn owner_record(holder: i64, epoch: i64) -> OwnerRecord {
    // 0 is nobody; a number that is none of an incarnation can be nobody's either.
    let holder = u32::try_from(holder).ok().filter(|holder| *holder != 0).map(Incarnation);
    OwnerRecord { holder, epoch: Epoch(epoch.cast_unsigned()) }
}
