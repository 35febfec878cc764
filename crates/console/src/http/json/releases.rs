//! Releases of game logic as JSON.

use kuafu_contract::config::{Event, Problem, Runner, Status};
use serde::Serialize;

/// All that is known of releases.
#[derive(Serialize)]
pub(super) struct Releases {
    release: u64,
    since: u64,
    changed: Vec<String>,
    changed_count: usize,
    previous: Option<u64>,
    staging: Option<u64>,
    runners: Vec<Runs>,
    restart_needed: Vec<String>,
    events: Vec<Happened>,
}

#[derive(Serialize)]
struct Runs {
    id: String,
    release: u64,
    faults: u64,
    trouble: String,
}

#[derive(Serialize)]
struct Happened {
    at: u64,
    event: &'static str,
    release: u64,
    running: u64,
    changed: Vec<String>,
    changed_count: usize,
    checked_ms: u64,
    took_ms: u64,
    text: String,
    problems: Vec<Wrong>,
    problems_count: usize,
}

#[derive(Serialize)]
struct Wrong {
    file: String,
    line: u32,
    column: u32,
    code: String,
    message: String,
    help: String,
}

pub(super) fn releases(status: &Status) -> Releases {
    Releases {
        release: status.release,
        since: status.since.0,
        changed: status.changed.clone(),
        changed_count: status.changed.len() + status.changed_more as usize,
        previous: status.previous,
        staging: status.staging,
        runners: status.runners.iter().map(runs).collect(),
        restart_needed: status.restart_needed.clone(),
        events: status.events.iter().map(happened).collect(),
    }
}

fn runs(runner: &Runner) -> Runs {
    let Runner { address, release, faults, trouble } = runner;
    Runs { id: address.to_string(), release: *release, faults: *faults, trouble: trouble.clone() }
}

fn happened(event: &Event) -> Happened {
    Happened {
        at: event.at.0,
        event: event.kind.name(),
        release: event.release,
        running: event.present,
        changed: event.changed.clone(),
        changed_count: event.changed.len() + event.changed_more as usize,
        checked_ms: event.checked_ms,
        took_ms: event.took_ms,
        text: event.text.clone(),
        problems: event.problems.iter().map(wrong).collect(),
        problems_count: event.problems.len() + event.problems_more as usize,
    }
}

fn wrong(problem: &Problem) -> Wrong {
    let Problem { file, line, column, code, message, help } = problem.clone();
    Wrong { file, line, column, code, message, help }
}
