//! Commits: grouped, done once, all or nothing where asked, and honest about what they do not know.

use std::sync::atomic::Ordering;

use crate::common::*;
use kuafu_contract::db::{Reply, Write};
use kuafu_core::{Code, Epoch, PropertyNo, RecordId, Value, WallTime};
use kuafu_store::{FaultPoint, Faults, StoreCommand, StoreReply};

async fn gold(store: &kuafu_store::StoreHandle, record: RecordId, by: kuafu_core::Incarnation) -> Value {
    let (_, record) = claim(store, (CHEST, record), by).await.expect("claimed");
    value(&record, PropertyNo(1)).cloned().expect("gold")
}

fn amount(gold: i64) -> [(PropertyNo, Value); 1] {
    [(PropertyNo(1), gold.into())]
}

#[tokio::test]
async fn an_operation_is_done_once_however_often_it_is_sent_also_after_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path()).await;
    let by = base(&store).await;
    let first = committed(&store.handle(), 7, by, true, vec![create(CHEST, &amount(1))]).await.expect("created");
    let again = committed(&store.handle(), 7, by, true, vec![create(CHEST, &amount(2))]).await;
    assert_eq!(again, Ok(first.clone()));
    store.close().await;
    let store = open(folder.path()).await;
    assert_eq!(committed(&store.handle(), 7, by, true, vec![create(CHEST, &amount(3))]).await, Ok(first.clone()));
    let purge = |before| StoreCommand::PurgeOperations { before: WallTime(before) };
    assert_eq!(store.handle().execute(purge(1_000)).await, Ok(StoreReply::Purged(0)));
    assert_eq!(store.handle().execute(purge(1_001)).await, Ok(StoreReply::Purged(1)));
    let fresh = committed(&store.handle(), 7, by, true, vec![create(CHEST, &amount(4))]).await.expect("created");
    assert_ne!(fresh, first);
}

#[tokio::test]
async fn stale_writes_are_left_out_or_refuse_the_whole() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path()).await;
    let handle = store.handle();
    let by = base(&store).await;
    let writes = vec![create(CHEST, &amount(1)), create(CHEST, &amount(1))];
    let (ids, _) = committed(&handle, 1, by, true, writes).await.expect("created");
    let writes = |epoch, gold| {
        vec![save((CHEST, ids[0]), Epoch(1), &amount(gold)), save((CHEST, ids[1]), Epoch(epoch), &amount(gold))]
    };
    assert_eq!(committed(&handle, 2, by, true, writes(9, 2)).await, Err(Code::Stale));
    assert_eq!(
        committed(&handle, 3, by, true, [writes(9, 3), vec![create(CHEST, &[])]].concat()).await,
        Err(Code::Stale)
    );
    assert_eq!(gold(&handle, ids[0], by).await, 1.into());
    let keep = |gold| vec![save((CHEST, ids[0]), Epoch(2), &amount(gold)), save((CHEST, ids[1]), Epoch(9), &amount(5))];
    assert_eq!(committed(&handle, 4, by, false, keep(5)).await, Ok((vec![], vec![ids[1]])));
    assert_eq!(gold(&handle, ids[0], by).await, 5.into());
    assert_eq!(gold(&handle, ids[1], by).await, 1.into());
}

