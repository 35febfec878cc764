//! The checkers of the laws. They see what the store did and what clients noted, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use kuafu_contract::db::{Reply, Write};
use kuafu_core::{Epoch, Incarnation, Moment, OperationId, Value};
use kuafu_store::{StoreCommand, StoreReply, StoreResult};

use crate::game::{AVATAR, BLESSING, COINS, MOOD, coins_of};
use crate::model::{Key, Model, Row};

/// A law that broke.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{law} at {}.{:06} s: {what}", at.0 / 1_000_000, at.0 % 1_000_000)]
pub struct Breach {
    /// Its name, in words with dashes.
    pub law: &'static str,
    /// What was seen.
    pub what: String,
    /// At which virtual time.
    pub at: Moment,
}

/// Who owns a record, as the answers of the store say.
#[derive(Clone, Copy, Debug)]
struct Grant {
    by: Incarnation,
    epoch: Epoch,
    released: bool,
}

/// What a client noted of a coin that it deposited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coin {
    /// Sent, or its outcome is unknown: it may be there.
    Open,
    /// It is there.
    Acknowledged,
    /// It is not.
    Refused,
}

/// Something that a client asked for and heard to be done.
#[derive(Clone, Copy, Debug)]
struct Act {
    asked: Moment,
    heard: Moment,
}

/// What is known of the run so far.
#[derive(Debug, Default)]
pub(crate) struct Laws {
    now: Moment,
    pub(crate) breach: Option<Breach>,
    grants: BTreeMap<Key, Grant>,
    dead: BTreeSet<Incarnation>,
    operations: BTreeSet<OperationId>,
    coins: BTreeMap<i64, Coin>,
    /// The newest act of each client, by account.
    acts: BTreeMap<u32, BTreeMap<usize, Act>>,
}

impl Laws {
    pub(crate) fn set_now(&mut self, now: Moment) {
        self.now = now;
    }

    pub(crate) fn break_law(&mut self, law: &'static str, what: impl Into<String>) {
        let at = self.now;
        self.breach.get_or_insert_with(|| Breach { law, what: what.into(), at });
    }

    /// The store did a command, whatever it told of that.
    pub(crate) fn store_did(&mut self, command: &StoreCommand, result: &StoreResult, model: &Model) {
        match (command, result) {
            (StoreCommand::EndIncarnation(incarnation), _) => {
                self.dead.insert(*incarnation);
            }
            (StoreCommand::Claim { ty, record, by, .. }, Ok(StoreReply::Entity(Reply::Claimed { epoch, .. }))) => {
                self.granted((*ty, *record), *by, *epoch);
            }
            (StoreCommand::Release { ty, record, .. }, Ok(_)) => {
                if let Some(grant) = self.grants.get_mut(&(*ty, *record)) {
                    grant.released = true;
                }
            }
            (
                StoreCommand::Commit { operation, by, writes, .. },
                Ok(StoreReply::Entity(Reply::Committed { created, stale, .. })),
            ) => {
                if self.operations.insert(*operation) {
                    self.committed(*by, writes, created, stale);
                }
                self.coins_are_single(model);
                self.starts_are_kept(writes, model);
            }
            _ => {}
        }
    }

    fn granted(&mut self, key: Key, by: Incarnation, epoch: Epoch) {
        if self.dead.contains(&by) {
            self.break_law("one-writer", format!("{key:?} was granted to {by}, which is dead"));
        }
        let new = Grant { by, epoch, released: false };
        let Some(old) = self.grants.insert(key, new) else { return };
        if old.epoch >= epoch {
            self.break_law("one-writer", format!("{key:?} was granted under {epoch} after {}", old.epoch));
        }
        if !old.released && old.by != by && !self.dead.contains(&old.by) {
            self.break_law("one-writer", format!("{key:?} was granted to {by} while {} lives and owns it", old.by));
        }
    }

    fn committed(
        &mut self,
        by: Incarnation,
        writes: &[Write],
        created: &[kuafu_core::RecordId],
        stale: &[kuafu_core::RecordId],
    ) {
        let mut created = created.iter();
        for write in writes {
            match write {
                Write::Save { ty, record, epoch, .. } | Write::Delete { ty, record, epoch } => {
                    let key = (*ty, *record);
                    let owns = self.grants.get(&key).is_some_and(|g| !g.released && (g.by, g.epoch) == (by, *epoch));
                    if !owns && !stale.contains(record) {
                        let grant = self.grants.get(&key).copied();
                        self.break_law("one-writer", format!("{by} wrote {key:?} under {epoch}; owner: {grant:?}"));
                    }
                }
                Write::Create { ty, .. } => {
                    if let Some(record) = created.next() {
                        self.grants.insert((*ty, *record), Grant { by, epoch: Epoch(1), released: false });
                    }
                }
            }
        }
    }

