//! The scripts of a game: read from a folder, compiled and checked against the definitions, all problems at once.

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use kuafu_core::id::EntityIdSource;
use kuafu_core::{Chance, Incarnation, Limits};
use kuafu_def::{Definitions, EntityType, Part, Problem};
use kuafu_logic::NoWorld;
use mlua::Lua;

use crate::schema::holds_wide;
use crate::shared::Shared;
use crate::{class, vm};

/// Bytes of one script file; a larger one is a problem.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Script files in one folder; more are a problem.
const FILES_MAX: usize = 10_000;

/// One compiled script.
#[derive(Clone, Debug)]
pub struct Script {
    /// The entity type whose logic it is.
    pub type_name: String,
    /// The file's name, for messages.
    pub file: String,
    pub(crate) bytecode: Vec<u8>,
}

/// All scripts of a game, compiled; shared by the hosts of all threads.
#[derive(Clone, Debug, Default)]
pub struct ScriptSet {
    /// In the order of the files' names.
    pub scripts: Vec<Script>,
}

impl ScriptSet {
    /// Reads and compiles every `*.luau` in `dir`, each the logic of the entity type that it is named after. Types
    /// without a script are allowed. A folder that is not there holds no scripts.
    ///
    /// # Errors
    /// Every problem of every file: what cannot be read or compiled, what fails when it is loaded, scripts of unknown
    /// types, declared methods that are missing, names that hide something.
    pub fn load(dir: &Path, definitions: &Definitions) -> Result<Self, Vec<Problem>> {
        let files = list(dir).map_err(|problem| vec![problem])?;
        let sources = files.into_iter().map(|file| {
            let text = read(&dir.join(&file));
            (file, text)
        });
        Self::compile(sources.collect(), definitions)
    }

    /// The same from texts, by file name.
    ///
    /// # Errors
    /// As [`ScriptSet::load`].
    pub fn from_texts<'a>(
        texts: impl IntoIterator<Item = (&'a str, &'a str)>,
        definitions: &Definitions,
    ) -> Result<Self, Vec<Problem>> {
        Self::compile(
            texts.into_iter().map(|(file, text)| (file.to_owned(), Ok(text.to_owned()))).collect(),
            definitions,
        )
    }

    fn compile(
        sources: Vec<(String, Result<String, String>)>,
        definitions: &Definitions,
    ) -> Result<Self, Vec<Problem>> {
        let (mut scripts, mut problems) = (Vec::new(), Vec::new());
        for (file, text) in sources {
            match text.map_err(|why| problem(&file, 1, "script-file", why, "a script is a text file in UTF-8")) {
                Ok(text) => match compile(&file, &text, definitions) {
                    Ok(script) => scripts.push(script),
                    Err(problem) => problems.push(problem),
                },
                Err(problem) => problems.push(problem),
            }
        }
        problems.extend(check(&scripts, definitions));
        problems.sort();
        if problems.is_empty() { Ok(Self { scripts }) } else { Err(problems) }
    }
}

fn list(dir: &Path) -> Result<Vec<String>, Problem> {
    let whole = |why: String| problem(&dir.display().to_string(), 1, "script-file", why, "check the folder");
    if !dir.exists() {
        return Ok(Vec::new());
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(|error| whole(error.to_string()))? {
        let entry = entry.map_err(|error| whole(error.to_string()))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.ends_with(".luau") && !name.starts_with('.') {
            files.push(name);
        }
        if files.len() > FILES_MAX {
            return Err(whole(format!("more than {FILES_MAX} scripts")));
        }
    }
    files.sort();
    Ok(files)
}

fn read(path: &Path) -> Result<String, String> {
    let length = std::fs::metadata(path).map_err(|error| error.to_string())?.len();
    if length > FILE_BYTES_MAX {
        return Err(format!("the file has {length} bytes; at most {FILE_BYTES_MAX} are read"));
    }
    std::fs::read_to_string(path).map_err(|error| error.to_string())
}

fn problem(file: &str, line: usize, code: &'static str, message: String, help: &str) -> Problem {
    Problem { file: PathBuf::from(file), line, column: 1, code, message, help: help.to_owned() }
}

fn compile(file: &str, text: &str, definitions: &Definitions) -> Result<Script, Problem> {
    let type_name = file.strip_suffix(".luau").unwrap_or(file).to_owned();
    if definitions.by_name(&type_name).is_none() {
        let names: Vec<&str> = definitions.types.values().map(|ty| ty.name.as_str()).collect();
        let message = format!("there is no entity type `{type_name}`");
        let help = format!("a script is named after its type: {}", names.join(", "));
        return Err(problem(file, 1, "script-type", message, &help));
    }
    let bytecode = vm::compiler().compile(text).map_err(|error| {
        let (line, message) = place(&error.to_string());
        problem(file, line, "script-syntax", message, "correct the line; see https://luau.org/syntax")
    })?;
    Ok(Script { type_name, file: file.to_owned(), bytecode })
}

/// The line in a message of the compiler or of a running script, and the message without the place.
fn place(message: &str) -> (usize, String) {
    let first = message.lines().next().unwrap_or_default();
    let mut parts = first.splitn(3, ':');
    let (_, line, rest) = (parts.next(), parts.next(), parts.next());
    match (line.and_then(|line| line.trim().parse().ok()), rest) {
        (Some(line), Some(rest)) => (line, rest.trim().to_owned()),
        _ => (1, first.trim().to_owned()),
    }
}

/// Loads the scripts into a machine of their own and looks at what they return.
fn check(scripts: &[Script], definitions: &Definitions) -> Vec<Problem> {
    let definitions = Arc::new(definitions.clone());
    let world = Rc::new(NoWorld::new(EntityIdSource::new(Incarnation(0))));
    let shared = Shared::new(Part::Base, Arc::clone(&definitions), Limits::default(), world, Chance::from_seed(0));
    let lua = match vm::build(&shared) {
        Ok(lua) => lua,
        Err(error) => return vec![problem("", 1, "script", error.to_string(), "this is a fault of the engine")],
    };
    let typed = scripts.iter().filter_map(|script| Some((script, definitions.by_name(&script.type_name)?)));
    typed.flat_map(|(script, ty)| check_one(&lua, &shared, script, ty)).collect()
}

fn check_one(lua: &Lua, shared: &Shared, script: &Script, ty: &EntityType) -> Vec<Problem> {
    let at = |message: String, help: &str| problem(&script.file, 1, "script", message, help);
    let mut problems: Vec<Problem> = wide_names(ty)
        .map(|name| at(format!("{name} is `wide`, which scripts cannot hold"), "use int64 or uint64 without `wide`"))
        .collect();
    match vm::run_script(lua, shared, script) {
        Ok(table) => {
            let help = "a script returns { base = {…}, cell = {…} } with the declared methods, hooks and helpers";
            problems.extend(class::faults(ty, &table).into_iter().map(|fault| at(fault, help)));
        }
        Err(message) => {
            let (line, message) = place(&message);
            problems.push(problem(&script.file, line, "script-load", message, "the script fails when it is loaded"));
        }
    }
    problems
}

fn wide_names(ty: &EntityType) -> impl Iterator<Item = String> {
    let properties = ty.properties.iter().filter(|property| holds_wide(&property.ty));
    let methods = ty.methods.iter().filter(|method| {
        method.arguments.iter().any(|argument| holds_wide(&argument.ty))
            || method.result.as_ref().is_some_and(holds_wide)
    });
    let properties = properties.map(|property| format!("the property `{}`", property.name));
    properties.chain(methods.map(|method| format!("the method `{}.{}`", method.part, method.name)))
}
