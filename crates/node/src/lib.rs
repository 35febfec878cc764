//! Runs a role: its thread, mailbox, deadlines, timers and drain. It does not know which role.
//!
//! A [`Role`] is a value without I/O. The driver feeds it [`Input`]s one at a time, drains its [`Output`]s after each,
//! and carries them: calls and notices over the bus, frames over links, everything else to the role's own executor.

pub mod clock;
pub mod counters;
mod driver;
pub mod follower;
pub mod links;
pub mod mailbox;
pub mod measures;
pub mod node;
pub mod role;

pub use clock::SystemClock;
pub use counters::Counters;
pub use driver::Executor;
pub use follower::{Follower, Heard};
pub use links::{LinkReceiver, LinkSender, Received};
pub use mailbox::{ExternalSender, Mailbox};
pub use measures::Measures;
pub use node::{Ended, Node, RoleHandle};
pub use role::{CallBook, CallRef, Input, Output, Role};
