//! Client listeners: TCP, TLS and WebSocket on one port, with every bound that outside input needs.
//!
//! It exists so that roles see packets and connection numbers, never sockets: [`EdgeEvent`]s go into a role's bounded
//! mailbox, [`EdgeHandle`] takes what the role wants written. What must hold: a slow or hostile client costs its own
//! connection only; nothing a client does blocks a worker or grows a queue without a named limit; a [`ConnId`] that is
//! over never reaches another connection. Of the protocol it knows packets and the Error message, of roles nothing.

mod config;
mod connection;
mod counts;
mod event;
mod flusher;
mod framing;
mod handle;
mod listener;
mod outbox;
mod runtime;
mod slots;
mod transport;
mod websocket;

pub use config::{EdgeConfig, EdgeError};
pub use counts::counted_address;
pub use event::{CloseReason, ConnId, EdgeCommand, EdgeEvent, SendError};
pub use handle::EdgeHandle;
pub use listener::Edge;
pub use runtime::runtime;
