//! What clients claim of their own movement, held against a budget of time.

use kuafu_core::{Code, Now};
use kuafu_space::{MoveVerdict, MovedBy, Position};

use crate::links::PeerNo;
use crate::role::CellRole;

impl CellRole {
    /// Takes a [`kuafu_contract::link::Event::Move`]. Of several in one tick the last accepted one counts; a refused
    /// one has the client told where it is, at most once a tick.
    pub(crate) fn take_move(
        &mut self,
        now: Now,
        peer: PeerNo,
        number: u32,
        sequence: u32,
        [x, y, z]: [f32; 3],
        yaw: f32,
    ) {
        let Some(at) = self.peers.get(peer).and_then(|link| link.witnesses.get(&number)).copied() else {
            return self.counters.count("witnesses_unknown");
        };
        let mut spaces = self.world.spaces.borrow_mut();
        let open = &mut spaces.open[at.space];
        let Some(witness) = open.witnesses[at.no.0 as usize].as_deref_mut() else { return };
        let Some(part) = open.parts[witness.index.at()].as_deref() else { return };
        let Some(from) = open.space.entities().position(witness.index) else { return };
        let is_newer = witness.move_sequence == 0 || sequence.wrapping_sub(witness.move_sequence).cast_signed() > 0;
        if !is_newer {
            return self.counters.count("stale_dropped");
        }
        witness.move_sequence = sequence;
        let to = Position::new(x, y, z);
        let verdict = if yaw.is_finite() {
            witness.budget.check(now.at, from, to, &part.layout.rule, &open.bounds)
        } else {
            MoveVerdict::NotFinite
        };
        let code = match verdict {
            MoveVerdict::Accepted => {
                open.space.stop_move(witness.index);
                match open.space.set_position(witness.index, to, yaw, MovedBy::Client) {
                    Ok(()) => return,
                    Err(_) => Code::OutOfBounds,
                }
            }
            MoveVerdict::TooFar { .. } => Code::MovedTooFar,
            MoveVerdict::OutOfBounds | MoveVerdict::NotFinite => Code::OutOfBounds,
        };
        witness.correct = Some(code);
        self.counters.count("moves_refused");
    }
}
