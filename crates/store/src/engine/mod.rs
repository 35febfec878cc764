//! The SQL engine: a group of commands in one transaction, and reads beside it.
//!
//! What must hold: results are given after the commit. A command that SQL itself refuses, while others in its group
//! were fine, is found by doing the group again one command a transaction, one save a statement. Only a commit whose own outcome is not known
//! gives unknown results, and those are never tried again here.

mod accounts;
mod commit;
mod entities;
pub(crate) mod faults;
mod find;
mod group;
mod items;
pub(crate) mod live;
mod plan;
mod reader;
mod rows;
mod sessions;

use std::sync::Arc;

use kuafu_core::{Code, Refusal};
use sqlx::{Connection, SqliteConnection};

use crate::engine::faults::FaultPoint;
use crate::engine::group::Group;
use crate::engine::live::Live;
use crate::engine::rows::Texts;
use crate::executor::unknown;
use crate::folder::DataFolder;
use crate::schema::Tables;
use crate::sql::broken_rule;
use crate::{Engine, StoreCommand, StoreOptions, StoreReply, StoreResult};

pub(crate) use reader::SqlReader;

/// What the writer and the readers share.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) tables: Tables,
    pub(crate) live: Live,
    pub(crate) options: StoreOptions,
    /// Locked as long as any connection is open.
    #[expect(dead_code, reason = "held for its lock, which ends with the last connection")]
    pub(crate) folder: Arc<DataFolder>,
}

/// Why a command inside a transaction did not succeed.
#[derive(Debug)]
pub(crate) enum Fault {
    /// It is refused, and has left nothing behind.
    Refused(Refusal),
    /// SQL failed: the transaction cannot be committed.
    Sql(sqlx::Error),
}

impl From<sqlx::Error> for Fault {
    fn from(error: sqlx::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Code> for Fault {
    fn from(code: Code) -> Self {
        Self::Refused(code.into())
    }
}

/// How a transaction failed as a whole.
enum Broken {
    /// Nothing of it was written.
    Undone(String),
    /// Nothing of it was written: something of it broke a rule of the database, nobody knows what.
    Rule(String),
    /// It may have been written.
    Unknown(String),
}

impl From<sqlx::Error> for Broken {
    fn from(error: sqlx::Error) -> Self {
        let text = error.to_string();
        if broken_rule(&error).is_some() { Self::Rule(text) } else { Self::Undone(text) }
    }
}

/// The one writer of a file.
#[derive(Debug)]
pub(crate) struct SqlEngine {
    connection: SqliteConnection,
    context: Arc<Context>,
    texts: Texts,
}

impl SqlEngine {
    pub(crate) fn new(connection: SqliteConnection, context: Arc<Context>) -> Self {
        Self { connection, context, texts: Texts::default() }
    }

    /// A batch in one transaction.
    async fn attempt(&mut self, batch: &[StoreCommand], careful: bool) -> Result<Vec<StoreResult>, Broken> {
        let outcome = self.transaction(batch, careful).await;
        if outcome.is_err() {
            // Some errors have ended the transaction already; then there is nothing to roll back.
            let _ = sqlx::query("ROLLBACK").execute(&mut self.connection).await;
        }
        outcome
    }

    async fn transaction(&mut self, batch: &[StoreCommand], careful: bool) -> Result<Vec<StoreResult>, Broken> {
        sqlx::query("BEGIN IMMEDIATE").execute(&mut self.connection).await?;
        let mut group = Group::new(&mut self.connection, &self.context, &mut self.texts, careful);
        group.load(batch).await?;
        let mut results = Vec::with_capacity(batch.len());
        for command in batch {
            results.push(match group.run(command).await {
                Ok(reply) => Ok(reply),
                Err(Fault::Refused(refusal)) => Err(refusal),
                Err(Fault::Sql(error)) => return Err(error.into()),
            });
        }
        group.flush().await?;
        let fault = self.context.options.faults.take();
        match fault {
            Some(FaultPoint::BeforeCommit) => return Err(Broken::Undone("a fault on order".to_owned())),
            Some(FaultPoint::InCommit) => return Err(Broken::Unknown("a fault on order".to_owned())),
            Some(FaultPoint::AfterCommit) | None => {}
        }
        let commit = sqlx::query("COMMIT").execute(&mut self.connection).await;
        match (commit, fault) {
            (Err(error), _) => Err(Broken::Unknown(error.to_string())),
            (Ok(_), Some(_)) => Err(Broken::Unknown("a fault on order".to_owned())),
            (Ok(_), None) => Ok(results),
        }
    }
}

impl Engine for SqlEngine {
    async fn execute(&mut self, batch: Vec<StoreCommand>) -> Vec<StoreResult> {
        match self.attempt(&batch, false).await {
            Ok(results) => return results,
            Err(Broken::Unknown(text)) => return vec![Err(unknown_outcome(&text)); batch.len()],
            Err(Broken::Undone(text)) if batch.len() == 1 => return vec![Err(store_failed(&text))],
            Err(Broken::Undone(text) | Broken::Rule(text)) => {
                tracing::warn!(error = %text, commands = batch.len(), "a group failed; its commands are done one by one");
            }
        }
        let mut results = Vec::with_capacity(batch.len());
        for command in &batch {
            results.push(match self.attempt(std::slice::from_ref(command), true).await {
                Ok(mut single) => single.pop().unwrap_or(Ok(StoreReply::Done)),
                Err(Broken::Unknown(text)) => Err(unknown_outcome(&text)),
                Err(Broken::Undone(text) | Broken::Rule(text)) => Err(store_failed(&text)),
            });
        }
        results
    }

    async fn close(mut self) {
        // Readers still hold the log while they are open, so a part of it may stay for the next start to copy.
        let _ = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut self.connection).await;
        if let Err(error) = self.connection.close().await {
            tracing::error!(%error, "the database did not close in good order");
        }
    }
}

/// What the caller hears of a database error; the details are for the log.
pub(crate) fn store_failed(text: &str) -> Refusal {
    tracing::error!(error = %text, "the database failed");
    Code::StoreFailed.into()
}

fn unknown_outcome(text: &str) -> Refusal {
    tracing::error!(error = %text, "a commit failed and may have been written");
    unknown("the database failed in the commit")
}
