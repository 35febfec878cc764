//! The view step of a space, beside its baseline in the same run, tick by tick in turn.
//!
//! Every entity walks 0.6 m a tick and is a witness. Ours is moving, the view step with its hysteresis, and what a base
//! does with the output: keep its slot tables and copy one record per pair.

use std::fmt;

use kuafu_core::{EntityId, Limits};
use kuafu_space::{
    Bounds, FlatCosts, Index, MovedBy, Position, Radii, Record, Space, SpaceConfig, Spawn, ViewOutput, for_each_bit,
};
use serde::Serialize;

use super::crowd::{Baseline, Crowd, LEAVE_RADIUS, RADIUS};
use super::measure::measure_ms;
use super::{BenchArgs, Sheet, Spread};

/// How many bases share the witnesses.
const BASES: u8 = 2;
const WARM_UP_TICKS: usize = 9;

/// Entities and the neighbours of each.
const SIZES: &[(usize, usize)] = &[(1_000, 10), (1_000, 50), (10_000, 10), (10_000, 50), (50_000, 10), (50_000, 50)];

/// Measures every size.
pub(super) fn bench(args: &BenchArgs, sheet: &mut Sheet) -> anyhow::Result<()> {
    sheet.line(Row::HEAD);
    for (entities, neighbours) in SIZES.iter().filter(|(e, n)| args.wants(&format!("{e}x{n}"))) {
        sheet.row(&run(*entities, *neighbours, args.ticks_of(*entities)))?;
    }
    Ok(())
}

/// One line of the table. Times are milliseconds a tick.
#[derive(Clone, Copy, Debug, Serialize)]
struct Row {
    /// How many entities, all of them witnesses.
    entities: usize,
    /// How many each has within the enter radius on average.
    neighbours: f64,
    /// The medians of view and gathering together.
    ms_per_tick: f64,
    /// The median of the baseline.
    baseline_ms_per_tick: f64,
    /// The first over the second.
    ratio: f64,
    /// How many each has in view, hysteresis included.
    in_view: f64,
    /// Enters and leaves per tick.
    changes: f64,
    /// Moving everyone and the view step.
    view_ms: Spread,
    /// Slot tables and records at the base.
    gather_ms: Spread,
    /// The baseline, everything together.
    baseline_ms: Spread,
}

impl Row {
    const HEAD: &'static str = "entities neighbours in_view changes |   view ms (p10-p90)        | gather ms                  | \
                                baseline ms                | view/base total/base";
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { entities, neighbours, in_view, changes, view_ms, gather_ms, baseline_ms, .. } = self;
        write!(
            f,
            "{entities:8} {neighbours:10.1} {in_view:7.1} {changes:7.0} | {view_ms:26} | {gather_ms:26} | \
             {baseline_ms:26} | {:9.3} {:10.3}",
            view_ms.median / baseline_ms.median,
            self.ratio,
        )
    }
}

/// Measures `ticks` ticks with `entities` witnesses of about `neighbours` neighbours each.
fn run(entities: usize, neighbours: usize, ticks: usize) -> Row {
    let mut crowd = Crowd::new(entities, neighbours);
    let mut ours = Ours::new(&crowd, entities);
    let mut baseline = Baseline::new(&crowd, entities);
    let mut times = [Vec::new(), Vec::new(), Vec::new()];
    let (mut pairs, mut changes) = (0, 0);
    for tick in 0..ticks + WARM_UP_TICKS {
        crowd.walk();
        let view = measure_ms(|| ours.step(&crowd));
        let gather = measure_ms(|| ours.gather());
        let plain = measure_ms(|| baseline.tick(&crowd));
        if tick < WARM_UP_TICKS {
            continue;
        }
        for (times, time) in times.iter_mut().zip([view, gather, plain]) {
            times.push(time);
        }
        pairs += baseline.pairs();
        changes += ours.changes;
    }
    let [view_ms, gather_ms, baseline_ms] = times.map(Spread::of);
    let per_tick = |count: usize| count as f64 / ticks as f64;
    let ms_per_tick = view_ms.median + gather_ms.median;
    Row {
        entities,
        neighbours: per_tick(pairs) / entities as f64,
        ms_per_tick,
        baseline_ms_per_tick: baseline_ms.median,
        ratio: ms_per_tick / baseline_ms.median,
        in_view: ours.in_view(),
        changes: per_tick(changes),
        view_ms,
        gather_ms,
        baseline_ms,
    }
}

/// The space under test, with what a base keeps.
pub(super) struct Ours {
    space: Space,
    out: ViewOutput,
    /// The slot tables of the base, by witness.
    tables: Vec<Vec<u32>>,
    /// The record of each entity in this frame, by index.
    records: Vec<Record>,
    client: Vec<u8>,
    changes: usize,
}

impl Ours {
    /// The first `witnesses` of the crowd see.
    pub(super) fn new(crowd: &Crowd, witnesses: usize) -> Self {
        let bounds = Bounds::new(Position::new(0.0, -10.0, 0.0), Position::new(crowd.side, 100.0, crowd.side));
        let radii = Radii { enter: RADIUS, leave: LEAVE_RADIUS };
        let mut space = Space::new(SpaceConfig::new(bounds, radii, &Limits::default())).expect("a valid space");
        for (at, [x, z]) in crowd.at.iter().enumerate() {
            let position = Position::new(*x, 0.0, *z);
            let spawn = Spawn { id: EntityId(at as u64 + 1), position, yaw: 0.0, ghost: false };
            let index = space.insert(&spawn).expect("room for all");
            if at < witnesses {
                space.add_witness(index, (at % usize::from(BASES)) as u8, None).expect("not a witness yet");
            }
        }
        let tables = vec![Vec::new(); witnesses];
        let records = vec![Record::default(); space.entities().capacity()];
        Self { space, out: ViewOutput::default(), tables, records, client: Vec::new(), changes: 0 }
    }

    /// Moves everyone and finds who sees whom.
    pub(super) fn step(&mut self, crowd: &Crowd) {
        let first = self.space.entities().capacity() - crowd.at.len();
        for (at, [x, z]) in crowd.at.iter().enumerate() {
            let index = Index((at + first) as u32);
            let to = Position::new(*x, 0.0, *z);
            self.space.set_position(index, to, 0.0, MovedBy::Client).expect("within the space");
        }
        self.space.step(&mut FlatCosts { enter: 64, catch_up: 64 }, &mut self.out);
    }

    fn gather(&mut self) {
        self.client.clear();
        self.changes = 0;
        for record in &self.out.records {
            self.records[record.entity.0 as usize] = record.record;
        }
        for tick in &self.out.witnesses {
            let table = &mut self.tables[tick.witness.0 as usize];
            for slot in self.out.leaves(tick) {
                table[usize::from(*slot)] = 0;
            }
            for enter in self.out.enters(tick) {
                let slot = usize::from(enter.slot);
                if slot >= table.len() {
                    table.resize(slot + 1, 0);
                }
                table[slot] = enter.entity.0;
            }
            self.changes += self.out.leaves(tick).len() + self.out.enters(tick).len();
            for_each_bit(self.out.moved_bits(tick), |slot| {
                self.client.extend_from_slice(&self.records[table[slot] as usize].0);
            });
        }
        std::hint::black_box(&self.client);
    }

    fn in_view(&self) -> f64 {
        let used = self.tables.iter().flatten().filter(|who| **who != 0).count();
        used as f64 / self.tables.len() as f64 - 1.0
    }
}
