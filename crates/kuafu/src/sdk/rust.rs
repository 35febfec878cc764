//! Stubs for the Rust client: a module an entity type, with views of what is seen, calls, and a trait to be called back.

use kuafu_core::Value;
use kuafu_def::{Argument, Definitions, EntityType, EnumType, Method, Part, StructType, Type};

use super::source::{Members, Text, client_types, head, member, members, pascal, shared_names};

/// The whole file.
pub(super) fn module(game: &str, definitions: &Definitions) -> String {
    let mut text = Text::default();
    text.line(format!("//! {}", head(game, definitions, "rust")));
    text.gap();
    text.line(
        "#![allow(dead_code, unreachable_pub, clippy::all, reason = \"a client uses what it needs of its game\")]",
    );
    text.gap();
    text.line("/// The client digest of these definitions: views and calls work with a game of the same one.");
    text.line(format!("pub const DIGEST: &str = \"{}\";", definitions.digest_client));
    let names = shared_names(definitions);
    for declared in definitions.enums.iter().filter(|declared| names.contains(declared.name.as_str())) {
        enumeration(&mut text, declared, "kuafu_client");
    }
    for declared in definitions.structs.iter().filter(|declared| names.contains(declared.name.as_str())) {
        structure(&mut text, declared, "kuafu_client");
    }
    for ty in client_types(definitions) {
        entity(&mut text, ty);
    }
    text.into_text()
}

pub(super) fn enumeration(text: &mut Text, declared: &EnumType, lib: &str) {
    text.gap();
    text.line(format!("{lib}::value_enum! {{"));
    text.line(format!("/// The enum `{}`.", declared.name));
    text.line(format!("pub enum {} {{", declared.name));
    for variant in &declared.variants {
        text.line(format!("{} = \"{variant}\",", pascal(variant)));
    }
    text.line("}");
    text.line("}");
}

pub(super) fn structure(text: &mut Text, declared: &StructType, lib: &str) {
    text.gap();
    text.line(format!("{lib}::value_struct! {{"));
    text.line(format!("/// The struct `{}`.", declared.name));
    text.line(format!("pub struct {} {{", declared.name));
    for field in &declared.fields {
        text.line(format!("/// `{}`", field.ty));
        text.line(format!("pub {}: {},", name_of(&field.name), in_library(type_of(&field.ty, ""), lib)));
    }
    text.line("}");
    text.line("}");
    text.gap();
    text.line(format!("impl Default for {} {{", declared.name));
    text.line("fn default() -> Self {");
    text.line("Self {");
    for field in &declared.fields {
        let default = in_library(literal(&field.ty, &field.default), lib);
        text.line(format!("{}: {default},", name_of(&field.name)));
    }
    text.line("}");
    text.line("}");
    text.line("}");
}

fn entity(text: &mut Text, ty: &EntityType) {
    let all = members(ty);
    text.gap();
    text.line(format!("/// The entity type `{}`. {}", ty.name, one_line(&ty.description)).trim_end());
    text.line(format!("pub mod {} {{", name_of(&ty.name)));
    text.line("/// The type's name.");
    text.line(format!("pub const TYPE: &str = \"{}\";", ty.name));
    view(text, ty, &all);
    for part in [Part::Base, Part::Cell] {
        if all.iter().any(|group| !group.remote(part).is_empty()) {
            calls(text, ty, &all, part);
        }
    }
    handler(text, &all);
    text.line("}");
}

