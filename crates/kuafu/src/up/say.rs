//! What `up` tells: people on the terminal, or programs one JSON object a line.

use std::path::Path;

use serde_json::json;

use super::ports::Ports;
use super::roles::{EndedRole, Running};
use crate::project::Project;

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
    pub(super) fn ready(&self, project: &Project, ports: &Ports, running: &Running, data: &Path) {
        let console = ports.console_url();
        let play = format!("{console}/play/");
        let roles: Vec<String> = running.addresses().map(|address| address.to_string()).collect();
        if self.json {
            let urls = json!({ "console": console, "play": play });
            let login = ports.login().to_string();
            line(&json!({ "ready": true, "urls": urls, "login": login, "roles": roles }).to_string());
            return;
        }
        line(&format!("\n  {} is running.\n", project.file.game.name));
        line(&format!("    play      {play}"));
        line(&format!("    console   {console}"));
        line(&format!("    login     {} (TCP and WebSocket)", ports.login()));
        line(&format!("    data      {}", data.display()));
        line(&format!("    roles     {}", roles.join(", ")));
        line("\n  Ctrl-C saves everything and stops.\n");
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
