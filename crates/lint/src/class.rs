//! What a script returns, found without running it: the methods of each part, and where they stand.
//!
//! A script builds its table in one of the usual ways: constructors, `function T.base:m`, `T.base.m = …`, local tables
//! for the parts. Where it does something else with the table, the class is `open`: it may have more than is seen here.

use kuafu_def::Part;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::syntax::visit::{Visit, walk_expression, walk_statement};
use crate::syntax::{
    Block, Expression, ExpressionKind, Function, FunctionNo, Item, LocalNo, Name, Span, Statement, StatementKind, Tree,
};

/// A method in the table of a part.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MethodAt<'t> {
    pub(crate) span: Span,
    /// Its function, when it is written there.
    pub(crate) function: Option<&'t Function<'t>>,
    /// It is certainly no function.
    pub(crate) is_plain_value: bool,
}

/// What one script returns.
#[derive(Debug, Default)]
pub(crate) struct Class<'t> {
    /// The methods in base and cell.
    parts: [FxHashMap<&'t str, MethodAt<'t>>; 2],
    /// Where each part's table is made.
    places: [Option<Span>; 2],
    /// Names in the returned table that are no parts.
    pub(crate) strangers: Vec<Name<'t>>,
    /// There may be more than what is seen here.
    pub(crate) is_open: bool,
    /// Where the script returns; none when it does not.
    pub(crate) returned: Option<Span>,
    /// What is returned is certainly no table.
    pub(crate) is_no_table: bool,
}

impl<'t> Class<'t> {
    pub(crate) fn methods(&self, part: Part) -> &FxHashMap<&'t str, MethodAt<'t>> {
        &self.parts[index(part)]
    }

    pub(crate) fn has(&self, part: Part, name: &str) -> bool {
        self.methods(part).contains_key(name)
    }

    /// Where to say that something is missing in a part.
    pub(crate) fn place(&self, part: Part) -> Span {
        self.places[index(part)].or(self.returned).unwrap_or_default()
    }
}

fn index(part: Part) -> usize {
    usize::from(part == Part::Cell)
}

impl Class<'_> {
    /// The class of a script that could not be read: it may hold anything.
    pub(crate) fn open() -> Self {
        Self { is_open: true, ..Self::default() }
    }
}

/// Finds the class of a script.
pub(crate) fn find<'t>(tree: &'t Tree<'t>) -> Class<'t> {
    let mut finder = Finder {
        locals: inits(&tree.body),
        tree,
        root: None,
        part_locals: FxHashMap::default(),
        class: Class::default(),
    };
    let Some((span, returned)) = last_return(&tree.body) else {
        finder.class.is_open = returns_within(&tree.body);
        finder.class.is_no_table = !finder.class.is_open;
        return finder.class;
    };
    finder.class.returned = Some(span);
    match returned {
        Some(value) => finder.returned(value),
        None => finder.class.is_no_table = true,
    }
    for statement in &tree.body.statements {
        finder.top_level(statement);
    }
    let mut escapes = Escapes { finder: &finder, found: false, allowed: FxHashSet::default() };
    crate::syntax::visit::walk_block(&mut escapes, &tree.body);
    let is_open = escapes.found;
    finder.class.is_open |= is_open;
    finder.class
}

/// The first values of the locals that are declared at the top level.
fn inits<'t>(block: &'t Block<'t>) -> FxHashMap<LocalNo, &'t Expression<'t>> {
    let mut found = FxHashMap::default();
    for statement in &block.statements {
        if let StatementKind::Local(locals, values) = &statement.kind {
            found.extend(locals.iter().copied().zip(values));
        }
    }
    found
}

fn last_return<'t>(block: &'t Block<'t>) -> Option<(Span, Option<&'t Expression<'t>>)> {
    let last = block.statements.last()?;
    let StatementKind::Return(values) = &last.kind else { return None };
    Some((last.span, values.first()))
}

/// Whether a script returns within some block of its top level.
fn returns_within(block: &Block<'_>) -> bool {
    struct Returns(bool);
    impl<'t, 'a: 't> Visit<'t, 'a> for Returns {
        fn statement(&mut self, statement: &'t Statement<'a>) {
            self.0 |= matches!(statement.kind, StatementKind::Return(_));
            walk_statement(self, statement);
        }
        fn function(&mut self, _: &'t Function<'a>) {}
    }
    let mut returns = Returns(false);
    crate::syntax::visit::walk_block(&mut returns, block);
    returns.0
}

