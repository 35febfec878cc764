//! Schemas: what a table's file `NAME.toml` says of its columns.
//!
//! A schema with any problem is no schema: its rows are not looked at, since they could only be misjudged.

use kuafu_core::{Limits, Value};
use kuafu_def::check::check_bounds;
use kuafu_def::{Definitions, Type, value_from_json_strict};
use serde_json::Value as Json;
use toml::de::DeTable;

use crate::column::Cells;
use crate::entries::{At, Entries};
use crate::report::{Place, Report, did_you_mean, shown};

/// Columns of one table. More are a problem.
pub const COLUMNS_MAX: usize = 256;

/// Bytes of a schema. More are a problem.
pub const SCHEMA_BYTES_MAX: usize = 1 << 20;

/// What a table's cells are checked against.
#[derive(Debug)]
pub(crate) struct Schema {
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) columns: Vec<ColumnSchema>,
    /// Which column is the key.
    pub(crate) key: usize,
    /// Every variant of the key's enum needs a row.
    pub(crate) complete: bool,
    pub(crate) query: Option<(String, Place)>,
}

/// What every cell of a column is.
#[derive(Debug)]
pub(crate) struct CellType {
    /// The column's name.
    pub(crate) name: String,
    pub(crate) ty: Type,
    pub(crate) min: Option<f64>,
    pub(crate) max: Option<f64>,
    pub(crate) max_length: Option<u32>,
}

/// What a column's cells are checked against.
#[derive(Debug)]
pub(crate) struct ColumnSchema {
    /// Name, type and bounds.
    pub(crate) cell: CellType,
    pub(crate) default: Option<Value>,
    pub(crate) unique: bool,
    pub(crate) references: Option<(String, Place)>,
    /// Each text is the name of an entity type.
    pub(crate) names_entity: bool,
    pub(crate) description: String,
}

impl CellType {
    fn unbounded(name: &str, ty: Type) -> Self {
        Self { name: name.to_owned(), ty, min: None, max: None, max_length: None }
    }

    /// Whether a cell may hold the value: its type, limits, and bounds.
    pub(crate) fn check(&self, value: &Value, limits: &Limits) -> Result<(), String> {
        self.ty.check(value, limits)?;
        check_bounds(&self.ty, value, self.min, self.max, self.max_length)
    }
}

impl Schema {
    pub(crate) fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.cell.name == name)
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|column| column.cell.name.as_str())
    }

    /// Reads a schema. Problems go to the report; `None` when there are any.
    pub(crate) fn read(name: &str, text: &str, definitions: &Definitions, report: &mut Report) -> Option<Self> {
        if !kuafu_def::is_member(name) || name.bytes().any(|byte| byte.is_ascii_uppercase()) {
            let help = "name the file with small letters, digits and `_`, the first a letter, and no word of Luau";
            report.add(Place::START, "name", format!("`{}` cannot name a table", shown(name)), help);
        }
        if text.len() > SCHEMA_BYTES_MAX {
            let help = format!("a schema has at most {SCHEMA_BYTES_MAX} bytes; the rows go to a file of their own");
            report.add(Place::START, "too-large", "the schema is too large", help);
            return None;
        }
        let (table, errors) = DeTable::parse_recoverable(text);
        for error in &errors {
            let place = Place::of(text, error.span().map_or(0, |span| span.start));
            let message = format!("this is not TOML: {}", error.message());
            report.add(place, "syntax", message, "correct the line; see https://toml.io");
        }
        if !errors.is_empty() {
            return None;
        }
        let schema = read_root(name, &Entries::root(text, table.get_ref()), definitions, report);
        schema.filter(|_| report.is_empty())
    }
}

fn read_root(name: &str, root: &Entries<'_>, definitions: &Definitions, report: &mut Report) -> Option<Schema> {
    root.keys_are(&["key", "columns", "query", "complete", "description"], report);
    let query = root.text("query", "\"SELECT id, hp FROM monsters ORDER BY id\"", report);
    if let Some(At { value, place }) = query
        && !is_reading(value)
    {
        let help = "write one SELECT (or WITH … SELECT) without a `;`; ORDER BY gives the rows their order";
        report.add(place, "query", "a table's query only reads", help);
    }
    let complete = root.flag("complete", report);
    let columns = read_columns(root, definitions, report)?;
    let key = read_key(root, &columns, report)?;
    let columns: Vec<ColumnSchema> = columns.into_iter().map(|(_, column)| column).collect::<Option<_>>()?;
    check_key(root, &columns[key], complete, report);
    let description = root.text("description", "\"what it is for\"", report);
    Some(Schema {
        name: name.to_owned(),
        description: description.map(|at| at.value.to_owned()).unwrap_or_default(),
        columns,
        key,
        complete,
        query: query.map(|at| (at.value.to_owned(), at.place)),
    })
}

