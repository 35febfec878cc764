//! Who sees whom and what of them.

use kuafu_contract::link::Event;
use kuafu_core::{Change, Edit, Step, Value};

use super::rig::*;

#[test]
fn two_witnesses_see_each_other_enter_move_and_leave() {
    let mut rig = Rig::new();
    let (a, b) = (rig.player(1, 0.0, 0.0), rig.player(2, 10.0, 0.0));
    rig.tick();
    assert_eq!(rig.mirror().everyone(1), [a, b]);
    assert_eq!(rig.mirror().everyone(2), [a, b]);
    let before = rig.seen(1, b).expect("in view");
    rig.walk(2, 1, 10.3, 0.0);
    rig.tick();
    let after = rig.seen(1, b).expect("in view");
    assert_ne!(after.record, before.record);
    assert_eq!(after.records, 1);
    assert_eq!(rig.seen(2, b).expect("itself").records, 0, "a client is not told of its own accepted move");
    rig.send(base(1), Event::DestroyPart { entity: b, real_epoch: 1 });
    rig.tick();
    assert_eq!(rig.mirror().everyone(1), [a]);
    assert!(rig.events().contains(&Event::PartGone { entity: b, real_epoch: 1, forever: None }));
}

#[test]
fn a_view_begins_with_the_space_and_ones_own_entity_in_slot_0() {
    let mut rig = Rig::new();
    let a = rig.player(1, 3.0, 4.0);
    rig.tick();
    let own = rig.seen(1, a).expect("itself");
    assert_eq!(own.slot, 0);
    assert_eq!(own.properties, [(GOLD, Value::Int(0)), (MOOD, Value::Int(0))]);
    let events = rig.events();
    let Event::PartCreated { entity, real_epoch: 1 } = events[0] else { panic!("{events:?}") };
    assert_eq!(entity, a);
    let Event::SpaceEntered { witness: 1, view } = &events[1] else { panic!("{events:?}") };
    assert_eq!((view.entity, view.space, view.name.as_str(), view.tick_hz), (a, SPACE, "plaza", 10));
    assert_eq!((view.position, view.top_speed, view.view_radius), ([3.0, 0.0, 4.0], 6.0, 50.0));
}

#[test]
fn a_change_comes_once_as_a_delta_and_a_late_comer_gets_the_snapshot() {
    let mut rig = Rig::new();
    let (a, _) = (rig.player(1, 0.0, 0.0), rig.player(2, 5.0, 0.0));
    rig.tick();
    rig.set(a, MOOD, 3);
    let path = vec![Step::Index(0)];
    rig.change(a, Change { property: MARKS, path, edit: Edit::Insert(Value::Int(9)) });
    rig.tick();
    let expected = [(MOOD, Value::Int(3)), (MARKS, Value::List(vec![Value::Int(9)]))];
    let seen = rig.seen(2, a).expect("in view");
    assert_eq!((seen.properties.as_slice(), seen.changes), (&expected[..], 2));
    rig.ticks(5);
    assert_eq!(rig.seen(2, a).expect("in view").changes, 2);
    rig.player(3, 6.0, 0.0);
    rig.tick();
    let late = rig.seen(3, a).expect("in view");
    assert_eq!((late.properties.as_slice(), late.changes), (&expected[..], 0));
}

#[test]
fn each_audience_gets_only_its_own_properties() {
    let mut rig = Rig::new();
    let (a, _) = (rig.player(1, 0.0, 0.0), rig.player(2, 5.0, 0.0));
    rig.tick();
    assert_eq!(rig.seen(2, a).expect("in view").properties, fresh_avatar());
    rig.set(a, GOLD, 50);
    rig.set(a, SECRET, "x");
    rig.tick();
    assert_eq!(rig.seen(1, a).expect("itself").get(GOLD), Some(&Value::Int(50)));
    assert_eq!(rig.seen(2, a).expect("in view").changes, 0);
    rig.set(a, MOOD, 2);
    rig.set(a, MARKS, Value::List(vec![Value::Int(1)]));
    rig.tick();
    let own = rig.seen(1, a).expect("itself");
    assert_eq!((own.get(MOOD), own.get(MARKS), own.changes), (Some(&Value::Int(2)), None, 2));
    assert_eq!(rig.seen(2, a).expect("in view").changes, 2);
}

