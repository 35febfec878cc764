//! A data set in the making: schemas and files are read, queries wait for their rows, then all is checked as one.
//!
//! A step goes on where an earlier one found problems, but says nothing that only follows from them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use kuafu_core::Limits;
use kuafu_def::{Definitions, Problem};

use crate::check;
use crate::column::Column;
use crate::files::{self, Files, TABLES_MAX};
use crate::read::cell::Rules;
use crate::read::csv::Layout;
use crate::read::query::{Query, QueryRows};
use crate::read::rows::{RowPlace, Rows};
use crate::read::{csv, json, query};
use crate::report::{Place, Report, shown};
use crate::schema::Schema;
use crate::set::DataSet;
use crate::table::Table;

/// A data set whose queries may still want their rows.
#[derive(Debug)]
pub struct Draft {
    limits: Limits,
    /// The names of the entity types.
    entities: Vec<String>,
    /// Sorted by name.
    sheets: Vec<Sheet>,
    /// Problems of what belongs to no table.
    reports: Vec<Report>,
    /// Names of files with rows and no schema.
    lost: BTreeSet<String>,
}

/// No table of the name asks for rows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no table `{0}` is waiting for the rows of a query")]
pub struct NotAQuery(pub String);

/// A table in the making.
#[derive(Debug)]
pub(crate) struct Sheet {
    pub(crate) name: String,
    pub(crate) schema: Option<Schema>,
    /// Of the schema's file.
    pub(crate) schema_report: Report,
    pub(crate) data: Data,
    /// Of the rows' file; of the schema's file when a query brings them.
    pub(crate) report: Report,
    pub(crate) rows: Option<Rows>,
    /// The rows sorted by key.
    pub(crate) index: Vec<u32>,
}

/// Where a table's rows come from.
#[derive(Debug)]
pub(crate) enum Data {
    /// A file that cannot be had or read.
    Nothing,
    Csv {
        text: String,
        layout: Layout,
    },
    Json {
        text: String,
    },
    Query {
        place: Place,
    },
}

/// The files of one name.
#[derive(Default)]
struct Group {
    schema: Option<Found>,
    csv: Option<Found>,
    json: Option<Found>,
}

enum Found {
    File {
        name: String,
        bytes: Vec<u8>,
    },
    /// It is there, but could not be read, which is told.
    Unread,
}

impl Draft {
    /// Reads schemas and files. What is wrong is told by [`Draft::finish`].
    #[must_use]
    pub fn read(files: Files, definitions: &Definitions, limits: &Limits) -> Self {
        let Files { dir, entries, mut reports } = files;
        let groups = group(&dir, entries, &mut reports);
        let entities = definitions.types.values().map(|ty| ty.name.clone()).collect();
        let mut draft = Self { limits: limits.clone(), entities, sheets: Vec::new(), reports, lost: BTreeSet::new() };
        for (name, files) in groups {
            if let Some(sheet) = draft.sheet(&dir, name, files, definitions) {
                draft.sheets.push(sheet);
            }
        }
        draft
    }

