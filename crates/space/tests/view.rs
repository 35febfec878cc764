//! The view against a brute-force oracle: random walks, joins, leaves, teleports, budgets and blocked links.
//!
//! Every witness has a mirror that knows only what it was told, as a base would. The mirror checks the slot table as it
//! goes; the oracle compares distances of all pairs.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod mirror;

use kuafu_core::{EntityId, Limits};
use kuafu_space::{
    Allowance, Audience, Bounds, FlatCosts, Index, MovedBy, Position, Radii, Space, SpaceConfig, Spawn, ViewOutput,
};
use mirror::{Mirrors, displace2};
use proptest::prelude::*;

const RADII: Radii = Radii { enter: 20.0, leave: 25.0 };
const COSTS: FlatCosts = FlatCosts { enter: 60, catch_up: 45 };

#[derive(Clone, Debug)]
enum Act {
    Insert(f32, f32, bool),
    Remove(usize),
    Walk(u64),
    Teleport(usize, f32, f32),
    Change(usize, bool),
    Watch(usize, u8),
    Unwatch(usize),
    Reset(usize),
    Allow(usize, u32, bool),
    Step,
}

fn place() -> std::ops::Range<f32> {
    0.0..80.0
}

fn act(limited: bool) -> impl Strategy<Value = Act> {
    let allowance = if limited { 3 } else { 0 };
    prop_oneof![
        6 => (place(), place(), any::<bool>()).prop_map(|(x, z, watch)| Act::Insert(x, z, watch)),
        1 => any::<usize>().prop_map(Act::Remove),
        8 => any::<u64>().prop_map(Act::Walk),
        2 => (any::<usize>(), place(), place()).prop_map(|(who, x, z)| Act::Teleport(who, x, z)),
        4 => (any::<usize>(), any::<bool>()).prop_map(|(who, own)| Act::Change(who, own)),
        2 => (any::<usize>(), 0u8..5).prop_map(|(who, base)| Act::Watch(who, base)),
        1 => any::<usize>().prop_map(Act::Unwatch),
        1 => any::<usize>().prop_map(Act::Reset),
        allowance => (any::<usize>(), 0u32..300, prop::bool::weighted(0.3)).prop_map(|(who, bytes, blocked)| {
            Act::Allow(who, bytes, blocked)
        }),
        12 => Just(Act::Step),
    ]
}

fn config(look_period: u8, view_size_max: u32) -> SpaceConfig {
    let bounds = Bounds::new(Position::new(0.0, -5.0, 0.0), Position::new(80.0, 50.0, 80.0));
    SpaceConfig { look_period, view_size_max, ..SpaceConfig::new(bounds, RADII, &Limits::default()) }
}

/// A space with its mirrors, driven by acts.
struct Stage {
    space: Space,
    here: Vec<Index>,
    ids: u64,
    seq: u32,
    out: ViewOutput,
    mirrors: Mirrors,
}

impl Stage {
    fn new(config: SpaceConfig) -> Self {
        let mirrors = Mirrors::new(config.look_period, COSTS);
        let space = Space::new(config).unwrap();
        Self { space, here: Vec::new(), ids: 0, seq: 0, out: ViewOutput::default(), mirrors }
    }

    fn pick(&self, number: usize) -> Option<Index> {
        (!self.here.is_empty()).then(|| self.here[number % self.here.len()])
    }

    fn insert(&mut self, x: f32, z: f32, base: Option<u8>) -> Index {
        self.ids += 1;
        let spawn = Spawn { id: EntityId(self.ids), position: Position::new(x, 0.0, z), yaw: 0.0, ghost: false };
        let index = self.space.insert(&spawn).unwrap();
        self.here.push(index);
        if let Some(base) = base {
            self.watch(index, base);
        }
        index
    }

    fn watch(&mut self, index: Index, base: u8) {
        if let Ok(no) = self.space.add_witness(index, base, None) {
            self.mirrors.begin(no, index, base);
        }
    }

