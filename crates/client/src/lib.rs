//! The Rust client: plays the game as a person's client would, from login to leaving.
//!
//! It exists for bots, tools, tests and native games. One [`Client`] is one player: it owns its connection, takes part
//! in whatever task polls it, and spawns none of its own, so a process holds thousands. What must hold: a future that
//! is dropped loses nothing; whatever a server sends ends at worst in a lost connection that is made again; every queue
//! is bounded. It speaks `docs/protocol.md` through `kuafu_wire` and knows nothing of the server's other crates.
//!
//! ```no_run
//! # async fn example() -> Result<(), kuafu_client::ClientError> {
//! use kuafu_client::{Account, Client, Event, Options, Target};
//!
//! let account = Account { name: "anna".into(), password: "sun-chaser".into(), role: "Anna".into(), register: true };
//! let mut client = Client::play(Target::tcp("127.0.0.1", 9999), Options::default(), account).await?;
//! while let Some(event) = client.next_event().await {
//!     if let Event::SpaceEntered { .. } = event {
//!         let _ = client.move_to([1.0, 0.0, 2.0], 0.0);
//!     }
//! }
//! # Ok(())
//! # }
//! ```

mod calls;
mod channel;
mod client;
mod component;
mod error;
mod event;
mod game;
mod link;
mod login;
mod options;
mod rejoin;
pub mod stub;
mod sync;
mod world;

pub use client::Client;
pub use component::Component;
pub use error::{CallError, ClientError, Loss, NotSent};
pub use event::Event;
pub use game::Stats;
pub use kuafu_core::{EntityId, Value, typed, value_enum, value_struct};
pub use kuafu_def::Part;
pub use kuafu_wire::Role;
pub use login::Login;
pub use options::{Account, Options, Reconnect, Target, Transport};
pub use sync::TimeSync;
pub use world::{Entity, Own, Space, World};
