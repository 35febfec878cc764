//! Services, names, shared data, entities elsewhere and who sees whom, as logic in a cell meets them.

use kuafu_contract::base_manager::{Reply as ManagerReply, Request as ManagerRequest};
use kuafu_contract::directory::{Feed, Holder, Update};
use kuafu_contract::interfaces::{self, HttpRequest, HttpResponse};
use kuafu_contract::link::{CallMethod, Event, LinkCall, LinkCaller};
use kuafu_contract::{Address, Outcome, Request, RoleKind, base as base_role};
use kuafu_core::{Code, EntityId, Incarnation, RecordId, Refusal, ServiceId, Value};
use kuafu_logic::{Answer, AwaitId, Effect, Failure, FindBy, Hook, Placement};
use kuafu_node::Input;

use super::rig::*;

const MANAGER: Address = Address { role: RoleKind::BaseManager, incarnation: Incarnation(3) };

/// A wisp, which lives in the cell alone.
fn wisp(rig: &mut Rig) -> EntityId {
    let (from, placement) = (rig.avatar(90, 0.0, 0.0), Placement::Nowhere);
    let id = EntityId::new(CELL.incarnation, 77);
    rig.tick();
    rig.effect(Effect::Create { from, ty: WISP, values: vec![], placement, persistent: false, id, step: 1 });
    rig.tick();
    id
}

fn follow(rig: &mut Rig, entries: Vec<Update>) {
    let feed = Feed::Snapshot { manager: MANAGER, number: entries.len() as u64, entries };
    rig.input(Input::Notice { from: MANAGER, request: feed.into() });
}

fn holder(entity: EntityId, home: Address) -> Holder {
    Holder { entity, ty: WISP, home }
}

fn done(number: u64) -> Outcome {
    Outcome::Value(ManagerReply::Done { number }.into())
}

fn told(rig: &Rig, is_it: impl Fn(&ManagerRequest) -> bool) -> usize {
    rig.notices.iter().filter(|notice| matches!(notice, Request::BaseManager(request) if is_it(request))).count()
}

#[test]
fn an_entity_without_a_base_part_provides_and_names_until_it_ends() {
    let mut rig = Rig::new();
    let wisp = wisp(&mut rig);
    let awaiting = Some(AwaitId(1));
    rig.effect(Effect::Provide { entity: wisp, service: ServiceId::Number(3), awaiting });
    rig.effect(Effect::ClaimName { entity: wisp, name: "light".into(), awaiting: None });
    rig.tick();
    let asked = ManagerRequest::Provide { service: ServiceId::Number(3), holder: holder(wisp, CELL) };
    assert_eq!(rig.answer(done(4)), asked.into());
    rig.answer(done(5));
    rig.tick();
    assert_eq!(rig.host.borrow().resumed(), [], "not before it can be seen here");
    follow(&mut rig, vec![Update::BaseHere(base(1)); 5]);
    rig.tick();
    assert_eq!(rig.host.borrow().resumed(), [Heard::Resume(AwaitId(1), Ok(Value::Bool(true)))]);
    rig.effect(Effect::Destroy { entity: wisp, forever: false, step: 2 });
    rig.ticks(2);
    let gone = |request: &ManagerRequest| matches!(request, ManagerRequest::Withdraw { entity, .. } | ManagerRequest::Unclaim { entity, .. } if *entity == wisp);
    assert_eq!(told(&rig, gone), 2);
}

#[test]
fn an_entity_with_a_base_part_leaves_it_to_that_part() {
    let mut rig = Rig::new();
    let avatar = rig.avatar(1, 0.0, 0.0);
    rig.tick();
    rig.effect(Effect::Provide { entity: avatar, service: ServiceId::Number(3), awaiting: Some(AwaitId(1)) });
    rig.ticks(2);
    assert!(rig.calls.is_empty());
    assert_eq!(rig.host.borrow().resumed(), [Heard::Resume(AwaitId(1), Err(Code::NotAllowed.into()))]);
    assert_eq!(rig.count("faults"), 1.0);
}

