//! The header of an entity, trait or component file: `[entity]`, `[trait]` or `[component]`.

use std::collections::BTreeSet;

use super::problem::{Kind, Spot};
use super::property::checked_metres;
use super::table::{At, Table};
use crate::model::{DetailLevel, Part, Parts, Spread};
use crate::names;
use crate::type_text::shown;

/// Named detail levels of one entity type, and different distances of its properties. More are a problem.
pub(crate) const DETAIL_LEVELS_MAX: usize = 8;

/// What a header says.
#[derive(Default)]
pub(crate) struct Header<'s> {
    /// `None` when nothing is said, and the parent's are inherited.
    pub(crate) parts: Option<At<'s, Parts>>,
    pub(crate) parent: Option<At<'s, &'s str>>,
    pub(crate) is_abstract: bool,
    /// Where it is said that it is global.
    pub(crate) global: Option<Spot<'s>>,
    pub(crate) uses: Vec<At<'s, &'s str>>,
    pub(crate) top_speed: Option<At<'s, f32>>,
    pub(crate) detail: Vec<At<'s, DetailLevel>>,
    pub(crate) volatile: VolatileWords<'s>,
    pub(crate) description: String,
}

/// What is said of movement, where something is.
#[derive(Default)]
pub(crate) struct VolatileWords<'s> {
    pub(crate) spot: Option<Spot<'s>>,
    pub(crate) position: Option<Spread>,
    pub(crate) yaw: Option<Spread>,
}

impl<'s> Header<'s> {
    /// Reads the header of a file; problems are reported.
    pub(crate) fn read(root: &Table<'s>) -> Self {
        let kind = root.spot.source.kind;
        // A trait has the layout of an entity, so it may call its header `[entity]` too.
        let key = match kind {
            Kind::Component => "component",
            Kind::Trait if root.has("trait") || !root.has("entity") => "trait",
            _ => "entity",
        };
        match kind {
            Kind::Component => root.keys_are(&[key, "properties", "methods"]),
            _ => root.keys_are(&[key, "components", "properties", "methods"]),
        }
        match root.table(key) {
            Some(table) => Self::of(table, kind),
            None => {
                if kind == Kind::Entity && !root.has(key) {
                    root.missing("entity", "begin with [entity] and parts = [\"base\", \"cell\", \"client\"]");
                }
                Self::default()
            }
        }
    }

    fn of(table: Table<'s>, kind: Kind) -> Self {
        let (uses, description) = (table.texts("uses", "[\"named\"]"), table.description());
        if kind != Kind::Entity {
            table.keys_are(&["uses", "description"]);
            return Self { uses, description, ..Self::default() };
        }
        table.keys_are(&[
            "parts",
            "parent",
            "abstract",
            "global",
            "uses",
            "top_speed",
            "detail",
            "volatile",
            "description",
        ]);
        let is_abstract = table.flag("abstract");
        let global = table.flag("global").then(|| table.spot_of("global"));
        if let (true, Some(spot)) = (is_abstract, global) {
            let help = "of an abstract type there are no entities; take one of the two away";
            spot.report("abstract", "an abstract type that is global", help);
        }
        let parent = table.text("parent", "\"creature\"");
        if parent.is_none() && !table.has("parent") && !table.has("parts") {
            table.missing("parts", &format!("write parts = {PARTS_EXAMPLE}, or some of them"));
        }
        Self {
            parts: read_parts(&table),
            parent,
            is_abstract,
            global: global.filter(|_| !is_abstract),
            uses,
            top_speed: read_top_speed(&table),
            detail: read_detail_levels(&table),
            volatile: VolatileWords::read(&table),
            description,
        }
    }
}

impl<'s> VolatileWords<'s> {
    fn read(table: &Table<'s>) -> Self {
        let Some(inner) = table.table("volatile") else { return Self::default() };
        inner.keys_are(&["position", "yaw"]);
        let spot = Some(table.spot_of("volatile"));
        Self { spot, position: read_spread(&inner, "position"), yaw: read_spread(&inner, "yaw") }
    }
}

fn read_spread(table: &Table<'_>, key: &str) -> Option<Spread> {
    if !table.is_text(key) {
        return table.number(key).and_then(checked_metres).map(Spread::Within);
    }
    let At { value: word, spot } = table.text(key, "\"always\"")?;
    match word {
        "always" => Some(Spread::Always),
        "never" => Some(Spread::Never),
        word => {
            let help = format!(
                "{}write \"always\", \"never\" or a distance in metres",
                names::did_you_mean(word, ["always", "never"])
            );
            spot.report("volatile", format!("`{key}` is {:?}", shown(word)), help);
            None
        }
    }
}

fn read_top_speed<'s>(table: &Table<'s>) -> Option<At<'s, f32>> {
    let At { value, spot } = table.number("top_speed")?;
    if value <= 0.0 || value > 1e6 {
        spot.report("bounds", format!("the top speed is {value}"), "write metres per second, above 0");
    }
    Some(At { value: value as f32, spot })
}

fn read_detail_levels<'s>(table: &Table<'s>) -> Vec<At<'s, DetailLevel>> {
    let Some(inner) = table.table("detail") else { return Vec::new() };
    let mut levels = Vec::new();
    let mut distances = BTreeSet::new();
    for name in inner.names() {
        if !names::is_identifier(name.value) {
            let help = "levels have letters, digits and `_`, and start with a letter: detail = { near = 15.0 }";
            name.spot.report("name", format!("`{}` cannot name a detail level", shown(name.value)), help);
            continue;
        }
        let Some(metres) = inner.number(name.value).and_then(checked_metres) else { continue };
        if !distances.insert(metres.to_bits()) {
            let message = format!("two detail levels of {metres} metres");
            name.spot.report("duplicate", message, "take one of the two away, or give it another distance");
        }
        let value = DetailLevel { name: name.value.to_owned(), metres };
        levels.push(At { value, spot: name.spot });
    }
    if levels.len() > DETAIL_LEVELS_MAX {
        let help = format!("at most {DETAIL_LEVELS_MAX}; each costs every observer a comparison");
        inner.spot.report("too-large", format!("{} detail levels", levels.len()), help);
        levels.truncate(DETAIL_LEVELS_MAX);
    }
    levels
}

const PARTS_EXAMPLE: &str = "[\"base\", \"cell\", \"client\"]";

fn read_parts<'s>(table: &Table<'s>) -> Option<At<'s, Parts>> {
    if !table.has("parts") {
        return None;
    }
    let mut parts = Parts::default();
    for At { value: word, spot } in table.texts("parts", PARTS_EXAMPLE) {
        match Part::from_name(word) {
            Some(Part::Base) => parts.base = true,
            Some(Part::Cell) => parts.cell = true,
            Some(Part::Client) => parts.client = true,
            None => {
                let guess = names::did_you_mean(word, Part::ALL.map(Part::name));
                let help = format!("{guess}the parts are base, cell and client");
                spot.report("parts", format!("there is no part `{}`", shown(word)), help);
                return Some(At { value: Parts { base: true, cell: true, client: true }, spot });
            }
        }
    }
    let spot = table.spot_of("parts");
    if !parts.base && !parts.cell {
        let help = format!("write parts = {PARTS_EXAMPLE}, or some of them");
        spot.report("parts", "the entity has neither a base nor a cell part", help);
    }
    Some(At { value: parts, spot })
}
