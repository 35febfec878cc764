//! The declared types of a game (`types.toml`): structs, enums and aliases, resolved on demand.
//!
//! A name is resolved when it is first asked for, so that declarations may stand in any order. A type that contains
//! itself is a problem, and so is a chain of names longer than any type may be deep: recursion here is bounded.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kuafu_core::{Limits, Value};

use super::bounds::Bounds;
use super::problem::Spot;
use super::table::{At, Table};
use crate::json::{DEFAULT_SIZE_MAX, default_from_json, size};
use crate::model::{EnumType, Field, StructType, TYPE_DEPTH_MAX, Type};
use crate::names;
use crate::type_text::{BUILT_IN, CONTAINERS, Found, Names, TypeTextError, parse_type, shown, widened};

/// Variants of one enum. More are a problem.
const VARIANTS_MAX: usize = 4_096;

/// The declared types, as far as they are resolved.
#[derive(Default)]
pub(crate) struct TypeTable<'s> {
    declared: BTreeMap<String, (Spot<'s>, Declaration<'s>)>,
    /// `None`: the declaration has a problem.
    resolved: BTreeMap<String, Option<Type>>,
    /// The names that are being resolved, the outermost first.
    open: Vec<String>,
    /// The entity types that references name, and where.
    references: Vec<(Spot<'s>, String)>,
    /// The same of the text that is being read.
    referred: Vec<String>,
    /// The file could not be read, so that nothing can be said about names.
    unreadable: bool,
}

