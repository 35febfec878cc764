//! The role: what comes in, and what follows from it.
//!
//! Inputs only change what is believed and wanted; [`ConfigRole::advance`] then does, after every input, all that can be
//! done: it judges the present release, decides about the one that is being staged, and asks each member for its next
//! step.

use std::collections::BTreeMap;
use std::time::Duration;

use kuafu_contract::config::{Event, EventKind, Problem, Reply, Request as Asked};
use kuafu_contract::{Address, CallId, Outcome, Request, RoleKind, logic};
use kuafu_core::{Code, Limits, Moment, Now, Refusal};
use kuafu_node::{CallBook, CallRef, Counters, Input, Output, Role};

use crate::input::{ConfigSettings, In, Saved};
use crate::members::{Ended, Member, Step};
use crate::set::{Bad, Held, join};
use crate::tell::Teller;

/// A base or a cell that was not heard of for longer is taken for dead.
pub(crate) const SILENCE_MAX: Duration = Duration::from_secs(4);

/// How long a member is left alone after a step that is worth another try.
const REST: Duration = Duration::from_millis(200);

/// How long it is left alone when it cannot load what the others run.
const LONG_REST: Duration = Duration::from_secs(5);

/// After so long an activation is told, with the names of those that have not confirmed it.
const CONFIRM_MAX: Duration = Duration::from_secs(10);

/// How often it looks around while something is under way, and else.
const BUSY_PERIOD: Duration = Duration::from_millis(50);
const IDLE_PERIOD: Duration = Duration::from_secs(1);

/// The most bases and cells; of more, reports are counted and left out.
const MEMBERS_MAX: usize = 1_024;

/// Keeps the releases. See the crate's documentation.
#[derive(Debug)]
pub struct ConfigRole {
    pub(crate) address: Address,
    pub(crate) limits: Limits,
    pub(crate) now: Now,
    pub(crate) present: Held,
    /// What runs again when the present one is bad.
    pub(crate) previous: Option<Held>,
    pub(crate) bad: Bad,
    /// What is being staged.
    pub(crate) candidate: Option<Held>,
    /// The files that differ on disk from the present release, as far as they are known.
    pub(crate) unreleased: Vec<String>,
    pub(crate) members: BTreeMap<Address, Member>,
    /// Since when the present release was handed in, until it is told that it runs everywhere.
    pub(crate) unconfirmed: Option<Moment>,
    pub(crate) teller: Teller,
    pub(crate) book: CallBook<Event, (Address, Step)>,
    pub(crate) counters: Counters,
    next_no: u64,
    next_second: Moment,
    drained: bool,
}

impl ConfigRole {
    /// A config role that knows of no base or cell yet.
    #[must_use]
    pub fn new(settings: ConfigSettings) -> Self {
        let ConfigSettings { address, limits, first } = settings;
        let digest = blake3::hash(&first);
        Self {
            address,
            limits,
            now: Now::default(),
            present: Held::new(1, first, digest),
            previous: None,
            bad: Bad::default(),
            candidate: None,
            unreleased: Vec::new(),
            members: BTreeMap::new(),
            unconfirmed: None,
            teller: Teller::default(),
            book: CallBook::default(),
            counters: Counters::default(),
            next_no: 2,
            next_second: Moment::default(),
            drained: false,
        }
    }

    /// A set of files makes a release: it takes the place of one that is being staged.
    fn take_saved(&mut self, saved: Saved) {
        let Saved { bytes, changed, checked_ms } = saved;
        let digest = blake3::hash(&bytes);
        join(&mut self.unreleased, changed);
        if self.candidate.as_ref().is_some_and(|candidate| candidate.digest == digest) {
            return;
        }
        if let Some(older) = self.candidate.take() {
            self.counters.count("releases_replaced");
            self.discard(older.no);
        }
        if bytes.len() > self.limits.release_bytes_max as usize {
            let most = self.limits.release_bytes_max;
            return self.tell(EventKind::Refused, 0, format!("{} bytes; release_bytes_max is {most}", bytes.len()));
        }
        if digest == self.present.digest {
            self.tell(EventKind::Unchanged, self.present.no, String::new());
            return self.unreleased.clear();
        }
        if let Some(bad) = self.bad.find(&digest) {
            let text = format!("this is release {bad} again, which was taken back for its errors");
            return self.tell(EventKind::KnownBad, bad, text);
        }
        let held = Held { checked_ms, at: self.now, ..Held::new(self.next_no, bytes, digest) };
        self.next_no += 1;
        self.candidate = Some(held);
        self.teller.changed = true;
        // Who could not load another one may well load this.
        self.members.values_mut().for_each(|member| member.rest_until = self.now.at);
    }

    fn take_refused(&mut self, changed: Vec<String>, problems: Vec<Problem>) {
        let mut files = changed;
        join(&mut files, self.unreleased.clone());
        let event = self.event(EventKind::Refused, 0, String::new(), files, problems);
        self.publish(event);
    }

