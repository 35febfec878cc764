//! A db alone touches entity data: owner records, loads, saves, creations and deletions.

use kuafu_core::{AccountId, Epoch, Incarnation, OperationId, PropertyNo, RecordId, Refusal, TypeNo, Value};
use serde::{Deserialize, Serialize};

/// What a db is asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Request {
    /// Become the owner of a record and read it. Refused as Owned while another live incarnation owns it.
    Claim {
        /// The entity's type.
        ty: TypeNo,
        /// Which.
        record: RecordId,
        /// The base instance that will write it.
        by: Incarnation,
        /// Creates the record with these values when there is none; else that is RecordUnknown.
        or_create: Option<Vec<(PropertyNo, Value)>>,
    },
    /// Writes several entities. `whole`: all or nothing, in one transaction; else saves that are stale or that the
    /// database refuses are left out, and told.
    Commit {
        /// Names the batch, so that it is done once however often it is sent.
        operation: OperationId,
        /// The base instance that writes.
        by: Incarnation,
        /// All or nothing.
        whole: bool,
        /// What to write.
        writes: Vec<Write>,
    },
    /// Gives an ownership up, if the epoch is still the newest.
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
    /// All records of a type that nobody owns, for entities that live without a player. At most `limit`, by record
    /// id above `after`.
    Autoload {
        /// The type.
        ty: TypeNo,
        /// Where to go on.
        after: RecordId,
        /// The most to answer.
        limit: u32,
    },
    /// Which record is meant, and who owns it? As committed.
    Find {
        /// The type.
        ty: TypeNo,
        /// What is known of it.
        by: FindBy,
    },
}

/// What is known of a record that is looked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum FindBy {
    /// Nothing: the one with the least id.
    Any,
    /// Its id.
    Record(RecordId),
    /// The value of a unique or indexed property; of several records the one with the least id.
    Property(PropertyNo, Value),
}

/// A record that was looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// Which.
    pub record: RecordId,
    /// Who owns it, among those alive.
    pub owner: Option<Incarnation>,
}

/// One write of a batch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Write {
    /// Properties of a record that the writer owns.
    Save {
        /// The entity's type.
        ty: TypeNo,
        /// Which.
        record: RecordId,
        /// The writer's epoch.
        epoch: Epoch,
        /// Whole values of the properties that changed.
        values: Vec<(PropertyNo, Value)>,
        /// Where it is, when that changed.
        place: Option<Place>,
        /// Whether all that its cell part began with is saved, now or before. Of its base part that is always so.
        with_cell: bool,
    },
    /// A new record, owned by the writer with epoch 1. Its id is in the reply.
    Create {
        /// The entity's type.
        ty: TypeNo,
        /// Its first values.
        values: Vec<(PropertyNo, Value)>,
        /// Where it is.
        place: Option<Place>,
    },
    /// Takes a record out.
    Delete {
        /// The entity's type.
        ty: TypeNo,
        /// Which.
        record: RecordId,
        /// The writer's epoch.
        epoch: Epoch,
    },
}

/// Where an entity is in the world.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Place {
    /// The space's name.
    pub space: String,
    /// x, y, z in metres.
    pub position: [f32; 3],
    /// Facing in radians.
    pub yaw: f32,
}

/// A record as it was read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Which.
    pub record: RecordId,
    /// Its persistent properties; those that the table lacks are left out.
    pub values: Vec<(PropertyNo, Value)>,
    /// Where it was.
    pub place: Option<Place>,
}

/// What a db answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Reply {
    /// To `Claim`.
    Claimed {
        /// The new owner's epoch.
        epoch: Epoch,
        /// What was read.
        record: Record,
        /// Whether its base part begins its life: the record was created just now, or before and nothing of it was
        /// saved since. Who created it may have died, or may not know that it did.
        created: bool,
        /// Likewise its cell part, of types that have one: nothing of what it began with was saved.
        cell_created: bool,
    },
    /// To `Commit`: committed and synced.
    Committed {
        /// Ids of the records created, in the order of their writes.
        created: Vec<RecordId>,
        /// Records that a newer owner writes, left out of the commit.
        stale: Vec<RecordId>,
        /// Saves that were left out, of a batch that is not whole.
        refused: Vec<Refused>,
    },
    /// To `Release`.
    Released,
    /// To `Autoload`.
    Records(Vec<RecordId>),
    /// To `Find`.
    Found(Option<Found>),
}

/// A save that the database did not take, for good: as it stands it would be refused again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Refused {
    /// The entity's type.
    pub ty: TypeNo,
    /// Which.
    pub record: RecordId,
    /// Why.
    pub refusal: Refusal,
}

/// The key of an owner record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum OwnerKey {
    /// A session of an account.
    Account(AccountId),
    /// An entity.
    Entity(TypeNo, RecordId),
}
