//! A game that `kuafu new` made runs at once: a browser walks in, talks and picks berries.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use kuafu_core::Value;
use kuafu_def::Part;

use super::browser::Browser;
use super::game::{Game, free_ports, kuafu, output};
use super::player::{Player, run, until, walk};

fn new(folder: &Path, more: &[&str]) -> Output {
    let mut command = kuafu(&["new"]);
    command.arg(folder).args(more);
    output(command)
}

/// The bushes in a player's view that have berries, with where they stand.
fn ripe(player: &Player) -> Vec<(kuafu_core::EntityId, [f32; 3])> {
    let entities = player.client.world().entities().filter(|entity| entity.ty.name == "bush");
    let ripe = entities.filter(|bush| bush.property("ripe") == Some(&Value::Bool(true)));
    ripe.map(|bush| (bush.id, bush.position)).collect()
}

#[test]
fn a_new_game_is_played_in_a_browser_at_once() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let project = folder.path().join("berries");
    let made = new(&project, &[]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let said = String::from_utf8_lossy(&made.stdout).into_owned();
    assert!(said.contains(" up ") && said.contains(" check "), "{said}");
    assert_eq!(new(&project, &[]).status.code(), Some(1), "it is there already");

    let data = tempfile::tempdir().expect("a temporary folder");
    let game = Game::start(&project, data.path());
    let mut browser = Browser::start();
    let ada = browser.open(&game.play());
    let mut page = browser.page(&ada);
    page.wait_for("window.player");
    page.fill("name", "Ada");
    page.fill("password", "a good password");
    page.click("enter");
    // She is in the meadow, or the page says why not.
    let status = "document.getElementById('status').textContent";
    page.wait_for(&format!("window.player.client.space || !/^(One moment|New names)/.test({status})"));
    assert_eq!(page.value(&format!("[!!window.player.client.space, {status}]"))[0], true, "{}", page.value(status));

    // The browser has a runtime of its own, so the player is driven in turns with it.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let sees_ada = |player: &Player| {
        let mut avatars = player.client.world().entities().filter(|entity| entity.ty.name == "avatar");
        avatars.find(|avatar| avatar.property("name") == Some(&"Ada".into())).map(|avatar| avatar.position)
    };
    let (mut bea, before) = runtime.block_on(async {
        let mut bea = Player::join(&game, "Bea").await;
        let before = until(&mut [&mut bea], "Ada is seen", |players| sees_ada(players[0])).await;
        (bea, before)
    });
    // A click 100 pixels to the right: she walks there, however seldom a busy machine draws.
    page.value(
        "document.getElementById('meadow').dispatchEvent(new PointerEvent('pointerdown', \
         { clientX: innerWidth / 2 + 100, clientY: innerHeight / 2 }))",
    );
    page.value("window.player.client.me.cell.say('hello there')");
    runtime.block_on(async {
        until(&mut [&mut bea], "Ada walks", |players| sees_ada(players[0]).filter(|at| at[0] > before[0] + 2.0)).await;
        until(&mut [&mut bea], "Ada is heard", |players| {
            players[0].heard().contains(&"hello there".to_owned()).then_some(())
        })
        .await;
        let (bush, [x, _, z]) = ripe(&bea)[0];
        walk(&mut [&mut bea], 0, x - 1.0, z).await;
        let count = bea.client.call(Part::Cell, "pick", &[Value::Entity(bush)]).await.expect("it is ripe");
        until(&mut [&mut bea], "the berries are there", |players| {
            (players[0].client.world().own_property("berries") == Some(&count)).then_some(())
        })
        .await;
        let again = bea.client.call(Part::Cell, "pick", &[Value::Entity(bush)]).await;
        assert!(again.is_err(), "it was picked: {again:?}");
        assert!(ripe(&bea).iter().all(|(id, _)| *id != bush));
    });
    drop(page);
    drop(browser);
    assert!(game.stop().success());
}

/// A program with logic in Rust that Cargo builds as an example of this crate.
pub(crate) fn program(example: &str, arguments: &[&str]) -> Command {
    let kuafu = Path::new(env!("CARGO_BIN_EXE_kuafu"));
    let program = kuafu.with_file_name("examples").join(example);
    assert!(program.is_file(), "{} is not built: `cargo build -p kuafu --examples`", program.display());
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null());
    command
}

/// The program that `kuafu new --rust` has in its `src/`.
fn rust_game(arguments: &[&str]) -> Command {
    program("new_rust", arguments)
}

#[test]
fn a_new_game_in_rust_runs_its_own_logic_beside_luau() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let project = folder.path().join("glow");
    let made = new(&project, &["--rust", "--json"]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let said: serde_json::Value = serde_json::from_slice(&made.stdout).expect("one JSON document");
    assert_eq!(said["next"].as_array().map(Vec::len), Some(2), "{said}");
    let checked = rust_game(&["check"]).arg(&project).output().expect("it can be started");
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));

    let data = tempfile::tempdir().expect("a temporary folder");
    let game = Game::start_by(rust_game(&["up"]), &project, data.path(), free_ports(), &[]);
    run(async {
        let mut ada = Player::join(&game, "ada").await;
        let fireflies = |player: &Player| -> Vec<([f32; 3], bool)> {
            let entities = player.client.world().entities().filter(|entity| entity.ty.name == "firefly");
            entities.map(|fly| (fly.position, fly.property("bright") == Some(&Value::Bool(true)))).collect()
        };
        let before = until(&mut [&mut ada], "fireflies are there", |players| {
            Some(fireflies(players[0])).filter(|flies| !flies.is_empty())
        })
        .await;
        until(&mut [&mut ada], "a firefly wanders: a timer, `move_to` and its end are Rust's", |players| {
            (fireflies(players[0]).iter().filter(|fly| !before.contains(fly)).count() > 0).then_some(())
        })
        .await;
        let [x, _, z] = fireflies(&ada)[0].0;
        walk(&mut [&mut ada], 0, x, z).await;
        until(&mut [&mut ada], "one shines: its trigger is Rust's", |players| {
            fireflies(players[0]).iter().any(|(_, bright)| *bright).then_some(())
        })
        .await;
        assert!(!ripe(&ada).is_empty(), "bushes have their logic in Luau");
    });
    assert!(game.stop().success());
}
