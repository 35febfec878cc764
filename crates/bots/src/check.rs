//! The comparison of one bot's view with the truth, and the differences that last.
//!
//! A difference is a mismatch when it stands for over a second in every check of that time. What is near a border of the
//! view is left alone: who was within the view radius for the whole last second must be seen, who was beyond the
//! leave radius for all of it must not, and between the two anything goes. Margins are what two bots walk between
//! two of their notes. Bots do not know how many entities one view may hold; the largest view that any of them had
//! tells, and in a view as large as that only an absent one that is nearer than a present one counts. What others get
//! only when they are near is compared with those who were near enough for the whole last second.
//!
//! It is a value without clock and connection: time comes in, sights come in, mismatches come out.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use kuafu_core::{EntityId, Moment, PropertyNo, SpaceId, Value};
use kuafu_def::{Property, Spread};

use crate::truth::{BEAT_US, Path, Place, Truths};

/// How long a difference may last.
pub const LASTING: Duration = Duration::from_secs(1);
/// Rounding and the tolerance that servers have for movement, in metres.
const SLACK_M: f32 = 0.5;

/// An entity as a bot sees it.
pub trait Sight {
    /// Its id.
    fn entity(&self) -> EntityId;
    /// Where it seems to be.
    fn place(&self) -> Place;
    /// A property as it seems to be.
    fn property(&self, no: PropertyNo) -> Option<&Value>;
    /// From how far its place can be seen, in metres.
    fn place_reach(&self) -> f32 {
        f32::INFINITY
    }
    /// From how far a property can be seen, in metres.
    fn reach(&self, _: PropertyNo) -> f32 {
        f32::INFINITY
    }
}

impl Sight for kuafu_client::Entity<'_> {
    fn entity(&self) -> EntityId {
        self.id
    }

    fn place(&self) -> Place {
        [self.position[0], self.position[2]]
    }

    fn property(&self, no: PropertyNo) -> Option<&Value> {
        let sent = self.properties().find(|(known, _)| *known == no).map(|(_, value)| value);
        sent.or_else(|| self.ty.property(no).map(|Property { default, .. }| default))
    }

    fn place_reach(&self) -> f32 {
        match self.ty.volatile.position {
            Spread::Always => f32::INFINITY,
            Spread::Never => 0.0,
            Spread::Within(metres) => metres,
        }
    }

    fn reach(&self, no: PropertyNo) -> f32 {
        self.ty.property(no).and_then(|property| property.detail).unwrap_or(f32::INFINITY)
    }
}

/// What must be seen, in metres and metres a second.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// Who is nearer must be seen.
    pub view_radius: f32,
    /// Who is farther than the view radius by more than this must not be seen.
    pub hysteresis: f32,
    /// How fast bots walk at most.
    pub top_speed: f32,
    /// The greatest step of the lattice of positions.
    pub lattice_step: f32,
}

impl Rules {
    fn beat_way(&self) -> f32 {
        self.top_speed * BEAT_US as f32 / 1e6
    }

    fn margin(&self) -> f32 {
        2.0 * self.beat_way() + SLACK_M + self.lattice_step
    }

    /// Who was nearer for a second must be seen.
    #[must_use]
    pub fn must_see_within(&self) -> f32 {
        self.view_radius - self.margin()
    }

    /// Who was farther for a second must not be seen.
    #[must_use]
    pub fn must_not_see_beyond(&self) -> f32 {
        self.view_radius + self.hysteresis + self.margin()
    }

    /// How far a seen place may be from all places of the last second.
    #[must_use]
    pub fn place_tolerance(&self) -> f32 {
        self.beat_way() + SLACK_M + self.lattice_step
    }
}

/// What is the same for all checks of a run.
#[derive(Debug)]
pub struct Referee {
    /// What must be seen.
    pub rules: Rules,
    /// What the bots know of themselves.
    pub truths: Truths,
    largest_view: AtomicU32,
}

