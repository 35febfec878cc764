//! What every role that runs game logic is asked about it: to take releases, staged first, then activated; and to be
//! looked into, by the console.
//!
//! A release can have many megabytes, and messages are bounded, so it travels in parts of [`PART_BYTES_MAX`]: the next
//! one is sent when the one before was answered.

use std::sync::Arc;
use std::time::Duration;

use kuafu_core::{Code, EntityId, Refusal};
use serde::{Deserialize, Serialize};

/// Bytes of one part of a release. Brokers take a megabyte at most unless told otherwise.
pub const PART_BYTES_MAX: usize = 512 * 1024;
/// Bytes of source that can be evaluated at once; more is refused.
pub const SOURCE_BYTES_MAX: usize = 16 * 1024;
/// Bytes of text that an evaluation gives, be it a result or an error; the rest is cut off.
pub const TEXT_BYTES_MAX: usize = 64 * 1024;
/// The longest time that can be watched at once, in milliseconds; longer is refused.
pub const PROFILE_MS_MAX: u32 = 60_000;
/// Rows of one list in an answer; further ones are left out.
pub const ROWS_MAX: usize = 200;
/// Bytes of the name of a row; the rest is cut off.
pub const NAME_BYTES_MAX: usize = 256;
/// How long an answer may take beyond the time that was to be watched.
const ANSWER_MARGIN: Duration = Duration::from_secs(5);

/// What a base or a cell is asked about its logic.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Request {
    /// Load this release beside the running one. Answered part by part; the last one when it is loaded, or refused with
    /// the reason. Refused as Stale when a part before is missing: the sender begins anew.
    Stage {
        /// Its number.
        release: u64,
        /// Which part this is, from 0.
        part: u32,
        /// How many there are.
        parts: u32,
        /// Logic and data tables, for the host alone to read.
        bytes: Arc<[u8]>,
    },
    /// Run a staged release, or the one that ran before, from the next tick on. Refused as Stale when it is neither.
    Activate {
        /// Its number.
        release: u64,
    },
    /// Forget a staged release that will not be activated. A notice.
    Discard {
        /// Its number.
        release: u64,
    },
    /// Run source as a method of an entity would run, within the budget of an entry. Refused as EntityUnknown when the
    /// entity has no part here, as ScriptFailed with the message and the stack when it failed.
    Evaluate {
        /// Whose method it is.
        entity: EntityId,
        /// Luau: an expression, or statements; at most [`SOURCE_BYTES_MAX`].
        source: String,
        /// Whether what it wrote and wanted done is done. Else it leaves nothing behind.
        keep_effects: bool,
    },
    /// Watch where steps are spent, and answer when the time is over. Refused as Busy while somebody else watches.
    Profile {
        /// For how long, in milliseconds; at most [`PROFILE_MS_MAX`].
        ms: u32,
    },
    /// What do the entities take, by type?
    Heap,
    /// Which entities have a part here? Both conditions must hold.
    Entities {
        /// Only those of this type.
        type_name: Option<String>,
        /// Only this one.
        entity: Option<EntityId>,
    },
}

impl Request {
    /// How long the answer may take, where that is not the usual deadline of calls.
    #[must_use]
    pub fn answer_within(&self) -> Option<Duration> {
        match self {
            Self::Profile { ms } => Some(Duration::from_millis(u64::from(*ms)) + ANSWER_MARGIN),
            _ => None,
        }
    }

    /// Whether it looks into logic, and is no part of a release.
    #[must_use]
    pub fn is_look(&self) -> bool {
        matches!(self, Self::Evaluate { .. } | Self::Profile { .. } | Self::Heap | Self::Entities { .. })
    }
}

/// What it answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// To `Stage`: further parts are missing.
    Taken,
    /// To `Stage`: it can be activated.
    Staged,
    /// To `Activate`: it runs.
    Activated,
    /// To `Evaluate`: what it returned, as text.
    Evaluated {
        /// At most [`TEXT_BYTES_MAX`].
        text: String,
        /// Whether there was more.
        is_cut: bool,
    },
    /// To `Profile`.
    Profile(Profile),
    /// To `Heap`: the type that takes most first.
    Heap(Vec<Heap>),
    /// To `Entities`.
    Entities {
        /// In the order of their ids, at most [`ROWS_MAX`].
        list: Vec<Entity>,
        /// How many there are.
        all: u32,
    },
}

/// Where logic spent its steps. Steps are what budgets count; they are in proportion to time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// Steps of all functions together, those that are left out too.
    pub steps: u64,
    /// The one with most steps of its own first, at most [`ROWS_MAX`].
    pub functions: Vec<Function>,
    /// The one with most steps first, at most [`ROWS_MAX`].
    pub entries: Vec<EntryPoint>,
}

/// What one function spent, from samples.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Function {
    /// File, line and name.
    pub function: String,
    /// Steps in it.
    pub own_steps: u64,
    /// Steps in it and in what it called.
    pub all_steps: u64,
}

/// What one hook, method or timer spent, counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryPoint {
    /// Type and method.
    pub entry: String,
    /// How often it was entered.
    pub times: u64,
    /// Steps of all of them.
    pub steps: u64,
    /// Steps of the longest.
    pub steps_max: u64,
}

