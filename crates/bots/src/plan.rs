//! Where the bots walk, so that each sees about as many others as wanted.
//!
//! Spread out, they share a square around the spawn point whose side follows from how many of them there are: for two
//! points at random in a square, the share of pairs that are near is known in closed form, edges included. Gathered,
//! they stand in crowds, far enough apart that one does not see the next where the space has room.

use kuafu_core::Chance;

use crate::truth::Place;

/// How many others a bot that is spread out should see.
pub const IN_VIEW_WANTED: f64 = 50.0;
/// When there are fewer bots, this share of the others, so that bots still come and go in the views.
const SHARE_IN_VIEW_MOST: f64 = 0.6;
/// How far a bot of a crowd walks from its point, in metres.
pub const CROWD_RADIUS_M: f32 = 10.0;
/// How far a bot that is spread out walks from its spot, in metres.
const ROAM_RADIUS_M: f32 = 25.0;
/// The least distance between a path and the border of the space, in metres.
const BORDER_M: f32 = 1.0;

/// A part of the ground: least and greatest x and z.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Area {
    /// Least x and z, in metres.
    pub least: Place,
    /// Greatest x and z, in metres.
    pub greatest: Place,
}

impl Area {
    /// The nearest place within.
    #[must_use]
    pub fn clamp(&self, place: Place) -> Place {
        let along = |axis: usize| place[axis].max(self.least[axis]).min(self.greatest[axis]);
        [along(0), along(1)]
    }

    /// The side of the area along an axis.
    #[must_use]
    pub fn side(&self, axis: usize) -> f32 {
        self.greatest[axis] - self.least[axis]
    }

    /// A square around a place, moved and cut so that it lies within.
    fn square_within(&self, center: Place, side: f32) -> Self {
        let along = |axis: usize| {
            let side = side.min(self.side(axis)).max(0.0);
            let least = (center[axis] - side / 2.0).min(self.greatest[axis] - side).max(self.least[axis]);
            (least, least + side)
        };
        let ((least_x, greatest_x), (least_z, greatest_z)) = (along(0), along(1));
        Self { least: [least_x, least_z], greatest: [greatest_x, greatest_z] }
    }

    /// Without a strip along the border.
    fn inset(&self, by: f32) -> Self {
        let mut inner = *self;
        for axis in 0..2 {
            let by = by.min(self.side(axis) / 2.0);
            (inner.least[axis], inner.greatest[axis]) = (self.least[axis] + by, self.greatest[axis] - by);
        }
        inner
    }
}

/// How the bots are placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Formation {
    /// Each sees about [`IN_VIEW_WANTED`] others.
    Spread,
    /// So many crowds.
    Gather(u32),
}

/// Where one bot walks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spot {
    /// The middle of its walks.
    pub center: Place,
    /// How far from it, in metres.
    pub radius: f32,
    /// What it must not leave.
    pub area: Area,
}

/// Where all bots walk.
#[derive(Clone, Debug)]
pub struct Plan {
    /// By the number of the bot.
    pub spots: Vec<Spot>,
}

impl Plan {
    /// Places `count` bots in a space with `bounds`, which they enter at `spawn`. Who comes in first goes farthest, so
    /// that the ways are walked while the others still log in.
    #[must_use]
    pub fn new(
        formation: Formation,
        count: usize,
        bounds: Area,
        spawn: Place,
        view_radius: f32,
        chance: &mut Chance,
    ) -> Self {
        let bounds = bounds.inset(BORDER_M);
        let mut spots = match formation {
            Formation::Spread => spread(count, bounds, spawn, view_radius, chance),
            Formation::Gather(crowds) => gather(count, bounds, spawn, view_radius, crowds.max(1)),
        };
        spots.sort_by(|a, b| way(b.center, spawn).total_cmp(&way(a.center, spawn)));
        Self { spots }
    }

    /// The longest way from a place to a spot, in metres.
    #[must_use]
    pub fn longest_way(&self, from: Place) -> f32 {
        self.spots.iter().map(|spot| way(spot.center, from)).fold(0.0, f32::max)
    }
}

fn way(a: Place, b: Place) -> f32 {
    (a[0] - b[0]).hypot(a[1] - b[1])
}

fn spread(count: usize, bounds: Area, spawn: Place, view_radius: f32, chance: &mut Chance) -> Vec<Spot> {
    let others = count.saturating_sub(1) as f64;
    let wanted = IN_VIEW_WANTED.min(others * SHARE_IN_VIEW_MOST);
    let area = match side_for(wanted, others, f64::from(view_radius)) {
        Some(side) => bounds.square_within(spawn, side as f32),
        None => bounds,
    };
    // A sequence that fills a square evenly at any length, shifted by chance (the plastic number's multiples).
    let shift = [chance.unit(), chance.unit()];
    let spot = |number: usize| {
        let along = |axis: usize, ratio: f64| {
            let share = (shift[axis] + ratio * (number + 1) as f64).fract();
            area.least[axis] + area.side(axis) * share as f32
        };
        Spot {
            center: [along(0, 0.754_877_666_246_692_8), along(1, 0.569_840_290_998_053_3)],
            radius: ROAM_RADIUS_M,
            area,
        }
    };
    (0..count).map(spot).collect()
}

