//! Calls between parts, from clients, and to clients.

use std::sync::Arc;

use kuafu_contract::link::{CallMethod, Event, LinkCall, LinkCaller};
use kuafu_core::{Code, EntityId, MethodNo, Refusal, Value};
use kuafu_def::Part;
use kuafu_logic::{Answer, Audience, AwaitId, CallToken, Caller, Effect, Failure};

use super::rig::*;

fn from_client(call: u64, client: EntityId, to: EntityId, method: MethodNo, arguments: Vec<Value>) -> Event {
    let method = CallMethod::Number(method);
    Event::Call(LinkCall { call, caller: LinkCaller::Client(client), to, cell: true, method, arguments, hops: 0 })
}

fn answers(events: &[Event]) -> Vec<(u64, Result<Value, Option<Code>>)> {
    let answer = |event: &Event| match event {
        Event::Answer { call, outcome } => {
            Some((*call, outcome.clone().map_err(|refusal| refusal.map(|refusal| refusal.code))))
        }
        _ => None,
    };
    events.iter().filter_map(answer).collect()
}

fn call(from: EntityId, to: EntityId, part: Part, method: &str, awaiting: Option<u64>) -> Effect {
    let (method, awaiting) = (Arc::from(method), awaiting.map(AwaitId));
    Effect::Call { from, to, part, method, arguments: vec![], awaiting }
}

#[test]
fn clients_call_what_is_exposed_to_them_and_nothing_else() {
    let mut rig = Rig::new();
    rig.host.borrow_mut().answers.insert(POKE, Answer::Done(Ok(Value::Int(7))));
    let (a, b, far) = (rig.player(1, 0.0, 0.0), rig.player(2, 8.0, 0.0), rig.player(3, 200.0, 0.0));
    rig.tick();
    rig.events();
    let text = || vec![Value::text("hi")];
    let number = |n: i64| vec![Value::Int(n)];
    for (no, (client, to, method, arguments)) in [
        (a, a, SAY, text()),
        (a, b, SAY, text()),
        (a, b, POKE, vec![]),
        (a, far, POKE, vec![]),
        (a, b, PICK, number(1)),
        (a, a, PICK, number(1)),
        (a, a, PICK, number(10)),
        (a, a, SAY, vec![]),
        (a, a, HIDDEN, vec![]),
        (a, a, GIVE, vec![]),
        (a, entity(99), POKE, vec![]),
    ]
    .into_iter()
    .enumerate()
    {
        rig.send(base(1), from_client(no as u64 + 1, client, to, method, arguments));
    }
    rig.tick();
    let (no, refused) = (Code::NotAllowed, |code| Err(Some(code)));
    let expected = [
        (1, Ok(Value::Nil)),
        (2, refused(no)),
        (3, Ok(Value::Int(7))),
        (4, refused(no)),
        (5, refused(no)),
        (6, Ok(Value::Nil)),
        (7, refused(Code::ArgumentInvalid)),
        (8, refused(Code::ArgumentInvalid)),
        (9, refused(no)),
        (10, refused(Code::MethodUnknown)),
        (11, refused(Code::EntityUnknown)),
    ];
    let mut got = answers(&rig.events());
    got.sort_by_key(|(no, _)| *no);
    assert_eq!(got, expected);
    let callers: Vec<_> = rig.host.borrow().calls();
    assert_eq!(callers[0], Heard::Call(a, SAY, text(), Caller::Client(a)));
    assert_eq!(callers.len(), 3);
}

#[test]
fn an_answer_that_comes_later_carries_its_number_home() {
    let mut rig = Rig::new();
    let a = rig.player(1, 0.0, 0.0);
    rig.tick();
    rig.host.borrow_mut().answers.insert(POKE, Answer::Pending(CallToken(3)));
    rig.send(base(1), from_client(21, a, a, POKE, vec![]));
    rig.ticks(3);
    assert!(answers(&rig.events()).is_empty());
    rig.effect(Effect::Answer { token: CallToken(3), outcome: Ok(Value::Float(12.0)) });
    rig.tick();
    assert_eq!(answers(&rig.events()), [(21, Ok(Value::Int(12)))], "in its declared form");
    rig.effect(Effect::Answer { token: CallToken(3), outcome: Ok(Value::Int(1)) });
    rig.tick();
    assert!(answers(&rig.events()).is_empty());
}

#[test]
fn a_call_within_the_cell_is_answered_in_the_same_tick() {
    let mut rig = Rig::new();
    rig.host.borrow_mut().answers.insert(POKE, Answer::Done(Ok(Value::Int(5))));
    let (a, b) = (rig.avatar(1, 0.0, 0.0), rig.avatar(2, 300.0, 0.0));
    rig.tick();
    rig.effect(call(a, b, Part::Cell, "poke", Some(1)));
    rig.effect(call(a, b, Part::Cell, "hidden", None));
    rig.effect(call(a, b, Part::Cell, "nothing", Some(2)));
    rig.tick();
    let host = rig.host.borrow();
    assert_eq!(
        host.calls(),
        [POKE, HIDDEN].map(|method| Heard::Call(b, method, vec![], Caller::Entity(a))),
        "logic may call what no client may"
    );
    let resumed = host.resumed();
    let [Heard::Resume(_, Err(Failure::Refused(refusal))), done] = resumed.as_slice() else { panic!("{resumed:?}") };
    assert_eq!(refusal.code, Code::MethodUnknown);
    assert_eq!(*done, Heard::Resume(AwaitId(1), Ok(Value::Int(5))));
}

