//! Connections that break and come back.

use std::time::Duration;

use kuafu_client::{CallError, ClientError, Event, Loss, Options, Reconnect};
use kuafu_core::{Code, EntityId, TypeNo};
use kuafu_def::Part;
use kuafu_wire::{ClientMessage, ServerMessage};

use crate::fake::{FakeServer, event, fatal, frame, options, run, space_enter};

#[test]
fn a_broken_connection_is_resumed_with_the_newest_token_and_an_empty_view() {
    run(async {
        let server = FakeServer::tcp().await;
        let (mut client, mut peer) = server.player(options()).await;
        peer.say(&[space_enter()]).await;
        peer.say_packet(&frame(1, |frame| frame.enter(1, EntityId(77), TypeNo(2), &[0; 7], &[0]))).await;
        while !matches!(event(&mut client).await, Some(Event::EntityEntered { .. })) {}
        drop(peer);
        assert!(matches!(event(&mut client).await, Some(Event::Disconnected { .. })));
        assert!(!client.is_online());

        let (told, peer) = tokio::join!(event(&mut client), server.attaches(2, 3, true));
        assert!(matches!(told, Some(Event::Reconnected { tries: 1, by_login: false, .. })), "{told:?}");
        assert!(matches!(event(&mut client).await, Some(Event::Attached { retaken: true, .. })));
        assert_eq!(client.world().in_view(), 0);
        assert!(client.world().space().is_none());

        // The second break: the connection did not hold, so the tries count on; the token is the newer one.
        drop(peer);
        assert!(matches!(event(&mut client).await, Some(Event::Disconnected { .. })));
        let (told, _peer) = tokio::join!(event(&mut client), server.attaches(3, 4, true));
        assert!(matches!(told, Some(Event::Reconnected { .. })), "{told:?}");
        assert_eq!(client.stats().reconnects, 2);
    });
}

#[test]
fn calls_in_flight_end_as_unknown_when_the_connection_breaks() {
    run(async {
        let server = FakeServer::tcp().await;
        let (mut client, mut peer) = server.player(options()).await;
        let serve = async {
            peer.hear().await;
            drop(peer);
        };
        let arguments = [1.into()];
        let (result, ()) = tokio::join!(client.call(Part::Base, "buy", &arguments), serve);
        assert!(matches!(result, Err(CallError::Unknown { .. })), "{result:?}");
    });
}

#[test]
fn a_forgotten_token_leads_to_a_full_login() {
    run(async {
        let server = FakeServer::tcp().await;
        let (mut client, peer) = server.player(options()).await;
        drop(peer);
        assert!(matches!(event(&mut client).await, Some(Event::Disconnected { .. })));
        let serve = async {
            let mut peer = server.greeted().await;
            assert_eq!(peer.hear().await, ClientMessage::Attach { token: [2; 16] });
            peer.say(&[fatal(Code::TicketInvalid)]).await;
            drop(peer);
            server.logs_in(server.port(), 8).await;
            server.attaches(8, 9, false).await
        };
        let (told, _peer) = tokio::join!(event(&mut client), serve);
        assert!(matches!(told, Some(Event::Reconnected { by_login: true, .. })), "{told:?}");
        assert!(matches!(event(&mut client).await, Some(Event::Attached { retaken: false, .. })));
    });
}

#[test]
fn a_base_that_is_gone_is_replaced_by_the_one_that_the_login_names() {
    run(async {
        let (login, base, successor) = (FakeServer::tcp().await, FakeServer::tcp().await, FakeServer::tcp().await);
        let joining = async {
            let mut login = kuafu_client::Client::connect(login.target(), options()).await.expect("a login");
            login.login("anna", "sun-chaser").await.expect("logged in");
            login.enter(crate::fake::ROLE, |_, _| {}).await.expect("in the game")
        };
        let serving = async {
            login.logs_in(base.port(), 1).await;
            base.attaches(1, 2, false).await
        };
        let (mut client, peer) = tokio::join!(joining, serving);
        drop((base, peer));
        while !matches!(event(&mut client).await, Some(Event::Disconnected { .. })) {}
        let serving = async {
            login.logs_in(successor.port(), 5).await;
            successor.attaches(5, 6, false).await
        };
        let (told, _peer) = tokio::join!(event(&mut client), serving);
        assert!(matches!(told, Some(Event::Reconnected { tries: 1, by_login: true, .. })), "{told:?}");
    });
}

#[test]
fn a_kicked_player_stays_away() {
    run(async {
        let server = FakeServer::tcp().await;
        let (mut client, mut peer) = server.player(options()).await;
        peer.say(&[fatal(Code::LoggedInElsewhere)]).await;
        let told = event(&mut client).await;
        assert!(matches!(told, Some(Event::Kicked { code: 201, .. })), "{told:?}");
        assert!(client.next_event().await.is_none());
        assert!(client.next_event().await.is_none());
    });
}

#[test]
fn a_player_who_is_refused_on_the_way_back_stays_away() {
    run(async {
        let server = FakeServer::tcp().await;
        let (mut client, mut peer) = server.player(options()).await;
        peer.say(&[fatal(Code::ServerStopping)]).await;
        let told = event(&mut client).await;
        assert!(matches!(told, Some(Event::Disconnected { reason: Loss::Told { code: 10, .. } })), "{told:?}");
        let serve = async {
            let mut peer = server.greeted().await;
            peer.hear().await;
            peer.say(&[fatal(Code::AccountBanned)]).await;
        };
        let (told, ()) = tokio::join!(event(&mut client), serve);
        assert!(matches!(told, Some(Event::Kicked { code: 111, .. })), "{told:?}");
        assert!(client.next_event().await.is_none());
    });
}

#[test]
fn tries_to_come_back_are_bounded() {
    run(async {
        let server = FakeServer::tcp().await;
        let reconnect =
            Reconnect { tries_max: 3, wait_min: Duration::from_millis(1), wait_max: Duration::from_millis(4) };
        let (mut client, peer) = server.player(Options { reconnect, ..options() }).await;
        drop((server, peer));
        assert!(matches!(event(&mut client).await, Some(Event::Disconnected { .. })));
        let told = event(&mut client).await;
        assert!(matches!(told, Some(Event::GaveUp(ClientError::Lost(Loss::Io(_))))), "{told:?}");
        assert!(client.next_event().await.is_none());
    });
}

#[test]
fn without_tries_a_break_is_the_end() {
    run(async {
        let server = FakeServer::tcp().await;
        let (mut client, peer) = server.player(Options { reconnect: Reconnect::NEVER, ..options() }).await;
        drop(peer);
        assert!(matches!(event(&mut client).await, Some(Event::Disconnected { .. })));
        assert!(client.next_event().await.is_none());
    });
}

#[test]
fn a_player_who_leaves_waits_until_the_server_has_saved() {
    run(async {
        let server = FakeServer::tcp().await;
        let (client, mut peer) = server.player(options()).await;
        let serve = async {
            assert_eq!(peer.hear().await, ClientMessage::Bye);
            peer.say(&[ServerMessage::SeeYou]).await;
            peer.closed().await;
        };
        let (left, ()) = tokio::join!(client.leave(), serve);
        assert!(left.is_ok(), "{left:?}");
    });
}
