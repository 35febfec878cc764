//! Range queries: who is within a circle on the ground, exactly and right now.
//!
//! They are right between steps as well, when entities have moved since the grid was sorted. Results come in a fixed
//! order (by index), so that what scripts do with them does not depend on the grid.

use crate::entities::{Entities, Index, mark};
use crate::grid::Grid;

/// Collects into `found` (cleared first) all entities within `radius` metres of x, z, edge included, by index.
pub(crate) fn within(entities: &Entities, grid: &Grid, x: f32, z: f32, radius: f32, found: &mut Vec<Index>) {
    found.clear();
    // Written so that NaN finds nothing as well.
    if !(x.is_finite() && z.is_finite() && radius >= 0.0) {
        return;
    }
    let squared = radius * radius;
    let inside = |index: Index| {
        let (dx, dz) = (entities.x[index.at()] - x, entities.z[index.at()] - z);
        dx * dx + dz * dz <= squared && entities.is_here(index)
    };
    grid.runs(x, z, radius + grid.stray(), |run| {
        for &who in &grid.who[run.start..run.end] {
            let index = Index(who);
            if entities.marks[index.at()] & mark::JUMPED == 0 && inside(index) {
                found.push(index);
            }
        }
    });
    found.extend(grid.jumped.iter().copied().filter(|index| inside(*index)));
    found.sort_unstable();
}
