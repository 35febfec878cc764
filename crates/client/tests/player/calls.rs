//! Calls and their three ends.

use std::time::Duration;

use bytes::Bytes;
use kuafu_client::{CallError, Client, Event, NotSent, Options};
use kuafu_core::{Code, EntityId, Limits, Refusal, TypeNo, Value};
use kuafu_def::Part;
use kuafu_wire::{CallOutcome, ClientMessage, ServerMessage};

use crate::fake::{FakeServer, Peer, event, frame, options, run, space_enter};

async fn buy(client: &mut Client, offer: i64) -> Result<Value, CallError> {
    client.call(Part::Base, "buy", &[offer.into()]).await
}

/// Hears a call and answers it; gives its arguments.
async fn answer(peer: &mut Peer, outcome: impl FnOnce() -> CallOutcome) -> Bytes {
    match peer.hear().await {
        ClientMessage::Call { number, arguments, part: Part::Base, .. } => {
            peer.say(&[ServerMessage::Result { number, outcome: outcome() }]).await;
            arguments
        }
        other => panic!("a call, not {other:?}"),
    }
}

#[test]
fn a_call_ends_in_a_value_a_refusal_or_unknown() {
    run(async {
        let server = FakeServer::tcp().await;
        let (mut client, mut peer) = server.player(options()).await;
        let value = || CallOutcome::Value(Bytes::from_static(&[1]));
        let (result, arguments) = tokio::join!(buy(&mut client, 300), answer(&mut peer, value));
        assert_eq!((result, &arguments[..]), (Ok(Value::Bool(true)), &[0xac, 0x02][..]));

        let refused = || CallOutcome::refused(Refusal::new(Code::Refused, "too poor"));
        let (result, _) = tokio::join!(buy(&mut client, 1), answer(&mut peer, refused));
        assert_eq!(result, Err(CallError::Refused { code: 305, text: "too poor".into() }));

        let unknown = || CallOutcome::refused(Code::DeadlinePassed.into());
        let (result, _) = tokio::join!(buy(&mut client, 1), answer(&mut peer, unknown));
        assert_eq!(result.expect_err("unknown").code(), Some(Code::DeadlinePassed));
    });
}

#[test]
fn events_that_come_during_a_call_wait_to_be_taken() {
    run(async {
        let server = FakeServer::tcp().await;
        let (mut client, mut peer) = server.player(options()).await;
        let serve = async {
            peer.say(&[space_enter()]).await;
            answer(&mut peer, || CallOutcome::Value(Bytes::from_static(&[0]))).await
        };
        let (result, _) = tokio::join!(buy(&mut client, 1), serve);
        assert_eq!(result, Ok(Value::Bool(false)));
        assert!(client.world().space().is_some());
        assert!(matches!(event(&mut client).await, Some(Event::SpaceEntered { .. })));
    });
}

#[test]
fn a_call_without_an_answer_ends_as_unknown() {
    run(async {
        let server = FakeServer::tcp().await;
        let patience = Options { call_timeout: Duration::from_millis(30), ..options() };
        let (mut client, mut peer) = server.player(patience).await;
        let result = buy(&mut client, 1).await;
        assert!(matches!(result, Err(CallError::Unknown { .. })), "{result:?}");
        // The answer that comes too late is passed over.
        let (late, _) = tokio::join!(buy(&mut client, 2), async {
            let ClientMessage::Call { number: first, .. } = peer.hear().await else { panic!("a call") };
            let ClientMessage::Call { number: second, .. } = peer.hear().await else { panic!("a call") };
            assert_ne!(first, second);
            let value = |number, byte| ServerMessage::Result {
                number,
                outcome: CallOutcome::Value(Bytes::copy_from_slice(&[byte])),
            };
            peer.say(&[value(first, 0), value(second, 1)]).await;
        });
        assert_eq!(late, Ok(Value::Bool(true)));
    });
}

#[test]
fn a_call_that_is_given_up_is_told_as_an_event() {
    run(async {
        let server = FakeServer::tcp().await;
        let (mut client, mut peer) = server.player(options()).await;
        {
            let mut call = std::pin::pin!(buy(&mut client, 1));
            let heard = tokio::select! {
                _ = &mut call => panic!("there is no answer yet"),
                heard = peer.hear() => heard,
            };
            let ClientMessage::Call { number, .. } = heard else { panic!("a call") };
            let outcome = CallOutcome::Value(Bytes::from_static(&[1]));
            peer.say(&[ServerMessage::Result { number, outcome }]).await;
        }
        let ended = event(&mut client).await;
        assert!(matches!(ended, Some(Event::CallEnded { result: Ok(Value::Bool(true)), .. })), "{ended:?}");
    });
}

#[test]
fn a_call_that_the_schema_forbids_does_not_leave() {
    run(async {
        let server = FakeServer::tcp().await;
        let limits = Limits { calls_in_flight_max: 2, ..Limits::default() };
        let (mut client, mut peer) = server.player(Options { limits, ..options() }).await;
        let mut refused = |part, name: &str, arguments: &[Value]| {
            client.start_call(None, part, name, arguments).expect_err("not sent")
        };
        assert!(matches!(refused(Part::Cell, "buy", &[1.into()]), NotSent::MethodUnknown { .. }));
        assert!(matches!(refused(Part::Client, "heard", &["a".into(), true.into()]), NotSent::MethodUnknown { .. }));
        assert!(matches!(refused(Part::Base, "buy", &[]), NotSent::Arguments(_)));
        assert!(matches!(refused(Part::Base, "buy", &["x".into()]), NotSent::Arguments(_)));
        assert!(matches!(refused(Part::Base, "buy", &[(-1).into()]), NotSent::Arguments(_)));
        let stranger = client.start_call(Some(EntityId(9)), Part::Base, "buy", &[1.into()]);
        assert_eq!(stranger, Err(NotSent::EntityUnknown(EntityId(9))));

        let start = |client: &mut Client| client.start_call(None, Part::Base, "buy", &[1.into()]);
        assert!(start(&mut client).is_ok() && start(&mut client).is_ok());
        assert_eq!(start(&mut client), Err(NotSent::TooManyCalls(2)));
        let serve = async {
            answer(&mut peer, || CallOutcome::Value(Bytes::from_static(&[1]))).await;
        };
        let (ended, ()) = tokio::join!(event(&mut client), serve);
        assert!(matches!(ended, Some(Event::CallEnded { number: 1, result: Ok(_) })), "{ended:?}");
        assert!(start(&mut client).is_ok());
    });
}

#[test]
fn a_method_of_an_entity_in_view_is_called_by_its_id() {
    run(async {
        let server = FakeServer::tcp().await;
        let (mut client, mut peer) = server.player(options()).await;
        let other = EntityId(77);
        peer.say(&[space_enter()]).await;
        peer.say_packet(&frame(1, |frame| frame.enter(1, other, TypeNo(1), &[0; 7], &[0]))).await;
        while !matches!(event(&mut client).await, Some(Event::EntityEntered { .. })) {}
        client.tell(Some(other), Part::Base, "buy", &[5.into()]).expect("sent");
        let heard = tokio::select! {
            _ = event(&mut client) => panic!("nothing happens"),
            heard = peer.hear() => heard,
        };
        assert!(matches!(heard, ClientMessage::Call { number: 0, entity: EntityId(77), .. }), "{heard:?}");
    });
}
