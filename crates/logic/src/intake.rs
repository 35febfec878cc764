//! How a base or a cell takes releases: the messages of [`kuafu_contract::logic`] applied to its [`LogicHost`].
//!
//! The role calls this between ticks or turns only, and settles what logic did afterwards. Everything here may be asked
//! twice with the same outcome, because an answer can be lost. It does not know who asks, nor what a release holds.

use std::sync::Arc;

use kuafu_contract::Address;
use kuafu_contract::config;
use kuafu_contract::logic::{Intake, Reply, Request};
use kuafu_core::{Code, Now, Refusal};

use crate::{Fault, LogicHost, Release};

/// The longest text of a fault that is reported, in bytes.
const FAULT_BYTES_MAX: usize = 1_024;

/// The releases of one role's logic.
#[derive(Debug)]
pub struct Releases {
    intake: Intake,
    /// Loaded beside the running one.
    staged: Option<u64>,
    first_fault: String,
    bytes_max: usize,
}

impl Releases {
    /// Nothing is staged. Releases have at most `bytes_max` bytes (`release_bytes_max`).
    #[must_use]
    pub fn new(bytes_max: u32) -> Self {
        Self { intake: Intake::default(), staged: None, first_fault: String::new(), bytes_max: bytes_max as usize }
    }

    /// Does what is asked.
    ///
    /// # Errors
    /// Refused when the host cannot load the release; Stale when a part is missing, or the release is not there;
    /// NotAllowed for what is no part of a release.
    pub fn handle(&mut self, now: Now, host: &mut dyn LogicHost, request: Request) -> Result<Reply, Refusal> {
        match request {
            Request::Stage { release, part, parts, bytes } => self.stage(host, release, (part, parts), &bytes),
            Request::Activate { release } => self.activate(now, host, release),
            Request::Discard { release } => {
                self.discard(host, release);
                Ok(Reply::Taken)
            }
            Request::Evaluate { .. } | Request::Profile { .. } | Request::Heap | Request::Entities { .. } => {
                Err(Code::NotAllowed.into())
            }
        }
    }

    fn stage(
        &mut self,
        host: &mut dyn LogicHost,
        release: u64,
        part: (u32, u32),
        bytes: &Arc<[u8]>,
    ) -> Result<Reply, Refusal> {
        if self.staged == Some(release) || host.release() == release {
            return Ok(Reply::Staged);
        }
        let Some(bytes) = self.intake.take(release, part, bytes, self.bytes_max)? else { return Ok(Reply::Taken) };
        // One at a time: the notice that it is not wanted any more may have been lost.
        if let Some(other) = self.staged.take() {
            host.discard(other);
        }
        host.stage(&Release { no: release, bytes }).map_err(|why| Refusal::new(Code::Refused, why))?;
        self.staged = Some(release);
        Ok(Reply::Staged)
    }

    fn activate(&mut self, now: Now, host: &mut dyn LogicHost, release: u64) -> Result<Reply, Refusal> {
        if host.release() != release {
            let activated = host.activate(now, release);
            if self.staged == Some(release) {
                self.staged = None;
            }
            activated.map_err(|why| Refusal::new(Code::Stale, why))?;
            self.first_fault.clear();
        }
        Ok(Reply::Activated)
    }

    fn discard(&mut self, host: &mut dyn LogicHost, release: u64) {
        if self.staged == Some(release) {
            self.staged = None;
            host.discard(release);
        }
    }

    /// Keeps the first error since the present release was activated.
    pub fn note_fault(&mut self, fault: &Fault) {
        if self.first_fault.is_empty() {
            let mut text = format!("{}.{}: {}", fault.type_name, fault.entry, fault.message);
            text.truncate(text.floor_char_boundary(FAULT_BYTES_MAX));
            self.first_fault = text;
        }
    }

    /// What the config role is told once a second; `None` for logic that is compiled in.
    #[must_use]
    pub fn running(&self, from: Address, host: &dyn LogicHost) -> Option<config::Request> {
        let release = Some(host.release()).filter(|release| *release != 0)?;
        let faults = host.counters().release_faults;
        let first_fault = if faults > 0 { self.first_fault.clone() } else { String::new() };
        Some(config::Request::Running { from, release, faults, first_fault })
    }
}

#[cfg(test)]
mod tests;
