//! What the player's entity sees: the entities in view with their properties, as the frames tell.
//!
//! Slots are indices into vectors. What changes ten times a second, the movement records, stands close together and
//! apart from the properties: with thousands of players in a process, memory that is touched is what a frame costs.
//! It does no I/O and is driven message by message; what it cannot apply ends the connection, since the view is then
//! not what the server thinks it is.

use std::sync::Arc;

use kuafu_core::{Change, EntityId, Limits, PropertyNo, RecordId, SpaceId, Value};
use kuafu_def::{Definitions, EntityType};
use kuafu_wire::{Call, DecodeError, Enter, Frame, Lattice, Movement, Reader, Record, State};
use kuafu_wire::{decode_changes, decode_client_call, decode_properties};

use crate::{Component, Event, Loss};

/// The world as one player knows it.
#[derive(Debug, Default)]
pub struct World {
    schema: Arc<Definitions>,
    own: Option<Own>,
    space: Option<Space>,
    /// By slot; [`EntityId::NONE`] when it is free.
    ids: Vec<EntityId>,
    /// By slot: where the entities are.
    records: Vec<Record>,
    /// By slot: all else.
    details: Vec<Option<Details>>,
    in_view: usize,
    moved: Vec<u16>,
    sequence: u64,
    space_time_ms: u64,
    strays: u64,
}

/// An entity in view, as it is now.
#[derive(Clone, Copy, Debug)]
pub struct Entity<'a> {
    /// Its slot; 0 is the own entity.
    pub slot: u16,
    /// Its id.
    pub id: EntityId,
    /// Its type.
    pub ty: &'a Arc<EntityType>,
    /// x, y, z in metres.
    pub position: [f32; 3],
    /// In radians.
    pub yaw: f32,
    properties: &'a Properties,
}

#[derive(Debug)]
struct Details {
    ty: Arc<EntityType>,
    properties: Properties,
}

/// The player's own entity.
#[derive(Clone, Debug)]
pub struct Own {
    /// Its id.
    pub id: EntityId,
    /// Its type.
    pub ty: Arc<EntityType>,
    /// Its record.
    pub record: RecordId,
    /// Where the client believes it is: where it moved it, unless the server said otherwise since.
    pub position: [f32; 3],
    /// In radians.
    pub yaw: f32,
    properties: Properties,
}

/// The space that the own entity is in.
#[derive(Clone, Debug)]
pub struct Space {
    /// Its id.
    pub id: SpaceId,
    /// Its name.
    pub name: Arc<str>,
    /// What movement records count in.
    pub lattice: Lattice,
    /// Least x and z, in metres.
    pub least: [f32; 2],
    /// Greatest x and z, in metres.
    pub greatest: [f32; 2],
    /// Ticks a second.
    pub tick_hz: u16,
    /// In metres.
    pub view_radius: f32,
    /// How fast the own entity may be moved, in metres a second; 0 is no limit.
    pub top_speed: f32,
}

/// What the server sent of an entity's properties, in the order in which it came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Properties(Vec<(PropertyNo, Value)>);

impl World {
    /// The game's definitions as clients see them.
    #[must_use]
    pub fn schema(&self) -> &Arc<Definitions> {
        &self.schema
    }

    /// The own entity with the properties of its base part; `None` before it is attached. Its cell part is the entity
    /// in slot 0.
    #[must_use]
    pub fn own(&self) -> Option<&Own> {
        self.own.as_ref()
    }

    /// A property of the own entity, whatever part it is on.
    #[must_use]
    pub fn own_property(&self, name: &str) -> Option<&Value> {
        let own = self.own.as_ref()?;
        let no = own.ty.property_by_name(name)?.no;
        let cell = || self.at(0).filter(|entity| entity.id == own.id)?.properties.get(no);
        own.properties.get(no).or_else(cell).or_else(|| own.ty.property(no).map(|property| &property.default))
    }

