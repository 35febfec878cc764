//! A host on a small game, for tests: definitions as text, behaviours, a world of positions.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use kuafu_core::id::EntityIdSource;
use kuafu_core::{Chance, Change, EntityId, Incarnation, Limits, Moment, Now, PropertyNo, Refusal, TypeNo, Value};
use kuafu_def::{Definitions, EntityType, Part};
use kuafu_logic::{Answer, Caller, Effect, EntitySeed, Hook, LogicHost, NoWorld, World};
use kuafu_native::{Native, NativeConfig, NativeHost};

const TYPES: &str = r#"
[enums.Kind]
variants = ["flower", "gem"]

[structs.Item]
fields = [{ name = "kind", type = "Kind" }, { name = "count", type = "uint16" }]
"#;

const SHOP: &str = r#"
[entity]
parts = ["base", "cell", "client"]

[properties.gold]
type = "int64"
visible = "own-client"
persistent = true
min = 0

[properties.shelf]
type = "list<Item>"
visible = "base"
max_length = 2

[properties.prices]
type = "map<string, uint32>"
visible = "base"

[properties.open]
type = "bool"
visible = "all-clients"

[methods.base.buy]
arguments = [{ name = "count", type = "uint8" }]
result = "int64"

[methods.base.restock]

[methods.base.order]
arguments = [{ name = "from", type = "entity" }]
result = "bool"

[methods.base.break_down]

[methods.client.told]
arguments = [{ name = "text", type = "string", max_length = 10 }]
"#;

const WISP: &str = r#"
[entity]
parts = ["cell", "client"]

[properties.hue]
type = "uint16"
visible = "all-clients"
max = 359
"#;

/// The shop, the wisp.
pub(crate) fn definitions() -> Arc<Definitions> {
    let dir = tempfile::tempdir().expect("a temporary folder");
    for (name, text) in [("types.toml", TYPES), ("shop.toml", SHOP), ("wisp.toml", WISP)] {
        std::fs::write(dir.path().join(name), text).expect("a file");
    }
    let loaded = Definitions::load(dir.path());
    Arc::new(loaded.unwrap_or_else(|problems| panic!("{problems:?}")).definitions)
}

/// Entities at places.
pub(crate) struct Places {
    pub(crate) at: RefCell<BTreeMap<EntityId, (TypeNo, [f32; 3])>>,
    ids: NoWorld,
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

    fn public_property(&self, _: EntityId, _: PropertyNo) -> Option<Value> {
        None
    }

    fn within(&self, entity: EntityId, _: f32, into: &mut Vec<EntityId>) {
        into.extend(self.at.borrow().keys().filter(|id| **id != entity));
    }

    fn space_time_ms(&self) -> u64 {
        2_500
    }

    fn draw_id(&self) -> Option<EntityId> {
        self.ids.draw_id()
    }
}

/// A world with nobody in it.
pub(crate) fn world() -> Rc<Places> {
    let ids = NoWorld::new(EntityIdSource::new(Incarnation(9)));
    Rc::new(Places { at: RefCell::default(), ids })
}

/// A host of native logic.
pub(crate) fn host(part: Part, native: Native) -> NativeHost {
    NativeHost::new(config(part, native))
}

pub(crate) fn config(part: Part, native: Native) -> NativeConfig {
    let limits = Limits { timers_per_entity_max: 2, script_tasks_per_entity_max: 2, ..Limits::default() };
    NativeConfig { part, definitions: definitions(), native, limits, world: world(), chance: Chance::from_seed(1) }
}

/// A moment so many milliseconds after the start.
pub(crate) fn at(ms: u64) -> Now {
    Now { at: Moment(ms * 1_000), ..Now::default() }
}

pub(crate) fn ty(name: &str) -> Arc<EntityType> {
    Arc::clone(definitions().by_name(name).expect("the type is defined"))
}

/// Puts a new entity in and tells it so.
pub(crate) fn create(host: &mut dyn LogicHost, name: &str, id: u64) -> EntityId {
    let id = EntityId(id);
    host.create(EntitySeed { id, ty: ty(name), record: None, values: vec![] });
    host.hook(at(0), id, Hook::Create, &[]);
    id
}

/// Calls a base method.
pub(crate) fn call(host: &mut dyn LogicHost, id: EntityId, method: &str, arguments: &[Value]) -> Answer {
    let no = ty("shop").method_by_name(Part::Base, method).expect("the method is declared").no;
    host.call(at(1), id, no, arguments.to_vec(), Caller::Engine)
}

/// A call that ends at once.
pub(crate) fn done(answer: Answer) -> Result<Value, Refusal> {
    match answer {
        Answer::Done(outcome) => outcome,
        Answer::Pending(token) => panic!("it waits: {token:?}"),
    }
}

pub(crate) fn effects(host: &mut dyn LogicHost) -> Vec<Effect> {
    std::iter::from_fn(|| host.poll_effect()).collect()
}

pub(crate) fn changes(host: &mut dyn LogicHost) -> Vec<Change> {
    let mut changes = Vec::new();
    host.take_changes(&mut changes);
    changes.into_iter().map(|(_, change)| change).collect()
}

/// The messages of the faults.
pub(crate) fn faults(host: &mut dyn LogicHost) -> Vec<String> {
    std::iter::from_fn(|| host.poll_fault()).map(|fault| format!("{}: {}", fault.entry, fault.message)).collect()
}
