//! The script host as a role meets it: one module a behaviour.

mod calls;
mod hostile;
mod model;
mod plaza;
mod properties;
mod set;
mod support;
