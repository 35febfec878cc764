//! Data tables from files to rows: each rule of schemas and cells, whole sets, bytes, and files that are broken at
//! random.

mod broken;
mod plaza;
mod properties;
mod queries;
mod rules;
mod sets;
mod support;
