//! An operator looks into a running game and steers it: by the token alone, within the budget, and written down.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use kuafu_core::Value;
use kuafu_def::Part;
use serde_json::{Value as Json, json};
use tokio::time::{Instant, timeout};

use super::browser::Browser;
use super::game::{Game, PATIENCE, example, until};
use super::player::{Player, pass, run, until as until_seen};

/// A request to the console, with a token or without.
fn ask(port: u16, method: &str, path: &str, token: &str, body: &Json) -> (u16, Json) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("the console listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a body");
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
    (status, serde_json::from_str(body).expect("JSON"))
}

/// The operator of a game.
#[derive(Clone)]
struct Operator {
    port: u16,
    token: String,
}

impl Operator {
    fn of(game: &Game) -> Self {
        let url = game.ready()["urls"]["operator"].as_str().expect("the operator is told").to_owned();
        let (console, token) = url.split_once("/#operator=").expect("a token");
        assert_eq!(console, game.console());
        Self { port: game.port, token: token.to_owned() }
    }

    fn get(&self, path: &str) -> Json {
        let (status, data) = ask(self.port, "GET", path, &self.token, &Json::Null);
        assert_eq!(status, 200, "{data}");
        data
    }

    /// The roles that have an entity's parts: base and cell.
    fn parts_of(&self, id: u64) -> (String, String) {
        let row = until("the console finds the entity", || {
            let found = self.get(&format!("/api/logic/entities?id={id}"));
            let row = found["list"][0].clone();
            (row["base"].is_string() && row["cell"].is_string()).then_some(row)
        });
        let role = |part: &str| row[part].as_str().expect("it was looked at").to_owned();
        (role("base"), role("cell"))
    }

    fn evaluate(&self, role: &str, entity: u64, source: &str, keep: bool) -> (u16, Json) {
        let body = json!({ "role": role, "entity": entity, "source": source, "keep": keep });
        ask(self.port, "POST", "/api/logic/evaluate", &self.token, &body)
    }

    /// What an evaluation that goes well gives.
    fn value(&self, role: &str, entity: u64, source: &str, keep: bool) -> String {
        let (status, data) = self.evaluate(role, entity, source, keep);
        assert_eq!(status, 200, "{source}: {data}");
        data["text"].as_str().expect("a text").to_owned()
    }

    fn profile(&self, role: &str, seconds: f64) -> (u16, Json) {
        let body = json!({ "role": role, "seconds": seconds });
        ask(self.port, "POST", "/api/logic/profile", &self.token, &body)
    }
}

fn hue(player: &Player, of: kuafu_core::EntityId) -> Option<i64> {
    match player.client.world().entity(of)?.property("hue") {
        Some(Value::Int(hue)) => Some(*hue),
        _ => None,
    }
}

fn audit_lines(data: &Path) -> Vec<Json> {
    let text = std::fs::read_to_string(data.join("audit.log")).expect("there is a log");
    text.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
}

