//! A data set as bytes, to be sent to bases and cells within a release.
//!
//! The bytes hold the columns as they are, the types as texts, and a digest of what these types are: whoever reads
//! them with other definitions of a struct or an enum is told so, instead of taking one variant for another. The index
//! is built anew. Hostile bytes give an error.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use kuafu_core::{Limits, Value};
use kuafu_def::{Definitions, Digest, Type};
use serde::{Deserialize, Serialize};

use crate::column::{Cells, Column};
use crate::files::TABLES_MAX;
use crate::schema::COLUMNS_MAX;
use crate::set::DataSet;
use crate::table::Table;

/// The first byte, which numbers the form of the rest.
const FORM: u8 = 1;

/// Bytes that are no data set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BytesError {
    /// The first byte is another one.
    #[error("the data set is written in form {0}, this program reads form {FORM}")]
    Form(u8),
    /// The bytes break off, go on, or mean nothing.
    #[error("the bytes are no data set")]
    Malformed,
    /// A table is none.
    #[error("table `{table}`: {what}")]
    Table {
        /// The table, as the bytes name it.
        table: String,
        /// What is wrong with it.
        what: &'static str,
    },
    /// A struct or enum of the tables is another one in these definitions.
    #[error("the data set was made with other definitions of its types")]
    Definitions,
}

#[derive(Serialize, Deserialize)]
struct StoredSet<'a> {
    types: Digest,
    tables: Vec<StoredTable<'a>>,
}

#[derive(Serialize, Deserialize)]
struct StoredTable<'a> {
    name: Cow<'a, str>,
    description: Cow<'a, str>,
    query: Option<Cow<'a, str>>,
    key: u32,
    rows: u32,
    columns: Vec<StoredColumn<'a>>,
}

#[derive(Serialize, Deserialize)]
struct StoredColumn<'a> {
    name: Cow<'a, str>,
    ty: String,
    unique: bool,
    references: Option<Cow<'a, str>>,
    description: Cow<'a, str>,
    cells: Cow<'a, Cells>,
}

impl DataSet {
    /// The set as bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let columns = self.tables.iter().flat_map(|table| &table.columns);
        let types = shapes(columns.map(|column| &column.ty));
        let stored = StoredSet { types, tables: self.tables.iter().map(|table| store(table)).collect() };
        let bytes = postcard::to_extend(&stored, vec![FORM]);
        bytes.expect("everything in a data set has a length, and memory takes it")
    }

    /// The set of some bytes.
    ///
    /// # Errors
    /// [`BytesError`] when the bytes are no set, or one that was made with other definitions of its types.
    pub fn from_bytes(bytes: &[u8], definitions: &Definitions) -> Result<Self, BytesError> {
        let (form, rest) = bytes.split_first().ok_or(BytesError::Malformed)?;
        if *form != FORM {
            return Err(BytesError::Form(*form));
        }
        let (stored, rest) = postcard::take_from_bytes::<StoredSet<'_>>(rest).map_err(|_| BytesError::Malformed)?;
        if !rest.is_empty() || stored.tables.len() > TABLES_MAX {
            return Err(BytesError::Malformed);
        }
        // The types first: with other definitions, values that do not fit are only a consequence.
        let types: Vec<Vec<Type>> = stored.tables.iter().map(|t| types(t, definitions)).collect::<Result<_, _>>()?;
        if shapes(types.iter().flatten()) != stored.types {
            return Err(BytesError::Definitions);
        }
        let tables = stored.tables.into_iter().zip(types).map(|(table, types)| restore(table, types).map(Arc::new));
        let tables: Vec<Arc<Table>> = tables.collect::<Result<_, _>>()?;
        if tables.windows(2).all(|pair| pair[0].name < pair[1].name) {
            Ok(Self { tables })
        } else {
            Err(BytesError::Malformed)
        }
    }
}

fn store(table: &Table) -> StoredTable<'_> {
    let columns = table.columns.iter().map(|column| StoredColumn {
        name: Cow::Borrowed(&column.name),
        ty: column.ty.to_string(),
        unique: column.unique,
        references: column.references.as_deref().map(Cow::Borrowed),
        description: Cow::Borrowed(&column.description),
        cells: Cow::Borrowed(&column.cells),
    });
    let fits = "a table has at most data_table_rows_max rows and COLUMNS_MAX columns";
    StoredTable {
        name: Cow::Borrowed(&table.name),
        description: Cow::Borrowed(&table.description),
        query: table.query.as_deref().map(Cow::Borrowed),
        key: u32::try_from(table.key).expect(fits),
        rows: u32::try_from(table.rows).expect(fits),
        columns: columns.collect(),
    }
}

