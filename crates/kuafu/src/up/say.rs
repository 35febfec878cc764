//! What `up` tells: people on the terminal, or programs one JSON object a line.

use std::path::Path;

use anyhow::Context;
use crossbeam_channel::{Sender, bounded};
use kuafu_contract::config::{Event, EventKind};
use serde_json::json;

use super::ports::Ports;
use super::roles::{EndedRole, Running};
use crate::project::Project;

/// So many events of releases wait for a terminal that does not take them; of more, none is printed.
const RELEASES_WAITING_MAX: usize = 256;

/// The changed files that a line names.
const FILES_NAMED_MAX: usize = 3;

/// Tells in one of two ways.
pub(super) struct Say {
    json: bool,
}

#[expect(clippy::print_stdout, reason = "this is the command's answer")]
fn line(text: &str) {
    println!("{text}");
}

impl Say {
    pub(super) fn new(json: bool) -> Self {
        Self { json }
    }

    /// The game can be played.
    pub(super) fn ready(&self, project: &Project, ports: &Ports, running: &Running, data: &Path, token: &str) {
        let console = ports.console_url();
        let operator = format!("{console}/#operator={token}");
        let play = format!("{console}/play/");
        let roles: Vec<String> = running.addresses().map(|address| address.to_string()).collect();
        if self.json {
            let urls = json!({ "console": console, "play": play, "operator": operator });
            let login = ports.login().to_string();
            line(&json!({ "ready": true, "urls": urls, "login": login, "roles": roles }).to_string());
            return;
        }
        line(&format!("\n  {} is running.\n", project.file.game.name));
        line(&format!("    play      {play}"));
        line(&format!("    console   {console}"));
        line(&format!("    operator: {operator}"));
        line(&format!("    login     {} (TCP and WebSocket)", ports.login()));
        line(&format!("    data      {}", data.display()));
        line(&format!("    roles     {}", roles.join(", ")));
        line("");
        if running.is_watching() {
            line("  Save a script or a data table, and it runs.");
        }
        line("  Ctrl-C saves everything and stops.\n");
    }

    /// Tells what becomes of releases, on a thread of its own: a terminal that is held up holds up nobody else.
    ///
    /// # Errors
    /// No thread can be started.
    pub(super) fn releases(&self) -> anyhow::Result<ReleaseTeller> {
        let (teller, told) = bounded::<Event>(RELEASES_WAITING_MAX);
        let json = self.json;
        let thread = std::thread::Builder::new().name("say-releases".into());
        let work = move || told.iter().for_each(|event| line(&if json { as_json(&event) } else { as_text(&event) }));
        thread.spawn(work).context("no thread to tell of releases on")?;
        Ok(ReleaseTeller(teller))
    }

    /// The game is ending.
    pub(super) fn draining(&self) {
        if self.json {
            line(&json!({ "draining": true }).to_string());
        } else {
            line("  stopping: clients are told, everything is saved");
        }
    }

    /// The game has ended.
    pub(super) fn ended(&self, ended: &[EndedRole]) {
        let late: Vec<&str> = ended.iter().filter(|role| !role.in_time).map(|role| role.name.as_str()).collect();
        if self.json {
            line(&json!({ "stopped": true, "late": late }).to_string());
        } else if late.is_empty() {
            line("  stopped; everything is saved");
        } else {
            line(&format!("  stopped; not in time, and dropped: {}", late.join(", ")));
        }
    }
}

/// Takes events of releases to the terminal.
pub(super) struct ReleaseTeller(Sender<Event>);

impl ReleaseTeller {
    /// Never waits.
    pub(super) fn tell(&mut self, event: Event) {
        if self.0.try_send(event).is_err() {
            tracing::warn!("an event of a release is not printed: the terminal does not take it");
        }
    }
}

fn as_json(event: &Event) -> String {
    let problems: Vec<serde_json::Value> = event
        .problems
        .iter()
        .map(|p| {
            json!({
                "file": p.file, "line": p.line, "column": p.column, "code": p.code,
                "message": p.message, "help": p.help,
            })
        })
        .collect();
    let count = event.changed.len() + event.changed_more as usize;
    json!({
        "release": event.release, "event": event.kind.name(), "running": event.present,
        "changed": event.changed, "changed_count": count, "checked_ms": event.checked_ms, "took_ms": event.took_ms,
        "text": event.text, "problems": problems, "problems_count": problems.len() + event.problems_more as usize,
    })
    .to_string()
}

