//! A data table whose rows come from SQL: read at the start and on reload, from the game's own database, and only read.

use std::path::Path;
use std::time::{Duration, Instant};

use kuafu_core::Value;
use kuafu_store::DATABASE_FILE;
use serde_json::Value as Json;
use sqlx::ConnectOptions;

use super::game::{Game, PATIENCE, copy_of, free_ports, kuafu, output};
use super::player::{Player, pass, run};

const SCHEMA: &str = "data/gifts.toml";

/// The table's query is in its second line.
fn schema(query: &str) -> String {
    format!("key = \"id\"\nquery = \"{query}\"\n[columns]\nid = \"uint32\"\ngold = {{ type = \"int32\", min = 0 }}\n")
}

const QUERY: &str = "SELECT id, gold FROM studio_gifts ORDER BY id";

/// Whoever deposits gets a gift on top.
fn project(query: &str) -> tempfile::TempDir {
    let project = copy_of("plaza");
    std::fs::create_dir_all(project.path().join("data")).expect("a folder");
    std::fs::write(project.path().join(SCHEMA), schema(query)).expect("written");
    let path = project.path().join("scripts/avatar.luau");
    let text = std::fs::read_to_string(&path).expect("it is there");
    let head = "function Avatar.base:deposit(amount)\n";
    assert!(text.contains(head), "the avatar can deposit");
    let text = text.replace(head, &format!("{head}    amount += kuafu.data.gifts[1].gold\n"));
    // Reads a row already when it is loaded, which a check without a database must forgive.
    std::fs::write(path, format!("local first = kuafu.data.gifts[1].gold\nassert(first >= 0)\n{text}"))
        .expect("written");
    project
}

/// Has an operator's tool do something to the game's database; gives the one number that it asks for.
async fn sql(data: &Path, statement: &'static str) -> Option<i64> {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(data.join(DATABASE_FILE));
    let mut connection = options.busy_timeout(PATIENCE).connect().await.expect("the database is there");
    sqlx::query_scalar(statement).fetch_optional(&mut connection).await.expect("it can be done")
}

/// What a start says that fails.
fn refused(project: &Path, data: &Path, more: &[&str]) -> String {
    let mut command = kuafu(&["up"]);
    command.arg(project).args(["--port-base", &free_ports().to_string(), "--data"]).arg(data).args(more);
    let output = output(command);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The next thing that is told of releases after the first `before`, while a player plays.
async fn told(game: &Game, player: &mut Player, before: usize, event: &str) -> Json {
    let start = Instant::now();
    let told = loop {
        if let Some(told) = game.releases().get(before) {
            break told.clone();
        }
        assert!(start.elapsed() < PATIENCE, "waited too long: {event}");
        pass(&mut [player], Duration::from_millis(50)).await;
    };
    assert_eq!(told["event"], event, "{told}");
    told
}

/// Saves the schema as it is, which makes its time a new one.
fn touch(project: &Path, query: &str) {
    std::fs::write(project.join(SCHEMA), schema(query)).expect("written");
}

#[test]
fn rows_of_a_query_are_read_at_the_start_and_anew_when_the_schema_is_touched() {
    let (project, data) = (project(QUERY), tempfile::tempdir().expect("a temporary folder"));
    let said = refused(project.path(), data.path(), &[]);
    assert!(said.contains("data/gifts.toml:2:") && said.contains("no such table: studio_gifts"), "{said}");
    run(sql(data.path(), "CREATE TABLE studio_gifts (id INTEGER PRIMARY KEY, gold INTEGER)"));
    run(sql(data.path(), "INSERT INTO studio_gifts VALUES (1, 5)"));

    let game = Game::start(project.path(), data.path());
    run(async {
        let mut ada = Player::join(&game, "Ada").await;
        assert_eq!(ada.base("deposit", &[Value::Int(0)]).await, Value::Int(15));
        sql(data.path(), "UPDATE studio_gifts SET gold = 100").await;
        touch(project.path(), QUERY);
        let first = told(&game, &mut ada, 0, "activated").await;
        assert_eq!(first["changed"], serde_json::json!([SCHEMA]), "{first}");
        assert_eq!(ada.base("deposit", &[Value::Int(0)]).await, Value::Int(115));
        touch(project.path(), QUERY);
        told(&game, &mut ada, 1, "unchanged").await;

        // A row that the schema does not allow is told at the query, and the rows that were good stay.
        sql(data.path(), "UPDATE studio_gifts SET gold = -3").await;
        touch(project.path(), QUERY);
        let wrong = told(&game, &mut ada, 2, "refused").await;
        let problem = &wrong["problems"][0];
        assert_eq!((&problem["file"], &problem["line"]), (&SCHEMA.into(), &2.into()), "{wrong}");
        assert!(problem["message"].as_str().is_some_and(|text| text.contains("row 1")), "{wrong}");
        assert_eq!(ada.base("deposit", &[Value::Int(0)]).await, Value::Int(215));

        let writing = "WITH a AS (SELECT 1) DELETE FROM studio_gifts WHERE id IN a";
        touch(project.path(), writing);
        let wrong = told(&game, &mut ada, 3, "refused").await;
        let message = wrong["problems"][0]["message"].as_str().expect("a message");
        assert!(message.contains("only reads"), "{wrong}");
        assert_eq!(sql(data.path(), "SELECT count(*) FROM studio_gifts").await, Some(1), "nothing is deleted");
        ada.leave().await;
    });
    assert!(game.stop().success());
}

#[test]
fn a_query_that_writes_or_never_ends_is_refused_at_the_start() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let writing = project("WITH a AS (SELECT 1 AS id) INSERT INTO counters (name, used) SELECT 'x', id FROM a");
    let said = refused(writing.path(), data.path(), &[]);
    assert!(said.contains("data/gifts.toml:2:") && said.contains("only reads"), "{said}");
    let endless =
        "WITH RECURSIVE n (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n) SELECT id, 0 AS gold FROM n WHERE id < 0";
    let said = refused(project(endless).path(), data.path(), &["--limit", "data_query_ms_max=200"]);
    assert!(said.contains("not done after 200 ms"), "{said}");
}

#[test]
fn a_check_reads_the_schema_and_says_that_it_left_the_rows() {
    let project = project(QUERY);
    let check = |project: &Path| {
        let mut command = kuafu(&["check"]);
        command.arg(project);
        let output = output(command);
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let (code, said) = check(project.path());
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("no problems") && said.contains("database") && said.contains("gifts"), "{said}");
    std::fs::write(project.path().join(SCHEMA), schema("DELETE FROM studio_gifts")).expect("written");
    let (code, said) = check(project.path());
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("data/gifts.toml:2:"), "{said}");
}
