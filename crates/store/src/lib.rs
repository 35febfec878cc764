//! The store: durable state of a region in one SQLite file, behind commands and results.
//!
//! Roles hold no database: `db` and `accounts` put [`StoreCommand`]s out, an executor hands them to a [`StoreHandle`],
//! and each ends in exactly one [`StoreResult`]. [`Engine`] is what stands behind a handle, so that a model in memory
//! can take the place of SQL in the simulator.
//!
//! What must hold: an answer that says "done" is given after the synced commit; a write goes in only under the newest
//! epoch of its owner record ([`kuafu_owner`]); a record of which nothing was saved says so to whoever claims it; an
//! item is in one record; an operation id takes effect once; one process at a time works on a
//! data folder, so owners from before it started are dead. Values are always bound, names of tables and columns always
//! quoted by the query builder. Nothing here knows of roles, clients or scripts.

mod command;
mod engine;
mod error;
mod executor;
mod folder;
mod query;
mod schema;
mod sql;
mod store;
mod value;

pub use command::{AccountCommand, Engine, FoundAccount, StoreCommand, StoreReply, StoreResult, Ticket};
pub use engine::faults::{FaultPoint, Faults};
pub use error::{SchemaProblem, StoreError};
pub use executor::{Executor, GROUP_COMMANDS_MAX, GROUP_WRITES_MAX, QUEUED_COMMANDS_MAX, StoreHandle, StoreStats};
pub use query::{Queries, QueryAnswer, QueryError, QueryValue};
pub use store::{DATABASE_FILE, RECORDS_PER_REALM, SCHEMA_VERSION, Store, StoreOptions};