fn view(text: &mut Text, ty: &EntityType, all: &[Members<'_>]) {
    text.gap();
    text.line(format!("/// What a client knows of an entity of the type `{}`.", ty.name));
    text.line("#[derive(Clone, Copy, Debug)]");
    text.line("pub struct View<'w>(kuafu_client::stub::Seen<'w>);");
    text.gap();
    text.line("impl<'w> View<'w> {");
    text.line(
        "/// An entity in view; `None` when it is not there, of another type, or the game has other definitions.",
    );
    text.line("pub fn of(world: &'w kuafu_client::World, entity: kuafu_client::EntityId) -> Option<Self> {");
    text.line("kuafu_client::stub::Seen::of(world, entity, TYPE, super::DIGEST).map(Self)");
    text.line("}");
    text.gap();
    text.line("/// The own entity, with its own properties too.");
    text.line("pub fn own(world: &'w kuafu_client::World) -> Option<Self> {");
    text.line("kuafu_client::stub::Seen::own(world, TYPE, super::DIGEST).map(Self)");
    text.line("}");
    text.gap();
    text.line("/// All of the type in view.");
    text.line("pub fn all(world: &'w kuafu_client::World) -> impl Iterator<Item = Self> {");
    text.line("kuafu_client::stub::Seen::all(world, TYPE, super::DIGEST).map(Self)");
    text.line("}");
    text.gap();
    text.line("/// Its id, and where it is.");
    text.line("pub fn seen(&self) -> &kuafu_client::stub::Seen<'w> {");
    text.line("&self.0");
    text.line("}");
    for component in &all[1..] {
        let slot = component.slot.unwrap_or_default();
        text.gap();
        text.line(format!("/// The component `{slot}`."));
        text.line(format!("pub fn {}(&self) -> View{}<'w> {{", accessor(slot), pascal(slot)));
        text.line(format!("View{}(self.0)", pascal(slot)));
        text.line("}");
    }
    getters(text, &all[0]);
    text.line("}");
    for component in &all[1..] {
        let slot = component.slot.unwrap_or_default();
        text.gap();
        text.line(format!("/// What a client knows of the component `{slot}`."));
        text.line("#[derive(Clone, Copy, Debug)]");
        text.line(format!("pub struct View{}<'w>(kuafu_client::stub::Seen<'w>);", pascal(slot)));
        text.gap();
        text.line(format!("impl View{}<'_> {{", pascal(slot)));
        getters(text, component);
        text.line("}");
    }
}

fn getters(text: &mut Text, group: &Members<'_>) {
    for property in &group.properties {
        text.gap();
        text.line(format!("/// `{}` {}", property.ty, one_line(&property.description)).trim_end());
        let ty = type_of(&property.ty, "super::");
        text.line(format!("pub fn {}(&self) -> {ty} {{", accessor(member(&property.name))));
        text.line(format!("self.0.read(\"{}\")", property.name));
        text.line("}");
    }
}

/// A method of the views; their own names are not for properties.
fn accessor(name: &str) -> String {
    if ["of", "own", "all", "seen"].contains(&name) { format!("{name}_") } else { name_of(name) }
}

fn calls(text: &mut Text, ty: &EntityType, all: &[Members<'_>], part: Part) {
    let name = pascal(part.name());
    text.gap();
    text.line(format!("/// Calls of the {part} part of an entity of the type `{}`.", ty.name));
    text.line("#[derive(Debug)]");
    text.line(format!("pub struct {name}<'c>(kuafu_client::stub::Remote<'c>);"));
    text.gap();
    text.line(format!("impl<'c> {name}<'c> {{"));
    text.line("/// Of the own entity.");
    text.line("pub fn own(client: &'c mut kuafu_client::Client) -> Self {");
    text.line("Self(kuafu_client::stub::Remote::own(client, TYPE, super::DIGEST))");
    text.line("}");
    text.gap();
    text.line("/// Of an entity in view.");
    text.line("pub fn of(client: &'c mut kuafu_client::Client, entity: kuafu_client::EntityId) -> Self {");
    text.line("Self(kuafu_client::stub::Remote::of(client, entity, TYPE, super::DIGEST))");
    text.line("}");
    let components = || all[1..].iter().filter(|group| !group.remote(part).is_empty());
    for slot in components().filter_map(|group| group.slot) {
        text.gap();
        text.line(format!("/// Of its component `{slot}`."));
        text.line(format!("pub fn {}(self) -> {name}{}<'c> {{", accessor(slot), pascal(slot)));
        text.line(format!("{name}{}(self.0)", pascal(slot)));
        text.line("}");
    }
    all[0].remote(part).into_iter().for_each(|method| call(text, method));
    text.line("}");
    for group in components() {
        let slot = group.slot.unwrap_or_default();
        text.gap();
        text.line(format!("/// Calls of the component `{slot}`."));
        text.line("#[derive(Debug)]");
        text.line(format!("pub struct {name}{}<'c>(kuafu_client::stub::Remote<'c>);", pascal(slot)));
        text.gap();
        text.line(format!("impl {name}{}<'_> {{", pascal(slot)));
        group.remote(part).into_iter().for_each(|method| call(text, method));
        text.line("}");
    }
}

fn call(text: &mut Text, method: &Method) {
    let mut arguments = String::new();
    for argument in &method.arguments {
        arguments += &format!(", {}: {}", name_of(&argument.name), argument_type(argument));
    }
    let result = method.result.as_ref().map_or_else(|| "()".to_owned(), |ty| type_of(ty, "super::"));
    text.gap();
    let described = one_line(&method.description);
    text.line(if described.is_empty() { format!("/// Calls `{}`.", method.name) } else { format!("/// {described}") });
    text.line("///");
    text.line("/// # Errors");
    text.line("/// [`kuafu_client::CallError`].");
    text.line(format!(
        "pub async fn {}(&mut self{arguments}) -> Result<{result}, kuafu_client::CallError> {{",
        accessor(member(&method.name))
    ));
    let values: Vec<String> = method
        .arguments
        .iter()
        .map(|argument| format!("kuafu_client::typed::IntoValue::into_value({})", name_of(&argument.name)))
        .collect();
    let part = pascal(method.part.name());
    text.line(format!("let arguments = [{}];", values.join(", ")));
    text.line(format!("self.0.call(kuafu_client::Part::{part}, \"{}\", &arguments).await", method.name));
    text.line("}");
}

fn handler(text: &mut Text, all: &[Members<'_>]) {
    let methods: Vec<&Method> = all.iter().flat_map(|group| group.remote(Part::Client)).collect();
    if methods.is_empty() {
        return;
    }
    text.gap();
    text.line("/// What to do when the server calls client methods; the entity comes first.");
    text.line("pub trait Handler {");
    for method in &methods {
        text.gap();
        let described = one_line(&method.description);
        text.line(if described.is_empty() { format!("/// `{}`", method.name) } else { format!("/// {described}") });
        let mut arguments = "&mut self, entity: kuafu_client::EntityId".to_owned();
        for argument in &method.arguments {
            arguments += &format!(", {}: {}", handler_argument(argument), type_of(&argument.ty, "super::"));
        }
        let unused: Vec<String> =
            method.arguments.iter().map(|argument| format!(", {}", handler_argument(argument))).collect();
        text.line(format!("fn {}({arguments}) {{", handler_name(method)));
        text.line(format!("let _ = (entity{});", unused.concat()));
        text.line("}");
    }
    text.line("}");
    text.gap();
    text.line("/// Hands an event to the handler; `false` when it is no call of a client method of this type.");
    text.line(
        "pub fn handle(handler: &mut impl Handler, world: &kuafu_client::World, event: &kuafu_client::Event) -> bool {",
    );
    text.line("let Some(call) = kuafu_client::stub::Called::of(world, event, TYPE, super::DIGEST) else {");
    text.line("return false;");
    text.line("};");
    text.line("match call.method() {");
    for method in &methods {
        let reads: Vec<String> = (0..method.arguments.len()).map(|no| format!(", call.read({no})")).collect();
        text.line(format!("\"{}\" => handler.{}(call.entity(){}),", method.name, handler_name(method), reads.concat()));
    }
    text.line("_ => return false,");
    text.line("}");
    text.line("true");
    text.line("}");
}

fn handler_name(method: &Method) -> String {
    name_of(&method.name.replace('.', "_"))
}

fn handler_argument(argument: &Argument) -> String {
    if argument.name == "entity" { "entity_".to_owned() } else { name_of(&argument.name) }
}

/// Types and literals name the client's crate; other stubs stand on another one with the same names.
pub(super) fn in_library(text: String, lib: &str) -> String {
    if lib == "kuafu_client" { text } else { text.replace("kuafu_client::", &format!("{lib}::")) }
}

/// The type of a value; `here` leads to the declared types.
pub(super) fn type_of(ty: &Type, here: &str) -> String {
    match ty {
        Type::Bool => "bool".to_owned(),
        Type::Int { bits: 64, signed: false, wide: true } => "kuafu_client::typed::WideU64".to_owned(),
        Type::Int { bits, signed, .. } => format!("{}{bits}", if *signed { 'i' } else { 'u' }),
        Type::Float32 => "f32".to_owned(),
        Type::Float64 => "f64".to_owned(),
        Type::Text => "String".to_owned(),
        Type::Bytes => "std::sync::Arc<[u8]>".to_owned(),
        Type::Vector(length) => format!("[f32; {length}]"),
        Type::Entity(_) => "Option<kuafu_client::EntityId>".to_owned(),
        Type::List(item) => format!("Vec<{}>", type_of(item, here)),
        Type::Map(key, item) => {
            let key = match key.as_ref() {
                Type::Entity(_) => "kuafu_client::EntityId".to_owned(),
                key => type_of(key, here),
            };
            format!("std::collections::BTreeMap<{key}, {}>", type_of(item, here))
        }
        Type::Struct(declared) => format!("{here}{}", declared.name),
        Type::Enum(declared) => format!("{here}{}", declared.name),
    }
}

/// The type of an argument, as callers like to give it.
fn argument_type(argument: &Argument) -> String {
    match &argument.ty {
        Type::Text => "&str".to_owned(),
        Type::Entity(_) => "kuafu_client::EntityId".to_owned(),
        ty => type_of(ty, "super::"),
    }
}

/// A value as a Rust expression.
fn literal(ty: &Type, value: &Value) -> String {
    match (ty, value) {
        (Type::Int { bits: 64, signed: false, wide: true }, Value::Int(number)) => {
            format!("kuafu_client::typed::WideU64({})", number.cast_unsigned())
        }
        (Type::Enum(declared), Value::Int(index)) => {
            let variant = usize::try_from(*index).ok().and_then(|index| declared.variants.get(index));
            format!("{}::{}", declared.name, variant.map_or_else(String::new, |variant| pascal(variant)))
        }
        (_, Value::Bool(flag)) => flag.to_string(),
        (_, Value::Int(number)) => number.to_string(),
        (_, Value::Float(number)) => format!("{number:?}"),
        (_, Value::Text(text)) if text.is_empty() => "String::new()".to_owned(),
        (_, Value::Text(text)) => format!("{text:?}.to_owned()"),
        (_, Value::Vector(vector)) => format!("{:?}", vector.as_slice()),
        (Type::List(item), Value::List(items)) if !items.is_empty() => {
            let items: Vec<String> = items.iter().map(|value| literal(item, value)).collect();
            format!("vec![{}]", items.join(", "))
        }
        (Type::Map(key, item), Value::Map(entries)) if !entries.is_empty() => {
            let entries = entries.iter().map(|(k, v)| format!("({}, {})", literal(key, k), literal(item, v)));
            format!("[{}].into_iter().collect()", entries.collect::<Vec<_>>().join(", "))
        }
        (Type::Struct(declared), Value::List(values)) => {
            let fields = declared.fields.iter().zip(values);
            let fields = fields.map(|(f, value)| format!("{}: {}", name_of(&f.name), literal(&f.ty, value)));
            format!("{} {{ {} }}", declared.name, fields.collect::<Vec<_>>().join(", "))
        }
        (_, Value::Bytes(bytes)) if !bytes.is_empty() => format!("std::sync::Arc::from({bytes:?})"),
        _ => "Default::default()".to_owned(),
    }
}

/// A name that Rust has no other use for.
pub(super) fn name_of(name: &str) -> String {
    const KEYWORDS: &[&str] = &[
        "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "do", "dyn", "else", "enum",
        "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro", "match", "mod",
        "move", "mut", "override", "priv", "pub", "ref", "return", "static", "struct", "trait", "true", "try", "type",
        "typeof", "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
    ];
    match name {
        "self" | "Self" | "super" | "crate" => format!("{name}_"),
        name if KEYWORDS.contains(&name) => format!("r#{name}"),
        name => name.to_owned(),
    }
}

pub(super) fn one_line(description: &str) -> String {
    description.replace('\n', " ")
}
