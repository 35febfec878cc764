//! Random tables come back as they were written, and random damage is told with a line of the file.

use std::collections::BTreeMap;

use kuafu_core::{Limits, Value};
use kuafu_tables::{Cell, DataSet, Files, fuzz};
use proptest::prelude::*;
use serde_json::json;

use crate::support::{DEFINITIONS, load, loaded};

const SCHEMA: &str = "key = \"id\"\n[columns]\nid = \"int64\"\nname = { type = \"string\", default = \"\" }\n\
                      ratio = \"float64\"\nsmall = \"float32\"\nflag = \"bool\"\nkind = \"Kind\"\nlist = \"list<uint16>\"\n\
                      map = \"map<string, bool>\"\n";

const KINDS: [&str; 3] = ["flower", "gem", "hat"];

#[derive(Clone, Debug)]
struct Row {
    name: String,
    ratio: f64,
    small: f32,
    flag: bool,
    kind: usize,
    list: Vec<u16>,
    map: BTreeMap<String, bool>,
}

prop_compose! {
    fn any_row()(
        name in "[a-zäß,\"'\r\n ]{0,12}",
        ratio in proptest::num::f64::NORMAL | proptest::num::f64::ZERO,
        small in proptest::num::f32::NORMAL,
        flag: bool,
        kind in 0..3_usize,
        list in prop::collection::vec(any::<u16>(), 0..4),
        map in prop::collection::btree_map("[a-z\"]{0,3}", any::<bool>(), 0..3),
    ) -> Row {
        Row { name, ratio, small, flag, kind, list, map }
    }
}

/// Rows by key, in an order that is not that of the keys.
fn any_rows() -> impl Strategy<Value = Vec<(i64, Row)>> {
    let exact = -(1_i64 << 53)..=(1_i64 << 53);
    prop::collection::btree_map(exact, any_row(), 0..12).prop_map(|rows| rows.into_iter().collect()).prop_shuffle()
}

fn csv_of(rows: &[(i64, Row)]) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(["id", "name", "ratio", "small", "flag", "kind", "list", "map"]).expect("memory");
    for (id, row) in rows {
        let Row { name, ratio, small, flag, kind, list, map } = row;
        let (list, map) = (json!(list).to_string(), json!(map).to_string());
        let numbers = [id.to_string(), ratio.to_string(), small.to_string(), flag.to_string()];
        let [id, ratio, small, flag] = &numbers;
        writer.write_record([id, name, ratio, small, flag, KINDS[*kind], &list, &map]).expect("memory");
    }
    String::from_utf8(writer.into_inner().expect("memory")).expect("text")
}

fn json_of(rows: &[(i64, Row)]) -> String {
    let rows = rows.iter().map(|(id, row)| {
        let Row { name, ratio, small, flag, kind, list, map } = row;
        json!({"id": id, "name": name, "ratio": ratio, "small": small, "flag": flag, "kind": KINDS[*kind],
               "list": list, "map": map})
    });
    serde_json::to_string_pretty(&rows.collect::<Vec<_>>()).expect("JSON")
}

fn cells_of((id, row): &(i64, Row)) -> Vec<Value> {
    let list = row.list.iter().map(|item| Value::Int(i64::from(*item))).collect();
    let map = row.map.iter().map(|(key, flag)| (Value::text(key), Value::Bool(*flag))).collect();
    vec![
        Value::Int(*id),
        Value::text(&row.name),
        Value::Float(row.ratio),
        Value::Float(f64::from(row.small)),
        Value::Bool(row.flag),
        Value::Int(row.kind as i64),
        Value::List(list),
        Value::Map(map),
    ]
}

/// One bit of damage.
#[derive(Clone, Debug)]
enum Damage {
    Remove(prop::sample::Index, usize),
    Insert(prop::sample::Index, Vec<u8>),
    Replace(prop::sample::Index, u8),
    CutOff(prop::sample::Index),
}

fn any_damage() -> impl Strategy<Value = Damage> {
    let sign = prop::sample::select(b"\",\r\n[]{}:#=\\0-xX\xff".to_vec());
    prop_oneof![
        (any::<prop::sample::Index>(), 1..9_usize).prop_map(|(at, count)| Damage::Remove(at, count)),
        (any::<prop::sample::Index>(), prop::collection::vec(sign.clone(), 1..4))
            .prop_map(|(at, new)| Damage::Insert(at, new)),
        (any::<prop::sample::Index>(), sign).prop_map(|(at, new)| Damage::Replace(at, new)),
        any::<prop::sample::Index>().prop_map(Damage::CutOff),
    ]
}

fn damage(bytes: &mut Vec<u8>, damage: &Damage) {
    match damage {
        _ if bytes.is_empty() => {}
        Damage::Remove(at, count) => {
            let at = at.index(bytes.len());
            bytes.drain(at..(at + count).min(bytes.len()));
        }
        Damage::Insert(at, new) => {
            let at = at.index(bytes.len());
            bytes.splice(at..at, new.iter().copied());
        }
        Damage::Replace(at, new) => {
            let at = at.index(bytes.len());
            bytes[at] = *new;
        }
        Damage::CutOff(at) => bytes.truncate(at.index(bytes.len())),
    }
}

