//! Checks over whole tables: every key once, unique columns, every variant there, references that lead somewhere.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};

use kuafu_core::Value;
use kuafu_def::{Type, value_to_json};

use crate::column::{Cells, variant};
use crate::draft::{Data, Sheet};
use crate::read::cell::referred;
use crate::read::rows::{Rows, told};
use crate::report::{Report, did_you_mean, shown};
use crate::schema::{ColumnSchema, Schema, referring};
use crate::table::{Key, find};

/// Keys of a table among which the one that was meant is looked for.
const GUESSED_MAX: usize = 1_000;

/// The rows whose cell in a column is good, sorted by the cell; equal ones in the order of the file.
fn index(rows: &Rows, column: usize) -> Vec<u32> {
    let mut index: Vec<u32> = (0..u32::try_from(rows.len()).unwrap_or(u32::MAX)).collect();
    if !rows.is_whole(column) {
        index.retain(|row| rows.is_good(column, *row as usize));
    }
    rows.cells[column].sort(&mut index);
    index
}

/// Checks the rows of a table on their own, and keeps the index of its key.
pub(crate) fn check_alone(sheet: &mut Sheet) {
    let (Some(schema), Some(rows)) = (&sheet.schema, &sheet.rows) else { return };
    sheet.index = index(rows, schema.key);
    for (column, declared) in schema.columns.iter().enumerate() {
        if column != schema.key && !declared.unique {
            continue;
        }
        let code = if column == schema.key { "key" } else { "unique" };
        for (before, row) in repeated(rows, column) {
            if sheet.report.is_full() {
                sheet.report.leave_out();
                continue;
            }
            let place = sheet.data.place(rows.places[row], column, schema);
            let (before, shown) = (rows.places[before], shown_cell(declared, &rows.cells[column], row));
            let line = match sheet.data {
                Data::Query { .. } => String::new(),
                Data::Nothing | Data::Csv { .. } | Data::Json { .. } => format!(" (line {})", before.line),
            };
            let what = format!("{shown} stands already in row {}{line}", before.number);
            let message = told(&declared.cell.name, rows.places[row].number, &what);
            sheet.report.add(place, code, message, "every row has its own; correct one of the two");
        }
    }
    if schema.complete {
        check_complete(sheet);
    }
}

/// A cell of a kind of which a column can have each only once.
#[derive(PartialEq, Eq, Hash)]
enum Once<'a> {
    Number(u64),
    Text(&'a str),
}

/// The rows that hold what an earlier row holds, each with the first such row. In the order of the file.
fn repeated(rows: &Rows, column: usize) -> Vec<(usize, usize)> {
    let (mut first, mut repeated) = (HashMap::with_capacity(rows.len()), Vec::new());
    let whole = rows.is_whole(column);
    for row in (0..rows.len()).filter(|row| whole || rows.is_good(column, *row)) {
        let once = match &rows.cells[column] {
            Cells::Bool(cells) => Once::Number(u64::from(cells[row])),
            Cells::Int(cells) => Once::Number(cells[row].cast_unsigned()),
            // Zero has two patterns, and no number is none.
            Cells::Float(cells) => Once::Number((cells[row] + 0.0).to_bits()),
            Cells::Text(cells) => Once::Text(cells.get(row).unwrap_or_default()),
            Cells::Value(_) => return Vec::new(),
        };
        match first.entry(once) {
            Entry::Occupied(before) => repeated.push((*before.get(), row)),
            Entry::Vacant(free) => {
                free.insert(row);
            }
        }
    }
    repeated
}

fn check_complete(sheet: &mut Sheet) {
    let (Some(schema), Some(rows)) = (&sheet.schema, &sheet.rows) else { return };
    let column = &schema.columns[schema.key].cell;
    let Type::Enum(ty) = &column.ty else { return };
    if !rows.is_whole(schema.key) {
        return;
    }
    for (at, variant) in ty.variants.iter().enumerate() {
        let key = Key::Int(i64::try_from(at).unwrap_or(i64::MAX));
        if find(&column.ty, &rows.cells[schema.key], &sheet.index, key).is_none() {
            let message = format!("there is no row for `{variant}` of {}", ty.name);
            sheet.report.add(sheet.data.start(), "complete", message, "add the row; the table says `complete = true`");
        }
    }
}

/// What of other tables a reference needs.
struct Target<'a> {
    name: &'a str,
    ty: &'a Type,
    cells: &'a Cells,
    index: &'a [u32],
}

/// Checks all references. A table with problems of its own is nobody's target: what is missing there may be wrong
/// there only. `lost` are names that would be tables if they had a schema, which is told.
pub(crate) fn check_references(sheets: &mut [Sheet], lost: &BTreeSet<String>) {
    // Reports are taken out meanwhile, because a table may refer to itself; whether it is sound is asked before.
    let sound = sheets.iter().map(Sheet::is_sound).collect();
    let mut reports: Vec<(Report, Report)> = sheets.iter_mut().map(Sheet::take_reports).collect();
    let all = Targets { sheets, sound, lost };
    for (sheet, (schema_report, report)) in all.sheets.iter().zip(&mut reports) {
        let Some(schema) = &sheet.schema else { continue };
        for (column, declared) in schema.columns.iter().enumerate() {
            let Some(target) = all.target(declared, schema_report) else { continue };
            if let Some(rows) = &sheet.rows {
                check_column(sheet, schema, rows, column, &target, report);
            }
        }
    }
    for (sheet, (schema_report, report)) in sheets.iter_mut().zip(reports) {
        (sheet.schema_report, sheet.report) = (schema_report, report);
    }
}

