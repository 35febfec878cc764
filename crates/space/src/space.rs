//! One space of one cell: entities, the grid over them, views, triggers and controllers behind one interface.
//!
//! Between two steps the caller changes things: inserts, removes, moves, notes new state. A step makes that visible:
//! it sorts the grid, runs triggers and views, and forgets what happened. Every call that names something which is
//! not there is an error value; nothing panics on what clients or scripts ask for.

use std::time::Duration;

use kuafu_core::Limits;

use crate::control::{Controllers, MoveTo};
use crate::entities::{Audience, Entities, Index, MovedBy, Spawn, mark};
use crate::error::SpaceError;
use crate::grid::{Grid, JUMPED_MAX};
use crate::lattice::{Bounds, Lattice, Position};
use crate::query;
use crate::trigger::{TriggerNo, Triggers};
use crate::view::{Allowance, BASE_NO_MAX, Costs, LATE_TICKS_MAX, Radii, View, ViewOutput, WitnessNo};

/// Cells of the grid per enter radius, as columns and rows. Measured: each row of cells is a run of its own that costs
/// some work to find, while more columns only make runs shorter.
const CELLS_PER_RADIUS: [f32; 2] = [4.0, 1.0];

/// What is fixed for the life of a space.
#[derive(Clone, Debug, PartialEq)]
pub struct SpaceConfig {
    /// Its extent.
    pub bounds: Bounds,
    /// The radii of a witness unless it has its own; also the greatest that it may have.
    pub radii: Radii,
    /// How many entities one view holds at most, the witness itself not counted; below 65,535.
    pub view_size_max: u32,
    /// How many entities the space holds at most.
    pub entities_max: u32,
    /// How many triggers one entity has at most.
    pub triggers_per_entity_max: u32,
    /// Every how many ticks a witness looks around in full: 1 is every tick, 3 the most (two ticks late).
    pub look_period: u8,
}

impl SpaceConfig {
    /// A space with the limits of the system.
    #[must_use]
    pub fn new(bounds: Bounds, radii: Radii, limits: &Limits) -> Self {
        Self {
            bounds,
            radii,
            view_size_max: limits.view_size_max,
            entities_max: limits.entities_per_cell_max,
            triggers_per_entity_max: limits.triggers_per_entity_max,
            look_period: LATE_TICKS_MAX + 1,
        }
    }

    fn check(&self) -> Result<(), SpaceError> {
        if !self.bounds.is_valid() {
            return Err(SpaceError::Config("bounds must be finite and have an extent"));
        }
        if self.view_size_max >= u32::from(u16::MAX) {
            return Err(SpaceError::Config("view_size_max must be below 65535"));
        }
        if self.entities_max > u32::MAX / 2 {
            return Err(SpaceError::Config("entities_max must be below 2^31"));
        }
        if !(1..=LATE_TICKS_MAX + 1).contains(&self.look_period) {
            return Err(SpaceError::Config("look_period must be 1, 2 or 3"));
        }
        check_radii(self.radii, Radii { enter: f32::MAX, leave: f32::MAX })
    }
}

/// One space.
#[derive(Debug)]
pub struct Space {
    config: SpaceConfig,
    lattice: Lattice,
    entities: Entities,
    grid: Grid,
    view: View,
    triggers: Triggers,
    controllers: Controllers,
}

impl Space {
    /// An empty space.
    ///
    /// # Errors
    /// [`SpaceError::Config`] or [`SpaceError::Radius`] when the configuration makes no sense.
    pub fn new(config: SpaceConfig) -> Result<Self, SpaceError> {
        config.check()?;
        let lattice = Lattice::of(&config.bounds);
        // Who goes farther between two steps than the ring between the radii is wide could cross it unseen.
        let stray_max = config.radii.leave - config.radii.enter;
        Ok(Self {
            lattice,
            entities: Entities::new(lattice, config.entities_max),
            grid: Grid::new(&config.bounds, CELLS_PER_RADIUS.map(|cells| config.radii.enter / cells), stray_max),
            view: View::new(config.look_period),
            triggers: Triggers::new(config.triggers_per_entity_max),
            controllers: Controllers::default(),
            config,
        })
    }

    /// What the space was made with.
    #[must_use]
    pub fn config(&self) -> &SpaceConfig {
        &self.config
    }

    /// The lattice of movement records.
    #[must_use]
    pub fn lattice(&self) -> &Lattice {
        &self.lattice
    }

    /// Who is there, and where.
    #[must_use]
    pub fn entities(&self) -> &Entities {
        &self.entities
    }

    /// Puts an entity into the space. Witnesses see it at the next step.
    ///
    /// # Errors
    /// When the space is full, or the position is outside or not finite.
    pub fn insert(&mut self, spawn: &Spawn) -> Result<Index, SpaceError> {
        self.check_place(spawn.position, spawn.yaw)?;
        let index = self.entities.insert(spawn)?;
        self.grid.note_new(index, self.entities.capacity());
        self.entities.add_marks(index, mark::JUMPED);
        self.sort_if_many_jumped();
        Ok(index)
    }

