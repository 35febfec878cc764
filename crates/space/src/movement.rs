//! Whether a client may have moved so far: a stock of movement time that only the server's clock fills.
//!
//! Each claim is charged with the time that the way takes at top speed, and refused when the stock does not hold as
//! much. Since only elapsed server time fills the stock, cutting one way into many messages gains nothing. The stock
//! has a cap, so that a pause allows no long leap; late and bunched messages are absorbed up to the same cap.

use kuafu_core::{Limits, Moment};

use crate::lattice::{Bounds, Position};

/// Metres that a client may be ahead of its own clock once, at top speed: rounding and interpolation.
pub const MOVE_TOLERANCE_M: f32 = 0.25;
/// How much faster than ours a client's clock may run.
pub const CLOCK_TOLERANCE: f64 = 1.01;

/// How fast an entity may move.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MoveRule {
    /// Over ground, in metres per second.
    pub top_speed: f32,
    /// Up or down, in metres per second.
    pub vertical_speed: f32,
}

/// The answer to a claimed position.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum MoveVerdict {
    /// The way is possible and has been charged.
    Accepted,
    /// The way is too far; nothing was charged.
    TooFar {
        /// The metres over ground that would have been possible.
        allowed: f32,
    },
    /// The place is not within the bounds of the space.
    OutOfBounds,
    /// A coordinate is infinite or not a number.
    NotFinite,
}

/// The movement time that one client has in stock.
#[derive(Clone, Copy, Debug)]
pub struct MoveBudget {
    filled_at: Moment,
    stock_us: f64,
    cap_us: f64,
}

impl MoveBudget {
    /// An empty stock (but for the tolerance), filled from `now` on up to `limits.move_time_budget_ms_max`.
    #[must_use]
    pub fn new(now: Moment, limits: &Limits) -> Self {
        Self { filled_at: now, stock_us: 0.0, cap_us: limits.move_time_budget_ms_max as f64 * 1000.0 }
    }

    /// Judges a claim to have moved from `from` (the last accepted position) to `to`, and charges it when accepted.
    #[must_use]
    pub fn check(
        &mut self,
        now: Moment,
        from: Position,
        to: Position,
        rule: &MoveRule,
        bounds: &Bounds,
    ) -> MoveVerdict {
        self.fill(now);
        if !to.is_finite() {
            return MoveVerdict::NotFinite;
        }
        if !bounds.contains(to) {
            return MoveVerdict::OutOfBounds;
        }
        let ground = f64::from(to.x - from.x).hypot(f64::from(to.z - from.z));
        let needed =
            time_us(ground, rule.top_speed).max(time_us(f64::from((to.y - from.y).abs()), rule.vertical_speed));
        // The tolerance is part of the stock: it is lent once and paid back by time, not granted to every message.
        let available = self.stock_us + tolerance_us(rule);
        if needed <= available {
            self.stock_us -= needed;
            MoveVerdict::Accepted
        } else {
            MoveVerdict::TooFar { allowed: (available.max(0.0) * f64::from(rule.top_speed) / 1e6) as f32 }
        }
    }

    /// Empties the stock: after a teleport, old time must not pay for new ways.
    pub fn clear(&mut self, now: Moment) {
        self.filled_at = now;
        self.stock_us = self.stock_us.min(0.0);
    }

    fn fill(&mut self, now: Moment) {
        let elapsed = now.since(self.filled_at).as_micros() as f64 * CLOCK_TOLERANCE;
        self.filled_at = self.filled_at.max(now);
        self.stock_us = (self.stock_us + elapsed).min(self.cap_us);
    }
}

/// The microseconds that a way takes; a way without speed takes for ever.
fn time_us(metres: f64, speed: f32) -> f64 {
    if metres <= 0.0 { 0.0 } else { metres / f64::from(speed.max(0.0)) * 1e6 }
}

