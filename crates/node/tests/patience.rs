//! Calls with deadlines of their own beside usual ones.

use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::bounded;
use kuafu_bus::LocalBus;
use kuafu_contract::interfaces::HttpRequest;
use kuafu_contract::{Address, Outcome, RoleKind, base_manager, interfaces};
use kuafu_core::{Incarnation, Limits, Moment, Now, RecordId};
use kuafu_node::{CallBook, Input, Node, Output, Role, SystemClock};

const PATIENCE: Duration = Duration::from_secs(20);

/// Asks two that never answer, the patient one first, and tells which call ended when.
struct Asker(CallBook<&'static str, &'static str>);

impl Role for Asker {
    type In = ();
    type Out = &'static str;

    fn handle(&mut self, _: Now, input: Input<()>) {
        match input {
            Input::Start => {
                let (method, url) = ("GET".to_owned(), "https://a.example/".to_owned());
                let request = HttpRequest { method, url, headers: Vec::new(), body: Arc::default(), within_ms: 1 };
                self.0.call(RoleKind::Interfaces, interfaces::Request::Http(request), "patient");
                self.0.call(RoleKind::BaseManager, base_manager::Request::Place { role: RecordId(1) }, "usual");
            }
            Input::Answer { call, outcome } => {
                assert_eq!(outcome, Outcome::Unknown);
                let which = self.0.close(call).expect("a call ends once");
                self.0.external(which);
            }
            Input::Drain => self.0.drained(),
            _ => {}
        }
    }

    fn poll_output(&mut self) -> Option<Output<&'static str>> {
        self.0.poll()
    }

    fn next_wake(&self) -> Option<Moment> {
        None
    }
}

/// Takes everything and says nothing.
struct Silent(CallBook<(), ()>);

impl Role for Silent {
    type In = ();
    type Out = ();

    fn handle(&mut self, _: Now, input: Input<()>) {
        if matches!(input, Input::Drain) {
            self.0.drained();
        }
    }

    fn poll_output(&mut self) -> Option<Output<()>> {
        self.0.poll()
    }

    fn next_wake(&self) -> Option<Moment> {
        None
    }
}

#[test]
fn a_request_that_names_its_time_is_waited_for_beyond_the_usual_deadline_and_holds_up_nobody() {
    let limits = Limits { call_deadline_ms: 50, ..Limits::default() };
    let node = Node::new(LocalBus::new(), Arc::new(SystemClock::start()), limits);
    let address = |role| Address { role, incarnation: Incarnation(1) };
    let silent = |role| node.start(address(role), |_| Ok((Silent(CallBook::default()), |()| {}))).expect("it starts");
    let _others = [silent(RoleKind::Interfaces), silent(RoleKind::BaseManager)];
    let (tell, told) = bounded(4);
    let build = move |_| Ok((Asker(CallBook::default()), move |which| tell.send(which).expect("the test listens")));
    let _asker = node.start(address(RoleKind::Login), build).expect("it starts");
    assert_eq!(told.recv_timeout(PATIENCE), Ok("usual"));
    assert_eq!(told.recv_timeout(PATIENCE), Ok("patient"));
}
