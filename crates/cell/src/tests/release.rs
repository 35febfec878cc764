//! Releases of logic: taken between ticks, reported each second.

use kuafu_contract::{Address, CallId, Reply, Request, RoleKind, config, logic};
use kuafu_core::{Code, EntityId, Incarnation};
use kuafu_logic::Fault;
use kuafu_node::{CallRef, Input, Output, Role};

use super::rig::*;

const CONFIG: Address = Address { role: RoleKind::Config, incarnation: Incarnation(2) };

fn stage(release: u64) -> logic::Request {
    logic::Request::Stage { release, part: 0, parts: 1, bytes: b"logic".as_slice().into() }
}

/// What the cell answers, at once.
fn ask(rig: &mut Rig, request: logic::Request) -> Result<Reply, Code> {
    let from = CallRef { from: CONFIG, call: CallId(1) };
    rig.cell.handle(rig.now, Input::Call { from, request: request.into() });
    let mut answer = None;
    while let Some(output) = rig.cell.poll_output() {
        if let Output::Answer { to, result } = output {
            assert_eq!(to, from);
            answer = Some(result.map_err(|refusal| refusal.code));
        }
    }
    answer.expect("it answers at once")
}

fn reported(rig: &mut Rig) -> Vec<config::Request> {
    let told = std::mem::take(&mut rig.notices).into_iter().filter_map(|request| match request {
        Request::Config(request) => Some(request),
        _ => None,
    });
    told.collect()
}

#[test]
fn a_tick_runs_one_release_from_its_beginning_to_its_end() {
    let mut rig = Rig::new();
    rig.host.borrow_mut().release = 1;
    let a = rig.player(1, 0.0, 0.0);
    rig.tick();
    let until_then = rig.host.borrow().entered_under.len();
    assert!(until_then > 0, "hooks ran");
    assert_eq!(ask(&mut rig, stage(2)), Ok(logic::Reply::Staged.into()));
    rig.player(2, 3.0, 0.0);
    rig.tick();
    assert!(rig.host.borrow().entered_under.iter().all(|release| *release == 1), "it is loaded, and does not run");

    rig.send(base(1), kuafu_contract::link::Event::DetachWitness { witness: 1 });
    rig.flush();
    let before = rig.host.borrow().entered_under.len();
    assert_eq!(ask(&mut rig, logic::Request::Activate { release: 2 }), Ok(logic::Reply::Activated.into()));
    assert_eq!(rig.host.borrow().entered_under.len(), before, "nothing runs between ticks");
    rig.player(3, 5.0, 0.0);
    rig.tick();
    let entered = rig.host.borrow().entered_under[before..].to_vec();
    assert!(!entered.is_empty() && entered.iter().all(|release| *release == 2), "{entered:?}");
    assert!(rig.seen(2, a).is_some(), "the world goes on");
}

#[test]
fn a_release_that_cannot_be_loaded_is_refused_with_the_reason() {
    let mut rig = Rig::new();
    rig.host.borrow_mut().release = 1;
    rig.host.borrow_mut().cannot_stage = true;
    assert_eq!(ask(&mut rig, stage(2)), Err(Code::Refused));
    assert_eq!(ask(&mut rig, logic::Request::Activate { release: 2 }), Err(Code::Stale));
    rig.input(Input::Notice { from: CONFIG, request: logic::Request::Discard { release: 2 }.into() });
    assert_eq!(rig.host.borrow().release, 1);
    assert_eq!(rig.count("misdirected_notices"), 0.0);
}

#[test]
fn what_runs_is_reported_each_second_with_the_first_fault() {
    let mut rig = Rig::new();
    rig.ticks(12);
    assert_eq!(reported(&mut rig), [], "compiled-in logic has no releases");
    rig.host.borrow_mut().release = 4;
    rig.ticks(10);
    let running = |faults, first_fault: &str| config::Request::Running {
        from: CELL,
        release: 4,
        faults,
        first_fault: first_fault.to_owned(),
    };
    assert_eq!(reported(&mut rig), [running(0, "")]);
    for message in ["first", "second"] {
        let (type_name, entry, message) = ("wisp".to_owned(), "on_timer".to_owned(), message.to_owned());
        let mut host = rig.host.borrow_mut();
        host.release_faults += 1;
        host.faults.push_back(Fault { entity: EntityId(1), type_name, entry, message });
    }
    rig.ticks(10);
    assert_eq!(reported(&mut rig), [running(2, "wisp.on_timer: first")]);
}
