//! What can go wrong for a client.

use std::io;

use kuafu_core::{Code, EntityId};
use kuafu_def::{Part, SchemaError};
use kuafu_wire::DecodeError;

/// A login or an attempt to play that failed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The server said no.
    #[error("{text}")]
    Refused {
        /// The number of a [`Code`].
        code: u16,
        /// For people.
        text: String,
    },
    /// The connection could not be made or broke.
    #[error(transparent)]
    Lost(#[from] Loss),
    /// The server's schema cannot be read.
    #[error("the server's schema: {0}")]
    Schema(#[from] SchemaError),
    /// The server answered with something that does not belong there.
    #[error("the server answered {asked} with {got}")]
    Unexpected {
        /// What the client said.
        asked: &'static str,
        /// What came.
        got: &'static str,
    },
    /// No answer came.
    #[error("no answer to {0} came in time")]
    TimedOut(&'static str),
}

impl ClientError {
    /// The server's code, when it said no and the code is one that this build knows.
    #[must_use]
    pub fn code(&self) -> Option<Code> {
        match self {
            Self::Refused { code, .. } | Self::Lost(Loss::Told { code, .. }) => Code::from_number(*code),
            _ => None,
        }
    }
}

/// Why a connection ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Loss {
    /// The other side closed it.
    #[error("the server closed the connection")]
    Closed,
    /// It could not be made, or broke.
    #[error("the connection failed: {0}")]
    Io(io::ErrorKind),
    /// The WebSocket handshake or framing failed.
    #[error("the WebSocket failed: {0}")]
    WebSocket(String),
    /// The server sent what cannot be read.
    #[error("the server sent what cannot be read: {0}")]
    Malformed(#[from] DecodeError),
    /// The server sent a change that does not fit what the client knows.
    #[error("the server sent a change that does not fit: {0}")]
    Misfit(&'static str),
    /// Nothing came for too long.
    #[error("nothing came from the server for too long")]
    Silent,
    /// The server said why.
    #[error("{text}")]
    Told {
        /// The number of a [`Code`].
        code: u16,
        /// For people.
        text: String,
    },
}

impl From<io::Error> for Loss {
    fn from(error: io::Error) -> Self {
        Self::Io(error.kind())
    }
}

/// How a call failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// It was refused and did nothing.
    #[error("{text}")]
    Refused {
        /// The number of a [`Code`].
        code: u16,
        /// For people.
        text: String,
    },
    /// No answer came: it may have happened.
    #[error("it may have happened: {text}")]
    Unknown {
        /// The number of a [`Code`].
        code: u16,
        /// For people.
        text: String,
    },
    /// It did not leave the client.
    #[error(transparent)]
    NotSent(#[from] NotSent),
}

impl CallError {
    pub(crate) fn unknown(text: &str) -> Self {
        Self::Unknown { code: Code::DeadlinePassed as u16, text: text.to_owned() }
    }

    /// The server's code, when there is one that this build knows.
    #[must_use]
    pub fn code(&self) -> Option<Code> {
        match self {
            Self::Refused { code, .. } | Self::Unknown { code, .. } => Code::from_number(*code),
            Self::NotSent(_) => None,
        }
    }
}

/// Why something did not leave the client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotSent {
    /// There is no connection, or no own entity yet.
    #[error("the client is not in the game")]
    NotInGame,
    /// The entity is not in view.
    #[error("there is no entity {0} in view")]
    EntityUnknown(EntityId),
    /// The schema has no such method that clients may call.
    #[error("there is no method {name} on the {part} part")]
    MethodUnknown {
        /// The part.
        part: Part,
        /// The name.
        name: String,
    },
    /// No component in the slot has such a method that clients may call, or it has it on both parts.
    #[error("there is no method {slot}.{name}, or there is one on each part")]
    ComponentMethodUnknown {
        /// The slot.
        slot: String,
        /// The name.
        name: String,
    },
    /// The arguments do not fit the schema.
    #[error("{0}")]
    Arguments(String),
    /// As many calls as allowed wait for their results.
    #[error("{0} calls wait for their results")]
    TooManyCalls(u32),
    /// The server does not take what the client has to say.
    #[error("{0} bytes wait for the server")]
    QueueFull(usize),
}
