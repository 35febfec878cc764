//! Checks of scripts without running them: against Luau's grammar, the definitions, the engine's functions and the data
//! tables.
//!
//! A script that is wrong should be told so where it is wrong, when it is saved, and not when a player first comes upon
//! the line. What holds here above all: **valid scripts have no problems**. A check speaks only of what is certain; what
//! it does not know it lets pass. docs/checking.md lists what is found and what cannot be seen. Nothing here reads files,
//! or runs anything.

mod api;
mod check;
mod class;
mod library;
mod modules;
mod source;
mod state;
mod syntax;
mod world;

use std::path::PathBuf;

pub use check::TableNames;
pub use kuafu_def::Problem;
use kuafu_def::{Definitions, nearest_name};
use rustc_hash::FxHashSet;
pub use source::Source;

use check::{Checker, Script, Shared};
use class::Class;
use source::{Kind, Lines};
use world::{Classes, FileKey, World};

/// Bytes of one script that are looked at; a larger one is a problem.
const FILE_BYTES_MAX: usize = 1 << 20;

/// Everything wrong in the scripts of a project, sorted by place. `tables` are the data tables with their columns; without
/// them, their names are not checked.
///
/// ```
/// use kuafu_lint::{Source, check};
///
/// let script = Source { path: "lib/greet.luau".into(), text: "return function() return nme end".into() };
/// let problems = check(&[script], &kuafu_def::Definitions::default(), None);
/// assert_eq!(problems[0].code, "unknown-global");
/// assert_eq!((problems[0].line, problems[0].column), (1, 26));
/// ```
#[must_use]
pub fn check(scripts: &[Source], definitions: &Definitions, tables: Option<&TableNames>) -> Vec<Problem> {
    let mut problems: Vec<Problem> = scripts.iter().filter_map(too_large).collect();
    let sources: Vec<&Source> = scripts.iter().filter(|source| source.text.len() <= FILE_BYTES_MAX).collect();
    let trees: Vec<syntax::Tree<'_>> = sources.iter().map(|source| syntax::parse(&source.text)).collect();
    let classes: Vec<Class<'_>> = trees.iter().map(class_of).collect();
    let mut read = Vec::new();
    for ((source, tree), class) in sources.iter().zip(&trees).zip(&classes) {
        let lines = Lines::new(source);
        problems.extend(tree.errors.iter().map(|error| {
            let code = if error.too_deep { "script-depth" } else { "script-syntax" };
            lines.problem(error.span, code, error.message.clone(), error.help.clone())
        }));
        read.push(Script { kind: Kind::of(&source.path), lines, tree, class });
    }
    let by_key: Classes<'_> =
        read.iter().filter_map(|script| Some((FileKey::of(script.kind)?, script.class))).collect();
    let mut shared = Shared {
        world: World::new(definitions, &by_key),
        tables,
        loose_names: FxHashSet::default(),
        used_names: FxHashSet::default(),
    };
    for script in &read {
        check::collect_names(script, &mut shared.loose_names, &mut shared.used_names);
    }
    problems.extend(check::missing_methods(&shared, &read, &by_key));
    read.retain(|script| script.tree.errors.is_empty());
    let paths: Vec<&str> = scripts.iter().map(|source| source.path.as_str()).collect();
    problems.extend(modules::problems(&read, &paths, definitions));
    for script in &read {
        problems.extend(check_script(&shared, script));
    }
    problems.sort();
    problems.dedup();
    problems
}

fn class_of<'t>(tree: &'t syntax::Tree<'t>) -> Class<'t> {
    if tree.errors.is_empty() { class::find(tree) } else { Class::open() }
}

fn check_script<'w>(shared: &Shared<'w>, script: &Script<'w>) -> Vec<Problem> {
    let mut problems: Vec<Problem> = misplaced(&shared.world, script).into_iter().collect();
    let view = FileKey::of(script.kind).and_then(|key| shared.world.view_of(key));
    problems.extend(check::class_problems(shared, script, view));
    problems.extend(state::problems(script));
    problems.extend(Checker::new(shared, script, view).run());
    problems
}

fn too_large(source: &Source) -> Option<Problem> {
    let length = source.text.len();
    (length > FILE_BYTES_MAX).then(|| Problem {
        file: PathBuf::from(&source.path),
        line: 1,
        column: 1,
        code: "script-file",
        message: format!("the file has {length} bytes; at most {FILE_BYTES_MAX} are read"),
        help: "put parts of it into modules in scripts/lib, and tables of values into data/".to_owned(),
    })
}

/// A script whose path names nothing.
fn misplaced(world: &World<'_>, script: &Script<'_>) -> Option<Problem> {
    let (name, known): (_, Vec<&str>) = match script.kind {
        Kind::Type(name) => (name, world.type_names().collect()),
        // Traits and components that nobody uses are not among what is known here.
        Kind::Trait(_) | Kind::Component(_) | Kind::Library(_) => return None,
        Kind::Nowhere => {
            let message = "no script belongs here".to_owned();
            let help = "scripts are TYPE.luau, traits/NAME.luau, components/NAME.luau and lib/…/NAME.luau".to_owned();
            return Some(script.lines.problem(syntax::Span::default(), "script-name", message, help));
        }
    };
    if known.contains(&name) {
        return None;
    }
    let meant =
        nearest_name(name, known.iter().copied()).map(|meant| format!("did you mean `{meant}`? ")).unwrap_or_default();
    let help = format!("{meant}a script is named after what it is for; functions for several are in lib/");
    Some(script.lines.problem(
        syntax::Span::default(),
        "script-name",
        format!("there is no entity type `{name}`"),
        help,
    ))
}
