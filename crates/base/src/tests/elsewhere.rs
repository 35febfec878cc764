//! Entities elsewhere, services, names and groups, as one base plays its part in them.

use kuafu_contract::base::Creation;
use kuafu_contract::db::{FindBy, Found};
use kuafu_contract::directory::{Feed, Holder, Update};
use kuafu_contract::link::{CallMethod, Event, LinkCall, LinkCaller};
use kuafu_contract::{Address, Reply, Request, RoleKind, base, base_manager, db};
use kuafu_core::{Code, EntityId, Epoch, Incarnation, PropertyNo, RecordId, ServiceId, TypeNo, Value};
use kuafu_logic::Effect;
use kuafu_node::CallRef;
use kuafu_wire::ServerMessage;

use super::bench::{Bench, CELL, conn};
use super::logic::STARTING_GOLD;

const GUILD: TypeNo = TypeNo(2);
const HERE: Address = Address { role: RoleKind::Base, incarnation: Incarnation(40) };
const OTHER: Address = Address { role: RoleKind::Base, incarnation: Incarnation(41) };
const MANAGER: Address = Address { role: RoleKind::BaseManager, incarnation: Incarnation(3) };

fn by_name(name: &str) -> FindBy {
    FindBy::Property(PropertyNo(2), Value::text(name))
}

fn find(bench: &mut Bench, load: bool) -> CallRef {
    bench.ask(base::Request::Find { ty: GUILD, by: by_name("Ants"), load })
}

fn is_find(request: &Request) -> bool {
    matches!(request, Request::Db(db::Request::Find { .. }))
}

fn is_place(request: &Request) -> bool {
    matches!(request, Request::BaseManager(base_manager::Request::PlaceEntity))
}

fn is_claim(request: &Request) -> bool {
    matches!(request, Request::Db(db::Request::Claim { .. }))
}

fn is_name(request: &Request) -> bool {
    matches!(request, Request::BaseManager(base_manager::Request::Claim { .. }))
}

fn db_knows(bench: &mut Bench, found: Option<(u64, Option<Address>)>) {
    let found =
        found.map(|(record, owner)| Found { record: RecordId(record), owner: owner.map(|owner| owner.incarnation) });
    bench.reply(is_find, db::Reply::Found(found));
}

fn db_gives(bench: &mut Bench, record: u64) {
    let record = db::Record { record: RecordId(record), values: vec![], place: None };
    bench.reply(is_claim, db::Reply::Claimed { epoch: Epoch(2), record, created: false, cell_created: false });
}

fn answer(bench: &Bench, call: CallRef) -> Option<Result<EntityId, Code>> {
    bench.answer_to(call).map(|answer| match answer {
        Ok(Reply::Base(base::Reply::Entity(id))) => Ok(id),
        Ok(other) => panic!("{other:?}"),
        Err(refusal) => Err(refusal.code),
    })
}

#[test]
fn what_nobody_owns_is_loaded_where_there_is_least_to_do() {
    let mut bench = Bench::new();
    let call = find(&mut bench, true);
    db_knows(&mut bench, Some((7, None)));
    bench.reply(is_place, base_manager::Reply::Place(HERE));
    assert_eq!(answer(&bench, call), None, "it is not alive yet");
    db_gives(&mut bench, 7);
    let id = answer(&bench, call).expect("an answer").expect("it lives");
    assert_eq!(bench.hooks(id), ["on_load"]);
    let again = bench.ask(base::Request::Find { ty: GUILD, by: FindBy::Record(RecordId(7)), load: true });
    assert_eq!(answer(&bench, again), Some(Ok(id)), "what lives here needs no db");
    let seek = bench.ask(base::Request::Seek { ty: GUILD, record: RecordId(7) });
    assert_eq!(answer(&bench, seek), Some(Ok(id)));
}

