//! The plaza example: its definitions and scripts load, and its scenes play as its players expect.

use std::path::Path;
use std::sync::Arc;

use crate::support::{SELF, Stage};
use kuafu_core::{Code, EntityId, Limits, Value};
use kuafu_def::{Definitions, Part};
use kuafu_logic::{Answer, Audience, AwaitId, Effect, Failure, Hook, LogicHost, Placement};

const OTHER: EntityId = EntityId(8);
const THING: EntityId = EntityId(30);

fn plaza() -> Arc<Definitions> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/plaza/entities");
    let loaded = Definitions::load(&dir).unwrap_or_else(|problems| panic!("{problems:#?}"));
    assert_eq!(loaded.ids_changed, None, "entities/ids.lock is up to date");
    Arc::new(loaded.definitions)
}

/// A host of the plaza with one entity, which has been created.
fn stage(ty: &str, part: Part) -> Stage {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/plaza/scripts");
    let texts: Vec<(String, String)> = ["avatar", "thing", "wisp"]
        .iter()
        .map(|name| {
            (format!("{name}.luau"), std::fs::read_to_string(dir.join(format!("{name}.luau"))).expect("a script"))
        })
        .collect();
    let texts: Vec<(&str, &str)> = texts.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let mut stage = Stage::of(plaza(), ty, part, &texts, Limits::default());
    stage.hook(Hook::Create);
    assert_eq!(stage.faults(), [""; 0]);
    stage.changes();
    stage
}

fn awaited(effects: &[Effect]) -> AwaitId {
    let found = effects.iter().find_map(|effect| match effect {
        Effect::Call { awaiting, .. } | Effect::Save { awaiting, .. } => *awaiting,
        _ => None,
    });
    found.unwrap_or_else(|| panic!("nothing is awaited: {effects:?}"))
}

fn called(effects: &[Effect]) -> Vec<&str> {
    let mut names = Vec::new();
    for effect in effects {
        if let Effect::Call { method, .. } = effect {
            names.push(&**method);
        }
    }
    names
}

fn item(kind: i64, hue: i64) -> Value {
    Value::List(vec![kind.into(), hue.into()])
}

fn vec3(x: f32, y: f32, z: f32) -> Value {
    Value::Vector(kuafu_core::Quantity::from_slice(&[x, y, z]).expect("three"))
}

