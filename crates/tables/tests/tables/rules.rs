//! Each rule of cells, rows and schemas, one behaviour a test.

use kuafu_core::{Limits, Value};
use kuafu_tables::Cell;

use crate::support::{lines_of, load, load_within, loaded, problems, told};

/// The problems of a table `t` with a key `id` and one more column.
fn cell(column: &str, written: &str) -> Vec<String> {
    let schema = format!("key = \"id\"\n[columns]\nid = \"uint32\"\nx = {column}\n");
    told(&[("t.toml", &schema), ("t.csv", &format!("id,x\n1,{written}\n"))])
}

/// What a cell becomes.
fn value(column: &str, written: &str) -> Value {
    let schema = format!("key = \"id\"\n[columns]\nid = \"uint32\"\nx = {column}\n");
    let set = loaded(&[("t.toml", &schema), ("t.csv", &format!("id,x\n1,{written}\n"))]);
    set.table("t").and_then(|t| t.row(1)?.get("x").map(Cell::to_value)).expect("the cell")
}

const ID: &str = "key = \"id\"\n[columns]\nid = \"uint32\"\n";

#[test]
fn a_cell_is_read_by_the_type_of_its_column() {
    assert_eq!(value("\"int8\"", " -7 "), Value::Int(-7));
    assert_eq!(value("\"uint64 wide\"", "18446744073709551615"), Value::Int(-1));
    assert_eq!(value("\"float32\"", "0.1"), Value::Float(f64::from(0.1_f32)));
    assert_eq!(value("\"float64\"", "1e3"), Value::Float(1000.0));
    assert_eq!(value("\"bool\"", "TRUE"), Value::Bool(true));
    assert_eq!(value("\"string\"", "\" a, \"\"b\"\"\n\""), Value::text(" a, \"b\"\n"));
    assert_eq!(value("\"bytes\"", "00ff"), Value::Bytes([0, 255].into()));
    assert_eq!(value("\"Kind\"", "hat"), Value::Int(2));
    assert_eq!(value("\"Item\"", "\"{\"\"kind\"\": \"\"gem\"\"}\""), Value::List(vec![1.into(), 1.into()]));
    assert_eq!(value("\"list<int8>\"", "\"[1, 2]\""), Value::List(vec![1.into(), 2.into()]));
    let map = Value::Map(vec![("a".into(), 1.into())]);
    assert_eq!(value("\"map<string, int8>\"", "\"{\"\"a\"\": 1}\""), map);
}

#[test]
fn a_cell_that_does_not_fit_is_told_with_row_column_and_what_stands_there() {
    let one = |column: &str, written: &str| cell(column, written).join(" | ");
    assert_eq!(one("\"int8\"", "300"), "data/t.csv:2:3: column `x`, row 1: expected int8 from -128 to 127, found 300");
    assert_eq!(
        one("\"uint8\"", "-1"),
        "data/t.csv:2:3: column `x`, row 1: expected a whole number from 0 to 255, found \"-1\""
    );
    assert_eq!(
        one("\"int32\"", "1.5"),
        "data/t.csv:2:3: column `x`, row 1: expected a whole number from -2147483648 to 2147483647, found \"1.5\""
    );
    assert_eq!(one("\"float64\"", "inf"), "data/t.csv:2:3: column `x`, row 1: expected float64, found \"inf\"");
    assert_eq!(one("\"bool\"", "yes"), "data/t.csv:2:3: column `x`, row 1: expected true or false, found \"yes\"");
    assert_eq!(
        one("\"Kind\"", "hut"),
        "data/t.csv:2:3: column `x`, row 1: expected a variant of Kind (flower, gem, hat), found \"hut\""
    );
    assert_eq!(
        one("\"list<Item>\"", "\"[{\"\"kind\"\": \"\"gem\"\"}, {\"\"kin\"\": 1}]\""),
        "data/t.csv:2:3: column `x`, row 1: at [1]: expected only the fields of Item (kind, count), found `kin`"
    );
    assert!(
        one("\"vec3\"", "1 2 3")
            .starts_with("data/t.csv:2:3: column `x`, row 1: expected vec3 as JSON, found \"1 2 3\"")
    );
}

