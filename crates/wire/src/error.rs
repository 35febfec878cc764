//! What can be wrong with bytes that are read, and with values that are to be written.
//!
//! Both are plain data, so that a role can count them and a client library can name them. A [`DecodeError`] is the
//! fault of whoever sent the bytes; an [`EncodeError`] is the fault of whoever offered the value.

use kuafu_core::{Code, PropertyNo};

/// Bytes that are not what the protocol says. `what` names the field, `at` is the offset in what was being read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The bytes end before the field does.
    #[error("{what} at byte {at} ends too early")]
    Truncated {
        /// The field.
        what: &'static str,
        /// Where it starts.
        at: usize,
    },
    /// A number that its field cannot hold.
    #[error("{what} at byte {at} is out of range")]
    OutOfRange {
        /// The field.
        what: &'static str,
        /// Where it starts.
        at: usize,
    },
    /// A text that is not UTF-8.
    #[error("{what} at byte {at} is not UTF-8")]
    NotUtf8 {
        /// The field.
        what: &'static str,
        /// Where it starts.
        at: usize,
    },
    /// A count or length above a limit.
    #[error("{what} at byte {at} has {count}, at most {max} are accepted")]
    TooMany {
        /// The field.
        what: &'static str,
        /// Where it starts.
        at: usize,
        /// How many are claimed.
        count: u64,
        /// How many are accepted.
        max: u64,
    },
    /// Containers nested deeper than the limit.
    #[error("{what} at byte {at} is nested deeper than {max} levels")]
    TooDeep {
        /// The field.
        what: &'static str,
        /// Where it starts.
        at: usize,
        /// How many levels are accepted.
        max: u32,
    },
    /// Map keys that do not rise, or a key that comes twice.
    #[error("the keys of {what} at byte {at} do not rise")]
    Unsorted {
        /// The field.
        what: &'static str,
        /// Where it starts.
        at: usize,
    },
    /// A number that names nothing: a property, a method, an edit.
    #[error("there is no {what} {number} (byte {at})")]
    Unknown {
        /// What it should name.
        what: &'static str,
        /// Where it stands.
        at: usize,
        /// The number.
        number: u64,
    },
    /// A path step into something that is no such container.
    #[error("{what} at byte {at} leads nowhere")]
    BadPath {
        /// The step.
        what: &'static str,
        /// Where it stands.
        at: usize,
    },
    /// A TCP connection that does not begin with [`crate::MAGIC`].
    #[error("the connection does not begin with KFU1")]
    BadMagic,
    /// A packet longer than the receiver accepts.
    #[error("a packet of {bytes} bytes, at most {max} are accepted")]
    PacketTooLarge {
        /// The claimed length.
        bytes: u32,
        /// The accepted length.
        max: u32,
    },
}

impl DecodeError {
    /// What to tell the sender.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::PacketTooLarge { .. } => Code::FrameTooLarge,
            _ => Code::Malformed,
        }
    }
}

/// A value that its declared type cannot carry. Nothing was written then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// Another kind of value.
    #[error("{expected} is wanted, {found} is given")]
    Kind {
        /// The declared type's kind.
        expected: &'static str,
        /// The value's kind.
        found: &'static str,
    },
    /// A whole number outside its type.
    #[error("{number} does not fit {expected}")]
    OutOfRange {
        /// The declared type's kind.
        expected: &'static str,
        /// The number; for unsigned 64-bit types its bit pattern.
        number: i64,
    },
    /// Another number of arguments or struct fields.
    #[error("{expected} {what} are wanted, {found} are given")]
    Count {
        /// What is counted.
        what: &'static str,
        /// How many are declared.
        expected: usize,
        /// How many are given.
        found: usize,
    },
    /// A map whose keys do not rise.
    #[error("the keys of a map do not rise")]
    Unsorted,
    /// A property that the type does not have.
    #[error("there is no property {0}")]
    UnknownProperty(PropertyNo),
    /// A change whose path does not fit the property's type.
    #[error("the path of a change leads nowhere")]
    BadPath,
    /// Insert and remove need a path.
    #[error("an insert or remove needs a path")]
    NoPath,
}
