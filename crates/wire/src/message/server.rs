//! What a server says: the login server and a base.

use bytes::{Bytes, BytesMut};
use kuafu_core::{AccountId, Code, EntityId, MethodNo, RecordId, Refusal, SpaceId, TypeNo};

use super::codec::{Body, Bytes16, Codec, Fixed, Flag, MessageGap, Rest, Text, Varint};
use super::{Message, messages};
use crate::{DecodeError, Lattice, Token, Writer};

messages! {
    /// A message from a server.
    ServerMessage {
        /// Answers Hello.
        0x81 Welcome {
            /// The server's protocol version.
            version: u16 as Fixed,
            /// The client digest of the server's definitions.
            digest: Token as Bytes16,
            /// After so many milliseconds a silent connection is closed.
            idle_ms: u32 as Fixed,
            /// After so many milliseconds a client with nothing to say should ping.
            heartbeat_ms: u32 as Fixed,
            /// The server's name.
            name: String as Text,
        };
        /// The definitions as clients see them.
        0x82 Schema {
            /// JSON, see `kuafu_def::from_client_schema_json`.
            json: String as Text,
        };
        /// The account is there.
        0x83 Registered;
        /// The client may work with its roles.
        0x84 LoggedIn {
            /// The account.
            account: AccountId as Varint,
            /// The most roles that it may have.
            roles_max: u32 as Varint,
            /// Those it has.
            roles: Vec<Role> as Roles,
        };
        /// The account's roles after a change.
        0x85 Roles {
            /// All of them.
            roles: Vec<Role> as Roles,
        };
        /// The client waits to get in.
        0x86 Queue {
            /// From 1.
            position: u32 as Varint,
            /// How many wait.
            length: u32 as Varint,
        };
        /// Where the game is.
        0x87 Enter {
            /// Good once, for Attach.
            ticket: Token as Bytes16,
            /// Empty for the host that the client is connected to.
            host: String as Text,
            /// The port there.
            port: u16 as Fixed,
        };
        /// Something failed.
        0x8f Error {
            /// The number of a [`Code`], possibly one that this build does not know.
            code: u16 as Fixed,
            /// The connection is closed now.
            fatal: bool as Flag,
            /// The opcode it answers, or 0.
            answers: u8 as Fixed,
            /// For people.
            text: String as Text,
        };
        /// The client has its entity.
        0x90 Attached {
            /// The own entity.
            entity: EntityId as Varint,
            /// Its type.
            type_no: TypeNo as Varint,
            /// Its record.
            record: RecordId as Varint,
            /// For the next Attach.
            resume: Token as Bytes16,
            /// An entity in the game was taken over again.
            retaken: bool as Flag,
            /// The properties of the own base part, see [`crate::decode_properties`].
            properties: Bytes as Rest,
        };
        /// What the own entity sees.
        0x91 Frame {
            /// See [`crate::Frame`].
            body: Bytes as Rest,
        };
        /// Answers a Call.
        0x92 Result {
            /// The call's number.
            number: u32 as Varint,
            /// How it ended.
            outcome: CallOutcome as Outcome,
        };
        /// Answers a Ping.
        0x93 Pong {
            /// The client's clock from the Ping, in milliseconds.
            clock_ms: f64 as Fixed,
            /// The space time at which the answer left, in milliseconds.
            space_time_ms: f64 as Fixed,
            /// Between Ping and answer on the server, in microseconds.
            held_us: u32 as Fixed,
        };
        /// Changes of the own base part.
        0x94 Own {
            /// See [`crate::decode_changes`].
            changes: Bytes as Rest,
        };
        /// The own base part calls a method of the client part.
        0x95 CallClient {
            /// The method.
            method: MethodNo as Varint,
            /// The arguments, see [`crate::decode_arguments`].
            arguments: Bytes as Rest,
        };
        /// The own entity is in a space from here; the view is empty.
        0x96 SpaceEnter {
            /// The space.
            space: SpaceId as Varint,
            /// Its name.
            name: String as Text,
            /// What the records of frames count in.
            lattice: Lattice as LatticeFields,
            /// Least x and z, in metres.
            least: [f32; 2] as Fixed,
            /// Greatest x and z, in metres.
            greatest: [f32; 2] as Fixed,
            /// Ticks a second.
            tick_hz: u16 as Fixed,
            /// In metres.
            view_radius: f32 as Fixed,
            /// How fast the client may move its own entity, in metres a second; 0 is no limit.
            top_speed: f32 as Fixed,
            /// Where the own entity is: x, y, z in metres.
            position: [f32; 3] as Fixed,
            /// Where it looks, in radians.
            yaw: f32 as Fixed,
        };
        /// The own entity is in no space from here.
        0x97 SpaceLeave;
        /// The own entity is there, whatever the client predicted.
        0x98 Correct {
            /// The last move that counts.
            sequence: u32 as Varint,
            /// x, y, z in metres.
            position: [f32; 3] as Fixed,
            /// In radians.
            yaw: f32 as Fixed,
            /// Why: the number of a [`Code`].
            code: u16 as Fixed,
        };
        /// The Bye was taken, the player saved.
        0x99 SeeYou;
    }
}

