//! One step of the view over all witnesses, in the order of their numbers: their tables then stream through the cache,
//! here and at the bases, which measured better than to go by neighbourhood.
//!
//! Per witness: gather the bits of its slots; look around when it is its turn, or when someone it sees was removed or
//! jumped; apply the budget; change the slot table; write. A blocked witness stops after the first of these.

use crate::entities::{Entities, Index, mark};
use crate::grid::Grid;

use super::budget::{self, Ration, Wanted};
use super::look::Looker;
use super::slots::{self, Tables};
use super::viewers::{MaskSet, Viewers};
use super::witness::{Held, Witness};
use super::{Allowance, CatchUp, Costs, Enter, EntityOut, Radii, RecordOut, Span, ViewOutput, WitnessNo, WitnessTick};

/// More entities at once than this make every witness look around, instead of those near each of them.
const JUMPED_SINGLY_MAX: usize = 256;

/// All witnesses of a space.
#[derive(Debug)]
pub(crate) struct View {
    witnesses: Vec<Witness>,
    tables: Tables,
    free: Vec<u32>,
    /// The witness of each entity, plus one.
    of_entity: Vec<u32>,
    look_period: u32,
    tick: u32,
    all_due: bool,
    enter_max: f32,
    viewers: Viewers,
    looker: Looker,
    ration: Ration,
    moved: Vec<u64>,
    state: Vec<u64>,
    settled: Vec<u64>,
    /// Bases that need the record of someone for a reason of their own: held back before, or it is their client's.
    extra_records: MaskSet,
    snapshots: MaskSet,
}

impl View {
    pub(crate) fn new(look_period: u8) -> Self {
        Self {
            witnesses: Vec::new(),
            tables: Tables::default(),
            free: Vec::new(),
            of_entity: Vec::new(),
            look_period: u32::from(look_period),
            tick: 0,
            all_due: false,
            enter_max: 0.0,
            viewers: Viewers::new(),
            looker: Looker::default(),
            ration: Ration::default(),
            moved: Vec::new(),
            state: Vec::new(),
            settled: Vec::new(),
            extra_records: MaskSet::default(),
            snapshots: MaskSet::default(),
        }
    }

    pub(crate) fn add(&mut self, entity: Index, base: u8, radii: Radii, size_max: u32, capacity: usize) -> WitnessNo {
        self.reserve(capacity, base);
        let witness = Witness::new(entity, base, radii, size_max, self.tables.add(entity));
        let no = match self.free.pop() {
            Some(no) => {
                self.witnesses[no as usize] = witness;
                no
            }
            None => {
                self.witnesses.push(witness);
                self.witnesses.len() as u32 - 1
            }
        };
        self.of_entity[entity.at()] = no + 1;
        self.enter_max = self.enter_max.max(radii.enter);
        WitnessNo(no)
    }

    pub(crate) fn remove(&mut self, no: WitnessNo) {
        let witness = &mut self.witnesses[no.0 as usize];
        forget_viewers(&mut self.viewers, witness.base, self.tables.slots(&witness.table));
        self.of_entity[witness.entity.at()] = 0;
        witness.entity = Index::NOBODY;
        witness.held = Held::default();
        self.tables.remove(&mut witness.table);
        self.free.push(no.0);
    }

    pub(crate) fn reset(&mut self, no: WitnessNo) {
        let witness = &mut self.witnesses[no.0 as usize];
        forget_viewers(&mut self.viewers, witness.base, self.tables.slots(&witness.table));
        witness.reset(&mut self.tables);
    }

    pub(crate) fn of_entity(&self, entity: Index) -> Option<WitnessNo> {
        self.of_entity.get(entity.at())?.checked_sub(1).map(WitnessNo)
    }

    pub(crate) fn get(&self, no: WitnessNo) -> Option<&Witness> {
        self.witnesses.get(no.0 as usize).filter(|witness| witness.entity != Index::NOBODY)
    }

    /// The slots of a witness, padded with nobody.
    pub(crate) fn slots(&self, witness: &Witness) -> &[u32] {
        self.tables.slots(&witness.table)
    }

