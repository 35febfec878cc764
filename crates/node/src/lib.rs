//! Runs a role: its thread, mailbox, deadlines, timers and drain. It does not know which role.
//!
//! A [`Role`] is a value without I/O. The driver feeds it [`Input`]s one at a time, drains its [`Output`]s after each,
//! and carries them: calls and notices over the bus, frames over links, everything else to the role's own executor.

pub mod counters;
pub mod links;
pub mod role;

pub use counters::Counters;
pub use links::{LinkReceiver, LinkSender, Received};
pub use role::{CallBook, CallRef, Input, Output, Role};