#[test]
fn bounds_hold_and_the_help_names_what_was_probably_meant() {
    let min = "{ type = \"int32\", min = 1, max = 9 }";
    assert_eq!(cell(min, "0"), ["data/t.csv:2:3: column `x`, row 1: expected at least 1, found 0"]);
    assert_eq!(cell(min, "10"), ["data/t.csv:2:3: column `x`, row 1: expected at most 9, found 10"]);
    let text = "{ type = \"string\", max_length = 3 }";
    assert_eq!(value(text, "äöü"), Value::text("äöü"), "characters count, not bytes");
    assert_eq!(cell(text, "abcd"), ["data/t.csv:2:3: column `x`, row 1: expected a length of at most 3, found 4"]);
    let list = "{ type = \"list<int8>\", max_length = 1 }";
    assert_eq!(
        cell(list, "\"[1, 2]\""),
        ["data/t.csv:2:3: column `x`, row 1: expected a length of at most 1, found 2"]
    );
    let help = problems(&[("t.toml", &format!("{ID}x = \"Kind\"")), ("t.csv", "id,x\n1,flowr\n")]);
    assert!(help.contains("help: did you mean `flower`?"), "{help}");
}

#[test]
fn an_empty_cell_takes_the_default_or_is_a_problem() {
    assert_eq!(value("{ type = \"int32\", default = 5 }", ""), Value::Int(5));
    assert_eq!(value("{ type = \"string\", default = \"\" }", ""), Value::text(""));
    assert_eq!(cell("\"string\"", ""), ["data/t.csv:2:3: column `x`, row 1: expected string, found nothing"]);
    assert_eq!(cell("\"int32\"", "  "), ["data/t.csv:2:3: column `x`, row 1: expected int32, found nothing"]);
    let schema = format!("{ID}x = {{ type = \"int32\", default = 5 }}\ny = \"bool\"");
    let set = loaded(&[
        ("t.toml", &schema),
        ("t.csv", "id,y\n1,true\n"),
        ("u.toml", &schema),
        ("u.json", "[{\"id\": 1, \"x\": null, \"y\": true}]"),
    ]);
    assert_eq!(set.table("t").and_then(|t| t.row(1)?.int("x")), Some(5), "a column that is not there");
    assert_eq!(set.table("u").and_then(|t| t.row(1)?.int("x")), Some(5), "a null");
}

#[test]
fn a_header_has_every_column_once_and_no_other() {
    let schema = format!("{ID}hp = \"int32\"\nname = \"string\"");
    let header = |header: &str| told(&[("t.toml", &schema), ("t.csv", &format!("{header}\n"))]);
    assert_eq!(header("id,hp"), ["data/t.csv:1:1: the column `name` is missing"]);
    assert_eq!(header("id,hp,name,hp"), ["data/t.csv:1:12: there are two columns `hp`"]);
    assert_eq!(header("id,hp,name,level"), ["data/t.csv:1:12: the schema has no column `level`"]);
    assert_eq!(header("id,hp,name,"), ["data/t.csv:1:12: a column has no name"]);
    assert_eq!(told(&[("t.toml", &schema), ("t.csv", "")]), ["data/t.csv:1:1: the file is empty"]);
    assert!(
        problems(&[("t.toml", &schema), ("t.csv", "id;hp;name\n1;2;x\n")]).contains("cells are separated by commas")
    );
    assert!(
        load(&[("t.toml", &schema), ("t.csv", "#why, hp ,name,id\nnew,1,x,2\n")]).is_ok(),
        "notes, spaces, any order"
    );
}

#[test]
fn a_row_of_another_length_is_told_and_the_others_are_still_read() {
    let files = [("t.toml", &*format!("{ID}x = \"int8\"")), ("t.csv", "id,x\n1\n2,2\n3,3,3\n4,y\n")];
    assert_eq!(
        told(&files),
        [
            "data/t.csv:2:1: row 1 has 1 cells, the header 2",
            "data/t.csv:4:1: row 3 has 3 cells, the header 2",
            "data/t.csv:5:3: column `x`, row 4: expected a whole number from -128 to 127, found \"y\"",
        ]
    );
}

#[test]
fn marks_line_ends_gaps_and_quoted_newlines_of_spreadsheets_are_understood() {
    let csv = "\u{feff}id,x\r\n1,\"a\nb\"\r\n\r\n,\r\n2,c\r\n3,";
    let files = [("t.toml", &*format!("{ID}x = \"string\"")), ("t.csv", csv)];
    assert_eq!(told(&files), ["data/t.csv:7:3: column `x`, row 4: expected string, found nothing"]);
    let set = loaded(&[files[0], ("t.csv", csv.strip_suffix("3,").expect("the last row"))]);
    let texts: Vec<_> = set.table("t").expect("a table").rows().filter_map(|row| row.text("x")).collect();
    assert_eq!(texts, ["a\nb", "c"]);
}

