//! Loads the scripts into a machine of their own and looks at what they return.

use std::rc::Rc;
use std::sync::Arc;

use kuafu_core::id::EntityIdSource;
use kuafu_core::{Chance, Incarnation, Limits};
use kuafu_def::{Definitions, Part, Problem};
use kuafu_logic::NoWorld;

use super::{ScriptKind, ScriptSet, problem};
use crate::compose::{self, Modules};
use crate::error::ScriptError;
use crate::load;
use crate::shared::Shared;
use crate::vm;

const HELP: &str = "a script returns { base = {…}, cell = {…} } with the declared methods, hooks and helpers";

/// Every problem of every script, sorted.
pub(super) fn check(set: &ScriptSet, definitions: &Definitions) -> Vec<Problem> {
    let definitions = Arc::new(definitions.clone());
    let world = Rc::new(NoWorld::new(EntityIdSource::new(Incarnation(0))));
    let shared = Shared::new(Part::Base, Arc::clone(&definitions), Limits::default(), world, Chance::from_seed(0));
    let lua = match vm::build(&shared) {
        Ok(lua) => lua,
        Err(error) => return vec![problem("", 1, "script", error.to_string(), "this is a fault of the engine")],
    };
    let set = Arc::new(set.clone());
    let loaded = load::modules(&lua, &shared, &set);
    let mut problems = Vec::new();
    for error in loaded.errors {
        match error {
            ScriptError::Script { file, line, message } => {
                problems.push(problem(&file, line, "script-load", message, "the script fails when it is loaded"));
            }
            error => problems.push(problem("", 1, "script", error.to_string(), "this is a fault of the engine")),
        }
    }
    for (module, table) in &loaded.tables {
        let file = format!("{module}.luau");
        let faults = compose::table_faults(module, table);
        problems.extend(faults.into_iter().map(|fault| problem(&file, 1, "script", fault, HELP)));
    }
    let modules = Modules(&loaded.tables);
    // A file that could not be loaded lacks methods, which is no problem of its own.
    let types = set.scripts.iter().filter(|script| script.kind == ScriptKind::Type);
    for script in types.filter(|script| loaded.tables.contains_key(&script.module)) {
        let Some(ty) = definitions.by_name_or_abstract(&script.module) else { continue };
        let faults = compose::type_faults(&definitions, ty, &modules);
        problems.extend(faults.into_iter().map(|fault| problem(&script.file(), 1, "script", fault, HELP)));
    }
    problems.sort();
    problems.dedup();
    problems
}
