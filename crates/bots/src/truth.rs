//! What the bots know of themselves: where each was over the last second, and what others must see of it.
//!
//! A view is compared with this and never with what a server says of it. All bots of a process share one table. Paths
//! are kept on one beat of time for all, so that two bots are compared position by position; a grid finds who is near.
//! It reads no clock and knows no connection. Locks are held for one bot or one square at a time, never two.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};

use kuafu_core::{EntityId, Moment, PropertyNo, SpaceId, Value};

/// The beat of paths, in microseconds.
pub const BEAT_US: u64 = 100_000;
/// How many beats a path reaches back, beside the newest: one second.
pub const WINDOW_BEATS: u64 = 10;
/// Places that are kept; more than the window, so that a reader that is a beat late still finds all.
const KEPT: usize = 16;
/// The most squares of the grid along one side.
const SQUARES_MAX: usize = 128;

/// x and z, in metres.
pub type Place = [f32; 2];

/// Where somebody was.
#[derive(Clone, Copy, Debug, Default)]
pub struct Path {
    places: [Place; KEPT],
    newest: u64,
    /// How many of the places, back from the newest, are known.
    known: usize,
}

impl Path {
    /// The beat of a moment.
    #[must_use]
    pub fn beat(now: Moment) -> u64 {
        now.0 / BEAT_US
    }

    /// Notes a place. Beats since the last note were spent where one was.
    pub fn note(&mut self, now: Moment, place: Place) {
        let beat = Self::beat(now);
        if self.known == 0 {
            (self.newest, self.known) = (beat, 1);
        }
        if let Some(last) = self.newest() {
            for between in self.newest + 1..=beat.min(self.newest + KEPT as u64) {
                self.places[between as usize % KEPT] = last;
            }
            self.known = KEPT.min(self.known + beat.saturating_sub(self.newest) as usize);
            self.newest = self.newest.max(beat);
        }
        self.places[self.newest as usize % KEPT] = place;
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.known = 0;
    }

    /// The newest place.
    #[must_use]
    pub fn newest(&self) -> Option<Place> {
        (self.known > 0).then(|| self.places[self.newest as usize % KEPT])
    }

    /// The place at a beat. After the newest note one has not moved; `None` before the path begins.
    #[must_use]
    pub fn at(&self, beat: u64) -> Option<Place> {
        if beat >= self.newest {
            return self.newest();
        }
        (self.newest - beat < self.known as u64).then(|| self.places[beat as usize % KEPT])
    }

    /// The least and the greatest distance to `other` in the window that ends at `beat`, in metres; `None` unless both
    /// are known for all of it.
    #[must_use]
    pub fn distances(&self, other: &Self, beat: u64) -> Option<(f32, f32)> {
        let (mut least, mut greatest) = (f32::INFINITY, 0.0_f32);
        for beat in beat.saturating_sub(WINDOW_BEATS)..=beat {
            let squared = squared(self.at(beat)?, other.at(beat)?);
            (least, greatest) = (least.min(squared), greatest.max(squared));
        }
        Some((least.sqrt(), greatest.sqrt()))
    }

    /// How far `place` is from the nearest place in the window that ends at `beat`; `None` unless all of it is known.
    #[must_use]
    pub fn error_of(&self, place: Place, beat: u64) -> Option<f32> {
        let mut least = f32::INFINITY;
        for beat in beat.saturating_sub(WINDOW_BEATS + 1)..=beat {
            least = least.min(squared(self.at(beat)?, place));
        }
        Some(least.sqrt())
    }
}

fn squared(a: Place, b: Place) -> f32 {
    let (x, z) = (a[0] - b[0], a[1] - b[1]);
    x * x + z * z
}

/// What one bot knows of itself.
#[derive(Clone, Debug, Default)]
pub struct Truth {
    /// Its entity; none while it is not in the game.
    pub entity: EntityId,
    /// The space that it is in.
    pub space: SpaceId,
    /// Where it was.
    pub path: Path,
    /// What others must see of its properties.
    pub shown: Vec<(PropertyNo, Value)>,
    /// Grows when `shown` changes.
    pub version: u32,
}

