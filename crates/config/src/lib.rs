//! The `config` role: keeps the releases of game logic, and sees to it that every base and cell runs the same one.
//!
//! A saved set of files comes in as bytes that a watcher has compiled and checked. It is loaded by every base and cell
//! beside the present release (`stage`), and activated when all have it; what fails before changes nothing. From then on
//! it *is* the present release, and whoever reports another one is brought to it, so a lost message, a restart or a late
//! start needs no case of its own. A release that makes too many errors soon after its activation is taken back.
//!
//! What must hold: at most one release is being staged; a number is given once; bytes that were taken back are not
//! activated again; every living base and cell comes to run the present release. The role is a value without I/O and
//! does not know what the bytes are.

mod input;
mod members;
mod role;
mod set;
mod tell;
#[cfg(test)]
mod tests;

pub use input::{ConfigSettings, In, Saved};
pub use role::ConfigRole;
