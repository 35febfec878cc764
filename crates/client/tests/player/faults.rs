//! Servers that misbehave.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use kuafu_client::{Event, Loss, NotSent, Options, Reconnect, Transport};
use kuafu_core::{Chance, EntityId, Limits, TypeNo};
use kuafu_wire::{ClientMessage, ServerMessage};

use crate::fake::{FakeServer, event, frame, options, run, space_enter};

fn lost(told: &Option<Event>) -> &Loss {
    let Some(Event::Disconnected { reason }) = told else { panic!("disconnected, not {told:?}") };
    reason
}

#[test]
fn what_cannot_be_read_ends_the_connection_and_the_client_comes_back() {
    let sick: [&[u8]; 6] = [
        b"\x91\x01\x07",
        b"\x91\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
        b"\x94\x05\x01\x63\x00\x00\x06",
        b"\x95\x01\x63",
        // An entity of a type that nobody knows; a change that fits no value.
        b"\x91\x11\x01\x01\x02\x01\x01\x01\x63\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00",
        b"\x94\x06\x01\x02\x02\x01\x09\x00",
    ];
    for packet in sick {
        run(async {
            let server = FakeServer::tcp().await;
            let (mut client, mut peer) = server.player(options()).await;
            peer.say_packet(packet).await;
            let told = event(&mut client).await;
            assert!(matches!(lost(&told), Loss::Malformed(_) | Loss::Misfit(_)), "{told:?}");
            let (told, _peer) = tokio::join!(event(&mut client), server.attaches(2, 3, true));
            assert!(matches!(told, Some(Event::Reconnected { .. })), "{told:?}");
        });
    }
}

#[test]
fn a_packet_above_the_limit_is_not_waited_for() {
    run(async {
        let server = FakeServer::tcp().await;
        let (mut client, mut peer) = server.player(options()).await;
        peer.say_raw(Bytes::from_static(&[0xff, 0xff, 0xff, 0x7f, 1])).await;
        let told = event(&mut client).await;
        assert!(matches!(lost(&told), Loss::Malformed(_)), "{told:?}");
    });
}

#[test]
fn a_text_over_web_socket_ends_the_connection() {
    run(async {
        let server = FakeServer::new(Transport::WebSocket).await;
        let (mut client, mut peer) = server.player(options()).await;
        peer.say_text("hello").await;
        let told = event(&mut client).await;
        assert!(matches!(lost(&told), Loss::WebSocket(_)), "{told:?}");
    });
}

#[test]
fn a_server_that_always_sends_nonsense_is_given_up() {
    run(async {
        let server = FakeServer::tcp().await;
        // A connection must hold for `wait_max` to count as new, so that quick failures add up.
        let reconnect =
            Reconnect { tries_max: 3, wait_min: Duration::from_millis(1), wait_max: Duration::from_secs(60) };
        let (mut client, mut peer) = server.player(Options { reconnect, ..options() }).await;
        let nonsense = b"\x91\x01\x07";
        peer.say_packet(nonsense).await;
        let serve = async {
            for _ in 0..3 {
                let mut peer = server.attaches(2, 2, true).await;
                peer.say_packet(nonsense).await;
                peer.closed().await;
            }
        };
        let watch = async {
            let mut ends = 0;
            loop {
                match event(&mut client).await.expect("it ends with a word") {
                    Event::Disconnected { .. } => ends += 1,
                    Event::GaveUp(_) => return ends,
                    _ => {}
                }
            }
        };
        let (ends, ()) = tokio::join!(watch, serve);
        assert_eq!(ends, 4);
    });
}

#[test]
fn random_bytes_never_harm_the_client() {
    run(async {
        let server = FakeServer::tcp().await;
        let mut chance = Chance::from_seed(5);
        let reconnect =
            Reconnect { tries_max: 1_000, wait_min: Duration::from_micros(10), wait_max: Duration::from_micros(20) };
        let (mut client, mut peer) = server.player(Options { reconnect, ..options() }).await;
        let sound = frame(1, |frame| {
            frame.enter(0, EntityId(7), TypeNo(1), &[0; 7], &[1, 4, 80, 0]);
            frame.movement(&[1], |_| [1; 7]);
            frame.state(0, &[1, 4, 0, 0, 81, 0]);
        });
        for _ in 0..200 {
            let mut packet = sound.to_vec();
            for _ in 0..3 {
                let at = chance.between(0, packet.len() as i64 - 1) as usize;
                packet[at] = chance.u64() as u8;
            }
            peer.say_packet(&packet).await;
            // The marker, or the end of the connection.
            peer.say(&[space_enter()]).await;
            let broken = loop {
                match event(&mut client).await.expect("the game goes on") {
                    Event::SpaceEntered { .. } => break false,
                    Event::Disconnected { .. } => break true,
                    _ => {}
                }
            };
            if broken {
                let (_, next) = tokio::join!(event(&mut client), server.attaches(2, 2, true));
                peer = next;
            }
        }
    });
}