/// The tables among which references find theirs.
struct Targets<'a> {
    /// Sorted by name.
    sheets: &'a [Sheet],
    sound: Vec<bool>,
    lost: &'a BTreeSet<String>,
}

impl<'a> Targets<'a> {
    /// What a column refers to; `None` when there is nothing to check, or a problem, which goes to the report.
    fn target(&self, declared: &'a ColumnSchema, report: &mut Report) -> Option<Target<'a>> {
        let (name, place) = declared.references.as_ref()?;
        let Ok(at) = self.sheets.binary_search_by(|sheet| sheet.name.as_str().cmp(name)) else {
            if !self.lost.contains(name) {
                let nearest = did_you_mean(name, self.sheets.iter().map(|sheet| sheet.name.as_str()));
                let help = format!("{nearest}a table is a schema data/NAME.toml with its rows beside it");
                report.add(*place, "references", format!("there is no table `{}`", shown(name)), help);
            }
            return None;
        };
        let sheet = &self.sheets[at];
        let schema = sheet.schema.as_ref()?;
        let ty = &schema.columns[schema.key].cell.ty;
        if !can_refer(referring(&declared.cell.ty), ty) {
            let message = format!("{} cannot refer to `{name}`, whose key is {ty}", declared.cell.ty);
            report.add(*place, "references", message, format!("declare it as {ty}"));
            return None;
        }
        let rows = sheet.rows.as_ref().filter(|_| self.sound[at])?;
        Some(Target { name, ty, cells: &rows.cells[schema.key], index: &sheet.index })
    }
}

fn can_refer(from: &Type, to: &Type) -> bool {
    match (from, to) {
        (Type::Int { wide: false, .. }, Type::Int { wide: false, .. }) => true,
        (from, to) => from == to,
    }
}

fn check_column(sheet: &Sheet, schema: &Schema, rows: &Rows, column: usize, target: &Target<'_>, report: &mut Report) {
    let declared = &schema.columns[column];
    let whole = rows.is_whole(column);
    for row in (0..rows.len()).filter(|row| whole || rows.is_good(column, *row)) {
        let Some(missing) = missing(declared, &rows.cells[column], row, target) else { continue };
        if report.is_full() {
            report.leave_out();
            continue;
        }
        let ty = referring(&declared.cell.ty);
        let what = format!("`{}` has no row with the key {}", target.name, shown_value(ty, &missing));
        let nearest = match (&missing, target.cells) {
            (Value::Text(text), Cells::Text(keys)) if keys.len() <= GUESSED_MAX => did_you_mean(text, keys.iter()),
            _ => String::new(),
        };
        let message = told(&declared.cell.name, rows.places[row].number, &what);
        let place = sheet.data.place(rows.places[row], column, schema);
        let help = format!("{nearest}correct the cell, or add the row to `{}`", target.name);
        report.add(place, "reference", message, help);
    }
}

/// What in a cell refers to no row. The column's default stands for nothing, even where it is no key.
fn missing(declared: &ColumnSchema, cells: &Cells, row: usize, target: &Target<'_>) -> Option<Value> {
    let is_there = |key: Key<'_>| find(target.ty, target.cells, target.index, key).is_some();
    match (cells, &declared.default) {
        (Cells::Int(cells), Some(Value::Int(none))) if cells[row] == *none => None,
        (Cells::Int(cells), _) => (!is_there(Key::Int(cells[row]))).then(|| Value::Int(cells[row])),
        (Cells::Text(cells), none) => {
            let text = cells.get(row).filter(|text| none.as_ref().and_then(Value::as_text) != Some(text))?;
            (!is_there(Key::Text(text))).then(|| Value::text(text))
        }
        (Cells::Value(cells), none) if none.as_ref() != Some(&cells[row]) => {
            let lost = referred(&cells[row]).find(|value| match value {
                Value::Int(number) => !is_there(Key::Int(*number)),
                value => value.as_text().is_some_and(|text| !is_there(Key::Text(text))),
            });
            lost.cloned()
        }
        _ => None,
    }
}

fn shown_cell(column: &ColumnSchema, cells: &Cells, row: usize) -> String {
    let ty = &column.cell.ty;
    match cells {
        Cells::Bool(cells) => cells[row].to_string(),
        Cells::Int(cells) => shown_value(ty, &Value::Int(cells[row])),
        Cells::Float(cells) => shown_value(ty, &Value::Float(cells[row])),
        Cells::Text(cells) => format!("{:?}", shown(cells.get(row).unwrap_or_default())),
        Cells::Value(cells) => shown_value(ty, &cells[row]),
    }
}

fn shown_value(ty: &Type, value: &Value) -> String {
    match (ty, value) {
        (Type::Enum(ty), Value::Int(index)) => variant(ty, *index).unwrap_or("nothing").to_owned(),
        (_, Value::Text(text)) => format!("{:?}", shown(text)),
        (ty, value) => shown(value_to_json(ty, value).as_str().unwrap_or(&value_to_json(ty, value).to_string())),
    }
}
