//! Claims and releases of records, incarnations, and the age of operations.

use kuafu_contract::RoleKind;
use kuafu_contract::db::{self, Place, Record};
use kuafu_core::{Code, Epoch, Incarnation, PropertyNo, RecordId, Refusal, TypeNo, Value, WallTime};
use kuafu_owner::{self as owner, Claim, OwnerRecord};
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use crate::StoreReply;
use crate::engine::Fault;
use crate::engine::group::{Group, Newborn, Owned};
use crate::engine::rows::write_row;
use crate::schema::items::{ItemRow, ItemsTable};
use crate::schema::table::PLACE;
use crate::schema::{Table, Target};
use crate::sql::{Cell, built, is_unique_violation, signed};
use crate::value::decode;

impl Group<'_> {
    /// Makes `by` the owner of a record and reads it. A record that cannot be read stays with its owner.
    pub(super) async fn claim(
        &mut self,
        key: (TypeNo, RecordId),
        by: Incarnation,
        or_create: Option<&[(PropertyNo, Value)]>,
    ) -> Result<StoreReply, Fault> {
        let table = self.context.table(key.0)?;
        if i64::try_from(key.1.0).is_err() {
            return Err(Code::RecordUnknown.into());
        }
        let live = &self.context.live;
        if !live.has(by) {
            return Err(Refusal::new(Code::Stale, format!("incarnation {by} has ended")).into());
        }
        let epoch = match owner::claim(self.owner(key), by, |holder| !live.has(holder)) {
            Claim::Granted { epoch } => epoch,
            Claim::Owned { .. } => return Err(Code::Owned.into()),
        };
        if self.rows.has(key) {
            self.flush().await?;
        }
        let found = self.read(table, key.1).await?;
        let (record, newborn) = match (found, or_create) {
            (Some(record), _) => (record, self.owners.get(&key).map(|owned| owned.newborn).unwrap_or_default()),
            (None, None) => return Err(Code::RecordUnknown.into()),
            (None, Some(values)) => {
                self.create(table, key.1, values).await?;
                let record = self.read(table, key.1).await?.ok_or(sqlx::Error::RowNotFound)?;
                (record, Newborn { base: true, cell: table.has_cell })
            }
        };
        self.set_owned(key, Owned { owner: OwnerRecord::held(by, epoch), newborn });
        let (created, cell_created) = (newborn.base, newborn.cell);
        Ok(StoreReply::Entity(db::Reply::Claimed { epoch, record, created, cell_created }))
    }

    /// Gives an ownership up.
    pub(super) fn release(
        &mut self,
        key: (TypeNo, RecordId),
        by: Incarnation,
        epoch: Epoch,
    ) -> Result<StoreReply, Fault> {
        let current = self.owners.get(&key).copied().ok_or(Code::Stale)?;
        let owner = owner::release(Some(current.owner), by, epoch).ok_or(Code::Stale)?;
        self.set_owned(key, Owned { owner, ..current });
        Ok(StoreReply::Entity(db::Reply::Released))
    }

    async fn read(&mut self, table: &Table, record: RecordId) -> Result<Option<Record>, Fault> {
        let row = built(&table.select).bind(signed(record.0)).fetch_optional(&mut *self.connection).await?;
        let Some(row) = row else { return Ok(None) };
        let mut read = read_record(table, record, &row);
        for items in &table.items {
            let rows = built(&items.select).bind(signed(record.0)).fetch_all(&mut *self.connection).await?;
            read = read.and_then(|mut read| {
                read.values.push((items.no, read_items(items, &rows)?));
                Ok(read)
            });
        }
        match read {
            Ok(mut record) => {
                record.values.sort_by_key(|(no, _)| *no);
                Ok(Some(record))
            }
            Err(what) => {
                tracing::error!(entity_type = %table.type_name, %record, %what, "a record cannot be read");
                let text = format!("record {record} of {} cannot be read: {what}", table.type_name);
                Err(Refusal::new(Code::StoreFailed, text).into())
            }
        }
    }

    async fn create(&mut self, table: &Table, record: RecordId, values: &[(PropertyNo, Value)]) -> Result<(), Fault> {
        if self.context.items(table, record, values)?.iter().any(|save| !save.rows.is_empty()) {
            return Err(Refusal::new(Code::ArgumentInvalid, "a record is claimed without items").into());
        }
        let row = self.context.new_row(table, record, values, None)?;
        let target = Target::Insert(table.ty);
        match write_row(self.connection, &self.context.tables, self.texts, &target, row).await {
            // A statement that fails undoes itself: the transaction goes on.
            Err(error) if is_unique_violation(&error) => Err(Code::NameTaken.into()),
            Err(error) => Err(error.into()),
            Ok(()) => self.skip_id(table, record).await,
        }
    }

    pub(super) async fn next_incarnation(&mut self, role: RoleKind, at: WallTime) -> Result<StoreReply, Fault> {
        let number: i64 =
            sqlx::query_scalar("INSERT INTO incarnations (role, started_at) VALUES (?1, ?2) RETURNING incarnation")
                .bind(role.name())
                .bind(signed(at.0))
                .fetch_one(&mut *self.connection)
                .await?;
        let incarnation = u32::try_from(number).ok().map(Incarnation).filter(|number| *number <= Incarnation::MAX);
        let used_up = || Refusal::new(Code::StoreFailed, "all incarnations are used up: start with a new data folder");
        let incarnation = incarnation.ok_or_else(used_up)?;
        self.context.live.insert(incarnation);
        Ok(StoreReply::Incarnation(incarnation))
    }

    pub(super) async fn purge_operations(&mut self, before: WallTime) -> Result<StoreReply, Fault> {
        let done = sqlx::query("DELETE FROM operations WHERE at < ?1")
            .bind(signed(before.0))
            .execute(&mut *self.connection)
            .await?;
        Ok(StoreReply::Purged(done.rows_affected()))
    }

    /// So many new numbers of a counter: gives the first.
    pub(super) async fn reserve(&mut self, counter: &str, count: u64) -> Result<u64, sqlx::Error> {
        let used: i64 = sqlx::query_scalar(
            "INSERT INTO counters (name, used) VALUES (?1, ?2)
             ON CONFLICT (name) DO UPDATE SET used = used + excluded.used RETURNING used",
        )
        .bind(counter)
        .bind(signed(count))
        .fetch_one(&mut *self.connection)
        .await?;
        Ok(used.cast_unsigned() - count + 1)
    }

    /// A record was made under an id of the claimer's choice: the counter of such ids goes past it.
    async fn skip_id(&mut self, table: &Table, record: RecordId) -> Result<(), Fault> {
        let Some((counter, sequence)) = self.context.counter_of(table, record) else { return Ok(()) };
        sqlx::query(
            "INSERT INTO counters (name, used) VALUES (?1, ?2)
             ON CONFLICT (name) DO UPDATE SET used = max(used, excluded.used)",
        )
        .bind(counter)
        .bind(signed(sequence))
        .execute(&mut *self.connection)
        .await?;
        Ok(())
    }
}

