//! The view: for every witness, who entered, who left, and bitmaps over its slots of who moved and changed.
//!
//! A step sends nothing: it fills a [`ViewOutput`] of flat, reused buffers from which the cell builds one frame a base.
//! Blobs are named by entity and sent once per base; per witness there are only leaves, enters and bits over slots. The
//! base keeps the same slot table by applying the same leaves and enters, leaves first.
//!
//! What must hold: slot 0 is the witness itself, a slot is never given out twice, the lowest free one goes first; an
//! entity within the enter radius is in view, one beyond the leave radius is not, each at most [`LATE_TICKS_MAX`] ticks
//! late; between the two radii it stays as it was. What a budget holds back comes later and is never lost.

mod budget;
mod look;
mod slots;
mod step;
mod viewers;
mod witness;

use std::ops::Range;

use crate::entities::Index;
use crate::lattice::Record;
use crate::trigger::TriggerEvent;

pub(crate) use step::View;

/// How many ticks an enter or a leave of someone who walked may be late: each witness looks around in full only every
/// `look_period` ticks, in turn. Who came new or jumped is seen in the same tick, who was removed leaves in the same
/// tick.
pub const LATE_TICKS_MAX: u8 = 2;

/// The highest base number that a witness may name, so that 64 bases fit one mask.
pub const BASE_NO_MAX: u8 = 63;

/// The dense number of a witness within its space; reused after removal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WitnessNo(pub u32);

/// How far a witness sees, in metres over ground.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Radii {
    /// Who comes as near as this enters.
    pub enter: f32,
    /// Who goes farther than this leaves.
    pub leave: f32,
}

/// What one witness may be sent this tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// The bytes for records, state and enters; `u32::MAX` is without limit. An item that is larger than the whole
    /// budget goes alone, and what it took too much is kept back from later ticks.
    pub bytes: u32,
    /// Nothing at all may be sent: the view stays as it is, and what is missed is remembered.
    pub blocked: bool,
}

impl Allowance {
    /// As much as there is.
    pub const UNLIMITED: Self = Self { bytes: u32::MAX, blocked: false };
}

/// What sending something to one witness costs, in bytes; asked only when a budget may not suffice.
pub trait Costs {
    /// The snapshot with which `entity` enters a view.
    fn enter_bytes(&mut self, entity: Index) -> u32;

    /// What brings a witness from `from_seq` to the newest state: history, or a snapshot where that is too short.
    /// `own` tells which audience's state it is.
    fn catch_up_bytes(&mut self, entity: Index, own: bool, from_seq: u32) -> u32;
}

/// The same cost for every entity.
#[derive(Clone, Copy, Debug)]
pub struct FlatCosts {
    /// Bytes of an enter.
    pub enter: u32,
    /// Bytes of a catch-up.
    pub catch_up: u32,
}

impl Costs for FlatCosts {
    fn enter_bytes(&mut self, _: Index) -> u32 {
        self.enter
    }

    fn catch_up_bytes(&mut self, _: Index, _: bool, _: u32) -> u32 {
        self.catch_up
    }
}

/// A part of one of the buffers of a [`ViewOutput`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    start: u32,
    end: u32,
}

impl Span {
    pub(crate) fn new(range: Range<usize>) -> Self {
        Self { start: range.start as u32, end: range.end as u32 }
    }

    pub(crate) fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// Someone came into a view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Enter {
    /// The slot it has from now on.
    pub slot: u16,
    /// Who.
    pub entity: Index,
}

/// A slot whose state was held back and goes now: all after `from_seq`, or a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CatchUp {
    /// Whose state. Slot 0 is about the state for the own client, every other one about the state for others.
    pub slot: u16,
    /// Who is in that slot.
    pub entity: Index,
    /// The newest sequence that the witness has.
    pub from_seq: u32,
}

/// What one witness gets this tick. Witnesses that get nothing are left out.
#[derive(Clone, Copy, Debug)]
pub struct WitnessTick {
    /// Which witness.
    pub witness: WitnessNo,
    /// The entity that it sees through.
    pub entity: Index,
    /// The base that holds its client.
    pub base: u8,
    /// The deltas of this tick for the own client go to it. (They are another blob than the one for others, so that
    /// slot 0 has no bit among the state bits.)
    pub own_state: bool,
    pub(crate) leaves: Span,
    pub(crate) enters: Span,
    pub(crate) moved: Span,
    pub(crate) state: Span,
    pub(crate) catch_ups: Span,
}

