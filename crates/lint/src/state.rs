//! State at the top of a script: locals there that functions change.
//!
//! Such a local lives in one machine of one base or cell. Other machines have their own, a reload begins it anew, and
//! two entities of one type may or may not share it. So functions may only read what stands at the top of a script.
//! Functions that run while the script is loaded and never again may build it: local functions that are only called from
//! the top level, and functions that are given to Luau's libraries there.

use kuafu_def::Problem;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::check::Script;
use crate::class::bare;
use crate::library;
use crate::syntax::visit::{Visit, walk_block, walk_expression, walk_statement};
use crate::syntax::{Expression, ExpressionKind, Function, FunctionNo, LocalNo, Span, Statement, StatementKind, Tree};

/// Functions of `table` that change their first argument.
const CHANGES: [&str; 4] = ["insert", "remove", "clear", "sort"];

/// Every change of a top-level local, or of what is in it, by a function that may run later.
pub(crate) fn problems(script: &Script<'_>) -> Vec<Problem> {
    let mut facts = Facts::new(script.tree);
    walk_block(&mut facts, &script.tree.body);
    let at_load = facts.run_at_load();
    let mut writes = Writes { facts: &facts, at_load, at: FunctionNo::SCRIPT, found: Vec::new() };
    walk_block(&mut writes, &script.tree.body);
    let told: FxHashSet<(LocalNo, Span)> = writes.found.iter().copied().collect();
    let mut told: Vec<(LocalNo, Span)> = told.into_iter().collect();
    told.sort_by_key(|(_, span)| *span);
    told.into_iter().map(|(local, span)| problem(script, local, span)).collect()
}

fn problem(script: &Script<'_>, local: LocalNo, span: Span) -> Problem {
    let declared = script.tree.local(local).name;
    let (line, _) = script.lines.place(declared.span);
    let message =
        format!("`{}` stands at the top of the script (line {line}), and a function changes it", declared.text);
    let help = "each base and cell has its own, and a reload begins it anew: keep it in a property of the entity, or in \
                shared data (kuafu.shared)";
    script.lines.problem(span, "module-state", message, help.to_owned())
}

/// What is known of locals and functions before writes are judged.
struct Facts<'t> {
    tree: &'t Tree<'t>,
    at: FunctionNo,
    /// The only value of locals that are never reassigned.
    inits: FxHashMap<LocalNo, &'t Expression<'t>>,
    /// Locals of loops, with what they go through.
    loops: FxHashMap<LocalNo, &'t Expression<'t>>,
    /// Local functions, with the local that names them.
    named: FxHashMap<LocalNo, FunctionNo>,
    /// Functions that run at once where they are written.
    immediate: FxHashSet<FunctionNo>,
    /// Where locals are used, and whether they are called there.
    uses: Vec<(LocalNo, FunctionNo, bool)>,
    called: FxHashSet<Span>,
}

impl<'t> Facts<'t> {
    fn new(tree: &'t Tree<'t>) -> Self {
        Self {
            tree,
            at: FunctionNo::SCRIPT,
            inits: FxHashMap::default(),
            loops: FxHashMap::default(),
            named: FxHashMap::default(),
            immediate: FxHashSet::default(),
            uses: Vec::new(),
            called: FxHashSet::default(),
        }
    }

    /// The functions that run only while the script is loaded.
    fn run_at_load(&self) -> FxHashSet<FunctionNo> {
        let mut at_load: FxHashSet<FunctionNo> = self.named.values().chain(&self.immediate).copied().collect();
        at_load.insert(FunctionNo::SCRIPT);
        // Whoever is used in another way, or by one that may run later, may run later too.
        loop {
            let before = at_load.len();
            for (local, user, is_call) in &self.uses {
                if let Some(function) = self.named.get(local)
                    && !(*is_call && at_load.contains(user))
                {
                    at_load.remove(function);
                }
            }
            for function in &self.immediate {
                if !at_load.contains(&self.tree.around[function.0 as usize]) {
                    at_load.remove(function);
                }
            }
            if at_load.len() == before {
                return at_load;
            }
        }
    }

    /// The top-level local that an expression is, or is in.
    fn root(&self, value: &Expression<'t>, depth: u32) -> Option<LocalNo> {
        if depth > 16 {
            return None;
        }
        match &value.kind {
            ExpressionKind::Local(local) => {
                let declared = self.tree.local(*local);
                if declared.function == FunctionNo::SCRIPT {
                    return Some(*local);
                }
                let init = self.inits.get(local).filter(|_| declared.writes == 0);
                let source = init.or_else(|| self.loops.get(local))?;
                self.root(source, depth + 1)
            }
            ExpressionKind::Field(inner, _) | ExpressionKind::Index(inner, _) => self.root(inner, depth + 1),
            ExpressionKind::Paren(inner) | ExpressionKind::Cast(inner, _) => self.root(inner, depth + 1),
            _ => None,
        }
    }

