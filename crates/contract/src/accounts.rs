//! The accounts centre: names and passwords, roles, and the one live session an account may have.

use kuafu_core::{AccountId, Epoch, RealmNo, RecordId};
use serde::{Deserialize, Serialize};

use crate::Address;

/// What the accounts centre is asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Request {
    /// A new account.
    Register {
        /// Its name, unique without regard to case.
        name: String,
        /// Its password, in clear: hashed at the centre.
        password: String,
    },
    /// Who is this?
    Authenticate {
        /// The account's name.
        name: String,
        /// The password to check.
        password: String,
    },
    /// A new role of an account.
    CreateRole {
        /// Whose.
        account: AccountId,
        /// Where it is born.
        realm: RealmNo,
        /// Its name, unique in the region without regard to case.
        name: String,
    },
    /// Marks a role for deletion after the delay.
    DeleteRole {
        /// Whose.
        account: AccountId,
        /// Which.
        role: RecordId,
    },
    /// Takes the mark back.
    RestoreRole {
        /// Whose.
        account: AccountId,
        /// Which.
        role: RecordId,
    },
    /// Takes the account's session: raises its epoch; tells of the session before.
    OpenSession {
        /// Whose.
        account: AccountId,
        /// Which role it will play.
        role: RecordId,
    },
    /// Notes where the session's entity lives. Refused as Stale when the epoch is no longer the newest.
    PlaceSession {
        /// Whose.
        account: AccountId,
        /// The session's epoch.
        epoch: Epoch,
        /// The base.
        base: Address,
    },
    /// Ends the session if its epoch is still the newest. A notice.
    CloseSession {
        /// Whose.
        account: AccountId,
        /// The session's epoch.
        epoch: Epoch,
    },
}

/// What it answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Reply {
    /// To `Register`.
    Registered(AccountId),
    /// To `Authenticate`, `CreateRole`, `DeleteRole`, `RestoreRole`.
    Account {
        /// Which.
        account: AccountId,
        /// Its roles, oldest first.
        roles: Vec<Role>,
    },
    /// To `OpenSession`.
    Session {
        /// The new epoch.
        epoch: Epoch,
        /// The role's name.
        role_name: String,
        /// The session before, when it was placed and not closed.
        previous: Option<Previous>,
    },
    /// To `PlaceSession`.
    Placed,
}

/// One role of an account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Role {
    /// Its durable identity.
    pub id: RecordId,
    /// Its name.
    pub name: String,
    /// Milliseconds since 1970 at which it is deleted, 0 when it is not.
    pub deleted_at: u64,
}

/// A session that a new one takes over from.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Previous {
    /// Where its entity lives.
    pub base: Address,
    /// The role it plays.
    pub role: RecordId,
    /// Its epoch.
    pub epoch: Epoch,
}
