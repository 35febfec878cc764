//! Components: their properties and methods by their own names, whatever the server's schema tells of them.

use bytes::Bytes;
use kuafu_client::{CallError, Client, Component, NotSent, Transport};
use kuafu_core::{EntityId, TypeNo, Value};
use kuafu_def::Part;
use kuafu_wire::{CallOutcome, ClientMessage, ServerMessage};

use crate::fake::{FakeServer, OWN, Peer, event, frame, options, run, space_enter};

const OTHER: EntityId = EntityId(77);

/// A client in the game of `sdk/vectors/schema.json`; the own entity and another are in view.
async fn play(schema: &str) -> (Client, Peer) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../sdk/vectors/schema.json");
    let vectors: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(path).expect("the vectors")).expect("JSON");
    // The bag, property 1, holds an item.
    let bag = Bytes::from_static(&[1, 1, 1, 7, 3, 0, 2]);
    let server = FakeServer::playing(Transport::Tcp, vectors[schema].to_string(), bag).await;
    let (mut client, mut peer) = server.player(options()).await;
    peer.say(&[space_enter()]).await;
    peer.say_packet(&frame(1, |frame| {
        // Property 2, stats.hp, is 55 of the own entity and not told of the other.
        frame.enter(0, OWN, TypeNo(1), &[0; 7], &[1, 2, 55, 0]);
        frame.enter(1, OTHER, TypeNo(1), &[0; 7], &[0]);
    }))
    .await;
    while client.world().in_view() < 2 {
        event(&mut client).await;
    }
    (client, peer)
}

fn hp(component: Option<Component<'_>>) -> Option<Value> {
    component?.property("hp").cloned()
}

#[test]
fn a_component_has_its_properties_by_their_own_names() {
    run(async {
        for (schema, parents) in [("newer", 1), ("older", 0)] {
            let (mut client, mut peer) = play(schema).await;
            let own = client.world().own_component("stats").expect("it has one");
            assert_eq!((own.slot(), own.component()), ("stats", "stats"));
            assert_eq!(own.properties().collect::<Vec<_>>(), [("hp", &Value::Int(55))]);
            assert_eq!(client.world().own_property("stats.hp"), Some(&Value::Int(55)));
            assert!(client.world().own_component("bag").is_none() && own.property("heal").is_none());
            let other = |client: &Client| hp(client.world().entity(OTHER).expect("in view").component("stats"));
            assert_eq!(other(&client), Some(70.into()), "the default");
            peer.say_packet(&frame(2, |frame| frame.state(1, &[1, 2, 0, 0, 60, 0]))).await;
            while client.world().sequence() < 2 {
                event(&mut client).await;
            }
            assert_eq!(other(&client), Some(60.into()));
            let schema = client.schema();
            let avatar = schema.get(TypeNo(1)).expect("the avatar");
            assert_eq!(schema.lineage(avatar).count(), parents);
            assert_eq!(schema.is_a(avatar, "creature"), parents == 1);
        }
    });
}

#[test]
fn a_component_is_called_on_the_part_that_has_the_method_and_defaults_are_filled_in() {
    run(async {
        let (mut client, mut peer) = play("newer").await;
        let serve = async {
            let heard = peer.hear().await;
            let ClientMessage::Call { number, entity, part, arguments, .. } = heard else { panic!("a call") };
            let outcome = CallOutcome::Value(Bytes::from_static(&[9]));
            peer.say(&[ServerMessage::Result { number, outcome }]).await;
            (entity, part, arguments)
        };
        let five = [5.into()];
        let (result, heard) = tokio::join!(client.call_component(None, "stats", "heal", &five), serve);
        assert_eq!(result, Ok(Value::Entity(EntityId(9))));
        assert_eq!(heard, (EntityId::NONE, Part::Cell, Bytes::from_static(&[5, 0, 1])));
        let too_few = client.call_component(None, "stats", "heal", &[]).await;
        assert!(matches!(too_few, Err(CallError::NotSent(NotSent::Arguments(_)))), "{too_few:?}");
        let unknown = client.call_component(Some(OTHER), "stats", "healed", &[]).await;
        assert!(matches!(unknown, Err(CallError::NotSent(NotSent::ComponentMethodUnknown { .. }))), "{unknown:?}");
    });
}
