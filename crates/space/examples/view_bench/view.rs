//! The benchmark of the view step, beside its baseline in the same run, tick by tick in turn.
//!
//! Every entity walks 0.6 m a tick and is a witness. Ours is moving, the view step with its hysteresis, and what a base
//! does with the output: keep its slot tables and copy one record per pair. The baseline is a counting-sorted grid,
//! scanned row by row for each observer in full, compared with the last list by stamps, and eight bytes copied per pair.

use std::fmt;
use std::time::Instant;

use kuafu_core::{EntityId, Limits};
use kuafu_space::{
    Bounds, FlatCosts, Index, MovedBy, Position, Radii, Record, Space, SpaceConfig, Spawn, ViewOutput, for_each_bit,
};

const RADIUS: f32 = 50.0;
const LEAVE_RADIUS: f32 = 55.0;
const STEP: f32 = 0.6;
/// How many bases share the witnesses.
const BASES: u8 = 2;

/// A median with the tenth and ninetieth percentile, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct Spread {
    /// The tenth percentile.
    pub low: f64,
    /// The median.
    pub median: f64,
    /// The ninetieth percentile.
    pub high: f64,
}

/// One line of the table.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// How many entities, all of them witnesses.
    pub entities: usize,
    /// How many each has within the enter radius on average.
    pub neighbours: f64,
    /// How many each has in view, hysteresis included.
    pub in_view: f64,
    /// Enters and leaves per tick.
    pub changes: f64,
    /// Moving everyone and the view step.
    pub view: Spread,
    /// Slot tables and records at the base.
    pub gather: Spread,
    /// The baseline, everything together.
    pub baseline: Spread,
    /// View and gathering over baseline, of the medians.
    pub ratio: f64,
}

impl Row {
    /// The line above the rows.
    pub const HEAD: &'static str = "entities neighbours in_view changes |  view ms (p10-p90)       | gather ms (p10-p90)     | baseline ms (p10-p90)    | view/base total/base";
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let spread = |s: Spread| format!("{:8.3} ({:.3}-{:.3})", s.median, s.low, s.high);
        write!(
            f,
            "{:8} {:10.1} {:7.1} {:7.0} | {:24} | {:23} | {:24} | {:9.3} {:10.3}",
            self.entities,
            self.neighbours,
            self.in_view,
            self.changes,
            spread(self.view),
            spread(self.gather),
            spread(self.baseline),
            self.view.median / self.baseline.median,
            self.ratio,
        )
    }
}

/// Measures `ticks` ticks with `entities` witnesses of about `neighbours` neighbours each.
#[must_use]
pub fn run(entities: usize, neighbours: usize, ticks: usize) -> Row {
    let mut crowd = Crowd::new(entities, neighbours);
    let mut ours = Ours::new(&crowd);
    let mut baseline = Baseline::new(&crowd);
    let mut times = [Vec::new(), Vec::new(), Vec::new()];
    let (mut pairs, mut changes) = (0, 0);
    let warm_up = 9;
    for tick in 0..ticks + warm_up {
        crowd.walk();
        let view = measure(|| ours.step(&crowd));
        let gather = measure(|| ours.gather());
        let plain = measure(|| baseline.tick(&crowd));
        if tick < warm_up {
            continue;
        }
        for (times, time) in times.iter_mut().zip([view, gather, plain]) {
            times.push(time);
        }
        pairs += baseline.out.len() / 8;
        changes += ours.changes;
    }
    let [view, gather, plain] = times.map(spread);
    let per_tick = |count: usize| count as f64 / ticks as f64;
    Row {
        entities,
        neighbours: per_tick(pairs) / entities as f64,
        in_view: ours.in_view(),
        changes: per_tick(changes),
        view,
        gather,
        baseline: plain,
        ratio: (view.median + gather.median) / plain.median,
    }
}

fn measure(work: impl FnOnce()) -> f64 {
    #[expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64() * 1e3
}

fn spread(mut times: Vec<f64>) -> Spread {
    times.sort_unstable_by(f64::total_cmp);
    let at = |part: f64| times[((times.len() - 1) as f64 * part) as usize];
    Spread { low: at(0.1), median: at(0.5), high: at(0.9) }
}

/// People who walk straight on and turn back at the edge.
struct Crowd {
    side: f32,
    at: Vec<[f32; 2]>,
    heading: Vec<[f32; 2]>,
}

impl Crowd {
    fn new(entities: usize, neighbours: usize) -> Self {
        let side = (entities as f32 * std::f32::consts::PI * RADIUS * RADIUS / neighbours as f32).sqrt();
        let mut seed = 0x2545_f491_4f6c_dd1du64;
        let mut chance = || {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            (seed >> 40) as f32 / (1u64 << 24) as f32
        };
        let at = (0..entities).map(|_| [chance() * side, chance() * side]).collect();
        let heading = (0..entities).map(|_| (chance() * std::f32::consts::TAU).sin_cos());
        Self { side, at, heading: heading.map(|(sin, cos)| [sin * STEP, cos * STEP]).collect() }
    }

    fn walk(&mut self) {
        for (at, heading) in self.at.iter_mut().zip(&mut self.heading) {
            for axis in 0..2 {
                let to = at[axis] + heading[axis];
                if (0.0..=self.side).contains(&to) {
                    at[axis] = to;
                } else {
                    heading[axis] = -heading[axis];
                }
            }
        }
    }
}

