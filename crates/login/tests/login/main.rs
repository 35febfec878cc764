//! The login role as a pure value: scripted inputs, and what it says to clients and to other roles.
#![expect(clippy::unwrap_used, reason = "a test may fail there")]

mod chaos;
mod drain;
mod enter;
mod handshake;
mod knock;
mod queue;
mod script;
