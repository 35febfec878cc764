//! The columns of one table of the game's own: what the file knows of them, and how they become what is declared.
//!
//! A column keeps what it was declared to hold in `stored_columns`, so that the next start can tell what has changed.
//! The least number of a column is a constraint of the table; one that changes takes a new column, into which the
//! values are copied, because no engine of ours changes a constraint in place.

use std::collections::{BTreeMap, BTreeSet};

use kuafu_core::{Limits, Value};
use kuafu_def::Type;
use sea_query::{Alias, ColumnDef, Expr, ExprTrait, Index, Query, SqliteQueryBuilder, Table as SqlTable};
use serde_json::Value as Json;
use sqlx::{Row as _, SqliteConnection};

use super::shape::shape;
use crate::sql::{Cell, built};
use crate::value::{ColumnKind, column_kind, encode};

/// A column as definitions have it.
#[derive(Clone, Debug)]
pub(super) struct Declared {
    /// Of what: a property, or a field of an item.
    pub(super) name: String,
    pub(super) ty: Type,
    pub(super) default: Value,
    pub(super) unique: bool,
    pub(super) least: Option<i64>,
}

/// A column as the file knows it.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    pub(super) column: String,
    pub(super) shape: Json,
    least: Option<i64>,
}

/// The columns of a table that is there.
pub(super) struct Columns<'a> {
    connection: &'a mut SqliteConnection,
    table: &'a str,
    stored: BTreeMap<String, Stored>,
    taken: BTreeSet<String>,
}

/// The least whole number that a column of a type is to hold. `None` where nothing is said, or where the column's order
/// is not the type's: unsigned numbers of 64 bits in full width are stored with a sign.
pub(super) fn least(ty: &Type, min: Option<f64>) -> Option<i64> {
    let Type::Int { bits, signed, wide } = ty else { return None };
    // The conversion saturates, so that a bound beyond all numbers stays one.
    min.filter(|_| *bits < 64 || *signed || !*wide).map(|min| min.ceil() as i64)
}

/// What the file knows of the columns of a table, by what they hold.
pub(super) async fn stored_columns(
    connection: &mut SqliteConnection,
    table: &str,
) -> Result<BTreeMap<String, Stored>, sqlx::Error> {
    let rows = sqlx::query("SELECT property, column_name, shape, least FROM stored_columns WHERE table_name = ?1")
        .bind(table)
        .fetch_all(connection)
        .await?;
    let read = |row: sqlx::sqlite::SqliteRow| {
        let shape: String = row.try_get(2)?;
        // A shape that cannot be read fits nothing, and is then reported with its property.
        let shape = serde_json::from_str(&shape).unwrap_or(Json::Null);
        Ok((row.try_get(0)?, Stored { column: row.try_get(1)?, shape, least: row.try_get(3)? }))
    };
    rows.into_iter().map(read).collect()
}

/// Notes what a column, or a table of items, holds.
pub(super) async fn note_column(
    connection: &mut SqliteConnection,
    table: &str,
    property: &str,
    Stored { column, shape, least }: &Stored,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO stored_columns (table_name, property, column_name, shape, least) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (table_name, property) DO UPDATE
         SET column_name = excluded.column_name, shape = excluded.shape, least = excluded.least",
    )
    .bind(table)
    .bind(property)
    .bind(column)
    .bind(shape.to_string())
    .bind(least)
    .execute(connection)
    .await?;
    Ok(())
}

/// Runs a statement of a query builder.
pub(super) async fn run(connection: &mut SqliteConnection, text: String) -> Result<(), sqlx::Error> {
    built(&text.into()).execute(connection).await?;
    Ok(())
}

impl Stored {
    /// What stands for a property that is a table of its own, of this name.
    pub(super) fn table(name: String, shape: Json) -> Self {
        Self { column: name, shape, least: None }
    }
}

impl<'a> Columns<'a> {
    pub(super) fn new(connection: &'a mut SqliteConnection, table: &'a str, stored: BTreeMap<String, Stored>) -> Self {
        let taken = stored.values().map(|stored| stored.column.to_ascii_lowercase()).collect();
        Self { connection, table, stored, taken }
    }

    /// The column of what is declared, made or changed where it is not so yet; its name.
    pub(super) async fn bring(&mut self, declared: &Declared) -> Result<String, sqlx::Error> {
        let fresh_shape = shape(&declared.ty);
        let Some(known) = self.stored.remove(&declared.name) else {
            let column = free_name(&declared.name, &mut self.taken);
            self.add(&column, declared).await?;
            let stored = Stored { column, shape: fresh_shape, least: declared.least };
            note_column(self.connection, self.table, &declared.name, &stored).await?;
            return Ok(stored.column);
        };
        let mut now = Stored { shape: fresh_shape, ..known.clone() };
        if known.least != declared.least && self.can_hold(&known.column, declared).await? {
            self.exchange(&known.column, declared).await?;
            now.least = declared.least;
        }
        if now.shape != known.shape || now.least != known.least {
            note_column(self.connection, self.table, &declared.name, &now).await?;
        }
        Ok(now.column)
    }

