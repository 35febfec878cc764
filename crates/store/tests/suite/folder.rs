//! The data folder: one process, our file, a version we know, definitions that fit, and torn logs.

use std::sync::Arc;

use crate::common::*;
use kuafu_core::{Epoch, PropertyNo, RecordId, TypeNo, Value};
use kuafu_def::{EntityType, Property, Type};
use kuafu_store::{DATABASE_FILE, Store, StoreError};

#[tokio::test]
async fn a_second_opening_names_the_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path()).await;
    let error = open_error(folder.path(), game()).await;
    assert!(matches!(error, StoreError::InUse { .. }));
    assert!(error.to_string().contains(&folder.path().display().to_string()), "{error}");
    store.close().await;
    open(folder.path()).await;
}

#[tokio::test]
async fn a_newer_a_foreign_and_a_damaged_file_are_told_apart() {
    let folder = tempfile::tempdir().expect("a folder");
    open(folder.path()).await.close().await;
    let file = folder.path().join(DATABASE_FILE);
    sqlx::query("UPDATE schema_version SET version = 99").execute(&mut connect(&file).await).await.expect("updated");
    let error = open_error(folder.path(), game()).await.to_string();
    assert!(error.ends_with("is of version 99, this program knows 2: use a newer kuafu"), "{error}");

    std::fs::write(&file, b"this is no database, but it is long enough to have a header of its own\n".repeat(20))
        .expect("written");
    assert!(matches!(open_error(folder.path(), game()).await, StoreError::Damaged { .. }));

    std::fs::remove_file(&file).expect("removed");
    sqlx::query("CREATE TABLE cats (name TEXT)").execute(&mut connect(&file).await).await.expect("created");
    let before = std::fs::read(&file).expect("a file");
    assert!(matches!(open_error(folder.path(), game()).await, StoreError::Foreign { .. }));
    assert_eq!(std::fs::read(&file).expect("a file"), before, "a foreign file is left as it is");
}

/// Puts a file back to what version 1 was.
async fn make_version_1(file: &std::path::Path) {
    let statements = "
        ALTER TABLE owners DROP COLUMN newborn;
        ALTER TABLE stored_columns DROP COLUMN least;
        UPDATE operations SET result = unhex(substr(hex(result), 1, length(hex(result)) - 2));
        UPDATE schema_version SET version = 1;";
    sqlx::raw_sql(statements).execute(&mut connect(file).await).await.expect("downgraded");
}

#[tokio::test]
async fn a_file_of_version_1_becomes_one_of_this_version_and_keeps_all() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path()).await;
    let by = base(&store).await;
    let writes = vec![create(CHEST, &[(PropertyNo(1), 5.into())])];
    let (ids, _) = committed(&store.handle(), 7, by, true, writes.clone()).await.expect("created");
    store.close().await;
    make_version_1(&folder.path().join(DATABASE_FILE)).await;

    let store = open(folder.path()).await;
    let by = base(&store).await;
    let again = committed(&store.handle(), 7, by, true, writes).await;
    assert_eq!(again, Ok((ids.clone(), vec![])), "answers of before can be read");
    let (epoch, record) = claim(&store.handle(), (CHEST, ids[0]), by).await.expect("claimed");
    assert_eq!((epoch, value(&record, PropertyNo(1))), (Epoch(2), Some(&5.into())));
    store.close().await;
    let version: i64 = sqlx::query_scalar("SELECT version FROM schema_version")
        .fetch_one(&mut connect(&folder.path().join(DATABASE_FILE)).await)
        .await
        .expect("a version");
    assert_eq!(version, kuafu_store::SCHEMA_VERSION);
    open(folder.path()).await;
}

async fn connect(file: &std::path::Path) -> sqlx::SqliteConnection {
    use sqlx::ConnectOptions;
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(file).create_if_missing(true);
    options.connect().await.expect("a connection")
}

async fn store_one(folder: &std::path::Path, ty: &EntityType, value: Value) {
    let store = Store::open(folder, definitions([ty.clone()]), options()).await.expect("opens");
    let by = base(&store).await;
    committed(&store.handle(), 1, by, true, vec![create(ty.no, &[(PropertyNo(1), value)])]).await.expect("created");
    store.close().await;
}

async fn load_one(folder: &std::path::Path, ty: &EntityType) -> Vec<(PropertyNo, Value)> {
    let store = Store::open(folder, definitions([ty.clone()]), options()).await.expect("opens");
    let by = base(&store).await;
    let id = RecordId(kuafu_store::RECORDS_PER_REALM + 1);
    let (_, record) = claim(&store.handle(), (ty.no, id), by).await.expect("claimed");
    store.close().await;
    record.values
}

const THING: TypeNo = TypeNo(5);

fn thing(ty: Type) -> EntityType {
    entity(THING, "thing", vec![property(PropertyNo(1), "value", ty)])
}

#[tokio::test]
async fn new_properties_get_their_default_and_dropped_ones_come_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let plain = thing(INT64);
    store_one(folder.path(), &plain, 5.into()).await;
    let mut grown = plain.clone();
    let fresh = Property { default: "it's \"new\"".into(), ..property(PropertyNo(2), "Value", Type::Text) };
    let bag = Property {
        default: Value::List(vec![Value::List(vec!["'a'".into(), 1.into()])]),
        ..property(PropertyNo(3), "bag", Type::List(Arc::new(item())))
    };
    grown.properties.extend([fresh.clone(), bag.clone()]);
    let expected =
        [(PropertyNo(1), 5.into()), (PropertyNo(2), fresh.default.clone()), (PropertyNo(3), bag.default.clone())];
    assert_eq!(load_one(folder.path(), &grown).await, expected);
    let mut dropped = grown.clone();
    dropped.properties.remove(0);
    assert_eq!(load_one(folder.path(), &dropped).await, expected[1..]);
    assert_eq!(load_one(folder.path(), &grown).await, expected);
}

