//! The role by its inputs and outputs, and the client against servers of the tests' own.

mod client;
mod role;