fn as_text(event: &Event) -> String {
    let Event { release, present, .. } = event;
    let (files, text) = (files(event), event.text.replace('\n', "\n    "));
    match event.kind {
        EventKind::Activated if text.is_empty() => {
            format!("  release {release}: {files}, running everywhere after {} ms", event.checked_ms + event.took_ms)
        }
        EventKind::Activated => format!("  release {release}: {files}, running, {text}"),
        EventKind::Refused => {
            let count = event.problems.len() + event.problems_more as usize;
            let mut lines = match count {
                0 => format!("  {files}, not released: {text}; release {present} runs on"),
                1 => format!("  {files}, not released: 1 problem; release {present} runs on"),
                _ => format!("  {files}, not released: {count} problems; release {present} runs on"),
            };
            for problem in &event.problems {
                let (file, line, column) = (&problem.file, problem.line, problem.column);
                lines += &format!("\n    {file}:{line}:{column}: {}\n      help: {}", problem.message, problem.help);
            }
            lines
        }
        EventKind::GivenUp => format!("  release {release}: {files}, given up; release {present} runs on: {text}"),
        EventKind::RolledBack => format!("  release {release} is taken back, release {present} runs again: {text}"),
        EventKind::KnownBad => format!("  {files}, not released: {text}; release {present} runs on"),
        EventKind::Unchanged => format!("  {files}, to the same effect: release {present} runs on"),
        EventKind::RestartNeeded => format!("  restart needed: {text}"),
    }
}

/// How many files were changed, and the first of them.
fn files(event: &Event) -> String {
    let count = event.changed.len() + event.changed_more as usize;
    let name = |path: &String| path.rsplit('/').next().unwrap_or(path).to_owned();
    let mut named: Vec<String> = event.changed.iter().take(FILES_NAMED_MAX).map(name).collect();
    if count > named.len() {
        named.push("…".to_owned());
    }
    let files = if count == 1 { "file" } else { "files" };
    format!("{count} {files} changed ({})", named.join(", "))
}

#[cfg(test)]
mod tests {
    use kuafu_contract::config::Problem;
    use kuafu_core::WallTime;

    use super::*;

    fn event(kind: EventKind, changed: &[&str]) -> Event {
        Event {
            at: WallTime(0),
            kind,
            release: 7,
            present: 6,
            changed: changed.iter().map(|path| (*path).to_owned()).collect(),
            changed_more: 0,
            checked_ms: 29,
            took_ms: 9,
            text: String::new(),
            problems: Vec::new(),
            problems_more: 0,
        }
    }

    #[test]
    fn a_release_is_one_line() {
        let files = ["scripts/avatar.luau", "scripts/lib/a.luau", "data/b.csv", "data/c.csv"];
        assert_eq!(
            as_text(&event(EventKind::Activated, &files)),
            "  release 7: 4 files changed (avatar.luau, a.luau, b.csv, …), running everywhere after 38 ms"
        );
        let told: serde_json::Value =
            serde_json::from_str(&as_json(&event(EventKind::RolledBack, &files))).expect("JSON");
        assert_eq!((told["event"].as_str(), told["release"].as_u64()), (Some("rolled-back"), Some(7)));
    }

    #[test]
    fn problems_are_told_with_their_places() {
        let mut refused = event(EventKind::Refused, &["scripts/avatar.luau"]);
        refused.problems.push(Problem {
            file: "scripts/avatar.luau".into(),
            line: 12,
            column: 3,
            code: "script-syntax".into(),
            message: "expected `end`".into(),
            help: "close it".into(),
        });
        assert_eq!(
            as_text(&refused),
            "  1 file changed (avatar.luau), not released: 1 problem; release 6 runs on\n    \
             scripts/avatar.luau:12:3: expected `end`\n      help: close it"
        );
    }
}
