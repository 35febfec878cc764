//! Tables whose rows a query brings.

use kuafu_core::Limits;
use kuafu_tables::{Draft, Files, Query, QueryCell, QueryRows};

use crate::support::{DEFINITIONS, lines_of};

const QUERY: &str = "SELECT id, name, rare FROM pets ORDER BY id";

fn draft() -> Draft {
    let pets = format!(
        "key = \"id\"\nquery = \"{QUERY}\"\n[columns]\nid = \"uint32\"\nname = \"string\"\n\
         rare = \"bool\"\nspeed = {{ type = \"float32\", default = 1.5 }}\n"
    );
    let owners =
        "key = \"id\"\n[columns]\nid = \"uint32\"\npet = { type = \"uint32\", references = \"pets\" }\n".to_owned();
    let files = [("pets.toml", pets), ("owners.toml", owners), ("owners.csv", "id,pet\n1,7\n".to_owned())];
    Draft::read(Files::in_memory("data", files), &DEFINITIONS, &Limits::default())
}

fn answer(rows: Vec<Vec<QueryCell>>) -> QueryRows {
    QueryRows { columns: ["id", "name", "rare"].map(str::to_owned).to_vec(), rows }
}

fn row(id: i64, name: &str, rare: QueryCell) -> Vec<QueryCell> {
    vec![QueryCell::Integer(id), QueryCell::Text(name.to_owned()), rare]
}

#[test]
fn a_query_brings_the_rows_and_the_set_is_checked_as_one() {
    let mut draft = draft();
    assert_eq!(draft.queries().collect::<Vec<_>>(), [Query { table: "pets", text: QUERY }]);
    draft
        .fill("pets", &answer(vec![row(7, "", QueryCell::Integer(1)), row(8, "b", QueryCell::Text("false".into()))]))
        .expect("a query");
    assert_eq!(draft.queries().count(), 0);
    let set = draft.finish().expect("no problems");
    let pet = set.table("pets").and_then(|pets| pets.row(7)).expect("a row");
    assert_eq!((pet.text("name"), pet.flag("rare"), pet.float("speed")), (Some(""), Some(true), Some(1.5)));
    assert_eq!(set.table("pets").and_then(|pets| pets.query()), Some(QUERY));
}

#[test]
fn what_a_query_brings_is_checked_like_a_file() {
    let mut draft = draft();
    let mut rows =
        vec![row(8, "a", QueryCell::Integer(2)), row(8, "b", QueryCell::Null), row(9, "c", QueryCell::Number(0.5))];
    rows.push(vec![QueryCell::Null]);
    draft.fill("pets", &answer(rows)).expect("a query");
    let told = lines_of(&draft.finish().expect_err("problems"));
    assert_eq!(
        told,
        [
            "data/pets.toml:2:9: column `rare`, row 1: expected bool, found 2",
            "data/pets.toml:2:9: column `rare`, row 2: expected bool, found nothing",
            "data/pets.toml:2:9: column `rare`, row 3: expected bool, found 0.5",
            "data/pets.toml:2:9: column `id`, row 2: 8 stands already in row 1",
            "data/pets.toml:2:9: row 4 has 1 cells, the query 3",
        ]
    );
}

#[test]
fn a_reference_into_the_rows_of_a_query_is_checked() {
    let mut draft = draft();
    draft.fill("pets", &answer(vec![])).expect("a query");
    let told = lines_of(&draft.finish().expect_err("a reference to nothing"));
    assert_eq!(told, ["data/owners.csv:2:3: column `pet`, row 1: `pets` has no row with the key 7"]);
}

#[test]
fn without_an_answer_the_table_is_empty_and_nothing_is_said_of_references_to_it() {
    let set = draft().finish().expect("no problems");
    assert_eq!(set.table("pets").map(|pets| pets.len()), Some(0));
}

#[test]
fn a_query_that_fails_or_has_other_columns_is_a_problem_of_the_project() {
    let mut failed = draft();
    failed.fail("pets", "no such table: pets").expect("a query");
    assert_eq!(failed.queries().count(), 0);
    let told = lines_of(&failed.finish().expect_err("a problem"));
    assert_eq!(told, ["data/pets.toml:2:9: the query failed: no such table: pets"]);
    let mut other = draft();
    let columns = ["id", "nmae", "rare"].map(str::to_owned).to_vec();
    other.fill("pets", &QueryRows { columns, rows: vec![row(7, "a", QueryCell::Integer(0))] }).expect("a query");
    let told = lines_of(&other.finish().expect_err("problems"));
    assert_eq!(
        told,
        ["data/pets.toml:2:9: the query has no column `name`", "data/pets.toml:2:9: the schema has no column `nmae`",]
    );
    assert!(draft().fill("owners", &QueryRows::default()).is_err());
}
