//! What proxies, calls and budgets cost in scripts, each beside the plain thing in the same run, in turn.
//!
//! A line of Luau is timed in a loop inside one entry of the host, eight times in each turn, less the same loop without
//! it; its baseline is the same work on a plain table in the same machine. Rows `bare` are lines in a machine without a
//! host: there a property of userdata, the usual way to bind a property, stands beside the plain field. Rows `entry` are
//! calls from outside, beside calls of a bare function. Times are nanoseconds.

use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use anyhow::{Context, ensure};
use kuafu_core::id::EntityIdSource;
use kuafu_core::{Chance, EntityId, Incarnation, Limits, Moment, Now, Value, WallTime};
use kuafu_def::{Definitions, Part};
use kuafu_logic::{Answer, Caller, EntitySeed, LogicHost, NoWorld};
use kuafu_script::{HostConfig, ScriptHost, ScriptSet};
use mlua::{Lua, UserData, UserDataFields};
use serde::Serialize;

use super::measure::measure_ms;
use super::{BenchArgs, Sheet, Spread};

const TURNS: u32 = 500;
const REPEATS: usize = 8;
const BATCHES: usize = 301;
const ENTRIES: u32 = 1_000;
const NEW_ENTITIES: u64 = 50;

const DOLL: &str = r#"
[entity]
parts = ["base"]
[properties.gold]
type = "int64"
[properties.bag]
type = "list<Item>"
[properties.numbers]
type = "list<int32>"
"#;

const TYPES: &str = r#"
[structs.Item]
fields = [{ name = "kind", type = "uint8" }, { name = "hue", type = "uint16" }]
"#;

/// A line that is measured in a loop, on an entity's properties and on a plain table; the first text prepares it.
struct Line {
    name: &'static str,
    ours: (&'static str, &'static str),
    plain: (&'static str, &'static str),
}

const fn line(name: &'static str, ours: (&'static str, &'static str), plain: (&'static str, &'static str)) -> Line {
    Line { name, ours, plain }
}

const BAG: &str = "local t = { bag = { { hue = 1 }, { hue = 1 } } }";
const FIELD: &str = "local t = { gold = 1 }";

const LINES: &[Line] = &[
    line("property get", ("", "x += self.gold"), (FIELD, "x += t.gold")),
    line("property set", ("", "self.gold = i"), (FIELD, "t.gold = i")),
    line("property add", ("", "self.gold += 1"), (FIELD, "t.gold += 1")),
    line("nested get", ("", "x += self.bag[1].hue"), (BAG, "x += t.bag[1].hue")),
    line("nested set, after a whole one", ("self.bag = { {} }", "self.bag[1].hue = 2"), (BAG, "t.bag[1].hue = 2")),
    line("nested set, same place again", ("", "self.bag[1].hue = 2"), (BAG, "t.bag[1].hue = 2")),
    line(
        "nested set, two places",
        ("", "self.bag[1].hue = 2 self.bag[2].hue = 3"),
        (BAG, "t.bag[1].hue = 2 t.bag[2].hue = 3"),
    ),
    line("struct set in a list", ("", "self.bag[1] = { hue = 2 }"), (BAG, "t.bag[1] = { hue = 2 }")),
    line(
        "table.insert and remove",
        ("self.numbers = {}", "table.insert(self.numbers, 1) table.remove(self.numbers)"),
        ("local t = {}", "table.insert(t, 1) table.remove(t)"),
    ),
    line(
        "loop of 24 items",
        ("self.numbers = table.create(24, 1)", "for _, v in self.numbers do end"),
        ("local t = table.create(24, 1)", "for _, v in t do end"),
    ),
    line(
        "loop of 24 items by pairs",
        ("self.numbers = table.create(24, 1)", "for _, v in pairs(self.numbers) do end"),
        ("local t = table.create(24, 1)", "for _, v in pairs(t) do end"),
    ),
    line("own method call", ("", "self:helper()"), ("local t = { f = function(self) end }", "t:f()")),
];

