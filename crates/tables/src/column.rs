//! Columns: the cells of one column of all rows, stored by what they are.
//!
//! A whole column is one array, so that bytes become a table in one pass and a script host builds its tables without
//! looking at types row by row.

use kuafu_core::Value;
use kuafu_def::{EnumType, Type};
use serde::{Deserialize, Serialize};

/// A column of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// The name.
    pub name: String,
    /// What its cells hold.
    pub ty: Type,
    /// No two rows hold the same. Always so for the key.
    pub unique: bool,
    /// The table in which its cells are keys.
    pub references: Option<String>,
    /// For people.
    pub description: String,
    /// The cells, one a row.
    pub cells: Cells,
}

/// The cells of a column. Which variant stands for which type is fixed by the type.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Cells {
    /// `bool`.
    Bool(Vec<bool>),
    /// Every integer type, as in [`Value::Int`], and enums as the index of the variant.
    Int(Vec<i64>),
    /// `float32` and `float64`.
    Float(Vec<f64>),
    /// `string`.
    Text(Texts),
    /// Every other type.
    Value(Vec<Value>),
}

/// Texts, one behind the other.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Texts {
    text: String,
    /// Where each text ends.
    ends: Vec<u32>,
}

/// One cell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cell<'a> {
    /// `bool`.
    Bool(bool),
    /// Every integer type.
    Int(i64),
    /// `float32` and `float64`.
    Float(f64),
    /// `string`.
    Text(&'a str),
    /// A variant of an enum, by index.
    Enum(&'a EnumType, i64),
    /// Every other type.
    Value(&'a Value),
}

/// More text than a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TextsFull;

impl Column {
    /// The cell of a row.
    #[must_use]
    pub fn cell(&self, row: usize) -> Option<Cell<'_>> {
        Some(match (&self.cells, &self.ty) {
            (Cells::Int(cells), Type::Enum(ty)) => Cell::Enum(ty, *cells.get(row)?),
            (Cells::Bool(cells), _) => Cell::Bool(*cells.get(row)?),
            (Cells::Int(cells), _) => Cell::Int(*cells.get(row)?),
            (Cells::Float(cells), _) => Cell::Float(*cells.get(row)?),
            (Cells::Text(cells), _) => Cell::Text(cells.get(row)?),
            (Cells::Value(cells), _) => Cell::Value(cells.get(row)?),
        })
    }
}

impl Cells {
    /// No cells yet, of a type.
    pub(crate) fn of(ty: &Type) -> Self {
        match ty {
            Type::Bool => Self::Bool(Vec::new()),
            Type::Int { .. } | Type::Enum(_) => Self::Int(Vec::new()),
            Type::Float32 | Type::Float64 => Self::Float(Vec::new()),
            Type::Text => Self::Text(Texts::default()),
            _ => Self::Value(Vec::new()),
        }
    }

    /// How many cells there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Bool(cells) => cells.len(),
            Self::Int(cells) => cells.len(),
            Self::Float(cells) => cells.len(),
            Self::Text(cells) => cells.len(),
            Self::Value(cells) => cells.len(),
        }
    }

    /// Whether there are no cells.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds a cell. The value is of the column's type.
    pub(crate) fn push(&mut self, value: Value) -> Result<(), TextsFull> {
        match (self, value) {
            (Self::Bool(cells), Value::Bool(flag)) => cells.push(flag),
            (Self::Int(cells), Value::Int(number)) => cells.push(number),
            (Self::Float(cells), Value::Float(number)) => cells.push(number),
            (Self::Text(cells), Value::Text(text)) => cells.push(&text)?,
            (Self::Value(cells), value) => cells.push(value),
            (_, value) => debug_assert!(false, "{} in a column of another type", value.kind()),
        }
        Ok(())
    }

    /// Sorts rows by this column; rows with equal cells stay in their order. Containers are all equal.
    pub(crate) fn sort(&self, rows: &mut [u32]) {
        match self {
            Self::Bool(cells) => sort_by_cell(rows, |row| cells[row]),
            Self::Int(cells) => sort_by_cell(rows, |row| cells[row]),
            Self::Text(cells) => sort_by_cell(rows, |row| cells.at(row)),
            Self::Float(cells) => rows.sort_by(|a, b| cells[*a as usize].total_cmp(&cells[*b as usize])),
            Self::Value(_) => {}
        }
    }

    /// Whether two rows hold the same in this column.
    pub(crate) fn is_same(&self, a: usize, b: usize) -> bool {
        match self {
            Self::Bool(cells) => cells[a] == cells[b],
            Self::Int(cells) => cells[a] == cells[b],
            Self::Float(cells) => cells[a] == cells[b],
            Self::Text(cells) => cells.at(a) == cells.at(b),
            Self::Value(cells) => cells[a] == cells[b],
        }
    }
}