#[test]
fn an_operator_evaluates_in_a_players_avatar_and_others_see_what_was_kept() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let game = Game::start(&example("plaza"), data.path());
    let operator = Operator::of(&game);
    run(async {
        let mut ada = Player::join(&game, "Ada").await;
        let mut bo = Player::join(&game, "Bo").await;
        let id = ada.id();
        until_seen(&mut [&mut ada, &mut bo], "they see each other", |players| players[1].sees(id).then_some(())).await;
        let (base, cell) = operator.parts_of(id.0);
        assert_eq!(operator.value(&base, id.0, "return self.type", false), "\"avatar\"");
        assert_eq!(operator.value(&base, id.0, "self.gold", false), "10");
        assert_eq!(operator.value(&cell, id.0, "return self.name", false), "\"Ada one\"");
        let (status, why) = operator.evaluate(&base, 12, "1", false);
        assert_eq!((status, &why["code"]), (404, &"EntityUnknown".into()), "{why}");
        let (status, why) = operator.evaluate(&cell, id.0, "local nothing = nil\nreturn nothing.x", false);
        assert_eq!((status, &why["code"]), (422, &"ScriptFailed".into()), "{why}");
        assert!(why["error"].as_str().is_some_and(|why| why.contains("console:2")), "with the line: {why}");

        let before = hue(&bo, id).expect("it is visible");
        let dropped = (before + 100) % 360;
        operator.value(&cell, id.0, &format!("self.hue = {dropped}"), false);
        pass(&mut [&mut ada, &mut bo], Duration::from_millis(400)).await;
        assert_eq!(hue(&bo, id), Some(before), "what is not kept, nobody sees");
        let kept = if before == 10 { 11 } else { 10 };
        operator.value(&cell, id.0, &format!("self.hue = {kept}"), true);
        until_seen(&mut [&mut ada, &mut bo], "the new colour", |players| {
            (hue(players[1], id) == Some(kept)).then_some(())
        })
        .await;
        operator.value(&cell, id.0, "self.clients:heard('from above', true)", true);
        until_seen(&mut [&mut ada, &mut bo], "the voice", |players| {
            players.iter().all(|player| player.heard().contains(&"from above".to_owned())).then_some(())
        })
        .await;
        let lines = audit_lines(data.path());
        let line = lines.iter().find(|line| line["keep"] == true).expect("it is written down");
        assert_eq!((&line["role"], &line["entity"], &line["outcome"]), (&cell.into(), &id.0.into(), &"done".into()));
        assert_eq!(line["source"], format!("self.hue = {kept}"));
        ada.leave().await;
        bo.leave().await;
    });
    assert!(game.stop().success());
}

#[test]
fn an_endless_loop_is_stopped_by_the_budget_and_the_game_goes_on() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let game = Game::start(&example("plaza"), data.path());
    let operator = Operator::of(&game);
    run(async {
        let mut ada = Player::join(&game, "Ada").await;
        let (base, cell) = operator.parts_of(ada.id().0);
        for role in [&base, &cell] {
            let begun = Instant::now();
            let (status, why) = operator.evaluate(role, ada.id().0, "while true do end", true);
            assert_eq!((status, &why["code"]), (422, &"ScriptFailed".into()), "{why}");
            assert!(why["error"].as_str().is_some_and(|why| why.contains("budget")), "{why}");
            assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
        }
        assert_eq!(ada.base("deposit", &[Value::Int(1)]).await, Value::Int(11));
        let [x, _, z] = ada.position();
        ada.walk_to(x + 1.0, z).await;
        let faults = game.status()["faults"].as_array().cloned().unwrap_or_default();
        assert!(faults.is_empty(), "an operator's mistake is no fault of the game: {faults:?}");
        ada.leave().await;
    });
    assert!(game.stop().success());
}

#[test]
fn without_the_token_nothing_is_told_and_it_outlives_a_restart() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let game = Game::start(&example("plaza"), data.path());
    let operator = Operator::of(&game);
    let path = data.path().join("operator.token");
    let mode = std::fs::metadata(&path).expect("it is kept").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let body = json!({ "role": "cell#6", "entity": 1, "source": "1", "keep": true });
    for token in ["", "wrong"] {
        assert_eq!(ask(game.port, "POST", "/api/logic/evaluate", token, &body).0, 401);
        assert_eq!(ask(game.port, "GET", "/api/logic/audit", token, &Json::Null).0, 401);
    }
    assert_eq!(std::fs::read_to_string(data.path().join("audit.log")).expect("it is there"), "");
    assert!(game.stop().success());
    let game = Game::start(&example("plaza"), data.path());
    assert_eq!(Operator::of(&game).token, operator.token);
    assert!(game.stop().success());
}