/// Makes a table with as many fields as the entity has properties, and keeps it.
const TABLES: &str = "local all = {} return function(n) all[n] = { gold = 0, bag = {}, numbers = {} } return n end";

/// Measures every line.
pub(super) fn bench(args: &BenchArgs, sheet: &mut Sheet) -> anyhow::Result<()> {
    sheet.line(Row::HEAD);
    let mut doll = Doll::new()?;
    for (no, line) in LINES.iter().enumerate().filter(|(_, line)| args.wants(line.name)) {
        sheet.row(&doll.measure_line(no, line)?)?;
    }
    for (name, text) in [("userdata property get", "x += ud.gold "), ("userdata property set", "ud.gold = i ")] {
        if args.wants(name) {
            sheet.row(&measure_userdata(name, text)?)?;
        }
    }
    for (name, method, plain) in [
        ("call that does nothing", "nop", "return function(n) return 1 end"),
        (
            "call that changes a property, drained",
            "inc",
            "local t = { gold = 0 } return function(n) t.gold += 1 return t.gold end",
        ),
    ] {
        if args.wants(name) {
            sheet.row(&doll.measure_entry(name, method, plain)?)?;
        }
    }
    if args.wants("an entity") {
        sheet.row(&doll.measure_entities()?)?;
    }
    Ok(())
}

/// One line of the table.
#[derive(Clone, Debug, Serialize)]
struct Row {
    /// `proxy`, `bare`, `entry` or `entity`.
    kind: &'static str,
    name: &'static str,
    ns: Spread,
    baseline_ns: Spread,
    /// The first over the second, of the medians.
    ratio: f64,
    /// Memory of the machine, in rows `entity`.
    #[serde(skip_serializing_if = "Option::is_none")]
    memory_bytes: Option<u64>,
}

impl Row {
    const HEAD: &'static str = "kind   line                                  | ns (p10-p90)               | plain ns                   |  ratio";

    fn new(kind: &'static str, name: &'static str, ours: Vec<f64>, plain: Vec<f64>) -> Self {
        let (ns, baseline_ns) = (Spread::of(ours), Spread::of(plain));
        Self { kind, name, ns, baseline_ns, ratio: ns.median / baseline_ns.median, memory_bytes: None }
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, name, ns, baseline_ns, ratio, memory_bytes } = self;
        write!(f, "{kind:6} {name:37} | {ns:26} | {baseline_ns:26} | {ratio:6.2}")?;
        memory_bytes.map_or(Ok(()), |bytes| write!(f, " | {bytes} bytes of the machine"))
    }
}

fn method_text(name: &str, before: &str, line: &str) -> String {
    format!(
        "function D.base:{name}(n) local x = 0 {before} for i = 1, n do {} end end\n",
        format!("{line} ").repeat(REPEATS)
    )
}

fn script() -> String {
    let mut text = "local D = { base = {} }\nfunction D.base:helper() end\nfunction D.base:nop() return 1 end\n\
         function D.base:inc() self.gold += 1 return self.gold end\n\
         function D.base:fill() self.bag = { {}, {}, {} } end\n"
        .to_owned();
    for (no, Line { ours, plain, .. }) in LINES.iter().enumerate() {
        text += &method_text(&format!("ours{no}"), ours.0, ours.1);
        text += &method_text(&format!("ours_empty{no}"), ours.0, "");
        text += &method_text(&format!("plain{no}"), plain.0, plain.1);
        text += &method_text(&format!("plain_empty{no}"), plain.0, "");
    }
    text + "return D"
}

