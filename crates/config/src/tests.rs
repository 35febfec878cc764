//! Releases come to every base and cell whole or not at all, whatever dies, gets lost or comes late.

mod host;
mod random;
mod realm;

use std::sync::Arc;
use std::time::Duration;

use kuafu_contract::config::{EventKind, Problem, Reply, Request as Asked};
use kuafu_contract::logic::{PART_BYTES_MAX, parts_of};
use kuafu_contract::{CallId, Outcome, Request};
use kuafu_core::{Code, Limits};
use kuafu_node::{CallRef, Input, Output, Role};

use crate::In;
use realm::{FIRST, Realm, base, cell};

const SECOND: Duration = Duration::from_secs(1);

fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

#[test]
fn a_saved_set_is_loaded_everywhere_and_then_runs_everywhere() {
    let mut realm = Realm::new(&[base(10), base(11), cell(20)]);
    realm.save("second");
    // One has it, two do not: nobody runs it.
    realm.deliver_to(base(10));
    realm.deliver_from(base(10));
    assert!(realm.events.is_empty());
    assert_eq!(realm.runs(base(10)), (1, FIRST));
    assert_eq!(realm.role.present.no, 1);
    realm.pass(ms(38));
    realm.settle();
    for address in [base(10), base(11), cell(20)] {
        assert_eq!(realm.runs(address), (2, "second"));
    }
    assert_eq!(realm.kinds(), [EventKind::Activated]);
    let event = &realm.events[0];
    assert_eq!((event.release, event.took_ms, event.checked_ms), (2, 38, 3));
    assert_eq!(event.changed, ["scripts/avatar.luau"]);
    realm.play(SECOND);
    let status = realm.status.clone().expect("the console is told");
    assert_eq!((status.release, status.previous, status.staging), (2, Some(1), None));
    assert!(status.runners.iter().all(|runner| runner.release == 2) && status.runners.len() == 3);
}

#[test]
fn a_set_that_one_of_them_cannot_load_changes_nothing_and_says_who_and_why() {
    let mut realm = Realm::new(&[base(10), cell(20)]);
    realm.nodes.get_mut(&cell(20)).expect("it lives").host.cannot = "heavy";
    realm.save("heavy");
    realm.settle();
    assert_eq!(realm.kinds(), [EventKind::GivenUp]);
    assert!(realm.events[0].text.contains("cell#20: it cannot be loaded"), "{:?}", realm.events);
    assert_eq!((realm.runs(base(10)), realm.runs(cell(20))), ((1, FIRST), (1, FIRST)));
    assert_eq!(realm.nodes[&base(10)].host.staged, None, "what was loaded is let go");
    // The next one has another number, and names the files of both.
    realm.save_files("light", &["scripts/wisp.luau"]);
    realm.settle();
    assert_eq!(realm.runs(cell(20)), (3, "light"));
    assert_eq!(realm.events[1].changed, ["scripts/avatar.luau", "scripts/wisp.luau"]);
}

#[test]
fn one_that_does_not_answer_holds_a_release_up_for_a_bounded_time_and_is_named() {
    let mut realm = Realm::new(&[base(10), cell(20)]);
    realm.save("second");
    let end = realm.now.at + ms(realm.limits.release_stage_ms_max) + SECOND;
    while realm.now.at < end {
        realm.pass(ms(100));
        realm.deliver_to(base(10));
        realm.deliver_from(base(10));
        // The cell reports, and takes nothing.
        realm.to_nodes.entry(cell(20)).or_default().clear();
        realm.deliver_from(cell(20));
    }
    assert_eq!(realm.kinds(), [EventKind::GivenUp]);
    let text = &realm.events[0].text;
    assert!(text.contains("cell#20: no answer in time") && !text.contains("base#10"), "{text}");
    realm.play(SECOND);
    assert_eq!(realm.runs(base(10)), (1, FIRST));
    realm.save("third");
    realm.play(SECOND);
    assert_eq!((realm.runs(base(10)), realm.runs(cell(20))), ((3, "third"), (3, "third")));
}

