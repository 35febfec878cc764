//! Stubs for browsers: an ES module that needs no build step, and its type declarations.
//!
//! The module is small: the client library already makes fields and functions of what the server tells. The declarations
//! say what they hold.

use kuafu_def::{Definitions, EntityType, Method, Part, StructType, Type};

use super::source::{Members, Text, client_types, head, member, members, pascal, shared_names, type_name};

/// What every entity and every component of the library has; a member of such a name is found in `properties` only.
const TAKEN: &[&str] = &[
    "id",
    "type",
    "position",
    "yaw",
    "gone",
    "properties",
    "base",
    "cell",
    "client",
    "is",
    "component",
    "on",
    "once",
    "off",
    "emit",
    "values",
    "track",
    "entity",
    "entityType",
    "slot",
    "applyProperties",
    "applyChanges",
    "receiveCall",
    "constructor",
];

/// `game.js`.
pub(super) fn module(game: &str, definitions: &Definitions) -> String {
    let mut text = Text::default();
    text.line("/**");
    text.line(format!(" * {}", head(game, definitions, "ts")));
    text.line(" * @module");
    text.line(" */");
    text.gap();
    text.line("/** The client digest of these definitions. */");
    text.line(format!("export const DIGEST = \"{}\";", definitions.digest_client));
    let names = shared_names(definitions);
    for declared in definitions.enums.iter().filter(|declared| names.contains(declared.name.as_str())) {
        let variants: Vec<String> = declared.variants.iter().map(|variant| format!("\"{variant}\"")).collect();
        text.gap();
        text.line(format!("/** The variants of {} in the declared order. */", declared.name));
        text.line(format!("export const {} = Object.freeze([{}]);", declared.name, variants.join(", ")));
    }
    text.gap();
    HELPER.lines().for_each(|line| text.line(line.trim_start()));
    for ty in client_types(definitions) {
        text.gap();
        let name = type_name(definitions, &ty.name);
        text.line(format!("/** The entity type `{}`. @type {{import(\"./game.js\").{name}Type}} */", ty.name));
        text.line(format!("export const {name} = entityType(\"{}\");", ty.name));
    }
    text.into_text()
}

/// What the module's entity types can do.
const HELPER: &str = "\
/** @param {string} name */
function entityType(name) {
const is = (entity) => entity?.type === name;
const among = (world) => [...world.entities.values()].filter(is);
const handle = (world, handlers) => world.on(\"call\", (entity, method, args) => {
if (is(entity) && Object.hasOwn(handlers, method)) handlers[method](entity, ...args);
});
return Object.freeze({ name, is, among, handle });
}";

/// `game.d.ts`.
pub(super) fn declarations(game: &str, definitions: &Definitions) -> String {
    let mut text = Text::default();
    text.line(format!("/** {} */", head(game, definitions, "ts")));
    text.gap();
    text.line("import type { Component, Entity, World } from \"/sdk/kuafu.js\";");
    text.gap();
    text.line("/** The client digest of these definitions. */");
    text.line(format!("export const DIGEST: \"{}\";", definitions.digest_client));
    text.gap();
    text.line("/** The id of an entity. */");
    text.line("export type Id<_Of extends Entity = Entity> = number;");
    text.line("/** An entity as an argument: itself or its id. */");
    text.line("export type Ref<Of extends Entity = Entity> = number | Of;");
    text.line("export interface Vec2 { readonly x: number; readonly y: number }");
    text.line("export interface Vec3 extends Vec2 { readonly z: number }");
    text.line("export interface Vec4 extends Vec3 { readonly w: number }");
    shared(&mut text, definitions);
    text.gap();
    text.line("/** What can be done with the entities of a type. */");
    text.line("export interface EntityType<E extends Entity, Handlers> {");
    text.line("/** The name in the definitions. */");
    text.line("readonly name: string;");
    text.line("/** Whether an entity is of the type. */");
    text.line("is(entity: Entity | null | undefined): entity is E;");
    text.line("/** Those in view, without the own entity. */");
    text.line("among(world: World): E[];");
    text.line("/** Has client methods handled, of the own entity too. Gives a function that ends it. */");
    text.line("handle(world: World, handlers: Handlers): () => void;");
    text.line("}");
    for ty in client_types(definitions) {
        entity(&mut text, definitions, ty);
    }
    text.into_text()
}

