//! The four steps into the game, and what becomes of a login that does not get through them.

use kuafu_contract::{Outcome, accounts, base, base_manager};
use kuafu_core::{Code, Epoch, RecordId};
use kuafu_wire::{ClientMessage, ServerMessage};

use crate::script::*;

fn place(base: u32) -> base_manager::Reply {
    base_manager::Reply::Place(base_address(base))
}

fn previous(base: u32, role: RecordId) -> Option<accounts::Previous> {
    Some(accounts::Previous { base: base_address(base), role, epoch: Epoch(7) })
}

fn kick() -> base::Request {
    base::Request::Kick { account: ACCOUNT, epoch: Epoch(7), reason: Code::LoggedInElsewhere }
}

#[test]
fn a_login_is_placed_opened_admitted_and_entered() {
    let mut script = Script::new();
    let conn = script.select();
    script.expect_place(place(3));
    script.expect_open(None);
    script.expect_admit(base_address(3));
    assert_eq!(script.heard(conn), [enter()], "and no Queue, for it did not wait");
    assert!(script.told_others().is_empty());
    script.say(conn, &ClientMessage::RoleSelect { role: ROLE });
    assert_eq!(script.error(conn), (Code::OutOfOrder, false, 7));
    script.pass(30);
    assert!(script.is_over(conn), "a client that has its ticket has nothing to do here");
    assert!(script.heard(conn).is_empty());
}

#[test]
fn a_session_elsewhere_is_ended_before_the_new_one_is_admitted() {
    for (before, ends) in
        [(previous(4, ROLE), true), (previous(3, RecordId(1_000_009)), true), (previous(3, ROLE), false)]
    {
        let mut script = Script::new();
        let conn = script.select();
        script.expect_place(place(3));
        script.expect_open(before);
        if ends {
            let base = before.unwrap().base;
            assert_eq!(script.asked.len(), 1, "Admit waits for Kick");
            script.expect(base, kick(), base::Reply::Ended);
        }
        script.expect_admit(base_address(3));
        assert_eq!(script.heard(conn), [enter()]);
    }
}

#[test]
fn a_previous_base_that_is_gone_stops_nobody() {
    let mut script = Script::new();
    let conn = script.select();
    script.expect_place(place(3));
    script.expect_open(previous(4, ROLE));
    script.expect_outcome(base_address(4), kick(), refused(Code::Unavailable));
    script.expect_admit(base_address(3));
    assert_eq!(script.heard(conn), [enter()]);
}

#[test]
fn a_previous_base_that_does_not_answer_is_asked_again_and_then_the_login_is_undone() {
    let mut script = Script::new();
    let conn = script.select();
    script.expect_place(place(3));
    script.expect_open(previous(4, ROLE));
    for _ in 0..3 {
        script.expect_outcome(base_address(4), kick(), Outcome::Unknown);
    }
    assert!(script.asked.is_empty());
    assert_eq!(script.told_others(), [close_session()]);
    assert_eq!(script.error(conn), (Code::DeadlinePassed, false, 7));
    script.say(conn, &ClientMessage::RoleSelect { role: ROLE });
    script.expect_place(place(3));
}

#[test]
fn a_failed_step_is_told_and_undone() {
    for failing in 0..3 {
        for (outcome, code) in [
            (refused(Code::ServerFault), Code::ServerFault),
            (Outcome::Unknown, Code::DeadlinePassed),
            (Outcome::Value(accounts::Reply::Placed.into()), Code::ServerFault),
        ] {
            let mut script = Script::new();
            let conn = script.select();
            if failing > 0 {
                script.expect_place(place(3));
            }
            if failing > 1 {
                script.expect_open(None);
            }
            let asked = script.next_call();
            script.answer(&asked, outcome);
            assert_eq!(script.error(conn), (code, false, 7));
            let undone = if failing > 1 { vec![close_session()] } else { vec![] };
            assert_eq!(script.told_others(), undone);
            assert_eq!(script.number("logins_in_flight"), 0.0);
        }
    }
}

#[test]
fn only_a_role_of_ones_own_that_is_not_being_deleted_may_play() {
    let mut script = Script::new();
    let conn = script.log_in();
    for (role, code) in [(RecordId(42), Code::RoleUnknown), (DELETED_ROLE, Code::RoleDeleting)] {
        script.say(conn, &ClientMessage::RoleSelect { role });
        assert_eq!(script.error(conn), (code, false, 7));
    }
    assert!(script.asked.is_empty());
}

#[test]
fn a_client_that_leaves_between_two_steps_leaves_no_session_behind() {
    // Steps: 0 Place, 1 Open, 2 Kick, 3 Admit.
    for left_during in 0..4 {
        let mut script = Script::new();
        let conn = script.select();
        for step in 0..4 {
            if step == left_during {
                script.lose(conn);
            }
            let Some(asked) = script.asked.pop_front() else { break };
            let reply = match step {
                0 => place(3).into(),
                1 => accounts::Reply::Session {
                    epoch: Epoch(8),
                    role_name: "Kua".to_owned(),
                    previous: previous(4, ROLE),
                }
                .into(),
                2 => base::Reply::Ended.into(),
                _ => ticket().into(),
            };
            script.answer(&asked, Outcome::Value(reply));
        }
        assert!(script.asked.is_empty(), "no step follows");
        assert!(script.heard(conn).is_empty());
        // A ticket that nobody takes runs out at the base.
        let closed = if matches!(left_during, 1 | 2) { vec![close_session()] } else { vec![] };
        assert_eq!(script.told_others(), closed, "left during step {left_during}");
        assert_eq!(script.number("logins_in_flight"), 0.0);
    }
}

#[test]
fn a_client_that_leaves_before_admit_fails_leaves_no_session_behind() {
    let mut script = Script::new();
    let conn = script.select();
    script.expect_place(place(3));
    script.expect_open(None);
    script.lose(conn);
    script.expect_outcome(base_address(3), admit(), refused(Code::Busy));
    assert_eq!(script.told_others(), [close_session()]);
}

#[test]
fn a_base_that_filled_up_sends_the_client_back_to_its_place() {
    let mut script = Script::new();
    let conn = script.select();
    script.expect_place(place(3));
    script.expect_open(None);
    script.expect_outcome(base_address(3), admit(), refused(Code::Busy));
    assert_eq!(script.told_others(), [close_session()]);
    assert_eq!(script.heard(conn), [ServerMessage::Queue { position: 1, length: 1 }]);
    script.pass(1);
    script.expect_place(place(3));
}

#[test]
fn requests_during_the_way_in_are_refused_without_harm() {
    let mut script = Script::new();
    let conn = script.select();
    for message in [ClientMessage::RoleSelect { role: ROLE }, ClientMessage::RoleDelete { role: ROLE }, login_message()]
    {
        script.say(conn, &message);
        assert_eq!(script.error(conn).0, Code::OutOfOrder);
    }
    script.expect_place(place(3));
    script.expect_open(None);
    script.expect_admit(base_address(3));
    assert_eq!(script.heard(conn), [enter()]);
    assert!(script.asked.is_empty());
}
