//! The model store against the one in SQL: any sequence of commands gives both the same answers.

use std::path::Path;

use kuafu_contract::RoleKind;
use kuafu_contract::db::{Place, Reply, Write};
use kuafu_core::{
    AccountId, Chance, Code, Epoch, Incarnation, OperationId, RealmNo, RecordId, TypeNo, Value, WallTime,
};
use kuafu_sim::{AVATAR, COINS, GEMS, Model, PURSE, definitions};
use kuafu_store::{
    AccountCommand, Engine, RECORDS_PER_REALM, Store, StoreCommand, StoreOptions, StoreReply, StoreResult,
};
use tokio::sync::oneshot;

/// Draws commands in which small numbers meet often.
struct Commands(Chance);

impl Commands {
    fn number(&mut self, most: i64) -> u64 {
        self.0.between(1, most).unsigned_abs()
    }

    fn record(&mut self) -> (TypeNo, RecordId) {
        let number = self.number(5);
        if self.number(2) == 1 {
            (AVATAR, RecordId::of_realm(RealmNo(1), number))
        } else {
            (PURSE, RecordId(RECORDS_PER_REALM + number))
        }
    }

    fn values(&mut self) -> Vec<(kuafu_core::PropertyNo, Value)> {
        let coins = (0..self.number(3)).map(|_| Value::Int(self.0.between(1, 99)));
        vec![(COINS, Value::List(coins.collect()))]
    }

    /// Coins, or items that other purses want too.
    fn purse_values(&mut self) -> Vec<(kuafu_core::PropertyNo, Value)> {
        if self.number(3) == 1 {
            return self.values();
        }
        let ids: std::collections::BTreeSet<u64> = (0..self.number(4) - 1).map(|_| self.number(6)).collect();
        let hue = |commands: &mut Self| Value::List(vec![Value::Int(commands.0.between(0, 3))]);
        let gems = ids.into_iter().map(|id| (Value::Int(id.cast_signed()), hue(self))).collect();
        vec![(GEMS, Value::Map(gems))]
    }

    fn write(&mut self) -> Write {
        let ((ty, record), epoch) = (self.record(), Epoch(self.number(3)));
        match self.number(6) {
            1 => Write::Create { ty: PURSE, values: self.purse_values(), place: None },
            2 => Write::Delete { ty, record, epoch },
            3 => {
                let place = Place { space: "meadow".to_owned(), position: [1.0, 2.0, 3.0], yaw: 0.5 };
                Write::Save {
                    ty,
                    record,
                    epoch,
                    values: Vec::new(),
                    place: Some(place),
                    with_cell: self.number(2) == 1,
                }
            }
            _ => {
                let values = if ty == PURSE { self.purse_values() } else { self.values() };
                Write::Save { ty, record, epoch, values, place: None, with_cell: false }
            }
        }
    }

    fn entity_command(&mut self) -> StoreCommand {
        let ((ty, record), by, at) = (self.record(), Incarnation(self.number(4) as u32), WallTime(1));
        match self.number(12) {
            1 => StoreCommand::NextIncarnation { role: RoleKind::Base, at },
            2 => StoreCommand::EndIncarnation(by),
            3..=5 => {
                let or_create = (self.number(4) > 1).then(|| self.values());
                StoreCommand::Claim { ty, record, by, or_create }
            }
            6 | 7 => StoreCommand::Release { ty, record, epoch: Epoch(self.number(3)), by },
            _ => {
                let (operation, whole) = (OperationId(u128::from(self.number(40))), self.number(2) == 1);
                let writes = (0..self.number(4)).map(|_| self.write()).collect();
                StoreCommand::Commit { operation, by, whole, writes, at }
            }
        }
    }

    fn account_command(&mut self) -> StoreCommand {
        let (account, epoch) = (AccountId(self.number(3)), Epoch(self.number(5)));
        let (role, base) = (RecordId::of_realm(RealmNo(1), self.number(5)), Incarnation(self.number(4) as u32));
        let name = format!("name {}", self.number(6));
        let (key, at, realm) = (name.clone(), WallTime(self.number(3)), RealmNo(1));
        StoreCommand::Account(match self.number(10) {
            1 => AccountCommand::Register { name, key, hash: "hash".to_owned(), at },
            2 => AccountCommand::CreateRole { account, realm, name, key, roles_max: 2, at: WallTime(1) },
            3 => AccountCommand::MarkRole { account, role, deleted_at: WallTime(self.number(2) - 1) },
            4 | 5 => AccountCommand::OpenSession { account, role },
            6 | 7 => AccountCommand::PlaceSession { account, epoch, base },
            8 => AccountCommand::CloseSession { account, epoch },
            9 => AccountCommand::Find { key },
            _ => AccountCommand::Roles { account },
        })
    }

    /// Commands that are sent together: reads go by themselves, since they may overtake.
    fn group(&mut self) -> Vec<StoreCommand> {
        if self.number(6) == 1 {
            let ty = if self.number(2) == 1 { AVATAR } else { PURSE };
            return vec![StoreCommand::Autoload { ty, after: RecordId(0), limit: 4 }];
        }
        let draw = |commands: &mut Self| match commands.number(3) {
            1 => commands.account_command(),
            _ => commands.entity_command(),
        };
        let commands: Vec<StoreCommand> = (0..self.number(10)).map(|_| draw(self)).collect();
        if commands.iter().any(StoreCommand::is_read) { commands.into_iter().take(1).collect() } else { commands }
    }
}

async fn open(folder: &Path) -> Store {
    let options = StoreOptions { role_type: Some(AVATAR), ..StoreOptions::default() };
    Store::open(folder, definitions(), options).await.expect("the folder opens")
}

async fn together(store: &Store, commands: &[StoreCommand]) -> Vec<StoreResult> {
    let mut waiting = Vec::new();
    for command in commands {
        let (done, result) = oneshot::channel();
        store.handle().submit(command.clone(), move |result| done.send(result).expect("the test waits"));
        waiting.push(result);
    }
    let mut results = Vec::new();
    for result in waiting {
        results.push(result.await.expect("a result"));
    }
    results
}

fn codes(results: Vec<StoreResult>) -> Vec<Result<StoreReply, Code>> {
    let code = |result: StoreResult| {
        let mut reply = result.map_err(|refusal| refusal.code)?;
        if let StoreReply::Entity(Reply::Committed { refused, .. }) = &mut reply {
            refused.iter_mut().for_each(|refused| refused.refusal = refused.refusal.code.into());
        }
        Ok(reply)
    };
    results.into_iter().map(code).collect()
}

async fn compare(seed: u64) {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path()).await;
    let mut model = Model::new(definitions(), AVATAR, None);
    let mut commands = Commands(Chance::from_seed(seed));
    for _ in 0..150 {
        let group = commands.group();
        let expected = codes(together(&store, &group).await);
        assert_eq!(codes(model.execute(group.clone()).await), expected, "seed {seed}: {group:#?}");
    }
    store.close().await;
}

#[test]
fn any_history_gives_the_model_and_sql_the_same_answers() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    for seed in 1..=24 {
        runtime.block_on(compare(seed));
    }
}