    /// A component of the own entity, with the properties of both parts; `None` when nothing in the slot is for clients.
    #[must_use]
    pub fn own_component(&self, slot: &str) -> Option<Component<'_>> {
        let own = self.own.as_ref()?;
        let cell = self.at(0).filter(|entity| entity.id == own.id).map(|entity| entity.properties);
        Component::of(&own.ty, slot, [Some(&own.properties), cell])
    }

    /// The space; `None` when the own entity is in none.
    #[must_use]
    pub fn space(&self) -> Option<&Space> {
        self.space.as_ref()
    }

    /// The entities in view by rising slot, the own one included.
    pub fn entities(&self) -> impl Iterator<Item = Entity<'_>> {
        (0..self.ids.len() as u16).filter_map(|slot| self.at(slot))
    }

    /// How many entities are in view, the own one included.
    #[must_use]
    pub fn in_view(&self) -> usize {
        self.in_view
    }

    /// The entity in a slot.
    #[must_use]
    pub fn at(&self, slot: u16) -> Option<Entity<'_>> {
        let at = usize::from(slot);
        let Details { ty, properties } = self.details.get(at)?.as_ref()?;
        let (position, yaw) = self.placed(self.records[at]);
        Some(Entity { slot, id: self.ids[at], ty, position, yaw, properties })
    }

    /// The entity of an id, when it is in view.
    #[must_use]
    pub fn entity(&self, id: EntityId) -> Option<Entity<'_>> {
        let slot = self.ids.iter().position(|known| *known == id && !id.is_none())?;
        self.at(slot as u16)
    }

    /// The slots that moved in the newest frame.
    #[must_use]
    pub fn moved(&self) -> &[u16] {
        &self.moved
    }

    /// The newest frame's sequence; 0 before the first.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// The newest frame's space time, in milliseconds.
    #[must_use]
    pub fn space_time_ms(&self) -> u64 {
        self.space_time_ms
    }

    /// How often a frame named a slot that is empty here. A sound server never does.
    #[must_use]
    pub fn strays(&self) -> u64 {
        self.strays
    }

    /// Takes an entity out of the view as if it had never entered, to see whether a check of views notices.
    pub fn forget(&mut self, slot: u16) {
        self.free(slot);
    }

    pub(crate) fn attach(&mut self, schema: Arc<Definitions>, own: Own) {
        *self = Self { schema, own: Some(own), strays: self.strays, ..Self::default() };
    }

    pub(crate) fn enter_space(&mut self, space: Space, position: [f32; 3], yaw: f32) {
        self.leave_space();
        self.space = Some(space);
        self.place_own(position, yaw);
    }

    pub(crate) fn leave_space(&mut self) {
        self.space = None;
        self.ids.clear();
        self.records.clear();
        self.details.clear();
        self.moved.clear();
        self.in_view = 0;
    }

    pub(crate) fn place_own(&mut self, position: [f32; 3], yaw: f32) {
        if let Some(own) = &mut self.own {
            (own.position, own.yaw) = (position, yaw);
        }
    }

    pub(crate) fn apply_own(&mut self, changes: &[u8], limits: &Limits) -> Result<Option<Event>, Loss> {
        let Some(own) = &mut self.own else { return Ok(None) };
        let changes = decode_changes(&own.ty, &mut Reader::new(changes), limits)?;
        own.properties.apply(&own.ty, &changes)?;
        Ok(Some(Event::PropertiesChanged { entity: own.id, changes }))
    }

    /// Applies a frame. What happened is told in its order; what the frame holds is then all applied.
    pub(crate) fn apply_frame(
        &mut self,
        body: &[u8],
        limits: &Limits,
        tell: &mut dyn FnMut(Event),
    ) -> Result<(), Loss> {
        let frame = Frame::decode(body)?;
        (self.sequence, self.space_time_ms) = (frame.sequence, frame.space_time_ms);
        for slot in frame.leaves() {
            match self.free(slot) {
                Some(entity) => tell(Event::EntityLeft { slot, entity }),
                None => self.strays += 1,
            }
        }
        for enter in frame.enters() {
            self.enter(&enter, limits)?;
            tell(Event::EntityEntered { slot: enter.slot, entity: enter.entity, type_no: enter.type_no });
        }
        self.moved.clear();
        frame.movements().for_each(|movement| self.place(movement));
        if !self.moved.is_empty() {
            tell(Event::Moved { sequence: frame.sequence, count: self.moved.len() });
        }
        for state in frame.state() {
            self.change(&state, limits)?.into_iter().for_each(&mut *tell);
        }
        for call in frame.calls() {
            self.called(&call, limits)?.into_iter().for_each(&mut *tell);
        }
        Ok(())
    }

    fn enter(&mut self, enter: &Enter<'_>, limits: &Limits) -> Result<(), Loss> {
        let ty = self.schema.get(enter.type_no).cloned().ok_or(DecodeError::Unknown {
            what: "entity type",
            at: 0,
            number: u64::from(enter.type_no.0),
        })?;
        let properties = Properties(decode_properties(&ty, &mut Reader::new(enter.properties), limits)?);
        let slot = usize::from(enter.slot);
        if slot >= self.ids.len() {
            self.ids.resize(slot + 1, EntityId::NONE);
            self.records.resize(slot + 1, Record::default());
            self.details.resize_with(slot + 1, || None);
        }
        if self.free(enter.slot).is_some() {
            self.strays += 1;
        }
        (self.ids[slot], self.records[slot]) = (enter.entity, enter.record);
        self.details[slot] = Some(Details { ty, properties });
        self.in_view += 1;
        Ok(())
    }

    fn place(&mut self, movement: Movement) {
        let slot = usize::from(movement.slot);
        if self.ids.get(slot).is_none_or(|id| id.is_none()) {
            self.strays += 1;
            return;
        }
        self.records[slot] = movement.record;
        self.moved.push(movement.slot);
        if slot == 0 {
            let (position, yaw) = self.placed(movement.record);
            self.place_own(position, yaw);
        }
    }

    fn placed(&self, record: Record) -> ([f32; 3], f32) {
        let lattice = self.space.as_ref().map_or_else(Lattice::default, |space| space.lattice);
        (lattice.position(record), record.yaw_radians())
    }

    fn change(&mut self, state: &State<'_>, limits: &Limits) -> Result<Option<Event>, Loss> {
        let slot = usize::from(state.slot);
        let Some(Some(Details { ty, properties })) = self.details.get_mut(slot) else {
            self.strays += 1;
            return Ok(None);
        };
        let changes = decode_changes(ty, &mut Reader::new(state.changes), limits)?;
        properties.apply(ty, &changes)?;
        Ok(Some(Event::PropertiesChanged { entity: self.ids[slot], changes }))
    }

    fn called(&mut self, call: &Call<'_>, limits: &Limits) -> Result<Option<Event>, Loss> {
        let Some(entity) = self.at(call.slot) else {
            self.strays += 1;
            return Ok(None);
        };
        let (method, arguments) = decode_client_call(entity.ty, &mut Reader::new(call.call), limits)?;
        let name = Arc::from(method.name.as_str());
        Ok(Some(Event::Called { entity: entity.id, method: method.no, name, arguments }))
    }

    fn free(&mut self, slot: u16) -> Option<EntityId> {
        let slot = usize::from(slot);
        self.details.get_mut(slot)?.take()?;
        self.in_view -= 1;
        Some(std::mem::replace(&mut self.ids[slot], EntityId::NONE))
    }
}

