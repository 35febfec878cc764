//! The model store: the semantics of [`StoreCommand`] in maps, without SQL, groups or disks.
//!
//! It is an [`Engine`], so that the suites that try the real one can try it too. A broken variant leaves one rule out,
//! to show that the laws' checkers would notice.

mod accounts;
mod entities;
mod find;
mod items;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kuafu_contract::db::{Place, Reply};
use kuafu_core::{
    AccountId, Code, Epoch, Incarnation, OperationId, PropertyNo, RecordId, Refusal, TypeNo, Value, WallTime,
};
use kuafu_def::Definitions;
use kuafu_owner::OwnerRecord;
use kuafu_store::{Engine, StoreCommand, StoreReply, StoreResult};

/// A rule that a broken store leaves out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// Answers some commits before they are done, and loses them.
    AckBeforeCommit,
    /// Does a commit as often as it is sent.
    NoDedup,
    /// Lets writes of older epochs in.
    NoEpochCheck,
    /// Grants records without looking who is alive: neither the owner before, nor the one who asks.
    LeaseIgnored,
    /// Forgets that nothing of a record was saved yet: only the claim that made it hears that it is new.
    NoBirthMark,
}

impl Broken {
    /// Every variant with its name.
    pub const ALL: &'static [(&'static str, Self)] = &[
        ("ack-before-commit", Self::AckBeforeCommit),
        ("no-dedup", Self::NoDedup),
        ("no-epoch-check", Self::NoEpochCheck),
        ("lease-ignored", Self::LeaseIgnored),
        ("no-birth-mark", Self::NoBirthMark),
    ];

    /// The variant of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, broken)| *broken)
    }
}

/// One of so many commits is answered and lost by [`Broken::AckBeforeCommit`].
const LOST_COMMIT_ONE_IN: u64 = 10;

pub(crate) type Key = (TypeNo, RecordId);

/// A record's columns, and which parts' beginnings no save has held yet.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Row {
    pub(crate) values: BTreeMap<PropertyNo, Value>,
    pub(crate) place: Option<Place>,
    pub(crate) newborn_base: bool,
    pub(crate) newborn_cell: bool,
}

/// What is durable, and who is alive.
#[derive(Clone, Debug)]
pub struct Model {
    definitions: Arc<Definitions>,
    role_type: TypeNo,
    broken: Option<Broken>,
    records: BTreeMap<Key, Row>,
    owners: BTreeMap<Key, OwnerRecord>,
    operations: BTreeMap<OperationId, (WallTime, Reply)>,
    /// How many record ids of each type were given out.
    used: BTreeMap<TypeNo, u64>,
    accounts: Vec<accounts::Account>,
    roles: Vec<accounts::RoleRow>,
    sessions: BTreeMap<AccountId, accounts::Session>,
    incarnations: u32,
    live: BTreeSet<Incarnation>,
    commits: u64,
}

impl Model {
    /// An empty store for these entity types. Records of `role_type` are made under ids of roles.
    #[must_use]
    pub fn new(definitions: Arc<Definitions>, role_type: TypeNo, broken: Option<Broken>) -> Self {
        Self {
            definitions,
            role_type,
            broken,
            records: BTreeMap::new(),
            owners: BTreeMap::new(),
            operations: BTreeMap::new(),
            used: BTreeMap::new(),
            accounts: Vec::new(),
            roles: Vec::new(),
            sessions: BTreeMap::new(),
            incarnations: 0,
            live: BTreeSet::new(),
            commits: 0,
        }
    }

    /// Does one command.
    ///
    /// # Errors
    /// As the command is refused.
    pub fn run(&mut self, command: &StoreCommand) -> StoreResult {
        self.dispatch(command).map_err(Refusal::from)
    }

    fn dispatch(&mut self, command: &StoreCommand) -> Result<StoreReply, Code> {
        Ok(match command {
            StoreCommand::NextIncarnation { .. } => {
                self.incarnations += 1;
                let incarnation = Incarnation(self.incarnations);
                self.live.insert(incarnation);
                StoreReply::Incarnation(incarnation)
            }
            StoreCommand::EndIncarnation(incarnation) => {
                self.live.remove(incarnation);
                StoreReply::Done
            }
            StoreCommand::Claim { ty, record, by, or_create } => {
                StoreReply::Entity(self.claim((*ty, *record), *by, or_create.as_deref())?)
            }
            StoreCommand::Commit { operation, by, whole, writes, at } => {
                StoreReply::Entity(self.commit(*operation, *by, *whole, writes, *at)?)
            }
            StoreCommand::Release { ty, record, epoch, by } => {
                StoreReply::Entity(self.release((*ty, *record), *by, *epoch)?)
            }
            StoreCommand::Autoload { ty, after, limit } => StoreReply::Entity(self.autoload(*ty, *after, *limit)),
            StoreCommand::Find { ty, by } => StoreReply::Entity(self.find_record(*ty, by)?),
            StoreCommand::PurgeOperations { before } => {
                let known = self.operations.len();
                self.operations.retain(|_, (at, _)| *at >= *before);
                StoreReply::Purged((known - self.operations.len()) as u64)
            }
            StoreCommand::Account(command) => self.account(command)?,
        })
    }

    /// Every record with its columns.
    pub(crate) fn records(&self) -> impl Iterator<Item = (Key, &Row)> {
        self.records.iter().map(|(key, row)| (*key, row))
    }

    /// The columns of a record.
    pub(crate) fn row(&self, key: Key) -> Option<&Row> {
        self.records.get(&key)
    }

    /// Records of a type that somebody alive owns.
    pub(crate) fn held(&self, ty: TypeNo) -> Vec<(RecordId, Incarnation, Epoch)> {
        let of_type = self.owners.iter().filter(|((of, _), _)| *of == ty);
        let held = of_type.filter_map(|((_, record), owner)| Some((*record, owner.holder?, owner.epoch)));
        held.filter(|(_, holder, _)| self.live.contains(holder)).collect()
    }
}

impl Engine for Model {
    async fn execute(&mut self, batch: Vec<StoreCommand>) -> Vec<StoreResult> {
        batch.iter().map(|command| self.run(command)).collect()
    }
}
