//! `ids.lock`: the stable numbers of types, properties and methods.
//!
//! A number, once given to a name, belongs to it for ever. A name that is gone is kept among the retired ones, so that
//! its number is not given to another; if it comes back, it has its old number. New names get the greatest number so
//! far plus one, in the order of their names, which makes a first file the same on every machine.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::problem::Spot;
use super::table::Table;
use crate::model::{EntityType, Method, Part};
use crate::names;
use crate::type_text::shown;

const HEADER: &str = "\
# Stable numbers of entity types, properties and methods. Written by kuafu; keep it under version control.
# A number belongs to its name for ever. Retired names stay here, so that their numbers are never given to others.
";

/// The numbers of one scope, by name, retired names included.
type Numbers = BTreeMap<String, u16>;

/// Every stable number of a game.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Ids {
    types: Numbers,
    properties: BTreeMap<String, Numbers>,
    methods: BTreeMap<String, Numbers>,
}

/// A scope with more names than there are numbers.
#[derive(Debug)]
pub(crate) struct NumbersUsedUp {
    pub(crate) scope: String,
}

/// The name of a method in the file: `cell.say`, or `cell.stats.heal` for a component's.
pub(crate) fn method_key(method: &Method) -> String {
    format!("{}.{}", method.part, method.name)
}

impl Ids {
    /// Reads the file; problems are reported.
    pub(crate) fn read(root: Table<'_>) -> Self {
        root.keys_are(&["types", "properties", "methods", "retired"]);
        let retired = root.table("retired");
        if let Some(retired) = retired {
            retired.keys_are(&["types", "properties", "methods"]);
        }
        let mut types = Scope::default();
        let (mut properties, mut methods) = (BTreeMap::new(), BTreeMap::new());
        for table in [Some(root), retired].into_iter().flatten() {
            if let Some(numbers) = table.table("types") {
                types.read(numbers, names::is_snake_case);
            }
            read_scopes(&table, "properties", &mut properties, names::is_full_member);
            read_scopes(&table, "methods", &mut methods, is_method_key);
        }
        let numbers =
            |scopes: BTreeMap<String, Scope>| scopes.into_iter().map(|(name, scope)| (name, scope.numbers)).collect();
        Self { types: types.numbers, properties: numbers(properties), methods: numbers(methods) }
    }

    /// Gives numbers to every name that has none.
    pub(crate) fn number(&mut self, types: &[EntityType]) -> Result<(), NumbersUsedUp> {
        number_names(&mut self.types, types.iter().map(|ty| ty.name.clone()), "types")?;
        for ty in types {
            let properties = self.properties.entry(ty.name.clone()).or_default();
            number_names(properties, ty.properties.iter().map(|p| p.name.clone()), &format!("properties.{}", ty.name))?;
            let methods = self.methods.entry(ty.name.clone()).or_default();
            number_names(methods, ty.methods.iter().map(method_key), &format!("methods.{}", ty.name))?;
        }
        Ok(())
    }

    pub(crate) fn type_no(&self, name: &str) -> Option<u16> {
        self.types.get(name).copied()
    }

    pub(crate) fn property_no(&self, entity: &str, name: &str) -> Option<u16> {
        self.properties.get(entity)?.get(name).copied()
    }

    pub(crate) fn method_no(&self, entity: &str, method: &Method) -> Option<u16> {
        self.methods.get(entity)?.get(&method_key(method)).copied()
    }

