//! What clients see of a part: this tick's changes, encoded once an audience and layer, and the whole of it.

use bytes::BytesMut;
use kuafu_core::{Change, Value};
use kuafu_space::Index;
use kuafu_wire::{EncodeError, Writer, encode_changes};

use super::apart::{Apart, Gate, Lets, shown};
use super::layout::{Band, Layout};
use super::{Audience, Part};
use crate::history::{BLOB_OVERHEAD_BYTES, History};
use crate::role::CellRole;

/// The bytes of an enter in a client's frame besides its properties: slot, id, type, record, length.
const ENTER_OVERHEAD_BYTES: u32 = 22;

/// The newest sequence of an audience's histories, and what a viewer needs for it at most, in bytes.
type Encoded = Result<Option<(u32, u32)>, EncodeError>;

impl CellRole {
    /// Encodes what clients see of this tick's changes, once an entity, audience and layer.
    pub(crate) fn encode_changes(&mut self) {
        let kept_max = self.limits.history_blobs_max as usize;
        let mut spaces = self.world.spaces.borrow_mut();
        for open in &mut spaces.open {
            open.wake_parts(self.tick);
            let mut touched = std::mem::take(&mut open.touched);
            for index in touched.drain(..) {
                let Some(part) = open.parts[index.at()].as_deref_mut() else { continue };
                let whole = part.encode_pending(self.tick, &mut self.scratch, kept_max, |audience, sequence, bytes| {
                    open.space.note_state(index, audience.into(), sequence, bytes).ok();
                });
                if !whole {
                    self.counters.count("changes_misfit");
                }
                if let Some(tick) = part.take_wake() {
                    open.sleep(index, tick);
                }
            }
            open.touched = touched;
        }
    }
}

impl crate::space::OpenSpace {
    /// Parts behind whose gates something waits are touched in the tick in which a gate opens.
    fn wake_parts(&mut self, tick: u64) {
        while let Some(due) = self.asleep.first_entry().filter(|due| *due.key() <= tick) {
            for handle in due.remove() {
                let Some(index) = self.space.entities().resolve(handle) else { continue };
                let Some(part) = self.parts.get_mut(index.at()).and_then(Option::as_deref_mut) else { continue };
                if part.wake(tick) && part.pending.is_empty() {
                    self.touched.push(index);
                }
            }
        }
    }

    fn sleep(&mut self, index: Index, until_tick: u64) {
        if let Some(handle) = self.space.entities().handle(index) {
            self.asleep.entry(until_tick).or_default().push(handle);
        }
    }
}

impl Part {
    /// Encodes what changed this tick. Calls `note` with audience, sequence and length of each new blob, and returns
    /// whether everything could be encoded.
    fn encode_pending(
        &mut self,
        tick: u64,
        scratch: &mut BytesMut,
        kept_max: usize,
        mut note: impl FnMut(Audience, u32, u32),
    ) -> bool {
        let others = match self.apart {
            None => self.encode_others(scratch, kept_max),
            Some(_) => self.encode_layers(tick, scratch, kept_max),
        };
        let own = self.encode_own(scratch, kept_max);
        self.pending.clear();
        let whole = others.is_ok() && own.is_ok();
        for (audience, encoded) in [(Audience::Others, others), (Audience::Own, own)] {
            if let Ok(Some((sequence, bytes))) = encoded {
                note(audience, sequence, bytes);
            }
        }
        whole
    }

    fn encode_others(&mut self, scratch: &mut BytesMut, kept_max: usize) -> Encoded {
        let Self { layout, pending, others, .. } = self;
        let sees =
            |change: &&Change| layout.ty.property(change.property).is_some_and(|property| property.other_clients);
        if !pending.iter().any(|change| sees(&change)) {
            return Ok(None);
        }
        scratch.clear();
        if let Err(error) = encode_changes(&layout.ty, pending.iter().filter(sees), &mut Writer::new(scratch)) {
            others.skip();
            return Err(error);
        }
        let sequence = others.push(scratch, kept_max);
        Ok(Some((sequence, scratch.len() as u32 + BLOB_OVERHEAD_BYTES)))
    }

