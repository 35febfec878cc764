//! The login role: authenticates clients, keeps them in order, and hands them to a base.
//!
//! It is the first of the two connections of a player (`docs/protocol.md`, sections 3 and 4). What must hold: whatever a
//! client sends, and whenever it leaves, every login that was begun ends in Enter, in an Error, or is undone; clients
//! wait in the order in which they asked; each limit ends in an answer and a count. It holds no passwords longer than
//! their check lasts, and knows neither entities nor databases: accounts, base-manager and bases answer for those.

mod answer;
mod attempts;
mod client;
mod enter;
mod knock;
mod line;
mod request;
mod role;
mod roles;

pub use role::{LoginConfig, LoginRole};
