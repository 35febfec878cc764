//! One opened space: the view engine, the parts in it, its witnesses, and which bases have something there.
//!
//! This is state without the logic host: everything here may be borrowed while the host does not run, and nothing here
//! ever enters it.

use std::collections::{BTreeMap, VecDeque};

use kuafu_contract::db::Place;
use kuafu_contract::link::WitnessView;
use kuafu_core::{Code, EntityId, Moment, SpaceId};
use kuafu_space::{
    Allowance, Bounds, Handle, Index, MoveBudget, Position, Space, SpaceError, Spawn, ViewOutput, WitnessNo,
};

use crate::config::SpaceConfig;
use crate::egress::{Picked, calls::ClientCalls};
use crate::links::PeerNo;
use crate::part::{Part, PartSeed};
use crate::view::{Distances, Levels};

/// How many parts and witnesses a base has in a space: it gets a frame every tick while there are any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Presence {
    pub(crate) parts: u32,
    pub(crate) witnesses: u32,
}

/// One client's eyes, as the cell knows them.
#[derive(Debug)]
pub(crate) struct Witness {
    pub(crate) peer: PeerNo,
    /// The base's number for it.
    pub(crate) number: u32,
    pub(crate) entity: EntityId,
    pub(crate) index: Index,
    pub(crate) budget: MoveBudget,
    /// The newest move that was looked at.
    pub(crate) move_sequence: u32,
    /// Its client must be told where it is.
    pub(crate) correct: Option<Code>,
    /// How many bytes a tick its client takes, when that is less than configured.
    pub(crate) credit: Option<u32>,
    /// Bytes of calls and of details since the last tick, which its next view may not have.
    pub(crate) call_debt: u32,
    /// What the engine was told last.
    pub(crate) allowance: Allowance,
    /// Which entity index is in which slot, as its base has it; 0 is nobody.
    pub(crate) slots: Vec<u32>,
    /// Of those in view who give more to who is near: how near they are.
    pub(crate) levels: Levels,
    /// Calls that wait until its base takes frames again, with the tick at which they are given up.
    pub(crate) waiting: VecDeque<WaitingCall>,
    /// Slot of the caller and number of the call: what it gets this tick.
    pub(crate) calls: Vec<(u16, u32)>,
}

/// A client call that a blocked link holds up.
#[derive(Debug)]
pub(crate) struct WaitingCall {
    pub(crate) from: Handle,
    pub(crate) until_tick: u64,
    pub(crate) bytes: Box<[u8]>,
}

impl Witness {
    /// The slot of an entity, if the witness has it in view.
    pub(crate) fn slot_of(&self, index: Index) -> Option<u16> {
        self.slots.iter().position(|who| *who == index.0).map(|slot| slot as u16)
    }

    pub(crate) fn enter(&mut self, slot: u16, index: Index) {
        let slot = usize::from(slot);
        if self.slots.len() <= slot {
            self.slots.resize(slot + 1, Index::NOBODY.0);
        }
        self.slots[slot] = index.0;
    }

    pub(crate) fn leave(&mut self, slot: u16) {
        if let Some(who) = self.slots.get_mut(usize::from(slot)) {
            *who = Index::NOBODY.0;
        }
    }
}

/// A space that this cell simulates.
#[derive(Debug)]
pub(crate) struct OpenSpace {
    pub(crate) config: SpaceConfig,
    pub(crate) bounds: Bounds,
    pub(crate) space: Space,
    /// By index.
    pub(crate) parts: Vec<Option<Box<Part>>>,
    /// By witness number.
    pub(crate) witnesses: Vec<Option<Box<Witness>>>,
    presence: Vec<Presence>,
    pub(crate) output: ViewOutput,
    /// Parts with changes that clients see, in the order of their first one in this tick.
    pub(crate) touched: Vec<Index>,
    /// Parts with changes that clients see later, by the tick in which.
    pub(crate) asleep: BTreeMap<u64, Vec<Handle>>,
    pub(crate) distances: Distances,
    pub(crate) picked: Picked,
    pub(crate) calls: ClientCalls,
}

impl OpenSpace {
    pub(crate) fn new(config: SpaceConfig, engine: kuafu_space::SpaceConfig) -> Result<Self, SpaceError> {
        Ok(Self {
            bounds: engine.bounds,
            space: Space::new(engine)?,
            config,
            parts: Vec::new(),
            witnesses: Vec::new(),
            presence: Vec::new(),
            output: ViewOutput::default(),
            touched: Vec::new(),
            asleep: BTreeMap::new(),
            distances: Distances::default(),
            picked: Picked::default(),
            calls: ClientCalls::default(),
        })
    }

    pub(crate) fn id(&self) -> SpaceId {
        self.config.id
    }

    pub(crate) fn part(&self, index: Index) -> Option<&Part> {
        self.parts.get(index.at())?.as_deref()
    }

    pub(crate) fn part_mut(&mut self, index: Index) -> Option<&mut Part> {
        self.parts.get_mut(index.at())?.as_deref_mut()
    }

    pub(crate) fn witness(&self, no: WitnessNo) -> Option<&Witness> {
        self.witnesses.get(no.0 as usize)?.as_deref()
    }

    pub(crate) fn witness_mut(&mut self, no: WitnessNo) -> Option<&mut Witness> {
        self.witnesses.get_mut(no.0 as usize)?.as_deref_mut()
    }

