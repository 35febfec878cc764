//! End to end: the real program, real sockets, a real browser, and kill -9.

#![expect(clippy::disallowed_methods, reason = "tests of real processes wait in real time")]

mod browser;
mod game;
mod player;
mod raw;

mod bots;
mod data;
mod debugging;
mod directory;
mod durability;
mod endless;
mod examples;
mod firefly;
mod http;
mod limits;
mod login;
mod new;
mod pictures;
mod recovery;
mod reload;
mod session;
mod startup;
mod tutorial;
mod walk;
mod world;
