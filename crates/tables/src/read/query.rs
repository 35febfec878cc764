//! Rows that a query brought. Who runs the query is another's job; here its answer is checked as a file would be.

use serde_json::Value as Json;

use crate::read::cell::{Given, Rules};
use crate::read::csv::unknown_column;
use crate::read::rows::{Filler, RowPlace, Rows};
use crate::report::{Place, Report, did_you_mean};
use crate::schema::Schema;

/// The query whose rows a table wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Query<'a> {
    /// The table.
    pub table: &'a str,
    /// The query, in the words of the database: one `SELECT`.
    pub text: &'a str,
}

/// What a database answered to a query.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct QueryRows {
    /// The names of the columns.
    pub columns: Vec<String>,
    /// The rows, each with a cell a column.
    pub rows: Vec<Vec<QueryCell>>,
}

/// A cell of a database.
#[derive(Clone, Debug, PartialEq)]
pub enum QueryCell {
    /// No value: the column's default.
    Null,
    /// A whole number; 0 and 1 in a column of bools.
    Integer(i64),
    /// Any number.
    Number(f64),
    /// A text; in columns of other types it is read as in a CSV file.
    Text(String),
}

/// Reads all rows. Every problem is told at the query.
pub(crate) fn read(answer: &QueryRows, place: Place, schema: &Schema, rules: Rules<'_>, report: &mut Report) -> Rows {
    let mut filler = Filler::new(schema, rules);
    let layout = layout(&answer.columns, place, schema, &mut filler, report);
    for (at, cells) in answer.rows.iter().enumerate() {
        let row = RowPlace { offset: 0, line: place.line, number: at + 1 };
        if cells.len() != answer.columns.len() {
            let message = format!("row {} has {} cells, the query {}", row.number, cells.len(), answer.columns.len());
            report.add(place, "row-length", message, "select the same columns for every row");
            continue;
        }
        if filler.begin(row, || place, report).is_err() {
            break;
        }
        for (column, from) in layout.iter().enumerate() {
            match from.map(|from| &cells[from]) {
                None | Some(QueryCell::Null) => filler.cell(column, Given::Nothing, || place, report),
                Some(QueryCell::Text(text)) => filler.cell(column, Given::Text(text), || place, report),
                Some(QueryCell::Integer(number)) => {
                    filler.cell(column, Given::Json(&integer(schema, column, *number)), || place, report);
                }
                Some(QueryCell::Number(number)) => {
                    filler.cell(column, Given::Json(&any_number(schema, column, *number)), || place, report);
                }
            }
        }
    }
    filler.finish()
}

/// Which column of the answer each column of the schema takes.
fn layout(
    names: &[String],
    place: Place,
    schema: &Schema,
    filler: &mut Filler<'_>,
    report: &mut Report,
) -> Vec<Option<usize>> {
    for (at, name) in names.iter().enumerate() {
        if schema.column(name).is_none() && !name.starts_with('#') {
            let help = format!("{}select only what the schema declares", did_you_mean(name, schema.names()));
            report.add(place, "column", unknown_column(name), help);
        } else if names[..at].contains(name) {
            report.add(place, "column", format!("the query has two columns `{name}`"), "rename one with AS");
        }
    }
    let mut layout = Vec::with_capacity(schema.columns.len());
    for (column, declared) in schema.columns.iter().enumerate() {
        let from = names.iter().position(|name| *name == declared.cell.name);
        if from.is_none() && declared.default.is_none() {
            filler.absent(column);
            let message = format!("the query has no column `{}`", declared.cell.name);
            report.add(place, "column", message, "select it, or give it a `default` in the schema");
        }
        layout.push(from);
    }
    layout
}

/// Databases have no bools.
fn integer(schema: &Schema, column: usize, number: i64) -> Json {
    match (&schema.columns[column].cell.ty, number) {
        (kuafu_def::Type::Bool, 0 | 1) => Json::Bool(number == 1),
        _ => Json::from(number),
    }
}

/// Sums and averages of whole numbers come as floats.
fn any_number(schema: &Schema, column: usize, number: f64) -> Json {
    const EXACT_MAX: f64 = kuafu_def::model::EXACT_INT_MAX as f64;
    match schema.columns[column].cell.ty {
        kuafu_def::Type::Int { .. } if number.fract() == 0.0 && number.abs() <= EXACT_MAX => Json::from(number as i64),
        _ => Json::from(number),
    }
}
