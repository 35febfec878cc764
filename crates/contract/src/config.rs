//! The config role keeps the releases of game logic: it stages, activates and takes back.
//!
//! Beside what it is asked, this is how it tells of releases: [`Event`]s for the terminal, the log and the console, and
//! a [`Status`] that the console shows.

use std::sync::Arc;

use kuafu_core::WallTime;
use serde::{Deserialize, Serialize};

use crate::Address;

/// What it is asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Request {
    /// A base or a cell runs, with this release: it is told of the next ones, and of the present one if that differs.
    /// A notice, once a second and when it starts.
    Running {
        /// Who.
        from: Address,
        /// What it runs.
        release: u64,
        /// Errors in logic since that release was activated there.
        faults: u64,
        /// The first of them, for people; empty when there was none.
        first_fault: String,
    },
    /// Which release runs now, and this part of its bytes? Who is told another release in the middle starts anew.
    Current {
        /// Counts from 0; see [`crate::logic::part_of`].
        part: u32,
    },
}

/// What it answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Reply {
    /// To `Current`.
    Release {
        /// Its number.
        release: u64,
        /// Which part this is.
        part: u32,
        /// How many there are.
        parts: u32,
        /// Logic and data tables, for the host alone to read.
        bytes: Arc<[u8]>,
    },
}

/// What became of a release, or of what might have become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EventKind {
    /// It runs on every base and cell; or, when there is a text, on all but those that it names.
    Activated,
    /// The saved files have problems; nothing was changed.
    Refused,
    /// A base or a cell could not load it; nothing was changed.
    GivenUp,
    /// It made too many errors: the one before runs again.
    RolledBack,
    /// It is, to the byte, one that was rolled back; nothing was changed.
    KnownBad,
    /// The saved files come to the same as what runs.
    Unchanged,
    /// Files were changed that are read at the start only.
    RestartNeeded,
}

impl EventKind {
    /// The name for programs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Activated => "activated",
            Self::Refused => "refused",
            Self::GivenUp => "given-up",
            Self::RolledBack => "rolled-back",
            Self::KnownBad => "known-bad",
            Self::Unchanged => "unchanged",
            Self::RestartNeeded => "restart-needed",
        }
    }
}

/// Something in a file that keeps it from running.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Path within the project.
    pub file: String,
    /// From 1.
    pub line: u32,
    /// From 1.
    pub column: u32,
    /// What it is, in one word for programs.
    pub code: String,
    /// What stands there.
    pub message: String,
    /// What would be right.
    pub help: String,
}

/// Something that happened to releases.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When.
    pub at: WallTime,
    /// What.
    pub kind: EventKind,
    /// The release it is about; 0 when it got no number. For `RolledBack` the bad one.
    pub release: u64,
    /// What runs now.
    pub present: u64,
    /// The files that were changed, as paths within the project, at most [`Event::CHANGED_MAX`].
    pub changed: Vec<String>,
    /// How many further ones there are.
    pub changed_more: u32,
    /// How long loading and checking the project took, in milliseconds.
    pub checked_ms: u64,
    /// How long it took after that until it ran everywhere, in milliseconds.
    pub took_ms: u64,
    /// Why, for people; may be empty.
    pub text: String,
    /// What is wrong with the files, at most [`Event::PROBLEMS_MAX`].
    pub problems: Vec<Problem>,
    /// How many further ones there are.
    pub problems_more: u32,
}

impl Event {
    /// The most files that an event names.
    pub const CHANGED_MAX: usize = 20;
    /// The most problems that an event tells.
    pub const PROBLEMS_MAX: usize = 20;
    /// The longest text, in bytes.
    pub const TEXT_BYTES_MAX: usize = 2_048;
}

/// Who runs what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Runner {
    /// Whose logic.
    pub address: Address,
    /// The release that it runs.
    pub release: u64,
    /// Errors in logic since then.
    pub faults: u64,
    /// Why it does not run the present one, when it said so; else empty.
    pub trouble: String,
}

/// All that the config role knows of releases.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Whose status.
    pub from: Address,
    /// The present release.
    pub release: u64,
    /// Since when.
    pub since: WallTime,
    /// The files in which it differs from the one before; empty for the one that the game started with.
    pub changed: Vec<String>,
    /// How many further ones there are.
    pub changed_more: u32,
    /// The one that would run again if the present one made too many errors.
    pub previous: Option<u64>,
    /// The one that is being loaded beside the present one.
    pub staging: Option<u64>,
    /// Bases and cells, sorted by address, at most [`Status::RUNNERS_MAX`].
    pub runners: Vec<Runner>,
    /// What was changed on disk and takes effect at the next start only; empty when nothing was.
    pub restart_needed: Vec<String>,
    /// What happened, the newest first, at most [`Status::EVENTS_MAX`].
    pub events: Vec<Event>,
}

impl Status {
    /// The most events that are kept.
    pub const EVENTS_MAX: usize = 20;
    /// The most bases and cells that are listed.
    pub const RUNNERS_MAX: usize = 256;
}
