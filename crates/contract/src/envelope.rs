//! Envelopes: who says what to whom, and how a call ends.

use kuafu_core::{Incarnation, Refusal};
use serde::{Deserialize, Serialize};

use crate::{Reply, Request};

/// The version of every message in this crate. Nodes of version N and N − 1 interwork.
pub const CONTRACT_VERSION: u16 = 1;

/// The jobs that a role instance can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum RoleKind {
    /// The centre of accounts.
    Accounts,
    /// Holds clients and base parts.
    Base,
    /// Places logins and bases.
    BaseManager,
    /// Simulates cells.
    Cell,
    /// Places spaces.
    CellManager,
    /// Keeps configuration and the releases of game logic.
    Config,
    /// The web console.
    Console,
    /// Alone touches entity data.
    Db,
    /// Asks others on the game's behalf, over HTTP.
    Interfaces,
    /// Authenticates and hands clients to bases.
    Login,
}

impl RoleKind {
    /// The name in configuration, logs and the console.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Accounts => "accounts",
            Self::Base => "base",
            Self::BaseManager => "base-manager",
            Self::Cell => "cell",
            Self::CellManager => "cell-manager",
            Self::Config => "config",
            Self::Console => "console",
            Self::Db => "db",
            Self::Interfaces => "interfaces",
            Self::Login => "login",
        }
    }
}

/// One life of one role instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Address {
    /// Its job.
    pub role: RoleKind,
    /// Which life.
    pub incarnation: Incarnation,
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}#{}", self.role.name(), self.incarnation)
    }
}

/// To whom a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Target {
    /// To this instance; refused as Unavailable when it is gone.
    At(Address),
    /// To an instance of the role: the active one of a manager or centre, any of the others.
    Any(RoleKind),
}

impl From<Address> for Target {
    fn from(address: Address) -> Self {
        Self::At(address)
    }
}

impl From<RoleKind> for Target {
    fn from(role: RoleKind) -> Self {
        Self::Any(role)
    }
}

/// The number of a call at its caller, counting up in one incarnation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CallId(pub u64);

/// One message between roles.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Envelope {
    /// [`CONTRACT_VERSION`] of the sender.
    pub version: u16,
    /// The sender.
    pub from: Address,
    /// What it is.
    pub body: Body,
}

/// What an envelope holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Body {
    /// Wants an answer under this number.
    Call(CallId, Request),
    /// Wants none.
    Notice(Request),
    /// The answer to a call.
    Answer(CallId, Result<Reply, Refusal>),
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Answered.
    Value(Reply),
    /// Not done.
    Refused(Refusal),
    /// The deadline passed: it may have been done.
    Unknown,
}
