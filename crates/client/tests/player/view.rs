//! What the player sees.

use std::collections::BTreeMap;

use kuafu_client::{Client, Entity, Event, Transport};
use kuafu_core::{EntityId, PropertyNo, TypeNo, Value};
use kuafu_def::{EntityType, value_to_json};
use kuafu_wire::{ClientMessage, ServerMessage};
use serde_json::{Value as Json, json};

use crate::fake::{FakeServer, OWN, ROLE, event, frame, options, run, space_enter, vectors};

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("hexadecimal")).collect()
}

fn properties<'v>(ty: &EntityType, properties: impl Iterator<Item = (PropertyNo, &'v Value)>) -> Json {
    let named = properties.map(|(no, value)| {
        let property = ty.property(no).expect("a known property");
        (property.name.clone(), value_to_json(&property.ty, value))
    });
    Json::Object(named.collect())
}

fn seen(entity: Entity<'_>) -> Json {
    json!({
        "slot": entity.slot,
        "entity": entity.id.0,
        "type": entity.ty.name,
        "position": entity.position,
        "yaw_steps": (entity.yaw / std::f32::consts::TAU * 256.0).round() as u8,
        "properties": properties(entity.ty, entity.properties()),
    })
}

/// What a client knows, in the form of the vectors.
fn known(client: &Client, calls: &[Json]) -> Json {
    let world = client.world();
    let own = world.own().map(|own| {
        json!({
            "entity": own.id.0, "type": own.ty.name, "record": own.record.0,
            "properties": properties(&own.ty, own.properties()),
        })
    });
    json!({
        "own": own,
        "space": world.space().map(|space| space.name.to_string()),
        "sequence": world.sequence(),
        "entities": world.entities().map(seen).collect::<Vec<_>>(),
        "calls": calls,
    })
}

/// Takes events until the client has read everything up to the marker, a complaint of code 1.
async fn until_marker(client: &mut Client) -> Vec<Json> {
    let mut calls = Vec::new();
    loop {
        match client.next_event().await.expect("the game goes on") {
            Event::Complaint { code: 1, .. } => return calls,
            Event::Called { entity, name, method, arguments } => {
                let ty = client.schema().get(TypeNo(1)).expect("avatar");
                let declared = &ty.method(method).expect("a method").arguments;
                let arguments: Json = declared.iter().zip(&arguments).map(|(a, v)| value_to_json(&a.ty, v)).collect();
                calls.push(json!({ "entity": entity.0, "method": &*name, "arguments": arguments }));
            }
            Event::Disconnected { reason } => panic!("disconnected: {reason}"),
            _ => {}
        }
    }
}

/// Replays the vectors: eleven packets on one connection, then two on the next.
async fn replay(transport: Transport) {
    let server = FakeServer::new(transport).await;
    let steps = vectors()["steps"].as_array().expect("steps").clone();
    let packet = |step: &Json| unhex(step["hex"].as_str().expect("hex"));
    let take = async |token: u8, step: &Json| {
        let mut peer = server.greeted().await;
        assert_eq!(peer.hear().await, ClientMessage::Attach { token: [token; 16] });
        peer.say_packet(&packet(step)).await;
        peer
    };
    let joining = async {
        let mut login = Client::connect(server.target(), options()).await.expect("a login");
        login.login("anna", "sun-chaser").await.expect("logged in");
        login.enter(ROLE, |_, _| {}).await.expect("in the game")
    };
    let serving = async {
        server.logs_in(server.port(), 1).await;
        take(1, &steps[0]).await
    };
    let (mut client, mut peer) = tokio::join!(joining, serving);
    assert_eq!(known(&client, &[]), steps[0]["known"]);
    let marker = ServerMessage::Error { code: 1, fatal: false, answers: 0, text: String::new() };
    for (number, step) in steps.iter().enumerate().skip(1) {
        if number == 11 {
            drop(peer);
            let disconnected = event(&mut client).await;
            assert!(matches!(disconnected, Some(Event::Disconnected { .. })), "{disconnected:?}");
            (_, peer) = tokio::join!(event(&mut client), take(7, step));
        } else {
            peer.say_packet(&packet(step)).await;
        }
        peer.say(std::slice::from_ref(&marker)).await;
        let calls = until_marker(&mut client).await;
        assert_eq!(known(&client, &calls), step["known"], "{}", step["what"]);
    }
    assert_eq!((client.stats().strays, client.stats().frames), (0, 6));
}

#[test]
fn packets_give_the_knowledge_that_the_vectors_say() {
    run(replay(Transport::Tcp));
    run(replay(Transport::WebSocket));
}

