//! Queries of the game's own: what they see, what they cannot do, how they end; and tables that are not the store's.

use std::time::Duration;

use crate::common::*;
use kuafu_core::{Limits, PropertyNo, Value};
use kuafu_store::{DATABASE_FILE, QueryAnswer, QueryError, QueryValue, Store};
use sqlx::ConnectOptions;

/// Statements of somebody else, an operator say, beside the running store.
async fn beside(store: &Store, statements: &str) {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(store.file());
    let mut connection = options.connect().await.expect("a connection");
    sqlx::raw_sql(sqlx::AssertSqlSafe(statements.to_owned())).execute(&mut connection).await.expect("done");
}

const PETS: &str = "
    CREATE TABLE pets (id INTEGER PRIMARY KEY, name TEXT, tame BOOLEAN, weight REAL, born DATETIME, mark BLOB);
    INSERT INTO pets VALUES (1, 'wolf', 0, 2.5, '2024-01-01', x'00ff'), (2, 'cat', NULL, 7, NULL, NULL);";

async fn rows(store: &Store, sql: &str) -> Result<QueryAnswer, QueryError> {
    store.query_rows(sql, &Limits::default()).await
}

#[tokio::test]
async fn cells_come_as_the_database_holds_them_and_columns_by_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path()).await;
    beside(&store, PETS).await;
    use QueryValue::{Blob, Integer, Null, Real, Text};
    let answer = rows(&store, "SELECT id, name AS called, tame, weight, born, mark FROM pets ORDER BY id;").await;
    let answer = answer.expect("an answer");
    assert_eq!(answer.columns, ["id", "called", "tame", "weight", "born", "mark"]);
    let wolf = vec![
        Integer(1),
        Text("wolf".into()),
        Integer(0),
        Real(2.5),
        Text("2024-01-01".into()),
        Blob([0, 255].as_slice().into()),
    ];
    let cat = vec![Integer(2), Text("cat".into()), Null, Real(7.0), Null, Null];
    assert_eq!(answer.rows, [wolf, cat]);
    let none = rows(&store, "SELECT id, name FROM pets WHERE id > 5").await.expect("an answer");
    assert_eq!((none.columns, none.rows), (vec!["id".to_owned(), "name".to_owned()], vec![]));
    store.close().await;
}

#[tokio::test]
async fn what_entities_saved_is_seen_once_it_is_committed() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path()).await;
    let by = base(&store).await;
    let writes = vec![create(CHEST, &[(PropertyNo(1), 5.into()), (PropertyNo(3), Value::text("attic"))])];
    let (ids, _) = committed(&store.handle(), 1, by, true, writes).await.expect("created");
    let answer = rows(&store, "SELECT _record AS id, gold, space FROM e_chest").await.expect("an answer");
    let id = QueryValue::Integer(ids[0].0.cast_signed());
    assert_eq!(answer.rows, [vec![id, QueryValue::Integer(5), QueryValue::Text("attic".into())]]);
    store.close().await;
}

#[tokio::test]
async fn a_query_that_writes_changes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path()).await;
    beside(&store, PETS).await;
    for sql in [
        "WITH old AS (SELECT 1 AS id) DELETE FROM pets WHERE id IN old",
        "WITH a AS (SELECT 9 AS id) INSERT INTO pets (id) SELECT id FROM a RETURNING id",
    ] {
        assert_eq!(rows(&store, sql).await, Err(QueryError::Writes), "{sql}");
    }
    let elsewhere = folder.path().join("elsewhere.db");
    for sql in [
        "DELETE FROM pets".to_owned(),
        format!("VACUUM INTO '{}'", elsewhere.display()),
        format!("ATTACH '{}' AS other", elsewhere.display()),
        "PRAGMA query_only = OFF".to_owned(),
    ] {
        assert!(matches!(rows(&store, &sql).await, Err(QueryError::NotASelect { .. })), "{sql}");
        let hidden = format!("SELECT 1 -- only\n; {sql}");
        assert_eq!(rows(&store, &hidden).await, Err(QueryError::Several), "{hidden}");
    }
    assert!(!elsewhere.exists());
    let count = rows(&store, "SELECT count(*) AS n FROM pets").await.expect("an answer");
    assert_eq!(count.rows, [[QueryValue::Integer(2)]]);
    store.close().await;
}

#[tokio::test]
async fn what_is_wrong_with_a_query_is_told_in_the_words_of_the_database() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path()).await;
    let told = |sql| {
        let answer = rows(&store, sql);
        async { answer.await.expect_err("no answer").to_string() }
    };
    assert_eq!(told("SELECT * FROM pets").await, "no such table: pets");
    assert!(told("SELECT FROM").await.contains("syntax error"));
    assert!(told("SELECT '\0'").await.contains("NUL"));
    store.close().await;
}

/// Numbers without end.
const ENDLESS: &str = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT";

#[tokio::test]
async fn rows_bytes_and_time_have_limits() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path()).await;
    let limits = Limits { data_table_rows_max: 3, data_bytes_max: 100, data_query_ms_max: 200, ..Limits::default() };
    let ask = |what: &str| {
        let sql = format!("{ENDLESS} {what}");
        let (queries, limits) = (store.queries(), limits.clone());
        async move { queries.rows(&sql, &limits).await }
    };
    assert_eq!(ask("i FROM n LIMIT 3").await.expect("an answer").rows.len(), 3);
    assert_eq!(ask("i FROM n").await, Err(QueryError::TooManyRows { rows_max: 3 }));
    assert_eq!(ask("hex(zeroblob(51)) FROM n LIMIT 1").await, Err(QueryError::TooManyBytes { bytes_max: 100 }));
    // It gives no row, so that nothing but its time ends it.
    assert_eq!(ask("i FROM n WHERE i < 0").await, Err(QueryError::TooLong { ms: 200 }));
    store.close().await;
    // The thread of its connection has gone with it: nobody holds the file, and it could be removed for good.
    let let_go = async {
        while is_held(&folder.path().join(DATABASE_FILE)) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), let_go).await.expect("nobody holds the file any longer");
}

/// Whether this process has a descriptor for a file.
fn is_held(file: &std::path::Path) -> bool {
    let open = std::fs::read_dir("/proc/self/fd").into_iter().flatten().flatten();
    open.filter_map(|entry| std::fs::read_link(entry.path()).ok()).any(|target| target == file)
}

#[tokio::test]
async fn tables_views_and_indexes_of_others_stay_and_do_no_harm() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path()).await;
    beside(&store, PETS).await;
    beside(
        &store,
        "CREATE VIEW rich AS SELECT _record AS id FROM e_chest WHERE gold > 3; CREATE INDEX pets_name ON pets (name);",
    )
    .await;
    store.close().await;
    let store = open(folder.path()).await;
    let by = base(&store).await;
    committed(&store.handle(), 1, by, true, vec![create(CHEST, &[(PropertyNo(1), 5.into())])]).await.expect("created");
    for (sql, count) in [("SELECT id FROM pets", 2), ("SELECT id FROM rich", 1)] {
        assert_eq!(rows(&store, sql).await.expect("an answer").rows.len(), count, "{sql}");
    }
    let kept = rows(&store, "SELECT name FROM sqlite_master WHERE name = 'pets_name'").await.expect("an answer");
    assert_eq!(kept.rows.len(), 1);
    store.close().await;
}
