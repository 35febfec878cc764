//! The driver, with a role that does what its caller asks.

use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};
use kuafu_bus::{LocalBus, Strictness};
use kuafu_contract::{Address, Outcome, Reply, Request, RoleKind, accounts, base_manager, login};
use kuafu_core::{Code, Incarnation, Limits, Moment, Now, RecordId};
use kuafu_node::{CallBook, Ended, Input, Node, Output, Role, SystemClock};

const PATIENCE: Duration = Duration::from_secs(20);

/// Asks the base-manager what it is told to by its executor, and tells how that ended.
struct Asker {
    book: CallBook<String, ()>,
}

impl Role for Asker {
    type In = ();
    type Out = String;

    fn handle(&mut self, _: Now, input: Input<()>) {
        match input {
            Input::External(()) => {
                self.book.call(RoleKind::BaseManager, base_manager::Request::Place { role: RecordId(1) }, ());
            }
            Input::Answer { call, outcome } => {
                self.book.close(call).expect("a call ends once");
                let text = match outcome {
                    Outcome::Value(_) => "value".to_owned(),
                    Outcome::Refused(refusal) => format!("{:?}", refusal.code),
                    Outcome::Unknown => "unknown".to_owned(),
                };
                self.book.external(text);
            }
            Input::LinkDown { .. } => self.book.external("link down".to_owned()),
            Input::Drain => self.book.drained(),
            _ => {}
        }
    }

    fn poll_output(&mut self) -> Option<Output<String>> {
        self.book.poll()
    }

    fn next_wake(&self) -> Option<Moment> {
        None
    }
}

#[derive(Clone, Copy)]
enum Manner {
    Answers,
    Silent,
    Panics,
}

struct Manager {
    manner: Manner,
    book: CallBook<(), ()>,
}

impl Role for Manager {
    type In = ();
    type Out = ();

    fn handle(&mut self, _: Now, input: Input<()>) {
        match (input, self.manner) {
            (Input::Call { from, .. }, Manner::Answers) => self.book.answer(from, Ok(base_manager::Reply::Full)),
            (Input::Call { .. }, Manner::Panics) => panic!("a role that breaks on purpose"),
            (Input::Drain, _) => self.book.drained(),
            _ => {}
        }
    }

    fn poll_output(&mut self) -> Option<Output<()>> {
        self.book.poll()
    }

    fn next_wake(&self) -> Option<Moment> {
        None
    }
}

fn address(role: RoleKind, number: u32) -> Address {
    Address { role, incarnation: Incarnation(number) }
}

fn node(limits: Limits, strict: bool) -> Node {
    let clock = Arc::new(SystemClock::start());
    let bus = if strict { LocalBus::strict(Strictness::default(), clock.clone()) } else { LocalBus::new() };
    Node::new(bus, clock, limits)
}

/// An asker, the sender that makes it ask, and what it tells.
fn asker(node: &Node) -> (kuafu_node::RoleHandle, Sender<()>, Receiver<String>) {
    let (tell, told) = bounded(16);
    let (ask_in, ask_out) = bounded(1);
    let handle = node.start(address(RoleKind::Login, 1), move |external| {
        ask_in.send(external).expect("the test waits for it");
        Ok((Asker { book: CallBook::default() }, move |text| tell.send(text).expect("the test listens")))
    });
    (handle.expect("it starts"), ask_out.recv().expect("it was built"), told)
}

fn manager(node: &Node, manner: Manner) -> kuafu_node::RoleHandle {
    let start = move |_| Ok((Manager { manner, book: CallBook::default() }, |()| {}));
    node.start(address(RoleKind::BaseManager, 2), start).expect("it starts")
}

#[test]
fn a_call_ends_in_a_value_in_plain_and_in_strict_mode() {
    for strict in [false, true] {
        let node = node(Limits::default(), strict);
        let (_asker, ask, told) = asker(&node);
        let _manager = manager(&node, Manner::Answers);
        ask.send(()).expect("it listens");
        assert_eq!(told.recv_timeout(PATIENCE).as_deref(), Ok("value"));
    }
}

