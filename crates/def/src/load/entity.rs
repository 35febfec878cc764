//! One entity or trait file: what it declares, before traits are mixed in and parts and numbers are given out.

use super::method::read_methods;
use super::problem::{Kind, Spot};
use super::property::{Visible, read_properties};
use super::table::{At, Table};
use super::types::TypeTable;
use crate::model::{Method, Part, Parts, Property};
use crate::names;
use crate::type_text::shown;

/// Properties of one file, and methods of one file. More are a problem.
pub(super) const MEMBERS_MAX: usize = 1_024;

/// A property or method without its number; of a property the part is not known yet either.
#[derive(Clone)]
pub(crate) struct Declared<'s, T> {
    pub(crate) item: T,
    pub(crate) spot: Spot<'s>,
    pub(crate) visible: Visible<'s>,
}

/// What one entity or trait file declares.
pub(crate) struct Sheet<'s> {
    /// Where the file is named in problems: its header, or its beginning.
    pub(crate) spot: Spot<'s>,
    pub(crate) kind: Kind,
    pub(crate) name: String,
    pub(crate) parts: Parts,
    pub(crate) uses: Vec<At<'s, &'s str>>,
    pub(crate) top_speed: Option<f32>,
    pub(crate) description: String,
    pub(crate) properties: Vec<Declared<'s, Property>>,
    pub(crate) methods: Vec<Declared<'s, Method>>,
}

impl<'s> Sheet<'s> {
    /// Reads a file; its problems are reported.
    pub(crate) fn read(root: Table<'s>, types: &mut TypeTable<'s>) -> Self {
        let source = root.spot.source;
        let header = if source.kind == Kind::Trait { "trait" } else { "entity" };
        if !names::is_snake_case(&source.name) {
            let help = "name the file in small letters, digits and `_`, such as `treasure_chest.toml`";
            root.spot.report("name", format!("`{}` cannot name an entity type or trait", shown(&source.name)), help);
        }
        // A trait has the layout of an entity, so it may call its header `[entity]` too.
        let header = if header == "trait" && root.has("entity") && !root.has("trait") { "entity" } else { header };
        root.keys_are(&[header, "properties", "methods"]);
        let mut sheet = Self {
            spot: root.spot,
            kind: source.kind,
            name: source.name.clone(),
            parts: Parts::default(),
            uses: Vec::new(),
            top_speed: None,
            description: String::new(),
            properties: read_properties(&root, types),
            methods: read_methods(&root, types),
        };
        match root.table(header) {
            Some(table) => sheet.read_header(table),
            None if source.kind == Kind::Entity && !root.has(header) => {
                root.missing("entity", "begin with [entity] and parts = [\"base\", \"cell\", \"client\"]");
            }
            None => {}
        }
        sheet
    }

    fn read_header(&mut self, table: Table<'s>) {
        self.spot = table.spot;
        self.description = table.description();
        self.uses = table.texts("uses", "[\"named\"]");
        if self.kind == Kind::Trait {
            table.keys_are(&["uses", "description"]);
            return;
        }
        table.keys_are(&["parts", "uses", "top_speed", "description"]);
        self.parts = read_parts(&table);
        if let Some(At { value, spot }) = table.number("top_speed") {
            if value <= 0.0 || value > 1e6 {
                spot.report("bounds", format!("the top speed is {value}"), "write metres per second, above 0");
            } else if !self.parts.cell {
                let help = "only an entity with a cell part moves; take top_speed away or add the part";
                spot.report("parts", "the top speed of an entity without a cell part", help);
            }
            self.top_speed = Some(value as f32);
        }
    }
}

fn read_parts(table: &Table<'_>) -> Parts {
    const EXAMPLE: &str = "[\"base\", \"cell\", \"client\"]";
    let mut parts = Parts::default();
    if !table.has("parts") {
        table.missing("parts", &format!("write parts = {EXAMPLE}, or some of them"));
        return parts;
    }
    for At { value: word, spot } in table.texts("parts", EXAMPLE) {
        match Part::from_name(word) {
            Some(Part::Base) => parts.base = true,
            Some(Part::Cell) => parts.cell = true,
            Some(Part::Client) => parts.client = true,
            None => {
                let guess = names::did_you_mean(word, Part::ALL.map(Part::name));
                let help = format!("{guess}the parts are base, cell and client");
                spot.report("parts", format!("there is no part `{}`", shown(word)), help);
                return Parts { base: true, cell: true, client: true };
            }
        }
    }
    if !parts.base && !parts.cell {
        table.spot_of("parts").report(
            "parts",
            "the entity has neither a base nor a cell part",
            format!("write parts = {EXAMPLE}, or some of them"),
        );
    }
    parts
}