impl WitnessTick {
    pub(crate) fn is_empty(&self) -> bool {
        let spans = [self.leaves, self.enters, self.moved, self.state, self.catch_ups];
        !self.own_state && spans.iter().all(|span| span.start == span.end)
    }
}

/// An entity whose movement record must reach some bases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordOut {
    /// Whose record.
    pub entity: Index,
    /// Where it is now.
    pub record: Record,
    /// One bit for each base that has a viewer.
    pub bases: u64,
}

/// An entity of which something must reach some bases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntityOut {
    /// Who.
    pub entity: Index,
    /// One bit for each base that needs it.
    pub bases: u64,
}

/// What happened in one step. Made once and handed to every step: in a steady state nothing is allocated.
///
/// The lists of records and states name every base with a viewer in a witness that is not blocked, also when the budget
/// of that one viewer held the item back: a few bytes too many on a link, against bookkeeping per pair.
#[derive(Debug, Default)]
pub struct ViewOutput {
    /// All witnesses that get something, in the order of their numbers.
    pub witnesses: Vec<WitnessTick>,
    /// Movement records to be sent, once per base.
    pub records: Vec<RecordOut>,
    /// Entities whose state deltas of this tick are to be sent (those for others), once per base.
    pub states: Vec<EntityOut>,
    /// Entities that entered another's view: their snapshots for others are to be sent, once per base.
    pub snapshots: Vec<EntityOut>,
    /// Who came into triggers and went out of them.
    pub triggers: Vec<TriggerEvent>,
    pub(crate) leaves: Vec<u16>,
    pub(crate) enters: Vec<Enter>,
    pub(crate) words: Vec<u64>,
    pub(crate) catch_ups: Vec<CatchUp>,
    /// What to count: how the budget bit in this step.
    pub counts: ViewCounts,
}

/// How much a step did and what the limits held back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ViewCounts {
    /// Witnesses that looked around in full.
    pub looks: u32,
    /// Witnesses that were blocked.
    pub blocked: u32,
    /// Witnesses whose budget did not suffice.
    pub rationed: u32,
    /// Movement bits, state bits and enters that were held back for the first time or again.
    pub held_back: u32,
    /// Entities that a nearer one displaced, because the view was full.
    pub displaced: u32,
}

impl ViewOutput {
    /// The slots that `tick`'s witness loses, to be applied before the enters.
    #[must_use]
    pub fn leaves(&self, tick: &WitnessTick) -> &[u16] {
        &self.leaves[tick.leaves.range()]
    }

    /// The slots that it gains; the first one of a new witness is slot 0, itself, whose snapshot is the one for its own
    /// client. Snapshots carry position and state, so the bits of these slots are not set this tick.
    #[must_use]
    pub fn enters(&self, tick: &WitnessTick) -> &[Enter] {
        &self.enters[tick.enters.range()]
    }

    /// One bit a slot, lowest first: a movement record goes to the client. Empty when there is none.
    #[must_use]
    pub fn moved_bits(&self, tick: &WitnessTick) -> &[u64] {
        &self.words[tick.moved.range()]
    }

    /// One bit a slot: the deltas of this tick (those for others) go to the client. Bit 0 is never set.
    #[must_use]
    pub fn state_bits(&self, tick: &WitnessTick) -> &[u64] {
        &self.words[tick.state.range()]
    }

    /// The slots whose state was held back and goes now.
    #[must_use]
    pub fn catch_ups(&self, tick: &WitnessTick) -> &[CatchUp] {
        &self.catch_ups[tick.catch_ups.range()]
    }

    pub(crate) fn clear(&mut self) {
        self.witnesses.clear();
        self.records.clear();
        self.states.clear();
        self.snapshots.clear();
        self.triggers.clear();
        self.leaves.clear();
        self.enters.clear();
        self.words.clear();
        self.catch_ups.clear();
        self.counts = ViewCounts::default();
    }
}

/// Calls `visit` with the number of every set bit, lowest first.
#[inline]
pub fn for_each_bit(words: &[u64], mut visit: impl FnMut(usize)) {
    for (at, &word) in words.iter().enumerate() {
        let mut rest = word;
        while rest != 0 {
            visit(at * 64 + rest.trailing_zeros() as usize);
            rest &= rest - 1;
        }
    }
}
