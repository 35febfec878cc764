//! The client protocol: how packets, messages, values and frames are written and read.
//!
//! It exists so that a server role, the Rust client and the tests share one implementation of `docs/protocol.md`;
//! every other client library is held against the vectors in `sdk/vectors/`, which this crate's tests write. What must
//! hold: no input makes a decoder panic, loop, or allocate more than a small multiple of the input's length; what one
//! side encodes, the other decodes to the same. It does no I/O, reads no clock and knows no role.

pub mod call;
pub mod error;
pub mod frame;
pub mod message;
pub mod property;
pub mod read;
pub mod split;
pub mod value;
pub mod write;

pub use call::{
    decode_arguments, decode_client_call, decode_result, encode_arguments, encode_client_call, encode_result,
};
pub use error::{DecodeError, EncodeError};
pub use frame::{Call, Enter, Frame, FrameWriter, Lattice, Movement, Record, State};
pub use message::{CallOutcome, ClientMessage, Message, Password, Role, ServerMessage, decode_packet};
pub use property::{
    decode_changes, decode_properties, encode_change, encode_changes, encode_properties, encode_property,
};
pub use read::Reader;
pub use split::{PacketSplitter, begin_packet, end_packet};
pub use value::{decode_value, encode_value};
pub use write::Writer;

/// The version of the protocol that this crate speaks.
pub const PROTOCOL_VERSION: u16 = 1;

/// What a client sends first on a TCP connection.
pub const MAGIC: [u8; 4] = *b"KFU1";

/// A ticket, a resume token or a digest.
pub type Token = [u8; 16];
