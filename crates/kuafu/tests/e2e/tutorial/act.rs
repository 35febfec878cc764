//! Does the steps of the page: terminals, files, windows.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};

use super::page::Step;
use crate::browser::Browser;
use crate::game::{free_ports, kuafu, output, until};

/// The port that the page speaks of.
const PORT: &str = "9998";

/// What the comments of the page may call.
const HELPERS: &str = include_str!("helpers.js");

/// A reader at work.
pub(super) struct Tutorial {
    folder: PathBuf,
    port: u16,
    /// The first terminal.
    game: Option<Terminal>,
    /// What the last command of the second terminal said, and whether it went well; until somebody looks.
    said: Option<(String, ExitStatus)>,
    browser: Option<Browser>,
    windows: Vec<String>,
}

impl Tutorial {
    pub(super) fn new(folder: &Path) -> Self {
        let folder = folder.to_owned();
        Self { folder, port: free_ports(), game: None, said: None, browser: None, windows: Vec::new() }
    }

    /// Does a step; an error says how the page and the program differ.
    pub(super) fn act(&mut self, step: &Step) -> Result<(), String> {
        if !matches!(step, Step::Says(_)) {
            self.all_went_well()?;
        }
        match step {
            Step::Run(command) => self.run(command),
            Step::Says(text) => self.says(text),
            Step::Tells(text) => self.game()?.tells(text),
            Step::Write { path, text } => self.write(path, text.clone()),
            Step::Append { path, text } => self.write(path, self.file(path)? + text),
            Step::Replace { path, old, new } => {
                let text = self.file(path)?;
                match text.matches(old.as_str()).count() {
                    1 => self.write(path, text.replace(old.as_str(), new)),
                    count => Err(format!("{path} has this {count} times, not once:\n{old}")),
                }
            }
            Step::Open(address) => self.open(address.as_deref()),
            Step::Reload => {
                self.value(1, "void (window.isOld = true, location.reload())");
                self.wait_for_page(1);
                Ok(())
            }
            Step::Interrupt => self.game()?.interrupt(),
            Step::Browser { window, expression } => {
                self.browse(*window, expression);
                Ok(())
            }
            Step::Sees(text) => {
                self.browse(1, &format!("shows({})", serde_json::Value::from(text.as_str())));
                Ok(())
            }
        }
    }

    /// Ends what is left.
    pub(super) fn end(mut self) {
        self.all_went_well().expect("the last command went well");
        self.browser = None;
        self.game.take().expect("the game runs at the end").interrupt().expect("it can be ended");
    }

    fn run(&mut self, command: &str) -> Result<(), String> {
        let words: Vec<&str> = command.split_whitespace().collect();
        match words[..] {
            // It is what brought the program under test here.
            ["cargo", "install", "--path", "crates/kuafu", "--locked"] => {}
            ["cd", folder] => self.folder.push(folder),
            ["kuafu", "up", ..] => {
                let mut command = kuafu(&words[1..]);
                command.args(["--port-base", &self.port.to_string()]).current_dir(&self.folder);
                self.game = Some(Terminal::start(command)?);
            }
            ["kuafu", ..] => {
                let mut command = kuafu(&words[1..]);
                command.current_dir(&self.folder);
                let output = output(command);
                let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
                self.said = Some((said.replace(env!("CARGO_BIN_EXE_kuafu"), "kuafu"), output.status));
            }
            ["pkill", "-9", "-x", "kuafu"] => self.game()?.kill(),
            _ => return Err(format!("this test does not know the command `{command}`")),
        }
        Ok(())
    }

    /// A command whose output the page does not show has to succeed.
    fn all_went_well(&mut self) -> Result<(), String> {
        match self.said.take() {
            Some((said, status)) if !status.success() => Err(format!("the command failed:\n{said}")),
            _ => Ok(()),
        }
    }

    fn says(&mut self, text: &str) -> Result<(), String> {
        let Some((said, _)) = self.said.take() else {
            return self.game()?.tells(text);
        };
        if said == text { Ok(()) } else { Err(format!("the page:\n{text}\nthe program:\n{said}")) }
    }

    fn game(&mut self) -> Result<&mut Terminal, String> {
        self.game.as_mut().ok_or_else(|| "no game runs".into())
    }

    fn file(&self, path: &str) -> Result<String, String> {
        std::fs::read_to_string(self.folder.join(path)).map_err(|why| format!("{path}: {why}"))
    }

    fn write(&self, path: &str, text: String) -> Result<(), String> {
        std::fs::write(self.folder.join(path), text).map_err(|why| format!("{path}: {why}"))
    }

