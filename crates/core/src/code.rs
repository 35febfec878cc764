//! Error codes: one numbered table that clients, roles and documents share.
//!
//! A number, once released, keeps its meaning. A client shows the text that came with the code, or its own.

use serde::{Deserialize, Serialize};

macro_rules! codes {
    ($($number:literal $name:ident $text:literal),* $(,)?) => {
        /// What went wrong, as a stable number.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[repr(u16)]
        pub enum Code { $(#[doc = $text] $name = $number),* }

        impl Code {
            /// Every code, in the order of the numbers.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The code of a number, if there is one.
            #[must_use]
            pub fn from_number(number: u16) -> Option<Self> {
                match number { $($number => Some(Self::$name),)* _ => None }
            }

            /// What to tell a person when no better text came along.
            #[must_use]
            pub fn text(self) -> &'static str {
                match self { $(Self::$name => $text),* }
            }

            /// The name in documents and client libraries.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name)),* }
            }
        }
    };
}

codes! {
    // The connection.
    1 ProtocolVersion "this server speaks another protocol version; update the client",
    2 DigestMismatch "the client was built for other entity definitions; reload or update it",
    3 Malformed "the message could not be read",
    4 OutOfOrder "the message is not allowed at this point",
    5 FrameTooLarge "the packet is larger than the server accepts",
    6 RateExceeded "messages come faster than the server accepts",
    7 TooManyConnections "too many connections from this address",
    8 TooSlow "the connection did not take what the server had to send",
    9 Idle "nothing came from the client for too long",
    10 ServerStopping "the server is stopping",
    11 ServerFault "the server met an internal fault; it is logged",
    12 Busy "the server is overloaded; try again shortly",
    13 Unavailable "a part of the server that this needs is not reachable",
    // Accounts.
    100 NameTaken "the name is taken",
    101 NameInvalid "the name must have 2 to 24 letters, digits, spaces, `-` or `_`, and no space at either end",
    102 PasswordInvalid "the password must have 6 to 128 characters",
    103 LoginFailed "no account with this name and password",
    104 TooManyAttempts "too many attempts; wait a minute",
    105 NotLoggedIn "log in first",
    106 RegistrationClosed "new accounts are not accepted",
    107 RoleLimit "the account has as many roles as it may have",
    108 RoleUnknown "the account has no such role",
    109 RoleDeleting "the role is being deleted; restore it first",
    110 QueueFull "the login queue is full; try again later",
    111 AccountBanned "the account is banned",
    // The session.
    200 TicketInvalid "the ticket is unknown, used or too old; log in again",
    201 LoggedInElsewhere "the account logged in from another place",
    202 Kicked "you were removed from the game",
    203 RoleDeleted "the role was deleted",
    // Calls.
    300 MethodUnknown "there is no such method",
    301 NotAllowed "the method may not be called from there",
    302 ArgumentInvalid "an argument has the wrong type or is out of range",
    303 EntityUnknown "there is no such entity",
    304 ScriptFailed "the method failed; the fault is logged",
    305 Refused "the method refused",
    306 DeadlinePassed "no answer came in time; it may have happened",
    307 BudgetExceeded "the method used more than its budget of steps or memory",
    // Data.
    400 RecordUnknown "there is no such record",
    401 Stale "a newer owner writes this record",
    402 Owned "another process owns this record",
    403 StoreFailed "the database could not do it; it is logged",
    404 ItemTaken "another record holds this item",
    // Movement.
    500 MovedTooFar "the movement was faster than allowed",
    501 OutOfBounds "the position is outside the space",
}

/// A refusal: a code, and a text for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{text}")]
pub struct Refusal {
    /// What went wrong.
    pub code: Code,
    /// The same for a person, with what to do.
    pub text: String,
}

impl Refusal {
    /// A refusal with its own text.
    #[must_use]
    pub fn new(code: Code, text: impl Into<String>) -> Self {
        Self { code, text: text.into() }
    }
}

impl From<Code> for Refusal {
    fn from(code: Code) -> Self {
        Self { code, text: code.text().to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_found_by_its_number() {
        for code in Code::ALL {
            assert_eq!(Code::from_number(*code as u16), Some(*code));
        }
        assert_eq!(Code::from_number(0), None);
    }
}
