//! A script that never ends is stopped by the guard beside its budget of steps, and everybody else plays on.

use std::path::Path;
use std::time::{Duration, Instant};

use kuafu_core::{Code, Value};
use kuafu_def::Part;

use super::game::{Game, copy_of, until};
use super::player::{Player, run};

/// Beyond what any loop runs in the time that the guard gives it.
const LIMITS: [&str; 2] = ["script_steps_max=1000000000000000", "script_time_ms_max=300"];

fn replace(project: &Path, file: &str, what: &str, with: &str) {
    let path = project.join(file);
    let text = std::fs::read_to_string(&path).expect("it is there");
    assert!(text.contains(what), "{file} has `{what}`");
    std::fs::write(&path, text.replacen(what, with, 1)).expect("it can be written");
}

#[test]
fn an_endless_script_is_stopped_and_the_others_go_on() {
    let (project, data) = (copy_of("plaza"), tempfile::tempdir().expect("a temporary folder"));
    let script = "scripts/avatar.luau";
    let deposit = "function Avatar.base:deposit(amount)\n";
    replace(project.path(), script, deposit, &format!("{deposit}    while amount == 13 do end\n"));
    let pick = "function Avatar.cell:pick(thing)\n";
    replace(project.path(), script, pick, &format!("{pick}    while true do end\n"));
    let game = Game::start_limited(project.path(), data.path(), &LIMITS);
    run(async {
        let mut stuck = Player::join(&game, "Stuck").await;
        let mut other = Player::join(&game, "Other").await;
        // In the base, and in the cell.
        let calls = [(Part::Base, "deposit", Value::Int(13)), (Part::Cell, "pick", Value::Entity(stuck.id()))];
        for (part, method, argument) in calls {
            let start = Instant::now();
            let ended = stuck.client.call(part, method, &[argument]).await;
            let spent = start.elapsed();
            let code = ended.expect_err("it is stopped").code();
            assert!(matches!(code, Some(Code::ScriptFailed | Code::BudgetExceeded)), "{method}: {code:?}");
            let bound = Duration::from_millis(250)..Duration::from_secs(4);
            assert!(bound.contains(&spent), "{method}: {spent:?}");
            assert_eq!(other.base("deposit", &[Value::Int(1)]).await, other.number("gold").into());
        }
        assert_eq!(stuck.base("deposit", &[Value::Int(1)]).await, Value::Int(11));
        let faults = until("the faults are in the console", || {
            let faults = game.status()["faults"].as_array().cloned().unwrap_or_default();
            (faults.len() >= 2).then_some(faults)
        });
        for entry in ["deposit", "pick"] {
            let fault = faults.iter().find(|fault| fault["entry"] == entry).unwrap_or_else(|| panic!("{faults:?}"));
            assert_eq!(fault["type"], "avatar", "{fault}");
        }
        stuck.leave().await;
        other.leave().await;
    });
    assert!(game.stop().success());
}
