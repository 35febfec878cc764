//! The base role: it holds client connections and base parts, and assembles what each client sees.
//!
//! What happens to a message is the folder names: `clients` take it from connections, `entities` are what it is about,
//! `calls` carry it to logic here or over `world` links to cells, and `save` makes it last. A base owns the entities
//! whose ids carry its incarnation; it writes a record only under the epoch that the db gave it.

mod calls;
mod clients;
mod config;
mod directory;
mod entities;
mod inspect;
pub mod manager;
mod release;
mod report;
mod role;
mod save;
mod world;

pub use config::{BaseConfig, GameRules, Populate};
pub use role::BaseRole;

#[cfg(test)]
mod tests;