#[test]
fn a_stray_quote_is_one_problem_and_not_one_for_every_row_behind_it() {
    let schema = format!("{ID}x = \"string\"");
    let stray = |csv: &str| told(&[("t.toml", &schema), ("t.csv", csv)]);
    assert_eq!(stray("id,x\n1,\"a\n2,b\n3,c\n"), ["data/t.csv:2:3: the quote that is opened here is never closed"]);
    assert_eq!(stray("id,x\n1,\"a\"b\n2,b\n"), ["data/t.csv:2:6: the cell goes on behind its closing quote"]);
    assert!(load(&[("t.toml", &schema), ("t.csv", "id,x\n1,5\" pipe\n")]).is_ok());
}

#[test]
fn bytes_that_are_no_utf8_are_told_where_they_stand() {
    let load = |bytes: &[u8]| {
        let files = [("t.toml", ID.as_bytes()), ("t.csv", bytes)];
        let files = kuafu_tables::Files::in_memory("data", files);
        let read = kuafu_tables::DataSet::from_files(files, &crate::support::DEFINITIONS, &Limits::default());
        lines_of(&read.expect_err("no UTF-8"))
    };
    assert_eq!(load(b"id\n1\n\xe4"), ["data/t.csv:3:1: the byte here is not part of any UTF-8 character"]);
    assert_eq!(load(b"\xff\xfei\0d\0"), ["data/t.csv:1:1: this is UTF-16"]);
}

#[test]
fn keys_and_unique_columns_hold_a_value_once() {
    let schema = format!("{ID}name = {{ type = \"string\", unique = true }}");
    let csv = "id,name\n1,a\n2,b\n1,c\n3,a\n1,d\n";
    assert_eq!(
        told(&[("t.toml", &schema), ("t.csv", csv)]),
        [
            "data/t.csv:4:1: column `id`, row 3: 1 stands already in row 1 (line 2)",
            "data/t.csv:5:3: column `name`, row 4: \"a\" stands already in row 1 (line 2)",
            "data/t.csv:6:1: column `id`, row 5: 1 stands already in row 1 (line 2)",
        ]
    );
}

#[test]
fn a_reference_leads_to_a_row_or_is_the_default() {
    let items = ("items.toml", "key = \"name\"\n[columns]\nname = \"string\"");
    let rows = ("items.csv", "name\nsword\nshield\n");
    let schema = format!(
        "{ID}drops = {{ type = \"list<string>\", references = \"items\" }}\n\
         best = {{ type = \"string\", references = \"items\", default = \"\" }}\n\
         next = {{ type = \"uint16\", references = \"t\", default = 0 }}"
    );
    let csv = "id,drops,best,next\n1,\"[\"\"sword\"\"]\",,2\n2,\"[\"\"sword\"\",\"\"shild\"\"]\",bow,0\n";
    let files = [items, rows, ("t.toml", &*schema), ("t.csv", csv)];
    assert_eq!(
        told(&files),
        [
            "data/t.csv:3:3: column `drops`, row 2: `items` has no row with the key \"shild\"",
            "data/t.csv:3:27: column `best`, row 2: `items` has no row with the key \"bow\"",
        ]
    );
    assert!(problems(&files).contains("did you mean `shield`?"));
    let odd = [
        items,
        rows,
        (
            "t.toml",
            &*format!(
                "{ID}a = {{ type = \"int8\", references = \"items\" }}\nb = {{ type = \"int8\", references = \"itms\" }}"
            ),
        ),
        ("t.csv", "id,a,b\n"),
    ];
    assert_eq!(
        told(&odd),
        [
            "data/t.toml:4:35: int8 cannot refer to `items`, whose key is string",
            "data/t.toml:5:35: there is no table `itms`",
        ]
    );
}

