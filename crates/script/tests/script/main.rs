//! The script host as a role meets it: one module a behaviour.

mod bounds;
mod calls;
mod compose;
mod data;
mod debug;
mod directory;
mod editor;
mod hostile;
mod http;
mod model;
mod plaza;
mod properties;
mod reload;
mod set;
mod support;
mod tasks;
mod wide;