#[test]
fn a_silent_server_is_left() {
    run(async {
        let server = FakeServer::tcp().await;
        let client = async {
            let mut login = kuafu_client::Client::connect(server.target(), options()).await.expect("a login");
            login.login("anna", "sun-chaser").await.expect("logged in");
            let mut client = login.enter(crate::fake::ROLE, |_, _| {}).await.expect("in the game");
            event(&mut client).await;
            event(&mut client).await
        };
        let serve = async {
            server.logs_in(server.port(), 1).await;
            let mut peer = server.accept().await;
            peer.hear().await;
            peer.say(&[server.welcome(100, 150)]).await;
            peer.hear().await;
            peer.say(&[server.attached(2, false)]).await;
            let mut pings = 0;
            while let Some(message) = peer.hear_any().await {
                pings += u32::from(matches!(message, ClientMessage::Ping { .. }));
            }
            pings
        };
        let (told, pings) = tokio::join!(client, serve);
        assert_eq!(lost(&told), &Loss::Silent);
        assert!(pings >= 2, "a silent server is pinged before it is left: {pings}");
    });
}

#[test]
fn a_server_that_does_not_read_fills_a_bounded_queue_and_nothing_is_torn() {
    run(async {
        let server = FakeServer::tcp().await;
        let limits = Limits { write_queue_bytes_max: 20_000, packet_bytes_max: 1_000, ..Limits::default() };
        let (mut client, mut peer) = server.player(Options { limits, ..options() }).await;
        peer.say(&[space_enter()]).await;
        event(&mut client).await;
        let mut sent = 0;
        let full = loop {
            match client.move_to([sent as f32, 0.0, 0.0], 0.0) {
                Ok(sequence) => sent = sequence,
                Err(full) => break full,
            }
            if sent % 100 == 0 {
                // Lets what the system takes leave.
                poll_fn(|cx| Poll::Ready(client.poll_event(cx).is_ready())).await;
            }
        };
        let NotSent::QueueFull(waiting) = full else { panic!("the queue is full, not {full:?}") };
        assert!((20_000..22_000).contains(&waiting), "{waiting}");
        let reading = async {
            for wanted in 1..=sent {
                let ClientMessage::Move { sequence, .. } = peer.hear().await else { panic!("a move") };
                assert_eq!(sequence, wanted);
            }
        };
        tokio::select! {
            () = reading => {}
            told = event(&mut client) => panic!("nothing happens, not {told:?}"),
        }
        assert!(client.move_to([0.0; 3], 0.0).is_ok());
    });
}

#[test]
fn events_that_nobody_takes_are_dropped_and_counted() {
    run(async {
        let server = FakeServer::tcp().await;
        let (mut client, mut peer) = server.player(Options { events_max: 4, ..options() }).await;
        peer.say(&[space_enter()]).await;
        event(&mut client).await;
        let crowd = frame(1, |frame| {
            (1..=10).for_each(|slot| frame.enter(slot, EntityId(u64::from(slot)), TypeNo(2), &[0; 7], &[0]));
        });
        peer.say_packet(&crowd).await;
        let first = event(&mut client).await;
        assert!(matches!(first, Some(Event::EntityEntered { slot: 7, .. })), "{first:?}");
        assert_eq!(client.stats().events_dropped, 6);
        assert_eq!(client.world().in_view(), 10);
    });
}

#[test]
fn a_future_that_is_dropped_loses_nothing() {
    run(async {
        let server = FakeServer::tcp().await;
        let (mut client, mut peer) = server.player(options()).await;
        let stream = {
            let mut stream = bytes::BytesMut::new();
            for sequence in 1..=20 {
                let packet = frame(sequence, |frame| {
                    frame.enter(sequence as u16, EntityId(sequence), TypeNo(2), &[0; 7], &[0]);
                });
                let at = kuafu_wire::begin_packet(&mut stream);
                stream.extend_from_slice(&packet);
                kuafu_wire::end_packet(&mut stream, at);
            }
            stream
        };
        peer.say(&[space_enter()]).await;
        let mut entered = 0;
        for piece in stream.chunks(3) {
            peer.say_raw(piece).await;
            // Each poll belongs to a future of its own, which is then dropped.
            let polled = poll_fn(|cx| {
                let next = std::pin::pin!(client.next_event());
                Poll::Ready(std::future::Future::poll(next, cx))
            });
            entered += u64::from(matches!(polled.await, Poll::Ready(Some(Event::EntityEntered { .. }))));
        }
        peer.say(&[ServerMessage::SpaceLeave]).await;
        loop {
            match event(&mut client).await {
                Some(Event::EntityEntered { .. }) => entered += 1,
                Some(Event::SpaceLeft) => break,
                other => assert!(matches!(other, Some(Event::SpaceEntered { .. })), "{other:?}"),
            }
        }
        assert_eq!((entered, client.stats().gaps), (20, 0));
    });
}