#[tokio::test]
async fn a_change_that_loses_data_is_refused_by_name_and_a_widening_one_is_not() {
    let folder = tempfile::tempdir().expect("a folder");
    store_one(folder.path(), &thing(mood(&["calm", "angry"])), 1.into()).await;
    let error = open_error(folder.path(), definitions([thing(Type::Text)])).await.to_string();
    assert!(error.contains("`thing.value`: it is stored as enum") && error.contains("another name"), "{error}");
    let error = open_error(folder.path(), definitions([thing(mood(&["angry"]))])).await.to_string();
    assert!(error.contains("`calm` of Mood is gone"), "{error}");
    let wider = thing(mood(&["glad", "angry", "calm"]));
    assert_eq!(load_one(folder.path(), &wider).await, [(PropertyNo(1), 1.into())], "the variant, not its number");
    assert!(matches!(
        open_error(folder.path(), definitions([thing(mood(&["calm", "angry"]))])).await,
        StoreError::Definitions { problems } if problems.len() == 1
    ));
}

#[tokio::test]
async fn a_table_without_records_takes_any_change() {
    let folder = tempfile::tempdir().expect("a folder");
    Store::open(folder.path(), definitions([thing(Type::Text)]), options()).await.expect("opens").close().await;
    store_one(folder.path(), &thing(INT64), 5.into()).await;
    assert_eq!(load_one(folder.path(), &thing(INT64)).await, [(PropertyNo(1), 5.into())]);
}

#[tokio::test]
async fn a_property_becomes_unique_only_when_no_value_occurs_twice() {
    let folder = tempfile::tempdir().expect("a folder");
    let plain = thing(Type::Text);
    let store = Store::open(folder.path(), definitions([plain.clone()]), options()).await.expect("opens");
    let by = base(&store).await;
    let named = |name: &str| create(THING, &[(PropertyNo(1), name.into())]);
    let (ids, _) = committed(&store.handle(), 1, by, true, vec![named("a"), named("a")]).await.expect("created");
    store.close().await;
    let mut unique = plain.clone();
    unique.properties[0].unique = true;
    let error = open_error(folder.path(), definitions([unique.clone()])).await.to_string();
    assert!(error.contains("`thing.value`") && error.contains("unique"), "{error}");

    let store = Store::open(folder.path(), definitions([plain]), options()).await.expect("opens");
    let by = base(&store).await;
    let (epoch, _) = claim(&store.handle(), (THING, ids[0]), by).await.expect("claimed");
    let other = save((THING, ids[0]), epoch, &[(PropertyNo(1), "b".into())]);
    committed(&store.handle(), 2, by, true, vec![other]).await.expect("saved");
    store.close().await;
    let store = Store::open(folder.path(), definitions([unique]), options()).await.expect("opens");
    let by = base(&store).await;
    let taken = committed(&store.handle(), 3, by, true, vec![named("b")]).await;
    assert_eq!(taken, Err(kuafu_core::Code::NameTaken));
}

/// A copy of the files while they are in use is what a power cut leaves; a log cut anywhere is what a torn write
/// leaves. What was acknowledged before the copy must be there, and of the rest a prefix.
#[tokio::test]
async fn a_torn_log_keeps_a_prefix_of_the_commits_and_never_half_of_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path()).await;
    let handle = store.handle();
    let by = base(&store).await;
    let writes = vec![create(CHEST, &[]), create(CHEST, &[])];
    let (ids, _) = committed(&handle, 1, by, true, writes).await.expect("created");
    for round in 1..40_i64 {
        let gold = [(PropertyNo(1), Value::Int(round))];
        let writes = ids.iter().map(|id| save((CHEST, *id), Epoch(1), &gold)).collect();
        committed(&handle, 1 + round as u128, by, true, writes).await.expect("saved");
    }
    let main = std::fs::read(folder.path().join(DATABASE_FILE)).expect("a file");
    let log = std::fs::read(folder.path().join(format!("{DATABASE_FILE}-wal"))).expect("a log");
    let mut reached = Vec::new();
    for part in [100, 90, 75, 60] {
        let torn = tempfile::tempdir().expect("a folder");
        std::fs::write(torn.path().join(DATABASE_FILE), &main).expect("written");
        let kept = log.len() * part / 100 - usize::from(part < 100) * 13;
        std::fs::write(torn.path().join(format!("{DATABASE_FILE}-wal")), &log[..kept]).expect("written");
        let store = open(torn.path()).await;
        let by = base(&store).await;
        let mut found = Vec::new();
        for id in &ids {
            let (_, record) = claim(&store.handle(), (CHEST, *id), by).await.expect("claimed");
            found.push(value(&record, PropertyNo(1)).and_then(Value::as_int).expect("gold"));
        }
        assert_eq!(found[0], found[1], "both of a commit or neither");
        reached.push(found[0]);
    }
    assert_eq!(reached[0], 39, "what was acknowledged is there");
    assert!(reached.is_sorted_by(|a, b| a >= b) && reached[3] < 39, "{reached:?}");
}
