//! Carries envelopes and link frames between role instances.
//!
//! [`LocalBus`] joins the roles of one process. In strict mode it treats them as if they were not in one: every envelope
//! is encoded and decoded, delivered late, and notices are lost now and then, so that one process hides nothing.

mod local;
mod strict;

pub use local::{Delivery, Inbox, LocalBus, Overflow};
pub use strict::{StrictError, Strictness};
