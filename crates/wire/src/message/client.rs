//! What a client says, to the login server and to its base.

use bytes::{Bytes, BytesMut};
use kuafu_core::{EntityId, MethodNo, RecordId};
use kuafu_def::Part;

use super::codec::{Body, Bytes16, Codec, Finite, Fixed, MessageGap, PartCode, Rest, Text, Varint};
use super::{Message, Password, messages};
use crate::{DecodeError, Token, Writer};

messages! {
    /// A message from a client.
    ClientMessage {
        /// Comes first on either connection.
        0x01 Hello {
            /// [`crate::PROTOCOL_VERSION`].
            version: u16 as Fixed,
            /// Bit 0: send me the schema.
            flags: u8 as Fixed,
            /// The client digest of the definitions that the client was built for; zeros when it has none.
            digest: Token as Bytes16,
            /// The name of the client program.
            name: String as Text,
        };
        /// Makes an account.
        0x02 Register {
            /// The account's name.
            account: String as Text,
            /// Its password.
            password: Password as Text,
        };
        /// Logs in to an account.
        0x03 Login {
            /// The account's name.
            account: String as Text,
            /// Its password.
            password: Password as Text,
        };
        /// Makes a role of the account.
        0x04 RoleCreate {
            /// The role's name.
            name: String as Text,
        };
        /// Marks a role for deletion.
        0x05 RoleDelete {
            /// The role.
            role: RecordId as Varint,
        };
        /// Takes a deletion back.
        0x06 RoleRestore {
            /// The role.
            role: RecordId as Varint,
        };
        /// Enters the game with a role.
        0x07 RoleSelect {
            /// The role.
            role: RecordId as Varint,
        };
        /// Takes the player over at a base.
        0x10 Attach {
            /// The ticket from Enter, or the resume token of an earlier Attached.
            token: Token as Bytes16,
        };
        /// Calls a method.
        0x11 Call {
            /// Comes back with the result; 0 when none is wanted.
            number: u32 as Varint,
            /// The entity; [`EntityId::NONE`] for the client's own.
            entity: EntityId as Varint,
            /// [`Part::Base`] or [`Part::Cell`].
            part: Part as PartCode,
            /// The method.
            method: MethodNo as Varint,
            /// The arguments, see [`crate::decode_arguments`].
            arguments: Bytes as Rest,
        };
        /// Where the client has moved its own entity.
        0x12 Move {
            /// Counts up.
            sequence: u32 as Varint,
            /// x, y, z in metres; finite.
            position: [f32; 3] as Finite,
            /// In radians; finite.
            yaw: f32 as Finite,
        };
        /// Acknowledges frames.
        0x13 Ack {
            /// The newest frame that was applied.
            sequence: u64 as Varint,
        };
        /// Asks for the space time.
        0x14 Ping {
            /// The client's clock, in milliseconds; it comes back in the Pong.
            clock_ms: f64 as Fixed,
        };
        /// The player leaves on purpose.
        0x15 Bye;
    }
}
