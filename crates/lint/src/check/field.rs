//! Reading fields: of `self`, of entities, of declared values, of libraries and of data tables.

use kuafu_def::{Part, Type};

use super::Checker;
use super::names;
use super::ty::{Origin, Ty};
use crate::api::{API, Member};
use crate::library::{self, Library};
use crate::syntax::{Expression, ExpressionKind, Name, Span};
use crate::world::{Known, ViewNo};

/// Fields through which only `self` speaks to clients.
const OF_CLIENTS: [&str; 3] = ["client", "others", "clients"];

impl<'w> Checker<'w, '_> {
    pub(super) fn field(&mut self, of: Ty<'w>, name: Name<'w>) -> Ty<'w> {
        match of {
            Ty::Own(view, part) => self.own_field(view, part, name),
            Ty::Entity(view) => self.entity_field(view, name),
            Ty::Calls(Some(view), part) => {
                self.world().get(view).slots.get(name.text).map_or(Ty::Unknown, |slot| Ty::Calls(Some(*slot), part))
            }
            Ty::Declared(Type::Struct(declared), origin) => {
                match declared.fields.iter().find(|field| field.name == name.text) {
                    Some(field) => Ty::declared(self.world(), &field.ty, inner(origin, field.persistent)),
                    None if origin == Origin::Plain => Ty::Unknown,
                    None => {
                        let known = declared.fields.iter().map(|field| field.name.as_str());
                        let help = names::help(name.text, known, "its fields are");
                        self.tell(
                            name.span,
                            "unknown-field",
                            format!("{} has no field `{}`", declared.name, name.text),
                            help,
                        );
                        Ty::Unknown
                    }
                }
            }
            Ty::Declared(Type::Map(_, item), origin) => Ty::declared(self.world(), item, origin),
            Ty::Kuafu => self.kuafu_field("", name),
            Ty::Namespace(space) => self.kuafu_field(space, name),
            Ty::Library(library) => self.library_field(library, name),
            Ty::Data => self.data_table(name.text, name.span),
            // A table is keyed by its key column, so that any name may be a key.
            Ty::DataTable(table) => Ty::DataRow(table),
            Ty::DataRow(table) => self.data_column(table, name.text, name.span),
            Ty::Vector if ["x", "y", "z"].contains(&name.text) => Ty::Number(None),
            _ => Ty::Unknown,
        }
    }

    pub(super) fn index(&mut self, inner: &'w Expression<'w>, key: &'w Expression<'w>) -> Ty<'w> {
        let of = self.expression(inner);
        let key_type = self.expression(key);
        if let (Ty::Text(Some(text)), Ty::Own(..) | Ty::Data | Ty::DataRow(_) | Ty::Kuafu | Ty::Namespace(_)) =
            (key_type, of)
        {
            return self.field(of, Name { text, span: key.span });
        }
        match of {
            Ty::Entities(view) => Ty::Entity(view),
            Ty::Declared(Type::List(item) | Type::Map(_, item), origin) => Ty::declared(self.world(), item, origin),
            Ty::DataTable(table) => Ty::DataRow(table),
            _ => Ty::Unknown,
        }
    }

    fn own_field(&mut self, view: ViewNo, part: Part, name: Name<'w>) -> Ty<'w> {
        let known = self.world().get(view);
        if known.is_component {
            if name.text == "owner" {
                return Ty::Unknown;
            }
        } else if let Some(ty) = own_of_engine(view, part, name.text) {
            return ty;
        }
        match known.properties.get(name.text) {
            Some(Known::One(property)) if property.part == part => {
                return Ty::declared(self.world(), &property.ty, Origin::Property { persistent: property.persistent });
            }
            Some(Known::Several) => return Ty::Unknown,
            _ => {}
        }
        if let Some(slot) = known.slots.get(name.text) {
            return Ty::Own(*slot, part);
        }
        if known.is_scripted(part, name.text) || known.methods.contains_key(&(part, name.text)) {
            return Ty::Function;
        }
        if self.tells_of(view, name.text) {
            self.tell_unknown_own(view, part, name, "unknown-property");
        }
        Ty::Unknown
    }

    /// Whether something that a view lacks is certainly not there.
    pub(super) fn tells_of(&self, view: ViewNo, name: &str) -> bool {
        let known = self.world().get(view);
        let of_engine =
            known.is_component && [Part::Base, Part::Cell].iter().any(|part| API.own(*part).contains_key(name));
        !known.is_open && !of_engine && !API.is_elsewhere(name)
    }

    /// Tells that `self` has no such thing.
    pub(super) fn tell_unknown_own(&mut self, view: ViewNo, part: Part, name: Name<'w>, code: &'static str) {
        let known = self.world().get(view);
        let (text, of) = (name.text, known.name);
        let other = if part == Part::Base { Part::Cell } else { Part::Base };
        if known.properties.contains_key(text) {
            let message = format!("`{text}` is a property of the {other} part; this is the {part} part");
            let help = format!("ask the {other} part for it: `self.{other}:some_method():await()`");
            return self.tell(name.span, "wrong-part", message, help);
        }
        if known.methods.contains_key(&(other, text)) {
            let message = format!("`{text}` is a method of the {other} part; this is the {part} part");
            return self.tell(name.span, "wrong-part", message, format!("call it there: `self.{other}:{text}(…)`"));
        }
        if known.is_scripted(other, text) || API.own(other).contains_key(text) && !known.is_component {
            let message = format!("`{text}` is there in the {other} part only; this is the {part} part");
            let help = format!("make a declared method of the {other} part that uses it, and call that");
            return self.tell(name.span, "wrong-part", message, help);
        }
        let properties = known.properties.iter();
        let own = properties.filter(|(_, property)| !matches!(property, Known::One(property) if property.part != part));
        let names = own.map(|(name, _)| *name).chain(known.slots.keys().copied()).chain(known.scripted(part));
        let names: Vec<&str> = names.chain(API.own(part).keys().copied()).collect();
        let help = match kuafu_def::nearest_name(text, names) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None if code == "unknown-function" => format!("write `function …{part}:{text}()` in a script of {of}"),
            None => format!("declare it in the definition of {of}: `[properties.{text}]`"),
        };
        self.tell(name.span, code, format!("{of} has no `{text}` in its {part} part"), help);
    }

    fn entity_field(&mut self, view: Option<ViewNo>, name: Name<'w>) -> Ty<'w> {
        let text = name.text;
        match text {
            "id" => return Ty::RuntimeId,
            "type" => return Ty::TypeName,
            "record" | "yaw" => return Ty::Number(None),
            "position" => return Ty::Vector,
            "base" => return Ty::Calls(view, Part::Base),
            "cell" => return Ty::Calls(view, Part::Cell),
            _ => {}
        }
        let known = view.map(|view| self.world().get(view));
        if let Some(Known::One(property)) = known.and_then(|known| known.properties.get(text)) {
            return Ty::declared(self.world(), &property.ty, Origin::Plain);
        }
        let is_there = known.map_or_else(
            || self.world().is_member(text),
            |known| known.properties.contains_key(text) || known.slots.contains_key(text),
        );
        if is_there || API.references.contains_key(text) || API.is_elsewhere(text) {
            return Ty::Unknown;
        }
        self.tell_unknown_of_entity(view, name);
        Ty::Unknown
    }

    fn tell_unknown_of_entity(&mut self, view: Option<ViewNo>, name: Name<'w>) {
        let text = name.text;
        if OF_CLIENTS.contains(&text) {
            let message = format!("`{text}` is there on `self` only");
            let help = "call a method of the other entity that speaks to its own client: `x.base:tell(…)`";
            return self.tell(name.span, "client-of-other", message, help);
        }
        let known = view.map(|view| self.world().get(view));
        let of = known.map_or("no entity type", |known| known.name);
        let message = match known {
            Some(_) => format!("{of} has no property `{text}`"),
            None => format!("no entity type has a property `{text}`"),
        };
        let is_method =
            known.is_some_and(|known| Part::ALL.iter().any(|part| known.methods.contains_key(&(*part, text))));
        let help = if is_method {
            format!("it is a method: `x.base:{text}(…)` or `x.cell:{text}(…)`")
        } else {
            let properties = known.into_iter().flat_map(|known| known.properties.keys().copied());
            names::help(text, properties.chain(API.references.keys().copied()), "an entity has")
        };
        self.tell(name.span, "unknown-property", message, help);
    }

    fn kuafu_field(&mut self, space: &'static str, name: Name<'w>) -> Ty<'w> {
        let text = name.text;
        if space.is_empty() && text == "data" {
            return Ty::Data;
        }
        let full = if space.is_empty() { text.to_owned() } else { format!("{space}.{text}") };
        match API.globals.get(full.as_str()) {
            Some(Member::Function(..)) => return Ty::Function,
            Some(Member::Field(text)) => return Ty::annotated(self.world(), text, &[], None),
            Some(Member::Opaque) => return Ty::Unknown,
            None => {}
        }
        if let Some(space) = API.namespace(text).filter(|_| space.is_empty()) {
            return Ty::Namespace(space);
        }
        if !API.is_elsewhere(text) {
            let keys = API.globals.keys().copied();
            let known = keys.filter_map(|key| {
                if space.is_empty() { key.split('.').next() } else { key.strip_prefix(space)?.strip_prefix('.') }
            });
            let help = names::help(text, known, "there are");
            self.tell(name.span, "unknown-field", format!("`kuafu.{full}` is not there"), help);
        }
        Ty::Unknown
    }

    fn library_field(&mut self, library: &'static Library, name: Name<'w>) -> Ty<'w> {
        let text = name.text;
        if library.members.contains(&text) {
            return match (library.name, text) {
                ("math", "pi" | "huge" | "nan" | "e" | "tau" | "phi" | "sqrt2") => Ty::Number(None),
                ("vector", "zero" | "one") => Ty::Vector,
                ("utf8", "charpattern") => Ty::Text(None),
                _ => Ty::Function,
            };
        }
        let of = library.name;
        let absent = library::ABSENT_MEMBERS.iter().find(|(library, member, _)| *library == of && *member == text);
        let help = absent.map_or_else(
            || names::help(text, library.members.iter().copied(), "there are"),
            |(_, _, instead)| (*instead).to_owned(),
        );
        self.tell(name.span, "unknown-field", format!("`{of}.{text}` is not there"), help);
        Ty::Unknown
    }

    fn data_table(&mut self, text: &'w str, span: Span) -> Ty<'w> {
        let Some(tables) = self.shared.tables else { return Ty::Unknown };
        if tables.contains_key(text) {
            return Ty::DataTable(text);
        }
        let help = names::help(text, tables.keys().map(String::as_str), "the tables in data/ are");
        self.tell(span, "unknown-table", format!("there is no data table `{text}`"), help);
        Ty::Unknown
    }

    fn data_column(&mut self, table: &'w str, text: &str, span: Span) -> Ty<'w> {
        let columns = self.shared.tables.and_then(|tables| tables.get(table));
        if let Some(columns) = columns
            && !columns.iter().any(|column| column == text)
        {
            let help = names::help(text, columns.iter().map(String::as_str), "its columns are");
            self.tell(span, "unknown-column", format!("the data table `{table}` has no column `{text}`"), help);
        }
        Ty::Unknown
    }

    /// Whether an expression is a plain `x.base` or `x.cell` of something unknown.
    pub(super) fn loose_part(inner: &Expression<'w>) -> Option<Part> {
        match &inner.kind {
            ExpressionKind::Field(_, name) => Part::from_name(name.text).filter(|part| *part != Part::Client),
            _ => None,
        }
    }
}

/// What the engine puts on `self` under a name.
fn own_of_engine<'w>(view: ViewNo, part: Part, name: &str) -> Option<Ty<'w>> {
    let member = API.own(part).get(name)?;
    Some(match (member, name) {
        (Member::Function(..), _) => Ty::Function,
        (_, "id") => Ty::RuntimeId,
        (_, "type") => Ty::TypeName,
        (_, "record" | "yaw") => Ty::Number(None),
        (_, "position") => Ty::Vector,
        (_, "base") => Ty::Calls(Some(view), Part::Base),
        (_, "cell") => Ty::Calls(Some(view), Part::Cell),
        (_, "client" | "others" | "clients") => Ty::Clients(Some(view)),
        _ => Ty::Unknown,
    })
}

/// Where the parts of a value live.
pub(super) fn inner(origin: Origin, saved: bool) -> Origin {
    match origin {
        Origin::Property { persistent } => Origin::Property { persistent: persistent && saved },
        Origin::Plain => Origin::Plain,
    }
}