    pub(crate) fn len(&self) -> usize {
        self.witnesses.len() - self.free.len()
    }

    pub(crate) fn viewing_bases(&self, entity: Index) -> u64 {
        self.viewers.mask(entity)
    }

    pub(crate) fn set_radii(&mut self, no: WitnessNo, radii: Radii) {
        self.witnesses[no.0 as usize].set_radii(radii);
        self.enter_max = self.enter_max.max(radii.enter);
    }

    pub(crate) fn set_allowance(&mut self, no: WitnessNo, allowance: Allowance) {
        let witness = &mut self.witnesses[no.0 as usize];
        (witness.bytes, witness.blocked) = (allowance.bytes, allowance.blocked);
    }

    /// Everyone looks around at the next step.
    pub(crate) fn set_all_due(&mut self) {
        self.all_due = true;
    }

    /// Whoever is near one of those who came or jumped looks around at this step. Runs right after the sort.
    pub(crate) fn mark_due(&mut self, jumped: &[Index], entities: &Entities, grid: &Grid) {
        if jumped.len() > JUMPED_SINGLY_MAX {
            self.all_due = true;
            return;
        }
        for &index in jumped.iter().filter(|index| entities.is_here(**index)) {
            let (x, z) = (entities.x[index.at()], entities.z[index.at()]);
            grid.runs(x, z, self.enter_max, |run| {
                for &who in &grid.who[run.start..run.end] {
                    if let Some(no @ 1..) = self.of_entity.get(who as usize).copied() {
                        self.witnesses[no as usize - 1].due = true;
                    }
                }
            });
        }
    }

    pub(crate) fn step<C: Costs>(&mut self, entities: &Entities, grid: &Grid, costs: &mut C, out: &mut ViewOutput) {
        self.tick = self.tick.wrapping_add(1).max(1);
        self.reserve(entities.capacity(), 0);
        self.looker.begin(grid);
        self.tables.tidy(self.witnesses.iter_mut().map(|witness| &mut witness.table));
        let mut open = 0;
        for no in 0..self.witnesses.len() as u32 {
            let witness = &self.witnesses[no as usize];
            if witness.entity == Index::NOBODY {
                continue;
            }
            if !witness.blocked {
                open |= 1u64 << witness.base;
            }
            self.step_witness(no, entities, grid, costs, out);
        }
        self.all_due = false;
        self.write_entities(entities, open, out);
    }

    fn reserve(&mut self, capacity: usize, base: u8) {
        self.viewers.reserve(capacity, base);
        self.extra_records.reserve(capacity);
        self.snapshots.reserve(capacity);
        if capacity > self.of_entity.len() {
            self.of_entity.resize(capacity, 0);
        }
    }

    fn step_witness<C: Costs>(
        &mut self,
        no: u32,
        entities: &Entities,
        grid: &Grid,
        costs: &mut C,
        out: &mut ViewOutput,
    ) {
        let witness = &mut self.witnesses[no as usize];
        let slots = self.tables.slots(&witness.table);
        let mut any = slots::gather(slots, &entities.marks, &mut self.moved, &mut self.state);
        // The bits of slot 0 are about what its own client is told.
        let own = entities.marks[witness.entity.at()];
        self.moved[0] = self.moved[0] & !1 | u64::from(own & mark::MOVED_OWN != 0);
        self.state[0] = self.state[0] & !1 | u64::from(own & mark::CHANGED_OWN != 0);
        if witness.blocked {
            out.counts.blocked += 1;
            self.skip_blocked(no, any, entities);
            return;
        }
        let turn = (self.tick.wrapping_add(no)).is_multiple_of(self.look_period);
        if turn || witness.due || self.all_due || any & mark::LEAPT != 0 {
            witness.due = false;
            out.counts.looks += 1;
            out.counts.displaced += self.looker.look(witness, slots, grid);
        } else if any & mark::GONE != 0 {
            self.looker.look_for_gone(slots, entities);
        } else {
            self.looker.leaving.clear();
            self.looker.candidates.clear();
        }
        any |= own;
        let quiet = any & !mark::LISTED == 0 && witness.held.is_empty() && witness.enters_held_since == 0;
        if quiet && !witness.fresh && self.looker.leaving.is_empty() && self.looker.candidates.is_empty() {
            witness.debt = witness.debt.saturating_sub(witness.bytes);
            return;
        }
        self.tell(no, entities, costs, out);
    }

