//! A listener with real sockets: its transports, its limits, its writes.
#![expect(clippy::unwrap_used, reason = "a test may fail there")]
#![expect(clippy::disallowed_methods, reason = "a test of real sockets waits in real time")]

mod common;
mod limits;
mod transports;
mod writes;
