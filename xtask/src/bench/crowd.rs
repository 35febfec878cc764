//! A crowd that walks, and the plain way to tell each of them whom it sees: the baseline of `view` and `tick`.
//!
//! The baseline is a counting-sorted grid, scanned row by row for each observer in full, compared with the last list by
//! stamps, and eight bytes copied per pair.

/// How far one sees, in metres.
pub(super) const RADIUS: f32 = 50.0;
/// Beyond this, one is seen no more.
pub(super) const LEAVE_RADIUS: f32 = 55.0;
/// Metres a tick.
pub(super) const STEP: f32 = 0.6;

/// People who walk straight on and turn back at the edge.
pub(super) struct Crowd {
    /// The length of the square's sides, in metres.
    pub(super) side: f32,
    /// x and z of each.
    pub(super) at: Vec<[f32; 2]>,
    heading: Vec<[f32; 2]>,
    /// Those who turned back in the last tick.
    pub(super) turned: Vec<usize>,
}

impl Crowd {
    /// So many on a square of such a size that each has about so many neighbours.
    pub(super) fn new(entities: usize, neighbours: usize) -> Self {
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
        let heading = heading.map(|(sin, cos)| [sin * STEP, cos * STEP]).collect();
        Self { side, at, heading, turned: Vec::new() }
    }

    /// One tick.
    pub(super) fn walk(&mut self) {
        self.turned.clear();
        for (who, (at, heading)) in self.at.iter_mut().zip(&mut self.heading).enumerate() {
            for axis in 0..2 {
                let to = at[axis] + heading[axis];
                if (0.0..=self.side).contains(&to) {
                    at[axis] = to;
                } else {
                    heading[axis] = -heading[axis];
                    self.turned.push(who);
                }
            }
        }
    }

    /// Where someone meets the edge next.
    pub(super) fn goal(&self, who: usize) -> [f32; 2] {
        let (at, heading) = (self.at[who], self.heading[who]);
        let ticks = (0..2).filter(|axis| heading[*axis] != 0.0).map(|axis| {
            let edge = if heading[axis] > 0.0 { self.side } else { 0.0 };
            (edge - at[axis]) / heading[axis]
        });
        let ticks = ticks.fold(f32::MAX, f32::min);
        [0, 1].map(|axis| heading[axis].mul_add(ticks, at[axis]).clamp(0.0, self.side))
    }
}

/// The plain way, done well.
pub(super) struct Baseline {
    observers: usize,
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
    /// The first `observers` of the crowd are told whom they see.
    pub(super) fn new(crowd: &Crowd, observers: usize) -> Self {
        let (count, columns) = (crowd.at.len(), (crowd.side / RADIUS).ceil() as usize + 1);
        Self {
            observers,
            columns,
            starts: vec![0; columns * columns + 1],
            xs: vec![0.0; count],
            zs: vec![0.0; count],
            who: vec![0; count],
            cell_of: vec![0; count],
            encoded: vec![[0; 8]; count],
            seen: vec![Vec::new(); observers],
            now: Vec::new(),
            stamps: vec![0; count],
            stamp: 0,
            out: Vec::new(),
            enters: 0,
            leaves: 0,
        }
    }

    /// Tells each observer.
    pub(super) fn tick(&mut self, crowd: &Crowd) {
        self.sort(crowd);
        self.out.clear();
        (self.enters, self.leaves) = (0, 0);
        for at in 0..self.observers {
            self.observe(crowd, at);
        }
        std::hint::black_box((&self.out, self.enters, self.leaves));
    }

    /// Pairs of observer and observed in the last tick.
    pub(super) fn pairs(&self) -> usize {
        self.out.len() / 8
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
        self.compare(at);
    }

    fn compare(&mut self, at: usize) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_baseline_sees_as_many_as_asked_for_and_as_a_full_search_finds() {
        let mut crowd = Crowd::new(600, 20);
        let mut baseline = Baseline::new(&crowd, 600);
        for _ in 0..5 {
            crowd.walk();
            baseline.tick(&crowd);
        }
        let near = |a: &[f32; 2], b: &[f32; 2]| (a[0] - b[0]).powi(2) + (a[1] - b[1]).powi(2) <= RADIUS * RADIUS;
        let pairs = |a: &[f32; 2]| crowd.at.iter().filter(|b| near(a, b)).count() - 1;
        let expected: usize = crowd.at.iter().map(pairs).sum();
        assert_eq!(baseline.pairs(), expected);
        assert!((10..25).contains(&(expected / 600)), "about twenty, fewer at the edge: {}", expected / 600);
    }

    #[test]
    fn a_goal_lies_on_the_edge() {
        let crowd = Crowd::new(50, 10);
        for who in 0..50 {
            let goal = crowd.goal(who);
            assert!(goal.iter().any(|part| *part < 0.1 || *part > crowd.side - 0.1), "{goal:?}");
        }
    }
}
