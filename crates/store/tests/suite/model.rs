//! The store against a plain model: any sequence of claims, commits, releases, deaths and restarts gives both the same
//! answers. The model is an [`Engine`] of maps, without groups, rows or SQL.

use std::collections::{BTreeMap, BTreeSet};

use kuafu_contract::RoleKind;
use kuafu_contract::db::{Record, Reply, Write};
use kuafu_core::{Code, Epoch, Incarnation, OperationId, PropertyNo, RecordId, Refusal, Value, WallTime};
use kuafu_store::{Engine, RECORDS_PER_REALM, Store, StoreCommand, StoreReply, StoreResult};
use proptest::prelude::*;
use tokio::sync::oneshot;

use crate::common::*;

#[derive(Clone, Debug, Default)]
struct Model {
    durable: Durable,
    live: BTreeSet<Incarnation>,
}

#[derive(Clone, Debug, Default)]
struct Durable {
    records: BTreeMap<RecordId, BTreeMap<PropertyNo, Value>>,
    /// Of which records a beginning was not saved: of the base part, of the cell part.
    newborn: BTreeMap<RecordId, (bool, bool)>,
    owners: BTreeMap<RecordId, (Option<Incarnation>, Epoch)>,
    operations: BTreeMap<OperationId, Reply>,
    incarnations: u32,
    created: u64,
}

impl Durable {
    fn may_write(&self, record: RecordId, by: Incarnation, epoch: Epoch) -> bool {
        self.owners.get(&record) == Some(&(Some(by), epoch))
    }

    fn new_record(&mut self, record: RecordId, values: &[(PropertyNo, Value)], by_claim: bool) {
        self.newborn.insert(record, (by_claim, true));
        let defaults = chest().properties.into_iter().map(|property| (property.no, property.default));
        self.records.insert(record, defaults.chain(values.iter().cloned()).collect());
    }

    fn commit(&mut self, by: Incarnation, whole: bool, writes: &[Write]) -> Result<Reply, Code> {
        let mut next = self.clone();
        let (mut created, mut stale) = (Vec::new(), Vec::new());
        for write in writes {
            match write {
                Write::Save { record, epoch, .. } | Write::Delete { record, epoch, .. }
                    if !next.may_write(*record, by, *epoch) =>
                {
                    if !stale.contains(record) {
                        stale.push(*record);
                    }
                }
                Write::Save { record, values, with_cell, .. } => {
                    let newborn = next.newborn.entry(*record).or_default();
                    *newborn = (false, newborn.1 && !with_cell);
                    next.records.get_mut(record).expect("owned records exist").extend(values.iter().cloned());
                }
                Write::Delete { record, .. } => {
                    next.records.remove(record);
                    next.owners.remove(record);
                }
                Write::Create { values, .. } => {
                    next.created += 1;
                    let record = RecordId(RECORDS_PER_REALM + next.created);
                    next.new_record(record, values, false);
                    next.owners.insert(record, (Some(by), Epoch(1)));
                    created.push(record);
                }
            }
        }
        if whole && !stale.is_empty() {
            return Err(Code::Stale);
        }
        *self = next;
        Ok(Reply::Committed { created, stale, refused: Vec::new() })
    }
}

impl Model {
    fn run(&mut self, command: StoreCommand) -> Result<StoreReply, Code> {
        let durable = &mut self.durable;
        let reply = match command {
            StoreCommand::NextIncarnation { .. } => {
                durable.incarnations += 1;
                self.live.insert(Incarnation(durable.incarnations));
                return Ok(StoreReply::Incarnation(Incarnation(durable.incarnations)));
            }
            StoreCommand::EndIncarnation(incarnation) => {
                self.live.remove(&incarnation);
                return Ok(StoreReply::Done);
            }
            StoreCommand::Claim { record, by, or_create, .. } => {
                if !self.live.contains(&by) {
                    return Err(Code::Stale);
                }
                let before = durable.owners.get(&record).copied();
                if let Some((Some(holder), _)) = before
                    && holder != by
                    && self.live.contains(&holder)
                {
                    return Err(Code::Owned);
                }
                if !durable.records.contains_key(&record) {
                    durable.new_record(record, &or_create.ok_or(Code::RecordUnknown)?, true);
                    durable.created = durable.created.max(record.0 - RECORDS_PER_REALM);
                }
                let epoch = Epoch(before.map_or(0, |(_, epoch)| epoch.0) + 1);
                durable.owners.insert(record, (Some(by), epoch));
                let values = durable.records[&record].clone().into_iter().collect();
                let (created, cell_created) = durable.newborn.get(&record).copied().unwrap_or_default();
                Reply::Claimed { epoch, record: Record { record, values, place: None }, created, cell_created }
            }
            StoreCommand::Commit { operation, by, whole, writes, .. } => match durable.operations.get(&operation) {
                Some(reply) => reply.clone(),
                None => {
                    let reply = durable.commit(by, whole, &writes)?;
                    durable.operations.insert(operation, reply.clone());
                    reply
                }
            },
            StoreCommand::Release { record, epoch, by, .. } => {
                if !durable.may_write(record, by, epoch) {
                    return Err(Code::Stale);
                }
                durable.owners.insert(record, (None, epoch));
                Reply::Released
            }
            StoreCommand::Autoload { after, limit, .. } => {
                let free = |record: &RecordId| match durable.owners.get(record) {
                    Some((Some(holder), _)) => !self.live.contains(holder),
                    _ => true,
                };
                let records = durable.records.keys().copied().filter(|record| *record > after && free(record));
                Reply::Records(records.take(limit as usize).collect())
            }
            StoreCommand::Find { .. } | StoreCommand::PurgeOperations { .. } | StoreCommand::Account(_) => {
                panic!("not in this model")
            }
        };
        Ok(StoreReply::Entity(reply))
    }
}

