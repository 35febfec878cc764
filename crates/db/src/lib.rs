//! The `db` role: alone touches entity data, on behalf of bases.
//!
//! It maps what bases ask ([`kuafu_contract::db`]) to commands of the store, which does the ownership, the grouping and
//! the SQL, and maps the results back. It holds no data and decides nothing: it bounds what is in flight, counts, and
//! forgets old operation ids. It must not know how the store works, nor whether it is SQL.

mod load;
mod role;

pub use role::{DbConfig, DbRole, OPERATION_AGE_MAX_MS, REQUESTS_IN_FLIGHT_MAX};
