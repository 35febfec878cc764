//! A headless Chromium, driven over its own debugging protocol.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::game::{PATIENCE, until};

type Socket = WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>>;

/// Switches without which a headless Chromium on a server asks for things that are not there.
const SWITCHES: &[&str] = &[
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--disable-background-timer-throttling",
    "--disable-renderer-backgrounding",
    "--disable-backgrounding-occluded-windows",
    "--remote-debugging-port=0",
    "--window-size=1280,800",
];

/// A browser with a profile of its own.
pub(crate) struct Browser {
    child: Child,
    runtime: Runtime,
    socket: Socket,
    next: u64,
    _profile: tempfile::TempDir,
}

/// One page of it.
pub(crate) struct Page<'b> {
    browser: &'b mut Browser,
    session: String,
}

impl Browser {
    /// Starts one.
    pub(crate) fn start() -> Self {
        let profile = tempfile::tempdir().expect("a temporary folder");
        let mut command = Command::new("chromium");
        command.args(SWITCHES).arg(format!("--user-data-dir={}", profile.path().display()));
        command.stderr(Stdio::piped()).stdout(Stdio::null()).stdin(Stdio::null());
        let mut child = command.spawn().expect("chromium is installed (test.sh installs it)");
        let said = BufReader::new(child.stderr.take().expect("stderr is piped"));
        let mut lines = said.lines().map_while(Result::ok);
        let address = lines
            .find_map(|line| line.strip_prefix("DevTools listening on ").map(str::to_owned))
            .expect("chromium tells where it listens");
        std::thread::spawn(move || lines.for_each(drop));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let (socket, _) = runtime.block_on(connect_async(address)).expect("chromium takes the connection");
        Self { child, runtime, socket, next: 0, _profile: profile }
    }

    /// Opens a page in a context of its own, and gives its name.
    pub(crate) fn open(&mut self, url: &str) -> String {
        // A context of its own: two pages are two people.
        let context = self.ask(None, "Target.createBrowserContext", json!({}));
        let context = &context["browserContextId"];
        let target = self.ask(None, "Target.createTarget", json!({ "url": url, "browserContextId": context }));
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let session = self.ask(None, "Target.attachToTarget", attach);
        let session = session["sessionId"].as_str().expect("a session has a name").to_owned();
        self.ask(Some(&session), "Page.enable", json!({}));
        // Every page takes keys as if it were the one in front.
        self.ask(Some(&session), "Emulation.setFocusEmulationEnabled", json!({ "enabled": true }));
        session
    }

    /// A page that was opened before.
    pub(crate) fn page(&mut self, session: &str) -> Page<'_> {
        Page { browser: self, session: session.to_owned() }
    }

    fn ask(&mut self, session: Option<&str>, method: &str, params: Value) -> Value {
        self.try_ask(session, method, params).unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    /// The same; an error is what chromium says of it.
    fn try_ask(&mut self, session: Option<&str>, method: &str, params: Value) -> Result<Value, Value> {
        self.next += 1;
        let id = self.next;
        let mut request = json!({ "id": id, "method": method, "params": params });
        if let Some(session) = session {
            request["sessionId"] = session.into();
        }
        let socket = &mut self.socket;
        let answer = self.runtime.block_on(async {
            socket.send(Message::text(request.to_string())).await.expect("chromium listens");
            let answered = async {
                while let Some(message) = socket.next().await {
                    let Message::Text(text) = message.expect("chromium speaks") else { continue };
                    let value: Value = serde_json::from_str(&text).expect("chromium speaks JSON");
                    if value["id"] == id {
                        return value;
                    }
                }
                panic!("chromium went away");
            };
            tokio::time::timeout(PATIENCE, answered).await.expect("chromium answers in time")
        });
        if answer["error"].is_null() { Ok(answer["result"].clone()) } else { Err(answer["error"].clone()) }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Page<'_> {
    /// The value of a JavaScript expression; promises are waited for.
    pub(crate) fn value(&mut self, expression: &str) -> Value {
        let params = json!({ "expression": expression, "awaitPromise": true, "returnByValue": true });
        let answer = self.browser.ask(Some(&self.session), "Runtime.evaluate", params);
        assert!(answer["exceptionDetails"].is_null(), "{expression}: {}", answer["exceptionDetails"]);
        answer["result"]["value"].clone()
    }

    /// Waits until an expression is true. A page that is being loaded has no answer for a moment: it is asked again.
    pub(crate) fn wait_for(&mut self, expression: &str) {
        let what = format!("`{expression}` in the page");
        let asked = format!("(() => {{ try {{ return !!({expression}); }} catch (e) {{ return false; }} }})()");
        let params = json!({ "expression": asked, "awaitPromise": true, "returnByValue": true });
        until(&what, || {
            let answer = self.browser.try_ask(Some(&self.session), "Runtime.evaluate", params.clone());
            answer.is_ok_and(|answer| answer["result"]["value"] == true).then_some(())
        });
    }

    /// Clicks the element with this test id.
    pub(crate) fn click(&mut self, test_id: &str) {
        let found = format!("document.querySelector('[data-testid=\"{test_id}\"]')");
        self.wait_for(&format!("{found} && {found}.offsetParent !== null && !{found}.disabled"));
        self.value(&format!("{found}.click()"));
    }

    /// Types a text into the input with this test id.
    pub(crate) fn fill(&mut self, test_id: &str, text: &str) {
        let found = format!("document.querySelector('[data-testid=\"{test_id}\"]')");
        self.wait_for(&format!("{found} && {found}.offsetParent !== null"));
        self.value(&format!("{found}.focus()"));
        self.value(&format!("{found}.value = ''"));
        self.browser.ask(Some(&self.session), "Input.insertText", json!({ "text": text }));
    }

    /// Holds a key down for a while, as a person does.
    pub(crate) fn hold_key(&mut self, key: &str, code: &str, span: Duration) {
        let press = |kind: &str| json!({ "type": kind, "key": key, "code": code });
        self.browser.ask(Some(&self.session), "Input.dispatchKeyEvent", press("keyDown"));
        let start = std::time::Instant::now();
        until("the key was held", || (start.elapsed() >= span).then_some(()));
        self.browser.ask(Some(&self.session), "Input.dispatchKeyEvent", press("keyUp"));
    }

    /// Saves a picture of the page as JPEG.
    pub(crate) fn screenshot(&mut self, path: &std::path::Path) {
        let answer =
            self.browser.ask(Some(&self.session), "Page.captureScreenshot", json!({ "format": "jpeg", "quality": 82 }));
        let text = answer["data"].as_str().expect("a picture");
        std::fs::write(path, decode_base64(text)).expect("the picture can be written");
    }
}

fn decode_base64(text: &str) -> Vec<u8> {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = Vec::with_capacity(text.len() * 3 / 4);
    let (mut bits, mut count) = (0u32, 0);
    for digit in text.bytes().filter_map(|byte| ALPHABET.iter().position(|letter| *letter == byte)) {
        bits = bits << 6 | digit as u32;
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
        }
    }
    out
}