fn shared(text: &mut Text, definitions: &Definitions) {
    let names = shared_names(definitions);
    for declared in definitions.enums.iter().filter(|declared| names.contains(declared.name.as_str())) {
        let variants: Vec<String> = declared.variants.iter().map(|variant| format!("\"{variant}\"")).collect();
        text.gap();
        text.line(format!("export type {} = {};", declared.name, variants.join(" | ")));
        text.line(format!("export const {}: readonly [{}];", declared.name, variants.join(", ")));
    }
    for declared in definitions.structs.iter().filter(|declared| names.contains(declared.name.as_str())) {
        structure(text, definitions, declared);
    }
}

fn structure(text: &mut Text, definitions: &Definitions, declared: &StructType) {
    text.gap();
    text.line(format!("export interface {} {{", declared.name));
    for field in &declared.fields {
        text.line(format!("readonly {}: {};", field.name, type_of(definitions, &field.ty)));
    }
    text.line("}");
}

fn entity(text: &mut Text, definitions: &Definitions, ty: &EntityType) {
    let name = type_name(definitions, &ty.name);
    let all = members(ty);
    for component in &all[1..] {
        let slot = component.slot.unwrap_or_default();
        let of = ty.components.iter().find(|known| known.slot == slot);
        let described = of.map(|known| known.description.as_str()).unwrap_or_default();
        properties(text, definitions, &format!("{name}{}Properties", pascal(slot)), component, &[]);
        text.gap();
        doc(text, described);
        text.line(format!("export interface {name}{} extends Component {{", pascal(slot)));
        text.line(format!("readonly properties: {name}{}Properties;", pascal(slot)));
        fields(text, definitions, component);
        for method in component.methods.iter().filter(|method| method.part != Part::Client) {
            let both = component.methods.iter().filter(|other| member(&other.name) == member(&method.name)).count() > 1;
            if !both && !TAKEN.contains(&member(&method.name)) {
                signature(text, definitions, method);
            }
        }
        text.line("}");
    }
    let slots: Vec<&str> = all[1..].iter().filter_map(|component| component.slot).collect();
    properties(text, definitions, &format!("{name}Properties"), &all[0], &all[1..]);
    text.gap();
    doc(text, &ty.description);
    text.line(format!("export interface {name} extends Entity {{"));
    text.line(format!("readonly type: \"{}\";", ty.name));
    text.line(format!("readonly properties: {name}Properties;"));
    text.line(format!("readonly base: {name}Base;"));
    text.line(format!("readonly cell: {name}Cell;"));
    for slot in slots.iter().filter(|slot| !TAKEN.contains(slot)) {
        text.line(format!("readonly {slot}: {name}{};", pascal(slot)));
    }
    fields(text, definitions, &all[0]);
    text.line("}");
    remote(text, definitions, &format!("{name}Base"), &all, Part::Base);
    remote(text, definitions, &format!("{name}Cell"), &all, Part::Cell);
    handlers(text, definitions, &name, &all);
    text.gap();
    text.line(format!("export type {name}Type = EntityType<{name}, {name}Handlers>;"));
    text.line(format!("export const {name}: {name}Type;"));
}

/// All properties by their full names.
fn properties(text: &mut Text, definitions: &Definitions, name: &str, own: &Members<'_>, components: &[Members<'_>]) {
    text.gap();
    text.line(format!("export interface {name} {{"));
    for property in &own.properties {
        text.line(format!("readonly {}: {};", member(&property.name), type_of(definitions, &property.ty)));
    }
    for property in components.iter().flat_map(|component| &component.properties) {
        text.line(format!("readonly \"{}\": {};", property.name, type_of(definitions, &property.ty)));
    }
    text.line("}");
}

fn fields(text: &mut Text, definitions: &Definitions, of: &Members<'_>) {
    for property in of.properties.iter().filter(|property| !TAKEN.contains(&member(&property.name))) {
        doc(text, &property.description);
        text.line(format!("readonly {}: {};", member(&property.name), type_of(definitions, &property.ty)));
    }
}