/// What all bots know of themselves.
#[derive(Debug)]
pub struct Truths {
    bots: Vec<Mutex<Truth>>,
    numbers: RwLock<HashMap<EntityId, u32>>,
    grid: Grid,
}

impl Truths {
    /// A table for `count` bots in a space from `least` to `greatest`, searched within about `reach` metres.
    #[must_use]
    pub fn new(count: usize, least: Place, greatest: Place, reach: f32) -> Self {
        Self {
            bots: (0..count).map(|_| Mutex::default()).collect(),
            numbers: RwLock::default(),
            grid: Grid::new(least, greatest, reach),
        }
    }

    /// A bot is in a space with an entity; its path begins.
    pub fn arrive(&self, bot: usize, now: Moment, entity: EntityId, space: SpaceId, place: Place) {
        self.depart(bot);
        {
            let mut truth = self.lock(bot);
            (truth.entity, truth.space) = (entity, space);
            truth.path.clear();
            truth.path.note(now, place);
        }
        self.numbers.write().unwrap_or_else(PoisonError::into_inner).insert(entity, bot as u32);
        self.grid.put(bot, None, place);
    }

    /// Nothing can be said of a bot from here: it lost its connection or left.
    pub fn depart(&self, bot: usize) {
        let (entity, last) = {
            let mut truth = self.lock(bot);
            let last = truth.path.newest();
            truth.path.clear();
            (std::mem::take(&mut truth.entity), last)
        };
        if !entity.is_none() {
            self.numbers.write().unwrap_or_else(PoisonError::into_inner).remove(&entity);
        }
        if let Some(last) = last {
            self.grid.take(bot, last);
        }
    }

    /// A bot is somewhere else.
    pub fn note_place(&self, bot: usize, now: Moment, place: Place) {
        let last = {
            let mut truth = self.lock(bot);
            let Some(last) = truth.path.newest() else { return };
            truth.path.note(now, place);
            last
        };
        self.grid.put(bot, Some(last), place);
    }

    /// Others must see this of a bot's properties.
    pub fn note_shown(&self, bot: usize, shown: impl Iterator<Item = (PropertyNo, Value)>) {
        let shown: Vec<_> = shown.collect();
        let mut truth = self.lock(bot);
        if truth.shown != shown {
            truth.shown = shown;
            truth.version += 1;
        }
    }

    /// What a bot knows of itself. Do not hold two.
    pub fn lock(&self, bot: usize) -> MutexGuard<'_, Truth> {
        self.bots[bot].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fills `found` with the bots of these entities, in the same order; `None` for what is no bot's.
    pub fn numbers_of(&self, entities: impl Iterator<Item = EntityId>, found: &mut Vec<Option<u32>>) {
        found.clear();
        let numbers = self.numbers.read().unwrap_or_else(PoisonError::into_inner);
        found.extend(entities.map(|entity| numbers.get(&entity).copied()));
    }

    /// Fills `found` with all bots within `reach` metres of a place, and some more.
    pub fn near(&self, place: Place, reach: f32, found: &mut Vec<u32>) {
        found.clear();
        self.grid.near(place, reach, found);
    }
}

/// Squares of the ground and who is in them.
#[derive(Debug)]
struct Grid {
    least: Place,
    side: f32,
    columns: usize,
    rows: usize,
    squares: Vec<Mutex<Vec<u32>>>,
}

impl Grid {
    fn new(least: Place, greatest: Place, reach: f32) -> Self {
        let (width, depth) = ((greatest[0] - least[0]).max(1.0), (greatest[1] - least[1]).max(1.0));
        let side = reach.max(1.0).max(width.max(depth) / SQUARES_MAX as f32);
        let columns = ((width / side).ceil() as usize).clamp(1, SQUARES_MAX);
        let rows = ((depth / side).ceil() as usize).clamp(1, SQUARES_MAX);
        Self { least, side, columns, rows, squares: (0..columns * rows).map(|_| Mutex::default()).collect() }
    }