impl Engine for Model {
    async fn execute(&mut self, batch: Vec<StoreCommand>) -> Vec<StoreResult> {
        batch.into_iter().map(|command| self.run(command).map_err(Refusal::from)).collect()
    }
}

/// What happens next; numbers choose among what there is.
#[derive(Clone, Debug)]
enum Step {
    /// Commands that are sent together.
    Group(Vec<Action>),
    /// The process ends and starts again.
    Restart,
    List,
}

#[derive(Clone, Debug)]
enum Action {
    Start,
    End(u32),
    Claim { record: u64, by: u32, create: bool },
    Release { record: u64, by: u32, epoch: u64 },
    Commit { operation: u128, by: u32, whole: bool, writes: Vec<(u8, u64, u64, i64)> },
}

impl Action {
    fn command(self) -> StoreCommand {
        let id = |record: u64| RecordId(RECORDS_PER_REALM + record);
        let gold = |gold: i64| vec![(PropertyNo(1), Value::Int(gold))];
        match self {
            Self::Start => StoreCommand::NextIncarnation { role: RoleKind::Base, at: WallTime(1) },
            Self::End(who) => StoreCommand::EndIncarnation(Incarnation(who)),
            Self::Claim { record, by, create } => StoreCommand::Claim {
                ty: CHEST,
                record: id(record),
                by: Incarnation(by),
                or_create: create.then(|| gold(-1)),
            },
            Self::Release { record, by, epoch } => {
                StoreCommand::Release { ty: CHEST, record: id(record), epoch: Epoch(epoch), by: Incarnation(by) }
            }
            Self::Commit { operation, by, whole, writes } => {
                let write = |(kind, record, epoch, number): (u8, u64, u64, i64)| match kind {
                    0 => Write::Create { ty: CHEST, values: gold(number), place: None },
                    1 => Write::Delete { ty: CHEST, record: id(record), epoch: Epoch(epoch) },
                    2 => save((CHEST, id(record)), Epoch(epoch), &[(PropertyNo(3), "here".into())]),
                    3 => save_with_cell((CHEST, id(record)), Epoch(epoch), &[]),
                    _ => save((CHEST, id(record)), Epoch(epoch), &gold(number)),
                };
                commit(operation, Incarnation(by), whole, writes.into_iter().map(write).collect())
            }
        }
    }
}

fn action() -> impl Strategy<Value = Action> {
    let (who, record, epoch) = (1..6_u32, 1..7_u64, 1..4_u64);
    let write = (0..8_u8, record.clone(), epoch.clone(), any::<i32>().prop_map(i64::from));
    prop_oneof![
        2 => Just(Action::Start),
        1 => who.clone().prop_map(Action::End),
        6 => (record.clone(), who.clone(), any::<bool>()).prop_map(|(record, by, create)| Action::Claim { record, by, create }),
        3 => (record, who.clone(), epoch).prop_map(|(record, by, epoch)| Action::Release { record, by, epoch }),
        8 => (0..40_u128, who, any::<bool>(), prop::collection::vec(write, 0..5))
            .prop_map(|(operation, by, whole, writes)| Action::Commit { operation, by, whole, writes }),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        9 => prop::collection::vec(action(), 1..8).prop_map(Step::Group),
        1 => Just(Step::Restart),
        2 => Just(Step::List),
    ]
}

/// Sends the commands together and waits for all answers; a refusal by its code.
async fn together(store: &Store, commands: Vec<StoreCommand>) -> Vec<Result<StoreReply, Code>> {
    let mut waiting = Vec::new();
    for command in commands {
        let (done, result) = oneshot::channel();
        store.handle().submit(command, move |result| done.send(result).expect("the test waits"));
        waiting.push(result);
    }
    let mut results = Vec::new();
    for result in waiting {
        results.push(result.await.expect("a result").map_err(|refusal| refusal.code));
    }
    results
}

async fn compare(steps: Vec<Step>) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut store = open(folder.path()).await;
    let mut model = Model::default();
    for step in steps {
        let commands: Vec<StoreCommand> = match step {
            Step::Restart => {
                store.close().await;
                store = open(folder.path()).await;
                model.live.clear();
                continue;
            }
            Step::List => vec![StoreCommand::Autoload { ty: CHEST, after: RecordId(0), limit: 50 }],
            Step::Group(actions) => actions.into_iter().map(Action::command).collect(),
        };
        let expected = model.execute(commands.clone()).await;
        let expected: Vec<_> = expected.into_iter().map(|result| result.map_err(|refusal| refusal.code)).collect();
        assert_eq!(together(&store, commands.clone()).await, expected, "{commands:#?}");
    }
    store.close().await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, max_shrink_iters: 200, ..ProptestConfig::default() })]
    #[test]
    fn any_history_ends_as_in_the_model(steps in prop::collection::vec(step(), 1..40)) {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime")
            .block_on(compare(steps));
    }
}
