//! Range queries and triggers against brute force, and who is seen at once in spite of staggered looks.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use kuafu_core::{EntityId, Limits};
use kuafu_space::{
    Bounds, FlatCosts, Index, MoveTo, MovedBy, Position, Radii, Space, SpaceConfig, SpaceError, Spawn, TriggerNo,
    ViewOutput,
};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::time::Duration;

const COSTS: FlatCosts = FlatCosts { enter: 60, catch_up: 45 };

fn space() -> Space {
    let bounds = Bounds::new(Position::new(-40.0, -5.0, -40.0), Position::new(60.0, 50.0, 60.0));
    Space::new(SpaceConfig::new(bounds, Radii { enter: 20.0, leave: 25.0 }, &Limits::default())).unwrap()
}

fn insert(space: &mut Space, id: u64, x: f32, z: f32) -> Index {
    space.insert(&Spawn { id: EntityId(id), position: Position::new(x, 0.0, z), yaw: 0.0, ghost: false }).unwrap()
}

fn brute(space: &Space, x: f32, z: f32, radius: f32) -> Vec<Index> {
    let centre = Position::new(x, 0.0, z);
    let near =
        |index: &Index| space.entities().position(*index).unwrap().ground_distance_squared(centre) <= radius * radius;
    space.entities().iter().filter(near).collect()
}

#[derive(Clone, Debug)]
enum Act {
    Insert(f32, f32),
    Remove(usize),
    Move(usize, f32, f32),
    Trigger(usize, f32),
    Untrigger(usize),
    Step,
    Query(f32, f32, f32),
}

