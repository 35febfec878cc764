//! Groups of clients: each base knows its own members, and a call of a group goes to every base.
//!
//! That costs a message a base and call, and nothing when members come and go; a member hears from the moment at which
//! it joined. The other way, telling the base-manager where each group has members, would cost a message to everyone
//! for each party that is formed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use kuafu_contract::base;
use kuafu_core::{EntityId, Limits, TypeNo, Value};
use kuafu_def::{EntityType, Method, Part};
use kuafu_logic::coerce;
use kuafu_wire::{ServerMessage, Writer, encode_arguments};
use rustc_hash::FxHashMap;

use crate::role::BaseRole;

/// Who of this base is in which group.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    members: BTreeMap<Arc<str>, BTreeSet<EntityId>>,
    joined: FxHashMap<EntityId, BTreeSet<Arc<str>>>,
}

impl Groups {
    /// Puts an entity into a group; `false` when it is in as many as it may be.
    pub(crate) fn join(&mut self, entity: EntityId, group: Arc<str>, max: usize) -> bool {
        let joined = self.joined.entry(entity).or_default();
        if joined.contains(&group) {
            return true;
        }
        if joined.len() >= max {
            return false;
        }
        joined.insert(group.clone());
        self.members.entry(group).or_default().insert(entity);
        true
    }

    /// Takes an entity out of a group.
    pub(crate) fn leave(&mut self, entity: EntityId, group: &str) {
        if let Some(joined) = self.joined.get_mut(&entity) {
            joined.remove(group);
            if joined.is_empty() {
                self.joined.remove(&entity);
            }
        }
        if let Some(members) = self.members.get_mut(group) {
            members.remove(&entity);
            if members.is_empty() {
                self.members.remove(group);
            }
        }
    }

    /// An entity is gone.
    pub(crate) fn forget(&mut self, entity: EntityId) {
        for group in self.joined.get(&entity).cloned().unwrap_or_default() {
            self.leave(entity, &group);
        }
    }

    /// In how many groups an entity is.
    pub(crate) fn of(&self, entity: EntityId) -> usize {
        self.joined.get(&entity).map_or(0, BTreeSet::len)
    }

    fn members(&self, group: &str) -> Vec<EntityId> {
        self.members.get(group).into_iter().flatten().copied().collect()
    }
}

impl BaseRole {
    pub(crate) fn join(&mut self, entity: EntityId, group: Arc<str>, on: bool) {
        let max = self.config.limits.groups_per_entity_max as usize;
        let mut groups = self.directory.groups.borrow_mut();
        if !on {
            groups.leave(entity, &group);
        } else if self.entities.get(entity).is_some() && !groups.join(entity, group, max) {
            self.counters.count("groups_refused");
        }
    }

    /// Logic here calls a group: the clients of this base are told, and the other bases.
    pub(crate) fn call_group(&mut self, group: Arc<str>, method: Arc<str>, arguments: Vec<Value>) {
        self.tell_group(&group, &method, &arguments);
        let me = self.config.address;
        let directory = self.directory.follower.view();
        for other in directory.borrow().bases().filter(|base| *base != me) {
            let (group, method, arguments) = (group.clone(), method.clone(), arguments.clone());
            self.book.notice(other, base::Request::CallGroup { group, method, arguments });
        }
    }

    /// Calls a client method on the members' clients here; encoded once a type.
    pub(crate) fn tell_group(&mut self, group: &str, method: &str, arguments: &[Value]) {
        let members = self.directory.groups.borrow().members(group);
        let mut encoded: BTreeMap<TypeNo, Option<ServerMessage>> = BTreeMap::new();
        for member in members {
            let Some(entity) = self.entities.get(member) else { continue };
            let (Some(conn), ty) = (entity.client, entity.ty.clone()) else { continue };
            let limits = &self.config.limits;
            let message = encoded.entry(ty.no).or_insert_with(|| match encode_for(&ty, method, arguments, limits) {
                Ok(message) => Some(message),
                Err(why) => {
                    tracing::warn!(group, method, r#type = ty.name, why, "a call of a group does not fit its members");
                    None
                }
            });
            match message.clone() {
                Some(message) => self.tell(conn, &message),
                None => self.counters.count("group_calls_unfit"),
            }
        }
    }
}

fn encode_for(ty: &EntityType, name: &str, arguments: &[Value], limits: &Limits) -> Result<ServerMessage, String> {
    let method = ty.method_by_name(Part::Client, name).ok_or("it has no such client method")?;
    let fitting = fit(method, arguments, limits)?;
    let mut bytes = BytesMut::new();
    encode_arguments(method, &fitting, &mut Writer::new(&mut bytes)).map_err(|why| why.to_string())?;
    let arguments: Bytes = bytes.freeze();
    Ok(ServerMessage::CallClient { method: method.no, arguments })
}

fn fit(method: &Method, arguments: &[Value], limits: &Limits) -> Result<Vec<Value>, String> {
    if arguments.len() > method.arguments.len() {
        return Err(format!("it takes {} arguments, not {}", method.arguments.len(), arguments.len()));
    }
    let given = arguments.iter().map(Some).chain(std::iter::repeat(None));
    let pairs = method.arguments.iter().zip(given);
    pairs
        .map(|(declared, value)| {
            let value = value.or(declared.default.as_ref()).cloned().unwrap_or_default();
            let value = coerce(&declared.ty, value)?;
            declared.check(&value, limits)?;
            Ok(value)
        })
        .collect()
}
