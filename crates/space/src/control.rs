//! Controllers that move entities without a client: straight lines at a steady speed, until they arrive.

use std::time::Duration;

use crate::entities::Index;
use crate::lattice::Position;

/// Who comes as near as this arrives: the sums of many steps are not exact, and a tick for the last millimetre is wasted.
const ARRIVAL_SLACK_M: f32 = 1e-3;

/// Go straight to a place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MoveTo {
    /// Where to.
    pub target: Position,
    /// Metres per second, in a straight line.
    pub speed: f32,
}

/// Where a controller brings an entity within one tick.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stride {
    /// The new place.
    pub to: Position,
    /// The direction of the way over ground in radians (0 is +z, a quarter turn is +x), or `None` without any way.
    pub yaw: Option<f32>,
    /// Whether that is the target.
    pub arrived: bool,
}

impl MoveTo {
    /// One step from `from` that takes `time`. The last one ends exactly on the target.
    #[must_use]
    pub fn stride(&self, from: Position, time: Duration) -> Stride {
        let (dx, dy, dz) = (self.target.x - from.x, self.target.y - from.y, self.target.z - from.z);
        let way = (dx * dx + dy * dy + dz * dz).sqrt();
        let step = self.speed * time.as_secs_f32();
        let yaw = (dx != 0.0 || dz != 0.0).then(|| dx.atan2(dz));
        if way <= step + ARRIVAL_SLACK_M {
            return Stride { to: self.target, yaw, arrived: true };
        }
        let part = step / way;
        let to = Position::new(dx.mul_add(part, from.x), dy.mul_add(part, from.y), dz.mul_add(part, from.z));
        Stride { to, yaw, arrived: false }
    }
}

/// The running controllers of one space, at most one an entity.
#[derive(Debug, Default)]
pub(crate) struct Controllers {
    running: Vec<(Index, MoveTo)>,
    /// Where each entity's controller stands in `running`, plus one.
    of: Vec<u32>,
}

impl Controllers {
    pub(crate) fn start(&mut self, index: Index, order: MoveTo) {
        if self.of.len() <= index.at() {
            self.of.resize(index.at() + 1, 0);
        }
        match self.of[index.at()] {
            0 => {
                self.running.push((index, order));
                self.of[index.at()] = self.running.len() as u32;
            }
            at => self.running[at as usize - 1].1 = order,
        }
    }

    pub(crate) fn stop(&mut self, index: Index) -> bool {
        let Some(at @ 1..) = self.of.get(index.at()).copied() else { return false };
        self.of[index.at()] = 0;
        self.running.swap_remove(at as usize - 1);
        if let Some((moved, _)) = self.running.get(at as usize - 1) {
            self.of[moved.at()] = at;
        }
        true
    }

    pub(crate) fn get(&self, index: Index) -> Option<MoveTo> {
        let at = self.of.get(index.at()).copied()?.checked_sub(1)?;
        Some(self.running[at as usize].1)
    }

    pub(crate) fn len(&self) -> usize {
        self.running.len()
    }

    pub(crate) fn nth(&self, at: usize) -> (Index, MoveTo) {
        self.running[at]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walk_takes_way_over_speed_and_ends_on_the_target() {
        let order = MoveTo { target: Position::new(3.0, 0.0, 4.0), speed: 1.0 };
        let (mut at, mut ticks) = (Position::default(), 0);
        loop {
            let stride = order.stride(at, Duration::from_millis(100));
            at = stride.to;
            ticks += 1;
            if stride.arrived {
                break;
            }
        }
        assert_eq!((at, ticks), (order.target, 50));
    }

    #[test]
    fn stopping_one_leaves_the_others_running() {
        let order = |speed| MoveTo { target: Position::default(), speed };
        let mut controllers = Controllers::default();
        for (index, speed) in [(4, 1.0), (2, 2.0), (9, 3.0)] {
            controllers.start(Index(index), order(speed));
        }
        assert!(controllers.stop(Index(4)));
        assert!(!controllers.stop(Index(4)));
        assert_eq!(controllers.get(Index(4)), None);
        assert_eq!(controllers.get(Index(9)), Some(order(3.0)));
        assert_eq!(controllers.get(Index(2)), Some(order(2.0)));
        controllers.start(Index(2), order(5.0));
        assert_eq!((controllers.len(), controllers.get(Index(2))), (2, Some(order(5.0))));
    }
}
