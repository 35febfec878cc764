//! Every transport on one port, as a client sees it.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use crate::common::*;
use bytes::Bytes;
use kuafu_core::{Code, Limits};
use kuafu_edge::CloseReason;
use rustls::pki_types::{PrivateKeyDer, ServerName};
use tokio_tungstenite::tungstenite::{self, Message, WebSocket, protocol::frame::coding::CloseCode};

fn tls_configs() -> (Arc<rustls::ServerConfig>, Arc<rustls::ClientConfig>) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let certificate = made.cert.der().clone();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let server = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate).unwrap();
    let client = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    (Arc::new(server), Arc::new(client))
}

fn connect_tls(
    edge: &TestEdge,
    client: &Arc<rustls::ClientConfig>,
) -> rustls::StreamOwned<rustls::ClientConnection, TcpStream> {
    let name = ServerName::try_from("localhost").unwrap();
    let connection = rustls::ClientConnection::new(Arc::clone(client), name).unwrap();
    rustls::StreamOwned::new(connection, connect(edge.address()))
}

fn upgrade<S: Read + Write>(stream: S) -> WebSocket<S> {
    tungstenite::client("ws://localhost/any/path", stream).map_err(|error| error.to_string()).unwrap().0
}

fn connect_websocket(edge: &TestEdge) -> WebSocket<TcpStream> {
    upgrade(connect(edge.address()))
}

/// The packet of the binary message that comes next.
fn next_binary<S: Read + Write>(client: &mut WebSocket<S>) -> Bytes {
    match client.read().unwrap() {
        Message::Binary(packet) => packet,
        other => panic!("{other:?}"),
    }
}

/// The client gets this Error and then a Close.
fn is_cut(client: &mut WebSocket<TcpStream>, code: Code) {
    assert_eq!(fatal_code(&next_binary(client)), code);
    assert!(matches!(client.read().unwrap(), Message::Close(Some(_))));
}

#[test]
fn one_port_speaks_tcp_websocket_and_both_inside_tls() {
    let (server, tls) = tls_configs();
    let edge = TestEdge::start_with(Limits::default(), 64, |config| config.tls = Some(server));

    let mut tcp = connect_tcp(edge.address());
    let conn = edge.opened();
    write_packet(&mut tcp, b"one");
    assert_eq!(edge.packets(conn, 1), [&b"one"[..]]);
    edge.handle.send(conn, Bytes::from_static(b"answer")).unwrap();
    assert_eq!(read_packet(&mut tcp).unwrap(), &b"answer"[..]);

    let mut websocket = connect_websocket(&edge);
    let conn = edge.opened();
    websocket.send(Message::binary(&b"two"[..])).unwrap();
    assert_eq!(edge.packets(conn, 1), [&b"two"[..]]);
    edge.handle.send(conn, Bytes::from(vec![5; 70_000])).unwrap();
    assert_eq!(next_binary(&mut websocket), vec![5; 70_000]);

    let mut secure = connect_tls(&edge, &tls);
    secure.write_all(b"KFU1\x05\0\0\0three").unwrap();
    let conn = edge.opened();
    assert_eq!(edge.packets(conn, 1), [&b"three"[..]]);
    for n in 0..50_u8 {
        edge.handle.send(conn, Bytes::from(vec![n; 5_000])).unwrap();
    }
    for n in 0..50_u8 {
        assert_eq!(read_packet(&mut secure).unwrap(), vec![n; 5_000]);
    }
    wait_for("all is written", || edge.handle.queued_bytes(conn) == 0);

    let mut both = upgrade(connect_tls(&edge, &tls));
    let conn = edge.opened();
    both.send(Message::binary(&b"four"[..])).unwrap();
    assert_eq!(edge.packets(conn, 1), [&b"four"[..]]);
    edge.handle.send(conn, Bytes::from_static(b"answer")).unwrap();
    assert_eq!(next_binary(&mut both), &b"answer"[..]);
}

#[test]
fn packets_of_one_read_come_as_one_event() {
    let edge = TestEdge::start(Limits::default());
    let mut client = connect(edge.address());
    client.write_all(b"KFU1\x01\0\0\0a\x01\0\0\0b\x02\0\0\0c").unwrap();
    let conn = edge.opened();
    assert_eq!(edge.packets(conn, 1), [&b"a"[..], b"b"]);
    client.write_all(b"d").unwrap();
    assert_eq!(edge.packets(conn, 1), [&b"cd"[..]]);
}

