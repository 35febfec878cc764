//! Entities that begin in this cell: those that logic creates, and those that live in a space from the beginning.

use kuafu_contract::link::Event;
use kuafu_core::{EntityId, Now, PropertyNo, Refusal, SpaceId, TypeNo, Value};
use kuafu_logic::{Effect, EntitySeed, Hook, Placement, World};
use kuafu_space::Position;

use crate::part::PartSeed;
use crate::role::CellRole;
use crate::space::OpenSpace;

/// The fence of parts that no base raises.
const OWN_EPOCH: u32 = 1;

/// Where someone begins: the space's position in the cell, its number, and the place in it.
#[derive(Clone, Copy, Debug)]
struct Begin {
    at: Option<usize>,
    space: SpaceId,
    position: [f32; 3],
    yaw: f32,
}

impl CellRole {
    /// Carries out an [`Effect::Create`].
    pub(crate) fn create_entity(&mut self, now: Now, effect: Effect) {
        let Effect::Create { from, ty, values, placement, persistent, id, .. } = effect else { return };
        let Some(declared) = self.definitions.get(ty).cloned() else {
            return self.fault(now, from, "create", format!("there is no entity type {ty}"));
        };
        let begin = self.begin_of(from, placement);
        let done = if declared.parts.base {
            self.create_at_base(from, id, ty, values, begin.filter(|_| declared.parts.cell), persistent)
        } else if persistent {
            Err(Refusal::new(
                kuafu_core::Code::NotAllowed,
                format!("{} has no base part, so it cannot be persistent", declared.name),
            ))
        } else {
            self.create_here(id, ty, values, begin)
        };
        if let Err(refusal) = done {
            self.fault(now, from, "create", format!("{}: {}", declared.name, refusal.text));
        }
    }

    fn begin_of(&self, from: EntityId, placement: Placement) -> Option<Begin> {
        let spaces = self.world.spaces.borrow();
        let home = spaces.home(from)?;
        let own = &spaces.open[home.space];
        match placement {
            Placement::Nowhere => {
                let (position, yaw) = own.place(home.index)?;
                Some(Begin { at: Some(home.space), space: own.id(), position, yaw })
            }
            Placement::Space { space, position, yaw } => {
                let space = space.unwrap_or(own.id());
                Some(Begin { at: spaces.find(space), space, position, yaw })
            }
        }
    }

    fn create_at_base(
        &mut self,
        from: EntityId,
        entity: EntityId,
        ty: TypeNo,
        values: Vec<(PropertyNo, Value)>,
        begin: Option<Begin>,
        persistent: bool,
    ) -> Result<(), Refusal> {
        let own = self.world.spaces.borrow().part(from).and_then(|(_, part)| part.base);
        let base = own.or_else(|| self.peers.any());
        let Some((base, address)) = base.and_then(|no| self.peers.get(no).map(|link| (no, link.address))) else {
            return Err(Refusal::new(kuafu_core::Code::Unavailable, "no base is connected to hold its base part"));
        };
        let place = begin.map(|begin| (begin.space, begin.position, begin.yaw));
        self.calls.note_created(entity, address);
        self.tell(base, Event::CreateEntity { entity, ty, values, place, persistent });
        Ok(())
    }

    fn create_here(
        &mut self,
        entity: EntityId,
        ty: TypeNo,
        values: Vec<(PropertyNo, Value)>,
        begin: Option<Begin>,
    ) -> Result<(), Refusal> {
        let unknown = || Refusal::new(kuafu_core::Code::EntityUnknown, "its space is not open in this cell");
        let begin = begin.ok_or_else(unknown)?;
        let at = begin.at.ok_or_else(unknown)?;
        let [x, y, z] = begin.position;
        self.put_local(at, entity, ty, values, Position::new(x, y, z), begin.yaw)
    }

    /// Puts an entity without a base part into a space.
    fn put_local(
        &mut self,
        at: usize,
        entity: EntityId,
        ty: TypeNo,
        values: Vec<(PropertyNo, Value)>,
        place: Position,
        yaw: f32,
    ) -> Result<(), Refusal> {
        let layout =
            self.layouts.get(&ty).cloned().ok_or_else(|| {
                Refusal::new(kuafu_core::Code::NotAllowed, "it has neither a base part nor a cell part")
            })?;
        let (dense, misfits) = layout.initial_values(&values, &self.limits);
        self.counters.add("values_misfit", f64::from(misfits));
        let ty = layout.ty.clone();
        let seed = PartSeed { id: entity, layout, real_epoch: OWN_EPOCH, base: None, values: dense };
        self.put_part(at, seed, place, yaw)?;
        self.host.create(EntitySeed { id: entity, ty, record: None, values });
        self.entries.hook(entity, Hook::Create, Vec::new());
        Ok(())
    }

    /// Opens a space that the cell-manager placed here, with those who live in it.
    pub(crate) fn open_space(&mut self, now: Now, space: SpaceId) {
        if self.world.spaces.borrow().find(space).is_some() {
            return self.report_load();
        }
        let Some(config) = self.configs.iter().find(|config| config.id == space).cloned() else {
            tracing::warn!(%space, "told to open a space that is not configured here");
            return self.counters.count("spaces_unknown");
        };
        let populate = config.populate.clone();
        let name = config.name.clone();
        let engine = config.engine_config(&self.limits);
        let at = match OpenSpace::new(config, engine) {
            Ok(open) => {
                let mut spaces = self.world.spaces.borrow_mut();
                spaces.open.push(open);
                spaces.open.len() - 1
            }
            Err(error) => {
                tracing::error!(space = name, %error, "a space cannot be opened");
                return self.counters.count("spaces_refused");
            }
        };
        tracing::info!(space = name, cell = %self.address, "space opened");
        for group in &populate {
            self.populate(now, at, group);
        }
        self.report_load();
    }

    fn populate(&mut self, now: Now, at: usize, group: &crate::config::Populate) {
        let is_local = self.layouts.get(&group.ty).is_some_and(|layout| !layout.ty.parts.base);
        if !is_local {
            tracing::warn!(ty = %group.ty, "only entities with a cell part and no base part are populated by cells");
            return self.counters.count("populate_refused");
        }
        for _ in 0..group.count {
            let bounds = self.world.spaces.borrow().open[at].bounds;
            let place = super::scatter(&mut self.chance, group.center, group.radius, &bounds);
            let yaw = (self.chance.unit() * std::f64::consts::TAU) as f32;
            let Some(entity) = self.world.draw_id() else { return };
            let put = self.put_local(at, entity, group.ty, group.values.clone(), place, yaw);
            if let Err(refusal) = put {
                return self.fault(now, entity, "populate", refusal.text);
            }
        }
    }
}
