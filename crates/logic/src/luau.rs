//! The types of a game's scripts for editors: a definition file for luau-lsp, made from the API table and the game's
//! entity definitions.
//!
//! It holds types and one declaration, `kuafu`. For an entity type `wolf` there are `Wolf` (a reference to one),
//! `WolfBase` and `WolfCell` (`self` in its parts), and what can be called on them. It must name nothing that a script
//! would not find at run time.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use kuafu_def::{Definitions, EntityType, Method, Part, Property, Type};

use crate::api::{Entry, On, TABLE, TYPES};

/// The head of the file.
const HEAD: &str = "-- The types of this game's scripts, for editors. Made by `kuafu sdk PROJECT --lang luau`; changes are \
                    lost.\n--\n-- `self` gets its type where a method is written with a dot:\n--     function \
                    Wolf.cell.hunt(self: WolfCell, prey: Entity)\n";

/// The text of `kuafu.d.luau`.
#[must_use]
pub fn luau_types(definitions: &Definitions) -> String {
    let names = Names::new(definitions);
    let mut text = HEAD.to_owned();
    engine(&mut text);
    for declared in &definitions.enums {
        let variants: Vec<String> = declared.variants.iter().map(|variant| format!("{variant:?}")).collect();
        let _ = writeln!(text, "\nexport type {} = {}", names.of(&declared.name), variants.join(" | "));
    }
    for declared in &definitions.structs {
        let fields = declared.fields.iter().map(|field| (field.name.clone(), names.luau(&field.ty), String::new()));
        table(&mut text, &names.of(&declared.name), "", fields);
    }
    let mut types: Vec<&EntityType> =
        definitions.types.values().chain(&definitions.abstract_types).map(|ty| &**ty).collect();
    types.sort_by(|a, b| a.name.cmp(&b.name));
    for ty in types {
        entity(&mut text, ty, &names);
    }
    text
}

/// Where references have what the engine gives them.
const REFERENCE: &[On] = &[On::ReferenceField, On::Reference];

/// What components have of the engine, besides their owner.
const OF_COMPONENTS: &[&str] = &["after", "every", "cancel"];

/// A name, its type, and what is said of it.
type Field = (String, String, String);

/// Luau names of what a game declares: none of them one of the engine's.
struct Names {
    taken: BTreeSet<String>,
    entities: BTreeMap<String, String>,
}

impl Names {
    fn new(definitions: &Definitions) -> Self {
        let engine = TYPES.iter().map(|named| named.name.split('<').next().unwrap_or_default());
        let mut taken: BTreeSet<String> = engine.chain(["Entity", "Kuafu"]).map(str::to_owned).collect();
        let mut names = Self { taken: taken.clone(), entities: BTreeMap::new() };
        let declared = definitions.enums.iter().map(|ty| &ty.name).chain(definitions.structs.iter().map(|ty| &ty.name));
        taken.extend(declared.map(|name| names.of(name)));
        for ty in definitions.types.values().chain(&definitions.abstract_types) {
            let mut name = pascal(&ty.name);
            while taken.contains(&name) {
                name.push('_');
            }
            taken.insert(name.clone());
            names.entities.insert(ty.name.clone(), name);
        }
        names
    }

    /// The name of a struct or enum.
    fn of(&self, name: &str) -> String {
        if self.taken.contains(name) { format!("{name}_") } else { name.to_owned() }
    }

    /// The name of the references to entities of a type.
    fn entity(&self, name: &str) -> &str {
        self.entities.get(name).map_or("Entity", String::as_str)
    }

    fn luau(&self, ty: &Type) -> String {
        match ty {
            Type::Entity(named) => format!("{}?", self.item(&Type::Entity(named.clone()))),
            ty => self.item(ty),
        }
    }

    /// The same inside a container, where there is no nil.
    fn item(&self, ty: &Type) -> String {
        match ty {
            Type::Bool => "boolean".to_owned(),
            Type::Int { wide: true, .. } => "Wide".to_owned(),
            Type::Int { .. } | Type::Float32 | Type::Float64 => "number".to_owned(),
            Type::Text | Type::Bytes => "string".to_owned(),
            Type::Vector(4) => "{ x: number, y: number, z: number, w: number }".to_owned(),
            Type::Vector(_) => "vector".to_owned(),
            Type::Entity(named) => named.as_deref().map_or("Entity", |name| self.entity(name)).to_owned(),
            Type::List(item) => format!("{{{}}}", self.item(item)),
            Type::Map(key, item) => format!("{{[{}]: {}}}", self.item(key), self.item(item)),
            Type::Struct(declared) => self.of(&declared.name),
            Type::Enum(declared) => self.of(&declared.name),
        }
    }

    /// A function of the method's arguments, with `self` in front.
    fn method(&self, method: &Method, this: &str, result: &str) -> String {
        let mut arguments = vec![format!("self: {this}")];
        for argument in &method.arguments {
            let optional = if argument.default.is_some() && !matches!(argument.ty, Type::Entity(_)) { "?" } else { "" };
            arguments.push(format!("{}: {}{optional}", argument.name, self.luau(&argument.ty)));
        }
        format!("({}) -> {result}", arguments.join(", "))
    }

