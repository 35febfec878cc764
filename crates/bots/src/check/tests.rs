//! The checker in virtual time, with bots that stand or walk on a line.

use super::*;

const RULES: Rules = Rules { view_radius: 50.0, hysteresis: 5.0, top_speed: 6.0, lattice_step: 0.01 };
const HUE: PropertyNo = PropertyNo(1);

#[derive(Clone)]
struct Seen {
    bot: usize,
    place: Place,
    hue: Value,
    /// From how far place and hue can be seen.
    reach: f32,
}

impl Sight for Seen {
    fn entity(&self) -> EntityId {
        id(self.bot)
    }

    fn place(&self) -> Place {
        self.place
    }

    fn property(&self, no: PropertyNo) -> Option<&Value> {
        (no == HUE).then_some(&self.hue)
    }

    fn place_reach(&self) -> f32 {
        self.reach
    }

    fn reach(&self, _: PropertyNo) -> f32 {
        self.reach
    }
}

fn id(bot: usize) -> EntityId {
    EntityId(bot as u64 + 100)
}

/// Bot 0 looks; the others are at some x.
struct Scene {
    referee: Referee,
    watch: Watch,
    beat: u64,
    xs: Vec<f32>,
}

impl Scene {
    fn new(xs: &[f32]) -> Self {
        let truths = Truths::new(xs.len(), [-500.0, -500.0], [500.0, 500.0], 50.0);
        let mut scene =
            Self { referee: Referee::new(RULES, truths), watch: Watch::default(), beat: 50, xs: xs.to_vec() };
        for (bot, x) in xs.iter().enumerate() {
            scene.referee.truths.arrive(bot, scene.now(), id(bot), SpaceId(1), [*x, 0.0]);
            scene.show(bot, 7);
        }
        scene.pass(20);
        scene
    }

    fn now(&self) -> Moment {
        Moment(self.beat * BEAT_US)
    }

    fn show(&self, bot: usize, hue: i64) {
        self.referee.truths.note_shown(bot, [(HUE, Value::Int(hue))].into_iter());
    }

    fn pass(&mut self, beats: u64) {
        for _ in 0..beats {
            self.beat += 1;
            for (bot, x) in self.xs.iter().enumerate() {
                self.referee.truths.note_place(bot, self.now(), [*x, 0.0]);
            }
        }
    }

    fn walk(&mut self, bot: usize, x: f32) {
        self.xs[bot] = x;
        self.pass(1);
    }

    fn sight(&self, bot: usize) -> Seen {
        Seen { bot, place: [self.xs[bot], 0.0], hue: Value::Int(7), reach: f32::INFINITY }
    }

    fn check(&mut self, sights: &[Seen]) -> Vec<Kind> {
        let now = self.now();
        self.watch.begin();
        self.watch.compare(0, now, sights, &self.referee);
        let mut kinds: Vec<_> = self.watch.end(now, true).into_iter().map(|mismatch| mismatch.kind).collect();
        kinds.sort_unstable();
        kinds
    }

    /// Two checks a little more than a second apart.
    fn check_twice(&mut self, sights: &[Seen]) -> Vec<Kind> {
        assert_eq!(self.check(sights), [], "nothing has lasted yet");
        self.pass(11);
        self.check(sights)
    }

    /// Some other view was larger, so that this one is not full.
    fn with_larger_view_elsewhere(self) -> Self {
        self.referee.largest_view.store(100, Ordering::Relaxed);
        self
    }
}

#[test]
fn a_view_that_shows_the_truth_has_no_mismatch() {
    let mut scene = Scene::new(&[0.0, 10.0, 48.0, 300.0]).with_larger_view_elsewhere();
    let sights = [scene.sight(0), scene.sight(1), scene.sight(2)];
    assert_eq!(scene.check_twice(&sights), []);
}

#[test]
fn one_that_is_near_and_not_seen_is_a_mismatch_after_more_than_a_second_and_once() {
    let mut scene = Scene::new(&[0.0, 10.0]).with_larger_view_elsewhere();
    let sights = [scene.sight(0)];
    assert_eq!(scene.check(&sights), []);
    scene.pass(10);
    assert_eq!(scene.check(&sights), [], "a second is not over a second");
    scene.pass(1);
    assert_eq!(scene.check(&sights), [Kind::Absent]);
    scene.pass(11);
    assert_eq!(scene.check(&sights), [], "the same difference counts once");
}

#[test]
fn in_the_ring_of_the_hysteresis_anything_goes() {
    for x in [48.9, 50.0, 55.0, 56.5] {
        let mut scene = Scene::new(&[0.0, x]).with_larger_view_elsewhere();
        let (seen, unseen) = ([scene.sight(0), scene.sight(1)], [scene.sight(0)]);
        assert_eq!(scene.check_twice(&seen), [], "{x}");
        assert_eq!(scene.check_twice(&unseen), [], "{x}");
    }
}

#[test]
fn one_that_is_far_and_seen_is_a_mismatch() {
    let mut scene = Scene::new(&[0.0, 58.0]);
    let sights = [scene.sight(0), scene.sight(1)];
    assert_eq!(scene.check_twice(&sights), [Kind::Lingering]);
}

