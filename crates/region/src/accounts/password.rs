//! Password hashes: argon2id, as PHC strings that carry their own parameters and salt.
//!
//! The parameters are one of the equally strong sets that OWASP's Password Storage Cheat Sheet gives as the least for
//! argon2id; this one was the quickest of them, by a little, where we measured (`examples/hash_bench.rs`).
//! A stored hash is checked with the parameters it was made with, so they can be raised at any time.

use argon2::password_hash::phc::{Ident, Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};

/// Memory of one hash, in KiB.
pub const HASH_MEMORY_KIB: u32 = 7_168;

/// Passes over the memory.
pub const HASH_ITERATIONS: u32 = 5;

/// Lanes: one, for one thread works on a hash.
const HASH_LANES: u32 = 1;

/// Memory that a stored hash may ask for, in KiB; one that asks for more matches nothing.
const HASH_MEMORY_KIB_MAX: u32 = 262_144;

/// The salt of the hash that is made in vain for a name that does not exist.
const NOBODYS_SALT: [u8; 16] = *b"nobody has salt!";

/// Hashes and checks, with memory of its own that is used again.
#[derive(Debug, Default)]
pub struct Hasher {
    memory: Vec<Block>,
}

impl Hasher {
    /// The hash of a password. `None` when the library refuses its input, which the rules for passwords exclude.
    pub fn hash(&mut self, password: &str, salt: &[u8; 16]) -> Option<String> {
        let params = Params::new(HASH_MEMORY_KIB, HASH_ITERATIONS, HASH_LANES, None).ok()?;
        let output = self.output(&params, password, salt, Params::DEFAULT_OUTPUT_LEN)?;
        let hash = PasswordHash {
            algorithm: Ident::new("argon2id").ok()?,
            version: Some(Version::V0x13.into()),
            params: ParamsString::try_from(&params).ok()?,
            salt: Some(Salt::new(salt).ok()?),
            hash: Some(output),
        };
        Some(hash.to_string())
    }

    /// Whether the password is that of a stored hash. Takes as long when there is none.
    pub fn check(&mut self, password: &str, stored: Option<&str>) -> bool {
        let matches = stored.and_then(|stored| self.matches(password, stored));
        if matches.is_none() {
            // In vain, for the time it takes.
            let _ = std::hint::black_box(self.hash(password, &NOBODYS_SALT));
        }
        matches.unwrap_or(false)
    }

    fn matches(&mut self, password: &str, stored: &str) -> Option<bool> {
        let stored = PasswordHash::new(stored).ok()?;
        if stored.algorithm.as_str() != "argon2id" || stored.version != Some(Version::V0x13.into()) {
            return None;
        }
        let params = Params::try_from(&stored).ok().filter(|params| params.m_cost() <= HASH_MEMORY_KIB_MAX)?;
        let expected = stored.hash?;
        let output = self.output(&params, password, stored.salt.as_ref()?, expected.len())?;
        // The comparison takes the same time wherever they differ.
        Some(output == expected)
    }

    fn output(&mut self, params: &Params, password: &str, salt: &[u8], length: usize) -> Option<Output> {
        let blocks = params.block_count();
        if self.memory.len() < blocks {
            self.memory.resize(blocks, Block::default());
        }
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
        let mut out = [0; 64];
        let out = out.get_mut(..length)?;
        let memory = &mut self.memory[..blocks];
        argon2.hash_password_into_with_memory(password.as_bytes(), salt, out, memory).ok()?;
        Output::new(out).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_matches_its_own_hash_and_no_other() {
        let mut hasher = Hasher::default();
        let hash = hasher.hash("correct horse 夸父", &[7; 16]).expect("a hash");
        assert!(hash.starts_with("$argon2id$v=19$m=7168,t=5,p=1$"), "{hash}");
        assert!(hasher.check("correct horse 夸父", Some(&hash)));
        assert!(!hasher.check("correct horse", Some(&hash)));
        assert!(!hasher.check("correct horse 夸父", None));
        assert_ne!(hasher.hash("correct horse 夸父", &[8; 16]).expect("a hash"), hash);
    }

    #[test]
    fn hashes_of_other_parameters_and_of_other_programs_are_checked_by_their_own() {
        // From the argon2 reference command: `echo -n password | argon2 somesalt -id -t 2 -m 16 -p 1`.
        let stored = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        let mut hasher = Hasher::default();
        assert!(hasher.check("password", Some(stored)));
        assert!(!hasher.check("Password", Some(stored)));
    }

    #[test]
    fn a_damaged_hash_matches_nothing() {
        let mut hasher = Hasher::default();
        for stored in [
            "",
            "plain",
            "$argon2id$",
            "$argon2i$v=19$m=8,t=1,p=1$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAA",
            "$argon2id$v=19$m=4000000000,t=1,p=1$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAA",
        ] {
            assert!(!hasher.check("password", Some(stored)), "{stored}");
        }
    }
}
