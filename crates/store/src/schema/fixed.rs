//! The tables that every data folder has, the version of the file, and how an older one becomes this one.
//!
//! `owners.holder` and `sessions.placed_base` are 0 for nobody. An owner row outlives a release, and for records with
//! the ids of roles also a deletion, so that epochs never fall. `owners.newborn` tells what of an entity's first state
//! was not saved yet: 1 its base part's, 2 its cell part's. `stored_columns.least` is what a column's constraint says.

use sqlx::SqliteConnection;

/// The version that this program writes.
pub(crate) const VERSION: i64 = 2;

const TABLES: &str = "
CREATE TABLE schema_version (version INTEGER NOT NULL);
CREATE TABLE incarnations (
    incarnation INTEGER PRIMARY KEY AUTOINCREMENT, role TEXT NOT NULL, started_at INTEGER NOT NULL);
CREATE TABLE owners (
    ty INTEGER NOT NULL, record INTEGER NOT NULL, holder INTEGER NOT NULL, epoch INTEGER NOT NULL,
    newborn INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (ty, record)) WITHOUT ROWID;
CREATE TABLE counters (name TEXT PRIMARY KEY, used INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE operations (id BLOB PRIMARY KEY, at INTEGER NOT NULL, result BLOB NOT NULL) WITHOUT ROWID;
CREATE INDEX operations_at ON operations (at);
CREATE TABLE accounts (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, name_key TEXT NOT NULL UNIQUE,
    hash TEXT NOT NULL, created_at INTEGER NOT NULL);
CREATE TABLE roles (
    id INTEGER PRIMARY KEY, account INTEGER NOT NULL REFERENCES accounts (id), realm INTEGER NOT NULL,
    name TEXT NOT NULL, name_key TEXT NOT NULL UNIQUE, created_at INTEGER NOT NULL,
    deleted_at INTEGER NOT NULL DEFAULT 0);
CREATE INDEX roles_account ON roles (account);
CREATE INDEX roles_deleted ON roles (deleted_at) WHERE deleted_at > 0;
CREATE TABLE sessions (
    account INTEGER PRIMARY KEY REFERENCES accounts (id), epoch INTEGER NOT NULL, role INTEGER NOT NULL,
    open INTEGER NOT NULL, placed_base INTEGER NOT NULL, placed_role INTEGER NOT NULL, placed_epoch INTEGER NOT NULL);
CREATE TABLE stored_columns (
    table_name TEXT NOT NULL, property TEXT NOT NULL, column_name TEXT NOT NULL, shape TEXT NOT NULL,
    least INTEGER, PRIMARY KEY (table_name, property)) WITHOUT ROWID;
";

/// What makes a file of version `n` one of version `n + 1`, from version 1.
///
/// 1: an answer to a commit has a list more at its end, which is empty in those that are kept.
const UPGRADES: [&str; VERSION as usize - 1] = ["
ALTER TABLE owners ADD COLUMN newborn INTEGER NOT NULL DEFAULT 0;
ALTER TABLE stored_columns ADD COLUMN least INTEGER;
UPDATE operations SET result = unhex(hex(result) || '00');
"];

/// What the file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// No tables yet.
    Empty,
    /// Ours, of this version.
    Version(i64),
    /// Tables, but none that tells a version.
    Foreign,
}

/// Looks what the file is; changes nothing.
pub(crate) async fn inspect(connection: &mut SqliteConnection) -> Result<Found, sqlx::Error> {
    let tables: i64 = sqlx::query_scalar("SELECT count(*) FROM sqlite_master WHERE type = 'table'")
        .fetch_one(&mut *connection)
        .await?;
    if tables == 0 {
        return Ok(Found::Empty);
    }
    let ours: i64 = sqlx::query_scalar("SELECT count(*) FROM sqlite_master WHERE name = 'schema_version'")
        .fetch_one(&mut *connection)
        .await?;
    if ours == 0 {
        return Ok(Found::Foreign);
    }
    let version: Option<i64> =
        sqlx::query_scalar("SELECT version FROM schema_version").fetch_optional(connection).await?;
    Ok(version.map_or(Found::Foreign, Found::Version))
}

/// Brings the tables of an older file to this version. To be run in a transaction.
pub(crate) async fn upgrade(connection: &mut SqliteConnection, from: i64) -> Result<(), sqlx::Error> {
    let done = usize::try_from(from).unwrap_or_default().saturating_sub(1);
    for step in UPGRADES.iter().skip(done) {
        sqlx::raw_sql(*step).execute(&mut *connection).await?;
    }
    sqlx::query("UPDATE schema_version SET version = ?1").bind(VERSION).execute(connection).await?;
    Ok(())
}

/// Makes all tables of a new file.
pub(crate) async fn create(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(TABLES).execute(&mut *connection).await?;
    sqlx::query("INSERT INTO schema_version (version) VALUES (?1)").bind(VERSION).execute(connection).await?;
    Ok(())
}
