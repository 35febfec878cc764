//! Tables: the fixed ones of the store, and one for each persistent entity type, made and extended from definitions.

mod columns;
pub(crate) mod extend;
pub(crate) mod find;
pub(crate) mod fixed;
pub(crate) mod items;
mod shape;
pub(crate) mod table;

pub(crate) use table::{Table, Tables, Target};
