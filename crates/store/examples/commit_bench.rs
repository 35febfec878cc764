//! How many entities a second the store saves, against raw batched upserts of the same rows in the same run.
//!
//! `cargo run --release -p kuafu-store --example commit_bench -- [SECONDS]`. Rows have a text of 200 bytes and three
//! numbers; 100,000 records; SQLite with WAL and synchronous=FULL on both sides. The store's side has eight savers that
//! each keep one batch of 256 in flight, as bases do; the raw side has as many rows in a transaction.

#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use kuafu_contract::RoleKind;
use kuafu_contract::db::Write;
use kuafu_core::{Chance, Epoch, Incarnation, OperationId, PropertyNo, RecordId, TypeNo, Value, WallTime};
use kuafu_def::{Definitions, EntityType, Part, Parts, Property, Type};
use kuafu_store::{RECORDS_PER_REALM, Store, StoreCommand, StoreHandle, StoreOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions};

const RECORDS: u64 = 100_000;
const BATCH: usize = 256;
const SAVERS: u64 = 8;
const TYPE: TypeNo = TypeNo(1);

fn property(no: u16, ty: Type) -> Property {
    Property { persistent: true, ..Property::new(PropertyNo(no), format!("p{no}"), ty, Part::Base) }
}

fn definitions() -> Arc<Definitions> {
    let number = Type::Int { bits: 64, signed: true, wide: false };
    let properties =
        vec![property(1, Type::Text), property(2, number.clone()), property(3, number.clone()), property(4, number)];
    let parts = Parts { base: true, cell: false, client: false };
    let ty = EntityType { properties, ..EntityType::new(TYPE, "row", parts) };
    Arc::new(Definitions { types: [(TYPE, Arc::new(ty))].into(), ..Definitions::default() })
}

fn text(chance: &mut Chance) -> String {
    (0..200).map(|_| char::from(b'a' + chance.between(0, 25) as u8)).collect()
}

fn values(chance: &mut Chance, text: &str) -> Vec<(PropertyNo, Value)> {
    let mut number = || Value::Int(chance.between(0, 1 << 40));
    vec![(PropertyNo(1), text.into()), (PropertyNo(2), number()), (PropertyNo(3), number()), (PropertyNo(4), number())]
}

async fn commit(store: &StoreHandle, by: Incarnation, operation: u128, writes: Vec<Write>) {
    let command = StoreCommand::Commit { operation: OperationId(operation), by, whole: false, writes, at: WallTime(1) };
    store.execute(command).await.expect("committed");
}

async fn store_rate(folder: &std::path::Path, span: Duration) -> f64 {
    let store = Store::open(folder, definitions(), StoreOptions::default()).await.expect("opens");
    let by = store.next_incarnation(RoleKind::Base, WallTime(1)).await.expect("a number");
    let mut chance = Chance::from_seed(1);
    let sample = text(&mut chance);
    for chunk in 0..RECORDS / 1_000 {
        let create = |_| Write::Create { ty: TYPE, values: values(&mut chance, &sample), place: None };
        let writes = (0..1_000).map(create).collect();
        commit(&store.handle(), by, u128::from(chunk), writes).await;
    }
    let saved = Arc::new(AtomicU64::new(0));
    let start = Instant::now();
    let mut savers = tokio::task::JoinSet::new();
    for saver in 0..SAVERS {
        let (handle, saved) = (store.handle(), saved.clone());
        savers.spawn(async move {
            let mut chance = Chance::from_seed(saver);
            let sample = text(&mut chance);
            for round in 0_u128.. {
                let save = |_| {
                    let record = RecordId(RECORDS_PER_REALM + chance.between(1, RECORDS as i64) as u64);
                    let values = values(&mut chance, &sample);
                    Write::Save { ty: TYPE, record, epoch: Epoch(1), values, place: None, with_cell: false }
                };
                let writes: Vec<Write> = (0..BATCH).map(save).collect();
                commit(&handle, by, (u128::from(saver) + 1) << 64 | round, writes).await;
                saved.fetch_add(BATCH as u64, Ordering::Relaxed);
                if start.elapsed() > span {
                    break;
                }
            }
        });
    }
    savers.join_all().await;
    let rate = saved.load(Ordering::Relaxed) as f64 / start.elapsed().as_secs_f64();
    store.close().await;
    rate
}

/// The same columns, 64 rows a statement, as many a transaction as the store's groups have.
async fn raw_rate(file: &std::path::Path, span: Duration) -> f64 {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .pragma("wal_autocheckpoint", "16384")
        .pragma("cache_size", "-65536")
        .disable_statement_logging();
    let mut connection = options.connect().await.expect("connects");
    sqlx::query("CREATE TABLE t (id INTEGER PRIMARY KEY, p1 TEXT, p2 BIGINT, p3 BIGINT, p4 BIGINT)")
        .execute(&mut connection)
        .await
        .expect("created");
    let mut chance = Chance::from_seed(1);
    let sample: Arc<str> = text(&mut chance).into();
    let upsert = format!(
        "INSERT INTO t (id, p1, p2, p3, p4) VALUES {} ON CONFLICT (id) DO UPDATE SET
         p1 = excluded.p1, p2 = excluded.p2, p3 = excluded.p3, p4 = excluded.p4",
        vec!["(?, ?, ?, ?, ?)"; 64].join(", ")
    );
    let upsert: Arc<str> = upsert.into();
    let mut ids: Vec<i64> = (1..=RECORDS as i64).collect();
    let (mut saved, mut start) = (0_u64, Instant::now());
    loop {
        sqlx::query("BEGIN IMMEDIATE").execute(&mut connection).await.expect("begins");
        for _ in 0..SAVERS as usize * BATCH / 64 {
            let mut query = sqlx::query(AssertSqlSafe(upsert.clone()));
            for _ in 0..64 {
                let id = ids.pop().unwrap_or_else(|| chance.between(1, RECORDS as i64));
                query = query.bind(id).bind(sample.clone());
                query = query.bind(chance.between(0, 1 << 40)).bind(chance.between(0, 1 << 40)).bind(id);
            }
            query.execute(&mut connection).await.expect("writes");
            saved += 64;
        }
        sqlx::query("COMMIT").execute(&mut connection).await.expect("commits");
        if !ids.is_empty() {
            (saved, start) = (0, Instant::now());
        } else if start.elapsed() > span {
            return saved as f64 / start.elapsed().as_secs_f64();
        }
    }
}

#[expect(clippy::print_stdout, reason = "a benchmark tells its result")]
fn main() {
    let seconds = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(5);
    let span = Duration::from_secs(seconds);
    let folder = tempfile::tempdir_in(".").expect("a folder");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (raw, entities) = runtime.block_on(async {
        let raw = raw_rate(&folder.path().join("raw.db"), span).await;
        (raw, store_rate(&folder.path().join("data"), span).await)
    });
    println!(
        "{{\"entities_per_s\": {entities:.0}, \"raw_upserts_per_s\": {raw:.0}, \"ratio\": {:.3}}}",
        entities / raw
    );
}
