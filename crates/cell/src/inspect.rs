//! Looking into a cell's logic: which cell parts live here, and what the console asks of them, between ticks.

use kuafu_contract::logic::{Entity as Shown, NAME_BYTES_MAX, ROWS_MAX, Reply, Request};
use kuafu_core::{Code, EntityId, Now, Refusal, Value};
use kuafu_node::CallRef;

use crate::part::Part;
use crate::role::CellRole;

impl CellRole {
    /// Answers what is asked about the logic here, now or when it has been watched for long enough.
    pub(crate) fn handle_look(&mut self, now: Now, from: CallRef, request: Request) {
        let refused = match &request {
            Request::Evaluate { entity, .. } => self.check_cell_part(*entity).err(),
            _ => None,
        };
        let answer = match (refused, request) {
            (Some(why), _) => Some((from, Err(why))),
            (None, Request::Entities { type_name, entity }) => {
                Some((from, Ok(self.list_entities(type_name.as_deref(), entity))))
            }
            (None, request) => self.inspector.handle(now, &mut *self.host, from, request),
        };
        self.settle(now);
        if let Some((to, result)) = answer {
            self.book.answer(to, result);
        }
    }

    /// Answers with what was watched, when its time is over.
    pub(crate) fn end_watching(&mut self, now: Now) {
        if let Some((to, result)) = self.inspector.poll(now.at, &mut *self.host) {
            self.book.answer(to, result);
        }
    }

    fn check_cell_part(&self, id: EntityId) -> Result<(), Refusal> {
        let spaces = self.world.spaces.borrow();
        let why = match spaces.part(id) {
            Some((_, part)) if !part.leaving => return Ok(()),
            Some(_) => format!("entity {id} is leaving its space"),
            None => format!("entity {id} has no cell part in {}", self.address),
        };
        Err(Refusal::new(Code::EntityUnknown, why))
    }

    fn list_entities(&self, type_name: Option<&str>, wanted: Option<EntityId>) -> Reply {
        let spaces = self.world.spaces.borrow();
        let fits = |part: &&Part| {
            !part.leaving
                && wanted.is_none_or(|id| part.id == id)
                && type_name.is_none_or(|name| part.layout.ty.name == name)
        };
        let parts = spaces.open.iter().flat_map(|open| open.each_part()).map(|(_, part)| part);
        let mut found: Vec<&Part> = parts.filter(fits).collect();
        found.sort_unstable_by_key(|part| part.id);
        let list = found.iter().take(ROWS_MAX).map(|part| Shown {
            entity: part.id,
            type_name: part.layout.ty.name.clone(),
            name: name_of(part),
        });
        Reply::Entities { list: list.collect(), all: found.len() as u32 }
    }
}

/// The property `name` of a cell part.
fn name_of(part: &Part) -> String {
    let property = part.layout.ty.property_by_name("name");
    let value = property.and_then(|property| part.values.get(part.layout.position(property.no)?));
    let mut name = value.and_then(Value::as_text).unwrap_or_default().to_owned();
    name.truncate(name.floor_char_boundary(NAME_BYTES_MAX));
    name
}
