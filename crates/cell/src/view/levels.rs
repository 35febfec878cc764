//! Levels of detail: how near each witness is to those in its view who give more to who is near.
//!
//! A level is state of a slot. It rises when the witness comes within a ring and falls when it goes beyond it by the
//! view's hysteresis, so that it does not flap. A rise brings what the nearer layers are at present; it is paid from the
//! witness's budget, nearest first, and waits when that does not suffice: then the slot simply is not nearer yet. A fall
//! costs nothing: what the client knows stands still. Witnesses that see nobody of such a type pay for none of this.

use kuafu_space::{Enter, Index, Record, Space, for_each_bit};

use crate::part::{Audience, Band, Layout, Movement, Part};
use crate::space::{OpenSpace, Witness};

/// Rises may take so much of a tick's budget, as a part of it.
const RISES_PART: u32 = 2;

/// A movement record for one witness, in a client's frame and the share of its bitmap.
const RECORD_BYTES: u32 = Record::BYTES as u32 + 1;

/// Which entities of a space give more to who is near.
#[derive(Debug, Default)]
pub(crate) struct Distances {
    /// By entity index.
    has: Vec<bool>,
    count: u32,
}

/// The levels of one witness, by slot.
#[derive(Debug, Default)]
pub(crate) struct Levels {
    /// Valid where a slot is of one that gives by distance.
    pub(crate) levels: Vec<Level>,
    used: SlotSet,
    /// Of these, those with properties that not everybody gets.
    pub(crate) layered: SlotSet,
    /// Of these, those with movement that not everybody gets.
    pub(crate) moving: SlotSet,
    /// The slots that rose in this tick.
    pub(crate) risen: Vec<u16>,
}

/// How near a witness is to one in its view, and what it knows of it therefore.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Level {
    /// Squared metres within which it rises, and beyond which it falls: most of the time that is all one must know.
    rise2: f32,
    fall2: f32,
    /// The newest sequence when it rose last: older deltas are no good any more.
    pub(crate) since: u32,
    pub(crate) band: Band,
    /// The band that it rises from in this tick; else the same.
    pub(crate) before: Band,
    pub(crate) movement: Movement,
    /// Where it was told that the entity is.
    pub(crate) record: Record,
}

/// Some slots of a witness.
#[derive(Debug, Default)]
pub(crate) struct SlotSet {
    words: Vec<u64>,
    count: u32,
}

/// Someone who could be nearer.
struct Rise {
    distance2: f32,
    slot: u16,
    band: Band,
}

impl Distances {
    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(crate) fn has(&self, index: Index) -> bool {
        self.has.get(index.at()).copied().unwrap_or(false)
    }

    pub(crate) fn insert(&mut self, index: Index) {
        if self.has.len() <= index.at() {
            self.has.resize(index.at() + 1, false);
        }
        self.count += u32::from(!std::mem::replace(&mut self.has[index.at()], true));
    }

    pub(crate) fn remove(&mut self, index: Index) {
        if let Some(has) = self.has.get_mut(index.at()) {
            self.count -= u32::from(std::mem::take(has));
        }
    }
}

impl SlotSet {
    pub(crate) fn has(&self, slot: u16) -> bool {
        self.words.get(usize::from(slot) / 64).is_some_and(|word| word >> (slot % 64) & 1 == 1)
    }

    /// Of the slots of the set, those for which `keep` says no lose their bit.
    pub(crate) fn pick(&self, bits: &mut [u64], mut keep: impl FnMut(usize) -> bool) {
        for (at, (word, of_set)) in bits.iter_mut().zip(&self.words).enumerate() {
            for_each_bit(&[*word & of_set], |bit| {
                if !keep(at * 64 + bit) {
                    *word &= !(1 << bit);
                }
            });
        }
    }

    fn set(&mut self, slot: u16, is_in: bool) {
        if self.has(slot) == is_in {
            return;
        }
        let word = usize::from(slot) / 64;
        if self.words.len() <= word {
            self.words.resize(word + 1, 0);
        }
        self.words[word] ^= 1 << (slot % 64);
        self.count = if is_in { self.count + 1 } else { self.count - 1 };
    }

    fn clear(&mut self) {
        self.words.clear();
        self.count = 0;
    }
}

impl Level {
    /// The band whose layers it has had in the past tick, too.
    pub(crate) fn known(&self) -> Band {
        self.before.max(self.band)
    }

    fn set_band(&mut self, band: Band, layout: &Layout, hysteresis: f32) {
        self.band = band;
        (self.rise2, self.fall2) = layout.limits(band, hysteresis);
    }
}

impl Levels {
    pub(crate) fn is_empty(&self) -> bool {
        self.used.count == 0
    }

    pub(crate) fn clear(&mut self) {
        for set in [&mut self.used, &mut self.layered, &mut self.moving] {
            set.clear();
        }
        self.risen.clear();
    }

