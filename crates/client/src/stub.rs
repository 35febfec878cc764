//! What typed stubs of a game stand on: views of entities, calls, and calls of client methods, by declared names.
//!
//! `kuafu sdk PROJECT --lang rust` makes the stubs. They name the digest of the definitions that they were made from; a
//! game with another one is not spoken to, so a value that is read here has the type that the stub says.

use kuafu_core::typed::FromValue;
use kuafu_core::{Code, EntityId, Value};
use kuafu_def::Part;

use crate::{CallError, Client, Entity, Event, NotSent, World};

/// An entity of a known type: its id, its place and its properties.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'w> {
    world: &'w World,
    id: EntityId,
    position: [f32; 3],
    yaw: f32,
    /// What is in view; the own entity may be in no space.
    entity: Option<Entity<'w>>,
    own: bool,
}

impl<'w> Seen<'w> {
    /// An entity in view; `None` when it is not, is of another type, or the game has other definitions.
    #[must_use]
    pub fn of(world: &'w World, id: EntityId, ty: &str, digest: &str) -> Option<Self> {
        if world.own().is_some_and(|own| own.id == id) {
            return Self::own(world, ty, digest);
        }
        let entity = world.entity(id).filter(|entity| entity.ty.name == ty && fits(world, digest))?;
        Some(Self { world, id, position: entity.position, yaw: entity.yaw, entity: Some(entity), own: false })
    }

    /// The own entity.
    #[must_use]
    pub fn own(world: &'w World, ty: &str, digest: &str) -> Option<Self> {
        let own = world.own().filter(|own| own.ty.name == ty && fits(world, digest))?;
        let entity = world.at(0).filter(|entity| entity.id == own.id);
        Some(Self { world, id: own.id, position: own.position, yaw: own.yaw, entity, own: true })
    }

    /// All entities of the type in view, the own one too.
    pub fn all(world: &'w World, ty: &'w str, digest: &'w str) -> impl Iterator<Item = Self> {
        world.entities().filter_map(move |entity| Self::of(world, entity.id, ty, digest))
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> EntityId {
        self.id
    }

    /// x, y, z in metres.
    #[must_use]
    pub fn position(&self) -> [f32; 3] {
        self.position
    }

    /// In radians.
    #[must_use]
    pub fn yaw(&self) -> f32 {
        self.yaw
    }

    /// A property; what its type has as nothing when clients do not see it, such as an own one of another player.
    #[must_use]
    pub fn read<T: FromValue + Default>(&self, name: &str) -> T {
        let value = if self.own { self.world.own_property(name) } else { self.entity.and_then(|e| e.property(name)) };
        value.and_then(|value| T::from_value(value).ok()).unwrap_or_default()
    }
}

/// Calls of an entity of a known type.
#[derive(Debug)]
pub struct Remote<'c> {
    client: &'c mut Client,
    /// `None` for the own one.
    entity: Option<EntityId>,
    wrong: Option<NotSent>,
}

impl<'c> Remote<'c> {
    /// Of the own entity.
    #[must_use]
    pub fn own(client: &'c mut Client, ty: &str, digest: &str) -> Self {
        let wrong = match Seen::own(client.world(), ty, digest) {
            Some(_) => None,
            None if client.world().own().is_none() => Some(NotSent::NotInGame),
            None => Some(other_definitions(ty)),
        };
        Self { client, entity: None, wrong }
    }

    /// Of an entity in view.
    #[must_use]
    pub fn of(client: &'c mut Client, entity: EntityId, ty: &str, digest: &str) -> Self {
        let wrong = match Seen::of(client.world(), entity, ty, digest) {
            Some(_) => None,
            None if client.world().entity(entity).is_none() => Some(NotSent::EntityUnknown(entity)),
            None => Some(other_definitions(ty)),
        };
        Self { client, entity: Some(entity), wrong }
    }

    /// Calls a method and waits for its result.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn call<T: FromValue>(&mut self, part: Part, method: &str, arguments: &[Value]) -> Result<T, CallError> {
        if let Some(wrong) = &self.wrong {
            return Err(wrong.clone().into());
        }
        let value = match self.entity {
            None => self.client.call(part, method, arguments).await?,
            Some(entity) => self.client.call_on(entity, part, method, arguments).await?,
        };
        let unfit =
            |unfit| CallError::Unknown { code: Code::DigestMismatch as u16, text: format!("{method}: {unfit}") };
        T::from_value(&value).map_err(unfit)
    }
}

fn other_definitions(ty: &str) -> NotSent {
    NotSent::Arguments(format!("it is no `{ty}`, or the stubs were made from other definitions: run `kuafu sdk` again"))
}

/// A call of a client method.
#[derive(Clone, Copy, Debug)]
pub struct Called<'e> {
    entity: EntityId,
    method: &'e str,
    arguments: &'e [Value],
}

impl<'e> Called<'e> {
    /// What an event calls on an entity of the type, if it does.
    #[must_use]
    pub fn of(world: &World, event: &'e Event, ty: &str, digest: &str) -> Option<Self> {
        let Event::Called { entity, name, arguments, .. } = event else { return None };
        Seen::of(world, *entity, ty, digest)?;
        Some(Self { entity: *entity, method: name, arguments })
    }

    /// Whose method it is.
    #[must_use]
    pub fn entity(&self) -> EntityId {
        self.entity
    }

    /// The method's name.
    #[must_use]
    pub fn method(&self) -> &str {
        self.method
    }

    /// An argument, from 0.
    #[must_use]
    pub fn read<T: FromValue + Default>(&self, no: usize) -> T {
        self.arguments.get(no).and_then(|value| T::from_value(value).ok()).unwrap_or_default()
    }
}

fn fits(world: &World, digest: &str) -> bool {
    world.schema().digest_client.to_string() == digest
}
