//! The roles `cell` and `cell-manager`: the live world, and where it is placed.
//!
//! A cell opens spaces and ticks: `ingress` (what bases sent) → `simulate` (logic, timers, movement) → `view` (who sees
//! whom, within budgets) → `egress` (one frame a base and space). Nothing mutates during egress. Both roles are values
//! without I/O: they know neither sockets nor threads, and read no clock. The logic host sees the cell only through
//! [`kuafu_logic::World`] and is never entered while the cell's state is borrowed.

mod config;
mod egress;
mod history;
mod ingress;
mod inspect;
mod links;
mod manager;
mod pace;
mod part;
mod release;
mod report;
mod role;
mod simulate;
mod space;
#[cfg(test)]
mod tests;
mod view;
mod world;

pub use config::{CellConfig, CellError, Populate, SpaceConfig};
pub use manager::{CellManagerConfig, CellManagerRole};
pub use role::{CellRole, HostFactory};