/// Passes parentheses, casts and `table.freeze`.
pub(crate) fn bare<'e, 'a>(mut value: &'e Expression<'a>) -> &'e Expression<'a> {
    loop {
        value = match &value.kind {
            ExpressionKind::Paren(inner) | ExpressionKind::Cast(inner, _) => inner,
            ExpressionKind::Call(callee, arguments) if is_freeze(callee) && arguments.len() == 1 => &arguments[0],
            _ => return value,
        };
    }
}

fn is_freeze(callee: &Expression<'_>) -> bool {
    match &callee.kind {
        ExpressionKind::Field(inner, name) => {
            name.text == "freeze" && matches!(inner.kind, ExpressionKind::Global("table"))
        }
        _ => false,
    }
}

struct Finder<'t> {
    tree: &'t Tree<'t>,
    locals: FxHashMap<LocalNo, &'t Expression<'t>>,
    /// The local that holds the returned table.
    root: Option<LocalNo>,
    /// Locals that hold the table of a part.
    part_locals: FxHashMap<LocalNo, Part>,
    class: Class<'t>,
}

impl<'t> Finder<'t> {
    fn returned(&mut self, value: &'t Expression<'t>) {
        let value = bare(value);
        match &value.kind {
            ExpressionKind::Table(items) => self.table(items),
            ExpressionKind::Local(local) => {
                self.root = Some(*local);
                let is_once = self.tree.local(*local).writes == 0;
                match self.locals.get(local).map(|init| bare(init)).map(|init| &init.kind) {
                    Some(ExpressionKind::Table(items)) if is_once => self.table(items),
                    _ => self.class.is_open = true,
                }
            }
            ExpressionKind::Nil
            | ExpressionKind::Bool
            | ExpressionKind::Number(_)
            | ExpressionKind::Text(_)
            | ExpressionKind::Interpolated(_)
            | ExpressionKind::Function(_) => self.class.is_no_table = true,
            _ => self.class.is_open = true,
        }
    }

    fn table(&mut self, items: &'t [Item<'t>]) {
        for item in items {
            match item {
                Item::Named(name, value) => self.field(*name, value),
                Item::Positional(_) | Item::Keyed(..) => self.class.is_open = true,
            }
        }
    }

    /// A field of the returned table.
    fn field(&mut self, name: Name<'t>, value: &'t Expression<'t>) {
        match Part::from_name(name.text).filter(|part| *part != Part::Client) {
            Some(part) => self.part(part, name.span, value),
            None => self.class.strangers.push(name),
        }
    }

    fn part(&mut self, part: Part, place: Span, value: &'t Expression<'t>) {
        self.class.places[index(part)] = Some(place);
        let value = bare(value);
        match &value.kind {
            ExpressionKind::Table(items) => self.methods(part, items),
            ExpressionKind::Local(local) => {
                self.part_locals.insert(*local, part);
                let is_once = self.tree.local(*local).writes == 0;
                match self.locals.get(local).map(|init| bare(init)).map(|init| &init.kind) {
                    Some(ExpressionKind::Table(items)) if is_once => self.methods(part, items),
                    _ => self.class.is_open = true,
                }
            }
            _ => self.class.is_open = true,
        }
    }

    fn methods(&mut self, part: Part, items: &'t [Item<'t>]) {
        for item in items {
            match item {
                Item::Named(name, value) => self.method(part, *name, value),
                Item::Positional(_) | Item::Keyed(..) => self.class.is_open = true,
            }
        }
    }

    fn method(&mut self, part: Part, name: Name<'t>, value: &'t Expression<'t>) {
        let function = match &bare(value).kind {
            ExpressionKind::Function(function) => Some(&**function),
            _ => None,
        };
        let is_plain_value = matches!(
            bare(value).kind,
            ExpressionKind::Nil
                | ExpressionKind::Bool
                | ExpressionKind::Number(_)
                | ExpressionKind::Text(_)
                | ExpressionKind::Interpolated(_)
                | ExpressionKind::Table(_)
        );
        self.class.parts[index(part)].insert(name.text, MethodAt { span: name.span, function, is_plain_value });
    }

    /// The part whose table an expression is.
    fn part_of(&self, value: &Expression<'t>) -> Option<Part> {
        match &value.kind {
            ExpressionKind::Local(local) => self.part_locals.get(local).copied(),
            ExpressionKind::Field(inner, name) if self.is_root(inner) => {
                Part::from_name(name.text).filter(|part| *part != Part::Client)
            }
            _ => None,
        }
    }

    fn is_root(&self, value: &Expression<'t>) -> bool {
        matches!(value.kind, ExpressionKind::Local(local) if self.root == Some(local))
    }

    fn top_level(&mut self, statement: &'t Statement<'t>) {
        match &statement.kind {
            StatementKind::Local(locals, values) => {
                for (local, value) in locals.iter().zip(values) {
                    if let Some(part) = self.part_of(value).filter(|_| self.tree.local(*local).writes == 0) {
                        self.part_locals.insert(*local, part);
                    }
                }
            }
            StatementKind::Function(target, function) => {
                let ExpressionKind::Field(inner, name) = &target.kind else { return };
                if let Some(part) = self.part_of(inner) {
                    let at = MethodAt { span: name.span, function: Some(function), is_plain_value: false };
                    self.class.parts[index(part)].insert(name.text, at);
                } else if self.is_root(inner) {
                    self.class.strangers.push(*name);
                }
            }
            StatementKind::Assign(targets, values) => {
                for (no, target) in targets.iter().enumerate() {
                    let ExpressionKind::Field(inner, name) = &target.kind else { continue };
                    match (self.part_of(inner), values.get(no)) {
                        (Some(part), Some(value)) => self.method(part, *name, value),
                        (None, Some(value)) if self.is_root(inner) => self.field(*name, value),
                        _ => {}
                    }
                }
            }
            StatementKind::Do(block) => block.statements.iter().for_each(|statement| self.top_level(statement)),
            _ => {}
        }
    }
}

