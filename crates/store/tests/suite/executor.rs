//! The executor with an engine that a test holds back: every command is answered once, whatever happens.

use std::sync::Arc;

use kuafu_core::{Code, Incarnation, RecordId, TypeNo, WallTime};
use kuafu_store::{
    Engine, Executor, GROUP_COMMANDS_MAX, QUEUED_COMMANDS_MAX, StoreCommand, StoreHandle, StoreReply, StoreResult,
    Ticket,
};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc};

use crate::common::*;

/// Does a batch for each permit; tells how large it was.
struct Held {
    permits: Arc<Semaphore>,
    batches: mpsc::Sender<usize>,
}

impl Engine for Held {
    async fn execute(&mut self, batch: Vec<StoreCommand>) -> Vec<StoreResult> {
        self.permits.acquire().await.expect("the semaphore stays open").forget();
        self.batches.try_send(batch.len()).expect("there is room");
        batch.iter().map(|_| Ok(StoreReply::Done)).collect()
    }
}

/// Breaks off in its first batch.
struct Broken;

impl Engine for Broken {
    async fn execute(&mut self, _: Vec<StoreCommand>) -> Vec<StoreResult> {
        panic!("an engine with a bug");
    }
}

fn end(number: usize) -> StoreCommand {
    StoreCommand::EndIncarnation(Incarnation(number as u32))
}

fn held() -> (StoreHandle, Executor, Arc<Semaphore>, mpsc::Receiver<usize>) {
    let permits = Arc::new(Semaphore::new(0));
    let (batches, sizes) = mpsc::channel(100);
    let engine = Held { permits: permits.clone(), batches };
    let (handle, executor) = Executor::start(&Handle::current(), engine, Vec::<Held>::new());
    (handle, executor, permits, sizes)
}

#[tokio::test]
async fn a_full_queue_is_busy_and_what_waits_goes_out_in_groups() {
    let (handle, executor, permits, mut sizes) = held();
    let (done, mut results) = mpsc::channel(2 * QUEUED_COMMANDS_MAX);
    let mut execute = handle.executor(move |ticket, result| done.try_send((ticket, result)).expect("there is room"));
    let sent = QUEUED_COMMANDS_MAX + 10;
    for number in 0..sent {
        execute((Ticket(number as u64), end(number)));
    }
    for number in QUEUED_COMMANDS_MAX..sent {
        let (ticket, result) = results.recv().await.expect("a result");
        assert_eq!((ticket.0, result.map_err(|refusal| refusal.code)), (number as u64, Err(Code::Busy)));
    }
    permits.add_permits(sent);
    for number in 0..QUEUED_COMMANDS_MAX {
        assert_eq!(results.recv().await, Some((Ticket(number as u64), Ok(StoreReply::Done))));
    }
    let mut groups = Vec::new();
    while let Ok(size) = sizes.try_recv() {
        groups.push(size);
    }
    assert_eq!(groups, vec![GROUP_COMMANDS_MAX; QUEUED_COMMANDS_MAX / GROUP_COMMANDS_MAX]);
    executor.close().await;
}

#[tokio::test]
async fn closing_finishes_what_waits_and_takes_no_more() {
    let (handle, executor, permits, _sizes) = held();
    let (done, mut results) = mpsc::channel(10);
    for number in 0..3 {
        let done = done.clone();
        handle.submit(end(number), move |result| done.try_send(result).expect("there is room"));
    }
    permits.add_permits(10);
    executor.close().await;
    for _ in 0..3 {
        assert_eq!(results.try_recv(), Ok(Ok(StoreReply::Done)));
    }
    let refused = handle.execute(end(4)).await.expect_err("it is closed");
    assert_eq!(refused.code, Code::Unavailable);
}

#[tokio::test]
async fn an_engine_that_dies_leaves_its_commands_unknown() {
    let (handle, executor) = Executor::start(&Handle::current(), Broken, Vec::<Broken>::new());
    let unknown = handle.execute(end(1)).await.expect_err("nobody knows");
    assert_eq!(unknown.code, Code::DeadlinePassed);
    executor.close().await;
    assert!(handle.execute(end(2)).await.is_err());
}

#[tokio::test]
async fn a_store_without_readers_reads_with_its_writer() {
    let folder = tempfile::tempdir().expect("a folder");
    let options = kuafu_store::StoreOptions { readers: 0, ..options() };
    let store = kuafu_store::Store::open(folder.path(), game(), options).await.expect("opens");
    let by = store.next_incarnation(kuafu_contract::RoleKind::Base, WallTime(1)).await.expect("a number");
    let (ids, _) = committed(&store.handle(), 1, by, true, vec![create(CHEST, &[])]).await.expect("created");
    store.handle().execute(StoreCommand::EndIncarnation(by)).await.expect("ended");
    let list = StoreCommand::Autoload { ty: CHEST, after: RecordId(0), limit: 5 };
    let expected = kuafu_contract::db::Reply::Records(ids);
    assert_eq!(entity_reply(store.handle().execute(list).await), Ok(expected));
    let none = StoreCommand::Autoload { ty: TypeNo(99), after: RecordId(0), limit: 5 };
    assert_eq!(entity_reply(store.handle().execute(none).await), Err(Code::RecordUnknown));
    store.close().await;
}
