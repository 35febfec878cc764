//! The walk through one script: what every value is as far as that is certain, and what is wrong with its use.
//!
//! Locals that are assigned once keep the type of their value; parameters of declared methods have the declared types;
//! annotations are believed. Nothing is narrowed by conditions. What is not known is silent.

mod assign;
mod call;
mod entity_call;
mod field;
mod fit;
mod method;
mod names;
mod order;
mod ty;
mod value;

use std::collections::BTreeMap;

use kuafu_def::{Part, Problem};
use rustc_hash::{FxHashMap, FxHashSet};

pub(crate) use method::{class_problems, missing_methods};
pub(crate) use order::container;
use ty::{Origin, Ty};

use crate::class::Class;
use crate::source::{Kind, Lines};
use crate::syntax::visit::walk_block;
use crate::syntax::{
    Block, Expression, ExpressionKind, Function, FunctionNo, LocalNo, Span, Statement, StatementKind, Tree,
};
use crate::world::{ViewNo, World};

/// Problems that are told of one file.
const PROBLEMS_MAX: usize = 200;

/// The columns of each data table.
pub type TableNames = BTreeMap<String, Vec<String>>;

/// A script that was read without errors.
#[derive(Debug)]
pub(crate) struct Script<'w> {
    pub(crate) kind: Kind<'w>,
    pub(crate) lines: Lines<'w>,
    pub(crate) tree: &'w Tree<'w>,
    pub(crate) class: &'w Class<'w>,
}

/// What the walks through all scripts share.
pub(crate) struct Shared<'w> {
    pub(crate) world: World<'w>,
    pub(crate) tables: Option<&'w TableNames>,
    /// Names that scripts give to functions and fields outside the tables of parts.
    pub(crate) loose_names: FxHashSet<&'w str>,
    /// Names that some script calls or writes as a text.
    pub(crate) used_names: FxHashSet<&'w str>,
}

/// The walk through one script.
pub(crate) struct Checker<'w, 'c> {
    pub(crate) shared: &'c Shared<'w>,
    pub(crate) script: &'c Script<'w>,
    /// What `self` is in the script's methods.
    view: Option<ViewNo>,
    /// The functions that are methods.
    methods: FxHashMap<FunctionNo, (Part, &'w str)>,
    locals: Vec<Ty<'w>>,
    /// What the values within table constructors are.
    known: FxHashMap<Span, Ty<'w>>,
    keys: FxHashMap<LocalNo, order::Keys<'w>>,
    problems: Vec<Problem>,
}

impl<'w, 'c> Checker<'w, 'c> {
    pub(crate) fn new(shared: &'c Shared<'w>, script: &'c Script<'w>, view: Option<ViewNo>) -> Self {
        Self {
            shared,
            script,
            view,
            methods: crate::class::functions(script.class),
            locals: vec![Ty::Unknown; script.tree.locals.len()],
            known: FxHashMap::default(),
            keys: FxHashMap::default(),
            problems: Vec::new(),
        }
    }

    /// Every problem of the script's own code.
    pub(crate) fn run(mut self) -> Vec<Problem> {
        self.block(&self.script.tree.body);
        self.problems
    }

    fn world(&self) -> &'c World<'w> {
        &self.shared.world
    }

    fn tell(&mut self, span: Span, code: &'static str, message: impl Into<String>, help: impl Into<String>) {
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(self.script.lines.problem(span, code, message.into(), help.into()));
        }
    }