#[test]
fn a_cell_follows_the_directory_and_tells_who_watches() {
    let mut rig = Rig::new();
    let a = rig.avatar(1, 0.0, 0.0);
    rig.ticks(2);
    assert!(told(&rig, |request| matches!(request, ManagerRequest::Follow { by, .. } if *by == CELL)) > 0);
    let hello = Feed::Hello { manager: MANAGER };
    rig.input(Input::Notice { from: MANAGER, request: hello.into() });
    assert_eq!(told(&rig, |request| matches!(request, ManagerRequest::Hold(_))), 1);
    let weather = |text: &str, version| Update::Shared("weather".into(), Value::text(text), version);
    follow(&mut rig, vec![weather("rain", 1), Update::Named("hall".into(), holder(entity(5), base(1)))]);
    let world = rig.host.borrow().world.clone().expect("there is a world");
    assert_eq!((world.shared("weather"), world.named("hall")), (Some(Value::text("rain")), Some(entity(5))));
    rig.effect(Effect::Watch { entity: a, key: "weather".into(), on: true });
    rig.tick();
    let feed = Feed::Updates { manager: MANAGER, first: 3, updates: vec![weather("sun", 2)] };
    rig.input(Input::Notice { from: MANAGER, request: feed.into() });
    rig.tick();
    let heard = Heard::Hook(a, Hook::Shared, vec![Value::text("weather"), Value::text("sun")]);
    assert!(rig.host.borrow().heard.contains(&heard));
}

#[test]
fn a_service_is_called_here_at_its_base_or_through_any_base() {
    let mut rig = Rig::new();
    rig.host.borrow_mut().answers.insert(POKE, Answer::Done(Ok(Value::Int(7))));
    let a = rig.avatar(1, 0.0, 0.0);
    rig.tick();
    let other_cell = Address { role: RoleKind::Cell, incarnation: Incarnation(8) };
    let away = EntityId::new(other_cell.incarnation, 1);
    let service = ServiceId::Number;
    let call = |number: u64| Effect::CallService {
        from: a,
        service: service(number),
        key: None,
        method: "poke".into(),
        arguments: vec![],
        awaiting: Some(AwaitId(number)),
    };
    follow(
        &mut rig,
        vec![
            Update::Provided(service(1), holder(entity(2), base(1))),
            Update::Provided(service(2), holder(away, other_cell)),
            Update::Provided(service(3), holder(a, CELL)),
        ],
    );
    rig.events();
    (1..=4).for_each(|number| rig.effect(call(number)));
    rig.ticks(2);
    let calls: Vec<_> = rig
        .events()
        .into_iter()
        .filter_map(|event| match event {
            Event::Call(call) => Some((call.to, call.cell)),
            _ => None,
        })
        .collect();
    assert_eq!(calls, [(entity(2), false), (away, true)], "the base knows the way to the other cell");
    let resumed = rig.host.borrow().resumed();
    assert!(resumed.contains(&Heard::Resume(AwaitId(3), Ok(Value::Int(7)))), "{resumed:?}");
    let nobody = |heard: &Heard| matches!(heard, Heard::Resume(AwaitId(4), Err(Failure::Refused(why))) if why.code == Code::Unavailable);
    assert!(resumed.iter().any(nobody), "{resumed:?}");
}

#[test]
fn a_base_is_asked_for_entities_elsewhere() {
    let mut rig = Rig::new();
    let a = rig.avatar(1, 0.0, 0.0);
    rig.tick();
    let find = |awaiting| Effect::Find {
        from: a,
        ty: THING,
        by: FindBy::Record(RecordId(5)),
        load: true,
        awaiting: Some(AwaitId(awaiting)),
    };
    (1..=3).for_each(|awaiting| rig.effect(find(awaiting)));
    rig.tick();
    let found = |id| Outcome::Value(base_role::Reply::Entity(id).into());
    rig.answer(found(entity(9)));
    rig.answer(found(EntityId::NONE));
    rig.answer(Outcome::Unknown);
    rig.tick();
    let expected = [
        Heard::Resume(AwaitId(1), Ok(Value::Entity(entity(9)))),
        Heard::Resume(AwaitId(2), Ok(Value::Nil)),
        Heard::Resume(AwaitId(3), Err(Failure::Unknown)),
    ];
    assert_eq!(rig.host.borrow().resumed(), expected);
}

#[test]
fn a_group_is_told_on_every_base() {
    let mut rig = Rig::new();
    let a = rig.avatar(1, 0.0, 0.0);
    follow(&mut rig, vec![Update::BaseHere(base(1)), Update::BaseHere(base(2))]);
    rig.tick();
    rig.effect(Effect::CallGroup { from: a, group: "party".into(), method: "heard".into(), arguments: vec![] });
    rig.tick();
    let told = rig.notices.iter().filter(|n| matches!(n, Request::Base(base_role::Request::CallGroup { .. }))).count();
    assert_eq!(told, 2);
}

