//! Every bound on what a client does to a listener, with the code that the client is told.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::common::*;
use kuafu_core::{Code, Limits};
use kuafu_edge::{CloseReason, Edge, EdgeConfig, EdgeError, EdgeEvent};

#[test]
fn a_port_in_use_is_an_error_with_address_and_advice() {
    let edge = TestEdge::start(Limits::default());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (sender, _events) = crossbeam_channel::bounded(1);
    let error = Edge::listen(EdgeConfig::new(edge.address(), "login"), sender, runtime.handle()).unwrap_err();
    assert!(matches!(&error, EdgeError::AddressInUse { address, .. } if *address == edge.address()));
    let text = error.to_string();
    assert!(text.contains(&edge.address().to_string()) && text.contains("--port-base"), "{text}");
}

#[test]
fn a_packet_above_the_limit_is_told_and_cut() {
    let edge = TestEdge::start(Limits { packet_bytes_max: 100, ..Limits::default() });
    let mut client = connect_tcp(edge.address());
    let conn = edge.opened();
    write_packet(&mut client, &[0; 100]);
    assert_eq!(edge.packets(conn, 1)[0].len(), 100);
    client.write_all(&101_u32.to_le_bytes()).unwrap();
    ends_with(&mut client, Code::FrameTooLarge);
    assert_eq!(edge.closed(), (conn, CloseReason::Limit(Code::FrameTooLarge)));
}

#[test]
fn a_flood_is_cut_after_two_seconds_worth() {
    let edge = TestEdge::start(Limits { packets_per_second_max: 10, ..Limits::default() });
    let mut client = connect_tcp(edge.address());
    let conn = edge.opened();
    for _ in 0..20 {
        write_packet(&mut client, b"x");
    }
    assert_eq!(edge.packets(conn, 20).len(), 20);
    let flood: Vec<u8> = [1, 0, 0, 0, 9].repeat(5_000);
    // The server may stop reading before all is written.
    let _ = client.write_all(&flood);
    ends_with(&mut client, Code::RateExceeded);
    assert_eq!(edge.closed(), (conn, CloseReason::Limit(Code::RateExceeded)));
    assert_eq!(edge.number("edge_cut_total"), 1);
}

#[test]
fn a_client_that_never_logs_in_times_out_even_when_it_talks() {
    let edge = TestEdge::start(Limits { handshake_ms_max: 150, ..Limits::default() });
    let mut client = connect_tcp(edge.address());
    let conn = edge.opened();
    write_packet(&mut client, b"hello");
    ends_with(&mut client, Code::Idle);
    assert_eq!(edge.closed(), (conn, CloseReason::Limit(Code::Idle)));
}

#[test]
fn half_a_handshake_times_out_and_never_reaches_the_role() {
    let edge = TestEdge::start(Limits { handshake_ms_max: 150, ..Limits::default() });
    for half in [&b""[..], b"GET / HTTP/1.1\r\nHost"] {
        let mut client = connect(edge.address());
        client.write_all(half).unwrap();
        let mut rest = Vec::new();
        let _ = client.read_to_end(&mut rest);
        assert_eq!(rest, b"");
    }
    wait_for("both are gone", || edge.number("edge_closed_total") == 2);
    assert!(edge.events.try_recv().is_err());
}

#[test]
fn an_established_client_may_pause_but_not_for_longer_than_idle() {
    let limits = Limits { handshake_ms_max: 100, idle_ms_max: 400, ..Limits::default() };
    let edge = TestEdge::start(limits);
    let mut client = connect_tcp(edge.address());
    let conn = edge.opened();
    edge.handle.establish(conn);
    let start = std::time::Instant::now();
    let mut last = start;
    while start.elapsed().as_millis() < 600 {
        write_packet(&mut client, b"alive");
        edge.packets(conn, 1);
        last = std::time::Instant::now();
        std::thread::park_timeout(std::time::Duration::from_millis(50));
    }
    ends_with(&mut client, Code::Idle);
    assert!(last.elapsed().as_millis() >= 300, "{:?}", last.elapsed());
    assert_eq!(edge.closed(), (conn, CloseReason::Limit(Code::Idle)));
}

#[test]
fn a_packet_that_never_ends_is_no_sign_of_life() {
    let edge = TestEdge::start(Limits { idle_ms_max: 200, ..Limits::default() });
    let mut client = connect_tcp(edge.address());
    edge.handle.establish(edge.opened());
    client.write_all(&1000_u32.to_le_bytes()).unwrap();
    let mut crumbs = client.try_clone().unwrap();
    let feeder = std::thread::spawn(move || {
        while crumbs.write_all(b".").is_ok() {
            std::thread::park_timeout(std::time::Duration::from_millis(20));
        }
    });
    ends_with(&mut client, Code::Idle);
    client.shutdown(std::net::Shutdown::Both).unwrap();
    feeder.join().unwrap();
}

#[test]
fn an_address_has_its_share_of_connections() {
    let limits = Limits { loopback: true, connections_per_address_max: 2, ..Limits::default() };
    let edge = TestEdge::start(limits);
    let clients: Vec<TcpStream> = (0..2).map(|_| connect_tcp(edge.address())).collect();
    // Each is agreed on by a task of its own, so either may be the first.
    let mut conns = [edge.opened(), edge.opened()];
    conns.sort();
    let mut third = connect_tcp(edge.address());
    ends_with(&mut third, Code::TooManyConnections);
    assert_eq!(edge.number("edge_refused_total"), 1);
    drop(clients);
    let mut gone = [edge.closed().0, edge.closed().0];
    gone.sort();
    assert_eq!(gone, conns);
    wait_for("their places are free", || edge.number("edge_connections") == 0);
    let _again = connect_tcp(edge.address());
    edge.opened();
}

#[test]
fn loopback_is_exempt_unless_configured_but_the_total_holds() {
    let limits = Limits { connections_per_address_max: 1, connections_max: 3, ..Limits::default() };
    let edge = TestEdge::start(limits);
    let _clients: Vec<TcpStream> = (0..3).map(|_| connect_tcp(edge.address())).collect();
    for _ in 0..3 {
        edge.opened();
    }
    ends_with(&mut connect_tcp(edge.address()), Code::Busy);
}

#[test]
fn a_full_mailbox_makes_clients_wait_and_loses_nothing() {
    let limits = Limits { packets_per_second_max: 100_000, ..Limits::default() };
    let edge = TestEdge::start_with(limits, 1, |_| ());
    let mut client = connect_tcp(edge.address());
    let writer = std::thread::spawn(move || {
        for n in 0..5_000_u32 {
            write_packet(&mut client, &n.to_le_bytes());
        }
        client
    });
    let conn = edge.opened();
    wait_for("the mailbox is full", || edge.events.is_full());
    let packets = edge.packets(conn, 5_000);
    assert!(packets.iter().enumerate().all(|(n, packet)| packet[..] == (n as u32).to_le_bytes()));
    drop(writer.join().unwrap());
    assert!(matches!(edge.next(), EdgeEvent::Closed { .. }));
}

#[test]
fn a_full_mailbox_does_not_hold_the_listener_up() {
    let edge = TestEdge::start_with(Limits::default(), 1, |_| ());
    let _first = connect_tcp(edge.address());
    wait_for("the mailbox is full", || edge.events.is_full());
    let mut others: Vec<TcpStream> = (0..50).map(|_| connect(edge.address())).collect();
    for other in &mut others {
        other.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
        let mut answer = [0; 12];
        other.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"HTTP/1.1 426");
    }
}
