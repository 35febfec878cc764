//! Data tables: what designers write in files, checked against schemas and definitions.