#[test]
fn one_that_just_came_near_has_a_second_to_appear() {
    let mut scene = Scene::new(&[0.0, 53.0]).with_larger_view_elsewhere();
    let sights = [scene.sight(0)];
    for step in 0..20 {
        scene.walk(1, 53.0 - 0.57 * step as f32);
        assert_eq!(scene.check(&sights), []);
    }
    // It came within the radius less the margin a second ago at the latest.
    for step in 20..35 {
        scene.walk(1, 53.0 - 0.57 * step as f32);
        scene.check(&sights);
    }
    assert!(scene.watch.suspicions.values().all(|suspicion| suspicion.counted), "by now it has lasted");
    assert_eq!(scene.watch.suspicions.len(), 1);
}

#[test]
fn a_difference_that_ends_in_between_does_not_last() {
    let mut scene = Scene::new(&[0.0, 10.0]).with_larger_view_elsewhere();
    let (without, with) = ([scene.sight(0)], [scene.sight(0), scene.sight(1)]);
    scene.check(&without);
    scene.pass(6);
    scene.check(&with);
    scene.pass(6);
    assert_eq!(scene.check(&without), []);
    scene.pass(6);
    scene.watch.came_or_went(id(1));
    scene.pass(6);
    assert_eq!(scene.check(&without), [], "it came and went between the checks");
}

#[test]
fn a_seen_place_may_be_late_by_a_second_and_no_more() {
    let mut scene = Scene::new(&[0.0, 10.0]);
    let late = [scene.sight(0), scene.sight(1)];
    for step in 1..=10 {
        scene.walk(1, 10.0 + 0.57 * step as f32);
    }
    assert_eq!(scene.check(&late), []);
    assert!(scene.watch.suspicions.is_empty());
    for step in 11..=20 {
        scene.walk(1, 10.0 + 0.57 * step as f32);
    }
    assert_eq!(scene.check_twice(&late), [Kind::Misplaced]);
}

#[test]
fn properties_that_differ_are_a_mismatch_unless_they_change_on_the_way() {
    let mut scene = Scene::new(&[0.0, 10.0]);
    let sights = [scene.sight(0), scene.sight(1)];
    scene.show(1, 8);
    assert_eq!(scene.check(&sights), []);
    scene.pass(8);
    scene.show(1, 9);
    scene.pass(8);
    assert_eq!(scene.check(&sights), [], "another expectation begins anew");
    scene.pass(11);
    assert_eq!(scene.check(&sights), [Kind::Property]);
}

#[test]
fn who_lost_the_connection_or_is_elsewhere_is_not_expected() {
    let mut scene = Scene::new(&[0.0, 10.0, 20.0]).with_larger_view_elsewhere();
    scene.referee.truths.depart(1);
    let now = scene.now();
    scene.referee.truths.arrive(2, now, id(2), SpaceId(2), [20.0, 0.0]);
    let sights = [scene.sight(0)];
    assert_eq!(scene.check_twice(&sights), []);
    // An entity of an earlier life that still stands there is nobody's truth.
    let now = scene.now();
    scene.referee.truths.arrive(1, now, EntityId(999), SpaceId(1), [30.0, 0.0]);
    let sights = [scene.sight(0), scene.sight(1)];
    assert_eq!(scene.check(&sights), []);
}

#[test]
fn in_a_full_view_only_one_nearer_than_a_present_one_is_missed() {
    // The largest view has three; the fourth bot is farther than all present ones.
    let mut scene = Scene::new(&[0.0, 10.0, 20.0, 30.0]);
    let sights = [scene.sight(0), scene.sight(1), scene.sight(2)];
    assert_eq!(scene.check_twice(&sights), []);
    let sights = [scene.sight(0), scene.sight(1), scene.sight(3)];
    assert_eq!(scene.check_twice(&sights), [Kind::Absent], "20 m are nearer than 30 m by more than the ratio");
}

#[test]
fn what_does_not_count_yet_counts_when_it_still_stands_later() {
    let mut scene = Scene::new(&[0.0, 10.0]).with_larger_view_elsewhere();
    let sights = [scene.sight(0)];
    let now = scene.now();
    scene.watch.begin();
    scene.watch.compare(0, now, &sights, &scene.referee);
    assert_eq!(scene.watch.end(now + Duration::from_secs(5), false), []);
    scene.pass(30);
    assert_eq!(scene.check(&sights), [Kind::Absent]);
}

#[test]
fn what_goes_only_so_far_is_compared_with_those_who_are_near() {
    for (x, expected) in [(10.0, vec![Kind::Misplaced, Kind::Property]), (25.0, vec![])] {
        let mut scene = Scene::new(&[0.0, x]).with_larger_view_elsewhere();
        let old = Seen { place: [x + 20.0, 0.0], hue: Value::Int(1), reach: 20.0, ..scene.sight(1) };
        assert_eq!(scene.check_twice(&[scene.sight(0), old]), expected, "{x}");
    }
}
