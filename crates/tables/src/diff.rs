//! What is different in a new data set: one line for the log of a reload.

use std::fmt;

use crate::set::DataSet;
use crate::table::{Key, Row, Table};

/// The tables that are not as they were, sorted by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// One entry a table.
    pub tables: Vec<TableDifference>,
}

/// How a table is different.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableDifference {
    /// The table.
    pub table: String,
    /// Whether the table is new, gone, or was there before.
    pub kind: Kind,
    /// Rows whose key was not there before.
    pub added: usize,
    /// Rows with the same key and another content.
    pub changed: usize,
    /// Rows whose key is no longer there.
    pub removed: usize,
    /// Columns came, went, or have another type, place or rule.
    pub columns: bool,
    /// The rows that stayed stand in another order.
    pub order: bool,
}

/// What became of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It was not there before.
    Added,
    /// It is no longer there.
    Removed,
    /// It was there before.
    Changed,
}

impl DataSet {
    /// What is different from an older set.
    #[must_use]
    pub fn diff(&self, old: &Self) -> Difference {
        let mut tables = Vec::new();
        for table in self.tables() {
            match old.table(&table.name) {
                Some(before) => tables.extend(changed(table, before)),
                None => tables.push(whole(table, Kind::Added)),
            }
        }
        tables.extend(old.tables().filter(|t| self.table(&t.name).is_none()).map(|t| whole(t, Kind::Removed)));
        tables.sort_by(|a: &TableDifference, b| a.table.cmp(&b.table));
        Difference { tables }
    }
}

fn whole(table: &Table, kind: Kind) -> TableDifference {
    let (added, removed) = if kind == Kind::Added { (table.len(), 0) } else { (0, table.len()) };
    TableDifference { table: table.name.clone(), kind, added, changed: 0, removed, columns: false, order: false }
}

fn changed(new: &Table, old: &Table) -> Option<TableDifference> {
    if std::ptr::eq(new, old) {
        return None;
    }
    let mut difference = whole(new, Kind::Changed);
    (difference.added, difference.columns) = (0, !same_columns(new, old));
    let (mut kept, mut last) = (0, None);
    for row in new.rows() {
        let Some(before) = old.row(key(row)) else {
            difference.added += 1;
            continue;
        };
        kept += 1;
        difference.changed += usize::from(!same_cells(row, before));
        difference.order |= last.is_some_and(|last| last > before.number());
        last = Some(before.number());
    }
    difference.removed = old.len() - kept;
    let TableDifference { added, changed, removed, columns, order, .. } = difference;
    (added + changed + removed > 0 || columns || order).then_some(difference)
}

/// A variant is found by its name, so that an enum that grew in the middle leaves rows what they were.
fn key(row: Row<'_>) -> Key<'_> {
    let cell = row.key();
    cell.as_text().map(Key::Text).or_else(|| cell.as_int().map(Key::Int)).expect("a key is a whole number or a text")
}

fn same_columns(new: &Table, old: &Table) -> bool {
    new.columns.len() == old.columns.len()
        && new.key_column().name == old.key_column().name
        && new
            .columns
            .iter()
            .zip(&old.columns)
            .all(|(a, b)| (&a.name, &a.ty, a.unique, &a.references) == (&b.name, &b.ty, b.unique, &b.references))
}

/// Whether two rows hold the same in the columns that both have with one type.
fn same_cells(new: Row<'_>, old: Row<'_>) -> bool {
    new.cells().all(|(column, cell)| match old.table().column(&column.name) {
        Some(before) if before.ty == column.ty => before.cell(old.number()) == Some(cell),
        _ => true,
    })
}

impl Difference {
    /// Whether nothing is different.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tables.is_empty()
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("no data changed");
        }
        for (at, table) in self.tables.iter().enumerate() {
            write!(f, "{}{table}", if at == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

impl fmt::Display for TableDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, rows) = (&self.table, |count: usize| if count == 1 { "row" } else { "rows" });
        match self.kind {
            Kind::Added => return write!(f, "{name}: new, {} {}", self.added, rows(self.added)),
            Kind::Removed => return write!(f, "{name}: gone, {} {}", self.removed, rows(self.removed)),
            Kind::Changed => write!(f, "{name}: ")?,
        }
        let counted = [(self.added, "added"), (self.changed, "changed"), (self.removed, "removed")];
        let counted = counted.iter().filter(|(count, _)| *count > 0);
        let counted = counted.map(|(count, what)| format!("{count} {} {what}", rows(*count)));
        let flags = [(self.columns, "other columns"), (self.order, "another order")];
        let flags = flags.iter().filter(|(on, _)| *on).map(|(_, what)| (*what).to_owned());
        f.write_str(&counted.chain(flags).collect::<Vec<_>>().join(", "))
    }
}
