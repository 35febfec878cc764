//! Waiting for a seat: order, positions, and who gives a place up.

use std::time::Duration;

use kuafu_contract::base_manager::Reply::{Full, Place};
use kuafu_core::{Code, Limits};
use kuafu_edge::ConnId;
use kuafu_node::Input;
use kuafu_wire::{ClientMessage, ServerMessage};

use crate::script::*;

fn queue(position: u32, length: u32) -> ServerMessage {
    ServerMessage::Queue { position, length }
}

/// A full game with so many clients waiting, in order.
fn waiting(count: usize) -> (Script, Vec<ConnId>) {
    let mut script = Script::with(Limits { login_queue_max: 5, ..Limits::default() });
    let mut clients = vec![script.select()];
    script.expect_place(Full);
    for _ in 1..count {
        clients.push(script.select());
    }
    assert!(script.asked.is_empty(), "nobody asks while the game is full");
    (script, clients)
}

fn let_in(script: &mut Script, conn: ConnId) {
    script.expect_place(Place(base_address(3)));
    script.expect_open(None);
    script.expect_admit(base_address(3));
    assert_eq!(script.heard(conn).last(), Some(&enter()));
}

#[test]
fn waiting_clients_are_told_their_position_once_and_when_it_changes() {
    let (mut script, clients) = waiting(3);
    assert_eq!(script.heard(clients[0]), [queue(1, 1)]);
    assert_eq!(script.heard(clients[1]), [queue(2, 2)]);
    assert_eq!(script.heard(clients[2]), [queue(3, 3)]);
    script.pass(1);
    script.expect_place(Full);
    assert!(clients.iter().all(|client| script.heard(*client).is_empty()), "nothing changed");
    script.lose(clients[0]);
    script.at = script.at + Duration::from_millis(900);
    script.input(Input::Wake);
    assert!(script.heard(clients[1]).is_empty(), "not before the next second");
    script.at = script.at + Duration::from_millis(100);
    script.input(Input::Wake);
    assert_eq!(script.heard(clients[1]), [queue(1, 2)]);
    assert_eq!(script.heard(clients[2]), [queue(2, 2)]);
}

#[test]
fn seats_are_given_in_the_order_of_asking() {
    let (mut script, clients) = waiting(3);
    script.seats_free();
    assert_eq!(script.asked.len(), 1, "a game that was full is asked for the first alone");
    let_in_until_the_next_is_asked_for(&mut script, clients[0]);
    script.expect_place(Full);
    script.expect_place(Full);
    assert!(script.asked.is_empty());
    script.seats_free();
    let_in_until_the_next_is_asked_for(&mut script, clients[1]);
    let_in(&mut script, clients[2]);
}

/// The seat that it got shows that there is room: the others are asked for at once.
fn let_in_until_the_next_is_asked_for(script: &mut Script, conn: ConnId) {
    script.expect_place(Place(base_address(3)));
    let opens = |asked: &Asked| asked.request == open_session().into();
    let open = script.asked.iter().position(opens).expect("a session is wanted");
    let open = script.asked.remove(open).expect("just found");
    let others = std::mem::take(&mut script.asked);
    script.asked.push_back(open);
    script.expect_open(None);
    script.expect_admit(base_address(3));
    assert_eq!(script.heard(conn).last(), Some(&enter()));
    script.asked = others;
}

#[test]
fn a_silent_base_manager_costs_one_client_a_second_its_place() {
    let (mut script, clients) = waiting(3);
    script.pass(1);
    script.expect_outcome(
        kuafu_contract::RoleKind::BaseManager,
        kuafu_contract::base_manager::Request::Place { role: ROLE },
        refused(Code::Unavailable),
    );
    assert!(script.asked.is_empty());
    script.heard(clients[1]);
    assert!(matches!(script.heard(clients[0]).last(), Some(ServerMessage::Error { fatal: false, .. })));
    script.pass(1);
    let_in_until_the_next_is_asked_for(&mut script, clients[1]);
    let_in(&mut script, clients[2]);
}

#[test]
fn a_newcomer_does_not_overtake_those_who_wait() {
    let (mut script, clients) = waiting(2);
    let newcomer = script.select();
    assert!(script.asked.is_empty());
    assert_eq!(script.heard(newcomer), [queue(3, 3)]);
    script.pass(1);
    let_in_until_the_next_is_asked_for(&mut script, clients[0]);
    let_in_until_the_next_is_asked_for(&mut script, clients[1]);
    let_in(&mut script, newcomer);
}

#[test]
fn a_newcomer_is_told_its_true_position_while_the_first_is_being_asked_for() {
    let (mut script, clients) = waiting(2);
    script.pass(1);
    assert_eq!(script.asked.len(), 1, "the first is out of the line");
    let newcomer = script.select();
    assert_eq!(script.heard(newcomer), [queue(3, 3)]);
    script.expect_place(Full);
    script.pass(1);
    assert!(script.heard(newcomer).is_empty(), "nothing changed");
    assert!(!script.heard(clients[1]).contains(&queue(1, 3)));
}

#[test]
fn a_client_that_leaves_the_queue_gives_its_place_up() {
    let (mut script, clients) = waiting(3);
    script.lose(clients[1]);
    script.seats_free();
    let_in_until_the_next_is_asked_for(&mut script, clients[0]);
    let_in(&mut script, clients[2]);
    assert!(script.asked.is_empty());
}

#[test]
fn a_client_that_left_while_it_was_placed_does_not_come_back_to_the_queue() {
    let (mut script, clients) = waiting(2);
    script.seats_free();
    script.lose(clients[0]);
    script.expect_place(Full);
    script.expect_place(Full);
    assert!(script.asked.is_empty());
    assert_eq!(script.number("queue"), 0.0);
    assert_eq!(script.number("logins_in_flight"), 1.0, "the beat asks for the other one again");
}

#[test]
fn a_full_queue_refuses_further_logins() {
    let (mut script, clients) = waiting(5);
    let late = script.select();
    assert_eq!(script.error(late), (Code::QueueFull, false, 7));
    script.lose(clients[4]);
    script.say(late, &ClientMessage::RoleSelect { role: ROLE });
    assert_eq!(script.heard(late), [queue(5, 5)]);
}

#[test]
fn only_so_many_logins_are_worked_on_at_once() {
    let mut script = Script::with(Limits { logins_in_flight_max: 2, ..Limits::default() });
    let clients: Vec<_> = (0..4).map(|_| script.select()).collect();
    assert_eq!(script.asked.len(), 2, "two are being placed");
    assert_eq!(script.heard(clients[2]), [queue(1, 1)]);
    assert_eq!(script.heard(clients[3]), [queue(2, 2)]);
    script.expect_place(Place(base_address(3)));
    script.expect_place(Place(base_address(3)));
    script.expect_open(None);
    script.expect_open(None);
    script.expect_admit(base_address(3));
    assert_eq!(script.heard(clients[0]), [enter()]);
    script.expect_admit(base_address(3));
    assert_eq!(script.asked.len(), 2, "the next two are called");
}

#[test]
fn the_report_counts_who_is_where() {
    let (mut script, _) = waiting(3);
    script.lose(ConnId::new(99, 1));
    script.pass(1);
    script.asked.clear();
    assert_eq!(script.number("connections"), 3.0);
    assert_eq!(script.number("logins_total"), 3.0);
    assert_eq!(script.number("queue") + script.number("logins_in_flight"), 3.0);
}
