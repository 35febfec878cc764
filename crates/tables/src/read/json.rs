//! Rows from JSON: a list of objects, a field a column.
//!
//! The text is cut into values here, since a parsed document no longer knows its lines; what a value is, `serde_json`
//! says. Fields whose name begins with `#` are notes.

use std::ops::Range;

use serde_json::Value as Json;

use crate::read::cell::{CELL_BYTES_MAX, Given, Rules};
use crate::read::csv::unknown_column;
use crate::read::rows::{Filler, RowPlace, Rows};
use crate::report::{Place, Report, did_you_mean};
use crate::schema::Schema;

/// Reads all rows. Problems go to the report.
pub(crate) fn read(text: &str, schema: &Schema, rules: Rules<'_>, report: &mut Report) -> Rows {
    let mut reader = RowReader { text, schema, filler: Filler::new(schema, rules), report, line: (0, 1) };
    if let Err(End::Fault(Fault { at, expected })) = reader.rows() {
        let found = text[at..].chars().next().map_or("the end of the file".to_owned(), |found| format!("`{found}`"));
        let message = format!("this is not JSON: expected {expected}, found {found}");
        let help = "a table is a list of objects: [{\"id\": 1}, …]; the rest of the file was not read";
        reader.report.add(Place::of(text, at), "syntax", message, help);
    }
    reader.filler.finish()
}

/// Where a column's value stands in a row; the row when there is none.
pub(crate) fn cell_place(text: &str, row: RowPlace, name: &str) -> Place {
    let mut scanner = Scanner { text, at: row.offset };
    let mut found = row.offset;
    // The row was read before, so that it has no fault.
    let _ = scanner.object(|key, value| {
        if key_name(&text[key]).as_deref() == Some(name) {
            found = value.start;
        }
    });
    Place::after(text, row.offset, row.line, found)
}

/// Why no further row is read.
enum End {
    Fault(Fault),
    /// The table is full, which is told.
    Full,
}

impl From<Fault> for End {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

struct RowReader<'a, 'r> {
    text: &'a str,
    schema: &'a Schema,
    filler: Filler<'a>,
    report: &'r mut Report,
    /// A byte and its line, to count on from.
    line: (usize, usize),
}

impl RowReader<'_, '_> {
    fn rows(&mut self) -> Result<(), End> {
        let mut scanner = Scanner { text: self.text, at: 0 };
        scanner.sign(b'[', "`[`, a list of objects")?;
        let mut number = 0;
        if !scanner.next_is(b']') {
            loop {
                number += 1;
                self.row(&mut scanner, number)?;
                if !scanner.next_is(b',') {
                    break;
                }
            }
            scanner.sign(b']', "`,` or `]`")?;
        }
        scanner.space();
        if scanner.at < self.text.len() { Err(scanner.fault("nothing behind the list").into()) } else { Ok(()) }
    }

    fn row(&mut self, scanner: &mut Scanner<'_>, number: usize) -> Result<(), End> {
        scanner.space();
        let (known, line) = self.line;
        // Not a whole place: to count the columns of each row would take forever in a file of one line.
        let newlines = self.text.as_bytes()[known..scanner.at].iter().filter(|byte| **byte == b'\n').count();
        self.line = (scanner.at, line + newlines);
        let row = RowPlace { offset: scanner.at, line: self.line.1, number };
        let (text, offset, line) = (self.text, row.offset, row.line);
        let start = || Place::after(text, offset, line, offset);
        if scanner.peek() != Some(b'{') {
            return Err(scanner.fault("`{`, a row").into());
        }
        self.filler.begin(row, start, self.report).map_err(|_| End::Full)?;
        let mut seen = vec![false; self.schema.columns.len()];
        let scanned = scanner.object(|key, value| self.field(key, value, &mut seen));
        for column in (0..seen.len()).filter(|column| !seen[*column]) {
            match scanned {
                Ok(()) => self.filler.cell(column, Given::Nothing, start, self.report),
                Err(_) => self.filler.blank(column),
            }
        }
        scanned.map_err(End::Fault)
    }