impl ServerMessage {
    /// An Error from a refusal.
    #[must_use]
    pub fn error(refusal: &Refusal, fatal: bool, answers: u8) -> Self {
        Self::Error { code: refusal.code as u16, fatal, answers, text: refusal.text.clone() }
    }
}

/// A role in the list of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// Its id.
    pub id: RecordId,
    /// Its name.
    pub name: String,
    /// Milliseconds since 1970 at which it is deleted; 0 when it is not being deleted.
    pub deleted_at_ms: u64,
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallOutcome {
    /// It was done. The bytes are the value, see [`crate::decode_result`].
    Value(Bytes),
    /// It was refused and did nothing.
    Refused {
        /// The number of a [`Code`].
        code: u16,
        /// For people.
        text: String,
    },
    /// No answer came in time: it may have happened.
    Unknown {
        /// The number of a [`Code`].
        code: u16,
        /// For people.
        text: String,
    },
}

impl CallOutcome {
    /// The outcome of a refused call: [`CallOutcome::Unknown`] when the deadline passed, else a refusal.
    #[must_use]
    pub fn refused(refusal: Refusal) -> Self {
        let code = refusal.code as u16;
        match refusal.code {
            Code::DeadlinePassed => Self::Unknown { code, text: refusal.text },
            _ => Self::Refused { code, text: refusal.text },
        }
    }
}

/// The fewest bytes that a role takes: id, empty name, time.
const ROLE_BYTES_MIN: usize = 10;

pub(super) struct Roles;
pub(super) struct Outcome;
pub(super) struct LatticeFields;

impl Codec<Vec<Role>> for Roles {
    fn read(&self, body: &mut Body<'_>, what: &'static str) -> Result<Vec<Role>, DecodeError> {
        let count = body.reader.count(what, ROLE_BYTES_MIN)?;
        let reader = &mut body.reader;
        (0..count)
            .map(|_| {
                let id = RecordId(reader.varint("role id")?);
                let name = reader.text("role name")?.to_owned();
                Ok(Role { id, name, deleted_at_ms: reader.u64("role deletion time")? })
            })
            .collect()
    }

    fn write(&self, value: &Vec<Role>, writer: &mut Writer<'_>) {
        writer.varint(value.len() as u64);
        for role in value {
            writer.varint(role.id.0);
            writer.text(&role.name);
            writer.u64(role.deleted_at_ms);
        }
    }
}

impl Codec<CallOutcome> for Outcome {
    fn read(&self, body: &mut Body<'_>, what: &'static str) -> Result<CallOutcome, DecodeError> {
        let at = body.reader.position();
        let kind = body.reader.u8(what)?;
        if kind == 0 {
            return Ok(CallOutcome::Value(body.rest()));
        }
        let (code, text) = (Fixed.read(body, what)?, Text.read(body, what)?);
        match kind {
            1 => Ok(CallOutcome::Refused { code, text }),
            2 => Ok(CallOutcome::Unknown { code, text }),
            _ => Err(DecodeError::Unknown { what: "call outcome", at, number: u64::from(kind) }),
        }
    }

    fn write(&self, value: &CallOutcome, writer: &mut Writer<'_>) {
        match value {
            CallOutcome::Value(bytes) => {
                writer.u8(0);
                writer.raw(bytes);
            }
            CallOutcome::Refused { code, text } => write_failure(writer, 1, *code, text),
            CallOutcome::Unknown { code, text } => write_failure(writer, 2, *code, text),
        }
    }
}

fn write_failure(writer: &mut Writer<'_>, kind: u8, code: u16, text: &str) {
    writer.u8(kind);
    writer.u16(code);
    writer.text(text);
}

impl Codec<Lattice> for LatticeFields {
    fn read(&self, body: &mut Body<'_>, what: &'static str) -> Result<Lattice, DecodeError> {
        Ok(Lattice { origin: Fixed.read(body, what)?, step: Fixed.read(body, what)? })
    }

    fn write(&self, value: &Lattice, writer: &mut Writer<'_>) {
        Fixed.write(&value.origin, writer);
        Fixed.write(&value.step, writer);
    }
}
