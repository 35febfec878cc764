//! Bounds of a struct's fields hold wherever a script writes into one, at the line that writes.

use std::sync::Arc;

use kuafu_core::{Limits, Value};
use kuafu_def::Part;
use kuafu_logic::Answer;

use crate::support::{Stage, definitions};

const TYPES: &str = r#"
[structs.Gem]
fields = [
  { name = "cut", type = "float32", min = 0, max = 1 },
  { name = "count", type = "uint16", min = 1, max = 99, default = 1 },
  { name = "serial", type = "uint64 wide", max = 1000 },
  { name = "label", type = "string", max_length = 4 },
  { name = "dust", type = "bytes", max_length = 2 },
  { name = "marks", type = "list<int8>", max_length = 2 },
  { name = "owners", type = "map<string, int8>", max_length = 1 },
  { name = "free", type = "int64" },
]

[structs.Box]
fields = [{ name = "gem", type = "Gem" }]
"#;

const CHEST: &str = r#"
[entity]
parts = ["base"]

[properties.best]
type = "Gem"

[properties.shelf]
type = "list<Box>"

[methods.base.run]
result = "int64"
"#;

/// What `run` with these lines answers, and its faults.
fn run(lines: &str) -> (Answer, Vec<String>) {
    let script = format!("local C = {{ base = {{}} }}\nfunction C.base:run()\n{lines}\nreturn 0\nend\nreturn C\n");
    let definitions = Arc::new(definitions(&[("types.toml", TYPES), ("chest.toml", CHEST)]));
    let mut stage = Stage::of(definitions, "chest", Part::Base, &[("chest.luau", &script)], Limits::default());
    let answer = stage.call("run", vec![]);
    (answer, stage.faults())
}

#[test]
fn a_nested_write_out_of_a_fields_bounds_is_an_error_at_its_line() {
    let cases = [
        ("self.best.cut = 1.5", "chest.best.cut takes float32 from 0 to 1, not 1.5"),
        ("self.best.count = 0", "chest.best.count takes uint16 from 1 to 99, not 0"),
        ("self.best.count += 99", "chest.best.count takes uint16 from 1 to 99, not 100"),
        ("self.best.serial = 1001", "chest.best.serial takes uint64 wide from 0 to 1000, not 1001"),
        ("self.best.label = 'ruby!'", "chest.best.label takes at most 4 characters, not 5"),
        ("self.best.dust = 'abc'", "chest.best.dust takes at most 2 bytes, not 3"),
        ("self.best.marks = { 1, 2, 3 }", "chest.best.marks holds at most 2 items, not 3"),
        ("for i = 1, 3 do table.insert(self.best.marks, i) end", "chest.best.marks"),
        ("self.best.owners = { a = 1, b = 2 }", "chest.best.owners holds at most 1 entries, not 2"),
        ("self.best.owners.a = 1 self.best.owners.b = 2", "chest.best.owners"),
        ("self.best = { count = 100 }", "chest.best.count takes uint16 from 1 to 99, not 100"),
        ("self.shelf = { {} } self.shelf[1].gem.cut = -1", "chest.shelf[1].gem.cut takes float32 from 0 to 1, not -1"),
        ("table.insert(self.shelf, { gem = { label = 'ruby!' } })", "chest.shelf[1].gem.label takes at most 4"),
    ];
    for (line, message) in cases {
        let (answer, faults) = run(&format!("local _ = 1\n{line}"));
        assert!(matches!(answer, Answer::Done(Err(_))), "{line}: {answer:?}");
        assert!(faults.len() == 1 && faults[0].contains(message), "{line}: {faults:?}");
        assert!(faults[0].contains("chest.luau:4:"), "{line}: {faults:?}");
    }
}

#[test]
fn what_is_within_the_bounds_of_its_field_is_taken() {
    let lines = "
        local gem = self.best
        assert(gem.count == 1)
        gem.cut, gem.count, gem.serial, gem.label, gem.dust = 1, 99, 1000, 'ünöy', 'ab'
        gem.marks, gem.owners, gem.free = { 1, 2 }, { a = 1 }, -5
        gem.owners.a = 2
        self.shelf = { { gem = gem } }";
    let (answer, faults) = run(lines);
    assert_eq!((answer, faults), (Answer::Done(Ok(Value::Int(0))), vec![]));
}
