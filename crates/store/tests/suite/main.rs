//! The store as its users see it: commands in, results out, over restarts, faults and torn files.

mod accounts;
mod commits;
mod common;
mod entities;
mod executor;
mod folder;
mod items;
mod model;
mod queries;
