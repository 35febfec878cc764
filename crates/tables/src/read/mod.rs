//! Reading rows: from CSV, from JSON, from the answer of a query, each into columns by the same rules for cells.

pub(crate) mod cell;
pub(crate) mod csv;
pub(crate) mod json;
pub(crate) mod query;
pub(crate) mod rows;
