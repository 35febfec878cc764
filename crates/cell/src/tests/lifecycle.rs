//! Parts come, are backed up, and go.

use kuafu_contract::link::Event;
use kuafu_contract::{Request, console};
use kuafu_core::{Code, EntityId, PropertyNo, Value};
use kuafu_logic::{Effect, Hook, Placement};
use kuafu_node::Input;

use super::rig::*;

type Backup = (EntityId, u64, Vec<(PropertyNo, Value)>, [f32; 3]);

fn backups(events: &[Event]) -> Vec<Backup> {
    let backup = |event: &Event| match event {
        Event::BackedUp { entity, token, values, place, .. } => Some((*entity, *token, values.clone(), place.position)),
        _ => None,
    };
    events.iter().filter_map(backup).collect()
}

#[test]
fn a_part_of_an_older_epoch_changes_nothing() {
    let mut rig = Rig::new();
    let a = entity(1);
    rig.part(base(1), a, AVATAR, 5, [0.0; 3]);
    rig.tick();
    rig.part(base(1), a, AVATAR, 4, [9.0, 0.0, 0.0]);
    rig.send(base(1), Event::DestroyPart { entity: a, real_epoch: 4 });
    rig.tick();
    assert_eq!(rig.count("stale_dropped"), 2.0);
    assert!(rig.host.borrow().entities.contains_key(&a));
    rig.events();
    rig.part(base(1), a, AVATAR, 6, [9.0, 0.0, 0.0]);
    rig.tick();
    let world = rig.host.borrow().world.clone().expect("a world");
    assert_eq!(world.position(a), Some([9.0, 0.0, 0.0]));
    assert!(rig.events().contains(&Event::PartCreated { entity: a, real_epoch: 6 }));
    rig.send(base(1), Event::DestroyPart { entity: a, real_epoch: 6 });
    rig.tick();
    assert!(rig.host.borrow().entities.is_empty());
}

#[test]
fn the_end_of_a_part_that_is_gone_is_told_again() {
    let mut rig = Rig::new();
    rig.send(base(1), Event::DestroyPart { entity: entity(9), real_epoch: 3 });
    rig.tick();
    assert_eq!(rig.events(), [Event::PartGone { entity: entity(9), real_epoch: 3, forever: None }]);
}

#[test]
fn a_base_cannot_see_through_the_parts_of_another() {
    let mut rig = Rig::new();
    let a = rig.player(1, 0.0, 0.0);
    rig.tick();
    rig.send(base(2), Event::AttachWitness { entity: a, witness: 1 });
    rig.tick();
    assert_eq!(rig.count("witnesses_refused"), 1.0);
    assert!(!rig.mirrors.contains_key(&base(2)));
    rig.set(a, MOOD, 2);
    rig.tick();
    assert_eq!(rig.seen(1, a).expect("itself").get(MOOD), Some(&Value::Int(2)));
}

#[test]
fn what_cannot_work_is_refused_when_the_cell_is_made() {
    use kuafu_core::{Chance, Limits};
    let make = |limits: Limits, space: crate::SpaceConfig, tick_hz| {
        let spaces = vec![space];
        let config = crate::CellConfig { address: CELL, limits, definitions: definitions(), spaces, tick_hz };
        crate::CellRole::new(config, Box::new(|_| Err("no host".to_owned())), Chance::from_seed(1))
            .expect_err("refused")
    };
    let flat = crate::SpaceConfig { bounds: [0.0, 0.0, 0.0, 5.0], ..plaza() };
    assert!(matches!(make(Limits::default(), flat, 10), crate::CellError::Space { space, .. } if space == "plaza"));
    assert_eq!(make(Limits::default(), plaza(), 0), crate::CellError::TickHz(0));
    let few = Limits { link_frames_max: 1, ..Limits::default() };
    assert_eq!(make(few, plaza(), 10), crate::CellError::LinkFrames { frames: 1, spaces: 1 });
    assert_eq!(make(Limits::default(), plaza(), 10), crate::CellError::Host("no host".to_owned()));
}

#[test]
fn hooks_come_in_the_order_of_a_life() {
    let mut rig = Rig::new();
    let a = rig.player(1, 0.0, 0.0);
    rig.tick();
    rig.send(base(1), Event::DetachWitness { witness: 1 });
    rig.tick();
    rig.send(base(1), Event::AttachWitness { entity: a, witness: 4 });
    rig.tick();
    rig.send(base(1), Event::DestroyPart { entity: a, real_epoch: 1 });
    rig.tick();
    let attached = |resumed| Heard::Hook(a, Hook::ClientAttached, vec![Value::Bool(resumed)]);
    let plain = |hook| Heard::Hook(a, hook, vec![]);
    let expected =
        [plain(Hook::Create), attached(false), plain(Hook::ClientLost), attached(true), plain(Hook::Destroy)];
    assert_eq!(rig.host.borrow().heard, expected);
}

