//! Who is near gets more: detail levels, update rates, and how far movement goes.

use kuafu_contract::link::Event;
use kuafu_core::{Change, Edit, EntityId, Limits, PropertyNo, Step, TypeNo, Value};
use kuafu_logic::Effect;
use proptest::prelude::*;

use super::rig::*;

/// Witness 1 with a guard at `x` metres; both are known to each other.
fn with_guard(rig: &mut Rig, x: f32) -> EntityId {
    rig.player(1, 0.0, 0.0);
    someone(rig, GUARD, x)
}

fn someone(rig: &mut Rig, ty: TypeNo, x: f32) -> EntityId {
    rig.part(base(1), entity(2), ty, 1, [x, 0.0, 0.0]);
    rig.tick();
    entity(2)
}

fn put(rig: &mut Rig, entity: EntityId, x: f32) {
    teleport(rig, entity, x, None);
    rig.tick();
}

fn teleport(rig: &mut Rig, entity: EntityId, x: f32, yaw: Option<f32>) {
    rig.effect(Effect::Teleport { entity, position: [x, 0.0, 0.0], yaw });
}

fn push(rig: &mut Rig, entity: EntityId, property: PropertyNo, item: i64) {
    let edit = Edit::Insert(Value::Int(item));
    rig.change(entity, Change { property, path: vec![Step::Index(0)], edit });
}

/// Adds to the end of a list: what comes twice, or to a list that is shorter than it should be, does not fit.
fn append(rig: &mut Rig, entity: EntityId, property: PropertyNo, item: i64) {
    let index = {
        let spaces = rig.cell.world.spaces.borrow();
        let (_, part) = spaces.part(entity).expect("here");
        let at = part.layout.position(property).expect("of the cell");
        let Value::List(items) = &part.values[at] else { panic!("{property} is no list") };
        items.len() as u32
    };
    let edit = Edit::Insert(Value::Int(item));
    rig.change(entity, Change { property, path: vec![Step::Index(index)], edit });
}

fn list(items: &[i64]) -> Value {
    Value::List(items.iter().copied().map(Value::Int).collect())
}

fn value(rig: &mut Rig, of: EntityId, property: PropertyNo) -> Option<Value> {
    rig.seen(1, of).expect("in view").get(property).cloned()
}

#[test]
fn who_enters_from_afar_shows_only_what_goes_that_far() {
    for (x, expected) in
        [(5.0, vec![RANK, HEALTH, GEAR, AIM, PATH]), (15.0, vec![RANK, HEALTH, AIM, PATH]), (40.0, vec![RANK, AIM])]
    {
        let mut rig = Rig::new();
        let guard = with_guard(&mut rig, x);
        let seen = rig.seen(1, guard).expect("in view");
        let numbers: Vec<_> = seen.properties.iter().map(|(no, _)| *no).collect();
        assert_eq!((numbers, seen.changes), (expected, 0), "at {x} m");
    }
}

#[test]
fn who_comes_near_shows_its_present_values_and_who_goes_away_its_last_ones() {
    let mut rig = Rig::new();
    let guard = with_guard(&mut rig, 40.0);
    rig.set(guard, HEALTH, 7);
    push(&mut rig, guard, GEAR, 1);
    rig.tick();
    assert_eq!(rig.seen(1, guard).expect("in view").changes, 0);
    put(&mut rig, guard, 18.0);
    assert_eq!(rig.seen(1, guard).expect("in view").changes, 2, "each property of the layer once");
    assert_eq!((value(&mut rig, guard, HEALTH), value(&mut rig, guard, GEAR)), (Some(Value::Int(7)), None));
    put(&mut rig, guard, 6.0);
    assert_eq!(value(&mut rig, guard, GEAR), Some(list(&[1])));
    push(&mut rig, guard, GEAR, 2);
    rig.tick();
    put(&mut rig, guard, 30.0);
    push(&mut rig, guard, GEAR, 3);
    rig.set(guard, HEALTH, 8);
    rig.ticks(3);
    assert_eq!(
        (value(&mut rig, guard, HEALTH), value(&mut rig, guard, GEAR)),
        (Some(Value::Int(7)), Some(list(&[2, 1])))
    );
    push(&mut rig, guard, GEAR, 4);
    put(&mut rig, guard, 6.0);
    assert_eq!(
        (value(&mut rig, guard, HEALTH), value(&mut rig, guard, GEAR)),
        (Some(Value::Int(8)), Some(list(&[4, 3, 2, 1])))
    );
}

