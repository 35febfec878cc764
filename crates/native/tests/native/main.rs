//! Native logic as a role meets it: one module a behaviour.

mod mixed;
mod realm;
mod shop;
mod support;
mod waiting;