#[tokio::test]
async fn a_taken_name_refuses_its_batch_and_leaves_nothing_of_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path()).await;
    let handle = store.handle();
    let by = base(&store).await;
    let named = |name: &str| create(AVATAR, &[(NAME, name.into())]);
    let (ids, _) = committed(&handle, 1, by, true, vec![named("Ann"), create(AVATAR, &[])]).await.expect("created");
    let refused = committed(&handle, 2, by, true, vec![create(CHEST, &[]), named("Ann")]).await;
    assert_eq!(refused, Err(Code::NameTaken));
    let key = (AVATAR, RecordId(ids[0].0 + 7));
    let taken = claim_or_create(&handle, key, by, &[(NAME, "Ann".into())]).await.err();
    assert_eq!(taken, Some(Code::NameTaken));
    assert_eq!(claim(&handle, key, by).await.err(), Some(Code::RecordUnknown));
    let rename = save((AVATAR, ids[1]), Epoch(1), &[(NAME, "Ann".into())]);
    assert_eq!(committed(&handle, 3, by, true, vec![rename]).await, Err(Code::NameTaken));
    let (created, _) = committed(&handle, 4, by, true, vec![create(CHEST, &[])]).await.expect("created");
    assert_eq!(created[0].0 % kuafu_store::RECORDS_PER_REALM, 1, "the refused batch took no number");
    assert_eq!(committed(&handle, 5, by, true, vec![named("ann")]).await.map(|(ids, _)| ids.len()), Ok(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commits_that_wait_together_are_synced_together() {
    const COMMITS: u64 = 300;
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path()).await;
    let handle = store.handle();
    let by = base(&store).await;
    let (ids, _) =
        committed(&handle, 1, by, true, (0..COMMITS).map(|_| create(CHEST, &[])).collect()).await.expect("created");
    let before = handle.stats().groups.load(Ordering::Relaxed);
    let (done, mut results) = tokio::sync::mpsc::channel(COMMITS as usize);
    for (at, id) in ids.iter().enumerate() {
        let (done, value) = (done.clone(), amount(at as i64));
        // Every tenth also creates, and so takes the way with a savepoint.
        let mut writes = vec![save((CHEST, *id), Epoch(1), &value)];
        writes.extend((at % 10 == 0).then(|| create(CHEST, &value)));
        handle.submit(commit(100 + at as u128, by, false, writes), move |result| {
            done.try_send(result).expect("there is room");
        });
    }
    for _ in 0..COMMITS {
        let result = results.recv().await.expect("a result");
        assert!(matches!(result, Ok(StoreReply::Entity(Reply::Committed { ref stale, .. })) if stale.is_empty()));
    }
    let groups = handle.stats().groups.load(Ordering::Relaxed) - before;
    assert!(groups < COMMITS / 4, "{groups} groups");
    for at in [0, 9, 299] {
        assert_eq!(gold(&handle, ids[at], by).await, (at as i64).into());
    }
}

#[tokio::test]
async fn saves_of_one_record_in_different_forms_keep_their_order_in_a_group() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path()).await;
    let handle = store.handle();
    let by = base(&store).await;
    let (ids, _) = committed(&handle, 1, by, true, vec![create(CHEST, &[])]).await.expect("created");
    let key = (CHEST, ids[0]);
    let text = |gold: i64, text: &str| [(PropertyNo(2), text.into()), (PropertyNo(1), gold.into())];
    let batches = [
        vec![save(key, Epoch(1), &amount(1)), save(key, Epoch(1), &text(2, "two"))],
        vec![save(key, Epoch(1), &amount(3)), save(key, Epoch(1), &[])],
        vec![save(key, Epoch(1), &text(4, "four")), save(key, Epoch(1), &amount(5))],
    ];
    let mut waiting = Vec::new();
    for (at, writes) in batches.into_iter().enumerate() {
        let handle = handle.clone();
        waiting.push(async move { committed(&handle, 10 + at as u128, by, false, writes).await });
    }
    for result in futures_join(waiting).await {
        assert_eq!(result, Ok((vec![], vec![])));
    }
    let (_, record) = claim(&handle, key, by).await.expect("claimed");
    assert_eq!(record.values[..2], [(PropertyNo(1), 5.into()), (PropertyNo(2), "four".into())]);
}

/// All at once, so that they are in the queue together.
async fn futures_join<F: Future + Send + 'static>(futures: Vec<F>) -> Vec<F::Output>
where
    F::Output: Send,
{
    let mut tasks = tokio::task::JoinSet::new();
    for (at, future) in futures.into_iter().enumerate() {
        tasks.spawn(async move { (at, future.await) });
    }
    let mut results = tasks.join_all().await;
    results.sort_by_key(|(at, _)| *at);
    results.into_iter().map(|(_, result)| result).collect()
}

#[tokio::test]
async fn a_failed_commit_writes_nothing_and_an_unknown_one_is_settled_by_asking_again() {
    for (point, code, written) in [
        (FaultPoint::BeforeCommit, Code::StoreFailed, false),
        (FaultPoint::InCommit, Code::DeadlinePassed, false),
        (FaultPoint::AfterCommit, Code::DeadlinePassed, true),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let faults = Faults::default();
        let store = open_with(folder.path(), &faults).await;
        let handle = store.handle();
        let by = base(&store).await;
        faults.inject(point);
        let writes = vec![create(CHEST, &amount(1))];
        assert_eq!(committed(&handle, 1, by, true, writes.clone()).await, Err(code), "{point:?}");
        let again = committed(&handle, 1, by, true, vec![create(CHEST, &amount(2))]).await.expect("asked again");
        let found = gold(&handle, again.0[0], by).await;
        assert_eq!(found, Value::Int(if written { 1 } else { 2 }), "{point:?}");
        let (next, _) = committed(&handle, 2, by, true, writes).await.expect("created");
        assert_eq!(next[0].0, again.0[0].0 + 1, "{point:?}: one record was made");
    }
}

