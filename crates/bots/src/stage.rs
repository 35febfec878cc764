//! What all bots of a run share: the phase, the truth, the counts.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use kuafu_core::Moment;
use tokio::sync::{Semaphore, watch};
use tokio::time::Instant;

use crate::check::Referee;
use crate::enter::Entrance;
use crate::plan::Plan;
use crate::settings::Settings;
use crate::tally::Tally;

/// How many bots log in or leave at once.
const DOORS: usize = 64;

/// How far a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Bots log in.
    Ramp,
    /// They walk to their places.
    WarmUp,
    /// What they see counts.
    Measure,
    /// They leave, log in once more, and look for what they were told is saved.
    Audit,
}

/// Shared by all tasks of a run.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) settings: Settings,
    pub(crate) entrance: Entrance,
    pub(crate) plan: Plan,
    pub(crate) referee: Referee,
    pub(crate) phase: watch::Sender<Phase>,
    pub(crate) doors: Semaphore,
    /// Bots that came in.
    pub(crate) logged_in: AtomicU32,
    /// Bots that stand in the space now.
    pub(crate) online: AtomicU32,
    /// Bots that have been at their spots.
    pub(crate) arrived: AtomicU32,
    /// Bots that have been looked after at the end.
    pub(crate) audited: AtomicU32,
    /// When the last bot came in, as a moment.
    pub(crate) last_in: AtomicU64,
    /// When the run began: moments count from here.
    zero: Instant,
    tally: Mutex<Tally>,
}

impl Stage {
    pub(crate) fn new(settings: Settings, entrance: Entrance, plan: Plan, referee: Referee, zero: Instant) -> Self {
        Self {
            settings,
            entrance,
            plan,
            referee,
            phase: watch::Sender::new(Phase::Ramp),
            doors: Semaphore::new(DOORS),
            logged_in: AtomicU32::new(0),
            online: AtomicU32::new(0),
            arrived: AtomicU32::new(0),
            audited: AtomicU32::new(0),
            last_in: AtomicU64::new(0),
            zero,
            tally: Mutex::default(),
        }
    }

    /// The moment of now.
    pub(crate) fn now(&self) -> Moment {
        Moment(self.zero.elapsed().as_micros() as u64)
    }

    pub(crate) fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    /// Returns when the run has come to a phase, or further.
    pub(crate) async fn reached(&self, phase: Phase) {
        // The sender is in `self`, so the wait ends by the phase alone.
        let _ = self.phase.subscribe().wait_for(|now| *now >= phase).await;
    }

    pub(crate) fn note_login(&self) {
        self.logged_in.fetch_add(1, Ordering::Relaxed);
        self.last_in.fetch_max(self.now().0, Ordering::Relaxed);
    }
}
