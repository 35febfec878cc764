//! Game logic in Rust.
