//! Releases reach a host whole, once, and in the order that was asked for.

use kuafu_contract::RoleKind;
use kuafu_core::change::Misfit;
use kuafu_core::{Change, EntityId, Incarnation, MethodNo, Moment, PropertyNo, Value};
use kuafu_def::Part;

use super::*;
use crate::{Answer, AwaitId, Caller, Effect, EntitySeed, Failure, Hook, HostCounters};

const FROM: Address = Address { role: RoleKind::Cell, incarnation: Incarnation(3) };

/// A host whose releases are texts; one that says `broken` cannot be loaded.
struct TextHost {
    runs: (u64, String),
    before: Option<(u64, String)>,
    staged: Option<(u64, String)>,
    loads: u32,
    faults: u64,
}

impl TextHost {
    fn new() -> Self {
        Self { runs: (1, "one".into()), before: None, staged: None, loads: 0, faults: 0 }
    }
}

impl LogicHost for TextHost {
    fn part(&self) -> Part {
        Part::Cell
    }
    fn create(&mut self, _: EntitySeed) {}
    fn destroy(&mut self, _: EntityId) {}
    fn hook(&mut self, _: Now, _: EntityId, _: Hook, _: &[Value]) {}
    fn call(&mut self, _: Now, _: EntityId, _: MethodNo, _: Vec<Value>, _: Caller) -> Answer {
        Answer::Done(Ok(Value::Nil))
    }
    fn resume(&mut self, _: Now, _: AwaitId, _: Result<Value, Failure>) {}
    fn advance(&mut self, _: Now) {}
    fn next_wake(&self) -> Option<Moment> {
        None
    }
    fn take_changes(&mut self, _: &mut Vec<(EntityId, Change)>) {}
    fn poll_effect(&mut self) -> Option<Effect> {
        None
    }
    fn poll_fault(&mut self) -> Option<Fault> {
        None
    }
    fn apply(&mut self, _: EntityId, _: &Change) -> Result<(), Misfit> {
        Ok(())
    }
    fn read(&self, _: EntityId, _: PropertyNo) -> Option<Value> {
        None
    }
    fn counters(&self) -> HostCounters {
        HostCounters { release_faults: self.faults, ..HostCounters::default() }
    }
    fn stage(&mut self, release: &Release) -> Result<(), String> {
        assert_eq!(self.staged, None, "one release is staged at a time");
        let text = String::from_utf8(release.bytes.to_vec()).map_err(|why| why.to_string())?;
        if text.contains("broken") {
            return Err("line 3 is broken".into());
        }
        self.loads += 1;
        self.staged = Some((release.no, text));
        Ok(())
    }
    fn activate(&mut self, _: Now, release: u64) -> Result<(), String> {
        let found =
            [&mut self.staged, &mut self.before].into_iter().find(|it| it.as_ref().is_some_and(|it| it.0 == release));
        let next = found.and_then(Option::take).ok_or_else(|| format!("{release} is not there"))?;
        self.before = Some(std::mem::replace(&mut self.runs, next));
        self.faults = 0;
        Ok(())
    }
    fn discard(&mut self, release: u64) {
        self.staged.take_if(|staged| staged.0 == release);
    }
    fn release(&self) -> u64 {
        self.runs.0
    }
}

fn stage(release: u64, text: &str) -> Request {
    Request::Stage { release, part: 0, parts: 1, bytes: text.as_bytes().into() }
}

fn ask(releases: &mut Releases, host: &mut TextHost, request: Request) -> Result<Reply, Code> {
    releases.handle(Now::default(), host, request).map_err(|refusal| refusal.code)
}

#[test]
fn a_release_runs_when_it_is_activated_and_each_step_may_be_asked_twice() {
    let (mut releases, mut host) = (Releases::new(1_000), TextHost::new());
    for _ in 0..2 {
        assert_eq!(ask(&mut releases, &mut host, stage(2, "two")), Ok(Reply::Staged));
    }
    assert_eq!(host.runs.1, "one");
    for _ in 0..2 {
        assert_eq!(ask(&mut releases, &mut host, Request::Activate { release: 2 }), Ok(Reply::Activated));
    }
    assert_eq!((host.runs.1.as_str(), host.loads), ("two", 1));
    // The one before can be had back.
    assert_eq!(ask(&mut releases, &mut host, Request::Activate { release: 1 }), Ok(Reply::Activated));
    assert_eq!(host.runs.1, "one");
}

#[test]
fn what_cannot_be_loaded_or_is_not_there_changes_nothing() {
    let (mut releases, mut host) = (Releases::new(10), TextHost::new());
    assert_eq!(ask(&mut releases, &mut host, stage(2, "broken")), Err(Code::Refused));
    assert_eq!(ask(&mut releases, &mut host, Request::Activate { release: 2 }), Err(Code::Stale));
    assert_eq!(ask(&mut releases, &mut host, stage(3, "longer than it may be")), Err(Code::ArgumentInvalid));
    assert_eq!(host.runs.1, "one");
}

#[test]
fn a_newer_release_takes_the_place_of_the_staged_one() {
    let (mut releases, mut host) = (Releases::new(1_000), TextHost::new());
    assert_eq!(ask(&mut releases, &mut host, stage(2, "two")), Ok(Reply::Staged));
    assert_eq!(ask(&mut releases, &mut host, stage(3, "three")), Ok(Reply::Staged));
    // Late: it is another one that is staged now.
    assert_eq!(ask(&mut releases, &mut host, Request::Discard { release: 2 }), Ok(Reply::Taken));
    assert_eq!(ask(&mut releases, &mut host, Request::Activate { release: 2 }), Err(Code::Stale));
    assert_eq!(ask(&mut releases, &mut host, Request::Activate { release: 3 }), Ok(Reply::Activated));
    assert_eq!(ask(&mut releases, &mut host, stage(4, "four")), Ok(Reply::Staged));
    assert_eq!(ask(&mut releases, &mut host, Request::Discard { release: 4 }), Ok(Reply::Taken));
    assert_eq!(ask(&mut releases, &mut host, Request::Activate { release: 4 }), Err(Code::Stale));
}

#[test]
fn the_first_fault_of_a_release_is_reported_until_the_next_one_runs() {
    let (mut releases, mut host) = (Releases::new(1_000), TextHost::new());
    for message in ["first", "second"] {
        host.faults += 1;
        let (entity, type_name, entry) = (EntityId(1), "avatar".to_owned(), "say".to_owned());
        releases.note_fault(&Fault { entity, type_name, entry, message: message.to_owned() });
    }
    let told = releases.running(FROM, &host);
    let first_fault = "avatar.say: first".to_owned();
    assert_eq!(told, Some(config::Request::Running { from: FROM, release: 1, faults: 2, first_fault }));
    ask(&mut releases, &mut host, stage(2, "two")).expect("it loads");
    ask(&mut releases, &mut host, Request::Activate { release: 2 }).expect("it is staged");
    let told = releases.running(FROM, &host);
    let first_fault = String::new();
    assert_eq!(told, Some(config::Request::Running { from: FROM, release: 2, faults: 0, first_fault }));
}
