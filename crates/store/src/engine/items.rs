//! Items: what a batch changes in the tables whose rows are single things, over all of its records at once.
//!
//! Values come whole, rows are written by difference. A thing that leaves one record and enters another in the same
//! batch is one changed row, whatever the order of the writes: so at no time is it in both, nor in none. One that is
//! in a record outside the batch refuses the write that wants it, before anything is written.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use kuafu_core::{Code, Epoch, Incarnation, RecordId, Refusal, TypeNo};
use kuafu_owner::{OwnerRecord, may_write};
use sqlx::Row as _;

use crate::engine::Fault;
use crate::engine::commit::Failed;
use crate::engine::group::Group;
use crate::engine::plan::{ItemsSave, Planned};
use crate::schema::items::{ItemRow, ItemsTable};
use crate::schema::{Table, Target};
use crate::sql::{Cell, built, signed};

/// All items that a record is to hold of one property, and the write that says so.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted<'p> {
    pub(super) write: usize,
    pub(super) rows: &'p [ItemRow],
}

/// What is wanted, by type and position of the property among its items, then by record.
pub(super) type AllWanted<'p> = BTreeMap<(TypeNo, usize), BTreeMap<i64, Wanted<'p>>>;

/// What is stored of the records that a batch is about: items with their record.
type Stored = HashMap<i64, (i64, Vec<Cell>)>;

/// What is to be written in one table.
#[derive(Debug)]
pub(super) struct Change {
    ty: TypeNo,
    at: usize,
    gone: Vec<i64>,
    /// Rows that are there, of this record or another.
    changed: Vec<Vec<Cell>>,
    fresh: Vec<Vec<Cell>>,
}

/// The difference between what is stored and what is wanted.
#[derive(Debug, Default, PartialEq)]
struct Difference<'p> {
    gone: Vec<i64>,
    changed: Vec<(i64, &'p ItemRow)>,
    /// With the write that wants each.
    fresh: Vec<(usize, i64, &'p ItemRow)>,
}

/// What the writes of a batch want of items. `records` are theirs, in the same order. Writes that will be found stale
/// want nothing.
pub(super) fn wanted<'p>(
    group: &Group<'_>,
    by: Incarnation,
    plans: &'p [Planned],
    records: &[RecordId],
) -> AllWanted<'p> {
    let mut all = AllWanted::new();
    // Owners as the batch leaves them, write by write.
    let mut changed: BTreeMap<(TypeNo, RecordId), Option<OwnerRecord>> = BTreeMap::new();
    for (write, (plan, record)) in plans.iter().zip(records).enumerate() {
        let is_stale = |key: &(TypeNo, RecordId), epoch: Epoch| {
            !may_write(changed.get(key).copied().unwrap_or_else(|| group.owner(*key)), by, epoch)
        };
        match plan {
            Planned::Save { key, epoch, .. } | Planned::Delete { key, epoch } if is_stale(key, *epoch) => {}
            Planned::Save { key: (ty, _), save, .. } => want(&mut all, *ty, *record, write, &save.items),
            Planned::Create { ty, items, .. } => {
                changed.insert((*ty, *record), Some(OwnerRecord::held(by, Epoch(1))));
                want(&mut all, *ty, *record, write, items);
            }
            Planned::Delete { key, .. } => {
                changed.insert(*key, None);
                let tables = group.context.tables.get(&key.0).map_or(0, |table| table.items.len());
                for at in 0..tables {
                    all.entry((key.0, at)).or_default().insert(signed(record.0), Wanted { write, rows: &[] });
                }
            }
            Planned::Refused { .. } => {}
        }
    }
    all
}

fn want<'p>(all: &mut AllWanted<'p>, ty: TypeNo, record: RecordId, write: usize, items: &'p [ItemsSave]) {
    for ItemsSave { at, rows } in items {
        all.entry((ty, *at)).or_default().insert(signed(record.0), Wanted { write, rows });
    }
}

