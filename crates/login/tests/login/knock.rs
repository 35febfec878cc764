//! Register, Login and changes of roles.

use kuafu_contract::{Outcome, RoleKind, accounts, base_manager};
use kuafu_core::{AccountId, Code, Limits, RealmNo};
use kuafu_wire::{ClientMessage, Password, ServerMessage};

use crate::script::*;

fn register() -> ClientMessage {
    ClientMessage::Register { account: "ann".to_owned(), password: Password("secret".to_owned()) }
}

#[test]
fn a_client_registers_and_then_logs_in() {
    let mut script = Script::new();
    let conn = script.greet();
    script.say(conn, &register());
    let request = accounts::Request::Register { name: "ann".to_owned(), password: "secret".to_owned() };
    script.expect(RoleKind::Accounts, request, accounts::Reply::Registered(AccountId(5)));
    assert_eq!(script.heard(conn), [ServerMessage::Registered]);
    script.say(conn, &login_message());
    script.expect(RoleKind::Accounts, authenticate(), account());
    let heard = script.heard(conn);
    let [ServerMessage::LoggedIn { account, roles_max: 4, roles }] = &heard[..] else { panic!("{heard:?}") };
    assert_eq!((*account, roles.len(), roles[1].deleted_at_ms), (ACCOUNT, 2, 77));
    assert!(script.established.contains(&conn));
}

#[test]
fn a_failed_login_is_told_and_may_be_tried_again() {
    let mut script = Script::new();
    let conn = script.greet();
    for (outcome, code) in [
        (refused(Code::LoginFailed), Code::LoginFailed),
        (refused(Code::Unavailable), Code::Unavailable),
        (Outcome::Unknown, Code::DeadlinePassed),
        (Outcome::Value(base_manager::Reply::Full.into()), Code::ServerFault),
    ] {
        script.say(conn, &login_message());
        script.expect_outcome(RoleKind::Accounts, authenticate(), outcome);
        assert_eq!(script.error(conn), (code, false, 3));
    }
    script.say(conn, &register());
    let asked = script.next_call();
    script.answer(&asked, refused(Code::NameTaken));
    assert_eq!(script.error(conn), (Code::NameTaken, false, 2));
    assert_eq!(script.number("refused_login_failed"), 1.0);
}

#[test]
fn a_second_login_while_the_first_is_worked_on_is_refused() {
    let mut script = Script::new();
    let conn = script.greet();
    script.say(conn, &login_message());
    script.say(conn, &login_message());
    assert_eq!(script.error(conn), (Code::OutOfOrder, false, 3));
    assert_eq!(script.asked.len(), 1);
    script.expect(RoleKind::Accounts, authenticate(), account());
    assert_eq!(script.heard(conn).len(), 1);
}

#[test]
fn an_answer_for_a_client_that_left_is_dropped() {
    let mut script = Script::new();
    let conn = script.greet();
    script.say(conn, &login_message());
    script.lose(conn);
    script.expect(RoleKind::Accounts, authenticate(), account());
    assert!(script.heard(conn).is_empty());
    assert_eq!(script.number("password_checks_in_flight"), 0.0);
}

#[test]
fn attempts_are_limited_by_address() {
    let limits =
        Limits { login_attempts_per_address_per_min: 2, registrations_per_address_per_hour: 1, ..Limits::default() };
    let mut script = Script::with(limits);
    let conn = script.greet();
    for _ in 0..2 {
        script.say(conn, &login_message());
        script.expect_outcome(RoleKind::Accounts, authenticate(), refused(Code::LoginFailed));
        script.heard(conn);
    }
    script.say(conn, &login_message());
    assert_eq!(script.error(conn), (Code::TooManyAttempts, false, 3));
    script.say(conn, &register());
    script.next_call();
    let other = script.greet();
    script.say(other, &register());
    assert_eq!(script.error(other), (Code::TooManyAttempts, false, 2));
    let elsewhere = script.open_from("192.0.2.2:9");
    script.say(elsewhere, &hello());
    script.say(elsewhere, &login_message());
    assert_eq!(script.asked.len(), 1);
    assert_eq!(script.number("login_attempts_per_address_per_min"), 1.0);
}

#[test]
fn registration_can_be_closed() {
    let mut script = Script::configured(Limits::default(), |config| config.registration_open = false);
    let conn = script.greet();
    script.say(conn, &register());
    assert_eq!(script.error(conn), (Code::RegistrationClosed, false, 2));
}

#[test]
fn a_huge_password_is_refused_at_the_door() {
    let mut script = Script::new();
    let conn = script.greet();
    let password = Password("x".repeat(5_000));
    script.say(conn, &ClientMessage::Login { account: "ann".to_owned(), password });
    assert_eq!(script.error(conn), (Code::LoginFailed, false, 3));
}

#[test]
fn passwords_are_checked_so_many_at_a_time_in_order_and_the_rest_waits_in_silence() {
    let limits = Limits { logins_in_flight_max: 1, login_queue_max: 2, ..Limits::default() };
    let mut script = Script::with(limits);
    let clients: Vec<_> = (0..4).map(|_| script.greet()).collect();
    for client in &clients {
        script.say(*client, &login_message());
    }
    assert_eq!(script.error(clients[3]), (Code::QueueFull, false, 3));
    script.pass(15);
    assert!(clients[..3].iter().all(|client| script.heard(*client).is_empty() && !script.is_over(*client)));
    assert_eq!(script.asked.len(), 1);
    script.expect(RoleKind::Accounts, authenticate(), account());
    script.lose(clients[1]);
    script.expect_outcome(RoleKind::Accounts, authenticate(), refused(Code::LoginFailed));
    script.expect(RoleKind::Accounts, authenticate(), account());
    assert!(matches!(script.heard(clients[2])[..], [ServerMessage::LoggedIn { .. }]));
}

#[test]
fn roles_are_made_deleted_and_restored() {
    let mut script = Script::new();
    let conn = script.log_in();
    let request = accounts::Request::CreateRole { account: ACCOUNT, realm: RealmNo(1), name: "Fu".to_owned() };
    script.say(conn, &ClientMessage::RoleCreate { name: "Fu".to_owned() });
    script.say(conn, &ClientMessage::RoleCreate { name: "Fu".to_owned() });
    assert_eq!(script.error(conn), (Code::OutOfOrder, false, 4), "one change at a time");
    script.expect_outcome(RoleKind::Accounts, request, refused(Code::NameTaken));
    assert_eq!(script.error(conn), (Code::NameTaken, false, 4));
    let (delete, restore) = (
        accounts::Request::DeleteRole { account: ACCOUNT, role: ROLE },
        accounts::Request::RestoreRole { account: ACCOUNT, role: ROLE },
    );
    let marked = accounts::Reply::Account {
        account: ACCOUNT,
        roles: vec![accounts::Role { id: ROLE, name: "Kua".to_owned(), deleted_at: 9 }],
    };
    script.say(conn, &ClientMessage::RoleDelete { role: ROLE });
    script.expect(RoleKind::Accounts, delete, marked);
    assert!(matches!(&script.heard(conn)[..], [ServerMessage::Roles { roles }] if roles[0].deleted_at_ms == 9));
    script.say(conn, &ClientMessage::RoleSelect { role: ROLE });
    assert_eq!(script.error(conn), (Code::RoleDeleting, false, 7));
    script.say(conn, &ClientMessage::RoleRestore { role: ROLE });
    script.expect(RoleKind::Accounts, restore, account());
    assert!(matches!(&script.heard(conn)[..], [ServerMessage::Roles { roles }] if roles.len() == 2));
}