#[derive(Clone, Copy)]
enum Declaration<'s> {
    Struct(Table<'s>),
    Enum(Table<'s>),
    Alias(At<'s, &'s str>),
    Broken,
}

impl<'s> TypeTable<'s> {
    /// When `types.toml` is no TOML, which is reported already.
    pub(crate) fn unreadable() -> Self {
        Self { unreadable: true, ..Self::default() }
    }

    /// Reads every declaration of the file.
    pub(crate) fn read(root: Table<'s>) -> Self {
        let mut types = Self::default();
        root.keys_are(&["structs", "enums", "aliases"]);
        types.declare(root.table("structs"), |table, name| table.table(name).map(Declaration::Struct));
        types.declare(root.table("enums"), |table, name| table.table(name).map(Declaration::Enum));
        types.declare(root.table("aliases"), |table, name| table.text(name, "\"int64\"").map(Declaration::Alias));
        for name in types.declared.keys().cloned().collect::<Vec<_>>() {
            types.find(&name);
        }
        types
    }

    /// The structs and enums, sorted by name.
    pub(crate) fn into_parts(self) -> (Vec<Arc<StructType>>, Vec<Arc<EnumType>>) {
        let (mut structs, mut enums) = (Vec::new(), Vec::new());
        for (name, ty) in self.resolved {
            match ty {
                Some(Type::Struct(ty)) if ty.name == name => structs.push(ty),
                Some(Type::Enum(ty)) if ty.name == name => enums.push(ty),
                _ => {}
            }
        }
        (structs, enums)
    }

    /// The type under `key`, with the flag `wide` beside it. Problems are reported; a missing key is one.
    pub(crate) fn type_at(&mut self, table: &Table<'s>, key: &str) -> Option<Type> {
        if !table.has(key) {
            table.missing(key, "say what it holds, such as `type = \"int32\"`");
        }
        let ty = self.parse(table.text(key, "\"int32\"")?)?;
        if !table.flag("wide") || matches!(ty, Type::Int { wide: true, .. }) {
            return Some(ty);
        }
        let spot = table.spot_of("wide");
        widened(ty)
            .map_err(|ty| {
                let error = TypeTextError::NotWide(ty.to_string());
                spot.report("type", error.to_string(), error.help());
            })
            .ok()
    }

    /// The type of a property: that under `type`, or that of the map which holds `items<Struct>`, and then `true`.
    pub(crate) fn property_type_at(&mut self, table: &Table<'s>) -> Option<(Type, bool)> {
        let text = if table.is_text("type") { table.text("type", "")? } else { return self.plain_type_at(table) };
        let inner = text.value.trim_start().strip_prefix("items").map(str::trim_start);
        let Some(inner) = inner.and_then(|rest| rest.strip_prefix('<')) else { return self.plain_type_at(table) };
        let ty = self.parse_at(text.spot, &format!("map<uint64, {inner}"))?;
        match &ty {
            Type::Map(_, item) if matches!(**item, Type::Struct(_)) => {
                if table.flag("wide") {
                    let help = "the ids of items are whole numbers below 2^53; take `wide` away";
                    table.spot_of("wide").report("type", "`items` cannot be wide", help);
                }
                Some((ty, true))
            }
            Type::Map(_, item) => {
                let help = "declare a struct in types.toml and write items<Struct>";
                text.spot.report("type", format!("items of {item}, which is no struct"), help);
                None
            }
            _ => None,
        }
    }

    fn plain_type_at(&mut self, table: &Table<'s>) -> Option<(Type, bool)> {
        self.type_at(table, "type").map(|ty| (ty, false))
    }

    /// Reports every reference to an entity type that is none of these.
    pub(crate) fn check_references(&mut self, types: &[&str]) {
        for (spot, name) in self.references.drain(..).filter(|(_, name)| !types.contains(&name.as_str())) {
            let guess = names::did_you_mean(&name, types.iter().copied());
            let help = format!("{guess}a reference names an entity type, a file in entities/: entity<avatar>");
            spot.report("type", format!("there is no entity type `{}`", shown(&name)), help);
        }
    }

    /// The type of a text; problems are reported.
    pub(crate) fn parse(&mut self, text: At<'s, &'s str>) -> Option<Type> {
        self.parse_at(text.spot, text.value)
    }

    fn parse_at(&mut self, spot: Spot<'s>, text: &str) -> Option<Type> {
        let outer = std::mem::take(&mut self.referred);
        let parsed = parse_type(text, self);
        let referred = std::mem::replace(&mut self.referred, outer);
        self.references.extend(referred.into_iter().map(|name| (spot, name)));
        match parsed {
            Ok(ty) => Some(ty),
            Err(TypeTextError::Broken(_)) => None,
            Err(error) => {
                spot.report("type", error.to_string(), error.help());
                None
            }
        }
    }

    fn declare(&mut self, group: Option<Table<'s>>, declaration: impl Fn(&Table<'s>, &str) -> Option<Declaration<'s>>) {
        let Some(group) = group else { return };
        for At { value: name, spot } in group.names() {
            if !names::is_identifier(name) || BUILT_IN.contains(&name) || CONTAINERS.contains(&name) || name == "wide" {
                let help = "a type's name has letters, digits and `_`, and is none of the built-in types";
                spot.report("name", format!("`{}` cannot name a type", shown(name)), help);
                continue;
            }
            if self.declared.contains_key(name) {
                let help = "structs, enums and aliases share their names; rename one of the two";
                spot.report("duplicate", format!("the type `{name}` is declared twice"), help);
                continue;
            }
            let entry = declaration(&group, name).unwrap_or(Declaration::Broken);
            self.declared.insert(name.to_owned(), (spot, entry));
        }
    }

    fn resolve(&mut self, spot: Spot<'s>, name: &str, declaration: Declaration<'s>) -> Option<Type> {
        match declaration {
            Declaration::Broken => None,
            Declaration::Alias(text) => self.parse(text),
            Declaration::Enum(table) => read_enum(name, &table).map(|ty| Type::Enum(Arc::new(ty))),
            Declaration::Struct(table) => {
                let bounded = Type::Struct(Arc::new(self.read_struct(name, &table)?)).bounded();
                bounded.map_err(|error| spot.report("type", format!("`{name}`: {error}"), error.help())).ok()
            }
        }
    }

    fn read_struct(&mut self, name: &str, table: &Table<'s>) -> Option<StructType> {
        const EXAMPLE: &str = "[{ name = \"kind\", type = \"uint16\" }]";
        table.keys_are(&["fields", "description"]);
        table.description();
        if !table.has("fields") {
            table.missing("fields", &format!("write fields = {EXAMPLE}"));
            return None;
        }
        let (mut fields, mut names, mut whole, mut default_size) = (Vec::new(), BTreeSet::new(), true, 1);
        for item in table.items("fields", EXAMPLE) {
            let field =
                item.table("a field", "{ name = \"kind\", type = \"uint16\" }").and_then(|t| self.read_field(t));
            match field {
                Some(field) if names.insert(field.name.clone()) => {
                    default_size += size(&field.default);
                    fields.push(field);
                }
                Some(field) => item.spot.report(
                    "duplicate",
                    format!("`{name}` has two fields `{}`", field.name),
                    "rename one of the two",
                ),
                None => whole = false,
            }
            if default_size > DEFAULT_SIZE_MAX {
                let message = format!("the default of `{name}` has more than {DEFAULT_SIZE_MAX} values");
                item.spot.report("too-large", message, "leave large lists empty by default, or flatten the struct");
                return None;
            }
        }
        whole.then(|| StructType { name: name.to_owned(), fields })
    }

    fn read_field(&mut self, table: Table<'s>) -> Option<Field> {
        table.keys_are(&["name", "type", "wide", "default", "min", "max", "max_length", "persistent", "description"]);
        table.description();
        let (name, ty) = (member_name(&table), self.type_at(&table, "type"));
        let (name, ty) = (name?, ty?);
        let bounds = Bounds::read(&table, &ty);
        let default = read_default(&table, &ty)?.unwrap_or_else(|| bounds.nearest_to_zero(&ty));
        bounds.check_default(&table, &ty, &default);
        let Bounds { min, max, max_length } = bounds;
        let persistent = table.flag_or("persistent", true);
        Some(Field { default, persistent, min, max, max_length, ..Field::new(name, ty) })
    }
}

