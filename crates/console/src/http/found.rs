//! Entities that were looked for everywhere: what several roles know of one, put together.

use std::collections::BTreeMap;

use kuafu_contract::logic::{ROWS_MAX, Reply};
use kuafu_contract::{Address, Outcome, Reply as AnyReply, RoleKind};
use kuafu_core::EntityId;
use serde_json::{Value, json};

/// What was found so far.
#[derive(Debug, Default)]
pub(crate) struct Found {
    by_id: BTreeMap<EntityId, Parts>,
    /// The most that any role has: no fewer are there.
    most: u32,
    silent: Vec<String>,
}

#[derive(Debug, Default)]
struct Parts {
    type_name: String,
    name: String,
    base: Option<Address>,
    cell: Option<Address>,
}

impl Found {
    /// Takes what a role answered.
    pub(crate) fn take(&mut self, role: Address, outcome: Outcome) {
        let Outcome::Value(AnyReply::Logic(Reply::Entities { list, all })) = outcome else {
            return self.silent.push(role.to_string());
        };
        self.most = self.most.max(all);
        for entity in list {
            let parts = self.by_id.entry(entity.entity).or_default();
            parts.type_name = entity.type_name;
            let part = if role.role == RoleKind::Base { &mut parts.base } else { &mut parts.cell };
            *part = Some(role);
            // A cell part's own name is newer than what its base was told.
            if parts.name.is_empty() || role.role == RoleKind::Cell && !entity.name.is_empty() {
                parts.name = entity.name;
            }
        }
    }

    pub(crate) fn to_json(&self) -> Value {
        let address = |address: Option<Address>| address.map(|address| address.to_string());
        let row = |(id, parts): (&EntityId, &Parts)| {
            json!({
                "id": id.0, "type": parts.type_name, "name": parts.name,
                "base": address(parts.base), "cell": address(parts.cell),
            })
        };
        let list: Vec<Value> = self.by_id.iter().take(ROWS_MAX).map(row).collect();
        let is_all = self.by_id.len() <= ROWS_MAX && self.most as usize <= ROWS_MAX;
        json!({ "list": list, "more": !is_all, "silent": self.silent })
    }
}

#[cfg(test)]
mod tests {
    use kuafu_contract::logic::Entity;
    use kuafu_core::Incarnation;

    use super::*;

    fn told(entities: &[(u64, &str)], all: u32) -> Outcome {
        let row = |(id, name): &(u64, &str)| Entity {
            entity: EntityId(*id),
            type_name: "avatar".to_owned(),
            name: (*name).to_owned(),
        };
        Outcome::Value(AnyReply::Logic(Reply::Entities { list: entities.iter().map(row).collect(), all }))
    }

    #[test]
    fn both_parts_of_an_entity_are_one_row() {
        let role = |role, number| Address { role, incarnation: Incarnation(number) };
        let mut found = Found::default();
        found.take(role(RoleKind::Base, 4), told(&[(9, "Ada before"), (5, "")], 2));
        found.take(role(RoleKind::Cell, 6), told(&[(9, "Ada"), (7, "")], 2));
        found.take(role(RoleKind::Cell, 8), Outcome::Unknown);
        let shown = found.to_json();
        let ids: Vec<_> = shown["list"].as_array().expect("a list").iter().map(|row| row["id"].as_u64()).collect();
        assert_eq!(ids, [Some(5), Some(7), Some(9)]);
        let ada = &shown["list"][2];
        assert_eq!((&ada["base"], &ada["cell"], &ada["name"]), (&"base#4".into(), &"cell#6".into(), &"Ada".into()));
        assert_eq!((&shown["list"][1]["base"], &shown["more"]), (&Value::Null, &false.into()));
        assert_eq!(shown["silent"], json!(["cell#8"]));
        found.take(role(RoleKind::Base, 4), told(&[], 201));
        assert_eq!(found.to_json()["more"], true);
    }
}
