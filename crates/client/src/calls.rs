//! Calls that wait for their results.

use std::sync::Arc;

use kuafu_core::{Limits, MethodNo, Value};
use kuafu_def::EntityType;
use kuafu_wire::{CallOutcome, Reader, decode_result};

use crate::{CallError, Loss};

/// The calls of one player.
#[derive(Default)]
pub(crate) struct Calls {
    last: u32,
    pending: Vec<Pending>,
    /// Results that a future of the client waits for.
    answers: Vec<(u32, Result<Value, CallError>)>,
}

struct Pending {
    number: u32,
    ty: Arc<EntityType>,
    method: MethodNo,
    deadline_ms: f64,
    awaited: bool,
}

/// A call that ended and for which no future waits.
pub(crate) struct Ended {
    pub(crate) number: u32,
    pub(crate) result: Result<Value, CallError>,
}

impl Calls {
    pub(crate) fn in_flight(&self) -> usize {
        self.pending.len()
    }

    /// The number of the next call; never 0.
    pub(crate) fn next_number(&self) -> u32 {
        self.last.checked_add(1).unwrap_or(1)
    }

    pub(crate) fn began(
        &mut self,
        number: u32,
        ty: Arc<EntityType>,
        method: MethodNo,
        deadline_ms: f64,
        awaited: bool,
    ) {
        self.last = number;
        self.pending.push(Pending { number, ty, method, deadline_ms, awaited });
    }

    /// Takes a Result message. One for a call that is not waited for any more is passed over.
    pub(crate) fn end(&mut self, number: u32, outcome: CallOutcome, limits: &Limits) -> Result<Option<Ended>, Loss> {
        let Some(at) = self.pending.iter().position(|call| call.number == number) else { return Ok(None) };
        let call = self.pending.swap_remove(at);
        let result = match outcome {
            CallOutcome::Value(bytes) => match call.ty.method(call.method) {
                Some(method) => Ok(decode_result(method, &mut Reader::new(&bytes), limits)?),
                None => Ok(Value::Nil),
            },
            CallOutcome::Refused { code, text } => Err(CallError::Refused { code, text }),
            CallOutcome::Unknown { code, text } => Err(CallError::Unknown { code, text }),
        };
        Ok(self.settle(&call, result))
    }

    /// Ends the calls whose time is over; with `now_ms` infinite, all of them.
    pub(crate) fn expire(&mut self, now_ms: f64, why: &str) -> Vec<Ended> {
        let (over, pending) = std::mem::take(&mut self.pending).into_iter().partition(|c| c.deadline_ms <= now_ms);
        self.pending = pending;
        let over: Vec<Pending> = over;
        over.iter().filter_map(|call| self.settle(call, Err(CallError::unknown(why)))).collect()
    }

    pub(crate) fn next_deadline_ms(&self) -> f64 {
        self.pending.iter().map(|call| call.deadline_ms).fold(f64::INFINITY, f64::min)
    }

    pub(crate) fn take_answer(&mut self, number: u32) -> Option<Result<Value, CallError>> {
        let at = self.answers.iter().position(|(answered, _)| *answered == number)?;
        Some(self.answers.swap_remove(at).1)
    }

    /// No future waits any more: it was dropped.
    pub(crate) fn forget_awaited(&mut self) {
        self.answers.clear();
        self.pending.iter_mut().for_each(|call| call.awaited = false);
    }

    fn settle(&mut self, call: &Pending, result: Result<Value, CallError>) -> Option<Ended> {
        if call.awaited {
            self.answers.push((call.number, result));
            None
        } else {
            Some(Ended { number: call.number, result })
        }
    }
}
