//! Accounts, roles and sessions in SQL.

use kuafu_contract::accounts::{Previous, Reply, Role};
use kuafu_contract::{Address, RoleKind};
use kuafu_core::{AccountId, Code, Epoch, RealmNo, RecordId, WallTime};
use kuafu_store::{AccountCommand, FoundAccount, StoreCommand, StoreHandle, StoreReply};

use crate::common::*;

async fn ask(store: &StoreHandle, command: AccountCommand) -> Result<Reply, Code> {
    match store.execute(command.into()).await {
        Ok(StoreReply::Account(reply)) => Ok(reply),
        Ok(other) => panic!("no reply about an account: {other:?}"),
        Err(refusal) => Err(refusal.code),
    }
}

async fn register(store: &StoreHandle, name: &str) -> Result<AccountId, Code> {
    let (name, key, hash) = (name.to_owned(), name.to_lowercase(), format!("hash of {name}"));
    match ask(store, AccountCommand::Register { name, key, hash, at: WallTime(1) }).await? {
        Reply::Registered(account) => Ok(account),
        other => panic!("no registration: {other:?}"),
    }
}

async fn find(store: &StoreHandle, key: &str) -> Option<FoundAccount> {
    match store.execute(AccountCommand::Find { key: key.to_owned() }.into()).await {
        Ok(StoreReply::Found(found)) => found,
        other => panic!("nothing to find: {other:?}"),
    }
}

fn create_role(account: AccountId, name: &str) -> AccountCommand {
    let (name, key) = (name.to_owned(), name.to_lowercase());
    AccountCommand::CreateRole { account, realm: RealmNo(1), name, key, roles_max: 2, at: WallTime(5) }
}

fn roles(reply: Reply) -> Vec<Role> {
    if let Reply::Account { roles, .. } = reply { roles } else { panic!("no roles: {reply:?}") }
}

async fn open_session(
    store: &StoreHandle,
    account: AccountId,
    role: RecordId,
) -> Result<(Epoch, Option<Previous>), Code> {
    match ask(store, AccountCommand::OpenSession { account, role }).await? {
        Reply::Session { epoch, previous, .. } => Ok((epoch, previous)),
        other => panic!("no session: {other:?}"),
    }
}

#[tokio::test]
async fn a_name_is_registered_once_and_found_as_it_is_also_when_it_looks_like_sql() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path()).await;
    let handle = store.handle();
    let mut ids = Vec::new();
    for name in ["ann", "' OR '1'='1", "x\"; DROP TABLE accounts; --", "Ænne \u{1f600}", "%", "a\0b"] {
        ids.push(register(&handle, name).await.expect("registered"));
        assert_eq!(register(&handle, name).await, Err(Code::NameTaken), "{name}");
        let found = find(&handle, &name.to_lowercase()).await.expect("found");
        assert_eq!((Some(&found.account), found.hash), (ids.last(), format!("hash of {name}")));
    }
    assert!(ids.is_sorted() && ids[0].0 > 0);
    assert_eq!(find(&handle, "an").await, None);
    store.close().await;
    let store = open(folder.path()).await;
    assert_eq!(find(&store.handle(), "ann").await.map(|found| found.account), Some(ids[0]));
}

#[tokio::test]
async fn roles_are_limited_unique_and_numbered_by_realm() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path()).await;
    let handle = store.handle();
    let (ann, bob) = (register(&handle, "ann").await.expect("new"), register(&handle, "bob").await.expect("new"));
    assert_eq!(ask(&handle, create_role(AccountId(99), "Nobody")).await, Err(Code::NotLoggedIn));
    ask(&handle, create_role(ann, "Hero")).await.expect("created");
    assert_eq!(ask(&handle, create_role(bob, "hERO")).await, Err(Code::NameTaken));
    let two = roles(ask(&handle, create_role(ann, "Thief")).await.expect("created"));
    assert_eq!(two.iter().map(|role| role.id.0).collect::<Vec<_>>(), [1_000_001, 1_000_002]);
    assert_eq!(ask(&handle, create_role(ann, "Third")).await, Err(Code::RoleLimit));
    assert_eq!(roles(ask(&handle, AccountCommand::Roles { account: ann }).await.expect("listed")), two);
    assert_eq!(roles(ask(&handle, AccountCommand::Roles { account: bob }).await.expect("listed")), []);
}