#[test]
fn a_part_that_cannot_be_is_refused_and_says_why() {
    let mut rig = Rig::with(kuafu_core::Limits { entities_per_cell_max: 1, ..Default::default() }, plaza());
    rig.part(base(1), entity(1), kuafu_core::TypeNo(77), 1, [0.0; 3]);
    rig.part(base(1), entity(2), AVATAR, 1, [0.0; 3]);
    rig.part(base(1), entity(3), AVATAR, 1, [0.0; 3]);
    rig.tick();
    let refused = |event: Event| match event {
        Event::PartRefused { entity, refusal, .. } => Some((entity, refusal.code)),
        _ => None,
    };
    let refused: Vec<_> = rig.events().into_iter().filter_map(refused).collect();
    assert_eq!(refused, [(entity(1), Code::ArgumentInvalid), (entity(3), Code::Busy)]);
}

#[test]
fn a_place_outside_the_space_becomes_the_spawn_point() {
    let mut rig = Rig::new();
    rig.part(base(1), entity(1), AVATAR, 1, [1e9, 0.0, f32::NAN]);
    rig.tick();
    let world = rig.host.borrow().world.clone().expect("a world");
    assert_eq!(world.position(entity(1)), Some([0.0; 3]));
}

#[test]
fn what_must_last_is_backed_up_in_turn_and_only_when_it_changed() {
    let mut rig = Rig::new();
    let a = rig.avatar(1, 1.0, 0.0);
    rig.ticks(21);
    rig.events();
    rig.ticks(40);
    assert!(backups(&rig.events()).is_empty(), "nothing changed");
    rig.set(a, SECRET, "s");
    rig.set(a, MOOD, 4);
    rig.ticks(20);
    assert_eq!(backups(&rig.events()), [(a, 0, vec![(SECRET, "s".into())], [1.0, 0.0, 0.0])]);
    rig.effect(Effect::Teleport { entity: a, position: [2.0, 0.0, 0.0], yaw: None });
    rig.ticks(20);
    assert_eq!(backups(&rig.events()), [(a, 0, vec![], [2.0, 0.0, 0.0])]);
}

#[test]
fn a_backup_that_is_asked_for_comes_at_once_with_its_token() {
    let mut rig = Rig::new();
    let a = rig.avatar(1, 1.0, 0.0);
    rig.ticks(5);
    rig.events();
    rig.set(a, GOLD, 7);
    rig.tick();
    rig.events();
    rig.send(base(1), Event::BackUp { entity: a, token: 44 });
    rig.tick();
    assert_eq!(backups(&rig.events()), [(a, 44, vec![(GOLD, Value::Int(7))], [1.0, 0.0, 0.0])]);
}

#[test]
fn the_last_backup_comes_before_the_end() {
    let mut rig = Rig::new();
    let a = rig.avatar(1, 1.0, 0.0);
    rig.tick();
    rig.events();
    rig.set(a, GOLD, 9);
    rig.effect(Effect::Destroy { entity: a, forever: true, step: 1 });
    rig.tick();
    let events = rig.events();
    let at = |wanted: &dyn Fn(&Event) -> bool| events.iter().position(wanted).expect("told");
    let backup = at(&|event| matches!(event, Event::BackedUp { values, .. } if values == &[(GOLD, Value::Int(9))]));
    let gone = at(&|event| *event == Event::PartGone { entity: a, real_epoch: 1, forever: Some(true) });
    assert!(backup < gone);
}

#[test]
fn a_base_that_is_gone_takes_its_parts_and_eyes_with_it() {
    let mut rig = Rig::new();
    let (a, b) = (rig.player(1, 0.0, 0.0), EntityId::new(kuafu_core::Incarnation(2), 1));
    rig.part(base(2), b, AVATAR, 1, [3.0, 0.0, 0.0]);
    rig.send(base(2), Event::AttachWitness { entity: b, witness: 1 });
    rig.tick();
    assert_eq!(rig.mirror().everyone(1), [a, b]);
    rig.input(Input::LinkDown { peer: base(2) });
    rig.tick();
    assert_eq!(rig.mirror().everyone(1), [a]);
    assert_eq!(rig.host.borrow().hooks_of(b).last(), Some(&Hook::Destroy));
    let frames = rig.mirrors[&base(2)].frames;
    rig.ticks(3);
    assert_eq!(rig.mirrors[&base(2)].frames, frames);
    assert_eq!(rig.count("parts_orphaned"), 1.0);
}

