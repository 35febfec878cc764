//! Whether a value fits where it is put: a property, an argument of a method, a parameter of the engine's functions.
//!
//! Only what is certain to be refused at run time is told: `None` is "fits, or nobody knows".

use kuafu_core::{Limits, Value};
use kuafu_def::{Argument, Field, Property, Type, nearest_name};

use super::ty::Ty;
use super::{Checker, names};
use crate::api::{API, is_optional};
use crate::syntax::{Expression, ExpressionKind, Item, Span, TypeText};

/// Why a value does not fit, and where.
#[derive(Debug)]
pub(crate) struct Misfit {
    pub(crate) span: Span,
    pub(crate) message: String,
    pub(crate) help: String,
}

/// A place that takes values of a type.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slot<'w> {
    pub(crate) ty: &'w Type,
    min: Option<f64>,
    max: Option<f64>,
    max_length: Option<u32>,
    /// What is put here is saved.
    pub(crate) persistent: bool,
}

impl<'w> Slot<'w> {
    pub(crate) fn property(property: &'w Property) -> Self {
        let Property { ty, min, max, max_length, persistent, .. } = property;
        Self { ty, min: *min, max: *max, max_length: *max_length, persistent: *persistent }
    }

    pub(crate) fn argument(argument: &'w Argument) -> Self {
        let Argument { ty, min, max, max_length, .. } = argument;
        Self { ty, min: *min, max: *max, max_length: *max_length, persistent: false }
    }

    pub(crate) fn field(field: &'w Field, persistent: bool) -> Self {
        let Field { ty, min, max, max_length, .. } = field;
        Self { ty, min: *min, max: *max, max_length: *max_length, persistent: persistent && field.persistent }
    }

    pub(crate) fn item(ty: &'w Type, persistent: bool) -> Self {
        Self { ty, min: None, max: None, max_length: None, persistent }
    }
}

