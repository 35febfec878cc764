//! Files are saved while people play: what is sound runs at once and nobody notices a seam; what is not changes nothing.

use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};

use kuafu_client::Event;
use kuafu_core::Value;
use kuafu_def::Part;
use serde_json::Value as Json;

use super::game::{Game, PATIENCE, copy_of, kuafu, until};
use super::player::{Player, run, until as until_seen};

const AVATAR: &str = "scripts/avatar.luau";

/// A project that is changed while its game runs.
struct Workshop {
    project: tempfile::TempDir,
    _data: tempfile::TempDir,
    game: Game,
}

impl Workshop {
    fn open(prepare: impl FnOnce(&Path), limits: &[&str]) -> Self {
        let (project, data) = (copy_of("plaza"), tempfile::tempdir().expect("a temporary folder"));
        prepare(project.path());
        let game = Game::start_limited(project.path(), data.path(), limits);
        Self { project, _data: data, game }
    }

    fn read(&self, file: &str) -> String {
        std::fs::read_to_string(self.project.path().join(file)).expect("it is there")
    }

    fn save(&self, file: &str, text: &str) {
        std::fs::write(self.project.path().join(file), text).expect("it can be written");
    }

    /// Saves a file with one thing replaced, and gives what it was.
    fn change(&self, file: &str, what: &str, with: &str) -> String {
        let text = self.read(file);
        assert!(text.contains(what), "{file} has `{what}`");
        self.save(file, &text.replacen(what, with, 1));
        text
    }

    /// The next thing that is told of releases after the first `before`, which must be this.
    fn told(&self, before: usize, event: &str) -> Json {
        let told = until(event, || self.game.releases().get(before).cloned());
        assert_eq!(told["event"], event, "{told}");
        told
    }

    fn stop(self) {
        assert!(self.game.stop().success());
    }
}

/// Waits for a line while the players play.
async fn told_to(players: &mut [&mut Player], shop: &Workshop, before: usize, event: &str) -> Json {
    let told = until_seen(players, event, |_| shop.game.releases().get(before).cloned());
    // The terminal may be told before a player hears anything at all.
    let told = tokio::time::timeout(PATIENCE, async {
        tokio::select! {
            told = told => told,
            told = async { loop {
                tokio::time::sleep(Duration::from_millis(20)).await;
                if let Some(told) = shop.game.releases().get(before) { break told.clone() }
            } } => told,
        }
    });
    let told = told.await.unwrap_or_else(|_| panic!("waited too long: {event}"));
    assert_eq!(told["event"], event, "{told}");
    told
}

async fn say(players: &mut [&mut Player], text: &str, heard: &str) {
    players[0].client.tell(None, Part::Cell, "say", &[Value::text(text)]).expect("it can be sent");
    until_seen(players, heard, |players| {
        players.iter().all(|player| player.heard().iter().any(|said| said == heard)).then_some(())
    })
    .await;
}

#[test]
fn a_saved_script_runs_at_once_and_players_calls_and_timers_live_on() {
    let shop = Workshop::open(
        |project| {
            let path = project.join(AVATAR);
            let text = std::fs::read_to_string(&path).expect("it is there");
            let slow = "function Avatar.base:deposit(amount)\n    if amount == 7 then kuafu.sleep(2) return 700 end\n";
            std::fs::write(path, text.replace("function Avatar.base:deposit(amount)\n", slow)).expect("written");
        },
        &[],
    );
    run(async {
        let mut ada = Player::join(&shop.game, "Ada").await;
        let mut bo = Player::join(&shop.game, "Bo").await;
        let ids = (ada.id(), bo.id());
        say(&mut [&mut ada, &mut bo], "hello", "hello").await;
        // A call waits while the code is exchanged: it ends on what it began with.
        let waiting = ada.client.start_call(None, Part::Base, "deposit", &[Value::Int(7)]).expect("it can be sent");
        shop.change(AVATAR, ":heard(text, false)", ":heard(text .. \"!\", false)");
        shop.change(AVATAR, "return 700", "return 701");
        let told = told_to(&mut [&mut ada, &mut bo], &shop, 0, "activated").await;
        assert_eq!((&told["release"], &told["changed"][0]), (&2.into(), &AVATAR.into()), "{told}");
        say(&mut [&mut ada, &mut bo], "hello", "hello!").await;
        let ended = |player: &Player| {
            player.seen.iter().find_map(|event| match event {
                Event::CallEnded { number, result } if *number == waiting => Some(result.clone()),
                _ => None,
            })
        };
        let result = until_seen(&mut [&mut ada, &mut bo], "the call ends", |players| ended(players[0])).await;
        assert_eq!(result.expect("it is not lost"), Value::Int(700));
        assert_eq!(ada.base("deposit", &[Value::Int(1)]).await, Value::Int(11), "gold is what it was");
        // Wisps wander by timers that were set by the code before.
        let wandering = |player: &Player| player.count(|event| matches!(event, Event::Moved { .. }));
        let before = wandering(&ada);
        until_seen(&mut [&mut ada, &mut bo], "wisps wander", |players| (wandering(players[0]) > before).then_some(()))
            .await;
        for (player, id) in [(&ada, ids.0), (&bo, ids.1)] {
            assert!(player.client.is_online() && player.id() == id);
            assert_eq!(
                player.count(|event| matches!(event, Event::Reconnected { .. } | Event::Disconnected { .. })),
                0
            );
        }
        ada.leave().await;
        bo.leave().await;
    });
    shop.stop();
}

