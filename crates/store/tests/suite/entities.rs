//! Records: claimed, created, saved, released, deleted, listed, and found again after a restart.

use crate::common::*;
use kuafu_contract::db::{Reply, Write};
use kuafu_core::{Code, Epoch, PropertyNo, RecordId, Value};
use kuafu_store::{RECORDS_PER_REALM, StoreCommand};

const ALICE: (kuafu_core::TypeNo, RecordId) = (AVATAR, RecordId(1_000_001));

#[tokio::test]
async fn all_values_come_back_as_they_were_saved_also_after_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path()).await;
    let by = base(&store).await;
    let values = full_avatar("Robert\"'); DROP TABLE accounts;--");
    let (epoch, record, created) = claim_or_create(&store.handle(), ALICE, by, &[]).await.expect("created");
    assert!(created);
    assert_eq!(value(&record, GOLD), Some(&Value::Int(0)));
    assert_eq!(value(&record, NAME), None, "a unique property has no stored default");
    let (ty, record) = ALICE;
    let write = Write::Save { ty, record, epoch, values: values.clone(), place: Some(place(3.5)) };
    assert_eq!(committed(&store.handle(), 1, by, false, vec![write]).await, Ok((vec![], vec![])));
    store.close().await;

    let store = open(folder.path()).await;
    let next = base(&store).await;
    assert!(next > by);
    let (later, record) = claim(&store.handle(), ALICE, next).await.expect("the earlier owner is dead");
    assert!(later > epoch);
    assert_eq!(record.values, values);
    assert_eq!(record.place, Some(place(3.5)));
}

#[tokio::test]
async fn a_live_owner_keeps_its_record_until_it_releases_or_ends() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path()).await;
    let handle = store.handle();
    let (one, two) = (base(&store).await, base(&store).await);
    let (first, ..) = claim_or_create(&handle, ALICE, one, &[]).await.expect("created");
    assert_eq!(claim(&handle, ALICE, two).await.err(), Some(Code::Owned));
    let (again, _) = claim(&handle, ALICE, one).await.expect("its own record");
    assert_eq!(release(&handle, ALICE, first, one).await, Err(Code::Stale));
    assert_eq!(release(&handle, ALICE, again, two).await, Err(Code::Stale));
    assert_eq!(release(&handle, ALICE, again, one).await, Ok(Reply::Released));
    let (taken, _) = claim(&handle, ALICE, two).await.expect("released");
    assert!(first < again && again < taken);
    handle.execute(StoreCommand::EndIncarnation(two)).await.expect("ended");
    assert_eq!(claim(&handle, ALICE, two).await.err(), Some(Code::Stale));
    assert!(claim(&handle, ALICE, one).await.expect("its owner ended").0 > taken);
}

#[tokio::test]
async fn what_is_not_there_is_refused_and_nothing_is_made() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path()).await;
    let by = base(&store).await;
    for key in [ALICE, (CHEST, RecordId(u64::MAX)), (kuafu_core::TypeNo(77), RecordId(1))] {
        assert_eq!(claim(&store.handle(), key, by).await.err(), Some(Code::RecordUnknown), "{key:?}");
    }
    let writes = vec![create(kuafu_core::TypeNo(77), &[])];
    assert_eq!(committed(&store.handle(), 1, by, false, writes).await, Err(Code::RecordUnknown));
    let writes = vec![create(CHEST, &[]), create(CHEST, &[(PropertyNo(99), Value::Nil)])];
    assert_eq!(committed(&store.handle(), 2, by, false, writes).await, Err(Code::ArgumentInvalid));
    assert_eq!(list(&store, 0, 10).await, []);
}

