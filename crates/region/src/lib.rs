//! Centres of a region. The first is [`accounts`]: who a player is, which roles they have, and their one live session.
//!
//! A centre is a role without I/O. Its tables are in the store, its passwords are hashed on threads of their own; both
//! are reached through commands under tickets. Centres know nothing of clients, bases or SQL.

pub mod accounts;
