//! Steering over a real socket: who may, what comes of it, and what is written down.

use std::collections::BTreeMap;
use std::io::{BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kuafu_bus::LocalBus;
use kuafu_console::{
    ConsoleConfig, ConsoleError, ConsoleHttp, ConsoleServer, Operator, OperatorToken, SDK_FILES, serve, start,
};
use kuafu_contract::console::{Report, Request as Told};
use kuafu_contract::logic::{self, Entity, Function, Heap, Profile};
use kuafu_contract::{Address, Reply, Request, RoleKind};
use kuafu_core::{Code, EntityId, Incarnation, Limits, Moment, Now, Refusal};
use kuafu_node::{CallBook, Input, Node, Output, Role, RoleHandle, SystemClock};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

const CONSOLE: Address = Address { role: RoleKind::Console, incarnation: Incarnation(1) };
const CELL: Address = Address { role: RoleKind::Cell, incarnation: Incarnation(2) };
const BASE: Address = Address { role: RoleKind::Base, incarnation: Incarnation(3) };
const TOKEN: &str = "0123456789abcdef0123456789abcdef";
const DEADLINE: Duration = Duration::from_secs(20);

/// Logic that says what it was asked. `silence` is never answered, `nil.x` is an error.
struct EchoLogic {
    address: Address,
    book: CallBook<(), ()>,
    /// Set when `silence` was asked for.
    silent: Arc<AtomicBool>,
}

fn answer(address: Address, request: logic::Request) -> Result<logic::Reply, Refusal> {
    match request {
        logic::Request::Evaluate { entity: EntityId(404), .. } => {
            Err(Refusal::new(Code::EntityUnknown, format!("entity 404 has no part in {address}")))
        }
        logic::Request::Evaluate { source, .. } if source == "nil.x" => {
            Err(Refusal::new(Code::ScriptFailed, "console:1: attempt to index nil\n  console:1"))
        }
        logic::Request::Evaluate { entity, source, keep_effects } => {
            Ok(logic::Reply::Evaluated { text: format!("{entity} {source} {keep_effects}"), is_cut: false })
        }
        logic::Request::Profile { ms } => {
            let function = "avatar.luau:42 say".to_owned();
            let functions = vec![Function { function, own_steps: u64::from(ms), all_steps: u64::from(ms) }];
            Ok(logic::Reply::Profile(Profile { steps: u64::from(ms), functions, entries: Vec::new() }))
        }
        logic::Request::Heap => {
            Ok(logic::Reply::Heap(vec![Heap { type_name: "avatar".to_owned(), entities: 2, bytes: 800 }]))
        }
        logic::Request::Entities { type_name, entity } => {
            let name = format!("{type_name:?} {entity:?}");
            let row = Entity { entity: EntityId(9), type_name: "avatar".to_owned(), name };
            Ok(logic::Reply::Entities { list: vec![row], all: 1 })
        }
        _ => Err(Code::NotAllowed.into()),
    }
}

impl Role for EchoLogic {
    type In = ();
    type Out = ();

    fn handle(&mut self, _: Now, input: Input<()>) {
        match input {
            Input::Start => {
                let report =
                    Report { from: self.address, state: "running".into(), numbers: Vec::new(), tick_us: Vec::new() };
                self.book.notice(RoleKind::Console, Told::Report(report));
            }
            Input::Call { request: Request::Logic(logic::Request::Evaluate { source, .. }), .. }
                if source == "silence" =>
            {
                self.silent.store(true, Ordering::Release);
            }
            Input::Call { from, request: Request::Logic(request) } => {
                let result = answer(self.address, request);
                self.book.answer(from, result.map(Reply::from));
            }
            _ => {}
        }
    }

    fn poll_output(&mut self) -> Option<Output<()>> {
        self.book.poll()
    }

    fn next_wake(&self) -> Option<Moment> {
        None
    }
}

struct Running {
    _server: ConsoleServer,
    at: SocketAddr,
    runtime: Runtime,
    folder: TempDir,
    silent: Arc<AtomicBool>,
    _roles: Vec<RoleHandle>,
}

fn http(audit: Option<PathBuf>) -> ConsoleHttp {
    ConsoleHttp {
        bind: ([127, 0, 0, 1], 0).into(),
        hosts: Vec::new(),
        game: "Plaza".to_owned(),
        client: PathBuf::from("nowhere"),
        login_port: 9_999,
        types: BTreeMap::from([(1, "avatar".to_owned())]),
        sdk: SDK_FILES,
        operator: audit.map(|audit| Operator { token: OperatorToken::new(TOKEN), audit }),
    }
}

fn run(with_operator: bool) -> Running {
    let folder = TempDir::new().expect("a temporary folder");
    // Calls end as unknown soon, so that a test can wait for it.
    let limits = Limits { call_deadline_ms: 300, ..Limits::default() };
    let node = Node::new(LocalBus::new(), Arc::new(SystemClock::start()), limits);
    let config = ConsoleConfig { address: CONSOLE, spaces: Vec::new(), tick_hz: 10 };
    let (console, desk) = start(&node, config).expect("it starts");
    let mut roles = vec![console];
    let silent = Arc::new(AtomicBool::new(false));
    for address in [CELL, BASE] {
        let role = EchoLogic { address, book: CallBook::default(), silent: Arc::clone(&silent) };
        roles.push(node.start(address, move |_| Ok((role, |()| {}))).expect("it starts"));
    }
    let runtime = Runtime::new().expect("a runtime");
    let audit = with_operator.then(|| folder.path().join("audit.log"));
    let server = runtime.block_on(serve(http(audit), desk)).expect("it listens");
    Running { at: server.address(), _server: server, runtime, folder, silent, _roles: roles }
}

impl Running {
    fn send(&self, method: &str, path: &str, token: Option<&str>, more: &str, body: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.at).expect("it listens");
        stream.set_read_timeout(Some(DEADLINE)).expect("a socket");
        let token = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
        let kind = if body.is_empty() { "" } else { "Content-Type: application/json\r\n" };
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{token}{kind}{more}Content-Length: {}\r\n\r\n{body}",
            self.at,
            body.len()
        );
        stream.write_all(request.as_bytes()).expect("it reads");
        stream
    }

    fn ask(&self, method: &str, path: &str, token: Option<&str>, body: &str) -> (u16, Value) {
        read(self.send(method, path, token, "", body))
    }

    fn get(&self, path: &str) -> (u16, Value) {
        self.ask("GET", path, Some(TOKEN), "")
    }

    fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        self.ask("POST", path, Some(TOKEN), &body.to_string())
    }

    fn evaluate(&self, role: &str, entity: u64, source: &str, more: Value) -> (u16, Value) {
        let mut body = json!({ "role": role, "entity": entity, "source": source });
        let more = more.as_object().expect("fields").clone();
        body.as_object_mut().expect("fields").extend(more);
        self.post("/api/logic/evaluate", &body)
    }

    fn audit_lines(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.folder.path().join("audit.log")).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
    }

    fn wait_for<T>(&self, what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
        let clock = SystemClock::start();
        let start = kuafu_core::Clock::now(&clock).at;
        loop {
            if let Some(answer) = ask() {
                return answer;
            }
            assert!(kuafu_core::Clock::now(&clock).at.since(start) < DEADLINE, "waited too long: {what}");
            std::thread::yield_now();
        }
    }
}

