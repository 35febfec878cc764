//! What a store is asked and what it answers: plain data, the same for SQL and for a model in memory.
//!
//! Times come in with the commands, so that an engine reads no clock. Names come in with the key they are compared by,
//! so that an engine knows no rule about names.

use std::future::Future;

use kuafu_contract::db::{self, Write};
use kuafu_contract::{RoleKind, accounts};
use kuafu_core::{
    AccountId, Epoch, Incarnation, OperationId, PropertyNo, RealmNo, RecordId, Refusal, TypeNo, Value, WallTime,
};

/// The number under which a role waits for a result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// How a command ends. A refusal with [`kuafu_core::Code::DeadlinePassed`] says that it may have been done; any other
/// says that it was not.
pub type StoreResult = Result<StoreReply, Refusal>;

/// What a store is asked.
#[derive(Clone, Debug, PartialEq)]
pub enum StoreCommand {
    /// The number of a new life of a role instance, which counts as alive until it ends or the process does.
    NextIncarnation {
        /// Its job, for people who read the table.
        role: RoleKind,
        /// When it starts.
        at: WallTime,
    },
    /// This life is over: what it owns can be claimed.
    EndIncarnation(Incarnation),
    /// [`db::Request::Claim`].
    Claim {
        /// The entity's type.
        ty: TypeNo,
        /// Which.
        record: RecordId,
        /// Who will write it.
        by: Incarnation,
        /// Creates the record with these values when there is none.
        or_create: Option<Vec<(PropertyNo, Value)>>,
    },
    /// [`db::Request::Commit`].
    Commit {
        /// Names the batch.
        operation: OperationId,
        /// Who writes.
        by: Incarnation,
        /// All or nothing.
        whole: bool,
        /// What to write.
        writes: Vec<Write>,
        /// When, for the age of the operation id.
        at: WallTime,
    },
    /// [`db::Request::Release`].
    Release {
        /// The entity's type.
        ty: TypeNo,
        /// Which.
        record: RecordId,
        /// The releaser's epoch.
        epoch: Epoch,
        /// The releaser.
        by: Incarnation,
    },
    /// [`db::Request::Autoload`]. A read.
    Autoload {
        /// The type.
        ty: TypeNo,
        /// Where to go on.
        after: RecordId,
        /// The most to answer.
        limit: u32,
    },
    /// [`db::Request::Find`]. A read.
    Find {
        /// The type.
        ty: TypeNo,
        /// What is known of it.
        by: db::FindBy,
    },
    /// Forgets operation ids from before this time.
    PurgeOperations {
        /// The oldest time that stays.
        before: WallTime,
    },
    /// About accounts, their roles and sessions.
    Account(AccountCommand),
}

/// What a store is asked about accounts.
#[derive(Clone, Debug, PartialEq)]
pub enum AccountCommand {
    /// A new account.
    Register {
        /// Its name as written.
        name: String,
        /// Its name as compared.
        key: String,
        /// The hash of its password.
        hash: String,
        /// When.
        at: WallTime,
    },
    /// The account of a name. A read.
    Find {
        /// The name as compared.
        key: String,
    },
    /// The roles of an account. A read.
    Roles {
        /// Whose.
        account: AccountId,
    },
    /// A new role.
    CreateRole {
        /// Whose.
        account: AccountId,
        /// Where it is born.
        realm: RealmNo,
        /// Its name as written.
        name: String,
        /// Its name as compared.
        key: String,
        /// How many roles the account may have with it.
        roles_max: u32,
        /// When.
        at: WallTime,
    },
    /// Marks a role for deletion at a time, or takes the mark back. A mark that is there already stays.
    MarkRole {
        /// Whose.
        account: AccountId,
        /// Which.
        role: RecordId,
        /// When it is deleted; 0 takes the mark back.
        deleted_at: WallTime,
    },
    /// Deletes the roles whose time has come, and their entities. One that is being played waits.
    PurgeRoles {
        /// The present.
        due: WallTime,
    },
    /// [`accounts::Request::OpenSession`].
    OpenSession {
        /// Whose.
        account: AccountId,
        /// Which role it will play.
        role: RecordId,
    },
    /// [`accounts::Request::PlaceSession`].
    PlaceSession {
        /// Whose.
        account: AccountId,
        /// The session's epoch.
        epoch: Epoch,
        /// The base instance.
        base: Incarnation,
    },
    /// [`accounts::Request::CloseSession`]. An older session than the newest only loses its place.
    CloseSession {
        /// Whose.
        account: AccountId,
        /// The session's epoch.
        epoch: Epoch,
    },
}

/// What a store answers.
#[derive(Clone, Debug, PartialEq)]
pub enum StoreReply {
    /// To `NextIncarnation`.
    Incarnation(Incarnation),
    /// To `Claim`, `Commit`, `Release`, `Autoload`, `Find`.
    Entity(db::Reply),
    /// To `Register`, `Roles`, `CreateRole`, `MarkRole`, `OpenSession`, `PlaceSession`.
    Account(accounts::Reply),
    /// To `Find`.
    Found(Option<FoundAccount>),
    /// To `PurgeOperations` and `PurgeRoles`: how many rows went.
    Purged(u64),
    /// To `EndIncarnation` and `CloseSession`.
    Done,
}

/// An account as it is found by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundAccount {
    /// Which.
    pub account: AccountId,
    /// The hash of its password.
    pub hash: String,
}

impl StoreCommand {
    /// Whether it changes nothing, so that any reader can do it.
    #[must_use]
    pub fn is_read(&self) -> bool {
        matches!(
            self,
            Self::Autoload { .. }
                | Self::Find { .. }
                | Self::Account(AccountCommand::Find { .. } | AccountCommand::Roles { .. })
        )
    }

    /// How many rows it may write, for the size of a group.
    #[must_use]
    pub fn weight(&self) -> usize {
        if let Self::Commit { writes, .. } = self { writes.len().max(1) } else { 1 }
    }
}

impl From<AccountCommand> for StoreCommand {
    fn from(command: AccountCommand) -> Self {
        Self::Account(command)
    }
}

/// What stands behind a [`crate::StoreHandle`]: SQL, or a model.
///
/// Commands take effect in their order. All that a batch writes is durable when its results are there.
pub trait Engine: Send + 'static {
    /// Does a batch; one result a command, in their order. Never panics on what a command holds.
    fn execute(&mut self, batch: Vec<StoreCommand>) -> impl Future<Output = Vec<StoreResult>> + Send;

    /// Ends the engine in good order.
    fn close(self) -> impl Future<Output = ()> + Send
    where
        Self: Sized,
    {
        async {}
    }
}