#[test]
fn a_broken_file_changes_nothing_and_is_told_with_its_place() {
    let shop = Workshop::open(|_| {}, &[]);
    run(async {
        let mut ada = Player::join(&shop.game, "Ada").await;
        let sound = shop.read(AVATAR);
        shop.save(AVATAR, &sound.replace(":heard(text, false)", ":heard(text .. \"?\", false"));
        let told = told_to(&mut [&mut ada], &shop, 0, "refused").await;
        let problem = &told["problems"][0];
        assert_eq!(problem["file"], AVATAR, "{told}");
        let line = sound.lines().position(|line| line.contains(":heard(text, false)")).expect("it is there") as u64 + 1;
        let said = problem["line"].as_u64().expect("a line");
        assert!((line..=line + 2).contains(&said), "line {said}, broken in {line}: {told}");
        say(&mut [&mut ada], "as ever", "as ever").await;
        // One that compiles and fails its check is refused in the same way.
        shop.save(AVATAR, &sound.replace("function Avatar.base:deposit", "function Avatar.base:depot"));
        let told = told_to(&mut [&mut ada], &shop, 1, "refused").await;
        assert!(told["problems"][0]["message"].as_str().is_some_and(|text| text.contains("deposit")), "{told}");
        until("the console tells it", || {
            let shown = shop.game.status()["releases"].clone();
            (shown["events"][0]["event"] == "refused" && shown["release"] == 1).then_some(())
        });
        shop.save(AVATAR, &sound.replace(":heard(text, false)", ":heard(text .. \"!\", false)"));
        told_to(&mut [&mut ada], &shop, 2, "activated").await;
        say(&mut [&mut ada], "mended", "mended!").await;
        ada.leave().await;
    });
    shop.stop();
}

#[test]
fn a_release_with_errors_is_taken_back_by_itself() {
    let shop = Workshop::open(|_| {}, &["release_faults_max=5"]);
    run(async {
        let mut ada = Player::join(&shop.game, "Ada").await;
        let stroll = "    -- The root spreads the targets evenly over the circle.\n";
        let sound = shop.change("scripts/wisp.luau", stroll, "    error(\"the wisps are confused\")\n");
        told_to(&mut [&mut ada], &shop, 0, "activated").await;
        let told = told_to(&mut [&mut ada], &shop, 1, "rolled-back").await;
        assert_eq!((&told["release"], &told["running"]), (&2.into(), &1.into()), "{told}");
        let text = told["text"].as_str().expect("a text");
        assert!(text.contains("the wisps are confused") && text.contains("wisp.luau:"), "{text}");
        until("every role runs the first release", || {
            let shown = shop.game.status()["releases"].clone();
            let runners = shown["runners"].as_array()?.clone();
            (runners.len() == 2 && runners.iter().all(|runner| runner["release"] == 1)).then_some(())
        });
        // The same again is not tried again; a better one is.
        let bad = shop.read("scripts/wisp.luau");
        shop.save("scripts/wisp.luau", &sound);
        told_to(&mut [&mut ada], &shop, 2, "unchanged").await;
        shop.save("scripts/wisp.luau", &bad);
        told_to(&mut [&mut ada], &shop, 3, "known-bad").await;
        shop.save(
            "scripts/wisp.luau",
            &sound.replace("STROLL_SPEED, FLEE_SPEED = 1.2, 4", "STROLL_SPEED, FLEE_SPEED = 1.4, 4"),
        );
        told_to(&mut [&mut ada], &shop, 4, "activated").await;
        assert!(ada.client.is_online());
        ada.leave().await;
    });
    shop.stop();
}

#[test]
fn a_changed_table_is_seen_by_scripts_and_a_broken_one_is_not() {
    let prepare = |project: &Path| {
        let data = project.join("data");
        std::fs::create_dir_all(&data).expect("a folder");
        std::fs::write(
            data.join("gifts.toml"),
            "key = \"id\"\n[columns]\nid = \"uint32\"\ngold = { type = \"int32\", min = 0 }\n",
        )
        .expect("written");
        std::fs::write(data.join("gifts.csv"), "id,gold\n1,5\n").expect("written");
        let path = project.join(AVATAR);
        let text = std::fs::read_to_string(&path).expect("it is there");
        let gift = "function Avatar.base:deposit(amount)\n    amount += kuafu.data.gifts[1].gold\n";
        std::fs::write(path, text.replace("function Avatar.base:deposit(amount)\n", gift)).expect("written");
    };
    let shop = Workshop::open(prepare, &[]);
    run(async {
        let mut ada = Player::join(&shop.game, "Ada").await;
        assert_eq!(ada.base("deposit", &[Value::Int(0)]).await, Value::Int(15));
        shop.save("data/gifts.csv", "id,gold\n1,100\n");
        let told = told_to(&mut [&mut ada], &shop, 0, "activated").await;
        assert_eq!(told["changed"], serde_json::json!(["data/gifts.csv"]));
        assert_eq!(ada.base("deposit", &[Value::Int(0)]).await, Value::Int(115));
        shop.save("data/gifts.csv", "id,gold\n1,-3\n");
        let told = told_to(&mut [&mut ada], &shop, 1, "refused").await;
        let problem = &told["problems"][0];
        assert_eq!((&problem["file"], &problem["line"]), (&"data/gifts.csv".into(), &2.into()), "{told}");
        assert_eq!(ada.base("deposit", &[Value::Int(0)]).await, Value::Int(215));
        ada.leave().await;
    });
    shop.stop();
}

