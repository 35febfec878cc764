//! Timers of entities: methods that are called later, by name, once or again and again.
//!
//! Both hosts of logic keep theirs here. Arguments are plain values, so a timer holds nothing of a virtual machine.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kuafu_core::{EntityId, Moment, Value};
use rustc_hash::FxHashMap;

/// The shortest time between two calls of a repeating timer.
pub const PERIOD_MIN: Duration = Duration::from_millis(1);

/// The longest time that a timer waits, in seconds: a hundred years.
pub const SECONDS_MAX: f64 = 3_155_760_000.0;

/// One timer.
#[derive(Clone, Debug)]
pub struct Timer {
    /// Whose it is.
    pub entity: EntityId,
    /// What it calls.
    pub method: Arc<str>,
    /// What the call carries.
    pub arguments: Vec<Value>,
    due: Moment,
    period: Option<Duration>,
}

/// All timers of a host, in the order in which they are due.
#[derive(Clone, Debug, Default)]
pub struct Timers {
    last: u64,
    timers: FxHashMap<u64, Timer>,
    order: BTreeMap<(Moment, u64), ()>,
    of_entity: FxHashMap<EntityId, Vec<u64>>,
}

impl Timers {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.timers.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.timers.is_empty()
    }

    /// How many timers an entity has.
    #[must_use]
    pub fn count_of(&self, entity: EntityId) -> usize {
        self.of_entity.get(&entity).map_or(0, Vec::len)
    }

    /// Starts a timer; a `period` makes it repeat.
    pub fn start(
        &mut self,
        entity: EntityId,
        due: Moment,
        period: Option<Duration>,
        method: Arc<str>,
        arguments: Vec<Value>,
    ) -> u64 {
        self.last += 1;
        let id = self.last;
        self.order.insert((due, id), ());
        self.of_entity.entry(entity).or_default().push(id);
        self.timers.insert(id, Timer { entity, method, arguments, due, period });
        id
    }

    /// Ends a timer of an entity; one that is not there any more is none.
    pub fn cancel(&mut self, entity: EntityId, id: u64) {
        if self.timers.get(&id).is_some_and(|timer| timer.entity == entity) {
            self.remove(id);
        }
    }

    /// Ends the timers of an entity that call a method.
    pub fn cancel_method(&mut self, entity: EntityId, method: &str) {
        let ids = self.of_entity.get(&entity).into_iter().flatten().copied();
        let of_method: Vec<u64> =
            ids.filter(|id| self.timers.get(id).is_some_and(|timer| *timer.method == *method)).collect();
        for id in of_method {
            self.remove(id);
        }
    }

    fn remove(&mut self, id: u64) -> Option<Timer> {
        let timer = self.timers.remove(&id)?;
        self.order.remove(&(timer.due, id));
        if let Some(ids) = self.of_entity.get_mut(&timer.entity) {
            ids.retain(|other| *other != id);
            if ids.is_empty() {
                self.of_entity.remove(&timer.entity);
            }
        }
        Some(timer)
    }

    /// Ends all timers of an entity.
    pub fn forget(&mut self, entity: EntityId) {
        for id in self.of_entity.remove(&entity).unwrap_or_default() {
            if let Some(timer) = self.timers.remove(&id) {
                self.order.remove(&(timer.due, id));
            }
        }
    }

    /// The timers that are due, earliest first. They stay until [`Timers::take`].
    pub fn due(&self, now: Moment) -> Vec<u64> {
        self.order.range(..=(now, u64::MAX)).map(|((_, id), ())| *id).collect()
    }

    /// Whose timer it is, when it is there.
    pub fn entity_of(&self, id: u64) -> Option<EntityId> {
        self.timers.get(&id).map(|timer| timer.entity)
    }

    /// Takes a timer to run it; a repeating one is due again after its period. `None` when it was ended meanwhile.
    pub fn take(&mut self, id: u64, now: Moment) -> Option<Timer> {
        let timer = self.timers.get_mut(&id)?;
        let Some(period) = timer.period else { return self.remove(id) };
        self.order.remove(&(timer.due, id));
        let next = timer.due + period;
        // A host that was late does not make up for every missed call.
        timer.due = if next > now { next } else { now + period };
        self.order.insert((timer.due, id), ());
        Some(timer.clone())
    }

    /// When the next timer is due.
    pub fn next_due(&self) -> Option<Moment> {
        self.order.first_key_value().map(|((due, _), ())| *due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(timers: &mut Timers, due: u64, period: Option<u64>) -> u64 {
        timers.start(EntityId(1), Moment(due), period.map(Duration::from_micros), "tick".into(), vec![])
    }

    #[test]
    fn timers_come_in_the_order_in_which_they_are_due() {
        let mut timers = Timers::default();
        let (late, early) = (start(&mut timers, 20, None), start(&mut timers, 10, None));
        assert_eq!(timers.next_due(), Some(Moment(10)));
        assert_eq!(timers.due(Moment(15)), [early]);
        assert_eq!(timers.due(Moment(20)), [early, late]);
        assert!(timers.take(early, Moment(20)).is_some());
        assert!(timers.take(early, Moment(20)).is_none());
    }

    #[test]
    fn a_repeating_timer_that_was_missed_is_not_made_up_for() {
        let mut timers = Timers::default();
        let id = start(&mut timers, 10, Some(10));
        timers.take(id, Moment(95));
        assert_eq!(timers.next_due(), Some(Moment(105)));
        timers.take(id, Moment(105));
        assert_eq!(timers.next_due(), Some(Moment(115)));
    }

    #[test]
    fn a_forgotten_entity_leaves_no_timer_behind() {
        let mut timers = Timers::default();
        start(&mut timers, 10, Some(10));
        let other = timers.start(EntityId(2), Moment(5), None, "x".into(), vec![]);
        timers.forget(EntityId(1));
        assert_eq!((timers.len(), timers.count_of(EntityId(1))), (1, 0));
        timers.cancel_method(EntityId(2), "tick");
        timers.cancel_method(EntityId(1), "x");
        timers.cancel(EntityId(1), other);
        assert_eq!(timers.len(), 1, "an entity cannot end another's timer");
        timers.cancel_method(EntityId(2), "x");
        assert_eq!(timers.next_due(), None);
    }
}
