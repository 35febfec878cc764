//! Game logic in Rust: coins in avatars and purses. On a cell it keeps values, and blesses what is created.
//!
//! What is saved is answered after the commit. A save that is refused is taken back in memory, so that a refusal means
//! that nothing happened.

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use kuafu_core::change::Misfit;
use kuafu_core::{Change, Code, EntityId, MethodNo, Moment, Now, PropertyNo, Refusal, TypeNo, Value};
use kuafu_def::Part;
use kuafu_logic::{
    Answer, AwaitId, CallToken, Caller, Effect, EntitySeed, Failure, Fault, Hook, HostCounters, LogicHost, Placement,
    World,
};

use crate::game::{AVATAR, BLESSING, COINS, DEPOSIT, DROP, MOOD, PICK, PURSE, coins_of, coins_value};

#[derive(Debug)]
struct Thing {
    ty: TypeNo,
    values: BTreeMap<PropertyNo, Value>,
}

/// How a call that waits for its commit is taken back.
#[derive(Debug)]
struct Waiting {
    token: CallToken,
    avatar: EntityId,
    undo: Undo,
}

#[derive(Debug)]
enum Undo {
    Take(Vec<i64>),
    /// Coins that went into a purse.
    Give(Vec<i64>),
}

/// Logic of one base or cell.
pub(crate) struct CoinLogic {
    part: Part,
    world: Rc<dyn World>,
    things: BTreeMap<EntityId, Thing>,
    changes: Vec<(EntityId, Change)>,
    effects: VecDeque<Effect>,
    waiting: BTreeMap<AwaitId, Waiting>,
    next: u64,
}

impl CoinLogic {
    pub(crate) fn boxed(part: Part, world: Rc<dyn World>) -> Box<dyn LogicHost> {
        Box::new(Self {
            part,
            world,
            things: BTreeMap::new(),
            changes: Vec::new(),
            effects: VecDeque::new(),
            waiting: BTreeMap::new(),
            next: 0,
        })
    }

    fn coins(&self, entity: EntityId) -> Vec<i64> {
        let value = self.things.get(&entity).and_then(|thing| thing.values.get(&COINS));
        value.map(|value| coins_of(value).collect()).unwrap_or_default()
    }

    fn set_coins(&mut self, entity: EntityId, coins: &[i64]) {
        if let Some(thing) = self.things.get_mut(&entity) {
            let value = coins_value(coins);
            thing.values.insert(COINS, value.clone());
            self.changes.push((entity, Change::set(COINS, value)));
        }
    }

    /// Saves the avatar with all else that this entry wants to last; the call is answered after it.
    fn save(&mut self, avatar: EntityId, undo: Undo) -> Answer {
        let (awaiting, token) = (AwaitId(self.next), CallToken(self.next));
        self.waiting.insert(awaiting, Waiting { token, avatar, undo });
        self.effects.push_back(Effect::Save { entity: avatar, awaiting: Some(awaiting), step: self.next });
        Answer::Pending(token)
    }

    fn deposit(&mut self, avatar: EntityId, coin: i64) -> Answer {
        let mut coins = self.coins(avatar);
        coins.push(coin);
        self.set_coins(avatar, &coins);
        self.save(avatar, Undo::Take(vec![coin]))
    }

    fn drop_purse(&mut self, avatar: EntityId) -> Answer {
        let coins = self.coins(avatar);
        let Some(id) = self.world.draw_id().filter(|_| !coins.is_empty()) else { return refused() };
        self.set_coins(avatar, &[]);
        self.effects.push_back(Effect::Create {
            from: avatar,
            ty: PURSE,
            values: vec![(COINS, coins_value(&coins))],
            placement: Placement::Nowhere,
            persistent: true,
            id,
            step: self.next,
        });
        self.save(avatar, Undo::Give(coins))
    }

