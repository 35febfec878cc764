//! One cell: what is written there as a value of the column, or what is wrong with it.

use kuafu_core::{Limits, Value};
use kuafu_def::{EnumType, Type, value_from_json_strict};
use serde_json::Value as Json;

use crate::report::{did_you_mean, shown};
use crate::schema::{CellType, ColumnSchema};

/// Bytes of one cell. A longer one is a problem.
pub(crate) const CELL_BYTES_MAX: usize = 1 << 20;

/// What is written in a cell.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Given<'a> {
    /// Nothing: the column's default.
    Nothing,
    /// Text of a kind that knows no types.
    Text(&'a str),
    /// JSON, led by the column's type.
    Json(&'a Json),
}

/// A cell that was read.
pub(crate) enum Read<'a> {
    /// A text, not yet copied.
    Text(&'a str),
    Value(Value),
}

/// What is wrong with a cell, and what would be right.
#[derive(Debug)]
pub(crate) struct Wrong {
    pub(crate) what: String,
    pub(crate) help: String,
}

/// What every cell is checked against besides its column.
#[derive(Clone, Copy)]
pub(crate) struct Rules<'a> {
    pub(crate) limits: &'a Limits,
    /// The names of the entity types.
    pub(crate) entities: &'a [String],
}

impl Rules<'_> {
    /// Reads a cell of a column. What is wrong is told without help when it is only `counted`: to look for what was
    /// meant takes longer than to read the cell.
    pub(crate) fn read<'a>(&self, column: &ColumnSchema, given: Given<'a>, counted: bool) -> Result<Read<'a>, Wrong> {
        let ty = &column.cell.ty;
        let read = match given {
            Given::Nothing => return default(column),
            Given::Text(text) if text.len() > CELL_BYTES_MAX => {
                Err(format!("expected at most {CELL_BYTES_MAX} bytes, found {}", text.len()))
            }
            Given::Text(text) => self.text(&column.cell, text),
            Given::Json(Json::String(text)) if matches!(ty, Type::Text) => {
                self.check_text(&column.cell, text).map(|()| Read::Text(text))
            }
            Given::Json(json) => self.json(&column.cell, json),
        };
        let help = || if counted { String::new() } else { help(&column.cell, given) };
        let read = read.map_err(|what| Wrong { help: help(), what })?;
        if column.names_entity {
            self.check_names(&read, counted)?;
        }
        Ok(read)
    }

    fn text<'a>(&self, cell: &CellType, text: &'a str) -> Result<Read<'a>, String> {
        let trimmed = text.trim();
        let value = match &cell.ty {
            Type::Text => return self.check_text(cell, text).map(|()| Read::Text(text)),
            Type::Bool => match trimmed {
                _ if trimmed.eq_ignore_ascii_case("true") => Value::Bool(true),
                _ if trimmed.eq_ignore_ascii_case("false") => Value::Bool(false),
                _ => return Err(format!("expected true or false, found {:?}", shown(trimmed))),
            },
            Type::Int { signed, .. } => match trimmed.parse::<i64>() {
                Ok(number) if *signed || number >= 0 => Value::Int(number),
                // Numbers that an i64 does not hold, and what is no number, are the JSON reader's to judge.
                _ => return self.json(cell, &Json::from(trimmed)),
            },
            ty @ (Type::Float32 | Type::Float64) => {
                let number = trimmed.parse::<f64>().ok();
                let number = if matches!(ty, Type::Float32) { number.map(|n| f64::from(n as f32)) } else { number };
                let number = number.filter(|number| number.is_finite());
                Value::Float(number.ok_or_else(|| format!("expected {ty}, found {:?}", shown(trimmed)))?)
            }
            Type::Enum(_) | Type::Bytes => return self.json(cell, &Json::from(trimmed)),
            ty => {
                let json: Json = serde_json::from_str(trimmed)
                    .map_err(|error| format!("expected {ty} as JSON, found {:?}: {error}", shown(trimmed)))?;
                return self.json(cell, &json);
            }
        };
        cell.check(&value, self.limits)?;
        Ok(Read::Value(value))
    }

    fn json<'a>(&self, cell: &CellType, json: &Json) -> Result<Read<'a>, String> {
        let value = value_from_json_strict(&cell.ty, json).map_err(|error| error.to_string())?;
        cell.check(&value, self.limits)?;
        Ok(Read::Value(value))
    }

    /// As [`CellType::check`], without making a value of the text.
    fn check_text(&self, cell: &CellType, text: &str) -> Result<(), String> {
        let bytes_max = self.limits.text_bytes_max as usize;
        if text.len() > bytes_max {
            return Err(format!("expected at most {bytes_max} bytes, found {}", text.len()));
        }
        match cell.max_length {
            // No text has more characters than bytes, so that most need no count.
            Some(max) if text.len() > max as usize && text.chars().count() > max as usize => {
                Err(format!("expected a length of at most {max}, found {}", text.chars().count()))
            }
            _ => Ok(()),
        }
    }

    fn check_names(&self, read: &Read<'_>, counted: bool) -> Result<(), Wrong> {
        match read {
            Read::Text(name) => self.check_name(name, counted),
            Read::Value(value) => {
                let mut names = referred(value).filter_map(Value::as_text);
                names.try_for_each(|name| self.check_name(name, counted))
            }
        }
    }

    fn check_name(&self, name: &str, counted: bool) -> Result<(), Wrong> {
        if self.entities.iter().any(|known| known == name) {
            return Ok(());
        }
        let known = self.entities.iter().map(String::as_str).filter(|_| !counted);
        let nearest = did_you_mean(name, known);
        Err(Wrong {
            what: format!("there is no entity type {:?}", shown(name)),
            help: format!("{nearest}the entity types are the files in entities/"),
        })
    }
}

/// What in a value refers to something: the value, the items of a list, or the keys of a map.
pub(crate) fn referred(value: &Value) -> Box<dyn Iterator<Item = &Value> + '_> {
    match value {
        Value::List(items) => Box::new(items.iter()),
        Value::Map(entries) => Box::new(entries.iter().map(|(key, _)| key)),
        value => Box::new(std::iter::once(value)),
    }
}

fn default<'a>(column: &ColumnSchema) -> Result<Read<'a>, Wrong> {
    match &column.default {
        Some(value) => Ok(Read::Value(value.clone())),
        None => Err(Wrong {
            what: format!("expected {}, found nothing", column.cell.ty),
            help: "write a value, or give the column a `default` in the schema".to_owned(),
        }),
    }
}

fn help(cell: &CellType, given: Given<'_>) -> String {
    let word = match given {
        Given::Text(text) => text.trim(),
        Given::Json(json) => json.as_str().unwrap_or_default(),
        Given::Nothing => "",
    };
    match &cell.ty {
        Type::Enum(ty) => format!("{}write a variant of {}", did_you_mean(word, variants(ty)), ty.name),
        Type::Bool => "write true or false".to_owned(),
        Type::Text => format!("correct the text, or the bounds of `{}`", cell.name),
        Type::Bytes => "write an even number of hexadecimal digits, such as 00ff".to_owned(),
        Type::Int { .. } => "write a whole number within the bounds: no point, no separators".to_owned(),
        Type::Float32 | Type::Float64 => "write a number within the bounds, such as 1.5".to_owned(),
        ty => format!("write {ty} as JSON, such as {}", kuafu_def::value_to_json(ty, &ty.default_value())),
    }
}

fn variants(ty: &EnumType) -> impl Iterator<Item = &str> {
    ty.variants.iter().map(String::as_str)
}
