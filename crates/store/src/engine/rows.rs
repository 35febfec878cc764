//! Rows that wait to be written, gathered into statements of many rows.
//!
//! Each statement is a trip to the connection's thread and back, so rows share one. To keep the number of different
//! texts small, and so all of them prepared, rows go out in statements of 64, 8 and 1.

use std::collections::HashMap;
use std::sync::Arc;

use kuafu_core::{RecordId, TypeNo};
use sqlx::sqlite::{Sqlite, SqliteArguments};
use sqlx::{Arguments, AssertSqlSafe, SqliteConnection};

use crate::schema::table::Row;
use crate::schema::{Tables, Target};
use crate::sql::Cell;

/// Rows of one statement, largest first.
const STATEMENT_ROWS: [usize; 3] = [64, 8, 1];

/// Arguments of one statement; SQLite takes 32,766.
const STATEMENT_CELLS_MAX: usize = 30_000;

/// Texts of statements that are kept; beyond that all are made anew.
const TEXTS_MAX: usize = 2_048;

/// The texts of statements, by what they write and how many rows.
#[derive(Debug, Default)]
pub(crate) struct Texts(HashMap<Target, [Option<Arc<str>>; STATEMENT_ROWS.len()]>);

impl Texts {
    fn get(&mut self, tables: &Tables, target: &Target, size: usize) -> Arc<str> {
        if let Some(text) = self.0.get(target).and_then(|texts| texts[size].as_ref()) {
            return text.clone();
        }
        if self.0.len() >= TEXTS_MAX {
            self.0.clear();
        }
        let text = target.text(tables, STATEMENT_ROWS[size]);
        self.0.entry(target.clone()).or_default()[size] = Some(text.clone());
        text
    }
}

/// Rows that wait, by what they are written to, in the order they came.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    waiting: Vec<(Target, Vec<Row>)>,
    places: HashMap<Target, usize>,
    /// Which of `waiting` a record is in.
    records: HashMap<(TypeNo, RecordId), usize>,
}

impl Rows {
    /// Adds a row.
    pub(crate) fn push(&mut self, target: Target, row: Row) {
        let place = self.place(&target);
        self.waiting[place].1.push(row);
    }

    /// Adds a row of a record. `false`, and nothing is added, when the record waits in rows of another form, whose
    /// order against this one would be lost: flush first.
    pub(crate) fn push_record(&mut self, key: (TypeNo, RecordId), target: &Target, row: &mut Row) -> bool {
        let place = self.place(target);
        if *self.records.entry(key).or_insert(place) != place {
            return false;
        }
        self.waiting[place].1.push(std::mem::take(row));
        true
    }

    /// Whether rows of this record wait.
    pub(crate) fn has(&self, key: (TypeNo, RecordId)) -> bool {
        self.records.contains_key(&key)
    }

    /// Forgets all.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    fn place(&mut self, target: &Target) -> usize {
        if let Some(place) = self.places.get(target) {
            return *place;
        }
        self.places.insert(target.clone(), self.waiting.len());
        self.waiting.push((target.clone(), Vec::new()));
        self.waiting.len() - 1
    }

    /// Writes all.
    pub(crate) async fn flush(
        &mut self,
        connection: &mut SqliteConnection,
        tables: &Tables,
        texts: &mut Texts,
    ) -> Result<(), sqlx::Error> {
        let waiting = std::mem::take(&mut self.waiting);
        self.clear();
        for (target, rows) in waiting {
            write_rows(connection, tables, texts, &target, rows).await?;
        }
        Ok(())
    }
}

async fn write_rows(
    connection: &mut SqliteConnection,
    tables: &Tables,
    texts: &mut Texts,
    target: &Target,
    rows: Vec<Row>,
) -> Result<(), sqlx::Error> {
    let width = target.width(tables);
    let mut rows = rows.into_iter();
    for (size, count) in STATEMENT_ROWS.into_iter().enumerate() {
        if count > 1 && count * width > STATEMENT_CELLS_MAX {
            continue;
        }
        while rows.len() >= count {
            let text = texts.get(tables, target, size);
            write_statement(connection, text, rows.by_ref().take(count).flatten(), count * width).await?;
        }
    }
    Ok(())
}

/// One statement with its cells bound.
async fn write_statement(
    connection: &mut SqliteConnection,
    text: Arc<str>,
    cells: impl Iterator<Item = Cell>,
    count: usize,
) -> Result<(), sqlx::Error> {
    let mut arguments = SqliteArguments::default();
    arguments.reserve(count, 0);
    for cell in cells {
        let added = match cell {
            Cell::Null => arguments.add(None::<i64>),
            Cell::Int(number) => arguments.add(number),
            Cell::Real(number) => arguments.add(number),
            Cell::Text(text) => arguments.add(text),
            Cell::Blob(bytes) => arguments.add(bytes.to_vec()),
        };
        added.map_err(sqlx::Error::Encode)?;
    }
    sqlx::query_with::<Sqlite, _>(AssertSqlSafe(text), arguments).execute(connection).await?;
    Ok(())
}

/// One row, at once.
pub(crate) async fn write_row(
    connection: &mut SqliteConnection,
    tables: &Tables,
    texts: &mut Texts,
    target: &Target,
    row: Row,
) -> Result<(), sqlx::Error> {
    let text = texts.get(tables, target, STATEMENT_ROWS.len() - 1);
    let count = row.len();
    write_statement(connection, text, row.into_iter(), count).await
}
