//! A query of the game's own: the one `SELECT` of a data table, on a connection that cannot write.
//!
//! Whoever writes the query is trusted with what the database holds, not with changing it, nor with the server's time or
//! memory. So the file is opened to be read only, one statement is let through, and time, rows and bytes have named
//! limits. It sees what is committed, the operator's own tables too. Nothing here knows what the rows are for.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::TryStreamExt;
use kuafu_core::Limits;
use sqlx::sqlite::{SqliteConnectOptions, SqliteRow};
use sqlx::{AssertSqlSafe, Column, ConnectOptions, Connection, Executor, SqlSafeStr, SqliteConnection, Statement};

use crate::folder::DataFolder;
use crate::sql::Cell;

/// How long a query waits for another connection, at the most.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);

/// After so many steps of its machine SQLite asks whether it shall go on: far less than a millisecond.
const STEPS_PER_LOOK: i32 = 10_000;

/// Rows that SQLite is ahead of the reader.
const ROWS_AHEAD: usize = 16;

/// What a query answered.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct QueryAnswer {
    /// The names of the columns.
    pub columns: Vec<String>,
    /// The rows in the database's order, each with a cell a column.
    pub rows: Vec<Vec<QueryValue>>,
}

/// A cell of an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum QueryValue {
    /// NULL.
    Null,
    /// A whole number.
    Integer(i64),
    /// A number with a fraction.
    Real(f64),
    /// A text.
    Text(Arc<str>),
    /// Bytes.
    Blob(Arc<[u8]>),
}

/// Why a query has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// It is no query.
    #[error("a query is one SELECT, or WITH … SELECT; this begins with `{word}`")]
    NotASelect {
        /// Its first word.
        word: String,
    },
    /// There is a second statement.
    #[error("a query is one statement, and here another one follows")]
    Several,
    /// It would change the database.
    #[error("a query only reads, and this one writes")]
    Writes,
    /// It took too long and was stopped.
    #[error("it was not done after {ms} ms (limits.data_query_ms_max)")]
    TooLong {
        /// What it was given.
        ms: u64,
    },
    /// The answer has too many rows.
    #[error("it gives more than {rows_max} rows (limits.data_table_rows_max)")]
    TooManyRows {
        /// How many it may have.
        rows_max: u32,
    },
    /// The answer has too many bytes.
    #[error("it gives more than {bytes_max} bytes (limits.data_bytes_max)")]
    TooManyBytes {
        /// How many it may have.
        bytes_max: u64,
    },
    /// The database refused.
    #[error("{0}")]
    Sql(String),
}

impl From<sqlx::Error> for QueryError {
    fn from(error: sqlx::Error) -> Self {
        const SQLITE_READONLY: i64 = 8;
        let Some(told) = error.as_database_error() else { return Self::Sql(error.to_string()) };
        // Extended codes keep the plain code in their lowest byte.
        match told.code().and_then(|code| code.parse::<i64>().ok()) {
            Some(code) if code & 0xff == SQLITE_READONLY => Self::Writes,
            _ => Self::Sql(told.message().to_owned()),
        }
    }
}

/// Where queries go in. Cheap to clone; the data folder stays locked while one of these is held.
#[derive(Clone, Debug)]
pub struct Queries {
    file: PathBuf,
    #[expect(dead_code, reason = "held for its lock")]
    folder: Arc<DataFolder>,
}

impl Queries {
    pub(crate) fn new(file: &Path, folder: Arc<DataFolder>) -> Self {
        Self { file: file.to_owned(), folder }
    }

    /// The rows of a query. It is stopped when this is dropped. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// [`QueryError`], which says what to change.
    pub async fn rows(&self, sql: &str, limits: &Limits) -> Result<QueryAnswer, QueryError> {
        one_select(sql)?;
        let stop = StopOnDrop::default();
        let ms = limits.data_query_ms_max;
        let answer = tokio::time::timeout(Duration::from_millis(ms), self.ask(sql, limits, &stop));
        answer.await.unwrap_or(Err(QueryError::TooLong { ms }))
    }

    async fn ask(&self, sql: &str, limits: &Limits, stop: &StopOnDrop) -> Result<QueryAnswer, QueryError> {
        let mut connection = self.connect(stop).await?;
        let prepared = (&mut connection).prepare(AssertSqlSafe(sql.to_owned()).into_sql_str()).await?;
        let columns: Vec<String> = prepared.columns().iter().map(|column| column.name().to_owned()).collect();
        let mut rows = Vec::new();
        let mut bytes_left = limits.data_bytes_max;
        let mut found = sqlx::query(AssertSqlSafe(sql.to_owned())).persistent(false).fetch(&mut connection);
        while let Some(row) = found.try_next().await? {
            if rows.len() >= limits.data_table_rows_max as usize {
                return Err(QueryError::TooManyRows { rows_max: limits.data_table_rows_max });
            }
            rows.push(cells(&row, columns.len(), &mut bytes_left).map_err(|failed| match failed {
                Some(error) => error.into(),
                None => QueryError::TooManyBytes { bytes_max: limits.data_bytes_max },
            })?);
        }
        drop(found);
        connection.close().await?;
        Ok(QueryAnswer { columns, rows })
    }

