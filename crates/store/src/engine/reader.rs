//! Reads on connections of their own, beside the writer: they see what is committed.

use std::sync::Arc;

use kuafu_contract::{accounts, db};
use kuafu_core::{AccountId, Code, RecordId, Refusal, TypeNo};
use sqlx::{Connection, Row, SqliteConnection};

use crate::engine::find::find_record;
use crate::engine::{Context, Fault, store_failed};
use crate::sql::{built, signed, unsigned};
use crate::{AccountCommand, Engine, FoundAccount, StoreCommand, StoreReply, StoreResult};

/// Records in one answer to Autoload; a greater limit is lowered to this.
const AUTOLOAD_RECORDS_MAX: u32 = 10_000;

/// A connection that only reads.
#[derive(Debug)]
pub(crate) struct SqlReader {
    connection: SqliteConnection,
    context: Arc<Context>,
}

impl SqlReader {
    pub(crate) fn new(connection: SqliteConnection, context: Arc<Context>) -> Self {
        Self { connection, context }
    }

    async fn run(&mut self, command: StoreCommand) -> Result<StoreReply, Fault> {
        let connection = &mut self.connection;
        match command {
            StoreCommand::Autoload { ty, after, limit } => autoload(connection, &self.context, ty, after, limit).await,
            StoreCommand::Find { ty, by } => find_record(connection, &self.context, ty, &by).await,
            StoreCommand::Account(AccountCommand::Find { key }) => find(connection, &key).await,
            StoreCommand::Account(AccountCommand::Roles { account }) => roles(connection, account).await,
            _ => Err(Refusal::new(Code::StoreFailed, "a reader cannot write").into()),
        }
    }
}

impl Engine for SqlReader {
    async fn execute(&mut self, batch: Vec<StoreCommand>) -> Vec<StoreResult> {
        let mut results = Vec::with_capacity(batch.len());
        for command in batch {
            results.push(match self.run(command).await {
                Ok(reply) => Ok(reply),
                Err(Fault::Refused(refusal)) => Err(refusal),
                Err(Fault::Sql(error)) => Err(store_failed(&error.to_string())),
            });
        }
        results
    }

    async fn close(self) {
        if let Err(error) = self.connection.close().await {
            tracing::warn!(%error, "a reading connection did not close in good order");
        }
    }
}

/// Ids of records that nobody alive owns.
pub(super) async fn autoload(
    connection: &mut SqliteConnection,
    context: &Context,
    ty: TypeNo,
    after: RecordId,
    limit: u32,
) -> Result<StoreReply, Fault> {
    let table = context.table(ty)?;
    let rows = built(&table.autoload)
        .bind(i64::try_from(after.0).unwrap_or(i64::MAX))
        .bind(i64::from(ty.0))
        .bind(context.live.json())
        .bind(i64::from(limit.min(AUTOLOAD_RECORDS_MAX)))
        .fetch_all(connection)
        .await?;
    let records = rows.iter().map(|row| row.try_get(0).map(|id| RecordId(unsigned(id)))).collect::<Result<_, _>>()?;
    Ok(StoreReply::Entity(db::Reply::Records(records)))
}

/// The account of a name.
pub(super) async fn find(connection: &mut SqliteConnection, key: &str) -> Result<StoreReply, Fault> {
    let row =
        sqlx::query("SELECT id, hash FROM accounts WHERE name_key = ?1").bind(key).fetch_optional(connection).await?;
    let found = row.map(|row| {
        Ok::<_, sqlx::Error>(FoundAccount { account: AccountId(unsigned(row.try_get(0)?)), hash: row.try_get(1)? })
    });
    Ok(StoreReply::Found(found.transpose()?))
}

/// The roles of an account, oldest first.
pub(super) async fn roles(connection: &mut SqliteConnection, account: AccountId) -> Result<StoreReply, Fault> {
    let rows = sqlx::query("SELECT id, name, deleted_at FROM roles WHERE account = ?1 ORDER BY created_at, id")
        .bind(signed(account.0))
        .fetch_all(connection)
        .await?;
    let read = |row: &sqlx::sqlite::SqliteRow| {
        let id = RecordId(unsigned(row.try_get(0)?));
        Ok::<_, sqlx::Error>(accounts::Role { id, name: row.try_get(1)?, deleted_at: unsigned(row.try_get(2)?) })
    };
    let roles = rows.iter().map(read).collect::<Result<_, _>>()?;
    Ok(StoreReply::Account(accounts::Reply::Account { account, roles }))
}
