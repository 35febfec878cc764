//! Kuafu as a library: a project, and the composition of all roles that it needs.
//!
//! The binary of this crate is `kuafu`. A studio that writes logic in Rust depends on this library and builds its own.

pub mod bots;
pub mod cli;
mod game;
pub mod new;
mod open_files;
pub mod project;
pub mod sdk;
pub mod up;

pub use game::Game;
pub use kuafu_core::EntityId;
pub use kuafu_def::Part;
pub use kuafu_native as native;
pub use kuafu_native::{
    Behaviour, Context, Creation, Done, Later, Methods, Native, Outcome, Reply, Stop, TimerId, methods, refuse,
    value_enum, value_struct,
};
pub use project::{Project, ProjectError};