impl<'w> Checker<'w, '_> {
    /// Why a value does not fit a slot. `ty` is what is known of the expression.
    pub(super) fn misfit(&self, slot: Slot<'w>, value: &'w Expression<'w>, ty: Ty<'w>) -> Option<Misfit> {
        let misfit = |message: String, help: String| Some(Misfit { span: value.span, message, help });
        if let ExpressionKind::Table(items) = &crate::class::bare(value).kind {
            return self.table_misfit(slot, value, items);
        }
        let fits = match (slot.ty, ty) {
            (_, Ty::Unknown) | (Type::Int { wide: true, .. }, _) => true,
            (_, Ty::Pending(_)) => {
                return misfit("this is a call, not its result".into(), "wait for the result: `…:await()`".into());
            }
            (Type::Int { .. } | Type::Float32 | Type::Float64, Ty::Number(Some(number))) => {
                return scalar(slot, number_value(number)).and_then(|(message, help)| misfit(message, help));
            }
            (Type::Text | Type::Enum(_), Ty::Text(Some(text))) => {
                return scalar(slot, Value::text(text)).and_then(|(message, help)| misfit(message, help));
            }
            (Type::Enum(_), Ty::Number(Some(number))) => {
                return scalar(slot, number_value(number)).and_then(|(message, help)| misfit(message, help));
            }
            (Type::Bool, Ty::Bool)
            | (Type::Int { .. } | Type::Float32 | Type::Float64 | Type::Enum(_), Ty::Number(_) | Ty::RuntimeId)
            | (Type::Text | Type::Bytes | Type::Enum(_), Ty::Text(_) | Ty::TypeName)
            | (Type::Text, Ty::Declared(Type::Enum(_), _))
            | (Type::Vector(2 | 3), Ty::Vector)
            | (Type::Vector(4) | Type::List(_) | Type::Map(..) | Type::Struct(_), Ty::Table | Ty::Entities(_))
            | (Type::Entity(_), Ty::Entity(_) | Ty::Own(..) | Ty::Nil) => true,
            (Type::Enum(a), Ty::Declared(Type::Enum(b), _)) => {
                a == b || a.variants.iter().any(|name| b.variants.contains(name))
            }
            (Type::Bytes, Ty::Declared(Type::Enum(_), _)) => true,
            (Type::Struct(a), Ty::Declared(Type::Struct(b), _)) => {
                a == b || b.fields.iter().all(|field| a.fields.iter().any(|other| other.name == field.name))
            }
            // Lists and maps may hold what the other takes; that is seen at run time.
            (Type::List(_) | Type::Map(..) | Type::Struct(_) | Type::Vector(4), Ty::Declared(other, _)) => {
                !matches!(other, Type::Enum(_))
            }
            (Type::List(_) | Type::Map(..), Ty::DataRow(_) | Ty::DataRows(_)) => true,
            (Type::Struct(_), Ty::DataRow(_)) => true,
            _ => false,
        };
        if fits {
            return None;
        }
        let found = ty.words()?;
        misfit(format!("expected {}, found {found}", slot.ty), help_for(slot.ty))
    }

    fn table_misfit(&self, slot: Slot<'w>, value: &'w Expression<'w>, items: &'w [Item<'w>]) -> Option<Misfit> {
        let misfit = |span: Span, message: String, help: String| Some(Misfit { span, message, help });
        match slot.ty {
            Type::Struct(declared) => items.iter().find_map(|item| match item {
                Item::Named(name, value) => match declared.fields.iter().find(|field| field.name == name.text) {
                    Some(field) => self.misfit(Slot::field(field, slot.persistent), value, self.known(value)),
                    None => {
                        let known = || declared.fields.iter().map(|field| field.name.as_str());
                        let help = names::help(name.text, known(), "its fields are");
                        misfit(name.span, format!("{} has no field `{}`", declared.name, name.text), help)
                    }
                },
                Item::Positional(value) => misfit(
                    value.span,
                    format!("{} has named fields", declared.name),
                    format!("write `{{ {} = … }}`", declared.fields.first().map_or("name", |field| &field.name)),
                ),
                Item::Keyed(..) => None,
            }),
            Type::List(item_type) => {
                let most = slot.max_length.unwrap_or(u32::MAX) as usize;
                let is_plain = items.iter().all(|item| matches!(item, Item::Positional(_))) && !opens(items.last());
                if is_plain && items.len() > most {
                    return misfit(
                        value.span,
                        format!("expected at most {most} items, found {}", items.len()),
                        "take some out, or raise `max_length` in the definition".into(),
                    );
                }
                items.iter().find_map(|item| match item {
                    Item::Positional(value) => {
                        self.misfit(Slot::item(item_type, slot.persistent), value, self.known(value))
                    }
                    Item::Named(name, _) => {
                        misfit(name.span, format!("a list has no field `{}`", name.text), help_for(slot.ty))
                    }
                    Item::Keyed(..) => None,
                })
            }
            Type::Map(key, item_type) => items.iter().find_map(|item| self.entry_misfit(slot, key, item_type, item)),
            Type::Vector(4) => None,
            _ => misfit(value.span, format!("expected {}, found a table", slot.ty), help_for(slot.ty)),
        }
    }

    /// What is wrong with an entry of a table for a map.
    fn entry_misfit(&self, slot: Slot<'w>, key: &'w Type, item: &'w Type, entry: &'w Item<'w>) -> Option<Misfit> {
        let (key, item) = (Slot::item(key, slot.persistent), Slot::item(item, slot.persistent));
        let of_key = match entry {
            Item::Named(name, _) => match key.ty {
                Type::Text | Type::Bytes => None,
                Type::Enum(_) => scalar(key, Value::text(name.text)),
                other => Some((format!("a key is {other}, not a string"), help_for(slot.ty))),
            }
            .map(|(message, help)| Misfit { span: name.span, message, help }),
            Item::Keyed(at, _) => self.misfit(key, at, self.known(at)),
            Item::Positional(_) => None,
        };
        of_key.or_else(|| self.misfit(item, entry.value(), self.known(entry.value())))
    }

    /// Where, in a value for a saved slot, a run-time id is.
    pub(super) fn runtime_id(&self, slot: Slot<'w>, value: &'w Expression<'w>, ty: Ty<'w>) -> Option<Span> {
        if !slot.persistent {
            return None;
        }
        if matches!(ty, Ty::RuntimeId) {
            return Some(value.span);
        }
        let ExpressionKind::Table(items) = &crate::class::bare(value).kind else { return None };
        items.iter().find_map(|item| match (slot.ty, item) {
            (Type::Struct(declared), Item::Named(name, value)) => {
                let field = declared.fields.iter().find(|field| field.name == name.text)?;
                self.runtime_id(Slot::field(field, true), value, self.known(value))
            }
            (Type::List(inner), Item::Positional(value)) | (Type::Map(_, inner), Item::Named(_, value)) => {
                self.runtime_id(Slot::item(inner, true), value, self.known(value))
            }
            (Type::Map(key, inner), Item::Keyed(at, value)) => self
                .runtime_id(Slot::item(key, true), at, self.known(at))
                .or_else(|| self.runtime_id(Slot::item(inner, true), value, self.known(value))),
            _ => None,
        })
    }

    /// Whether a value certainly does not fit a parameter of the engine's functions.
    pub(super) fn misfits_text(&self, text: &TypeText<'static>, value: &'w Expression<'w>, ty: Ty<'w>) -> bool {
        let is_scalar = matches!(ty, Ty::Nil | Ty::Bool | Ty::Number(_) | Ty::RuntimeId | Ty::Text(_) | Ty::Vector);
        match (API.resolve(text), ty) {
            (_, Ty::Unknown) | (TypeText::Name("any"), _) | (TypeText::Optional(_), Ty::Nil) => false,
            (TypeText::Optional(inner), ty) => self.misfits_text(inner, value, ty),
            (TypeText::Either(all), ty) => all.iter().all(|one| self.misfits_text(one, value, ty)),
            (TypeText::Text(wanted), Ty::Text(Some(given))) => *wanted != given,
            (TypeText::Name("string") | TypeText::Text(_), ty) => {
                !matches!(ty, Ty::Text(_) | Ty::TypeName | Ty::Declared(Type::Enum(_), _))
            }
            (TypeText::Name("number"), ty) => !matches!(ty, Ty::Number(_) | Ty::RuntimeId),
            (TypeText::Name("boolean"), ty) => !matches!(ty, Ty::Bool),
            (TypeText::Name("vector"), ty) => !matches!(ty, Ty::Vector),
            (TypeText::Name("Entity"), ty) => !matches!(ty, Ty::Entity(_) | Ty::Own(..)),
            (TypeText::Record(fields), ty) => {
                is_scalar || ty.is_function() || self.record_misfit(fields, value).is_some()
            }
            (TypeText::List(_), ty) => is_scalar || ty.is_function(),
            (TypeText::Function(_), _) => is_scalar,
            (TypeText::Name(_) | TypeText::Of(..) | TypeText::Both(_) | TypeText::Other, _) => false,
        }
    }

    /// What is wrong in a table that is written out where a record is wanted.
    pub(super) fn record_misfit(
        &self,
        fields: &[(&'static str, TypeText<'static>)],
        value: &'w Expression<'w>,
    ) -> Option<Misfit> {
        let ExpressionKind::Table(items) = &crate::class::bare(value).kind else { return None };
        // A record without fields has any.
        if fields.is_empty() || items.iter().any(|item| !matches!(item, Item::Named(..))) {
            return None;
        }
        let named = || {
            items
                .iter()
                .filter_map(|item| if let Item::Named(name, value) = item { Some((*name, value)) } else { None })
        };
        for (name, value) in named() {
            let Some((_, text)) = fields.iter().find(|(field, _)| *field == name.text) else {
                let help = names::help(name.text, fields.iter().map(|(field, _)| *field), "there are");
                return Some(Misfit { span: name.span, message: format!("there is no `{}` here", name.text), help });
            };
            let ty = self.known(value);
            if self.misfits_text(text, value, ty) {
                let found = ty.words().unwrap_or("something else");
                let message = format!("`{}` is {}, not {found}", name.text, super::call::type_words(text));
                return Some(Misfit { span: value.span, message, help: "correct the value".to_owned() });
            }
        }
        let lacking =
            fields.iter().find(|(field, text)| !is_optional(text) && !named().any(|(name, _)| name.text == *field))?;
        let (message, help) = (format!("`{}` is missing", lacking.0), format!("write `{} = …`", lacking.0));
        Some(Misfit { span: value.span, message, help })
    }
}