    /// Logic gives each avatar's base part one blessing when it is created, and its cell part one: nothing of an avatar
    /// is saved without the first, and neither comes twice.
    fn starts_are_kept(&mut self, writes: &[Write], model: &Model) {
        for write in writes {
            let Write::Save { ty: AVATAR, record, .. } = write else { continue };
            let Some(row) = model.row((AVATAR, *record)) else { continue };
            let given = [BLESSING, MOOD].map(|no| row.values.get(&no).and_then(Value::as_int).unwrap_or_default());
            if !matches!(given, [1, 0 | 1]) {
                self.break_law("a-life-begins-once", format!("record {record} was saved with blessings {given:?}"));
            }
        }
    }

    fn coins_are_single(&mut self, model: &Model) {
        let coins = all_coins(model);
        if let Some(pair) = coins.windows(2).find(|pair| pair[0] == pair[1]) {
            self.break_law("nothing-acts-twice", format!("coin {} is in two places", pair[0]));
        }
        for coin in coins {
            match self.coins.get(&coin) {
                None => self.break_law("no-invention", format!("coin {coin} was never deposited")),
                Some(Coin::Refused) => {
                    self.break_law(
                        "refused-is-undone",
                        format!("the deposit of coin {coin} was refused, and it is there"),
                    );
                }
                Some(Coin::Open | Coin::Acknowledged) => {}
            }
        }
    }

    /// A client is about to deposit a coin.
    pub(crate) fn deposited(&mut self, coin: i64) {
        self.coins.insert(coin, Coin::Open);
    }

    /// A client heard what became of a deposit.
    pub(crate) fn deposit_ended(&mut self, coin: i64, outcome: Coin, model: &Model) {
        self.coins.insert(coin, outcome);
        let is_there = all_coins(model).binary_search(&coin).is_ok();
        match outcome {
            Coin::Acknowledged if !is_there => {
                self.break_law("acknowledged-is-kept", format!("coin {coin} was acknowledged, and is nowhere"));
            }
            Coin::Refused if is_there => {
                self.break_law("refused-is-undone", format!("the deposit of coin {coin} was refused, and it is there"));
            }
            _ => {}
        }
    }

    /// A client, attached since `since`, heard that something was done that it had asked for at `asked`.
    ///
    /// When another client of the account had asked for something after that, and had heard that it was done before
    /// this one asked, then both were live at once.
    pub(crate) fn acted(&mut self, account: u32, client: usize, since: Moment, asked: Moment) {
        let acts = self.acts.entry(account).or_default();
        let mut others = acts.iter().filter(|(other, _)| **other != client);
        let between = others.find(|(_, act)| since < act.asked && act.heard < asked).map(|(other, _)| *other);
        acts.insert(client, Act { asked, heard: self.now });
        if let Some(other) = between {
            let what =
                format!("clients {client} and {other} of account {account} acted in turn without coming in anew");
            self.break_law("one-client", what);
        }
    }

    /// All is quiet: what was acknowledged is there, what was refused is not.
    pub(crate) fn check_end(&mut self, model: &Model) {
        self.coins_are_single(model);
        let there = all_coins(model);
        let kept = self.coins.iter().filter(|(_, coin)| **coin == Coin::Acknowledged);
        let lost: Vec<i64> = kept.map(|(coin, _)| *coin).filter(|coin| there.binary_search(coin).is_err()).collect();
        if !lost.is_empty() {
            self.break_law("acknowledged-is-kept", format!("coins {lost:?} were acknowledged, and are nowhere"));
        }
        // A place comes from a cell part only, after what logic gave the part.
        let begun = |row: &&Row| row.place.is_none() || row.values.get(&MOOD) == Some(&Value::Int(1));
        let avatars = model.records().filter(|((ty, _), _)| *ty == AVATAR);
        let bare: Vec<_> = avatars.filter(|(_, row)| !begun(row)).map(|((_, record), _)| record).collect();
        if !bare.is_empty() {
            self.break_law(
                "a-life-begins-once",
                format!("cell parts of {bare:?} were in the world without a beginning"),
            );
        }
    }

    /// How many deposits were acknowledged.
    pub(crate) fn acknowledged(&self) -> usize {
        self.coins.values().filter(|coin| **coin == Coin::Acknowledged).count()
    }
}

/// Every coin in the store, sorted; one that is there twice comes twice.
fn all_coins(model: &Model) -> Vec<i64> {
    let values = model.records().filter_map(|(_, row)| row.values.get(&COINS));
    let mut coins: Vec<i64> = values.flat_map(coins_of).collect();
    coins.sort_unstable();
    coins
}