#[test]
fn two_that_look_for_the_same_record_load_it_once() {
    let mut bench = Bench::new();
    let calls = [find(&mut bench, true), find(&mut bench, true)];
    db_knows(&mut bench, Some((7, None)));
    bench.reply(is_place, base_manager::Reply::Place(HERE));
    db_knows(&mut bench, Some((7, None)));
    db_gives(&mut bench, 7);
    bench.pass_ms(20);
    let [one, two] = calls.map(|call| answer(&bench, call).expect("an answer").expect("it lives"));
    assert_eq!(one, two);
    assert_eq!(bench.requests().iter().filter(|request| is_claim(request)).count(), 1);
}

#[test]
fn what_lives_elsewhere_is_asked_for_there_and_again_when_it_moved() {
    let mut bench = Bench::new();
    let call = find(&mut bench, true);
    db_knows(&mut bench, Some((7, Some(OTHER))));
    let is_seek = |request: &Request| matches!(request, Request::Base(base::Request::Seek { record: RecordId(7), .. }));
    bench.refuse(is_seek, Code::Unavailable);
    assert_eq!(answer(&bench, call), None);
    bench.pass_ms(200);
    db_knows(&mut bench, Some((7, Some(OTHER))));
    let there = EntityId::new(OTHER.incarnation, 5);
    bench.reply(is_seek, base::Reply::Entity(there));
    assert_eq!(answer(&bench, call), Some(Ok(there)));
}

#[test]
fn a_search_without_end_ends_within_the_deadline_of_a_call() {
    let mut bench = Bench::new();
    let call = find(&mut bench, true);
    for _ in 0..100 {
        if answer(&bench, call).is_some() {
            break;
        }
        // Its own base is named as the owner of something that it does not have: it is just being given back.
        db_knows(&mut bench, Some((7, Some(HERE))));
        bench.pass_ms(200);
    }
    assert_eq!(answer(&bench, call), Some(Err(Code::Busy)));
}

#[test]
fn looking_only_loads_nothing_and_players_are_never_loaded() {
    let mut bench = Bench::new();
    let look = find(&mut bench, false);
    db_knows(&mut bench, Some((7, None)));
    assert_eq!(answer(&bench, look), Some(Ok(EntityId::NONE)));
    let player = bench.ask(base::Request::Find { ty: TypeNo(1), by: FindBy::Record(RecordId(1_000_009)), load: true });
    db_knows(&mut bench, Some((1_000_009, None)));
    assert_eq!(answer(&bench, player), Some(Ok(EntityId::NONE)));
    let none = find(&mut bench, true);
    db_knows(&mut bench, None);
    assert_eq!(answer(&bench, none), Some(Ok(EntityId::NONE)));
    assert!(!bench.requests().iter().any(is_place));
}

#[test]
fn further_searches_than_the_bound_are_busy() {
    let mut bench = Bench::new();
    let max = bench.limits().lookups_in_flight_max;
    let calls: Vec<CallRef> = (0..=max).map(|_| find(&mut bench, true)).collect();
    assert_eq!(answer(&bench, calls[max as usize - 1]), None);
    assert_eq!(answer(&bench, calls[max as usize]), Some(Err(Code::Busy)));
}

#[test]
fn an_entity_is_created_where_the_base_manager_says() {
    let mut bench = Bench::new();
    let creation = Creation { ty: GUILD, values: vec![], place: None, persistent: false, anywhere: true };
    let there = bench.ask(base::Request::Create(creation.clone()));
    bench.reply(is_place, base_manager::Reply::Place(OTHER));
    let id = EntityId::new(OTHER.incarnation, 9);
    let is_create = |request: &Request| matches!(request, Request::Base(base::Request::Create(c)) if !c.anywhere);
    bench.reply(is_create, base::Reply::Entity(id));
    assert_eq!(answer(&bench, there), Some(Ok(id)));

    let here = bench.ask(base::Request::Create(creation));
    bench.reply(is_place, base_manager::Reply::Place(HERE));
    let id = answer(&bench, here).expect("an answer").expect("it lives");
    assert_eq!((id.incarnation(), bench.hooks(id)), (HERE.incarnation, vec!["on_create"]));
}

/// A base-manager that this base follows, with these updates.
fn follow(bench: &mut Bench, entries: Vec<Update>) {
    bench.notice(Feed::Snapshot { manager: MANAGER, number: entries.len() as u64, entries });
}