    /// Column and row; places outside belong to the border.
    fn square(&self, place: Place) -> (usize, usize) {
        let along = |axis: usize, count: usize| {
            (((place[axis] - self.least[axis]) / self.side).max(0.0) as usize).min(count - 1)
        };
        (along(0, self.columns), along(1, self.rows))
    }

    fn lock(&self, (column, row): (usize, usize)) -> MutexGuard<'_, Vec<u32>> {
        self.squares[row * self.columns + column].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, bot: usize, from: Option<Place>, place: Place) {
        let square = self.square(place);
        if let Some(from) = from {
            if self.square(from) == square {
                return;
            }
            self.take(bot, from);
        }
        self.lock(square).push(bot as u32);
    }

    fn take(&self, bot: usize, from: Place) {
        self.lock(self.square(from)).retain(|other| *other != bot as u32);
    }

    fn near(&self, place: Place, reach: f32, found: &mut Vec<u32>) {
        let least = self.square([place[0] - reach, place[1] - reach]);
        let greatest = self.square([place[0] + reach, place[1] + reach]);
        for row in least.1..=greatest.1 {
            for column in least.0..=greatest.0 {
                found.extend_from_slice(&self.lock((column, row)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(beat: u64) -> Moment {
        Moment(beat * BEAT_US)
    }

    #[test]
    fn a_path_stands_still_between_its_notes_and_is_unknown_before_them() {
        let mut path = Path::default();
        path.note(at(100), [1.0, 0.0]);
        path.note(at(103), [2.0, 0.0]);
        let xs: Vec<_> = (99..106).map(|beat| path.at(beat).map(|place| place[0])).collect();
        assert_eq!(xs, [None, Some(1.0), Some(1.0), Some(1.0), Some(2.0), Some(2.0), Some(2.0)]);
        path.note(at(1_000), [3.0, 0.0]);
        assert_eq!(path.at(990), Some([2.0, 0.0]), "a long silence was spent where it was");
        assert_eq!(path.at(900), None, "older places are forgotten");
        path.note(at(999), [4.0, 0.0]);
        assert_eq!(path.newest(), Some([4.0, 0.0]), "a note that is late is the newest all the same");
    }

    #[test]
    fn distances_are_known_when_both_were_there_for_the_whole_window() {
        let (mut still, mut passing) = (Path::default(), Path::default());
        still.note(at(0), [0.0, 0.0]);
        for beat in 5..=20 {
            passing.note(at(beat), [beat as f32 - 20.0, 3.0]);
        }
        assert_eq!(still.distances(&passing, 14), None);
        let (least, greatest) = still.distances(&passing, 20).expect("both are known");
        assert!((least - 3.0).abs() < 1e-5 && (greatest - 109.0_f32.sqrt()).abs() < 1e-4, "{least} {greatest}");
    }

    #[test]
    fn who_is_near_is_found_also_outside_the_bounds_and_after_moving() {
        let truths = Truths::new(3, [0.0, 0.0], [1_000.0, 1_000.0], 50.0);
        for (bot, place) in [[-20.0, 10.0], [500.0, 500.0], [40.0, 40.0]].into_iter().enumerate() {
            truths.arrive(bot, at(0), EntityId(bot as u64 + 10), SpaceId(0), place);
        }
        let near = |place| {
            let mut found = Vec::new();
            truths.near(place, 50.0, &mut found);
            found.sort_unstable();
            found
        };
        assert_eq!(near([0.0, 0.0]), [0, 2]);
        truths.note_place(2, at(1), [520.0, 510.0]);
        assert_eq!((near([0.0, 0.0]), near([510.0, 510.0])), (vec![0], vec![1, 2]));
        truths.depart(1);
        assert_eq!(near([510.0, 510.0]), [2]);
        let mut numbers = Vec::new();
        truths.numbers_of([EntityId(11), EntityId(12)].into_iter(), &mut numbers);
        assert_eq!(numbers, [None, Some(2)]);
    }
}
