//! Hello, order, malformed bytes, and time.

use bytes::Bytes;
use kuafu_core::{Code, Limits};
use kuafu_edge::ConnId;
use kuafu_wire::{ClientMessage, ServerMessage};

use crate::script::*;

fn hello_with(version: u16, flags: u8, digest: [u8; 16]) -> (Script, ConnId) {
    let mut script = Script::new();
    let conn = script.open();
    script.say(conn, &ClientMessage::Hello { version, flags, digest, name: String::new() });
    (script, conn)
}

#[test]
fn hello_is_welcomed_with_the_schema_when_asked_for() {
    let welcome = ServerMessage::Welcome {
        version: 1,
        digest: DIGEST,
        idle_ms: 30_000,
        heartbeat_ms: 5_000,
        name: "plaza".to_owned(),
    };
    let (mut script, conn) = hello_with(1, 0, DIGEST);
    assert_eq!(script.heard(conn), std::slice::from_ref(&welcome));
    let (mut script, conn) = hello_with(1, 0xff, [0; 16]);
    let schema = ServerMessage::Schema { json: "{\"types\":[]}".to_owned() };
    assert_eq!(script.heard(conn), [welcome, schema]);
}

#[test]
fn another_version_or_digest_ends_the_connection() {
    let (mut script, conn) = hello_with(2, 0, DIGEST);
    assert_eq!(script.error(conn), (Code::ProtocolVersion, true, 1));
    let (mut script, conn) = hello_with(1, 0, [1; 16]);
    assert_eq!(script.error(conn), (Code::DigestMismatch, true, 1));
}

#[test]
fn whatever_comes_before_hello_ends_the_connection() {
    let mut script = Script::new();
    let conn = script.open();
    script.say(conn, &login_message());
    assert_eq!(script.error(conn), (Code::OutOfOrder, true, 3));
    assert!(script.asked.is_empty());
    script.say(conn, &hello());
    assert!(script.heard(conn).is_empty(), "it is over");
}

#[test]
fn messages_out_of_order_are_refused_and_change_nothing() {
    let mut script = Script::new();
    let conn = script.greet();
    for (message, code) in [
        (hello(), Code::OutOfOrder),
        (ClientMessage::RoleCreate { name: "Kua".to_owned() }, Code::NotLoggedIn),
        (ClientMessage::RoleSelect { role: ROLE }, Code::NotLoggedIn),
        (ClientMessage::Attach { token: [0; 16] }, Code::OutOfOrder),
    ] {
        script.say(conn, &message);
        let (told, fatal, _) = script.error(conn);
        assert_eq!((told, fatal), (code, false));
    }
    assert!(script.asked.is_empty());
    script.say(conn, &login_message());
    script.expect(kuafu_contract::RoleKind::Accounts, authenticate(), account());
    script.heard(conn);
    script.say(conn, &login_message());
    assert_eq!(script.error(conn), (Code::OutOfOrder, false, 3));
}

#[test]
fn malformed_bytes_end_the_connection_in_any_state() {
    for state in 0..4 {
        let mut script = Script::new();
        let conn = match state {
            0 => script.open(),
            1 => script.greet(),
            2 => script.log_in(),
            _ => script.select(),
        };
        script.say_raw(conn, Bytes::from_static(&[0x03, 0xff, 0xff, 0xff]));
        assert_eq!(script.error(conn), (Code::Malformed, true, 0));
        script.say(conn, &login_message());
        assert!(script.heard(conn).is_empty());
    }
}

#[test]
fn messages_after_the_one_that_ended_the_connection_are_not_read() {
    let mut script = Script::new();
    let conn = script.greet();
    script.say_raw(conn, Bytes::from_static(&[0x15, 0, 0x03, 0xff]));
    assert!(script.is_over(conn));
    assert!(script.heard(conn).is_empty());
}

#[test]
fn a_ping_is_answered_in_any_state() {
    let mut script = Script::new();
    for conn in [script.greet(), script.log_in(), script.select()] {
        script.say(conn, &ClientMessage::Ping { clock_ms: 4.5 });
        assert_eq!(script.heard(conn), [ServerMessage::Pong { clock_ms: 4.5, space_time_ms: 0.0, held_us: 0 }]);
    }
}

#[test]
fn a_client_that_does_not_log_in_is_closed_in_time_however_often_it_pings() {
    let mut script = Script::with(Limits { handshake_ms_max: 5_000, ..Limits::default() });
    let (silent, logged_in) = (script.greet(), script.log_in());
    for _ in 0..5 {
        assert!(!script.is_over(silent));
        script.say(silent, &ClientMessage::Ping { clock_ms: 0.0 });
        script.heard(silent);
        script.pass(1);
    }
    assert_eq!(script.error(silent), (Code::Idle, true, 0));
    script.pass(60);
    assert!(!script.is_over(logged_in));
}