fn is_reading(query: &str) -> bool {
    let first = query.split_whitespace().next().unwrap_or_default();
    (first.eq_ignore_ascii_case("select") || first.eq_ignore_ascii_case("with")) && !query.contains(';')
}

/// Which column is the key.
fn read_key(root: &Entries<'_>, columns: &[(&str, Option<ColumnSchema>)], report: &mut Report) -> Option<usize> {
    let names = || columns.iter().map(|(name, _)| *name);
    if !root.has("key") {
        root.missing("key", "name the column by which rows are found, such as `key = \"id\"`", report);
    }
    let At { value: name, place } = root.text("key", "\"id\"", report)?;
    let key = names().position(|column| column == name);
    if key.is_none() {
        let all = names().collect::<Vec<_>>().join(", ");
        let help = format!("{}the columns are {all}", did_you_mean(name, names()));
        report.add(place, "key", format!("the key `{}` is no column", shown(name)), help);
    }
    key
}

fn check_key(root: &Entries<'_>, column: &ColumnSchema, complete: bool, report: &mut Report) {
    let (CellType { name, ty, .. }, place) = (&column.cell, root.place_of("key"));
    if !matches!(ty, Type::Int { .. } | Type::Text | Type::Enum(_)) {
        let message = format!("`{name}` is {ty}, which cannot be a key");
        report.add(place, "key", message, "keys are whole numbers, string or enums");
    }
    if column.default.is_some() {
        let help = format!("take `default` away from `{name}`: every row has a key of its own");
        report.add(place, "key", format!("the key `{name}` has a default"), help);
    }
    if complete && !matches!(ty, Type::Enum(_)) {
        let help = "`complete` asks for a row for every variant of the key's enum; take it away";
        report.add(root.place_of("complete"), "key", format!("a table by {ty} cannot be complete"), help);
    }
}

/// The columns by name; `None` for one with a problem.
fn read_columns<'s>(
    root: &Entries<'s>,
    definitions: &Definitions,
    report: &mut Report,
) -> Option<Vec<(&'s str, Option<ColumnSchema>)>> {
    if !root.has("columns") {
        root.missing("columns", "declare the columns, such as `[columns.id]` with `type = \"uint32\"`", report);
    }
    let group = root.table("columns", report)?;
    let mut columns = Vec::new();
    for At { value: name, place } in group.names() {
        if columns.len() >= COLUMNS_MAX {
            report.add(
                place,
                "too-large",
                format!("more than {COLUMNS_MAX} columns"),
                "split the table, or use structs",
            );
            return None;
        }
        if !kuafu_def::is_member(name) {
            let help = "names have letters, digits and `_`, start with a letter, have at most 64 characters and are no \
                        words of Luau";
            report.add(place, "name", format!("`{}` cannot name a column", shown(name)), help);
        }
        columns.push((name, read_column(name, &group, definitions, report)));
    }
    Some(columns)
}

/// A column is a table of its own, or only the text of its type.
fn read_column(
    name: &str,
    group: &Entries<'_>,
    definitions: &Definitions,
    report: &mut Report,
) -> Option<ColumnSchema> {
    if let Some(text) = group.if_text(name) {
        let cell = CellType::unbounded(name, read_type(text, definitions, report)?);
        let (default, references, description) = (None, None, String::new());
        return Some(ColumnSchema { cell, default, unique: false, references, names_entity: false, description });
    }
    let table = group.table(name, report)?;
    table.keys_are(
        &["type", "default", "min", "max", "max_length", "unique", "references", "names", "description"],
        report,
    );
    if !table.has("type") {
        table.missing("type", "say what it holds, such as `type = \"int32\"`", report);
    }
    let ty = read_type(table.text("type", "\"int32\"", report)?, definitions, report)?;
    let cell = CellType {
        name: name.to_owned(),
        ty,
        min: table.number("min", report),
        max: table.number("max", report),
        max_length: table.count("max_length", report),
    };
    check_bounds_make_sense(&cell, &table, report);
    let references = table.text("references", "\"monsters\"", report);
    let description = table.text("description", "\"what it is for\"", report);
    let column = ColumnSchema {
        default: read_default(&cell, &table, report),
        unique: table.flag("unique", report),
        references: references.map(|at| (at.value.to_owned(), at.place)),
        names_entity: read_names(&cell, &table, report),
        description: description.map(|at| at.value.to_owned()).unwrap_or_default(),
        cell,
    };
    check_column(&column, &table, report);
    Some(column)
}

