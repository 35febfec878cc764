//! Opens a data folder: lock, file, version, tables, connections, tasks.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use kuafu_contract::RoleKind;
use kuafu_core::{Incarnation, Limits, RealmNo, Refusal, TypeNo, WallTime};
use kuafu_def::Definitions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, SqliteConnection};
use tokio::runtime::Handle;

use crate::engine::faults::Faults;
use crate::engine::live::Live;
use crate::engine::{Context, SqlEngine, SqlReader};
use crate::executor::unknown;
use crate::folder::DataFolder;
use crate::query::{Queries, QueryAnswer, QueryError};
use crate::schema::Tables;
use crate::schema::extend::{ExtendError, extend};
use crate::schema::fixed::{self, Found, VERSION};
use crate::{Executor, StoreCommand, StoreError, StoreHandle, StoreReply};

/// The database's file in the data folder.
pub const DATABASE_FILE: &str = "region.db";

/// The version of the file that this program writes, and the newest that it reads; an older file becomes one of it.
pub const SCHEMA_VERSION: i64 = VERSION;

/// How many records of one type, roles aside, one realm can make: ids are `realm × this + sequence`.
pub const RECORDS_PER_REALM: u64 = 1_000_000_000;

/// Statements that a connection keeps prepared.
const PREPARED_STATEMENTS_MAX: usize = 512;

/// How long a statement waits for another connection.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Pages of the write-ahead log after which it is copied into the file: 64 MiB, so that pages that are written again
/// and again are copied once.
const CHECKPOINT_PAGES: &str = "16384";

/// Memory for pages of one connection, in KiB (negative, as SQLite wants it).
const CACHE_KIB: &str = "-65536";

/// Rows of incarnations that are kept for people to look at.
const INCARNATIONS_KEPT: i64 = 10_000;

/// How a store works.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// The entity type that players play: its records have the ids of roles.
    pub role_type: Option<TypeNo>,
    /// In which realm records are made.
    pub realm: RealmNo,
    /// Connections for reads; without any the writer reads too.
    pub readers: usize,
    /// What values may be.
    pub limits: Limits,
    /// Where commits fail; for tests.
    pub faults: Faults,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self { role_type: None, realm: RealmNo(1), readers: 2, limits: Limits::default(), faults: Faults::default() }
    }
}

/// An open data folder.
#[derive(Debug)]
pub struct Store {
    handle: StoreHandle,
    executor: Executor,
    file: PathBuf,
    queries: Queries,
}

impl Store {
    /// Opens the folder, or makes it; its tables are brought to the definitions. All owners from before are dead.
    /// Must be called within a tokio runtime, whose tasks then carry the store.
    ///
    /// # Errors
    /// [`StoreError`] when another process works on it, the file is damaged, foreign or newer, or the definitions do
    /// not fit what is stored.
    pub async fn open(path: &Path, definitions: Arc<Definitions>, options: StoreOptions) -> Result<Self, StoreError> {
        let folder = Arc::new(DataFolder::lock(path)?);
        let file = folder.file(DATABASE_FILE);
        let opening = Opening { folder: &folder, file: &file };
        let mut connection = opening.connect(false).await?;
        let tables = opening.prepare(&mut connection, &definitions, options.role_type).await?;
        let mut readers = Vec::new();
        let context = Arc::new(Context { tables, live: Live::default(), options, folder: folder.clone() });
        for _ in 0..context.options.readers {
            readers.push(SqlReader::new(opening.connect(true).await?, context.clone()));
        }
        let writer = SqlEngine::new(connection, context);
        let (handle, executor) = Executor::start(&Handle::current(), writer, readers);
        let queries = Queries::new(&file, folder);
        Ok(Self { handle, executor, file, queries })
    }

    /// Where commands go in.
    #[must_use]
    pub fn handle(&self) -> StoreHandle {
        self.handle.clone()
    }

    /// Where queries of the game's own go in.
    #[must_use]
    pub fn queries(&self) -> Queries {
        self.queries.clone()
    }

    /// The rows of one query of the game's own: see [`Queries::rows`].
    ///
    /// # Errors
    /// [`QueryError`], which says what to change.
    pub async fn query_rows(&self, sql: &str, limits: &Limits) -> Result<QueryAnswer, QueryError> {
        self.queries.rows(sql, limits).await
    }

