//! What the role is told: at its start, and by the watcher of the project's files.

use std::sync::Arc;

use kuafu_contract::Address;
use kuafu_contract::config::Problem;
use kuafu_core::Limits;

/// What it is told when it is made.
#[derive(Clone, Debug)]
pub struct ConfigSettings {
    /// Its own address.
    pub address: Address,
    /// The named bounds; see the section on releases.
    pub limits: Limits,
    /// The release that bases and cells start with: number 1.
    pub first: Arc<[u8]>,
}

/// What the watcher brings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum In {
    /// The saved files make a release.
    Saved(Saved),
    /// The saved files have problems.
    Refused {
        /// The files that were changed since the last set that had none.
        changed: Vec<String>,
        /// What is wrong, all of it.
        problems: Vec<Problem>,
    },
    /// What was changed on disk since the start and takes effect at the next start only; empty when it was taken back.
    RestartNeeded {
        /// Files and settings, for people.
        what: Vec<String>,
    },
}

/// A set of files that was compiled and checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    /// The release. Equal files make equal bytes.
    pub bytes: Arc<[u8]>,
    /// The files that were changed since the last set, as paths within the project.
    pub changed: Vec<String>,
    /// How long loading and checking took, in milliseconds.
    pub checked_ms: u64,
}
