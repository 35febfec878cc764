//! Scripts ask a server outside the game: what the list allows comes back to the player, the rest is refused, and a slow
//! answer is waited for longer than a call between roles.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kuafu_core::Value;
use serde_json::Value as Json;

use super::game::{Game, copy_of, free_ports, kuafu, output, until};
use super::player::{Player, run, until as until_seen};

const AVATAR: &str = r#"
[methods.base.ask]
exposed = "owner"
arguments = [{ name = "url", type = "string" }, { name = "seconds", type = "float64" }]
result = "string"
[methods.cell.ask_from_cell]
exposed = "owner"
arguments = [{ name = "url", type = "string" }]
result = "string"
[methods.base.ask_later]
exposed = "owner"
arguments = [{ name = "url", type = "string" }]
"#;

const AVATAR_LUAU: &str = r#"
local function told(answer, why)
    if not answer then return `{why.kind} {why.code}: {why.text}` end
    return `{answer.status} {answer.headers["x-stock"]} {answer.body}`
end
function Avatar.base:ask(url, seconds)
    return told(kuafu.http("POST", url, { body = "how many?", headers = { ["x-shop"] = 7 }, timeout = seconds }):await())
end
function Avatar.cell:ask_from_cell(url) return told(kuafu.http("GET", url):await()) end
function Avatar.base:ask_later(url)
    kuafu.spawn(function()
        local answer = kuafu.http("GET", url):await()
        self.gold = if answer then answer.status else 1
    end)
end
return Avatar
"#;

/// How long `/v1/slow` takes: longer than calls between roles may, here.
const SLOW: Duration = Duration::from_millis(3_500);

/// A shop on a port of this machine, and the requests that it got.
fn shop() -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let heard = Arc::new(Mutex::new(Vec::new()));
    let ears = heard.clone();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let ears = ears.clone();
            std::thread::spawn(move || {
                let mut request = Vec::new();
                let mut bytes = [0; 1_024];
                while !is_whole(&request) {
                    match stream.read(&mut bytes) {
                        Ok(count @ 1..) => request.extend_from_slice(&bytes[..count]),
                        _ => return,
                    }
                }
                let request = String::from_utf8_lossy(&request).into_owned();
                if request.contains("/v1/slow") {
                    std::thread::park_timeout(SLOW);
                }
                ears.lock().expect("nobody panics with it").push(request);
                let answer =
                    "HTTP/1.1 203 Here\r\nX-Stock: yes\r\nContent-Length: 6\r\nConnection: close\r\n\r\n3 hats";
                let _ = stream.write_all(answer.as_bytes());
            });
        }
    });
    (address, heard)
}

/// Whether a request has come with all of its body.
fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
    body.len() >= length
}

/// A plaza whose avatars ask.
fn project(list: &str) -> tempfile::TempDir {
    let project = copy_of("plaza");
    let edit = |name: &str, change: &dyn Fn(String) -> String| {
        let path = project.path().join(name);
        let text = std::fs::read_to_string(&path).expect("it is there");
        std::fs::write(path, change(text)).expect("it can be written");
    };
    edit("kuafu.toml", &|text| text + list);
    edit("entities/avatar.toml", &|text| text + AVATAR);
    edit("scripts/avatar.luau", &|text| text.replace("return Avatar\n", "") + AVATAR_LUAU);
    project
}

async fn ask(player: &mut Player, url: &str, seconds: f64) -> String {
    let answer = player.base("ask", &[Value::text(url), Value::Float(seconds)]).await;
    answer.as_text().expect("a text").to_owned()
}

fn numbers(game: &Game) -> Json {
    let status = game.status();
    let roles = status["roles"].as_array().expect("a list");
    let role = roles.iter().find(|role| role["role"] == "interfaces").expect("it always runs");
    role["numbers"].clone()
}

#[test]
fn what_the_list_allows_comes_back_to_the_player_and_nothing_else_leaves() {
    let (shop, heard) = shop();
    let (project, data) =
        (project(&format!("\n[http]\nallow = [\"http://{shop}/v1/\"]\n")), tempfile::tempdir().unwrap());
    let game = Game::start_limited(project.path(), data.path(), &["call_deadline_ms=2500"]);
    run(async {
        let mut ada = Player::join(&game, "Ada").await;
        assert_eq!(ask(&mut ada, &format!("http://{shop}/v1/hats"), 2.0).await, "203 yes 3 hats");
        let request = heard.lock().expect("nobody panics with it").pop().expect("it was asked");
        assert!(request.starts_with("POST /v1/hats HTTP/1.1\r\n") && request.ends_with("how many?"), "{request}");
        assert!(request.contains("x-shop: 7\r\n"), "{request}");
        let url = [Value::text(&format!("http://{shop}/v1/hats"))];
        let from_cell = ada.client.call(kuafu_def::Part::Cell, "ask_from_cell", &url).await.expect("an answer");
        assert_eq!(from_cell, Value::text("203 yes 3 hats"));
        heard.lock().expect("nobody panics with it").clear();

        for url in [format!("http://{shop}/v2/"), format!("http://localhost:{}/v1/", shop.port())] {
            let told = ask(&mut ada, &url, 2.0).await;
            assert!(told.starts_with("refused NotAllowed: ") && told.contains("[http] allow = [\""), "{told}");
        }
        assert!(heard.lock().expect("nobody panics with it").is_empty());

        let slow = format!("http://{shop}/v1/slow");
        assert!(ask(&mut ada, &slow, 0.2).await.starts_with("unknown DeadlinePassed"));
        ada.base("ask_later", &[Value::text(&slow)]).await;
        until_seen(&mut [&mut ada], "the slow answer", |players| (players[0].number("gold") == 203).then_some(()))
            .await;
        ada.leave().await;
    });
    let seen = until("the console shows it", || Some(numbers(&game)).filter(|seen| seen["http_responses"] == 3.0));
    let expected = [("http_requests", 6.0), ("http_refused", 2.0), ("http_ms_max", 1.0), ("http_in_flight", 0.0)];
    for (name, number) in expected {
        assert_eq!(seen[name], number, "{name} in {seen}");
    }
    assert!(game.stop().success());
}

#[test]
fn an_entry_that_is_no_address_is_told_with_its_line() {
    let project = project("\n[http]\nallow = [\n    \"https://api.example.com/v1/\",\n    \"api.example.com\",\n]\n");
    let text = std::fs::read_to_string(project.path().join("kuafu.toml")).expect("it is there");
    let line = text.lines().position(|line| line.contains("\"api.example.com\"")).expect("it is there") + 1;
    let (data, port) = (tempfile::tempdir().unwrap(), free_ports().to_string());
    let arguments = [project.path(), Path::new("--data"), data.path(), Path::new("--port-base"), Path::new(&port)];
    let mut command = kuafu(&["up"]);
    command.args(arguments);
    let ended = output(command);
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(1), "{said}");
    assert!(said.contains(&format!("kuafu.toml:{line}:")) && said.contains("https://api.example.com/v1/"), "{said}");
}
