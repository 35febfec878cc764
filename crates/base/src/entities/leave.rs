//! How an entity goes: its cell part ends, its last state is saved, its ownership is given up.

use std::time::Duration;

use kuafu_contract::link::Event;
use kuafu_contract::{Address, Outcome, RoleKind, base, base_manager, db};
use kuafu_core::{Code, EntityId, Moment};
use kuafu_edge::{ConnId, EdgeCommand};
use kuafu_logic::Hook;
use kuafu_wire::ServerMessage;

use super::{CellPart, Phase, Waiting};
use crate::role::{BaseRole, Purpose};
use crate::save::{RETRY_FIRST, is_final};

/// How long the last state of a cell part is waited for; then the last backup counts.
const CELL_END_WAIT: Duration = Duration::from_secs(3);

impl BaseRole {
    /// A connection that had this entity is gone.
    pub(crate) fn client_lost(&mut self, entity: EntityId, conn: ConnId) {
        let is_its_client = self.entities.get(entity).is_some_and(|entity| entity.client == Some(conn));
        if !is_its_client {
            return;
        }
        if self.entities.get(entity).is_some_and(|entity| entity.phase == Phase::Claiming) {
            if let Some(entity) = self.entities.get_mut(entity) {
                entity.client = None;
            }
            return;
        }
        self.detach_client(entity);
        self.client_gone(entity);
    }

    /// The grace time of an entity without a client begins.
    pub(crate) fn client_gone(&mut self, entity: EntityId) {
        let grace = Duration::from_millis(self.config.limits.reconnect_grace_ms);
        let until = self.now.at + grace;
        if let Some(entity) = self.entities.get_mut(entity) {
            entity.grace_until = Some(until);
        }
    }

    /// Entities whose clients did not come back, and cells that did not answer.
    pub(crate) fn expire_graces(&mut self) {
        let now = self.now.at;
        let mut over = Vec::new();
        let mut unanswered = Vec::new();
        let mut unreleased = Vec::new();
        let mut unclaimed = Vec::new();
        for entity in self.entities.iter() {
            match entity.phase {
                Phase::Live if entity.grace_until.is_some_and(|until| until <= now) => over.push(entity.id),
                Phase::EndingCell(until) if until <= now => unanswered.push(entity.id),
                Phase::Claiming if entity.claim.as_ref().is_some_and(|claim| claim.again <= now) => {
                    unclaimed.push(entity.id);
                }
                Phase::Releasing(again) if again <= now => unreleased.push(entity.id),
                _ => {}
            }
        }
        over.sort_unstable();
        unanswered.sort_unstable();
        unreleased.sort_unstable();
        unclaimed.sort_unstable();
        for entity in unclaimed {
            self.ask_claim(entity);
        }
        for entity in unreleased {
            self.last_saved(entity);
        }
        for entity in over {
            self.begin_leave(entity);
        }
        for entity in unanswered {
            self.counters.count("cells_silent_at_end");
            self.cell_part_ended(entity);
        }
    }

    /// Starts to take an entity out of the game; does nothing when it is on its way already.
    pub(crate) fn begin_leave(&mut self, id: EntityId) {
        let Some(entity) = self.entities.get_mut(id) else { return };
        match entity.phase {
            Phase::Live => {}
            Phase::Claiming => {
                // The answer of the db will find nobody waiting; the lease is released by then.
                entity.grace_until = Some(self.now.at);
                entity.client = None;
                return;
            }
            _ => return,
        }
        entity.grace_until = None;
        entity.phase = Phase::EndingCell(self.now.at + CELL_END_WAIT);
        self.entities.set_resume(id, None);
        let Some(entity) = self.entities.get_mut(id) else { return };
        match entity.cell.address() {
            Some(cell) => {
                entity.cell = CellPart::Ending(cell);
                let real_epoch = entity.real_epoch;
                self.tell_peer(cell, Event::DestroyPart { entity: id, real_epoch });
            }
            None => self.cell_part_ended(id),
        }
    }

    /// The cell part of an entity is no more.
    pub(crate) fn cell_part_ended(&mut self, id: EntityId) {
        let Some(entity) = self.entities.get_mut(id) else { return };
        entity.cell = CellPart::None;
        if !matches!(entity.phase, Phase::EndingCell(_)) {
            self.host.hook(self.now, id, Hook::CellLost, &[]);
            return;
        }
        entity.phase = Phase::Saving;
        self.host.hook(self.now, id, Hook::Destroy, &[]);
        self.settle();
        self.save_last(id);
    }

    /// Its last state is in the database: the ownership is given up.
    pub(crate) fn last_saved(&mut self, id: EntityId) {
        let Some(entity) = self.entities.get_mut(id) else { return };
        entity.phase = Phase::Releasing(Moment::NEVER);
        let (ty, epoch, by) = (entity.ty.no, entity.epoch, self.config.address.incarnation);
        match entity.record {
            Some(record) => {
                self.book.call(RoleKind::Db, db::Request::Release { ty, record, epoch, by }, Purpose::Release(id));
            }
            None => self.released(id),
        }
    }