fn read(stream: TcpStream) -> (u16, Value) {
    let mut text = String::new();
    BufReader::new(stream).read_to_string(&mut text).expect("an answer");
    let (head, body) = text.split_once("\r\n\r\n").expect("a head");
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
    (status, serde_json::from_str(body).unwrap_or(Value::Null))
}

const STEERED: [(&str, &str); 5] = [
    ("POST", "/api/logic/evaluate"),
    ("POST", "/api/logic/profile"),
    ("GET", "/api/logic/heap?role=cell%232"),
    ("GET", "/api/logic/entities"),
    ("GET", "/api/logic/audit"),
];

#[test]
fn nothing_is_steered_without_the_token() {
    let console = run(true);
    let body = json!({ "role": "cell#2", "entity": 7, "source": "self.hue = 1", "keep": true, "seconds": 1 });
    for (method, path) in STEERED {
        for token in [None, Some("wrong")] {
            let (status, data) = console.ask(method, path, token, &body.to_string());
            assert_eq!(status, 401, "{path}");
            assert!(data["error"].as_str().is_some_and(|why| why.contains("operator")), "{data}");
        }
    }
    assert_eq!(console.audit_lines(), Vec::<Value>::new());
    assert_eq!(console.ask("GET", "/api/logic/api", None, "").0, 200, "the API is no secret");
    let without = run(false);
    assert_eq!(without.evaluate("cell#2", 7, "1", json!({})).0, 403);
}

