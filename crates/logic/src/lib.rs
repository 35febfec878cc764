//! What game logic is to the engine: entities that are entered with hooks and calls, and answer with effects.
//!
//! A base or a cell owns one [`LogicHost`] (Luau in `kuafu-script`, or native Rust). The host holds the properties of
//! its entities; the role drains their changes and the effects after each entry. A host never calls a role: what it
//! wants done it says in an [`Effect`]; what it wants to know of the world it reads through [`World`].

pub mod api;
pub mod coerce;
pub mod effect;
pub mod hook;
pub mod host;
pub mod http;
pub mod inspect;
pub mod intake;
pub mod luau;
pub mod timers;

pub use coerce::{coerce, fit_arguments};
pub use effect::{Audience, AwaitId, CallToken, Effect, Failure, FindBy, Placement};
pub use hook::Hook;
pub use host::{
    Answer, Caller, EntitySeed, EntryRow, Fault, FunctionRow, HeapRow, HostCounters, LogicHost, NoWorld, Profile,
    Release, SpaceFacts, World,
};
pub use http::{HttpRequest, HttpResponse, http_outcome};
pub use inspect::Inspector;
pub use intake::Releases;
pub use luau::luau_types;
