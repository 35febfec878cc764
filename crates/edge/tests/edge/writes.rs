//! What is written to clients: order, bounds, last words, and connection numbers that never lead astray.

use std::io::Write;
use std::net::TcpStream;

use crate::common::*;
use bytes::Bytes;
use kuafu_core::{Code, Limits};
use kuafu_edge::{CloseReason, ConnId, EdgeCommand, EdgeEvent, SendError};

fn numbered(n: u32, length: usize) -> Bytes {
    let mut packet = n.to_le_bytes().to_vec();
    packet.resize(length, 7);
    packet.into()
}

/// Sends until the queue is full; gives how many packets were taken.
fn fill(edge: &TestEdge, conn: ConnId) -> u32 {
    let mut sent = 0;
    loop {
        match edge.handle.send(conn, numbered(sent, 10_000)) {
            Ok(()) => sent += 1,
            Err(error) => {
                assert_eq!(error, SendError::Full);
                return sent;
            }
        }
        assert!(sent < 100_000, "nothing bounds the queue");
    }
}

fn slow_reader(direct_writes: bool) {
    let limits = Limits { write_queue_bytes_max: 100_000, ..Limits::default() };
    let edge = TestEdge::start_with(limits, 64, |config| config.direct_writes = direct_writes);
    let mut client = connect_tcp(edge.address());
    let conn = edge.opened();
    let mut sent = 0;
    // The task may still move what waits into the socket: full is when it stays full.
    for _ in 0..50 {
        sent += fill(&edge, conn);
        std::thread::yield_now();
    }
    let queued = edge.handle.queued_bytes(conn);
    assert!((80_000..=100_000).contains(&queued), "{queued}");
    let mut seen = 0;
    while seen < sent {
        let packet = read_packet(&mut client).expect("a packet");
        assert_eq!(packet.len(), 10_000);
        seen += 1;
    }
    wait_for("the queue is empty", || edge.handle.queued_bytes(conn) == 0);
    edge.handle.send(conn, Bytes::from_static(b"on")).unwrap();
    assert_eq!(read_packet(&mut client).unwrap(), &b"on"[..]);
}

#[test]
fn a_slow_reader_hits_the_bound_and_gets_all_that_was_taken() {
    slow_reader(true);
    slow_reader(false);
}

#[test]
fn packets_keep_their_order_between_direct_writes_and_the_queue() {
    for direct_writes in [true, false] {
        let edge = TestEdge::start_with(Limits::default(), 64, |config| config.direct_writes = direct_writes);
        let mut client = connect_tcp(edge.address());
        let conn = edge.opened();
        let handle = edge.handle.clone();
        let sender = std::thread::spawn(move || {
            for n in 0..20_000 {
                while handle.send(conn, numbered(n, 400)) == Err(SendError::Full) {
                    std::thread::yield_now();
                }
            }
        });
        for n in 0..20_000 {
            assert_eq!(read_packet(&mut client).unwrap(), numbered(n, 400));
        }
        sender.join().unwrap();
    }
}

#[test]
fn a_packet_above_the_bound_is_taken_when_nothing_waits() {
    let edge = TestEdge::start(Limits { write_queue_bytes_max: 1_000, ..Limits::default() });
    let mut client = connect_tcp(edge.address());
    let conn = edge.opened();
    let schema = numbered(1, 3_000_000);
    edge.handle.send(conn, schema.clone()).unwrap();
    assert_eq!(edge.handle.send(conn, numbered(2, 10)), Err(SendError::Full));
    assert_eq!(read_packet(&mut client).unwrap(), schema);
}

#[test]
fn closing_delivers_what_waits_first() {
    let edge = TestEdge::start(Limits { write_queue_bytes_max: 50_000_000, ..Limits::default() });
    let mut client = connect_tcp(edge.address());
    let conn = edge.opened();
    for n in 0..400 {
        edge.handle.send(conn, numbered(n, 50_000)).unwrap();
    }
    assert!(edge.handle.queued_bytes(conn) > 0);
    edge.handle.execute(EdgeCommand::Close { conn, code: Code::ServerStopping, text: "bye".to_owned() });
    assert_eq!(edge.handle.send(conn, numbered(400, 10)), Err(SendError::Gone));
    for n in 0..400 {
        assert_eq!(read_packet(&mut client).unwrap(), numbered(n, 50_000));
    }
    assert_eq!(fatal_code(&read_packet(&mut client).unwrap()), Code::ServerStopping);
    assert!(read_packet(&mut client).is_none());
    assert_eq!(edge.closed(), (conn, CloseReason::ByRole));
}