fn definitions() -> anyhow::Result<Definitions> {
    let folder = tempfile::tempdir()?;
    let mut doll = DOLL.to_owned();
    let loops =
        (0..LINES.len()).flat_map(|no| ["ours", "ours_empty", "plain", "plain_empty"].map(|of| format!("{of}{no}")));
    for method in ["helper", "fill"].map(str::to_owned).into_iter().chain(loops) {
        doll += &format!("[methods.base.{method}]\narguments = [{{ name = \"n\", type = \"int64\" }}]\n");
    }
    for method in ["nop", "inc"] {
        doll += &format!(
            "[methods.base.{method}]\narguments = [{{ name = \"n\", type = \"int64\" }}]\nresult = \"int64\"\n"
        );
    }
    std::fs::write(folder.path().join("types.toml"), TYPES)?;
    std::fs::write(folder.path().join("doll.toml"), doll)?;
    let loaded = Definitions::load(folder.path()).map_err(|problems| anyhow::anyhow!("{problems:?}"))?;
    Ok(loaded.definitions)
}

/// A host with one entity.
struct Doll {
    host: ScriptHost,
    definitions: Arc<Definitions>,
}

impl Doll {
    fn new() -> anyhow::Result<Self> {
        let definitions = Arc::new(definitions()?);
        let scripts = ScriptSet::from_texts([("doll.luau", script().as_str())], &definitions)
            .map_err(|problem| anyhow::anyhow!("{problem:?}"))?;
        let limits = Limits { script_steps_max: u64::MAX >> 1, script_memory_bytes_max: 1 << 32, ..Limits::default() };
        let host = ScriptHost::new(HostConfig {
            part: Part::Base,
            definitions: Arc::clone(&definitions),
            scripts: Arc::new(scripts),
            limits,
            world: Rc::new(NoWorld::new(EntityIdSource::new(Incarnation(1)))),
            chance: Chance::from_seed(1),
        })?;
        let mut doll = Self { host, definitions };
        doll.create(EntityId(1))?;
        Ok(doll)
    }

    fn create(&mut self, id: EntityId) -> anyhow::Result<()> {
        let ty = Arc::clone(self.definitions.by_name("doll").context("the doll is defined")?);
        self.host.create(EntitySeed { id, ty, record: None, values: vec![] });
        Ok(())
    }

    fn call(&mut self, method: &str, n: u32) -> anyhow::Result<()> {
        let ty = self.definitions.by_name("doll").context("the doll is defined")?;
        let method = ty.method_by_name(Part::Base, method).context("the method is defined")?.no;
        let now = Now { at: Moment(1), wall: WallTime(1) };
        let answer = self.host.call(now, EntityId(1), method, vec![Value::Int(i64::from(n))], Caller::Engine);
        ensure!(matches!(answer, Answer::Done(Ok(_))), "{answer:?} {:?}", self.host.poll_fault());
        Ok(())
    }

    fn drain(&mut self) {
        self.host.take_changes(&mut Vec::new());
        while self.host.poll_effect().is_some() {}
    }

    /// Nanoseconds of one call that turns its loop [`TURNS`] times.
    fn time(&mut self, method: &str) -> anyhow::Result<f64> {
        let mut outcome = Ok(());
        let ms = measure_ms(|| outcome = self.call(method, TURNS));
        self.drain();
        outcome.map(|()| ms * 1e6)
    }

    fn measure_line(&mut self, no: usize, line: &Line) -> anyhow::Result<Row> {
        let (mut ours, mut plain) = (Vec::new(), Vec::new());
        for _ in 0..BATCHES {
            self.call("fill", 0)?;
            self.drain();
            for (of, times) in [("plain", &mut plain), ("ours", &mut ours)] {
                let empty = self.time(&format!("{of}_empty{no}"))?;
                let full = self.time(&format!("{of}{no}"))?;
                times.push(((full - empty) / f64::from(TURNS) / REPEATS as f64).max(0.0));
            }
        }
        Ok(Row::new("proxy", line.name, ours, plain))
    }