    fn pick(&mut self, avatar: EntityId) -> Answer {
        let purse = self.things.iter().find(|(_, thing)| thing.ty == PURSE).map(|(id, _)| *id);
        let Some(purse) = purse else { return refused() };
        let found = self.coins(purse);
        let coins: Vec<i64> = self.coins(avatar).into_iter().chain(found.iter().copied()).collect();
        self.set_coins(avatar, &coins);
        self.effects.push_back(Effect::Destroy { entity: purse, forever: true, step: self.next });
        self.save(avatar, Undo::Take(found))
    }

    fn take_back(&mut self, avatar: EntityId, undo: Undo) {
        let mut coins = self.coins(avatar);
        match undo {
            Undo::Take(taken) => coins.retain(|coin| !taken.contains(coin)),
            Undo::Give(given) => coins.extend(given),
        }
        self.set_coins(avatar, &coins);
    }
}

fn refused() -> Answer {
    Answer::Done(Err(Code::Refused.into()))
}

impl LogicHost for CoinLogic {
    fn part(&self) -> Part {
        self.part
    }

    fn create(&mut self, seed: EntitySeed) {
        let mut values: BTreeMap<PropertyNo, Value> =
            seed.ty.properties.iter().map(|property| (property.no, property.default.clone())).collect();
        values.extend(seed.values);
        self.things.insert(seed.id, Thing { ty: seed.ty.no, values });
    }

    fn destroy(&mut self, entity: EntityId) {
        self.things.remove(&entity);
    }

    fn hook(&mut self, _: Now, entity: EntityId, hook: Hook, _: &[Value]) {
        let blessing = if self.part == Part::Cell { MOOD } else { BLESSING };
        let Some(thing) = self.things.get_mut(&entity).filter(|thing| hook == Hook::Create && thing.ty == AVATAR)
        else {
            return;
        };
        let before = thing.values.get(&blessing).and_then(Value::as_int).unwrap_or_default();
        thing.values.insert(blessing, Value::Int(before + 1));
        self.changes.push((entity, Change::set(blessing, Value::Int(before + 1))));
    }

    fn call(&mut self, _: Now, entity: EntityId, method: MethodNo, arguments: Vec<Value>, _: Caller) -> Answer {
        if self.things.get(&entity).is_none_or(|thing| thing.ty != AVATAR) {
            return refused();
        }
        self.next += 1;
        match (method, arguments.first().and_then(Value::as_int)) {
            (DEPOSIT, Some(coin)) => self.deposit(entity, coin),
            (DROP, _) => self.drop_purse(entity),
            (PICK, _) => self.pick(entity),
            _ => refused(),
        }
    }

    fn resume(&mut self, _: Now, awaiting: AwaitId, outcome: Result<Value, Failure>) {
        let Some(Waiting { token, avatar, undo }) = self.waiting.remove(&awaiting) else { return };
        let outcome = match outcome {
            Ok(_) => Ok(Value::Nil),
            Err(Failure::Refused(refusal)) => {
                self.take_back(avatar, undo);
                Err(refusal)
            }
            Err(Failure::Unknown) => Err(Refusal::from(Code::DeadlinePassed)),
        };
        self.effects.push_back(Effect::Answer { token, outcome });
    }

    fn advance(&mut self, _: Now) {}

    fn next_wake(&self) -> Option<Moment> {
        None
    }

    fn take_changes(&mut self, into: &mut Vec<(EntityId, Change)>) {
        into.append(&mut self.changes);
    }

    fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    fn poll_fault(&mut self) -> Option<Fault> {
        None
    }

    fn apply(&mut self, entity: EntityId, change: &Change) -> Result<(), Misfit> {
        let thing = self.things.get_mut(&entity).ok_or(Misfit("there is no such entity"))?;
        change.apply(thing.values.entry(change.property).or_default())
    }

    fn read(&self, entity: EntityId, property: PropertyNo) -> Option<Value> {
        self.things.get(&entity)?.values.get(&property).cloned()
    }

    fn counters(&self) -> HostCounters {
        HostCounters { entities: self.things.len() as u64, ..HostCounters::default() }
    }
}