    /// Whether all that a column holds is in the declared bound. Where it is not, the column stays as it is.
    async fn can_hold(&mut self, column: &str, declared: &Declared) -> Result<bool, sqlx::Error> {
        let Some(least) = declared.least else { return Ok(true) };
        let below = Query::select()
            .expr(Expr::val(1))
            .from(Alias::new(self.table))
            .and_where(Expr::col(Alias::new(column)).lt(least))
            .limit(1)
            .to_owned();
        let found = built(&below.to_string(SqliteQueryBuilder).into()).fetch_optional(&mut *self.connection).await?;
        if found.is_some() {
            let (table, property) = (self.table, &declared.name);
            tracing::warn!(table, property, least, "records hold less than may be saved from now on");
        }
        Ok(found.is_none())
    }

    async fn add(&mut self, name: &str, declared: &Declared) -> Result<(), sqlx::Error> {
        let mut column = ColumnDef::new(Alias::new(name));
        match column_kind(&declared.ty) {
            ColumnKind::Integer => column.big_integer(),
            ColumnKind::Real => column.double(),
            ColumnKind::Text => column.text(),
            ColumnKind::Blob => column.blob(),
        };
        if let Some(default) = sql_default(declared) {
            column.default(default);
        }
        if let Some(least) = declared.least {
            column.check(Expr::col(Alias::new(name)).gte(least));
        }
        let mut alter = SqlTable::alter();
        alter.table(Alias::new(self.table)).add_column(&mut column);
        run(self.connection, alter.to_string(SqliteQueryBuilder)).await
    }

    /// Puts a column with the declared constraint and the same values in the place of another.
    async fn exchange(&mut self, old: &str, declared: &Declared) -> Result<(), sqlx::Error> {
        let new = free_name(&declared.name, &mut self.taken);
        self.add(&new, declared).await?;
        let copy = Query::update()
            .table(Alias::new(self.table))
            .value(Alias::new(new.as_str()), Expr::col(Alias::new(old)))
            .to_string(SqliteQueryBuilder);
        run(self.connection, copy).await?;
        for unique in [true, false] {
            // A column of an index cannot go; whoever wants the index makes it again.
            let name = index_name(self.table, old, unique);
            run(self.connection, Index::drop().name(name).if_exists().to_string(SqliteQueryBuilder)).await?;
        }
        let drop = SqlTable::alter().table(Alias::new(self.table)).drop_column(Alias::new(old)).to_owned();
        run(self.connection, drop.to_string(SqliteQueryBuilder)).await?;
        self.taken.remove(&new.to_ascii_lowercase());
        let (new, old) = (Alias::new(new), Alias::new(old));
        let rename = SqlTable::alter().table(Alias::new(self.table)).rename_column(new, old).to_owned();
        run(self.connection, rename.to_string(SqliteQueryBuilder)).await
    }
}

/// The name of the index on a column.
pub(super) fn index_name(table: &str, column: &str, unique: bool) -> String {
    format!("{}_{table}_{column}", if unique { "u" } else { "i" })
}

/// A name that SQLite, which takes `Gold` for `gold`, can tell from the others.
pub(super) fn free_name(wanted: &str, taken: &mut BTreeSet<String>) -> String {
    let mut name = wanted.to_owned();
    let mut number = 1;
    while !taken.insert(name.to_ascii_lowercase()) {
        number += 1;
        name = format!("{wanted}${number}");
    }
    name
}

/// What rows from before the column hold in it. None for a unique property, which no two records may share, and where
/// the default is out of bounds: NULL stands for "as defined".
fn sql_default(declared: &Declared) -> Option<sea_query::Value> {
    if declared.unique {
        return None;
    }
    match encode(&declared.ty, &declared.default, &Limits::default()).ok()? {
        Cell::Null => None,
        Cell::Int(number) => declared.least.is_none_or(|least| number >= least).then(|| number.into()),
        Cell::Real(number) => Some(number.into()),
        // The text of a statement cannot hold a NUL.
        Cell::Text(text) => (!text.contains('\0')).then(|| text.as_ref().into()),
        Cell::Blob(bytes) => Some(bytes.to_vec().into()),
    }
}