#[test]
fn events_come_in_the_order_in_which_things_happened() {
    run(async {
        let server = FakeServer::tcp().await;
        let (mut client, mut peer) = server.player(options()).await;
        peer.say(&[space_enter()]).await;
        let other = EntityId(77);
        let first = frame(1, |frame| {
            frame.enter(1, other, TypeNo(2), &[2, 0, 4, 0, 0, 0, 64], &[1, 1, 2]);
        });
        let second = frame(2, |frame| {
            frame.leave(1);
            frame.enter(1, EntityId(78), TypeNo(2), &[0; 7], &[0]);
            frame.movement(&[0b10], |_| [4, 0, 4, 0, 0, 0, 64]);
            frame.state(1, &[1, 1, 0, 0, 1]);
        });
        peer.say_packet(&first).await;
        peer.say_packet(&second).await;
        let mut told = Vec::new();
        let mut positions = BTreeMap::new();
        while !matches!(told.last(), Some(Event::PropertiesChanged { .. })) {
            told.push(client.next_event().await.expect("an event"));
            told.retain(|event| !matches!(event, Event::Pong { .. }));
            if let Some(entity) = client.world().entities().next() {
                positions.insert(entity.id, entity.position);
            }
        }
        let names: Vec<String> = told.iter().map(|e| format!("{e:?}").split(' ').next().unwrap_or("").into()).collect();
        let order = ["SpaceEntered", "EntityEntered", "EntityLeft", "EntityEntered", "Moved", "PropertiesChanged"];
        assert_eq!(names, order);
        // When the first was told, the second frame had not been applied.
        assert_eq!(positions, BTreeMap::from([(other, [1.0, 0.0, 2.0]), (EntityId(78), [2.0, 0.0, 2.0])]));
        let entity = client.world().entity(EntityId(78)).expect("in view");
        assert_eq!(entity.property("kind"), Some(&Value::Int(1)));
        assert!(client.world().entity(other).is_none());
        assert_eq!(client.world().in_view(), 1);
    });
}

#[test]
fn the_own_entity_is_where_it_moved_until_the_server_says_otherwise() {
    run(async {
        let server = FakeServer::tcp().await;
        let (mut client, mut peer) = server.player(options()).await;
        assert!(client.move_to([1.0; 3], 0.0).is_err(), "in no space");
        peer.say(&[space_enter()]).await;
        event(&mut client).await;
        let place = |client: &Client| client.world().own().map(|own| own.position);
        assert_eq!(place(&client), Some([3.0, 0.0, 4.0]));
        assert_eq!(client.move_to([3.5, 0.0, 4.0], 1.0), Ok(1));
        assert_eq!(client.move_to([4.0, 0.0, 4.0], 1.0), Ok(2));
        assert!(client.move_to([f32::NAN, 0.0, 4.0], 1.0).is_err());
        assert_eq!(place(&client), Some([4.0, 0.0, 4.0]));
        let correct = ServerMessage::Correct { sequence: 1, position: [3.5, 0.0, 4.0], yaw: 1.0, code: 500 };
        let serve = async {
            assert_eq!(peer.hear().await, ClientMessage::Move { sequence: 1, position: [3.5, 0.0, 4.0], yaw: 1.0 });
            assert_eq!(peer.hear().await, ClientMessage::Move { sequence: 2, position: [4.0, 0.0, 4.0], yaw: 1.0 });
            peer.say(&[correct]).await;
        };
        let (told, ()) = tokio::join!(event(&mut client), serve);
        assert!(matches!(told, Some(Event::Corrected { sequence: 1, code: 500, .. })), "{told:?}");
        assert_eq!(place(&client), Some([3.5, 0.0, 4.0]));
        assert_eq!(client.world().own().map(|own| own.id), Some(OWN));
    });
}

#[test]
fn frames_are_acknowledged_now_and_then_and_gaps_are_counted() {
    run(async {
        let server = FakeServer::tcp().await;
        let (mut client, mut peer) = server.player(kuafu_client::Options { ack_every: 3, ..options() }).await;
        let serve = async {
            for sequence in [1, 2, 3, 5, 6, 7] {
                peer.say_packet(&frame(sequence, |_| {})).await;
            }
            let mut acknowledged = Vec::new();
            while acknowledged.len() < 2 {
                if let Some(ClientMessage::Ack { sequence }) = peer.hear_any().await {
                    acknowledged.push(sequence);
                }
            }
            peer.say(&[ServerMessage::SpaceLeave]).await;
            acknowledged
        };
        let (_, acknowledged) = tokio::join!(event(&mut client), serve);
        assert_eq!(acknowledged, [3, 7]);
        assert_eq!(client.stats().gaps, 1);
    });
}

#[test]
fn the_space_time_is_known_after_a_ping() {
    run(async {
        let server = FakeServer::tcp().await;
        let (mut client, mut peer) = server.player(options()).await;
        assert_eq!(client.space_time_ms(), None);
        let serve = async {
            let Some(ClientMessage::Ping { clock_ms }) = peer.hear_any().await else { panic!("a ping comes first") };
            peer.say(&[ServerMessage::Pong { clock_ms, space_time_ms: 1e9, held_us: 0 }]).await;
        };
        let (told, ()) = tokio::join!(client.next_event(), serve);
        let Some(Event::Pong { round_trip_ms }) = told else { panic!("a pong, not {told:?}") };
        assert!((0.0..5_000.0).contains(&round_trip_ms));
        let now = client.space_time_ms().expect("known");
        assert!((1e9..1e9 + 10_000.0).contains(&now), "{now}");
    });
}

#[test]
fn an_entity_that_was_forgotten_is_missed_by_later_frames() {
    run(async {
        let server = FakeServer::tcp().await;
        let (mut client, mut peer) = server.player(options()).await;
        peer.say(&[space_enter()]).await;
        peer.say_packet(&frame(1, |frame| frame.enter(1, EntityId(77), TypeNo(2), &[0; 7], &[0]))).await;
        while !matches!(event(&mut client).await, Some(Event::EntityEntered { slot: 1, .. })) {}
        client.forget(1);
        assert!(client.world().at(1).is_none());
        let later = frame(2, |frame| {
            frame.movement(&[0b10], |_| [0; 7]);
            frame.state(1, &[1, 1, 0, 0, 1]);
        });
        peer.say_packet(&later).await;
        peer.say(&[ServerMessage::SpaceLeave]).await;
        assert!(matches!(event(&mut client).await, Some(Event::SpaceLeft)));
        assert_eq!(client.stats().strays, 2);
    });
}