#[test]
fn a_websocket_ping_is_answered_and_pings_are_no_packets() {
    let edge = TestEdge::start(Limits::default());
    let mut client = connect_websocket(&edge);
    let conn = edge.opened();
    client.send(Message::Ping(Bytes::from_static(b"there?"))).unwrap();
    assert_eq!(client.read().unwrap(), Message::Pong(Bytes::from_static(b"there?")));
    client.send(Message::binary(&b"x"[..])).unwrap();
    assert_eq!(edge.packets(conn, 1), [&b"x"[..]]);
}

#[test]
fn a_websocket_close_is_answered_and_told() {
    let edge = TestEdge::start(Limits::default());
    let mut client = connect_websocket(&edge);
    let conn = edge.opened();
    client.close(None).unwrap();
    assert_eq!(edge.closed(), (conn, CloseReason::ByClient));
    assert!(matches!(client.read().unwrap(), Message::Close(_)));
    assert!(matches!(client.read(), Err(tungstenite::Error::ConnectionClosed)));
}

#[test]
fn a_closed_websocket_gets_the_error_and_a_close_frame() {
    let edge = TestEdge::start(Limits::default());
    let mut client = connect_websocket(&edge);
    edge.handle.close(edge.opened(), Code::Kicked, "out");
    assert_eq!(fatal_code(&next_binary(&mut client)), Code::Kicked);
    match client.read().unwrap() {
        Message::Close(Some(frame)) => assert_eq!(frame.code, CloseCode::Policy),
        other => panic!("{other:?}"),
    }
}

#[test]
fn websocket_text_is_refused() {
    let edge = TestEdge::start(Limits::default());
    let mut client = connect_websocket(&edge);
    let conn = edge.opened();
    client.send(Message::text("hello")).unwrap();
    is_cut(&mut client, Code::Malformed);
    assert_eq!(edge.closed(), (conn, CloseReason::Limit(Code::Malformed)));
}

#[test]
fn an_oversized_websocket_message_is_refused() {
    let edge = TestEdge::start(Limits::default());
    let mut client = connect_websocket(&edge);
    let conn = edge.opened();
    client.send(Message::binary(vec![1; 65_536])).unwrap();
    assert_eq!(edge.packets(conn, 1)[0].len(), 65_536);
    client.send(Message::binary(vec![1; 65_537])).unwrap();
    is_cut(&mut client, Code::FrameTooLarge);
}

#[test]
fn an_unmasked_websocket_frame_is_refused() {
    let edge = TestEdge::start(Limits::default());
    let mut client = connect_websocket(&edge);
    edge.opened();
    client.get_mut().write_all(&[0x82, 1, 9]).unwrap();
    is_cut(&mut client, Code::Malformed);
}

#[test]
fn a_fragmented_websocket_message_comes_whole() {
    use tungstenite::protocol::frame::{Frame, coding::Data, coding::OpCode};
    let edge = TestEdge::start(Limits::default());
    let mut client = connect_websocket(&edge);
    let conn = edge.opened();
    client.send(Message::Frame(Frame::message(&b"ab"[..], OpCode::Data(Data::Binary), false))).unwrap();
    client.send(Message::Ping(Bytes::new())).unwrap();
    client.send(Message::Frame(Frame::message(&b"cd"[..], OpCode::Data(Data::Continue), true))).unwrap();
    assert_eq!(edge.packets(conn, 1), [&b"abcd"[..]]);
}

#[test]
fn a_browser_that_opens_the_address_is_told_what_it_is() {
    let edge = TestEdge::start(Limits::default());
    let mut client = connect(edge.address());
    client.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 426") && answer.contains("game server"), "{answer}");
}

#[test]
fn strangers_and_tls_without_a_certificate_are_cut_without_a_word() {
    let edge = TestEdge::start(Limits::default());
    for first in [&b"\x16\x03\x01\x02\x00"[..], b"SSH-2.0-x\r\n", b"KFU2\0\0\0\0"] {
        let mut client = connect(edge.address());
        client.write_all(first).unwrap();
        let mut answer = Vec::new();
        // A reset is an end, too.
        let _ = client.read_to_end(&mut answer);
        assert_eq!(answer, b"");
    }
}
