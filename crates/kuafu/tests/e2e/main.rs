//! End to end: the real program, real sockets, a real browser, and kill -9.

#![expect(clippy::disallowed_methods, reason = "tests of real processes wait in real time")]

mod browser;
mod game;
mod player;
mod raw;

mod bots;
mod durability;
mod limits;
mod login;
mod pictures;
mod recovery;
mod session;
mod startup;
mod walk;
mod world;
