//! What an entry into native logic costs: a call that reads and writes a property, with its change drained.
//!
//! `cargo run --release -p kuafu-native --example entry_cost`

#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a measurement on the terminal")]

use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use kuafu_core::id::EntityIdSource;
use kuafu_core::{Chance, EntityId, Incarnation, Limits, Now};
use kuafu_def::{Definitions, Part};
use kuafu_logic::{Caller, EntitySeed, LogicHost, NoWorld};
use kuafu_native::{Behaviour, Context, Done, Methods, Native, NativeConfig, NativeHost, methods};

const CALLS: u32 = 1_000_000;

const PURSE: &str = r#"
[entity]
parts = ["base"]

[properties.gold]
type = "int64"
visible = "base"

[methods.base.add]
arguments = [{ name = "amount", type = "uint32" }]
result = "int64"
"#;

#[derive(Default)]
struct Purse;

impl Behaviour for Purse {
    fn methods() -> Methods<Self> {
        methods![add]
    }
}

impl Purse {
    fn add(&mut self, cx: &mut Context<'_>, amount: u32) -> Done<i64> {
        let gold = cx.get::<i64>("gold")? + i64::from(amount);
        cx.set("gold", gold)?;
        Ok(gold)
    }
}

fn main() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("purse.toml"), PURSE).expect("a file");
    let definitions = Arc::new(Definitions::load(folder.path()).expect("no problems").definitions);
    let ty = Arc::clone(definitions.by_name("purse").expect("it is defined"));
    let method = ty.method_by_name(Part::Base, "add").expect("it is declared").no;
    let mut host = NativeHost::new(NativeConfig {
        part: Part::Base,
        definitions,
        native: Native::new().base::<Purse>("purse"),
        limits: Limits::default(),
        world: Rc::new(NoWorld::new(EntityIdSource::new(Incarnation(1)))),
        chance: Chance::from_seed(1),
    });
    let entity = EntityId(1);
    host.create(EntitySeed { id: entity, ty, record: None, values: Vec::new() });
    let (start, mut changes) = (Instant::now(), Vec::new());
    for _ in 0..CALLS {
        host.call(Now::default(), entity, method, vec![1.into()], Caller::Engine);
        host.take_changes(&mut changes);
        assert!(host.poll_effect().is_none());
        changes.clear();
    }
    let each = start.elapsed() / CALLS;
    println!("a call that adds to a property: {each:?} ({CALLS} calls, {} faults)", host.counters().faults);
}
