//! Moving: by clients, by controllers, by scripts; and triggers.

use kuafu_contract::link::Event;
use kuafu_core::{Code, Value};
use kuafu_logic::{Effect, Hook};

use super::rig::*;

fn corrections(events: &[Event]) -> Vec<(u32, u32, [f32; 3], Code)> {
    let correction = |event: &Event| match event {
        Event::Correct { witness, sequence, position, code, .. } => Some((*witness, *sequence, *position, *code)),
        _ => None,
    };
    events.iter().filter_map(correction).collect()
}

#[test]
fn who_claims_to_be_too_fast_is_told_where_it_is_once_a_tick() {
    let mut rig = Rig::new();
    let (a, _) = (rig.player(1, 0.0, 0.0), rig.player(2, 5.0, 0.0));
    rig.tick();
    let before = rig.seen(2, a).expect("in view");
    rig.walk(1, 1, 0.4, 0.0);
    rig.walk(1, 2, 40.0, 0.0);
    rig.walk(1, 3, 41.0, 0.0);
    rig.tick();
    assert_eq!(corrections(&rig.events()), [(1, 3, [0.4, 0.0, 0.0], Code::MovedTooFar)]);
    let after = rig.seen(2, a).expect("in view");
    assert_eq!(after.records, before.records + 1);
    rig.walk(1, 4, f32::NAN, 0.0);
    rig.tick();
    assert_eq!(corrections(&rig.events())[0].3, Code::OutOfBounds);
}

#[test]
fn of_several_moves_the_last_accepted_one_counts() {
    let mut rig = Rig::new();
    let (a, _) = (rig.player(1, 0.0, 0.0), rig.player(2, 5.0, 0.0));
    rig.ticks(5);
    for step in 1..=4u8 {
        rig.walk(1, u32::from(step), 0.2 * f32::from(step), 0.0);
    }
    rig.tick();
    let seen = rig.seen(2, a).expect("in view");
    assert_eq!(seen.records, 1);
    let lattice = kuafu_space::Lattice::of(&plaza().bounding_box());
    let (at, _) = lattice.restore(kuafu_space::Record(seen.record));
    assert!((at.x - 0.8).abs() < 0.02, "{at:?}");
    assert!(corrections(&rig.events()).is_empty());
}

#[test]
fn a_move_that_changes_no_record_is_not_told() {
    let mut rig = Rig::new();
    let (a, _) = (rig.player(1, 0.0, 0.0), rig.player(2, 5.0, 0.0));
    rig.ticks(2);
    rig.walk(1, 1, 0.0, 0.0);
    rig.tick();
    rig.walk(1, 1, 0.3, 0.0);
    rig.tick();
    assert_eq!(rig.seen(2, a).expect("in view").records, 0);
    assert_eq!(rig.count("stale_dropped"), 1.0, "an old sequence does not count");
}

#[test]
fn a_walk_goes_at_its_speed_and_logic_hears_of_the_arrival() {
    let mut rig = Rig::new();
    let a = rig.player(1, 0.0, 0.0);
    rig.tick();
    rig.effect(Effect::MoveTo { entity: a, target: [3.0, 0.0, 0.0], speed: 10.0 });
    rig.ticks(2);
    assert!(!rig.host.borrow().hooks_of(a).contains(&Hook::Arrive));
    rig.tick();
    assert!(rig.host.borrow().hooks_of(a).contains(&Hook::Arrive));
    assert_eq!(rig.seen(1, a).expect("itself").records, 3, "the server moved it, so its client is told");
    let world = rig.host.borrow().world.clone().expect("a world");
    assert_eq!(world.position(a), Some([3.0, 0.0, 0.0]));
}

#[test]
fn a_walk_out_of_the_space_is_a_fault_of_the_script() {
    let mut rig = Rig::new();
    let a = rig.avatar(1, 0.0, 0.0);
    rig.tick();
    rig.effect(Effect::MoveTo { entity: a, target: [9000.0, 0.0, 0.0], speed: 10.0 });
    rig.tick();
    let fault = rig.notices.iter().any(|notice| {
        matches!(notice, kuafu_contract::Request::Console(kuafu_contract::console::Request::Fault { entry, .. }) if entry == "move_to")
    });
    assert!(fault);
}

#[test]
fn triggers_tell_logic_who_comes_and_goes() {
    let mut rig = Rig::new();
    let (a, b) = (rig.avatar(1, 0.0, 0.0), rig.avatar(2, 30.0, 0.0));
    rig.tick();
    rig.effect(Effect::AddTrigger { entity: a, radius: 10.0 });
    rig.tick();
    rig.effect(Effect::Teleport { entity: b, position: [5.0, 0.0, 0.0], yaw: None });
    rig.ticks(2);
    rig.effect(Effect::Teleport { entity: b, position: [50.0, 0.0, 0.0], yaw: None });
    rig.ticks(2);
    let arguments = vec![Value::Entity(b), Value::Float(10.0)];
    let expected = [Hook::TriggerEnter, Hook::TriggerLeave].map(|hook| Heard::Hook(a, hook, arguments.clone()));
    let heard = rig.host.borrow().heard.clone();
    let told: Vec<_> = heard.into_iter().filter(|heard| expected.contains(heard)).collect();
    assert_eq!(told, expected);
}
