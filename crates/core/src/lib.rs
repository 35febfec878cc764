//! The vocabulary of Kuafu: ids, values, time, seeded chance, named limits and error codes.
//!
//! Every other crate speaks in these types. Nothing here does I/O, reads a clock, or knows of definitions, roles or
//! protocols: time and entropy always come in as arguments.

pub mod chance;
pub mod change;
pub mod code;
pub mod id;
pub mod limits;
pub mod rate;
pub mod service;
pub mod time;
pub mod typed;
pub mod value;

pub use chance::Chance;
pub use change::{Change, Edit, Step};
pub use code::{Code, Refusal};
pub use id::{
    AccountId, EntityId, Epoch, Incarnation, MethodNo, OperationId, PropertyNo, RealmNo, RecordId, SpaceId, TypeNo,
};
pub use limits::Limits;
pub use rate::{Rate, TokenBucket};
pub use service::ServiceId;
pub use time::{Clock, Moment, Now, WallTime};
pub use value::{Quantity, Value};
