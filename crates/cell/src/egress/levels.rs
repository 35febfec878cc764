//! What a witness gets of those who give more to who is near: picked out of what the view engine says of their slots.
//!
//! The engine knows that such an entity moved or changed, and not who may know of it. Here its bits stay only where the
//! witness gets what everybody gets; what it alone gets is named slot by slot. No change of a layer goes to a witness in
//! a band that the layer does not reach, nor a movement that its band does not reach.

use kuafu_space::{CatchUp, Index, Record, Space};

use super::FrameBuilder;
use crate::part::{Band, Part};
use crate::space::Witness;
use crate::view::Level;

/// The bits of one witness in this tick; kept for their memory.
#[derive(Debug, Default)]
pub(crate) struct Picked {
    moved: Vec<u64>,
    state: Vec<u64>,
}

impl Picked {
    /// Slots whose record and whose changes are those of everybody.
    pub(super) fn bits(&self) -> (&[u64], &[u64]) {
        (trimmed(&self.moved), trimmed(&self.state))
    }

    /// Picks for a witness with levels, and adds what it alone gets to its base's frame. Its catch-ups were added before.
    pub(super) fn pick(
        &mut self,
        builder: &mut FrameBuilder,
        witness: &mut Witness,
        space: &Space,
        parts: &mut [Option<Box<Part>>],
        (moved, state): (&[u64], &[u64]),
    ) {
        self.moved.clear();
        self.moved.extend_from_slice(moved);
        self.state.clear();
        self.state.extend_from_slice(state);
        let Witness { levels, slots, .. } = witness;
        levels.layered.pick(&mut self.state, |slot| {
            let (index, level) = (Index(slots[slot]), &levels.levels[slot]);
            parts[index.at()].as_deref().is_none_or(|part| tell_changes(builder, slot as u16, index, part, level))
        });
        levels.moving.pick(&mut self.moved, |slot| {
            tell_movement(builder, slot as u16, Index(slots[slot]), space, &mut levels.levels[slot], true)
        });
        for &slot in &levels.risen {
            let (index, level) = (Index(slots[usize::from(slot)]), &mut levels.levels[usize::from(slot)]);
            if let Some(part) = parts[index.at()].as_deref_mut() {
                tell_nearer(builder, slot, index, part, level);
            }
            let has_bit = self.moved.get(usize::from(slot) / 64).is_some_and(|word| word >> (slot % 64) & 1 == 1);
            if levels.moving.has(slot) && !has_bit {
                tell_movement(builder, slot, index, space, level, false);
            }
        }
        levels.risen.clear();
    }
}

/// Adds what a witness missed of one of its slots: of one with a level the layers that reach it.
pub(super) fn catch_up(builder: &mut FrameBuilder, witness: &Witness, missed: &CatchUp, part: &mut Part) {
    let CatchUp { slot, entity, from_seq } = *missed;
    let Some(level) = witness.levels.get(slot) else {
        return builder.catch_up(slot, entity, from_seq, part, part.layers_of(Band::MAX).start);
    };
    for layer in part.layers_of(level.known()) {
        // Since it rose, it knows newer values than the deltas from then on begin with.
        if from_seq < level.since {
            builder.whole(slot, entity, part, layer);
        } else {
            builder.catch_up(slot, entity, from_seq, part, layer);
        }
    }
}

/// Adds the changes of this tick that go to some only. Returns whether there are any that go to everybody.
fn tell_changes(builder: &mut FrameBuilder, slot: u16, index: Index, part: &Part, level: &Level) -> bool {
    let layers = part.layers_of(level.known());
    let far = layers.end - 1;
    for layer in layers.start..far {
        builder.layer_delta(slot, index, part, layer);
    }
    let for_all = part.layer(far);
    for_all.delta(for_all.newest()).is_some_and(|delta| !delta.is_empty())
}

/// Adds what the layers are at present that reach the slot from this tick on.
fn tell_nearer(builder: &mut FrameBuilder, slot: u16, index: Index, part: &mut Part, level: &mut Level) {
    for layer in part.layers_of(level.band).start..part.layers_of(level.before).start {
        builder.whole(slot, index, part, layer);
    }
    level.since = part.layer(0).newest();
    level.before = level.band;
}

/// Returns whether the witness gets the record that everybody gets, if there is one; else adds one of its own if that is
/// news.
fn tell_movement(
    builder: &mut FrameBuilder,
    slot: u16,
    index: Index,
    space: &Space,
    level: &mut Level,
    for_all: bool,
) -> bool {
    let Some(record) = space.entities().record(index) else { return false };
    let told = record_for(level, record);
    let known = std::mem::replace(&mut level.record, told);
    if for_all && told == record {
        return true;
    }
    if told != known {
        builder.single_record(slot, index, told);
    }
    false
}

/// Where a viewer is told that an entity is: the truth as far as it reaches the viewer, else what it was told before.
fn record_for(level: &Level, record: Record) -> Record {
    const YAW: usize = Record::BYTES - 1;
    let mut told = level.record;
    if level.band <= level.movement.position {
        told.0[..YAW].copy_from_slice(&record.0[..YAW]);
    }
    if level.band <= level.movement.yaw {
        told.0[YAW] = record.0[YAW];
    }
    told
}

fn trimmed(bits: &[u64]) -> &[u64] {
    &bits[..bits.iter().rposition(|word| *word != 0).map_or(0, |last| last + 1)]
}