    fn open(&mut self, address: Option<&str>) -> Result<(), String> {
        let address = address.map_or_else(|| format!("http://127.0.0.1:{PORT}/play/"), str::to_owned);
        let told = format!("play      {address}");
        if !self.game()?.lines().iter().any(|line| line.contains(&told)) {
            return Err(format!("the game does not name {address}"));
        }
        let address = address.replace(PORT, &self.port.to_string());
        let window = self.browser.get_or_insert_with(Browser::start).open(&address);
        self.windows.push(window);
        self.wait_for_page(self.windows.len());
        Ok(())
    }

    /// Waits until the page is there anew. What is asked of a page while it changes is lost.
    fn wait_for_page(&mut self, window: usize) {
        let browser = self.browser.as_mut().expect("a page was opened");
        browser.page(&self.windows[window - 1]).wait_for("!window.isOld && window.player");
    }

    /// Waits until an expression has a value that is not `false`.
    fn browse(&mut self, window: usize, expression: &str) {
        let what = format!("`{expression}` in window {window}");
        until(&what, || (self.value(window, expression) != false).then_some(()));
    }

    /// The value of an expression; promises are waited for.
    fn value(&mut self, window: usize, expression: &str) -> serde_json::Value {
        let asked = format!("(async () => {{ {HELPERS}\n return {expression}; }})()");
        let browser = self.browser.as_mut().expect("a page was opened");
        let mut page = browser.page(&self.windows[window - 1]);
        page.value(&asked)
    }
}

/// A terminal in which a game runs.
struct Terminal {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
    /// So many lines were compared already.
    seen: usize,
    port: String,
}

impl Terminal {
    /// Starts it, and waits until it runs: a reader looks at the terminal before the page.
    fn start(mut command: Command) -> Result<Self, String> {
        let port = command.get_args().last().expect("the port is the last").to_string_lossy().into_owned();
        command.stdout(Stdio::piped()).stdin(Stdio::null());
        let mut child = command.spawn().expect("the program can be started");
        let out = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let lines = Arc::new(Mutex::new(Vec::new()));
        let (printed, from) = (lines.clone(), port.clone());
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                printed.lock().expect("nobody panics with it").push(line.replace(&from, PORT));
            }
        });
        let mut terminal = Self { child, lines, seen: 0, port };
        terminal.tells("… is running.")?;
        terminal.seen = 0;
        Ok(terminal)
    }

    fn lines(&self) -> Vec<String> {
        self.lines.lock().expect("nobody panics with it").clone()
    }

    /// Waits until these lines were printed, in this order, after those of before.
    fn tells(&mut self, text: &str) -> Result<(), String> {
        for expected in text.lines().filter(|line| !line.is_empty()) {
            let found = until_or(|| {
                let lines = self.lines();
                lines.iter().skip(self.seen).position(|line| fits(expected, line)).map(|at| self.seen + at + 1)
            });
            self.seen =
                found.ok_or_else(|| format!("not said: {expected}\nsaid since: {:#?}", &self.lines()[self.seen..]))?;
        }
        Ok(())
    }

    fn interrupt(&mut self) -> Result<(), String> {
        let status = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status();
        assert!(status.expect("kill can be run").success());
        let ended = until("the game ends", || self.child.try_wait().expect("the process can be asked"));
        if ended.success() { Ok(()) } else { Err(format!("{ended} on port {}", self.port)) }
    }

    fn kill(&mut self) {
        self.child.kill().expect("the process is there");
        self.child.wait().expect("the process can be waited for");
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks again and again, for as long as a line of a terminal may take.
fn until_or<T>(mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let start = std::time::Instant::now();
    loop {
        let answer = ask();
        if answer.is_some() || start.elapsed() > crate::game::PATIENCE {
            return answer;
        }
        std::thread::park_timeout(std::time::Duration::from_millis(20));
    }
}

/// Whether a line is what the page says; `…` stands for anything.
fn fits(expected: &str, line: &str) -> bool {
    let mut parts = expected.split('…');
    let Some(mut rest) = parts.next().and_then(|first| line.strip_prefix(first)) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn dots_stand_for_anything_and_nothing_else_does() {
        assert!(fits("  release 2: x, after … ms", "  release 2: x, after 10 ms"));
        assert!(!fits("  release 2: x, after … ms", "  release 3: x, after 10 ms"));
        assert!(fits("  needed: …waits", "  needed: a, b waits") && !fits("a", "ab") && fits("a…b…c", "a1b2c"));
    }
}