    /// The db answered a release. One whose outcome is not known is asked for again: a record that is owned by a base
    /// without knowing it could be claimed by no other.
    pub(crate) fn release_ended(&mut self, id: EntityId, outcome: &Outcome) {
        let again = match outcome {
            Outcome::Value(_) => None,
            Outcome::Refused(refusal) if is_final(refusal.code) => None,
            Outcome::Refused(_) => Some(self.now.at + RETRY_FIRST),
            Outcome::Unknown => Some(self.now.at),
        };
        match (again, self.entities.get_mut(id)) {
            (Some(again), Some(entity)) => {
                self.counters.count("releases_repeated");
                entity.phase = Phase::Releasing(again);
            }
            _ => self.released(id),
        }
    }

    /// Nothing of it is ours any more.
    pub(crate) fn released(&mut self, id: EntityId) {
        let Some(mut entity) = self.entities.remove(id) else { return };
        self.forget_part(id);
        let base = self.config.address;
        if let (Some(session), Some(role)) = (entity.session, entity.record) {
            if entity.waiting.next.is_none() {
                self.close_session(session);
            }
            for unused in std::mem::take(&mut entity.sessions_unused) {
                self.close_session(unused);
            }
            self.book.notice(RoleKind::BaseManager, base_manager::Request::Offline { role, base });
        }
        let next = entity.waiting.next.take();
        self.tell_waiting(entity.waiting);
        if let Some((conn, admission)) = next {
            if self.clients.conns.contains_key(&conn) {
                self.claim_player(conn, admission);
            } else {
                self.close_session((admission.account, admission.epoch));
            }
        }
    }

    /// The entity is no more: those who waited for that are told. Nobody is let in after it here.
    pub(crate) fn tell_waiting(&mut self, waiting: Waiting) {
        for kick in waiting.kicks {
            self.book.answer(kick, Ok(base::Reply::Ended));
        }
        if let Some(conn) = waiting.bye {
            self.see_you(conn);
        }
        if let Some((conn, _)) = waiting.next {
            self.close_conn(conn, Code::RoleDeleted.into());
        }
    }

    fn see_you(&mut self, conn: ConnId) {
        self.tell(conn, &ServerMessage::SeeYou);
        self.flush_conn(conn);
        self.book.external(EdgeCommand::Finish { conn });
        self.clients.conns.remove(&conn);
    }

    /// Another writer took an entity over: it is dropped as it stands, and its client is told.
    pub(crate) fn lose_entity(&mut self, id: EntityId) {
        self.counters.count("ownership_lost");
        tracing::warn!(entity = %id, "another process took the entity over; ours is dropped unsaved");
        self.remove_client(id, Code::LoggedInElsewhere.into());
        let cell = self.entities.get(id).and_then(|entity| Some((entity.cell.address()?, entity.real_epoch)));
        if let Some((cell, real_epoch)) = cell {
            self.tell_peer(cell, Event::DestroyPart { entity: id, real_epoch });
        }
        self.released(id);
    }

    /// Logic or the cell ended an entity for good or until it is loaded again.
    pub(crate) fn end_entity(&mut self, id: EntityId, forever: bool) {
        if !forever {
            self.remove_client(id, Code::Kicked.into());
            self.begin_leave(id);
            return;
        }
        self.remove_client(id, Code::RoleDeleted.into());
        self.host.hook(self.now, id, Hook::Destroy, &[]);
        let Some(entity) = self.entities.remove(id) else { return };
        if let Some(cell) = entity.cell.address() {
            self.tell_peer(cell, Event::DestroyPart { entity: id, real_epoch: entity.real_epoch });
        }
        self.saver.note_delete(&entity);
        self.forget_part(id);
        if let (Some(session), Some(role)) = (entity.session, entity.record) {
            let base = self.config.address;
            self.close_session(session);
            self.book.notice(RoleKind::BaseManager, base_manager::Request::Offline { role, base });
        }
        self.tell_waiting(entity.waiting);
    }

    fn forget_part(&mut self, id: EntityId) {
        self.host.destroy(id);
        self.forget_in_directory(id);
    }

    /// A cell is gone: its parts come back from their bases when the space is placed again.
    pub(crate) fn cells_parts_lost(&mut self, cell: Address) {
        self.space_cells.retain(|_, place| *place != Some(cell));
        let mut lost: Vec<(EntityId, CellPart)> = self
            .entities
            .iter()
            .filter(|entity| entity.cell.address() == Some(cell))
            .map(|entity| (entity.id, entity.cell))
            .collect();
        lost.sort_unstable_by_key(|(id, _)| *id);
        for (id, part) in lost {
            self.cell_part_ended(id);
            if let CellPart::Creating(_, space) | CellPart::Ready(_, space) = part {
                self.restore_cell_part(id, space);
            }
        }
    }
}
