//! Loading definitions from a project's `entities/` folder or from memory, with every problem at once.
//!
//! The way: `files` finds texts, `types` reads the declared types, `sheet` each entity, trait and component on its own,
//! `assemble` mixes parents, traits and components in and gives members their part, `ids` gives numbers. A step goes on
//! where an earlier one found problems, but says nothing that only follows from them. Nothing is written: the caller
//! stores the new `ids.lock`.

mod assemble;
mod bounds;
mod files;
mod header;
mod ids;
mod method;
mod problem;
mod property;
mod sheet;
mod table;
mod types;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use kuafu_core::{MethodNo, PropertyNo, TypeNo};
use toml::Spanned;
use toml::de::DeTable;

pub use files::IDS_FILE;
pub use problem::Problem;

use crate::model::{Definitions, EntityType};
use assemble::FileNames;
use files::Found;
use ids::{Ids, NumbersUsedUp};
use problem::{Kind, Source};
use sheet::Sheet;
use table::Table;
use types::TypeTable;

/// What a folder of definitions holds.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The definitions.
    pub definitions: Definitions,
    /// The new text of [`IDS_FILE`], when it differs from the one that is there.
    pub ids_changed: Option<String>,
}

impl Definitions {
    /// Reads the definitions in `dir`: `*.toml`, `types.toml`, `traits/*.toml`, `components/*.toml` and `ids.lock`.
    ///
    /// # Errors
    /// Every problem of every file, sorted by place.
    pub fn load(dir: &Path) -> Result<Loaded, Vec<Problem>> {
        let found = files::find(dir).map_err(|problem| vec![problem])?;
        load(dir, files::sources(dir, found))
    }

    /// Reads definitions from texts, each with its path below `entities/`, such as `traits/named.toml`.
    ///
    /// # Errors
    /// Every problem of every file, sorted by place.
    ///
    /// ```
    /// let avatar = "[entity]\nparts = [\"base\"]\n[properties.gold]\ntype = \"int64\"\n";
    /// let loaded = kuafu_def::Definitions::load_from([("avatar.toml", avatar)]).expect("a good file");
    /// assert!(loaded.definitions.by_name("avatar").is_some());
    /// ```
    pub fn load_from<P: Into<PathBuf>, T: Into<Vec<u8>>>(
        files: impl IntoIterator<Item = (P, T)>,
    ) -> Result<Loaded, Vec<Problem>> {
        let found = files.into_iter().map(|(path, text)| Found { path: path.into(), text: Ok(text.into()) });
        load(Path::new(""), files::sources(Path::new(""), found))
    }
}

fn load(dir: &Path, sources: Vec<Source>) -> Result<Loaded, Vec<Problem>> {
    let loaded = read(dir, &sources);
    let mut problems: Vec<Problem> = sources.into_iter().flat_map(Source::into_problems).collect();
    match loaded {
        Ok(loaded) if problems.is_empty() => return Ok(loaded),
        Ok(_) => {}
        Err(problem) => problems.push(problem),
    }
    problems.sort();
    Err(problems)
}

/// Reads all sources. Problems go to the sources; the result means something only when there are none.
fn read(dir: &Path, sources: &[Source]) -> Result<Loaded, Problem> {
    let documents: Vec<Document<'_>> = sources.iter().map(|source| (source, files::parse(source))).collect();
    let mut types = match documents.iter().find(|(source, _)| source.kind == Kind::Types) {
        Some((source, Some(table))) => TypeTable::read(Table::root(source, table)),
        Some((_, None)) => TypeTable::unreadable(),
        None => TypeTable::default(),
    };
    let sheets: Vec<Sheet<'_>> = tables(&documents, &[Kind::Entity, Kind::Trait, Kind::Component])
        .map(|root| Sheet::read(root, &mut types))
        .collect();
    let named = |kind| sources.iter().filter(|s| s.kind == kind).map(|s| s.name.as_str()).collect();
    let names =
        FileNames { entities: named(Kind::Entity), traits: named(Kind::Trait), components: named(Kind::Component) };
    types.check_references(&names.entities);
    let all = assemble::assemble(&sheets, &names);
    let (abstract_types, mut entities): (Vec<_>, Vec<_>) = all.into_iter().partition(|ty| ty.is_abstract);
    let mut ids = tables(&documents, &[Kind::Ids]).next().map(Ids::read).unwrap_or_default();
    give_numbers(&mut ids, &mut entities).map_err(|error| numbers_used_up(dir, &error))?;

    let text = ids.text(&entities);
    let old = sources.iter().find(|source| source.kind == Kind::Ids);
    let ids_changed = (old.map(|source| &source.text) != Some(&text)).then_some(text);
    let (structs, enums) = types.into_parts();
    let types = entities.into_iter().map(|ty| (ty.no, Arc::new(ty))).collect();
    let abstract_types = abstract_types.into_iter().map(Arc::new).collect();
    let mut definitions = Definitions { types, abstract_types, structs, enums, ..Definitions::default() };
    definitions.digest();
    Ok(Loaded { definitions, ids_changed })
}

type Document<'s> = (&'s Source, Option<Spanned<DeTable<'s>>>);

fn tables<'a, 's>(documents: &'a [Document<'s>], kinds: &'a [Kind]) -> impl Iterator<Item = Table<'a>> + use<'a, 's> {
    let wanted = documents.iter().filter(|(source, _)| kinds.contains(&source.kind));
    wanted.filter_map(|(source, table)| table.as_ref().map(|table| Table::root(source, table)))
}

fn give_numbers(ids: &mut Ids, types: &mut [EntityType]) -> Result<(), NumbersUsedUp> {
    ids.number(types)?;
    let given = "every name of a type has been given a number";
    for ty in types {
        ty.no = TypeNo(ids.type_no(&ty.name).expect(given));
        for property in &mut ty.properties {
            property.no = PropertyNo(ids.property_no(&ty.name, &property.name).expect(given));
        }
        for method in &mut ty.methods {
            method.no = MethodNo(ids.method_no(&ty.name, method).expect(given));
        }
        ty.properties.sort_by_key(|property| property.no);
        ty.methods.sort_by_key(|method| method.no);
    }
    Ok(())
}

fn numbers_used_up(dir: &Path, error: &NumbersUsedUp) -> Problem {
    let message = format!("the numbers of [{}] are used up", error.scope);
    let help =
        "a scope has 65535 numbers; take retired names out that no client and no database knows any more".to_owned();
    Problem { file: dir.join(IDS_FILE), line: 1, column: 1, code: "ids", message, help }
}
