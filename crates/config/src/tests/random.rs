//! Whatever the order of saves, deaths, starts, errors, losses and delays: in the end all run the same release.

use std::time::Duration;

use kuafu_contract::Address;
use kuafu_contract::config::EventKind;
use proptest::prelude::*;

use super::realm::{FIRST, Realm, base, cell};

#[derive(Clone, Debug)]
enum Move {
    Save(u8),
    Start,
    Kill(u8),
    To(u8),
    From(u8),
    LoseTo(u8),
    LoseFrom(u8),
    Fail(u8, u8),
    Pass(u16),
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let each = prop_oneof![
        3 => (0..6_u8).prop_map(Move::Save),
        1 => Just(Move::Start),
        1 => any::<u8>().prop_map(Move::Kill),
        12 => any::<u8>().prop_map(Move::To),
        12 => any::<u8>().prop_map(Move::From),
        1 => any::<u8>().prop_map(Move::LoseTo),
        1 => any::<u8>().prop_map(Move::LoseFrom),
        1 => (any::<u8>(), 0..30_u8).prop_map(|(who, times)| Move::Fail(who, times)),
        4 => (1..1_500_u16).prop_map(Move::Pass),
    ];
    proptest::collection::vec(each, 1..200)
}

/// The texts that are saved; the last one cannot be loaded.
fn text(number: u8) -> String {
    match number {
        5 => "unloadable".to_owned(),
        number => format!("version {number}"),
    }
}

fn pick(realm: &Realm, which: u8) -> Option<Address> {
    let known: Vec<Address> = realm.to_nodes.keys().chain(realm.from_nodes.keys()).copied().collect();
    (!known.is_empty()).then(|| known[usize::from(which) % known.len()])
}

fn make(realm: &mut Realm, step: &Move, next: &mut u32) {
    match *step {
        Move::Save(number) => realm.save(&text(number)),
        Move::Start if realm.nodes.len() < 6 => {
            *next += 1;
            realm.start(if next.is_multiple_of(2) { base(*next) } else { cell(*next) });
        }
        Move::Start => {}
        Move::Pass(span) => realm.pass(Duration::from_millis(span.into())),
        Move::Kill(_) | Move::Fail(..) if realm.nodes.is_empty() => {}
        Move::Kill(which) => {
            let address = *realm.nodes.keys().nth(usize::from(which) % realm.nodes.len()).expect("within");
            realm.kill(address);
        }
        Move::Fail(which, times) => {
            let address = *realm.nodes.keys().nth(usize::from(which) % realm.nodes.len()).expect("within");
            realm.fail(address, times.into(), "at random");
        }
        Move::To(which) => {
            pick(realm, which).map(|address| realm.deliver_to(address));
        }
        Move::From(which) => {
            pick(realm, which).map(|address| realm.deliver_from(address));
        }
        Move::LoseTo(which) => {
            pick(realm, which).and_then(|address| realm.to_nodes.get_mut(&address)?.pop_front());
        }
        Move::LoseFrom(which) => {
            pick(realm, which).and_then(|address| realm.from_nodes.get_mut(&address)?.pop_front());
        }
    }
}

proptest! {
    #[test]
    fn in_the_end_all_living_roles_run_the_present_release(steps in moves()) {
        let mut realm = Realm::new(&[base(2), cell(3)]);
        let mut next = 3;
        for step in &steps {
            make(&mut realm, step, &mut next);
            // Nobody runs what was not decided for all.
            for node in realm.nodes.values() {
                prop_assert!(realm.ever_present.contains(&node.host.runs.0));
                prop_assert!(node.host.runs.1 != "unloadable");
            }
        }
        realm.start(cell(1_000));
        realm.play(Duration::from_secs(45));
        let present = realm.role.present.no;
        let bytes = String::from_utf8(realm.role.present.bytes.to_vec()).expect("text");
        for (address, node) in &realm.nodes {
            prop_assert_eq!((&node.host.runs.0, &node.host.runs.1), (&present, &bytes), "{}", address);
        }
        prop_assert!(realm.role.candidate.is_none());
        prop_assert!(realm.open.is_empty(), "nothing is open at rest");
        // What was taken back never came again.
        let mut bad = Vec::new();
        for event in &realm.events {
            match event.kind {
                EventKind::RolledBack => bad.push(event.release),
                EventKind::Activated => prop_assert!(!bad.contains(&event.release)),
                _ => {}
            }
        }
    }

    #[test]
    fn the_last_saved_set_runs_when_nothing_fails(texts in proptest::collection::vec(0..5_u8, 1..12), pauses in proptest::collection::vec(0..300_u64, 12)) {
        let mut realm = Realm::new(&[base(2), cell(3), cell(4)]);
        for (number, pause) in texts.iter().zip(&pauses) {
            realm.save(&text(*number));
            realm.pass(Duration::from_millis(*pause));
            for address in [base(2), cell(3), cell(4)].into_iter().take((pause % 4) as usize) {
                realm.deliver_to(address);
                realm.deliver_from(address);
            }
        }
        realm.play(Duration::from_secs(10));
        let last = text(*texts.last().expect("one at least"));
        for node in realm.nodes.values() {
            prop_assert_eq!(&node.host.runs.1, &last);
            prop_assert!(node.host.runs.1 != FIRST);
        }
    }
}