    fn function_value(&mut self, local: LocalNo, value: &'t Expression<'t>) {
        if let ExpressionKind::Function(function) = &bare(value).kind
            && self.tree.local(local).writes == 0
        {
            self.named.insert(local, function.no);
        }
    }
}

impl<'t> Visit<'t, 't> for Facts<'t> {
    fn statement(&mut self, statement: &'t Statement<'t>) {
        match &statement.kind {
            StatementKind::Local(locals, values) => {
                for (local, value) in locals.iter().zip(values) {
                    self.inits.insert(*local, value);
                    self.function_value(*local, value);
                }
            }
            StatementKind::LocalFunction(local, function) if self.tree.local(*local).writes == 0 => {
                self.named.insert(*local, function.no);
            }
            StatementKind::Each(locals, values, _) => {
                if let Some(container) = crate::check::container(values) {
                    self.loops.extend(locals.iter().map(|local| (*local, container)));
                }
            }
            _ => {}
        }
        walk_statement(self, statement);
    }

    fn expression(&mut self, expression: &'t Expression<'t>) {
        match &expression.kind {
            ExpressionKind::Call(callee, arguments) => {
                match &bare(callee).kind {
                    ExpressionKind::Local(_) => drop(self.called.insert(bare(callee).span)),
                    ExpressionKind::Function(function) => drop(self.immediate.insert(function.no)),
                    _ => {}
                }
                if is_of_library(callee) {
                    for argument in arguments {
                        if let ExpressionKind::Function(function) = &argument.kind {
                            self.immediate.insert(function.no);
                        }
                    }
                }
            }
            ExpressionKind::Local(local) => {
                let is_call = self.called.contains(&expression.span);
                self.uses.push((*local, self.at, is_call));
            }
            _ => {}
        }
        walk_expression(self, expression);
    }

    fn function(&mut self, function: &'t Function<'t>) {
        let around = std::mem::replace(&mut self.at, function.no);
        walk_block(self, &function.body);
        self.at = around;
    }
}

/// Whether something of Luau's own is called, which keeps no function that it is given.
fn is_of_library(callee: &Expression<'_>) -> bool {
    match &callee.kind {
        ExpressionKind::Global(name) => ["pcall", "xpcall"].contains(name),
        ExpressionKind::Field(inner, _) => match inner.kind {
            ExpressionKind::Global(name) => ["table", "string"].contains(&name) && library::find(name).is_some(),
            _ => false,
        },
        _ => false,
    }
}

/// Looks for writes in functions that may run later.
struct Writes<'f, 't> {
    facts: &'f Facts<'t>,
    at_load: FxHashSet<FunctionNo>,
    at: FunctionNo,
    found: Vec<(LocalNo, Span)>,
}

impl<'t> Writes<'_, 't> {
    fn note(&mut self, value: &Expression<'t>, span: Span) {
        if !self.at_load.contains(&self.at)
            && let Some(local) = self.facts.root(value, 0)
        {
            self.found.push((local, span));
        }
    }

    fn target(&mut self, target: &Expression<'t>) {
        match &target.kind {
            ExpressionKind::Local(local) if self.facts.tree.local(*local).function == FunctionNo::SCRIPT => {
                self.note(target, target.span);
            }
            ExpressionKind::Field(inner, _) | ExpressionKind::Index(inner, _) => self.note(inner, target.span),
            _ => {}
        }
    }

    fn call(&mut self, callee: &Expression<'t>, arguments: &[Expression<'t>], span: Span) {
        let changed = match &callee.kind {
            ExpressionKind::Global("rawset") => arguments.first(),
            ExpressionKind::Field(inner, name) => match inner.kind {
                ExpressionKind::Global("table") if CHANGES.contains(&name.text) => arguments.first(),
                ExpressionKind::Global("table") if name.text == "move" => arguments.get(4).or(arguments.first()),
                ExpressionKind::Global("buffer")
                    if name.text.starts_with("write") || ["fill", "copy"].contains(&name.text) =>
                {
                    arguments.first()
                }
                _ => None,
            },
            _ => None,
        };
        if let Some(changed) = changed {
            self.note(changed, span);
        }
    }
}

impl<'t> Visit<'t, 't> for Writes<'_, 't> {
    fn statement(&mut self, statement: &'t Statement<'t>) {
        match &statement.kind {
            StatementKind::Assign(targets, _) => targets.iter().for_each(|target| self.target(target)),
            StatementKind::Compound(_, target, _) | StatementKind::Function(target, _) => self.target(target),
            _ => {}
        }
        walk_statement(self, statement);
    }

    fn expression(&mut self, expression: &'t Expression<'t>) {
        if let ExpressionKind::Call(callee, arguments) = &expression.kind {
            self.call(callee, arguments, expression.span);
        }
        walk_expression(self, expression);
    }

    fn function(&mut self, function: &'t Function<'t>) {
        let around = std::mem::replace(&mut self.at, function.no);
        walk_block(self, &function.body);
        self.at = around;
    }
}
