//! The `interfaces` role: what the game asks of others, over HTTP, within the list of what it may ask.
//!
//! A base or a cell brings a request as its script gave it. The [`InterfacesRole`] reads it once, holds it against the
//! [`AllowList`] and the named bounds, and gives what is left of it to its executor, the [`HttpClient`]. What was read
//! is what is sent: no text is parsed a second time by somebody who might read it differently.
//!
//! What must hold: nothing is asked that the list does not name; nothing private is reached through a name, whatever the
//! name resolves to; no redirect is followed; whoever asked is answered once, in time, and told whether the request may
//! have been carried out. The role is a value without I/O; nothing here knows scripts.

mod allow;
mod client;
mod job;
mod public;
mod role;
#[cfg(test)]
mod tests;

pub use allow::{AllowError, AllowList};
pub use client::{HttpClient, Trust};
pub use job::{HttpJob, JobError, Place, Scheme};
pub use role::{HttpEnd, InterfacesConfig, InterfacesIn, InterfacesOut, InterfacesRole, Ticket};
