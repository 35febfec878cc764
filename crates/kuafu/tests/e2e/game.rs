//! A running game: a process of its own on free ports, with its data in a folder of its own.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use serde_json::Value;

/// How long anything may take that has no bound of its own.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The folder of an example project.
pub(crate) fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(name)
}

/// A copy of an example that a test may change.
pub(crate) fn copy_of(name: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    copy_tree(&example(name), folder.path());
    folder
}

fn copy_tree(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder can be made");
    for entry in std::fs::read_dir(from).expect("the example is there").flatten() {
        let name = entry.file_name();
        if name.to_string_lossy().starts_with('.') {
            continue;
        }
        let target = to.join(&name);
        if entry.path().is_dir() {
            copy_tree(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), &target).expect("a file can be copied");
        }
    }
}

/// A first port with enough free ones after it. Tests of one process never get the same.
pub(crate) fn free_ports() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let spread = (std::process::id() % 1_150) as u16 * 10;
    let mut last = None;
    for _ in 0..400 {
        // Below the ports that the system gives to connections.
        let base = 21_000 + (spread + NEXT.fetch_add(20, Ordering::Relaxed)) % 11_500;
        let listeners = (0..8).map(|n| TcpListener::bind(("127.0.0.1", base + n)));
        match listeners.collect::<Result<Vec<_>, _>>() {
            Ok(_) => return base,
            Err(error) => last = Some(error),
        }
    }
    panic!("no free ports: {last:?}");
}

/// `kuafu` with arguments, not started yet.
pub(crate) fn kuafu(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kuafu"));
    command.args(arguments);
    command
}

/// Runs a command that ends by itself.
pub(crate) fn output(mut command: Command) -> Output {
    command.stdin(Stdio::null()).output().expect("the program can be started")
}

/// A game that can be played.
pub(crate) struct Game {
    child: Child,
    /// The console's port; the login's is the next one.
    pub(crate) port: u16,
    /// What it has printed.
    lines: Arc<Mutex<Vec<Value>>>,
}

impl Game {
    /// Starts a project and waits until it can be played.
    pub(crate) fn start(project: &Path, data: &Path) -> Self {
        Self::start_with(project, data, free_ports(), &[])
    }

    /// The same, on a port of the caller's choice and with more arguments.
    pub(crate) fn start_with(project: &Path, data: &Path, port: u16, more: &[&str]) -> Self {
        Self::start_by(kuafu(&["up"]), project, data, port, more)
    }

    /// The same by another program, which is given with its `up`.
    pub(crate) fn start_by(mut command: Command, project: &Path, data: &Path, port: u16, more: &[&str]) -> Self {
        command.arg(project).args(["--json", "--strict-bus", "--port-base", &port.to_string(), "--data"]).arg(data);
        command.args(more).stdout(Stdio::piped()).stdin(Stdio::null());
        let mut child = command.spawn().expect("the program can be started");
        let out = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let (tell, ready) = mpsc::sync_channel(1);
        let lines = Arc::new(Mutex::new(Vec::new()));
        let printed = lines.clone();
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                let value: Value = serde_json::from_str(&line).expect("with --json every line is JSON");
                printed.lock().expect("nobody panics with it").push(value.clone());
                // The first line is waited for, the others are looked up.
                let _ = tell.try_send(value);
            }
        });
        let ready = ready.recv_timeout(PATIENCE);
        let game = Self { child, port, lines };
        let ready = ready.expect("the game says that it is ready");
        assert_eq!(ready["ready"], true, "{ready}");
        game
    }

    /// The same on free ports, with named limits that differ: `"players_max=1"`.
    pub(crate) fn start_limited(project: &Path, data: &Path, limits: &[&str]) -> Self {
        let more: Vec<&str> = limits.iter().flat_map(|limit| ["--limit", limit]).collect();
        Self::start_with(project, data, free_ports(), &more)
    }

    /// The line that said that it can be played.
    pub(crate) fn ready(&self) -> Value {
        self.lines.lock().expect("nobody panics with it").first().cloned().expect("it was waited for")
    }

    /// Everything that it has printed of releases.
    pub(crate) fn releases(&self) -> Vec<Value> {
        let lines = self.lines.lock().expect("nobody panics with it");
        lines.iter().filter(|line| line["event"].is_string()).cloned().collect()
    }

    /// What the console knows.
    pub(crate) fn status(&self) -> Value {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("the console listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
        let host = format!("127.0.0.1:{}", self.port);
        write!(stream, "GET /api/status HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        let (_, body) = answer.split_once("\r\n\r\n").expect("a body");
        serde_json::from_str(body).expect("JSON")
    }

    /// The console's address.
    pub(crate) fn console(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The page to play on.
    pub(crate) fn play(&self) -> String {
        format!("{}/play/", self.console())
    }

    /// Where clients log in.
    pub(crate) fn login(&self) -> String {
        format!("127.0.0.1:{}", self.port + 1)
    }

    /// Ends it as a crash would.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("the process is there");
        self.child.wait().expect("the process can be waited for");
    }

    /// Asks it to end, and waits.
    pub(crate) fn stop(mut self) -> ExitStatus {
        self.signal("-TERM");
        until("the game ends", || self.child.try_wait().expect("the process can be asked"))
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill").args([name, &self.child.id().to_string()]).status();
        assert!(status.expect("kill can be run").success());
    }
}

impl Drop for Game {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks again and again until there is an answer.
pub(crate) fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(start.elapsed() < PATIENCE, "waited too long: {what}");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}