/// The side of a square in which each of `others + 1` points has `wanted` others within `radius` on average; `None`
/// when there are none.
fn side_for(wanted: f64, others: f64, radius: f64) -> Option<f64> {
    if others < 1.0 || wanted <= 0.0 {
        return None;
    }
    // The share grows with the ratio of radius and side up to 1.
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..50 {
        let middle = (low + high) / 2.0;
        if share_within(middle) * others < wanted { low = middle } else { high = middle }
    }
    Some(radius / high)
}

/// The chance that two points in a unit square are within `ratio` of each other, for `ratio` up to 1 (square line
/// picking).
fn share_within(ratio: f64) -> f64 {
    std::f64::consts::PI * ratio.powi(2) - 8.0 / 3.0 * ratio.powi(3) + ratio.powi(4) / 2.0
}

/// Crowds on a spiral around the spawn point, each two view radii from the next, or as far as there is room.
fn gather(count: usize, bounds: Area, spawn: Place, view_radius: f32, crowds: u32) -> Vec<Spot> {
    let inner = bounds.inset(CROWD_RADIUS_M);
    let room = (inner.side(0) * inner.side(1) / crowds as f32).sqrt();
    let apart = (2.0 * view_radius).min(room / 2.0);
    let square = inner.square_within(spawn, 2.0 * apart * (crowds as f32 - 1.0).sqrt());
    let middle = [square.least[0] + square.side(0) / 2.0, square.least[1] + square.side(1) / 2.0];
    // Neighbours on a spiral whose turns are the golden angle are nowhere nearer than the first two.
    let golden = std::f32::consts::PI * (3.0 - 5.0_f32.sqrt());
    let center = |number: u32| {
        let (far, turn) = (apart * (number as f32).sqrt(), golden * number as f32);
        inner.clamp([middle[0] + far * turn.cos(), middle[1] + far * turn.sin()])
    };
    (0..count).map(|bot| Spot { center: center(bot as u32 % crowds), radius: CROWD_RADIUS_M, area: bounds }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIDE: Area = Area { least: [-2_000.0, -2_000.0], greatest: [2_000.0, 2_000.0] };

    fn mean_in_view(plan: &Plan, radius: f32) -> f64 {
        let near = |a: &Spot| plan.spots.iter().filter(|b| way(a.center, b.center) < radius).count() - 1;
        plan.spots.iter().map(near).sum::<usize>() as f64 / plan.spots.len() as f64
    }

    #[test]
    fn spread_bots_see_about_fifty_others_however_many_there_are() {
        let mut chance = Chance::from_seed(3);
        for count in [120, 1_000, 5_000] {
            let plan = Plan::new(Formation::Spread, count, WIDE, [100.0, 0.0], 50.0, &mut chance);
            let mean = mean_in_view(&plan, 50.0);
            assert!((43.0..57.0).contains(&mean), "{count}: {mean}");
        }
    }

    #[test]
    fn few_bots_do_not_all_see_one_another() {
        let plan = Plan::new(Formation::Spread, 40, WIDE, [0.0, 0.0], 50.0, &mut Chance::from_seed(1));
        let mean = mean_in_view(&plan, 50.0);
        assert!((15.0..32.0).contains(&mean), "{mean}");
        assert_eq!(Plan::new(Formation::Spread, 1, WIDE, [0.0; 2], 50.0, &mut Chance::from_seed(1)).spots.len(), 1);
    }

    #[test]
    fn spots_lie_within_the_bounds_also_when_those_are_too_small() {
        let small = Area { least: [-100.0, -100.0], greatest: [100.0, 100.0] };
        for formation in [Formation::Spread, Formation::Gather(7)] {
            let plan = Plan::new(formation, 1_000, small, [90.0, -90.0], 50.0, &mut Chance::from_seed(9));
            assert!(plan.spots.iter().all(|spot| small.clamp(spot.center) == spot.center), "{formation:?}");
        }
    }

    #[test]
    fn crowds_do_not_see_one_another_where_there_is_room() {
        let plan = Plan::new(Formation::Gather(5), 50, WIDE, [0.0, 0.0], 50.0, &mut Chance::from_seed(2));
        let mut centers: Vec<Place> = plan.spots.iter().map(|spot| spot.center).collect();
        centers.dedup();
        centers.sort_by(|a, b| a[0].total_cmp(&b[0]).then(a[1].total_cmp(&b[1])));
        centers.dedup();
        assert_eq!(centers.len(), 5);
        for (number, a) in centers.iter().enumerate() {
            assert!(centers[number + 1..].iter().all(|b| way(*a, *b) > 55.0 + 2.0 * CROWD_RADIUS_M), "{centers:?}");
        }
    }

    #[test]
    fn who_comes_in_first_has_the_longest_way() {
        let plan = Plan::new(Formation::Spread, 300, WIDE, [0.0, 0.0], 50.0, &mut Chance::from_seed(4));
        assert!(plan.spots.is_sorted_by(|a, b| way(a.center, [0.0; 2]) >= way(b.center, [0.0; 2])));
        assert_eq!(plan.longest_way([0.0; 2]), way(plan.spots[0].center, [0.0; 2]));
    }
}
