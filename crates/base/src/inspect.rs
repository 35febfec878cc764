//! Looking into a base's logic: which base parts live here, and what the console asks of them.

use kuafu_contract::logic::{Entity as Shown, NAME_BYTES_MAX, ROWS_MAX, Reply, Request};
use kuafu_core::{Code, EntityId, Refusal, Value};
use kuafu_node::CallRef;

use crate::entities::{CellPart, Entity, Phase};
use crate::role::BaseRole;

impl BaseRole {
    /// Answers what is asked about the logic here, now or when it has been watched for long enough.
    pub(crate) fn handle_look(&mut self, from: CallRef, request: Request) {
        let refused = match &request {
            Request::Evaluate { entity, .. } => self.check_base_part(*entity).err(),
            _ => None,
        };
        let answer = match (refused, request) {
            (Some(why), _) => Some((from, Err(why))),
            (None, Request::Entities { type_name, entity }) => {
                Some((from, Ok(self.list_entities(type_name.as_deref(), entity))))
            }
            (None, request) => self.inspector.handle(self.now, &mut *self.host, from, request),
        };
        if let Some((to, result)) = answer {
            self.book.answer(to, result);
        }
    }

    /// Answers with what was watched, when its time is over.
    pub(crate) fn end_watching(&mut self) {
        if let Some((to, result)) = self.inspector.poll(self.now.at, &mut *self.host) {
            self.book.answer(to, result);
        }
    }

    fn check_base_part(&self, id: EntityId) -> Result<(), Refusal> {
        let why = match self.entities.get(id) {
            Some(entity) if entity.phase == Phase::Live => return Ok(()),
            Some(Entity { phase: Phase::Claiming, .. }) => format!("entity {id} is still being loaded"),
            Some(_) => format!("entity {id} is leaving the game"),
            None => format!("entity {id} has no base part in {}", self.config.address),
        };
        Err(Refusal::new(Code::EntityUnknown, why))
    }

    fn list_entities(&self, type_name: Option<&str>, wanted: Option<EntityId>) -> Reply {
        let fits = |entity: &&Entity| {
            entity.phase == Phase::Live
                && wanted.is_none_or(|id| entity.id == id)
                && type_name.is_none_or(|name| entity.ty.name == name)
        };
        let mut found: Vec<&Entity> = self.entities.iter().filter(fits).collect();
        found.sort_unstable_by_key(|entity| entity.id);
        let list = found.iter().take(ROWS_MAX).map(|entity| Shown {
            entity: entity.id,
            type_name: entity.ty.name.clone(),
            name: self.name_of(entity),
        });
        Reply::Entities { list: list.collect(), all: found.len() as u32 }
    }

    /// The property `name` of either part; the cell part's as it was last backed up.
    fn name_of(&self, entity: &Entity) -> String {
        let Some(property) = entity.ty.property_by_name("name") else { return String::new() };
        let value = self.host.read(entity.id, property.no);
        let known = value.as_ref().or_else(|| {
            let has_cell_part = !matches!(entity.cell, CellPart::None);
            entity.cell_values.get(&property.no).filter(|_| has_cell_part)
        });
        let mut name = known.and_then(Value::as_text).unwrap_or_default().to_owned();
        name.truncate(name.floor_char_boundary(NAME_BYTES_MAX));
        name
    }
}