    fn known(&self, value: &Expression<'_>) -> Ty<'w> {
        self.known.get(&value.span).copied().unwrap_or(Ty::Unknown)
    }

    // Statements

    fn block(&mut self, block: &'w Block<'w>) {
        block.statements.iter().for_each(|statement| self.statement(statement));
    }

    fn statement(&mut self, statement: &'w Statement<'w>) {
        match &statement.kind {
            StatementKind::Local(locals, values) => self.local(locals, values),
            StatementKind::LocalFunction(local, function) => {
                self.set(*local, Ty::Function);
                self.function(function);
            }
            StatementKind::Function(target, function) => {
                self.target(target, None, Ty::Function);
                self.function(function);
            }
            StatementKind::Assign(targets, values) => {
                let types = self.values(values);
                for (no, target) in targets.iter().enumerate() {
                    // Behind the values stands what the last call gives, which nobody knows.
                    let ty = types.get(no).copied().unwrap_or(Ty::Unknown);
                    self.target(target, values.get(no), ty);
                }
            }
            StatementKind::Compound(operator, target, value) => {
                let right = self.expression(value);
                self.compound(*operator, target, right);
            }
            StatementKind::Call(call) => {
                self.expression(call);
            }
            StatementKind::Do(block) => self.block(block),
            StatementKind::While(condition, block) => {
                self.expression(condition);
                self.block(block);
            }
            StatementKind::Repeat(block, condition) => {
                self.block(block);
                self.expression(condition);
            }
            StatementKind::If(branches, otherwise) => {
                for (condition, block) in branches {
                    self.expression(condition);
                    self.block(block);
                }
                otherwise.iter().for_each(|block| self.block(block));
            }
            StatementKind::Count(local, values, block) => {
                self.values(values);
                self.set(*local, Ty::Number(None));
                self.block(block);
            }
            StatementKind::Each(locals, values, block) => self.each(locals, values, block),
            StatementKind::Return(values) => {
                self.values(values);
            }
            StatementKind::Break | StatementKind::Continue | StatementKind::Type => {}
        }
    }

    /// Gives a local its type: the annotation's, else that of its only value.
    fn set(&mut self, local: LocalNo, ty: Ty<'w>) {
        let declared = self.script.tree.local(local);
        let annotated =
            declared.annotation.as_ref().map(|text| Ty::annotated(self.world(), text, &self.script.tree.types, None));
        let only = if declared.writes == 0 { ty } else { Ty::Unknown };
        self.locals[local.0 as usize] = match annotated {
            // What is written out says more than `number`.
            Some(Ty::Number(None)) if matches!(only, Ty::Number(_) | Ty::RuntimeId) => only,
            Some(Ty::Text(None)) if matches!(only, Ty::Text(_) | Ty::TypeName) => only,
            // That a method's `self` is written as something else does not make it that.
            Some(Ty::Entity(_)) if matches!(only, Ty::Own(..)) => only,
            Some(annotated) => annotated,
            None => only,
        };
    }

    fn local(&mut self, locals: &'w [LocalNo], values: &'w [Expression<'w>]) {
        let types = self.values(values);
        for (no, local) in locals.iter().enumerate() {
            self.set(*local, types.get(no).copied().unwrap_or(Ty::Unknown));
            if let Some(value) = values.get(no) {
                self.note_constructor(*local, value);
            }
        }
    }

    fn each(&mut self, locals: &'w [LocalNo], values: &'w [Expression<'w>], block: &'w Block<'w>) {
        let types = self.values(values);
        self.known.extend(values.iter().map(|value| value.span).zip(types.iter().copied()));
        let container = order::container(values);
        let first = types.first().copied().unwrap_or(Ty::Unknown);
        // `pairs(t)` and `next, t` give what `t` holds.
        let ty = container.map_or(first, |container| self.known(container));
        let item_types = self.item_types(ty);
        for (local, ty) in locals.iter().zip(item_types) {
            self.set(*local, ty);
        }
        if let Some(container) = container {
            self.check_order(container, locals, block);
        }
        self.block(block);
    }

    /// The types of key and value in a loop over something.
    fn item_types(&self, container: Ty<'w>) -> [Ty<'w>; 2] {
        let world = self.world();
        match container {
            Ty::Entities(view) => [Ty::Number(None), Ty::Entity(view)],
            Ty::Declared(kuafu_def::Type::List(item), origin) => [Ty::Number(None), Ty::declared(world, item, origin)],
            Ty::Declared(kuafu_def::Type::Map(key, item), origin) => {
                [Ty::declared(world, key, Origin::Plain), Ty::declared(world, item, origin)]
            }
            Ty::DataRows(table) => [Ty::Unknown, Ty::DataRow(table)],
            _ => [Ty::Unknown; 2],
        }
    }

    /// Walks through a function, whose parameters have types when it is a declared method.
    fn function(&mut self, function: &'w Function<'w>) {
        let mut given = Vec::new();
        if let (Some((part, name)), Some(view)) = (self.methods.get(&function.no).copied(), self.view) {
            given = self.parameter_types(view, part, name);
        }
        for (no, local) in function.parameters.iter().enumerate() {
            self.set(*local, given.get(no).copied().unwrap_or(Ty::Unknown));
        }
        self.block(&function.body);
    }

    fn parameter_types(&self, view: ViewNo, part: Part, name: &str) -> Vec<Ty<'w>> {
        let mut types = vec![Ty::Own(view, part)];
        if let Some([method]) = self.world().get(view).methods.get(&(part, name)).map(Vec::as_slice) {
            let arguments = method.arguments.iter();
            types.extend(arguments.map(|argument| Ty::declared(self.world(), &argument.ty, Origin::Plain)));
        } else if name == "on_trigger_enter" || name == "on_trigger_leave" {
            types.extend([Ty::Entity(None), Ty::Number(None)]);
        }
        types
    }

    fn values(&mut self, values: &'w [Expression<'w>]) -> Vec<Ty<'w>> {
        values.iter().map(|value| self.expression(value)).collect()
    }

