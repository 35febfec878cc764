//! The directory of a realm: services, names, shared data, and which bases there are.
//!
//! The base-manager is its authority. Every base and cell follows it with a copy: a snapshot first, then numbered
//! updates; one that misses an update asks for a snapshot. Who holds what is known to the holders, so that a base-manager
//! that starts anew hears it from them. The state here is the same on both sides; [`Directory::apply`] is all that
//! changes it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kuafu_core::{EntityId, ServiceId, TypeNo, Value};
use serde::{Deserialize, Serialize};

use crate::Address;

/// An entity that provides a service or holds a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Which.
    pub entity: EntityId,
    /// Its type.
    pub ty: TypeNo,
    /// Where the part lives that is called: a base, or a cell for an entity without a base part.
    pub home: Address,
}

/// One change of the directory, or one entry of a snapshot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Update {
    /// An entity provides a service.
    Provided(ServiceId, Holder),
    /// It does so no more.
    Withdrawn(ServiceId, EntityId),
    /// An entity holds a name.
    Named(Arc<str>, Holder),
    /// Nobody does.
    Unnamed(Arc<str>),
    /// A shared value and its version; no two changes have the same, later ones a greater one. Nothing takes the value
    /// out.
    Shared(Arc<str>, Value, u64),
    /// There is this base.
    BaseHere(Address),
    /// It is gone.
    BaseGone(Address),
}

/// What the base-manager tells those who follow. All are notices.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Feed {
    /// Tell what you hold; a snapshot follows.
    Hello {
        /// The authority, from now on if it is a later life than the one before.
        manager: Address,
    },
    /// All that is known, as updates of an empty directory.
    Snapshot {
        /// The authority.
        manager: Address,
        /// The number of the last update in it.
        number: u64,
        /// What is there.
        entries: Vec<Update>,
    },
    /// What changed.
    Updates {
        /// The authority.
        manager: Address,
        /// The number of the first update.
        first: u64,
        /// In order.
        updates: Vec<Update>,
    },
}

/// What one base or cell tells a base-manager that does not know it yet, or that lost something.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Held {
    /// Who.
    pub by: Address,
    /// Services that its entities provide.
    pub provided: Vec<(ServiceId, Holder)>,
    /// Names that its entities hold.
    pub named: Vec<(Arc<str>, Holder)>,
    /// Shared values as it knows them, with their versions.
    pub shared: Vec<(Arc<str>, Value, u64)>,
}

/// A shared value.
#[derive(Clone, Debug, PartialEq)]
pub struct Shared {
    /// What it is now.
    pub value: Value,
    /// Of its last change.
    pub version: u64,
}

/// How many bytes a shared value takes on its way.
#[must_use]
pub fn encoded_len(value: &Value) -> usize {
    postcard::to_stdvec(value).map_or(usize::MAX, |bytes| bytes.len())
}

/// The state.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Directory {
    /// Providers in the order of their ids.
    services: BTreeMap<ServiceId, Vec<Holder>>,
    providers: usize,
    names: BTreeMap<Arc<str>, Holder>,
    shared: BTreeMap<Arc<str>, Shared>,
    bases: BTreeSet<Address>,
    /// Where each entity that is named here lives, and how often it is named.
    homes: BTreeMap<EntityId, (Address, u32)>,
}

impl Directory {
    /// Does one update. Tells whether anything is different now.
    pub fn apply(&mut self, update: &Update) -> bool {
        match update {
            Update::Provided(service, holder) => self.provide(service, *holder),
            Update::Withdrawn(service, entity) => self.withdraw(service, *entity),
            Update::Named(name, holder) => self.name(name, *holder),
            Update::Unnamed(name) => {
                let before = self.names.remove(name);
                before.inspect(|holder| self.leave_home(holder.entity)).is_some()
            }
            Update::Shared(key, Value::Nil, _) => self.shared.remove(key).is_some(),
            Update::Shared(key, value, version) => {
                let shared = Shared { value: value.clone(), version: *version };
                self.shared.insert(key.clone(), shared.clone()) != Some(shared)
            }
            Update::BaseHere(base) => self.bases.insert(*base),
            Update::BaseGone(base) => self.bases.remove(base),
        }
    }

    fn provide(&mut self, service: &ServiceId, holder: Holder) -> bool {
        let holders = self.services.entry(service.clone()).or_default();
        match holders.binary_search_by_key(&holder.entity, |other| other.entity) {
            Ok(at) => std::mem::replace(&mut holders[at], holder) != holder,
            Err(at) => {
                holders.insert(at, holder);
                self.providers += 1;
                self.take_home(holder);
                true
            }
        }
    }

    fn name(&mut self, name: &Arc<str>, holder: Holder) -> bool {
        let before = self.names.insert(name.clone(), holder);
        self.take_home(holder);
        if let Some(before) = before {
            self.leave_home(before.entity);
        }
        before != Some(holder)
    }

    fn take_home(&mut self, holder: Holder) {
        let home = self.homes.entry(holder.entity).or_insert((holder.home, 0));
        *home = (holder.home, home.1 + 1);
    }

