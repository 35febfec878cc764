//! Game logic in Luau: the host that a base or a cell enters with hooks, calls and timers.
//!
//! One virtual machine serves all entities of its role. Scripts work on properties through proxies (`prelude/proxy.luau`)
//! that check what is written and note every edit (`prelude/journal.luau`); what they want done leaves as effects. A
//! script cannot reach files, clocks or sockets, cannot see another machine, and is stopped when it spends more than its
//! budget of steps or memory; the rest of the game runs on. The scripts and data tables of a game are exchanged as one
//! release while it runs (`reload.rs`). This crate knows nothing of roles, clients or the database.

mod bind;
mod budget;
mod changes;
mod class;
mod compose;
mod convert;
mod create;
mod data;
mod debug;
mod directory;
mod entry;
mod error;
mod host;
mod http;
mod load;
mod profile;
mod reload;
mod render;
mod run;
mod schema;
mod set;
mod shared;
mod tasks;
mod trace;
mod vm;
mod waits;
mod wide;

pub use error::ScriptError;
pub use host::{HostConfig, ScriptHost};
pub use set::{Script, ScriptKind, ScriptSet};