fn bag(stage: &Stage) -> Vec<Value> {
    match stage.read("bag") {
        Value::List(items) => items,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_new_avatar_has_ten_gold_and_a_few_things() {
    let stage = stage("avatar", Part::Base);
    assert_eq!(stage.read("gold"), Value::Int(10));
    assert_eq!(bag(&stage).len(), 3);
}

#[test]
fn what_is_said_reaches_20_metres_and_what_is_shouted_60() {
    let mut stage = stage("avatar", Part::Cell);
    stage.call("say", vec![Value::text("hello")]);
    stage.call("shout", vec![Value::text("HELLO")]);
    stage.call("say", vec![Value::text("")]);
    stage.call("wave", vec![]);
    let effects: Vec<(Audience, Vec<Value>)> = stage
        .effects()
        .into_iter()
        .map(|effect| match effect {
            Effect::CallClient { audience, arguments, .. } => (audience, arguments),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        effects,
        [
            (Audience::Within(20.0), vec![Value::text("hello"), false.into()]),
            (Audience::Within(60.0), vec![Value::text("HELLO"), true.into()]),
            (Audience::All, vec![]),
        ]
    );
}

#[test]
fn the_colour_of_the_clothes_is_changed_through_the_cell_part() {
    let mut base = stage("avatar", Part::Base);
    base.call("set_hue", vec![Value::Int(200)]);
    let effects = base.effects();
    assert!(matches!(&effects[..], [Effect::Call { part: Part::Cell, method, arguments, awaiting: None, .. }]
        if &**method == "paint" && arguments[..] == [Value::Int(200)]));
    let mut cell = stage("avatar", Part::Cell);
    cell.call("paint", vec![Value::Int(200)]);
    assert_eq!((cell.read("hue"), cell.changes().len()), (Value::Int(200), 1));
}

#[test]
fn a_deposit_is_answered_with_the_sum_after_the_commit() {
    let mut stage = stage("avatar", Part::Base);
    let Answer::Pending(token) = stage.call("deposit", vec![Value::Int(5)]) else { panic!("{:?}", stage.faults()) };
    let id = awaited(&stage.effects());
    // Another one comes while the first is being saved.
    assert!(matches!(stage.call("deposit", vec![Value::Int(7)]), Answer::Pending(_)));
    let second = awaited(&stage.effects());
    stage.resume(id, Ok(Value::Bool(true)));
    assert_eq!(stage.effects(), [Effect::Answer { token, outcome: Ok(Value::Int(15)) }]);
    stage.resume(second, Err(Failure::Unknown));
    let effects = stage.effects();
    assert!(matches!(&effects[..], [Effect::Answer { outcome: Err(refusal), .. }] if refusal.code == Code::Refused));
    assert_eq!(stage.read("gold"), Value::Int(22));
}

#[test]
fn a_thing_is_dropped_in_one_transaction_with_the_bag_and_never_twice() {
    let mut stage = stage("avatar", Part::Base);
    let before = bag(&stage);
    let answers = [stage.call("drop", vec![Value::Int(1)]), stage.call("drop", vec![Value::Int(1)])];
    assert!(answers.iter().all(|answer| matches!(answer, Answer::Pending(_))), "{:?}", stage.faults());
    let asked = stage.effects();
    let (first, second) = (awaited(&asked[..1]), awaited(&asked[1..]));
    stage.resume(first, Ok(vec3(3.0, 0.0, 4.0)));
    let effects = stage.effects();
    let [
        Effect::Create { placement, persistent: true, values, step, .. },
        Effect::Save { awaiting: Some(saved), step: save_step, .. },
    ] = &effects[..]
    else {
        panic!("{effects:?} {:?}", stage.faults())
    };
    assert_eq!(step, save_step);
    assert_eq!(*placement, Placement::Space { space: None, position: [3.0, 0.0, 4.0], yaw: 0.0 });
    assert_eq!(values.iter().map(|(_, value)| value.clone()).collect::<Vec<_>>(), {
        let Value::List(fields) = before[1].clone() else { panic!() };
        // By the names of the properties: hue, kind.
        vec![fields[1].clone(), fields[0].clone()]
    });
    assert_eq!(bag(&stage), [before[0].clone(), before[2].clone()]);
    stage.resume(second, Ok(vec3(3.0, 0.0, 4.0)));
    let saved = *saved;
    stage.resume(saved, Ok(Value::Bool(true)));
    let effects = stage.effects();
    assert!(
        matches!(&effects[..], [
        Effect::Answer { outcome: Err(refusal), .. },
        Effect::Answer { outcome: Ok(Value::Bool(true)), .. },
    ] if refusal.text == "it is gone already"),
        "{effects:?}"
    );
    assert_eq!(stage.faults(), [""; 0]);
    assert!(
        matches!(stage.call("drop", vec![Value::Int(9)]), Answer::Done(Err(refusal)) if refusal.code == Code::Refused)
    );
}

#[test]
fn a_thing_gives_itself_once_and_is_deleted_in_the_same_step() {
    let mut stage = stage("thing", Part::Base);
    assert_eq!(stage.call("take", vec![]), Answer::Done(Ok(Value::Bool(true))));
    assert_eq!(stage.call("take", vec![]), Answer::Done(Ok(Value::Bool(false))));
    assert!(matches!(stage.effects()[..], [Effect::Destroy { entity: SELF, forever: true, .. }]));
}

#[test]
fn a_thing_is_picked_up_only_from_nearby() {
    let mut stage = stage("avatar", Part::Cell);
    let thing = Arc::clone(stage.definitions.by_name("thing").expect("the type"));
    let place = |stage: &Stage, x: f32| {
        stage.world.at.borrow_mut().insert(THING, (thing.no, [x, 0.0, 2.0]));
    };
    let no = |name: &str| thing.property_by_name(name).expect("the property").no;
    stage.world.public.borrow_mut().extend([((THING, no("kind")), Value::Int(2)), ((THING, no("hue")), Value::Int(9))]);
    let refused =
        |answer: Answer, text: &str| matches!(answer, Answer::Done(Err(refusal)) if refusal.text.contains(text));
    assert!(refused(stage.call("pick", vec![Value::Entity(OTHER)]), "nothing to pick up"));
    assert!(refused(stage.call("pick", vec![Value::Entity(THING)]), "nothing to pick up"));
    place(&stage, 4.5);
    assert!(refused(stage.call("pick", vec![Value::Entity(THING)]), "too far"));
    place(&stage, 3.5);
    let Answer::Pending(token) = stage.call("pick", vec![Value::Entity(THING)]) else { panic!("{:?}", stage.faults()) };
    let effects = stage.effects();
    let [Effect::Call { to: SELF, part: Part::Base, method, arguments, awaiting: Some(id), .. }] = &effects[..] else {
        panic!("{effects:?}")
    };
    assert_eq!((&**method, &arguments[0]), ("collect", &Value::Entity(THING)));
    let item_given = Value::Map(vec![(Value::text("hue"), 9.into()), (Value::text("kind"), Value::text("hat"))]);
    assert_eq!(arguments[1], item_given);
    let id = *id;
    stage.resume(id, Ok(Value::Bool(true)));
    assert_eq!(stage.effects(), [Effect::Answer { token, outcome: Ok(Value::Bool(true)) }]);
}

#[test]
fn what_is_collected_is_saved_in_the_step_that_it_was_given_in() {
    let mut stage = stage("avatar", Part::Base);
    let collect = vec![Value::Entity(THING), item(2, 9)];
    let Answer::Pending(token) = stage.call("collect", collect.clone()) else { panic!("{:?}", stage.faults()) };
    let effects = stage.effects();
    assert_eq!(called(&effects), ["take"]);
    stage.resume(awaited(&effects), Ok(Value::Bool(true)));
    let effects = stage.effects();
    assert!(matches!(&effects[..], [Effect::Save { .. }]), "{effects:?}");
    assert_eq!(bag(&stage)[3], item(2, 9));
    stage.resume(awaited(&effects), Ok(Value::Bool(true)));
    assert_eq!(stage.effects(), [Effect::Answer { token, outcome: Ok(Value::Bool(true)) }]);

    // Another was quicker.
    stage.call("collect", collect);
    let id = awaited(&stage.effects());
    stage.resume(id, Ok(Value::Bool(false)));
    assert!(matches!(stage.effects()[..], [Effect::Answer { outcome: Ok(Value::Bool(false)), .. }]));
    assert_eq!((bag(&stage).len(), stage.read("arriving")), (4, Value::Int(0)));
}

#[test]
fn a_bag_takes_no_more_than_it_holds_even_when_many_things_arrive_at_once() {
    let mut stage = stage("avatar", Part::Base);
    let mut refused = 0;
    for _ in 0..25 {
        match stage.call("collect", vec![Value::Entity(THING), item(0, 1)]) {
            Answer::Pending(_) => {}
            Answer::Done(Err(refusal)) if refusal.text == "your bag is full" => refused += 1,
            done @ Answer::Done(_) => panic!("{done:?}"),
        }
    }
    assert_eq!(refused, 4, "21 places were free");
    let asked: Vec<AwaitId> = stage.effects().iter().map(|effect| awaited(std::slice::from_ref(effect))).collect();
    for id in asked {
        stage.resume(id, Ok(Value::Bool(true)));
    }
    assert_eq!((bag(&stage).len(), stage.faults()), (24, vec![]));
}

#[test]
fn a_wisp_wanders_near_its_home_and_flees_from_avatars() {
    let mut stage = stage("wisp", Part::Cell);
    assert!(matches!(stage.effects()[..], [Effect::AddTrigger { radius: 4.0, .. }]));
    let far = |target: &[f32; 3]| (target[0] - 1.0).hypot(target[2] - 2.0);
    for _ in 0..50 {
        stage.advance_ms(6_000);
        let effects = stage.effects();
        let [Effect::MoveTo { target, speed, .. }] = &effects[..] else { panic!("{effects:?} {:?}", stage.faults()) };
        assert!(far(target) <= 25.01 && *speed < 2.0);
        stage.hook(Hook::Arrive);
    }
    let avatar = stage.definitions.by_name("avatar").expect("the type").no;
    stage.world.at.borrow_mut().insert(THING, (avatar, [3.0, 0.0, 2.0]));
    let enter = |stage: &mut Stage, who| {
        stage.host.hook(stage.now, SELF, Hook::TriggerEnter, &[Value::Entity(who), Value::Float(4.0)]);
    };
    enter(&mut stage, OTHER);
    assert_eq!((stage.effects(), stage.read("startled")), (vec![], Value::Bool(false)), "another wisp");
    enter(&mut stage, THING);
    enter(&mut stage, THING);
    assert_eq!((stage.effects(), stage.read("startled")), (vec![Effect::Stop { entity: SELF }], Value::Bool(true)));
    stage.advance_ms(1_900);
    assert_eq!(stage.effects(), [], "it does not wander while it is startled");
    stage.advance_ms(200);
    let effects = stage.effects();
    let flight = effects.iter().find_map(|effect| match effect {
        Effect::MoveTo { target, speed, .. } if *speed == 4.0 => Some(*target),
        _ => None,
    });
    let target = flight.unwrap_or_else(|| panic!("{effects:?} {:?}", stage.faults()));
    assert!((target[0] - -11.0).abs() < 0.01 && (target[2] - 2.0).abs() < 0.01, "{target:?}");
    assert_eq!(stage.read("startled"), Value::Bool(false));
    assert_eq!(stage.host.counters().faults, 0);
}