    fn walk(&mut self, seed: u64) {
        for (at, &index) in self.here.iter().enumerate() {
            let chance =
                (seed ^ (at as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)).wrapping_mul(0xd129_0d3b_7e5f_1c35);
            if chance >> 62 == 0 {
                continue;
            }
            let angle = (chance >> 32 & 0xffff) as f32 / 65_536.0 * std::f32::consts::TAU;
            let from = self.space.entities().position(index).unwrap();
            let to = Position::new(
                (from.x + angle.cos() * 0.6).clamp(0.0, 80.0),
                from.y,
                (from.z + angle.sin() * 0.6).clamp(0.0, 80.0),
            );
            let by = if chance >> 60 & 1 == 0 { MovedBy::Client } else { MovedBy::Server };
            self.space.set_position(index, to, angle, by).unwrap();
        }
    }

    fn change(&mut self, index: Index, own: bool) {
        self.seq += 1;
        let audience = if own { Audience::Own } else { Audience::Others };
        self.space.note_state(index, audience, self.seq, 10 + self.seq % 30).unwrap();
        self.mirrors.note_state(self.space.entities().id(index), audience, self.seq, 10 + self.seq % 30);
    }

    fn act(&mut self, act: &Act) {
        match *act {
            Act::Insert(x, z, watch) => {
                let base = (x as u8) % 5;
                self.insert(x, z, watch.then_some(base));
            }
            Act::Remove(who) => {
                let Some(index) = self.pick(who) else { return };
                self.here.retain(|other| *other != index);
                if let Some(no) = self.space.witness_of(index) {
                    self.mirrors.end(no);
                }
                self.space.remove(index).unwrap();
            }
            Act::Walk(seed) => self.walk(seed),
            Act::Teleport(who, x, z) => {
                let Some(index) = self.pick(who) else { return };
                self.space.set_position(index, Position::new(x, 1.0, z), 0.5, MovedBy::Server).unwrap();
            }
            Act::Change(who, own) => {
                let Some(index) = self.pick(who) else { return };
                self.change(index, own);
            }
            Act::Watch(who, base) => {
                let Some(index) = self.pick(who) else { return };
                self.watch(index, base);
            }
            Act::Unwatch(who) => {
                let Some(no) = self.pick(who).and_then(|index| self.space.witness_of(index)) else { return };
                self.space.remove_witness(no).unwrap();
                self.mirrors.end(no);
            }
            Act::Reset(who) => {
                let Some(index) = self.pick(who) else { return };
                let Some(no) = self.space.witness_of(index) else { return };
                self.space.reset_witness(no).unwrap();
                self.mirrors.reset(no);
            }
            Act::Allow(who, bytes, blocked) => {
                let Some(no) = self.pick(who).and_then(|index| self.space.witness_of(index)) else { return };
                self.allow(no, Allowance { bytes, blocked });
            }
            Act::Step => self.step(),
        }
    }

    fn allow(&mut self, no: kuafu_space::WitnessNo, allowance: Allowance) {
        self.space.set_allowance(no, allowance).unwrap();
        self.mirrors.allow(no, allowance);
    }

    fn allow_all(&mut self, allowance: Allowance) {
        for no in self.mirrors.numbers() {
            self.allow(no, allowance);
        }
    }

