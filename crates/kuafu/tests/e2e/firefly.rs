//! The example with an entity type in Rust: its fireflies fall into step, and answer a clap from Luau.

use std::f64::consts::TAU;

use kuafu_core::Value;
use kuafu_def::Part;

use super::game::{Game, copy_of, free_ports};
use super::new::program;
use super::player::{Player, run, until};

const PERIOD_S: f64 = 2.0;

/// Of each firefly in view: how often it has flashed, and when last.
fn flashes(player: &Player) -> Vec<(i64, f64)> {
    let flies = player.client.world().entities().filter(|entity| entity.ty.name == "firefly");
    flies
        .map(|fly| {
            let count = fly.property("flashes").and_then(Value::as_int).unwrap_or_default();
            let Some(Value::Float(at)) = fly.property("flashed_s") else { return (count, 0.0) };
            (count, *at)
        })
        .collect()
}

/// How much they flash as one: 0 at random, 1 at the same time.
fn order(flashes: &[(i64, f64)]) -> f64 {
    let sum = flashes.iter().fold((0.0, 0.0), |sum, (_, at)| {
        let angle = at / PERIOD_S * TAU;
        (sum.0 + angle.cos(), sum.1 + angle.sin())
    });
    f64::hypot(sum.0, sum.1) / flashes.len().max(1) as f64
}

#[test]
fn fireflies_in_rust_fall_into_step_and_answer_players_in_luau() {
    let (project, data) = (copy_of("firefly"), tempfile::tempdir().expect("a temporary folder"));
    let game = Game::start_by(program("firefly", &["up"]), project.path(), data.path(), free_ports(), &[]);
    run(async {
        let mut ada = Player::join(&game, "ada").await;
        until(&mut [&mut ada], "all flash as one", |players| {
            let flashes = flashes(players[0]);
            let all = flashes.len() == 16 && flashes.iter().all(|(count, _)| *count > 0);
            (all && order(&flashes) > 0.95).then_some(())
        })
        .await;
        let startled = ada.client.call(Part::Cell, "clap", &[]).await.expect("it is answered");
        assert!(startled.as_int().is_some_and(|count| count > 0), "{startled:?}");
    });
    assert_eq!(game.status()["faults_total"], 0, "{}", game.status()["faults"]);
    assert!(game.stop().success());
}