impl Group<'_> {
    /// What must be written for that. Writes nothing.
    pub(super) async fn item_changes(&mut self, all: AllWanted<'_>) -> Result<Vec<Change>, Failed> {
        let mut changes = Vec::with_capacity(all.len());
        for ((ty, at), wanted) in all {
            let table = self.context.table(ty)?;
            let items = &table.items[at];
            let stored = self.stored_items(items, wanted.keys()).await?;
            let found = difference(&stored, &wanted);
            let Difference { gone, changed, fresh } =
                found.map_err(|(write, item)| taken(table, items, write, item))?;
            if let Some((write, id)) = self.held_elsewhere(items, &fresh).await? {
                return Err(taken(table, items, write, id));
            }
            let row = |record: i64, row: &ItemRow| -> Vec<Cell> {
                [Cell::Int(row.id), Cell::Int(record)].into_iter().chain(row.cells.iter().cloned()).collect()
            };
            changes.push(Change {
                ty,
                at,
                gone,
                changed: changed.into_iter().map(|(record, item)| row(record, item)).collect(),
                fresh: fresh.into_iter().map(|(_, record, item)| row(record, item)).collect(),
            });
        }
        Ok(changes)
    }

    /// Writes the changes: what is gone at once, the rest with the next flush.
    pub(super) async fn write_items(&mut self, changes: Vec<Change>) -> Result<(), sqlx::Error> {
        for Change { ty, at, gone, changed, fresh } in changes {
            let Some(items) = self.context.tables.get(&ty).and_then(|table| table.items.get(at)) else { continue };
            if !gone.is_empty() {
                let gone = serde_json::Value::from(gone).to_string();
                built(&items.delete).bind(gone).execute(&mut *self.connection).await?;
            }
            for (rows, fresh) in [(changed, false), (fresh, true)] {
                for row in rows {
                    self.rows.push(Target::Items { ty, at: at as u16, fresh }, row);
                }
            }
        }
        Ok(())
    }

    async fn stored_items(
        &mut self,
        items: &ItemsTable,
        records: impl Iterator<Item = &i64>,
    ) -> Result<Stored, sqlx::Error> {
        let records: Vec<i64> = records.copied().collect();
        let rows = built(&items.select_many)
            .bind(serde_json::Value::from(records).to_string())
            .fetch_all(&mut *self.connection)
            .await?;
        let read = |row: &sqlx::sqlite::SqliteRow| {
            let cells = (0..items.fields.len()).map(|at| Cell::read(row, 2 + at)).collect::<Result<_, _>>()?;
            Ok((row.try_get(1)?, (row.try_get(0)?, cells)))
        };
        rows.iter().map(read).collect()
    }

    /// The first of the fresh items that is there after all, and the write that wants it.
    async fn held_elsewhere(
        &mut self,
        items: &ItemsTable,
        fresh: &[(usize, i64, &ItemRow)],
    ) -> Result<Option<(usize, i64)>, sqlx::Error> {
        if fresh.is_empty() {
            return Ok(None);
        }
        let ids: Vec<i64> = fresh.iter().map(|(_, _, row)| row.id).collect();
        let held = built(&items.select_held)
            .bind(serde_json::Value::from(ids).to_string())
            .fetch_optional(&mut *self.connection)
            .await?;
        let Some(held) = held else { return Ok(None) };
        let id: i64 = held.try_get(0)?;
        Ok(fresh.iter().find(|(_, _, row)| row.id == id).map(|(write, ..)| (*write, id)))
    }
}

fn taken(table: &Table, items: &ItemsTable, write: usize, item: i64) -> Failed {
    let text = format!("{}.{}: another record holds item {item}", table.type_name, items.property);
    Failed { save: Some(write), fault: Fault::Refused(Refusal::new(Code::ItemTaken, text)) }
}

/// What has to change. An item that two records want is the error, with the write of the later record.
fn difference<'p>(stored: &Stored, wanted: &BTreeMap<i64, Wanted<'p>>) -> Result<Difference<'p>, (usize, i64)> {
    let mut difference = Difference::default();
    let mut seen = BTreeSet::new();
    for (record, Wanted { write, rows }) in wanted {
        for row in *rows {
            if !seen.insert(row.id) {
                return Err((*write, row.id));
            }
            match stored.get(&row.id) {
                Some((owner, cells)) if owner == record && *cells == row.cells => {}
                Some(_) => difference.changed.push((*record, row)),
                None => difference.fresh.push((*write, *record, row)),
            }
        }
    }
    difference.gone = stored.keys().filter(|id| !seen.contains(id)).copied().collect();
    difference.gone.sort_unstable();
    Ok(difference)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: i64, count: i64) -> ItemRow {
        ItemRow { id, cells: vec![Cell::Int(count)] }
    }

    fn stored(items: &[(i64, i64, i64)]) -> Stored {
        items.iter().map(|(id, record, count)| (*id, (*record, vec![Cell::Int(*count)]))).collect()
    }

    #[test]
    fn only_what_differs_is_written_and_a_move_is_one_changed_row() {
        let stored = stored(&[(1, 10, 5), (2, 10, 5), (3, 10, 5), (4, 20, 5)]);
        let (ten, twenty) = ([row(1, 5), row(2, 6)], [row(3, 5), row(9, 1)]);
        let wanted =
            [(10, Wanted { write: 7, rows: &ten }), (20, Wanted { write: 3, rows: &twenty })].into_iter().collect();
        let expected = Difference {
            gone: vec![4],
            changed: vec![(10, &ten[1]), (20, &twenty[0])],
            fresh: vec![(3, 20, &twenty[1])],
        };
        assert_eq!(difference(&stored, &wanted), Ok(expected));
    }

    #[test]
    fn an_item_is_wanted_by_one_record_at_most() {
        let both = [row(1, 5)];
        let wanted =
            [(10, Wanted { write: 0, rows: &both }), (20, Wanted { write: 1, rows: &both })].into_iter().collect();
        assert_eq!(difference(&stored(&[(1, 10, 5)]), &wanted), Err((1, 1)));
    }
}
