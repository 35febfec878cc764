//! The methods that scripts give, held against those that the definitions declare.

use kuafu_def::{Definitions, EntityType, Method, Part, Problem};
use kuafu_logic::Hook;

use super::names::{self, counted};
use super::{Script, Shared};
use crate::api::API;
use crate::class::{Class, MethodAt};
use crate::source::{Kind, Lines};
use crate::syntax::{Function, Name, Span, Tree, TypeText};
use crate::world::{Classes, FileKey, Known, View, ViewNo, all_types};

const PARTS: [Part; 2] = [Part::Base, Part::Cell];

/// Problems of what a script returns as a whole.
pub(crate) fn class_problems(shared: &Shared<'_>, script: &Script<'_>, view: Option<ViewNo>) -> Vec<Problem> {
    let mut report = Report { lines: &script.lines, problems: Vec::new() };
    let class = script.class;
    let Some(key) = FileKey::of(script.kind) else {
        if class.is_no_table && class.returned.is_none() && matches!(script.kind, Kind::Library(_)) {
            let help = "end it with `return` and what others may use".to_owned();
            report.tell(Span::default(), "script-returns", "the module returns nothing".to_owned(), help);
        }
        return report.problems;
    };
    if class.is_no_table {
        let place = class.returned.unwrap_or_default();
        let help = "end the script with `return { base = …, cell = … }`";
        report.tell(place, "script-returns", "the script returns no table of methods".to_owned(), help.to_owned());
        return report.problems;
    }
    for Name { text, span } in &class.strangers {
        let help = match *text {
            "client" => "what clients do is written in the client; scripts have `base` and `cell`".to_owned(),
            text => format!(
                "a function of its own is a local: `local function {text}(…)`; methods belong in `base` or `cell`"
            ),
        };
        report.tell(*span, "unknown-part", format!("`{text}` is no part: a script returns `base` and `cell`"), help);
    }
    let Some(view) = view.map(|view| shared.world.get(view)) else { return report.problems };
    let ty = match key {
        FileKey::Type(name) => shared.world.definitions.by_name_or_abstract(name),
        FileKey::Trait(_) | FileKey::Component(_) => None,
    };
    for part in PARTS {
        if let Some(ty) = ty.filter(|ty| !ty.parts.has(part) && !ty.is_abstract)
            && let Some(first) = class.methods(part).values().map(|method| method.span).min()
        {
            let help = format!("take the methods out, or add \"{part}\" to `parts` in entities/{}.toml", ty.name);
            report.tell(first, "wrong-part", format!("{} has no {part} part", ty.name), help);
            continue;
        }
        for (name, method) in class.methods(part) {
            check_method(&mut report, shared, script.tree, view, (part, name), method);
        }
    }
    report.problems
}

struct Report<'r> {
    lines: &'r Lines<'r>,
    problems: Vec<Problem>,
}

impl Report<'_> {
    fn tell(&mut self, span: Span, code: &'static str, message: String, help: String) {
        self.problems.push(self.lines.problem(span, code, message, help));
    }
}

fn check_method(
    report: &mut Report<'_>,
    shared: &Shared<'_>,
    tree: &Tree<'_>,
    view: &View<'_>,
    (part, name): (Part, &str),
    method: &MethodAt<'_>,
) {
    let span = method.span;
    if method.is_plain_value {
        let help = "a constant is a local at the top of the script".to_owned();
        report.tell(span, "not-a-method", format!("`{part}.{name}` is no function; a part holds only methods"), help);
    }
    if !view.is_component && API.own(part).contains_key(name) {
        let help = "give it another name".to_owned();
        report.tell(span, "hidden-name", format!("`{part}.{name}` hides the engine's `self.{name}`"), help);
    } else if matches!(view.properties.get(name), Some(Known::One(property)) if property.part == part) {
        let help = "give it another name".to_owned();
        report.tell(span, "hidden-name", format!("`{part}.{name}` hides the property `{name}` of {}", view.name), help);
    }
    match view.methods.get(&(part, name)).map(Vec::as_slice) {
        Some(declared) => {
            if let Some(function) = method.function {
                check_parameters(report, tree, declared, function, name, span);
            }
        }
        None => check_private(report, shared, view, (part, name), span),
    }
}

fn check_parameters(
    report: &mut Report<'_>,
    tree: &Tree<'_>,
    declared: &[&Method],
    function: &Function<'_>,
    name: &str,
    span: Span,
) {
    let most = declared.iter().map(|method| method.arguments.len()).max().unwrap_or_default();
    let extra = function.parameters.get(most + 1..).unwrap_or_default();
    let is_optional =
        |local: &crate::syntax::LocalNo| matches!(tree.local(*local).annotation, Some(TypeText::Optional(_)));
    if function.has_rest || extra.iter().all(is_optional) {
        return;
    }
    let given = function.parameters.len() - 1;
    let message = format!("`{name}` is declared with {}, and the function takes {given}", counted(most, "argument"));
    let names: Vec<&str> = declared[0].arguments.iter().map(|argument| argument.name.as_str()).collect();
    let help = format!(
        "it gets ({}); declare the others too, or mark those that only the script itself gives as optional: `x: number?`",
        names.join(", ")
    );
    report.tell(span, "method-parameters", message, help);
}

