//! Many clients that play a running game, and check what they see.
//!
//! They exist to load a server and to catch it lying. Each bot is a real client over a real socket; what bots know of
//! themselves is the truth that the views of all others are held against ([`check`]). What must hold: a check counts
//! only what lasts and what no rounding or latency explains, bots cost little beside the server, and a run ends by
//! itself whatever the server does. It knows the client and the console's documents, nothing of the server's crates.

mod bot;
pub mod check;
mod console;
mod enter;
mod error;
mod habit;
pub mod ledger;
pub mod plan;
mod report;
mod run;
mod settings;
mod stage;
mod tally;
pub mod truth;
mod walk;

pub use console::{ConsoleAddress, Game, ServerNumbers, TickTimes};
pub use error::BotsError;
pub use kuafu_client::Transport;
pub use plan::Formation;
pub use report::{CpuPerTick, Details, InView, Report};
pub use run::{Progress, run};
pub use settings::{BOTS_MAX, Settings};
pub use stage::Phase;
pub use tally::Percentiles;
