//! `require`: what may be required, what is there, and that no module waits for itself.

use std::collections::BTreeMap;

use kuafu_def::{Definitions, Problem};
use rustc_hash::FxHashSet;

use crate::check::Script;
use crate::source::Kind;
use crate::syntax::visit::{Visit, walk_block, walk_expression};
use crate::syntax::{Expression, ExpressionKind, Function, FunctionNo, Span};
use crate::world::all_types;

/// A `require` of a name that is written out.
#[derive(Clone, Copy, Debug)]
struct Required<'w> {
    name: &'w str,
    span: Span,
    /// It runs while the script is loaded.
    at_load: bool,
}

/// Every wrong `require`.
pub(crate) fn problems(scripts: &[Script<'_>], paths: &[&str], definitions: &Definitions) -> Vec<Problem> {
    let known: FxHashSet<&str> = paths.iter().filter_map(|path| path.strip_suffix(".luau")).collect();
    let mut problems = Vec::new();
    let mut edges: BTreeMap<&str, Vec<(&str, Span)>> = BTreeMap::new();
    for script in scripts {
        let found = find(script);
        problems.extend(found.iter().filter_map(|required| problem(script, required, &known, definitions)));
        if let Kind::Library(name) = script.kind {
            let at_load = found.iter().filter(|required| required.at_load);
            edges.insert(name, at_load.map(|required| (required.name, required.span)).collect());
        }
    }
    for script in scripts {
        if let Kind::Library(name) = script.kind
            && let Some((span, way)) = cycle(name, &edges)
        {
            let message = format!("`{name}` requires itself: {}", way.join(" → "));
            let help = "put what both need into a third module";
            problems.push(script.lines.problem(span, "module-cycle", message, help.to_owned()));
        }
    }
    problems
}

fn find<'w>(script: &Script<'w>) -> Vec<Required<'w>> {
    struct Finder<'w> {
        at: FunctionNo,
        found: Vec<Required<'w>>,
    }
    impl<'w> Visit<'w, 'w> for Finder<'w> {
        fn expression(&mut self, expression: &'w Expression<'w>) {
            if let ExpressionKind::Call(callee, arguments) = &expression.kind
                && let (ExpressionKind::Global("require"), [argument]) = (&callee.kind, arguments.as_slice())
                && let ExpressionKind::Text(Some(name)) = &argument.kind
            {
                self.found.push(Required { name, span: argument.span, at_load: self.at == FunctionNo::SCRIPT });
            }
            walk_expression(self, expression);
        }
        fn function(&mut self, function: &'w Function<'w>) {
            let around = std::mem::replace(&mut self.at, function.no);
            walk_block(self, &function.body);
            self.at = around;
        }
    }
    let mut finder = Finder { at: FunctionNo::SCRIPT, found: Vec::new() };
    walk_block(&mut finder, &script.tree.body);
    finder.found
}

fn problem(
    script: &Script<'_>,
    required: &Required<'_>,
    known: &FxHashSet<&str>,
    definitions: &Definitions,
) -> Option<Problem> {
    let Required { name, span, .. } = *required;
    let tell = |code, message: String, help: String| Some(script.lines.problem(span, code, message, help));
    let is_plain = !name.is_empty() && name.split('/').all(|step| !step.is_empty() && !step.starts_with('.'));
    if !is_plain || name.ends_with(".luau") {
        let help = "write its path below scripts/ without `.luau`: require(\"lib/money\")".to_owned();
        return tell("forbidden-module", format!("`{name}` is no name of a module"), help);
    }
    if !known.contains(name) {
        let mut listed: Vec<&str> = known.iter().copied().filter(|path| path.starts_with("lib/")).collect();
        listed.sort_unstable();
        let help = match kuafu_def::nearest_name(name, known.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("make scripts/{name}.luau"),
        };
        return tell("unknown-module", format!("there is no module `{name}`"), help);
    }
    if name.starts_with("lib/") {
        return None;
    }
    match script.kind {
        Kind::Library(_) => {
            let help = "modules in lib/ may require only others there; move what both need into lib/".to_owned();
            tell("forbidden-module", format!("`{name}` is no module of lib/"), help)
        }
        Kind::Type(own) if !is_above(definitions, own, name) => {
            let help = format!("{own} may require modules of lib/, its parents and its traits");
            tell("forbidden-module", format!("`{name}` is neither a parent nor a trait of {own}"), help)
        }
        Kind::Trait(own) if !name.starts_with("traits/") => {
            let help = format!("the trait {own} may require modules of lib/ and other traits");
            tell("forbidden-module", format!("`{name}` is no trait"), help)
        }
        Kind::Component(own) if !is_used(definitions, own, name) => {
            let help = format!("the component {own} may require modules of lib/ and its traits");
            tell("forbidden-module", format!("`{name}` is no trait of {own}"), help)
        }
        _ => None,
    }
}

/// Whether a script is that of a trait of a component, as far as any entity type has the component.
fn is_used(definitions: &Definitions, own: &str, name: &str) -> bool {
    let mut slots =
        all_types(definitions).flat_map(|ty| &ty.components).filter(|slot| slot.component == own).peekable();
    let is_unknown = slots.peek().is_none();
    is_unknown
        || slots
            .any(|slot| name.strip_prefix("traits/").is_some_and(|name| slot.traits.iter().any(|used| used == name)))
}

/// Whether a script is that of a parent or trait of a type, which it may call.
fn is_above(definitions: &Definitions, own: &str, name: &str) -> bool {
    let Some(ty) = definitions.by_name_or_abstract(own) else { return true };
    let mut line = std::iter::once(ty).chain(definitions.lineage(ty));
    match name.strip_prefix("traits/") {
        Some(used) => line.any(|ty| ty.traits.iter().any(|name| name == used)),
        None => line.skip(1).any(|ty| ty.name == name),
    }
}

/// The way from a module to itself, and where it begins.
fn cycle<'w>(from: &'w str, edges: &BTreeMap<&'w str, Vec<(&'w str, Span)>>) -> Option<(Span, Vec<&'w str>)> {
    for (first, span) in edges.get(from)? {
        let mut came: BTreeMap<&str, &str> = BTreeMap::from([(*first, from)]);
        let mut open = vec![*first];
        while let Some(at) = open.pop() {
            if at == from {
                let mut way = vec![from];
                let mut step = *came.get(at)?;
                while step != from && way.len() <= edges.len() {
                    way.push(step);
                    step = came.get(step)?;
                }
                way.push(from);
                way.reverse();
                return Some((*span, way));
            }
            for (next, _) in edges.get(at).into_iter().flatten() {
                if !came.contains_key(next) {
                    came.insert(next, at);
                    open.push(next);
                }
            }
        }
    }
    None
}