#[test]
fn a_profile_names_functions_with_their_lines_and_the_heap_lists_what_lives() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let game = Game::start(&example("plaza"), data.path());
    let operator = Operator::of(&game);
    run(async {
        let mut ada = Player::join(&game, "Ada").await;
        let mut bo = Player::join(&game, "Bo").await;
        let (_, cell) = operator.parts_of(ada.id().0);
        let asking = {
            let (operator, cell) = (operator.clone(), cell.clone());
            move || operator.profile(&cell, 3.0)
        };
        let profile = tokio::task::spawn_blocking(asking);
        let mut step = 0.4;
        while !profile.is_finished() {
            ada.client.tell(None, Part::Cell, "say", &[Value::text("hello")]).expect("it can be sent");
            let [x, y, z] = bo.position();
            bo.client.move_to([x + step, y, z], 0.0).expect("it can be sent");
            step = -step;
            pass(&mut [&mut ada, &mut bo], Duration::from_millis(400)).await;
        }
        let (status, profile) = timeout(PATIENCE, profile).await.expect("in time").expect("no panic");
        assert_eq!(status, 200, "{profile}");
        let entries = profile["entries"].as_array().expect("a list");
        let said = entries.iter().find(|row| row["entry"] == "avatar.say").unwrap_or_else(|| panic!("{profile}"));
        assert!(said["times"].as_u64().is_some_and(|times| times >= 2), "{said}");
        let functions = profile["functions"].as_array().expect("a list");
        assert!(!functions.is_empty(), "{profile}");
        for row in functions {
            let (place, _) = row["function"].as_str().and_then(|text| text.split_once(' ')).expect("place and name");
            let (file, line) = place.rsplit_once(':').expect("file and line");
            assert!(file.ends_with(".luau") && line.parse::<u32>().is_ok_and(|line| line > 0), "{row}");
        }
        let (status, again) = operator.profile("cell#4000", 1.0);
        assert_eq!(status, 404, "{again}");
        let heap = operator.get(&format!("/api/logic/heap?role={}", cell.replace('#', "%23")));
        let types = heap["types"].as_array().expect("a list");
        let avatars = types.iter().find(|row| row["type"] == "avatar").unwrap_or_else(|| panic!("{heap}"));
        assert_eq!(avatars["entities"], 2);
        assert!(avatars["bytes"].as_u64().is_some_and(|bytes| bytes > 100), "{avatars}");
        let wisps = operator.get("/api/logic/entities?type=wisp");
        assert!(wisps["list"].as_array().is_some_and(|list| list.len() > 3), "{wisps}");
        let actions: Vec<Json> = audit_lines(data.path()).iter().map(|line| line["action"].clone()).collect();
        assert_eq!(actions, ["profile", "profile", "heap"]);
        ada.leave().await;
        bo.leave().await;
    });
    assert!(game.stop().success());
}

#[test]
fn the_page_takes_the_token_from_its_address_and_evaluates_what_is_typed() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let game = Game::start(&example("plaza"), data.path());
    let mut browser = Browser::start();
    let stranger = browser.open(&game.console());
    let mut page = browser.page(&stranger);
    page.wait_for("document.querySelector('[data-testid=debug-locked]').innerText.includes('operator:')");
    let url = game.ready()["urls"]["operator"].as_str().expect("the operator is told").to_owned();
    let session = browser.open(&url);
    let mut page = browser.page(&session);
    page.wait_for("document.querySelector('[data-testid=debug-state]').innerText === 'open'");
    assert_eq!(page.value("location.href"), format!("{}/", game.console()), "the address keeps no token");
    page.value("document.querySelector('[data-testid=find-type]').value = 'wisp'");
    page.click("find");
    page.wait_for("document.querySelector('#found button')");
    page.value("document.querySelector('#found button').click()");
    page.fill("source", "self.type .. '!'");
    page.click("run");
    page.wait_for("document.querySelector('[data-testid=log-item] .result').innerText === '\"wisp!\"'");
    page.fill("watch-source", "kuafu.now()");
    page.click("watch-add");
    let value = "document.querySelector('[data-testid=watch] .value').innerText";
    page.wait_for(&format!("Number({value}) > 0"));
    let before = page.value(value).as_str().expect("a text").to_owned();
    page.wait_for(&format!("{value} !== '{before}' && Number({value}) > {before}"));
    page.click("tab-audit");
    page.wait_for("document.querySelectorAll('[data-testid=audit-line]').length === 2");
    drop(browser);
    assert!(game.stop().success());
}