/// Whether a constructor may hold more items than are written: its last one is a call or `...`.
fn opens(last: Option<&Item<'_>>) -> bool {
    let last = last.map(|item| &item.value().kind);
    matches!(last, Some(ExpressionKind::Call(..) | ExpressionKind::MethodCall(..) | ExpressionKind::Rest))
}

fn number_value(number: f64) -> Value {
    let is_whole = number.fract() == 0.0 && number.abs() < 9.0e15;
    if is_whole { Value::Int(number as i64) } else { Value::Float(number) }
}

/// Why a scalar that is written out does not fit, and what would.
fn scalar(slot: Slot<'_>, given: Value) -> Option<(String, String)> {
    let checked = kuafu_logic::coerce(slot.ty, given.clone()).and_then(|value| {
        let Slot { ty, min, max, max_length, .. } = slot;
        let argument = Argument { min, max, max_length, ..Argument::new("", ty.clone()) };
        argument.check(&value, &Limits::default())
    });
    let why = checked.err()?;
    let help = match (slot.ty, &given) {
        (Type::Text, _) => "shorten it, or raise `max_length` in the definition".to_owned(),
        (Type::Enum(declared), Value::Text(text)) => variant_help(declared, text),
        (ty, _) => help_for(ty),
    };
    let why = match given {
        Value::Float(number) if matches!(slot.ty, Type::Int { .. }) => format!("expected {}, found {number}", slot.ty),
        _ => why,
    };
    Some((why, help))
}