#[test]
fn it_is_the_observer_too_that_comes_near() {
    let mut rig = Rig::new();
    let guard = with_guard(&mut rig, 20.2);
    rig.set(guard, HEALTH, 3);
    rig.ticks(3);
    assert_eq!(value(&mut rig, guard, HEALTH), None);
    rig.walk(1, 1, 0.4, 0.0);
    rig.tick();
    assert_eq!(value(&mut rig, guard, HEALTH), Some(Value::Int(3)));
}

#[test]
fn between_a_ring_and_its_hysteresis_everything_stays_as_it_was() {
    let mut rig = Rig::new();
    let guard = with_guard(&mut rig, 22.0);
    rig.set(guard, HEALTH, 1);
    rig.tick();
    assert_eq!(value(&mut rig, guard, HEALTH), None);
    put(&mut rig, guard, 19.0);
    put(&mut rig, guard, 22.0);
    let changes = rig.seen(1, guard).expect("in view").changes;
    rig.set(guard, HEALTH, 2);
    rig.tick();
    let seen = rig.seen(1, guard).expect("in view");
    assert_eq!((seen.get(HEALTH), seen.changes), (Some(&Value::Int(2)), changes + 1));
    put(&mut rig, guard, 26.0);
    put(&mut rig, guard, 22.0);
    rig.set(guard, HEALTH, 3);
    rig.tick();
    assert_eq!(value(&mut rig, guard, HEALTH), Some(Value::Int(2)));
}

#[test]
fn two_witnesses_each_get_their_own_level_and_changes_are_encoded_once() {
    let mut rig = Rig::new();
    let guard = with_guard(&mut rig, 5.0);
    rig.player(3, 40.0, 0.0);
    rig.player(4, 6.0, 0.0);
    rig.tick();
    rig.set(guard, RANK, 1);
    push(&mut rig, guard, GEAR, 9);
    rig.tick();
    let seen = [1, 3, 4].map(|witness| rig.seen(witness, guard).expect("in view"));
    assert_eq!(seen.each_ref().map(|seen| seen.get(RANK).cloned()), [const { Some(Value::Int(1)) }; 3]);
    assert_eq!(seen.each_ref().map(|seen| seen.get(GEAR).cloned()), [Some(list(&[9])), None, Some(list(&[9]))]);
    let own = rig.seen(1, entity(1)).expect("itself");
    assert_eq!(own.changes, 0);
}

#[test]
fn a_witness_to_whom_nothing_of_a_change_goes_gets_no_frame() {
    let mut rig = Rig::new();
    let guard = with_guard(&mut rig, 45.0);
    rig.ticks(3);
    push(&mut rig, guard, GEAR, 1);
    teleport(&mut rig, guard, 44.0, Some(1.0));
    let before = rig.mirror().lengths.len();
    rig.tick();
    let empty = rig.mirror().lengths[before - 1];
    // A row for the record, none for the witness.
    assert!(rig.mirror().lengths[before] <= empty + 11);
    assert_eq!(rig.seen(1, guard).expect("in view").records, 0);
}

#[test]
fn details_wait_for_room_and_the_nearest_comes_first() {
    let limits = Limits { client_bytes_per_tick_max: 200, ..Limits::default() };
    let mut rig = Rig::with(limits, plaza());
    rig.player(1, 0.0, 0.0);
    for n in 2..=21 {
        rig.part(base(1), entity(n), GUARD, 1, [40.0, 0.0, 0.0]);
    }
    rig.ticks(40);
    assert_eq!(rig.mirror().everyone(1).len(), 21);
    for n in 2..=21 {
        rig.set(entity(n), GEAR, list(&[7; 20]));
        teleport(&mut rig, entity(n), n as f32 * 0.3, None);
    }
    rig.tick();
    let has = |rig: &mut Rig, n: u32| rig.seen(1, entity(n)).expect("in view").get(GEAR).is_some();
    let nearer: Vec<u32> = (2..=21).filter(|n| has(&mut rig, *n)).collect();
    assert!(!nearer.is_empty() && nearer.len() < 10, "{nearer:?}");
    assert_eq!(nearer, (2..2 + nearer.len() as u32).collect::<Vec<_>>());
    // Twice as many would fit, were the budget of a tick not lessened by what details took in the last one.
    rig.ticks(11);
    assert!((2..=21).filter(|n| has(&mut rig, *n)).count() < 16);
    rig.ticks(60);
    assert!((2..=21).all(|n| has(&mut rig, n)));
    let bytes: Vec<usize> = rig.mirror().lengths.clone();
    assert!(bytes.iter().max().is_some_and(|most| *most < 2_000), "{bytes:?}");
}

