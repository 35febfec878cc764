//! The entities of one space: their dense index, where they are, and what happened to them since the last step.
//!
//! Every attribute is an array of its own (structure of arrays), so that the view step touches only what it needs.
//! An index is reused, but never before the step after its removal has told every witness: it is freed at the END of
//! that step. Two indices are never given out: 0 fills empty slots, 1 stands for an entity that is already gone; both
//! let the hot loops run without a branch.

use kuafu_core::EntityId;

use crate::error::SpaceError;
use crate::lattice::{Lattice, Position, Record};

/// The dense number of an entity within its space; reused after removal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Index(pub u32);

impl Index {
    /// No entity: what an empty slot holds.
    pub const NOBODY: Self = Self(0);
    /// An entity that was removed while a blocked witness still had it.
    pub(crate) const DEPARTED: Self = Self(1);
    /// How many indices are never given out.
    pub(crate) const RESERVED: usize = 2;

    /// As a position in an array.
    #[must_use]
    pub const fn at(self) -> usize {
        self.0 as usize
    }
}

/// An index together with its generation: for whoever keeps one across steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Handle {
    /// The dense number.
    pub index: Index,
    generation: u32,
}

/// What a new entity starts with.
#[derive(Clone, Copy, Debug)]
pub struct Spawn {
    /// Its run-time handle.
    pub id: EntityId,
    /// Where it is.
    pub position: Position,
    /// Where it looks, in radians.
    pub yaw: f32,
    /// Whether it is the read-only copy of another cell's entity.
    pub ghost: bool,
}

/// Who made an entity move: its own client knows what it did itself and is not told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MovedBy {
    /// Its own client, whose claim was accepted.
    Client,
    /// The server: a controller, a script, a correction. The own client is told, too.
    Server,
}

/// For whom a piece of state is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// The other witnesses: slots 1 and up.
    Others,
    /// The entity's own client: slot 0.
    Own,
}

/// How far the state history of one audience is.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct StateMark {
    /// The newest sequence.
    pub(crate) newest: u32,
    /// The newest sequence of the step before: what an up-to-date witness has.
    pub(crate) told: u32,
    /// How long the deltas of this tick are, in bytes.
    pub(crate) bytes: u32,
}

/// What happened to an entity since the last step.
pub(crate) mod mark {
    pub(crate) const MOVED: u8 = 1;
    pub(crate) const CHANGED: u8 = 2;
    pub(crate) const GONE: u8 = 4;
    pub(crate) const MOVED_OWN: u8 = 8;
    pub(crate) const CHANGED_OWN: u8 = 16;
    /// Far from where the grid has it: found through the grid's list of jumped ones until the next sort.
    pub(crate) const JUMPED: u8 = 32;
    /// Jumped at some time since the last step: whoever has it in view looks around at once.
    pub(crate) const LEAPT: u8 = 64;
    /// Is on the list of marked entities.
    pub(crate) const LISTED: u8 = 128;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Free,
    Here,
    Leaving,
}

/// The entities of one space.
#[derive(Debug)]
pub struct Entities {
    lattice: Lattice,
    entities_max: u32,
    here: u32,
    life: Vec<Life>,
    generation: Vec<u32>,
    id: Vec<EntityId>,
    ghost: Vec<bool>,
    pub(crate) x: Vec<f32>,
    pub(crate) z: Vec<f32>,
    y: Vec<f32>,
    yaw: Vec<f32>,
    pub(crate) record: Vec<Record>,
    pub(crate) marks: Vec<u8>,
    state: [Vec<StateMark>; 2],
    free: Vec<Index>,
    leaving: Vec<Index>,
    /// Every entity with a mark, each once, in the order in which they got their first.
    pub(crate) marked: Vec<Index>,
    /// The longest delta of this tick, in bytes: bounds a witness's cost without a sum.
    pub(crate) delta_bytes_max: u32,
}

impl Entities {
    pub(crate) fn new(lattice: Lattice, entities_max: u32) -> Self {
        let mut entities = Self {
            lattice,
            entities_max,
            here: 0,
            life: Vec::new(),
            generation: Vec::new(),
            id: Vec::new(),
            ghost: Vec::new(),
            x: Vec::new(),
            z: Vec::new(),
            y: Vec::new(),
            yaw: Vec::new(),
            record: Vec::new(),
            marks: Vec::new(),
            state: [Vec::new(), Vec::new()],
            free: Vec::new(),
            leaving: Vec::new(),
            marked: Vec::new(),
            delta_bytes_max: 0,
        };
        for _ in 0..Index::RESERVED {
            entities.grow();
        }
        entities.marks[Index::DEPARTED.at()] = mark::GONE;
        entities
    }

    /// How many entities are in the space.
    #[must_use]
    pub fn len(&self) -> usize {
        self.here as usize
    }