#[test]
fn a_witness_attached_later_knows_what_changed_while_nobody_watched() {
    let mut rig = Rig::new();
    let a = rig.avatar(1, 0.0, 0.0);
    rig.tick();
    (1..=3).for_each(|gold| {
        rig.set(a, GOLD, gold);
        rig.tick();
    });
    rig.send(base(1), Event::AttachWitness { entity: a, witness: 8 });
    rig.tick();
    assert_eq!(rig.seen(8, a).expect("itself").get(GOLD), Some(&Value::Int(3)));
    rig.set(a, GOLD, 4);
    rig.tick();
    let own = rig.seen(8, a).expect("itself");
    assert_eq!((own.get(GOLD), own.changes), (Some(&Value::Int(4)), 1));
}

#[test]
fn those_who_live_in_the_space_are_there_from_the_beginning() {
    let mut rig = Rig::with(kuafu_core::Limits::default(), crate::SpaceConfig { populate: vec![wisps(14)], ..plaza() });
    rig.player(1, 10.0, 10.0);
    rig.tick();
    let view = rig.mirror().views[&1].clone();
    let wisps: Vec<_> = view.values().filter(|seen| seen.ty == WISP).collect();
    assert_eq!(wisps.len(), 14);
    assert!(wisps.iter().all(|wisp| wisp.get(GLOW) == Some(&Value::Int(4))));
    let mut records: Vec<_> = wisps.iter().map(|wisp| wisp.record).collect();
    records.sort_unstable();
    records.dedup();
    assert_eq!(records.len(), 14, "they are spread");
}

#[test]
fn a_frame_comes_every_tick_while_the_base_has_something_there_and_only_then() {
    let mut rig = Rig::new();
    let a = rig.avatar(1, 0.0, 0.0);
    rig.ticks(5);
    assert_eq!(rig.mirror().world_frames, 5);
    rig.send(base(1), Event::DestroyPart { entity: a, real_epoch: 1 });
    rig.ticks(5);
    assert_eq!(rig.mirror().world_frames, 5);
    assert!(rig.events().iter().any(|event| matches!(event, Event::PartGone { .. })));
}

#[test]
fn a_client_that_takes_over_gets_everything_anew_and_the_old_one_nothing() {
    let mut rig = Rig::new();
    let (a, b) = (rig.player(1, 0.0, 0.0), rig.player(2, 5.0, 0.0));
    rig.tick();
    rig.send(base(1), Event::AttachWitness { entity: a, witness: 30 });
    rig.tick();
    assert_eq!(rig.mirror().everyone(30), [a, b]);
    let old = rig.mirror().views[&1].clone();
    rig.set(b, MOOD, 5);
    rig.walk(2, 1, 5.2, 0.0);
    rig.tick();
    assert_eq!(rig.seen(30, b).expect("in view").get(MOOD), Some(&Value::Int(5)));
    assert_eq!(rig.mirror().views[&1], old);
}

#[test]
fn after_a_resync_every_view_of_that_base_is_whole_again() {
    let mut rig = Rig::new();
    let (a, b) = (rig.player(1, 0.0, 0.0), rig.player(2, 5.0, 0.0));
    rig.part(base(2), kuafu_core::EntityId::new(kuafu_core::Incarnation(2), 1), AVATAR, 1, [3.0, 0.0, 0.0]);
    rig.tick();
    rig.mirror().losing = true;
    rig.set(a, MOOD, 8);
    rig.avatar(3, 4.0, 0.0);
    rig.ticks(2);
    rig.mirror().losing = false;
    rig.send(base(1), Event::Resync);
    rig.tick();
    let seen = rig.seen(2, a).expect("in view");
    assert_eq!((seen.get(MOOD), seen.changes), (Some(&Value::Int(8)), 0));
    assert_eq!(rig.mirror().everyone(2).len(), 4);
    assert_eq!(rig.mirror().everyone(2)[..2], [a, b]);
}

#[test]
fn a_gap_in_a_bases_frames_is_told_to_it() {
    let mut rig = Rig::new();
    rig.avatar(1, 0.0, 0.0);
    rig.tick();
    rig.events();
    rig.lose_frame(base(1));
    rig.avatar(2, 0.0, 0.0);
    rig.tick();
    let events = rig.events();
    assert!(
        events.contains(&Event::Resync) && events.contains(&Event::PartCreated { entity: entity(2), real_epoch: 1 })
    );
}