    /// Whether an expression is this global of Luau.
    fn is_global(callee: &Expression<'_>, name: &str) -> bool {
        matches!(callee.kind, ExpressionKind::Global(global) if global == name)
    }
}

/// Names that a script gives to fields and functions outside the tables of parts, and names that it uses.
pub(crate) fn collect_names<'w>(script: &Script<'w>, loose: &mut FxHashSet<&'w str>, used: &mut FxHashSet<&'w str>) {
    let methods: FxHashSet<Span> = [Part::Base, Part::Cell]
        .into_iter()
        .flat_map(|part| script.class.methods(part).values().map(|method| method.span))
        .collect();
    let mut names = Names { methods, loose, used };
    walk_block(&mut names, &script.tree.body);
}

struct Names<'n, 'w> {
    methods: FxHashSet<Span>,
    loose: &'n mut FxHashSet<&'w str>,
    used: &'n mut FxHashSet<&'w str>,
}

impl<'w> Names<'_, 'w> {
    fn target(&mut self, target: &'w Expression<'w>) {
        if let ExpressionKind::Field(_, name) = &target.kind
            && !self.methods.contains(&name.span)
        {
            self.loose.insert(name.text);
        }
    }
}

impl<'w> crate::syntax::visit::Visit<'w, 'w> for Names<'_, 'w> {
    fn statement(&mut self, statement: &'w Statement<'w>) {
        match &statement.kind {
            StatementKind::Function(target, _) => self.target(target),
            StatementKind::Assign(targets, _) => targets.iter().for_each(|target| self.target(target)),
            _ => {}
        }
        crate::syntax::visit::walk_statement(self, statement);
    }

    fn expression(&mut self, expression: &'w Expression<'w>) {
        match &expression.kind {
            ExpressionKind::Table(items) => {
                for item in items {
                    if let crate::syntax::Item::Named(name, _) = item
                        && !self.methods.contains(&name.span)
                    {
                        self.loose.insert(name.text);
                    }
                }
            }
            ExpressionKind::Text(Some(text)) => drop(self.used.insert(text)),
            ExpressionKind::MethodCall(_, name, _) => drop(self.used.insert(name.text)),
            ExpressionKind::Field(_, name) if !self.methods.contains(&name.span) => drop(self.used.insert(name.text)),
            _ => {}
        }
        crate::syntax::visit::walk_expression(self, expression);
    }
}
