//! Game logic in Luau: the host that a base or a cell enters with hooks, calls and timers.
//!
//! One virtual machine serves all entities of its role. Scripts work on properties through proxies (`prelude/proxy.luau`)
//! that check what is written and note every edit (`prelude/journal.luau`); what they want done leaves as effects. A script cannot reach files,
//! clocks or sockets, cannot see another machine, and is stopped when it spends more than its budget of steps or
//! memory; the rest of the game runs on. This crate knows nothing of roles, clients or the database.

mod bind;
mod budget;
mod changes;
mod class;
mod convert;
mod create;
mod error;
mod host;
mod run;
mod schema;
mod set;
mod shared;
mod timers;
mod vm;

pub use error::ScriptError;
pub use host::{HostConfig, ScriptHost};
pub use set::{Script, ScriptSet};
