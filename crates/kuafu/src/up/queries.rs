//! Answers the queries of data tables from the game's own database, for whoever reads the project.
//!
//! The reading thread waits for the answer: at the start that is `main`, later the watcher, never a role.

use std::time::Duration;

use crossbeam_channel::{Receiver, TryRecvError};
use kuafu_core::Limits;
use kuafu_store::{Queries, QueryAnswer, QueryValue};
use kuafu_tables::{QueryCell, QueryRows};
use tokio::runtime::Handle;

/// How often one that waits looks whether the game ends.
const LOOK_PERIOD: Duration = Duration::from_millis(50);

/// Asks the database. It keeps the data folder locked.
#[derive(Clone, Debug)]
pub(super) struct Asker {
    queries: Queries,
    runtime: Handle,
    limits: Limits,
}

impl Asker {
    pub(super) fn new(queries: Queries, runtime: Handle, limits: Limits) -> Self {
        Self { queries, runtime, limits }
    }

    /// The rows of a query.
    ///
    /// # Errors
    /// Why there are none.
    pub(super) fn rows(&self, sql: &str) -> Result<QueryRows, String> {
        let answer = self.runtime.block_on(self.queries.rows(sql, &self.limits));
        answer.map(rows).map_err(|why| why.to_string())
    }

    /// The same, given up once the other end of `stopped` is gone.
    ///
    /// # Errors
    /// Why there are none.
    pub(super) fn rows_until(&self, sql: &str, stopped: &Receiver<()>) -> Result<QueryRows, String> {
        let end = async {
            while stopped.try_recv() != Err(TryRecvError::Disconnected) {
                tokio::time::sleep(LOOK_PERIOD).await;
            }
        };
        let answer = self.runtime.block_on(async {
            tokio::select! {
                () = end => Err("the game ends".to_owned()),
                answer = self.queries.rows(sql, &self.limits) => answer.map_err(|why| why.to_string()),
            }
        });
        answer.map(rows)
    }
}

fn rows(answer: QueryAnswer) -> QueryRows {
    let rows = answer.rows.into_iter().map(|row| row.into_iter().map(cell).collect()).collect();
    QueryRows { columns: answer.columns, rows }
}

/// Bytes become what they are in a file: hexadecimal digits.
fn cell(value: QueryValue) -> QueryCell {
    match value {
        QueryValue::Null => QueryCell::Null,
        QueryValue::Integer(number) => QueryCell::Integer(number),
        QueryValue::Real(number) => QueryCell::Number(number),
        QueryValue::Text(text) => QueryCell::Text(text.to_string()),
        QueryValue::Blob(bytes) => QueryCell::Text(bytes.iter().map(|byte| format!("{byte:02x}")).collect()),
    }
}