#[test]
fn state_that_was_held_back_and_a_rise_do_not_tell_a_change_twice() {
    let mut rig = Rig::new();
    let guard = with_guard(&mut rig, 10.0);
    rig.send(base(1), Event::Credits(vec![(1, 0)]));
    push(&mut rig, guard, PATH, 1);
    push(&mut rig, guard, GEAR, 1);
    rig.ticks(2);
    push(&mut rig, guard, GEAR, 2);
    rig.tick();
    rig.send(base(1), Event::Credits(vec![(1, 12)]));
    teleport(&mut rig, guard, 3.0, None);
    push(&mut rig, guard, GEAR, 3);
    rig.ticks(3);
    rig.send(base(1), Event::Credits(vec![]));
    push(&mut rig, guard, GEAR, 4);
    rig.ticks(10);
    let seen = [GEAR, PATH].map(|no| value(&mut rig, guard, no));
    assert_eq!(seen, [Some(list(&[4, 3, 2, 1])), Some(list(&[1]))]);
}

#[test]
fn others_are_told_now_and_then_and_the_newest_is_not_lost() {
    let mut rig = Rig::new();
    let guard = with_guard(&mut rig, 40.0);
    rig.send(base(1), Event::AttachWitness { entity: guard, witness: 2 });
    rig.ticks(3);
    let mut told = Vec::new();
    for aim in 1..=12 {
        rig.set(guard, AIM, aim);
        rig.tick();
        assert_eq!(rig.seen(2, guard).expect("itself").get(AIM), Some(&Value::Int(aim)), "its own client at once");
        told.push(value(&mut rig, guard, AIM));
    }
    let expected = [1, 1, 1, 1, 1, 6, 6, 6, 6, 6, 11, 11].map(|aim| Some(Value::Int(aim)));
    assert_eq!(told, expected);
    rig.ticks(3);
    assert_eq!(value(&mut rig, guard, AIM), Some(Value::Int(11)));
    rig.ticks(1);
    assert_eq!(value(&mut rig, guard, AIM), Some(Value::Int(12)));
    assert_eq!(rig.seen(1, guard).expect("in view").changes, 4);
}

#[test]
fn who_enters_between_two_updates_knows_what_the_others_know() {
    let mut rig = Rig::new();
    let guard = with_guard(&mut rig, 10.0);
    push(&mut rig, guard, PATH, 1);
    rig.tick();
    push(&mut rig, guard, PATH, 2);
    rig.tick();
    rig.player(3, 1.0, 0.0);
    rig.tick();
    let path = |rig: &mut Rig, witness| rig.seen(witness, guard).expect("in view").get(PATH).cloned();
    assert_eq!([path(&mut rig, 1), path(&mut rig, 3)], [const { Some(()) }; 2].map(|_| Some(list(&[1]))));
    push(&mut rig, guard, PATH, 3);
    rig.ticks(3);
    assert_eq!([path(&mut rig, 1), path(&mut rig, 3)], [const { Some(()) }; 2].map(|_| Some(list(&[3, 2, 1]))));
}

#[test]
fn a_statue_stays_where_it_was_when_it_came_into_view() {
    let mut rig = Rig::new();
    rig.player(1, 0.0, 0.0);
    let statue = someone(&mut rig, STATUE, 10.0);
    let record = rig.seen(1, statue).expect("in view").record;
    teleport(&mut rig, statue, 12.0, Some(1.0));
    rig.ticks(2);
    let seen = rig.seen(1, statue).expect("in view");
    assert_eq!((seen.record, seen.records), (record, 0));
    rig.player(3, 1.0, 0.0);
    rig.tick();
    assert_ne!(rig.seen(3, statue).expect("in view").record, record, "who comes later finds it where it is");
}

#[test]
fn movement_goes_as_far_as_it_says_and_is_caught_up_with() {
    let mut rig = Rig::new();
    let guard = with_guard(&mut rig, 45.0);
    let far = rig.seen(1, guard).expect("in view").record;
    put(&mut rig, guard, 36.0);
    assert_eq!(rig.seen(1, guard).expect("in view").record, far);
    teleport(&mut rig, guard, 20.0, Some(2.0));
    rig.tick();
    let truth = |rig: &Rig| {
        let spaces = rig.cell.world.spaces.borrow();
        let home = spaces.home(guard).expect("here");
        spaces.open[0].space.entities().record(home.index).expect("here").0
    };
    let seen = rig.seen(1, guard).expect("in view").record;
    assert_eq!((&seen[..6], seen[6]), (&truth(&rig)[..6], far[6]), "it turned unseen");
    put(&mut rig, guard, 9.0);
    assert_eq!(rig.seen(1, guard).expect("in view").record, truth(&rig));
    put(&mut rig, guard, 36.0);
    let last = rig.seen(1, guard).expect("in view").record;
    assert_ne!(last, truth(&rig));
    // It is the witness that comes near now.
    teleport(&mut rig, entity(1), 8.0, None);
    rig.tick();
    assert_eq!(rig.seen(1, guard).expect("in view").record[..6], truth(&rig)[..6]);
}

