//! The lattice of a space and the movement records that count in its steps.
//!
//! A record is absolute, so any one of them is valid without those before it. It is seven bytes: x, z, y and yaw.

use std::f32::consts::TAU;

use super::RECORD_BYTES;

/// Turns coordinates into numbers of 16 bits: coordinate = origin + step × number, for x, y and z in this order.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Lattice {
    /// The coordinates of number 0, in metres.
    pub origin: [f32; 3],
    /// The width of a step, in metres; above 0.
    pub step: [f32; 3],
}

/// Where an entity is and looks, in steps of the lattice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Record {
    /// Steps along x.
    pub x: u16,
    /// Steps along z.
    pub z: u16,
    /// Steps along y.
    pub y: u16,
    /// 256 steps of a turn.
    pub yaw: u8,
}

impl Lattice {
    /// A lattice over a box: 65,536 numbers from the least to the greatest coordinates.
    #[must_use]
    pub fn over(least: [f32; 3], greatest: [f32; 3]) -> Self {
        let step = std::array::from_fn(|axis| {
            let extent = greatest[axis] - least[axis];
            if extent > 0.0 { extent / f32::from(u16::MAX) } else { 1.0 }
        });
        Self { origin: least, step }
    }

    /// The record nearest to a position in metres and a yaw in radians; what lies outside the lattice is at its edge.
    #[must_use]
    pub fn record(&self, position: [f32; 3], yaw: f32) -> Record {
        let [x, y, z] = std::array::from_fn(|axis| {
            let steps = ((position[axis] - self.origin[axis]) / self.step[axis]).round();
            // A float becomes the nearest number that 16 bits hold, and 0 when it is none.
            steps as u16
        });
        Record { x, z, y, yaw: (yaw / TAU * 256.0).round().rem_euclid(256.0) as u8 }
    }

    /// The position of a record: x, y, z in metres.
    #[must_use]
    pub fn position(&self, record: Record) -> [f32; 3] {
        let steps = [record.x, record.y, record.z];
        std::array::from_fn(|axis| self.origin[axis] + self.step[axis] * f32::from(steps[axis]))
    }
}

impl Record {
    /// As it travels.
    #[must_use]
    pub fn to_bytes(self) -> [u8; RECORD_BYTES] {
        let ([x0, x1], [z0, z1], [y0, y1]) = (self.x.to_le_bytes(), self.z.to_le_bytes(), self.y.to_le_bytes());
        [x0, x1, z0, z1, y0, y1, self.yaw]
    }

    /// From what travelled.
    #[must_use]
    pub fn from_bytes([x0, x1, z0, z1, y0, y1, yaw]: [u8; RECORD_BYTES]) -> Self {
        let number = |low, high| u16::from_le_bytes([low, high]);
        Self { x: number(x0, x1), z: number(z0, z1), y: number(y0, y1), yaw }
    }

    /// The yaw in radians, `0..TAU`.
    #[must_use]
    pub fn yaw_radians(self) -> f32 {
        f32::from(self.yaw) / 256.0 * TAU
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_position_comes_back_within_half_a_step(
            x in -500.0_f32..500.0, y in -20.0_f32..90.0, z in 0.0_f32..300.0, yaw in -10.0_f32..10.0,
        ) {
            let lattice = Lattice::over([-500.0, -20.0, 0.0], [500.0, 90.0, 300.0]);
            let record = Record::from_bytes(lattice.record([x, y, z], yaw).to_bytes());
            for (axis, (back, was)) in lattice.position(record).into_iter().zip([x, y, z]).enumerate() {
                prop_assert!((back - was).abs() <= lattice.step[axis] * 0.51, "axis {axis}: {was} came back as {back}");
            }
            let turn = (record.yaw_radians() - yaw).rem_euclid(TAU);
            prop_assert!(turn.min(TAU - turn) <= TAU / 511.0);
        }
    }

    #[test]
    fn what_lies_outside_is_at_the_edge() {
        let lattice = Lattice::over([0.0; 3], [65_535.0; 3]);
        let record = lattice.record([-4.0, f32::NAN, 1e9], f32::NAN);
        assert_eq!(record, Record { x: 0, y: 0, z: u16::MAX, yaw: 0 });
    }
}