    fn step(&mut self) {
        self.space.step(&mut COSTS.clone(), &mut self.out);
        self.mirrors.apply(&self.space, &self.out);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// Without limits each view is what distances say, at most the named number of ticks late, and up to date.
    #[test]
    fn views_are_what_distances_say(period in 1u8..=3, acts in prop::collection::vec(act(false), 1..160)) {
        let mut stage = Stage::new(config(period, 250));
        for act in &acts {
            stage.act(act);
            if matches!(act, Act::Step) {
                stage.mirrors.check_views(&stage.space, &stage.here);
                stage.mirrors.check_up_to_date(&stage.space);
            }
        }
    }

    /// Under budgets and blocked links nothing that a mirror has is wrong, no witness gets more than its budgets but for
    /// one item, and once all stands still a small budget brings everyone up to date.
    #[test]
    fn a_budget_delays_but_loses_nothing(period in 1u8..=3, acts in prop::collection::vec(act(true), 1..160)) {
        let mut stage = Stage::new(config(period, 250));
        for act in &acts {
            stage.act(act);
            stage.mirrors.check_budgets();
        }
        stage.allow_all(Allowance { bytes: 50, blocked: false });
        for _ in 0..400 {
            stage.step();
        }
        stage.mirrors.check_budgets();
        stage.mirrors.check_views(&stage.space, &stage.here);
        stage.mirrors.check_up_to_date(&stage.space);
    }

    /// A view that is too small holds the nearest, up to the hysteresis.
    #[test]
    fn a_full_view_holds_the_nearest(size in 0u32..6, acts in prop::collection::vec(act(false), 1..120)) {
        let mut stage = Stage::new(config(1, size));
        for act in &acts {
            stage.act(act);
            if matches!(act, Act::Step) {
                stage.mirrors.check_nearest(&stage.space, &stage.here, size as usize, displace2(RADII));
                stage.mirrors.check_up_to_date(&stage.space);
            }
        }
    }

    /// The same calls give the same output.
    #[test]
    fn the_same_acts_give_the_same_output(acts in prop::collection::vec(act(true), 1..80)) {
        let run = || {
            let mut stage = Stage::new(config(3, 7));
            let mut trace = String::new();
            for act in &acts {
                stage.act(act);
                trace.push_str(&format!("{:?}", stage.out));
            }
            trace
        };
        prop_assert_eq!(run(), run());
    }
}

#[test]
fn a_removed_entity_leaves_at_the_next_step_and_only_then_is_its_index_reused() {
    let mut stage = Stage::new(config(3, 250));
    stage.insert(10.0, 10.0, Some(0));
    let other = stage.insert(12.0, 10.0, None);
    stage.step();
    stage.space.remove(other).unwrap();
    stage.here.pop();
    let third = stage.insert(11.0, 11.0, None);
    assert_ne!(third, other);
    stage.step();
    let tick = stage.out.witnesses[0];
    assert_eq!(stage.out.leaves(&tick), [1]);
    assert_eq!(stage.out.enters(&tick)[0].entity, third);
    let fourth = stage.insert(13.0, 11.0, None);
    assert_eq!(fourth, other);
}

#[test]
fn a_blocked_witness_is_told_of_a_removal_later_even_when_the_index_lives_on() {
    let mut stage = Stage::new(config(3, 250));
    let own = stage.insert(10.0, 10.0, Some(0));
    let other = stage.insert(12.0, 10.0, None);
    stage.step();
    let no = stage.space.witness_of(own).unwrap();
    stage.allow(no, Allowance { bytes: u32::MAX, blocked: true });
    stage.space.remove(other).unwrap();
    stage.here.pop();
    stage.step();
    assert!(stage.out.witnesses.is_empty());
    assert_eq!(stage.insert(60.0, 60.0, None), other);
    stage.step();
    stage.allow(no, Allowance::UNLIMITED);
    stage.step();
    assert_eq!(stage.out.leaves(&stage.out.witnesses[0]), [1]);
    assert_eq!(stage.space.view_size(no), Some(0));
}

#[test]
fn a_quiet_space_says_nothing() {
    let mut stage = Stage::new(config(3, 250));
    for at in 0..20 {
        stage.insert(at as f32, 5.0, Some(0));
    }
    stage.step();
    for _ in 0..5 {
        stage.step();
        assert!(stage.out.witnesses.is_empty() && stage.out.records.is_empty());
    }
}

#[test]
fn standing_still_is_not_moving() {
    let mut stage = Stage::new(config(3, 250));
    let own = stage.insert(10.0, 10.0, Some(0));
    stage.insert(12.0, 10.0, None);
    stage.step();
    stage.space.set_position(own, Position::new(10.0, 0.0, 10.0), 0.0, MovedBy::Server).unwrap();
    stage.step();
    assert!(stage.out.witnesses.is_empty());
}

#[test]
fn the_own_client_hears_of_moves_by_the_server_only() {
    let mut stage = Stage::new(config(1, 250));
    let own = stage.insert(10.0, 10.0, Some(3));
    stage.step();
    stage.space.set_position(own, Position::new(10.5, 0.0, 10.0), 0.0, MovedBy::Client).unwrap();
    stage.step();
    assert!(stage.out.witnesses.is_empty() && stage.out.records.is_empty());
    stage.space.set_position(own, Position::new(11.0, 0.0, 10.0), 0.0, MovedBy::Server).unwrap();
    stage.step();
    assert_eq!(stage.out.moved_bits(&stage.out.witnesses[0]), [1]);
    assert_eq!(stage.out.records[0].bases, 1 << 3);
}

#[test]
fn impossible_wishes_are_refused() {
    let mut stage = Stage::new(config(1, 250));
    let own = stage.insert(10.0, 10.0, Some(0));
    let space = &mut stage.space;
    assert!(space.add_witness(own, 0, None).is_err());
    assert!(space.add_witness(Index(0), 0, None).is_err());
    assert!(space.add_witness(Index(1), 0, None).is_err());
    assert!(space.add_witness(Index(999), 0, None).is_err());
    assert!(space.set_position(own, Position::new(f32::NAN, 0.0, 0.0), 0.0, MovedBy::Server).is_err());
    assert!(space.set_position(own, Position::new(81.0, 0.0, 0.0), 0.0, MovedBy::Server).is_err());
    assert!(space.set_position(own, Position::new(1.0, 0.0, 0.0), f32::INFINITY, MovedBy::Server).is_err());
    let ghost = Spawn { id: EntityId(7), position: Position::default(), yaw: 0.0, ghost: true };
    let ghost = space.insert(&ghost).unwrap();
    assert!(space.add_witness(ghost, 0, None).is_err());
    let plain =
        space.insert(&Spawn { id: EntityId(8), position: Position::default(), yaw: 0.0, ghost: false }).unwrap();
    assert!(space.add_witness(plain, 64, None).is_err());
    assert!(space.add_witness(plain, 0, Some(Radii { enter: 30.0, leave: 25.0 })).is_err());
    assert!(space.add_witness(plain, 0, Some(Radii { enter: f32::NAN, leave: 25.0 })).is_err());
}

#[test]
fn held_back_enters_come_as_fast_as_the_budget_allows_nearest_first() {
    // An enter costs 60: with 60 a tick one comes in every tick, with 30 a tick one in every other tick.
    for (bytes, ticks) in [(60, 8), (30, 16)] {
        let mut stage = Stage::new(config(3, 250));
        let own = stage.insert(10.0, 10.0, Some(0));
        let others: Vec<Index> = (1..=8).map(|at| stage.insert(10.0 + at as f32, 10.0, None)).collect();
        let no = stage.space.witness_of(own).unwrap();
        stage.allow(no, Allowance { bytes, blocked: false });
        let mut seen = 0;
        for tick in 1..=ticks {
            stage.step();
            seen = stage.space.view_size(no).unwrap();
            assert_eq!(seen, (tick * bytes).div_ceil(60), "tick {tick}");
            assert!(others[..seen as usize].iter().all(|index| stage.space.sees(no, *index)));
        }
        assert_eq!(seen, 8);
    }
}

#[test]
fn who_jumped_away_during_a_blockage_leaves_as_soon_as_it_ends() {
    for delay in 0..3 {
        let mut stage = Stage::new(config(3, 250));
        let own = stage.insert(10.0, 10.0, Some(0));
        let other = stage.insert(12.0, 10.0, None);
        (0..=delay).for_each(|_| stage.step());
        let no = stage.space.witness_of(own).unwrap();
        stage.allow(no, Allowance { bytes: u32::MAX, blocked: true });
        stage.space.set_position(other, Position::new(70.0, 0.0, 70.0), 0.0, MovedBy::Server).unwrap();
        stage.step();
        assert_eq!(stage.space.view_size(no), Some(1));
        stage.allow(no, Allowance::UNLIMITED);
        stage.step();
        assert_eq!(stage.space.view_size(no), Some(0));
    }
}
