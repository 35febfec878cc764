//! SQL made at run time: the one place where text that is no literal becomes a statement, and cells become arguments.
//!
//! Audited: every dynamic statement comes from `sea_query` builders in [`crate::schema`], which quote the names of
//! tables and columns; no value is ever part of a text except defaults of columns, which the builder escapes.

use std::sync::Arc;

use kuafu_core::{Code, Refusal};
use sqlx::query::Query;
use sqlx::sqlite::{Sqlite, SqliteArguments};
use sqlx::{AssertSqlSafe, Decode, Row, TypeInfo, ValueRef};

/// A query over SQLite with bound arguments.
pub(crate) type Statement = Query<'static, Sqlite, SqliteArguments>;

/// A statement of a text that a query builder made.
pub(crate) fn built(sql: &Arc<str>) -> Statement {
    sqlx::query(AssertSqlSafe(Arc::clone(sql)))
}

/// What a column of a row can hold.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell {
    Null,
    Int(i64),
    Real(f64),
    Text(Arc<str>),
    Blob(Arc<[u8]>),
}

impl Cell {
    /// Reads a column by its index, whatever it holds.
    pub(crate) fn read(row: &sqlx::sqlite::SqliteRow, at: usize) -> Result<Self, sqlx::Error> {
        let value = row.try_get_raw(at)?;
        if value.is_null() {
            return Ok(Self::Null);
        }
        let info = value.type_info().into_owned();
        let cell = match info.name() {
            "INTEGER" => <i64 as Decode<Sqlite>>::decode(value).map(Self::Int),
            "REAL" => <f64 as Decode<Sqlite>>::decode(value).map(Self::Real),
            "TEXT" => <&str as Decode<Sqlite>>::decode(value).map(|text| Self::Text(text.into())),
            _ => <&[u8] as Decode<Sqlite>>::decode(value).map(|bytes| Self::Blob(bytes.into())),
        };
        cell.map_err(|source| sqlx::Error::ColumnDecode { index: at.to_string(), source })
    }

    /// What it is, for messages.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "NULL",
            Self::Int(_) => "an integer",
            Self::Real(_) => "a real number",
            Self::Text(_) => "a text",
            Self::Blob(_) => "bytes",
        }
    }
}

/// A record id, epoch or the like as SQLite holds it: an integer with a sign.
pub(crate) fn signed(number: u64) -> i64 {
    number.cast_signed()
}

/// Back from SQLite.
pub(crate) fn unsigned(number: i64) -> u64 {
    number.cast_unsigned()
}

/// What to tell of a statement that failed because of what it was to write.
pub(crate) fn broken_rule(error: &sqlx::Error) -> Option<Refusal> {
    let error = error.as_database_error()?;
    if error.is_unique_violation() {
        let text = format!("another record has this value already ({})", error.message());
        return Some(Refusal::new(Code::NameTaken, text));
    }
    let text = || format!("a value is below what its property allows ({})", error.message());
    error.is_check_violation().then(|| Refusal::new(Code::ArgumentInvalid, text()))
}

/// Whether a statement failed because a value must be unique and is not.
pub(crate) fn is_unique_violation(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|error| error.is_unique_violation())
}