impl Referee {
    /// Checks by `rules` against `truths`.
    #[must_use]
    pub fn new(rules: Rules, truths: Truths) -> Self {
        Self { rules, truths, largest_view: AtomicU32::new(0) }
    }

    /// Whether a view may be as large as one may be. One entity less still counts: it may be about to enter.
    fn is_full(&self, size: usize) -> bool {
        let size = u32::try_from(size).unwrap_or(u32::MAX);
        let before = self.largest_view.fetch_max(size, Ordering::Relaxed);
        size.saturating_add(1) >= before
    }
}

/// What a difference is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Near, and not seen.
    Absent,
    /// Far, and seen.
    Lingering,
    /// Seen where it was not in the last second.
    Misplaced,
    /// Seen with properties that it does not have.
    Property,
    /// An own property is not what it was made.
    OwnProperty,
}

impl Kind {
    /// The name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Lingering => "lingering",
            Self::Misplaced => "misplaced",
            Self::Property => "property",
            Self::OwnProperty => "own_property",
        }
    }
}

/// A difference that lasted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mismatch {
    /// What it is about.
    pub kind: Kind,
    /// Which entity.
    pub entity: EntityId,
    /// Metres: to it, or for [`Kind::Misplaced`] from where it really is. 0 where it has no meaning.
    pub metres: f32,
}

#[derive(Clone, Copy, Debug)]
struct Suspicion {
    since: Moment,
    /// What was expected; another expectation is another difference.
    about: u32,
    metres: f32,
    round: u32,
    counted: bool,
}

/// One bot's memory of differences.
#[derive(Debug, Default)]
pub struct Watch {
    suspicions: HashMap<(EntityId, Kind), Suspicion>,
    round: u32,
    numbers: Vec<Option<u32>>,
    present: Vec<u32>,
    near: Vec<u32>,
    absent: Vec<(EntityId, f32)>,
}

/// The bot that looks.
struct Looker {
    number: usize,
    space: SpaceId,
    path: Path,
    beat: u64,
}

impl Watch {
    /// Begins a check.
    pub fn begin(&mut self) {
        self.round = self.round.wrapping_add(1);
    }

    /// Compares what bot number `me` sees, itself included, with the truth. Gives how many comparisons were made.
    pub fn compare<S: Sight>(&mut self, me: usize, now: Moment, sights: &[S], referee: &Referee) -> u32 {
        let looker = {
            let own = referee.truths.lock(me);
            Looker { number: me, space: own.space, path: own.path, beat: Path::beat(now) }
        };
        referee.truths.numbers_of(sights.iter().map(Sight::entity), &mut self.numbers);
        let numbers = std::mem::take(&mut self.numbers);
        let mut compared = 0;
        let mut farthest = 0.0_f32;
        self.present.clear();
        for (sight, number) in sights.iter().zip(&numbers) {
            let Some(number) = number.filter(|number| *number as usize != me) else { continue };
            self.present.push(number);
            compared += 1;
            farthest = farthest.max(self.compare_sight(&looker, number, sight, now, referee));
        }
        self.numbers = numbers;
        self.present.sort_unstable();
        compared + self.look_for_absent(&looker, farthest, sights.len(), now, referee)
    }

