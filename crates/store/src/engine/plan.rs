//! Plans: the writes of a batch, checked and turned into rows before any of them touches the database.

use kuafu_contract::db::{Place, Write};
use kuafu_core::{Code, Epoch, PropertyNo, RecordId, Refusal, TypeNo, Value};

use crate::engine::Context;
use crate::schema::table::{Column, PLACE, Row};
use crate::schema::{Table, Target};
use crate::sql::{Cell, signed};
use crate::value::encode;

/// One write, ready to go.
#[derive(Debug)]
pub(crate) enum Planned {
    /// Columns of a record.
    Save {
        /// Which.
        key: (TypeNo, RecordId),
        /// The writer's epoch.
        epoch: Epoch,
        /// The form of the row.
        target: Target,
        /// The row; empty when nothing is to be written.
        row: Row,
        /// A unique column is among them, so that it may fail.
        may_fail: bool,
    },
    /// A new record; its id is put in the first cell when it is known.
    Create {
        /// The type.
        ty: TypeNo,
        /// The row.
        row: Row,
    },
    /// Takes a record out.
    Delete {
        /// Which.
        key: (TypeNo, RecordId),
        /// The writer's epoch.
        epoch: Epoch,
    },
}

impl Context {
    /// The table of a type.
    pub(crate) fn table(&self, ty: TypeNo) -> Result<&Table, Refusal> {
        let missing =
            || Refusal::new(Code::RecordUnknown, format!("entity type {ty} has no table: it is not persistent"));
        self.tables.get(&ty).ok_or_else(missing)
    }

    /// A write as a plan.
    pub(crate) fn plan(&self, write: &Write) -> Result<Planned, Refusal> {
        match write {
            Write::Save { ty, record, epoch, values, place } => {
                let table = self.table(*ty)?;
                self.plan_save(table, *record, *epoch, values, place.as_ref())
            }
            Write::Create { ty, values, place } => {
                let row = self.new_row(self.table(*ty)?, RecordId(0), values, place.as_ref())?;
                Ok(Planned::Create { ty: *ty, row })
            }
            Write::Delete { ty, record, epoch } => {
                self.table(*ty)?;
                Ok(Planned::Delete { key: (*ty, *record), epoch: *epoch })
            }
        }
    }

    fn plan_save(
        &self,
        table: &Table,
        record: RecordId,
        epoch: Epoch,
        values: &[(PropertyNo, Value)],
        place: Option<&Place>,
    ) -> Result<Planned, Refusal> {
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
        Ok(Planned::Save { key: (table.ty, record), epoch, target, row, may_fail })
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
        encode(&column.ty, &column.default, &self.options.limits).unwrap_or(Cell::Null)
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
            let invalid = |name: &str, what: &str| {
                Refusal::new(Code::ArgumentInvalid, format!("{}.{name} of record {record}: {what}", table.type_name))
            };
            let Some(at) = table.position(*no) else {
                if table.transient.contains(no) {
                    continue;
                }
                return Err(invalid(&format!("property {no}"), "there is no such property"));
            };
            let column = &table.columns[at];
            let cell = encode(&column.ty, value, &self.options.limits);
            cells.push((at, cell.map_err(|what| invalid(&column.property, &what))?));
        }
        Ok(cells)
    }
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
