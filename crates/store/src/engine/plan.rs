//! Plans: the writes of a batch, checked and turned into rows before any of them touches the database.

use kuafu_contract::db::{Place, Write};
use kuafu_core::{Code, Epoch, PropertyNo, RecordId, Refusal, TypeNo, Value};

use crate::engine::Context;
use crate::schema::items::ItemRow;
use crate::schema::table::{Column, PLACE, Row};
use crate::schema::{Table, Target};
use crate::sql::{Cell, signed};
use crate::value::{at_least, encode};

/// One write, ready to go.
#[derive(Clone, Debug)]
pub(crate) enum Planned {
    /// Columns of a record.
    Save {
        /// Which.
        key: (TypeNo, RecordId),
        /// The writer's epoch.
        epoch: Epoch,
        /// What is written.
        save: Save,
    },
    /// A save that cannot be done, of a batch that goes on without it.
    Refused {
        /// Of which record.
        key: (TypeNo, RecordId),
        /// The writer's epoch.
        epoch: Epoch,
        /// Why.
        refusal: Refusal,
    },
    /// A new record; its id is put in the first cell when it is known.
    Create {
        /// The type.
        ty: TypeNo,
        /// The row.
        row: Row,
        /// Its items.
        items: Vec<ItemsSave>,
    },
    /// Takes a record out.
    Delete {
        /// Which.
        key: (TypeNo, RecordId),
        /// The writer's epoch.
        epoch: Epoch,
    },
}

/// What a save writes.
#[derive(Clone, Debug)]
pub(crate) struct Save {
    /// The form of the row.
    pub(crate) target: Target,
    /// The row; empty when nothing is to be written.
    pub(crate) row: Row,
    /// A unique column is among them, so that it may fail.
    pub(crate) may_fail: bool,
    /// What the cell part began with is saved with it.
    pub(crate) with_cell: bool,
    /// Whole sets of items.
    pub(crate) items: Vec<ItemsSave>,
}

/// All items of one property of a record.
#[derive(Clone, Debug)]
pub(crate) struct ItemsSave {
    /// The property's position among those of the type that hold items.
    pub(crate) at: usize,
    /// One row an item.
    pub(crate) rows: Vec<ItemRow>,
}

impl Context {
    /// The table of a type.
    pub(crate) fn table(&self, ty: TypeNo) -> Result<&Table, Refusal> {
        let missing =
            || Refusal::new(Code::RecordUnknown, format!("entity type {ty} has no table: it is not persistent"));
        self.tables.get(&ty).ok_or_else(missing)
    }

    /// A write as a plan. A bad save of a batch that is not `whole` is refused by itself.
    pub(crate) fn plan(&self, write: &Write, whole: bool) -> Result<Planned, Refusal> {
        match write {
            Write::Save { ty, record, epoch, values, place, with_cell } => {
                let (key, epoch) = ((*ty, *record), *epoch);
                match self.plan_save(key, values, place.as_ref(), *with_cell) {
                    Ok(save) => Ok(Planned::Save { key, epoch, save }),
                    Err(refusal) if whole => Err(refusal),
                    Err(refusal) => Ok(Planned::Refused { key, epoch, refusal }),
                }
            }
            Write::Create { ty, values, place } => {
                let (table, record) = (self.table(*ty)?, RecordId(0));
                let row = self.new_row(table, record, values, place.as_ref())?;
                Ok(Planned::Create { ty: *ty, row, items: self.items(table, record, values)? })
            }
            Write::Delete { ty, record, epoch } => {
                self.table(*ty)?;
                Ok(Planned::Delete { key: (*ty, *record), epoch: *epoch })
            }
        }
    }

