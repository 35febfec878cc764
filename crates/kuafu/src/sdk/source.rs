//! What the makers of stubs have in common: which members clients know, names in other cases, indented text.

use std::collections::BTreeSet;

use kuafu_def::{Definitions, EntityType, Method, Part, Property, Type};

/// The members that clients know of a type, or of one of its components.
pub(super) struct Members<'d> {
    /// The component's slot; `None` for the type's own members.
    pub(super) slot: Option<&'d str>,
    pub(super) properties: Vec<&'d Property>,
    pub(super) methods: Vec<&'d Method>,
}

/// The entity types that clients know, by their numbers.
pub(super) fn client_types(definitions: &Definitions) -> impl Iterator<Item = &EntityType> {
    definitions.types.values().map(AsRef::as_ref).filter(|ty| ty.parts.client && !ty.is_abstract)
}

/// The type's own members first, then those of each component by its slot.
pub(super) fn members(ty: &EntityType) -> Vec<Members<'_>> {
    let known = ty.properties.iter().filter(|property| property.is_client_visible());
    let methods = || ty.methods.iter().filter(|method| method.is_for_clients());
    let names = known.clone().map(|p| p.name.as_str()).chain(methods().map(|m| m.name.as_str()));
    let slots: BTreeSet<&str> = names.filter_map(|name| slot_of(name)).collect();
    std::iter::once(None)
        .chain(slots.into_iter().map(Some))
        .map(|slot| Members {
            slot,
            properties: known.clone().filter(|property| slot_of(&property.name) == slot).collect(),
            methods: methods().filter(|method| slot_of(&method.name) == slot).collect(),
        })
        .collect()
}

impl<'d> Members<'d> {
    /// The remote methods of a part.
    pub(super) fn remote(&self, part: Part) -> Vec<&'d Method> {
        self.methods.iter().copied().filter(|method| method.part == part).collect()
    }
}

fn slot_of(name: &str) -> Option<&str> {
    name.split_once('.').map(|(slot, _)| slot)
}

/// A member's name without its slot.
pub(super) fn member(name: &str) -> &str {
    name.split_once('.').map_or(name, |(_, member)| member)
}

/// `wandering_light` as `WanderingLight`.
pub(super) fn pascal(name: &str) -> String {
    name.split(['_', '.', '-'])
        .flat_map(|word| {
            let mut letters = word.chars();
            letters.next().map(|first| first.to_uppercase().chain(letters)).into_iter().flatten()
        })
        .collect()
}

/// The name of an entity type as a type of the stubs: no struct and no enum is called so.
pub(super) fn type_name(definitions: &Definitions, name: &str) -> String {
    let plain = pascal(name);
    let structs = definitions.structs.iter().map(|ty| &ty.name);
    let taken = structs.chain(definitions.enums.iter().map(|ty| &ty.name)).any(|other| *other == plain);
    if taken { plain + "Entity" } else { plain }
}

/// The structs and enums that occur in what clients know.
pub(super) fn shared_names(definitions: &Definitions) -> BTreeSet<&str> {
    let mut names = BTreeSet::new();
    for ty in client_types(definitions) {
        for members in members(ty) {
            members.properties.iter().for_each(|property| collect(&property.ty, &mut names));
            for method in members.methods {
                method.arguments.iter().for_each(|argument| collect(&argument.ty, &mut names));
                method.result.iter().for_each(|ty| collect(ty, &mut names));
            }
        }
    }
    names
}

fn collect<'d>(ty: &'d Type, names: &mut BTreeSet<&'d str>) {
    match ty {
        Type::List(item) => collect(item, names),
        Type::Map(key, item) => {
            collect(key, names);
            collect(item, names);
        }
        Type::Struct(declared) if names.insert(&declared.name) => {
            declared.fields.iter().for_each(|field| collect(&field.ty, names));
        }
        Type::Enum(declared) => {
            names.insert(&declared.name);
        }
        _ => {}
    }
}

/// The head of every file for clients, without comment signs.
pub(super) fn head(game: &str, definitions: &Definitions, lang: &str) -> String {
    head_of(game, lang, &format!("client digest {}", definitions.digest_client))
}

/// The same for any digest.
pub(super) fn head_of(game: &str, lang: &str, digest: &str) -> String {
    format!("Made by `kuafu sdk {game} --lang {lang}` from definitions with the {digest}. Make it again; do not edit.")
}

/// Text with indented lines.
#[derive(Default)]
pub(super) struct Text {
    text: String,
    depth: usize,
}

impl Text {
    /// A line at the present depth; one that begins with a closing bracket stands one step out.
    pub(super) fn line(&mut self, line: impl AsRef<str>) {
        let line = line.as_ref();
        let closes = line.starts_with(['}', ')', ']']);
        let opens = line.ends_with(['{', '(', '[']);
        self.depth -= usize::from(closes);
        if !line.is_empty() {
            self.text.push_str(&"    ".repeat(self.depth));
            self.text.push_str(line);
        }
        self.text.push('\n');
        self.depth += usize::from(opens);
    }

    /// An empty line, unless a block just began.
    pub(super) fn gap(&mut self) {
        if !self.text.ends_with("{\n") && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }
}
