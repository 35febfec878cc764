//! The slot tables of all witnesses, and the gathering of their bitmaps.
//!
//! A table is an array of entity indices, padded with nobody to whole runs, so that gathering reads one byte of marks
//! per slot without a branch. All tables lie in one array in the order of witness numbers: a step reads them from front
//! to back, which is what memory is best at. A table that outgrows its place moves to another; when many have moved,
//! all are laid out anew. Slots stay dense, since the lowest free one is always taken first.

use crate::entities::{Index, mark};

/// Tables grow by so many slots.
const RUN: usize = 16;
/// When one table in so many was moved, all are laid out anew.
const MOVED_PART: usize = 8;

/// Where the table of one witness lies.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Table {
    start: u32,
    /// Slots that may be in use, a multiple of the run.
    len: u32,
    /// Slots that there is room for, a multiple of the run.
    room: u32,
    /// How many entities other than the witness itself are in the table.
    count: u16,
    /// No slot below this one is free.
    full_below: u16,
}

impl Table {
    /// How many entities other than the witness itself are in the table.
    pub(crate) fn count(&self) -> u32 {
        u32::from(self.count)
    }
}

/// The tables of all witnesses.
#[derive(Debug, Default)]
pub(crate) struct Tables {
    slots: Vec<u32>,
    /// Places that were given up, by the number of runs that they have room for.
    free: Vec<Vec<u32>>,
    moved: usize,
}

impl Tables {
    /// A table that holds only the witness itself, in slot 0.
    pub(crate) fn add(&mut self, own: Index) -> Table {
        let mut table = self.place(RUN as u32);
        self.reset(&mut table, own);
        table
    }

    /// Empties a table but for slot 0.
    pub(crate) fn reset(&mut self, table: &mut Table, own: Index) {
        let start = table.start as usize;
        self.slots[start..start + table.room as usize].fill(Index::NOBODY.0);
        self.slots[start] = own.0;
        (table.len, table.count, table.full_below) = (RUN as u32, 0, 1);
    }

    /// Gives a table up.
    pub(crate) fn remove(&mut self, table: &mut Table) {
        self.give_up(table.start, table.room);
        *table = Table::default();
    }

    /// All slots of a table, padded with nobody.
    #[inline]
    pub(crate) fn slots(&self, table: &Table) -> &[u32] {
        &self.slots[table.start as usize..][..table.len as usize]
    }

    /// Who is in a slot.
    pub(crate) fn get(&self, table: &Table, slot: usize) -> Index {
        Index(self.slots(table)[slot])
    }

    /// Puts `entity` into the lowest free slot.
    pub(crate) fn enter(&mut self, table: &mut Table, entity: Index) -> u16 {
        let from = usize::from(table.full_below);
        let free = self.slots(table)[from..].iter().position(|who| *who == Index::NOBODY.0);
        let slot = free.map_or(table.len as usize, |free| from + free);
        if slot >= table.len as usize {
            self.lengthen(table);
        }
        self.slots[table.start as usize + slot] = entity.0;
        table.count += 1;
        let slot = u16::try_from(slot).expect("view_size_max is below 2^16 slots, checked when the space was made");
        table.full_below = slot + 1;
        slot
    }

    /// Frees a slot.
    pub(crate) fn leave(&mut self, table: &mut Table, slot: u16) {
        self.slots[table.start as usize + usize::from(slot)] = Index::NOBODY.0;
        table.count -= 1;
        table.full_below = table.full_below.min(slot);
    }

    /// Lets someone who is gone stay in its slot under the name of nobody in particular.
    pub(crate) fn set_departed(&mut self, table: &Table, slot: u16) {
        self.slots[table.start as usize + usize::from(slot)] = Index::DEPARTED.0;
    }

    /// Shortens a table by the empty runs at its end.
    pub(crate) fn trim(&self, table: &mut Table) {
        while table.len as usize > RUN && self.slots(table).rchunks_exact(RUN).next().is_some_and(is_empty) {
            table.len -= RUN as u32;
        }
        table.full_below = table.full_below.min(table.len as u16);
    }

    /// Lays all tables out in the order given when many have moved since the last time.
    pub(crate) fn tidy<'a>(&mut self, tables: impl ExactSizeIterator<Item = &'a mut Table>) {
        if self.moved * MOVED_PART <= tables.len().max(RUN) {
            return;
        }
        let mut slots = Vec::with_capacity(self.slots.len());
        for table in tables {
            let old = table.start as usize;
            table.start = slots.len() as u32;
            slots.extend_from_slice(&self.slots[old..old + table.room as usize]);
        }
        self.slots = slots;
        self.free.clear();
        self.moved = 0;
    }

    fn lengthen(&mut self, table: &mut Table) {
        if table.len == table.room {
            let old = *table;
            let new = self.place(table.room + RUN as u32);
            let from = old.start as usize;
            self.slots.copy_within(from..from + old.len as usize, new.start as usize);
            let end = new.start as usize + new.room as usize;
            self.slots[new.start as usize + old.len as usize..end].fill(Index::NOBODY.0);
            (table.start, table.room) = (new.start, new.room);
            self.give_up(old.start, old.room);
            self.moved += 1;
        }
        table.len += RUN as u32;
    }

    fn place(&mut self, room: u32) -> Table {
        let given_up = self.free.get_mut(room as usize / RUN).and_then(Vec::pop);
        let start = given_up.unwrap_or_else(|| {
            let end = self.slots.len();
            self.slots.resize(end + room as usize, Index::NOBODY.0);
            end as u32
        });
        Table { start, len: 0, room, count: 0, full_below: 0 }
    }

    fn give_up(&mut self, start: u32, room: u32) {
        let runs = room as usize / RUN;
        if self.free.len() <= runs {
            self.free.resize_with(runs + 1, Vec::new);
        }
        self.free[runs].push(start);
    }
}

