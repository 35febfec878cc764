//! How an entity comes to be: claimed from the database for a player, loaded at start, or created by logic.

use kuafu_contract::db::{self, Place};
use kuafu_contract::link::Event;
use kuafu_contract::{Outcome, Reply, RoleKind, base_manager, cell_manager};
use kuafu_core::{Code, EntityId, Epoch, Moment, PropertyNo, RecordId, Refusal, SpaceId, TypeNo, Value};
use kuafu_def::Part;
use kuafu_edge::{ConnId, EdgeCommand};
use kuafu_logic::{EntitySeed, Hook, World};
use kuafu_wire::{ServerMessage, Writer, encode_properties};

use super::{CellPart, Claim, Entity, Phase};
use crate::clients::{Admission, ConnState};
use crate::role::{BaseRole, Purpose};
use crate::save::{RETRY_FIRST, is_final};

/// Which parts of an entity begin their lives: logic creates those, and loads the others.
#[derive(Clone, Copy, Debug)]
struct Born {
    base: bool,
    cell: bool,
}

/// How many records of a type are asked for at once at start.
const AUTOLOAD_PAGE: u32 = 500;

impl BaseRole {
    /// Asks the db for a player's record.
    pub(crate) fn claim_player(&mut self, conn: ConnId, admission: Admission) {
        let role_type = self.config.game.role_type;
        let first = self.config.game.name_property.map(|no| (no, Value::text(&admission.role_name)));
        let Some(id) = self.claim(role_type, admission.role, Some(first.into_iter().collect())) else {
            self.close_conn(conn, Code::Busy.into());
            return;
        };
        if let Some(entity) = self.entities.get_mut(id) {
            entity.session = Some((admission.account, admission.epoch));
            entity.client = Some(conn);
        }
        if let Some(conn) = self.clients.get_mut(conn) {
            conn.state = ConnState::Entering(id);
        }
    }

    pub(crate) fn claim(
        &mut self,
        ty: TypeNo,
        record: RecordId,
        or_create: Option<Vec<(PropertyNo, Value)>>,
    ) -> Option<EntityId> {
        let definition = self.config.definitions.get(ty)?.clone();
        let id = self.ids.draw_id()?;
        let mut entity = Entity::new(id, definition, Phase::Claiming);
        entity.record = Some(record);
        entity.claim = Some(Claim { or_create, is_unsure: false, again: Moment::NEVER });
        self.entities.insert(entity);
        self.ask_claim(id);
        Some(id)
    }

    /// Asks the db for the record of an entity, for the first time or again.
    pub(crate) fn ask_claim(&mut self, id: EntityId) {
        let by = self.config.address.incarnation;
        let Some(entity) = self.entities.get_mut(id) else { return };
        let (Some(record), Some(claim)) = (entity.record, &mut entity.claim) else { return };
        claim.again = Moment::NEVER;
        let request = db::Request::Claim { ty: entity.ty.no, record, by, or_create: claim.or_create.clone() };
        self.book.call(RoleKind::Db, request, Purpose::Claim(id));
    }

    /// A claim whose outcome is not known is made again until it is: a record that is owned by a base without knowing
    /// it could be claimed by no other.
    fn claims_again(&mut self, id: EntityId, outcome: &Outcome) -> bool {
        let now = self.now.at;
        let Some(claim) = self.entities.get_mut(id).and_then(|entity| entity.claim.as_mut()) else { return false };
        let is_known = match outcome {
            Outcome::Value(_) => true,
            Outcome::Refused(refusal) => {
                claim.is_unsure |= refusal.code == Code::DeadlinePassed;
                is_final(refusal.code)
            }
            Outcome::Unknown => {
                claim.is_unsure = true;
                false
            }
        };
        let again = claim.is_unsure && !is_known;
        if again {
            claim.again = now + RETRY_FIRST;
            self.counters.count("claims_repeated");
        }
        again
    }

    /// The db answered a claim.
    pub(crate) fn claimed(&mut self, id: EntityId, outcome: Outcome) {
        let Some(entity) = self.entities.get_mut(id) else { return };
        let (epoch, record, born) = match outcome {
            Outcome::Value(Reply::Db(db::Reply::Claimed { epoch, record, created, cell_created })) => {
                (epoch, record, Born { base: created, cell: cell_created })
            }
            other => {
                if !self.claims_again(id, &other) {
                    self.claim_failed(id, other);
                }
                return;
            }
        };
        entity.claim = None;
        entity.epoch = epoch;
        entity.phase = Phase::Live;
        entity.place = record.place;
        let role = entity.session.is_some().then_some(record.record);
        self.come_alive(id, record.values, born);
        if let Some(role) = role {
            let base = self.config.address;
            self.book.notice(RoleKind::BaseManager, base_manager::Request::Online { role, base });
        }
        let Some(entity) = self.entities.get(id) else { return };
        match (entity.session, entity.client) {
            (Some(_), None) if entity.grace_until.is_some() => self.begin_leave(id),
            // The client went while the record was read: the grace time begins as if it had played.
            (Some(_), None) => self.client_gone(id),
            (_, Some(conn)) => {
                if let Some(entity) = self.entities.get_mut(id) {
                    entity.client = None;
                }
                self.give_client(id, conn, false);
            }
            (None, None) => {}
        }
    }

