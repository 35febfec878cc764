//! Components of entities as a client sees them: the properties of a slot by their own names.

use std::sync::Arc;

use kuafu_core::Value;
use kuafu_def::{EntityType, Part};

use crate::world::Properties;

/// A component of an entity. Its method `heal` is called as the method `SLOT.heal` of the entity, or by
/// [`Client::call_component`](crate::Client::call_component).
#[derive(Clone, Copy, Debug)]
pub struct Component<'a> {
    ty: &'a Arc<EntityType>,
    slot: &'a str,
    /// Where what the server sent is to be looked for.
    sent: [Option<&'a Properties>; 2],
}

impl<'a> Component<'a> {
    /// The component in a slot; `None` when nothing in it is for clients.
    pub(crate) fn of(ty: &'a Arc<EntityType>, slot: &str, sent: [Option<&'a Properties>; 2]) -> Option<Self> {
        let properties = ty.properties.iter().map(|property| property.in_slot().0);
        let methods = ty.methods.iter().map(|method| method.in_slot().0);
        let slot = properties.chain(methods).flatten().find(|known| *known == slot)?;
        Some(Self { ty, slot, sent })
    }

    /// Under which name the entity has it.
    #[must_use]
    pub fn slot(&self) -> &'a str {
        self.slot
    }

    /// The name of its type; that of the slot when the server does not tell.
    #[must_use]
    pub fn component(&self) -> &'a str {
        self.ty.component(self.slot).map_or(self.slot, |component| &component.component)
    }

    /// A property that clients see; the default when the server sent none.
    #[must_use]
    pub fn property(&self, name: &str) -> Option<&'a Value> {
        self.properties().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// Every property that clients see.
    pub fn properties(&self) -> impl Iterator<Item = (&'a str, &'a Value)> + use<'a> {
        let Self { ty, slot, sent } = *self;
        ty.properties.iter().filter_map(move |property| {
            let (in_slot, name) = property.in_slot();
            let value = sent.into_iter().flatten().find_map(|sent| sent.get(property.no));
            (in_slot == Some(slot)).then_some((name, value.unwrap_or(&property.default)))
        })
    }
}

/// The part on which a component has an exposed method, when it has it on one only.
pub(crate) fn part_of(ty: &EntityType, slot: &str, method: &str) -> Option<Part> {
    let wanted = (Some(slot), method);
    let mut parts = ty.methods.iter().filter(|m| m.in_slot() == wanted && m.exposed.is_exposed()).map(|m| m.part);
    let part = parts.next()?;
    parts.next().is_none().then_some(part)
}
