//! The game of the benchmarks of roles: one type of entity that everyone plays, and logic that only wants what the
//! benchmark puts into its mouth.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use kuafu_contract::{Address, RoleKind};
use kuafu_core::change::Misfit;
use kuafu_core::{Change, EntityId, Incarnation, MethodNo, Moment, Now, PropertyNo, SpaceId, TypeNo, Value};
use kuafu_def::{Definitions, Part};
use kuafu_logic::{Answer, AwaitId, Caller, Effect, EntitySeed, Failure, Fault, Hook, HostCounters, LogicHost};

pub(super) const SPACE: SpaceId = SpaceId(1);
pub(super) const AVATAR: TypeNo = TypeNo(1);
/// What others see of an avatar besides its place.
pub(super) const HEALTH: PropertyNo = PropertyNo(2);
pub(super) const CELL: Address = Address { role: RoleKind::Cell, incarnation: Incarnation(50) };

const SCHEMA: &str = r#"{ "format": 1, "digest": "000102030405060708090a0b0c0d0e0f",
  "types": [{ "no": 1, "name": "avatar", "parts": ["base", "cell", "client"], "top_speed": 7.0,
    "properties": [
      { "no": 1, "name": "name", "type": "string", "part": "cell", "own_client": true, "other_clients": true, "default": "somebody" },
      { "no": 2, "name": "health", "type": "uint16", "part": "cell", "own_client": true, "other_clients": true, "default": 100 },
      { "no": 3, "name": "gold", "type": "int64", "part": "base", "own_client": true, "other_clients": false, "default": 0 }],
    "methods": [] }],
  "structs": {}, "enums": {} }"#;

pub(super) fn definitions() -> Arc<Definitions> {
    Arc::new(Definitions::from_client_schema_json(SCHEMA).expect("a sound schema"))
}

/// What logic will want next.
pub(super) type Wishes = Rc<RefCell<VecDeque<Effect>>>;

/// Logic without a thought of its own.
pub(super) struct SilentHost {
    pub(super) part: Part,
    pub(super) wishes: Wishes,
}

impl LogicHost for SilentHost {
    fn part(&self) -> Part {
        self.part
    }

    fn create(&mut self, _: EntitySeed) {}

    fn destroy(&mut self, _: EntityId) {}

    fn hook(&mut self, _: Now, _: EntityId, _: Hook, _: &[Value]) {}

    fn call(&mut self, _: Now, _: EntityId, _: MethodNo, _: Vec<Value>, _: Caller) -> Answer {
        Answer::Done(Ok(Value::Nil))
    }

    fn resume(&mut self, _: Now, _: AwaitId, _: Result<Value, Failure>) {}

    fn advance(&mut self, _: Now) {}

    fn next_wake(&self) -> Option<Moment> {
        None
    }

    fn take_changes(&mut self, _: &mut Vec<(EntityId, Change)>) {}

    fn poll_effect(&mut self) -> Option<Effect> {
        self.wishes.borrow_mut().pop_front()
    }

    fn poll_fault(&mut self) -> Option<Fault> {
        None
    }

    fn apply(&mut self, _: EntityId, _: &Change) -> Result<(), Misfit> {
        Ok(())
    }

    fn read(&self, _: EntityId, _: PropertyNo) -> Option<Value> {
        None
    }

    fn counters(&self) -> HostCounters {
        HostCounters::default()
    }
}