#[test]
fn a_base_that_dies_between_stage_and_activate_holds_nobody_up_and_its_successor_catches_up() {
    let mut realm = Realm::new(&[base(10), cell(20)]);
    realm.save("second");
    for address in [base(10), cell(20)] {
        realm.deliver_to(address);
    }
    realm.kill(base(10));
    realm.settle();
    assert_eq!(realm.runs(cell(20)), (2, "second"));
    assert_eq!(realm.kinds(), [EventKind::Activated]);
    realm.start(base(11));
    realm.settle();
    assert_eq!(realm.runs(base(11)), (2, "second"));
}

#[test]
fn a_base_that_dies_while_it_loads_is_forgotten_and_the_others_go_on() {
    let mut realm = Realm::new(&[base(10), cell(20)]);
    realm.save("second");
    realm.kill(base(10));
    // Its death is seen by its silence: nothing that was sent to it comes back.
    realm.to_nodes.clear();
    realm.play(5 * SECOND + ms(500));
    assert_eq!(realm.runs(cell(20)), (2, "second"));
}

#[test]
fn lost_answers_are_asked_for_again() {
    let mut realm = Realm::new(&[base(10), cell(20)]);
    realm.save("second");
    // Both have loaded it, and neither answer arrives.
    assert!(realm.deliver_to(base(10)) && realm.deliver_to(cell(20)));
    realm.from_nodes.clear();
    realm.play(6 * SECOND);
    assert_eq!((realm.runs(base(10)), realm.runs(cell(20))), ((2, "second"), (2, "second")));
    assert_eq!(realm.kinds(), [EventKind::Activated]);
    // Now the answer to the activation is lost; the report says as much.
    realm.save("third");
    for _ in 0..2 {
        realm.deliver_to(base(10));
        realm.deliver_to(cell(20));
        realm.deliver_from(base(10));
        if realm.nodes[&cell(20)].host.runs.0 == 2 {
            realm.deliver_from(cell(20));
        }
    }
    assert_eq!(realm.runs(cell(20)), (3, "third"));
    realm.from_nodes.clear();
    realm.play(6 * SECOND);
    assert_eq!(realm.kinds(), [EventKind::Activated, EventKind::Activated]);
    assert_eq!(realm.events[1].text, "", "it runs everywhere");
}

#[test]
fn one_that_starts_in_the_middle_takes_part() {
    let mut realm = Realm::new(&[base(10)]);
    realm.save("second");
    realm.start(cell(20));
    realm.deliver_from(cell(20));
    realm.deliver_to(base(10));
    realm.deliver_from(base(10));
    assert_eq!(realm.role.present.no, 1, "the cell has not loaded it yet");
    realm.settle();
    assert_eq!((realm.runs(base(10)), realm.runs(cell(20))), ((2, "second"), (2, "second")));
    // And one that starts long after.
    realm.play(10 * SECOND);
    realm.start(cell(21));
    realm.settle();
    assert_eq!(realm.runs(cell(21)), (2, "second"));
}

#[test]
fn of_two_saves_in_quick_succession_the_newer_wins_and_one_is_staged_at_a_time() {
    let mut realm = Realm::new(&[base(10), cell(20)]);
    realm.save_files("second", &["scripts/a.luau"]);
    realm.deliver_to(base(10));
    realm.save_files("third", &["scripts/b.luau"]);
    realm.settle();
    assert_eq!((realm.runs(base(10)), realm.runs(cell(20))), ((3, "third"), (3, "third")));
    assert_eq!(realm.kinds(), [EventKind::Activated]);
    assert_eq!(realm.events[0].changed, ["scripts/a.luau", "scripts/b.luau"]);
    // A save that takes the change back leaves what runs alone.
    realm.save("fourth");
    realm.save("third");
    realm.settle();
    assert_eq!(realm.kinds(), [EventKind::Activated, EventKind::Unchanged]);
    assert_eq!(realm.runs(cell(20)), (3, "third"));
    assert_eq!(realm.nodes[&base(10)].host.staged, None);
}