fn remote(text: &mut Text, definitions: &Definitions, name: &str, all: &[Members<'_>], part: Part) {
    text.gap();
    text.line(format!("/** Methods of its {part} part that clients may call. */"));
    text.line(format!("export type {name} = {{"));
    for group in all {
        let methods = group.remote(part);
        if methods.is_empty() {
            continue;
        }
        if let Some(slot) = group.slot {
            text.line(format!("readonly {slot}: {{"));
        }
        methods.iter().for_each(|method| signature(text, definitions, method));
        if group.slot.is_some() {
            text.line("};");
        }
    }
    text.line("};");
}

fn signature(text: &mut Text, definitions: &Definitions, method: &Method) {
    doc(text, &method.description);
    let arguments: Vec<String> = method
        .arguments
        .iter()
        .map(|argument| {
            let optional = if argument.default.is_some() { "?" } else { "" };
            format!("{}{optional}: {}", argument_name(&argument.name), argument_type(definitions, &argument.ty))
        })
        .collect();
    let result = method.result.as_ref().map_or_else(|| "void".to_owned(), |ty| type_of(definitions, ty));
    text.line(format!("{}({}): Promise<{result}>;", member(&method.name), arguments.join(", ")));
}

fn handlers(text: &mut Text, definitions: &Definitions, name: &str, all: &[Members<'_>]) {
    text.gap();
    text.line("/** What to do when the server calls client methods; the entity comes first. */");
    text.line(format!("export interface {name}Handlers {{"));
    for method in all.iter().flat_map(|group| group.remote(Part::Client)) {
        doc(text, &method.description);
        let arguments = method
            .arguments
            .iter()
            .map(|argument| format!(", {}: {}", argument_name(&argument.name), type_of(definitions, &argument.ty)));
        let arguments: String = arguments.collect();
        let key = if method.name.contains('.') { format!("\"{}\"", method.name) } else { method.name.clone() };
        text.line(format!("{key}?(entity: {name}{arguments}): void;"));
    }
    text.line("}");
}

/// A name that JavaScript has no other use for.
fn argument_name(name: &str) -> String {
    const KEYWORDS: &[&str] = &[
        "arguments",
        "await",
        "break",
        "case",
        "catch",
        "class",
        "const",
        "continue",
        "debugger",
        "default",
        "delete",
        "do",
        "else",
        "entity",
        "enum",
        "eval",
        "export",
        "extends",
        "false",
        "finally",
        "for",
        "function",
        "if",
        "implements",
        "import",
        "in",
        "instanceof",
        "interface",
        "let",
        "new",
        "null",
        "package",
        "private",
        "protected",
        "public",
        "return",
        "static",
        "super",
        "switch",
        "this",
        "throw",
        "true",
        "try",
        "typeof",
        "var",
        "void",
        "while",
        "with",
        "yield",
    ];
    if KEYWORDS.contains(&name) { format!("{name}_") } else { name.to_owned() }
}

/// The type of what comes from the server.
fn type_of(definitions: &Definitions, ty: &Type) -> String {
    match ty {
        Type::Bool => "boolean".to_owned(),
        Type::Int { wide: true, .. } => "bigint".to_owned(),
        Type::Int { .. } | Type::Float32 | Type::Float64 => "number".to_owned(),
        Type::Text => "string".to_owned(),
        Type::Bytes => "Uint8Array".to_owned(),
        Type::Vector(length) => format!("Vec{length}"),
        Type::Entity(of) => format!("Id{}", typed_reference(definitions, of.as_deref())),
        Type::List(item) => format!("readonly {}[]", grouped(type_of(definitions, item))),
        Type::Map(key, item) => format!("ReadonlyMap<{}, {}>", type_of(definitions, key), type_of(definitions, item)),
        Type::Struct(declared) => declared.name.clone(),
        Type::Enum(declared) => declared.name.clone(),
    }
}

/// The type of what is given to the server.
fn argument_type(definitions: &Definitions, ty: &Type) -> String {
    match ty {
        Type::Entity(of) => format!("Ref{}", typed_reference(definitions, of.as_deref())),
        Type::Int { wide: true, .. } => "bigint | number".to_owned(),
        Type::List(item) => format!("readonly {}[]", grouped(argument_type(definitions, item))),
        ty => type_of(definitions, ty),
    }
}

/// A type before `[]`.
fn grouped(ty: String) -> String {
    if ty.contains(' ') && !ty.ends_with('>') { format!("({ty})") } else { ty }
}

fn typed_reference(definitions: &Definitions, of: Option<&str>) -> String {
    match of.filter(|of| client_types(definitions).any(|ty| ty.name == *of)) {
        Some(of) => format!("<{}>", type_name(definitions, of)),
        None => String::new(),
    }
}

fn doc(text: &mut Text, description: &str) {
    if !description.is_empty() {
        text.line(format!("/** {} */", description.replace("*/", "* /").replace('\n', " ")));
    }
}