/// The space under test, with what a base keeps.
struct Ours {
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
    fn new(crowd: &Crowd) -> Self {
        let bounds = Bounds::new(Position::new(0.0, -10.0, 0.0), Position::new(crowd.side, 100.0, crowd.side));
        let radii = Radii { enter: RADIUS, leave: LEAVE_RADIUS };
        let mut space = Space::new(SpaceConfig::new(bounds, radii, &Limits::default())).expect("a valid space");
        for (at, [x, z]) in crowd.at.iter().enumerate() {
            let position = Position::new(*x, 0.0, *z);
            let spawn = Spawn { id: EntityId(at as u64 + 1), position, yaw: 0.0, ghost: false };
            let index = space.insert(&spawn).expect("room for all");
            space.add_witness(index, (at % usize::from(BASES)) as u8, None).expect("not a witness yet");
        }
        let tables = vec![Vec::new(); crowd.at.len()];
        let records = vec![Record::default(); space.entities().capacity()];
        Self { space, out: ViewOutput::default(), tables, records, client: Vec::new(), changes: 0 }
    }

    fn step(&mut self, crowd: &Crowd) {
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

/// The plain way, done well.
struct Baseline {
    columns: usize,
    starts: Vec<u32>,
    xs: Vec<f32>,
    zs: Vec<f32>,
    who: Vec<u32>,
    cell_of: Vec<u32>,
    encoded: Vec<[u8; 8]>,
    seen: Vec<Vec<u32>>,
    now: Vec<u32>,
    stamps: Vec<u32>,
    stamp: u32,
    out: Vec<u8>,
    enters: usize,
    leaves: usize,
}

impl Baseline {
    fn new(crowd: &Crowd) -> Self {
        let (count, columns) = (crowd.at.len(), (crowd.side / RADIUS).ceil() as usize + 1);
        Self {
            columns,
            starts: vec![0; columns * columns + 1],
            xs: vec![0.0; count],
            zs: vec![0.0; count],
            who: vec![0; count],
            cell_of: vec![0; count],
            encoded: vec![[0; 8]; count],
            seen: vec![Vec::new(); count],
            now: Vec::new(),
            stamps: vec![0; count],
            stamp: 0,
            out: Vec::new(),
            enters: 0,
            leaves: 0,
        }
    }

    fn tick(&mut self, crowd: &Crowd) {
        self.sort(crowd);
        self.out.clear();
        (self.enters, self.leaves) = (0, 0);
        for at in 0..crowd.at.len() {
            self.observe(crowd, at);
        }
        std::hint::black_box((&self.out, self.enters, self.leaves));
    }

    fn sort(&mut self, crowd: &Crowd) {
        self.starts.fill(0);
        for (at, [x, z]) in crowd.at.iter().enumerate() {
            let cell = (z / RADIUS) as usize * self.columns + (x / RADIUS) as usize;
            self.cell_of[at] = cell as u32;
            self.starts[cell + 1] += 1;
            let (x, z) = ((x * 32.0) as u32, (z * 32.0) as u32);
            self.encoded[at][..4].copy_from_slice(&x.to_le_bytes());
            self.encoded[at][4..].copy_from_slice(&z.to_le_bytes());
        }
        for cell in 1..self.starts.len() {
            self.starts[cell] += self.starts[cell - 1];
        }
        for at in 0..crowd.at.len() {
            let place = &mut self.starts[self.cell_of[at] as usize];
            (self.xs[*place as usize], self.zs[*place as usize]) = (crowd.at[at][0], crowd.at[at][1]);
            self.who[*place as usize] = at as u32;
            *place += 1;
        }
        self.starts.rotate_right(1);
        self.starts[0] = 0;
    }

    fn observe(&mut self, crowd: &Crowd, at: usize) {
        let [x, z] = crowd.at[at];
        let (column, row) = ((x / RADIUS) as usize, (z / RADIUS) as usize);
        self.now.clear();
        for row in row.saturating_sub(1)..=(row + 1).min(self.columns - 1) {
            let first = self.starts[row * self.columns + column.saturating_sub(1)] as usize;
            let last = self.starts[row * self.columns + (column + 1).min(self.columns - 1) + 1] as usize;
            for ((other_x, other_z), who) in
                self.xs[first..last].iter().zip(&self.zs[first..last]).zip(&self.who[first..last])
            {
                let (dx, dz) = (other_x - x, other_z - z);
                if dx * dx + dz * dz <= RADIUS * RADIUS && *who != at as u32 {
                    self.now.push(*who);
                }
            }
        }
        self.stamp += 2;
        for who in &self.seen[at] {
            self.stamps[*who as usize] = self.stamp;
        }
        for who in &self.now {
            let stamp = &mut self.stamps[*who as usize];
            self.enters += usize::from(*stamp != self.stamp);
            *stamp = self.stamp + 1;
            self.out.extend_from_slice(&self.encoded[*who as usize]);
        }
        for who in &self.seen[at] {
            self.leaves += usize::from(self.stamps[*who as usize] == self.stamp);
        }
        std::mem::swap(&mut self.seen[at], &mut self.now);
    }
}
