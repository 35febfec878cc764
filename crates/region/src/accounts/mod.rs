//! The accounts centre: registration, passwords, roles, sessions.
//!
//! A password is seen here, hashed on a thread of the [`HashPool`], and forgotten. The time that a check takes does not
//! tell whether an account exists. Attempts are limited by name here; by address in `login`, which alone knows them.

mod attempts;
mod checks;
mod names;
mod password;
mod pool;
mod role;

pub use attempts::ATTEMPT_NAMES_MAX;
pub use checks::CHECKS_WAITING_MAX;
pub use names::{name_is_valid, name_key, password_is_valid};
pub use password::{HASH_ITERATIONS, HASH_MEMORY_KIB, Hasher};
pub use pool::{HashJob, HashOutcome, HashPool};
pub use role::{AccountsConfig, AccountsIn, AccountsOut, AccountsRole, REQUESTS_IN_FLIGHT_MAX};