fn act() -> impl Strategy<Value = Act> {
    let place = || -40.0f32..60.0;
    prop_oneof![
        4 => (place(), place()).prop_map(|(x, z)| Act::Insert(x, z)),
        1 => any::<usize>().prop_map(Act::Remove),
        // Small and large ways, along the edges as well.
        4 => (any::<usize>(), -3.0f32..3.0, -3.0f32..3.0).prop_map(|(who, x, z)| Act::Move(who, x, z)),
        1 => (any::<usize>(), -200.0f32..200.0, -200.0f32..200.0).prop_map(|(who, x, z)| Act::Move(who, x, z)),
        1 => (any::<usize>(), 1.0f32..40.0).prop_map(|(who, radius)| Act::Trigger(who, radius)),
        1 => any::<usize>().prop_map(Act::Untrigger),
        3 => Just(Act::Step),
        4 => (-60.0f32..80.0, -60.0f32..80.0, 0.0f32..50.0).prop_map(|(x, z, radius)| Act::Query(x, z, radius)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn queries_and_triggers_are_what_brute_force_says(acts in prop::collection::vec(act(), 1..150)) {
        let mut space = space();
        let mut out = ViewOutput::default();
        let mut triggers: Vec<(TriggerNo, Index, f32, BTreeSet<Index>)> = Vec::new();
        let mut found = Vec::new();
        for (id, act) in (1u64..).zip(&acts) {
            let here: Vec<Index> = space.entities().iter().collect();
            let pick = |number: usize| here.get(number % here.len().max(1)).copied();
            match *act {
                Act::Insert(x, z) => _ = insert(&mut space, id, x, z),
                Act::Remove(who) => {
                    let Some(index) = pick(who) else { continue };
                    space.remove(index).unwrap();
                    triggers.retain(|(_, owner, ..)| *owner != index);
                }
                Act::Move(who, dx, dz) => {
                    let Some(index) = pick(who) else { continue };
                    let from = space.entities().position(index).unwrap();
                    let to = Position::new((from.x + dx).clamp(-40.0, 60.0), 0.0, (from.z + dz).clamp(-40.0, 60.0));
                    space.set_position(index, to, 0.0, MovedBy::Server).unwrap();
                }
                Act::Trigger(who, radius) => {
                    let Some(owner) = pick(who) else { continue };
                    let Ok(no) = space.add_trigger(owner, radius) else { continue };
                    triggers.push((no, owner, radius, BTreeSet::new()));
                }
                Act::Untrigger(which) => {
                    if !triggers.is_empty() {
                        let (no, ..) = triggers.swap_remove(which % triggers.len());
                        space.remove_trigger(no).unwrap();
                        prop_assert_eq!(space.remove_trigger(no), Err(SpaceError::NoTrigger(no)));
                    }
                }
                Act::Step => {
                    space.step(&mut COSTS.clone(), &mut out);
                    for event in &out.triggers {
                        let (_, owner, _, members) =
                            triggers.iter_mut().find(|(no, ..)| *no == event.trigger).expect("a live trigger");
                        prop_assert_eq!(*owner, event.owner);
                        prop_assert!(!event.id.is_none());
                        let news = if event.entered { members.insert(event.entity) } else { members.remove(&event.entity) };
                        prop_assert!(news, "told twice");
                    }
                    for (_, owner, radius, members) in &triggers {
                        let at = space.entities().position(*owner).unwrap();
                        let mut expected: BTreeSet<Index> = brute(&space, at.x, at.z, *radius).into_iter().collect();
                        expected.remove(owner);
                        prop_assert_eq!(members, &expected);
                    }
                }
                Act::Query(x, z, radius) => {
                    space.within(x, z, radius, &mut found);
                    prop_assert_eq!(&found, &brute(&space, x, z, radius));
                }
            }
        }
    }
}

#[test]
fn a_query_without_sense_finds_nothing() {
    let mut space = space();
    insert(&mut space, 1, 0.0, 0.0);
    let mut found = vec![Index(7)];
    for (x, radius) in [(f32::NAN, 5.0), (0.0, f32::NAN), (0.0, -1.0), (f32::INFINITY, 5.0)] {
        space.within(x, 0.0, radius, &mut found);
        assert!(found.is_empty());
    }
    space.within(0.0, 0.0, f32::INFINITY, &mut found);
    assert_eq!(found.len(), 1);
}

#[test]
fn more_insertions_at_once_than_the_list_of_jumps_holds_are_all_found_and_seen() {
    let mut space = space();
    let own = insert(&mut space, 1, 0.0, 0.0);
    let no = space.add_witness(own, 0, None).unwrap();
    let mut out = ViewOutput::default();
    space.step(&mut COSTS.clone(), &mut out);
    for id in 2..3000 {
        insert(&mut space, id, (id % 50) as f32, (id % 47) as f32);
    }
    let mut found = Vec::new();
    space.within(10.0, 10.0, 12.0, &mut found);
    assert_eq!(found, brute(&space, 10.0, 10.0, 12.0));
    space.step(&mut COSTS.clone(), &mut out);
    assert_eq!(space.view_size(no), Some(space.config().view_size_max));
}

#[test]
fn who_comes_new_or_jumps_is_seen_in_the_same_tick_whose_turn_ever_it_is() {
    for delay in 0..3 {
        let mut space = space();
        let own = insert(&mut space, 1, 0.0, 0.0);
        let far = insert(&mut space, 2, 55.0, 55.0);
        let no = space.add_witness(own, 0, None).unwrap();
        let mut out = ViewOutput::default();
        for _ in 0..3 + delay {
            space.step(&mut COSTS.clone(), &mut out);
        }
        assert_eq!(space.view_size(no), Some(0));
        let new = insert(&mut space, 3, 5.0, 0.0);
        space.set_position(far, Position::new(0.0, 0.0, 5.0), 0.0, MovedBy::Server).unwrap();
        space.step(&mut COSTS.clone(), &mut out);
        assert!(space.sees(no, new) && space.sees(no, far));
        space.set_position(far, Position::new(55.0, 0.0, 55.0), 0.0, MovedBy::Server).unwrap();
        space.step(&mut COSTS.clone(), &mut out);
        assert!(space.sees(no, new) && !space.sees(no, far));
    }
}

#[test]
fn a_walker_walks_is_seen_walking_and_arrives_once() {
    let mut space = space();
    let own = insert(&mut space, 1, 0.0, 0.0);
    let walker = insert(&mut space, 2, 3.0, 0.0);
    space.add_witness(own, 0, None).unwrap();
    space.start_move(walker, MoveTo { target: Position::new(3.0, 0.0, 2.0), speed: 4.0 }).unwrap();
    let (mut out, mut arrived, mut moves) = (ViewOutput::default(), Vec::new(), 0);
    for _ in 0..10 {
        space.advance(Duration::from_millis(100), &mut arrived);
        space.step(&mut COSTS.clone(), &mut out);
        moves += out.witnesses.iter().filter(|tick| out.moved_bits(tick) == [2]).count();
    }
    assert_eq!((arrived.as_slice(), space.moving(walker)), ([walker].as_slice(), None));
    // The first stride is in the snapshot with which it enters the view.
    assert_eq!(moves, 4);
    assert_eq!(space.entities().position(walker), Some(Position::new(3.0, 0.0, 2.0)));
    let outside = MoveTo { target: Position::new(99.0, 0.0, 0.0), speed: 4.0 };
    assert_eq!(space.start_move(walker, outside), Err(SpaceError::OutOfBounds));
}

#[test]
fn a_handle_outlives_its_entity_but_not_its_meaning() {
    let mut space = space();
    let first = insert(&mut space, 1, 0.0, 0.0);
    let handle = space.entities().handle(first).unwrap();
    assert_eq!(space.entities().resolve(handle), Some(first));
    space.remove(first).unwrap();
    assert_eq!(space.entities().resolve(handle), None);
    assert_eq!(space.remove(first), Err(SpaceError::NoEntity(first)));
    space.step(&mut COSTS.clone(), &mut ViewOutput::default());
    let second = insert(&mut space, 2, 0.0, 0.0);
    assert_eq!(second, first);
    assert_eq!(space.entities().resolve(handle), None);
}

#[test]
fn a_full_space_and_a_full_owner_refuse() {
    let bounds = Bounds::new(Position::new(0.0, 0.0, 0.0), Position::new(10.0, 0.0, 10.0));
    let config = SpaceConfig::new(bounds, Radii { enter: 5.0, leave: 6.0 }, &Limits::default());
    let mut space = Space::new(SpaceConfig { entities_max: 1, triggers_per_entity_max: 2, ..config }).unwrap();
    let own = insert(&mut space, 1, 0.0, 0.0);
    let second = Spawn { id: EntityId(2), position: Position::default(), yaw: 0.0, ghost: false };
    assert_eq!(space.insert(&second), Err(SpaceError::Full(1)));
    space.add_trigger(own, 1.0).unwrap();
    space.add_trigger(own, 2.0).unwrap();
    assert_eq!(space.add_trigger(own, 3.0), Err(SpaceError::Triggers(2)));
    assert_eq!(space.add_trigger(own, f32::NAN), Err(SpaceError::NotFinite));
}

#[test]
fn who_strayed_into_a_circle_since_the_last_step_is_found() {
    let mut space = space();
    let walker = insert(&mut space, 1, 0.1, 0.0);
    space.step(&mut COSTS.clone(), &mut ViewOutput::default());
    space.set_position(walker, Position::new(-3.6, 0.0, 0.0), 0.0, MovedBy::Server).unwrap();
    let mut found = Vec::new();
    space.within(-10.0, 0.0, 6.5, &mut found);
    assert_eq!(found, [walker]);
}
