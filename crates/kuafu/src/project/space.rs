//! `spaces/*.toml`: where the game takes place, and who lives there from the beginning.

use std::path::{Path, PathBuf};

use kuafu_base::Populate as PersistentPopulate;
use kuafu_cell::{Populate, SpaceConfig};
use kuafu_core::{Limits, PropertyNo, SpaceId, Value};
use kuafu_def::{Definitions, EntityType, Problem, value_from_json};
use serde::Deserialize;

use super::file::{from_toml, problem, read_text};

/// One space: what its cell and what the bases must know of it.
#[derive(Debug)]
pub(super) struct SpaceFile {
    pub(super) config: SpaceConfig,
    pub(super) persistent: Vec<PersistentPopulate>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    bounds: [f32; 4],
    #[serde(default = "default_height")]
    height: [f32; 2],
    #[serde(default)]
    spawn: [f32; 3],
    #[serde(default)]
    spawn_radius: f32,
    #[serde(default = "default_view_radius")]
    view_radius: f32,
    #[serde(default = "default_view_hysteresis")]
    view_hysteresis: f32,
    #[serde(default)]
    populate: Vec<RawPopulate>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPopulate {
    #[serde(rename = "type")]
    ty: String,
    count: u32,
    #[serde(default)]
    center: [f32; 3],
    #[serde(default)]
    radius: f32,
    #[serde(default)]
    persistent: bool,
    #[serde(default)]
    properties: toml::Table,
    #[serde(default)]
    variants: Vec<toml::Table>,
}

fn default_height() -> [f32; 2] {
    [-100.0, 100.0]
}

fn default_view_radius() -> f32 {
    50.0
}

fn default_view_hysteresis() -> f32 {
    5.0
}

/// Reads every space file, in the order of their names.
pub(super) fn read_all(
    folder: &Path,
    definitions: &Definitions,
    limits: &Limits,
    problems: &mut Vec<Problem>,
) -> Vec<SpaceFile> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    paths.sort();
    let mut spaces = Vec::new();
    for (path, id) in paths.iter().zip(1..) {
        match read(path, SpaceId(id), definitions, limits) {
            Ok(space) => spaces.push(space),
            Err(more) => problems.extend(more),
        }
    }
    spaces
}

fn read(path: &Path, id: SpaceId, definitions: &Definitions, limits: &Limits) -> Result<SpaceFile, Vec<Problem>> {
    let text = read_text(path).map_err(|problem| vec![problem])?;
    let raw: Raw = toml::from_str(&text).map_err(|why| vec![from_toml(path, &text, &why)])?;
    let mut problems = check_numbers(path, &raw, limits);
    let mut populate = Vec::new();
    let mut persistent = Vec::new();
    for rule in &raw.populate {
        match read_populate(path, rule, definitions) {
            Ok((ty, variants)) if ty.parts.base => persistent.push(PersistentPopulate {
                ty: ty.no,
                space: id,
                count: rule.count,
                center: rule.center,
                radius: rule.radius,
                variants,
            }),
            Ok((ty, mut variants)) => populate.push(Populate {
                ty: ty.no,
                count: rule.count,
                center: rule.center,
                radius: rule.radius,
                values: variants.pop().unwrap_or_default(),
            }),
            Err(more) => problems.extend(more),
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let config = SpaceConfig {
        id,
        name: path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
        bounds: raw.bounds,
        height: raw.height,
        spawn: raw.spawn,
        spawn_radius: raw.spawn_radius,
        view_radius: raw.view_radius,
        view_hysteresis: raw.view_hysteresis,
        populate,
    };
    Ok(SpaceFile { config, persistent })
}

fn check_numbers(path: &Path, raw: &Raw, limits: &Limits) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut check = |holds: bool, word: &str, message: String, help: &str| {
        if !holds {
            problems.push(problem(path, word, "out-of-range", message, help.to_owned()));
        }
    };
    let [min_x, min_z, max_x, max_z] = raw.bounds;
    let sized = |least: f32, greatest: f32| least.is_finite() && greatest.is_finite() && least < greatest;
    let help = "least x, least z, greatest x, greatest z, in metres";
    check(sized(min_x, max_x) && sized(min_z, max_z), "bounds", format!("`bounds` is {:?}", raw.bounds), help);
    let [low, high] = raw.height;
    check(sized(low, high), "height", format!("`height` is {:?}", raw.height), "least y and greatest y, in metres");
    let greatest = limits.view_radius_max as f32;
    let reach = raw.view_radius;
    check(
        reach > 0.0 && reach <= greatest,
        "view_radius",
        format!("`view_radius` is {reach}"),
        &format!("more than 0 and at most view_radius_max, {greatest} metres"),
    );
    check(
        raw.view_hysteresis > 0.0 && raw.view_hysteresis <= reach.max(1.0),
        "view_hysteresis",
        format!("`view_hysteresis` is {}", raw.view_hysteresis),
        "more than 0 and at most the view radius",
    );
    let [x, y, z] = raw.spawn;
    let inside = x >= min_x && x <= max_x && z >= min_z && z <= max_z && y >= low && y <= high;
    check(inside, "spawn", format!("`spawn` is {:?}", raw.spawn), "a place inside the bounds and the height");
    problems
}

/// The rule's type and its sets of values, at least one of them.
type Rule<'a> = (&'a EntityType, Vec<Vec<(PropertyNo, Value)>>);

fn read_populate<'a>(path: &Path, rule: &RawPopulate, definitions: &'a Definitions) -> Result<Rule<'a>, Vec<Problem>> {
    let Some(ty) = definitions.by_name(&rule.ty).filter(|ty| ty.parts.cell) else {
        let message = format!("`{}` is no entity type with a cell part", rule.ty);
        return Err(vec![problem(path, &rule.ty, "unknown-name", message, "name one of `entities/`".into())]);
    };
    if rule.persistent != ty.parts.base {
        let (is, help) = match rule.persistent {
            true => ("cannot be persistent: it has no base part", "leave `persistent` out"),
            false => ("has a base part", "say `persistent = true`: it is created once and then has a record"),
        };
        let message = format!("`{}` {is}", rule.ty);
        return Err(vec![problem(path, &rule.ty, "contradiction", message, help.into())]);
    }
    let mut variants = Vec::new();
    let mut problems = Vec::new();
    let none = [toml::Table::new()];
    let sets = if rule.variants.is_empty() { &none[..] } else { &rule.variants };
    for set in sets {
        let mut values = Vec::new();
        for (name, value) in rule.properties.iter().chain(set) {
            match read_value(ty, name, value) {
                Ok(value) => values.push(value),
                Err(why) => {
                    problems.push(problem(path, name, "wrong-value", why, format!("see entities/{}.toml", ty.name)))
                }
            }
        }
        variants.push(values);
    }
    if problems.is_empty() { Ok((ty, variants)) } else { Err(problems) }
}

fn read_value(ty: &EntityType, name: &str, value: &toml::Value) -> Result<(PropertyNo, Value), String> {
    let property = ty.property_by_name(name).ok_or_else(|| format!("{} has no property `{name}`", ty.name))?;
    let json = serde_json::to_value(value).map_err(|why| why.to_string())?;
    let value = value_from_json(&property.ty, &json).map_err(|why| format!("`{name}`: {why}"))?;
    property.check(&value, &Limits::default()).map_err(|why| format!("`{name}`: {why}"))?;
    Ok((property.no, value))
}