#[test]
fn logic_ends_entities_of_this_cell_and_asks_bases_for_others() {
    let mut rig = Rig::new();
    let wisp = wisp(&mut rig);
    rig.events();
    let method = CallMethod::End { forever: false };
    let end = |caller, call| {
        let method = method.clone();
        Event::Call(LinkCall { call, caller, to: wisp, cell: false, method, arguments: vec![], hops: 0 })
    };
    rig.send(base(1), end(LinkCaller::Client(entity(90)), 1));
    rig.tick();
    assert!(rig.host.borrow().entities.contains_key(&wisp), "a client may not");
    rig.effect(Effect::End { from: wisp, entity: entity(90), forever: true, awaiting: None });
    rig.send(base(1), end(LinkCaller::Logic(entity(90)), 2));
    rig.ticks(2);
    assert!(!rig.host.borrow().entities.contains_key(&wisp));
    let events = rig.events();
    assert!(events.contains(&Event::Answer { call: 2, outcome: Ok(Value::Bool(true)) }), "{events:?}");
    let asked = |event: &Event| matches!(event, Event::Call(LinkCall { to, cell: false, method: CallMethod::End { forever: true }, .. }) if *to == entity(90));
    assert!(events.iter().any(asked), "{events:?}");
}

#[test]
fn logic_knows_who_sees_whom_and_the_space() {
    let mut rig = Rig::new();
    let (a, b) = (rig.player(1, 0.0, 0.0), rig.player(2, 30.0, 0.0));
    let (blind, far) = (rig.avatar(3, 10.0, 0.0), rig.player(4, 200.0, 0.0));
    rig.tick();
    let world = rig.host.borrow().world.clone().expect("there is a world");
    let ask = |what: &dyn Fn(&mut Vec<EntityId>)| {
        let mut found = Vec::new();
        what(&mut found);
        found
    };
    assert_eq!(ask(&|found| world.viewers(blind, found)), [a, b], "nearest first");
    assert_eq!(ask(&|found| world.viewers(a, found)), [b], "the one without a client sees nobody");
    assert_eq!(ask(&|found| world.in_view(a, found)), [blind, b]);
    assert_eq!(ask(&|found| world.in_view(blind, found)), []);
    assert_eq!(ask(&|found| world.viewers(far, found)), []);
    let space = world.space_of(a).expect("it is in one");
    assert_eq!((space.name.as_str(), space.population, space.least), ("plaza", 4, [-500.0, -10.0, -500.0]));
}

#[test]
fn numbers_of_the_game_are_reported() {
    let mut rig = Rig::new();
    rig.effect(Effect::Measure { name: "kills".into(), amount: 2.0, is_gauge: false });
    rig.ticks(12);
    let reported = rig.notices.iter().rev().find_map(|notice| match notice {
        Request::Console(kuafu_contract::console::Request::Report(report)) => Some(report.numbers.clone()),
        _ => None,
    });
    assert!(reported.expect("a report").contains(&("game_kills".to_owned(), 2.0)));
}

#[test]
fn a_request_to_somebody_else_goes_to_the_interfaces_role_and_its_end_comes_back() {
    let mut rig = Rig::new();
    let from = rig.avatar(90, 0.0, 0.0);
    let request = HttpRequest {
        method: "GET".into(),
        url: "https://a.example/".into(),
        headers: Vec::new(),
        body: std::sync::Arc::default(),
        within_ms: 300,
    };
    let response = HttpResponse { status: 200, headers: Vec::new(), body: b"ok".as_slice().into() };
    let unknown = interfaces::Reply::Unknown { why: "reset".into() };
    let refusal = Refusal::from(Code::NotAllowed);
    let ends = [
        (Outcome::Value(interfaces::Reply::Http(response.clone()).into()), Ok(response.into_value())),
        (Outcome::Value(unknown.into()), Err(Failure::Unknown)),
        (Outcome::Unknown, Err(Failure::Unknown)),
        (Outcome::Refused(refusal.clone()), Err(Failure::Refused(refusal))),
    ];
    for (number, (outcome, expected)) in (1..).zip(ends) {
        let awaiting = AwaitId(number);
        rig.effect(Effect::Http { from, request: request.clone(), awaiting: Some(awaiting) });
        rig.tick();
        assert_eq!(rig.answer(outcome), interfaces::Request::Http(request.clone()).into());
        rig.tick();
        assert_eq!(rig.host.borrow().resumed().last(), Some(&Heard::Resume(awaiting, expected)));
    }
}