fn read_type(text: At<&str>, definitions: &Definitions, report: &mut Report) -> Option<Type> {
    match Type::parse(text.value, &definitions.structs, &definitions.enums) {
        Ok(ty) if holds_entity(&ty) => {
            let help = "a table outlives every entity; for the name of an entity type, write `type = \"string\"` and \
                        `names = \"entity\"`";
            report.add(text.place, "type", format!("{ty} holds a reference to an entity"), help);
            None
        }
        Ok(ty) => Some(ty),
        Err(error) => {
            report.add(text.place, "type", error.to_string(), error.help());
            None
        }
    }
}

fn holds_entity(ty: &Type) -> bool {
    match ty {
        Type::List(item) => holds_entity(item),
        Type::Map(key, item) => holds_entity(key) || holds_entity(item),
        Type::Struct(ty) => ty.fields.iter().any(|field| holds_entity(&field.ty)),
        ty => matches!(ty.default_value(), Value::Entity(_)),
    }
}

fn check_bounds_make_sense(cell: &CellType, table: &Entries<'_>, report: &mut Report) {
    let CellType { ty, min, max, max_length, .. } = cell;
    let is_number = matches!(ty, Type::Int { .. } | Type::Float32 | Type::Float64);
    for (key, bound) in [("min", min), ("max", max)] {
        if bound.is_some() && !is_number {
            let message = format!("`{key}` has no meaning for {ty}");
            report.add(table.place_of(key), "bounds", message, "only numbers have min and max");
        }
        if let (Some(bound), Type::Int { .. }) = (bound, ty)
            && let Err(error) = value_from_json_strict(ty, &Json::from(*bound as i64))
        {
            let message = format!("`{key}` is {bound}, which no {ty} can be");
            report.add(table.place_of(key), "bounds", message, format!("{ty} is {}", error.expected));
        }
    }
    if let (Some(min), Some(max)) = (min, max)
        && min > max
    {
        let message = format!("`max` is {max}, below `min`, {min}");
        report.add(table.place_of("max"), "bounds", message, "exchange the two");
    }
    if max_length.is_some() && !matches!(ty, Type::Text | Type::Bytes | Type::List(_) | Type::Map(..)) {
        let help = "string, bytes, list and map have a max_length";
        report.add(table.place_of("max_length"), "bounds", format!("`max_length` has no meaning for {ty}"), help);
    }
}

fn read_default(cell: &CellType, table: &Entries<'_>, report: &mut Report) -> Option<Value> {
    let At { value: json, place } = table.json("default")?;
    let read = value_from_json_strict(&cell.ty, &json).map_err(|error| error.to_string());
    let read = read.and_then(|value| cell.check(&value, &Limits::default()).map(|()| value));
    read.map_err(|error| {
        let message = format!("the default does not fit: {error}");
        report.add(place, "default", message, format!("write a value of {} within the bounds", cell.ty));
    })
    .ok()
}

/// Whether the texts are names of entity types.
fn read_names(cell: &CellType, table: &Entries<'_>, report: &mut Report) -> bool {
    let Some(At { value, place }) = table.text("names", "\"entity\"", report) else { return false };
    if value != "entity" {
        let help = "the only word here is \"entity\": each text is the name of an entity type";
        report.add(place, "names", format!("`names` has no word `{}`", shown(value)), help);
    } else if !matches!(referring(&cell.ty), Type::Text) {
        let message = format!("{} names nothing", cell.ty);
        report.add(place, "names", message, "names are string, list<string> or map<string, …>");
    }
    true
}

fn check_column(column: &ColumnSchema, table: &Entries<'_>, report: &mut Report) {
    let ty = &column.cell.ty;
    if column.unique && matches!(Cells::of(ty), Cells::Value(_)) {
        let help = "numbers, bools, strings and enums can be unique";
        report.add(table.place_of("unique"), "type", format!("`unique` cannot be had for {ty}"), help);
    }
    if let Some((_, place)) = &column.references
        && !matches!(referring(ty), Type::Int { .. } | Type::Text | Type::Enum(_))
    {
        let help = "what refers is a whole number, a string or an enum, a list of these, or a map with such keys";
        report.add(*place, "references", format!("{ty} cannot refer to a table"), help);
    }
    if column.names_entity && column.references.is_some() {
        let help = "take one of the two away";
        report.add(table.place_of("names"), "names", "`names` and `references` exclude each other", help);
    }
}

/// What in a cell refers to something: the cell, the items of a list, or the keys of a map.
pub(crate) fn referring(ty: &Type) -> &Type {
    match ty {
        Type::List(item) => item,
        Type::Map(key, _) => key,
        ty => ty,
    }
}
