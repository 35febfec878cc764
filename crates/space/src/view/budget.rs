//! Rationing: what goes first when a witness's budget does not suffice.
//!
//! Nearer goes first, and whatever waits becomes more urgent with every tick, until it is before everything that does
//! not wait; so nothing starves. The own entity is always first. An item that alone is larger than the budget goes when
//! its turn comes, and its excess is a debt on later ticks. Nothing is sorted while all fits.

use crate::entities::{Audience, Entities, Index, mark};
use crate::lattice::Record;

use super::look::Candidate;
use super::witness::Witness;
use super::{Costs, for_each_bit};

/// How near something must be, as a part of the enter radius squared, before nearness alone decides no more.
const NEAR_PART: f32 = 1.0 / 16.0;

const MOVED: u64 = 0;
const STATE: u64 = 1;
const ENTER: u64 = 2;

/// One thing that could be sent.
#[derive(Clone, Copy, Debug)]
struct Item {
    /// Lower goes first. The rank, of which no one is negative, so that its bits sort as the number does; then the kind;
    /// then a slot, or the number of a candidate. One integer, since sorting is most of the work.
    key: u64,
    bytes: u32,
}

impl Item {
    fn new(rank: f32, kind: u64, at: usize, bytes: u32) -> Self {
        Self { key: u64::from(rank.to_bits()) << 32 | kind << 30 | at as u64, bytes }
    }

    fn kind(self) -> u64 {
        self.key >> 30 & 3
    }

    fn at(self) -> usize {
        (self.key & 0x3fff_ffff) as usize
    }
}

/// What one witness would get this tick; what it may not get is taken out.
#[derive(Debug)]
pub(crate) struct Wanted<'a> {
    /// A bit a slot: new movement and that which was held back.
    pub(crate) moved: &'a mut [u64],
    /// A bit a slot: new state and that which was held back; bit 0 is the own client's.
    pub(crate) state: &'a mut [u64],
    /// Who enters, nearest first.
    pub(crate) enters: &'a mut Vec<Candidate>,
}

/// Applies budgets; keeps its buffers.
#[derive(Debug, Default)]
pub(crate) struct Ration {
    items: Vec<Item>,
    entered: Vec<bool>,
}

impl Ration {
    /// Takes out of `wanted` what the witness's budget does not allow, and remembers it in the witness. Returns how
    /// many items were held back, or `None` when all fits.
    pub(crate) fn apply<C: Costs>(
        &mut self,
        witness: &mut Witness,
        slots: &[u32],
        wanted: &mut Wanted<'_>,
        entities: &Entities,
        costs: &mut C,
        tick: u32,
    ) -> Option<u32> {
        if witness.bytes == u32::MAX {
            witness.debt = 0;
            return None;
        }
        let records: u32 = wanted.moved.iter().map(|word| word.count_ones()).sum();
        let states: u32 = wanted.state.iter().map(|word| word.count_ones()).sum();
        if witness.held.is_empty() && wanted.enters.is_empty() && witness.debt == 0 {
            let bound =
                u64::from(records) * Record::BYTES as u64 + u64::from(states) * u64::from(entities.delta_bytes_max);
            if bound <= u64::from(witness.bytes) {
                return None;
            }
        }
        self.list(witness, slots, wanted, entities, costs, tick);
        let total: u64 = self.items.iter().map(|item| u64::from(item.bytes)).sum();
        let available = witness.bytes.saturating_sub(witness.debt);
        witness.debt = witness.debt.saturating_sub(witness.bytes);
        if total <= u64::from(available) {
            return None;
        }
        self.items.sort_unstable_by_key(|item| item.key);
        Some(self.hold_back(witness, slots, wanted, entities, available, tick))
    }