    /// Remembers for a blocked witness what it misses.
    fn skip_blocked(&mut self, no: u32, any: u8, entities: &Entities) {
        let witness = &mut self.witnesses[no as usize];
        if any & mark::GONE != 0 {
            // Indices are reused after this step, so the slot keeps only the fact that its entity is gone.
            self.looker.look_for_gone(self.tables.slots(&witness.table), entities);
            for &slot in &self.looker.leaving {
                let at = usize::from(slot);
                let who = self.tables.get(&witness.table, at);
                if who != Index::DEPARTED {
                    self.viewers.remove(who, witness.base);
                    self.tables.set_departed(&witness.table, slot);
                    witness.held.forget(at);
                }
                self.moved[at / 64] &= !(1 << (at % 64));
                self.state[at / 64] &= !(1 << (at % 64));
            }
        }
        witness.due |= any & mark::LEAPT != 0 || self.all_due;
        if !witness.fresh {
            let slots = self.tables.slots(&witness.table);
            budget::hold_all(witness, slots, &self.moved, &self.state, entities, self.tick);
        }
    }

    /// Applies and writes what was found for one witness.
    fn tell<C: Costs>(&mut self, no: u32, entities: &Entities, costs: &mut C, out: &mut ViewOutput) {
        let leaves = out.leaves.len();
        self.apply_leaves(no, out);
        self.add_held(no);
        self.apply_budget(no, entities, costs, out);
        let witness = &self.witnesses[no as usize];
        let catch_ups = out.catch_ups.len();
        let own_state = self.state[0] & 1 != 0 && !witness.held.has_state(0);
        if !witness.held.is_empty() {
            self.write_held(no, entities, out);
        }
        if self.moved[0] & 1 != 0 {
            let witness = &self.witnesses[no as usize];
            self.extra_records.add(witness.entity, witness.base);
        }
        self.state[0] &= !1;
        let enters = out.enters.len();
        self.apply_enters(no, out);
        let tick = WitnessTick {
            witness: WitnessNo(no),
            entity: self.witnesses[no as usize].entity,
            base: self.witnesses[no as usize].base,
            own_state,
            leaves: Span::new(leaves..out.leaves.len()),
            enters: Span::new(enters..out.enters.len()),
            moved: write_words(&self.moved, &mut out.words),
            state: write_words(&self.state, &mut out.words),
            catch_ups: Span::new(catch_ups..out.catch_ups.len()),
        };
        if !tick.is_empty() {
            out.witnesses.push(tick);
        }
    }

    fn apply_leaves(&mut self, no: u32, out: &mut ViewOutput) {
        if self.looker.leaving.is_empty() {
            return;
        }
        let witness = &mut self.witnesses[no as usize];
        for &slot in &self.looker.leaving {
            let at = usize::from(slot);
            let who = self.tables.get(&witness.table, at);
            if who != Index::DEPARTED {
                self.viewers.remove(who, witness.base);
            }
            self.tables.leave(&mut witness.table, slot);
            witness.held.forget(at);
            self.moved[at / 64] &= !(1 << (at % 64));
            self.state[at / 64] &= !(1 << (at % 64));
            out.leaves.push(slot);
        }
    }

    /// Adds what was held back before. A fresh client is told all of its own entity by slot 0's enter.
    fn add_held(&mut self, no: u32) {
        let witness = &mut self.witnesses[no as usize];
        if witness.fresh {
            self.moved[0] &= !1;
            self.state[0] &= !1;
        }
        if !witness.held.is_empty() {
            self.moved.iter_mut().zip(witness.held.moved()).for_each(|(word, held)| *word |= held);
            self.state.iter_mut().zip(witness.held.state()).for_each(|(word, held)| *word |= held);
        }
    }