    async fn connect(&self, stop: &StopOnDrop) -> Result<SqliteConnection, sqlx::Error> {
        let options = SqliteConnectOptions::new()
            .filename(&self.file)
            .read_only(true)
            .busy_timeout(BUSY_TIMEOUT)
            .row_buffer_size(ROWS_AHEAD)
            .pragma("query_only", "ON")
            .disable_statement_logging();
        let mut connection = options.connect().await?;
        let stopped = Arc::clone(&stop.0);
        let go_on = move || !stopped.load(Ordering::Relaxed);
        connection.lock_handle().await?.set_progress_handler(STEPS_PER_LOOK, go_on);
        Ok(connection)
    }
}

/// Tells the thread of a connection to give up when whoever waits for it has gone.
#[derive(Debug, Default)]
struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The cells of a row; `None` as the error when there are too many bytes in them.
fn cells(row: &SqliteRow, width: usize, bytes_left: &mut u64) -> Result<Vec<QueryValue>, Option<sqlx::Error>> {
    let mut cells = Vec::with_capacity(width);
    for at in 0..width {
        let (cell, bytes) = match Cell::read(row, at).map_err(Some)? {
            Cell::Null => (QueryValue::Null, 1),
            Cell::Int(number) => (QueryValue::Integer(number), size_of::<i64>()),
            Cell::Real(number) => (QueryValue::Real(number), size_of::<f64>()),
            Cell::Text(text) => (QueryValue::Text(text.clone()), text.len()),
            Cell::Blob(blob) => (QueryValue::Blob(blob.clone()), blob.len()),
        };
        *bytes_left = bytes_left.checked_sub(bytes as u64).ok_or(None)?;
        cells.push(cell);
    }
    Ok(cells)
}

/// Looks whether a text is one statement that begins as a query does. What it does then, the connection watches over:
/// what could get around that (`VACUUM INTO`, `ATTACH`, `PRAGMA`) begins with other words.
fn one_select(sql: &str) -> Result<(), QueryError> {
    const WORD_CHARS_MAX: usize = 20;
    let mut rest = after_space(sql);
    let word: String = rest.chars().take_while(|c| c.is_ascii_alphabetic()).take(WORD_CHARS_MAX).collect();
    if !["select", "with"].iter().any(|known| word.eq_ignore_ascii_case(known)) {
        let word = if word.is_empty() { rest.chars().take(1).collect() } else { word };
        return Err(QueryError::NotASelect { word });
    }
    if sql.contains('\0') {
        // SQLite takes it for the end.
        return Err(QueryError::Sql("there is a NUL in it".to_owned()));
    }
    while let Some(first) = rest.chars().next() {
        let behind = &rest[first.len_utf8()..];
        let next = match first {
            '\'' | '"' | '`' => after(behind, first),
            '[' => after(behind, ']'),
            ';' if after_space(behind).is_empty() => return Ok(()),
            ';' => return Err(QueryError::Several),
            _ => behind,
        };
        rest = after_space(next);
    }
    Ok(())
}

/// What follows a closing quote. A quote that is written twice opens again at once, which comes to the same.
fn after(text: &str, quote: char) -> &str {
    text.split_once(quote).map_or("", |(_, rest)| rest)
}

/// What follows spaces and comments.
fn after_space(text: &str) -> &str {
    let mut rest = text.trim_start();
    loop {
        let comment = match rest.get(..2) {
            Some("--") => rest.split_once('\n'),
            Some("/*") => rest[2..].split_once("*/"),
            _ => return rest,
        };
        rest = comment.map_or("", |(_, rest)| rest.trim_start());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_query_is_let_through_and_nothing_else() {
        let one = [
            "SELECT 1",
            "  select 1 ;  -- done; DROP TABLE x",
            "-- first\n/* then; */ WITH a AS (SELECT ';' AS \"x;y\") SELECT [x;y], `x;y` FROM a;",
            "SELECT 'it''s; fine', '-- no comment'--; one\n ; /* ; */",
            "SELECT 1 /* never closed; DROP",
            "SELECT 'never closed; DROP",
        ];
        for sql in one {
            assert_eq!(one_select(sql), Ok(()), "{sql}");
        }
        for sql in
            ["SELECT 1; SELECT 2", "SELECT 1;;", "SELECT '';'' ; DROP TABLE x", "WITH a AS (SELECT 1) SELECT 1;x"]
        {
            assert_eq!(one_select(sql), Err(QueryError::Several), "{sql}");
        }
        for (sql, word) in [
            ("", ""),
            ("VACUUM INTO 'x'", "VACUUM"),
            ("/* SELECT */ attach 'x' as y", "attach"),
            ("SELECTED", "SELECTED"),
            ("; SELECT 1", ";"),
            ("é", "é"),
        ] {
            assert_eq!(one_select(sql), Err(QueryError::NotASelect { word: word.into() }), "{sql}");
        }
    }
}
