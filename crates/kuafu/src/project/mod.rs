//! A game project on disk: `kuafu.toml`, definitions, scripts and spaces, read and checked as one.
//!
//! All problems of a project are told at once, each with its file and line; a project that has one is not started.

mod file;
mod logic;
mod space;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kuafu_base::{GameRules, Populate};
use kuafu_cell::SpaceConfig;
use kuafu_core::{Limits, RealmNo, SpaceId};
use kuafu_def::{Definitions, EntityType, Part, Problem};
use kuafu_tables::QueryRows;

pub use file::{GameSection, HttpSection, ProjectFile, RolesSection, TlsSection};
pub(crate) use logic::waits;
pub use logic::{Ask, Logic};

/// A project that can be started.
#[derive(Debug)]
pub struct Project {
    /// Where it lies.
    pub folder: PathBuf,
    /// What `kuafu.toml` says.
    pub file: ProjectFile,
    /// Its entity types.
    pub definitions: Arc<Definitions>,
    /// What its entities do, and its data tables.
    pub logic: Logic,
    /// Its spaces, numbered from 1 in the order of their names.
    pub spaces: Vec<SpaceConfig>,
    /// What its bases must know of it.
    pub rules: GameRules,
}

/// Why a project cannot be started: what is wrong with it, all of it.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    /// There is no project.
    #[error("{0} is not a game project: it has no kuafu.toml; give the folder of a project, such as examples/plaza")]
    Missing(PathBuf),
    /// Its files have problems.
    #[error("{}", list(.0))]
    Problems(Vec<Problem>),
    /// A space that is asked for does not exist.
    #[error("there is no space `{0}`: the spaces of a project are the files of its `spaces/`")]
    NoSpace(String),
    /// The file with the stable numbers could not be written.
    #[error("{path}: the stable numbers could not be written: {source}")]
    Ids {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

fn list(problems: &[Problem]) -> String {
    let mut text: String = problems.iter().map(|problem| format!("{problem}\n")).collect();
    text += &match problems.len() {
        1 => "1 problem; nothing was started".to_owned(),
        many => format!("{many} problems; nothing was started"),
    };
    text
}

impl Project {
    /// Reads and checks the project in `folder`, and writes new stable numbers to `entities/ids.lock`. Data tables that
    /// a query fills are empty: see [`Project::ask`].
    ///
    /// # Errors
    /// [`ProjectError`] with every problem of every file.
    pub fn load(folder: &Path) -> Result<Self, ProjectError> {
        let (project, ids_changed) = Self::read(folder, None)?;
        if let Some(text) = ids_changed {
            let path = folder.join("entities").join(kuafu_def::load::IDS_FILE);
            std::fs::write(&path, text).map_err(|source| ProjectError::Ids { path, source })?;
        }
        Ok(project)
    }

    /// The same with the rows that `ask` brings, and writes nothing: gives what `entities/ids.lock` would be, when there
    /// are new numbers.
    ///
    /// # Errors
    /// [`ProjectError`] with every problem of every file.
    pub fn read(folder: &Path, ask: Ask<'_>) -> Result<(Self, Option<String>), ProjectError> {
        let path = folder.join("kuafu.toml");
        if !path.is_file() {
            return Err(ProjectError::Missing(folder.to_owned()));
        }
        let mut problems = Vec::new();
        let file = file::read(&path).unwrap_or_else(|problem| {
            problems.push(problem);
            ProjectFile::default()
        });
        let loaded = match Definitions::load(&folder.join("entities")) {
            Ok(loaded) => loaded,
            Err(more) => {
                problems.extend(logic::below("entities", more));
                return Err(ProjectError::Problems(problems));
            }
        };
        let definitions = Arc::new(loaded.definitions);
        let logic = Logic::read(folder, &definitions, &file.limits, ask).unwrap_or_else(|more| {
            problems.extend(more);
            Logic::default()
        });
        let spaces = space::read_all(&folder.join("spaces"), &definitions, &file.limits, &mut problems);
        let rules = rules(&path, &file.game, &definitions, &spaces, &mut problems);
        if !problems.is_empty() {
            return Err(ProjectError::Problems(problems));
        }
        let spaces = spaces.into_iter().map(|space| space.config).collect();
        Ok((Self { folder: folder.to_owned(), file, definitions, logic, spaces, rules }, loaded.ids_changed))
    }

    /// Has the queries of its data tables answered, if there are any, and checks its logic with the rows.
    ///
    /// # Errors
    /// [`ProjectError::Problems`] with every problem of scripts and tables.
    pub fn ask(&mut self, ask: &dyn Fn(&str) -> Result<QueryRows, String>) -> Result<(), ProjectError> {
        if !self.logic.unanswered.is_empty() {
            let logic = Logic::read(&self.folder, &self.definitions, &self.file.limits, Some(ask));
            self.logic = logic.map_err(ProjectError::Problems)?;
        }
        Ok(())
    }

    /// Has new players begin in another space than `kuafu.toml` says.
    ///
    /// # Errors
    /// [`ProjectError::NoSpace`] when there is none of that name.
    pub fn start_in(&mut self, name: &str) -> Result<(), ProjectError> {
        let found = self.rules.spaces.get(name).copied();
        self.rules.start_space = Some(found.ok_or_else(|| ProjectError::NoSpace(name.to_owned()))?);
        Ok(())
    }

    /// The bounds that hold for it.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.file.limits
    }

    /// Its realm's number.
    #[must_use]
    pub fn realm(&self) -> RealmNo {
        RealmNo(self.file.game.realm_no)
    }
}