    pub(crate) fn get(&self, slot: u16) -> Option<&Level> {
        self.used.has(slot).then(|| &self.levels[usize::from(slot)])
    }

    fn enter(&mut self, slot: u16, level: Level, layout: &Layout) {
        if self.levels.len() <= usize::from(slot) {
            self.levels.resize(usize::from(slot) + 1, Level::default());
        }
        self.levels[usize::from(slot)] = level;
        self.used.set(slot, true);
        self.layered.set(slot, layout.is_layered());
        self.moving.set(slot, !layout.movement_is_for_all());
    }

    pub(super) fn leave(&mut self, slot: u16) {
        for set in [&mut self.used, &mut self.layered, &mut self.moving] {
            set.set(slot, false);
        }
    }
}

/// Someone enters a view at once in the band in which it is; what that costs beyond the farthest is owed.
pub(super) fn enter(
    witness: &mut Witness,
    space: &Space,
    parts: &mut [Option<Box<Part>>],
    enter: Enter,
    hysteresis: f32,
) {
    let entities = space.entities();
    let (Some(from), Some(at)) = (entities.position(witness.index), entities.position(enter.entity)) else { return };
    let Some(part) = parts[enter.entity.at()].as_deref_mut().filter(|_| enter.slot != 0) else { return };
    let layout = part.layout.clone();
    let band = layout.band(at.ground_distance_squared(from));
    let far = part.snapshot(Audience::Others, Band::MAX).len();
    let more = part.snapshot(Audience::Others, band).len().saturating_sub(far);
    witness.call_debt = witness.call_debt.saturating_add(more as u32);
    let mut level = Level {
        since: part.layer(0).newest(),
        before: band,
        movement: layout.movement,
        record: entities.record(enter.entity).unwrap_or_default(),
        ..Level::default()
    };
    level.set_band(band, &layout, hysteresis);
    witness.levels.enter(enter.slot, level, &layout);
}

impl OpenSpace {
    /// Looks how near everybody is. Returns how many rises were held back.
    pub(crate) fn step_levels(&mut self) -> u32 {
        let mut held_back = 0;
        let hysteresis = self.config.view_hysteresis;
        let Self { space, parts, witnesses, .. } = self;
        let seeing = witnesses.iter_mut().flatten().filter(|witness| !witness.levels.is_empty());
        for witness in seeing.filter(|witness| !witness.allowance.blocked) {
            let mut rises = fall(witness, space, parts, hysteresis);
            rises.sort_unstable_by(|a, b| a.distance2.total_cmp(&b.distance2).then(a.slot.cmp(&b.slot)));
            held_back += rise(witness, parts, &rises, hysteresis);
        }
        held_back
    }
}

/// Lets those fall who went away. Returns who came nearer.
fn fall(witness: &mut Witness, space: &Space, parts: &[Option<Box<Part>>], hysteresis: f32) -> Vec<Rise> {
    let entities = space.entities();
    let mut rises = Vec::new();
    let Some(from) = entities.position(witness.index) else { return rises };
    let Levels { used, levels, .. } = &mut witness.levels;
    for_each_bit(&used.words, |slot| {
        let (who, level) = (Index(witness.slots[slot]), &mut levels[slot]);
        let Some(at) = entities.position(who) else { return };
        let distance2 = at.ground_distance_squared(from);
        if distance2 > level.rise2 && distance2 <= level.fall2 {
            return;
        }
        let Some(part) = parts[who.at()].as_deref() else { return };
        let band = part.layout.next_band(level.band, distance2, hysteresis);
        if band < level.band {
            rises.push(Rise { distance2, slot: slot as u16, band });
        } else {
            level.set_band(band, &part.layout, hysteresis);
            level.before = band;
        }
    });
    rises
}

/// Lets those rise whose details the budget has room for. Returns how many it has none for.
fn rise(witness: &mut Witness, parts: &mut [Option<Box<Part>>], rises: &[Rise], hysteresis: f32) -> u32 {
    let Witness { levels, slots, call_debt, allowance, .. } = witness;
    let room = allowance.bytes / RISES_PART;
    let (mut spent, mut held_back) = (0u32, 0);
    levels.risen.clear();
    for rise in rises {
        let level = &mut levels.levels[usize::from(rise.slot)];
        let Some(part) = parts[slots[usize::from(rise.slot)] as usize].as_deref_mut() else { continue };
        let bytes = part.rise_bytes(level.before, rise.band) + RECORD_BYTES;
        let alone = spent == 0 && room > 0;
        if bytes > room.saturating_sub(spent) && !alone {
            held_back += 1;
            continue;
        }
        spent = spent.saturating_add(bytes);
        level.set_band(rise.band, &part.layout, hysteresis);
        levels.risen.push(rise.slot);
    }
    *call_debt = call_debt.saturating_add(spent);
    held_back
}