/// Rows of [`ItemsTable::select`] as a value.
fn read_items(items: &ItemsTable, rows: &[SqliteRow]) -> Result<Value, String> {
    let row = |row: &SqliteRow| {
        let id = row.try_get(0).map_err(|error| error.to_string())?;
        let cells = (0..items.fields.len()).map(|at| Cell::read(row, 1 + at).map_err(|error| error.to_string()));
        Ok(ItemRow { id, cells: cells.collect::<Result<_, String>>()? })
    };
    let rows: Vec<ItemRow> = rows.iter().map(row).collect::<Result<_, String>>()?;
    items.decode(&rows).map_err(|what| format!("{}: {what}", items.property))
}

/// A row of [`Table::select`] as a record.
fn read_record(table: &Table, record: RecordId, row: &SqliteRow) -> Result<Record, String> {
    let cell = |at: usize| Cell::read(row, at).map_err(|error| error.to_string());
    let mut values = Vec::with_capacity(table.columns.len());
    for (at, column) in table.columns.iter().enumerate() {
        let value = cell(PLACE.len() + at).and_then(|cell| decode(&column.ty, &cell));
        if let Some(value) = value.map_err(|what| format!("{}: {what}", column.property))? {
            values.push((column.no, value));
        }
    }
    Ok(Record { record, values, place: read_place([cell(0)?, cell(1)?, cell(2)?, cell(3)?, cell(4)?])? })
}

fn read_place(cells: [Cell; PLACE.len()]) -> Result<Option<Place>, String> {
    let number = |cell: &Cell| match cell {
        Cell::Real(number) => Ok(*number as f32),
        Cell::Int(number) => Ok(*number as f32),
        other => Err(format!("place: expected a number, found {}", other.kind())),
    };
    match &cells {
        [Cell::Null, ..] => Ok(None),
        [Cell::Text(space), x, y, z, yaw] => {
            let position = [number(x)?, number(y)?, number(z)?];
            Ok(Some(Place { space: space.to_string(), position, yaw: number(yaw)? }))
        }
        [other, ..] => Err(format!("place: expected a space's name, found {}", other.kind())),
    }
}
