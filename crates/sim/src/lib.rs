//! The simulator: a whole realm as values on one thread, on virtual time, under faults that a seed decides.
//!
//! It exists to try the laws of the platform in more orders of events than any machine would show: the roles run
//! unmodified, while everything around them (bus, links, store, connections, players) is a model here. What must hold:
//! a seed says everything, so a run can be repeated exactly; the checkers of the laws see only what the store did and
//! what clients noted, never the inside of a role. A law that breaks ends the run with its name and the virtual time.
//! It must not know how a role works: it knows [`kuafu_node::Role`] and the contracts.

pub mod cli;
mod client;
mod game;
mod laws;
mod logic;
mod model;
mod part;
mod plan;
mod post;
mod queue;
mod realm;
mod trace;

pub use game::{AVATAR, COINS, GEMS, PURSE, definitions};
pub use laws::Breach;
pub use model::{Broken, Model};
pub use plan::{Plan, Workload};
pub use realm::{Report, run};