#[test]
fn a_call_to_nobody_is_refused_and_one_without_an_answer_ends_as_unknown() {
    let node = node(Limits { call_deadline_ms: 50, ..Limits::default() }, false);
    let (_asker, ask, told) = asker(&node);
    ask.send(()).expect("it listens");
    assert_eq!(told.recv_timeout(PATIENCE).as_deref(), Ok("Unavailable"));
    let _manager = manager(&node, Manner::Silent);
    ask.send(()).expect("it listens");
    assert_eq!(told.recv_timeout(PATIENCE).as_deref(), Ok("unknown"));
}

#[test]
fn a_role_that_panics_is_told_apart_and_takes_nobody_with_it() {
    let node = node(Limits { call_deadline_ms: 50, ..Limits::default() }, false);
    let (asker, ask, told) = asker(&node);
    let manager = manager(&node, Manner::Panics);
    ask.send(()).expect("it listens");
    assert_eq!(told.recv_timeout(PATIENCE).as_deref(), Ok("unknown"));
    assert_eq!(manager.wait(PATIENCE), Some(Ended::Panicked));
    ask.send(()).expect("it listens");
    assert_eq!(told.recv_timeout(PATIENCE).as_deref(), Ok("Unavailable"));
    asker.drain();
    assert_eq!(asker.wait(PATIENCE), Some(Ended::Drained));
}

#[test]
fn a_killed_role_is_gone_from_the_bus_and_its_links_are_told() {
    let node = node(Limits::default(), false);
    let (asker, _ask, told) = asker(&node);
    let manager = manager(&node, Manner::Answers);
    node.bus().frame(manager.address(), asker.address(), bytes::Bytes::new()).expect("both are there");
    manager.kill();
    assert_eq!(manager.wait(PATIENCE), Some(Ended::Killed));
    assert_eq!(told.recv_timeout(PATIENCE).as_deref(), Ok("link down"));
    assert!(node.bus().instances(RoleKind::BaseManager).is_empty());
}

#[test]
fn a_role_that_cannot_be_built_says_why() {
    let node = node(Limits::default(), false);
    let failed = node.start::<Manager, fn(()), _>(address(RoleKind::Db, 3), |_| Err("no disk".to_owned()));
    assert_eq!(failed.map(|_| ()).expect_err("it was not built"), "no disk");
}

#[test]
fn a_full_mailbox_refuses_calls_and_keeps_answers() {
    let node = node(Limits { mailbox_messages_max: 4, ..Limits::default() }, false);
    let (hold_in, hold) = bounded::<()>(0);
    let start = move |_| Ok((Blocked { hold, told: false, book: CallBook::default() }, |()| {}));
    let blocked = node.start(address(RoleKind::Accounts, 4), start).expect("it starts");
    let from = address(RoleKind::Login, 9);
    let call =
        |number| kuafu_contract::Body::Call(kuafu_contract::CallId(number), Request::from(login::Request::SeatsFree));
    // One may be taken from the mailbox while the role is held; the others wait in it.
    let results: Vec<_> = (0..8).map(|n| node.bus().send(from, blocked.address().into(), call(n))).collect();
    assert!(results.iter().flatten().count() >= 4);
    assert_eq!(results.last().and_then(|last| last.as_ref().err()).map(|refusal| refusal.code), Some(Code::Busy));
    let answer = kuafu_contract::Body::Answer(kuafu_contract::CallId(1), Ok(Reply::from(accounts::Reply::Placed)));
    assert!(node.bus().send(from, blocked.address().into(), answer).is_ok());
    drop(hold_in);
}

/// Stands still at its first input until it is let go.
struct Blocked {
    hold: Receiver<()>,
    told: bool,
    book: CallBook<(), ()>,
}

impl Role for Blocked {
    type In = ();
    type Out = ();

    fn handle(&mut self, _: Now, input: Input<()>) {
        if !matches!(input, Input::Start) && !self.told {
            self.told = true;
            let _ = self.hold.recv();
        }
    }

    fn poll_output(&mut self) -> Option<Output<()>> {
        self.book.poll()
    }

    fn next_wake(&self) -> Option<Moment> {
        None
    }
}
