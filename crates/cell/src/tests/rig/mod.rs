//! What the tests stand on: definitions, a native host, a cell with its clock, and a base that mirrors what it is told.

mod definitions;
mod guards;
mod host;
mod mirror;
mod watch;

pub(crate) use definitions::*;
pub(crate) use guards::*;
pub(crate) use host::{Heard, HostState};
pub(crate) use mirror::{Mirror, Seen};
pub(crate) use watch::Watch;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use kuafu_contract::link::{Event, encode_events};
use kuafu_contract::{Address, CallId, Outcome, Request, RoleKind, cell};
use kuafu_core::{
    Chance, Change, EntityId, Incarnation, Limits, Moment, Now, PropertyNo, SpaceId, TypeNo, Value, WallTime,
};
use kuafu_logic::Effect;
use kuafu_node::{Input, Output, Role};

use crate::{CellConfig, CellRole, Populate, SpaceConfig};

pub(crate) const SPACE: SpaceId = SpaceId(1);
pub(crate) const CELL: Address = Address { role: RoleKind::Cell, incarnation: Incarnation(7) };
pub(crate) const TICK: Duration = Duration::from_millis(100);

pub(crate) fn base(n: u32) -> Address {
    Address { role: RoleKind::Base, incarnation: Incarnation(n) }
}

/// Entity number `n` of base 1.
pub(crate) fn entity(n: u32) -> EntityId {
    EntityId::new(Incarnation(1), n)
}

pub(crate) fn plaza() -> SpaceConfig {
    SpaceConfig {
        id: SPACE,
        name: "plaza".to_owned(),
        bounds: [-500.0, -500.0, 500.0, 500.0],
        height: [-10.0, 100.0],
        spawn: [0.0, 0.0, 0.0],
        spawn_radius: 0.0,
        view_radius: 50.0,
        view_hysteresis: 5.0,
        populate: vec![],
    }
}

pub(crate) fn wisps(count: u32) -> Populate {
    Populate { ty: WISP, count, center: [10.0, 1.0, 10.0], radius: 20.0, values: vec![(GLOW, Value::Int(4))] }
}

/// A cell, its clock, and the bases around it.
pub(crate) struct Rig {
    pub(crate) cell: CellRole,
    pub(crate) host: Rc<RefCell<HostState>>,
    pub(crate) now: Now,
    pub(crate) mirrors: BTreeMap<Address, Mirror>,
    /// Bases that give no credit back.
    pub(crate) deaf: Vec<Address>,
    pub(crate) notices: Vec<Request>,
    /// Calls over the bus that nobody has answered.
    pub(crate) calls: Vec<(CallId, Request)>,
    pub(crate) drained: bool,
    pub(crate) watch: Watch,
    sequences: BTreeMap<Address, u32>,
    outbox: BTreeMap<Address, Vec<Event>>,
}

impl Rig {
    pub(crate) fn new() -> Self {
        Self::with(Limits::default(), plaza())
    }

    pub(crate) fn with(limits: Limits, space: SpaceConfig) -> Self {
        let host = Rc::new(RefCell::new(HostState::default()));
        let shared = host.clone();
        let config = CellConfig { address: CELL, limits, definitions: definitions(), spaces: vec![space], tick_hz: 10 };
        let factory = Box::new(move |world| Ok(host::NativeHost::boxed(shared, world)));
        let cell = CellRole::new(config, factory, Chance::from_seed(5)).expect("a sound configuration");
        let mut rig = Self {
            cell,
            host,
            now: Now { at: Moment(1_000_000), wall: WallTime(0) },
            mirrors: BTreeMap::new(),
            deaf: Vec::new(),
            notices: Vec::new(),
            calls: Vec::new(),
            drained: false,
            watch: Watch::default(),
            sequences: BTreeMap::new(),
            outbox: BTreeMap::new(),
        };
        rig.input(Input::Start);
        let request = Request::Cell(cell::Request::OpenSpace { space: SPACE });
        rig.input(Input::Notice { from: base(99), request });
        rig
    }