    /// Takes an entity out, with its controller, its triggers and its witness. Those who see it are told at the next
    /// step, at whose end the index becomes free.
    ///
    /// # Errors
    /// When there is no such entity.
    pub fn remove(&mut self, index: Index) -> Result<(), SpaceError> {
        self.entities.remove(index)?;
        self.controllers.stop(index);
        self.triggers.remove_owner(index);
        if let Some(no) = self.view.of_entity(index) {
            self.view.remove(no);
        }
        Ok(())
    }

    /// Moves an entity, by a step or across the space, and turns it to `yaw` radians.
    ///
    /// # Errors
    /// When there is no such entity, or the position is outside or not finite; it stays where it was then.
    pub fn set_position(&mut self, index: Index, to: Position, yaw: f32, by: MovedBy) -> Result<(), SpaceError> {
        self.entities.check(index)?;
        self.check_place(to, yaw)?;
        if self.grid.note_move(&self.entities, index, to) {
            self.entities.add_marks(index, mark::JUMPED | mark::LEAPT);
        }
        self.entities.set_position(index, to, yaw, by);
        self.sort_if_many_jumped();
        Ok(())
    }

    /// Takes note that the entity's state history for `audience` has a new newest delta: number `seq`, `bytes` long.
    /// Several in one tick add up.
    ///
    /// # Errors
    /// When there is no such entity.
    pub fn note_state(&mut self, index: Index, audience: Audience, seq: u32, bytes: u32) -> Result<(), SpaceError> {
        self.entities.check(index)?;
        self.entities.note_state(index, audience, seq, bytes);
        Ok(())
    }

    /// Lets a client of base number `base` see through the entity, with an empty view: its first step brings slot 0.
    /// `radii` of `None` are the space's.
    ///
    /// # Errors
    /// When there is no such entity, it is a ghost or already a witness, or the base number or radii are impossible.
    pub fn add_witness(&mut self, index: Index, base: u8, radii: Option<Radii>) -> Result<WitnessNo, SpaceError> {
        self.entities.check(index)?;
        if self.entities.is_ghost(index) {
            return Err(SpaceError::Ghost(index));
        }
        if self.view.of_entity(index).is_some() {
            return Err(SpaceError::AlreadyWitness(index));
        }
        if base > BASE_NO_MAX {
            return Err(SpaceError::BaseNumber(base));
        }
        let radii = radii.unwrap_or(self.config.radii);
        check_radii(radii, self.config.radii)?;
        Ok(self.view.add(index, base, radii, self.config.view_size_max, self.entities.capacity()))
    }

    /// Ends a witness; its entity stays. The base forgets its slot table by itself: no leaves are told.
    ///
    /// # Errors
    /// When there is no such witness.
    pub fn remove_witness(&mut self, no: WitnessNo) -> Result<(), SpaceError> {
        self.check_witness(no)?;
        self.view.remove(no);
        Ok(())
    }

    /// Starts a view anew: the slot table is empty, no leaves are told, all enter again. For a base that lost a frame.
    ///
    /// # Errors
    /// When there is no such witness.
    pub fn reset_witness(&mut self, no: WitnessNo) -> Result<(), SpaceError> {
        self.check_witness(no)?;
        self.view.reset(no);
        Ok(())
    }

    /// Sets how far a witness sees.
    ///
    /// # Errors
    /// When there is no such witness, or the radii are impossible.
    pub fn set_radii(&mut self, no: WitnessNo, radii: Radii) -> Result<(), SpaceError> {
        self.check_witness(no)?;
        check_radii(radii, self.config.radii)?;
        self.view.set_radii(no, radii);
        Ok(())
    }

    /// Sets what a witness may be sent from the next step on. It stays so until it is set again.
    ///
    /// # Errors
    /// When there is no such witness.
    pub fn set_allowance(&mut self, no: WitnessNo, allowance: Allowance) -> Result<(), SpaceError> {
        self.check_witness(no)?;
        self.view.set_allowance(no, allowance);
        Ok(())
    }

    /// The witness that sees through the entity.
    #[must_use]
    pub fn witness_of(&self, index: Index) -> Option<WitnessNo> {
        self.view.of_entity(index)
    }

    /// How many witnesses there are.
    #[must_use]
    pub fn witness_count(&self) -> usize {
        self.view.len()
    }

    /// How many entities a witness has in view, itself not counted.
    #[must_use]
    pub fn view_size(&self, no: WitnessNo) -> Option<u32> {
        self.view.get(no).map(|witness| witness.table.count())
    }

    /// Whether a witness has an entity in view (its own always); for what a client may do only to whom it sees.
    #[must_use]
    pub fn sees(&self, no: WitnessNo, index: Index) -> bool {
        self.entities.is_here(index)
            && self.view.get(no).is_some_and(|witness| self.view.slots(witness).contains(&index.0))
    }

    /// One bit for each base that has the entity in a view.
    #[must_use]
    pub fn viewing_bases(&self, index: Index) -> u64 {
        self.view.viewing_bases(index)
    }

