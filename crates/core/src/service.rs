//! Names of services, and which of several providers a key belongs to.
//!
//! The choice is the same wherever it is made, and when a provider comes or goes only the keys move that it takes or
//! leaves: each provider draws a weight from the key and its own id, and the greatest wins.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{EntityId, Value};

/// What a service is called: a name or a number, which never mean the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ServiceId {
    /// By name.
    Name(Arc<str>),
    /// By number.
    Number(u64),
}

impl fmt::Display for ServiceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => write!(f, "`{name}`"),
            Self::Number(number) => write!(f, "number {number}"),
        }
    }
}

/// A number for a key, the same in every process; `None` for values that are no keys.
#[must_use]
pub fn key_hash(key: &Value) -> Option<u64> {
    match key {
        Value::Bool(flag) => Some(mix(u64::from(*flag))),
        Value::Int(number) => Some(mix(number.cast_unsigned())),
        Value::Float(number) => Some(mix(number.to_bits())),
        Value::Entity(id) => Some(mix(id.0)),
        Value::Text(text) => Some(hash_bytes(text.as_bytes())),
        Value::Bytes(bytes) => Some(hash_bytes(bytes)),
        Value::Nil | Value::Vector(_) | Value::List(_) | Value::Map(_) => None,
    }
}

/// How much a key belongs to a provider; it goes to the one with the greatest weight.
#[must_use]
pub fn weight(key: u64, provider: EntityId) -> u64 {
    mix(key ^ mix(provider.0))
}

fn hash_bytes(bytes: &[u8]) -> u64 {
    // FNV-1a spreads short texts badly over the upper bits, so it is mixed once more.
    mix(bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)))
}

/// The finalizer of SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014).
fn mix(mut z: u64) -> u64 {
    z = z.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn winner(key: u64, providers: &[u64]) -> u64 {
        providers.iter().copied().max_by_key(|id| weight(key, EntityId(*id))).expect("there are providers")
    }

    #[test]
    fn a_provider_that_goes_gives_away_its_own_keys_and_no_others() {
        let (four, three) = ([11, 12, 13, 14], [11, 12, 14]);
        let keys: Vec<u64> = (0..4_000).map(|n| key_hash(&Value::text(&format!("key {n}"))).expect("a key")).collect();
        for key in &keys {
            let before = winner(*key, &four);
            assert!(before == 13 || winner(*key, &three) == before, "a key of {before} moved");
        }
        for provider in four {
            let share = keys.iter().filter(|key| winner(**key, &four) == provider).count();
            assert!((800..1_200).contains(&share), "{provider} has {share} of 4000 keys");
        }
    }

    #[test]
    fn containers_are_no_keys() {
        assert_eq!(key_hash(&Value::List(vec![])), None);
        assert_ne!(key_hash(&Value::Int(1)), key_hash(&Value::Int(2)));
    }
}