/// Looks for uses of the returned table, or of a part's, after which it may hold more than is seen.
struct Escapes<'f, 't> {
    finder: &'f Finder<'t>,
    found: bool,
    /// Places where the table may stand.
    allowed: FxHashSet<Span>,
}

impl<'t> Escapes<'_, 't> {
    fn is_ours(&self, value: &Expression<'t>) -> bool {
        self.finder.is_root(value) || self.finder.part_of(value).is_some()
    }

    fn allow(&mut self, value: &'t Expression<'t>) {
        if self.is_ours(bare(value)) {
            self.allowed.insert(bare(value).span);
        }
    }
}

impl<'t> Visit<'t, 't> for Escapes<'_, 't> {
    fn statement(&mut self, statement: &'t Statement<'t>) {
        match &statement.kind {
            StatementKind::Return(values) => values.iter().for_each(|value| self.allow_return(value)),
            StatementKind::Local(_, values) => {
                // Another name for the whole table is more than is followed here.
                values.iter().filter(|value| self.finder.part_of(value).is_some()).for_each(|value| self.allow(value));
            }
            StatementKind::Assign(targets, values) => {
                self.found |= targets.iter().any(|target| self.is_dynamic(target));
                for (target, value) in targets.iter().zip(values) {
                    if matches!(&target.kind, ExpressionKind::Field(inner, _) if self.finder.is_root(inner)) {
                        self.allow(value);
                    }
                }
            }
            _ => {}
        }
        walk_statement(self, statement);
    }

    fn expression(&mut self, expression: &'t Expression<'t>) {
        match &expression.kind {
            ExpressionKind::Field(inner, _) | ExpressionKind::Index(inner, _) => self.allow(inner),
            _ => {}
        }
        if self.is_ours(expression) && !self.allowed.contains(&expression.span) {
            // The table of a part is in the expression that names it: `T` in `T.base` alone is no escape.
            self.found = true;
        }
        walk_expression(self, expression);
    }
}

impl<'t> Escapes<'_, 't> {
    fn allow_return(&mut self, value: &'t Expression<'t>) {
        self.allow(value);
        if let ExpressionKind::Table(items) = &bare(value).kind {
            items.iter().for_each(|item| self.allow(item.value()));
        }
    }

    /// Whether methods are put in under names that are made at run time.
    fn is_dynamic(&self, target: &Expression<'t>) -> bool {
        matches!(&target.kind, ExpressionKind::Index(inner, _) if self.is_ours(inner))
    }
}

/// The functions that are methods of a part, by number.
pub(crate) fn functions<'t>(class: &Class<'t>) -> FxHashMap<FunctionNo, (Part, &'t str)> {
    let mut found = FxHashMap::default();
    for part in [Part::Base, Part::Cell] {
        let methods = class.methods(part).iter();
        found.extend(methods.filter_map(|(name, method)| Some((method.function?.no, (part, *name)))));
    }
    found
}
