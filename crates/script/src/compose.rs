//! Composition: from the tables that scripts return to the methods of each entity type, resolved flat.
//!
//! A type's own script wins over its traits, and both win over its parent's; among traits the user wins over the used.
//! The methods of a component keep its slot in front of their names. What is wrong with a table is found here too.

use std::collections::BTreeMap;

use kuafu_def::{Component, Definitions, EntityType, Part};
use kuafu_logic::api::{On, TABLE};
use mlua::{Function, Table, Value as Luau};

use crate::convert::type_name;

/// Methods by name, those of components with the slot in front.
pub(crate) type Composed = BTreeMap<String, Function>;

/// What is on a component's `self` besides its properties and methods.
const OF_COMPONENTS: &[&str] = &["owner", "after", "every", "cancel"];

/// What scripts returned, by module name.
pub(crate) struct Modules<'a>(pub(crate) &'a BTreeMap<String, Table>);

/// The module of a trait.
pub(crate) fn trait_module(name: &str) -> String {
    format!("traits/{name}")
}

/// The module of a component.
pub(crate) fn component_module(name: &str) -> String {
    format!("components/{name}")
}

impl Modules<'_> {
    /// All methods of one part of a type. Tables that hold something else were refused before.
    pub(crate) fn compose(&self, definitions: &Definitions, ty: &EntityType, part: Part) -> Composed {
        let mut composed = Composed::new();
        let lineage: Vec<&EntityType> = std::iter::once(ty).chain(definitions.lineage(ty).map(AsRef::as_ref)).collect();
        for ancestor in lineage.into_iter().rev() {
            let traits = ancestor.traits.iter().map(|name| trait_module(name));
            for module in traits.chain(std::iter::once(ancestor.name.clone())) {
                self.add(&module, part, "", &mut composed);
            }
        }
        for Component { slot, component, traits, .. } in &ty.components {
            let prefix = format!("{slot}.");
            for module in traits.iter().map(|name| trait_module(name)).chain([component_module(component)]) {
                self.add(&module, part, &prefix, &mut composed);
            }
        }
        composed
    }

    fn add(&self, module: &str, part: Part, prefix: &str, composed: &mut Composed) {
        let methods = self.0.get(module).and_then(|table| methods_of(table, part).ok());
        for (name, function) in methods.unwrap_or_default() {
            composed.insert(format!("{prefix}{name}"), function);
        }
    }
}

/// The functions of one part in a script's table.
fn methods_of(script: &Table, part: Part) -> Result<Composed, Vec<String>> {
    let table = match script.raw_get::<Luau>(part.name()) {
        Ok(Luau::Table(table)) => table,
        Ok(Luau::Nil) => return Ok(Composed::default()),
        _ => return Err(vec![format!("`{part}` must be a table of methods")]),
    };
    let (mut methods, mut wrong) = (Composed::default(), Vec::new());
    for pair in table.pairs::<Luau, Luau>() {
        match pair {
            Ok((Luau::String(name), Luau::Function(function))) => {
                methods.insert(name.to_string_lossy(), function);
            }
            Ok((key, value)) => {
                let key = key.to_string().unwrap_or_default();
                wrong.push(format!("`{part}.{key}` is a {}; a part holds only methods", type_name(&value)));
            }
            Err(error) => wrong.push(error.to_string()),
        }
    }
    if wrong.is_empty() { Ok(methods) } else { Err(wrong) }
}

/// What is wrong with a script's table in itself.
pub(crate) fn table_faults(module: &str, script: &Table) -> Vec<String> {
    let mut found = Vec::new();
    for pair in script.pairs::<Luau, Luau>() {
        match pair {
            Ok((Luau::String(name), _)) if ["base", "cell"].iter().any(|part| name == *part) => {}
            Ok((key, _)) => found.push(format!(
                "`{}` is no part: a script returns a table with `base` and `cell`",
                key.to_string().unwrap_or_default()
            )),
            Err(error) => found.push(error.to_string()),
        }
    }
    for part in [Part::Base, Part::Cell] {
        match methods_of(script, part) {
            Ok(methods) => {
                let hides = |name: &String| {
                    if module.starts_with("components/") {
                        OF_COMPONENTS.contains(&name.as_str())
                    } else {
                        is_of_engine(name, part)
                    }
                };
                let hiding = methods.into_keys().filter(hides);
                found.extend(hiding.map(|name| format!("`{part}.{name}` hides the engine's `self.{name}`")));
            }
            Err(wrong) => found.extend(wrong),
        }
    }
    found
}

/// What is wrong with the logic of a type, in both parts, once its tables are fine.
pub(crate) fn type_faults(definitions: &Definitions, ty: &EntityType, modules: &Modules<'_>) -> Vec<String> {
    let mut found = Vec::new();
    for part in [Part::Base, Part::Cell] {
        let own = modules.0.get(&ty.name).and_then(|table| methods_of(table, part).ok()).unwrap_or_default();
        if !own.is_empty() && !ty.parts.has(part) && !ty.is_abstract {
            found.push(format!("{} has no {part} part, but the script has methods for it", ty.name));
        }
        let methods = modules.compose(definitions, ty, part);
        if !ty.is_abstract {
            let declared = ty.methods.iter().filter(|method| method.part == part);
            let missing = declared.filter(|method| !methods.contains_key(&method.name));
            found.extend(missing.map(|method| format!("the method `{part}.{}` is declared and missing", method.name)));
        }
        for property in ty.properties.iter().filter(|property| property.part == part) {
            let name = &property.name;
            if methods.contains_key(name) {
                found.push(format!("`{part}.{name}` is a property of the same part; a method needs another name"));
            }
            if is_of_engine(name, part) {
                found.push(format!("the property `{name}` hides the engine's `self.{name}`"));
            }
        }
        for Component { slot, .. } in &ty.components {
            if methods.contains_key(slot) || is_of_engine(slot, part) || ty.property_by_name(slot).is_some() {
                found.push(format!("the component `{slot}` and something else in the {part} part have one name"));
            }
        }
    }
    found
}

/// Whether the engine puts something of this name on `self` in the part.
fn is_of_engine(name: &str, part: Part) -> bool {
    TABLE.iter().any(|entry| {
        entry.name == name
            && match entry.on {
                On::Global | On::Reference | On::ReferenceField => false,
                On::Entity | On::EntityField => true,
                On::Base => part == Part::Base,
                On::Cell | On::CellField => part == Part::Cell,
            }
    })
}