/// The cells are looked up once and lie beside their rows while these are sorted.
fn sort_by_cell<T: Ord>(rows: &mut [u32], cell: impl Fn(usize) -> T) {
    let mut pairs: Vec<(T, u32)> = rows.iter().map(|row| (cell(*row as usize), *row)).collect();
    if !pairs.is_sorted() {
        pairs.sort_unstable();
        rows.iter_mut().zip(pairs).for_each(|(row, (_, sorted))| *row = sorted);
    }
}

impl Texts {
    /// How many texts there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are no texts.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The text of a row.
    #[must_use]
    pub fn get(&self, row: usize) -> Option<&str> {
        (row < self.ends.len()).then(|| self.at(row))
    }

    /// The texts in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).map(|row| self.at(row))
    }

    fn at(&self, row: usize) -> &str {
        let start = row.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.text[start as usize..self.ends[row] as usize]
    }

    pub(crate) fn push(&mut self, text: &str) -> Result<(), TextsFull> {
        let end = u32::try_from(self.text.len() + text.len()).map_err(|_| TextsFull)?;
        self.text.push_str(text);
        self.ends.push(end);
        Ok(())
    }

    /// Whether the ends are ones, as bytes from outside may pretend.
    pub(crate) fn is_sound(&self) -> bool {
        let mut before = 0;
        let ascending = self.ends.iter().all(|end| {
            let fits = *end >= before && self.text.is_char_boundary(*end as usize);
            before = *end;
            fits
        });
        ascending && before as usize == self.text.len()
    }
}

impl<'a> Cell<'a> {
    /// The flag inside, if it is one.
    #[must_use]
    pub fn as_bool(self) -> Option<bool> {
        if let Self::Bool(flag) = self { Some(flag) } else { None }
    }

    /// The whole number inside, or the index of a variant.
    #[must_use]
    pub fn as_int(self) -> Option<i64> {
        if let Self::Int(number) | Self::Enum(_, number) = self { Some(number) } else { None }
    }

    /// The number inside, whole or not.
    #[must_use]
    pub fn as_float(self) -> Option<f64> {
        match self {
            Self::Float(number) => Some(number),
            Self::Int(number) => Some(number as f64),
            _ => None,
        }
    }

    /// The text inside, or the name of a variant.
    #[must_use]
    pub fn as_text(self) -> Option<&'a str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Enum(ty, index) => variant(ty, index),
            _ => None,
        }
    }

    /// The cell as a value.
    #[must_use]
    pub fn to_value(self) -> Value {
        match self {
            Self::Bool(flag) => Value::Bool(flag),
            Self::Int(number) | Self::Enum(_, number) => Value::Int(number),
            Self::Float(number) => Value::Float(number),
            Self::Text(text) => Value::text(text),
            Self::Value(value) => value.clone(),
        }
    }
}

/// The name of a variant.
pub(crate) fn variant(ty: &EnumType, index: i64) -> Option<&str> {
    usize::try_from(index).ok().and_then(|index| ty.variants.get(index)).map(String::as_str)
}
