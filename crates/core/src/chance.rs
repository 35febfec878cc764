//! Seeded chance: one generator for game dice and for unguessable tokens.
//!
//! It is a cryptographic stream, so a token drawn from it cannot be told from the draws before. A driver seeds it from
//! the operating system; a test or the simulator seeds it from a number and gets the same run twice.

use rand::rngs::{StdRng, SysRng};
use rand::{Rng, RngExt, SeedableRng};

/// A source of chance that a role owns.
#[derive(Debug)]
pub struct Chance(StdRng);

impl Chance {
    /// The same sequence for the same seed.
    #[must_use]
    pub fn from_seed(seed: u64) -> Self {
        Self(StdRng::seed_from_u64(seed))
    }

    /// Seeded by the operating system.
    ///
    /// # Panics
    /// When the operating system has no entropy to give, without which no token can be trusted.
    #[must_use]
    pub fn from_system() -> Self {
        Self(StdRng::try_from_rng(&mut SysRng).expect("the operating system gives entropy"))
    }

    /// Sixteen unguessable bytes.
    pub fn token(&mut self) -> [u8; 16] {
        let mut bytes = [0; 16];
        self.0.fill_bytes(&mut bytes);
        bytes
    }

    /// A whole number of 64 bits.
    pub fn u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number in `0.0..1.0`.
    pub fn unit(&mut self) -> f64 {
        self.0.random()
    }

    /// A whole number in `low..=high`; `low` when the range is empty.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        if low >= high { low } else { self.0.random_range(low..=high) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_seed_gives_one_sequence() {
        let (mut a, mut b) = (Chance::from_seed(9), Chance::from_seed(9));
        assert_eq!((a.token(), a.u64()), (b.token(), b.u64()));
        assert_ne!(a.token(), a.token());
    }

    #[test]
    fn a_range_holds_both_its_ends() {
        let mut chance = Chance::from_seed(1);
        let drawn: Vec<i64> = (0..200).map(|_| chance.between(1, 3)).collect();
        assert!([1, 2, 3].iter().all(|n| drawn.contains(n)));
        assert!(drawn.iter().all(|n| (1..=3).contains(n)));
    }
}