    /// Compares one that is seen. Gives the least distance to it in the last second; 0 when that is not known.
    fn compare_sight(
        &mut self,
        looker: &Looker,
        number: u32,
        sight: &impl Sight,
        now: Moment,
        referee: &Referee,
    ) -> f32 {
        let (rules, entity) = (&referee.rules, sight.entity());
        let truth = referee.truths.lock(number as usize);
        if truth.entity != entity || truth.space != looker.space {
            return 0.0;
        }
        let off = truth.path.error_of(sight.place(), looker.beat);
        let distances = looker.path.distances(&truth.path, looker.beat);
        let is_within = |reach: f32| {
            let greatest = distances.map_or(f32::INFINITY, |(_, greatest)| greatest);
            reach == f32::INFINITY || greatest < reach - rules.margin()
        };
        let differs = |no: PropertyNo, value: &Value| sight.property(no) != Some(value);
        let wrong = truth.shown.iter().any(|(no, value)| differs(*no, value) && is_within(sight.reach(*no)));
        let version = truth.version;
        drop(truth);
        if wrong {
            self.suspect(now, Kind::Property, entity, version, 0.0);
        }
        if let Some(off) = off.filter(|off| *off > rules.place_tolerance() && is_within(sight.place_reach())) {
            self.suspect(now, Kind::Misplaced, entity, 0, off);
        }
        let Some((least, _)) = distances else { return 0.0 };
        if least > rules.must_not_see_beyond() {
            self.suspect(now, Kind::Lingering, entity, 0, least);
        }
        least
    }

    /// Looks for who is near and not seen. Gives how many were looked at.
    fn look_for_absent(
        &mut self,
        looker: &Looker,
        farthest: f32,
        view_size: usize,
        now: Moment,
        referee: &Referee,
    ) -> u32 {
        let (rules, truths) = (&referee.rules, &referee.truths);
        let full = referee.is_full(view_size);
        let Some(place) = looker.path.newest() else { return 0 };
        truths.near(place, rules.view_radius, &mut self.near);
        let mut compared = 0;
        for &number in &self.near {
            if number as usize == looker.number || self.present.binary_search(&number).is_ok() {
                continue;
            }
            let truth = truths.lock(number as usize);
            if truth.entity.is_none() || truth.space != looker.space {
                continue;
            }
            let Some((_, greatest)) = looker.path.distances(&truth.path, looker.beat) else { continue };
            compared += 1;
            if greatest < rules.must_see_within() {
                self.absent.push((truth.entity, greatest));
            }
        }
        // Whoever displaces another must be nearer by the factor of the two radii.
        let nearer = (rules.view_radius + rules.hysteresis) / rules.view_radius;
        for (entity, metres) in std::mem::take(&mut self.absent) {
            if !full || metres * nearer + rules.margin() < farthest {
                self.suspect(now, Kind::Absent, entity, 0, metres);
            }
        }
        compared
    }

    /// Notes a difference in the check that has begun. `about` tells what was expected.
    pub fn suspect(&mut self, now: Moment, kind: Kind, entity: EntityId, about: u32, metres: f32) {
        let fresh = Suspicion { since: now, about, metres, round: self.round, counted: false };
        let known = self.suspicions.entry((entity, kind)).or_insert(fresh);
        if known.about != about {
            *known = fresh;
        }
        (known.round, known.metres) = (self.round, metres);
    }

    /// Ends a check: forgets the differences that are no more. Gives those that have lasted now; each once, and none
    /// unless it `counts`.
    pub fn end(&mut self, now: Moment, counts: bool) -> Vec<Mismatch> {
        let round = self.round;
        self.suspicions.retain(|_, suspicion| suspicion.round == round);
        let mut lasting = Vec::new();
        for ((entity, kind), suspicion) in &mut self.suspicions {
            if counts && !suspicion.counted && now.since(suspicion.since) > LASTING {
                suspicion.counted = true;
                lasting.push(Mismatch { kind: *kind, entity: *entity, metres: suspicion.metres });
            }
        }
        lasting
    }

    /// An entity came into view or left it: what was wrong with its presence is over.
    pub fn came_or_went(&mut self, entity: EntityId) {
        if !self.suspicions.is_empty() {
            for kind in [Kind::Absent, Kind::Lingering, Kind::Misplaced, Kind::Property] {
                self.suspicions.remove(&(entity, kind));
            }
        }
    }

    /// The view begins anew.
    pub fn clear(&mut self) {
        self.suspicions.clear();
    }
}

#[cfg(test)]
mod tests;