#[test]
fn a_release_with_errors_is_taken_back_everywhere_and_its_bytes_stay_bad() {
    let mut realm = Realm::new(&[base(10), cell(20)]);
    realm.save("second");
    realm.play(SECOND);
    // Half on each: what counts is the sum.
    let half = u64::from(realm.limits.release_faults_max) / 2;
    realm.fail(base(10), half, "avatar.luau:9: nil");
    realm.fail(cell(20), half, "avatar.luau:9: nil");
    realm.play(2 * SECOND);
    assert_eq!(realm.runs(cell(20)), (2, "second"), "not more than the bound");
    realm.fail(cell(20), 1, "another");
    realm.play(2 * SECOND);
    assert_eq!((realm.runs(base(10)), realm.runs(cell(20))), ((1, FIRST), (1, FIRST)));
    assert_eq!(realm.kinds(), [EventKind::Activated, EventKind::RolledBack]);
    let event = &realm.events[1];
    assert_eq!((event.release, event.present), (2, 1));
    assert!(
        event.text.contains("21 errors") && event.text.contains("avatar.say: avatar.luau:9: nil"),
        "{}",
        event.text
    );

    realm.save("second");
    realm.play(SECOND);
    assert_eq!(realm.kinds()[2], EventKind::KnownBad);
    assert_eq!(realm.runs(cell(20)), (1, FIRST));
    // What ran before is what runs: nothing to do, even when it errs.
    realm.save(FIRST);
    realm.fail(cell(20), 500, "it was never good");
    realm.play(3 * SECOND);
    assert_eq!(realm.kinds()[3], EventKind::Unchanged);
    assert_eq!(realm.runs(cell(20)), (1, FIRST));
    realm.save("mended");
    realm.play(SECOND);
    assert_eq!((realm.runs(base(10)), realm.runs(cell(20))), ((3, "mended"), (3, "mended")));
}

#[test]
fn errors_after_the_trial_take_nothing_back() {
    let mut realm = Realm::with(&[cell(20)], Limits { release_trial_ms: 5_000, ..Limits::default() });
    realm.save("second");
    realm.play(SECOND);
    assert_eq!(realm.status.as_ref().and_then(|status| status.previous), Some(1));
    realm.play(6 * SECOND);
    realm.fail(cell(20), 1_000, "late");
    realm.play(3 * SECOND);
    assert_eq!(realm.runs(cell(20)), (2, "second"));
    assert_eq!(realm.status.and_then(|status| status.previous), None);
}

#[test]
fn one_that_never_had_the_release_before_loads_it_for_the_rollback() {
    let mut realm = Realm::new(&[base(10)]);
    realm.save("second");
    realm.play(SECOND);
    realm.save("third");
    realm.play(SECOND);
    realm.start(cell(20));
    realm.play(SECOND);
    assert_eq!(realm.runs(cell(20)), (3, "third"));
    realm.fail(base(10), 100, "bad");
    realm.play(2 * SECOND);
    assert_eq!((realm.runs(base(10)), realm.runs(cell(20))), ((2, "second"), (2, "second")));
}

#[test]
fn answers_to_an_older_release_that_come_late_do_no_harm() {
    let mut realm = Realm::new(&[base(10)]);
    realm.save("second");
    realm.deliver_to(base(10));
    realm.save("third");
    // The answer about the second one comes now.
    realm.deliver_from(base(10));
    assert_eq!(realm.role.present.no, 1);
    realm.settle();
    assert_eq!(realm.runs(base(10)), (3, "third"));
    // A report from before the activation, which overtook nothing but time.
    let stale = Asked::Running { from: base(10), release: 1, faults: 900, first_fault: "old".into() };
    realm.input(Input::Notice { from: base(10), request: Request::Config(stale) });
    realm.play(2 * SECOND);
    assert_eq!(realm.runs(base(10)), (3, "third"));
    // A number that is none of ours.
    realm.input(Input::Answer { call: CallId(9_999), outcome: Outcome::Unknown });
}

