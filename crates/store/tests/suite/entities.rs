//! Records: claimed, created, saved, released, deleted, listed, and found again after a restart.

use crate::common::*;
use kuafu_contract::db::{FindBy, Reply, Write};
use kuafu_core::{Code, Epoch, Incarnation, PropertyNo, RecordId, Value};
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
    let write = Write::Save { ty, record, epoch, values: values.clone(), place: Some(place(3.5)), with_cell: true };
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

/// What a claim tells of who is still to begin.
async fn begins(store: &kuafu_store::StoreHandle, by: kuafu_core::Incarnation, create: bool) -> (bool, bool, Epoch) {
    let (ty, record) = ALICE;
    let or_create = create.then(|| vec![(NAME, "Alice".into())]);
    match entity_reply(store.execute(StoreCommand::Claim { ty, record, by, or_create }).await) {
        Ok(Reply::Claimed { created, cell_created, epoch, record }) => {
            assert_eq!(value(&record, NAME), Some(&"Alice".into()));
            (created, cell_created, epoch)
        }
        other => panic!("no claim: {other:?}"),
    }
}

#[tokio::test]
async fn a_record_is_new_until_its_first_save_is_committed_whoever_claims_it_meanwhile() {
    let folder = tempfile::tempdir().expect("a folder");
    let faults = kuafu_store::Faults::default();
    let store = open_with(folder.path(), &faults).await;
    let handle = store.handle();
    let (one, two) = (base(&store).await, base(&store).await);
    faults.inject(kuafu_store::FaultPoint::AfterCommit);
    let (ty, record) = ALICE;
    let first = StoreCommand::Claim { ty, record, by: one, or_create: Some(vec![(NAME, "Alice".into())]) };
    assert_eq!(entity_reply(handle.execute(first).await), Err(Code::DeadlinePassed));
    let (created, cell_created, epoch) = begins(&handle, one, true).await;
    assert!(created && cell_created, "the first claim was done and nobody knows");
    release(&handle, ALICE, epoch, one).await.expect("released without a save");
    assert!(begins(&handle, two, true).await.0, "left before it was saved");
    handle.execute(StoreCommand::EndIncarnation(two)).await.expect("ended");
    assert!(begins(&handle, one, false).await.0, "its owner died");
    store.close().await;

    let store = open(folder.path()).await;
    let (handle, by) = (store.handle(), base(&store).await);
    let (created, _, epoch) = begins(&handle, by, false).await;
    assert!(created, "the process died");
    let stale = committed(&handle, 1, by, false, vec![save(ALICE, Epoch(1), &[])]).await;
    assert_eq!(stale, Ok((vec![], vec![ALICE.1])));
    let taken = vec![create(AVATAR, &[(NAME, "Bob".into())]), create(AVATAR, &[(NAME, "Alice".into())])];
    assert_eq!(committed(&handle, 2, by, true, taken).await, Err(Code::NameTaken));
    let bob = committed(&handle, 3, by, true, vec![create(AVATAR, &[(NAME, "Bob".into())])]).await.expect("made").0[0];
    let rename = |name: &str| save(ALICE, epoch, &[(NAME, name.into())]);
    assert_eq!(committed(&handle, 4, by, true, vec![rename("Bob")]).await, Err(Code::NameTaken));
    let refused = entity_reply(handle.execute(commit(5, by, false, vec![rename("Bob")])).await);
    assert!(matches!(&refused, Ok(Reply::Committed { refused, .. }) if refused.len() == 1), "{refused:?}");
    let (created, _, epoch) = begins(&handle, by, false).await;
    assert!(created, "a save that is refused begins nothing");
    // Logic may have changed nothing at all: that is a beginning, too.
    assert_eq!(committed(&handle, 6, by, false, vec![save(ALICE, epoch, &[])]).await, Ok((vec![], vec![])));
    let (created, cell_created, epoch) = begins(&handle, by, true).await;
    assert!(!created && cell_created, "its cell part was not saved yet");
    committed(&handle, 7, by, true, vec![save_with_cell(ALICE, epoch, &[])]).await.expect("saved");
    store.close().await;

    let store = open(folder.path()).await;
    let by = base(&store).await;
    assert!(matches!(begins(&store.handle(), by, true).await, (false, false, _)));
    let (ty, record, by_or_create) = (AVATAR, bob, None);
    let claim = StoreCommand::Claim { ty, record, by, or_create: by_or_create };
    let reply = entity_reply(store.handle().execute(claim).await);
    assert!(
        matches!(reply, Ok(Reply::Claimed { created: false, cell_created: true, .. })),
        "what is created with its values lacks only its cell part: {reply:?}"
    );
}

