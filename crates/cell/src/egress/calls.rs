//! Client calls of one tick: encoded once, then found the witnesses that see the caller.
//!
//! A call is an event: it is never merged, and it reaches only who has the caller in view when the tick ends. For a
//! witness whose link is blocked it waits a while, within bounds, and is then given up.

use kuafu_logic::Audience;
use kuafu_space::{Index, Space, WitnessNo};

use crate::space::{OpenSpace, WaitingCall, Witness};

/// Client calls of one tick and space; further ones are dropped and counted.
const CALLS_MAX: usize = 65_536;

/// Calls that wait for one blocked witness; the oldest give way.
const WAITING_MAX: usize = 64;

/// How many seconds a call waits for a blocked link.
const WAITING_S_MAX: u64 = 5;

/// How far beyond its leave radius a witness may still have someone in view, in metres: looking around takes turns.
const VIEW_SLACK_M: f32 = 30.0;

/// The calls of a tick.
#[derive(Debug, Default)]
pub(crate) struct ClientCalls {
    bytes: Vec<u8>,
    calls: Vec<ClientCall>,
    /// Witnesses that get calls this tick.
    pub(crate) called: Vec<WitnessNo>,
    found: Vec<Index>,
}

#[derive(Clone, Copy, Debug)]
struct ClientCall {
    from: Index,
    audience: Audience,
    start: usize,
    end: usize,
}

impl ClientCalls {
    /// Adds an encoded call. Returns whether there was room.
    pub(crate) fn push(&mut self, from: Index, audience: Audience, encoded: &[u8]) -> bool {
        if self.calls.len() >= CALLS_MAX {
            return false;
        }
        let start = self.bytes.len();
        self.bytes.extend_from_slice(encoded);
        self.calls.push(ClientCall { from, audience, start, end: self.bytes.len() });
        true
    }

    pub(crate) fn len(&self) -> usize {
        self.calls.len()
    }

    /// The caller's index and the encoded call.
    pub(crate) fn get(&self, no: u32) -> (Index, &[u8]) {
        let call = self.calls[no as usize];
        (call.from, &self.bytes[call.start..call.end])
    }

    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.calls.clear();
        self.called.clear();
    }
}

impl OpenSpace {
    /// Gives each witness its calls: first those that waited, then those of this tick, in their order.
    pub(crate) fn deliver_calls(&mut self, tick: u64, tick_hz: u32) -> u64 {
        let of_this_tick = self.calls.len() as u32;
        let mut lost = self.deliver_waiting(tick);
        let until_tick = tick + WAITING_S_MAX * u64::from(tick_hz);
        let mut found = std::mem::take(&mut self.calls.found);
        for no in 0..of_this_tick {
            let ClientCall { from, audience, .. } = self.calls.calls[no as usize];
            if self.part(from).is_none() {
                lost += 1;
                continue;
            }
            self.candidates(from, audience, &mut found);
            for index in &found {
                let own = *index == from;
                let wanted = match audience {
                    Audience::Own => own,
                    Audience::Others => !own,
                    Audience::All | Audience::Within(_) => true,
                };
                if let Some(witness) = self.space.witness_of(*index).filter(|_| wanted) {
                    lost += self.deliver(witness, from, no, until_tick);
                }
            }
        }
        self.calls.found = found;
        lost
    }

    /// Entities through whose eyes the caller may be seen.
    fn candidates(&self, from: Index, audience: Audience, found: &mut Vec<Index>) {
        found.clear();
        let Some(at) = self.space.entities().position(from) else { return };
        let seen = self.space.config().radii.leave + VIEW_SLACK_M;
        match audience {
            Audience::Own => found.push(from),
            // Nobody else has it in view, so its own client is all there is.
            _ if self.space.viewing_bases(from) == 0 => found.push(from),
            Audience::Within(metres) => self.space.within(at.x, at.z, metres.min(seen), found),
            Audience::Others | Audience::All => self.space.within(at.x, at.z, seen, found),
        }
    }

    /// Returns how many calls were lost.
    fn deliver(&mut self, no: WitnessNo, from: Index, call: u32, until_tick: u64) -> u64 {
        let Self { space, witnesses, calls, .. } = self;
        let Some(witness) = witnesses[no.0 as usize].as_deref_mut() else { return 1 };
        if !witness.allowance.blocked {
            return give(witness, no, from, call, calls);
        }
        if witness.index != from && !space.sees(no, from) {
            return 0;
        }
        let Some(from) = space.entities().handle(from) else { return 1 };
        let full = witness.waiting.len() >= WAITING_MAX;
        if full {
            witness.waiting.pop_front();
        }
        let bytes = calls.get(call).1.into();
        witness.waiting.push_back(WaitingCall { from, until_tick, bytes });
        u64::from(full)
    }

    fn deliver_waiting(&mut self, tick: u64) -> u64 {
        let Self { space, witnesses, calls, .. } = self;
        let mut lost = 0;
        for (at, witness) in witnesses.iter_mut().enumerate() {
            let Some(witness) = witness.as_deref_mut() else { continue };
            while let Some(waiting) = witness.waiting.pop_front_if(|call| call.until_tick < tick) {
                drop(waiting);
                lost += 1;
            }
            if witness.allowance.blocked {
                continue;
            }
            while let Some(waiting) = witness.waiting.pop_front() {
                lost += give_waiting(space, witness, WitnessNo(at as u32), &waiting, calls);
            }
        }
        lost
    }
}

fn give_waiting(
    space: &Space,
    witness: &mut Witness,
    no: WitnessNo,
    waiting: &WaitingCall,
    calls: &mut ClientCalls,
) -> u64 {
    let Some(from) = space.entities().resolve(waiting.from) else { return 1 };
    let call = calls.len() as u32;
    // The audience says nothing here: this entry is given to one witness, and nobody walks over it.
    if !calls.push(from, Audience::Own, &waiting.bytes) {
        return 1;
    }
    give(witness, no, from, call, calls)
}

fn give(witness: &mut Witness, no: WitnessNo, from: Index, call: u32, calls: &mut ClientCalls) -> u64 {
    let Some(slot) = witness.slot_of(from) else { return 0 };
    if witness.calls.is_empty() {
        calls.called.push(no);
    }
    witness.calls.push((slot, call));
    witness.call_debt = witness.call_debt.saturating_add(calls.get(call).1.len() as u32 + 3);
    0
}
