//! Timers of entities: methods that are called later, by name, in the order in which they are due.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use kuafu_core::{EntityId, Moment, Value};

/// The shortest time between two calls of a repeating timer.
pub(crate) const PERIOD_MIN: Duration = Duration::from_millis(1);

/// The longest time that a timer waits, in seconds: a hundred years.
pub(crate) const SECONDS_MAX: f64 = 3_155_760_000.0;

/// One timer.
#[derive(Clone, Debug)]
pub(crate) struct Timer {
    pub(crate) entity: EntityId,
    pub(crate) method: String,
    pub(crate) arguments: Vec<Value>,
    pub(crate) due: Moment,
    /// Makes it repeat.
    pub(crate) period: Option<Duration>,
}

/// All timers of a host.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    last: u64,
    by_due: BTreeMap<(Moment, u64), Timer>,
    due_of: HashMap<EntityId, Vec<(u64, Moment)>>,
}

impl Timers {
    pub(crate) fn len(&self) -> usize {
        self.by_due.len()
    }

    /// How many timers an entity has.
    pub(crate) fn count_of(&self, entity: EntityId) -> usize {
        self.due_of.get(&entity).map_or(0, Vec::len)
    }

    /// Starts a timer; gives its number.
    pub(crate) fn start(&mut self, timer: Timer) -> u64 {
        self.last += 1;
        self.put(self.last, timer);
        self.last
    }

    fn put(&mut self, id: u64, timer: Timer) {
        self.due_of.entry(timer.entity).or_default().push((id, timer.due));
        self.by_due.insert((timer.due, id), timer);
    }

    /// Ends a timer of an entity; one that is not there any more is none.
    pub(crate) fn cancel(&mut self, entity: EntityId, id: u64) {
        let due = self.due_of.get(&entity).and_then(|timers| timers.iter().find(|(other, _)| *other == id)).copied();
        if let Some((_, due)) = due {
            self.remove(due, id);
        }
    }

    fn remove(&mut self, due: Moment, id: u64) -> Option<Timer> {
        let timer = self.by_due.remove(&(due, id))?;
        if let Some(timers) = self.due_of.get_mut(&timer.entity) {
            timers.retain(|(other, _)| *other != id);
            if timers.is_empty() {
                self.due_of.remove(&timer.entity);
            }
        }
        Some(timer)
    }

    /// Ends all timers of an entity.
    pub(crate) fn forget(&mut self, entity: EntityId) {
        for (id, due) in self.due_of.remove(&entity).unwrap_or_default() {
            self.by_due.remove(&(due, id));
        }
    }

    /// The timers that are due, earliest first. They stay until [`Timers::take`].
    pub(crate) fn due(&self, now: Moment) -> Vec<(Moment, u64)> {
        self.by_due.range(..=(now, u64::MAX)).map(|(key, _)| *key).collect()
    }

    /// Takes a timer to run it; a repeating one is due again after its period. `None` when it was ended meanwhile.
    pub(crate) fn take(&mut self, (due, id): (Moment, u64), now: Moment) -> Option<Timer> {
        let timer = self.remove(due, id)?;
        if let Some(period) = timer.period {
            let next = timer.due + period;
            // A host that was late does not make up for every missed call.
            self.put(id, Timer { due: if next > now { next } else { now + period }, ..timer.clone() });
        }
        Some(timer)
    }

    /// When the next timer is due.
    pub(crate) fn next_due(&self) -> Option<Moment> {
        self.by_due.first_key_value().map(|((due, _), _)| *due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(timers: &mut Timers, entity: u64, due: u64, period: Option<u64>) -> u64 {
        let period = period.map(Duration::from_micros);
        timers.start(Timer {
            entity: EntityId(entity),
            method: "tick".into(),
            arguments: vec![],
            due: Moment(due),
            period,
        })
    }

    #[test]
    fn timers_come_in_order_and_a_repeating_one_is_not_made_up_for() {
        let mut timers = Timers::default();
        let (late, early) = (start(&mut timers, 1, 20, None), start(&mut timers, 1, 10, Some(10)));
        assert_eq!(timers.due(Moment(20)), [(Moment(10), early), (Moment(20), late)]);
        assert!(timers.take((Moment(10), early), Moment(95)).is_some());
        assert_eq!(timers.next_due(), Some(Moment(20)));
        assert!(timers.take((Moment(20), late), Moment(95)).is_some());
        assert_eq!((timers.next_due(), timers.len()), (Some(Moment(105)), 1));
        timers.cancel(EntityId(1), early);
        assert_eq!(timers.next_due(), None, "a repeating timer is found after it moved");
    }

    #[test]
    fn a_forgotten_entity_leaves_no_timer_and_ends_no_others() {
        let mut timers = Timers::default();
        start(&mut timers, 1, 10, None);
        let other = start(&mut timers, 2, 5, None);
        timers.forget(EntityId(1));
        timers.cancel(EntityId(1), other);
        assert_eq!((timers.len(), timers.count_of(EntityId(1)), timers.count_of(EntityId(2))), (1, 0, 1));
    }
}
