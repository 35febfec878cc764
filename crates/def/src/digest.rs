//! Digests: one number for all that two sides must agree on.
//!
//! A digest is taken over a canonical text, made here and nowhere else, of what matters and in a fixed order; so it
//! does not depend on the order of files, on descriptions, or on how a schema is written as JSON. The client's text
//! holds what decides how bytes are read: limits that only the server enforces (rates, bounds) are left out, so that
//! tuning them does not shut clients out.

use std::collections::BTreeSet;
use std::fmt::Write;

use kuafu_core::Value;

use crate::model::{
    Definitions, Digest, EntityType, Exposed, Field, Method, Property, Spread, StructType, Type, Volatile,
};
use crate::type_text::OnTheWire;

/// Stands at the head of the texts; another way to write them needs another number.
const FORMAT: u32 = 1;

#[derive(Clone, Copy, PartialEq)]
enum Scope {
    Client,
    Full,
}

impl Definitions {
    /// Sets both digests from the rest.
    pub(crate) fn digest(&mut self) {
        self.digest_client = Digest::of(text(self, Scope::Client).as_bytes());
        self.digest_full = Digest::of(text(self, Scope::Full).as_bytes());
    }

    /// The names of the structs and enums that occur in what clients see.
    pub(crate) fn names_for_clients(&self) -> BTreeSet<&str> {
        let mut names = BTreeSet::new();
        for ty in self.types.values().filter(|ty| ty.parts.client) {
            for property in ty.properties.iter().filter(|property| property.is_client_visible()) {
                collect_names(&property.ty, &mut names);
            }
            for method in ty.methods.iter().filter(|method| method.is_for_clients()) {
                method.arguments.iter().for_each(|argument| collect_names(&argument.ty, &mut names));
                method.result.iter().for_each(|ty| collect_names(ty, &mut names));
            }
        }
        names
    }
}

fn collect_names<'a>(ty: &'a Type, names: &mut BTreeSet<&'a str>) {
    match ty {
        Type::List(item) => collect_names(item, names),
        Type::Map(key, item) => {
            collect_names(key, names);
            collect_names(item, names);
        }
        Type::Struct(ty) if names.insert(&ty.name) => {
            ty.fields.iter().for_each(|field| collect_names(&field.ty, names));
        }
        Type::Enum(ty) => {
            names.insert(&ty.name);
        }
        _ => {}
    }
}

/// The canonical text. Names are identifiers and values JSON, so no two definitions share a text.
fn text(definitions: &Definitions, scope: Scope) -> String {
    let mut text = format!("kuafu {FORMAT}\n");
    for ty in definitions.types.values().filter(|ty| scope == Scope::Full || ty.parts.client) {
        write_type(&mut text, ty, scope);
        if scope == Scope::Full {
            write_family(&mut text, definitions, ty);
        }
    }
    let names = definitions.names_for_clients();
    let known = |name: &str| scope == Scope::Full || names.contains(name);
    for ty in definitions.structs.iter().filter(|ty| known(&ty.name)) {
        write_struct(&mut text, ty, scope);
    }
    for ty in definitions.enums.iter().filter(|ty| known(&ty.name)) {
        line(&mut text, format_args!("enum {} {}", ty.name, ty.variants.join(" ")));
    }
    text
}

fn line(text: &mut String, what: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{what}");
}

fn write_type(text: &mut String, ty: &EntityType, scope: Scope) {
    line(text, format_args!("type {} {}", ty.no, ty.name));
    if scope == Scope::Full {
        line(text, format_args!("parts {} {} {} {:?}", ty.parts.base, ty.parts.cell, ty.parts.client, ty.top_speed));
    }
    for property in ty.properties.iter().filter(|p| scope == Scope::Full || p.is_client_visible()) {
        write_property(text, property, scope);
    }
    for method in ty.methods.iter().filter(|m| scope == Scope::Full || m.is_for_clients()) {
        write_method(text, method, scope);
    }
}

/// What was added to types after the first form: written only where it is used, so that older digests stay.
fn write_family(text: &mut String, definitions: &Definitions, ty: &EntityType) {
    if ty.parent.is_some() {
        let names: Vec<&str> = definitions.lineage(ty).map(|ancestor| ancestor.name.as_str()).collect();
        line(text, format_args!("parents {}", names.join(" ")));
    }
    if ty.is_global {
        line(text, format_args!("global"));
    }
    for component in &ty.components {
        line(text, format_args!("component {} {}", component.slot, component.component));
    }
    if ty.volatile != Volatile::default() {
        let metres = |spread: Spread| match spread {
            Spread::Always => "always".to_owned(),
            Spread::Never => "never".to_owned(),
            Spread::Within(metres) => format!("{metres:?}"),
        };
        line(text, format_args!("volatile {} {}", metres(ty.volatile.position), metres(ty.volatile.yaw)));
    }
}

fn write_struct(text: &mut String, ty: &StructType, scope: Scope) {
    line(text, format_args!("struct {}", ty.name));
    for field in &ty.fields {
        let (name, default) = (&field.name, value_text(&field.default));
        line(text, format_args!("field {name} {} = {default}", type_text(&field.ty, scope)));
        let Field { persistent, min, max, max_length, .. } = field;
        let is_plain = *persistent && min.is_none() && max.is_none() && max_length.is_none();
        if scope == Scope::Full && !is_plain {
            line(text, format_args!("{persistent} {min:?} {max:?} {max_length:?}"));
        }
    }
}

/// To which type of entity a reference goes only the server's scripts have to know.
fn type_text(ty: &Type, scope: Scope) -> String {
    match scope {
        Scope::Client => OnTheWire(ty).to_string(),
        Scope::Full => ty.to_string(),
    }
}

fn write_property(text: &mut String, property: &Property, scope: Scope) {
    let Property { no, name, part, own_client, other_clients, default, .. } = property;
    let (ty, default) = (type_text(&property.ty, scope), value_text(default));
    line(text, format_args!("property {no} {name} {ty} {part} {own_client} {other_clients} = {default}"));
    if scope == Scope::Full {
        let Property { cell_public, persistent, unique, indexed, min, max, max_length, .. } = property;
        line(text, format_args!("{cell_public} {persistent} {unique} {indexed} {min:?} {max:?} {max_length:?}"));
        let Property { items, detail, update, .. } = property;
        if *items || detail.is_some() || update.is_some() {
            line(text, format_args!("{items} {detail:?} {update:?}"));
        }
    }
}

fn write_method(text: &mut String, method: &Method, scope: Scope) {
    let Method { no, name, part, exposed, .. } = method;
    // How near is near enough only the server decides.
    let audience = match exposed {
        Exposed::No => "no",
        Exposed::Owner => "owner",
        Exposed::View | Exposed::Within(_) => "view",
    };
    line(text, format_args!("method {no} {name} {part} {audience}"));
    for argument in &method.arguments {
        line(text, format_args!("argument {} {}", argument.name, type_text(&argument.ty, scope)));
        if scope == Scope::Full {
            if let Some(default) = &argument.default {
                line(text, format_args!("= {}", value_text(default)));
            }
            line(text, format_args!("{:?} {:?} {:?}", argument.min, argument.max, argument.max_length));
        }
    }
    if let Some(result) = &method.result {
        line(text, format_args!("result {}", type_text(result, scope)));
    }
    if scope == Scope::Full {
        line(text, format_args!("{exposed:?} {:?}", method.rate));
    }
}

fn value_text(value: &Value) -> String {
    // Values serialize as plain enums; only a map with keys that are no text could fail, and values have none.
    serde_json::to_string(value).unwrap_or_default()
}