    fn field(&mut self, key: Range<usize>, value: Range<usize>, seen: &mut [bool]) {
        let (key_at, value_at) = (key.start, value.start);
        let Some(name) = key_name(&self.text[key]) else {
            let place = self.place(key_at);
            return self.report.add(place, "syntax", "the name of a field is no text", "write it in quotes");
        };
        let Some(column) = self.schema.column(&name) else {
            match (name.starts_with('#'), self.report.is_full()) {
                (true, _) => {}
                (false, true) => self.report.leave_out(),
                (false, false) => {
                    let nearest = did_you_mean(&name, self.schema.names());
                    let place = self.place(key_at);
                    let help = format!("{nearest}a name that begins with # is a note");
                    self.report.add(place, "column", unknown_column(&name), help);
                }
            }
            return;
        };
        if std::mem::replace(&mut seen[column], true) {
            let place = self.place(key_at);
            let message = self.filler.told(column, "the field is there twice");
            return self.report.add(place, "column", message, "take one of the two away");
        }
        let (text, line) = (self.text, self.line);
        let place = || Place::after(text, line.0, line.1, value_at);
        if value.len() > CELL_BYTES_MAX {
            let message =
                self.filler.told(column, &format!("expected at most {CELL_BYTES_MAX} bytes, found {}", value.len()));
            self.report.add(place(), "cell", message, "split the value over several rows");
            return self.filler.blank(column);
        }
        match serde_json::from_str::<Json>(&text[value]) {
            Ok(Json::Null) => self.filler.cell(column, Given::Nothing, place, self.report),
            Ok(json) => self.filler.cell(column, Given::Json(&json), place, self.report),
            Err(error) => {
                let message = self.filler.told(column, &format!("this is not JSON: {error}"));
                self.report.add(place(), "syntax", message, "correct the value; lines and columns count from it");
                self.filler.blank(column);
            }
        }
    }

    fn place(&self, at: usize) -> Place {
        Place::after(self.text, self.line.0, self.line.1, at)
    }
}

fn key_name(quoted: &str) -> Option<String> {
    serde_json::from_str(quoted).ok()
}

/// What does not stand where it must.
#[derive(Clone, Copy, Debug)]
struct Fault {
    at: usize,
    expected: &'static str,
}

/// Cuts a text into values without looking into them.
struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl Scanner<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn fault(&self, expected: &'static str) -> Fault {
        Fault { at: self.at, expected }
    }

    fn space(&mut self) {
        while self.peek().is_some_and(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    /// Passes over a sign, if it is the next.
    fn next_is(&mut self, sign: u8) -> bool {
        self.space();
        let is = self.peek() == Some(sign);
        self.at += usize::from(is);
        is
    }

    fn sign(&mut self, sign: u8, expected: &'static str) -> Result<(), Fault> {
        if self.next_is(sign) { Ok(()) } else { Err(self.fault(expected)) }
    }

    /// Passes over an object, and tells where its keys and values are.
    fn object(&mut self, mut each: impl FnMut(Range<usize>, Range<usize>)) -> Result<(), Fault> {
        self.sign(b'{', "`{`, a row")?;
        if self.next_is(b'}') {
            return Ok(());
        }
        loop {
            self.space();
            let key = self.at;
            if self.peek() != Some(b'"') {
                return Err(self.fault("the name of a field, in quotes"));
            }
            self.string()?;
            let key = key..self.at;
            self.sign(b':', "`:` behind the name of the field")?;
            self.space();
            let value = self.at;
            self.value()?;
            each(key, value..self.at);
            if !self.next_is(b',') {
                return self.sign(b'}', "`,` or `}`");
            }
        }
    }

    fn string(&mut self) -> Result<(), Fault> {
        let open = self.at;
        self.at += 1;
        loop {
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => self.at += 2,
                Some(_) => self.at += 1,
                None => return Err(Fault { at: open, expected: "a text that is closed" }),
            }
        }
        self.at += 1;
        Ok(())
    }

    /// Passes over a value: brackets are counted, whether they match is seen when it is parsed.
    fn value(&mut self) -> Result<(), Fault> {
        let (start, mut open) = (self.at, 0_u32);
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.string()?;
                    if open == 0 {
                        return Ok(());
                    }
                    continue;
                }
                Some(b'[' | b'{') => open += 1,
                Some(b']' | b'}') if open > 0 => {
                    open -= 1;
                    if open == 0 {
                        self.at += 1;
                        return Ok(());
                    }
                }
                Some(b',' | b']' | b'}' | b' ' | b'\t' | b'\r' | b'\n') if open == 0 => break,
                None if open == 0 => break,
                None => return Err(Fault { at: start, expected: "a value that is closed" }),
                Some(_) => {}
            }
            self.at += 1;
        }
        if self.at == start { Err(self.fault("a value")) } else { Ok(()) }
    }
}