/// What the entities of one type take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heap {
    /// The type's name.
    pub type_name: String,
    /// How many there are.
    pub entities: u64,
    /// Bytes of their properties, estimated.
    pub bytes: u64,
}

/// One entity that has a part here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entity {
    /// Its handle.
    pub entity: EntityId,
    /// Its type's name.
    pub type_name: String,
    /// What its property `name` says, when this part has one; else empty.
    pub name: String,
}

/// How many parts a release has; at least one.
#[must_use]
pub fn parts_of(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len().div_ceil(PART_BYTES_MAX)).unwrap_or(u32::MAX).max(1)
}

/// A part of a release; empty when there is no such part.
#[must_use]
pub fn part_of(bytes: &Arc<[u8]>, part: u32) -> Arc<[u8]> {
    if part == 0 && bytes.len() <= PART_BYTES_MAX {
        return bytes.clone();
    }
    let start = (part as usize).saturating_mul(PART_BYTES_MAX).min(bytes.len());
    let end = start.saturating_add(PART_BYTES_MAX).min(bytes.len());
    bytes[start..end].into()
}

/// Puts a release together from its parts.
#[derive(Debug, Default)]
pub struct Intake {
    release: u64,
    parts: u32,
    next: u32,
    bytes: Vec<u8>,
}

impl Intake {
    /// Takes a part. Gives the whole release with its last part. Part 0 starts anew; the part before the expected one
    /// is taken again without effect, because an answer can be lost.
    ///
    /// # Errors
    /// Stale when a part before is missing, ArgumentInvalid when it has more than `bytes_max` bytes or no parts.
    pub fn take(
        &mut self,
        release: u64,
        (part, parts): (u32, u32),
        bytes: &Arc<[u8]>,
        bytes_max: usize,
    ) -> Result<Option<Arc<[u8]>>, Refusal> {
        if part >= parts {
            return Err(Refusal::new(Code::ArgumentInvalid, format!("part {part} of {parts}")));
        }
        if part == 0 {
            *self = Self { release, parts, next: 0, bytes: Vec::new() };
        }
        let same = release == self.release && parts == self.parts;
        if same && part + 1 == self.next {
            return Ok(None);
        }
        if !same || part != self.next {
            return Err(Refusal::new(Code::Stale, format!("part {part} of release {release} is out of turn")));
        }
        if self.bytes.len() + bytes.len() > bytes_max {
            *self = Self::default();
            let why = format!("release {release} has more than release_bytes_max, {bytes_max} bytes");
            return Err(Refusal::new(Code::ArgumentInvalid, why));
        }
        if parts == 1 {
            return Ok(Some(bytes.clone()));
        }
        self.next += 1;
        self.bytes.extend_from_slice(bytes);
        Ok((self.next == parts).then(|| std::mem::take(self).bytes.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(bytes: &Arc<[u8]>) -> Vec<Arc<[u8]>> {
        (0..parts_of(bytes)).map(|part| part_of(bytes, part)).collect()
    }

    #[test]
    fn a_release_comes_together_whatever_its_length() {
        for length in [0, 1, PART_BYTES_MAX - 1, PART_BYTES_MAX, PART_BYTES_MAX + 1, 3 * PART_BYTES_MAX, 1_700_001] {
            let bytes: Arc<[u8]> = (0..length).map(|at| (at % 251) as u8).collect();
            let parts = cut(&bytes);
            let count = parts.len() as u32;
            let mut intake = Intake::default();
            for (at, part) in (0..).zip(&parts) {
                let whole = intake.take(7, (at, count), part, length).expect("in order");
                assert_eq!(whole, (at + 1 == count).then(|| bytes.clone()), "{length}");
            }
        }
    }

    #[test]
    fn a_part_that_comes_twice_counts_once_and_a_missing_one_is_told() {
        let bytes: Arc<[u8]> = vec![3; 2 * PART_BYTES_MAX + 9].into();
        let parts = cut(&bytes);
        let mut intake = Intake::default();
        let mut take = |release, part: u32| intake.take(release, (part, 3), &parts[part as usize], bytes.len());
        assert_eq!(take(7, 1).expect_err("0 is missing").code, Code::Stale);
        assert_eq!(take(7, 0), Ok(None));
        assert_eq!(take(7, 1), Ok(None));
        assert_eq!(take(7, 1), Ok(None));
        assert_eq!(take(8, 2).expect_err("another release").code, Code::Stale);
        assert_eq!(take(7, 2), Ok(Some(bytes.clone())));
    }

    #[test]
    fn a_release_above_its_bound_is_refused_before_it_fills_the_memory() {
        let part: Arc<[u8]> = vec![0; 600].into();
        let mut intake = Intake::default();
        assert_eq!(intake.take(7, (0, 9), &part, 1_000), Ok(None));
        assert_eq!(intake.take(7, (1, 9), &part, 1_000).expect_err("1,200 bytes").code, Code::ArgumentInvalid);
        assert_eq!(intake.take(7, (9, 9), &part, 1_000).expect_err("no such part").code, Code::ArgumentInvalid);
    }
}
