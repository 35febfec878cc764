//! Data tables in scripts.

use std::sync::Arc;
use std::time::Instant;

use kuafu_core::{Limits, Value};
use kuafu_def::{Definitions, Part};
use kuafu_logic::{Answer, LogicHost};
use kuafu_script::ScriptSet;
use kuafu_tables::{DataSet, Files};

use crate::support::{Stage, base_script, doll, release};

const SCHEMA: &str = r#"
key = "id"
[columns.id]
type = "uint32"
[columns.name]
type = "string"
[columns.hp]
type = "int32"
[columns.kind]
type = "Kind"
[columns.tags]
type = "list<string>"
default = []
"#;

fn monsters(rows: &str, definitions: &Definitions) -> DataSet {
    let files = Files::in_memory("data", [("monsters.toml", SCHEMA.to_owned()), ("monsters.csv", rows.to_owned())]);
    let limits = Limits::default();
    DataSet::from_files(files, definitions, &limits).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

const ROWS: &str = "id,name,hp,kind\n12,wolf,30,flower\n7,bear,80,gem\n";

fn stage_with(text: &str, rows: &str) -> Stage {
    let definitions = doll();
    let data = monsters(rows, &definitions);
    let set = ScriptSet::from_texts_with([("doll.luau", text)], &definitions, data);
    let set = set.unwrap_or_else(|problems| panic!("{problems:#?}"));
    Stage::of_set(definitions, "doll", Part::Base, set, Limits::default())
}

fn run(lines: &str) -> Result<i64, String> {
    let mut stage = stage_with(&base_script(lines), ROWS);
    match stage.call("run", vec![]) {
        Answer::Done(Ok(Value::Int(number))) => Ok(number),
        _ => Err(stage.faults().join("\n")),
    }
}

#[test]
fn rows_are_found_by_key_and_walked_in_the_order_of_the_file() {
    let sum = run("
        local m = kuafu.data.monsters
        assert(m[12].name == 'wolf' and m[7].kind == 'gem' and m[99] == nil and #m == 2 and #m[7].tags == 0)
        assert(m[12] == m[12], 'a row is made once')
        local order = ''
        for key, row in m:all() do order ..= `{key}{row.name} ` end
        for key, row in m do order ..= `{key} ` end
        for key, row in pairs(m) do order ..= `{row.hp} ` end
        assert(order == '12wolf 7bear 12 7 30 80 ', order)
        return m[12].hp + m[7].hp");
    assert_eq!(sum, Ok(110));
}

#[test]
fn a_table_may_have_many_columns() {
    let definitions = doll();
    let columns: String = (0..150).map(|no| format!("[columns.c{no}]\ntype = \"int32\"\n")).collect();
    let names: Vec<String> = (0..150).map(|no| format!("c{no}")).collect();
    let cells: Vec<String> = (0..150).map(|no| (no * 3).to_string()).collect();
    let files = [
        ("big.toml", format!("key = \"c0\"\n{columns}")),
        ("big.csv", format!("{}\n{}\n", names.join(","), cells.join(","))),
    ];
    let data = DataSet::from_files(Files::in_memory("data", files), &definitions, &Limits::default());
    let text = base_script("local sum = 0 for _, cell in kuafu.data.big[0] do sum += cell end return sum");
    let set = ScriptSet::from_texts_with([("doll.luau", text.as_str())], &definitions, data.expect("no problems"));
    let set = set.expect("no problems");
    let mut stage = Stage::of_set(definitions, "doll", Part::Base, set, Limits::default());
    assert_eq!(stage.call("run", vec![]), Answer::Done(Ok(Value::Int(3 * 149 * 75))), "{:?}", stage.faults());
}

#[test]
fn a_wrong_name_and_a_write_are_errors_at_their_line() {
    for (lines, expected) in [
        ("return kuafu.data.monstres[12].hp", "there is no data table \"monstres\""),
        ("return kuafu.data.monsters[12].hpp", "monsters has no column \"hpp\""),
        ("kuafu.data.monsters[12].hp = 3", "readonly"),
        ("kuafu.data.monsters[13] = {}", "data tables cannot be written"),
        ("kuafu.data.monsters[12].tags[1] = 'x'", "readonly"),
        ("kuafu.data.more = {}", "readonly"),
        ("setmetatable(kuafu.data.monsters, {})", "readonly"),
        ("return getmetatable(kuafu.data.monsters).__index", "nil"),
    ] {
        let why = run(lines).expect_err(lines);
        assert!(why.contains(expected) && why.contains("doll.luau:5"), "{lines}: {why}");
    }
}

#[test]
fn code_keeps_the_tables_of_its_release() {
    let text = "local monsters = kuafu.data.monsters\n".to_owned()
        + &base_script(
            "local before = monsters[12].hp kuafu.sleep(1) return before * 1000 + kuafu.data.monsters[12].hp",
        );
    let mut stage = stage_with(&text, ROWS);
    let Answer::Pending(_) = stage.call("run", vec![]) else { panic!("{:?}", stage.faults()) };
    let definitions = doll();
    let data = monsters(&ROWS.replace("30", "31"), &definitions);
    let set = ScriptSet::from_texts_with([("doll.luau", text.as_str())], &definitions, data).expect("no problems");
    stage.host.stage(&release(2, &set, &definitions)).expect("it loads");
    stage.host.activate(stage.now, 2).expect("staged");
    stage.call("run", vec![]);
    stage.advance_ms(1000);
    let answers: Vec<String> = stage.effects().iter().map(|effect| format!("{effect:?}")).collect();
    assert!(answers[0].contains("Int(30030)") && answers[1].contains("Int(31031)"), "{answers:?}");
}

#[test]
fn a_hundred_thousand_rows_cost_nothing_until_they_are_read() {
    let definitions = doll();
    let rows: String = (0..100_000).map(|id| format!("{id},monster {id},{},hat\n", id % 100)).collect();
    let data = monsters(&format!("id,name,hp,kind\n{rows}"), &definitions);
    let text = base_script("local sum = 0 for _, row in kuafu.data.monsters:all() do sum += row.hp end return sum");
    let set = ScriptSet::from_texts_with([("doll.luau", text.as_str())], &definitions, data).expect("no problems");
    #[expect(clippy::disallowed_methods, reason = "a test that measures")]
    let start = Instant::now;
    let begun = start();
    let release = release(2, &set, &definitions);
    println!("release of 100,000 rows: {} bytes, written in {:?}", release.bytes.len(), begun.elapsed());
    let mut stage = Stage::of_set(Arc::clone(&definitions), "doll", Part::Base, set, Limits::default());
    let before = stage.host.counters().memory_bytes;
    let begun = start();
    stage.host.stage(&release).expect("it loads");
    let staged = begun.elapsed();
    stage.host.activate(stage.now, 2).expect("staged");
    let begun = start();
    let answer = stage.call("run", vec![]);
    let read = begun.elapsed();
    assert_eq!(answer, Answer::Done(Ok(Value::Int(4_950_000))), "{:?}", stage.faults());
    let begun = start();
    stage.call("run", vec![]);
    let again = begun.elapsed();
    let bytes = stage.host.counters().memory_bytes - before;
    println!("100,000 rows: staged in {staged:?}, all read in {read:?}, again in {again:?}, {bytes} bytes");
}
