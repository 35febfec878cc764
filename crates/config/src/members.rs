//! The bases and cells that run logic: what each has, and the next step that brings it to where it should be.
//!
//! One call is open to a member at a time. What is believed of a member may be wrong, because answers get lost; every
//! step may be asked twice, and a step that finds the member elsewhere is refused as Stale, which corrects the belief.

use kuafu_contract::{Outcome, Reply, logic};
use kuafu_core::{Code, Moment};

use crate::set::Held;

/// One base or cell.
#[derive(Clone, Debug, Default)]
pub(crate) struct Member {
    /// What it runs.
    pub(crate) runs: u64,
    /// Errors in logic since then.
    pub(crate) faults: u64,
    /// The first of them.
    pub(crate) first_fault: String,
    /// When it was heard of last.
    pub(crate) heard: Moment,
    /// What it has loaded beside.
    pub(crate) staged: Option<u64>,
    /// What ran there before and can run again without being loaded.
    pub(crate) kept: Option<u64>,
    /// How many parts of a release it has.
    pub(crate) parts: (u64, u32),
    /// A call is open.
    pub(crate) asked: bool,
    /// Nothing is asked before.
    pub(crate) rest_until: Moment,
    /// Why the last step failed, for people.
    pub(crate) trouble: String,
}

/// What a member is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Stage { release: u64, part: u32 },
    Activate { release: u64 },
}

/// How a step ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// It is done, or is to be asked again.
    Well,
    /// Worth another try after a pause.
    Again,
    /// The member cannot load this release; the reason.
    Cannot(String),
    /// There is no such member.
    Gone,
}

impl Member {
    /// The next step towards `candidate`, which is being staged, and `present`, which is to run.
    pub(crate) fn next_step(&self, present: &Held, candidate: Option<&Held>) -> Option<Step> {
        let has = |release: u64| self.staged == Some(release) || self.kept == Some(release);
        if self.runs != present.no && has(present.no) {
            return Some(Step::Activate { release: present.no });
        }
        let wanted = match candidate {
            Some(candidate) if self.staged != Some(candidate.no) => candidate.no,
            None if self.runs != present.no => present.no,
            _ => return None,
        };
        let (release, part) = self.parts;
        Some(Step::Stage { release: wanted, part: if release == wanted { part } else { 0 } })
    }

    /// Takes the end of a step.
    pub(crate) fn end_step(&mut self, step: Step, outcome: Outcome) -> Ended {
        self.asked = false;
        match (step, outcome) {
            (Step::Stage { release, part }, Outcome::Value(Reply::Logic(logic::Reply::Taken))) => {
                self.parts = (release, part + 1);
                Ended::Well
            }
            (Step::Stage { release, .. }, Outcome::Value(Reply::Logic(logic::Reply::Staged))) => {
                self.staged = Some(release);
                self.parts = (0, 0);
                self.trouble.clear();
                Ended::Well
            }
            (Step::Activate { release }, Outcome::Value(Reply::Logic(logic::Reply::Activated))) => {
                if self.runs != release {
                    self.kept = Some(self.runs);
                    self.runs = release;
                    self.forget_faults();
                }
                self.staged.take_if(|staged| *staged == release);
                self.trouble.clear();
                Ended::Well
            }
            (_, Outcome::Unknown) => {
                self.trouble = "no answer in time".to_owned();
                Ended::Again
            }
            (_, Outcome::Refused(refusal)) => self.refused(step, refusal.code, &refusal.text),
            (_, Outcome::Value(_)) => {
                self.trouble = "an answer to something else".to_owned();
                Ended::Again
            }
        }
    }

    fn refused(&mut self, step: Step, code: Code, text: &str) -> Ended {
        text.clone_into(&mut self.trouble);
        match (code, step) {
            (Code::Unavailable, _) => Ended::Gone,
            (Code::Stale, Step::Stage { .. }) => {
                self.parts = (0, 0);
                Ended::Again
            }
            (Code::Stale, Step::Activate { .. }) => {
                (self.staged, self.kept) = (None, None);
                Ended::Well
            }
            (Code::Busy, _) | (_, Step::Activate { .. }) => Ended::Again,
            (_, Step::Stage { .. }) => Ended::Cannot(self.trouble.clone()),
        }
    }

    pub(crate) fn forget_faults(&mut self) {
        self.faults = 0;
        self.first_fault.clear();
    }
}