#[tokio::test]
async fn created_records_are_owned_numbered_by_realm_and_deleted_for_good() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path()).await;
    let handle = store.handle();
    let (by, other) = (base(&store).await, base(&store).await);
    let gold = |amount: i64| [(PropertyNo(1), Value::Int(amount)), (PropertyNo(2), "text".into())];
    let writes = vec![create(CHEST, &gold(5)), create(CHEST, &gold(6)), create(AVATAR, &[])];
    let (created, _) = committed(&handle, 1, by, true, writes).await.expect("created");
    let first = RECORDS_PER_REALM + 1;
    assert_eq!(created, [RecordId(first), RecordId(first + 1), RecordId(1_000_001)]);
    let key = (CHEST, created[1]);
    assert_eq!(claim(&handle, key, other).await.err(), Some(Code::Owned));
    let writes = vec![
        save(key, Epoch(1), &[(PropertyNo(1), 8.into())]),
        Write::Delete { ty: CHEST, record: created[0], epoch: Epoch(1) },
        save((CHEST, created[0]), Epoch(1), &gold(9)),
    ];
    let (_, stale) = committed(&handle, 2, by, false, writes).await.expect("committed");
    assert_eq!(stale, [created[0]], "a save after the deletion of its record");
    assert_eq!(claim(&handle, (CHEST, created[0]), by).await.err(), Some(Code::RecordUnknown));
    let (_, record) = claim(&handle, key, by).await.expect("its own");
    assert_eq!(record.values[..2], [(PropertyNo(1), 8.into()), (PropertyNo(2), "text".into())]);
    let (next, _) = committed(&handle, 3, by, true, vec![create(CHEST, &[])]).await.expect("created");
    assert_eq!(next, [RecordId(first + 2)], "an id is not given twice");
}

async fn list(store: &kuafu_store::Store, after: u64, limit: u32) -> Vec<RecordId> {
    let command = StoreCommand::Autoload { ty: CHEST, after: RecordId(after), limit };
    match entity_reply(store.handle().execute(command).await) {
        Ok(Reply::Records(records)) => records,
        other => panic!("no list: {other:?}"),
    }
}

#[tokio::test]
async fn autoload_lists_what_nobody_alive_owns_page_by_page() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path()).await;
    let by = base(&store).await;
    let writes = (0..5).map(|_| create(CHEST, &[])).collect();
    let (ids, _) = committed(&store.handle(), 1, by, true, writes).await.expect("created");
    assert_eq!(list(&store, 0, 10).await, []);
    release(&store.handle(), (CHEST, ids[3]), Epoch(1), by).await.expect("released");
    assert_eq!(list(&store, 0, 10).await, [ids[3]]);
    store.close().await;

    let store = open(folder.path()).await;
    assert_eq!(list(&store, 0, 2).await, ids[..2]);
    assert_eq!(list(&store, ids[1].0, 10).await, ids[2..]);
    assert_eq!(list(&store, u64::MAX, 10).await, []);
    let by = base(&store).await;
    claim(&store.handle(), (CHEST, ids[0]), by).await.expect("free");
    assert_eq!(list(&store, 0, 10).await, ids[1..]);
}

#[tokio::test]
async fn a_record_that_cannot_be_read_is_refused_alone_and_stays_free() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path()).await;
    let by = base(&store).await;
    let writes = vec![create(AVATAR, &full_avatar("one")), create(AVATAR, &full_avatar("two"))];
    let (ids, _) = committed(&store.handle(), 1, by, true, writes).await.expect("created");
    store.close().await;
    let file = folder.path().join(kuafu_store::DATABASE_FILE);
    sqlx::query("UPDATE e_avatar SET mood = 'gone', bag = '[{' WHERE _record = ?1")
        .bind(ids[0].0.cast_signed())
        .execute(&mut connect(&file).await)
        .await
        .expect("updated");

    let store = open(folder.path()).await;
    let by = base(&store).await;
    assert_eq!(claim(&store.handle(), (AVATAR, ids[0]), by).await.err(), Some(Code::StoreFailed));
    assert!(claim(&store.handle(), (AVATAR, ids[1]), by).await.is_ok());
    let stale = committed(&store.handle(), 2, by, false, vec![save((AVATAR, ids[0]), Epoch(2), &[])]).await;
    assert_eq!(stale, Ok((vec![], vec![ids[0]])), "the failed claim gave no ownership");
}

async fn connect(file: &std::path::Path) -> sqlx::SqliteConnection {
    use sqlx::ConnectOptions;
    sqlx::sqlite::SqliteConnectOptions::new().filename(file).connect().await.expect("a connection")
}
