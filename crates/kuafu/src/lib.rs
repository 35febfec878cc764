//! Kuafu as a library: a project, and the composition of all roles that it needs.
//!
//! The binary of this crate is `kuafu`. A studio that writes logic in Rust depends on this library and builds its own.

pub mod bots;
pub mod cli;
mod open_files;
pub mod project;
pub mod up;

pub use project::{Project, ProjectError};