#[test]
fn a_reference_into_a_table_with_problems_is_not_told_as_well() {
    let schema = format!("{ID}x = {{ type = \"uint32\", references = \"u\" }}");
    let files = |u: &'static str| {
        [
            ("t.toml", schema.clone()),
            ("t.csv", "id,x\n1,7\n".to_owned()),
            ("u.toml", ID.to_owned()),
            ("u.csv", u.to_owned()),
        ]
    };
    let told = |u| {
        let files = files(u);
        let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
        lines_of(&load(&files).expect_err("problems"))
    };
    assert_eq!(told("id\nseven\n").len(), 1);
    let lost = crate::support::told(&[("t.toml", &schema), ("t.csv", "id,x\n1,7\n"), ("u.csv", "id\n")]);
    assert_eq!(lost, ["data/u.csv:1:1: there is no schema for this file"]);
    assert_eq!(told("id\n8\n"), ["data/t.csv:2:3: column `x`, row 1: `u` has no row with the key 7"]);
}

#[test]
fn names_of_entity_types_are_held_against_the_definitions() {
    let schema = format!("{ID}spawns = {{ type = \"list<string>\", names = \"entity\" }}");
    let csv = |name: &str| format!("id,spawns\n1,\"[\"\"wisp\"\", \"\"{name}\"\"]\"\n");
    assert!(load(&[("t.toml", &schema), ("t.csv", &csv("avatar"))]).is_ok());
    let text = problems(&[("t.toml", &schema), ("t.csv", &csv("avatr"))]);
    assert!(text.contains("2:3: column `spawns`, row 1: there is no entity type \"avatr\""), "{text}");
    assert!(text.contains("did you mean `avatar`?"), "{text}");
}

#[test]
fn a_complete_table_has_a_row_for_every_variant() {
    let schema = "key = \"kind\"\ncomplete = true\n[columns]\nkind = \"Kind\"\n";
    assert_eq!(
        told(&[("t.toml", schema), ("t.csv", "kind\nhat\nflower\n")]),
        ["data/t.csv:1:1: there is no row for `gem` of Kind"]
    );
    let set = loaded(&[("t.toml", schema), ("t.csv", "kind\nhat\nflower\ngem\n")]);
    let table = set.table("t").expect("a table");
    assert_eq!(table.row("gem").map(|row| row.number()), Some(2));
    assert_eq!(table.row(2).and_then(|row| row.text("kind")), Some("hat"), "by the index of the variant");
}

#[test]
fn json_rows_are_told_with_the_place_of_the_value() {
    let schema = format!("{ID}x = \"int8\"\ny = {{ type = \"list<int8>\", default = [] }}");
    let json = "[\n  {\"id\": 1, \"x\": 5, \"#why\": {}},\n  {\"id\": 2,\n   \"x\": 500, \"z\": [\"}\"]},\n  {\"id\": 2, \"y\": [1, \"a\"], \"y\": 1}\n]\n";
    assert_eq!(
        told(&[("t.toml", &schema), ("t.json", json)]),
        [
            "data/t.json:4:9: column `x`, row 2: expected a whole number from -128 to 127, found 500",
            "data/t.json:4:14: the schema has no column `z`",
            "data/t.json:5:3: column `x`, row 3: expected int8, found nothing",
            "data/t.json:5:10: column `id`, row 3: 2 stands already in row 2 (line 3)",
            "data/t.json:5:18: column `y`, row 3: at [1]: expected a whole number from -128 to 127, found \"a\"",
            "data/t.json:5:28: column `y`, row 3: the field is there twice",
        ]
    );
}

#[test]
fn json_that_breaks_off_is_one_problem_at_the_place() {
    let json = |json: &str| told(&[("t.toml", ID), ("t.json", json)]).join(" | ");
    assert_eq!(json("{}"), "data/t.json:1:1: this is not JSON: expected `[`, a list of objects, found `{`");
    assert_eq!(json("[{\"id\": 1}\n{\"id\": 2}]"), "data/t.json:2:1: this is not JSON: expected `,` or `]`, found `{`");
    assert_eq!(
        json("[{\"id\": 1"),
        "data/t.json:1:10: this is not JSON: expected `,` or `}`, found the end of the file"
    );
    assert_eq!(json("[] 1"), "data/t.json:1:4: this is not JSON: expected nothing behind the list, found `1`");
    assert_eq!(
        json("[{\"id\": [1}"),
        "data/t.json:1:9: column `id`, row 1: this is not JSON: expected `,` or `]` at line 1 column 3 | data/t.json:1:12: this is not JSON: expected `,` or `}`, found the end of the file"
    );
    assert_eq!(json("[{\"id\": [1"), "data/t.json:1:9: this is not JSON: expected a value that is closed, found `[`");
    assert!(json("[{\"id\": 1e}]").starts_with("data/t.json:1:9: column `id`, row 1: this is not JSON:"));
    assert!(load(&[("t.toml", ID), ("t.json", " [ ] ")]).is_ok());
}