/// A method that nobody declared: perhaps it was meant to be a hook, or belongs in the other part.
fn check_private(
    report: &mut Report<'_>,
    shared: &Shared<'_>,
    view: &View<'_>,
    (part, name): (Part, &str),
    span: Span,
) {
    let other = if part == Part::Base { Part::Cell } else { Part::Base };
    if view.methods.contains_key(&(other, name)) && !view.is_scripted(other, name) && !view.is_open {
        let help = format!("write `function …{other}:{name}`, or declare it as `[methods.{part}.{name}]`");
        report.tell(
            span,
            "wrong-part",
            format!("`{name}` is declared for the {other} part, not for the {part} part"),
            help,
        );
        return;
    }
    if let Some(hook) = Hook::ALL.iter().find(|hook| hook.method() == name) {
        let elsewhere = if part == Part::Base { "Cell part:" } else { "Base part:" };
        if hook.doc().starts_with(elsewhere) {
            let help = format!("write `function …{other}:{name}`");
            report.tell(span, "wrong-part", format!("`{name}` is called in the {other} part only"), help);
        }
        return;
    }
    let meant = kuafu_def::nearest_name(name, Hook::ALL.iter().map(|hook| hook.method()));
    if name.starts_with("on_")
        && !shared.used_names.contains(name)
        && let Some(meant) = meant
    {
        let help = format!("did you mean `{meant}`?");
        report.tell(span, "unknown-hook", format!("there is no hook `{name}`, and no script calls it"), help);
    }
}

/// Declared methods that no script gives.
pub(crate) fn missing_methods<'w>(shared: &Shared<'w>, scripts: &[Script<'w>], classes: &Classes<'w>) -> Vec<Problem> {
    let definitions = shared.world.definitions;
    let mut problems = Vec::new();
    for ty in all_types(definitions).filter(|ty| !ty.is_abstract) {
        missing_of_type(definitions, ty, scripts, classes, &mut problems);
    }
    for name in shared.world.component_names() {
        missing_of_component(shared, name, scripts, classes, &mut problems);
    }
    problems
}

/// The classes that make up the logic of a type.
fn classes_of<'c, 'w>(
    definitions: &'w Definitions,
    ty: &'w EntityType,
    classes: &'c Classes<'w>,
) -> Vec<&'c Class<'w>> {
    let types = std::iter::once(ty).chain(definitions.lineage(ty).map(AsRef::as_ref));
    types
        .flat_map(|ty| {
            let traits = ty.traits.iter().map(|name| FileKey::Trait(name));
            std::iter::once(FileKey::Type(&ty.name)).chain(traits)
        })
        .filter_map(|key| classes.get(&key).copied())
        .collect()
}

fn missing_of_type<'w>(
    definitions: &'w Definitions,
    ty: &'w EntityType,
    scripts: &[Script<'w>],
    classes: &Classes<'w>,
    problems: &mut Vec<Problem>,
) {
    let own = classes_of(definitions, ty, classes);
    if own.is_empty() || own.iter().any(|class| class.is_open || class.is_no_table) {
        return;
    }
    let has = |part: Part, name: &str| own.iter().any(|class| class.has(part, name));
    let file = scripts.iter().find(|script| script.kind == Kind::Type(&ty.name));
    let missing = ty
        .methods
        .iter()
        .filter(|method| method.part != Part::Client && !method.name.contains('.') && !has(method.part, &method.name));
    for method in missing {
        let (part, name) = (method.part, &method.name);
        // That it stands in the wrong part is told where it stands.
        let other = if part == Part::Base { Part::Cell } else { Part::Base };
        if has(other, name) && ty.method_by_name(other, name).is_none() {
            continue;
        }
        let arguments: Vec<&str> = method.arguments.iter().map(|argument| argument.name.as_str()).collect();
        let given: Vec<&str> = own.iter().flat_map(|class| class.methods(part).keys().copied()).collect();
        let undeclared = given.into_iter().filter(|name| ty.method_by_name(part, name).is_none());
        let meant =
            kuafu_def::nearest_name(name, undeclared).map(|meant| format!("is it `{meant}`? ")).unwrap_or_default();
        let message = format!("the method `{part}.{name}` is declared and missing");
        let help = format!("{meant}write `function …{part}:{name}({})`", arguments.join(", "));
        problems.push(match file {
            Some(script) => script.lines.problem(script.class.place(part), "missing-method", message, help),
            None => nowhere(format!("{}.luau", ty.name), message, help),
        });
    }
}

fn nowhere(file: String, message: String, help: String) -> Problem {
    Problem { file: file.into(), line: 1, column: 1, code: "missing-method", message, help }
}

fn missing_of_component<'w>(
    shared: &Shared<'w>,
    name: &'w str,
    scripts: &[Script<'w>],
    classes: &Classes<'w>,
    problems: &mut Vec<Problem>,
) {
    let Some(view) = shared.world.view_of(FileKey::Component(name)).map(|view| shared.world.get(view)) else { return };
    let file = scripts.iter().find(|script| script.kind == Kind::Component(name));
    let users =
        all_types(shared.world.definitions).filter(|ty| ty.components.iter().any(|slot| slot.component == *name));
    // Logic that is not in scripts at all is no business of this check.
    let is_in_scripts = file.is_some() || users.into_iter().any(|ty| classes.contains_key(&FileKey::Type(&ty.name)));
    if view.is_open || !is_in_scripts || file.is_some_and(|script| script.class.is_no_table) {
        return;
    }
    let mut missing: Vec<(Part, &str)> = view
        .methods
        .keys()
        .filter(|(part, method)| *part != Part::Client && !view.is_scripted(*part, method))
        .copied()
        .collect();
    missing.sort_unstable();
    for (part, method) in missing {
        let message = format!("the method `{part}.{method}` of the component `{name}` is declared and missing");
        let help =
            names::help(method, view.scripted(part), &format!("write `function …{part}:{method}(…)`; now there are"));
        problems.push(match file {
            Some(script) => script.lines.problem(script.class.place(part), "missing-method", message, help),
            None => nowhere(format!("components/{name}.luau"), message, help),
        });
    }
}
