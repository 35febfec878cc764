//! What the whole realm shares: services, global names, shared values, groups of clients, and finding entities.

use std::sync::Arc;

use kuafu_core::typed::{FromValue, IntoValue};
use kuafu_core::{EntityId, RecordId, ServiceId, Value, service};
use kuafu_def::{EntityType, Part};
use kuafu_logic::{Effect, FindBy, coerce};

use crate::behaviour::Done;
use crate::calls::Pending;
use crate::context::Context;
use crate::handler::Arguments;

/// Bytes of the name of a service, a name, a key or a group; a longer one is a fault.
const NAME_BYTES_MAX: usize = 128;

/// Bytes of the name of a measure; a longer one is a fault.
const MEASURE_BYTES_MAX: usize = 64;

impl<'h> Context<'h> {
    /// Provides a service from now on: `ServiceId::Name("auction".into())`. It ends with `true` when this role knows it.
    /// For the part that others reach: the base part, where there is one.
    pub fn provide(&mut self, service: ServiceId) -> Pending<'_, 'h> {
        let entity = self.run.entity;
        match self.anchored("a service") {
            Ok(()) => self.pending(Effect::Provide { entity, service, awaiting: None }),
            Err(why) => self.refused(why),
        }
    }

    /// Provides a service no more.
    pub fn withdraw(&mut self, service: ServiceId) {
        let entity = self.run.entity;
        self.ask(Effect::Withdraw { entity, service });
    }

    /// Calls a method of one of a service's providers: of the same one for the same key, else in turn.
    pub fn call_service(
        &mut self,
        service: ServiceId,
        key: Option<Value>,
        method: &str,
        arguments: impl Arguments,
    ) -> Pending<'_, 'h> {
        let key = match key.map(|key| service::key_hash(&key)) {
            Some(None) => return self.refused("a key is a text, a number, a bool or an entity".to_owned()),
            key => key.flatten(),
        };
        let (from, method, arguments) = (self.run.entity, Arc::from(method), arguments.into_values());
        self.pending(Effect::CallService { from, service, key, method, arguments, awaiting: None })
    }

    /// Claims a global name; one entity of the realm holds it. It ends with `true` when this one does.
    pub fn claim_name(&mut self, name: &str) -> Pending<'_, 'h> {
        let entity = self.run.entity;
        match self.anchored("a name").and_then(|()| checked(name, "a name")) {
            Ok(name) => self.pending(Effect::ClaimName { entity, name, awaiting: None }),
            Err(why) => self.refused(why),
        }
    }

    /// Gives a global name up.
    pub fn release_name(&mut self, name: &str) {
        let entity = self.run.entity;
        self.named_effect(name, "a name", |name| Effect::ReleaseName { entity, name });
    }

    /// Who holds a global name, as far as it is known here. An entity type with `global = true` is found by its own.
    #[must_use]
    pub fn global(&self, name: &str) -> Option<EntityId> {
        self.state.world.named(name)
    }

    /// Sets a value that the whole realm shares; [`Value::Nil`] takes it out. It ends with `true` when this role knows it.
    pub fn share(&mut self, key: &str, value: impl IntoValue) -> Pending<'_, 'h> {
        let from = self.run.entity;
        match checked(key, "a key") {
            Ok(key) => self.pending(Effect::Share { from, key, value: value.into_value(), awaiting: None }),
            Err(why) => self.refused(why),
        }
    }

    /// A shared value, as far as it is known here. Structs and enums are what the one who shared them made of them.
    ///
    /// # Errors
    /// A fault when it is of another type.
    pub fn shared<T: FromValue>(&self, key: &str) -> Done<Option<T>> {
        Ok(self.state.world.shared(key).map(|value| T::from_value(&value)).transpose()?)
    }

    /// Is told of changes of a shared value by `on_shared`, or with `on` false no more.
    pub fn watch(&mut self, key: &str, on: bool) {
        let entity = self.run.entity;
        self.named_effect(key, "a key", |key| Effect::Watch { entity, key, on });
    }

    /// Base part: puts its client into a group. At most `groups_per_entity_max`.
    pub fn join(&mut self, group: &str) {
        let (entity, max) = (self.run.entity, self.state.limits.groups_per_entity_max as usize);
        let joining = self.run.effects.iter().filter(|effect| matches!(effect, Effect::Join { on: true, .. })).count();
        if self.state.part != Part::Base {
            self.wrong("the base part has the client: join there".to_owned());
        } else if self.state.world.groups_len(entity) + joining >= max {
            self.wrong(format!("the entity is in {max} groups already (groups_per_entity_max)"));
        } else {
            self.named_effect(group, "a group", |group| Effect::Join { entity, group, on: true });
        }
    }

    /// Base part: takes its client out of a group.
    pub fn leave(&mut self, group: &str) {
        let entity = self.run.entity;
        self.named_effect(group, "a group", |group| Effect::Join { entity, group, on: false });
    }

