//! Releases of a host: staged beside the running one, swapped between entries, taken back.
//!
//! Activating exchanges one pointer, however many entities there are. An entity goes over to the new code before it is
//! next entered, or when the sweep reaches it; its properties stay where they are. Suspended coroutines end on the code
//! they began with; timers and hooks find their methods by name.

use std::rc::Rc;
use std::time::Duration;

use kuafu_core::{EntityId, Moment, Now, Value};
use kuafu_logic::{Hook, Release};
use mlua::Table;

use crate::class::Class;
use crate::error::ScriptError;
use crate::host::ScriptHost;
use crate::load::{self, Loaded};
use crate::set::ScriptSet;

/// The releases of a host.
#[derive(Debug)]
pub(crate) struct Releases {
    pub(crate) present: Loaded,
    /// The one that ran before: it can be activated again without being loaded.
    pub(crate) previous: Option<Loaded>,
    pub(crate) staged: Option<Loaded>,
    /// Entities that the sweep has yet to look at; `None` before it has begun.
    sweep: Option<Vec<EntityId>>,
    is_sweeping: bool,
    swept_at: Moment,
    /// Faults of the present release's code since it was activated.
    pub(crate) faults: u64,
    pub(crate) timers_dropped: u64,
    pub(crate) tasks_ended: u64,
    /// Whether it was said of the present release that a timer's method is gone.
    is_drop_told: bool,
}

impl Releases {
    pub(crate) fn new(present: Loaded) -> Self {
        Self {
            present,
            previous: None,
            staged: None,
            sweep: None,
            is_sweeping: false,
            swept_at: Moment::default(),
            faults: 0,
            timers_dropped: 0,
            tasks_ended: 0,
            is_drop_told: false,
        }
    }
}

impl ScriptHost {
    /// Loads a release beside the running one.
    pub(crate) fn stage_release(&mut self, release: &Release) -> Result<(), ScriptError> {
        let releases = &self.releases;
        let is_here = |loaded: &Loaded| loaded.no == release.no;
        let kept = [releases.previous.as_ref(), releases.staged.as_ref()];
        if is_here(&releases.present) || kept.into_iter().flatten().any(is_here) {
            return Ok(());
        }
        let max = self.shared.limits.release_bytes_max;
        if release.bytes.len() > max as usize {
            let why = format!("the release has {} bytes, more than {max} (release_bytes_max)", release.bytes.len());
            return Err(ScriptError::Release(why));
        }
        let scripts = ScriptSet::shared_from_bytes(&release.bytes, &self.shared.definitions)?;
        let loaded = load::load(&self.lua, &self.shared, &self.kinds, release.no, &scripts);
        self.collector.step(&self.lua);
        self.releases.staged = Some(loaded?);
        Ok(())
    }

    /// Swaps the running release.
    pub(crate) fn activate_release(&mut self, now: Now, release: u64) -> Result<(), String> {
        let releases = &mut self.releases;
        if releases.present.no == release {
            return Ok(());
        }
        let is_it = |loaded: &Option<Loaded>| loaded.as_ref().is_some_and(|loaded| loaded.no == release);
        let next = if is_it(&releases.staged) {
            releases.staged.take()
        } else if is_it(&releases.previous) {
            releases.previous.take()
        } else {
            None
        };
        let next = next.ok_or_else(|| format!("release {release} is neither staged nor the one before"))?;
        releases.previous = Some(std::mem::replace(&mut releases.present, next));
        releases.faults = 0;
        releases.is_drop_told = false;
        (releases.sweep, releases.is_sweeping) = (None, true);
        self.shared.release.set(release);
        self.shared.activated_at.set(now.at);
        Ok(())
    }

    /// Forgets a staged release.
    pub(crate) fn discard_release(&mut self, release: u64) {
        if self.releases.staged.as_ref().is_some_and(|staged| staged.no == release) {
            self.releases.staged = None;
        }
    }

    /// The code that an entity is to be entered with, and its proxy; it goes over to that code first when it has not yet.
    pub(crate) fn current_class(&mut self, now: Now, entity: EntityId) -> Option<(Rc<Class>, Table)> {
        let (class, proxy) = {
            let entities = self.shared.entities.borrow();
            let entity = entities.get(&entity)?;
            (Rc::clone(&entity.class), entity.proxy.clone())
        };
        if class.release == self.releases.present.no {
            return Some((class, proxy));
        }
        self.move_over(now, entity, &class).map(|class| (class, proxy))
    }

    fn move_over(&mut self, now: Now, id: EntityId, old: &Class) -> Option<Rc<Class>> {
        let new = Rc::clone(self.releases.present.classes.get(&old.kind.ty.no)?);
        let (made, proxy) = {
            let mut entities = self.shared.entities.borrow_mut();
            let entity = entities.get_mut(&id)?;
            entity.class = Rc::clone(&new);
            (entity.made.clone(), entity.proxy.clone())
        };
        if let Err(error) = self.shared.kit().adopt_code.call::<()>((&new.code, made)) {
            self.fault(id, "on_reload", Some(new.release), error.to_string());
        }
        self.tell(now, id, (&new, &proxy), Hook::Reload, &[Value::Int(old.release as i64)]);
        Some(new)
    }

    /// Brings a bounded number of entities over to the present code.
    pub(crate) fn sweep(&mut self, now: Now) {
        if !self.releases.is_sweeping {
            return;
        }
        self.releases.swept_at = now.at;
        let present = self.releases.present.no;
        let mut left = match self.releases.sweep.take() {
            Some(left) => left,
            None => {
                let entities = self.shared.entities.borrow();
                let mut left: Vec<EntityId> =
                    entities.iter().filter(|(_, entity)| entity.class.release != present).map(|(id, _)| *id).collect();
                // The same run goes the same way on any machine.
                left.sort_unstable_by(|a, b| b.cmp(a));
                left
            }
        };
        for _ in 0..self.shared.limits.reloads_per_tick_max {
            let Some(entity) = left.pop() else { break };
            self.current_class(now, entity);
        }
        self.releases.is_sweeping = !left.is_empty();
        self.releases.sweep = Some(left);
    }

    /// When the sweep goes on, if it is not done.
    pub(crate) fn next_sweep(&self) -> Option<Moment> {
        let tick = Duration::from_micros(1_000_000 / u64::from(self.shared.limits.tick_hz.max(1)));
        self.releases.is_sweeping.then(|| self.releases.swept_at.max(self.shared.activated_at.get()) + tick)
    }

    /// A timer came due whose method the present release has not.
    pub(crate) fn drop_timer(&mut self, type_name: &str, method: &str) {
        self.releases.timers_dropped += 1;
        if !std::mem::replace(&mut self.releases.is_drop_told, true) {
            let release = self.releases.present.no;
            tracing::warn!(release, r#type = type_name, method, "timers are dropped: the release has no such method");
        }
    }
}
