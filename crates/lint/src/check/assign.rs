//! What is written to: properties of `self`, what is in them, and what cannot be written.

use kuafu_def::{Part, Type};

use super::Checker;
use super::fit::Slot;
use super::names;
use super::ty::{Origin, Ty};
use super::value::computed;
use crate::api::API;
use crate::syntax::{Expression, ExpressionKind, Name, Operator};
use crate::world::{Known, ViewNo};

impl<'w> Checker<'w, '_> {
    /// Looks at what is assigned. `value` is its expression, if it has one of its own.
    pub(super) fn target(&mut self, target: &'w Expression<'w>, value: Option<&'w Expression<'w>>, ty: Ty<'w>) {
        match &target.kind {
            ExpressionKind::Local(_) => {}
            ExpressionKind::Global(name) => self.global_target(name, target),
            ExpressionKind::Field(inner, name) => {
                let of = self.expression(inner);
                self.note_named_key(inner, name.text);
                self.field_target(of, *name, value, ty);
            }
            ExpressionKind::Index(inner, key) => {
                let of = self.expression(inner);
                let key_type = self.expression(key);
                self.note_key(inner, key_type);
                self.index_target(of, key, key_type, value, ty);
            }
            _ => {
                self.expression(target);
            }
        }
    }

    /// `a.b += c`: what is read and written. Everything is looked at once, lest nests of these take forever.
    pub(super) fn compound(&mut self, operator: Operator, target: &'w Expression<'w>, right: Ty<'w>) {
        let ExpressionKind::Field(inner, name) = &target.kind else {
            if let ExpressionKind::Global(name) = &target.kind {
                self.global_target(name, target);
            } else {
                self.expression(target);
            }
            return;
        };
        let of = self.expression(inner);
        let left = self.field(of, *name);
        // The result has no expression of its own: only its kind is known.
        let result = match computed(operator, left, right) {
            Ty::Number(_) => Ty::Number(None),
            result => result,
        };
        if let Some(slot) = self.slot_of(of, name.text) {
            self.check_result(slot, target, result, name.text);
        } else if !matches!(left, Ty::Unknown) && matches!(of, Ty::Own(..) | Ty::Entity(_) | Ty::Vector) {
            self.tell_read_only(of, *name);
        }
    }

    fn check_result(&mut self, slot: Slot<'w>, target: &'w Expression<'w>, result: Ty<'w>, name: &str) {
        if let Some(misfit) = self.misfit(slot, target, result) {
            let message = format!("`{name}`: {}", misfit.message);
            self.tell(misfit.span, "value-type", message, misfit.help);
        }
    }

    fn global_target(&mut self, name: &str, target: &Expression<'_>) {
        let locals = self.script.tree.locals.iter().map(|local| local.name.text).filter(|local| *local != name);
        let help = match kuafu_def::nearest_name(name, locals) {
            Some(meant) => format!("did you mean `{meant}`? a new variable is declared: `local {name} = …`"),
            None => format!("declare it: `local {name} = …`"),
        };
        self.tell(target.span, "global-assignment", format!("`{name}` is no local: globals cannot be written"), help);
    }

    /// The place that a field of something is, if it is one of declared type.
    fn slot_of(&self, of: Ty<'w>, name: &str) -> Option<Slot<'w>> {
        match of {
            Ty::Own(view, part) => match self.world().get(view).properties.get(name) {
                Some(Known::One(property)) if property.part == part => Some(Slot::property(property)),
                _ => None,
            },
            Ty::Declared(Type::Struct(declared), Origin::Property { persistent }) => {
                let field = declared.fields.iter().find(|field| field.name == name)?;
                Some(Slot::field(field, persistent))
            }
            Ty::Declared(Type::Map(_, item), Origin::Property { persistent }) => Some(Slot::item(item, persistent)),
            _ => None,
        }
    }

    /// Tells of a value that does not fit, or that must not be saved.
    pub(super) fn check_slot(&mut self, slot: Slot<'w>, value: &'w Expression<'w>, ty: Ty<'w>, name: &str) {
        // Places in lists and maps have no name of their own.
        let name = if name.contains(' ') { name.to_owned() } else { format!("`{name}`") };
        if let Some(misfit) = self.misfit(slot, value, ty) {
            let message = format!("{name}: {}", misfit.message);
            self.tell(misfit.span, "value-type", message, misfit.help);
        } else if let Some(span) = self.runtime_id(slot, value, ty) {
            let message = format!("{name} is saved, and an entity's `id` names it only while the server runs");
            self.tell(span, "runtime-id", message, "save its `record`, which stays (an entity knows its own: `self.record`); it is nil for what is not persistent");
        }
    }

    fn field_target(&mut self, of: Ty<'w>, name: Name<'w>, value: Option<&'w Expression<'w>>, ty: Ty<'w>) {
        if let Some(slot) = self.slot_of(of, name.text) {
            let removes = matches!((of, ty), (Ty::Declared(Type::Map(..), _), Ty::Nil));
            if let Some(value) = value.filter(|_| !removes) {
                self.check_slot(slot, value, ty, name.text);
            } else if value.is_none() && matches!(ty, Ty::Function) {
                let message = format!("`{}`: expected {}, found a function", name.text, slot.ty);
                self.tell(name.span, "value-type", message, super::fit::help_for(slot.ty));
            }
            return;
        }
        match of {
            Ty::Own(view, part) => self.unknown_own_target(view, part, name),
            Ty::Declared(Type::Struct(declared), Origin::Property { .. }) => {
                let known = declared.fields.iter().map(|field| field.name.as_str());
                let help = names::help(name.text, known, "its fields are");
                self.tell(name.span, "unknown-field", format!("{} has no field `{}`", declared.name, name.text), help);
            }
            Ty::Declared(Type::List(_), Origin::Property { .. }) => {
                let message = format!("a list has no field `{}`", name.text);
                self.tell(
                    name.span,
                    "unknown-field",
                    message,
                    "its items have positions: `list[1]`; `table.insert(list, value)` adds one",
                );
            }
            Ty::Entity(_)
            | Ty::Vector
            | Ty::Kuafu
            | Ty::Namespace(_)
            | Ty::Library(_)
            | Ty::Data
            | Ty::DataTable(_)
            | Ty::DataRow(_)
            | Ty::Calls(..)
            | Ty::Clients(_) => self.tell_read_only(of, name),
            _ => {}
        }
    }

    fn unknown_own_target(&mut self, view: ViewNo, part: Part, name: Name<'w>) {
        let known = self.world().get(view);
        let is_engine = API.own(part).contains_key(name.text) && !known.is_component;
        let is_method = known.is_scripted(part, name.text) || known.methods.contains_key(&(part, name.text));
        let is_several = matches!(known.properties.get(name.text), Some(Known::Several));
        if is_engine || is_method || known.slots.contains_key(name.text) {
            self.tell_read_only(Ty::Own(view, part), name);
        } else if !is_several && self.tells_of(view, name.text) {
            self.tell_unknown_own(view, part, name, "unknown-property");
        }
    }

    fn tell_read_only(&mut self, of: Ty<'w>, name: Name<'w>) {
        let text = name.text;
        let help = match (of, text) {
            (Ty::Own(..), "position" | "yaw") => {
                "move it: `self:teleport(position, yaw)` or `self:move_to(position, speed)`".to_owned()
            }
            (Ty::Own(..), _) => {
                "only properties can be assigned; a component is changed through its own properties".to_owned()
            }
            (Ty::Entity(_), _) => {
                format!("only an entity itself changes its properties: call a method of it that sets `{text}`")
            }
            (Ty::Vector, _) => "make a new vector: `vector.create(x, y, z)`".to_owned(),
            (Ty::Data | Ty::DataTable(_) | Ty::DataRow(_), _) => {
                "data tables change in their files only; keep what changes in a property".to_owned()
            }
            _ => "keep what changes in a property of the entity".to_owned(),
        };
        self.tell(name.span, "read-only", format!("`{text}` cannot be assigned"), help);
    }

    fn index_target(
        &mut self,
        of: Ty<'w>,
        key: &'w Expression<'w>,
        key_type: Ty<'w>,
        value: Option<&'w Expression<'w>>,
        ty: Ty<'w>,
    ) {
        match (of, key_type) {
            (Ty::Declared(Type::List(item), Origin::Property { persistent }), _) => {
                if let Some(value) = value.filter(|_| !matches!(ty, Ty::Nil)) {
                    self.check_slot(Slot::item(item, persistent), value, ty, "the list");
                }
            }
            (Ty::Declared(Type::Map(at, item), Origin::Property { persistent }), _) => {
                self.check_slot(Slot::item(at, persistent), key, key_type, "the key");
                if let Some(value) = value.filter(|_| !matches!(ty, Ty::Nil)) {
                    self.check_slot(Slot::item(item, persistent), value, ty, "the map");
                }
            }
            (_, Ty::Text(Some(text))) => self.field_target(of, Name { text, span: key.span }, value, ty),
            _ => {}
        }
    }
}
