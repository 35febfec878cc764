//! Calls of functions: the engine's own by their signatures, and what Luau's libraries give back.

use kuafu_def::{Part, Type};

use super::Checker;
use super::fit::Slot;
use super::names::{self, counted};
use super::ty::{Origin, Ty};
use crate::api::{API, Member, is_optional};
use crate::syntax::{Expression, ExpressionKind, FunctionType, Item, Name, Span, TypeText};
use crate::world::{Known, ViewNo};

impl<'w> Checker<'w, '_> {
    pub(super) fn call(&mut self, callee: &'w Expression<'w>, arguments: &'w [Expression<'w>]) -> Ty<'w> {
        if let ExpressionKind::Field(inner, name) = &callee.kind {
            let of = self.expression(inner);
            match of {
                Ty::Kuafu | Ty::Namespace(_) => return self.engine_call(of, *name, arguments, callee.span),
                Ty::Library(library) => {
                    let function = self.field(of, *name);
                    let types = self.values(arguments);
                    if matches!(function, Ty::Function) {
                        return self.library_call(library.name, name.text, arguments, &types);
                    }
                    return Ty::Unknown;
                }
                Ty::Own(view, part) => return self.dotted_call(view, part, *name, arguments),
                _ => {
                    self.field(of, *name);
                }
            }
        } else {
            self.expression(callee);
        }
        let types = self.values(arguments);
        self.remember(arguments, &types);
        if Self::is_global(callee, "tostring") {
            return Ty::Text(None);
        }
        Ty::Unknown
    }

    /// Keeps what arguments are, for those who look at them later.
    fn remember(&mut self, arguments: &'w [Expression<'w>], types: &[Ty<'w>]) {
        self.known.extend(arguments.iter().map(|argument| argument.span).zip(types.iter().copied()));
    }

    /// `kuafu.name(…)`
    fn engine_call(&mut self, of: Ty<'w>, name: Name<'w>, arguments: &'w [Expression<'w>], span: Span) -> Ty<'w> {
        let full = match of {
            Ty::Namespace(space) => format!("{space}.{}", name.text),
            _ => name.text.to_owned(),
        };
        self.field(of, name);
        let types = self.values(arguments);
        let Some(Member::Function(ways)) = API.globals.get(full.as_str()) else { return Ty::Unknown };
        let given = Given { label: format!("kuafu.{full}"), span, arguments, types: &types, own: None };
        let (result, mut entity) = self.check_engine_call(&given, ways);
        match full.as_str() {
            "create" => self.check_creation(entity, arguments),
            "find" => self.check_search(entity, arguments),
            "global" => entity = self.global_type(&types),
            _ => {}
        }
        result.map_or(Ty::Unknown, |function| self.result_of(function, entity, None))
    }

    /// The entity type whose only entity a global name means.
    fn global_type(&self, types: &[Ty<'w>]) -> Option<ViewNo> {
        let Some(Ty::Text(Some(name))) = types.first() else { return None };
        self.world().definitions.by_name(name).filter(|ty| ty.is_global).and_then(|ty| self.world().type_view(&ty.name))
    }

    /// `self.name(…)`: a function of the engine or a method, which wants a colon.
    fn dotted_call(&mut self, view: ViewNo, part: Part, name: Name<'w>, arguments: &'w [Expression<'w>]) -> Ty<'w> {
        self.field(Ty::Own(view, part), name);
        let types = self.values(arguments);
        let is_component = self.world().get(view).is_component;
        let Some(Member::Function(ways)) = API.own(part).get(name.text).filter(|_| !is_component) else {
            return Ty::Unknown;
        };
        match types.first() {
            Some(Ty::Own(..)) => {
                let own = Some((view, part));
                let label = format!("self:{}", name.text);
                let given = Given { label, span: name.span, arguments: &arguments[1..], types: &types[1..], own };
                return self.checked_result(&given, ways);
            }
            Some(ty) if ty.words().is_some() => {}
            None => {}
            _ => return Ty::Unknown,
        }
        let message = format!("`{}` is called with a colon", name.text);
        self.tell(name.span, "argument-count", message, format!("write `self:{}(…)`", name.text));
        Ty::Unknown
    }

    /// Looks at a call of the engine's and says what it gives.
    pub(super) fn checked_result(&mut self, given: &Given<'w, '_>, ways: &'static [FunctionType<'static>]) -> Ty<'w> {
        let (result, entity) = self.check_engine_call(given, ways);
        result.map_or(Ty::Unknown, |function| self.result_of(function, entity, given.own.map(|(view, _)| view)))
    }

    /// Holds the arguments against the ways to call a function; gives the only way that is meant, and the entity type
    /// that the arguments name.
    fn check_engine_call(
        &mut self,
        given: &Given<'w, '_>,
        ways: &'static [FunctionType<'static>],
    ) -> (Option<&'static FunctionType<'static>>, Option<ViewNo>) {
        self.remember(given.arguments, given.types);
        let fitting: Vec<&'static FunctionType<'static>> = ways.iter().filter(|way| self.fits(given, way)).collect();
        if fitting.is_empty()
            && let Some(first) = ways.first()
        {
            self.tell_misfit(given, first);
        }
        let mut entity = None;
        let parameters = ways.first().map_or(&[][..], |way| &way.parameters);
        for ((argument, ty), (name, _)) in given.arguments.iter().zip(given.types).zip(parameters) {
            let Ty::Text(Some(text)) = ty else { continue };
            match name {
                Some("type") => entity = self.check_type_name(text, argument.span),
                Some("method") if given.own.is_some() => self.check_target(given.own, text, argument.span),
                _ => {}
            }
        }
        (if let [only] = fitting[..] { Some(only) } else { None }, entity)
    }

    fn fits(&self, given: &Given<'w, '_>, way: &'static FunctionType<'static>) -> bool {
        misses_count(given, way).is_none() && self.misfit_at(given, way).is_none()
    }

    /// The first argument that does not fit.
    fn misfit_at(&self, given: &Given<'w, '_>, way: &'static FunctionType<'static>) -> Option<usize> {
        let pairs = given.arguments.iter().zip(given.types).zip(&way.parameters);
        // The last one may give any number of values, or none.
        pairs.enumerate().find_map(|(no, ((argument, ty), (_, text)))| {
            (!is_last_open(given.arguments, no) && self.misfits_text(text, argument, *ty)).then_some(no)
        })
    }

    fn tell_misfit(&mut self, given: &Given<'w, '_>, way: &'static FunctionType<'static>) {
        let label = &given.label;
        let help = format!("{label} takes {}", parameters(way));
        if let Some(message) = misses_count(given, way) {
            return self.tell(given.span, "argument-count", message, help);
        }
        let Some(no) = self.misfit_at(given, way) else { return };
        let (name, text) = &way.parameters[no];
        let (argument, ty) = (&given.arguments[no], given.types[no]);
        let record = match API.resolve(text) {
            TypeText::Optional(inner) => API.resolve(inner),
            text => text,
        };
        if let TypeText::Record(fields) = record
            && let Some(misfit) = self.record_misfit(fields, argument)
        {
            return self.tell(misfit.span, "argument-type", format!("{label}: {}", misfit.message), misfit.help);
        }
        let name = name.unwrap_or("value");
        let found = match ty {
            Ty::Text(Some(given)) if given.len() < 40 => format!("\"{given}\""),
            ty => ty.words().unwrap_or("something else").to_owned(),
        };
        let message = format!("`{name}` of {label} is {}, not {found}", type_words(API.resolve(text)));
        self.tell(argument.span, "argument-type", message, help);
    }

    fn check_type_name(&mut self, name: &str, span: Span) -> Option<ViewNo> {
        let view = self.world().type_view(name);
        if view.is_none() {
            let help = names::help(name, self.world().type_names(), "the entity types are");
            self.tell(span, "unknown-type", format!("there is no entity type `{name}`"), help);
        }
        view
    }

    /// The method that a timer names.
    fn check_target(&mut self, own: Option<(ViewNo, Part)>, name: &'w str, span: Span) {
        let Some((view, part)) = own else { return };
        let known = self.world().get(view);
        let is_there = known.is_scripted(part, name);
        if is_there || !self.tells_of(view, name) {
            return;
        }
        let help = names::help(name, known.scripted(part), "its methods are");
        let message = format!("{} has no method `{name}` in its {part} part", known.name);
        self.tell(span, "unknown-function", message, help);
    }

    /// What a signature gives.
    fn result_of(
        &self,
        function: &'static FunctionType<'static>,
        entity: Option<ViewNo>,
        own: Option<ViewNo>,
    ) -> Ty<'w> {
        match function.result.as_deref() {
            Some(TypeText::Name("ClientCalls")) => Ty::Clients(own),
            Some(text) => Ty::annotated(self.world(), text, &[], entity),
            None => Ty::Unknown,
        }
    }

    /// The properties by which `kuafu.find` searches.
    fn check_search(&mut self, entity: Option<ViewNo>, arguments: &'w [Expression<'w>]) {
        let (Some(view), Some(by)) = (entity, arguments.get(1)) else { return };
        let ExpressionKind::Table(items) = &crate::class::bare(by).kind else { return };
        self.check_properties(view, items);
    }

    /// The options of `kuafu.create`: the properties of the new entity.
    fn check_creation(&mut self, entity: Option<ViewNo>, arguments: &'w [Expression<'w>]) {
        let Some(view) = entity else { return };
        let known = self.world().get(view);
        if let Some(ty) = self.world().definitions.abstract_types.iter().find(|ty| ty.name == known.name) {
            let message = format!("`{}` is abstract: there are no entities of it", ty.name);
            self.tell(arguments[0].span, "abstract-type", message, "create an entity of a type that inherits from it");
        }
        let Some(ExpressionKind::Table(options)) = arguments.get(1).map(|options| &crate::class::bare(options).kind)
        else {
            return;
        };
        let properties = options.iter().find_map(|item| match item {
            Item::Named(name, value) if name.text == "properties" => Some(value),
            _ => None,
        });
        let Some(ExpressionKind::Table(items)) = properties.map(|value| &crate::class::bare(value).kind) else {
            return;
        };
        self.check_properties(view, items);
    }

    /// Values for properties of an entity type, by name.
    fn check_properties(&mut self, view: ViewNo, items: &'w [Item<'w>]) {
        let known = self.world().get(view);
        for item in items {
            let Item::Named(name, value) = item else { continue };
            match known.properties.get(name.text) {
                Some(Known::One(property)) => {
                    let ty = self.known(value);
                    self.check_slot(Slot::property(property), value, ty, name.text);
                }
                Some(Known::Several) => {}
                None if known.slots.contains_key(name.text) => {}
                None => {
                    let help = names::help(name.text, known.properties.keys().copied(), "its properties are");
                    let message = format!("{} has no property `{}`", known.name, name.text);
                    self.tell(name.span, "unknown-property", message, help);
                }
            }
        }
    }

    /// What a function of Luau's libraries gives; those that put something into a list are looked at.
    fn library_call(&mut self, library: &str, name: &str, arguments: &'w [Expression<'w>], types: &[Ty<'w>]) -> Ty<'w> {
        self.remember(arguments, types);
        match (library, name) {
            ("table", "insert") => {
                self.check_insert(arguments, types);
                Ty::Nil
            }
            ("table", "freeze") => types.first().copied().unwrap_or(Ty::Unknown),
            ("math", "modf" | "frexp") | ("bit32", "btest") => Ty::Unknown,
            ("math", "isnan" | "isinf" | "isfinite") => Ty::Bool,
            ("math" | "bit32", _) => Ty::Number(None),
            ("string", "lower" | "upper" | "rep" | "sub" | "reverse" | "format" | "char") => Ty::Text(None),
            ("string", "len") => Ty::Number(None),
            (
                "vector",
                "create" | "normalize" | "cross" | "floor" | "ceil" | "abs" | "sign" | "clamp" | "max" | "min" | "lerp",
            ) => Ty::Vector,
            ("vector", "magnitude" | "dot" | "angle") => Ty::Number(None),
            _ => Ty::Unknown,
        }
    }

    fn check_insert(&mut self, arguments: &'w [Expression<'w>], types: &[Ty<'w>]) {
        let (Some(Ty::Declared(Type::List(item), Origin::Property { persistent })), true) =
            (types.first(), (2..=3).contains(&arguments.len()))
        else {
            return;
        };
        let at = arguments.len() - 1;
        if is_last_open(arguments, at) {
            return;
        }
        self.check_slot(Slot::item(item, *persistent), &arguments[at], types[at], "the list");
    }
}