fn tolerance_us(rule: &MoveRule) -> f64 {
    if rule.top_speed > 0.0 { f64::from(MOVE_TOLERANCE_M) / f64::from(rule.top_speed) * 1e6 } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    const RULE: MoveRule = MoveRule { top_speed: 6.0, vertical_speed: 10.0 };

    fn bounds() -> Bounds {
        Bounds::new(Position::new(-5000.0, -100.0, -5000.0), Position::new(5000.0, 100.0, 5000.0))
    }

    proptest! {
        /// However a run is cut into messages, what is accepted never exceeds top speed × time + tolerance.
        #[test]
        fn splitting_messages_gains_nothing(steps in prop::collection::vec((0u64..300, -9.0f32..9.0, -9.0f32..9.0), 1..200)) {
            let limits = Limits::default();
            let mut budget = MoveBudget::new(Moment(0), &limits);
            let (mut at, mut now, mut way) = (Position::default(), Moment(0), 0.0f64);
            for (wait_ms, dx, dz) in steps {
                now = now + Duration::from_millis(wait_ms);
                let to = Position::new(at.x + dx, 0.0, at.z + dz);
                if budget.check(now, at, to, &RULE, &bounds()) == MoveVerdict::Accepted {
                    way += f64::from(to.ground_distance_squared(at)).sqrt();
                    at = to;
                }
                let possible = now.0 as f64 / 1e6 * 6.0 * CLOCK_TOLERANCE + f64::from(MOVE_TOLERANCE_M);
                prop_assert!(way <= possible + 1e-3, "{way} m in {} µs", now.0);
            }
        }
    }

    #[test]
    fn one_long_claim_and_many_short_ones_reach_equally_far() {
        let limits = Limits::default();
        let now = Moment(100_000);
        let reach = |step: f32| {
            let mut budget = MoveBudget::new(Moment(0), &limits);
            let mut at = Position::default();
            loop {
                let to = Position::new(at.x + step, 0.0, 0.0);
                if budget.check(now, at, to, &RULE, &bounds()) != MoveVerdict::Accepted {
                    return at.x;
                }
                at = to;
            }
        };
        let allowed = 0.6 * CLOCK_TOLERANCE as f32 + MOVE_TOLERANCE_M;
        for step in [0.001, 0.01, 0.1, 0.85] {
            assert!(reach(step) <= allowed + 1e-3 && reach(step) > allowed - step - 1e-3, "{step}");
        }
    }

    #[test]
    fn a_long_pause_allows_no_long_leap() {
        let mut budget = MoveBudget::new(Moment(0), &Limits::default());
        let (from, to) = (Position::default(), Position::new(60.0, 0.0, 0.0));
        let verdict = budget.check(Moment(3_600_000_000), from, to, &RULE, &bounds());
        let MoveVerdict::TooFar { allowed } = verdict else { panic!("{verdict:?}") };
        assert!((allowed - 6.25).abs() < 1e-3);
        let to = Position::new(6.2, 0.0, 0.0);
        assert_eq!(budget.check(Moment(3_600_000_000), from, to, &RULE, &bounds()), MoveVerdict::Accepted);
    }

    #[test]
    fn climbing_is_bounded_too() {
        let mut budget = MoveBudget::new(Moment(0), &Limits::default());
        let now = Moment(100_000);
        let up = Position::new(0.0, 2.0, 0.0);
        assert!(matches!(budget.check(now, Position::default(), up, &RULE, &bounds()), MoveVerdict::TooFar { .. }));
        let up = Position::new(0.0, 1.0, 0.0);
        assert_eq!(budget.check(now, Position::default(), up, &RULE, &bounds()), MoveVerdict::Accepted);
    }

    #[test]
    fn what_is_no_place_is_refused() {
        let mut budget = MoveBudget::new(Moment(0), &Limits::default());
        let here = Position::default();
        let nan = Position::new(f32::NAN, 0.0, 0.0);
        assert_eq!(budget.check(Moment(1), here, nan, &RULE, &bounds()), MoveVerdict::NotFinite);
        let far = Position::new(5001.0, 0.0, 0.0);
        assert_eq!(budget.check(Moment(1), here, far, &RULE, &bounds()), MoveVerdict::OutOfBounds);
    }

    #[test]
    fn without_speed_nothing_moves_but_standing_is_accepted() {
        let rule = MoveRule { top_speed: 0.0, vertical_speed: 0.0 };
        let mut budget = MoveBudget::new(Moment(0), &Limits::default());
        let (here, there) = (Position::default(), Position::new(0.01, 0.0, 0.0));
        assert_eq!(budget.check(Moment(9), here, here, &rule, &bounds()), MoveVerdict::Accepted);
        assert!(matches!(budget.check(Moment(9), here, there, &rule, &bounds()), MoveVerdict::TooFar { .. }));
    }
}