#[test]
fn guessing_tokens_is_slow() {
    let console = run(true);
    let statuses: Vec<u16> = (0..12).map(|_| console.ask("GET", "/api/logic/audit", Some("guess"), "").0).collect();
    assert_eq!(statuses, [[401; 10].as_slice(), &[429; 2]].concat());
    assert_eq!(console.get("/api/logic/audit").0, 429, "else the right guess would be let through");
    let wrong = console.wait_for("the count", || {
        let status = console.ask("GET", "/api/status", None, "").1;
        let roles = status["roles"].as_array()?;
        let own = roles.iter().find(|role| role["id"] == "console#1")?;
        own["numbers"]["operator_tokens_wrong"].as_f64().filter(|wrong| *wrong >= 10.0)
    });
    assert_eq!(wrong, 10.0);
}

#[test]
fn pages_of_other_sites_steer_nothing_even_with_the_token() {
    let console = run(true);
    let body = json!({ "role": "cell#2", "entity": 7, "source": "1" }).to_string();
    for more in ["Origin: https://evil.example\r\n", "Sec-Fetch-Site: cross-site\r\n"] {
        let (status, _) = read(console.send("POST", "/api/logic/evaluate", Some(TOKEN), more, &body));
        assert_eq!(status, 403, "{more}");
    }
    assert_eq!(console.audit_lines(), Vec::<Value>::new());
}

#[test]
fn an_evaluation_reaches_the_part_that_is_meant_and_is_written_down() {
    let console = run(true);
    let (status, data) = console.evaluate("cell#2", 7, "self.hue = 10", json!({ "keep": true }));
    assert_eq!((status, &data["text"], &data["cut"]), (200, &"7 self.hue = 10 true".into(), &false.into()));
    assert_eq!(console.evaluate("base#3", 7, "self.gold", json!({})).1["text"], "7 self.gold false");
    let (status, data) = console.evaluate("base#3", 7, "nil.x", json!({}));
    assert_eq!((status, &data["code"]), (422, &"ScriptFailed".into()));
    assert!(data["error"].as_str().is_some_and(|why| why.contains("\n  console:1")), "with its stack: {data}");
    let (status, data) = console.evaluate("cell#2", 404, "1", json!({}));
    assert_eq!((status, &data["error"]), (404, &"entity 404 has no part in cell#2".into()));
    assert_eq!(console.evaluate("cell#99", 7, "1", json!({})).0, 404);
    assert_eq!(console.evaluate("cell#2", 7, "silence", json!({ "keep": true })).0, 504);
    let lines = console.audit_lines();
    let outcomes: Vec<_> = lines.iter().map(|line| line["outcome"].as_str().unwrap_or_default()).collect();
    let expected = ["done", "done", "ScriptFailed", "EntityUnknown", "Unavailable", "DeadlinePassed"];
    assert_eq!(outcomes, expected);
    let first = &lines[0];
    assert_eq!(
        (&first["action"], &first["role"], &first["entity"], &first["source"], &first["keep"]),
        (&"evaluate".into(), &"cell#2".into(), &7.into(), &"self.hue = 10".into(), &true.into())
    );
    assert!(first["from"].as_str().is_some_and(|from| from.starts_with("127.0.0.1:")), "{first}");
    assert!(first["at"].as_u64().is_some_and(|at| at > 0) && first["took_ms"].as_f64().is_some(), "{first}");
    let (_, shown) = console.get("/api/logic/audit");
    assert_eq!((shown["list"].as_array().map(Vec::len), &shown["list"][5]), (Some(6), first), "the newest comes first");
}