    fn encode_own(&mut self, scratch: &mut BytesMut, kept_max: usize) -> Encoded {
        let Self { layout, pending, own, witness, .. } = self;
        let sees = |change: &&Change| layout.ty.property(change.property).is_some_and(|property| property.own_client);
        if !pending.iter().any(|change| sees(&change)) {
            return Ok(None);
        }
        scratch.clear();
        let encoded = match witness {
            Some(_) => encode_changes(&layout.ty, pending.iter().filter(sees), &mut Writer::new(scratch)).map(Some),
            None => Ok(None),
        };
        if let Ok(Some(())) = encoded {
            let sequence = own.push(scratch, kept_max);
            return Ok(Some((sequence, scratch.len() as u32 + BLOB_OVERHEAD_BYTES)));
        }
        own.skip();
        encoded.map(|_| None)
    }

    /// As for others, layer by layer, with what the gates let through. All layers count alike.
    fn encode_layers(&mut self, tick: u64, scratch: &mut BytesMut, kept_max: usize) -> Encoded {
        let Self { layout, values, pending, others, apart, .. } = self;
        let Some(apart) = apart.as_deref_mut() else { return Ok(None) };
        apart.open_gates(layout, values, pending, tick);
        let Apart { near, gates, .. } = apart;
        let wholes = wholes(layout, values, gates);
        let layers_told = |change: &Change| layer_told(layout, gates, change);
        let changed = pending.iter().filter_map(layers_told).chain(wholes.iter().map(|(layer, _)| *layer));
        let changed = changed.fold(0u32, |bits, layer| bits | 1 << layer);
        if changed == 0 {
            return Ok(None);
        }
        let (mut bytes, mut result) = (0, Ok(()));
        for layer in 0..layout.layers.len() {
            let history = near.get_mut(layer).unwrap_or(&mut *others);
            scratch.clear();
            if changed >> layer & 1 == 1 {
                let of_layer = pending.iter().filter(|change| layers_told(change) == Some(layer));
                let wholes = wholes.iter().filter(|(of, _)| *of == layer).map(|(_, change)| change);
                if let Err(error) = encode_changes(&layout.ty, of_layer.chain(wholes), &mut Writer::new(scratch)) {
                    history.skip();
                    result = Err(error);
                    continue;
                }
                bytes += scratch.len() as u32 + BLOB_OVERHEAD_BYTES;
            }
            history.push(scratch, kept_max);
        }
        result.map(|()| Some((others.newest(), bytes)))
    }

    /// See [`Apart::take_wake`].
    fn take_wake(&mut self) -> Option<u64> {
        self.apart.as_deref_mut()?.take_wake()
    }

    /// See [`Apart::wake`].
    fn wake(&mut self, tick: u64) -> bool {
        self.apart.as_deref_mut().is_some_and(|apart| apart.wake(tick))
    }

    /// The history of one layer of what others get.
    pub(crate) fn layer(&self, layer: usize) -> &History {
        let near = self.apart.as_deref().and_then(|apart| apart.near.get(layer));
        near.unwrap_or(&self.others)
    }

    /// The layers that reach viewers in a band.
    pub(crate) fn layers_of(&self, band: Band) -> std::ops::Range<usize> {
        self.layout.first_layer(band)..self.layout.layers.len()
    }