    fn claim_failed(&mut self, id: EntityId, outcome: Outcome) {
        let refusal = match outcome {
            Outcome::Refused(refusal) => refusal,
            _ => Refusal::from(Code::Unavailable),
        };
        let Some(entity) = self.entities.remove(id) else { return };
        if let Some(session) = entity.session {
            self.close_session(session);
            tracing::warn!(record = ?entity.record, %refusal, "a player's record could not be loaded");
        }
        self.counters.count("claims_failed");
        self.tell_waiting(entity.waiting);
        if let Some(conn) = entity.client {
            if let Some(conn) = self.clients.get_mut(conn) {
                conn.state = ConnState::Leaving;
            }
            self.close_conn(conn, refusal);
        }
    }

    /// Gives an entity its values, its base part and its cell part, and tells logic.
    fn come_alive(&mut self, id: EntityId, values: Vec<(PropertyNo, Value)>, born: Born) {
        let Some(entity) = self.entities.get_mut(id) else { return };
        let ty = entity.ty.clone();
        let (base, cell): (Vec<_>, Vec<_>) = values
            .into_iter()
            .filter(|(no, _)| ty.property(*no).is_some())
            .partition(|(no, _)| ty.property(*no).is_some_and(|property| property.part == Part::Base));
        entity.cell_values = cell.into_iter().collect();
        entity.is_new = born.cell;
        entity.is_newborn = born.cell && (entity.record.is_some() || entity.epoch != Epoch(0));
        let save = born.base && entity.record.is_some();
        let seed = EntitySeed { id, ty: ty.clone(), record: entity.record, values: base };
        if ty.parts.cell {
            let start = self.config.game.start_space;
            let at = entity.place.as_ref().and_then(|place| self.config.game.spaces.get(&place.space).copied());
            if let Some(space) = at.or(start) {
                entity.cell = CellPart::Finding(space);
            }
        }
        self.host.create(seed);
        self.host.hook(self.now, id, if born.base { Hook::Create } else { Hook::Load }, &[]);
        if save {
            // Until this is committed whoever claims the record creates it anew.
            self.saver.note_save(id, None);
        }
        self.find_cell(id);
    }

    /// Looks for the cell of the space that the entity wants to be in, and has its cell part created there.
    fn find_cell(&mut self, id: EntityId) {
        let Some(Entity { cell: CellPart::Finding(space), .. }) = self.entities.get(id) else { return };
        let space = *space;
        match self.space_cells.get(&space) {
            Some(Some(cell)) => {
                let cell = *cell;
                self.create_cell_part(id, cell, space);
            }
            Some(None) => {}
            None => self.ask_for_space(space),
        }
    }

    fn ask_for_space(&mut self, space: SpaceId) {
        self.space_cells.insert(space, None);
        self.book.call(RoleKind::CellManager, cell_manager::Request::Find { space }, Purpose::FindSpace(space));
    }

    /// The cell-manager answered where a space is.
    pub(crate) fn space_found(&mut self, space: SpaceId, outcome: Outcome) {
        let Outcome::Value(Reply::CellManager(cell_manager::Reply::Cell(cell))) = outcome else {
            // No cell has it yet; those who wait are worth asking again.
            self.space_cells.remove(&space);
            self.counters.count("spaces_not_found");
            if self.entities.iter().any(|entity| entity.cell == CellPart::Finding(space)) {
                self.ask_for_space(space);
            }
            return;
        };
        self.space_cells.insert(space, Some(cell));
        for id in self.entities.all_ids() {
            if self.entities.get(id).is_some_and(|entity| entity.cell == CellPart::Finding(space)) {
                self.create_cell_part(id, cell, space);
            }
        }
    }

    /// A cell died with the part of this entity: it comes back from what was backed up last.
    pub(crate) fn restore_cell_part(&mut self, id: EntityId, space: SpaceId) {
        let Some(entity) = self.entities.get_mut(id) else { return };
        entity.cell = CellPart::Finding(space);
        self.find_cell(id);
    }

    pub(crate) fn create_cell_part(&mut self, id: EntityId, cell: kuafu_contract::Address, space: SpaceId) {
        let Some(entity) = self.entities.get_mut(id) else { return };
        entity.real_epoch += 1;
        entity.cell = CellPart::Creating(cell, space);
        let position = entity.place.as_ref().map(|place| (place.position, place.yaw));
        let create = Event::CreatePart {
            entity: id,
            ty: entity.ty.no,
            record: entity.record,
            real_epoch: entity.real_epoch,
            space,
            position,
            values: entity.cell_values.iter().map(|(no, value)| (*no, value.clone())).collect(),
            loaded: !entity.is_new,
        };
        let witness = entity.witness;
        self.tell_peer(cell, create);
        if let Some(witness) = witness {
            self.tell_peer(cell, Event::AttachWitness { entity: id, witness });
        }
    }