    pub(crate) fn input(&mut self, input: Input<std::convert::Infallible>) {
        self.cell.handle(self.now, input);
        let mut credits = Vec::new();
        while let Some(output) = self.cell.poll_output() {
            match output {
                Output::Frame { peer, frame } => {
                    self.mirrors.entry(peer).or_default().receive(&frame);
                    if !self.deaf.contains(&peer) {
                        credits.push(peer);
                    }
                }
                Output::Notice { request, .. } => self.notices.push(request),
                Output::Drained => self.drained = true,
                Output::Call { call, request, .. } => self.calls.push((call, request)),
                Output::Answer { .. } | Output::External(_) => {}
            }
        }
        for peer in credits {
            self.cell.handle(self.now, Input::Credit { peer, frames: 1 });
        }
    }

    /// The oldest call over the bus is answered.
    pub(crate) fn answer(&mut self, outcome: Outcome) -> Request {
        let (call, request) = self.calls.remove(0);
        self.input(Input::Answer { call, outcome });
        request
    }

    /// A base sends events; several calls before a tick go in one frame.
    pub(crate) fn send(&mut self, from: Address, event: Event) {
        self.outbox.entry(from).or_default().push(event);
    }

    pub(crate) fn flush(&mut self) {
        for (from, events) in std::mem::take(&mut self.outbox) {
            let frame = self.frame_of(from, &events);
            self.input(Input::Frame { peer: from, frame });
        }
    }

    fn frame_of(&mut self, from: Address, events: &[Event]) -> Bytes {
        let sequence = self.sequences.entry(from).or_default();
        *sequence += 1;
        encode_events(*sequence, events)
    }

    /// A frame of a base is lost.
    pub(crate) fn lose_frame(&mut self, from: Address) {
        *self.sequences.entry(from).or_default() += 1;
    }

    pub(crate) fn tick(&mut self) {
        self.flush();
        self.now.at = self.now.at + TICK;
        self.input(Input::Wake);
        let mut watch = std::mem::take(&mut self.watch);
        watch.look(self);
        self.watch = watch;
    }

    pub(crate) fn ticks(&mut self, count: u32) {
        (0..count).for_each(|_| self.tick());
    }

    /// Creates an avatar of base 1 at x, z.
    pub(crate) fn avatar(&mut self, n: u32, x: f32, z: f32) -> EntityId {
        self.part(base(1), entity(n), AVATAR, 1, [x, 0.0, z]);
        entity(n)
    }

    pub(crate) fn part(&mut self, from: Address, entity: EntityId, ty: TypeNo, real_epoch: u32, at: [f32; 3]) {
        self.send(
            from,
            Event::CreatePart {
                entity,
                ty,
                record: None,
                real_epoch,
                space: SPACE,
                position: Some((at, 0.0)),
                values: vec![],
                loaded: false,
            },
        );
    }

    /// An avatar through which a client of base 1 sees; the witness has the avatar's number.
    pub(crate) fn player(&mut self, n: u32, x: f32, z: f32) -> EntityId {
        let entity = self.avatar(n, x, z);
        self.send(base(1), Event::AttachWitness { entity, witness: n });
        entity
    }

    pub(crate) fn walk(&mut self, witness: u32, sequence: u32, x: f32, z: f32) {
        self.send(base(1), Event::Move { witness, sequence, position: [x, 0.0, z], yaw: 0.0 });
    }

    /// Logic changes a property in the next tick.
    pub(crate) fn set(&mut self, entity: EntityId, property: PropertyNo, value: impl Into<Value>) {
        self.change(entity, Change::set(property, value.into()));
    }

    pub(crate) fn change(&mut self, entity: EntityId, change: Change) {
        self.host.borrow_mut().changes.push((entity, change));
    }

    /// Logic wants something in the next tick.
    pub(crate) fn effect(&mut self, effect: Effect) {
        self.host.borrow_mut().effects.push_back(effect);
    }

    pub(crate) fn mirror(&mut self) -> &mut Mirror {
        self.mirrors.entry(base(1)).or_default()
    }

    /// What a witness of base 1 sees of an entity.
    pub(crate) fn seen(&mut self, witness: u32, entity: EntityId) -> Option<Seen> {
        self.mirror().seen(witness, entity).cloned()
    }

    /// The events of base 1 since the last time.
    pub(crate) fn events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.mirror().events)
    }

    pub(crate) fn count(&self, name: &str) -> f64 {
        self.cell.counters.get(name)
    }
}
