//! Logic whose releases are texts, for one base or cell.

use kuafu_core::change::Misfit;
use kuafu_core::{Change, EntityId, MethodNo, Moment, Now, PropertyNo, Value};
use kuafu_def::Part;
use kuafu_logic::{
    Answer, AwaitId, Caller, Effect, EntitySeed, Failure, Fault, Hook, HostCounters, LogicHost, Release,
};

pub(super) struct TextHost {
    pub(super) runs: (u64, String),
    pub(super) before: Option<(u64, String)>,
    pub(super) staged: Option<(u64, String)>,
    pub(super) faults: u64,
    /// It cannot load texts that hold this.
    pub(super) cannot: &'static str,
}

impl TextHost {
    /// Starts with release 1, as it lies on disk.
    pub(super) fn new(first: &str) -> Self {
        Self { runs: (1, first.to_owned()), before: None, staged: None, faults: 0, cannot: "unloadable" }
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
        if text.contains(self.cannot) {
            return Err("it cannot be loaded".into());
        }
        self.staged = Some((release.no, text));
        Ok(())
    }

    fn activate(&mut self, _: Now, release: u64) -> Result<(), String> {
        let places = [&mut self.staged, &mut self.before];
        let found = places.into_iter().find(|place| place.as_ref().is_some_and(|it| it.0 == release));
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
