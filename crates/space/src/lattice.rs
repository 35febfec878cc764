//! Where things are: positions in metres, the bounds of a space, and the lattice on which movement is sent.
//!
//! A movement record is absolute: seven bytes that mean the same whatever was sent before, so that any subset of the
//! records of an entity is valid and a lost or held-back one does no harm. The lattice is fixed per space from its
//! bounds, and client and server compute it alike. It knows nothing of entities.

use std::f32::consts::TAU;

/// A place in a space, in metres; `y` is up.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Position {
    /// East.
    pub x: f32,
    /// Up.
    pub y: f32,
    /// North.
    pub z: f32,
}

impl Position {
    /// The place at these coordinates.
    #[must_use]
    pub const fn new(x: f32, y: f32, z: f32) -> Self {
        Self { x, y, z }
    }

    /// Whether no coordinate is infinite or not a number.
    #[must_use]
    pub fn is_finite(self) -> bool {
        self.x.is_finite() && self.y.is_finite() && self.z.is_finite()
    }

    /// The square of the distance on the ground (x and z), in square metres: what views and queries measure.
    #[must_use]
    pub fn ground_distance_squared(self, other: Self) -> f32 {
        let (dx, dz) = (self.x - other.x, self.z - other.z);
        dx * dx + dz * dz
    }
}

/// The box that a space fills, both corners inside.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// The lowest coordinates.
    pub min: Position,
    /// The highest coordinates.
    pub max: Position,
}

impl Bounds {
    /// The box between two corners.
    #[must_use]
    pub const fn new(min: Position, max: Position) -> Self {
        Self { min, max }
    }

    /// Whether `at` lies inside or on the edge; never true of a position that is not finite.
    #[must_use]
    pub fn contains(&self, at: Position) -> bool {
        (self.min.x..=self.max.x).contains(&at.x)
            && (self.min.y..=self.max.y).contains(&at.y)
            && (self.min.z..=self.max.z).contains(&at.z)
    }

    /// Whether both corners are finite and in order, and the ground has an extent.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.min.is_finite()
            && self.max.is_finite()
            && self.min.x < self.max.x
            && self.min.y <= self.max.y
            && self.min.z < self.max.z
            && (self.max.x - self.min.x).is_finite()
            && (self.max.y - self.min.y).is_finite()
            && (self.max.z - self.min.z).is_finite()
    }
}

/// One movement record: x, z and y as little-endian `u16` on the lattice, then the yaw in 256 steps of a turn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Record(pub [u8; Record::BYTES]);

impl Record {
    /// The length of a record.
    pub const BYTES: usize = 7;
}

/// The grid of representable places of one space: `origin + k × step` per axis, `k` a `u16`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lattice {
    /// The place of k = 0, in metres, as x, y, z.
    pub origin: [f32; 3],
    /// Metres per step, as x, y, z.
    pub step: [f32; 3],
}

impl Lattice {
    /// The highest coordinate on an axis.
    pub const MAX: f32 = 65_535.0;
    /// The smallest step in metres, for an axis without extent.
    pub const STEP_MIN: f32 = 1.0 / 1024.0;

    /// The lattice that spans `bounds`.
    #[must_use]
    pub fn of(bounds: &Bounds) -> Self {
        let step = |min: f32, max: f32| ((max - min) / Self::MAX).max(Self::STEP_MIN);
        Self {
            origin: [bounds.min.x, bounds.min.y, bounds.min.z],
            step: [
                step(bounds.min.x, bounds.max.x),
                step(bounds.min.y, bounds.max.y),
                step(bounds.min.z, bounds.max.z),
            ],
        }
    }

    /// The record nearest to `at` and `yaw` (radians). What lies outside is clamped to the edge; NaN becomes zero.
    #[must_use]
    pub fn quantize(&self, at: Position, yaw: f32) -> Record {
        let axis = |value: f32, axis: usize| {
            let steps = (value - self.origin[axis]) / self.step[axis] + 0.5;
            // A float-to-integer cast saturates and takes NaN to zero: exactly the clamping that is wanted.
            (steps as u16).to_le_bytes()
        };
        let ([x0, x1], [z0, z1], [y0, y1]) = (axis(at.x, 0), axis(at.z, 2), axis(at.y, 1));
        Record([x0, x1, z0, z1, y0, y1, Self::quantize_yaw(yaw)])
    }