#[test]
fn what_is_read_at_the_start_only_asks_for_a_restart() {
    let shop = Workshop::open(|_| {}, &[]);
    let definition = "entities/avatar.toml";
    let sound = shop.change(definition, "top_speed = 6.0", "top_speed = 7.0");
    let told = shop.told(0, "restart-needed");
    assert_eq!(told["text"], "entities/avatar.toml: entity.top_speed 6.0 → 7.0", "{told}");
    until("the console tells it", || {
        let needed = shop.game.status()["releases"]["restart_needed"].clone();
        (needed.as_array().is_some_and(|needed| needed.len() == 1)).then_some(())
    });
    // Scripts are released all the same, as long as they fit what runs.
    shop.change(AVATAR, "local SAY_M", "local SAID = 1\nlocal SAY_M");
    assert_eq!(shop.told(1, "activated")["changed"], serde_json::json!([AVATAR]));
    shop.save(definition, &sound);
    until("no restart is needed any more", || {
        let needed = shop.game.status()["releases"]["restart_needed"].clone();
        (needed.as_array().is_some_and(Vec::is_empty)).then_some(())
    });
    shop.stop();
}

/// How often files are saved in one run.
const RELOADS: usize = 200;

/// The longest that a tick may work while releases are exchanged: it leaves none out.
const TICK_MS_MAX: f64 = 100.0;

/// So many ticks may be left out meanwhile, for what else the machine does.
const LATE_TICKS_MAX: f64 = 10.0;

/// The ticks that the cell has left out.
fn late_ticks(status: &Json) -> f64 {
    let cell = status["roles"].as_array().expect("roles").iter().find(|role| role["role"] == "cell").expect("a cell");
    cell["numbers"]["late_ticks"].as_f64().expect("it counts them")
}

struct Bots(Child);

impl Drop for Bots {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn two_hundred_reloads_under_load_lose_nothing() {
    let shop = Workshop::open(|_| {}, &[]);
    let report = shop.project.path().join("report.json");
    let mut command = kuafu(&["bots", "--count", "50", "--seconds", "60", "--port-base", &shop.game.port.to_string()]);
    let mut bots = Bots(command.arg("--report").arg(&report).spawn().expect("the bots can be started"));
    until("the bots are in", || (shop.game.status()["players"] == 50.0).then_some(()));

    let files = [AVATAR, "scripts/wisp.luau", "scripts/thing.luau"].map(|file| (file, shop.read(file)));
    let late_before = late_ticks(&shop.game.status());
    let start = Instant::now();
    for turn in 0..RELOADS {
        let (file, text) = &files[turn % files.len()];
        shop.save(file, &format!("{text}\n-- Saved for the {turn}th time.\n"));
        let told = shop.told(turn, "activated");
        assert_eq!(told["release"], turn + 2, "{told}");
        assert_eq!(told["text"], "", "it runs everywhere: {told}");
    }
    let spent = start.elapsed();
    eprintln!("{RELOADS} reloads in {spent:?}");
    assert!(bots.0.try_wait().expect("it can be asked").is_none(), "the bots played all the time: {spent:?}");
    let code = bots.0.wait().expect("the bots end").code();
    let report: Json = serde_json::from_str(&std::fs::read_to_string(&report).expect("a report")).expect("JSON");
    for (name, count) in [("errors", 0), ("view_mismatches", 0), ("acknowledged_lost", 0), ("online_at_end", 50)] {
        assert_eq!(report[name], count, "{name}: {report}");
    }
    // One bot breaks its own connection, to see how it comes back.
    assert!(report["reconnected"].as_u64().is_some_and(|count| count <= 1), "{report}");
    assert!(report["acknowledged"].as_u64().is_some_and(|count| count > 50), "{report}");
    let status = shop.game.status();
    assert_eq!(status["faults_total"], 0, "{}", status["faults"]);
    let longest = status["tick_ms"]["max"].as_f64().expect("cells tick");
    assert!(longest < TICK_MS_MAX, "a tick worked for {longest} ms");
    let late = late_ticks(&status) - late_before;
    eprintln!("longest tick {longest} ms, {late} left out");
    assert!(late <= LATE_TICKS_MAX, "{late} ticks were left out");
    assert_eq!(code, Some(0), "{report}");
    shop.stop();
}