#[test]
fn logic_creates_local_entities_here_and_others_at_their_base() {
    let mut rig = Rig::new();
    let a = rig.player(1, 4.0, 0.0);
    rig.tick();
    rig.events();
    let world = rig.host.borrow().world.clone().expect("a world");
    let (wisp, thing) = (world.draw_id().expect("an id"), world.draw_id().expect("an id"));
    let create = |ty, id, placement, persistent| Effect::Create {
        from: a,
        ty,
        values: vec![(GLOW, Value::Int(2))],
        placement,
        persistent,
        id,
        step: 1,
    };
    rig.effect(create(WISP, wisp, Placement::Nowhere, false));
    let there = Placement::Space { space: None, position: [6.0, 0.0, 1.0], yaw: 1.0 };
    rig.effect(create(THING, thing, there, true));
    rig.tick();
    assert_eq!(rig.seen(1, wisp).expect("in view").get(GLOW), Some(&Value::Int(2)));
    assert_eq!(world.position(wisp), Some([4.0, 0.0, 0.0]));
    let place = Some((SPACE, [6.0, 0.0, 1.0], 1.0));
    let values = vec![(GLOW, Value::Int(2))];
    assert!(rig.events().contains(&Event::CreateEntity { entity: thing, ty: THING, values, place, persistent: true }));
    rig.effect(Effect::Destroy { entity: wisp, forever: false, step: 2 });
    rig.tick();
    assert_eq!(rig.seen(1, wisp), None);
}

#[test]
fn a_save_in_a_cell_is_refused_with_a_fault() {
    let mut rig = Rig::new();
    let a = rig.avatar(1, 0.0, 0.0);
    rig.tick();
    rig.effect(Effect::Save { entity: a, awaiting: Some(kuafu_logic::AwaitId(6)), step: 1 });
    rig.tick();
    let resumed = rig.host.borrow().resumed();
    let [Heard::Resume(kuafu_logic::AwaitId(6), Err(kuafu_logic::Failure::Refused(refusal)))] = resumed.as_slice()
    else {
        panic!("{resumed:?}")
    };
    assert_eq!(refusal.code, Code::NotAllowed);
    let told = rig.notices.iter().any(
        |notice| matches!(notice, Request::Console(console::Request::Fault { type_name, .. }) if type_name == "avatar"),
    );
    assert!(told);
}

#[test]
fn a_flood_of_faults_is_counted_and_not_sent() {
    let mut rig = Rig::new();
    let a = rig.avatar(1, 0.0, 0.0);
    rig.tick();
    for _ in 0..100 {
        rig.effect(Effect::Save { entity: a, awaiting: None, step: 1 });
    }
    rig.tick();
    let faults = |notice: &&Request| matches!(notice, Request::Console(console::Request::Fault { .. }));
    assert_eq!(rig.notices.iter().filter(faults).count(), 20);
    assert_eq!((rig.count("faults"), rig.count("faults_unreported")), (100.0, 80.0));
}

#[test]
fn at_the_end_logic_is_told_and_everything_is_backed_up_before_drained() {
    let mut rig = Rig::new();
    let (a, b) = (rig.avatar(1, 1.0, 0.0), rig.avatar(2, 2.0, 0.0));
    rig.ticks(30);
    rig.set(a, GOLD, 3);
    rig.events();
    rig.input(Input::Drain);
    assert!(!rig.drained);
    rig.tick();
    assert!(rig.drained);
    let told = backups(&rig.events());
    assert_eq!(told, [(a, 0, vec![(GOLD, Value::Int(3))], [1.0, 0.0, 0.0]), (b, 0, vec![], [2.0, 0.0, 0.0])]);
    assert_eq!(rig.host.borrow().hooks_of(b).last(), Some(&Hook::Shutdown));
}

#[test]
fn reports_and_map_pictures_are_sent_while_wanted() {
    let mut rig = Rig::new();
    rig.player(1, 1.0, 2.0);
    rig.avatar(2, 2.0, 0.0);
    rig.ticks(11);
    let report = |notice: &Request| match notice {
        Request::Console(console::Request::Report(report)) => Some(report.clone()),
        _ => None,
    };
    let last = rig.notices.iter().rev().find_map(report).expect("a report");
    let number = |name: &str| last.numbers.iter().find(|(n, _)| n == name).map(|(_, value)| *value);
    assert_eq!((number("entities"), number("witnesses"), number("in_view_mean")), (Some(2.0), Some(1.0), Some(1.0)));
    assert!(last.numbers.is_sorted() && !last.tick_us.is_empty());
    let console = kuafu_contract::Address { role: kuafu_contract::RoleKind::Console, ..base(3) };
    let request = Request::Cell(kuafu_contract::cell::Request::WatchMap { space: SPACE, console });
    rig.notices.clear();
    rig.input(Input::Notice { from: console, request });
    rig.ticks(100);
    let maps: Vec<_> = rig
        .notices
        .iter()
        .filter_map(|notice| match notice {
            Request::Console(console::Request::Map(map)) => Some(map.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(maps.len(), 10, "twice a second for five seconds");
    assert_eq!((maps[0].entities, maps[0].dots.len(), maps[0].dots[0].witness), (2, 2, true));
}
