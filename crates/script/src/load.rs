//! Loading a release: its modules are run once, in an environment of their own, and become classes.
//!
//! All scripts of a release share one environment, so that code keeps the data tables and modules it was written with,
//! however long it runs. Nothing of a release is held by anything but itself: with its last function it is garbage.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use kuafu_core::TypeNo;
use kuafu_def::{Definitions, EntityType};
use mlua::chunk::ChunkMode;
use mlua::{Function, Lua, Table, Value as Luau};
use rustc_hash::FxHashMap;

use crate::class::{self, Class, Kind};
use crate::compose::{self, Modules, component_module, trait_module};
use crate::convert::type_name;
use crate::data;
use crate::error::ScriptError;
use crate::set::{Script, ScriptKind, ScriptSet, place};
use crate::shared::Shared;
use crate::trace::message_of;

/// A release in a machine.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) no: u64,
    pub(crate) classes: FxHashMap<TypeNo, Rc<Class>>,
    /// The environment of its scripts.
    pub(crate) env: Table,
}

/// What became of the modules of a set.
pub(crate) struct LoadedModules {
    /// What the scripts of types, traits and components returned, by module.
    pub(crate) tables: BTreeMap<String, Table>,
    /// What could not be loaded.
    pub(crate) errors: Vec<ScriptError>,
    env: Option<Table>,
}

/// Loads a set as a release beside what is there. Nothing else changes.
///
/// # Errors
/// The first thing that is wrong, with file and line.
pub(crate) fn load(
    lua: &Lua,
    shared: &Rc<Shared>,
    kinds: &FxHashMap<TypeNo, Rc<Kind>>,
    no: u64,
    scripts: &Arc<ScriptSet>,
) -> Result<Loaded, ScriptError> {
    let LoadedModules { tables, errors, env } = modules(lua, shared, scripts);
    if let Some(error) = errors.into_iter().next() {
        return Err(error);
    }
    for (module, table) in &tables {
        if let Some(fault) = compose::table_faults(module, table).into_iter().next() {
            return Err(ScriptError::Script { file: format!("{module}.luau"), line: 1, message: fault });
        }
    }
    let modules = Modules(&tables);
    let mut classes = FxHashMap::default();
    for kind in kinds.values() {
        let composed = modules.compose(&shared.definitions, &kind.ty, shared.part);
        classes.insert(kind.ty.no, Rc::new(class::build(lua, shared, kind, no, composed)?));
    }
    let env = env.ok_or_else(|| ScriptError::Release("the release has no environment".to_owned()))?;
    Ok(Loaded { no, classes, env })
}

/// Runs all modules of a set.
pub(crate) fn modules(lua: &Lua, shared: &Rc<Shared>, scripts: &Arc<ScriptSet>) -> LoadedModules {
    let mut loaded = LoadedModules { tables: BTreeMap::new(), errors: Vec::new(), env: None };
    let loader = Rc::new(Loader {
        definitions: Arc::clone(&shared.definitions),
        scripts: Arc::clone(scripts),
        running: RefCell::default(),
        is_open: Cell::new(true),
    });
    let entity = shared.run.borrow_mut().entity.take();
    let environment = loader.environment(lua, shared);
    match environment {
        Ok((env, require)) => {
            for script in &scripts.scripts {
                run(lua, shared, script, &require, &mut loaded);
            }
            loaded.env = Some(env);
        }
        Err(error) => loaded.errors.push(error.into()),
    }
    loader.is_open.set(false);
    shared.run.borrow_mut().entity = entity;
    if let Err(error) = show_globals(lua, None) {
        loaded.errors.push(error.into());
    }
    loaded
}

/// Runs one module, unless another has required it before.
fn run(lua: &Lua, shared: &Shared, script: &Script, require: &Function, loaded: &mut LoadedModules) {
    shared.budget.begin(lua);
    let returned = require.call::<Luau>(script.module.as_str());
    shared.budget.end();
    let failed = |message: &str| {
        let (file, line, message) = place(message);
        ScriptError::Script { file: file.unwrap_or_else(|| script.file()), line, message }
    };
    match returned {
        Err(error) => loaded.errors.push(failed(&message_of(&error))),
        Ok(_) if script.kind == ScriptKind::Library => {}
        Ok(Luau::Table(table)) => {
            for part in ["base", "cell"] {
                if let Ok(Luau::Table(methods)) = table.raw_get::<Luau>(part) {
                    methods.set_readonly(true);
                }
            }
            loaded.tables.insert(script.module.clone(), table);
        }
        Ok(other) => {
            let message = format!("the script returns a {}, not a table with `base` and `cell`", type_name(&other));
            loaded.errors.push(failed(&message));
        }
    }
}

