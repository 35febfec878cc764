//! The engine's functions as the checks use them: the signatures of [`kuafu_logic::api::TABLE`], read once.
//!
//! A place in the table that is not known here (the table may grow) makes its names known everywhere, unchecked.

use std::sync::LazyLock;

use kuafu_def::Part;
use kuafu_logic::api::{On, TABLE, TYPES};
use rustc_hash::FxHashMap;

use crate::syntax::{FunctionType, TypeText, parse_type};

/// A function or field of the engine.
#[derive(Debug)]
pub(crate) enum Member {
    /// The ways to call it, mostly one.
    Function(Vec<FunctionType<'static>>),
    Field(TypeText<'static>),
    /// Known by its name alone.
    Opaque,
}

/// The members of one place, by name.
pub(crate) type Members = FxHashMap<&'static str, Member>;

/// Everything of the engine, by place and name.
#[derive(Debug, Default)]
pub(crate) struct Api {
    /// Of `kuafu`; those in tables of their own with a dot: `shared.get`.
    pub(crate) globals: Members,
    /// Of references to entities.
    pub(crate) references: Members,
    /// Of `self`, by part.
    own: [Members; 2],
    /// Types that signatures name.
    types: FxHashMap<&'static str, TypeText<'static>>,
    /// Names whose place is not known here.
    elsewhere: Vec<&'static str>,
}

/// The API, read from its table.
pub(crate) static API: LazyLock<Api> = LazyLock::new(|| {
    let mut api = Api::default();
    for ty in TYPES {
        api.types.extend(parse_type(ty.definition).map(|text| (ty.name, text)));
    }
    for entry in TABLE {
        let on = entry.on;
        let mut is_known = false;
        let places =
            [(&mut api.globals, [On::Global, On::Global]), (&mut api.references, [On::Reference, On::ReferenceField])];
        for (members, of) in places {
            if of.contains(&on) {
                members.insert(entry.name, member(entry.signature));
                is_known = true;
            }
        }
        for (members, of) in api.own.iter_mut().zip([[On::Base, On::Base], [On::Cell, On::CellField]]) {
            if of.contains(&on) || [On::Entity, On::EntityField].contains(&on) {
                members.insert(entry.name, member(entry.signature));
                is_known = true;
            }
        }
        if !is_known {
            api.elsewhere.push(entry.name);
        }
    }
    api
});

fn member(signature: &'static str) -> Member {
    match parse_type(signature) {
        Some(TypeText::Function(function)) => Member::Function(vec![function]),
        Some(TypeText::Both(ways)) => {
            let functions = ways.into_iter().filter_map(|way| match way {
                TypeText::Function(function) => Some(function),
                _ => None,
            });
            Member::Function(functions.collect())
        }
        Some(text) => Member::Field(text),
        None => Member::Opaque,
    }
}

impl Api {
    /// What the engine puts on `self` in a part.
    pub(crate) fn own(&self, part: Part) -> &Members {
        &self.own[usize::from(part == Part::Cell)]
    }

    /// What a type's name stands for, when it is one of the API's.
    pub(crate) fn resolve<'t>(&'t self, text: &'t TypeText<'static>) -> &'t TypeText<'static> {
        match text {
            TypeText::Name(name) => self.types.get(name).unwrap_or(text),
            _ => text,
        }
    }

    /// Whether a name is that of a type of the API.
    pub(crate) fn is_type(&self, name: &str) -> bool {
        self.types.contains_key(name)
    }

    /// Whether a name belongs to the engine in some place that is not known here.
    pub(crate) fn is_elsewhere(&self, name: &str) -> bool {
        self.elsewhere.contains(&name)
    }

    /// The table in `kuafu` of a name, if there is one.
    pub(crate) fn namespace(&self, name: &str) -> Option<&'static str> {
        let inside = self.globals.keys().filter_map(|key| key.split_once('.'));
        inside.map(|(space, _)| space).find(|space| *space == name)
    }
}

/// Whether a parameter may be left out.
pub(crate) fn is_optional(ty: &TypeText<'_>) -> bool {
    matches!(ty, TypeText::Optional(_) | TypeText::Name("any" | "nil" | "unknown"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_signature_of_the_api_is_read() {
        for entry in TABLE {
            assert!(parse_type(entry.signature).is_some(), "{}: {}", entry.name, entry.signature);
        }
        for ty in TYPES {
            assert!(parse_type(ty.definition).is_some(), "{}: {}", ty.name, ty.definition);
        }
        assert!(API.elsewhere.is_empty(), "{:?} are in places that nobody checks", API.elsewhere);
    }
}
