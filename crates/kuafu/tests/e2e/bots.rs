//! Bots are real clients: they find no difference in a sound game, and they find one when enters are dropped.

use serde_json::Value;

use super::game::{Game, example, kuafu, output};

fn run_bots(game: &Game, more: &[&str]) -> (Option<i32>, Value) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let report = folder.path().join("report.json");
    let mut command = kuafu(&["bots", "--count", "40", "--seconds", "8", "--port-base"]);
    command.arg(game.port.to_string()).arg("--report").arg(&report).args(more);
    let output = output(command);
    let text = std::fs::read_to_string(&report).unwrap_or_else(|_| panic!("a report: {output:?}"));
    (output.status.code(), serde_json::from_str(&text).expect("JSON"))
}

#[test]
fn bots_see_what_is_true_and_everything_acknowledged_is_there() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let game = Game::start(&example("plaza"), data.path());
    let (code, report) = run_bots(&game, &[]);
    assert_eq!(report["logged_in"], 40, "{report}");
    assert_eq!(report["view_mismatches"], 0, "{report}");
    assert_eq!(report["acknowledged_lost"], 0, "{report}");
    assert_eq!(report["errors"], 0, "{report}");
    assert!(report["checks"].as_u64().is_some_and(|checks| checks > 100), "{report}");
    assert!(report["acknowledged"].as_u64().is_some_and(|count| count > 10), "{report}");
    assert_eq!(code, Some(0));
}

#[test]
fn bots_that_drop_enters_report_mismatches() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let game = Game::start(&example("plaza"), data.path());
    let (_, report) = run_bots(&game, &["--inject", "drop-enter=0.2"]);
    assert!(report["view_mismatches"].as_u64().is_some_and(|count| count > 0), "{report}");
}