    fn result(&self, method: &Method) -> String {
        method.result.as_ref().map_or("()".to_owned(), |ty| self.luau(ty))
    }

    /// What `:await()` gives: a method without a result gives nil.
    fn pending(&self, method: &Method) -> String {
        let result = method.result.as_ref().map_or("nil".to_owned(), |ty| self.item(ty));
        format!("Pending<{result}>")
    }
}

fn engine(text: &mut String) {
    for named in TYPES {
        let _ = writeln!(text, "\n--- {}\nexport type {} = {}", named.doc, named.name, named.definition);
    }
    // Looser than the references of each type, so that each of them can stand where any entity is wanted.
    let instead = ["base", "cell"].map(|field| (field, "any".to_owned()));
    table(text, "Entity", "A reference to an entity.", api_fields(REFERENCE, "any", &instead));
    let mut fields: Vec<Field> = Vec::new();
    let mut nested: BTreeMap<&str, Vec<Field>> = BTreeMap::new();
    for entry in TABLE.iter().filter(|entry| entry.on == On::Global) {
        let field = |name: &str| (name.to_owned(), entry.signature.to_owned(), entry.doc.to_owned());
        match entry.name.split_once('.') {
            Some((outer, inner)) => nested.entry(outer).or_default().push(field(inner)),
            None => fields.push(field(entry.name)),
        }
    }
    for (outer, inner) in nested {
        let name = format!("Kuafu{}", pascal(outer));
        table(text, &name, &format!("The table `kuafu.{outer}`."), inner);
        fields.push((outer.to_owned(), name, String::new()));
    }
    table(text, "Kuafu", "The table `kuafu`.", fields);
    text.push_str("\ndeclare kuafu: Kuafu\n");
}

/// What the engine puts on `this`; `instead` has more exact types for some of it.
fn api_fields(on: &[On], this: &str, instead: &[(&str, String)]) -> Vec<Field> {
    let those = TABLE.iter().filter(|entry| on.contains(&entry.on));
    let field = |entry: &Entry| {
        let exact = instead.iter().find(|(name, _)| *name == entry.name).map(|(_, ty)| ty.clone());
        let ty = exact.unwrap_or_else(|| with_self(entry, this));
        (entry.name.to_owned(), ty, entry.doc.to_owned())
    };
    those.map(field).collect()
}

/// The signature with `self` in front, where it is called with a colon.
fn with_self(entry: &Entry, this: &str) -> String {
    match entry.signature.strip_prefix('(') {
        Some(rest) if entry.on.is_method() && rest.starts_with(')') => format!("(self: {this}{rest}"),
        Some(rest) if entry.on.is_method() => format!("(self: {this}, {rest}"),
        _ => entry.signature.to_owned(),
    }
}

/// All types of one entity type.
fn entity(text: &mut String, ty: &EntityType, names: &Names) {
    let name = names.entity(&ty.name);
    let said = one_line(&ty.description);
    let _ = writeln!(text, "\n-- {}{}{said}", ty.name, if said.is_empty() { "" } else { ": " });
    let parts = [(Part::Base, "Base"), (Part::Cell, "Cell"), (Part::Client, "Client")];
    for (part, word) in parts.into_iter().filter(|(part, _)| ty.parts.has(*part)) {
        calls(text, ty, part, &format!("{name}{word}Calls"), names);
    }
    reference(text, ty, name, names);
    for (part, word) in parts.into_iter().filter(|(part, _)| *part != Part::Client && ty.parts.has(*part)) {
        own(text, ty, part, &format!("{name}{word}"), name, names);
    }
}

/// What can be called on a part from elsewhere.
fn calls(text: &mut String, ty: &EntityType, part: Part, this: &str, names: &Names) {
    let result = |method: &Method| if part == Part::Client { "()".to_owned() } else { names.pending(method) };
    let mut slots: BTreeMap<&str, Vec<Field>> = BTreeMap::new();
    let mut fields = Vec::new();
    for method in ty.methods.iter().filter(|method| method.part == part) {
        match method.name.split_once('.') {
            Some((slot, inner)) => {
                let of_slot = format!("{this}{}", pascal(slot));
                let field =
                    (inner.to_owned(), names.method(method, &of_slot, &result(method)), method.description.clone());
                slots.entry(slot).or_default().push(field);
            }
            None => fields.push((
                method.name.clone(),
                names.method(method, this, &result(method)),
                method.description.clone(),
            )),
        }
    }
    for (slot, inner) in slots {
        let of_slot = format!("{this}{}", pascal(slot));
        table(text, &of_slot, "", inner);
        fields.push((slot.to_owned(), of_slot, String::new()));
    }
    table(text, this, "", fields);
}

