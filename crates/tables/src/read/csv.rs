//! Rows from CSV: a header with the names of the columns, then a row a record.
//!
//! The `csv` crate splits cells; it forgives quotes in wrong places, so those are looked for first: behind a stray
//! quote, every further cell would be told to be wrong. Columns whose name begins with `#` are notes.

use csv::{Position, Reader, ReaderBuilder, StringRecord};

use crate::read::cell::{Given, Rules};
use crate::read::rows::{Filler, Full, RowPlace, Rows};
use crate::report::{Place, Report, did_you_mean, shown};
use crate::schema::{COLUMNS_MAX, Schema};

/// Cells of a header, notes included. More are a problem.
const HEADER_CELLS_MAX: usize = 4 * COLUMNS_MAX;

/// Where a record's cells go: a schema's column each, `None` for notes and what is told to be wrong.
pub(crate) type Layout = Vec<Option<usize>>;

/// Reads all rows. Problems go to the report.
pub(crate) fn read(text: &str, schema: &Schema, rules: Rules<'_>, report: &mut Report) -> Option<(Rows, Layout)> {
    if let Some(stray) = stray_quote(text) {
        report_stray(text, stray, report);
        return None;
    }
    let mut reader = ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    let mut record = StringRecord::new();
    let mut filler = Filler::new(schema, rules);
    if !next(&mut reader, &mut record, report) {
        report.add(Place::START, "column", "the file is empty", format!("begin with the header: {}", header(schema)));
        return None;
    }
    if record.len() > HEADER_CELLS_MAX {
        let help = format!("a table has at most {COLUMNS_MAX} columns, and a file {HEADER_CELLS_MAX} with its notes");
        report.add(Place::START, "too-large", format!("the header has {} cells", record.len()), help);
        return None;
    }
    let layout = read_header(text, &record, schema, &mut filler, report);
    let mut rows = CsvRows { text, schema, layout, unsaid: Vec::new(), filler, report };
    rows.unsaid = (0..schema.columns.len()).filter(|column| !rows.layout.contains(&Some(*column))).collect();
    let mut number = 0;
    while next(&mut reader, &mut record, rows.report) {
        number += 1;
        // A row without anything in its columns is a gap or a note, as spreadsheets leave them.
        let mut columns = record.iter().zip(&rows.layout);
        if columns.all(|(cell, column)| column.is_none() || cell.trim().is_empty()) {
            continue;
        }
        if rows.read(place_of(text, record.position(), number), &record).is_err() {
            break;
        }
    }
    Some((rows.filler.finish(), rows.layout))
}

fn next(reader: &mut Reader<&[u8]>, record: &mut StringRecord, report: &mut Report) -> bool {
    reader.read_record(record).unwrap_or_else(|error| {
        // The text is UTF-8 and in memory, and rows may have any length: nothing else is known to go wrong.
        report.add(Place::START, "syntax", format!("this is not CSV: {error}"), "save the table as CSV again");
        false
    })
}

fn header(schema: &Schema) -> String {
    shown_all(&schema.names().collect::<Vec<_>>())
}

fn shown_all(names: &[&str]) -> String {
    const SHOWN_MAX: usize = 20;
    let more = if names.len() > SHOWN_MAX { ",…" } else { "" };
    names[..names.len().min(SHOWN_MAX)].join(",") + more
}

fn read_header(
    text: &str,
    record: &StringRecord,
    schema: &Schema,
    filler: &mut Filler<'_>,
    report: &mut Report,
) -> Layout {
    let row = place_of(text, record.position(), 0);
    let mut layout: Layout = Vec::with_capacity(record.len());
    for (at, name) in record.iter().map(str::trim).enumerate() {
        let full = report.is_full();
        let place = || if full { Place::START } else { cell_place(text, row, at) };
        let column = schema.column(name);
        if column.is_some_and(|column| layout.contains(&Some(column))) {
            report.add(place(), "column", format!("there are two columns `{name}`"), "take one of the two away");
            layout.push(None);
            continue;
        }
        if column.is_none() && !name.starts_with('#') {
            let help = if full { String::new() } else { unknown_help(name, record.len(), schema) };
            report.add(place(), "column", unknown_column(name), help);
        }
        layout.push(column);
    }
    for (column, declared) in schema.columns.iter().enumerate() {
        if declared.default.is_none() && !layout.contains(&Some(column)) {
            filler.absent(column);
            let message = format!("the column `{}` is missing", declared.cell.name);
            let help = "add it to the header, or give it a `default` in the schema";
            report.add(Place { line: row.line, column: 1 }, "column", message, help);
        }
    }
    layout
}

/// What a name that the schema does not know is.
pub(crate) fn unknown_column(name: &str) -> String {
    if name.is_empty() {
        "a column has no name".to_owned()
    } else {
        format!("the schema has no column `{}`", shown(name))
    }
}

