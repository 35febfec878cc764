//! A host on a small game, for tests: definitions and a script as text, a world of positions, the clock by hand.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use kuafu_core::id::EntityIdSource;
use kuafu_core::{
    Chance, Change, EntityId, Incarnation, Limits, Moment, Now, PropertyNo, RecordId, Refusal, TypeNo, Value, WallTime,
};
use kuafu_def::{Definitions, EntityType, Part};
use kuafu_logic::{Answer, AwaitId, Caller, Effect, EntitySeed, Failure, Hook, LogicHost, Release, World};
use kuafu_script::{HostConfig, ScriptHost, ScriptSet};

pub(crate) const TYPES: &str = r#"
[enums.Kind]
variants = ["flower", "gem", "hat"]

[structs.Item]
fields = [
  { name = "kind", type = "Kind" },
  { name = "hue", type = "uint16" },
  { name = "tags", type = "list<string>" },
]
"#;

pub(crate) const DOLL: &str = r#"
[entity]
parts = ["base", "cell", "client"]

[properties.name]
type = "string"
visible = "all-clients"
max_length = 8

[properties.gold]
type = "int64"
visible = "own-client"
persistent = true
min = 0

[properties.hue]
type = "uint16"
visible = "base"
max = 359

[properties.bag]
type = "list<Item>"
visible = "own-client"
persistent = true
max_length = 24

[properties.marks]
type = "map<string, int32>"
visible = "base"

[properties.friend]
type = "entity"
visible = "base"

[properties.best]
type = "Item"
visible = "base"

[properties.grid]
type = "list<list<int32>>"
visible = "base"

[properties.shelf]
type = "map<Kind, Item>"
visible = "base"

[properties.flag]
type = "bool"
visible = "base"

[properties.speed]
type = "float32"
visible = "base"

[properties.home]
type = "vec3"
visible = "base"

[properties.mood]
type = "Kind"
visible = "cell-public"

[methods.base.run]
result = "int64"

[methods.base.give]
arguments = [{ name = "item", type = "Item" }, { name = "to", type = "entity" }]
result = "Item"

[methods.cell.step]
arguments = [{ name = "other", type = "entity" }]

[methods.client.heard]
arguments = [{ name = "text", type = "string", max_length = 20 }, { name = "loud", type = "bool" }]
"#;

/// Reads definitions from texts by file name.
pub(crate) fn definitions(files: &[(&str, &str)]) -> Definitions {
    let dir = tempfile::tempdir().expect("a temporary folder");
    for (name, text) in files {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    }
    match Definitions::load(dir.path()) {
        Ok(loaded) => loaded.definitions,
        Err(problems) => panic!("{}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")),
    }
}

pub(crate) fn doll() -> Arc<Definitions> {
    Arc::new(definitions(&[("types.toml", TYPES), ("doll.toml", DOLL)]))
}

/// Scripts without problems.
pub(crate) fn set(scripts: &[(&str, &str)], definitions: &Definitions) -> ScriptSet {
    let set = ScriptSet::from_texts(scripts.iter().copied(), definitions);
    set.unwrap_or_else(|problems| panic!("{problems:#?}"))
}

/// Scripts as a release.
pub(crate) fn release(no: u64, set: &ScriptSet, definitions: &Definitions) -> Release {
    Release { no, bytes: set.to_bytes(definitions).into() }
}

/// Entities at places.
pub(crate) struct Places {
    pub(crate) at: RefCell<BTreeMap<EntityId, (TypeNo, [f32; 3])>>,
    pub(crate) public: RefCell<BTreeMap<(EntityId, PropertyNo), Value>>,
    ids: RefCell<EntityIdSource>,
}

impl World for Places {
    fn position(&self, entity: EntityId) -> Option<[f32; 3]> {
        self.at.borrow().get(&entity).map(|(_, place)| *place)
    }

    fn yaw(&self, entity: EntityId) -> Option<f32> {
        self.at.borrow().get(&entity).map(|_| 0.5)
    }

    fn type_of(&self, entity: EntityId) -> Option<TypeNo> {
        self.at.borrow().get(&entity).map(|(ty, _)| *ty)
    }

    fn public_property(&self, entity: EntityId, property: PropertyNo) -> Option<Value> {
        self.public.borrow().get(&(entity, property)).cloned()
    }

    fn within(&self, entity: EntityId, radius: f32, into: &mut Vec<EntityId>) {
        let at = self.at.borrow();
        let Some((_, [x, _, z])) = at.get(&entity) else { return };
        let distance = |p: &[f32; 3]| (p[0] - x).hypot(p[2] - z);
        let mut found: Vec<_> = at.iter().filter(|(id, (_, p))| **id != entity && distance(p) <= radius).collect();
        found.sort_by(|a, b| distance(&a.1.1).total_cmp(&distance(&b.1.1)));
        into.extend(found.iter().map(|(id, _)| **id));
    }

    fn space_time_ms(&self) -> u64 {
        12_500
    }

    fn draw_id(&self) -> Option<EntityId> {
        self.ids.borrow_mut().take()
    }
}

pub(crate) const SELF: EntityId = EntityId(7);

/// A host with one entity, and everything that came out of it.
pub(crate) struct Stage {
    pub(crate) host: ScriptHost,
    pub(crate) definitions: Arc<Definitions>,
    pub(crate) world: Rc<Places>,
    pub(crate) now: Now,
    pub(crate) ty: Arc<EntityType>,
    /// Who calls.
    pub(crate) caller: Caller,
}

impl Stage {
    /// A doll's `part` with the script; `SELF` is in it.
    pub(crate) fn new(part: Part, script: &str) -> Self {
        Self::with(part, script, Limits::default())
    }