    /// All that an audience sees, for others that are in `band`; encoded once a version.
    pub(crate) fn snapshot(&mut self, audience: Audience, band: Band) -> &[u8] {
        let Self { layout, values, others, own, apart, .. } = self;
        if audience == Audience::Own {
            let visible = layout.own.iter().map(|at| (layout.numbers[*at], &values[*at]));
            return own.snapshot(own.newest(), &layout.ty, visible);
        }
        let Some(Apart { near, gates, .. }) = apart.as_deref_mut() else {
            let visible = layout.visible(audience).iter().map(|at| (layout.numbers[*at], &values[*at]));
            return others.snapshot(others.newest(), &layout.ty, visible);
        };
        let layer = layout.first_layer(band);
        let of_near = near.iter().skip(layer).map(History::changed_at);
        let version = of_near.fold(others.changed_at(), u32::max);
        let visible = layout.layers[layer].all.iter();
        let visible = visible.map(|at| (layout.numbers[*at], shown(layout, values, gates, *at)));
        near.get_mut(layer).unwrap_or(others).snapshot(version, &layout.ty, visible)
    }

    /// All that an audience sees, or one layer of it, as changes; encoded once a version. Empty when there is nothing.
    pub(crate) fn catch_up(&mut self, audience: Audience, layer: usize) -> &[u8] {
        let Self { layout, values, others, own, apart, .. } = self;
        if audience == Audience::Own {
            let visible = layout.own.iter().map(|at| (layout.numbers[*at], &values[*at]));
            return own.catch_up(&layout.ty, visible);
        }
        let properties = &layout.layers[layer].properties;
        if properties.is_empty() {
            return &[];
        }
        let Some(Apart { near, gates, .. }) = apart.as_deref_mut() else {
            return others.catch_up(&layout.ty, properties.iter().map(|at| (layout.numbers[*at], &values[*at])));
        };
        let visible = properties.iter().map(|at| (layout.numbers[*at], shown(layout, values, gates, *at)));
        near.get_mut(layer).unwrap_or(others).catch_up(&layout.ty, visible)
    }

    /// What an enter costs for those in the farthest band.
    pub(crate) fn enter_bytes(&mut self) -> u32 {
        self.snapshot(Audience::Others, Band::MAX).len() as u32 + ENTER_OVERHEAD_BYTES
    }

    /// What it costs to bring a viewer from a sequence to now: of others the nearest, who get most.
    pub(crate) fn catch_up_bytes(&mut self, audience: Audience, from: u32) -> u32 {
        let layers = match audience {
            Audience::Own => 0..1,
            Audience::Others => 0..self.layout.layers.len(),
        };
        layers
            .map(|layer| {
                let history = if audience == Audience::Own { &self.own } else { self.layer(layer) };
                match history.bytes_after(from) {
                    Some(bytes) => bytes,
                    None => self.catch_up(audience, layer).len() as u32 + BLOB_OVERHEAD_BYTES,
                }
            })
            .sum()
    }

    /// What it costs to tell a viewer that comes from band `before` what it may know in `band`.
    pub(crate) fn rise_bytes(&mut self, before: Band, band: Band) -> u32 {
        let layers = self.layers_of(band).start..self.layers_of(before).start;
        let told = layers.map(|layer| self.catch_up(Audience::Others, layer).len() as u32 + BLOB_OVERHEAD_BYTES);
        told.sum()
    }
}

/// The layer in which others are told of a change in this tick.
fn layer_told(layout: &Layout, gates: &[Gate], change: &Change) -> Option<usize> {
    let at = layout.position(change.property)?;
    let gate = layout.gated.iter().position(|gated| gated.at == at).map(|no| &gates[no]);
    gate.is_none_or(|gate| gate.lets == Lets::Changes).then_some(())?;
    layout.layer_of(at)
}

/// The values that gates let through whole, with their layers.
fn wholes(layout: &Layout, values: &[Value], gates: &[Gate]) -> Vec<(usize, Change)> {
    let open = layout.gated.iter().zip(gates).filter(|(_, gate)| gate.lets == Lets::Whole);
    let whole = |at: usize| Some((layout.layer_of(at)?, Change::set(layout.numbers[at], values[at].clone())));
    open.filter_map(|(gated, _)| whole(gated.at)).collect()
}
