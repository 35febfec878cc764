//! Expressions: what they are, and what is wrong in them.

use kuafu_def::Type;

use super::Checker;
use super::fit::variant_help;
use super::names;
use super::ty::Ty;
use crate::library;
use crate::syntax::{Expression, ExpressionKind, Item, Operator, Span};

impl<'w> Checker<'w, '_> {
    /// Looks at an expression once, and says what it is.
    pub(super) fn expression(&mut self, expression: &'w Expression<'w>) -> Ty<'w> {
        match &expression.kind {
            ExpressionKind::Nil => Ty::Nil,
            ExpressionKind::Bool => Ty::Bool,
            ExpressionKind::Number(number) => Ty::Number(Some(*number)),
            ExpressionKind::Text(text) => Ty::Text(text.as_deref()),
            ExpressionKind::Interpolated(values) => {
                self.values(values);
                Ty::Text(None)
            }
            ExpressionKind::Rest => Ty::Unknown,
            ExpressionKind::Function(function) => {
                self.function(function);
                Ty::Function
            }
            ExpressionKind::Local(local) => self.locals[local.0 as usize],
            ExpressionKind::Global(name) => self.global(name, expression.span),
            ExpressionKind::Field(inner, name) => {
                let ty = self.expression(inner);
                self.field(ty, *name)
            }
            ExpressionKind::Index(inner, key) => self.index(inner, key),
            ExpressionKind::Call(callee, arguments) => self.call(callee, arguments),
            ExpressionKind::MethodCall(inner, name, arguments) => self.method_call(inner, *name, arguments),
            ExpressionKind::Table(items) => self.table(items),
            ExpressionKind::Unary(operator, inner) => {
                let ty = self.expression(inner);
                negated(*operator, ty)
            }
            ExpressionKind::Binary(operator, left, right) => self.binary(*operator, left, right),
            ExpressionKind::Choice(branches, otherwise) => {
                for (condition, value) in branches {
                    self.expression(condition);
                    self.expression(value);
                }
                self.expression(otherwise);
                Ty::Unknown
            }
            ExpressionKind::Paren(inner) => self.expression(inner),
            ExpressionKind::Cast(inner, text) => {
                self.expression(inner);
                Ty::annotated(self.world(), text, &self.script.tree.types, None)
            }
        }
    }

    fn table(&mut self, items: &'w [Item<'w>]) -> Ty<'w> {
        for item in items {
            if let Item::Keyed(key, _) = item {
                let ty = self.expression(key);
                self.known.insert(key.span, ty);
            }
            let ty = self.expression(item.value());
            self.known.insert(item.value().span, ty);
        }
        Ty::Table
    }

    fn global(&mut self, name: &'w str, span: Span) -> Ty<'w> {
        if name == "kuafu" {
            return Ty::Kuafu;
        }
        if let Some(library) = library::find(name) {
            return Ty::Library(library);
        }
        if library::GLOBALS.contains(&name) {
            return Ty::Function;
        }
        self.tell_unknown_global(name, span);
        Ty::Unknown
    }

    fn tell_unknown_global(&mut self, name: &str, span: Span) {
        if let Some((_, instead)) = library::ABSENT.iter().find(|(absent, _)| *absent == name) {
            return self.tell(span, "unknown-global", format!("scripts have no `{name}`"), *instead);
        }
        let tree = self.script.tree;
        let locals = tree.locals.iter().map(|local| local.name.text);
        let libraries = library::LIBRARIES.iter().map(|library| library.name);
        let known = locals.chain(libraries).chain(library::GLOBALS.iter().copied()).chain(["kuafu"]);
        let known: Vec<&str> = known.filter(|known| *known != name).collect();
        let help = match kuafu_def::nearest_name(name, known) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None if tree.locals.iter().any(|local| local.name.text == name) => {
                format!("the local `{name}` ends with its block, or is declared further down")
            }
            None => format!("declare it: `local {name} = …`"),
        };
        self.tell(span, "unknown-global", format!("`{name}` is declared nowhere"), help);
    }

    fn binary(&mut self, operator: Operator, left: &'w Expression<'w>, right: &'w Expression<'w>) -> Ty<'w> {
        let (a, b) = (self.expression(left), self.expression(right));
        if matches!(operator, Operator::Equal | Operator::Unequal) {
            self.compared(a, b, right.span);
            self.compared(b, a, left.span);
        }
        computed(operator, a, b)
    }

    /// A comparison of a name with one that cannot be.
    fn compared(&mut self, known: Ty<'w>, other: Ty<'w>, span: Span) {
        let Ty::Text(Some(text)) = other else { return };
        match known {
            Ty::TypeName if self.world().type_view(text).is_none() => {
                let help = names::help(text, self.world().type_names(), "the entity types are");
                self.tell(span, "unknown-type", format!("there is no entity type `{text}`"), help);
            }
            Ty::Declared(Type::Enum(declared), _) if !declared.variants.iter().any(|name| name == text) => {
                let help = variant_help(declared, text);
                self.tell(span, "unknown-variant", format!("`{text}` is no {}", declared.name), help);
            }
            _ => {}
        }
    }
}

fn negated<'w>(operator: Operator, ty: Ty<'w>) -> Ty<'w> {
    match (operator, ty) {
        (Operator::Not, _) => Ty::Bool,
        (Operator::Length, _) => Ty::Number(None),
        (_, Ty::Number(number)) => Ty::Number(number.map(|number| -number)),
        (_, Ty::RuntimeId) => Ty::Number(None),
        (_, Ty::Vector) => Ty::Vector,
        _ => Ty::Unknown,
    }
}

/// What an operator gives.
pub(super) fn computed<'w>(operator: Operator, left: Ty<'w>, right: Ty<'w>) -> Ty<'w> {
    use Operator::{
        Add, And, Concat, Divide, Equal, Greater, GreaterEqual, Less, LessEqual, Multiply, Or, Subtract, Unequal,
    };
    match (operator, left, right) {
        (Equal | Unequal | Less | LessEqual | Greater | GreaterEqual, ..) => Ty::Bool,
        (And | Or, ..) => Ty::Unknown,
        (Concat, Ty::Text(_) | Ty::Number(_) | Ty::TypeName, Ty::Text(_) | Ty::Number(_) | Ty::TypeName) => {
            Ty::Text(None)
        }
        (Concat, ..) => Ty::Unknown,
        (_, Ty::Number(Some(a)), Ty::Number(Some(b))) => Ty::Number(match operator {
            Add => Some(a + b),
            Subtract => Some(a - b),
            Multiply => Some(a * b),
            Divide => Some(a / b),
            _ => None,
        }),
        (_, Ty::Number(_) | Ty::RuntimeId, Ty::Number(_) | Ty::RuntimeId) => Ty::Number(None),
        (_, Ty::Vector, Ty::Vector | Ty::Number(_)) | (Multiply | Divide, Ty::Number(_), Ty::Vector) => Ty::Vector,
        _ => Ty::Unknown,
    }
}
