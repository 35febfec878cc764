//! The world frames of one space: one a base, cut into several only when one would be too large.

use kuafu_contract::link::Event;
use kuafu_space::{Entities, Index, WitnessNo, WitnessTick, for_each_bit};

use super::{FrameBuilder, levels};
use crate::links::PeerNo;
use crate::part::{Audience, Part};
use crate::role::CellRole;
use crate::space::OpenSpace;

/// What a record or a blob head costs in a frame, at most; for deciding beforehand whether all fits.
const ROW_BYTES: usize = 11;

impl CellRole {
    /// Steps the view of one space and sends what it gives.
    pub(crate) fn send_world(&mut self, at: usize, open: &mut OpenSpace, space_time_ms: u64) {
        open.set_allowances(&self.peers, &self.limits);
        open.step_view(&mut self.entries);
        let levels_held_back = open.step_levels();
        let lost = open.deliver_calls(self.tick, self.tick_hz);
        self.counters.add("client_calls_lost", lost as f64);
        self.counters.add("held_back", f64::from(open.output.counts.held_back + levels_held_back));
        self.counters.add("displaced", f64::from(open.output.counts.displaced));
        self.begin_frames(open);
        let output = std::mem::take(&mut open.output);
        for tick in &output.witnesses {
            self.send_witness(open, &output, tick, space_time_ms);
        }
        open.output = output;
        self.send_levels_alone(open, space_time_ms);
        self.send_calls_alone(open, space_time_ms);
        self.finish_frames(at, open, space_time_ms);
        open.calls.clear();
    }

    /// The size from which on a frame is cut: one more witness always fits behind it.
    fn soft_bytes_max(&self) -> usize {
        self.limits.link_frame_bytes_max as usize / 2
    }

    /// Begins a frame for each base that has something in the space, with all records and changes when they fit.
    fn begin_frames(&mut self, open: &OpenSpace) {
        let sparse = shared_bytes(open) > self.soft_bytes_max();
        let (capacity, calls) = (open.space.entities().capacity(), open.calls.len());
        for (no, link) in self.peers.iter_mut() {
            if self.builders.len() <= no.at() {
                self.builders.resize_with(no.at() + 1, FrameBuilder::default);
            }
            self.builders[no.at()].active = false;
            if !link.blocked && open.is_present(no) {
                self.builders[no.at()].begin(sparse, capacity, calls);
            }
        }
        if sparse {
            return self.counters.count("frames_sparse");
        }
        for out in &open.output.records {
            each_base(&mut self.builders, out.bases, |builder| builder.record(out.entity, out.record));
        }
        for out in &open.output.states {
            let Some(part) = open.part(out.entity) else { continue };
            each_base(&mut self.builders, out.bases, |builder| builder.state(out.entity, part));
        }
    }

    fn send_witness(
        &mut self,
        open: &mut OpenSpace,
        output: &kuafu_space::ViewOutput,
        tick: &WitnessTick,
        space_time_ms: u64,
    ) {
        let peer = PeerNo(tick.base);
        if !self.make_room(peer, open, tick.witness, space_time_ms) {
            return;
        }
        let OpenSpace { space, parts, witnesses, calls, picked, .. } = open;
        let Some(witness) = witnesses[tick.witness.0 as usize].as_deref_mut() else { return };
        let Some(builder) = self.builders.get_mut(peer.at()).filter(|builder| builder.active) else { return };
        for enter in output.enters(tick) {
            let (record, part) = (space.entities().record(enter.entity), parts[enter.entity.at()].as_deref_mut());
            if let (Some(record), Some(part)) = (record, part) {
                let band = witness.levels.get(enter.slot).map(|level| level.band);
                builder.enter(enter.slot, enter.entity, record, part, band);
            }
        }
        if tick.own_state
            && let Some(part) = parts[tick.entity.at()].as_deref()
        {
            builder.own_delta(tick.entity, part);
        }
        for missed in output.catch_ups(tick) {
            if let Some(part) = parts[missed.entity.at()].as_deref_mut() {
                levels::catch_up(builder, witness, missed, part);
            }
        }
        let mut bits = (output.moved_bits(tick), output.state_bits(tick));
        if !witness.levels.is_empty() {
            picked.pick(builder, witness, space, parts, bits);
            bits = picked.bits();
        }
        if builder.sparse {
            add_shared(builder, space.entities(), parts, &witness.slots, bits);
        }
        for (slot, call) in witness.calls.drain(..) {
            builder.call(slot, call, calls.get(call));
        }
        builder.witness(witness.number, output.leaves(tick), bits.0, bits.1);
    }