    /// The queries whose rows are wanted.
    pub fn queries(&self) -> impl Iterator<Item = Query<'_>> {
        self.sheets.iter().filter_map(|sheet| {
            let (text, _) = sheet.schema.as_ref()?.query.as_ref()?;
            (sheet.rows.is_none() && sheet.report.is_empty()).then_some(Query { table: &sheet.name, text })
        })
    }

    /// Takes the rows of a table's query. What is wrong with them is told by [`Draft::finish`].
    ///
    /// # Errors
    /// [`NotAQuery`] when no such table is waiting.
    pub fn fill(&mut self, table: &str, answer: &QueryRows) -> Result<(), NotAQuery> {
        let Self { limits, entities, sheets, .. } = self;
        let (sheet, place) = waiting(sheets, table)?;
        let rules = Rules { limits, entities };
        if let Some(schema) = &sheet.schema {
            sheet.rows = Some(query::read(answer, place, schema, rules, &mut sheet.report));
        }
        check::check_alone(sheet);
        Ok(())
    }

    /// Takes that a table's query failed, and why: a problem of the project.
    ///
    /// # Errors
    /// [`NotAQuery`] when no such table is waiting.
    pub fn fail(&mut self, table: &str, why: &str) -> Result<(), NotAQuery> {
        let (sheet, place) = waiting(&mut self.sheets, table)?;
        sheet.report.add(place, "query", format!("the query failed: {why}"), "correct the query, or the database");
        Ok(())
    }

    /// Checks the set as one. Tables whose query has no answer yet come without rows, and what refers to them is not
    /// checked.
    ///
    /// # Errors
    /// Every problem of every file, sorted by place.
    pub fn finish(mut self) -> Result<DataSet, Vec<Problem>> {
        check::check_references(&mut self.sheets, &self.lost);
        let mut tables = Vec::new();
        let mut problems: Vec<Problem> = self.reports.into_iter().flat_map(Report::into_problems).collect();
        for mut sheet in self.sheets {
            if let Some(table) = sheet.take_table() {
                tables.push(Arc::new(table));
            }
            problems.extend(sheet.schema_report.into_problems());
            problems.extend(sheet.report.into_problems());
        }
        if problems.is_empty() {
            return Ok(DataSet { tables });
        }
        // A file's last problem may tell how many were left out: the sort is stable and by place only.
        problems.sort_by(|a, b| (&a.file, a.line, a.column).cmp(&(&b.file, b.line, b.column)));
        Err(problems)
    }

    fn sheet(&mut self, dir: &std::path::Path, name: String, files: Group, definitions: &Definitions) -> Option<Sheet> {
        let Group { schema, csv, json } = files;
        let Some(schema) = schema else {
            for name in [csv, json].into_iter().flatten().filter_map(Found::into_name) {
                let help = format!("write the columns into data/{}.toml", name.rsplit_once('.').map_or("", |n| n.0));
                let mut report = Report::new(dir.join(name));
                report.add(Place::START, "orphan", "there is no schema for this file", help);
                self.reports.push(report);
            }
            self.lost.insert(name);
            return None;
        };
        let schema_file = dir.join(format!("{name}.toml"));
        let mut schema_report = Report::new(&schema_file);
        let schema = match schema {
            Found::File { bytes, .. } => decode(bytes, &self.limits, &mut schema_report)
                .and_then(|text| Schema::read(&name, &text, definitions, &mut schema_report)),
            Found::Unread => None,
        };
        let report = Report::new(&schema_file);
        let mut sheet =
            Sheet { name, schema, schema_report, data: Data::Nothing, report, rows: None, index: Vec::new() };
        sheet.take_data(dir, csv, json, &self.limits);
        sheet.read_rows(Rules { limits: &self.limits, entities: &self.entities });
        check::check_alone(&mut sheet);
        Some(sheet)
    }
}

fn waiting<'a>(sheets: &'a mut [Sheet], table: &str) -> Result<(&'a mut Sheet, Place), NotAQuery> {
    let sheet = sheets.iter_mut().find(|sheet| sheet.name == table && sheet.rows.is_none());
    match sheet {
        Some(sheet) => match (&sheet.schema, &sheet.data) {
            (Some(_), Data::Query { place }) => {
                let place = *place;
                Ok((sheet, place))
            }
            _ => Err(NotAQuery(shown(table))),
        },
        None => Err(NotAQuery(shown(table))),
    }
}

/// The files by table. Problems go to the reports.
fn group(
    dir: &std::path::Path,
    entries: BTreeMap<String, Vec<u8>>,
    reports: &mut Vec<Report>,
) -> BTreeMap<String, Group> {
    let mut groups: BTreeMap<String, Group> = BTreeMap::new();
    let unread: Vec<(String, Found)> = reports
        .iter()
        .filter_map(|report| Some((report.file().file_name()?.to_string_lossy().into_owned(), Found::Unread)))
        .collect();
    let read = entries.into_iter().map(|(name, bytes)| (name.clone(), Found::File { name, bytes }));
    for (name, found) in unread.into_iter().chain(read) {
        let Some((stem, extension)) = files::parts(&name) else { continue };
        if !groups.contains_key(stem) && groups.len() >= TABLES_MAX {
            reports.push(one(dir.join(&name), "too-large", format!("there are more than {TABLES_MAX} tables")));
            break;
        }
        let group = groups.entry(stem.to_owned()).or_default();
        let slot = match extension.as_str() {
            "toml" => &mut group.schema,
            "csv" => &mut group.csv,
            _ => &mut group.json,
        };
        if slot.replace(found).is_some() {
            reports.push(one(dir.join(&name), "duplicate", "there are two files of this name".to_owned()));
        }
    }
    groups
}

fn one(file: PathBuf, code: &'static str, message: String) -> Report {
    let mut report = Report::new(file);
    report.add(Place::START, code, message, "take one of them away");
    report
}

