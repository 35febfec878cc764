//! What logic wants: its changes are noted and told, its effects are carried out, until nothing more comes of it.

use kuafu_contract::db::Place;
use kuafu_contract::link::CallMethod;
use kuafu_core::{Change, Code, EntityId, PropertyNo, Refusal, Value};
use kuafu_def::Part;
use kuafu_logic::{Audience, Effect, Placement};
use kuafu_wire::{ServerMessage, Writer, encode_arguments, encode_changes};

use super::Phase;
use crate::calls::{AnswerTo, LocalCall, Origin};
use crate::role::BaseRole;

/// The most rounds of effects that one input may cause; what is left then waits for the next input.
const CASCADE_ROUNDS_MAX: u32 = 10_000;

impl BaseRole {
    /// Carries out all that logic wants because of the present input. What it saves, creates and deletes meanwhile
    /// becomes one transaction.
    pub(crate) fn settle(&mut self) {
        for _ in 0..CASCADE_ROUNDS_MAX {
            self.take_changes();
            let mut idle = true;
            while let Some(effect) = self.host.poll_effect() {
                idle = false;
                self.apply_effect(effect);
            }
            if let Some(call) = self.calls.local.pop_front() {
                idle = false;
                self.run_local(call);
            }
            if idle {
                break;
            }
        }
        while let Some(fault) = self.host.poll_fault() {
            self.counters.count("script_faults");
            self.releases.note_fault(&fault);
            self.faults.push_back(fault);
        }
        self.begin_transaction();
    }

    pub(super) fn take_changes(&mut self) {
        let mut changes = std::mem::take(&mut self.changes);
        self.host.take_changes(&mut changes);
        let mut rest = &changes[..];
        while let Some((entity, _)) = rest.first() {
            let same = rest.iter().take_while(|(other, _)| other == entity).count();
            let (group, later) = rest.split_at(same);
            self.note_changes(*entity, group);
            rest = later;
        }
        changes.clear();
        self.changes = changes;
    }

    /// Changes of one base part: told to its own client, and saved sooner or later.
    fn note_changes(&mut self, id: EntityId, changes: &[(EntityId, Change)]) {
        let Some(entity) = self.entities.get(id) else { return };
        let ty = entity.ty.clone();
        let conn = entity.client;
        let own = changes.iter().map(|(_, change)| change);
        let own = own.filter(|change| ty.property(change.property).is_some_and(|property| property.own_client));
        let mut bytes = bytes::BytesMut::new();
        match (conn, encode_changes(&ty, own.clone(), &mut Writer::new(&mut bytes))) {
            (Some(conn), Ok(())) if own.clone().next().is_some() => {
                self.tell(conn, &ServerMessage::Own { changes: bytes.freeze() });
            }
            (_, Err(why)) => tracing::error!(entity = %id, %why, "changes could not be written"),
            _ => {}
        }
        for (_, change) in changes {
            if let Some(property) = ty.property(change.property).filter(|property| property.persistent) {
                if property.items {
                    self.saver.note_items_changed(id);
                }
                self.mark_dirty(id, change.property);
            }
        }
    }

    fn apply_effect(&mut self, effect: Effect) {
        match effect {
            Effect::Call { from, to, part, method, arguments, awaiting } => {
                let answer = awaiting.map_or(AnswerTo::Nobody, AnswerTo::Await);
                let origin = Origin { caller: kuafu_contract::link::LinkCaller::Logic(from), answer, hops: 0 };
                self.route(origin, to, part == Part::Cell, CallMethod::Named(method), arguments);
            }
            Effect::CallClient { entity, audience, method, arguments } => {
                self.call_client(entity, audience, method, &arguments);
            }
            Effect::Answer { token, outcome } => self.token_answered(token, outcome),
            Effect::Create { ty, values, placement, persistent, id, .. } => {
                let place = self.place_of(placement);
                self.create_entity(id, ty, values, place, persistent);
            }
            Effect::Destroy { entity, forever, .. } => self.end_entity(entity, forever),
            Effect::Save { entity, awaiting, .. } => self.saver.note_save(entity, awaiting),
            Effect::Kick { entity, text } => {
                self.remove_client(entity, Refusal::new(Code::Kicked, text));
                self.begin_leave(entity);
            }
            other => self.directory_effect(other),
        }
    }

    fn place_of(&self, placement: Placement) -> Option<Place> {
        let Placement::Space { space, position, yaw } = placement else { return None };
        let wanted = space.or(self.config.game.start_space)?;
        let (name, _) = self.config.game.spaces.iter().find(|(_, id)| **id == wanted)?;
        Some(Place { space: name.clone(), position, yaw })
    }

    fn call_client(&mut self, id: EntityId, audience: Audience, method: kuafu_core::MethodNo, arguments: &[Value]) {
        let Some(entity) = self.entities.get(id) else { return };
        if audience != Audience::Own {
            self.counters.count("effects_without_space");
            tracing::warn!(entity = %id, "a base part sees no others; call their clients from the cell part");
            return;
        }
        let (Some(conn), Some(method)) = (entity.client, entity.ty.method(method)) else { return };
        let mut bytes = bytes::BytesMut::new();
        let no = method.no;
        match encode_arguments(method, arguments, &mut Writer::new(&mut bytes)) {
            Ok(()) => self.tell(conn, &ServerMessage::CallClient { method: no, arguments: bytes.freeze() }),
            Err(why) => tracing::error!(entity = %id, %why, "arguments of a client call could not be written"),
        }
    }

    /// Notes that the database lacks a property's value; the entity is archived within the archive period.
    pub(crate) fn mark_dirty(&mut self, id: EntityId, property: PropertyNo) {
        let Some(entity) = self.entities.get_mut(id) else { return };
        entity.dirty.insert(property);
        self.plan_archive(id);
    }

    pub(crate) fn run_local(&mut self, call: LocalCall) {
        let live = self.entities.get(call.to).is_some_and(|entity| entity.phase != Phase::Claiming);
        if live {
            self.enter_base_part(call);
        } else {
            self.answer(call.answer, Err(Some(Code::EntityUnknown.into())));
        }
    }
}