    fn take_restart_needed(&mut self, what: Vec<String>) {
        if what == self.teller.restart_needed {
            return;
        }
        self.teller.restart_needed.clone_from(&what);
        self.teller.changed = true;
        if !what.is_empty() {
            let text = what.join(", ");
            let event = self.event(EventKind::RestartNeeded, 0, text, Vec::new(), Vec::new());
            self.publish(event);
        }
    }

    fn take_running(&mut self, sender: Address, running: (Address, u64, u64, String)) {
        let (from, release, faults, first_fault) = running;
        let known = self.members.contains_key(&from);
        let runs_logic = matches!(from.role, RoleKind::Base | RoleKind::Cell);
        if sender != from || !runs_logic || (!known && self.members.len() >= MEMBERS_MAX) {
            return self.counters.count("reports_refused");
        }
        let member = self.members.entry(from).or_default();
        member.heard = self.now.at;
        if (member.runs, member.faults) != (release, faults) {
            self.teller.changed = true;
        }
        (member.runs, member.faults, member.first_fault) = (release, faults, first_fault);
    }

    fn answer_current(&mut self, from: CallRef, part: u32) {
        let Held { no, bytes, .. } = &self.present;
        let parts = logic::parts_of(bytes);
        let reply = match part < parts {
            true => Ok(Reply::Release { release: *no, part, parts, bytes: logic::part_of(bytes, part) }),
            false => Err(Refusal::new(Code::ArgumentInvalid, format!("release {no} has {parts} parts"))),
        };
        self.book.answer(from, reply);
    }

    fn take_answer(&mut self, call: CallId, outcome: Outcome) {
        let Some((address, step)) = self.book.close(call) else { return };
        let Some(member) = self.members.get_mut(&address) else { return };
        self.teller.changed = true;
        let now = self.now.at;
        match member.end_step(step, outcome) {
            Ended::Well => {}
            Ended::Again => member.rest_until = now + REST,
            Ended::Gone => {
                self.members.remove(&address);
            }
            Ended::Cannot(why) => {
                member.rest_until = now + LONG_REST;
                self.cannot(address, step, &why);
            }
        }
    }

    /// A member cannot load a release: one that was not activated anywhere is given up.
    fn cannot(&mut self, who: Address, step: Step, why: &str) {
        let Step::Stage { release, .. } = step else { return };
        if self.candidate.as_ref().is_some_and(|candidate| candidate.no == release) {
            self.give_up(format!("{who}: {why}"));
        } else if release == self.present.no {
            tracing::error!(%who, release, why, "the present release cannot be loaded there");
        }
    }

    /// Does all that can be done now.
    fn advance(&mut self) {
        self.forget_silent();
        self.judge_present();
        self.judge_candidate();
        self.ask_members();
        self.confirm();
        self.report();
    }

    fn forget_silent(&mut self) {
        let now = self.now.at;
        let before = self.members.len();
        self.members.retain(|_, member| now.since(member.heard) < SILENCE_MAX);
        if self.members.len() != before {
            self.teller.changed = true;
            self.counters.add("members_lost", (before - self.members.len()) as f64);
        }
    }

    /// Takes the present release back when it makes too many errors.
    fn judge_present(&mut self) {
        if !self.is_on_trial() {
            return;
        }
        let runners = self.members.values().filter(|member| member.runs == self.present.no);
        let faults: u64 = runners.clone().map(|member| member.faults).sum();
        if faults <= u64::from(self.limits.release_faults_max) {
            return;
        }
        let first = runners.map(|member| &member.first_fault).find(|text| !text.is_empty()).cloned();
        let Some(previous) = self.previous.take() else { return };
        let bad = std::mem::replace(&mut self.present, previous);
        self.present.at = self.now;
        self.bad.note(&bad);
        self.unconfirmed = None;
        for member in self.members.values_mut().filter(|member| member.runs == bad.no) {
            member.kept = Some(self.present.no);
            member.rest_until = self.now.at;
        }
        join(&mut self.unreleased, bad.changed);
        self.counters.count("releases_rolled_back");
        let text = format!("{faults} errors; the first: {}", first.unwrap_or_default());
        self.tell(EventKind::RolledBack, bad.no, text);
    }

    /// Whether the present release can still be taken back for its errors.
    pub(crate) fn is_on_trial(&self) -> bool {
        let trial = Duration::from_millis(self.limits.release_trial_ms);
        self.previous.is_some() && self.now.at.since(self.present.at.at) <= trial
    }

    /// Activates the candidate when all have it, or gives it up when that takes too long.
    fn judge_candidate(&mut self) {
        let Some(candidate) = &self.candidate else { return };
        let missing = |member: &&Member| member.staged != Some(candidate.no);
        if !self.members.is_empty() && !self.members.values().any(|member| missing(&member)) {
            return self.activate();
        }
        let most = Duration::from_millis(self.limits.release_stage_ms_max);
        if self.now.at.since(candidate.at.at) < most {
            return;
        }
        let late = self.members.iter().filter(|(_, member)| missing(member));
        let late: Vec<String> = late
            .map(|(address, member)| {
                let why = if member.trouble.is_empty() { "it has not answered yet" } else { &member.trouble };
                format!("{address}: {why}")
            })
            .collect();
        let why = match late.is_empty() {
            true => "no base or cell has reported what it runs".to_owned(),
            false => format!("not loaded everywhere within {} ms: {}", most.as_millis(), late.join("; ")),
        };
        self.give_up(why);
    }