    /// Whether the space is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.here == 0
    }

    /// One past the highest index that was ever given out: the length for the caller's own arrays.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.life.len()
    }

    /// Whether the entity is in the space (and not removed).
    #[must_use]
    pub fn is_here(&self, index: Index) -> bool {
        self.life.get(index.at()) == Some(&Life::Here)
    }

    /// The entity's id; [`EntityId::NONE`] for an index that is free. Still known between removal and the next step.
    #[must_use]
    pub fn id(&self, index: Index) -> EntityId {
        self.id.get(index.at()).copied().unwrap_or(EntityId::NONE)
    }

    /// Where the entity is.
    #[must_use]
    pub fn position(&self, index: Index) -> Option<Position> {
        let at = index.at();
        self.is_here(index).then(|| Position::new(self.x[at], self.y[at], self.z[at]))
    }

    /// Where the entity looks, in radians.
    #[must_use]
    pub fn yaw(&self, index: Index) -> Option<f32> {
        self.is_here(index).then(|| self.yaw[index.at()])
    }

    /// The movement record of where the entity is now.
    #[must_use]
    pub fn record(&self, index: Index) -> Option<Record> {
        self.is_here(index).then(|| self.record[index.at()])
    }

    /// Whether the entity is another cell's.
    #[must_use]
    pub fn is_ghost(&self, index: Index) -> bool {
        self.is_here(index) && self.ghost[index.at()]
    }

    /// The index with its generation, to be kept across steps.
    #[must_use]
    pub fn handle(&self, index: Index) -> Option<Handle> {
        self.is_here(index).then(|| Handle { index, generation: self.generation[index.at()] })
    }

    /// The index, if it still means the same entity.
    #[must_use]
    pub fn resolve(&self, handle: Handle) -> Option<Index> {
        (self.is_here(handle.index) && self.generation[handle.index.at()] == handle.generation).then_some(handle.index)
    }

    /// All entities in the space, by index.
    pub fn iter(&self) -> impl Iterator<Item = Index> + '_ {
        let here = |(at, life): (usize, &Life)| (*life == Life::Here).then_some(Index(at as u32));
        self.life.iter().enumerate().filter_map(here)
    }

    pub(crate) fn check(&self, index: Index) -> Result<usize, SpaceError> {
        if self.is_here(index) { Ok(index.at()) } else { Err(SpaceError::NoEntity(index)) }
    }

    pub(crate) fn insert(&mut self, spawn: &Spawn) -> Result<Index, SpaceError> {
        if self.here >= self.entities_max {
            return Err(SpaceError::Full(self.entities_max));
        }
        let index = self.free.pop().unwrap_or_else(|| self.grow());
        let at = index.at();
        self.here += 1;
        self.life[at] = Life::Here;
        self.id[at] = spawn.id;
        self.ghost[at] = spawn.ghost;
        self.state[0][at] = StateMark::default();
        self.state[1][at] = StateMark::default();
        self.put(at, spawn.position, spawn.yaw);
        self.record[at] = self.lattice.quantize(spawn.position, spawn.yaw);
        Ok(index)
    }

    /// Takes the entity out; its index stays reserved until [`Entities::end_step`].
    pub(crate) fn remove(&mut self, index: Index) -> Result<(), SpaceError> {
        let at = self.check(index)?;
        self.here -= 1;
        self.life[at] = Life::Leaving;
        self.add_marks(index, mark::GONE);
        self.leaving.push(index);
        Ok(())
    }

    /// Moves the entity; it counts as moved only when its record is another one than before.
    pub(crate) fn set_position(&mut self, index: Index, to: Position, yaw: f32, by: MovedBy) {
        let at = index.at();
        self.put(at, to, yaw);
        let record = self.lattice.quantize(to, yaw);
        if record != self.record[at] {
            self.record[at] = record;
            let own = if by == MovedBy::Server { mark::MOVED_OWN } else { 0 };
            self.add_marks(index, mark::MOVED | own);
        }
    }

    pub(crate) fn note_state(&mut self, index: Index, audience: Audience, seq: u32, bytes: u32) {
        let state = &mut self.state[audience as usize][index.at()];
        state.newest = seq;
        state.bytes = state.bytes.saturating_add(bytes);
        self.delta_bytes_max = self.delta_bytes_max.max(state.bytes);
        let what = if audience == Audience::Own { mark::CHANGED_OWN } else { mark::CHANGED };
        self.add_marks(index, what);
    }

    pub(crate) fn state(&self, index: Index, audience: Audience) -> StateMark {
        self.state[audience as usize][index.at()]
    }

    pub(crate) fn add_marks(&mut self, index: Index, what: u8) {
        let marks = &mut self.marks[index.at()];
        if *marks == 0 {
            self.marked.push(index);
        }
        *marks |= what | mark::LISTED;
    }

    /// Forgets what happened, and frees the indices of those that were removed before this step.
    pub(crate) fn end_step(&mut self) {
        for index in self.marked.drain(..) {
            let at = index.at();
            let marks = std::mem::take(&mut self.marks[at]);
            if marks & (mark::CHANGED | mark::CHANGED_OWN) != 0 {
                for audience in &mut self.state {
                    audience[at].told = audience[at].newest;
                    audience[at].bytes = 0;
                }
            }
        }
        self.delta_bytes_max = 0;
        for index in self.leaving.drain(..) {
            let at = index.at();
            self.life[at] = Life::Free;
            self.id[at] = EntityId::NONE;
            self.generation[at] = self.generation[at].wrapping_add(1);
            self.free.push(index);
        }
    }

    fn put(&mut self, at: usize, to: Position, yaw: f32) {
        (self.x[at], self.y[at], self.z[at], self.yaw[at]) = (to.x, to.y, to.z, yaw);
    }

    fn grow(&mut self) -> Index {
        let index = Index(self.life.len() as u32);
        self.life.push(Life::Free);
        self.generation.push(0);
        self.id.push(EntityId::NONE);
        self.ghost.push(false);
        self.x.push(0.0);
        self.y.push(0.0);
        self.z.push(0.0);
        self.yaw.push(0.0);
        self.record.push(Record::default());
        self.marks.push(0);
        self.state[0].push(StateMark::default());
        self.state[1].push(StateMark::default());
        index
    }
}
