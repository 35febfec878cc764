//! What the login knows of one connection.

use std::net::IpAddr;

use kuafu_contract::accounts;
use kuafu_core::{AccountId, Moment, RecordId};
use kuafu_wire::Password;

use crate::line::Place;

#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) ip: IpAddr,
    pub(crate) state: State,
    /// When it is closed unless it gets further.
    pub(crate) deadline: Option<Moment>,
    /// The position in the queue that it was told, and when.
    pub(crate) told: Option<(u32, Moment)>,
}

/// How far a client has come. One request at a time is worked on.
#[derive(Debug)]
pub(crate) enum State {
    /// Hello is wanted.
    New,
    /// May register and log in.
    Greeted,
    /// Its Register or Login waits for its turn.
    Waiting(Place, Knock),
    /// Its Register or Login is at the accounts centre.
    Knocking,
    /// May work with its roles.
    LoggedIn(Login),
    /// A change of its roles is at the accounts centre.
    Changing(Login),
    /// Waits for a seat.
    Queued(Place, Login, RecordId),
    /// Is being placed, admitted and so on.
    Entering(Login),
    /// Has its ticket.
    Entered,
}

/// What a client asks at the door.
#[derive(Clone, Debug)]
pub(crate) struct Knock {
    pub(crate) register: bool,
    pub(crate) account: String,
    pub(crate) password: Password,
}

/// An account that is logged in, as last seen.
#[derive(Clone, Debug)]
pub(crate) struct Login {
    pub(crate) account: AccountId,
    pub(crate) roles: Vec<accounts::Role>,
}

impl State {
    /// Takes the login out of a state that has one, and leaves `next` there.
    pub(crate) fn take_login(&mut self) -> Option<Login> {
        match std::mem::replace(self, Self::Greeted) {
            Self::LoggedIn(login) | Self::Changing(login) | Self::Entering(login) | Self::Queued(_, login, _) => {
                Some(login)
            }
            other @ (Self::New | Self::Greeted | Self::Waiting(..) | Self::Knocking | Self::Entered) => {
                *self = other;
                None
            }
        }
    }
}
