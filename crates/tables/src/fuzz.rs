//! What a fuzzer calls: bytes as data files, and bytes as a data set.

use kuafu_core::Limits;
use kuafu_def::Definitions;

use crate::files::Files;
use crate::set::DataSet;

/// A schema that has a bit of everything.
const SCHEMA: &str = r#"
key = "id"
[columns]
id = "uint32"
name = { type = "string", unique = true, max_length = 20 }
worth = { type = "float32", min = 0, default = 1 }
next = { type = "list<uint32>", references = "table", default = [] }
at = { type = "map<string, vec3>", default = {} }
"#;

/// Takes bytes as a CSV file, a JSON file, a schema and a data set. Whatever they are, nothing panics; what is a set
/// comes back from its bytes as it was.
///
/// # Panics
/// When one of these does not hold.
pub fn fuzz(bytes: &[u8]) {
    let definitions = Definitions::default();
    let limits = Limits { data_table_rows_max: 1_000, data_bytes_max: 1 << 16, ..Limits::default() };
    let as_files = [
        [("table.toml", SCHEMA.as_bytes()), ("table.csv", bytes)],
        [("table.toml", SCHEMA.as_bytes()), ("table.json", bytes)],
        [("table.toml", bytes), ("table.csv", b"id\n1\n")],
    ];
    for files in as_files {
        match DataSet::from_files(Files::in_memory("data", files), &definitions, &limits) {
            Ok(set) => {
                let back = DataSet::from_bytes(&set.to_bytes(), &definitions);
                assert_eq!(back.as_ref(), Ok(&set), "a set comes back from its bytes as it was");
            }
            Err(problems) => {
                assert!(!problems.is_empty(), "who refuses says why");
                assert!(problems.iter().all(|p| p.line > 0 && p.column > 0), "a problem has a place");
            }
        }
    }
    if let Ok(set) = DataSet::from_bytes(bytes, &definitions) {
        for table in set.tables() {
            assert!(table.rows().all(|row| row.cells().count() == table.columns().len()), "every row has all cells");
        }
    }
}