    /// The text of the file: numbers of the given types first, then the retired ones; tables and names sorted.
    pub(crate) fn text(&self, types: &[EntityType]) -> String {
        let by_name: BTreeMap<&str, &EntityType> = types.iter().map(|ty| (ty.name.as_str(), ty)).collect();
        let property =
            |entity: &str, name: &str| by_name.get(entity).is_some_and(|ty| ty.property_by_name(name).is_some());
        let method = |entity: &str, key: &str| {
            by_name.get(entity).is_some_and(|ty| ty.methods.iter().any(|method| method_key(method) == key))
        };
        let mut text = HEADER.to_owned();
        for retired in [false, true] {
            let head = if retired { "retired." } else { "" };
            write_numbers(&mut text, &format!("{head}types"), &self.types, |name| {
                by_name.contains_key(name) != retired
            });
            for (entity, numbers) in &self.properties {
                write_numbers(&mut text, &format!("{head}properties.{entity}"), numbers, |n| {
                    property(entity, n) != retired
                });
            }
            for (entity, numbers) in &self.methods {
                write_numbers(&mut text, &format!("{head}methods.{entity}"), numbers, |n| method(entity, n) != retired);
            }
        }
        text
    }
}

fn is_method_key(key: &str) -> bool {
    key.split_once('.').is_some_and(|(part, name)| Part::from_name(part).is_some() && names::is_full_member(name))
}

fn read_scopes<'s>(table: &Table<'s>, key: &str, scopes: &mut BTreeMap<String, Scope>, is_name: impl Fn(&str) -> bool) {
    let Some(group) = table.table(key) else { return };
    for entity in group.names() {
        if !names::is_snake_case(entity.value) {
            report_name(entity.spot, entity.value);
        } else if let Some(numbers) = group.table(entity.value) {
            scopes.entry(entity.value.to_owned()).or_default().read(numbers, &is_name);
        }
    }
}

#[derive(Default)]
struct Scope {
    numbers: Numbers,
    owners: BTreeMap<u16, String>,
}

impl Scope {
    fn read(&mut self, table: Table<'_>, is_name: impl Fn(&str) -> bool) {
        for name in table.names() {
            if !is_name(name.value) {
                report_name(name.spot, name.value);
                continue;
            }
            let Some(number) = table.whole(name.value) else { continue };
            let Some(no) = u16::try_from(number.value).ok().filter(|no| *no > 0) else {
                number.spot.report("ids", format!("the number is {}", number.value), "numbers go from 1 to 65535");
                continue;
            };
            if let Some(other) = self.owners.insert(no, name.value.to_owned()) {
                let next = self.owners.keys().next_back().map_or(1, |greatest| u32::from(*greatest) + 1);
                let message = format!("`{other}` and `{}` both have the number {no}", name.value);
                let help = format!(
                    "the one that was released first keeps it; give the other a number above all others, such as {next}"
                );
                number.spot.report("ids", message, help);
            }
            if self.numbers.insert(name.value.to_owned(), no).is_some() {
                let help = "keep it with the number that was released, in one of the two places";
                name.spot.report("ids", format!("`{}` has a number in use and a retired one", name.value), help);
            }
        }
    }
}

fn report_name(spot: Spot<'_>, name: &str) {
    let help =
        "names are written as in the definitions; methods as \"cell.say\", members of components as \"stats.hp\"";
    spot.report("ids", format!("`{}` cannot be a name here", shown(name)), help);
}

fn number_names(numbers: &mut Numbers, wanted: impl Iterator<Item = String>, scope: &str) -> Result<(), NumbersUsedUp> {
    let wanted: BTreeSet<String> = wanted.filter(|name| !numbers.contains_key(name)).collect();
    let mut greatest = numbers.values().copied().max().unwrap_or(0);
    for name in wanted {
        greatest = greatest.checked_add(1).ok_or_else(|| NumbersUsedUp { scope: scope.to_owned() })?;
        numbers.insert(name, greatest);
    }
    Ok(())
}

fn write_numbers(text: &mut String, table: &str, numbers: &Numbers, take: impl Fn(&str) -> bool) {
    let taken: Vec<_> = numbers.iter().filter(|(name, _)| take(name)).collect();
    if taken.is_empty() {
        return;
    }
    // Writing to a String cannot fail.
    let _ = writeln!(text, "\n[{table}]");
    for (name, no) in taken {
        let quote = if name.contains('.') { "\"" } else { "" };
        let _ = writeln!(text, "{quote}{name}{quote} = {no}");
    }
}
