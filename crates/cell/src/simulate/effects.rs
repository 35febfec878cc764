//! What logic wants done, carried out in the order in which it was said.

use kuafu_contract::link::Event;
use kuafu_core::{EntityId, MethodNo, Now, Value};
use kuafu_def::Part as PartKind;
use kuafu_logic::{Audience, Effect, Fault};
use kuafu_space::{MoveTo, MovedBy, Position, Space, SpaceError};
use kuafu_wire::{Writer, encode_client_call};

use super::Entry;
use crate::role::CellRole;
use crate::world::Home;

impl CellRole {
    pub(crate) fn apply_effect(&mut self, now: Now, effect: Effect) {
        match effect {
            Effect::Call { .. } => self.send_call(now, effect),
            Effect::CallClient { entity, audience, method, arguments } => {
                self.call_clients(now, entity, audience, method, &arguments);
            }
            Effect::Answer { token, outcome } => self.settle_answer(token, outcome),
            Effect::Create { .. } => self.create_entity(now, effect),
            Effect::Destroy { entity, forever, .. } => self.destroy_entity(entity, forever),
            Effect::Save { entity, awaiting, .. } => {
                let refusal = kuafu_core::Refusal::new(kuafu_core::Code::NotAllowed, SAVE_REFUSED);
                if let Some(awaiting) = awaiting {
                    self.entries.push(Entry::Resume { awaiting, outcome: Err(kuafu_logic::Failure::Refused(refusal)) });
                }
                self.fault(now, entity, "save", SAVE_REFUSED.to_owned());
            }
            Effect::Kick { entity, text } => self.kick(entity, text),
            Effect::MoveTo { entity, target: [x, y, z], speed } => {
                let order = MoveTo { target: Position::new(x, y, z), speed };
                self.with_space(now, entity, "move_to", |space, home| space.start_move(home.index, order));
            }
            Effect::Stop { entity } => {
                self.with_space(now, entity, "stop", |space, home| {
                    space.stop_move(home.index);
                    Ok(())
                });
            }
            Effect::Teleport { entity, position, yaw } => self.teleport(now, entity, position, yaw),
            Effect::AddTrigger { entity, radius } => self.add_trigger(now, entity, radius),
            other => self.directory_effect(now, other),
        }
    }

    /// Does something with the space of an entity; what the space refuses is a fault of the script.
    fn with_space(
        &mut self,
        now: Now,
        entity: EntityId,
        what: &'static str,
        act: impl FnOnce(&mut Space, Home) -> Result<(), SpaceError>,
    ) {
        let done = {
            let mut spaces = self.world.spaces.borrow_mut();
            spaces.home(entity).map(|home| act(&mut spaces.open[home.space].space, home))
        };
        match done {
            Some(Ok(())) => {}
            Some(Err(error)) => self.fault(now, entity, what, error.to_string()),
            None => self.counters.count("effects_unknown"),
        }
    }

    fn teleport(&mut self, now: Now, entity: EntityId, [x, y, z]: [f32; 3], yaw: Option<f32>) {
        self.with_space(now, entity, "teleport", |space, home| {
            space.stop_move(home.index);
            let yaw = yaw.or(space.entities().yaw(home.index)).unwrap_or_default();
            space.set_position(home.index, Position::new(x, y, z), yaw, MovedBy::Server)
        });
        let mut spaces = self.world.spaces.borrow_mut();
        let Some((home, Some(witness))) = spaces.part(entity).map(|(home, part)| (home, part.witness)) else { return };
        if let Some(witness) = spaces.open[home.space].witness_mut(witness) {
            witness.budget.clear(now.at);
        }
    }

    fn add_trigger(&mut self, now: Now, entity: EntityId, radius: f32) {
        let mut added = None;
        self.with_space(now, entity, "add_trigger", |space, home| {
            added = Some(space.add_trigger(home.index, radius)?);
            Ok(())
        });
        let mut spaces = self.world.spaces.borrow_mut();
        if let (Some(trigger), Some((_, part))) = (added, spaces.part_mut(entity)) {
            part.triggers.push((trigger, radius));
        }
    }

    pub(crate) fn destroy_entity(&mut self, entity: EntityId, forever: bool) {
        let standing = self.world.spaces.borrow().part(entity).map(|(_, part)| part.real_epoch);
        match standing {
            Some(real_epoch) => self.entries.push(Entry::Destroy { entity, real_epoch, forever: Some(forever) }),
            None => self.counters.count("effects_unknown"),
        }
    }

    fn kick(&mut self, entity: EntityId, text: String) {
        let base = self.world.spaces.borrow().part(entity).and_then(|(_, part)| part.base);
        match base {
            Some(base) => self.tell(base, Event::Kick { entity, text }),
            None => self.counters.count("effects_unknown"),
        }
    }

    fn call_clients(&mut self, now: Now, entity: EntityId, audience: Audience, method: MethodNo, arguments: &[Value]) {
        let mut spaces = self.world.spaces.borrow_mut();
        let Some((home, part)) = spaces.part(entity) else {
            return self.counters.count("effects_unknown");
        };
        let ty = part.layout.ty.clone();
        self.scratch.clear();
        let declared = ty.method(method).filter(|method| method.part == PartKind::Client);
        let encoded = match declared {
            Some(declared) => encode_client_call(declared, arguments, &mut Writer::new(&mut self.scratch))
                .map_err(|error| format!("{}: {error}", declared.name)),
            None => Err(format!("{} has no client method {method}", ty.name)),
        };
        match encoded {
            Ok(()) => {
                if !spaces.open[home.space].calls.push(home.index, audience, &self.scratch) {
                    self.counters.count("client_calls_dropped");
                }
            }
            Err(why) => {
                drop(spaces);
                self.fault(now, entity, "client call", why);
            }
        }
    }

    /// Reports an effect that makes no sense as an error of the entity's logic.
    pub(crate) fn fault(&mut self, now: Now, entity: EntityId, entry: &str, message: String) {
        let type_name =
            self.world.spaces.borrow().part(entity).map_or_else(String::new, |(_, part)| part.layout.ty.name.clone());
        self.report_fault(now, Fault { entity, type_name, entry: entry.to_owned(), message });
    }
}

const SAVE_REFUSED: &str = "a cell part cannot save: call a method of the base part that saves";