    fn leave_home(&mut self, entity: EntityId) {
        if let Some((_, count)) = self.homes.get_mut(&entity) {
            *count -= 1;
            if *count == 0 {
                self.homes.remove(&entity);
            }
        }
    }

    fn withdraw(&mut self, service: &ServiceId, entity: EntityId) -> bool {
        let Some(holders) = self.services.get_mut(service) else { return false };
        let Ok(at) = holders.binary_search_by_key(&entity, |other| other.entity) else { return false };
        holders.remove(at);
        self.providers -= 1;
        if holders.is_empty() {
            self.services.remove(service);
        }
        self.leave_home(entity);
        true
    }

    /// Who provides a service, in the order of their ids.
    #[must_use]
    pub fn providers(&self, service: &ServiceId) -> &[Holder] {
        self.services.get(service).map_or(&[], Vec::as_slice)
    }

    /// Who holds a name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<Holder> {
        self.names.get(name).copied()
    }

    /// A shared value, if there is one.
    #[must_use]
    pub fn shared(&self, key: &str) -> Option<&Shared> {
        self.shared.get(key)
    }

    /// Where an entity lives that provides a service or holds a name.
    #[must_use]
    pub fn home_of(&self, entity: EntityId) -> Option<Address> {
        self.homes.get(&entity).map(|(home, _)| *home)
    }

    /// The bases of the realm.
    pub fn bases(&self) -> impl Iterator<Item = Address> {
        self.bases.iter().copied()
    }

    /// Names and providers.
    #[must_use]
    pub fn entries_len(&self) -> usize {
        self.names.len() + self.providers
    }

    /// Shared values.
    #[must_use]
    pub fn shared_len(&self) -> usize {
        self.shared.len()
    }

    /// Every service with every provider.
    pub fn all_provided(&self) -> impl Iterator<Item = (&ServiceId, &Holder)> {
        self.services.iter().flat_map(|(service, holders)| holders.iter().map(move |holder| (service, holder)))
    }

    /// Every name with its holder.
    pub fn all_named(&self) -> impl Iterator<Item = (&Arc<str>, &Holder)> {
        self.names.iter()
    }

    /// Every shared value.
    pub fn all_shared(&self) -> impl Iterator<Item = (&Arc<str>, &Shared)> {
        self.shared.iter()
    }

    /// All of it as updates of an empty directory.
    #[must_use]
    pub fn to_updates(&self) -> Vec<Update> {
        let provided = self.all_provided().map(|(service, holder)| Update::Provided(service.clone(), *holder));
        let named = self.names.iter().map(|(name, holder)| Update::Named(name.clone(), *holder));
        let shared = self.shared.iter();
        let shared = shared.map(|(key, shared)| Update::Shared(key.clone(), shared.value.clone(), shared.version));
        let bases = self.bases.iter().map(|base| Update::BaseHere(*base));
        provided.chain(named).chain(shared).chain(bases).collect()
    }
}

#[cfg(test)]
mod tests {
    use kuafu_core::Incarnation;

    use super::*;
    use crate::RoleKind;

    fn holder(entity: u64) -> Holder {
        let home = Address { role: RoleKind::Base, incarnation: Incarnation(4) };
        Holder { entity: EntityId(entity), ty: TypeNo(1), home }
    }

    #[test]
    fn a_snapshot_makes_the_same_directory() {
        let auction = ServiceId::Name("auction".into());
        let mut directory = Directory::default();
        for update in [
            Update::Provided(auction.clone(), holder(2)),
            Update::Provided(auction.clone(), holder(1)),
            Update::Provided(ServiceId::Number(7), holder(1)),
            Update::Named("hall".into(), holder(3)),
            Update::Shared("weather".into(), Value::text("rain"), 4),
            Update::BaseHere(holder(1).home),
        ] {
            assert!(directory.apply(&update), "{update:?} changes something");
            assert!(!directory.apply(&update), "{update:?} changes nothing a second time");
        }
        assert_eq!(directory.providers(&auction).iter().map(|h| h.entity.0).collect::<Vec<_>>(), [1, 2]);
        assert_eq!((directory.entries_len(), directory.shared_len()), (4, 1));
        let mut copy = Directory::default();
        directory.to_updates().iter().for_each(|update| {
            copy.apply(update);
        });
        assert_eq!(copy, directory);
        assert!(copy.apply(&Update::Withdrawn(auction.clone(), EntityId(1))));
        assert!(!copy.apply(&Update::Withdrawn(auction, EntityId(1))));
        assert_eq!(copy.entries_len(), 3);
        assert_eq!(copy.home_of(EntityId(1)), Some(holder(1).home), "it provides number 7 as well");
        assert!(copy.apply(&Update::Withdrawn(ServiceId::Number(7), EntityId(1))));
        assert_eq!(copy.home_of(EntityId(1)), None);
        assert!(copy.apply(&Update::Shared("weather".into(), Value::Nil, 5)));
        assert_eq!(copy.shared_len(), 0);
    }
}
