//! Where entities are, and moving about: for cell parts.

use kuafu_core::EntityId;
use kuafu_core::typed::FromValue;
use kuafu_def::Part;
use kuafu_logic::Effect;

use crate::behaviour::{Done, Stop};
use crate::context::Context;

impl Context<'_> {
    /// Where it is: x, y, z in metres. `None` in a base part.
    #[must_use]
    pub fn position(&self) -> Option<[f32; 3]> {
        self.state.world.position(self.run.entity)
    }

    /// Where another entity of the same cell is.
    #[must_use]
    pub fn position_of(&self, other: EntityId) -> Option<[f32; 3]> {
        self.state.world.position(other)
    }

    /// Facing, in radians.
    #[must_use]
    pub fn yaw(&self) -> Option<f32> {
        self.state.world.yaw(self.run.entity)
    }

    /// The name of an entity's type, when it is known here.
    #[must_use]
    pub fn type_of(&self, other: EntityId) -> Option<String> {
        self.state.type_of(other).map(|ty| ty.name.clone())
    }

    /// Metres on the ground to another entity of the same cell.
    #[must_use]
    pub fn distance_to(&self, other: EntityId) -> Option<f32> {
        let ([ax, _, az], [bx, _, bz]) = (self.position()?, self.position_of(other)?);
        Some((ax - bx).hypot(az - bz))
    }

    /// Entities within so many metres, nearest first; of a type, when one is named.
    ///
    /// # Errors
    /// [`Stop::Fault`] when the radius is out of range or there is no such type.
    pub fn nearby(&self, radius: f32, ty: Option<&str>) -> Done<Vec<EntityId>> {
        let radius = self.checked_radius(radius).map_err(Stop::Fault)?;
        let wanted = match ty {
            None => None,
            Some(name) => {
                let found = self.state.definitions.by_name(name);
                Some(found.ok_or_else(|| Stop::Fault(format!("there is no entity type `{name}`")))?.no)
            }
        };
        let (world, mut found) = (&self.state.world, Vec::new());
        world.within(self.run.entity, radius, &mut found);
        found.retain(|id| wanted.is_none() || world.type_of(*id) == wanted);
        Ok(found)
    }

    /// A property of another entity of the same cell that its definition lets others read; `None` when it is not here.
    ///
    /// # Errors
    /// [`Stop::Fault`] when its type has no such property, or it is of another type.
    pub fn public<T: FromValue>(&self, other: EntityId, name: &str) -> Done<Option<T>> {
        let Some(ty) = self.state.type_of(other) else { return Ok(None) };
        let property = ty.property_by_name(name);
        let property = property.ok_or_else(|| Stop::Fault(format!("{} has no property `{name}`", ty.name)))?;
        let value = self.state.world.public_property(other, property.no);
        Ok(value.map(|value| T::from_value(&value)).transpose()?)
    }

    /// Walks in a straight line, metres a second; `on_arrive` follows.
    pub fn move_to(&mut self, target: [f32; 3], speed: f32) {
        let sound = target.iter().chain([&speed]).all(|number| number.is_finite()) && speed > 0.0;
        let entity = self.run.entity;
        self.in_cell(sound, "a target and a speed are finite numbers, the speed more than 0", || Effect::MoveTo {
            entity,
            target,
            speed,
        });
    }

    /// Stops walking.
    pub fn stop(&mut self) {
        let entity = self.run.entity;
        self.in_cell(true, "", || Effect::Stop { entity });
    }

    /// Puts it elsewhere in its space at once; `None` keeps where it looks.
    pub fn teleport(&mut self, position: [f32; 3], yaw: Option<f32>) {
        let sound = position.iter().chain(&yaw).all(|number| number.is_finite());
        let entity = self.run.entity;
        self.in_cell(sound, "a position and a yaw are finite numbers", || Effect::Teleport { entity, position, yaw });
    }

    /// Is told of entities that come and go within so many metres: `on_trigger_enter`, `on_trigger_leave`.
    pub fn add_trigger(&mut self, radius: f32) {
        let entity = self.run.entity;
        match self.checked_radius(radius) {
            Ok(radius) => self.in_cell(true, "", || Effect::AddTrigger { entity, radius }),
            Err(why) => self.wrong(why),
        }
    }

    fn in_cell(&mut self, sound: bool, why: &str, effect: impl FnOnce() -> Effect) {
        if self.state.part != Part::Cell {
            self.wrong("only a cell part stands in a space".to_owned());
        } else if sound {
            self.ask(effect());
        } else {
            self.wrong(why.to_owned());
        }
    }

    pub(crate) fn checked_radius(&self, radius: f32) -> Result<f32, String> {
        let max = self.state.limits.view_radius_max as f32;
        if (0.0..=max).contains(&radius) { Ok(radius) } else { Err(format!("a radius is 0 to {max} metres")) }
    }
}