#[test]
fn what_was_steered_is_written_down_though_nobody_waits_for_it() {
    let console = run(true);
    let body = json!({ "role": "cell#2", "entity": 7, "source": "silence", "keep": true }).to_string();
    let client = console.send("POST", "/api/logic/evaluate", Some(TOKEN), "", &body);
    // Who goes before the server has read the request has asked for nothing.
    console.wait_for("the question at the role", || console.silent.load(Ordering::Acquire).then_some(()));
    drop(client);
    let lines = console.wait_for("a line", || Some(console.audit_lines()).filter(|lines| !lines.is_empty()));
    assert_eq!((&lines[0]["source"], &lines[0]["outcome"]), (&"silence".into(), &"DeadlinePassed".into()));
}

#[test]
fn a_watched_expression_never_keeps_its_effects_and_is_one_line() {
    let console = run(true);
    for _ in 0..5 {
        let (_, data) = console.evaluate("cell#2", 7, "self.hue", json!({ "watch": true, "keep": true }));
        assert_eq!(data["text"], "7 self.hue false");
    }
    let lines = console.audit_lines();
    assert_eq!((lines.len(), &lines[0]["action"], &lines[0]["keep"]), (1, &"watch".into(), &false.into()));
}

#[test]
fn requests_that_make_no_sense_are_refused_with_the_reason() {
    let console = run(true);
    for (body, status) in [
        (json!({ "role": "db#4", "entity": 7, "source": "1" }), 422),
        (json!({ "role": "cell", "entity": 7, "source": "1" }), 422),
        (json!({ "role": "cell#2", "entity": -7, "source": "1" }), 422),
        (json!({ "role": "cell#2", "entity": 7 }), 422),
        (json!({ "role": "cell#2", "entity": 7, "source": "x".repeat(logic::SOURCE_BYTES_MAX + 1) }), 413),
        (json!({ "role": "cell#2", "entity": 7, "source": "x".repeat(100_000) }), 413),
    ] {
        let (got, data) = console.post("/api/logic/evaluate", &body);
        assert_eq!(got, status, "{data}");
        assert!(data["error"].is_string());
    }
    assert_eq!(console.ask("POST", "/api/logic/evaluate", Some(TOKEN), "{").0, 400);
    for seconds in [0.0, -1.0, 61.0] {
        let (status, _) = console.post("/api/logic/profile", &json!({ "role": "cell#2", "seconds": seconds }));
        assert_eq!(status, 422, "{seconds}");
    }
    assert_eq!(console.get("/api/logic/heap").0, 400);
    assert_eq!(console.get("/api/logic/entities?id=x").0, 400);
    assert_eq!(console.audit_lines(), Vec::<Value>::new());
}

#[test]
fn profiles_heaps_and_entities_are_told() {
    let console = run(true);
    let (status, data) = console.post("/api/logic/profile", &json!({ "role": "cell#2", "seconds": 1.5 }));
    assert_eq!(status, 200);
    let function = json!({ "function": "avatar.luau:42 say", "own_steps": 1500, "all_steps": 1500 });
    assert_eq!((&data["functions"][0], &data["steps"]), (&function, &1_500.into()));
    let (_, data) = console.get("/api/logic/heap?role=base%233");
    assert_eq!(data["types"], json!([{ "type": "avatar", "entities": 2, "bytes": 800 }]));
    let found = console.wait_for("both roles are known", || {
        let (_, data) = console.get("/api/logic/entities?type=avatar&id=9");
        (data["list"][0]["base"] == "base#3" && data["list"][0]["cell"] == "cell#2").then_some(data)
    });
    assert_eq!(found["list"].as_array().map(Vec::len), Some(1));
    assert!(found["list"][0]["name"].as_str().is_some_and(|name| name.starts_with("Some(\"avatar\") Some(EntityId(9")));
    let actions: Vec<_> = console.audit_lines().iter().map(|line| line["action"].clone()).collect();
    assert_eq!(actions, ["profile", "heap"], "looking for entities is no deed");
}

#[test]
fn a_console_that_cannot_keep_its_audit_log_does_not_start() {
    let console = run(true);
    let node = Node::new(LocalBus::new(), Arc::new(SystemClock::start()), Limits::default());
    let config = ConsoleConfig { address: CONSOLE, spaces: Vec::new(), tick_hz: 10 };
    let (_role, desk) = start(&node, config).expect("it starts");
    let audit = console.folder.path().join("missing/audit.log");
    let why = console.runtime.block_on(serve(http(Some(audit)), desk)).expect_err("there is no such folder");
    assert!(matches!(why, ConsoleError::Audit { .. }), "{why}");
}