    pub(crate) fn with(part: Part, script: &str, limits: Limits) -> Self {
        Self::of(doll(), "doll", part, &[("doll.luau", script)], limits)
    }

    pub(crate) fn of(
        definitions: Arc<Definitions>,
        ty: &str,
        part: Part,
        scripts: &[(&str, &str)],
        limits: Limits,
    ) -> Self {
        Self::of_set(Arc::clone(&definitions), ty, part, set(scripts, &definitions), limits)
    }

    pub(crate) fn of_set(
        definitions: Arc<Definitions>,
        ty: &str,
        part: Part,
        scripts: ScriptSet,
        limits: Limits,
    ) -> Self {
        let ty = Arc::clone(definitions.by_name(ty).expect("the type"));
        let at = BTreeMap::from([(SELF, (ty.no, [1.0, 0.0, 2.0])), (EntityId(8), (ty.no, [4.0, 9.0, 6.0]))]);
        let ids = RefCell::new(EntityIdSource::new(Incarnation(3)));
        let world = Rc::new(Places { at: RefCell::new(at), public: RefCell::default(), ids });
        let host = ScriptHost::new(HostConfig {
            part,
            definitions: Arc::clone(&definitions),
            scripts: Arc::new(scripts),
            limits,
            world: Rc::clone(&world) as Rc<dyn World>,
            chance: Chance::from_seed(5),
        });
        let host = host.unwrap_or_else(|error| panic!("{error}"));
        let now = Now { at: Moment(1_000_000), wall: WallTime(0) };
        let mut stage = Self { host, definitions, world, now, ty, caller: Caller::Engine };
        stage.create(SELF, vec![]);
        stage
    }

    pub(crate) fn create(&mut self, id: EntityId, values: Vec<(&str, Value)>) {
        let values = values.into_iter().map(|(name, value)| (self.property(name), value)).collect();
        self.host.create(EntitySeed { id, ty: Arc::clone(&self.ty), record: Some(RecordId(1_000_001)), values });
    }

    pub(crate) fn property(&self, name: &str) -> PropertyNo {
        self.ty.property_by_name(name).expect("the property").no
    }

    /// Calls the method `name` of `SELF`.
    pub(crate) fn call(&mut self, name: &str, arguments: Vec<Value>) -> Answer {
        self.call_on(SELF, name, arguments)
    }

    pub(crate) fn call_on(&mut self, entity: EntityId, name: &str, arguments: Vec<Value>) -> Answer {
        let method = self.ty.method_by_name(self.host.part(), name).expect("the method").no;
        self.host.call(self.now, entity, method, arguments, self.caller)
    }

    pub(crate) fn hook(&mut self, hook: Hook) {
        self.host.hook(self.now, SELF, hook, &[]);
    }

    pub(crate) fn changes(&mut self) -> Vec<Change> {
        let mut changes = Vec::new();
        self.host.take_changes(&mut changes);
        assert_eq!(self.faults(), [""; 0]);
        changes.into_iter().map(|(_, change)| change).collect()
    }

    pub(crate) fn effects(&mut self) -> Vec<Effect> {
        std::iter::from_fn(|| self.host.poll_effect()).collect()
    }

    /// The messages of the faults since the last time.
    pub(crate) fn faults(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.host.poll_fault()).map(|fault| fault.message).collect()
    }

    pub(crate) fn read(&self, name: &str) -> Value {
        self.host.read(SELF, self.property(name)).expect("the property is there")
    }

    pub(crate) fn resume(&mut self, id: AwaitId, outcome: Result<Value, Failure>) {
        self.host.resume(self.now, id, outcome);
    }

    pub(crate) fn advance_ms(&mut self, ms: u64) {
        self.now.at = Moment(self.now.at.0 + ms * 1000);
        self.host.advance(self.now);
    }
}

/// A stage on a doll's base whose method `run` has the given body.
pub(crate) fn body(lines: &str) -> Stage {
    body_with(lines, Limits::default())
}

pub(crate) fn body_with(lines: &str, limits: Limits) -> Stage {
    Stage::with(Part::Base, &base_script(lines), limits)
}

pub(crate) fn base_script(lines: &str) -> String {
    format!(
        "local D = {{ base = {{}}, cell = {{}} }}\nfunction D.base:give(item, to) return item end\nfunction D.cell:step(other) end\nfunction D.base:run()\n{lines}\nend\nreturn D\n"
    )
}

/// The same on its cell, as `on_create`.
pub(crate) fn cell_body(lines: &str) -> Stage {
    let script = format!(
        "local D = {{ base = {{}}, cell = {{}} }}\nfunction D.base:give(item, to) return item end\nfunction D.base:run() end\nfunction D.cell:step(other)\n{lines}\nend\nreturn D\n"
    );
    Stage::new(Part::Cell, &script)
}

/// Runs the body and gives what it returned.
pub(crate) fn run(lines: &str) -> i64 {
    let mut stage = body(lines);
    let answer = stage.call("run", vec![]);
    match answer {
        Answer::Done(Ok(Value::Int(number))) => number,
        other => panic!("{other:?} {:#?}", stage.faults()),
    }
}

/// Runs the body, which must fail, and gives the message.
pub(crate) fn fails(lines: &str) -> String {
    let mut stage = body(lines);
    let answer = stage.call("run", vec![]);
    let faults = stage.faults();
    assert!(matches!(answer, Answer::Done(Err(_))), "{answer:?}");
    assert_eq!(faults.len(), 1, "{faults:?}");
    faults.into_iter().next().expect("one fault")
}

pub(crate) fn refusal(answer: Answer) -> Refusal {
    match answer {
        Answer::Done(Err(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}
