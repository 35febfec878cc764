//! A bot's walk: straight to its spot, then from one place near it to the next, with a rest now and then.
//!
//! It walks a little slower than allowed, and never farther at once than a second's way would bring it: time that the
//! process could not give it is not made up for.

use std::time::Duration;

use kuafu_core::Chance;

use crate::plan::Spot;
use crate::truth::Place;

/// Of its top speed, what a bot walks at.
const SPEED_SHARE: f32 = 0.95;
/// The speed of an entity that has no top speed, in metres a second.
const SPEED_UNBOUNDED: f32 = 6.0;
/// The longest time that one step makes up for.
const STEP_MAX: Duration = Duration::from_millis(250);
/// One in so many goals is a place to rest at.
const REST_EVERY: i64 = 40;

/// A bot on its way.
#[derive(Clone, Debug)]
pub(crate) struct Walker {
    spot: Spot,
    speed: f32,
    place: Place,
    yaw: f32,
    goal: Place,
    rest: Duration,
    arrived: bool,
}

impl Walker {
    /// A walker at `place` that may walk at `top_speed` metres a second; 0 is without bound.
    #[must_use]
    pub(crate) fn new(spot: Spot, top_speed: f32, place: Place, yaw: f32) -> Self {
        let speed = if top_speed > 0.0 { top_speed } else { SPEED_UNBOUNDED } * SPEED_SHARE;
        Self { spot, speed, place, yaw, goal: spot.center, rest: Duration::ZERO, arrived: false }
    }

    /// Walks for `span`. Gives the new place, or `None` while it rests.
    pub(crate) fn step(&mut self, span: Duration, chance: &mut Chance) -> Option<Place> {
        let span = span.min(STEP_MAX);
        if !self.rest.is_zero() {
            self.rest = self.rest.saturating_sub(span);
            return None;
        }
        let (x, z) = (self.goal[0] - self.place[0], self.goal[1] - self.place[1]);
        let (left, way) = (x.hypot(z), self.speed * span.as_secs_f32());
        if left > 0.01 {
            self.yaw = x.atan2(z);
        }
        if left <= way {
            self.place = self.goal;
            self.arrived = true;
            self.choose_goal(chance);
        } else {
            self.place = [self.place[0] + x / left * way, self.place[1] + z / left * way];
        }
        Some(self.place)
    }

    /// Stands somewhere else: the server said so.
    pub(crate) fn put(&mut self, place: Place, yaw: f32) {
        (self.place, self.yaw) = (place, yaw);
    }

    /// Where it stands.
    #[must_use]
    pub(crate) fn place(&self) -> Place {
        self.place
    }

    /// Where it looks, in radians: 0 along +z, a quarter turn along +x.
    #[must_use]
    pub(crate) fn yaw(&self) -> f32 {
        self.yaw
    }

    /// Whether it has been at its spot.
    #[must_use]
    pub(crate) fn has_arrived(&self) -> bool {
        self.arrived
    }

    fn choose_goal(&mut self, chance: &mut Chance) {
        if chance.between(1, REST_EVERY) == 1 {
            self.rest = Duration::from_millis(1_000 + (chance.unit() * 2_000.0) as u64);
        }
        // Evenly over the disc.
        let (far, turn) =
            (self.spot.radius * chance.unit().sqrt() as f32, chance.unit() as f32 * std::f32::consts::TAU);
        let [x, z] = self.spot.center;
        self.goal = self.spot.area.clamp([x + far * turn.cos(), z + far * turn.sin()]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Area;

    #[test]
    fn a_walker_reaches_its_spot_stays_near_it_and_never_runs() {
        let area = Area { least: [0.0, 0.0], greatest: [100.0, 100.0] };
        let spot = Spot { center: [95.0, 50.0], radius: 25.0, area };
        let mut walker = Walker::new(spot, 6.0, [20.0, 50.0], 0.0);
        let mut chance = Chance::from_seed(5);
        let (mut rested, mut steps_to_spot) = (0, 0);
        for step in 0..3_000 {
            let before = walker.place();
            let span = Duration::from_millis(if step % 7 == 0 { 900 } else { 100 });
            rested += u32::from(walker.step(span, &mut chance).is_none());
            let [x, z] = walker.place();
            let way = (x - before[0]).hypot(z - before[1]);
            assert!(way <= 6.0 * 0.95 * span.min(STEP_MAX).as_secs_f32() + 1e-3);
            assert_eq!(area.clamp([x, z]), [x, z]);
            steps_to_spot += u32::from(!walker.has_arrived());
            assert!(!walker.has_arrived() || (x - 95.0).hypot(z - 50.0) < 25.1);
        }
        assert!((90..140).contains(&steps_to_spot), "75 m: {steps_to_spot}");
        assert!(rested > 0 && rested < 300, "{rested}");
    }
}