    /// A client takes an entity: the one before it is told, and the new one is told all.
    pub(crate) fn give_client(&mut self, id: EntityId, conn: ConnId, retaken: bool) {
        self.remove_client(id, Code::LoggedInElsewhere.into());
        // What logic has changed until here is in the properties that the client gets; it must not hear of it again.
        self.take_changes();
        let token = self.chance.token();
        self.entities.set_resume(id, Some(token));
        let Some(entity) = self.entities.get_mut(id) else { return };
        entity.client = Some(conn);
        entity.grace_until = None;
        let mut properties = bytes::BytesMut::new();
        let own: Vec<(PropertyNo, Value)> = entity
            .ty
            .properties
            .iter()
            .filter(|property| property.part == Part::Base && property.own_client)
            .filter_map(|property| Some((property.no, self.host.read(id, property.no)?)))
            .collect();
        let pairs = own.iter().map(|(no, value)| (*no, value));
        if let Err(why) = encode_properties(&entity.ty, pairs, &mut Writer::new(&mut properties)) {
            tracing::error!(entity = %id, %why, "properties of a base part could not be written");
        }
        let attached = ServerMessage::Attached {
            entity: id,
            type_no: entity.ty.no,
            record: entity.record.unwrap_or_default(),
            resume: token,
            retaken,
            properties: properties.freeze(),
        };
        let has_cell = entity.ty.parts.cell;
        if let Some(conn) = self.clients.get_mut(conn) {
            conn.state = ConnState::Playing(id);
            conn.out.message(&attached);
        }
        self.flush_conn(conn);
        self.book.external(EdgeCommand::Established { conn });
        if has_cell {
            self.attach_witness(id, conn);
        }
        self.counters.count("clients_attached");
        self.host.hook(self.now, id, Hook::ClientAttached, &[Value::Bool(retaken)]);
    }

    fn attach_witness(&mut self, id: EntityId, conn: ConnId) {
        let witness = self.peers.witnesses.take(conn);
        let Some(entity) = self.entities.get_mut(id) else { return };
        entity.witness = Some(witness);
        if let Some(cell) = entity.cell.address() {
            self.tell_peer(cell, Event::AttachWitness { entity: id, witness });
        }
    }

    /// Asks for the records of a type that live without players.
    pub(crate) fn autoload_from(&mut self, ty: TypeNo, after: RecordId) {
        let request = db::Request::Autoload { ty, after, limit: AUTOLOAD_PAGE };
        self.book.call(RoleKind::Db, request, Purpose::Autoload(ty));
    }

    /// The db named records to load.
    pub(crate) fn autoloaded(&mut self, ty: TypeNo, outcome: Outcome) {
        if self.draining {
            return;
        }
        let Outcome::Value(Reply::Db(db::Reply::Records(records))) = outcome else {
            tracing::error!(?outcome, %ty, "the entities that live without players could not be listed; trying again");
            self.autoload_from(ty, RecordId(0));
            return;
        };
        if records.is_empty() && !self.entities.iter().any(|entity| entity.ty.no == ty) {
            self.populate(ty);
        }
        for record in &records {
            if self.entities.of_record(ty, *record).is_none() {
                self.claim(ty, *record, None);
            }
        }
        if let Some(last) = records.last().filter(|_| records.len() == AUTOLOAD_PAGE as usize) {
            self.autoload_from(ty, *last);
        }
    }

    /// Creates what the game begins with.
    fn populate(&mut self, ty: TypeNo) {
        let names: Vec<(SpaceId, String)> =
            self.config.game.spaces.iter().map(|(name, id)| (*id, name.clone())).collect();
        for rule in self.config.game.populate.clone().into_iter().filter(|rule| rule.ty == ty) {
            let Some((_, space)) = names.iter().find(|(id, _)| *id == rule.space) else { continue };
            for n in 0..rule.count {
                let position = self.point_around(rule.center, rule.radius);
                let values = rule.variants.get(n as usize % rule.variants.len().max(1)).cloned().unwrap_or_default();
                let place = Place { space: space.clone(), position, yaw: 0.0 };
                if let Some(id) = self.ids.draw_id() {
                    self.create_entity(id, ty, values, Some(place), true);
                }
            }
        }
    }

    fn point_around(&mut self, center: [f32; 3], radius: f32) -> [f32; 3] {
        let (turn, out) = (self.chance.unit() as f32 * std::f32::consts::TAU, (self.chance.unit() as f32).sqrt());
        [center[0] + turn.cos() * out * radius, center[1], center[2] + turn.sin() * out * radius]
    }

    /// A new entity, made by logic or at the game's beginning.
    pub(crate) fn create_entity(
        &mut self,
        id: EntityId,
        ty: TypeNo,
        values: Vec<(PropertyNo, Value)>,
        place: Option<Place>,
        persistent: bool,
    ) {
        let Some(definition) = self.config.definitions.get(ty).cloned() else { return };
        let mut entity = Entity::new(id, definition, Phase::Live);
        entity.place = place;
        entity.epoch = Epoch(u64::from(persistent));
        self.entities.insert(entity);
        if persistent {
            self.saver.note_create(id);
        }
        self.come_alive(id, values, Born { base: true, cell: true });
    }
}