    /// The parts, by index.
    pub(crate) fn each_part(&self) -> impl Iterator<Item = (Index, &Part)> {
        let numbered = self.parts.iter().enumerate();
        numbered.filter_map(|(at, part)| part.as_deref().map(|part| (Index(at as u32), part)))
    }

    pub(crate) fn presence(&self, peer: PeerNo) -> Presence {
        self.presence.get(peer.at()).copied().unwrap_or_default()
    }

    pub(crate) fn is_present(&self, peer: PeerNo) -> bool {
        self.presence(peer) != Presence::default()
    }

    fn presence_mut(&mut self, peer: PeerNo) -> &mut Presence {
        if self.presence.len() <= peer.at() {
            self.presence.resize(peer.at() + 1, Presence::default());
        }
        &mut self.presence[peer.at()]
    }

    /// Puts a part in.
    ///
    /// # Errors
    /// What the engine says of the place, or that the space is full.
    pub(crate) fn insert(&mut self, seed: PartSeed, position: Position, yaw: f32) -> Result<Index, SpaceError> {
        let index = self.space.insert(&Spawn { id: seed.id, position, yaw, ghost: false })?;
        if self.parts.len() <= index.at() {
            self.parts.resize_with(index.at() + 1, || None);
        }
        if let Some(peer) = seed.base {
            self.presence_mut(peer).parts += 1;
        }
        if seed.layout.is_by_distance() {
            self.distances.insert(index);
        }
        self.parts[index.at()] = Some(Box::new(Part::new(seed)));
        Ok(index)
    }

    /// Takes a part out; its witness must have been removed before.
    pub(crate) fn remove(&mut self, index: Index) -> Option<Box<Part>> {
        let part = self.parts.get_mut(index.at())?.take()?;
        self.distances.remove(index);
        debug_assert!(part.witness.is_none(), "a part leaves without eyes");
        self.release(part.base);
        self.space.remove(index).ok();
        Some(part)
    }

    /// The base of a part is gone: it has none from here.
    pub(crate) fn orphan(&mut self, index: Index) {
        let Some(base) = self.part_mut(index).map(|part| part.base.take()) else { return };
        self.release(base);
    }

    fn release(&mut self, base: Option<PeerNo>) {
        if let Some(peer) = base {
            let presence = self.presence_mut(peer);
            presence.parts = presence.parts.saturating_sub(1);
        }
    }

    /// Lets a base's client see through a part, with an empty view.
    pub(crate) fn attach(&mut self, index: Index, witness: Witness) -> Result<WitnessNo, SpaceError> {
        let peer = witness.peer;
        let no = self.space.add_witness(index, peer.0, None)?;
        if self.witnesses.len() <= no.0 as usize {
            self.witnesses.resize_with(no.0 as usize + 1, || None);
        }
        self.witnesses[no.0 as usize] = Some(Box::new(witness));
        self.presence_mut(peer).witnesses += 1;
        if let Some(part) = self.part_mut(index) {
            part.witness = Some(no);
            part.had_witness = true;
        }
        Ok(no)
    }

    /// Ends a witness; its part stays.
    pub(crate) fn detach(&mut self, no: WitnessNo) -> Option<Box<Witness>> {
        let witness = self.witnesses.get_mut(no.0 as usize)?.take()?;
        self.space.remove_witness(no).ok();
        let presence = self.presence_mut(witness.peer);
        presence.witnesses = presence.witnesses.saturating_sub(1);
        if let Some(part) = self.part_mut(witness.index) {
            part.witness = None;
        }
        Some(witness)
    }

    /// Starts a witness's view anew. Returns what its client must know then.
    pub(crate) fn restart(&mut self, no: WitnessNo, tick_hz: u32) -> Option<(PeerNo, u32, WitnessView)> {
        let witness = self.witnesses.get_mut(no.0 as usize)?.as_deref_mut()?;
        self.space.reset_witness(no).ok()?;
        witness.slots.clear();
        witness.levels.clear();
        witness.calls.clear();
        let (peer, number, index) = (witness.peer, witness.number, witness.index);
        Some((peer, number, self.view_of(index, tick_hz)?))
    }

    /// What a client must know of the space, seen from one of its parts.
    pub(crate) fn view_of(&self, index: Index, tick_hz: u32) -> Option<WitnessView> {
        let part = self.part(index)?;
        let (position, yaw) = self.place(index)?;
        let lattice = self.space.lattice();
        Some(WitnessView {
            entity: part.id,
            space: self.id(),
            name: self.config.name.clone(),
            origin: lattice.origin,
            step: lattice.step,
            bounds: self.config.bounds,
            tick_hz: u16::try_from(tick_hz).unwrap_or(u16::MAX),
            view_radius: self.config.view_radius,
            top_speed: part.layout.rule.top_speed,
            position,
            yaw,
        })
    }

    /// x, y, z in metres and yaw in radians.
    pub(crate) fn place(&self, index: Index) -> Option<([f32; 3], f32)> {
        let at = self.space.entities().position(index)?;
        Some(([at.x, at.y, at.z], self.space.entities().yaw(index)?))
    }

    /// The place as a database knows it.
    pub(crate) fn durable_place(&self, index: Index) -> Option<Place> {
        let (position, yaw) = self.place(index)?;
        Some(Place { space: self.config.name.clone(), position, yaw })
    }

    pub(crate) fn new_budget(now: Moment, limits: &kuafu_core::Limits) -> MoveBudget {
        MoveBudget::new(now, limits)
    }
}