/// The text of a file, without the mark that some programs put before it.
fn decode(bytes: Vec<u8>, limits: &Limits, report: &mut Report) -> Option<String> {
    if bytes.len() as u64 > limits.data_bytes_max {
        let message = format!("a data file has at most {} bytes", limits.data_bytes_max);
        report.add(Place::START, "too-large", message, "split the table, or raise limits.data_bytes_max");
        return None;
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let text = String::from_utf8_lossy(&error.as_bytes()[..valid]).into_owned();
        let is_utf16 = error.as_bytes().starts_with(&[0xff, 0xfe]) || error.as_bytes().starts_with(&[0xfe, 0xff]);
        let message = if is_utf16 { "this is UTF-16" } else { "the byte here is not part of any UTF-8 character" };
        report.add(Place::of(&text, valid), "not-utf8", message, "save the file as UTF-8 (in Excel: CSV UTF-8)");
    });
    text.ok().map(|text| text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

impl Found {
    fn into_name(self) -> Option<String> {
        match self {
            Self::File { name, .. } => Some(name),
            Self::Unread => None,
        }
    }
}

impl Sheet {
    /// Whether others may refer to it.
    pub(crate) fn is_sound(&self) -> bool {
        self.schema.is_some() && self.rows.is_some() && self.schema_report.is_empty() && self.report.is_empty()
    }

    /// The reports of schema and rows, in whose place empty ones stay.
    pub(crate) fn take_reports(&mut self) -> (Report, Report) {
        let empty = Report::new(self.report.file());
        let schema_report = std::mem::replace(&mut self.schema_report, empty.clone());
        (schema_report, std::mem::replace(&mut self.report, empty))
    }

    /// Finds out where the rows come from.
    fn take_data(&mut self, dir: &std::path::Path, csv: Option<Found>, json: Option<Found>, limits: &Limits) {
        let query = self.schema.as_ref().and_then(|schema| schema.query.as_ref());
        if let Some((_, place)) = query {
            let place = *place;
            if csv.is_some() || json.is_some() {
                let help = "take the file away, or the query";
                self.schema_report.add(place, "query", "the table has a query and a file with rows", help);
            }
            self.data = Data::Query { place };
            return;
        }
        let is_csv = csv.is_some();
        match (csv, json) {
            (Some(_), Some(_)) => {
                let message = format!("the rows are in {0}.csv and in {0}.json", self.name);
                self.schema_report.add(Place::START, "duplicate", message, "take one of the two away");
            }
            // What a broken schema wants is not known: perhaps a query.
            (None, None) if self.schema.is_some() => {
                let message = format!("the rows are missing: there is no {0}.csv and no {0}.json", self.name);
                let help = "add one of them beside the schema, or a `query` to the schema";
                self.schema_report.add(Place::START, "orphan", message, help);
            }
            (Some(Found::File { name, bytes }), None) | (None, Some(Found::File { name, bytes })) => {
                self.report = Report::new(dir.join(name));
                let text = decode(bytes, limits, &mut self.report);
                self.data = match text {
                    Some(text) if is_csv => Data::Csv { text, layout: Layout::new() },
                    Some(text) => Data::Json { text },
                    None => Data::Nothing,
                };
            }
            _ => {}
        }
    }

    fn read_rows(&mut self, rules: Rules<'_>) {
        let Some(schema) = &self.schema else { return };
        match &mut self.data {
            Data::Csv { text, layout } => {
                if let Some((rows, read)) = csv::read(text, schema, rules, &mut self.report) {
                    (self.rows, *layout) = (Some(rows), read);
                }
            }
            Data::Json { text } => self.rows = Some(json::read(text, schema, rules, &mut self.report)),
            Data::Query { .. } | Data::Nothing => {}
        }
    }

    /// The table, if it has no problems.
    fn take_table(&mut self) -> Option<Table> {
        let schema = self.schema.take().filter(|_| self.schema_report.is_empty() && self.report.is_empty())?;
        let (cells, rows) = match self.rows.take() {
            Some(rows) => (rows.cells, rows.places.len()),
            None => (schema.columns.iter().map(|c| crate::column::Cells::of(&c.cell.ty)).collect(), 0),
        };
        let columns = schema.columns.into_iter().zip(cells).enumerate().map(|(at, (declared, cells))| Column {
            name: declared.cell.name,
            ty: declared.cell.ty,
            unique: declared.unique || at == schema.key,
            references: declared.references.map(|(table, _)| table),
            description: declared.description,
            cells,
        });
        Some(Table {
            columns: columns.collect(),
            name: schema.name,
            description: schema.description,
            key: schema.key,
            rows,
            index: std::mem::take(&mut self.index),
            query: schema.query.map(|(text, _)| text),
        })
    }
}

impl Data {
    /// Where a cell of a row stands.
    pub(crate) fn place(&self, row: RowPlace, column: usize, schema: &Schema) -> Place {
        match self {
            Self::Nothing => Place::START,
            Self::Csv { text, layout } => {
                let cell = layout.iter().position(|at| *at == Some(column)).unwrap_or(0);
                csv::cell_place(text, row, cell)
            }
            Self::Json { text } => json::cell_place(text, row, &schema.columns[column].cell.name),
            Self::Query { place } => *place,
        }
    }

    /// Where the rows begin.
    pub(crate) fn start(&self) -> Place {
        if let Self::Query { place } = self { *place } else { Place::START }
    }
}