#[test]
fn limits_end_a_table_with_one_problem() {
    let csv: String = (0..20).fold("id\n".to_owned(), |csv, id| format!("{csv}{id}\n"));
    let rows = Limits { data_table_rows_max: 5, ..Limits::default() };
    let told = lines_of(&load_within(&[("t.toml", ID), ("t.csv", &csv)], &rows).expect_err("too many rows"));
    assert_eq!(told, ["data/t.csv:7:1: a table has at most 5 rows"]);
    let bytes = Limits { data_bytes_max: 50, ..Limits::default() };
    let told = lines_of(&load_within(&[("t.toml", ID), ("t.csv", &csv)], &bytes).expect_err("too many bytes"));
    assert_eq!(told, ["data/t.csv:1:1: a data file has at most 50 bytes"]);
    let schema = format!("{ID}x = {{ type = \"string\", default = \"{}\" }}", "y".repeat(60_000));
    let growth = Limits { data_bytes_max: 70_000, ..Limits::default() };
    let told = lines_of(&load_within(&[("t.toml", &schema), ("t.csv", &csv)], &growth).expect_err("defaults grow"));
    assert_eq!(told, ["data/t.csv:7:1: the table takes more than 280000 bytes with its defaults"]);
}

#[test]
fn many_problems_are_counted_and_not_listed() {
    let csv: String = (0..1_000).fold("id\n".to_owned(), |csv, _| csv + "x\n");
    let told = told(&[("t.toml", ID), ("t.csv", &csv)]);
    assert_eq!(told.len(), 201);
    assert!(told[200].ends_with("and 800 more problems in this file"), "{}", told[200]);
}

#[test]
fn a_file_of_one_line_is_read_as_quickly_as_any() {
    let rows: Vec<String> = (0..100_000).map(|id| format!("{{\"id\":{id},\"x\":\"{id}\"}}")).collect();
    let json = format!("[{}]", rows.join(","));
    let set = loaded(&[("t.toml", &format!("{ID}x = \"string\"")), ("t.json", &json)]);
    assert_eq!(set.table("t").and_then(|t| t.row(99_999)?.text("x")), Some("99999"));
    let header = "#,".repeat(2_000_000);
    let told = told(&[("t.toml", ID), ("t.csv", &header)]);
    assert_eq!(told, ["data/t.csv:1:1: the header has 2000001 cells"]);
}

#[test]
fn a_table_in_which_everything_is_wrong_is_not_read_to_its_end() {
    let schema = format!("{ID}a = \"Kind\"\nb = \"Kind\"\nc = \"Kind\"");
    let csv: String = (0..60_000).fold("id,a,b,c\n".to_owned(), |csv, id| csv + &format!("{id},x,y,z\n"));
    let told = told(&[("t.toml", &schema), ("t.csv", &csv)]);
    let last = told.last().expect("problems");
    // 33,334 rows make more than 100,000 wrong cells; the rest of the file counts as one.
    assert!(last.ends_with("and 99803 more problems in this file"), "{last}");
}

#[test]
fn files_without_their_counterpart_are_problems() {
    assert_eq!(told(&[("t.csv", "id\n")]), ["data/t.csv:1:1: there is no schema for this file"]);
    assert_eq!(told(&[("t.toml", ID)]), ["data/t.toml:1:1: the rows are missing: there is no t.csv and no t.json"]);
    assert_eq!(
        told(&[("t.toml", ID), ("t.csv", "id\n"), ("t.json", "[]")]),
        ["data/t.toml:1:1: the rows are in t.csv and in t.json"]
    );
    assert!(load(&[("notes.md", "#"), (".~lock.t.csv", "x")]).is_ok(), "what is no data file is nobody's business");
    assert!(load(&[]).is_ok());
}

#[test]
fn a_folder_that_is_not_there_is_an_empty_set_and_a_folder_is_no_file() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let load = |dir: &std::path::Path| kuafu_tables::DataSet::load(dir, &crate::support::DEFINITIONS);
    assert_eq!(load(&dir.path().join("data")).map(|set| set.tables().len()), Ok(0));
    std::fs::create_dir(dir.path().join("t.csv")).expect("a folder");
    std::fs::write(dir.path().join("t.toml"), ID).expect("a file");
    let problems = load(dir.path()).expect_err("a folder instead of a file");
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert_eq!(problems[0].message, "this is not a file");
}
