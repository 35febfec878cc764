//! Looking into a cell's logic: between ticks, for parts that are here, within bounds.

use std::time::Duration;

use kuafu_contract::logic::{self, Profile, SOURCE_BYTES_MAX};
use kuafu_contract::{Address, CallId, Reply, RoleKind};
use kuafu_core::{Code, EntityId, Incarnation, Refusal, Value};
use kuafu_node::{CallRef, Input, Output, Role};

use super::rig::*;

const CONSOLE: Address = Address { role: RoleKind::Console, incarnation: Incarnation(2) };

type Result = std::result::Result<Reply, Refusal>;

/// What the cell answers, when it does so at once.
fn ask(rig: &mut Rig, call: u64, request: logic::Request) -> Option<Result> {
    let from = CallRef { from: CONSOLE, call: CallId(call) };
    rig.cell.handle(rig.now, Input::Call { from, request: request.into() });
    answered(rig, call)
}

fn answered(rig: &mut Rig, call: u64) -> Option<Result> {
    let mut answer = None;
    while let Some(output) = rig.cell.poll_output() {
        if let Output::Answer { to, result } = output {
            assert_eq!((to.from, to.call), (CONSOLE, CallId(call)));
            answer = Some(result);
        }
    }
    answer
}

fn evaluate(entity: EntityId, source: &str, keep_effects: bool) -> logic::Request {
    logic::Request::Evaluate { entity, source: source.to_owned(), keep_effects }
}

#[test]
fn what_an_evaluation_writes_is_seen_by_others_when_it_is_kept() {
    let mut rig = Rig::new();
    let a = rig.player(1, 0.0, 0.0);
    rig.player(2, 3.0, 0.0);
    rig.ticks(3);
    let mood = |rig: &mut Rig| {
        let seen = rig.seen(2, a).expect("it is in view");
        seen.properties.iter().find(|(no, _)| *no == MOOD).map(|(_, value)| value.clone())
    };
    let before = mood(&mut rig);
    for (keep, expected) in [(false, before), (true, Some(Value::Int(7)))] {
        let answer = ask(&mut rig, 1, evaluate(a, "7", keep)).expect("at once");
        let Ok(Reply::Logic(logic::Reply::Evaluated { text, is_cut: false })) = answer else { panic!("{answer:?}") };
        assert!(text.starts_with("Some([0.0"), "logic could ask the world where it is: {text}");
        rig.ticks(2);
        assert_eq!(mood(&mut rig), expected, "keep: {keep}");
    }
}

#[test]
fn an_evaluation_that_cannot_be_done_says_why() {
    let mut rig = Rig::new();
    let a = rig.player(1, 0.0, 0.0);
    rig.ticks(3);
    let cases = [
        (evaluate(entity(99), "7", true), Code::EntityUnknown, "has no cell part in cell#7"),
        (evaluate(a, "many", true), Code::ScriptFailed, "\n  console:1"),
        (evaluate(a, &"7".repeat(SOURCE_BYTES_MAX + 1), true), Code::ArgumentInvalid, "bytes"),
        (logic::Request::Profile { ms: 0 }, Code::ArgumentInvalid, "watch for"),
        (logic::Request::Profile { ms: u32::MAX }, Code::ArgumentInvalid, "watch for"),
    ];
    for (request, code, text) in cases {
        let refusal = ask(&mut rig, 1, request).expect("at once").expect_err("refused");
        assert_eq!(refusal.code, code, "{refusal}");
        assert!(refusal.text.contains(text), "{refusal}");
    }
}

#[test]
fn a_profile_is_answered_when_its_time_is_over_and_one_is_made_at_a_time() {
    let mut rig = Rig::new();
    assert_eq!(ask(&mut rig, 1, logic::Request::Profile { ms: 1_000 }), None);
    let refusal = ask(&mut rig, 2, logic::Request::Profile { ms: 10 }).expect("at once").expect_err("refused");
    assert_eq!((refusal.code, rig.host.borrow().profiles), (Code::Busy, 1));
    rig.now.at = rig.now.at + Duration::from_millis(990);
    rig.cell.handle(rig.now, Input::Wake);
    assert_eq!(answered(&mut rig, 1), None);
    rig.now.at = rig.now.at + Duration::from_millis(10);
    rig.cell.handle(rig.now, Input::Wake);
    assert_eq!(answered(&mut rig, 1), Some(Ok(logic::Reply::Profile(Profile::default()).into())));
    assert_eq!(ask(&mut rig, 3, logic::Request::Profile { ms: 10 }), None, "then another can be made");
}

#[test]
fn the_parts_of_a_cell_are_listed_by_type_and_by_id() {
    let mut rig = Rig::new();
    let players: Vec<EntityId> = (1..=3).map(|n| rig.player(n, n as f32, 0.0)).collect();
    rig.ticks(2);
    let mut list = |type_name: Option<&str>, entity| {
        let request = logic::Request::Entities { type_name: type_name.map(str::to_owned), entity };
        match ask(&mut rig, 1, request) {
            Some(Ok(Reply::Logic(logic::Reply::Entities { list, all }))) => {
                assert_eq!(all as usize, list.len());
                list.into_iter().map(|row| row.entity).collect::<Vec<_>>()
            }
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(list(Some("avatar"), None), players);
    assert_eq!(list(None, Some(players[1])), players[1..2]);
    assert_eq!(list(Some("wisp"), Some(players[1])), []);
}