    fn activate(&mut self) {
        let Some(mut next) = self.candidate.take() else { return };
        self.unconfirmed = Some(next.at.at);
        next.at = self.now;
        next.changed = std::mem::take(&mut self.unreleased);
        self.previous = Some(std::mem::replace(&mut self.present, next));
        self.counters.count("releases_activated");
        self.teller.changed = true;
    }

    fn give_up(&mut self, why: String) {
        let Some(candidate) = self.candidate.take() else { return };
        self.discard(candidate.no);
        self.counters.count("releases_given_up");
        self.tell(EventKind::GivenUp, candidate.no, why);
    }

    /// Nobody will activate this release any more.
    fn discard(&mut self, release: u64) {
        for (address, member) in &mut self.members {
            member.staged.take_if(|staged| *staged == release);
            self.book.notice(*address, logic::Request::Discard { release });
        }
    }

    fn ask_members(&mut self) {
        for (address, member) in &mut self.members {
            if member.asked || self.now.at < member.rest_until {
                continue;
            }
            let Some(step) = member.next_step(&self.present, self.candidate.as_ref()) else { continue };
            let request = match step {
                Step::Activate { release } => logic::Request::Activate { release },
                Step::Stage { release, part } => {
                    let held = self.candidate.as_ref().filter(|held| held.no == release).unwrap_or(&self.present);
                    let parts = logic::parts_of(&held.bytes);
                    logic::Request::Stage { release, part, parts, bytes: logic::part_of(&held.bytes, part) }
                }
            };
            member.asked = true;
            self.book.call(*address, request, (*address, step));
        }
    }

    /// Tells that the present release runs everywhere, once it does.
    fn confirm(&mut self) {
        let Some(since) = self.unconfirmed else { return };
        let behind: Vec<String> = self
            .members
            .iter()
            .filter(|(_, member)| member.runs != self.present.no)
            .map(|(address, _)| address.to_string())
            .collect();
        if !behind.is_empty() && self.now.at.since(self.present.at.at) < CONFIRM_MAX {
            return;
        }
        self.unconfirmed = None;
        let text = if behind.is_empty() { String::new() } else { format!("not yet on {}", behind.join(", ")) };
        let files = self.present.changed.clone();
        let mut event = self.event(EventKind::Activated, self.present.no, text, files, Vec::new());
        event.checked_ms = self.present.checked_ms;
        event.took_ms = self.now.at.since(since).as_millis() as u64;
        self.publish(event);
    }

    fn is_busy(&self) -> bool {
        self.candidate.is_some()
            || self.unconfirmed.is_some()
            || self.members.values().any(|member| member.asked || member.runs != self.present.no)
    }

    fn report(&mut self) {
        let second = self.now.at >= self.next_second;
        if second {
            self.next_second = self.now.at + Duration::from_secs(1);
            self.report_numbers();
        }
        if second || std::mem::take(&mut self.teller.changed) {
            self.report_status();
        }
    }
}

impl Role for ConfigRole {
    type In = In;
    type Out = Event;

    fn handle(&mut self, now: Now, input: Input<In>) {
        self.now = now;
        match input {
            Input::Start => self.present.at = now,
            Input::Notice {
                from: sender,
                request: Request::Config(Asked::Running { from, release, faults, first_fault }),
            } => {
                self.take_running(sender, (from, release, faults, first_fault));
            }
            Input::Notice { .. } => self.counters.count("misdirected_notices"),
            Input::Call { from, request: Request::Config(Asked::Current { part }) } => self.answer_current(from, part),
            Input::Call { from, .. } => {
                self.book.answer(from, Err::<kuafu_contract::Reply, _>(Code::MethodUnknown.into()));
            }
            Input::Answer { call, outcome } => self.take_answer(call, outcome),
            Input::External(In::Saved(saved)) => self.take_saved(saved),
            Input::External(In::Refused { changed, problems }) => self.take_refused(changed, problems),
            Input::External(In::RestartNeeded { what }) => self.take_restart_needed(what),
            Input::Drain => {
                self.drained = true;
                self.book.drained();
            }
            Input::Wake | Input::Frame { .. } | Input::Credit { .. } | Input::LinkDown { .. } => {}
        }
        if !self.drained {
            self.advance();
        }
    }

    fn poll_output(&mut self) -> Option<Output<Event>> {
        self.book.poll()
    }

    fn next_wake(&self) -> Option<Moment> {
        let period = if self.is_busy() { BUSY_PERIOD } else { IDLE_PERIOD };
        (!self.drained).then(|| self.next_second.min(self.now.at + period))
    }
}
