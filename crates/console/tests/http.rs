//! The console over a real socket: what it answers, what it refuses, and that it stays live.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use kuafu_bus::{Delivery, Inbox, LocalBus, Overflow};
use kuafu_console::{ConsoleConfig, ConsoleError, ConsoleHttp, ConsoleServer, SDK_FILES, SpaceName, serve, start};
use kuafu_contract::config::{Event, EventKind, Problem, Runner, Status};
use kuafu_contract::console::{Dot, Map, Report, Request as Told};
use kuafu_contract::{Address, Body, Envelope, Request, RoleKind, cell};
use kuafu_core::{Incarnation, Limits, SpaceId, WallTime};
use kuafu_node::{Node, RoleHandle, SystemClock};
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;

const CONSOLE: Address = Address { role: RoleKind::Console, incarnation: Incarnation(1) };
const CELL: Address = Address { role: RoleKind::Cell, incarnation: Incarnation(2) };
const DEADLINE: Duration = Duration::from_secs(20);

/// A console that listens on a free port, and a project folder for it.
struct Running {
    server: Option<ConsoleServer>,
    at: SocketAddr,
    runtime: Runtime,
    bus: LocalBus,
    project: TempDir,
    _role: RoleHandle,
}

fn http(bind: SocketAddr, client: &Path) -> ConsoleHttp {
    ConsoleHttp {
        bind,
        hosts: Vec::new(),
        game: "Plaza <of> \"all\"".to_owned(),
        client: client.to_owned(),
        login_port: 9_999,
        types: BTreeMap::from([(1, "avatar".to_owned())]),
        sdk: SDK_FILES,
        operator: None,
    }
}

fn run() -> Running {
    let project = TempDir::new().expect("a temporary folder");
    let client = project.path().join("client");
    std::fs::create_dir_all(client.join("art")).expect("a folder");
    std::fs::write(project.path().join("secret.txt"), "not for you").expect("a file");
    std::fs::write(client.join(".env"), "hidden").expect("a file");
    std::fs::write(client.join("index.html"), "<h1>plaza</h1>").expect("a file");
    std::fs::write(client.join("game.js"), "export {};").expect("a file");
    std::fs::write(client.join("art/big.bin"), vec![7_u8; 300_000]).expect("a file");
    std::fs::write(client.join("art/index.html"), "art").expect("a file");
    let bus = LocalBus::new();
    let node = Node::new(bus.clone(), Arc::new(SystemClock::start()), Limits::default());
    let spaces = vec![SpaceName { id: SpaceId(1), name: "plaza".to_owned() }];
    let (role, desk) = start(&node, ConsoleConfig { address: CONSOLE, spaces, tick_hz: 10 }).expect("it starts");
    let runtime = Runtime::new().expect("a runtime");
    let server = runtime.block_on(serve(http(([127, 0, 0, 1], 0).into(), &client), desk)).expect("it listens");
    Running { at: server.address(), server: Some(server), runtime, bus, project, _role: role }
}

struct Answer {
    status: u16,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

impl Answer {
    fn text(&self) -> String {
        String::from_utf8(self.body.clone()).expect("text")
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

impl Running {
    fn open(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> BufReader<TcpStream> {
        let mut stream = TcpStream::connect(self.at).expect("it listens");
        stream.set_read_timeout(Some(DEADLINE)).expect("a socket");
        let mut request = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\nContent-Length: 0\r\n");
        if !headers.iter().any(|(name, _)| *name == "Host") {
            request += &format!("Host: {}\r\n", self.at);
        }
        headers.iter().for_each(|(name, value)| request += &format!("{name}: {value}\r\n"));
        stream.write_all((request + "\r\n").as_bytes()).expect("it reads");
        BufReader::new(stream)
    }

    fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut reader = self.open(method, path, headers);
        let (status, headers) = read_head(&mut reader);
        let mut body = Vec::new();
        reader.read_to_end(&mut body).expect("an answer");
        Answer { status, headers, body }
    }

    fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[])
    }

    fn tell(&self, from: Address, told: Told) {
        self.bus.send(from, CONSOLE.into(), Body::Notice(Request::Console(told))).expect("the console is there");
    }