#[test]
fn a_ball_rolls_and_does_not_turn() {
    let mut rig = Rig::new();
    rig.player(1, 0.0, 0.0);
    let ball = someone(&mut rig, BALL, 10.0);
    let before = rig.seen(1, ball).expect("in view").record;
    rig.effect(Effect::MoveTo { entity: ball, target: [10.0, 0.0, 30.0], speed: 5.0 });
    rig.tick();
    teleport(&mut rig, ball, 14.0, Some(1.5));
    rig.ticks(2);
    let seen = rig.seen(1, ball).expect("in view");
    assert_eq!(seen.record[6], before[6]);
    assert_ne!(seen.record[..6], before[..6]);
    let turned = seen.records;
    teleport(&mut rig, ball, 14.0, Some(3.0));
    rig.tick();
    assert_eq!(rig.seen(1, ball).expect("in view").records, turned, "a turn alone is nothing");
}

#[test]
fn a_view_that_begins_anew_has_its_levels_anew() {
    let mut rig = Rig::new();
    let guard = with_guard(&mut rig, 5.0);
    push(&mut rig, guard, GEAR, 1);
    rig.tick();
    put(&mut rig, guard, 40.0);
    rig.mirror().losing = true;
    rig.tick();
    rig.mirror().losing = false;
    rig.send(base(1), Event::Resync);
    rig.tick();
    let seen = rig.seen(1, guard).expect("in view");
    assert_eq!((seen.get(GEAR), seen.changes), (None, 0));
}

/// What a guard does in a tick.
#[derive(Clone, Debug)]
enum Act {
    Nothing,
    Step(f32, f32),
    Jump(f32, f32),
    Change(u8),
    Squeeze(Option<u32>),
}

fn act() -> impl Strategy<Value = Act> {
    let far = || -32.0..32.0f32;
    prop_oneof![
        2 => Just(Act::Nothing),
        6 => (-0.55..0.55f32, -0.2..0.2f32).prop_map(|(x, z)| Act::Step(x, z)),
        2 => (far(), far()).prop_map(|(x, z)| Act::Jump(x, z)),
        6 => (0..5u8).prop_map(Act::Change),
        1 => prop::option::of(0..80u32).prop_map(Act::Squeeze),
    ]
}

fn act_out(rig: &mut Rig, n: u32, act: &Act, no: u32) {
    let guard = entity(n);
    match *act {
        Act::Nothing => {}
        Act::Step(dx, dz) => {
            let world = rig.host.borrow().world.clone().expect("a world");
            let [x, _, z] = world.position(guard).expect("here");
            rig.walk(n, no + 1, x + dx, z + dz);
        }
        Act::Jump(x, z) => rig.effect(Effect::Teleport { entity: guard, position: [x, 0.0, z], yaw: Some(x) }),
        Act::Change(0) => rig.set(guard, RANK, i64::from(no)),
        Act::Change(1) => rig.set(guard, HEALTH, i64::from(no)),
        Act::Change(2) => rig.set(guard, AIM, i64::from(no)),
        Act::Change(3) => append(rig, guard, GEAR, i64::from(no)),
        Act::Change(_) => append(rig, guard, PATH, i64::from(no)),
        Act::Squeeze(Some(bytes)) => rig.send(base(1), Event::Credits(vec![(n, bytes)])),
        Act::Squeeze(None) => rig.send(base(1), Event::Credits(vec![])),
    }
}

proptest! {
    /// Five guards walk, jump and change among each other. [`Watch`] looks after every tick; at the end all is told.
    #[test]
    fn every_witness_ends_with_the_truth_of_its_level(
        script in prop::collection::vec(prop::collection::vec(act(), 5), 1..80),
        history in 1..8u32,
    ) {
        let mut rig = Rig::with(Limits { history_blobs_max: history, ..Limits::default() }, plaza());
        for n in 1..=5 {
            rig.part(base(1), entity(n), GUARD, 1, [n as f32 * 6.0, 0.0, 0.0]);
            rig.send(base(1), Event::AttachWitness { entity: entity(n), witness: n });
        }
        rig.tick();
        for (acts, no) in script.iter().zip(1..) {
            for (act, n) in acts.iter().zip(1..) {
                act_out(&mut rig, n, act, no);
            }
            rig.tick();
        }
        rig.send(base(1), Event::Credits(vec![]));
        rig.ticks(12);
        super::random::check_truth(&mut rig)?;
    }
}
