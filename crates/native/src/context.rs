//! What logic has of its entity and of the engine, for the length of one entry.

use std::sync::Arc;
use std::time::Duration;

use kuafu_core::typed::{FromValue, IntoValue};
use kuafu_core::{Change, EntityId, RecordId, Value};
use kuafu_def::{EntityType, Part, Property};
use kuafu_logic::{Effect, coerce};

use crate::behaviour::{Done, Stop};
use crate::handler::Arguments;
use crate::state::{Entity, Run, State};
use kuafu_logic::timers::{PERIOD_MIN, SECONDS_MAX};

/// The entity part that was entered, and what can be done.
///
/// What is asked for here (calls, movement, saving) leaves as effects when the entry ends well. Asking for something
/// impossible, such as a method that does not exist, makes the entry a fault when it ends; what has a value to give or a
/// limit to break says so at once, as a [`Stop`].
pub struct Context<'h> {
    pub(crate) state: &'h mut State,
    pub(crate) run: Run,
}

/// Names a timer of an entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TimerId(u64);

impl Context<'_> {
    /// The entity's run-time id.
    #[must_use]
    pub fn id(&self) -> EntityId {
        self.run.entity
    }

    /// Its durable id, when it has one.
    #[must_use]
    pub fn record(&self) -> Option<RecordId> {
        self.state.entities.get(&self.run.entity)?.record
    }

    /// Its type.
    #[must_use]
    pub fn ty(&self) -> &Arc<EntityType> {
        &self.run.ty
    }

    /// Which part this is: base or cell.
    #[must_use]
    pub fn part(&self) -> Part {
        self.state.part
    }

    /// Seconds: space time in a cell, time since the start in a base.
    #[must_use]
    pub fn now_s(&self) -> f64 {
        match self.state.part {
            Part::Cell => self.state.world.space_time_ms() as f64 / 1e3,
            Part::Base | Part::Client => self.run.now.at.0 as f64 / 1e6,
        }
    }

    /// Seeded chance: a number from 0 to 1, 1 left out.
    pub fn random(&mut self) -> f64 {
        self.state.chance.unit()
    }

    /// Seeded chance: a whole number of `low` to `high`.
    pub fn random_between(&mut self, low: i64, high: i64) -> i64 {
        self.state.chance.between(low, high)
    }

    /// A property of this part.
    ///
    /// # Errors
    /// [`Stop::Fault`] when this part has no such property, or it is of another type.
    pub fn get<T: FromValue>(&self, name: &str) -> Done<T> {
        T::from_value(self.value(name)?).map_err(|unfit| Stop::Fault(format!("`{name}`: {unfit}")))
    }

    /// A property of this part as it is kept.
    ///
    /// # Errors
    /// [`Stop::Fault`] when this part has no such property.
    pub fn value(&self, name: &str) -> Done<&Value> {
        let property = self.property(name)?;
        Ok(self.entity()?.value(property.no).unwrap_or(&property.default))
    }

    /// Writes a property of this part. Names are taken for enums, whole numbers for floats. Nothing changes for others
    /// when the value is what it was.
    ///
    /// # Errors
    /// [`Stop::Fault`] when there is no such property, or the value is not of its type or out of its range.
    pub fn set(&mut self, name: &str, value: impl IntoValue) -> Done {
        let property = self.property(name)?;
        let wrong = |why| Stop::Fault(format!("`{name}`: {why}"));
        let (no, value) = (property.no, coerce(&property.ty, value.into_value()).map_err(wrong)?);
        property.check(&value, &self.state.limits).map_err(wrong)?;
        let entity = self.run.entity;
        let Some(kept) = self.entity_mut()?.value_mut(no) else { return Ok(()) };
        if *kept != value {
            kept.clone_from(&value);
            self.state.changes.push((entity, Change::set(no, value)));
        }
        Ok(())
    }

    /// Calls a method of this part once, later. At most `timers_per_entity_max` timers run at a time.
    pub fn after(&mut self, seconds: f64, method: &str, arguments: impl Arguments) -> TimerId {
        self.timer(seconds, false, method, arguments.into_values())
    }

    /// Calls a method of this part again and again.
    pub fn every(&mut self, seconds: f64, method: &str, arguments: impl Arguments) -> TimerId {
        self.timer(seconds, true, method, arguments.into_values())
    }

    /// Ends a timer; one that is not there any more is none.
    pub fn cancel(&mut self, timer: TimerId) {
        self.state.timers.cancel(self.run.entity, timer.0);
    }

    fn timer(&mut self, seconds: f64, again: bool, method: &str, arguments: Vec<Value>) -> TimerId {
        let entity = self.run.entity;
        if !(0.0..=SECONDS_MAX).contains(&seconds) {
            return self.no_timer("a timer takes seconds of at least 0".to_owned());
        }
        if self.run.class.count(method).is_none() {
            return self.no_timer(self.no_method(method));
        }
        let count = self.state.timers.count_of(entity);
        if count >= self.state.limits.timers_per_entity_max as usize {
            return self.no_timer(format!("the entity has {count} timers already (timers_per_entity_max)"));
        }
        let span = Duration::from_secs_f64(seconds);
        let period = again.then_some(span.max(PERIOD_MIN));
        let due = self.run.now.at + period.unwrap_or(span);
        TimerId(self.state.timers.start(entity, due, period, method.into(), arguments))
    }

    fn no_timer(&mut self, why: String) -> TimerId {
        self.wrong(why);
        TimerId(0)
    }

    pub(crate) fn no_method(&self, method: &str) -> String {
        format!("{} has no method `{method}` in its {} part; list it in `methods![…]`", self.run.ty.name, self.part())
    }

    /// Ends the entity. `forever` deletes its record too.
    pub fn destroy(&mut self, forever: bool) {
        let (entity, step) = (self.run.entity, self.run.step);
        self.ask(Effect::Destroy { entity, forever, step });
    }

    /// Removes the client, telling it why.
    pub fn kick(&mut self, text: &str) {
        let entity = self.run.entity;
        self.ask(Effect::Kick { entity, text: text.to_owned() });
    }

    /// The number that effects of this entry share, for [`Context::ask`].
    #[must_use]
    pub fn step(&self) -> u64 {
        self.run.step
    }

    /// Asks for anything that the engine does.
    pub fn ask(&mut self, effect: Effect) {
        let max = self.state.limits.effects_per_entry_max as usize;
        if self.run.effects.len() >= max {
            self.wrong("it asked for more than effects_per_entry_max things".to_owned());
        } else {
            self.run.effects.push(effect);
        }
    }

    /// Notes what makes the entry a fault; the first one counts.
    pub(crate) fn wrong(&mut self, why: String) {
        self.run.wrong.get_or_insert(why);
    }

    pub(crate) fn entity(&self) -> Done<&Entity> {
        self.state.entities.get(&self.run.entity).ok_or_else(|| Stop::fault("the entity is gone"))
    }

    pub(crate) fn entity_mut(&mut self) -> Done<&mut Entity> {
        self.state.entities.get_mut(&self.run.entity).ok_or_else(|| Stop::fault("the entity is gone"))
    }

    /// A property that lives in this part.
    pub(crate) fn property(&self, name: &str) -> Done<&Property> {
        let (ty, part) = (&self.run.ty, self.state.part);
        match ty.property_by_name(name) {
            Some(property) if property.part == part => Ok(property),
            Some(property) => {
                Err(Stop::Fault(format!("`{name}` of {} is in its {} part, not here", ty.name, property.part)))
            }
            None => Err(Stop::Fault(format!("{} has no property `{name}`", ty.name))),
        }
    }
}

impl std::fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context")
            .field("entity", &self.run.entity)
            .field("type", &self.run.ty.name)
            .finish_non_exhaustive()
    }
}