/// Loads modules when they are required. It holds nothing of the machine: what it loaded is in the environment.
struct Loader {
    definitions: Arc<Definitions>,
    scripts: Arc<ScriptSet>,
    /// The modules that run just now, each required by the one before.
    running: RefCell<Vec<String>>,
    /// Whether the release is still being loaded.
    is_open: Cell<bool>,
}

impl Loader {
    /// The environment of the release and its `require`.
    fn environment(self: &Rc<Self>, lua: &Lua, shared: &Rc<Shared>) -> mlua::Result<(Table, Function)> {
        let loader = Rc::clone(self);
        let load = lua.create_function(move |lua, (env, name, is_loaded): (Table, Luau, bool)| {
            let Luau::String(name) = name else { return Ok((Luau::Nil, Some("require takes a name".to_owned()))) };
            Ok(match loader.require(lua, &env, &name.to_string_lossy(), is_loaded) {
                Ok(module) => (module, None),
                Err(why) => (Luau::Nil, Some(why)),
            })
        })?;
        let tables = data::descriptions(lua, shared, &self.scripts.data)?;
        let (env, require): (Table, Function) = shared.kit().environment.call((tables, load))?;
        env.set_safeenv(true);
        show_globals(lua, Some(&env))?;
        Ok((env, require))
    }

    /// What a module returned; true when it is there already.
    fn require(&self, lua: &Lua, env: &Table, name: &str, is_loaded: bool) -> Result<Luau, String> {
        if !self.is_open.get() {
            return if is_loaded {
                Ok(Luau::Boolean(true))
            } else {
                Err(format!("`{name}` was not loaded: require it at the top"))
            };
        }
        if let Some(user) = self.running.borrow().last() {
            self.may_require(user, name)?;
        }
        if is_loaded {
            return Ok(Luau::Boolean(true));
        }
        let script = self.scripts.script(name).ok_or_else(|| format!("there is no module `{name}`"))?;
        if self.running.borrow().iter().any(|running| running == name) {
            return Err(format!(
                "modules require each other in a circle: {} → {name}",
                self.running.borrow().join(" → ")
            ));
        }
        self.running.borrow_mut().push(name.to_owned());
        let returned = execute(lua, env, script);
        self.running.borrow_mut().pop();
        match returned {
            Ok(Luau::Nil) => Err(format!("{}:1: the module returns nothing", script.file())),
            Ok(Luau::Table(table)) => {
                table.set_readonly(true);
                Ok(Luau::Table(table))
            }
            Ok(other) => Ok(other),
            Err(error) => Err(message_of(&error)),
        }
    }

    /// Everybody may use `lib/`; a type its ancestors and their traits; a trait other traits; a component its traits.
    fn may_require(&self, user: &str, name: &str) -> Result<(), String> {
        let definitions = &self.definitions;
        let is_allowed = name.starts_with("lib/")
            || if let Some(ty) = definitions.by_name_or_abstract(user) {
                let takes = |ty: &EntityType| ty.traits.iter().any(|used| trait_module(used) == name);
                takes(ty) || definitions.lineage(ty).any(|ancestor| ancestor.name == name || takes(ancestor))
            } else if user.starts_with("traits/") {
                name.starts_with("traits/")
            } else {
                let types = definitions.types.values().chain(&definitions.abstract_types);
                let mut components = types.flat_map(|ty| &ty.components);
                components.any(|component| {
                    component_module(&component.component) == user
                        && component.traits.iter().any(|used| trait_module(used) == name)
                })
            };
        if is_allowed {
            return Ok(());
        }
        Err(format!("`{user}` cannot require `{name}`: only lib/…, and a type its own ancestors and traits"))
    }
}

fn execute(lua: &Lua, env: &Table, script: &Script) -> mlua::Result<Luau> {
    let chunk = lua
        .load(&*script.bytecode)
        .set_name(format!("={}", script.file()))
        .set_mode(ChunkMode::Binary)
        .set_environment(env.clone());
    chunk.into_function()?.call(())
}

/// While code is loaded, names are resolved against the globals rather than against its environment: so what differs
/// from release to release must stand there, and at no other time.
pub(crate) fn show_globals(lua: &Lua, env: Option<&Table>) -> mlua::Result<()> {
    let globals = lua.globals();
    globals.set_readonly(false);
    for name in ["kuafu", "require"] {
        let value = env.map_or(Ok(Luau::Nil), |env| env.raw_get::<Luau>(name))?;
        globals.raw_set(name, value)?;
    }
    globals.set_readonly(true);
    globals.set_safeenv(true);
    Ok(())
}