    /// Calls a client method on the clients of a group, on all bases; those whose type has no such method are left out.
    pub fn call_group(&mut self, group: &str, method: &str, arguments: impl Arguments) {
        let (from, method, arguments) = (self.run.entity, Arc::from(method), arguments.into_values());
        self.named_effect(group, "a group", |group| Effect::CallGroup { from, group, method, arguments });
    }

    /// Looks for a persistent entity by its record. It ends with its id, or with nothing (`Option<EntityId>`). With `load`
    /// one that lives nowhere is loaded on the least loaded base.
    pub fn find_record(&mut self, ty: &str, record: RecordId, load: bool) -> Pending<'_, 'h> {
        let found = self.findable(ty).map(|ty| ty.no);
        self.find(found, Ok(FindBy::Record(record)), load)
    }

    /// The same by the value of a unique or indexed property.
    pub fn find_by(&mut self, ty: &str, property: &str, value: impl IntoValue, load: bool) -> Pending<'_, 'h> {
        let found = self.findable(ty);
        let by = found.clone().and_then(|ty| self.search_by(&ty, property, value.into_value()));
        self.find(found.map(|ty| ty.no), by, load)
    }

    fn find(
        &mut self,
        ty: Result<kuafu_core::TypeNo, String>,
        by: Result<FindBy, String>,
        load: bool,
    ) -> Pending<'_, 'h> {
        let from = self.run.entity;
        match ty.and_then(|ty| Ok((ty, by?))) {
            Ok((ty, by)) => self.pending(Effect::Find { from, ty, by, load, awaiting: None }),
            Err(why) => self.refused(why),
        }
    }

    fn findable(&self, name: &str) -> Result<Arc<EntityType>, String> {
        let ty = self.state.definitions.by_name(name).ok_or_else(|| format!("there is no entity type `{name}`"))?;
        if ty.is_persistent() {
            Ok(Arc::clone(ty))
        } else {
            Err(format!("a {name} has nothing persistent, so it cannot be found; give it a name or a service"))
        }
    }

    fn search_by(&self, ty: &EntityType, name: &str, value: Value) -> Result<FindBy, String> {
        let at = |why: String| format!("{}.{name}: {why}", ty.name);
        let property = ty.property_by_name(name).ok_or_else(|| format!("{} has no property `{name}`", ty.name))?;
        if !(property.persistent && (property.unique || property.indexed)) {
            return Err(at("to be found by it, it is persistent and `unique = true` or `indexed = true`".to_owned()));
        }
        let value = coerce(&property.ty, value).map_err(at)?;
        property.check(&value, &self.state.limits).map_err(at)?;
        Ok(FindBy::Property(property.no, value))
    }

    /// Ends another entity, if it can be found. It ends with `true` when that is done.
    pub fn end(&mut self, entity: EntityId, forever: bool) -> Pending<'_, 'h> {
        let from = self.run.entity;
        self.pending(Effect::End { from, entity, forever, awaiting: None })
    }

    /// The entities whose clients see it, nearest first. Cell part.
    #[must_use]
    pub fn viewers(&self) -> Vec<EntityId> {
        let mut found = Vec::new();
        self.state.world.viewers(self.run.entity, &mut found);
        found
    }

    /// The entities that its client sees, nearest first. Cell part.
    #[must_use]
    pub fn in_view(&self) -> Vec<EntityId> {
        let mut found = Vec::new();
        self.state.world.in_view(self.run.entity, &mut found);
        found
    }

    /// Adds to a number that the console shows and `/metrics` tells: small letters, digits and `_`.
    pub fn count(&mut self, name: &str, amount: f64) {
        self.measure(name, amount, false);
    }

    /// Sets such a number.
    pub fn gauge(&mut self, name: &str, value: f64) {
        self.measure(name, value, true);
    }

    fn measure(&mut self, name: &str, amount: f64, is_gauge: bool) {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        if (1..=MEASURE_BYTES_MAX).contains(&name.len()) && name.bytes().all(fits) && amount.is_finite() {
            self.ask(Effect::Measure { name: Arc::from(name), amount, is_gauge });
        } else {
            self.wrong(format!("`{name}`: a measure has small letters, digits and `_`, and a finite number"));
        }
    }

    fn named_effect(&mut self, name: &str, what: &str, effect: impl FnOnce(Arc<str>) -> Effect) {
        match checked(name, what) {
            Ok(name) => self.ask(effect(name)),
            Err(why) => self.wrong(why),
        }
    }

    /// Only the part that others can reach can be found.
    fn anchored(&self, what: &str) -> Result<(), String> {
        if self.state.part == Part::Cell && self.run.ty.parts.base {
            return Err(format!("{what} is for the base part of a {}: ask for it there", self.run.ty.name));
        }
        Ok(())
    }
}

/// A text that names something.
fn checked(text: &str, what: &str) -> Result<Arc<str>, String> {
    if (1..=NAME_BYTES_MAX).contains(&text.len()) {
        Ok(Arc::from(text))
    } else {
        Err(format!("{what} has 1 to {NAME_BYTES_MAX} bytes"))
    }
}
