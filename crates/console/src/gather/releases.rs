//! What the config role tells of releases, held to the bounds that it promised.

use kuafu_contract::config::{Event, Problem, Status};

use crate::gather::text::shortened;

/// The longest path, code or other short text, in bytes.
const NAME_BYTES_MAX: usize = 512;

/// The status, with lists and texts no longer than they may be.
pub(crate) fn bounded(mut status: Status) -> Status {
    status.changed = names(status.changed);
    status.restart_needed = names(status.restart_needed);
    status.runners.truncate(Status::RUNNERS_MAX);
    for runner in &mut status.runners {
        runner.trouble = shortened(std::mem::take(&mut runner.trouble), Event::TEXT_BYTES_MAX);
    }
    status.events.truncate(Status::EVENTS_MAX);
    status.events = status.events.into_iter().map(event).collect();
    status
}

fn event(mut event: Event) -> Event {
    event.changed = names(event.changed);
    event.text = shortened(event.text, Event::TEXT_BYTES_MAX);
    event.problems.truncate(Event::PROBLEMS_MAX);
    event.problems = event.problems.into_iter().map(problem).collect();
    event
}

fn problem(problem: Problem) -> Problem {
    Problem {
        file: shortened(problem.file, NAME_BYTES_MAX),
        code: shortened(problem.code, NAME_BYTES_MAX),
        message: shortened(problem.message, Event::TEXT_BYTES_MAX),
        help: shortened(problem.help, Event::TEXT_BYTES_MAX),
        ..problem
    }
}

fn names(mut names: Vec<String>) -> Vec<String> {
    names.truncate(Event::CHANGED_MAX);
    names.into_iter().map(|name| shortened(name, NAME_BYTES_MAX)).collect()
}
