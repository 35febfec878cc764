//! `/api/logic/api`: everything that scripts can use of the engine, for the page's explorer.

use std::sync::LazyLock;

use axum::http::header;
use axum::response::{IntoResponse, Response};
use kuafu_logic::Hook;
use kuafu_logic::api::{On, TABLE, TYPES};
use serde_json::{Value, json};

static TEXT: LazyLock<String> = LazyLock::new(|| document().to_string());

pub(crate) async fn show() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], TEXT.as_str()).into_response()
}

fn document() -> Value {
    let entry = |entry: &kuafu_logic::api::Entry| {
        json!({
            "group": entry.on.title(), "name": format!("{}{}", before(entry.on), entry.name),
            "signature": entry.signature, "doc": entry.doc,
        })
    };
    // In the order of the reference page.
    let entries = On::ALL.iter().flat_map(|on| TABLE.iter().filter(move |entry| entry.on == *on));
    let hooks = Hook::ALL.iter().map(|hook| {
        json!({ "group": "Hooks, which scripts may have", "name": hook.method(), "signature": "", "doc": hook.doc() })
    });
    let types = TYPES.iter().map(|ty| {
        json!({ "group": "Types that signatures name", "name": ty.name, "signature": ty.definition, "doc": ty.doc })
    });
    json!({ "entries": entries.map(entry).chain(hooks).chain(types).collect::<Vec<_>>() })
}

/// What is written before a name.
fn before(on: On) -> &'static str {
    match on {
        On::Global => "kuafu.",
        On::Entity | On::Base | On::Cell => "self:",
        On::EntityField | On::CellField => "self.",
        On::Reference => "entity:",
        On::ReferenceField => "entity.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_of_the_table_is_listed_as_it_is_written() {
        let document = document();
        let entries = document["entries"].as_array().expect("a list");
        assert_eq!(entries.len(), TABLE.len() + Hook::ALL.len() + TYPES.len());
        for name in ["kuafu.log", "kuafu.shared.get", "self:after", "self.id", "self:teleport", "on_create"] {
            let found = entries.iter().find(|entry| entry["name"] == name);
            assert!(found.is_some_and(|entry| !entry["doc"].as_str().unwrap_or_default().is_empty()), "{name}");
        }
    }
}
