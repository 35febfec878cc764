//! Whole sets: access from Rust, bytes, and what a reload changed.

use kuafu_core::Value;
use kuafu_tables::{BytesError, Cell, DataSet, Kind};

use crate::support::{DEFINITIONS, definitions, loaded};

const SCHEMA: &str = "key = \"id\"\ndescription = \"Who lives here.\"\n[columns]\nid = \"uint32\"\nname = \"string\"\n\
                      hp = { type = \"int32\", default = 10 }\nkind = \"Kind\"\nat = { type = \"vec2\", default = [0, 0] }\n";

fn monsters(rows: &str) -> DataSet {
    loaded(&[("monsters.toml", SCHEMA), ("monsters.csv", &format!("id,name,hp,kind\n{rows}"))])
}

#[test]
fn rows_are_found_by_key_and_come_in_the_order_of_the_file() {
    let set = monsters("30,wolf,5,hat\n10,bear,,gem\n20,fox,7,hat\n");
    let table = set.table("monsters").expect("a table");
    assert_eq!(table.rows().filter_map(|row| row.int("id")).collect::<Vec<_>>(), [30, 10, 20]);
    let bear = table.row(10).expect("a row");
    assert_eq!((bear.int("hp"), bear.text("name"), bear.text("kind")), (Some(10), Some("bear"), Some("gem")));
    assert_eq!((bear.float("hp"), bear.number(), bear.key()), (Some(10.0), 1, Cell::Int(10)));
    assert!(matches!(bear.get("at"), Some(Cell::Value(Value::Vector(_)))));
    assert_eq!((bear.get("mana"), bear.int("name"), bear.flag("hp")), (None, None, None));
    assert!(table.row(11).is_none() && table.row("bear").is_none() && set.table("monster").is_none());
    let names: Vec<_> = table.columns().iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["id", "name", "hp", "kind", "at"]);
}

#[test]
fn a_set_comes_back_from_its_bytes() {
    let set = monsters("30,wölf,5,hat\n10,,3,gem\n".replace("10,,", "10,x,").as_str());
    let back = DataSet::from_bytes(&set.to_bytes(), &DEFINITIONS).expect("a set");
    assert_eq!(back, set);
    assert_eq!(back.table("monsters").and_then(|t| t.row(30)?.text("name")), Some("wölf"));
    assert_eq!(set.to_bytes(), set.clone().to_bytes(), "the same bytes every time");
}

#[test]
fn bytes_made_with_other_types_are_told_apart_from_broken_ones() {
    let bytes = monsters("30,wolf,5,hat\n").to_bytes();
    let other = definitions("[enums.Kind]\nvariants = [\"gem\", \"flower\", \"hat\"]\n");
    assert_eq!(DataSet::from_bytes(&bytes, &other), Err(BytesError::Definitions));
    assert_eq!(DataSet::from_bytes(&bytes[..bytes.len() - 1], &DEFINITIONS), Err(BytesError::Malformed));
    assert_eq!(DataSet::from_bytes(&[], &DEFINITIONS), Err(BytesError::Malformed));
    assert_eq!(DataSet::from_bytes(&[9], &DEFINITIONS), Err(BytesError::Form(9)));
}

#[test]
fn a_difference_counts_rows_by_key() {
    let old = monsters("1,wolf,5,hat\n2,bear,5,hat\n3,fox,5,gem\n");
    assert!(old.diff(&old.clone()).is_empty());
    assert_eq!(old.diff(&old).to_string(), "no data changed");
    let new = monsters("1,wolf,6,hat\n3,fox,5,gem\n4,owl,1,gem\n5,elk,1,gem\n");
    assert_eq!(new.diff(&old).to_string(), "monsters: 2 rows added, 1 row changed, 1 row removed");
    let turned = monsters("2,bear,5,hat\n1,wolf,5,hat\n3,fox,5,gem\n");
    assert_eq!(turned.diff(&old).to_string(), "monsters: another order");
}

#[test]
fn a_difference_names_new_lost_and_rebuilt_tables() {
    let id = "key = \"id\"\n[columns]\nid = \"uint32\"\n";
    let old = loaded(&[("a.toml", id), ("a.csv", "id\n1\n"), ("b.toml", id), ("b.csv", "id\n1\n")]);
    let wider = format!("{id}x = {{ type = \"bool\", default = true }}");
    let new = loaded(&[("b.toml", &wider), ("b.csv", "id\n1\n"), ("c.toml", id), ("c.csv", "id\n1\n2\n")]);
    let difference = new.diff(&old);
    assert_eq!(difference.to_string(), "a: gone, 1 row; b: other columns; c: new, 2 rows");
    assert_eq!(
        difference.tables.iter().map(|t| t.kind).collect::<Vec<_>>(),
        [Kind::Removed, Kind::Changed, Kind::Added]
    );
}
