//! What can go wrong at the start is one clear message and a non-zero exit, and nothing is half-started.

use std::net::TcpListener;

use super::game::{Game, copy_of, example, free_ports, kuafu, output};

/// Starts a project that must not start; what it says on stderr.
fn refused(project: &std::path::Path, data: &std::path::Path, port: u16) -> String {
    let mut command = kuafu(&["up"]);
    command.arg(project).args(["--port-base", &port.to_string(), "--data"]).arg(data);
    let output = output(command);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(TcpListener::bind(("127.0.0.1", port + 1)).is_ok(), "nothing listens after a failed start");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_port_in_use_is_named_with_what_to_do() {
    let port = free_ports();
    let _taken = TcpListener::bind(("127.0.0.1", port)).expect("the port is free");
    let data = tempfile::tempdir().expect("a temporary folder");
    let said = refused(&example("plaza"), data.path(), port);
    assert!(said.contains(&port.to_string()) && said.contains("--port-base"), "{said}");
}

#[test]
fn a_broken_definition_is_told_with_its_file_and_line() {
    let project = copy_of("plaza");
    let path = project.path().join("entities/avatar.toml");
    let text = std::fs::read_to_string(&path).expect("the definition is there");
    std::fs::write(&path, text.replace("int64", "int65")).expect("it can be written");
    let data = tempfile::tempdir().expect("a temporary folder");
    let said = refused(project.path(), data.path(), free_ports());
    assert!(said.contains("avatar.toml:") && said.contains("int65"), "{said}");
}

#[test]
fn a_script_that_does_not_compile_is_told_with_its_file_and_line() {
    let project = copy_of("plaza");
    let path = project.path().join("scripts/avatar.luau");
    let text = std::fs::read_to_string(&path).expect("the script is there");
    std::fs::write(&path, format!("{text}\nthis is no Luau")).expect("it can be written");
    let data = tempfile::tempdir().expect("a temporary folder");
    let said = refused(project.path(), data.path(), free_ports());
    assert!(said.contains("avatar.luau:"), "{said}");
}

#[test]
fn data_of_a_newer_version_or_in_use_is_not_touched() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let game = Game::start(&example("plaza"), data.path());
    let said = refused(&example("plaza"), data.path(), free_ports());
    assert!(said.contains(&*data.path().to_string_lossy()), "{said}");
    assert!(game.stop().success());
}

#[test]
fn a_terminated_game_saves_and_exits_with_success() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let game = Game::start(&example("plaza"), data.path());
    assert!(game.stop().success());
}

#[test]
fn wrong_use_exits_with_two_and_a_missing_project_with_one() {
    assert_eq!(output(kuafu(&["up"])).status.code(), Some(2));
    assert_eq!(output(kuafu(&["no-such-command"])).status.code(), Some(2));
    let missing = output(kuafu(&["up", "/nowhere"]));
    assert_eq!(missing.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&missing.stderr).contains("kuafu.toml"));
}

#[test]
fn check_tells_all_problems_as_json() {
    let project = copy_of("plaza");
    let path = project.path().join("entities/avatar.toml");
    let text = std::fs::read_to_string(&path).expect("the definition is there");
    std::fs::write(&path, text.replace("int64", "int65")).expect("it can be written");
    std::fs::write(project.path().join("spaces/plaza.toml"), "bounds = 3").expect("it can be written");
    let mut command = kuafu(&["check", "--json"]);
    command.arg(project.path());
    let output = output(command);
    assert_eq!(output.status.code(), Some(1));
    let problems: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert!(problems.as_array().is_some_and(|rows| !rows.is_empty()), "{problems}");
    assert!(problems[0]["line"].as_u64().is_some_and(|line| line > 0), "{problems}");
}