fn is_empty(run: &[u32]) -> bool {
    run.iter().all(|who| *who == Index::NOBODY.0)
}

/// The used slots but slot 0.
pub(crate) fn others(slots: &[u32]) -> impl Iterator<Item = (u16, Index)> + '_ {
    let others = slots.iter().enumerate().skip(1);
    others.filter_map(|(slot, &who)| (who != Index::NOBODY.0).then_some((slot as u16, Index(who))))
}

/// Fills a word per 64 slots with who moved and who changed; returns all marks that anyone has.
#[inline]
pub(crate) fn gather(slots: &[u32], marks: &[u8], moved: &mut Vec<u64>, state: &mut Vec<u64>) -> u8 {
    moved.clear();
    state.clear();
    let mut any = 0;
    for slots in slots.chunks(64) {
        let (mut moved_word, mut state_word) = (0u64, 0u64);
        for (at, run) in slots.chunks_exact(8).enumerate() {
            let (bits, seen) = gather_run(run, marks);
            moved_word |= u64::from(squeeze(bits, mark::MOVED)) << (at * 8);
            state_word |= u64::from(squeeze(bits, mark::CHANGED)) << (at * 8);
            any |= seen;
        }
        moved.push(moved_word);
        state.push(state_word);
    }
    any
}

/// The marks of eight slots side by side, and all of them together.
#[inline]
fn gather_run(run: &[u32], marks: &[u8]) -> (u64, u8) {
    let mut bytes = [0u8; 8];
    let mut any = 0;
    for (byte, &who) in bytes.iter_mut().zip(run) {
        *byte = marks[who as usize];
        any |= *byte;
    }
    (u64::from_le_bytes(bytes), any)
}

/// Bit k of the result is `mark` of byte k: the multiplication brings one bit of each byte into the highest byte.
#[inline]
fn squeeze(bytes: u64, mark: u8) -> u8 {
    let ones = (bytes >> mark.trailing_zeros()) & 0x0101_0101_0101_0101;
    (ones.wrapping_mul(0x0102_0408_1020_4080) >> 56) as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn filled(tables: &mut Tables, entities: std::ops::Range<u32>) -> Table {
        let mut table = tables.add(Index(9));
        entities.for_each(|who| _ = tables.enter(&mut table, Index(who)));
        table
    }

    proptest! {
        #[test]
        fn gathered_bits_are_the_marks_of_the_slots(marks in prop::collection::vec(any::<u8>(), 400), count in 0u32..300) {
            let mut marks = marks;
            marks[0] = 0;
            let mut tables = Tables::default();
            let table = filled(&mut tables, 10..10 + count);
            let (mut moved, mut state) = (Vec::new(), Vec::new());
            let any = gather(tables.slots(&table), &marks, &mut moved, &mut state);
            let mut expected_any = 0;
            for (slot, &who) in tables.slots(&table).iter().enumerate() {
                let marks = marks[who as usize];
                expected_any |= marks;
                prop_assert_eq!(moved[slot / 64] >> (slot % 64) & 1, u64::from(marks & mark::MOVED != 0));
                prop_assert_eq!(state[slot / 64] >> (slot % 64) & 1, u64::from(marks & mark::CHANGED != 0));
            }
            prop_assert_eq!(any, expected_any);
        }

        /// Tables that grow, shrink, move and are laid out anew keep what a plain list of slots has.
        #[test]
        fn tables_hold_what_plain_lists_hold(acts in prop::collection::vec((0usize..4, 0u8..10, 0u16..90), 1..600)) {
            let mut tables = Tables::default();
            let mut all: Vec<Table> = (0..4).map(|own| tables.add(Index(own + 2))).collect();
            let mut plain: Vec<Vec<u32>> = (0..4).map(|own| vec![own + 2]).collect();
            for (entity, (which, act, slot)) in (10u32..).zip(acts) {
                let (table, list) = (&mut all[which], &mut plain[which]);
                match (act, list.get(usize::from(slot)).copied()) {
                    (0, _) => tables.tidy(all.iter_mut()),
                    (1..4, Some(1..)) if slot > 0 => {
                        tables.leave(table, slot);
                        tables.trim(table);
                        list[usize::from(slot)] = 0;
                    }
                    _ => {
                        let lowest = list.iter().position(|who| *who == 0).unwrap_or(list.len());
                        list.resize(list.len().max(lowest + 1), 0);
                        list[lowest] = entity;
                        prop_assert_eq!(usize::from(tables.enter(table, Index(entity))), lowest);
                    }
                }
                for (table, list) in all.iter().zip(&plain) {
                    let slots = tables.slots(table);
                    prop_assert!(slots.iter().chain(std::iter::repeat(&0)).zip(list).all(|(a, b)| a == b));
                    prop_assert!(slots.iter().skip(list.len()).all(|who| *who == 0));
                    prop_assert_eq!(others(slots).count() as u32, table.count());
                }
            }
        }
    }

    #[test]
    fn an_emptied_table_becomes_short_again() {
        let mut tables = Tables::default();
        let mut table = filled(&mut tables, 10..150);
        (2..=140).for_each(|slot| tables.leave(&mut table, slot));
        tables.trim(&mut table);
        assert_eq!((tables.slots(&table).len(), table.count()), (RUN, 1));
        assert_eq!(tables.enter(&mut table, Index(4)), 2);
    }
}