    fn apply_budget<C: Costs>(&mut self, no: u32, entities: &Entities, costs: &mut C, out: &mut ViewOutput) {
        let witness = &mut self.witnesses[no as usize];
        let slots = self.tables.slots(&witness.table);
        let enters = &mut self.looker.candidates;
        let mut wanted = Wanted { moved: &mut self.moved, state: &mut self.state, enters };
        match self.ration.apply(witness, slots, &mut wanted, entities, costs, self.tick) {
            Some(held_back) => {
                out.counts.rationed += 1;
                out.counts.held_back += held_back;
            }
            None => witness.enters_held_since = 0,
        }
    }

    /// Turns granted bits of held-back state into catch-ups, and has the records of those who rest now sent as well.
    fn write_held(&mut self, no: u32, entities: &Entities, out: &mut ViewOutput) {
        let witness = &mut self.witnesses[no as usize];
        for word in 0..self.moved.len().min(witness.held.moved().len()) {
            super::for_each_bit(&[self.moved[word] & witness.held.moved()[word]], |bit| {
                let who = self.tables.get(&witness.table, word * 64 + bit);
                if entities.marks[who.at()] & mark::MOVED == 0 {
                    self.extra_records.add(who, witness.base);
                }
            });
            let state = self.state[word] & witness.held.state()[word];
            super::for_each_bit(&[state], |bit| {
                let slot = word * 64 + bit;
                let (entity, from_seq) = (self.tables.get(&witness.table, slot), witness.held.seq_of(slot));
                out.catch_ups.push(CatchUp { slot: slot as u16, entity, from_seq });
            });
        }
        // A catch-up brings the deltas of this tick as well, so its slot has no bit.
        self.settled.clear();
        self.settled.extend_from_slice(&self.state);
        self.state.iter_mut().zip(witness.held.state()).for_each(|(word, held)| *word &= !held);
        witness.held.settle(&self.moved, &self.settled);
    }

    fn apply_enters(&mut self, no: u32, out: &mut ViewOutput) {
        let witness = &mut self.witnesses[no as usize];
        if std::mem::take(&mut witness.fresh) {
            out.enters.push(Enter { slot: 0, entity: witness.entity });
        }
        for candidate in &self.looker.candidates {
            let slot = self.tables.enter(&mut witness.table, candidate.entity);
            self.viewers.add(candidate.entity, witness.base);
            self.snapshots.add(candidate.entity, witness.base);
            out.enters.push(Enter { slot, entity: candidate.entity });
        }
        if !self.looker.leaving.is_empty() {
            self.tables.trim(&mut witness.table);
        }
    }

    /// Names each entity of which something must be sent, with the bases that need it.
    fn write_entities(&mut self, entities: &Entities, open: u64, out: &mut ViewOutput) {
        for &entity in &entities.marked {
            let marks = entities.marks[entity.at()];
            if marks & mark::GONE != 0 {
                continue;
            }
            let viewers = self.viewers.mask(entity) & open;
            if marks & mark::MOVED != 0 {
                let bases = viewers | self.extra_records.take(entity);
                if bases != 0 {
                    out.records.push(RecordOut { entity, record: entities.record[entity.at()], bases });
                }
            }
            if marks & mark::CHANGED != 0 && viewers != 0 {
                out.states.push(EntityOut { entity, bases: viewers });
            }
        }
        let record = |entity: Index| entities.record[entity.at()];
        self.extra_records.drain(|entity, bases| out.records.push(RecordOut { entity, record: record(entity), bases }));
        self.snapshots.drain(|entity, bases| out.snapshots.push(EntityOut { entity, bases }));
    }
}

fn forget_viewers(viewers: &mut Viewers, base: u8, slots: &[u32]) {
    for (_, who) in slots::others(slots).filter(|(_, who)| *who != Index::DEPARTED) {
        viewers.remove(who, base);
    }
}

/// Appends the bits without their empty words at the end.
fn write_words(bits: &[u64], words: &mut Vec<u64>) -> Span {
    let start = words.len();
    let length = bits.iter().rposition(|word| *word != 0).map_or(0, |last| last + 1);
    words.extend_from_slice(&bits[..length]);
    Span::new(start..words.len())
}
