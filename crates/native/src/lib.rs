//! Game logic in Rust: entity types whose parts are structs of the game, beside others in Luau.
//!
//! A game writes a struct for a part of an entity type, implements [`Behaviour`] for it and registers it with
//! [`Native`]; [`NativeHost`] runs such parts as the Luau host runs scripts, with the same checks, limits, changes and
//! effects, and [`MixedHost`] gives each type to whichever of the two has it. There are no coroutines: who waits names
//! the method that gets the outcome ([`Pending::then`]). A panic is caught and counted as a fault of its entity; everything
//! else runs on. It knows nothing of scripts, roles, clients or the database.
//!
//! ```
//! use kuafu_native::{Behaviour, Context, Done, Methods, Native, methods, refuse};
//!
//! /// The base part of a shop.
//! #[derive(Default)]
//! struct Shop;
//!
//! impl Behaviour for Shop {
//!     fn methods() -> Methods<Self> {
//!         methods![buy]
//!     }
//!
//!     fn on_create(&mut self, cx: &mut Context<'_>) -> Done {
//!         cx.set("stock", 10)
//!     }
//! }
//!
//! impl Shop {
//!     /// `methods.base.buy` of `entities/shop.toml`.
//!     fn buy(&mut self, cx: &mut Context<'_>, count: u32) -> Done<bool> {
//!         let stock: u32 = cx.get("stock")?;
//!         let left = stock.checked_sub(count).ok_or_else(|| refuse("sold out"))?;
//!         cx.set("stock", left)?;
//!         Ok(true)
//!     }
//! }
//!
//! let native = Native::new().base::<Shop>("shop");
//! assert!(native.has("shop", kuafu_def::Part::Base));
//! ```

mod behaviour;
mod calls;
mod context;
mod create;
mod directory;
mod entry;
mod handler;
mod host;
mod method;
mod mixed;
mod native;
mod panic;
mod place;
mod space;
mod state;

pub use behaviour::{Behaviour, Done, Stop, refuse};
pub use calls::Pending;
pub use context::{Context, TimerId};
pub use create::Creation;
pub use handler::{Argument, Arguments, Given, Handler, Later, Outcome, Reply, Returns};
pub use host::{NativeConfig, NativeHost};
pub use kuafu_core::typed::{FromValue, IntoValue};
pub use kuafu_core::{EntityId, RecordId, ServiceId, Value, typed};
pub use kuafu_core::{value_enum, value_struct};
pub use method::Methods;
pub use mixed::MixedHost;
pub use native::{Mismatch, Native};
pub use place::Place;