#[test]
fn a_call_elsewhere_goes_by_the_incarnation_in_the_id() {
    let mut rig = Rig::new();
    let a = rig.avatar(1, 0.0, 0.0);
    let of = |n| EntityId::new(kuafu_core::Incarnation(n), 5);
    rig.part(base(2), of(2), AVATAR, 1, [1.0, 0.0, 0.0]);
    rig.tick();
    rig.events();
    rig.effect(call(a, a, Part::Base, "give", Some(1)));
    rig.effect(call(a, of(2), Part::Base, "give", Some(2)));
    rig.effect(call(a, of(40), Part::Cell, "give", Some(3)));
    rig.effect(call(a, of(CELL.incarnation.0), Part::Cell, "give", Some(4)));
    rig.tick();
    let called = |mirror: &Mirror| -> Vec<(u64, EntityId, bool)> {
        let calls = mirror.events.iter().filter_map(|event| match event {
            Event::Call(call) => Some((call.call, call.to, call.cell)),
            _ => None,
        });
        calls.collect()
    };
    assert_eq!(called(&rig.mirrors[&base(1)]), [(1, a, false), (3, of(40), true)]);
    assert_eq!(called(&rig.mirrors[&base(2)]), [(2, of(2), false)]);
    rig.send(base(1), Event::Answer { call: 1, outcome: Ok(Value::Int(8)) });
    rig.send(base(2), Event::Answer { call: 2, outcome: Err(Some(Code::Refused.into())) });
    rig.tick();
    let resumed = rig.host.borrow().resumed();
    assert_eq!(resumed.len(), 3);
    assert!(resumed.contains(&Heard::Resume(AwaitId(1), Ok(Value::Int(8)))));
    assert!(resumed.contains(&Heard::Resume(AwaitId(2), Err(Code::Refused.into()))));
    assert!(resumed.contains(&Heard::Resume(AwaitId(4), Err(Code::EntityUnknown.into()))));
}

#[test]
fn a_call_without_an_answer_ends_as_unknown() {
    let mut rig = Rig::new();
    let a = rig.avatar(1, 0.0, 0.0);
    rig.tick();
    rig.effect(call(a, a, Part::Base, "give", Some(1)));
    rig.ticks(50);
    assert!(rig.host.borrow().resumed().is_empty());
    rig.ticks(3);
    assert_eq!(rig.host.borrow().resumed(), [Heard::Resume(AwaitId(1), Err(Failure::Unknown))]);
    rig.effect(call(a, a, Part::Base, "give", Some(2)));
    rig.tick();
    rig.input(kuafu_node::Input::LinkDown { peer: base(1) });
    rig.tick();
    assert_eq!(rig.host.borrow().resumed()[1], Heard::Resume(AwaitId(2), Err(Failure::Unknown)));
}

#[test]
fn a_call_that_logic_keeps_too_long_ends_as_unknown_and_its_late_answer_is_dropped() {
    let mut rig = Rig::new();
    let a = rig.player(1, 0.0, 0.0);
    rig.tick();
    for (call, token) in [(21, 3), (0, 4)] {
        rig.host.borrow_mut().answers.insert(POKE, Answer::Pending(CallToken(token)));
        rig.send(base(1), from_client(call, a, a, POKE, vec![]));
        rig.tick();
    }
    rig.ticks(48);
    assert!(answers(&rig.events()).is_empty());
    rig.ticks(5);
    assert_eq!(answers(&rig.events()), [(21, Err(None))]);
    for token in [3, 4, 5] {
        rig.effect(Effect::Answer { token: CallToken(token), outcome: Ok(Value::Float(12.0)) });
    }
    rig.tick();
    assert!(answers(&rig.events()).is_empty());
    let counted = ["calls_overdue", "answers_late", "answers_unexpected"].map(|name| rig.count(name));
    assert_eq!(counted, [1.0, 1.0, 1.0], "nobody waited for the second, and the third was never asked for");
}

