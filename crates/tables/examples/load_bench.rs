//! How long loading a table of 100,000 rows takes, against splitting the same file into cells and nothing more.
//!
//! `cargo run --release -p kuafu-tables --example load_bench`. Both ways read the same bytes in the same run, in turn;
//! the best of seven rounds counts.

use std::fmt::Write as _;
use std::time::Instant;

use kuafu_core::Limits;
use kuafu_def::Definitions;
use kuafu_tables::{DataSet, Files};

const ROWS: usize = 100_000;
const ROUNDS: usize = 7;

const SCHEMA: &str = r#"
key = "id"
[columns]
id = "uint32"
name = { type = "string", unique = true, max_length = 40 }
hp = { type = "int32", min = 1 }
speed = { type = "float32", min = 0, max = 20 }
hostile = "bool"
next = { type = "uint32", references = "monsters", default = 0 }
loot = { type = "list<uint32>", default = [] }
note = { type = "string", default = "" }
"#;

fn main() {
    let csv = rows();
    let limits = Limits::default();
    let load = |csv: &str| {
        let files = [("monsters.toml", SCHEMA), ("monsters.csv", csv)];
        DataSet::from_files(Files::in_memory("data", files), &Definitions::default(), &limits)
            .expect("the rows fit the schema")
    };
    let set = load(&csv);
    let bytes = set.to_bytes();
    let split = best(|| split(&csv));
    let loaded = best(|| load(&csv).tables().len());
    let written = best(|| set.to_bytes().len());
    let read = best(|| DataSet::from_bytes(&bytes, &Definitions::default()).expect("its own bytes").tables().len());
    let difference = best(|| set.diff(&load(&csv)).tables.len());
    report(&format!(
        "{ROWS} rows, {} bytes of CSV, {} bytes packed\nsplit {split:.1} ms\nload {loaded:.1} ms, {:.1} times\n\
         to_bytes {written:.1} ms\nfrom_bytes {read:.1} ms\nload and diff {difference:.1} ms",
        csv.len(),
        bytes.len(),
        loaded / split
    ));
}

fn rows() -> String {
    let mut csv = "id,name,hp,speed,hostile,next,loot,note\n".to_owned();
    for id in 1..=ROWS {
        // The keys are in no order, as in a table that people sorted by name.
        let key = id * 7_919 % 100_003;
        let loot = if id % 4 == 0 { format!("\"[{id}, {}]\"", id + 1) } else { String::new() };
        let note = if id % 10 == 0 { "\"Comes at night, leaves at dawn\"" } else { "" };
        writeln!(csv, "{key},Monster {id},{},{}.5,{},,{loot},{note}", id % 500 + 1, id % 19, id % 3 == 0)
            .expect("a String takes it");
    }
    csv
}

/// Splits into cells, and does nothing with them.
fn split(csv: &str) -> usize {
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let mut record = csv::StringRecord::new();
    let mut bytes = 0;
    while reader.read_record(&mut record).expect("CSV") {
        bytes += record.iter().map(str::len).sum::<usize>();
    }
    bytes
}

/// The best time of some rounds, in milliseconds.
#[expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
fn best(mut work: impl FnMut() -> usize) -> f64 {
    let mut best = f64::INFINITY;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        std::hint::black_box(work());
        best = best.min(start.elapsed().as_secs_f64() * 1_000.0);
    }
    best
}

#[expect(clippy::print_stdout, reason = "the result of a benchmark is what it prints")]
fn report(text: &str) {
    println!("{text}");
}
