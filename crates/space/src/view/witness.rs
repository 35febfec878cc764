//! What the view keeps of one witness between steps.

use crate::entities::Index;

use super::slots::{Table, Tables};
use super::{Radii, for_each_bit};

/// One client's eyes.
#[derive(Debug)]
pub(crate) struct Witness {
    /// The entity that it sees through; nobody when the number is free.
    pub(crate) entity: Index,
    pub(crate) base: u8,
    pub(crate) blocked: bool,
    /// Looks around at the next step, whose turn ever it is.
    pub(crate) due: bool,
    /// The client does not know its own entity yet.
    pub(crate) fresh: bool,
    pub(crate) size_max: u32,
    /// Squares of the radii, in square metres.
    pub(crate) enter2: f32,
    pub(crate) leave2: f32,
    pub(crate) bytes: u32,
    /// What was taken beyond earlier budgets, in bytes.
    pub(crate) debt: u32,
    /// The tick in which enters began to be held back, or 0.
    pub(crate) enters_held_since: u32,
    pub(crate) table: Table,
    pub(crate) held: Held,
}

impl Witness {
    pub(crate) fn new(entity: Index, base: u8, radii: Radii, size_max: u32, table: Table) -> Self {
        let mut witness = Self {
            entity,
            base,
            blocked: false,
            due: true,
            fresh: true,
            size_max,
            enter2: 0.0,
            leave2: 0.0,
            bytes: u32::MAX,
            debt: 0,
            enters_held_since: 0,
            table,
            held: Held::default(),
        };
        witness.set_radii(radii);
        witness
    }

    pub(crate) fn set_radii(&mut self, radii: Radii) {
        self.enter2 = radii.enter * radii.enter;
        self.leave2 = radii.leave * radii.leave;
        self.due = true;
    }

    /// Whoever wants to displace another must be nearer by this factor (of squared distances).
    pub(crate) fn displace2(&self) -> f32 {
        self.leave2 / self.enter2
    }

    /// Begins anew, as after a lost frame.
    pub(crate) fn reset(&mut self, tables: &mut Tables) {
        tables.reset(&mut self.table, self.entity);
        self.held = Held::default();
        self.due = true;
        self.fresh = true;
        self.enters_held_since = 0;
    }
}

/// What was held back, by slot. A witness that never lacked room has one without any memory.
#[derive(Debug, Default)]
pub(crate) struct Held(Option<Box<HeldSlots>>);

#[derive(Debug, Default)]
struct HeldSlots {
    moved: Vec<u64>,
    state: Vec<u64>,
    /// The tick since when, by slot; 0 for slots of which nothing is held back.
    since: Vec<u32>,
    /// The newest state sequence that the witness has, by slot; valid where the state bit is set.
    from_seq: Vec<u32>,
    any: bool,
}

impl Held {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.as_ref().is_none_or(|slots| !slots.any)
    }

    /// A bit for each slot whose movement is held back; may be shorter than the table.
    pub(crate) fn moved(&self) -> &[u64] {
        self.0.as_ref().map_or(&[], |slots| &slots.moved)
    }

    /// A bit for each slot whose state is held back; may be shorter than the table.
    pub(crate) fn state(&self) -> &[u64] {
        self.0.as_ref().map_or(&[], |slots| &slots.state)
    }

    pub(crate) fn hold_moved(&mut self, slot: usize, tick: u32) {
        self.touch(slot, tick).moved[slot / 64] |= 1 << (slot % 64);
    }

    /// Holds state back; when some of this slot is held already, the older sequence stays.
    pub(crate) fn hold_state(&mut self, slot: usize, tick: u32, from_seq: u32) {
        let slots = self.touch(slot, tick);
        let bit = 1 << (slot % 64);
        if slots.state[slot / 64] & bit == 0 {
            slots.state[slot / 64] |= bit;
            slots.from_seq[slot] = from_seq;
        }
    }

    pub(crate) fn has_state(&self, slot: usize) -> bool {
        self.state().get(slot / 64).is_some_and(|word| word >> (slot % 64) & 1 == 1)
    }

    /// The newest state sequence that the witness has of a slot whose state is held back.
    pub(crate) fn seq_of(&self, slot: usize) -> u32 {
        self.0.as_ref().map_or(0, |slots| slots.from_seq[slot])
    }

    /// For how many ticks something of this slot is waiting.
    pub(crate) fn age(&self, slot: usize, tick: u32) -> u32 {
        match self.0.as_ref().and_then(|slots| slots.since.get(slot)) {
            None | Some(0) => 0,
            Some(since) => tick.wrapping_sub(*since),
        }
    }

    /// The slot was freed, or its entity was told in full.
    pub(crate) fn forget(&mut self, slot: usize) {
        let Some(slots) = &mut self.0 else { return };
        if slot < slots.since.len() {
            slots.moved[slot / 64] &= !(1 << (slot % 64));
            slots.state[slot / 64] &= !(1 << (slot % 64));
            slots.since[slot] = 0;
        }
    }

    /// These were sent; what remains keeps its age.
    pub(crate) fn settle(&mut self, moved: &[u64], state: &[u64]) {
        let Some(slots) = &mut self.0 else { return };
        let mut left = 0;
        for word in 0..slots.moved.len() {
            let before = slots.moved[word] | slots.state[word];
            slots.moved[word] &= !moved.get(word).copied().unwrap_or(0);
            slots.state[word] &= !state.get(word).copied().unwrap_or(0);
            let after = slots.moved[word] | slots.state[word];
            for_each_bit(&[before & !after], |bit| slots.since[word * 64 + bit] = 0);
            left |= after;
        }
        slots.any = left != 0;
    }

    fn touch(&mut self, slot: usize, tick: u32) -> &mut HeldSlots {
        let slots = self.0.get_or_insert_default();
        if slot >= slots.since.len() {
            let words = slot / 64 + 1;
            slots.moved.resize(words, 0);
            slots.state.resize(words, 0);
            slots.since.resize(words * 64, 0);
            slots.from_seq.resize(words * 64, 0);
        }
        if slots.since[slot] == 0 {
            slots.since[slot] = tick;
        }
        slots.any = true;
        slots
    }
}