#[tokio::test]
async fn a_role_is_deleted_with_its_entity_when_its_time_has_come_and_nobody_plays_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path()).await;
    let handle = store.handle();
    let by = base(&store).await;
    let ann = register(&handle, "ann").await.expect("new");
    let bob = register(&handle, "bob").await.expect("new");
    let role = roles(ask(&handle, create_role(ann, "Hero")).await.expect("created"))[0].id;
    let mark = |account, at| AccountCommand::MarkRole { account, role, deleted_at: WallTime(at) };
    let purge = |due| StoreCommand::from(AccountCommand::PurgeRoles { due: WallTime(due) });
    assert_eq!(ask(&handle, mark(bob, 100)).await, Err(Code::RoleUnknown));
    assert_eq!(roles(ask(&handle, mark(ann, 100)).await.expect("marked"))[0].deleted_at, 100);
    assert_eq!(roles(ask(&handle, mark(ann, 500)).await.expect("marked"))[0].deleted_at, 100, "the first mark stays");
    assert_eq!(open_session(&handle, ann, role).await.err(), Some(Code::RoleDeleting));
    assert_eq!(roles(ask(&handle, mark(ann, 0)).await.expect("restored"))[0].deleted_at, 0);

    let (epoch, ..) = claim_or_create(&handle, (AVATAR, role), by, &[]).await.expect("created");
    ask(&handle, mark(ann, 100)).await.expect("marked");
    assert_eq!(handle.execute(purge(99)).await, Ok(StoreReply::Purged(0)));
    assert_eq!(handle.execute(purge(100)).await, Ok(StoreReply::Purged(0)), "it is being played");
    release(&handle, (AVATAR, role), epoch, by).await.expect("released");
    assert_eq!(handle.execute(purge(100)).await, Ok(StoreReply::Purged(1)));
    assert_eq!(claim(&handle, (AVATAR, role), by).await.err(), Some(Code::RecordUnknown));
    assert_eq!(open_session(&handle, ann, role).await.err(), Some(Code::RoleUnknown));
    let next = roles(ask(&handle, create_role(ann, "Hero")).await.expect("the name is free again"))[0].id;
    assert!(next > role, "an id is not given twice");
}

#[tokio::test]
async fn only_the_newest_session_can_be_placed_and_the_one_before_is_told_of() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path()).await;
    let handle = store.handle();
    let base_instance = base(&store).await;
    let ann = register(&handle, "ann").await.expect("new");
    let role = roles(ask(&handle, create_role(ann, "Hero")).await.expect("created"))[0].id;
    let place = |epoch| AccountCommand::PlaceSession { account: ann, epoch, base: base_instance };
    let close = |epoch| StoreCommand::from(AccountCommand::CloseSession { account: ann, epoch });
    assert_eq!(ask(&handle, place(Epoch(1))).await, Err(Code::Stale), "none was opened");
    let (first, previous) = open_session(&handle, ann, role).await.expect("opened");
    assert_eq!(previous, None);
    assert_eq!(ask(&handle, place(first)).await, Ok(Reply::Placed));
    let address = Address { role: RoleKind::Base, incarnation: base_instance };
    let expected = Some(Previous { base: address, role, epoch: first });

    let (second, previous) = open_session(&handle, ann, role).await.expect("opened");
    assert!(second > first && previous == expected);
    assert_eq!(ask(&handle, place(first)).await, Err(Code::Stale));
    handle.execute(close(second)).await.expect("closed");
    assert_eq!(ask(&handle, place(second)).await, Err(Code::Stale), "it is closed");
    let (third, previous) = open_session(&handle, ann, role).await.expect("opened");
    assert_eq!(previous, expected, "a session that failed does not hide the one that still lives");
    handle.execute(close(first)).await.expect("closed");
    assert_eq!(ask(&handle, place(third)).await, Ok(Reply::Placed));
    handle.execute(close(third)).await.expect("closed");
    let (fourth, previous) = open_session(&handle, ann, role).await.expect("opened");
    assert_eq!(previous, None);
    ask(&handle, place(fourth)).await.expect("placed");
    store.close().await;

    let store = open(folder.path()).await;
    let (fifth, previous) = open_session(&store.handle(), ann, role).await.expect("opened");
    assert!(fifth > fourth);
    assert_eq!(previous, None, "its base died with the process");
}