/// A reference to an entity of the type.
fn reference(text: &mut String, ty: &EntityType, name: &str, names: &Names) {
    let mut instead = Vec::new();
    for (part, field, word) in [(Part::Base, "base", "Base"), (Part::Cell, "cell", "Cell")] {
        if ty.parts.has(part) {
            instead.push((field, format!("{name}{word}Calls")));
        }
    }
    let mut fields = api_fields(REFERENCE, "any", &instead);
    let readable =
        |property: &&Property| property.part == Part::Cell && (property.cell_public || property.other_clients);
    let mut slots: BTreeMap<&str, Vec<Field>> = BTreeMap::new();
    for property in ty.properties.iter().filter(readable) {
        let field = |name: &str| (name.to_owned(), optional(names.luau(&property.ty)), property.description.clone());
        match property.name.split_once('.') {
            Some((slot, inner)) => slots.entry(slot).or_default().push(field(inner)),
            None => fields.push(field(&property.name)),
        }
    }
    for (slot, inner) in slots {
        let of_slot = format!("{name}{}", pascal(slot));
        table(text, &of_slot, "", inner);
        fields.push((slot.to_owned(), of_slot, String::new()));
    }
    table(text, name, &format!("A reference to a {}.", ty.name), fields);
}

fn optional(ty: String) -> String {
    if ty.ends_with('?') {
        ty
    } else if ty.contains(" | ") || ty.contains("->") {
        format!("({ty})?")
    } else {
        format!("{ty}?")
    }
}

/// `self` in a part.
fn own(text: &mut String, ty: &EntityType, part: Part, this: &str, name: &str, names: &Names) {
    let mut instead = Vec::new();
    for (other, field, word) in
        [(Part::Base, "base", "Base"), (Part::Cell, "cell", "Cell"), (Part::Client, "client", "Client")]
    {
        if ty.parts.has(other) {
            instead.push((field, format!("{name}{word}Calls")));
        }
    }
    if ty.parts.client {
        instead.extend(["others", "clients"].map(|field| (field, format!("{name}ClientCalls"))));
        instead.push(("clients_within", format!("(self: {this}, radius: number) -> {name}ClientCalls")));
    }
    let on: &[On] = match part {
        Part::Base => &[On::EntityField, On::Entity, On::Base],
        Part::Cell | Part::Client => &[On::EntityField, On::Entity, On::CellField, On::Cell],
    };
    let mut fields = api_fields(on, this, &instead);
    let mut slots: BTreeMap<&str, Vec<Field>> = BTreeMap::new();
    let mut add = |full: &str, make: &dyn Fn(&str) -> String, said: &str| match full.split_once('.') {
        Some((slot, inner)) => {
            let of_slot = format!("{this}{}", pascal(slot));
            slots.entry(slot_of(ty, slot)).or_default().push((inner.to_owned(), make(&of_slot), said.to_owned()));
        }
        None => fields.push((full.to_owned(), make(this), said.to_owned())),
    };
    for property in ty.properties.iter().filter(|property| property.part == part) {
        add(&property.name, &|_| names.luau(&property.ty), &property.description);
    }
    for method in ty.methods.iter().filter(|method| method.part == part) {
        add(&method.name, &|this| names.method(method, this, &names.result(method)), &method.description);
    }
    for (slot, mut inner) in slots {
        let of_slot = format!("{this}{}", pascal(slot));
        inner.push(("owner".to_owned(), this.to_owned(), "The entity that has the component.".to_owned()));
        let of_engine = api_fields(&[On::Entity], &of_slot, &[]).into_iter();
        inner.extend(of_engine.filter(|(name, ..)| OF_COMPONENTS.contains(&name.as_str())));
        table(text, &of_slot, "", inner);
        fields.push((slot.to_owned(), of_slot, String::new()));
    }
    table(text, this, &format!("`self` in the {part} part of a {}.", ty.name), fields);
}

/// The slot's name as the type has it, which lives as long as the type.
fn slot_of<'t>(ty: &'t EntityType, slot: &str) -> &'t str {
    ty.components.iter().map(|component| component.slot.as_str()).find(|name| *name == slot).unwrap_or_default()
}

/// A table type, one field a line.
fn table(text: &mut String, name: &str, said: &str, fields: impl IntoIterator<Item = Field>) {
    text.push('\n');
    if !said.is_empty() {
        let _ = writeln!(text, "--- {}", one_line(said));
    }
    let _ = writeln!(text, "export type {name} = {{");
    for (field, ty, said) in fields {
        if !said.is_empty() {
            let _ = writeln!(text, "    --- {}", one_line(&said));
        }
        let _ = writeln!(text, "    {field}: {ty},");
    }
    text.push_str("}\n");
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `iron_door` as `IronDoor`.
fn pascal(name: &str) -> String {
    let words = name.split(['_', '.']).filter(|word| !word.is_empty());
    words
        .map(|word| {
            let (first, rest) = word.split_at(word.chars().next().map_or(0, char::len_utf8));
            format!("{}{rest}", first.to_uppercase())
        })
        .collect()
}