    /// The place and the yaw (radians, `0..TAU`) that a record stands for.
    #[must_use]
    pub fn restore(&self, record: Record) -> (Position, f32) {
        let [x0, x1, z0, z1, y0, y1, yaw] = record.0;
        let axis = |low, high, axis: usize| {
            f32::from(u16::from_le_bytes([low, high])).mul_add(self.step[axis], self.origin[axis])
        };
        (Position::new(axis(x0, x1, 0), axis(y0, y1, 1), axis(z0, z1, 2)), f32::from(yaw) * (TAU / 256.0))
    }

    /// Whether `at` can be told without clamping (by up to half a step).
    #[must_use]
    pub fn contains(&self, at: Position) -> bool {
        let axis = |value: f32, axis: usize| {
            let steps = (value - self.origin[axis]) / self.step[axis];
            (-0.5..Self::MAX + 0.5).contains(&steps)
        };
        axis(at.x, 0) && axis(at.y, 1) && axis(at.z, 2)
    }

    fn quantize_yaw(yaw: f32) -> u8 {
        let turns = yaw / TAU;
        let steps = (turns - turns.floor()) * 256.0 + 0.5;
        // Just below a full turn rounds up to 256, which is zero again.
        (steps as u16 & 0xff) as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bounds() -> Bounds {
        Bounds::new(Position::new(-1500.0, -20.0, -900.0), Position::new(2500.0, 300.0, 1100.0))
    }

    proptest! {
        #[test]
        fn a_restored_place_is_within_half_a_step(
            x in -1500.0f32..2500.0, y in -20.0f32..300.0, z in -900.0f32..1100.0, yaw in -20.0f32..20.0,
        ) {
            let lattice = Lattice::of(&bounds());
            let (at, turned) = lattice.restore(lattice.quantize(Position::new(x, y, z), yaw));
            // The sums themselves are exact only to the last bit of the coordinate.
            let within = |a: f32, b: f32, step: f32| (a - b).abs() <= step * 0.5 + 4.0 * f32::EPSILON * 2500.0;
            prop_assert!(within(at.x, x, lattice.step[0]));
            prop_assert!(within(at.y, y, lattice.step[1]));
            prop_assert!(within(at.z, z, lattice.step[2]));
            let off = (turned - yaw).rem_euclid(TAU);
            prop_assert!(off.min(TAU - off) <= TAU / 512.0 + 1e-4);
        }

        #[test]
        fn every_record_restores_to_itself(bytes: [u8; Record::BYTES]) {
            let lattice = Lattice::of(&bounds());
            let (at, yaw) = lattice.restore(Record(bytes));
            prop_assert_eq!(lattice.quantize(at, yaw), Record(bytes));
            prop_assert!(lattice.contains(at));
        }
    }

    #[test]
    fn a_place_outside_is_clamped_and_reported() {
        let lattice = Lattice::of(&bounds());
        let outside = Position::new(9999.0, -9999.0, f32::NAN);
        assert!(!lattice.contains(outside));
        let (at, _) = lattice.restore(lattice.quantize(outside, f32::NAN));
        assert_eq!((at.x.round(), at.y, at.z), (2500.0, -20.0, -900.0));
    }

    #[test]
    fn a_flat_space_has_a_lattice() {
        let flat = Bounds::new(Position::new(0.0, 5.0, 0.0), Position::new(10.0, 5.0, 10.0));
        let lattice = Lattice::of(&flat);
        let (at, _) = lattice.restore(lattice.quantize(Position::new(3.0, 5.0, 4.0), 0.0));
        assert!((at.y - 5.0).abs() < 1e-3 && (at.x - 3.0).abs() <= lattice.step[0]);
    }
}
