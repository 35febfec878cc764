//! Milliseconds of one argon2id hash for each of OWASP's equally strong minimum settings, on one core of this machine.

#![expect(clippy::disallowed_methods, clippy::print_stdout, reason = "a benchmark reads the clock and tells")]

use std::time::Instant;

use argon2::{Algorithm, Argon2, Block, Params, Version};

const ROUNDS: u32 = 40;

fn main() {
    for (memory_kib, iterations) in [(47_104, 1), (19_456, 2), (12_288, 3), (9_216, 4), (7_168, 5)] {
        let params = Params::new(memory_kib, iterations, 1, None).expect("good parameters");
        let mut memory = vec![Block::default(); params.block_count()];
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let mut out = [0; 32];
        let mut best = f64::MAX;
        let start = Instant::now();
        for round in 0..ROUNDS {
            let single = Instant::now();
            let salt = [round as u8; 16];
            argon2.hash_password_into_with_memory(b"password", &salt, &mut out, &mut memory[..]).expect("hashed");
            best = best.min(single.elapsed().as_secs_f64() * 1e3);
        }
        let mean = start.elapsed().as_secs_f64() * 1e3 / f64::from(ROUNDS);
        println!("m={memory_kib} t={iterations} p=1: mean {mean:.1} ms, best {best:.1} ms");
    }
}