fn lines(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte == b'\n').count() + 1
}

proptest! {
    #[test]
    fn what_was_written_is_read_from_csv_from_json_and_from_bytes(rows in any_rows()) {
        let from_csv = loaded(&[("t.toml", SCHEMA), ("t.csv", &csv_of(&rows))]);
        let from_json = loaded(&[("t.toml", SCHEMA), ("t.json", &json_of(&rows))]);
        prop_assert_eq!(&from_csv, &from_json);
        let back = DataSet::from_bytes(&from_csv.to_bytes(), &DEFINITIONS);
        prop_assert_eq!(back.as_ref(), Ok(&from_csv));
        prop_assert!(from_csv.diff(&from_json).is_empty());
        let table = from_csv.table("t").expect("a table");
        prop_assert_eq!(table.len(), rows.len());
        for (row, written) in table.rows().zip(&rows) {
            prop_assert_eq!(row.cells().map(|(_, cell)| cell.to_value()).collect::<Vec<_>>(), cells_of(written));
            prop_assert_eq!(table.row(written.0).map(|row| row.number()), Some(row.number()));
        }
    }

    #[test]
    fn damaged_files_never_panic_and_always_name_a_line_of_a_file(
        rows in any_rows(),
        damages in prop::collection::vec(any_damage(), 1..6),
        which in 0..3_usize,
    ) {
        let mut files = [("t.toml", SCHEMA.as_bytes().to_vec()), ("t.csv", csv_of(&rows).into_bytes())];
        if which == 2 {
            files[1] = ("t.json", json_of(&rows).into_bytes());
        }
        for one in &damages {
            damage(&mut files[which.min(1)].1, one);
        }
        let read = DataSet::from_files(Files::in_memory("data", files.clone()), &DEFINITIONS, &Limits::default());
        let Err(problems) = read else { return Ok(()) };
        prop_assert!(!problems.is_empty());
        for problem in problems {
            let name = problem.file.file_name().expect("a file").to_string_lossy().into_owned();
            let (_, bytes) = files.iter().find(|(file, _)| *file == name).expect("a file of the set");
            prop_assert!((1..=lines(bytes)).contains(&problem.line), "{}", problem);
            prop_assert!(problem.column >= 1);
        }
    }

    /// The oracle counts lines while it writes them.
    #[test]
    fn a_wrong_cell_is_told_at_its_line_and_column(
        rows in prop::collection::vec(("[a-zß,\"\n]{1,8}", any::<bool>(), 0..3_usize), 1..10),
        wrong in any::<prop::sample::Index>(),
    ) {
        let (mut text, mut expected) = ("id,name,x\n".to_owned(), (0, 0));
        for (at, (name, crlf, gaps)) in rows.iter().enumerate() {
            let end = if *crlf { "\r\n" } else { "\n" };
            text += &end.repeat(*gaps);
            text += &format!("{at},\"{}\",", name.replace('"', "\"\""));
            let line_start = text.rfind('\n').map_or(0, |newline| newline + 1);
            let place = (lines(text.as_bytes()), text[line_start..].chars().count() + 1);
            text += if wrong.index(rows.len()) == at { "oops" } else { "1" };
            text += end;
            if wrong.index(rows.len()) == at {
                expected = place;
            }
        }
        let schema = "key = \"id\"\n[columns]\nid = \"uint8\"\nname = \"string\"\nx = \"uint8\"\n";
        let problems = load(&[("t.toml", schema), ("t.csv", &text)]).expect_err("one wrong cell");
        prop_assert_eq!(problems.len(), 1);
        prop_assert_eq!((problems[0].line, problems[0].column), expected, "{}", text);
    }

    #[test]
    fn damaged_bytes_of_a_set_never_panic(rows in any_rows(), damages in prop::collection::vec(any_damage(), 1..4)) {
        let mut bytes = loaded(&[("t.toml", SCHEMA), ("t.csv", &csv_of(&rows))]).to_bytes();
        for one in &damages {
            damage(&mut bytes, one);
        }
        if let Ok(set) = DataSet::from_bytes(&bytes, &DEFINITIONS) {
            for row in set.tables().flat_map(|table| table.rows()) {
                prop_assert!(matches!(row.key(), Cell::Int(_) | Cell::Text(_) | Cell::Enum(..)));
                prop_assert!(row.cells().all(|(_, cell)| cell == cell || cell.as_float().is_some()));
            }
        }
    }

    #[test]
    fn the_fuzz_entry_takes_anything(bytes in prop::collection::vec(any::<u8>(), 0..200), text in "[id,nameworth0-9\n\"\\[\\]{}:]{0,80}") {
        fuzz(&bytes);
        fuzz(text.as_bytes());
        fuzz(format!("id,name\n{text}").as_bytes());
    }
}