    fn measure_entry(&mut self, name: &'static str, method: &str, plain: &str) -> anyhow::Result<Row> {
        let lua = Lua::new();
        told(lua.sandbox(true))?;
        let bare: mlua::Function = told(lua.load(plain).eval())?;
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        let mut changes = Vec::new();
        for _ in 0..BATCHES {
            let mut outcome: anyhow::Result<()> = Ok(());
            let ns = measure_ms(|| {
                outcome = (0..ENTRIES).try_for_each(|n| {
                    changes.clear();
                    self.call(method, n)?;
                    self.host.take_changes(&mut changes);
                    Ok(())
                });
            });
            outcome?;
            ours.push(ns * 1e6 / f64::from(ENTRIES));
            let mut outcome: mlua::Result<()> = Ok(());
            let ns = measure_ms(|| outcome = (0..ENTRIES).try_for_each(|n| bare.call::<i64>(n).map(drop)));
            told(outcome)?;
            theirs.push(ns * 1e6 / f64::from(ENTRIES));
        }
        Ok(Row::new("entry", name, ours, theirs))
    }

    /// A new entity, beside a new table with three fields.
    fn measure_entities(&mut self) -> anyhow::Result<Row> {
        let lua = Lua::new();
        told(lua.sandbox(true))?;
        let bare: mlua::Function = told(lua.load(TABLES).eval())?;
        let memory_before = self.host.counters().memory_bytes;
        let (mut ours, mut plain, mut id) = (Vec::new(), Vec::new(), 2);
        for _ in 0..BATCHES {
            let mut outcome: anyhow::Result<()> = Ok(());
            let ids = id..id + NEW_ENTITIES;
            let ms = measure_ms(|| outcome = ids.clone().try_for_each(|id| self.create(EntityId(id))));
            outcome?;
            ours.push(ms * 1e6 / NEW_ENTITIES as f64);
            let mut outcome: mlua::Result<()> = Ok(());
            let ms = measure_ms(|| outcome = ids.clone().try_for_each(|id| bare.call::<i64>(id).map(drop)));
            told(outcome)?;
            plain.push(ms * 1e6 / NEW_ENTITIES as f64);
            id = ids.end;
        }
        let memory = self.host.counters().memory_bytes.saturating_sub(memory_before);
        let row = Row::new("entity", "an entity is created", ours, plain);
        Ok(Row { memory_bytes: Some(memory / (id - 2)), ..row })
    }
}

struct Gold(f64);

impl UserData for Gold {
    fn add_fields<F: UserDataFields<Self>>(fields: &mut F) {
        fields.add_field_method_get("gold", |_, this| Ok(this.0));
        fields.add_field_method_set("gold", |_, this, value: f64| {
            this.0 = value;
            Ok(())
        });
    }
}

/// The errors of mlua stay on their thread; what they say can travel.
fn told<T>(outcome: mlua::Result<T>) -> anyhow::Result<T> {
    outcome.map_err(|error| anyhow::anyhow!("{error}"))
}

/// A property of userdata in a machine without a host, beside a plain field there.
fn measure_userdata(name: &'static str, text: &str) -> anyhow::Result<Row> {
    let lua = Lua::new();
    told(lua.sandbox(true))?;
    told(lua.create_userdata(Gold(1.0)).and_then(|ud| lua.globals().set("ud", ud)))?;
    let load = |line: &str| {
        let body = line.repeat(REPEATS);
        let code = format!("return function(n) local ud = ud {FIELD} local x = 0 for i = 1, n do {body} end end");
        told(lua.load(code).eval::<mlua::Function>())
    };
    let [empty, with, plain] = [load("")?, load(text)?, load(&text.replace("ud.", "t."))?];
    let time = |function: &mlua::Function| {
        let mut outcome = Ok(());
        let ms = measure_ms(|| outcome = function.call::<()>(TURNS));
        told(outcome).map(|()| ms * 1e6)
    };
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..BATCHES {
        let none = time(&empty)?;
        for (function, times) in [(&plain, &mut theirs), (&with, &mut ours)] {
            times.push(((time(function)? - none) / f64::from(TURNS) / REPEATS as f64).max(0.0));
        }
    }
    Ok(Row::new("bare", name, ours, theirs))
}
