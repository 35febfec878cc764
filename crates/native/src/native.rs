//! Which parts of which entity types have their logic in Rust.

use std::fmt;
use std::sync::Arc;

use kuafu_core::Value;
use kuafu_def::{Argument, Definitions, EntityType, Method, Part, Type};

use crate::behaviour::Behaviour;
use crate::entry::{Class, ClassOf};

/// The native logic of a game: given to every host, on every thread.
#[derive(Clone, Default)]
pub struct Native {
    entries: Vec<Registered>,
}

#[derive(Clone)]
struct Registered {
    part: Part,
    ty: String,
    class: Arc<dyn Class>,
}

/// Native logic that does not fit the definitions.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the Rust logic of `{ty}.{part}`: {message}")]
pub struct Mismatch {
    /// The entity type's name.
    pub ty: String,
    /// Its part.
    pub part: Part,
    /// What does not fit.
    pub message: String,
    /// What would be right.
    pub help: String,
}

impl Native {
    /// No native logic.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives the base parts of an entity type to a behaviour.
    #[must_use]
    pub fn base<B: Behaviour + Default>(self, ty: &str) -> Self {
        self.with(Part::Base, ty, B::default)
    }

    /// Gives the cell parts of an entity type to a behaviour.
    #[must_use]
    pub fn cell<B: Behaviour + Default>(self, ty: &str) -> Self {
        self.with(Part::Cell, ty, B::default)
    }

    /// The same for either part, with a function that makes the behaviour of each new part. What was given for the part
    /// before is replaced.
    #[must_use]
    pub fn with<B: Behaviour>(mut self, part: Part, ty: &str, make: impl Fn() -> B + Send + Sync + 'static) -> Self {
        self.entries.retain(|entry| (entry.part, entry.ty.as_str()) != (part, ty));
        self.entries.push(Registered { part, ty: ty.to_owned(), class: Arc::new(ClassOf::new(make)) });
        self
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether a part of a type has its logic here.
    #[must_use]
    pub fn has(&self, ty: &str, part: Part) -> bool {
        self.class(ty, part).is_some()
    }

    pub(crate) fn class(&self, ty: &str, part: Part) -> Option<&Arc<dyn Class>> {
        self.entries.iter().find(|entry| entry.part == part && entry.ty == ty).map(|entry| &entry.class)
    }

    /// Everything that does not fit the definitions: unknown types, missing methods, other arguments.
    #[must_use]
    pub fn check(&self, definitions: &Definitions) -> Vec<Mismatch> {
        let mut found = Vec::new();
        for Registered { part, ty: name, class } in &self.entries {
            let mut wrong = |message: String, help: String| {
                found.push(Mismatch { ty: name.clone(), part: *part, message, help });
            };
            match definitions.by_name(name) {
                None => wrong("there is no such entity type".into(), format!("write entities/{name}.toml")),
                Some(ty) if !ty.parts.has(*part) => {
                    wrong(format!("{name} has no {part} part"), format!("add it to `parts` in entities/{name}.toml"));
                }
                Some(ty) => check_methods(ty, *part, class.as_ref(), &mut wrong),
            }
        }
        found
    }
}

fn check_methods(ty: &EntityType, part: Part, class: &dyn Class, wrong: &mut impl FnMut(String, String)) {
    for method in ty.methods.iter().filter(|method| method.part == part) {
        let name = &method.name;
        match class.count(name) {
            None => wrong(
                format!("the method `{name}` is declared and missing"),
                format!("write it and add it to `methods![…]`, or take [methods.{part}.{name}] out of the definition"),
            ),
            Some(count) if count != method.arguments.len() => wrong(
                format!("`{name}` takes {count} arguments, and {} are declared", method.arguments.len()),
                format!("as declared: {}", declared(method)),
            ),
            Some(_) => check_arguments(class, method, wrong),
        }
    }
}

fn check_arguments(class: &dyn Class, method: &Method, wrong: &mut impl FnMut(String, String)) {
    for (no, argument) in method.arguments.iter().enumerate() {
        let unfit = samples(argument).iter().find_map(|value| class.accepts(&method.name, no, value).err());
        if let Some(unfit) = unfit {
            let (name, argument_name) = (&method.name, &argument.name);
            wrong(
                format!("`{name}` cannot take `{argument_name}`, which is {}: {unfit}", argument.ty),
                format!("as declared: {}", declared(method)),
            );
        }
    }
}

/// How a method's arguments are declared, for people.
fn declared(method: &Method) -> String {
    let arguments: Vec<String> = method.arguments.iter().map(|a| format!("{}: {}", a.name, a.ty)).collect();
    format!("{}({})", method.name, arguments.join(", "))
}

/// Values that an argument may have, at the ends of its range.
fn samples(argument: &Argument) -> Vec<Value> {
    match &argument.ty {
        Type::Int { bits, signed, wide } => {
            let (low, high) = range(*bits, *signed, *wide);
            let low = argument.min.map_or(low, |min| low.max(min.ceil() as i64));
            let high = argument.max.map_or(high, |max| high.min(max.floor() as i64));
            vec![Value::Int(low), Value::Int(high)]
        }
        ty => samples_of(ty),
    }
}

fn samples_of(ty: &Type) -> Vec<Value> {
    match ty {
        Type::Int { bits, signed, wide } => {
            let (low, high) = range(*bits, *signed, *wide);
            vec![Value::Int(low), Value::Int(high)]
        }
        Type::Enum(declared) => vec![Value::Int(0), Value::Int(declared.variants.len() as i64 - 1)],
        Type::List(item) => samples_of(item).into_iter().map(|value| Value::List(vec![value])).collect(),
        ty => vec![ty.default_value()],
    }
}

/// The ends of a whole number's range; a `wide` one of 64 bits without sign ends as its bit pattern.
fn range(bits: u8, signed: bool, wide: bool) -> (i64, i64) {
    let exact = kuafu_def::model::EXACT_INT_MAX;
    match (bits, signed) {
        (64, true) if wide => (i64::MIN, i64::MAX),
        (64, false) if wide => (0, -1),
        (64, true) => (-exact, exact),
        (64, false) => (0, exact),
        (bits, true) => (-(1 << (bits - 1)), (1 << (bits - 1)) - 1),
        (bits, false) => (0, (1 << bits) - 1),
    }
}

impl fmt::Debug for Native {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = self.entries.iter().map(|entry| (format!("{}.{}", entry.ty, entry.part), entry.class.names()));
        f.debug_map().entries(entries).finish()
    }
}