    fn report(&self, from: Address, numbers: &[(&str, f64)], tick_us: &[u32]) {
        let numbers = numbers.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
        let report = Report { from, state: "running".to_owned(), numbers, tick_us: tick_us.to_vec() };
        self.tell(from, Told::Report(report));
    }

    /// Follows the events until one is as wanted.
    fn wait_for(&self, path: &str, name: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let mut reader = self.open("GET", path, &[]);
        assert_eq!(read_head(&mut reader).0, 200);
        let mut event = String::new();
        for line in reader.lines() {
            let line = line.expect("the stream goes on");
            if let Some(is) = line.strip_prefix("event: ") {
                event = is.to_owned();
            }
            if let Some(data) = line.strip_prefix("data: ").filter(|_| event == name) {
                let data: Value = serde_json::from_str(data).expect("JSON");
                if wanted(&data) {
                    return data;
                }
            }
        }
        panic!("the stream ended");
    }
}

fn read_head(reader: &mut impl BufRead) -> (u16, BTreeMap<String, String>) {
    let mut line = String::new();
    reader.read_line(&mut line).expect("a status line");
    let status = line.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
    let mut headers = BTreeMap::new();
    loop {
        line.clear();
        reader.read_line(&mut line).expect("a header");
        let Some((name, value)) = line.trim_end().split_once(": ") else { return (status, headers) };
        headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
}

#[test]
fn the_status_has_what_a_measurement_needs() {
    let console = run();
    console.report(CELL, &[("entities", 12.0), ("ticks", 0.0), ("thread_cpu_ms", 1.0)], &[]);
    console.report(CELL, &[("entities", 12.0), ("ticks", 10.0), ("thread_cpu_ms", 41.0)], &[2_000, 3_000, 9_000]);
    let base = Address { role: RoleKind::Base, incarnation: Incarnation(3) };
    console.report(base, &[("players", 5.0), ("process_rss_mib", 64.0)], &[]);
    console.wait_for("/api/events", "status", |status| status["players"] == 5.0);
    let answer = console.get("/api/status");
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/json"));
    let status = answer.json();
    for name in
        ["tick_hz", "tick_ms", "spaces", "cells", "cpu_ms_per_tick", "rss_mib", "logins_per_s", "recent", "history"]
    {
        assert!(status.get(name).is_some(), "{name}");
    }
    assert_eq!((&status["spaces"], &status["cells"], &status["entities"]), (&1.into(), &1.into(), &12.0.into()));
    for (name, ms) in [("p50", 3.0), ("p99", 9.0), ("max", 9.0)] {
        let shown = status["tick_ms"][name].as_f64();
        assert!(shown.is_some_and(|shown| (shown - ms).abs() <= ms * 0.001), "{name}: {shown:?}");
    }
    assert!(status["tick_hz"].as_f64().is_some_and(|hz| hz > 0.0), "{}", status["tick_hz"]);
    assert_eq!(status["cpu_ms_per_tick"]["cell"], 4.0);
    let ids: Vec<_> = status["roles"].as_array().expect("roles").iter().map(|role| role["id"].clone()).collect();
    assert_eq!(ids, ["base#3", "cell#2", "console#1"]);
}

#[test]
fn the_status_tells_of_releases() {
    let console = run();
    let config = Address { role: RoleKind::Config, incarnation: Incarnation(4) };
    let problem = Problem {
        file: "scripts/avatar.luau".into(),
        line: 12,
        column: 3,
        code: "script-syntax".into(),
        message: "expected `end`".into(),
        help: "close it".into(),
    };
    let event = Event {
        at: WallTime(7),
        kind: EventKind::Refused,
        release: 0,
        present: 3,
        changed: vec!["scripts/avatar.luau".into()],
        changed_more: 1,
        checked_ms: 0,
        took_ms: 0,
        text: String::new(),
        problems: vec![problem],
        problems_more: 4,
    };
    let status = Status {
        from: config,
        release: 3,
        since: WallTime(5),
        changed: Vec::new(),
        changed_more: 0,
        previous: Some(2),
        staging: Some(4),
        runners: vec![Runner { address: CELL, release: 2, faults: 1, trouble: "slow".into() }],
        restart_needed: vec!["kuafu.toml".into()],
        events: vec![event],
    };
    console.tell(config, Told::Releases(status));
    let status = console.wait_for("/api/events", "status", |status| !status["releases"].is_null());
    let shown = &status["releases"];
    assert_eq!((&shown["release"], &shown["previous"], &shown["staging"]), (&3.into(), &2.into(), &4.into()));
    let runner = serde_json::json!({ "id": "cell#2", "release": 2, "faults": 1, "trouble": "slow" });
    assert_eq!((&shown["runners"][0], &shown["restart_needed"][0]), (&runner, &"kuafu.toml".into()));
    let event = &shown["events"][0];
    assert_eq!(
        (&event["event"], &event["changed_count"], &event["problems_count"]),
        (&"refused".into(), &2.into(), &5.into())
    );
    assert_eq!(
        (&event["problems"][0]["file"], &event["problems"][0]["line"]),
        (&"scripts/avatar.luau".into(), &12.into())
    );
}

#[test]
fn a_reset_is_done_when_it_is_answered() {
    let console = run();
    let answer = console.ask("POST", "/api/reset", &[]);
    assert_eq!((answer.status, answer.json()), (200, serde_json::json!({ "reset": 1 })));
    assert_eq!(console.get("/api/status").json()["measured_from"]["number"], 1);
    assert_eq!(console.get("/api/reset").status, 405);
}

#[test]
fn pages_of_other_sites_can_neither_steer_nor_read() {
    let console = run();
    let own = format!("http://{}", console.at);
    assert_eq!(console.ask("POST", "/api/reset", &[("Origin", &own)]).status, 200);
    for origin in ["https://evil.example", "null", "http://127.0.0.1:1"] {
        assert_eq!(console.ask("POST", "/api/reset", &[("Origin", origin)]).status, 403, "{origin}");
        assert_eq!(console.ask("GET", "/api/status", &[("Origin", origin)]).status, 403, "{origin}");
    }
    assert_eq!(console.ask("POST", "/api/reset", &[("Sec-Fetch-Site", "cross-site")]).status, 403);
    assert_eq!(console.ask("GET", "/api/status", &[("Host", "evil.example")]).status, 421);
    assert_eq!(console.ask("POST", "/play/index.html", &[]).status, 405);
    assert_eq!(console.get("/api/status").json()["measured_from"]["number"], 1, "only the page's own reset counted");
}

#[test]
fn the_page_carries_its_own_scripts_and_a_strict_policy() {
    let console = run();
    let page = console.get("/");
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    let text = page.text();
    assert!(text.contains("Plaza &#60;of&#62;") && !text.contains("Plaza <of>"), "the game's name is escaped");
    assert!(!text.contains("style=\"") && !text.contains("<script>"), "the policy would refuse these");
    let policy = page.header("content-security-policy");
    assert!(policy.contains("script-src 'self';") && policy.contains("ws://127.0.0.1:*"), "{policy}");
    assert_eq!(page.header("x-content-type-options"), "nosniff");
    let parts = text.split('"').filter(|part| part.starts_with("/assets/")).collect::<Vec<_>>();
    assert!(parts.len() >= 3);
    for part in parts {
        assert_eq!(console.get(part).status, 200, "{part}");
    }
    let script = console.get("/assets/console.js").text();
    for module in script.split("from \"./").skip(1).filter_map(|rest| rest.split('"').next()) {
        let answer = console.get(&format!("/assets/{module}"));
        assert_eq!((answer.status, answer.header("content-type")), (200, "text/javascript; charset=utf-8"), "{module}");
    }
    assert_eq!(console.get("/assets/nothing.js").status, 404);
    assert_eq!(console.get("/nothing").status, 404);
}

#[test]
fn the_client_folder_is_served_as_it_is_now() {
    let console = run();
    let index = console.get("/play/");
    assert_eq!((index.text().as_str(), index.header("content-type")), ("<h1>plaza</h1>", "text/html; charset=utf-8"));
    assert_eq!(index.header("cache-control"), "no-cache");
    assert_eq!(console.get("/play").header("location"), "/play/");
    assert_eq!(console.get("/play/art").header("location"), "/play/art/");
    assert_eq!(console.get("/play/art/").text(), "art");
    assert_eq!(console.get("/play/game.js").header("content-type"), "text/javascript; charset=utf-8");
    let big = console.get("/play/art/big.bin");
    assert_eq!((big.body.len(), big.header("content-length")), (300_000, "300000"));
    let known = console.ask("GET", "/play/", &[("If-None-Match", index.header("etag"))]);
    assert_eq!((known.status, known.body.len()), (304, 0));
    std::fs::write(console.project.path().join("client/index.html"), "<h1>saved anew</h1>").expect("a file");
    let saved = console.ask("GET", "/play/", &[("If-None-Match", index.header("etag"))]);
    assert_eq!((saved.status, saved.text().as_str()), (200, "<h1>saved anew</h1>"));
    let config = console.get("/play/config.json").json();
    assert_eq!(config, serde_json::json!({ "login_port": 9999, "game": "Plaza <of> \"all\"" }));
    std::fs::remove_file(console.project.path().join("client/index.html")).expect("a file");
    let missing = console.get("/play/");
    assert_eq!(missing.status, 404);
    assert!(missing.text().contains("put an index.html into"), "{}", missing.text());
}

#[test]
fn no_path_leads_out_of_the_client_folder() {
    let console = run();
    for path in [
        "/play/../secret.txt",
        "/play/%2e%2e/secret.txt",
        "/play/..%2fsecret.txt",
        "/play/art/../../secret.txt",
        "/play/art/..%5c..%5csecret.txt",
        "/play//etc/passwd",
        "/play/.env",
        "/play/%2eenv",
        "/play/art/%00",
    ] {
        let answer = console.get(path);
        assert!((400..500).contains(&answer.status), "{path}: {}", answer.status);
        assert!(!answer.text().contains("not for you") && !answer.text().contains("hidden"), "{path}");
    }
    #[cfg(unix)]
    {
        let root = console.project.path();
        std::os::unix::fs::symlink(root.join("secret.txt"), root.join("client/link.txt")).expect("a link");
        assert_eq!(console.get("/play/link.txt").status, 403);
    }
}

#[test]
fn the_client_library_comes_from_inside_the_binary() {
    let console = run();
    assert!(SDK_FILES.iter().any(|(name, _)| *name == "kuafu.js"), "the build script found the library");
    assert!(SDK_FILES.iter().all(|(name, _)| !name.contains("test")));
    for (name, text) in SDK_FILES {
        assert_eq!(console.get(&format!("/sdk/{name}")).text(), *text, "{name}");
    }
    assert_eq!(console.get("/sdk/../Cargo.toml").status, 404);
}

#[test]
fn metrics_are_lines_that_prometheus_reads() {
    let console = run();
    console.report(CELL, &[("entities", 12.0), ("odd name!", 1.5), ("ticks", 3.0)], &[2_000]);
    console.wait_for("/api/events", "status", |status| status["entities"] == 12.0);
    let answer = console.get("/metrics");
    assert!(answer.header("content-type").starts_with("text/plain; version=0.0.4"));
    let text = answer.text();
    let mut typed = std::collections::BTreeSet::new();
    let sound = |name: &str| name.chars().all(|each| each.is_ascii_alphanumeric() || each == '_');
    for line in text.lines() {
        if let Some(declared) = line.strip_prefix("# TYPE ") {
            let (name, kind) = declared.split_once(' ').expect("a kind");
            assert!(typed.insert(name.to_owned()), "{name} is declared once");
            assert!(kind == "counter" || kind == "gauge");
            continue;
        }
        let (name, rest) = line.split_once(['{', ' ']).expect("a value");
        assert!(sound(name) && typed.contains(name), "{line}");
        assert!(rest.rsplit(' ').next().is_some_and(|value| value.parse::<f64>().is_ok()), "{line}");
    }
    assert!(text.contains("kuafu_entities{role=\"cell\",incarnation=\"2\"} 12\n"), "{text}");
    assert!(text.contains("# TYPE kuafu_ticks counter\n") && text.contains("kuafu_odd_name_{role"));
    assert!(text.contains("kuafu_tick_ms{role=\"cell\",incarnation=\"2\",quantile=\"0.99\"} 2\n"));
}

/// A cell that tells when it is asked for maps.
struct Cell(SyncSender<SpaceId>);

impl Inbox for Cell {
    fn deliver(&self, delivery: Delivery) -> Result<(), Overflow> {
        if let Delivery::Envelope(Envelope { body: Body::Notice(Request::Cell(request)), .. }) = delivery
            && let cell::Request::WatchMap { space, .. } = request
        {
            let _ = self.0.try_send(space);
        }
        Ok(())
    }
}

#[test]
fn a_viewer_gets_the_status_each_second_and_the_maps_of_its_space() {
    let mut console = run();
    let (asked_in, asked): (_, Receiver<SpaceId>) = sync_channel(16);
    console.bus.register(CELL, Arc::new(Cell(asked_in)));
    console.report(CELL, &[("entities", 1.0)], &[]);
    let first = console.wait_for("/api/events", "status", |status| status["cells"] == 1);
    console.wait_for("/api/events", "status", |status| status["at"].as_u64() > first["at"].as_u64());
    let map = std::thread::scope(|scope| {
        let map = scope.spawn(|| console.wait_for("/api/events?space=1", "map", |_| true));
        assert_eq!(asked.recv_timeout(DEADLINE), Ok(SpaceId(1)), "the cell is asked because somebody looks");
        let dots = vec![Dot { entity: 1 << 33, ty: 1, x: 1.26, z: -2.0, witness: true }];
        let bounds = [-5.0, -5.0, 5.0, 5.0];
        console.tell(CELL, Told::Map(Map { space: SpaceId(1), name: "plaza".to_owned(), bounds, dots, entities: 1 }));
        map.join().expect("a map came")
    });
    assert_eq!(map["dots"], serde_json::json!([[1_u64 << 33, 1, 1.3, -2.0, 1]]));
    // A stop ends the streams instead of waiting for their viewers.
    let mut watching = console.open("GET", "/api/events", &[]);
    assert_eq!(read_head(&mut watching).0, 200);
    let server = console.server.take().expect("it runs");
    console.runtime.block_on(server.stop());
    let mut rest = Vec::new();
    assert!(watching.read_to_end(&mut rest).is_ok(), "the stream came to its end");
    assert!(TcpStream::connect(console.at).is_err(), "nobody listens any more");
}

#[test]
fn only_so_many_viewers_are_let_in_and_room_comes_back() {
    let console = run();
    let mut viewers: Vec<_> = (0..64).map(|_| console.open("GET", "/api/events", &[])).collect();
    for viewer in &mut viewers {
        assert_eq!(read_head(viewer).0, 200);
    }
    let refused = console.get("/api/events");
    assert_eq!((refused.status, refused.header("retry-after")), (503, "5"));
    drop(viewers);
    let room = console.runtime.block_on(async {
        let free = async {
            while read_head(&mut console.open("GET", "/api/events", &[])).0 != 200 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(DEADLINE, free).await
    });
    assert!(room.is_ok(), "the places of viewers that left are free again");
}

#[test]
fn a_port_in_use_is_named_with_the_way_out() {
    let console = run();
    let (_, desk) = start(
        &Node::new(LocalBus::new(), Arc::new(SystemClock::start()), Limits::default()),
        ConsoleConfig { address: CONSOLE, spaces: Vec::new(), tick_hz: 10 },
    )
    .expect("it starts");
    let why = console.runtime.block_on(serve(http(console.at, console.project.path()), desk)).expect_err("it is taken");
    assert!(matches!(why, ConsoleError::PortInUse { .. }));
    let text = why.to_string();
    assert!(text.contains(&console.at.port().to_string()) && text.contains("--port-base"), "{text}");
}
