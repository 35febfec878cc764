//! Too little room: slow clients, blocked links, frames that are too large.

use kuafu_contract::link::Event;
use kuafu_core::{Limits, Value};
use kuafu_logic::{Audience, Effect};

use super::rig::*;

#[test]
fn a_slow_client_sees_the_nearest_first_and_everyone_in_the_end() {
    let mut rig = Rig::with(Limits { client_bytes_per_tick_max: 100, ..Limits::default() }, plaza());
    for n in 2..=30 {
        rig.avatar(n, n as f32, 0.0);
    }
    rig.player(1, 0.0, 0.0);
    rig.tick();
    let first = rig.mirror().everyone(1);
    assert!((2..10).contains(&first.len()), "{first:?}");
    assert!(first.contains(&entity(2)) && !first.contains(&entity(30)));
    assert!(rig.count("held_back") > 0.0);
    rig.ticks(30);
    assert_eq!(rig.mirror().everyone(1).len(), 30);
}

#[test]
fn what_a_client_takes_is_what_its_base_says_until_it_is_not_named_any_more() {
    let mut rig = Rig::new();
    rig.player(1, 0.0, 0.0);
    rig.tick();
    rig.send(base(1), Event::Credits(vec![(1, 0), (77, 5)]));
    let b = rig.avatar(2, 1.0, 0.0);
    rig.ticks(3);
    assert_eq!(rig.seen(1, b), None);
    rig.set(b, MOOD, 3);
    rig.send(base(1), Event::Credits(vec![]));
    rig.tick();
    assert_eq!(rig.seen(1, b).expect("in view").get(MOOD), Some(&Value::Int(3)));
}

#[test]
fn state_that_was_held_back_catches_up_from_history_or_else_whole() {
    for (changes, history, expected_changes) in [(3, 32, 3), (40, 4, 2)] {
        let limits = Limits { history_blobs_max: history, ..Limits::default() };
        let mut rig = Rig::with(limits, plaza());
        let (_, b) = (rig.player(1, 0.0, 0.0), rig.avatar(2, 1.0, 0.0));
        rig.tick();
        rig.send(base(1), Event::Credits(vec![(1, 0)]));
        for mood in 1..=changes {
            rig.set(b, MOOD, mood);
            rig.tick();
        }
        assert_eq!(rig.seen(1, b).expect("in view").get(MOOD), Some(&Value::Int(0)));
        rig.send(base(1), Event::Credits(vec![]));
        rig.tick();
        let seen = rig.seen(1, b).expect("in view");
        assert_eq!((seen.get(MOOD), seen.changes), (Some(&Value::Int(changes)), expected_changes));
    }
}

#[test]
fn a_blocked_link_gets_nothing_and_catches_up_when_it_is_free() {
    let mut rig = Rig::with(Limits { link_frames_max: 8, ..Limits::default() }, plaza());
    let (a, b) = (rig.player(1, 0.0, 0.0), rig.player(2, 5.0, 0.0));
    let c = rig.avatar(3, 6.0, 0.0);
    rig.tick();
    rig.deaf.push(base(1));
    rig.ticks(20);
    let frames = rig.mirror().frames;
    rig.set(b, MOOD, 9);
    rig.set(a, GOLD, 2);
    rig.effect(Effect::CallClient { entity: b, audience: Audience::All, method: HEARD, arguments: vec!["x".into()] });
    rig.effect(Effect::Teleport { entity: b, position: [7.0, 0.0, 0.0], yaw: None });
    rig.effect(Effect::Destroy { entity: c, forever: false, step: 1 });
    let d = rig.avatar(4, 2.0, 0.0);
    rig.ticks(5);
    assert_eq!(rig.mirror().frames, frames, "not one frame beyond the credit");
    assert!(rig.count("links_blocked") > 0.0);
    assert!(frames <= 10);
    rig.deaf.clear();
    rig.input(kuafu_node::Input::Credit { peer: base(1), frames: 8 });
    rig.tick();
    assert_eq!(rig.mirror().everyone(1), [a, b, d]);
    let seen = rig.seen(1, b).expect("in view");
    assert_eq!((seen.get(MOOD), seen.records), (Some(&Value::Int(9)), 1));
    assert_eq!(rig.seen(1, a).expect("itself").get(GOLD), Some(&Value::Int(2)));
    let heard: Vec<u32> = rig.mirror().calls.iter().map(|got| got.witness).collect();
    assert_eq!(heard, [1, 2]);
    let gone = Event::PartGone { entity: c, real_epoch: 1, forever: Some(false) };
    assert!(rig.events().contains(&gone));
}

