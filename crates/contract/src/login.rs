//! The login role answers clients; other roles only tell it things.

use serde::{Deserialize, Serialize};

/// What a login is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Request {
    /// A base has room again: look at the queue.
    SeatsFree,
}