/// What bases must know; names that `kuafu.toml` uses must exist.
fn rules(
    path: &Path,
    game: &GameSection,
    definitions: &Definitions,
    spaces: &[space::SpaceFile],
    problems: &mut Vec<Problem>,
) -> GameRules {
    let mut wrong = |what: &str, name: &str, help: String| {
        let message = format!("`{what}` names `{name}`, which does not exist or cannot be that");
        problems.push(file::problem(path, name, "unknown-name", message, help));
    };
    let role_type = match definitions.by_name(&game.role_type) {
        Some(ty) if ty.parts.base && ty.is_persistent() => Some(ty),
        _ => {
            wrong(
                "role_type",
                &game.role_type,
                "name an entity type with a base part and persistent properties".into(),
            );
            None
        }
    };
    let by_name: BTreeMap<String, SpaceId> =
        spaces.iter().map(|space| (space.config.name.clone(), space.config.id)).collect();
    let start_space = match game.start_space.as_deref() {
        None => spaces.first().map(|space| space.config.id),
        Some(name) => {
            let found = by_name.get(name).copied();
            if found.is_none() {
                let known: Vec<&str> = by_name.keys().map(String::as_str).collect();
                wrong("start_space", name, format!("spaces are the files of `spaces/`: {}", known.join(", ")));
            }
            found
        }
    };
    let mut autoload = Vec::new();
    for name in &game.autoload {
        match definitions.by_name(name).filter(|ty| ty.parts.base) {
            Some(ty) => autoload.push(ty.no),
            None => wrong("autoload", name, "name entity types with a base part".into()),
        }
    }
    GameRules {
        role_type: role_type.map(|ty| ty.no).unwrap_or_default(),
        name_property: role_type.and_then(|ty| name_property(ty)),
        start_space,
        spaces: by_name,
        autoload,
        populate: spaces.iter().flat_map(|space| space.persistent.iter().cloned()).collect::<Vec<Populate>>(),
    }
}

fn name_property(ty: &EntityType) -> Option<kuafu_core::PropertyNo> {
    let property = ty.property_by_name("name")?;
    (property.ty == kuafu_def::Type::Text && property.part != Part::Client).then_some(property.no)
}
