//! What a part keeps for others when not all of them get everything at once: a history for each nearer layer, and a gate
//! for each property with an update rate.
//!
//! A gate lets a property out at most once in its interval. What others know of it, in deltas, catch-ups and snapshots
//! alike, is the value that was let out last: so nobody knows more than the others, and deltas always fit. Changes that
//! must wait are not kept: when the gate opens, the whole value of then is told, unless others know it already.

use kuafu_core::{Change, Value};

use super::layout::{Gated, Layout};
use crate::history::History;

/// Histories and gates beside those of a plain part.
#[derive(Debug)]
pub(super) struct Apart {
    /// One for each layer but the last, whose history every part has.
    pub(super) near: Vec<History>,
    /// As the layout's gated properties.
    pub(super) gates: Vec<Gate>,
    /// The tick in which it is looked at again.
    wakes_at: Option<u64>,
}

/// Holds changes of one property back.
#[derive(Debug)]
pub(super) struct Gate {
    /// What others know.
    pub(super) told: Value,
    /// The first tick in which others may be told again.
    opens_at: u64,
    /// Others do not know the present value.
    waiting: bool,
    pub(super) lets: Lets,
}

/// What a gate lets through in a tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lets {
    /// Nothing.
    Nothing,
    /// The changes of this tick.
    Changes,
    /// The whole value, since changes were left out before.
    Whole,
}

impl Apart {
    /// `None` for a part whose others all get everything at once.
    pub(super) fn new(layout: &Layout, values: &[Value]) -> Option<Box<Self>> {
        if layout.is_plain() {
            return None;
        }
        let gate =
            |gated: &Gated| Gate { told: values[gated.at].clone(), opens_at: 0, waiting: false, lets: Lets::Nothing };
        Some(Box::new(Self {
            near: (0..layout.far()).map(|_| History::default()).collect(),
            gates: layout.gated.iter().map(gate).collect(),
            wakes_at: None,
        }))
    }

    /// Decides what each gate lets through in this tick.
    pub(super) fn open_gates(&mut self, layout: &Layout, values: &[Value], pending: &[Change], tick: u64) {
        for (gate, gated) in self.gates.iter_mut().zip(&layout.gated) {
            let no = layout.numbers[gated.at];
            let changed = pending.iter().any(|change| change.property == no);
            gate.decide(changed, &values[gated.at], tick, gated.interval_ticks);
        }
    }

    /// The tick in which a gate opens behind which something waits, when nobody was told of it yet.
    pub(super) fn take_wake(&mut self) -> Option<u64> {
        let waiting = self.gates.iter().filter(|gate| gate.waiting);
        let wakes_at = waiting.map(|gate| gate.opens_at).min();
        let news = wakes_at.filter(|at| self.wakes_at.is_none_or(|known| *at < known));
        self.wakes_at = news.or(self.wakes_at);
        news
    }

    /// Whether it is to be looked at in this tick; once.
    pub(super) fn wake(&mut self, tick: u64) -> bool {
        self.wakes_at.take_if(|at| *at <= tick).is_some()
    }
}

impl Gate {
    fn decide(&mut self, changed: bool, value: &Value, tick: u64, interval_ticks: u64) {
        self.lets = Lets::Nothing;
        if !changed && !self.waiting {
            return;
        }
        if tick < self.opens_at {
            self.waiting = true;
            return;
        }
        let was_waiting = std::mem::take(&mut self.waiting);
        if self.told != *value {
            self.lets = if was_waiting { Lets::Whole } else { Lets::Changes };
            self.told.clone_from(value);
            self.opens_at = tick + interval_ticks;
        }
    }
}

/// The value of a property as others may know it.
pub(super) fn shown<'v>(layout: &Layout, values: &'v [Value], gates: &'v [Gate], at: usize) -> &'v Value {
    let gate = layout.gated.iter().position(|gated| gated.at == at).and_then(|no| gates.get(no));
    gate.map_or(&values[at], |gate| &gate.told)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gate_lets_the_first_change_through_and_of_those_that_follow_the_newest_value() {
        let mut gate = Gate { told: Value::Int(0), opens_at: 0, waiting: false, lets: Lets::Nothing };
        let changes = [(10, Some(1)), (11, Some(2)), (12, None), (13, Some(3)), (15, None), (16, None), (20, Some(4))];
        let mut value = Value::Int(0);
        let mut seen = Vec::new();
        for (tick, change) in changes {
            value = change.map_or(value, Value::Int);
            gate.decide(change.is_some(), &value, tick, 5);
            seen.push((gate.lets, gate.told.clone()));
        }
        let (nothing, one, three) = (Lets::Nothing, Value::Int(1), Value::Int(3));
        let expected = [
            (Lets::Changes, one.clone()),
            (nothing, one.clone()),
            (nothing, one.clone()),
            (nothing, one),
            (Lets::Whole, three.clone()),
            (nothing, three.clone()),
            (Lets::Changes, Value::Int(4)),
        ];
        assert_eq!(seen, expected);
    }

    #[test]
    fn a_value_that_came_back_is_not_told() {
        let mut gate = Gate { told: Value::Int(1), opens_at: 5, waiting: false, lets: Lets::Nothing };
        gate.decide(true, &Value::Int(2), 3, 5);
        gate.decide(true, &Value::Int(1), 4, 5);
        gate.decide(false, &Value::Int(1), 5, 5);
        assert_eq!((gate.lets, gate.waiting, gate.opens_at), (Lets::Nothing, false, 5));
    }
}