impl<'a> Entity<'a> {
    /// A property that clients see; the default when the server sent none.
    #[must_use]
    pub fn property(&self, name: &str) -> Option<&'a Value> {
        let property = self.ty.property_by_name(name)?;
        Some(self.properties.get(property.no).unwrap_or(&property.default))
    }

    /// A component; `None` when nothing in the slot is for clients.
    #[must_use]
    pub fn component(&self, slot: &str) -> Option<Component<'a>> {
        Component::of(self.ty, slot, [Some(self.properties), None])
    }

    /// What the server sent of the properties.
    pub fn properties(&self) -> impl Iterator<Item = (PropertyNo, &'a Value)> + use<'a> {
        self.properties.iter()
    }
}

impl Own {
    pub(crate) fn new(
        id: EntityId,
        ty: Arc<EntityType>,
        record: RecordId,
        properties: &[u8],
        limits: &Limits,
    ) -> Result<Self, Loss> {
        let properties = Properties(decode_properties(&ty, &mut Reader::new(properties), limits)?);
        Ok(Self { id, ty, record, position: [0.0; 3], yaw: 0.0, properties })
    }

    /// What the server sent of the base part's properties.
    pub fn properties(&self) -> impl Iterator<Item = (PropertyNo, &Value)> {
        self.properties.iter()
    }
}

impl Properties {
    fn iter(&self) -> impl Iterator<Item = (PropertyNo, &Value)> {
        self.0.iter().map(|(no, value)| (*no, value))
    }

    pub(crate) fn get(&self, no: PropertyNo) -> Option<&Value> {
        self.0.iter().find(|(known, _)| *known == no).map(|(_, value)| value)
    }

    /// A property that was never sent has its default.
    fn apply(&mut self, ty: &EntityType, changes: &[Change]) -> Result<(), Loss> {
        for change in changes {
            let at = self.0.iter().position(|(no, _)| *no == change.property).unwrap_or_else(|| {
                let default = ty.property(change.property).map(|property| property.default.clone());
                self.0.push((change.property, default.unwrap_or_default()));
                self.0.len() - 1
            });
            change.apply(&mut self.0[at].1).map_err(|misfit| Loss::Misfit(misfit.0))?;
        }
        Ok(())
    }
}
