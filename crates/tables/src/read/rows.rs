//! Rows that become columns: every row gives every column a cell, a wrong one included, so that all columns keep the
//! same length and the checks behind can pass over what is told already.

use std::collections::BTreeSet;

use kuafu_core::Value;

use crate::column::Cells;
use crate::read::cell::{Given, Read, Rules, Wrong};
use crate::report::{Place, Report};
use crate::schema::Schema;

/// How many times the bytes of a data file the cells of a table may take, in memory: defaults can make them many.
const GROWTH_MAX: u64 = 4;

/// Wrong cells after which the rest of a table is not read: it is another table, or another schema.
const BAD_CELLS_MAX: usize = 100_000;

/// Where a row stands.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RowPlace {
    /// The byte where it begins.
    pub(crate) offset: usize,
    /// The line of that byte, from 1.
    pub(crate) line: usize,
    /// Which row it is, from 1, as messages say it.
    pub(crate) number: usize,
}

/// The rows of a table by columns.
#[derive(Debug)]
pub(crate) struct Rows {
    /// A column each.
    pub(crate) cells: Vec<Cells>,
    /// A row each.
    pub(crate) places: Vec<RowPlace>,
    /// Column and row of the cells that hold nothing of worth; that has been told.
    bad: BTreeSet<(usize, usize)>,
    /// Columns that are not there at all; that has been told.
    absent: BTreeSet<usize>,
}

impl Rows {
    /// Whether a cell holds what was written in it.
    pub(crate) fn is_good(&self, column: usize, row: usize) -> bool {
        !self.absent.contains(&column) && !self.bad.contains(&(column, row))
    }

    /// Whether all cells of a column hold what was written in them.
    pub(crate) fn is_whole(&self, column: usize) -> bool {
        !self.absent.contains(&column) && self.bad.range((column, 0)..=(column, usize::MAX)).next().is_none()
    }

    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }
}

/// Puts rows together, cell by cell.
pub(crate) struct Filler<'a> {
    schema: &'a Schema,
    rules: Rules<'a>,
    rows: Rows,
    /// The bytes that the cells take, roughly.
    weight: u64,
}

/// The table cannot take more; that has been told.
pub(crate) struct Full;

impl<'a> Filler<'a> {
    pub(crate) fn new(schema: &'a Schema, rules: Rules<'a>) -> Self {
        let cells = schema.columns.iter().map(|column| Cells::of(&column.cell.ty)).collect();
        let rows = Rows { cells, places: Vec::new(), bad: BTreeSet::new(), absent: BTreeSet::new() };
        Self { schema, rules, rows, weight: 0 }
    }

    /// A column that has no cells, which is told already.
    pub(crate) fn absent(&mut self, column: usize) {
        self.rows.absent.insert(column);
    }

    /// Begins a row. `place` is asked for only when the table is full.
    pub(crate) fn begin(
        &mut self,
        row: RowPlace,
        place: impl FnOnce() -> Place,
        report: &mut Report,
    ) -> Result<(), Full> {
        let (rows_max, limits) = (self.rules.limits.data_table_rows_max, self.rules.limits);
        if self.rows.places.len() >= rows_max as usize {
            let message = format!("a table has at most {rows_max} rows");
            report.add(place(), "too-large", message, "split the table, or raise limits.data_table_rows_max");
            return Err(Full);
        }
        let weight_max = limits.data_bytes_max.saturating_mul(GROWTH_MAX);
        if self.weight > weight_max {
            let message = format!("the table takes more than {weight_max} bytes with its defaults");
            report.add(place(), "too-large", message, "make the defaults smaller, or split the table");
            return Err(Full);
        }
        if self.rows.bad.len() > BAD_CELLS_MAX {
            report.leave_out();
            return Err(Full);
        }
        self.rows.places.push(row);
        Ok(())
    }

    /// Gives the row its cell in a column; each column gets one a row. `place` is asked for only when it is wrong.
    pub(crate) fn cell(&mut self, column: usize, given: Given<'_>, place: impl FnOnce() -> Place, report: &mut Report) {
        if self.rows.absent.contains(&column) {
            return self.blank(column);
        }
        match self
            .rules
            .read(&self.schema.columns[column], given, report.is_full())
            .and_then(|read| self.push(column, read))
        {
            Ok(()) => {}
            Err(Wrong { what, help }) => {
                let place = if report.is_full() { Place::START } else { place() };
                report.add(place, "cell", self.told(column, &what), help);
                self.blank(column);
            }
        }
    }

    /// Gives the row a cell that is told to be wrong already.
    pub(crate) fn blank(&mut self, column: usize) {
        let row = self.rows.places.len().saturating_sub(1);
        if !self.rows.absent.contains(&column) {
            self.rows.bad.insert((column, row));
        }
        let blank = self.schema.columns[column].cell.ty.default_value();
        let _ = self.push(column, Read::Value(blank));
    }

    /// What is wrong with a cell of the present row.
    pub(crate) fn told(&self, column: usize, what: &str) -> String {
        let number = self.rows.places.last().map_or(0, |place| place.number);
        told(&self.schema.columns[column].cell.name, number, what)
    }

    fn push(&mut self, column: usize, read: Read<'_>) -> Result<(), Wrong> {
        let pushed = match (read, &mut self.rows.cells[column]) {
            (Read::Text(text), Cells::Text(texts)) => {
                self.weight += text.len() as u64 + 4;
                texts.push(text)
            }
            (Read::Text(text), cells) => cells.push(Value::text(text)),
            (Read::Value(value), cells) => {
                self.weight += weight(&value);
                cells.push(value)
            }
        };
        pushed.map_err(|_| Wrong {
            what: "the texts of the column take more than 4 GB".to_owned(),
            help: "split the table".to_owned(),
        })
    }

    pub(crate) fn finish(self) -> Rows {
        self.rows
    }
}

/// What is wrong with a cell: the column, the row, and what it is.
pub(crate) fn told(column: &str, number: usize, what: &str) -> String {
    format!("column `{column}`, row {number}: {what}")
}

/// The bytes that a value takes in memory, roughly.
fn weight(value: &Value) -> u64 {
    match value {
        Value::Text(text) => 16 + text.len() as u64,
        Value::Bytes(bytes) => 16 + bytes.len() as u64,
        Value::List(items) => 32 + items.iter().map(weight).sum::<u64>(),
        Value::Map(entries) => 32 + entries.iter().map(|(key, item)| weight(key) + weight(item)).sum::<u64>(),
        Value::Vector(_) => 32,
        Value::Nil | Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Entity(_) => 8,
    }
}
