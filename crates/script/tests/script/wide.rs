//! Whole numbers of 64 bits in properties, arguments and results.

use std::sync::Arc;

use kuafu_core::{Limits, Value};
use kuafu_def::{Definitions, Part};
use kuafu_logic::{Answer, Effect, LogicHost};

use crate::support::{SELF, Stage, definitions};

const BANK: &str = r#"
[entity]
parts = ["base"]
[properties.signed]
type = "int64"
wide = true
[properties.bits]
type = "uint64"
wide = true
max = 18446744073709551615
[properties.small]
type = "int64"
[properties.counts]
type = "map<uint64, int64>"
wide = true
[methods.base.run]
arguments = [{ name = "n", type = "uint64", wide = true }]
result = "uint64"
"#;

fn bank() -> Option<Arc<Definitions>> {
    let dir = tempfile::tempdir().expect("a folder");
    std::fs::write(dir.path().join("bank.toml"), BANK).expect("a file");
    Definitions::load(dir.path()).ok().map(|loaded| Arc::new(loaded.definitions))
}

const SIMPLE: &str = r#"
[entity]
parts = ["base"]
[properties.signed]
type = "int64"
wide = true
[properties.bits]
type = "uint64"
wide = true
[properties.small]
type = "int64"
[methods.base.run]
arguments = [{ name = "n", type = "int64" }]
[methods.base.send]
"#;

fn stage(body: &str) -> Stage {
    let definitions = bank().unwrap_or_else(|| Arc::new(definitions(&[("bank.toml", SIMPLE)])));
    let text = format!(
        "local B = {{ base = {{}} }}\nfunction B.base:send() end\nfunction B.base:run(n)\n{body}\nend\nreturn B"
    );
    Stage::of(definitions, "bank", Part::Base, &[("bank.luau", &text)], Limits::default())
}

fn check(body: &str) -> Stage {
    let mut stage = stage(body);
    let answer = stage.call("run", vec![Value::Int(1)]);
    assert!(matches!(answer, Answer::Done(Ok(_))), "{answer:?} {:#?}", stage.faults());
    stage
}

#[test]
fn wide_numbers_keep_every_bit_and_count_exactly() {
    let stage = check(
        "
        local w = kuafu.wide
        self.bits = w('18446744073709551615')
        self.signed = w('-9223372036854775808')
        assert(tostring(self.bits) == '18446744073709551615')
        assert(self.bits - 1 == w('18446744073709551614') and self.bits > w(5) and w(5) <= w(5))
        assert(w(7) // 2 == w(3) and w(-7) // 2 == w(-4) and w(-7) % 4 == w(1) and -w(3) == w(-3))
        assert(w('9007199254740993') - w('9007199254740992') == w(1))
        self.signed += 1
        local t = { [w(12)] = 'x' }
        assert(t[w('12')] == 'x' and w(12):number() == 12 and typeof(w(1)) == 'Wide')",
    );
    assert_eq!(stage.read("bits"), Value::Int(-1));
    assert_eq!(stage.read("signed"), Value::Int(i64::MIN + 1));
}

#[test]
fn numbers_of_luau_become_wide_ones_where_they_are_stored() {
    let mut stage = check("self.bits = 5 self.bits += 2 self.signed = -3 assert(self.bits == kuafu.wide(7))");
    assert_eq!((stage.read("bits"), stage.read("signed")), (Value::Int(7), Value::Int(-3)));
    assert_eq!(stage.changes().len(), 2);
    let big = stage.property("bits");
    let change = kuafu_core::Change { property: big, path: vec![], edit: kuafu_core::Edit::Set(Value::Int(-2)) };
    stage.host.apply(SELF, &change).expect("it fits");
    assert_eq!(stage.read("bits"), Value::Int(-2));
}

#[test]
fn what_does_not_fit_is_an_error_and_never_wraps() {
    for (body, expected) in [
        ("self.bits = -1", "uint64"),
        ("self.signed = kuafu.wide('9223372036854775808')", "int64"),
        ("self.bits = 1.5", "uint64"),
        ("self.bits = '5'", "uint64"),
        ("local x = kuafu.wide('18446744073709551615') + 1", "outside -2^63 to 2^64 - 1"),
        ("local x = kuafu.wide(1) // 0", "divided by zero"),
        ("local x = kuafu.wide('99999999999999999999')", "a wide number is a whole one"),
        ("local x = kuafu.wide(2 ^ 60)", "a wide number is a whole one"),
        ("local x = kuafu.wide('9007199254740993'):number()", "more than a number holds exactly"),
        ("self.small = kuafu.wide(5)", "int64"),
    ] {
        let mut stage = stage(body);
        stage.call("run", vec![Value::Int(1)]);
        let faults = stage.faults();
        assert!(faults.len() == 1 && faults[0].contains(expected), "{body}: {faults:?}");
        assert!(faults[0].contains("bank.luau:4"), "{body}: {faults:?}");
    }
}

#[test]
fn wide_numbers_leave_scripts_in_calls() {
    let mut stage = check("kuafu.entity(8).base:send(kuafu.wide('9007199254740993'), { kuafu.wide(4) })");
    let effects = stage.effects();
    let [Effect::Call { arguments, .. }] = effects.as_slice() else { panic!("{effects:?}") };
    assert_eq!(arguments[..], [Value::Int(9_007_199_254_740_993), Value::List(vec![Value::Int(4)])]);
    let mut stage = super::wide::stage("kuafu.entity(8).base:send(kuafu.wide('18446744073709551615'))");
    stage.call("run", vec![Value::Int(1)]);
    assert!(stage.faults()[0].contains("no type is declared here"));
}