    fn plan_save(
        &self,
        (ty, record): (TypeNo, RecordId),
        values: &[(PropertyNo, Value)],
        place: Option<&Place>,
        with_cell: bool,
    ) -> Result<Save, Refusal> {
        let table = self.table(ty)?;
        let mut cells = self.cells(table, record, values)?;
        // Sorted, so that the same properties in any order are one form; of a property twice, the later one counts.
        cells.sort_by_key(|(at, _)| *at);
        cells.reverse();
        cells.dedup_by_key(|(at, _)| *at);
        cells.reverse();
        let may_fail = cells.iter().any(|(at, _)| table.columns[*at].unique);
        let columns = cells.iter().filter_map(|(at, _)| u16::try_from(*at).ok()).collect();
        let target = Target::Update { ty: table.ty, place: place.is_some(), columns };
        let mut row = Vec::with_capacity(1 + PLACE.len() + cells.len());
        if place.is_some() || !cells.is_empty() {
            row.push(Cell::Int(signed(record.0)));
            if place.is_some() {
                row.extend(place_cells(place)?);
            }
            row.extend(cells.into_iter().map(|(_, cell)| cell));
        }
        Ok(Save { target, row, may_fail, with_cell, items: self.items(table, record, values)? })
    }

    /// The row of a new record: every column, with its default where no value is given.
    pub(crate) fn new_row(
        &self,
        table: &Table,
        record: RecordId,
        values: &[(PropertyNo, Value)],
        place: Option<&Place>,
    ) -> Result<Row, Refusal> {
        let mut row = vec![Cell::Int(signed(record.0))];
        row.extend(place_cells(place)?);
        for column in &table.columns {
            row.push(self.default_cell(column));
        }
        for (at, cell) in self.cells(table, record, values)? {
            row[1 + PLACE.len() + at] = cell;
        }
        Ok(row)
    }

    /// NULL in a unique column: two records may both lack the value, but not share it.
    fn default_cell(&self, column: &Column) -> Cell {
        if column.unique {
            return Cell::Null;
        }
        let cell = encode(&column.ty, &column.default, &self.options.limits);
        cell.ok().filter(|cell| at_least(column.least, cell).is_ok()).unwrap_or(Cell::Null)
    }

    /// Values as cells with their column's position, in the order given.
    fn cells(
        &self,
        table: &Table,
        record: RecordId,
        values: &[(PropertyNo, Value)],
    ) -> Result<Vec<(usize, Cell)>, Refusal> {
        let mut cells = Vec::with_capacity(values.len());
        for (no, value) in values {
            let Some(at) = table.position(*no) else {
                if table.transient.contains(no) || table.items_position(*no).is_some() {
                    continue;
                }
                return Err(invalid(table, record, &format!("property {no}"), "there is no such property"));
            };
            let column = &table.columns[at];
            let cell = encode(&column.ty, value, &self.options.limits)
                .and_then(|cell| at_least(column.least, &cell).map(|()| cell))
                .map_err(|what| invalid(table, record, &column.property, &what))?;
            cells.push((at, cell));
        }
        Ok(cells)
    }

    /// The items among values; of a property twice, the later one counts.
    pub(crate) fn items(
        &self,
        table: &Table,
        record: RecordId,
        values: &[(PropertyNo, Value)],
    ) -> Result<Vec<ItemsSave>, Refusal> {
        let mut saves: Vec<ItemsSave> = Vec::new();
        for (no, value) in values {
            let Some(at) = table.items_position(*no) else { continue };
            let items = &table.items[at];
            let rows = items.encode(value, &self.options.limits);
            let rows = rows.map_err(|what| invalid(table, record, &items.property, &what))?;
            saves.retain(|save| save.at != at);
            saves.push(ItemsSave { at, rows });
        }
        Ok(saves)
    }
}

fn invalid(table: &Table, record: RecordId, name: &str, what: &str) -> Refusal {
    Refusal::new(Code::ArgumentInvalid, format!("{}.{name} of record {record}: {what}", table.type_name))
}

fn place_cells(place: Option<&Place>) -> Result<[Cell; PLACE.len()], Refusal> {
    let Some(place) = place else { return Ok([const { Cell::Null }; PLACE.len()]) };
    let [x, y, z] = place.position;
    if ![x, y, z, place.yaw].iter().all(|number| number.is_finite()) {
        return Err(Refusal::new(Code::ArgumentInvalid, "a place has finite numbers only"));
    }
    let real = |number: f32| Cell::Real(f64::from(number));
    Ok([Cell::Text(place.space.as_str().into()), real(x), real(y), real(z), real(place.yaw)])
}