#[test]
fn a_call_to_an_entity_that_was_created_at_a_base_is_passed_on_and_its_answer_back() {
    let mut rig = Rig::new();
    let a = rig.avatar(1, 0.0, 0.0);
    rig.part(base(2), EntityId::new(kuafu_core::Incarnation(2), 5), AVATAR, 1, [1.0, 0.0, 0.0]);
    rig.tick();
    let world = rig.host.borrow().world.clone().expect("a world");
    let thing = world.draw_id().expect("an id");
    let placement = kuafu_logic::Placement::Nowhere;
    rig.effect(Effect::Create { from: a, ty: THING, values: vec![], placement, persistent: false, id: thing, step: 1 });
    rig.tick();
    rig.events();
    let method = CallMethod::Named(Arc::from("give"));
    let caller = LinkCaller::Logic(EntityId::new(kuafu_core::Incarnation(2), 5));
    let from_other = LinkCall { call: 70, caller, to: thing, cell: false, method, arguments: vec![], hops: 0 };
    rig.send(base(2), Event::Call(from_other.clone()));
    rig.tick();
    let passed = rig.events().into_iter().find_map(|event| match event {
        Event::Call(call) => Some(call),
        _ => None,
    });
    let passed = passed.expect("passed on to the base that holds it");
    assert_eq!((passed.to, passed.hops, passed.caller), (thing, 1, caller));
    rig.send(base(1), Event::Answer { call: passed.call, outcome: Ok(Value::Int(4)) });
    rig.tick();
    let back = answers(&rig.mirrors[&base(2)].events);
    assert_eq!(back, [(70, Ok(Value::Int(4)))]);
    rig.send(base(2), Event::Call(LinkCall { call: 71, hops: LinkCall::HOPS_MAX, ..from_other }));
    rig.tick();
    assert_eq!(answers(&rig.mirrors[&base(2)].events)[1], (71, Err(Some(Code::EntityUnknown))));
}

#[test]
fn entities_that_call_each_other_for_ever_do_not_stall_the_tick() {
    let mut rig = Rig::new();
    let a = rig.avatar(1, 0.0, 0.0);
    rig.tick();
    let again = || vec![call(a, a, Part::Cell, "poke", None)];
    rig.effect(again().remove(0));
    for _ in 0..3 {
        // The method of the native host calls itself once each time it is set up; 40 of them outlast the rounds.
        rig.host.borrow_mut().on_call.insert(POKE, (0..40).flat_map(|_| again()).collect());
        rig.tick();
    }
    assert!(rig.host.borrow().calls().len() >= 40);
    assert!(rig.mirror().world_frames >= 4);
}

#[test]
fn client_calls_reach_their_audience_and_only_those_who_see() {
    let mut rig = Rig::new();
    let (a, _, _, _) =
        (rig.player(1, 0.0, 0.0), rig.player(2, 8.0, 0.0), rig.player(3, 40.0, 0.0), rig.player(4, 200.0, 0.0));
    rig.tick();
    for (no, audience) in
        [Audience::Own, Audience::Others, Audience::All, Audience::Within(10.0)].into_iter().enumerate()
    {
        let arguments = vec![Value::text(&no.to_string())];
        rig.effect(Effect::CallClient { entity: a, audience, method: HEARD, arguments });
    }
    rig.tick();
    let calls = std::mem::take(&mut rig.mirror().calls);
    let got = |witness| -> Vec<String> {
        let mine = calls.iter().filter(|got| got.witness == witness && got.from == a && got.method == HEARD);
        mine.map(|got| got.arguments[0].as_text().expect("a text").to_owned()).collect()
    };
    assert_eq!(got(1), ["0", "2", "3"]);
    assert_eq!(got(2), ["1", "2", "3"]);
    assert_eq!(got(3), ["1", "2"]);
    assert!(got(4).is_empty());
}

#[test]
fn a_client_hears_of_the_change_before_the_call_that_follows_from_it() {
    let mut rig = Rig::new();
    let (a, _) = (rig.player(1, 0.0, 0.0), rig.player(2, 8.0, 0.0));
    rig.tick();
    rig.set(a, MOOD, 6);
    rig.effect(Effect::CallClient {
        entity: a,
        audience: Audience::Others,
        method: HEARD,
        arguments: vec!["x".into()],
    });
    rig.tick();
    assert_eq!(rig.seen(2, a).expect("in view").get(MOOD), Some(&Value::Int(6)));
    assert_eq!(rig.mirror().calls.len(), 1);
    assert_eq!(rig.mirror().world_frames, 2, "in one frame");
}

#[test]
fn a_client_call_that_does_not_fit_is_a_fault() {
    let mut rig = Rig::new();
    let a = rig.player(1, 0.0, 0.0);
    rig.tick();
    for method in [SAY, MethodNo(90), HEARD] {
        rig.effect(Effect::CallClient { entity: a, audience: Audience::Own, method, arguments: vec![] });
    }
    rig.tick();
    assert_eq!((rig.count("faults"), rig.mirror().calls.len()), (3.0, 0));
}

#[test]
fn a_result_of_the_wrong_type_is_the_scripts_failure() {
    let mut rig = Rig::new();
    let a = rig.player(1, 0.0, 0.0);
    rig.host.borrow_mut().answers.insert(POKE, Answer::Done(Ok(Value::text("no number"))));
    rig.host.borrow_mut().answers.insert(SAY, Answer::Done(Err(Refusal::new(Code::Refused, "not now"))));
    rig.tick();
    rig.send(base(1), from_client(1, a, a, POKE, vec![]));
    rig.send(base(1), from_client(2, a, a, SAY, vec!["x".into()]));
    rig.tick();
    assert_eq!(answers(&rig.events()), [(1, Err(Some(Code::ScriptFailed))), (2, Err(Some(Code::Refused)))]);
}