/// What values of a type look like.
pub(super) fn help_for(ty: &Type) -> String {
    match ty {
        Type::Bool => "write `true` or `false`".into(),
        Type::Int { .. } => {
            "give a whole number in its range; `math.floor` rounds down, `math.clamp` keeps within bounds".into()
        }
        Type::Float32 | Type::Float64 => "give a number".into(),
        Type::Text => "give a text; `tostring(…)` makes one of a number".into(),
        Type::Bytes => "give a text with the bytes".into(),
        Type::Vector(4) => "give a table { x = …, y = …, z = …, w = … }".into(),
        Type::Vector(_) => "give `vector.create(x, y, z)`".into(),
        Type::Entity(_) => "give `self`, an entity that you were given, or nil".into(),
        Type::List(item) => format!("give a table with {item} at the positions 1, 2 …: {{ … }}"),
        Type::Map(key, item) => format!("give a table from {key} to {item}"),
        Type::Struct(declared) => {
            let fields: Vec<&str> = declared.fields.iter().map(|field| field.name.as_str()).collect();
            format!("give a table with the fields {}", fields.join(", "))
        }
        Type::Enum(declared) => format!("the variants are {}", declared.variants.join(", ")),
    }
}

/// The variant that a text was meant to be.
pub(super) fn variant_help(declared: &kuafu_def::EnumType, text: &str) -> String {
    let meant = nearest_name(text, declared.variants.iter().map(String::as_str));
    let meant = meant.map(|name| format!("did you mean `{name}`? ")).unwrap_or_default();
    format!("{meant}the variants are {}", declared.variants.join(", "))
}