/// A call of the engine's, with what is known of its arguments.
pub(super) struct Given<'w, 'g> {
    /// How it is written: `kuafu.log`, `self:save`.
    pub(super) label: String,
    pub(super) span: Span,
    pub(super) arguments: &'w [Expression<'w>],
    pub(super) types: &'g [Ty<'w>],
    /// What `self` is.
    pub(super) own: Option<(ViewNo, Part)>,
}

/// What is wrong with the number of arguments.
fn misses_count(given: &Given<'_, '_>, function: &FunctionType<'_>) -> Option<String> {
    let least = function.parameters.iter().rposition(|(_, ty)| !is_optional(ty)).map_or(0, |at| at + 1);
    let most = function.parameters.len();
    let (written, is_open) = count(given.arguments);
    let label = &given.label;
    if written > most && !function.has_rest {
        Some(format!("{label} takes {}, not {written}", counted(most, "argument")))
    } else if written < least && !is_open {
        let words = if least == most && !function.has_rest { "" } else { "at least " };
        Some(format!("{label} takes {words}{}, not {written}", counted(least, "argument")))
    } else {
        None
    }
}

/// How many arguments are written, and whether the last may give more or none.
pub(super) fn count(arguments: &[Expression<'_>]) -> (usize, bool) {
    let is_open = !arguments.is_empty() && is_last_open(arguments, arguments.len() - 1);
    (arguments.len() - usize::from(is_open), is_open)
}

/// Whether this argument is the last one and gives any number of values.
pub(super) fn is_last_open(arguments: &[Expression<'_>], no: usize) -> bool {
    let is_open =
        matches!(arguments[no].kind, ExpressionKind::Call(..) | ExpressionKind::MethodCall(..) | ExpressionKind::Rest);
    is_open && no + 1 == arguments.len()
}

/// The parameters of a signature, for people.
pub(super) fn parameters(function: &FunctionType<'_>) -> String {
    let named = function.parameters.iter().map(|(name, ty)| match name {
        Some(name) => format!("{name}: {}", type_words(ty)),
        None => type_words(ty),
    });
    let mut all: Vec<String> = named.collect();
    if function.has_rest {
        all.push("…".to_owned());
    }
    format!("({})", all.join(", "))
}

pub(super) fn type_words(text: &TypeText<'_>) -> String {
    match text {
        TypeText::Name(name) => (*name).to_owned(),
        TypeText::Optional(inner) => format!("{}?", type_words(inner)),
        TypeText::List(inner) => format!("{{{}}}", type_words(inner)),
        TypeText::Record(fields) if fields.is_empty() => "table".to_owned(),
        TypeText::Record(fields) => {
            let fields: Vec<String> = fields.iter().map(|(name, ty)| format!("{name}: {}", type_words(ty))).collect();
            format!("{{{}}}", fields.join(", "))
        }
        TypeText::Function(_) => "function".to_owned(),
        TypeText::Text(text) => format!("\"{text}\""),
        TypeText::Either(all) => all.iter().map(type_words).collect::<Vec<_>>().join(" or "),
        TypeText::Of(name, inner) => format!("{name}<{}>", type_words(inner)),
        TypeText::Both(_) | TypeText::Other => "any of several".to_owned(),
    }
}