    /// The database's file.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// The number of a new life of a role instance.
    ///
    /// # Errors
    /// The refusal of the store.
    pub async fn next_incarnation(&self, role: RoleKind, at: WallTime) -> Result<Incarnation, Refusal> {
        match self.handle.execute(StoreCommand::NextIncarnation { role, at }).await? {
            StoreReply::Incarnation(incarnation) => Ok(incarnation),
            _ => Err(unknown("the store answered something else")),
        }
    }

    /// Finishes what waits, copies the write-ahead log into the file and unlocks the folder.
    pub async fn close(self) {
        let Self { handle, executor, .. } = self;
        drop(handle);
        executor.close().await;
    }
}

struct Opening<'a> {
    folder: &'a DataFolder,
    file: &'a Path,
}

impl Opening<'_> {
    async fn connect(&self, read_only: bool) -> Result<SqliteConnection, StoreError> {
        let mut options = SqliteConnectOptions::new()
            .filename(self.file)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT)
            .statement_cache_capacity(PREPARED_STATEMENTS_MAX)
            .pragma("cache_size", CACHE_KIB)
            .disable_statement_logging();
        options = if read_only {
            options.read_only(true)
        } else {
            options.create_if_missing(true).pragma("wal_autocheckpoint", CHECKPOINT_PAGES)
        };
        options.connect().await.map_err(|error| self.failed(error))
    }

    async fn prepare(
        &self,
        connection: &mut SqliteConnection,
        definitions: &Definitions,
        role_type: Option<TypeNo>,
    ) -> Result<Tables, StoreError> {
        let found = fixed::inspect(connection).await.map_err(|error| self.failed(error))?;
        match found {
            Found::Foreign => return Err(StoreError::Foreign { file: self.file.to_owned() }),
            Found::Version(found) if found > VERSION => {
                return Err(StoreError::NewerVersion { folder: self.folder.path().to_owned(), found, known: VERSION });
            }
            Found::Empty | Found::Version(_) => {}
        }
        // Only now: this changes the file, which must be known to be ours.
        sqlx::query("PRAGMA journal_mode = WAL").execute(&mut *connection).await.map_err(|error| self.failed(error))?;
        sqlx::query("BEGIN IMMEDIATE").execute(&mut *connection).await.map_err(|error| self.failed(error))?;
        let tables = self.bring_up(connection, definitions, role_type, found).await;
        let end = if tables.is_ok() { "COMMIT" } else { "ROLLBACK" };
        sqlx::query(end).execute(connection).await.map_err(|error| self.failed(error))?;
        tables
    }

    async fn bring_up(
        &self,
        connection: &mut SqliteConnection,
        definitions: &Definitions,
        role_type: Option<TypeNo>,
        found: Found,
    ) -> Result<Tables, StoreError> {
        let ready = match found {
            Found::Version(VERSION) => Ok(()),
            Found::Version(older) => fixed::upgrade(connection, older).await,
            Found::Empty | Found::Foreign => fixed::create(connection).await,
        };
        ready.map_err(|error| self.failed(error))?;
        sqlx::query("DELETE FROM incarnations WHERE incarnation < (SELECT max(incarnation) FROM incarnations) - ?1")
            .bind(INCARNATIONS_KEPT)
            .execute(&mut *connection)
            .await
            .map_err(|error| self.failed(error))?;
        extend(connection, definitions, role_type).await.map_err(|error| match error {
            ExtendError::Problems(problems) => StoreError::Definitions { problems },
            ExtendError::Sql(error) => self.failed(error),
        })
    }

    fn failed(&self, source: sqlx::Error) -> StoreError {
        const SQLITE_CORRUPT: i64 = 11;
        const SQLITE_NOTADB: i64 = 26;
        let code = source.as_database_error().and_then(|error| error.code()?.parse::<i64>().ok());
        // Extended codes keep the plain code in their lowest byte.
        if matches!(code.map(|code| code & 0xff), Some(SQLITE_CORRUPT | SQLITE_NOTADB)) {
            StoreError::Damaged { file: self.file.to_owned(), message: source.to_string() }
        } else {
            StoreError::Sql { file: self.file.to_owned(), source }
        }
    }
}
