//! The db role between bases and a store that a test plays.

use kuafu_contract::db::{Reply, Request};
use kuafu_contract::{Address, CallId, RoleKind, console};
use kuafu_core::{Code, Epoch, Incarnation, Limits, Moment, Now, OperationId, RecordId, Refusal, TypeNo, WallTime};
use kuafu_db::{DbConfig, DbRole, OPERATION_AGE_MAX_MS};
use kuafu_node::{CallRef, Input, Output, Role};
use kuafu_store::{StoreCommand, StoreReply, StoreResult, Ticket};

const DB: Address = Address { role: RoleKind::Db, incarnation: Incarnation(1) };
const BASE: Address = Address { role: RoleKind::Base, incarnation: Incarnation(2) };

/// What came out of the role.
#[derive(Default)]
struct Outputs {
    commands: Vec<(Ticket, StoreCommand)>,
    answers: Vec<(u64, Result<Reply, Code>)>,
    reports: Vec<console::Report>,
    drained: bool,
}

struct Harness {
    role: DbRole,
    calls: u64,
}

impl Harness {
    fn new(limits: Limits) -> Self {
        Self { role: DbRole::new(DbConfig { address: DB, limits }), calls: 0 }
    }

    fn feed(&mut self, at_ms: u64, input: Input<(Ticket, StoreResult)>) -> Outputs {
        let now = Now { at: Moment(at_ms * 1_000), wall: WallTime(10_000_000 + at_ms) };
        self.role.handle(now, input);
        let mut outputs = Outputs::default();
        while let Some(output) = self.role.poll_output() {
            match output {
                Output::External(command) => outputs.commands.push(command),
                Output::Answer { to, result: Ok(kuafu_contract::Reply::Db(reply)) } => {
                    outputs.answers.push((to.call.0, Ok(reply)));
                }
                Output::Answer { to, result: Err(refusal) } => outputs.answers.push((to.call.0, Err(refusal.code))),
                Output::Notice {
                    request: kuafu_contract::Request::Console(console::Request::Report(report)), ..
                } => {
                    outputs.reports.push(report);
                }
                Output::Drained => outputs.drained = true,
                other => panic!("unexpected {other:?}"),
            }
        }
        outputs
    }

    fn call(&mut self, at_ms: u64, request: impl Into<kuafu_contract::Request>) -> Outputs {
        self.calls += 1;
        let from = CallRef { from: BASE, call: CallId(self.calls) };
        self.feed(at_ms, Input::Call { from, request: request.into() })
    }
}

fn commit(operation: u128) -> Request {
    Request::Commit { operation: OperationId(operation), by: BASE.incarnation, whole: false, writes: vec![] }
}

fn release() -> Request {
    Request::Release { ty: TypeNo(1), record: RecordId(1), epoch: Epoch(1), by: BASE.incarnation }
}

fn number(report: &console::Report, name: &str) -> f64 {
    report.numbers.iter().find(|(n, _)| n == name).map_or(0.0, |(_, value)| *value)
}

#[test]
fn each_call_is_answered_once_with_what_the_store_said() {
    let mut db = Harness::new(Limits::default());
    let outputs = db.call(5, commit(9));
    let (ticket, command) = outputs.commands[0].clone();
    assert!(matches!(command, StoreCommand::Commit { at: WallTime(10_000_005), operation: OperationId(9), .. }));
    let reply = Reply::Committed { created: vec![RecordId(3)], stale: vec![RecordId(4)], refused: vec![] };
    let outputs = db.feed(9, Input::External((ticket, Ok(StoreReply::Entity(reply.clone())))));
    assert_eq!(outputs.answers, [(1, Ok(reply.clone()))]);
    let again = db.feed(9, Input::External((ticket, Ok(StoreReply::Entity(reply)))));
    assert!(again.answers.is_empty());
    let (ticket, _) = db.call(9, release()).commands[0].clone();
    let outputs = db.feed(9, Input::External((ticket, Err(Code::Stale.into()))));
    assert_eq!(outputs.answers, [(2, Err(Code::Stale))]);
    let report = &db.feed(2_000, Input::Wake).reports[0];
    assert_eq!(["commits", "created", "stale", "commit_ms_p50"].map(|name| number(report, name)), [1.0, 1.0, 2.0, 4.0]);
}

#[test]
fn commits_beyond_the_limit_are_busy_and_leave_room_for_claims() {
    let mut db = Harness::new(Limits { saves_in_flight_max: 2, ..Limits::default() });
    let (first, _) = db.call(0, commit(1)).commands[0].clone();
    db.call(0, commit(2));
    assert_eq!(db.call(0, commit(3)).answers, [(3, Err(Code::Busy))]);
    assert_eq!(db.call(0, release()).commands.len(), 1);
    db.feed(1, Input::External((first, Err(Refusal::from(Code::StoreFailed)))));
    assert_eq!(db.call(2, commit(4)).commands.len(), 1);
}

#[test]
fn a_notice_is_done_and_not_answered() {
    let mut db = Harness::new(Limits::default());
    let outputs = db.feed(0, Input::Notice { from: BASE, request: release().into() });
    let (ticket, _) = outputs.commands[0].clone();
    assert!(db.feed(1, Input::External((ticket, Ok(StoreReply::Entity(Reply::Released))))).answers.is_empty());
}

#[test]
fn draining_answers_what_is_in_flight_and_refuses_the_rest() {
    let mut db = Harness::new(Limits::default());
    let (ticket, _) = db.call(0, commit(1)).commands[0].clone();
    assert!(!db.feed(1, Input::Drain).drained);
    assert_eq!(db.call(2, commit(2)).answers, [(2, Err(Code::ServerStopping))]);
    let outputs = db.feed(3, Input::External((ticket, Err(Code::DeadlinePassed.into()))));
    assert_eq!(outputs.answers, [(1, Err(Code::DeadlinePassed))]);
    assert!(outputs.drained);
}

#[test]
fn old_operations_are_forgotten_and_foreign_requests_refused() {
    let mut db = Harness::new(Limits::default());
    let outputs = db.feed(1, Input::Start);
    let before = WallTime(10_000_001 - OPERATION_AGE_MAX_MS);
    assert_eq!(outputs.commands[0].1, StoreCommand::PurgeOperations { before });
    assert_eq!(outputs.reports.len(), 1);
    assert!(db.role.next_wake().is_some());
    let foreign = kuafu_contract::base::Request::Kick {
        account: kuafu_core::AccountId(1),
        epoch: Epoch(1),
        reason: Code::Kicked,
    };
    assert_eq!(db.call(2, foreign).answers, [(1, Err(Code::Malformed))]);
}
