//! Loops whose order nobody can tell: `pairs` over a table of the script's own whose keys are no positions.
//!
//! The rule. A loop is told of when (1) it goes through a local that was made by a table constructor and never
//! reassigned, (2) the table is seen to get keys that are no numbers: entities, tables and functions, or at least two
//! names, and (3) the order can be seen from outside: the body calls an entity, a client, the engine's functions that
//! act or draw chance, or puts something into a property's list; or it ends early and takes the key or value along, not
//! guarded by a comparison with `==`. Counting, summing, copying, collecting and looking up are silent.

use rustc_hash::FxHashSet;

use super::Checker;
use super::ty::Ty;
use crate::api::{API, Member};
use crate::syntax::visit::{Visit, walk_block, walk_expression, walk_statement};
use crate::syntax::{
    Block, Expression, ExpressionKind, Function, Item, LocalNo, Operator, Span, Statement, StatementKind,
};

/// What is seen of the keys of a table.
#[derive(Debug, Default)]
pub(super) struct Keys<'w> {
    names: FxHashSet<&'w str>,
    has_text_keys: bool,
    has_address_keys: bool,
}

/// Functions on `self` that only look, or that do the same in any order.
const LOOKS: [&str; 12] = [
    "distance_to",
    "nearby",
    "viewers",
    "in_view",
    "join",
    "leave",
    "watch",
    "unwatch",
    "provide",
    "withdraw",
    "cancel",
    "release_name",
];

/// Functions of `kuafu` whose order shows: they act, or draw from the seeded chance.
const ACTS: [&str; 6] = ["create", "random", "spawn", "sleep", "find", "load"];

/// What a loop goes through: `t` in `t`, `pairs(t)` and `next, t`.
pub(crate) fn container<'w>(values: &'w [Expression<'w>]) -> Option<&'w Expression<'w>> {
    let first = values.first()?;
    match &first.kind {
        ExpressionKind::Call(callee, arguments)
            if matches!(callee.kind, ExpressionKind::Global("pairs" | "ipairs")) =>
        {
            arguments.first()
        }
        ExpressionKind::Global("next") => values.get(1),
        _ if values.len() == 1 => Some(first),
        _ => None,
    }
}

impl<'w> Checker<'w, '_> {
    /// Notes the keys of a table that a local begins with.
    pub(super) fn note_constructor(&mut self, local: LocalNo, value: &'w Expression<'w>) {
        let ExpressionKind::Table(items) = &crate::class::bare(value).kind else { return };
        if self.script.tree.local(local).writes > 0 {
            return;
        }
        let mut keys = Keys::default();
        for item in items {
            match item {
                Item::Named(name, _) => drop(keys.names.insert(name.text)),
                Item::Keyed(key, _) => keys.note(self.known(key)),
                Item::Positional(_) => {}
            }
        }
        self.keys.insert(local, keys);
    }

    pub(super) fn note_named_key(&mut self, table: &Expression<'w>, name: &'w str) {
        if let ExpressionKind::Local(local) = table.kind
            && let Some(keys) = self.keys.get_mut(&local)
        {
            keys.names.insert(name);
        }
    }

    pub(super) fn note_key(&mut self, table: &Expression<'w>, key: Ty<'w>) {
        if let ExpressionKind::Local(local) = table.kind
            && let Some(keys) = self.keys.get_mut(&local)
        {
            keys.note(key);
        }
    }

    pub(super) fn check_order(&mut self, container: &'w Expression<'w>, locals: &'w [LocalNo], block: &'w Block<'w>) {
        let ExpressionKind::Local(table) = container.kind else { return };
        let Some(keys) = self.keys.get(&table) else { return };
        let by_address = keys.has_address_keys;
        if !by_address && !keys.has_text_keys && keys.names.len() < 2 {
            return;
        }
        let mut effects = Effects {
            checker: self,
            loop_locals: locals,
            body_locals: FxHashSet::default(),
            guarded: false,
            loops: 0,
            found: None,
        };
        effects.early_end(block);
        walk_block(&mut effects, block);
        let Some(effect) = effects.found else { return };
        let name = self.script.tree.local(table).name.text;
        let why = if by_address { "by where they lie in memory" } else { "by their hashes" };
        let (line, _) = self.script.lines.place(effect);
        let message =
            format!("the keys of `{name}` come in no fixed order ({why}), and line {line} lets the order be seen");
        let names: Vec<&str> = locals.iter().map(|local| self.script.tree.local(*local).name.text).collect();
        let help = format!("write `for {} in kuafu.sorted({name}) do`", names.join(", "));
        self.tell(container.span, "unstable-order", message, help);
    }
}

impl<'w> Keys<'w> {
    fn note(&mut self, key: Ty<'w>) {
        match key {
            Ty::Text(Some(name)) => drop(self.names.insert(name)),
            Ty::Text(None) | Ty::TypeName => self.has_text_keys = true,
            key => self.has_address_keys |= key.is_by_address(),
        }
    }
}

/// Looks through the body of a loop for what lets its order be seen.
struct Effects<'e, 'w, 'c> {
    checker: &'e Checker<'w, 'c>,
    loop_locals: &'w [LocalNo],
    /// Locals that are declared in the body.
    body_locals: FxHashSet<LocalNo>,
    /// Within a branch that an equality guards.
    guarded: bool,
    /// Loops within the body that are open.
    loops: u32,
    found: Option<Span>,
}

impl<'w> Effects<'_, 'w, '_> {
    fn note(&mut self, span: Span) {
        self.found.get_or_insert(span);
    }

    fn mentions(&self, value: &'w Expression<'w>) -> bool {
        let mut mentions = Mentions { locals: self.loop_locals, found: false };
        mentions.expression(value);
        mentions.found
    }

