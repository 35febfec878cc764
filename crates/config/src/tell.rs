//! What the role tells of releases: events as they happen, and all it knows each second.

use std::collections::VecDeque;

use kuafu_contract::config::{Event, EventKind, Problem, Runner, Status};
use kuafu_contract::{RoleKind, console};

use crate::role::ConfigRole;

/// What was told.
#[derive(Debug, Default)]
pub(crate) struct Teller {
    /// The newest first.
    events: VecDeque<Event>,
    pub(crate) restart_needed: Vec<String>,
    /// The console does not know the newest state.
    pub(crate) changed: bool,
}

impl ConfigRole {
    /// Tells of the files that are not released yet.
    pub(crate) fn tell(&mut self, kind: EventKind, release: u64, text: String) {
        let event = self.event(kind, release, text, self.unreleased.clone(), Vec::new());
        self.publish(event);
    }

    pub(crate) fn event(
        &self,
        kind: EventKind,
        release: u64,
        mut text: String,
        changed: Vec<String>,
        problems: Vec<Problem>,
    ) -> Event {
        text.truncate(text.floor_char_boundary(Event::TEXT_BYTES_MAX));
        let (changed, changed_more) = first(changed, Event::CHANGED_MAX);
        let (problems, problems_more) = first(problems, Event::PROBLEMS_MAX);
        Event {
            at: self.now.wall,
            kind,
            release,
            present: self.present.no,
            changed,
            changed_more,
            checked_ms: 0,
            took_ms: 0,
            text,
            problems,
            problems_more,
        }
    }

    /// To the terminal, and into the history.
    pub(crate) fn publish(&mut self, event: Event) {
        self.teller.changed = true;
        let Event { kind, release, present, text, .. } = &event;
        match kind {
            EventKind::RolledBack | EventKind::GivenUp => tracing::warn!(?kind, release, present, text, "release"),
            _ => tracing::info!(?kind, release, present, text, "release"),
        }
        if event.kind != EventKind::Unchanged {
            self.teller.events.truncate(Status::EVENTS_MAX - 1);
            self.teller.events.push_front(event.clone());
        }
        self.book.external(event);
    }

    pub(crate) fn report_status(&mut self) {
        let runner = |(address, member): (&kuafu_contract::Address, &crate::members::Member)| Runner {
            address: *address,
            release: member.runs,
            faults: member.faults,
            trouble: if member.runs == self.present.no { String::new() } else { member.trouble.clone() },
        };
        let (changed, changed_more) = first(self.present.changed.clone(), Event::CHANGED_MAX);
        let status = Status {
            from: self.address,
            release: self.present.no,
            since: self.present.at.wall,
            changed,
            changed_more,
            previous: self.previous.as_ref().filter(|_| self.is_on_trial()).map(|held| held.no),
            staging: self.candidate.as_ref().map(|held| held.no),
            runners: self.members.iter().map(runner).take(Status::RUNNERS_MAX).collect(),
            restart_needed: self.teller.restart_needed.clone(),
            events: self.teller.events.iter().cloned().collect(),
        };
        self.book.notice(RoleKind::Console, console::Request::Releases(status));
    }

    pub(crate) fn report_numbers(&mut self) {
        let behind = self.members.values().filter(|member| member.runs != self.present.no).count();
        let gauges = [
            ("release", self.present.no as f64),
            ("release_bytes", self.present.bytes.len() as f64),
            ("members", self.members.len() as f64),
            ("members_behind", behind as f64),
            ("calls_open", self.book.open_len() as f64),
        ];
        for (name, value) in gauges {
            self.counters.set(name, value);
        }
        let report = console::Report {
            from: self.address,
            state: "running".to_owned(),
            numbers: self.counters.to_numbers(),
            tick_us: Vec::new(),
        };
        self.book.notice(RoleKind::Console, console::Request::Report(report));
    }
}

/// The first `most` of a list, and how many there were besides.
fn first<T>(mut list: Vec<T>, most: usize) -> (Vec<T>, u32) {
    let more = list.len().saturating_sub(most);
    list.truncate(most);
    (list, u32::try_from(more).unwrap_or(u32::MAX))
}