#[tokio::test]
async fn a_batch_with_a_value_of_a_wrong_type_is_refused_whole() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path()).await;
    let handle = store.handle();
    let by = base(&store).await;
    let (ids, _) = committed(&handle, 1, by, true, vec![create(CHEST, &amount(1))]).await.expect("created");
    let key = (CHEST, ids[0]);
    for wrong in [Value::text("x"), Value::Float(1.0), Value::Int(i64::MAX), Value::Nil] {
        let writes = vec![save(key, Epoch(1), &amount(2)), save(key, Epoch(1), &[(PropertyNo(1), wrong)])];
        assert_eq!(committed(&handle, 2, by, true, writes).await, Err(Code::ArgumentInvalid));
    }
    let nowhere = Write::Save {
        ty: CHEST,
        record: ids[0],
        epoch: Epoch(1),
        values: vec![],
        place: Some(place(f32::NAN)),
        with_cell: false,
    };
    assert_eq!(committed(&handle, 3, by, true, vec![nowhere]).await, Err(Code::ArgumentInvalid));
    assert_eq!(gold(&handle, ids[0], by).await, 1.into());
    let transient = create(AVATAR, &[(TARGET, Value::Entity(kuafu_core::EntityId(5)))]);
    assert!(committed(&handle, 4, by, true, vec![transient]).await.is_ok(), "what is not persistent is passed over");
}

#[tokio::test]
async fn a_batch_that_is_not_whole_goes_on_without_the_saves_that_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path()).await;
    let handle = store.handle();
    let by = base(&store).await;
    let named = |name: &str| create(AVATAR, &[(NAME, name.into())]);
    let writes = vec![named("Ann"), named("Bob"), named("Cid"), create(CHEST, &[])];
    let (ids, _) = committed(&handle, 1, by, true, writes).await.expect("created");
    let avatar = |at: usize, values: &[(PropertyNo, Value)]| save((AVATAR, ids[at]), Epoch(1), values);
    let writes = vec![
        avatar(0, &[(NAME, "Bob".into()), (GOLD, 5.into())]),
        save((CHEST, ids[3]), Epoch(1), &amount(7)),
        avatar(1, &[(NAME, "Bo".into()), (GOLD, 6.into())]),
        save((CHEST, ids[3]), Epoch(9), &amount(8)),
        avatar(2, &[(GOLD, "much".into())]),
        save((kuafu_core::TypeNo(77), ids[2]), Epoch(1), &[]),
        create(CHEST, &amount(9)),
    ];
    let reply = entity_reply(handle.execute(commit(2, by, false, writes.clone())).await).expect("done");
    let Reply::Committed { created, stale, refused } = &reply else { panic!("{reply:?}") };
    assert_eq!((created.len(), stale), (1, &vec![ids[3], ids[2]]), "of a type that is unknown nobody owns a record");
    let codes: Vec<_> = refused.iter().map(|refused| (refused.ty, refused.record, refused.refusal.code)).collect();
    assert_eq!(codes, [(AVATAR, ids[0], Code::NameTaken), (AVATAR, ids[2], Code::ArgumentInvalid)]);
    assert!(refused[0].refusal.text.contains("e_avatar.name"), "{}", refused[0].refusal.text);
    assert_eq!(gold(&handle, ids[3], by).await, 7.into());
    for (at, name, gold) in [(0, "Ann", 0), (1, "Bo", 6), (2, "Cid", 0)] {
        let (_, record) = claim(&handle, (AVATAR, ids[at]), by).await.expect("claimed");
        assert_eq!((value(&record, NAME), value(&record, GOLD)), (Some(&name.into()), Some(&Value::Int(gold))));
    }
    assert_eq!(entity_reply(handle.execute(commit(2, by, false, writes)).await), Ok(reply), "done once");
}

#[tokio::test]
async fn names_that_are_exchanged_in_one_batch_are_refused_and_harm_no_others() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path()).await;
    let handle = store.handle();
    let by = base(&store).await;
    let writes = (0..40).map(|n| create(AVATAR, &[(NAME, format!("name {n}").as_str().into())])).collect();
    let (ids, _) = committed(&handle, 1, by, true, writes).await.expect("created");
    let to = |n: usize| [(NAME, Value::text(&format!("name {}", (n + 1) % 40))), (GOLD, Value::Int(n as i64))];
    let writes: Vec<_> = (0..40).map(|n| save((AVATAR, ids[n]), Epoch(1), &to(n))).collect();
    let reply = entity_reply(handle.execute(commit(2, by, false, writes)).await).expect("done");
    let Reply::Committed { refused, .. } = reply else { panic!("{reply:?}") };
    assert_eq!(refused.len(), 40, "each wants a name that another has until it has changed its own");
    let fresh = save((AVATAR, ids[3]), Epoch(1), &[(NAME, "new".into())]);
    assert_eq!(committed(&handle, 3, by, false, vec![fresh]).await, Ok((vec![], vec![])));
}