#[test]
fn finishing_says_nothing_of_its_own_and_survives_unread_input() {
    let edge = TestEdge::start(Limits::default());
    let mut client = connect_tcp(edge.address());
    let conn = edge.opened();
    edge.handle.send(conn, Bytes::from_static(b"see you")).unwrap();
    for _ in 0..50 {
        write_packet(&mut client, b"still talking");
    }
    edge.handle.finish(conn);
    assert_eq!(read_packet(&mut client).unwrap(), &b"see you"[..]);
    assert!(read_packet(&mut client).is_none());
    assert_eq!(edge.closed().1, CloseReason::ByRole);
}

#[test]
fn a_client_that_takes_nothing_is_cut_after_its_time() {
    let edge = TestEdge::start(Limits { write_queue_bytes_max: 100_000, ..Limits::default() });
    let _client = connect_tcp(edge.address());
    let conn = edge.opened();
    fill(&edge, conn);
    loop {
        // Without a budget of its own a role leaves the decision to the handle.
        edge.handle.execute(EdgeCommand::Send { conn, bytes: numbered(0, 10_000) });
        if let Ok(EdgeEvent::Closed { reason, .. }) = edge.events.try_recv() {
            assert_eq!(reason, CloseReason::ByRole);
            break;
        }
    }
    wait_for("the socket is given up", || edge.number("edge_connections") == 0);
    assert_eq!(edge.handle.queued_bytes(conn), 0);
}

#[test]
fn stopping_tells_every_client_and_frees_the_port() {
    let edge = TestEdge::start(Limits::default());
    let mut clients: Vec<TcpStream> = (0..20).map(|_| connect_tcp(edge.address())).collect();
    for _ in 0..20 {
        edge.opened();
    }
    let readers: Vec<_> = clients
        .drain(..)
        .map(|mut client| std::thread::spawn(move || ends_with(&mut client, Code::ServerStopping)))
        .collect();
    edge.stop();
    for reader in readers {
        reader.join().unwrap();
    }
    assert_eq!(edge.number("edge_connections"), 0);
    std::net::TcpListener::bind(edge.address()).expect("the port is free");
}

#[test]
fn a_thousand_connections_come_and_go_without_a_leak_and_old_numbers_reach_nobody() {
    let edge = TestEdge::start(Limits { connections_max: 150, ..Limits::default() });
    let mut old: Vec<ConnId> = Vec::new();
    for _ in 0..10 {
        let clients: Vec<TcpStream> = (0..100).map(|_| connect_tcp(edge.address())).collect();
        let conns: Vec<ConnId> = (0..100).map(|_| edge.opened()).collect();
        assert!(conns.iter().all(|conn| conn.index() < 150 && !old.contains(conn)));
        old.extend(&conns);
        drop(clients);
        for _ in 0..100 {
            assert_eq!(edge.closed().1, CloseReason::ByClient);
        }
        wait_for("all are gone", || edge.number("edge_connections") == 0);
    }
    let mut clients: Vec<TcpStream> = (0..150).map(|_| connect_tcp(edge.address())).collect();
    let conns: Vec<ConnId> = (0..150).map(|_| edge.opened()).collect();
    for conn in old {
        assert_eq!(edge.handle.send(conn, Bytes::from_static(b"astray")), Err(SendError::Gone));
        edge.handle.close(conn, Code::Kicked, "astray");
    }
    for conn in &conns {
        edge.handle.send(*conn, Bytes::from_static(b"here")).unwrap();
    }
    for client in &mut clients {
        assert_eq!(read_packet(client).unwrap(), &b"here"[..]);
    }
}

#[test]
fn a_client_that_leaves_in_the_middle_of_a_packet_is_only_gone() {
    let edge = TestEdge::start(Limits::default());
    let mut client = connect_tcp(edge.address());
    let conn = edge.opened();
    client.write_all(b"\x10\0\0\0half").unwrap();
    drop(client);
    assert_eq!(edge.closed(), (conn, CloseReason::ByClient));
}