fn unknown_help(name: &str, cells: usize, schema: &Schema) -> String {
    if cells == 1 && (name.contains(';') || name.contains('\t')) {
        return "cells are separated by commas; save the table as CSV with commas".to_owned();
    }
    let nearest = did_you_mean(name, schema.names());
    format!("{nearest}the columns are {}; a name that begins with # is a note", header(schema))
}

/// Reads the rows behind the header.
struct CsvRows<'a, 'r> {
    text: &'a str,
    schema: &'a Schema,
    layout: Layout,
    /// The columns that are not in the file.
    unsaid: Vec<usize>,
    filler: Filler<'a>,
    report: &'r mut Report,
}

impl CsvRows<'_, '_> {
    fn read(&mut self, row: RowPlace, record: &StringRecord) -> Result<(), Full> {
        let Self { text, schema, layout, unsaid, filler, report } = self;
        let start = Place { line: row.line, column: 1 };
        if record.len() != layout.len() {
            let message = format!("row {} has {} cells, the header {}", row.number, record.len(), layout.len());
            let help = "a cell with a comma stands in quotes; an empty one keeps its comma";
            report.add(start, "row-length", message, help);
            return Ok(());
        }
        filler.begin(row, || start, report)?;
        for (at, (cell, column)) in record.iter().zip(layout).enumerate() {
            let Some(column) = *column else { continue };
            filler.cell(column, given_of(schema, column, cell), || cell_place(text, row, at), report);
        }
        for column in unsaid {
            filler.cell(*column, Given::Nothing, || start, report);
        }
        Ok(())
    }
}

fn given_of<'a>(schema: &Schema, column: usize, cell: &'a str) -> Given<'a> {
    let is_text = matches!(schema.columns[column].cell.ty, kuafu_def::Type::Text);
    let is_nothing = if is_text { cell.is_empty() } else { cell.trim().is_empty() };
    if is_nothing { Given::Nothing } else { Given::Text(cell) }
}

/// Where a record begins: its position is behind the record before, line ends and empty lines included.
fn place_of(text: &str, position: Option<&Position>, number: usize) -> RowPlace {
    let (from, line) = position.map_or((0, 1), |at| (at.byte() as usize, at.line() as usize));
    let rest = text.as_bytes().get(from..).unwrap_or_default();
    let ends = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
    let (skipped, newlines) = ends.fold((0, 0), |(all, n), byte| (all + 1, n + usize::from(*byte == b'\n')));
    RowPlace { offset: from + skipped, line: line + newlines, number }
}

/// Where a cell of a record begins.
pub(crate) fn cell_place(text: &str, row: RowPlace, cell: usize) -> Place {
    let mut at = row.offset;
    for _ in 0..cell {
        match cell_end(text.as_bytes(), at) {
            Ok(end) if text.as_bytes().get(end) == Some(&b',') => at = end + 1,
            _ => break,
        }
    }
    Place::after(text, row.offset, row.line, at)
}

/// A quote where none can be.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Stray {
    /// Text goes on here behind a closing quote.
    Behind(usize),
    /// The quote that is opened here is never closed.
    Open(usize),
}

/// Where the cell that begins at `at` ends: at a comma, a line end, or the end of the text.
fn cell_end(bytes: &[u8], at: usize) -> Result<usize, Stray> {
    let ends = |byte: &u8| matches!(byte, b',' | b'\r' | b'\n');
    let rest = bytes.get(at..).unwrap_or_default();
    if rest.first() != Some(&b'"') {
        return Ok(at + rest.iter().position(ends).unwrap_or(rest.len()));
    }
    let mut next = at + 1;
    loop {
        let quote = bytes.get(next..).and_then(|rest| rest.iter().position(|byte| *byte == b'"'));
        next += quote.ok_or(Stray::Open(at))? + 1;
        match bytes.get(next) {
            Some(b'"') => next += 1,
            Some(byte) if !ends(byte) => return Err(Stray::Behind(next)),
            _ => return Ok(next),
        }
    }
}

fn stray_quote(text: &str) -> Option<Stray> {
    if !text.contains('"') {
        return None;
    }
    let (bytes, mut at) = (text.as_bytes(), 0);
    while at < bytes.len() {
        match cell_end(bytes, at) {
            Ok(end) => at = end + 1,
            Err(stray) => return Some(stray),
        }
    }
    None
}

fn report_stray(text: &str, stray: Stray, report: &mut Report) {
    let (offset, message) = match stray {
        Stray::Behind(at) => (at, "the cell goes on behind its closing quote"),
        Stray::Open(at) => (at, "the quote that is opened here is never closed"),
    };
    let help = "a quote inside a quoted cell is written twice; the rest of the file was not read";
    report.add(Place::of(text, offset), "syntax", message, help);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stray_quote_is_found_where_it_is() {
        assert_eq!(stray_quote("a,\"b \"\"c\"\"\",\"\"\r\nd 5\",e\n"), None);
        assert_eq!(stray_quote("a,\"b\"c"), Some(Stray::Behind(5)));
        assert_eq!(stray_quote("a,b\nc,\"d,e\nf,g"), Some(Stray::Open(6)));
    }
}