    /// Sends what came near to those witnesses that get nothing else but calls.
    fn send_levels_alone(&mut self, open: &mut OpenSpace, space_time_ms: u64) {
        if open.distances.is_empty() {
            return;
        }
        for at in 0..open.witnesses.len() {
            let Some(witness) = open.witnesses[at].as_deref().filter(|witness| !witness.levels.risen.is_empty()) else {
                continue;
            };
            let (peer, no) = (witness.peer, WitnessNo(at as u32));
            if !self.make_room(peer, open, no, space_time_ms) {
                continue;
            }
            let OpenSpace { space, parts, witnesses, calls, picked, .. } = open;
            let Some(witness) = witnesses[at].as_deref_mut() else { continue };
            let Some(builder) = self.builders.get_mut(peer.at()).filter(|builder| builder.active) else { continue };
            picked.pick(builder, witness, space, parts, (&[], &[]));
            for (slot, call) in witness.calls.drain(..) {
                builder.call(slot, call, calls.get(call));
            }
            builder.witness(witness.number, &[], &[], &[]);
        }
    }

    /// Sends the calls of those witnesses that get nothing else.
    fn send_calls_alone(&mut self, open: &mut OpenSpace, space_time_ms: u64) {
        let called = std::mem::take(&mut open.calls.called);
        for no in &called {
            let Some(peer) = open.witness(*no).filter(|witness| !witness.calls.is_empty()).map(|witness| witness.peer)
            else {
                continue;
            };
            if !self.make_room(peer, open, *no, space_time_ms) {
                continue;
            }
            let OpenSpace { witnesses, calls, .. } = open;
            let Some(witness) = witnesses[no.0 as usize].as_deref_mut() else { continue };
            let Some(builder) = self.builders.get_mut(peer.at()).filter(|builder| builder.active) else { continue };
            for (slot, call) in witness.calls.drain(..) {
                builder.call(slot, call, calls.get(call));
            }
            builder.witness(witness.number, &[], &[], &[]);
        }
        open.calls.called = called;
    }

    /// Sees to it that a witness fits the base's frame, by sending the frame and beginning another. When the link takes
    /// no more, the witness's view starts anew in a later tick: `false`.
    fn make_room(&mut self, peer: PeerNo, open: &mut OpenSpace, no: WitnessNo, space_time_ms: u64) -> bool {
        let soft_bytes_max = self.soft_bytes_max();
        let Some(builder) = self.builders.get_mut(peer.at()).filter(|builder| builder.active) else { return false };
        if builder.bytes() <= soft_bytes_max {
            return true;
        }
        let Some(link) = self.peers.get_mut(peer) else { return false };
        // One number is left for the last frame.
        if link.has_spare()
            && let Some(sequence) = link.take()
        {
            let frame = builder.finish(sequence, open.id(), space_time_ms, &[]);
            self.book.frame(link.address, frame);
            self.counters.count("frames_cut");
            builder.begin(true, open.space.entities().capacity(), open.calls.len());
            return true;
        }
        self.counters.count("views_restarted");
        if let Some((_, witness, view)) = open.restart(no, self.tick_hz) {
            link.open(Event::SpaceEntered { witness, view });
        }
        false
    }

    fn finish_frames(&mut self, at: usize, open: &OpenSpace, space_time_ms: u64) {
        let bytes_max = self.limits.link_frame_bytes_max as usize;
        for (no, link) in self.peers.iter_mut() {
            let Some(builder) = self.builders.get_mut(no.at()).filter(|builder| builder.active) else { continue };
            let Some(sequence) = link.take() else { continue };
            let room = bytes_max.saturating_sub(builder.bytes()) / 2;
            let events = if link.last_space == Some(at) { link.take_events(room) } else { Vec::new() };
            let frame = builder.finish(sequence, open.id(), space_time_ms, &events);
            builder.active = false;
            self.counters.count("frames");
            self.counters.add("frame_bytes", frame.len() as f64);
            if frame.len() > bytes_max {
                self.counters.count("frames_too_large");
            }
            self.book.frame(link.address, frame);
        }
    }
}

/// Adds the records and changes to a sparse frame that a witness shares with others.
fn add_shared(
    builder: &mut FrameBuilder,
    entities: &Entities,
    parts: &[Option<Box<Part>>],
    slots: &[u32],
    (moved, state): (&[u64], &[u64]),
) {
    let who = |slot: usize| Index(slots.get(slot).copied().unwrap_or_default());
    for_each_bit(moved, |slot| {
        if let Some(record) = entities.record(who(slot)) {
            builder.record_once(who(slot), record);
        }
    });
    for_each_bit(state, |slot| {
        if let Some(part) = parts[who(slot).at()].as_deref() {
            builder.state_once(who(slot), part);
        }
    });
}

/// What all records and changes of the tick take in a frame, at most.
fn shared_bytes(open: &OpenSpace) -> usize {
    let newest = |part: &Part| {
        let history = part.history(Audience::Others);
        history.delta(history.newest()).map_or(0, <[u8]>::len)
    };
    let states = open.output.states.iter().filter_map(|out| open.part(out.entity));
    open.output.records.len() * ROW_BYTES + states.map(|part| ROW_BYTES + newest(part)).sum::<usize>()
}

/// Calls `visit` with the frame of every base of the mask that gets one.
fn each_base(builders: &mut [FrameBuilder], bases: u64, mut visit: impl FnMut(&mut FrameBuilder)) {
    for_each_bit(&[bases], |base| {
        if let Some(builder) = builders.get_mut(base).filter(|builder| builder.active) {
            visit(builder);
        }
    });
}
