//! A table: columns of equal length, and an index over the key.
//!
//! Rows are in file order. The index is the rows sorted by key, so it is the same wherever it is built, and a lookup
//! is a binary search. A table never changes.

use std::cmp::Ordering;

use kuafu_def::Type;

use crate::column::{Cell, Cells, Column};

/// A checked data table.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) columns: Vec<Column>,
    /// Which column is the key.
    pub(crate) key: usize,
    pub(crate) rows: usize,
    /// The rows sorted by key.
    pub(crate) index: Vec<u32>,
    pub(crate) query: Option<String>,
}

/// A row of a table.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    table: &'a Table,
    at: usize,
}

/// What a row is found by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key<'a> {
    /// A whole number, as in [`kuafu_core::Value::Int`]; of an enum, the index of a variant.
    Int(i64),
    /// A text; of an enum, the name of a variant.
    Text(&'a str),
}

impl Table {
    /// The name, which is that of the file.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// For people.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }

    /// The columns, in the order of the schema.
    #[must_use]
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The column of a name.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// The column by which rows are found.
    #[must_use]
    pub fn key_column(&self) -> &Column {
        &self.columns[self.key]
    }

    /// The query whose rows these are; `None` when they come from a file.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        self.query.as_deref()
    }

    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// The row of a key.
    pub fn row<'k>(&self, key: impl Into<Key<'k>>) -> Option<Row<'_>> {
        self.find(key.into()).map(|at| Row { table: self, at })
    }

    /// The row at a place in the file, from 0.
    #[must_use]
    pub fn at(&self, at: usize) -> Option<Row<'_>> {
        (at < self.rows).then_some(Row { table: self, at })
    }

    /// The rows in the order of the file.
    pub fn rows(&self) -> impl DoubleEndedIterator<Item = Row<'_>> + ExactSizeIterator {
        (0..self.rows).map(|at| Row { table: self, at })
    }

    /// Where the row of a key is.
    fn find(&self, key: Key<'_>) -> Option<usize> {
        let column = self.key_column();
        find(&column.ty, &column.cells, &self.index, key)
    }
}

/// Where the row of a key is, in a column whose rows are sorted in `index`.
pub(crate) fn find(ty: &Type, cells: &Cells, index: &[u32], key: Key<'_>) -> Option<usize> {
    let search = |order: &dyn Fn(usize) -> Ordering| {
        index.binary_search_by(|row| order(*row as usize)).ok().map(|at| index[at] as usize)
    };
    match (cells, key, ty) {
        (Cells::Int(cells), Key::Int(number), _) => search(&|row| cells[row].cmp(&number)),
        (Cells::Int(cells), Key::Text(name), Type::Enum(ty)) => {
            let number = ty.variants.iter().position(|variant| variant == name)?;
            let number = i64::try_from(number).ok()?;
            search(&|row| cells[row].cmp(&number))
        }
        (Cells::Text(cells), Key::Text(text), _) => {
            search(&|row| cells.get(row).map_or(Ordering::Greater, |cell| cell.cmp(text)))
        }
        _ => None,
    }
}

impl<'a> Row<'a> {
    /// The cell in a column; `None` when there is no such column.
    #[must_use]
    pub fn get(self, column: &str) -> Option<Cell<'a>> {
        self.table.column(column)?.cell(self.at)
    }

    /// The flag in a `bool` column.
    #[must_use]
    pub fn flag(self, column: &str) -> Option<bool> {
        self.get(column)?.as_bool()
    }

    /// The number in a column of whole numbers.
    #[must_use]
    pub fn int(self, column: &str) -> Option<i64> {
        self.get(column)?.as_int()
    }

    /// The number in a column of numbers, whole or not.
    #[must_use]
    pub fn float(self, column: &str) -> Option<f64> {
        self.get(column)?.as_float()
    }

    /// The text in a `string` column, or the name of the variant in one of an enum.
    #[must_use]
    pub fn text(self, column: &str) -> Option<&'a str> {
        self.get(column)?.as_text()
    }

    /// The cell of the key column.
    #[must_use]
    pub fn key(self) -> Cell<'a> {
        self.table.key_column().cell(self.at).expect("a row is one of its table, and every column has all rows")
    }

    /// Where the row stands in the file, from 0.
    #[must_use]
    pub fn number(self) -> usize {
        self.at
    }

    /// The table it is a row of.
    #[must_use]
    pub fn table(self) -> &'a Table {
        self.table
    }

    /// The cells in the order of the columns.
    pub fn cells(self) -> impl Iterator<Item = (&'a Column, Cell<'a>)> {
        self.table.columns.iter().filter_map(move |column| Some((column, column.cell(self.at)?)))
    }
}

impl<'a> From<&'a str> for Key<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a String> for Key<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(text)
    }
}

macro_rules! key_from_numbers {
    ($($number:ty),*) => {$(
        impl From<$number> for Key<'_> {
            fn from(number: $number) -> Self {
                Self::Int(i64::from(number))
            }
        }
    )*};
}

key_from_numbers!(i8, i16, i32, i64, u8, u16, u32);
