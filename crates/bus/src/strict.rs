//! Strict mode: what a network would do to messages, done to those that never leave the process.
//!
//! Envelopes are encoded and decoded, so nothing unserializable slips through; deliveries are late by a random span,
//! in order for each pair of instances; notices are lost at a stated rate. Calls and frames are not lost here: that is
//! the simulator's business, which also sees how the outcome is unknown.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::sync::{Arc, Condvar, Mutex, Weak};
use std::time::Duration;

use kuafu_contract::{Address, Body, Envelope};
use kuafu_core::{Chance, Clock, Code, Moment, Refusal};

use crate::local::{Delivery, Shared};

/// How strict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Strictness {
    /// The longest delay of a delivery.
    pub delay_max: Duration,
    /// One notice in so many is lost; 0 loses none.
    pub lose_one_notice_in: u32,
    /// Seed of delays and losses.
    pub seed: u64,
    /// The most deliveries on their way; further calls are refused as Busy.
    pub in_flight_max: usize,
}

impl Default for Strictness {
    fn default() -> Self {
        Self { delay_max: Duration::from_millis(4), lose_one_notice_in: 100, seed: 1, in_flight_max: 65_536 }
    }
}

/// A message that does not survive its own encoding.
#[derive(Debug, thiserror::Error)]
#[error("the message is not what it was after encoding and decoding: {0}")]
pub struct StrictError(String);

pub(crate) struct Strict {
    strictness: Strictness,
    clock: Arc<dyn Clock>,
    lane: Arc<Lane>,
}

#[derive(Default)]
struct Lane {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    chance: Option<Chance>,
    due: BinaryHeap<Reverse<Due>>,
    /// The latest time given to a pair, so that its deliveries stay in order.
    latest: BTreeMap<(Address, Address), Moment>,
    next: u64,
}

struct Due {
    at: Moment,
    number: u64,
    to: Address,
    delivery: Delivery,
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Due {}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

impl Strict {
    pub(crate) fn new(strictness: Strictness, clock: Arc<dyn Clock>) -> Self {
        let state = State { chance: Some(Chance::from_seed(strictness.seed)), ..State::default() };
        Self { strictness, clock, lane: Arc::new(Lane { state: Mutex::new(state), changed: Condvar::new() }) }
    }

    /// Starts the thread that delivers what is due; it ends with the bus.
    pub(crate) fn start(&self, bus: Weak<Shared>) {
        let (lane, clock) = (self.lane.clone(), self.clock.clone());
        let builder = std::thread::Builder::new().name("strict-bus".into());
        builder.spawn(move || deliver_due(&lane, &*clock, &bus)).expect("a process can start one more thread");
    }

    pub(crate) fn send(&self, to: Address, delivery: Delivery) -> Result<(), Refusal> {
        let delivery = recode(delivery).map_err(|why| Refusal::new(Code::ServerFault, why.to_string()))?;
        let from = match &delivery {
            Delivery::Envelope(envelope) => envelope.from,
            Delivery::Frame { peer, .. } | Delivery::Credit { peer, .. } | Delivery::LinkDown { peer } => *peer,
        };
        let now = self.clock.now().at;
        let mut guard = self.lane.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let state = &mut *guard;
        if state.due.len() >= self.strictness.in_flight_max {
            return Err(Code::Busy.into());
        }
        let chance = state.chance.as_mut().expect("a strict lane is built with chance");
        let lose = i64::from(self.strictness.lose_one_notice_in);
        let is_notice = matches!(&delivery, Delivery::Envelope(Envelope { body: Body::Notice(_), .. }));
        if is_notice && lose > 0 && chance.between(1, lose) == 1 {
            return Ok(());
        }
        let delay = self.strictness.delay_max.mul_f64(chance.unit());
        let latest = state.latest.entry((from, to)).or_default();
        *latest = (*latest).max(now + delay);
        let due = Due { at: *latest, number: state.next, to, delivery };
        state.next += 1;
        state.due.push(Reverse(due));
        self.lane.changed.notify_one();
        Ok(())
    }
}

fn recode(delivery: Delivery) -> Result<Delivery, StrictError> {
    let Delivery::Envelope(envelope) = delivery else { return Ok(delivery) };
    let bytes = postcard::to_stdvec(&envelope).map_err(|why| StrictError(why.to_string()))?;
    let decoded: Envelope = postcard::from_bytes(&bytes).map_err(|why| StrictError(why.to_string()))?;
    if decoded != envelope {
        return Err(StrictError(format!("{envelope:?} became {decoded:?}")));
    }
    Ok(Delivery::Envelope(decoded))
}

fn deliver_due(lane: &Lane, clock: &dyn Clock, bus: &Weak<Shared>) {
    let mut state = lane.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    loop {
        let now = clock.now().at;
        let next = state.due.peek().map(|due| due.0.at);
        match next {
            Some(at) if at <= now => {
                let Reverse(due) = state.due.pop().expect("it was just seen");
                drop(state);
                let Some(bus) = bus.upgrade() else { return };
                refuse_if_lost(&bus, due);
                state = lane.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            }
            _ => {
                let wait = next.map_or(Duration::from_millis(200), |at| at.since(now));
                state = match lane.changed.wait_timeout(state, wait) {
                    Ok((state, _)) => state,
                    Err(poisoned) => poisoned.into_inner().0,
                };
                if bus.strong_count() == 0 {
                    return;
                }
            }
        }
    }
}

/// Delivers; a call that finds nobody is answered in the place of the one who is gone.
fn refuse_if_lost(bus: &Shared, due: Due) {
    let answer = match &due.delivery {
        Delivery::Envelope(Envelope { from, body: Body::Call(call, _), version }) => Some((*from, *call, *version)),
        _ => None,
    };
    if let (Err(refusal), Some((caller, call, version))) = (bus.deliver(due.to, due.delivery), answer) {
        let body = Body::Answer(call, Err(refusal));
        // When the caller is gone too, nobody waits for this answer.
        let _ = bus.deliver(caller, Delivery::Envelope(Envelope { version, from: due.to, body }));
    }
}
