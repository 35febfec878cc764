//! The spatial index: all entities sorted by grid cell into contiguous arrays, sorted anew at each step.
//!
//! One counting sort a step costs less than keeping cells up to date, and leaves coordinates of neighbours side by
//! side: a search is a handful of straight runs over two float arrays. Entities that moved since the sort are found
//! too: the grid knows the farthest that any of them strayed, and searches are widened by it; what went farther than
//! [`Grid::stray_max`] (or came new) is on a short list of its own.

use crate::entities::{Entities, Index, mark};
use crate::lattice::{Bounds, Position};

/// The arrays are scanned in runs of so many lanes; a run may overshoot into the next cells or the padding.
pub(crate) const LANES: usize = 8;
/// More cells are not made, whatever the extent of the space: the cells grow instead.
const CELLS_MAX: f32 = 131_072.0;
/// When so many entities jumped, sorting anew is cheaper than to search a list.
pub(crate) const JUMPED_MAX: usize = 1024;

/// All entities, sorted by cell.
#[derive(Debug)]
pub(crate) struct Grid {
    origin: [f32; 2],
    /// Width and depth of a cell, in metres.
    cell: [f32; 2],
    per_metre: [f32; 2],
    columns: usize,
    rows: usize,
    /// Where each cell starts in the sorted arrays; one more than there are cells.
    starts: Vec<u32>,
    /// Coordinates at the time of the sort, padded with infinity by one run.
    pub(crate) xs: Vec<f32>,
    pub(crate) zs: Vec<f32>,
    /// Which entity stands at each sorted place; padded with nobody.
    pub(crate) who: Vec<u32>,
    /// The sorted place and the coordinates of each entity, by index; not finite for whoever is not in the space.
    pub(crate) spots: Vec<Spot>,
    len: usize,
    stray: f32,
    /// Who came or jumped since the sort.
    pub(crate) jumped: Vec<Index>,
    /// How far an entity may go, in metres, before it counts as having jumped.
    pub(crate) stray_max: f32,
}

/// Where one entity is: all that comparing it with another one needs, in one piece of a cache line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spot {
    pub(crate) x: f32,
    pub(crate) z: f32,
    pub(crate) place: u32,
    cell: u32,
}

impl Spot {
    /// At no finite place; `place` is that of the padding.
    fn nowhere(place: usize) -> Self {
        Self { x: f32::INFINITY, z: f32::INFINITY, place: place as u32, cell: 0 }
    }

    #[inline]
    pub(crate) fn distance2(self, other: Self) -> f32 {
        let (dx, dz) = (self.x - other.x, self.z - other.z);
        dx * dx + dz * dz
    }
}

