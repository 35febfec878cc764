//! Making entities.

use kuafu_core::typed::IntoValue;
use kuafu_core::{EntityId, PropertyNo, Value};
use kuafu_def::{EntityType, Part};
use kuafu_logic::{Effect, Placement, coerce};

use crate::behaviour::{Done, Stop};
use crate::calls::Pending;
use crate::context::Context;

/// An entity to be made: `Creation::new("wisp").with("hue", 40).at([1.0, 0.0, 2.0])`.
#[derive(Clone, Debug)]
#[must_use = "give it to `Context::create`"]
pub struct Creation {
    ty: String,
    properties: Vec<(String, Value)>,
    position: Option<[f32; 3]>,
    yaw: f32,
    persistent: bool,
}

impl Creation {
    /// An entity of a type.
    pub fn new(ty: &str) -> Self {
        Self { ty: ty.to_owned(), properties: Vec::new(), position: None, yaw: 0.0, persistent: false }
    }

    /// With a property, of either part.
    pub fn with(mut self, property: &str, value: impl IntoValue) -> Self {
        self.properties.push((property.to_owned(), value.into_value()));
        self
    }

    /// At x, y, z in metres. In a cell it is where the creator stands when this is left out; in a base it then has no
    /// cell part.
    pub fn at(mut self, position: [f32; 3]) -> Self {
        self.position = Some(position);
        self
    }

    /// Facing, in radians.
    pub fn yaw(mut self, yaw: f32) -> Self {
        self.yaw = yaw;
        self
    }

    /// With a record in the database, in one transaction with the saves of the same entry.
    pub fn persistent(mut self) -> Self {
        self.persistent = true;
        self
    }
}

impl<'h> Context<'h> {
    /// Makes an entity; gives the id that it will have. A cell makes only entities without a base part, in its own space.
    ///
    /// # Errors
    /// [`Stop::Fault`] when there is no such type or property, a value does not fit, or it cannot be made here.
    pub fn create(&mut self, creation: Creation) -> Done<EntityId> {
        let Creation { ty, properties, position, yaw, persistent } = creation;
        let found = self.state.definitions.by_name(&ty).cloned();
        let ty = found.ok_or_else(|| Stop::Fault(format!("there is no entity type `{ty}`")))?;
        self.check_creation(&ty, persistent, position, yaw).map_err(Stop::Fault)?;
        let values = properties.into_iter().map(|(name, value)| self.initial(&ty, &name, value));
        let values = values.collect::<Result<_, String>>().map_err(Stop::Fault)?;
        let position = match self.state.part {
            Part::Cell if ty.parts.cell => position.or_else(|| self.state.world.position(self.run.entity)),
            _ => position,
        };
        let placement = match position {
            Some(position) => Placement::Space { space: None, position, yaw },
            None => Placement::Nowhere,
        };
        let id = self.state.world.draw_id().ok_or_else(|| Stop::fault("there are no more entity ids"))?;
        let (from, step) = (self.run.entity, self.run.step);
        self.ask(Effect::Create { from, ty: ty.no, values, placement, persistent, id, step });
        Ok(id)
    }

    /// Makes an entity with a base part on the least loaded base. Its outcome is the id that it has there.
    pub fn create_anywhere(&mut self, creation: Creation) -> Pending<'_, 'h> {
        match self.anywhere(creation) {
            Ok(effect) => self.pending(effect),
            Err(why) => self.refused(why),
        }
    }

    fn anywhere(&self, creation: Creation) -> Result<Effect, String> {
        let Creation { ty, properties, position, yaw, persistent } = creation;
        let ty = self.state.definitions.by_name(&ty).ok_or_else(|| format!("there is no entity type `{ty}`"))?;
        if !ty.parts.base {
            return Err(format!("a {} has no base part, so it lives in the cell that creates it", ty.name));
        }
        check_not_global(ty)?;
        let values = properties.into_iter().map(|(name, value)| self.initial(ty, &name, value));
        let values = values.collect::<Result<_, String>>()?;
        let placement = match position {
            Some(position) => Placement::Space { space: None, position, yaw },
            None => Placement::Nowhere,
        };
        Ok(Effect::CreateAnywhere { from: self.run.entity, ty: ty.no, values, placement, persistent, awaiting: None })
    }

    fn check_creation(
        &self,
        ty: &EntityType,
        persistent: bool,
        position: Option<[f32; 3]>,
        yaw: f32,
    ) -> Result<(), String> {
        let name = &ty.name;
        check_not_global(ty)?;
        if self.state.part == Part::Cell && ty.parts.base {
            return Err(format!("a {name} has a base part, so only a base can create it"));
        }
        if persistent && !ty.parts.base {
            return Err(format!("a {name} has no base part, so it cannot be persistent"));
        }
        if position.is_some() && !ty.parts.cell {
            return Err(format!("a {name} has no cell part, so it has no position"));
        }
        if !position.iter().flatten().chain([&yaw]).all(|number| number.is_finite()) {
            return Err("a position and a yaw are finite numbers".to_owned());
        }
        Ok(())
    }

    fn initial(&self, ty: &EntityType, name: &str, value: Value) -> Result<(PropertyNo, Value), String> {
        let property = ty.property_by_name(name).ok_or_else(|| format!("{} has no property `{name}`", ty.name))?;
        let at = |why| format!("{}.{name}: {why}", ty.name);
        let value = coerce(&property.ty, value).map_err(at)?;
        property.check(&value, &self.state.limits).map_err(at)?;
        Ok((property.no, value))
    }
}

fn check_not_global(ty: &EntityType) -> Result<(), String> {
    if ty.is_global {
        Err(format!("there is one {} already, made by the engine: see `global`", ty.name))
    } else {
        Ok(())
    }
}