#[test]
fn a_large_release_travels_in_parts_and_arrives_whole() {
    let mut realm = Realm::new(&[base(10), cell(20)]);
    let text = "x".repeat(3 * PART_BYTES_MAX + 17);
    realm.save(&text);
    realm.deliver_to(cell(20));
    realm.deliver_from(cell(20));
    // A lost part is sent again.
    realm.to_nodes.entry(cell(20)).or_default().clear();
    realm.play(8 * SECOND);
    assert_eq!((realm.runs(base(10)).1, realm.runs(cell(20)).1), (text.as_str(), text.as_str()));

    let mut realm = Realm::with(&[base(10)], Limits { release_bytes_max: 100, ..Limits::default() });
    realm.save(&text);
    realm.settle();
    assert_eq!(realm.kinds(), [EventKind::Refused]);
    assert_eq!(realm.runs(base(10)), (1, FIRST));
}

#[test]
fn without_any_base_or_cell_a_release_waits_and_is_given_up() {
    let mut realm = Realm::new(&[]);
    realm.save("second");
    realm.play(SECOND);
    assert!(realm.events.is_empty());
    realm.start(cell(20));
    realm.settle();
    assert_eq!(realm.runs(cell(20)), (2, "second"));
    realm.kill(cell(20));
    realm.play(10 * SECOND);
    realm.save("third");
    realm.play(ms(realm.limits.release_stage_ms_max) + SECOND);
    assert_eq!(realm.kinds().last(), Some(&EventKind::GivenUp));
}

#[test]
fn problems_and_restarts_are_told_and_change_nothing() {
    let mut realm = Realm::new(&[cell(20)]);
    let problem = |line| Problem {
        file: "scripts/avatar.luau".into(),
        line,
        column: 1,
        code: "script-syntax".into(),
        message: "expected `end`".into(),
        help: "close it".into(),
    };
    let problems = (1..=50).map(problem).collect();
    realm.input(Input::External(In::Refused { changed: vec!["scripts/avatar.luau".into()], problems }));
    let what = vec!["entities/avatar.toml".to_owned()];
    for _ in 0..2 {
        realm.input(Input::External(In::RestartNeeded { what: what.clone() }));
    }
    assert_eq!(realm.kinds(), [EventKind::Refused, EventKind::RestartNeeded]);
    assert_eq!((realm.events[0].problems.len(), realm.events[0].problems_more), (20, 30));
    assert_eq!(realm.status.as_ref().expect("told").restart_needed, what);
    realm.input(Input::External(In::RestartNeeded { what: vec![] }));
    assert_eq!(realm.status.as_ref().expect("told").restart_needed.len(), 0);
    assert_eq!(realm.runs(cell(20)), (1, FIRST));
    assert_eq!(realm.status.expect("told").events.len(), 2);
}

#[test]
fn whoever_asks_gets_the_present_release_part_by_part() {
    let mut realm = Realm::new(&[cell(20)]);
    let text = "y".repeat(PART_BYTES_MAX + 5);
    realm.save(&text);
    realm.settle();
    let mut ask = |part| {
        let from = CallRef { from: base(99), call: CallId(u64::from(part)) };
        realm.role.handle(realm.now, Input::Call { from, request: Request::Config(Asked::Current { part }) });
        let mut answer = None;
        while let Some(output) = realm.role.poll_output() {
            if let Output::Answer { result, .. } = output {
                answer = Some(result);
            }
        }
        answer.expect("a call is answered")
    };
    let mut whole = Vec::new();
    for part in 0..2 {
        let Ok(kuafu_contract::Reply::Config(Reply::Release { release, parts, bytes, .. })) = ask(part) else {
            panic!("part {part}")
        };
        assert_eq!((release, parts), (2, 2));
        whole.extend_from_slice(&bytes);
    }
    let bytes: Arc<[u8]> = whole.into();
    assert_eq!((&*bytes, parts_of(&bytes)), (text.as_bytes(), 2));
    assert_eq!(ask(2).expect_err("there are two").code, Code::ArgumentInvalid);
}
