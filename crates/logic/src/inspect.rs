//! How a base or a cell lets itself be looked into: the questions of [`kuafu_contract::logic`] put to its [`LogicHost`].
//!
//! As with releases, the role calls this between ticks or turns only, and settles what logic did afterwards. Everything
//! that is answered has a bound. It does not know who asks, nor whether they may.

use std::time::Duration;

use kuafu_contract::logic::{
    EntryPoint, Function, Heap, NAME_BYTES_MAX, PROFILE_MS_MAX, Profile, ROWS_MAX, Reply, Request, SOURCE_BYTES_MAX,
    TEXT_BYTES_MAX,
};
use kuafu_core::{Code, EntityId, Moment, Now, Refusal};

use crate::{HeapRow, LogicHost, Profile as Watched};

/// Answers questions about one role's logic. `T` is to whom an answer goes that comes later.
#[derive(Debug)]
pub struct Inspector<T> {
    watching: Option<(T, Moment)>,
}

impl<T> Default for Inspector<T> {
    fn default() -> Self {
        Self { watching: None }
    }
}

impl<T> Inspector<T> {
    /// Does what is asked. `None` when the answer comes from [`Inspector::poll`] later. That the entity of an
    /// evaluation has a part here is for the role to know, as are its entities.
    pub fn handle(
        &mut self,
        now: Now,
        host: &mut dyn LogicHost,
        from: T,
        request: Request,
    ) -> Option<(T, Result<Reply, Refusal>)> {
        let result = match request {
            Request::Evaluate { entity, source, keep_effects } => evaluate(now, host, entity, &source, keep_effects),
            Request::Heap => Ok(Reply::Heap(heap(host.heap()))),
            Request::Profile { ms } => match self.watch(host, ms) {
                Ok(()) => {
                    self.watching = Some((from, now.at + Duration::from_millis(u64::from(ms))));
                    return None;
                }
                Err(why) => Err(why),
            },
            Request::Stage { .. } | Request::Activate { .. } | Request::Discard { .. } | Request::Entities { .. } => {
                Err(Code::NotAllowed.into())
            }
        };
        Some((from, result))
    }

    fn watch(&mut self, host: &mut dyn LogicHost, ms: u32) -> Result<(), Refusal> {
        if !(1..=PROFILE_MS_MAX).contains(&ms) {
            let why = format!("{ms} milliseconds: watch for 1 to {PROFILE_MS_MAX}");
            return Err(Refusal::new(Code::ArgumentInvalid, why));
        }
        if self.watching.is_some() {
            return Err(Refusal::new(Code::Busy, "somebody else watches already; one can at a time"));
        }
        host.profile_start().map_err(|why| Refusal::new(Code::Refused, why))
    }

    /// What was watched, when its time is over, and to whom it goes.
    pub fn poll(&mut self, now: Moment, host: &mut dyn LogicHost) -> Option<(T, Result<Reply, Refusal>)> {
        let (to, _) = self.watching.take_if(|(_, until)| *until <= now)?;
        let taken = host.profile_take().map_err(|why| Refusal::new(Code::Refused, why));
        Some((to, taken.map(|watched| Reply::Profile(profile(watched)))))
    }
}

fn evaluate(now: Now, host: &mut dyn LogicHost, entity: EntityId, source: &str, keep: bool) -> Result<Reply, Refusal> {
    if source.len() > SOURCE_BYTES_MAX {
        let why = format!("the source has {} bytes, more than {SOURCE_BYTES_MAX}", source.len());
        return Err(Refusal::new(Code::ArgumentInvalid, why));
    }
    match host.evaluate(now, entity, source, keep) {
        Ok(text) => {
            let is_cut = text.len() > TEXT_BYTES_MAX;
            Ok(Reply::Evaluated { text: cut(text, TEXT_BYTES_MAX), is_cut })
        }
        Err(why) => Err(Refusal::new(Code::ScriptFailed, cut(why, TEXT_BYTES_MAX))),
    }
}

fn profile(watched: Watched) -> Profile {
    let steps = watched.functions.iter().map(|row| row.own_steps).sum();
    let functions = watched.functions.into_iter().take(ROWS_MAX).map(|row| Function {
        function: cut(row.function, NAME_BYTES_MAX),
        own_steps: row.own_steps,
        all_steps: row.all_steps,
    });
    let entries = watched.entries.into_iter().take(ROWS_MAX).map(|row| EntryPoint {
        entry: cut(row.entry, NAME_BYTES_MAX),
        times: row.entries,
        steps: row.steps,
        steps_max: row.steps_max,
    });
    Profile { steps, functions: functions.collect(), entries: entries.collect() }
}

fn heap(rows: Vec<HeapRow>) -> Vec<Heap> {
    let row =
        |row: HeapRow| Heap { type_name: cut(row.type_name, NAME_BYTES_MAX), entities: row.entities, bytes: row.bytes };
    rows.into_iter().take(ROWS_MAX).map(row).collect()
}

fn cut(mut text: String, bytes_max: usize) -> String {
    text.truncate(text.floor_char_boundary(bytes_max));
    text
}
