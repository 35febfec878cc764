//! The bus between roles: how late a message is, and whether it comes at all.
//!
//! Between one pair of instances order is kept, as on a connection; between different pairs nothing is promised.
//! Notices can be lost; of a call the request or the answer can be, and then it ends as unknown. Frames and what
//! belongs to links is late, never lost: a link breaks only with one of its ends.

use std::collections::BTreeMap;
use std::time::Duration;

use kuafu_contract::{Address, Body, CallId, Reply, Request};
use kuafu_core::{Chance, Moment, Refusal};
use kuafu_node::CallRef;

use crate::plan::Plan;

/// What arrives at an instance.
#[derive(Debug)]
pub(crate) enum Delivery {
    Call { from: CallRef, request: Request },
    Notice { from: Address, request: Request },
    Answer { call: CallId, result: Result<Reply, Refusal> },
    Frame { peer: Address, frame: bytes::Bytes },
    Credit { peer: Address, frames: u32 },
    LinkDown { peer: Address },
}

/// Delays and losses, drawn from the seed.
#[derive(Debug)]
pub(crate) struct Post {
    chance: Chance,
    latest: BTreeMap<(Address, Address), Moment>,
    delay_us_max: i64,
    lose_notice: f64,
    lose_call: f64,
    stall: f64,
}

impl Post {
    pub(crate) fn new(plan: &Plan) -> Self {
        Self {
            chance: Chance::from_seed(plan.seed ^ 0x705f_7374),
            latest: BTreeMap::new(),
            delay_us_max: plan.delay_us_max,
            lose_notice: plan.lose_notice,
            lose_call: plan.lose_call,
            stall: plan.stall,
        }
    }

    /// From here on nothing is lost, and nothing is late by more than a few milliseconds.
    pub(crate) fn calm(&mut self) {
        (self.delay_us_max, self.lose_notice, self.lose_call, self.stall) = (2_000, 0.0, 0.0, 0.0);
    }

    /// When a delivery arrives, and a draw for its place among others of that moment. `None` when it is lost.
    pub(crate) fn send(
        &mut self,
        now: Moment,
        from: Address,
        to: Address,
        delivery: &Delivery,
    ) -> Option<(Moment, u64)> {
        let loss = match delivery {
            Delivery::Notice { .. } => self.lose_notice,
            Delivery::Call { .. } | Delivery::Answer { .. } => self.lose_call,
            Delivery::Frame { .. } | Delivery::Credit { .. } | Delivery::LinkDown { .. } => 0.0,
        };
        let lost = self.chance.unit() < loss;
        let at = now + self.delay();
        let draw = self.chance.u64();
        if lost {
            return None;
        }
        let latest = self.latest.entry((from, to)).or_default();
        *latest = (*latest + Duration::from_micros(1)).max(at);
        Some((*latest, draw))
    }

    fn delay(&mut self) -> Duration {
        let us = self.chance.between(20, self.delay_us_max);
        // Now and then a connection stalls, and all that follows on it with it.
        let stall = if self.chance.unit() < self.stall { self.chance.between(0, 2_500_000) } else { 0 };
        Duration::from_micros((us + stall).unsigned_abs())
    }
}

/// What a message is after encoding and decoding; `None` when it is not what it was.
pub(crate) fn recode(body: &Body) -> Option<Body> {
    let bytes = postcard::to_stdvec(body).ok()?;
    postcard::from_bytes(&bytes).ok().filter(|decoded| decoded == body)
}