/// The sorted places of one row of cells that a circle may touch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Grid {
    pub(crate) fn new(bounds: &Bounds, cell: [f32; 2], stray_max: f32) -> Self {
        let (width, depth) = (bounds.max.x - bounds.min.x, bounds.max.z - bounds.min.z);
        let mut cell = cell.map(|side| side.max(0.01));
        while ((width / cell[0]).ceil() + 1.0) * ((depth / cell[1]).ceil() + 1.0) > CELLS_MAX {
            cell = cell.map(|side| side * 1.25);
        }
        let (columns, rows) = ((width / cell[0]).ceil().max(1.0) as usize, (depth / cell[1]).ceil().max(1.0) as usize);
        Self {
            origin: [bounds.min.x, bounds.min.z],
            cell,
            per_metre: cell.map(|side| 1.0 / side),
            columns,
            rows,
            starts: vec![0; columns * rows + 1],
            xs: vec![f32::INFINITY; LANES],
            zs: vec![f32::INFINITY; LANES],
            who: vec![0; LANES],
            spots: Vec::new(),
            len: 0,
            stray: 0.0,
            jumped: Vec::new(),
            stray_max,
        }
    }

    /// How many entities are sorted in.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Sorts all entities that are in the space; within a cell they stand by index.
    pub(crate) fn rebuild(&mut self, entities: &Entities) {
        self.starts.fill(0);
        self.len = entities.len();
        self.spots.clear();
        self.spots.resize(entities.capacity(), Spot::nowhere(self.len));
        for index in entities.iter() {
            let (x, z) = (entities.x[index.at()], entities.z[index.at()]);
            let cell = self.cell_at(x, z);
            self.starts[cell + 1] += 1;
            self.spots[index.at()] = Spot { x, z, place: 0, cell: cell as u32 };
        }
        let mut sum = 0;
        for start in &mut self.starts {
            sum += *start;
            *start = sum;
        }
        for array in [&mut self.xs, &mut self.zs] {
            array.resize(self.len + LANES, f32::INFINITY);
            array[self.len..].fill(f32::INFINITY);
        }
        self.who.resize(self.len + LANES, 0);
        self.who[self.len..].fill(0);
        // Each start serves as its cell's cursor and ends up as the next cell's start: shifted by one, it is restored.
        for (index, spot) in self.spots.iter_mut().enumerate().filter(|(_, spot)| spot.x.is_finite()) {
            let place = self.starts[spot.cell as usize];
            self.starts[spot.cell as usize] = place + 1;
            self.xs[place as usize] = spot.x;
            self.zs[place as usize] = spot.z;
            self.who[place as usize] = index as u32;
            spot.place = place;
        }
        self.starts.rotate_right(1);
        self.starts[0] = 0;
        self.stray = 0.0;
        self.jumped.clear();
    }

    /// Takes note that an entity is about to be at `to`. Returns whether it has (now or before) jumped since the sort.
    pub(crate) fn note_move(&mut self, entities: &Entities, index: Index, to: Position) -> bool {
        if entities.marks[index.at()] & mark::JUMPED != 0 {
            return true;
        }
        let spot = self.spots[index.at()];
        let (dx, dz) = (to.x - spot.x, to.z - spot.z);
        // The larger sum of both axes is a bound of the distance that needs no root.
        let strayed = dx.abs() + dz.abs();
        if strayed > self.stray_max {
            self.jumped.push(index);
            return true;
        }
        self.stray = self.stray.max(strayed);
        false
    }

    /// Takes note of a new entity.
    pub(crate) fn note_new(&mut self, index: Index, capacity: usize) {
        self.spots.resize(capacity.max(self.spots.len()), Spot::nowhere(self.len));
        self.jumped.push(index);
    }

    /// How much a search must be widened to find all that were sorted in, wherever they strayed.
    pub(crate) fn stray(&self) -> f32 {
        self.stray
    }

    /// Calls `visit` with each run of sorted places that the circle may touch, in the order of the arrays.
    #[inline]
    pub(crate) fn runs(&self, x: f32, z: f32, radius: f32, mut visit: impl FnMut(Run)) {
        // Cells are found by multiplication, edges by its inverse: the margin covers the difference in rounding.
        let margin = self.cell[1] * 1e-3;
        let reach = radius + margin;
        let (first, last) = (self.row(z - reach), self.row(z + reach));
        for row in first..=last {
            let low = if row == 0 { f32::NEG_INFINITY } else { self.origin[1] + row as f32 * self.cell[1] };
            let high =
                if row + 1 == self.rows { f32::INFINITY } else { self.origin[1] + (row + 1) as f32 * self.cell[1] };
            let away = (low - z).max(z - high).max(margin) - margin;
            let half = (reach * reach - away * away).max(0.0).sqrt() + margin;
            let base = row * self.columns;
            let start = self.starts[base + self.column(x - half)] as usize;
            let end = self.starts[base + self.column(x + half) + 1] as usize;
            if start < end {
                visit(Run { start, end });
            }
        }
    }

    fn cell_at(&self, x: f32, z: f32) -> usize {
        self.row(z) * self.columns + self.column(x)
    }

    // A float-to-integer cast saturates: what lies outside the bounds is in the outermost cells.
    #[inline]
    fn column(&self, x: f32) -> usize {
        (((x - self.origin[0]) * self.per_metre[0]) as i32).clamp(0, self.columns as i32 - 1) as usize
    }

    #[inline]
    fn row(&self, z: f32) -> usize {
        (((z - self.origin[1]) * self.per_metre[1]) as i32).clamp(0, self.rows as i32 - 1) as usize
    }
}