fn types(table: &StoredTable<'_>, definitions: &Definitions) -> Result<Vec<Type>, BytesError> {
    if table.columns.len() > COLUMNS_MAX {
        return Err(wrong(&table.name, "it has too many columns"));
    }
    let parse = |column: &StoredColumn<'_>| Type::parse(&column.ty, &definitions.structs, &definitions.enums);
    table.columns.iter().map(|column| parse(column).map_err(|_| BytesError::Definitions)).collect()
}

fn wrong(table: &str, what: &'static str) -> BytesError {
    BytesError::Table { table: crate::report::shown(table), what }
}

fn restore(stored: StoredTable<'_>, types: Vec<Type>) -> Result<Table, BytesError> {
    let (name, rows, key) = (stored.name.into_owned(), stored.rows as usize, stored.key as usize);
    if !kuafu_def::is_member(&name) {
        return Err(wrong(&name, "its name is none"));
    }
    let mut columns = Vec::with_capacity(types.len());
    let mut names = BTreeSet::new();
    for (column, ty) in stored.columns.into_iter().zip(types) {
        let cells = column.cells.into_owned();
        if !fits(&ty, &cells, rows) {
            return Err(wrong(&name, "a column's cells do not fit its type"));
        }
        if !kuafu_def::is_member(&column.name) || !names.insert(column.name.to_string()) {
            return Err(wrong(&name, "a column's name is none, or is there twice"));
        }
        columns.push(Column {
            name: column.name.into_owned(),
            ty,
            unique: column.unique,
            references: column.references.map(Cow::into_owned),
            description: column.description.into_owned(),
            cells,
        });
    }
    let index = match columns.get(key) {
        Some(Column { ty: Type::Int { .. } | Type::Text | Type::Enum(_), cells, .. }) => sorted(cells, stored.rows),
        _ => return Err(wrong(&name, "its key is no column that can be one")),
    };
    let cells = &columns[key].cells;
    if index.windows(2).any(|pair| cells.is_same(pair[0] as usize, pair[1] as usize)) {
        return Err(wrong(&name, "two rows have one key"));
    }
    let (description, query) = (stored.description.into_owned(), stored.query.map(Cow::into_owned));
    Ok(Table { name, description, columns, key, rows, index, query })
}

fn sorted(cells: &Cells, rows: u32) -> Vec<u32> {
    let mut index: Vec<u32> = (0..rows).collect();
    cells.sort(&mut index);
    index
}

/// Whether the cells are as many as there are rows, and values of the type.
fn fits(ty: &Type, cells: &Cells, rows: usize) -> bool {
    // What a project allows itself was checked when the set was made; here it only matters that values are ones.
    let limits = Limits {
        text_bytes_max: u32::MAX,
        container_items_max: u32::MAX,
        value_depth_max: u32::MAX,
        ..Limits::default()
    };
    let kind = std::mem::discriminant(cells) == std::mem::discriminant(&Cells::of(ty));
    let fits = |value: &Value| ty.check(value, &limits).is_ok();
    let values = match cells {
        Cells::Bool(_) => true,
        Cells::Int(cells) => cells.iter().all(|cell| fits(&Value::Int(*cell))),
        Cells::Float(cells) => cells.iter().all(|cell| fits(&Value::Float(*cell))),
        Cells::Text(cells) => cells.is_sound(),
        Cells::Value(cells) => cells.iter().all(fits),
    };
    kind && cells.len() == rows && values
}

/// A digest of what types are, their structs and enums written out.
fn shapes<'a>(types: impl Iterator<Item = &'a Type>) -> Digest {
    let (mut text, mut written) = (String::new(), BTreeSet::new());
    for ty in types {
        write_shape(ty, &mut text, &mut written);
        text.push('\n');
    }
    Digest::of(text.as_bytes())
}

fn write_shape<'a>(ty: &'a Type, text: &mut String, written: &mut BTreeSet<&'a str>) {
    text.push_str(&ty.to_string());
    match ty {
        Type::List(item) => write_shape(item, text, written),
        Type::Map(key, item) => {
            write_shape(key, text, written);
            write_shape(item, text, written);
        }
        Type::Struct(ty) if written.insert(&ty.name) => {
            for field in &ty.fields {
                text.push_str(&format!(" .{} ", field.name));
                write_shape(&field.ty, text, written);
            }
        }
        Type::Enum(ty) if written.insert(&ty.name) => text.push_str(&format!(" ({})", ty.variants.join(" "))),
        _ => {}
    }
}