#[tokio::test]
async fn a_record_that_is_deleted_and_made_again_begins_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path()).await;
    let (handle, by) = (store.handle(), base(&store).await);
    let (_, _, epoch) = begins(&handle, by, true).await;
    let (ty, record) = ALICE;
    let writes = vec![save_with_cell(ALICE, epoch, &[]), Write::Delete { ty, record, epoch }];
    committed(&handle, 1, by, true, writes).await.expect("deleted");
    assert!(matches!(begins(&handle, by, true).await, (true, true, _)));
}

async fn connect(file: &std::path::Path) -> sqlx::SqliteConnection {
    use sqlx::ConnectOptions;
    sqlx::sqlite::SqliteConnectOptions::new().filename(file).connect().await.expect("a connection")
}

async fn find(
    store: &kuafu_store::Store,
    ty: kuafu_core::TypeNo,
    by: FindBy,
) -> Result<Option<(RecordId, Option<Incarnation>)>, Code> {
    match entity_reply(store.handle().execute(StoreCommand::Find { ty, by }).await) {
        Ok(Reply::Found(found)) => Ok(found.map(|found| (found.record, found.owner))),
        Ok(other) => panic!("{other:?}"),
        Err(code) => Err(code),
    }
}

#[tokio::test]
async fn records_are_found_by_id_by_unique_and_indexed_property_and_by_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path()).await;
    let by = base(&store).await;
    assert_eq!(find(&store, AVATAR, FindBy::Any).await, Ok(None));
    let named = |name: &str| create(AVATAR, &[(NAME, name.into())]);
    let labelled = |label: &str| create(CHEST, &[(PropertyNo(2), label.into())]);
    let writes = vec![named("Ada"), named("Bo"), labelled("blue"), labelled("red"), labelled("red")];
    let (ids, _) = committed(&store.handle(), 1, by, true, writes).await.expect("created");
    let name = |name: &str| FindBy::Property(NAME, name.into());
    let label = |label: &str| FindBy::Property(PropertyNo(2), label.into());
    assert_eq!(find(&store, AVATAR, name("Bo")).await, Ok(Some((ids[1], Some(by)))));
    assert_eq!(find(&store, AVATAR, name("'; DROP TABLE owners; --")).await, Ok(None));
    assert_eq!(find(&store, CHEST, label("red")).await, Ok(Some((ids[3], Some(by)))), "the first of two");
    assert_eq!(find(&store, CHEST, FindBy::Record(ids[2])).await, Ok(Some((ids[2], Some(by)))));
    assert_eq!(find(&store, CHEST, FindBy::Record(RecordId(u64::MAX))).await, Ok(None));
    assert_eq!(find(&store, CHEST, FindBy::Any).await, Ok(Some((ids[2], Some(by)))));

    // Neither unique nor indexed, not persistent, no such type: not looked for at all.
    for (ty, no) in [(AVATAR, GOLD), (AVATAR, TARGET), (CHEST, PropertyNo(99))] {
        let wrong = FindBy::Property(no, Value::Int(1));
        assert_eq!(find(&store, ty, wrong).await, Err(Code::ArgumentInvalid), "{ty} {no}");
    }
    assert_eq!(find(&store, AVATAR, FindBy::Property(NAME, Value::Int(1))).await, Err(Code::ArgumentInvalid));
    assert!(find(&store, kuafu_core::TypeNo(77), FindBy::Any).await.is_err());

    // Who gave it back, or died, is not named as its owner.
    release(&store.handle(), (AVATAR, ids[0]), Epoch(1), by).await.expect("released");
    assert_eq!(find(&store, AVATAR, name("Ada")).await, Ok(Some((ids[0], None))));
    store.handle().execute(StoreCommand::EndIncarnation(by)).await.expect("ended");
    assert_eq!(find(&store, AVATAR, name("Bo")).await, Ok(Some((ids[1], None))));
}