    /// Whether an expression is `self`.
    fn is_self(&self, value: &Expression<'w>) -> bool {
        matches!(value.kind, ExpressionKind::Local(local) if matches!(self.checker.locals[local.0 as usize], Ty::Own(..)))
    }

    /// Whether a method that is called so acts on an entity or client.
    fn acts(&self, inner: &'w Expression<'w>, name: &str) -> bool {
        match &inner.kind {
            ExpressionKind::Local(_) if self.is_self(inner) => {
                let functions = [kuafu_def::Part::Base, kuafu_def::Part::Cell].map(|part| API.own(part).get(name));
                functions.iter().any(|member| matches!(member, Some(Member::Function(..)))) && !LOOKS.contains(&name)
            }
            ExpressionKind::Field(of, field) => match field.text {
                "client" | "others" | "clients" => self.is_self(of),
                "base" | "cell" => !self.checker.shared.loose_names.contains(name),
                _ => false,
            },
            ExpressionKind::Call(callee, _) => match &callee.kind {
                ExpressionKind::Field(of, function) => {
                    matches!(of.kind, ExpressionKind::Global("kuafu")) && ["service", "group"].contains(&function.text)
                }
                _ => false,
            },
            ExpressionKind::MethodCall(of, method, _) => method.text == "clients_within" && self.is_self(of),
            _ => false,
        }
    }

    /// Whether a list in a property of `self` is meant.
    fn is_own_list(&self, value: &'w Expression<'w>) -> bool {
        matches!(&value.kind, ExpressionKind::Field(of, _) if self.is_self(of))
    }

    /// An end of the loop that takes the key or value along.
    fn early_end(&mut self, block: &'w Block<'w>) {
        let Some(last) = block.statements.last().filter(|_| !self.guarded && self.loops == 0) else { return };
        match &last.kind {
            StatementKind::Return(values) if values.iter().any(|value| self.mentions(value)) => self.note(last.span),
            StatementKind::Break => {
                let kept = block.statements.iter().find(|statement| match &statement.kind {
                    StatementKind::Assign(targets, values) => {
                        let outer = |target: &Expression<'w>| {
                            matches!(target.kind, ExpressionKind::Local(local) if !self.body_locals.contains(&local))
                        };
                        targets.iter().any(outer) && values.iter().any(|value| self.mentions(value))
                    }
                    _ => false,
                });
                kept.into_iter().for_each(|statement| self.note(statement.span));
            }
            _ => {}
        }
    }

    fn branch(&mut self, condition: Option<&'w Expression<'w>>, block: &'w Block<'w>) {
        let before = self.guarded;
        self.guarded |= condition.is_some_and(|condition| self.mentions(condition) && has_equality(condition));
        self.early_end(block);
        walk_block(self, block);
        self.guarded = before;
    }
}

impl<'w> Visit<'w, 'w> for Effects<'_, 'w, '_> {
    fn statement(&mut self, statement: &'w Statement<'w>) {
        match &statement.kind {
            StatementKind::Local(locals, _) => self.body_locals.extend(locals),
            StatementKind::If(branches, otherwise) => {
                for (condition, block) in branches {
                    self.expression(condition);
                    self.branch(Some(condition), block);
                }
                otherwise.iter().for_each(|block| self.branch(None, block));
                return;
            }
            StatementKind::Return(values) if !self.guarded && values.iter().any(|value| self.mentions(value)) => {
                self.note(statement.span);
            }
            StatementKind::While(..)
            | StatementKind::Repeat(..)
            | StatementKind::Count(..)
            | StatementKind::Each(..) => {
                self.loops += 1;
                walk_statement(self, statement);
                self.loops -= 1;
                return;
            }
            _ => {}
        }
        walk_statement(self, statement);
    }

    fn expression(&mut self, expression: &'w Expression<'w>) {
        match &expression.kind {
            ExpressionKind::MethodCall(inner, name, _) if self.acts(inner, name.text) => self.note(expression.span),
            ExpressionKind::Call(callee, arguments) => match &callee.kind {
                ExpressionKind::Field(of, name)
                    if matches!(of.kind, ExpressionKind::Global("kuafu")) && ACTS.contains(&name.text) =>
                {
                    self.note(expression.span);
                }
                ExpressionKind::Field(of, name) if matches!(of.kind, ExpressionKind::Global("table")) => {
                    let adds = ["insert", "remove"].contains(&name.text);
                    if adds && arguments.first().is_some_and(|list| self.is_own_list(list)) {
                        self.note(expression.span);
                    }
                }
                _ => {}
            },
            _ => {}
        }
        walk_expression(self, expression);
    }

    /// What a function within does, it may do later, or never.
    fn function(&mut self, _: &'w Function<'w>) {}
}

struct Mentions<'m> {
    locals: &'m [LocalNo],
    found: bool,
}

impl<'w> Visit<'w, 'w> for Mentions<'_> {
    fn expression(&mut self, expression: &'w Expression<'w>) {
        self.found |= matches!(expression.kind, ExpressionKind::Local(local) if self.locals.contains(&local));
        walk_expression(self, expression);
    }
}

fn has_equality(condition: &Expression<'_>) -> bool {
    struct Equality(bool);
    impl<'t, 'a: 't> Visit<'t, 'a> for Equality {
        fn expression(&mut self, expression: &'t Expression<'a>) {
            self.0 |= matches!(expression.kind, ExpressionKind::Binary(Operator::Equal, ..));
            walk_expression(self, expression);
        }
    }
    let mut equality = Equality(false);
    equality.expression(condition);
    equality.0
}
