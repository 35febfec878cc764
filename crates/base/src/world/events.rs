//! Events from cells and other bases.

use kuafu_contract::Address;
use kuafu_contract::db::Place;
use kuafu_contract::link::{Event, WitnessView};
use kuafu_core::{Code, EntityId, PropertyNo, Refusal, Value};
use kuafu_logic::Hook;
use kuafu_wire::{Lattice, ServerMessage};

use crate::entities::CellPart;
use crate::role::BaseRole;

impl BaseRole {
    /// What a peer tells, in order.
    pub(crate) fn link_events(&mut self, peer: Address, events: Vec<Event>) {
        for event in events {
            self.link_event(peer, event);
            self.settle();
        }
    }

    fn link_event(&mut self, peer: Address, event: Event) {
        match event {
            Event::PartCreated { entity, real_epoch } => self.part_created(entity, real_epoch),
            Event::PartRefused { entity, real_epoch, refusal } => self.part_refused(entity, real_epoch, &refusal),
            Event::PartGone { entity, real_epoch, forever } => self.part_gone(entity, real_epoch, forever),
            Event::BackedUp { entity, real_epoch, token, values, place } => {
                self.backed_up(entity, real_epoch, token, values, place);
            }
            Event::SpaceEntered { witness, view } => self.space_entered(peer, witness, view),
            Event::Correct { witness, sequence, position, yaw, code } => {
                self.correct(witness, &ServerMessage::Correct { sequence, position, yaw, code: code as u16 });
            }
            Event::CreateEntity { entity, ty, values, place, persistent } => {
                let place = place.and_then(|(space, position, yaw)| {
                    let (name, _) = self.config.game.spaces.iter().find(|(_, id)| **id == space)?;
                    Some(Place { space: name.clone(), position, yaw })
                });
                self.create_entity(entity, ty, values, place, persistent);
            }
            Event::Kick { entity, text } => {
                self.remove_client(entity, Refusal::new(Code::Kicked, text));
                self.begin_leave(entity);
            }
            Event::Call(call) => self.link_call(peer, call),
            Event::Answer { call, outcome } => self.link_answer(call, outcome),
            Event::Resync => self.tell_all_again(peer),
            Event::CreatePart { .. }
            | Event::DestroyPart { .. }
            | Event::AttachWitness { .. }
            | Event::DetachWitness { .. }
            | Event::Move { .. }
            | Event::Credits(_)
            | Event::BackUp { .. } => {
                self.counters.count("events_misplaced");
                tracing::error!(%peer, "an event that is for a cell came to a base");
            }
        }
    }

    /// A cell lost frames of ours: what it must know of its parts here is told again.
    fn tell_all_again(&mut self, cell: Address) {
        for id in self.entities.all_ids() {
            let Some(entity) = self.entities.get(id).filter(|entity| entity.cell.address() == Some(cell)) else {
                continue;
            };
            match entity.cell {
                CellPart::Creating(cell, space) => self.create_cell_part(id, cell, space),
                CellPart::Ready(..) => {
                    if let Some(witness) = entity.witness {
                        self.tell_peer(cell, Event::AttachWitness { entity: id, witness });
                    }
                }
                CellPart::Ending(_) => {
                    let real_epoch = entity.real_epoch;
                    self.tell_peer(cell, Event::DestroyPart { entity: id, real_epoch });
                }
                CellPart::None | CellPart::Finding(_) => {}
            }
        }
    }

    /// Whether an event is about the cell part that the entity has now; older ones are counted.
    fn is_current(&mut self, entity: EntityId, real_epoch: u32) -> bool {
        let current = self.entities.get(entity).is_some_and(|entity| entity.real_epoch == real_epoch);
        if !current {
            self.counters.count("stale_dropped");
        }
        current
    }

    fn part_created(&mut self, id: EntityId, real_epoch: u32) {
        if !self.is_current(id, real_epoch) {
            return;
        }
        let Some(entity) = self.entities.get_mut(id) else { return };
        if let CellPart::Creating(cell, space) = entity.cell {
            entity.cell = CellPart::Ready(cell, space);
            if entity.is_newborn {
                self.saver.note_save(id, None);
            }
            self.host.hook(self.now, id, Hook::CellReady, &[]);
        }
    }

    fn part_refused(&mut self, id: EntityId, real_epoch: u32, refusal: &Refusal) {
        if !self.is_current(id, real_epoch) {
            return;
        }
        tracing::error!(entity = %id, %refusal, "a cell refused to create a part");
        self.counters.count("parts_refused");
        self.remove_client(id, refusal.clone());
        if let Some(entity) = self.entities.get_mut(id) {
            entity.cell = CellPart::None;
        }
        self.begin_leave(id);
    }

    fn part_gone(&mut self, id: EntityId, real_epoch: u32, forever: Option<bool>) {
        if !self.is_current(id, real_epoch) {
            return;
        }
        self.cell_part_ended(id);
        if let Some(forever) = forever {
            self.end_entity(id, forever);
        }
    }

    fn backed_up(&mut self, id: EntityId, epoch: u32, token: u64, values: Vec<(PropertyNo, Value)>, place: Place) {
        if self.is_current(id, epoch)
            && let Some(entity) = self.entities.get_mut(id)
        {
            (entity.is_new, entity.is_newborn) = (false, false);
            for (no, value) in values {
                if entity.ty.property(no).is_some_and(|property| property.persistent) {
                    entity.dirty.insert(no);
                }
                entity.cell_values.insert(no, value);
            }
            if entity.place.as_ref() != Some(&place) {
                entity.place = Some(place);
                entity.place_dirty = true;
            }
            self.plan_archive(id);
        }
        self.saver.backed_up(token);
    }

    fn space_entered(&mut self, cell: Address, witness: u32, view: WitnessView) {
        let again = self.peers.witnesses.begin_view(witness, cell, view.space);
        let Some(conn) = self.peers.witnesses.get_mut(witness).map(|witness| witness.conn) else { return };
        if again {
            self.tell(conn, &ServerMessage::SpaceLeave);
        }
        let [least_x, least_z, greatest_x, greatest_z] = view.bounds;
        let enter = ServerMessage::SpaceEnter {
            space: view.space,
            name: view.name,
            lattice: Lattice { origin: view.origin, step: view.step },
            least: [least_x, least_z],
            greatest: [greatest_x, greatest_z],
            tick_hz: view.tick_hz,
            view_radius: view.view_radius,
            // The protocol writes "no bound" as 0.
            top_speed: if view.top_speed.is_finite() { view.top_speed } else { 0.0 },
            position: view.position,
            yaw: view.yaw,
        };
        self.tell(conn, &enter);
    }

    fn correct(&mut self, witness: u32, message: &ServerMessage) {
        self.counters.count("corrections");
        if let Some(conn) = self.peers.witnesses.get_mut(witness).map(|witness| witness.conn) {
            self.tell(conn, message);
        }
    }
}
