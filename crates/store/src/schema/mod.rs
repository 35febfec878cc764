//! Tables: the fixed ones of the store, and one for each persistent entity type, made and extended from definitions.

pub(crate) mod extend;
pub(crate) mod fixed;
mod shape;
pub(crate) mod table;

pub(crate) use table::{Table, Tables, Target};
