//! Stubs for logic in Rust: the declared types, and the properties of each part by name and type.

use kuafu_def::{Definitions, EntityType, Part};

use super::rust::{enumeration, in_library, name_of, one_line, structure, type_of};
use super::source::{Text, head_of, pascal};

/// Where the stubs find what they stand on.
const LIB: &str = "kuafu::native";

/// The whole file: all structs and enums, and a trait for each part that has properties.
pub(super) fn module(game: &str, definitions: &Definitions) -> String {
    let mut text = Text::default();
    let digest = format!("full digest {}", definitions.digest_full);
    text.line(format!("//! {}", head_of(game, "rust --server", &digest)));
    text.gap();
    text.line("#![allow(dead_code, unreachable_pub, clippy::all, reason = \"a game uses what it needs\")]");
    for declared in &definitions.enums {
        enumeration(&mut text, declared, LIB);
    }
    for declared in &definitions.structs {
        structure(&mut text, declared, LIB);
    }
    for ty in definitions.types.values() {
        for part in [Part::Base, Part::Cell].into_iter().filter(|part| ty.parts.has(*part)) {
            properties(&mut text, ty, part);
        }
    }
    text.into_text()
}

fn properties(text: &mut Text, ty: &EntityType, part: Part) {
    let own: Vec<_> = ty.properties.iter().filter(|property| property.part == part).collect();
    if own.is_empty() {
        return;
    }
    let name = format!("{}{}", pascal(&ty.name), pascal(part.name()));
    text.gap();
    text.line(format!("/// The properties of the {part} part of `{}`, on the context of an entry.", ty.name));
    text.line(format!("pub trait {name} {{"));
    for property in &own {
        let (plain, value) = (property.name.replace('.', "_"), in_library(type_of(&property.ty, ""), LIB));
        text.gap();
        text.line(format!("/// `{}` {}", property.ty, one_line(&property.description)).trim_end());
        text.line(format!("fn {}(&self) -> {LIB}::Done<{value}>;", getter(&plain)));
        text.gap();
        text.line(format!("/// Writes `{}`.", property.name));
        text.line(format!("fn set_{plain}(&mut self, value: {value}) -> {LIB}::Done;"));
    }
    text.line("}");
    text.gap();
    text.line(format!("impl {name} for {LIB}::Context<'_> {{"));
    for property in &own {
        let (plain, value) = (property.name.replace('.', "_"), in_library(type_of(&property.ty, ""), LIB));
        text.gap();
        text.line(format!("fn {}(&self) -> {LIB}::Done<{value}> {{", getter(&plain)));
        text.line(format!("self.get(\"{}\")", property.name));
        text.line("}");
        text.gap();
        text.line(format!("fn set_{plain}(&mut self, value: {value}) -> {LIB}::Done {{"));
        text.line(format!("self.set(\"{}\", value)", property.name));
        text.line("}");
    }
    text.line("}");
}

/// What the context has of its own; a getter of such a name would never be reached.
const TAKEN: &[&str] = &[
    "add_trigger",
    "after",
    "ask",
    "ask_then",
    "at",
    "base",
    "call",
    "call_group",
    "call_service",
    "cancel",
    "cell",
    "claim_name",
    "client",
    "clients",
    "clients_within",
    "count",
    "create",
    "create_anywhere",
    "destroy",
    "distance_to",
    "end",
    "every",
    "find_by",
    "find_record",
    "gauge",
    "get",
    "global",
    "id",
    "in_view",
    "join",
    "kick",
    "leave",
    "move_to",
    "nearby",
    "now_s",
    "others",
    "part",
    "position",
    "position_of",
    "provide",
    "public",
    "random",
    "random_between",
    "record",
    "release_name",
    "save",
    "set",
    "share",
    "shared",
    "step",
    "stop",
    "teleport",
    "ty",
    "type_of",
    "value",
    "viewers",
    "watch",
    "withdraw",
    "yaw",
];

fn getter(name: &str) -> String {
    if TAKEN.contains(&name) { format!("{name}_") } else { name_of(name) }
}