impl Names for TypeTable<'_> {
    fn find(&mut self, name: &str) -> Found {
        if let Some(resolved) = self.resolved.get(name) {
            return resolved.clone().map_or(Found::Broken, Found::Type);
        }
        let Some((spot, declaration)) = self.declared.get(name).copied() else {
            return if self.unreadable { Found::Broken } else { Found::Unknown };
        };
        if let Some(at) = self.open.iter().position(|open| open == name) {
            let circle = format!("{} → {name}", self.open[at..].join(" → "));
            let help = "a type cannot contain itself; refer to the inner one by a number or a map key";
            spot.report("type-cycle", format!("`{name}` contains itself: {circle}"), help);
            return Found::Broken;
        }
        if self.open.len() >= TYPE_DEPTH_MAX {
            spot.report("type", TypeTextError::TooDeep.to_string(), TypeTextError::TooDeep.help());
            return Found::Broken;
        }
        self.open.push(name.to_owned());
        let resolved = self.resolve(spot, name, declaration);
        self.open.pop();
        self.resolved.insert(name.to_owned(), resolved.clone());
        resolved.map_or(Found::Broken, Found::Type)
    }

    fn refer(&mut self, name: &str) {
        self.referred.push(name.to_owned());
    }

    fn all(&self) -> Vec<String> {
        self.declared.keys().cloned().collect()
    }
}

/// The name of an argument or field.
pub(crate) fn member_name(table: &Table<'_>) -> Option<String> {
    if !table.has("name") {
        table.missing("name", "give it a name, such as `name = \"text\"`");
    }
    let name = table.text("name", "\"text\"")?;
    checked_member(name)
}

/// A name that scripts can write after a dot.
pub(crate) fn checked_member(name: At<'_, &str>) -> Option<String> {
    if names::is_member(name.value) {
        return Some(name.value.to_owned());
    }
    let help =
        "names have letters, digits and `_`, start with a letter, have at most 64 characters and are no words of Luau";
    name.spot.report("name", format!("`{}` cannot be a name here", shown(name.value)), help);
    None
}

/// The `default` of a table: `Some(None)` when there is none, `None` when it has a problem.
pub(crate) fn read_default(table: &Table<'_>, ty: &Type) -> Option<Option<Value>> {
    let Some(json) = table.json("default") else { return Some(None) };
    let checked = default_from_json(ty, &json.value).map_err(|error| error.to_string());
    let checked = checked.and_then(|value| ty.check(&value, &Limits::default()).map(|()| value));
    match checked {
        Ok(value) => Some(Some(value)),
        Err(error) => {
            json.spot.report("default", format!("the default does not fit {ty}: {error}"), "write a value of the type");
            None
        }
    }
}

fn read_enum(name: &str, table: &Table<'_>) -> Option<EnumType> {
    const EXAMPLE: &str = "[\"calm\", \"angry\"]";
    table.keys_are(&["variants", "description"]);
    table.description();
    let mut variants = Vec::new();
    let mut seen = BTreeSet::new();
    for item in table.items("variants", EXAMPLE) {
        let Some(variant) = item.text("a variant", EXAMPLE) else { continue };
        if !names::is_identifier(variant.value) {
            let help = "variants have letters, digits and `_`, and start with a letter";
            item.spot.report("name", format!("`{}` cannot name a variant", shown(variant.value)), help);
        } else if !seen.insert(variant.value) {
            item.spot.report(
                "duplicate",
                format!("`{name}` has `{}` twice", variant.value),
                "take one of the two away",
            );
        }
        variants.push(variant.value.to_owned());
    }
    if variants.is_empty() {
        table.missing("variants", &format!("write variants = {EXAMPLE}"));
        return None;
    }
    if variants.len() > VARIANTS_MAX {
        table.spot.report("too-large", format!("`{name}` has more than {VARIANTS_MAX} variants"), "use a number");
        return None;
    }
    Some(EnumType { name: name.to_owned(), variants })
}