    fn list<C: Costs>(
        &mut self,
        witness: &Witness,
        slots: &[u32],
        wanted: &Wanted<'_>,
        entities: &Entities,
        costs: &mut C,
        tick: u32,
    ) {
        self.items.clear();
        let rank = |slot: usize| rank_of_slot(witness, slots, entities, slot, tick);
        for_each_bit(wanted.moved, |slot| {
            self.items.push(Item::new(rank(slot), MOVED, slot, Record::BYTES as u32));
        });
        for_each_bit(wanted.state, |slot| {
            let entity = Index(slots[slot]);
            let own = slot == 0;
            let bytes = if witness.held.has_state(slot) {
                costs.catch_up_bytes(entity, own, witness.held.seq_of(slot))
            } else {
                entities.state(entity, audience_of(slot)).bytes
            };
            self.items.push(Item::new(rank(slot), STATE, slot, bytes));
        });
        let since = witness.enters_held_since;
        let age = if since == 0 { 0 } else { tick.wrapping_sub(since) };
        for (at, candidate) in wanted.enters.iter().enumerate() {
            let rank = urgency(candidate.d2, witness.enter2, age);
            let bytes = costs.enter_bytes(candidate.entity);
            self.items.push(Item::new(rank, ENTER, at, bytes));
        }
    }

    /// Grants items in their order and takes the others out. Returns how many those are.
    fn hold_back(
        &mut self,
        witness: &mut Witness,
        slots: &[u32],
        wanted: &mut Wanted<'_>,
        entities: &Entities,
        available: u32,
        tick: u32,
    ) -> u32 {
        let mut spent = 0u32;
        let mut held_back = 0;
        self.entered.clear();
        self.entered.resize(wanted.enters.len(), false);
        for item in &self.items {
            let fits = item.bytes <= available.saturating_sub(spent);
            let alone = spent == 0 && available > 0;
            if fits || alone {
                spent = spent.saturating_add(item.bytes);
                if item.kind() == ENTER {
                    self.entered[item.at()] = true;
                }
                continue;
            }
            held_back += 1;
            hold(witness, slots, wanted, entities, *item, tick);
        }
        witness.debt = witness.debt.saturating_add(spent.saturating_sub(available));
        let mut entered = self.entered.iter();
        let all = wanted.enters.len();
        wanted.enters.retain(|_| *entered.next().expect("one answer a candidate"));
        note_held_enters(witness, wanted.enters.len() < all, tick);
        held_back
    }
}

/// Remembers for a blocked witness all that it would have got.
pub(crate) fn hold_all(
    witness: &mut Witness,
    slots: &[u32],
    moved: &[u64],
    state: &[u64],
    entities: &Entities,
    tick: u32,
) {
    for_each_bit(moved, |slot| witness.held.hold_moved(slot, tick));
    for_each_bit(state, |slot| {
        let told = entities.state(Index(slots[slot]), audience_of(slot)).told;
        witness.held.hold_state(slot, tick, told);
    });
}

/// While enters are held back, the witness looks around in every tick, and they all grow more urgent.
pub(crate) fn note_held_enters(witness: &mut Witness, held: bool, tick: u32) {
    if !held {
        witness.enters_held_since = 0;
        return;
    }
    witness.due = true;
    if witness.enters_held_since == 0 {
        witness.enters_held_since = tick;
    }
}

pub(crate) fn audience_of(slot: usize) -> Audience {
    if slot == 0 { Audience::Own } else { Audience::Others }
}

fn hold(witness: &mut Witness, slots: &[u32], wanted: &mut Wanted<'_>, entities: &Entities, item: Item, tick: u32) {
    let slot = item.at();
    match item.kind() {
        MOVED => {
            wanted.moved[slot / 64] &= !(1 << (slot % 64));
            witness.held.hold_moved(slot, tick);
        }
        STATE => {
            wanted.state[slot / 64] &= !(1 << (slot % 64));
            let told = entities.state(Index(slots[slot]), audience_of(slot)).told;
            witness.held.hold_state(slot, tick, told);
        }
        // An enter that waits is found again when the witness looks around next.
        _ => {}
    }
}

fn rank_of_slot(witness: &Witness, slots: &[u32], entities: &Entities, slot: usize, tick: u32) -> f32 {
    if slot == 0 {
        return 0.0;
    }
    let (own, who) = (witness.entity.at(), Index(slots[slot]).at());
    debug_assert_eq!(entities.marks[who] & mark::GONE, 0, "whoever is gone has left the table before");
    let (dx, dz) = (entities.x[who] - entities.x[own], entities.z[who] - entities.z[own]);
    urgency(dx * dx + dz * dz, witness.enter2, witness.held.age(slot, tick))
}

/// Squared distance, weighed down by the square of the age in ticks.
fn urgency(d2: f32, enter2: f32, age: u32) -> f32 {
    let weight = 1.0 + age as f32;
    (d2 + enter2 * NEAR_PART) / (weight * weight)
}