#[test]
fn a_service_is_called_at_its_provider_wherever_that_is() {
    let mut bench = Bench::new();
    let creation = Creation { ty: GUILD, values: vec![], place: None, persistent: false, anywhere: false };
    let here = bench.ask(base::Request::Create(creation));
    let ours = answer(&bench, here).expect("an answer").expect("it lives");
    let service = ServiceId::Name("bank".into());
    let theirs = EntityId::new(OTHER.incarnation, 1);
    let holder = |entity, home| Holder { entity, ty: GUILD, home };
    let (one, two) = (holder(ours, HERE), holder(theirs, OTHER));
    follow(&mut bench, vec![Update::Provided(service.clone(), one), Update::Provided(service.clone(), two)]);
    for _ in 0..4 {
        bench.effect(Effect::CallService {
            from: ours,
            service: service.clone(),
            key: None,
            method: "greet".into(),
            arguments: vec![Value::Int(5)],
            awaiting: None,
        });
    }
    bench.pass_ms(20);
    assert_eq!(bench.base.host.read(ours, PropertyNo(1)), Some(Value::Int(STARTING_GOLD + 10)), "two of four in turn");
    let calls = bench.events_to(OTHER);
    assert_eq!(calls.len(), 2);
    assert!(matches!(&calls[0], Event::Call(LinkCall { to, cell: false, .. }) if *to == theirs), "{calls:?}");
}

#[test]
fn an_entity_made_by_a_cell_is_found_at_the_base_that_the_directory_names() {
    let mut bench = Bench::new();
    let from_cell = EntityId::new(CELL.incarnation, 4);
    follow(&mut bench, vec![Update::Named("hall".into(), Holder { entity: from_cell, ty: GUILD, home: OTHER })]);
    let method = CallMethod::Named("greet".into());
    let call = LinkCall {
        call: 1,
        caller: LinkCaller::Logic(EntityId(1)),
        to: from_cell,
        cell: false,
        method,
        arguments: vec![],
        hops: 0,
    };
    bench.cell_says(vec![Event::Call(call)]);
    bench.pass_ms(20);
    assert!(matches!(bench.events_to(OTHER)[..], [Event::Call(LinkCall { hops: 1, .. })]));
}

#[test]
fn a_group_is_heard_by_its_members_here_and_told_to_the_other_bases() {
    let mut bench = Bench::new();
    let (one, two) = (bench.come_in(conn(1), 7, 1), bench.come_in(conn(2), 8, 1));
    follow(&mut bench, vec![Update::BaseHere(HERE), Update::BaseHere(OTHER)]);
    let join = |entity, on| Effect::Join { entity, group: "party".into(), on };
    bench.effect(join(one, true));
    bench.effect(join(two, true));
    let arguments = vec![Value::text("hello")];
    let call =
        Effect::CallGroup { from: one, group: "party".into(), method: "heard".into(), arguments: arguments.clone() };
    bench.effect(call);
    bench.pass_ms(200);
    let heard = |told: Vec<ServerMessage>| {
        told.iter().filter(|message| matches!(message, ServerMessage::CallClient { .. })).count()
    };
    assert_eq!((heard(bench.told(conn(1))), heard(bench.told(conn(2)))), (1, 1));
    let notice = base::Request::CallGroup { group: "party".into(), method: "heard".into(), arguments };
    let told: Vec<&Request> =
        bench.requests().iter().filter(|r| matches!(r, Request::Base(base::Request::CallGroup { .. }))).collect();
    assert_eq!(told, [&Request::Base(notice.clone())], "one for the other base, none for ourselves");

    bench.effect(join(two, false));
    bench.notice(notice);
    bench.pass_ms(200);
    assert_eq!((heard(bench.told(conn(1))), heard(bench.told(conn(2)))), (1, 0));
}

