//! Looking around: which slots leave, and who comes in.
//!
//! First every slot is measured, and those in view are stamped at their sorted place; then the runs of the grid around
//! the witness are scanned, many lanes at a time, for whoever is near enough and not stamped. Nearly all lanes fail, so
//! the loop over lanes only asks whether any hits; a stamp costs one store and is never cleared.

use crate::entities::{Entities, Index, mark};
use crate::grid::{Grid, LANES, Spot};

use super::slots::others;
use super::witness::Witness;

/// Someone near who is not in view.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate {
    /// The squared distance, in square metres.
    pub(crate) d2: f32,
    pub(crate) entity: Index,
}

/// Tells for one witness after the other who comes and goes.
#[derive(Debug, Default)]
pub(crate) struct Looker {
    /// Which look was the last that had the entity at this sorted place in view or as a candidate.
    stamps: Vec<u32>,
    look_no: u32,
    /// Slots that must leave; result of a look.
    pub(crate) leaving: Vec<u16>,
    /// Who comes in; result of a look, then narrowed down to who really may.
    pub(crate) candidates: Vec<Candidate>,
    ranked: Vec<(f32, u16)>,
}

impl Looker {
    /// Prepares for a newly sorted grid.
    pub(crate) fn begin(&mut self, grid: &Grid) {
        if self.stamps.len() < grid.len() + LANES {
            self.stamps.resize(grid.len() + LANES, 0);
        }
        // Far from the end of the numbers, so that no look of this step wraps onto an old stamp.
        if self.look_no > u32::MAX / 2 {
            self.stamps.fill(0);
            self.look_no = 0;
        }
    }

    /// Finds the leaving slots and the candidates of `witness`, nearest first, as many as its view has room for.
    /// Returns how many of the leaving ones were displaced.
    pub(crate) fn look(&mut self, witness: &Witness, slots: &[u32], grid: &Grid) -> u32 {
        self.look_no += 1;
        self.leaving.clear();
        self.candidates.clear();
        let own = grid.spots[witness.entity.at()];
        self.stamps[own.place as usize] = self.look_no;
        self.measure_slots(witness, slots, grid, own);
        let count = witness.table.count() - self.leaving.len() as u32;
        let mut near2 = witness.enter2;
        if count >= witness.size_max {
            near2 = near2.min(farthest(slots, grid, own, witness.leave2) / witness.displace2());
        }
        self.scan(grid, own.x, own.z, near2);
        if self.candidates.is_empty() {
            return 0;
        }
        let room = witness.size_max.saturating_sub(count) as usize;
        if self.candidates.len() > room {
            return self.narrow(witness, slots, grid, own, room);
        }
        self.candidates.sort_unstable_by(nearer);
        0
    }

    /// Finds only those slots whose entity was removed.
    pub(crate) fn look_for_gone(&mut self, slots: &[u32], entities: &Entities) {
        self.leaving.clear();
        self.candidates.clear();
        let gone = |who: Index| entities.marks[who.at()] & mark::GONE != 0;
        self.leaving.extend(others(slots).filter_map(|(slot, who)| gone(who).then_some(slot)));
    }

    /// Stamps who is in view and collects who is not any more: too far, or removed, which is at no finite place.
    ///
    /// Everyone is stamped, whoever leaves as well: it is too far to be a candidate. So the only branch is on leaving,
    /// which is rare; holes in the table and those who were removed stamp the padding.
    fn measure_slots(&mut self, witness: &Witness, slots: &[u32], grid: &Grid, own: Spot) {
        for (slot, &who) in slots.iter().enumerate().skip(1) {
            let spot = grid.spots[who as usize];
            self.stamps[spot.place as usize] = self.look_no;
            let stays = (spot.distance2(own) <= witness.leave2) | (who == Index::NOBODY.0);
            if !stays {
                self.leaving.push(slot as u16);
            }
        }
    }

    fn scan(&mut self, grid: &Grid, x: f32, z: f32, near2: f32) {
        let Self { stamps, look_no, candidates, .. } = self;
        grid.runs(x, z, near2.sqrt(), |run| {
            for at in (run.start..run.end).step_by(LANES) {
                // The run may end within these lanes. What follows are other cells or padding: all stamped on a hit,
                // so that nobody is found twice.
                let lanes = at..at + LANES;
                let (xs, zs) = (lane(&grid.xs[lanes.clone()]), lane(&grid.zs[lanes.clone()]));
                let stamps = &mut stamps[lanes.clone()];
                if !any_near(xs, zs, lane(stamps), x, z, near2, *look_no) {
                    continue;
                }
                for (((lane_x, lane_z), stamp), who) in xs.iter().zip(zs).zip(stamps).zip(&grid.who[lanes]) {
                    let d2 = squared(lane_x - x, lane_z - z);
                    if d2 <= near2 && *stamp != *look_no {
                        *stamp = *look_no;
                        candidates.push(Candidate { d2, entity: Index(*who) });
                    }
                }
            }
        });
    }

    /// The view cannot hold all: the nearest fill the room, and each further one displaces the farthest in view when it
    /// is nearer by the factor of the two radii. Returns how many were displaced.
    fn narrow(&mut self, witness: &Witness, slots: &[u32], grid: &Grid, own: Spot, room: usize) -> u32 {
        let wanted = room + witness.table.count() as usize;
        if self.candidates.len() > wanted.max(1) {
            self.candidates.select_nth_unstable_by(wanted.max(1) - 1, nearer);
            self.candidates.truncate(wanted);
        }
        self.candidates.sort_unstable_by(nearer);
        self.ranked.clear();
        let mut leaving = self.leaving.iter().peekable();
        for (slot, who) in others(slots) {
            // Both are in the order of slots.
            if leaving.next_if(|leaving| **leaving == slot).is_none() {
                self.ranked.push((grid.spots[who.at()].distance2(own), slot));
            }
        }
        self.ranked.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(b.1.cmp(&a.1)));
        let further = self.candidates[room.min(self.candidates.len())..].iter();
        let pairs = further.zip(&self.ranked);
        let displaced = pairs.take_while(|(near, far)| near.d2 * witness.displace2() < far.0).count();
        self.candidates.truncate(room + displaced);
        self.leaving.extend(self.ranked[..displaced].iter().map(|(_, slot)| *slot));
        displaced as u32
    }
}

/// The greatest squared distance of those who stay.
fn farthest(slots: &[u32], grid: &Grid, own: Spot, leave2: f32) -> f32 {
    let distances = others(slots).map(|(_, who)| grid.spots[who.at()].distance2(own));
    distances.filter(|d2| *d2 <= leave2).fold(0.0, f32::max)
}

fn nearer(a: &Candidate, b: &Candidate) -> std::cmp::Ordering {
    a.d2.total_cmp(&b.d2).then(a.entity.cmp(&b.entity))
}

#[inline]
fn squared(dx: f32, dz: f32) -> f32 {
    dx * dx + dz * dz
}

#[inline]
fn lane<T>(slice: &[T]) -> &[T; LANES] {
    slice.try_into().expect("the range is as long as the lanes")
}

/// Whether any lane is within the radius and not stamped. Free of branches, so that it compiles to vector code.
#[inline]
fn any_near(
    xs: &[f32; LANES],
    zs: &[f32; LANES],
    stamps: &[u32; LANES],
    x: f32,
    z: f32,
    near2: f32,
    look_no: u32,
) -> bool {
    let mut any = 0;
    for k in 0..LANES {
        let near = squared(xs[k] - x, zs[k] - z) <= near2;
        any |= u32::from(near) & u32::from(stamps[k] != look_no);
    }
    any != 0
}
