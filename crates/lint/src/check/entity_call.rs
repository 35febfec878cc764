//! Calls with a colon: of `self`, of the parts of entities, of clients; and waiting for their answers.

use kuafu_def::{Method, Part, Type};

use super::Checker;
use super::call::{Given, count, is_last_open};
use super::fit::Slot;
use super::names::{self, counted};
use super::ty::{Answer, Ty};
use crate::api::{API, Member};
use crate::library;
use crate::syntax::{Expression, Name};
use crate::world::{Known, ViewNo};

impl<'w> Checker<'w, '_> {
    pub(super) fn method_call(
        &mut self,
        inner: &'w Expression<'w>,
        name: Name<'w>,
        arguments: &'w [Expression<'w>],
    ) -> Ty<'w> {
        let of = self.expression(inner);
        let types = self.values(arguments);
        match of {
            Ty::Own(view, part) => self.own_call(view, part, name, arguments, &types),
            Ty::Calls(view, part) => self.part_call(view, part, name, arguments, &types),
            Ty::Clients(view) => self.part_call(view, Part::Client, name, arguments, &types),
            Ty::Pending(answer) if name.text == "await" => Ty::answered(self.world(), answer),
            Ty::NoAnswer if name.text == "await" => {
                let help = "clients answer nothing: take `:await()` out, or let the client call a method of its own";
                self.tell(name.span, "no-answer", "a call of clients has no answer to wait for", help);
                Ty::Unknown
            }
            Ty::Provider => self.provider_call(name, arguments),
            Ty::Entity(view) => {
                if let Some(Member::Function(ways)) = API.references.get(name.text) {
                    let label = format!("x:{}", name.text);
                    let given = Given { label, span: name.span, arguments, types: &types, own: None };
                    return self.checked_result(&given, ways);
                }
                self.entity_call(view, name)
            }
            Ty::Kuafu => {
                let message = "the functions of `kuafu` are called with a dot";
                self.tell(name.span, "argument-count", message, format!("write `kuafu.{}(…)`", name.text));
                Ty::Unknown
            }
            Ty::DataTable(table) if name.text == "all" => Ty::DataRows(table),
            Ty::Text(_) | Ty::TypeName => self.text_call(name),
            Ty::Unknown => {
                self.loose_call(inner, name, arguments);
                Ty::Unknown
            }
            Ty::Declared(ty, super::ty::Origin::Property { .. }) if !matches!(ty, Type::Enum(_)) => {
                let help = match ty {
                    Type::List(_) => {
                        "lists go through the library: `table.insert(list, value)`, `table.remove(list, at)`, `#list`"
                    }
                    _ => "it holds values only",
                };
                self.tell(name.span, "not-a-method", format!("a value of {ty} has no methods"), help);
                Ty::Unknown
            }
            _ => Ty::Unknown,
        }
    }

    fn own_call(
        &mut self,
        view: ViewNo,
        part: Part,
        name: Name<'w>,
        arguments: &'w [Expression<'w>],
        types: &[Ty<'w>],
    ) -> Ty<'w> {
        let known = self.world().get(view);
        if !known.is_component
            && let Some(Member::Function(ways)) = API.own(part).get(name.text)
        {
            let own = Some((view, part));
            let given = Given { label: format!("self:{}", name.text), span: name.span, arguments, types, own };
            return self.checked_result(&given, ways);
        }
        if known.is_scripted(part, name.text) || known.methods.contains_key(&(part, name.text)) {
            return Ty::Unknown;
        }
        if let Some(Known::One(property)) = known.properties.get(name.text)
            && property.part == part
        {
            let message = format!("`{}` is a property, not a method", name.text);
            self.tell(name.span, "not-a-method", message, format!("read it with a dot: `self.{}`", name.text));
        } else if self.tells_of(view, name.text) && !known.slots.contains_key(name.text) {
            self.tell_unknown_own(view, part, name, "unknown-function");
        }
        Ty::Unknown
    }

    /// A call that goes out to a part of an entity, or to clients.
    fn part_call(
        &mut self,
        view: Option<ViewNo>,
        part: Part,
        name: Name<'w>,
        arguments: &'w [Expression<'w>],
        types: &[Ty<'w>],
    ) -> Ty<'w> {
        let nothing = if part == Part::Client { Ty::NoAnswer } else { Ty::Pending(Answer::Unknown) };
        let methods: Vec<&'w Method> = match view {
            Some(view) => self.world().get(view).methods.get(&(part, name.text)).cloned().unwrap_or_default(),
            None => self.world().methods_named(part, name.text).to_vec(),
        };
        match methods[..] {
            [] if name.text == "await" => Ty::Unknown,
            [] => {
                self.tell_unknown_method(view, part, name);
                nothing
            }
            [method] => {
                self.check_arguments(method, name, arguments, types);
                match &method.result {
                    _ if part == Part::Client => Ty::NoAnswer,
                    Some(result) => Ty::Pending(Answer::Declared(result)),
                    None => nothing,
                }
            }
            _ => {
                self.check_any_count(&methods, name, arguments);
                nothing
            }
        }
    }

    /// A call of a service, whose providers may be of any type.
    fn provider_call(&mut self, name: Name<'w>, arguments: &'w [Expression<'w>]) -> Ty<'w> {
        let both = [Part::Base, Part::Cell].map(|part| self.world().methods_named(part, name.text));
        let methods = both.concat();
        if methods.is_empty() {
            self.tell_unknown_method(None, Part::Base, name);
        } else {
            self.check_any_count(&methods, name, arguments);
        }
        Ty::Pending(Answer::Unknown)
    }

    fn tell_unknown_method(&mut self, view: Option<ViewNo>, part: Part, name: Name<'w>) {
        let text = name.text;
        let world = self.world();
        let known = view.map(|view| world.get(view));
        let of = known.map_or("no entity type", |known| known.name);
        let message = match known {
            Some(_) => format!("{of} has no declared method `{text}` in its {part} part"),
            None => format!("no entity type has a method `{text}` in its {part} part"),
        };
        let other = Part::ALL.into_iter().find(|other| {
            *other != part
                && match known {
                    Some(known) => known.methods.contains_key(&(*other, text)),
                    None => !world.methods_named(*other, text).is_empty(),
                }
        });
        let declared: Vec<&str> = match known {
            Some(known) => known.methods.keys().filter(|(of, _)| *of == part).map(|(_, name)| *name).collect(),
            None => world.method_names(part).collect(),
        };
        let help = if let Some(other) = other {
            format!("it is a method of the {other} part")
        } else if known.is_some_and(|known| part != Part::Client && known.is_scripted(part, text)) {
            format!(
                "the script has it, but only declared methods can be called: add `[methods.{part}.{text}]` to the definition of {of}"
            )
        } else {
            names::help(text, declared.into_iter(), "the methods are")
        };
        self.tell(name.span, "unknown-method", message, help);
    }

    fn check_arguments(
        &mut self,
        method: &'w Method,
        name: Name<'w>,
        arguments: &'w [Expression<'w>],
        types: &[Ty<'w>],
    ) {
        if !fits_count(method, arguments) {
            return self.tell_count(method, name, arguments);
        }
        for (no, (value, ty)) in arguments.iter().zip(types).enumerate() {
            let Some(declared) = method.arguments.get(no).filter(|_| !is_last_open(arguments, no)) else { continue };
            if matches!(ty, Ty::Nil) && declared.default.is_some() {
                continue;
            }
            if let Some(misfit) = self.misfit(Slot::argument(declared), value, *ty) {
                let message = format!("argument `{}` of {}: {}", declared.name, name.text, misfit.message);
                self.tell(misfit.span, "argument-type", message, misfit.help);
            }
        }
    }

    fn tell_count(&mut self, method: &Method, name: Name<'w>, arguments: &[Expression<'_>]) {
        let wanted = counted(method.arguments.len(), "argument");
        let message = format!("`{}` takes {wanted}, not {}", name.text, arguments.len());
        let named: Vec<String> =
            method.arguments.iter().map(|argument| format!("{}: {}", argument.name, argument.ty)).collect();
        self.tell(
            name.span,
            "argument-count",
            message,
            format!("it is declared as {}({})", method.name, named.join(", ")),
        );
    }

    fn check_any_count(&mut self, methods: &[&'w Method], name: Name<'w>, arguments: &[Expression<'_>]) {
        if !methods.iter().any(|method| fits_count(method, arguments)) {
            self.tell_count(methods[0], name, arguments);
        }
    }

    /// A call of something that is only known to have no methods of its own.
    fn entity_call(&mut self, view: Option<ViewNo>, name: Name<'w>) -> Ty<'w> {
        let text = name.text;
        if text == "await" || API.is_elsewhere(text) {
            return Ty::Unknown;
        }
        let world = self.world();
        let has = |part: Part| match view {
            Some(view) => world.get(view).methods.contains_key(&(part, text)),
            None => !world.methods_named(part, text).is_empty(),
        };
        let help = match [Part::Base, Part::Cell].into_iter().find(|part| has(*part)) {
            Some(part) => format!("call it in its part: `x.{part}:{text}(…)`"),
            None => "other entities are called through their parts: `x.base:method(…)`, `x.cell:method(…)`".to_owned(),
        };
        self.tell(name.span, "unknown-method", format!("a reference to an entity has no method `{text}`"), help);
        Ty::Unknown
    }

    fn text_call(&mut self, name: Name<'w>) -> Ty<'w> {
        let Some(strings) = library::find("string").filter(|strings| !strings.members.contains(&name.text)) else {
            return Ty::Unknown;
        };
        let help = names::help(name.text, strings.members.iter().copied(), "there are");
        self.tell(name.span, "unknown-field", format!("`string.{}` is not there", name.text), help);
        Ty::Unknown
    }

    /// `x.base:m(…)` where nothing is known of x: if it is an entity, some type must have the method.
    fn loose_call(&mut self, inner: &'w Expression<'w>, name: Name<'w>, arguments: &'w [Expression<'w>]) {
        let is_library = matches!(self.script.kind, crate::source::Kind::Library(_));
        let Some(part) = Self::loose_part(inner).filter(|_| !is_library) else { return };
        // A table of the script's own may have fields `base` and `cell`, and functions of this name.
        if self.shared.loose_names.contains(name.text)
            || library::find("string").is_some_and(|l| l.members.contains(&name.text))
        {
            return;
        }
        let methods = self.world().methods_named(part, name.text).to_vec();
        if methods.is_empty() {
            // A super call of a parent's or trait's own function.
            if !self.is_scripted_anywhere(part, name.text) {
                self.tell_unknown_method(None, part, name);
            }
        } else {
            self.check_any_count(&methods, name, arguments);
        }
    }

    fn is_scripted_anywhere(&self, part: Part, name: &str) -> bool {
        let world = self.world();
        let mut views = world.type_names().filter_map(|ty| world.type_view(ty));
        views.any(|view| world.get(view).is_scripted(part, name) || world.get(view).is_open)
    }
}

/// Whether so many arguments can be a call of the method. What is left out of a call of clients is nil, which only an
/// entity may be.
fn fits_count(method: &Method, arguments: &[Expression<'_>]) -> bool {
    let (given, is_open) = count(arguments);
    let most = method.arguments.len();
    if given > most {
        return false;
    }
    let missing = &method.arguments[given..];
    let is_client = method.part == Part::Client;
    let may_lack = missing
        .iter()
        .all(|argument| argument.default.is_some() || is_client && matches!(argument.ty, Type::Entity(_)));
    is_open || missing.is_empty() || may_lack
}