#[test]
fn calls_for_a_blocked_link_are_given_up_after_a_while() {
    let mut rig = Rig::with(Limits { link_frames_max: 4, ..Limits::default() }, plaza());
    let a = rig.player(1, 0.0, 0.0);
    rig.tick();
    rig.deaf.push(base(1));
    rig.ticks(6);
    rig.effect(Effect::CallClient { entity: a, audience: Audience::Own, method: HEARD, arguments: vec!["x".into()] });
    rig.ticks(60);
    rig.deaf.clear();
    rig.input(kuafu_node::Input::Credit { peer: base(1), frames: 4 });
    rig.tick();
    assert!(rig.mirror().calls.is_empty());
    assert_eq!(rig.count("client_calls_lost"), 1.0);
}

#[test]
fn a_frame_that_would_be_too_large_is_cut_by_witnesses() {
    let limits = Limits { link_frame_bytes_max: 6_000, client_bytes_per_tick_max: u32::MAX, ..Limits::default() };
    let mut rig = Rig::with(limits, plaza());
    let count = 60;
    for n in 1..=count {
        rig.player(n, (n % 8) as f32, (n / 8) as f32);
    }
    rig.ticks(30);
    for n in 1..=count {
        assert_eq!(rig.mirror().everyone(n).len(), count as usize, "witness {n}");
    }
    assert!(rig.count("frames_cut") > 0.0);
    for n in 1..=count {
        rig.set(entity(n), MARKS, Value::List((0..30).map(Value::Int).collect()));
        rig.walk(n, 1, (n % 8) as f32 + 0.1, (n / 8) as f32);
    }
    rig.ticks(30);
    let expected = Value::List((0..30).map(Value::Int).collect());
    for n in 1..=count {
        for m in (1..=count).filter(|m| *m != n) {
            assert_eq!(rig.seen(n, entity(m)).expect("in view").get(MARKS), Some(&expected), "{n} sees {m}");
        }
    }
    assert!(rig.count("frames_sparse") > 0.0);
    let longest = rig.mirror().lengths.iter().max().copied().expect("frames");
    assert!(longest <= 6_000, "{longest}");
}

#[test]
fn a_flood_of_events_takes_effect_early_and_is_not_lost() {
    let mut rig = Rig::with(Limits { mailbox_messages_max: 16, ..Limits::default() }, plaza());
    for n in 1..=50 {
        rig.player(n, n as f32 * 0.1, 0.0);
    }
    rig.flush();
    assert_eq!(rig.count("ingress_early"), 1.0);
    rig.tick();
    assert_eq!(rig.mirror().everyone(50).len(), 50);
}

#[test]
fn frames_that_are_none_are_counted_and_change_nothing() {
    let mut rig = Rig::new();
    for bytes in [&b""[..], b"\x01", b"\x09\x02aaaaaaaa", &[0xff; 64]] {
        let frame = bytes::Bytes::copy_from_slice(bytes);
        rig.input(kuafu_node::Input::Frame { peer: base(1), frame });
    }
    let frame = kuafu_contract::link::encode_events(1, &[]);
    rig.input(kuafu_node::Input::Frame { peer: CELL, frame });
    rig.tick();
    assert_eq!((rig.count("frames_malformed"), rig.count("frames_refused")), (4.0, 1.0));
}