#[test]
fn an_entity_is_in_no_more_groups_than_the_bound() {
    let mut bench = Bench::new();
    let one = bench.come_in(conn(1), 7, 1);
    for number in 0..100 {
        bench.effect(Effect::Join { entity: one, group: format!("group {number}").into(), on: true });
    }
    let max = bench.limits().groups_per_entity_max as usize;
    assert_eq!(bench.base.directory.groups.borrow().of(one), max);
}

#[test]
fn logic_may_end_another_entity_and_a_client_may_not() {
    let mut bench = Bench::new();
    let creation = Creation { ty: GUILD, values: vec![], place: None, persistent: false, anywhere: false };
    let here = bench.ask(base::Request::Create(creation));
    let id = answer(&bench, here).expect("an answer").expect("it lives");
    let end = |number, caller| {
        let method = CallMethod::End { forever: false };
        Event::Call(LinkCall { call: number, caller, to: id, cell: false, method, arguments: vec![], hops: 0 })
    };
    bench.cell_says(vec![end(1, LinkCaller::Client(EntityId(1)))]);
    assert!(bench.base.entities.get(id).is_some());
    bench.cell_says(vec![end(2, LinkCaller::Logic(EntityId(1)))]);
    bench.settle_db();
    assert!(bench.base.entities.get(id).is_none());
    let answers: Vec<Event> =
        bench.events_to(CELL).into_iter().filter(|event| matches!(event, Event::Answer { .. })).collect();
    let refused = Event::Answer { call: 1, outcome: Err(Some(Code::NotAllowed.into())) };
    assert_eq!(answers, [refused, Event::Answer { call: 2, outcome: Ok(Value::Bool(true)) }]);
}

#[test]
fn an_entity_that_goes_gives_up_what_it_provides_and_names() {
    let mut bench = Bench::new();
    let creation = Creation { ty: GUILD, values: vec![], place: None, persistent: false, anywhere: false };
    let here = bench.ask(base::Request::Create(creation));
    let id = answer(&bench, here).expect("an answer").expect("it lives");
    follow(&mut bench, vec![]);
    bench.effect(Effect::Provide { entity: id, service: ServiceId::Number(3), awaiting: None });
    bench.effect(Effect::ClaimName { entity: id, name: "hall".into(), awaiting: None });
    bench.reply(is_name, base_manager::Reply::Done { number: 1 });
    bench.base.end_entity(id, false);
    bench.settle_db();
    let gone = |request: &Request| matches!(request, Request::BaseManager(base_manager::Request::Withdraw { entity, .. } | base_manager::Request::Unclaim { entity, .. }) if *entity == id);
    assert_eq!(bench.requests().iter().filter(|request| gone(request)).count(), 2);
}

#[test]
fn the_entity_of_a_global_type_comes_from_its_record_and_claims_its_name() {
    let mut bench = Bench::new();
    bench.make_global(GUILD);
    let call = bench.ask(base::Request::MakeGlobal { ty: GUILD });
    db_knows(&mut bench, Some((3, None)));
    db_gives(&mut bench, 3);
    let id = answer(&bench, call).expect("an answer").expect("it lives");
    let claim = bench.find(is_name);
    let holder = Holder { entity: id, ty: GUILD, home: HERE };
    assert_eq!(claim, base_manager::Request::Claim { name: "guild".into(), holder }.into());
}

#[test]
fn a_global_entity_without_a_record_gets_one_and_a_second_one_ends() {
    let mut bench = Bench::new();
    bench.make_global(GUILD);
    let call = bench.ask(base::Request::MakeGlobal { ty: GUILD });
    db_knows(&mut bench, None);
    let id = answer(&bench, call).expect("an answer").expect("it lives");
    assert_eq!(bench.hooks(id), ["on_create"]);
    bench.pass_ms(20);
    assert!(bench.requests().iter().any(|request| matches!(request, Request::Db(db::Request::Commit { .. }))));
    let again = bench.ask(base::Request::MakeGlobal { ty: GUILD });
    assert_eq!(answer(&bench, again), Some(Ok(id)), "there is one already");
    bench.refuse(is_name, Code::NameTaken);
    bench.settle_db();
    assert_eq!(bench.hooks(id), ["on_create", "on_destroy"]);
}