    /// Puts a circle around an entity that tells who comes in and goes out, from the next step on.
    ///
    /// # Errors
    /// When there is no such entity, the radius is not a positive number, or the owner has too many.
    pub fn add_trigger(&mut self, owner: Index, radius: f32) -> Result<TriggerNo, SpaceError> {
        self.entities.check(owner)?;
        self.triggers.add(owner, radius)
    }

    /// Ends a trigger; nobody is told to have left it.
    ///
    /// # Errors
    /// When there is no such trigger.
    pub fn remove_trigger(&mut self, no: TriggerNo) -> Result<(), SpaceError> {
        self.triggers.remove(no)
    }

    /// Who is within a trigger since the last step, by index.
    #[must_use]
    pub fn trigger_members(&self, no: TriggerNo) -> Option<&[Index]> {
        self.triggers.members(no)
    }

    /// Collects into `found` (cleared first) everyone within `radius` metres over ground of x, z, edge included, by
    /// index. Exact at any time, also between steps.
    pub fn within(&self, x: f32, z: f32, radius: f32, found: &mut Vec<Index>) {
        query::within(&self.entities, &self.grid, x, z, radius, found);
    }

    /// Has an entity walk to a place; a walk that it is on already is replaced.
    ///
    /// # Errors
    /// When there is no such entity, it is a ghost, the target is outside, or a number is not finite or negative.
    pub fn start_move(&mut self, index: Index, order: MoveTo) -> Result<(), SpaceError> {
        self.entities.check(index)?;
        if self.entities.is_ghost(index) {
            return Err(SpaceError::Ghost(index));
        }
        self.check_place(order.target, order.speed)?;
        if order.speed < 0.0 {
            return Err(SpaceError::NotFinite);
        }
        self.controllers.start(index, order);
        Ok(())
    }

    /// Ends an entity's walk; returns whether it was on one.
    pub fn stop_move(&mut self, index: Index) -> bool {
        self.controllers.stop(index)
    }

    /// The walk that an entity is on.
    #[must_use]
    pub fn moving(&self, index: Index) -> Option<MoveTo> {
        self.controllers.get(index)
    }

    /// Moves everyone with a controller by `time`, and appends to `arrived` whoever reached its target.
    pub fn advance(&mut self, time: Duration, arrived: &mut Vec<Index>) {
        let first = arrived.len();
        for at in 0..self.controllers.len() {
            let (index, order) = self.controllers.nth(at);
            let (Some(from), Some(yaw)) = (self.entities.position(index), self.entities.yaw(index)) else { continue };
            let stride = order.stride(from, time);
            let moved = self.set_position(index, stride.to, stride.yaw.unwrap_or(yaw), MovedBy::Server);
            debug_assert_eq!(moved, Ok(()), "a straight way between two places within the box stays within");
            if stride.arrived {
                arrived.push(index);
            }
        }
        for &index in &arrived[first..] {
            self.controllers.stop(index);
        }
    }

    /// Makes all changes since the last step visible: fills `out` with what triggers and witnesses are told, then
    /// frees the indices of those who were removed.
    pub fn step<C: Costs>(&mut self, costs: &mut C, out: &mut ViewOutput) {
        out.clear();
        let jumped = std::mem::take(&mut self.grid.jumped);
        self.sort(&jumped);
        self.triggers.step(&self.entities, &self.grid, &mut out.triggers);
        self.view.mark_due(&jumped, &self.entities, &self.grid);
        self.grid.jumped = jumped;
        self.grid.jumped.clear();
        self.view.step(&self.entities, &self.grid, costs, out);
        self.entities.end_step();
    }

    fn sort_if_many_jumped(&mut self) {
        if self.grid.jumped.len() > JUMPED_MAX {
            let jumped = std::mem::take(&mut self.grid.jumped);
            self.sort(&jumped);
            self.view.set_all_due();
        }
    }

    fn sort(&mut self, jumped: &[Index]) {
        self.grid.rebuild(&self.entities);
        for index in jumped {
            self.entities.marks[index.at()] &= !mark::JUMPED;
        }
    }

    fn check_place(&self, at: Position, number: f32) -> Result<(), SpaceError> {
        if !at.is_finite() || !number.is_finite() {
            return Err(SpaceError::NotFinite);
        }
        if self.config.bounds.contains(at) { Ok(()) } else { Err(SpaceError::OutOfBounds) }
    }

    fn check_witness(&self, no: WitnessNo) -> Result<(), SpaceError> {
        self.view.get(no).map(|_| ()).ok_or(SpaceError::NoWitness(no))
    }
}

fn check_radii(radii: Radii, greatest: Radii) -> Result<(), SpaceError> {
    let Radii { enter, leave } = radii;
    // Written so that NaN is refused as well.
    let possible = enter > 0.0 && enter < leave && enter <= greatest.enter && leave <= greatest.leave;
    if possible && leave.is_finite() { Ok(()) } else { Err(SpaceError::Radius { enter, leave }) }
}
