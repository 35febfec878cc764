//! What bases would know: one slot table a witness, built only from what steps told, and the oracle that judges it.

use std::collections::{BTreeMap, HashMap};

use kuafu_core::EntityId;
use kuafu_space::{
    Allowance, Audience, FlatCosts, Index, Radii, Record, Space, ViewOutput, WitnessNo, WitnessTick, for_each_bit,
};

/// By how much nearer (squared) someone must be to displace another.
pub(crate) fn displace2(radii: Radii) -> f32 {
    (radii.leave / radii.enter) * (radii.leave / radii.enter)
}

#[derive(Clone, Debug, PartialEq)]
struct Seen {
    index: Index,
    id: EntityId,
    record: Record,
    seq: u32,
}

struct Mirror {
    own: Index,
    base: u8,
    slots: BTreeMap<u16, Seen>,
    allowance: Allowance,
    spent: u64,
    allowed: u64,
    largest: u64,
    /// For how many steps each entity has been within the enter radius, and beyond the leave radius.
    near: HashMap<EntityId, u32>,
    far: HashMap<EntityId, u32>,
}

#[derive(Clone, Copy, Default)]
struct History {
    newest: u32,
    told: u32,
    bytes: u32,
}

pub(crate) struct Mirrors {
    period: u32,
    costs: FlatCosts,
    all: BTreeMap<WitnessNo, Mirror>,
    history: HashMap<(EntityId, bool), History>,
}

impl Mirrors {
    pub(crate) fn new(period: u8, costs: FlatCosts) -> Self {
        Self { period: u32::from(period), costs, all: BTreeMap::new(), history: HashMap::new() }
    }

    pub(crate) fn begin(&mut self, no: WitnessNo, own: Index, base: u8) {
        let mirror = Mirror {
            own,
            base,
            slots: BTreeMap::new(),
            allowance: Allowance::UNLIMITED,
            spent: 0,
            allowed: 0,
            largest: 0,
            near: HashMap::new(),
            far: HashMap::new(),
        };
        assert!(self.all.insert(no, mirror).is_none(), "a number is given out once");
    }

    pub(crate) fn end(&mut self, no: WitnessNo) {
        self.all.remove(&no).expect("a mirror for every witness");
    }

    pub(crate) fn reset(&mut self, no: WitnessNo) {
        self.all.get_mut(&no).unwrap().slots.clear();
    }

    pub(crate) fn allow(&mut self, no: WitnessNo, allowance: Allowance) {
        self.all.get_mut(&no).unwrap().allowance = allowance;
    }

    pub(crate) fn numbers(&self) -> Vec<WitnessNo> {
        self.all.keys().copied().collect()
    }

    pub(crate) fn note_state(&mut self, id: EntityId, audience: Audience, seq: u32, bytes: u32) {
        let history = self.history.entry((id, audience == Audience::Own)).or_default();
        history.newest = seq;
        history.bytes += bytes;
    }

    /// Replays one step.
    pub(crate) fn apply(&mut self, space: &Space, out: &ViewOutput) {
        for mirror in self.all.values_mut().filter(|mirror| !mirror.allowance.blocked) {
            mirror.allowed += u64::from(mirror.allowance.bytes);
        }
        for tick in &out.witnesses {
            let mirror = self.all.get_mut(&tick.witness).expect("only live witnesses are told");
            assert!(!mirror.allowance.blocked, "a blocked witness is told nothing");
            assert_eq!((tick.entity, tick.base), (mirror.own, mirror.base));
            let spent = mirror.apply_tick(space, out, tick, &self.history, &self.costs);
            if mirror.allowance.bytes < u32::MAX {
                mirror.spent += spent;
            }
        }
        for history in self.history.values_mut() {
            history.told = history.newest;
            history.bytes = 0;
        }
        self.count_steps(space);
    }

    fn count_steps(&mut self, space: &Space) {
        let radii = space.config().radii;
        for mirror in self.all.values_mut() {
            let from = space.entities().position(mirror.own).unwrap();
            let (mut near, mut far) = (HashMap::new(), HashMap::new());
            for index in space.entities().iter() {
                let id = space.entities().id(index);
                let d2 = space.entities().position(index).unwrap().ground_distance_squared(from);
                if d2 <= radii.enter * radii.enter {
                    near.insert(id, mirror.near.get(&id).copied().unwrap_or(0) + 1);
                }
                if d2 > radii.leave * radii.leave {
                    far.insert(id, mirror.far.get(&id).copied().unwrap_or(0) + 1);
                }
            }
            (mirror.near, mirror.far) = (near, far);
        }
    }

    /// All who are near are in view, nobody who is far is, both at most as late as the period allows.
    pub(crate) fn check_views(&self, space: &Space, here: &[Index]) {
        for (no, mirror) in &self.all {
            let seen: Vec<EntityId> = mirror.slots.values().map(|seen| seen.id).collect();
            for &index in here {
                let id = space.entities().id(index);
                if mirror.near.get(&id).is_some_and(|steps| *steps >= self.period) {
                    assert!(seen.contains(&id), "{no:?} does not see {id} for {:?} steps", mirror.near[&id]);
                }
                if mirror.far.get(&id).is_some_and(|steps| *steps >= self.period) {
                    assert!(!seen.contains(&id), "{no:?} still sees {id} after {:?} steps", mirror.far[&id]);
                }
            }
            assert_eq!(space.view_size(*no), Some(seen.len() as u32 - 1));
        }
    }

    /// Nobody absent is nearer than someone present by more than the hysteresis.
    pub(crate) fn check_nearest(&self, space: &Space, here: &[Index], size: usize, displace2: f32) {
        let enter = space.config().radii.enter;
        for mirror in self.all.values() {
            let from = space.entities().position(mirror.own).unwrap();
            let distance = |index: Index| space.entities().position(index).unwrap().ground_distance_squared(from);
            let present: Vec<Index> = mirror.slots.values().map(|seen| seen.index).collect();
            assert!(present.len() <= size + 1);
            let farthest = present.iter().map(|index| distance(*index)).fold(0.0, f32::max);
            for &index in here.iter().filter(|index| !present.contains(index)) {
                let d2 = distance(index);
                if d2 <= enter * enter {
                    assert_eq!(present.len(), size + 1, "room for one who is near");
                    assert!(d2 * displace2 * 1.0001 >= farthest, "{d2} absent, {farthest} present");
                }
            }
        }
    }

    /// What every mirror has of the entities it sees is what they are.
    pub(crate) fn check_up_to_date(&self, space: &Space) {
        for (no, mirror) in &self.all {
            for (slot, seen) in &mirror.slots {
                let entities = space.entities();
                assert!(entities.is_here(seen.index), "{no:?} sees a removed one in slot {slot}");
                assert_eq!(entities.id(seen.index), seen.id);
                if *slot != 0 {
                    assert_eq!(entities.record(seen.index), Some(seen.record), "{no:?} slot {slot}");
                }
                let newest = self.history.get(&(seen.id, *slot == 0)).copied().unwrap_or_default().newest;
                assert_eq!(seen.seq, newest, "{no:?} slot {slot}");
            }
        }
    }

    /// Nobody got more than its budgets of all ticks but for one item that is larger than a budget.
    pub(crate) fn check_budgets(&self) {
        for (no, mirror) in &self.all {
            assert!(mirror.spent <= mirror.allowed + mirror.largest, "{no:?}: {} of {}", mirror.spent, mirror.allowed);
        }
    }
}

impl Mirror {
    /// Replays what one witness was told; returns what it cost.
    fn apply_tick(
        &mut self,
        space: &Space,
        out: &ViewOutput,
        tick: &WitnessTick,
        history: &HashMap<(EntityId, bool), History>,
        costs: &FlatCosts,
    ) -> u64 {
        let of = |id: EntityId, slot: u16| history.get(&(id, slot == 0)).copied().unwrap_or_default();
        let mut spent = 0;
        for slot in out.leaves(tick) {
            assert_ne!(*slot, 0, "a witness never leaves its own view");
            self.slots.remove(slot).expect("only a used slot is left");
        }
        let mut entered = Vec::new();
        for enter in out.enters(tick) {
            let lowest = (0..).find(|slot| !self.slots.contains_key(slot)).unwrap();
            assert_eq!(enter.slot, lowest, "the lowest free slot is taken");
            let id = space.entities().id(enter.entity);
            assert!(self.slots.values().all(|seen| seen.id != id), "nobody is in view twice");
            let record = space.entities().record(enter.entity).expect("only who is there enters");
            let seq = of(id, enter.slot).newest;
            self.slots.insert(enter.slot, Seen { index: enter.entity, id, record, seq });
            entered.push(enter.slot);
            if enter.slot == 0 {
                assert_eq!(enter.entity, self.own);
            } else {
                spent += u64::from(costs.enter);
                let snapshot = out.snapshots.iter().find(|snapshot| snapshot.entity == enter.entity);
                assert!(snapshot.is_some_and(|snapshot| snapshot.bases >> self.base & 1 == 1), "a snapshot is sent");
            }
        }
        self.largest = self.largest.max(u64::from(costs.enter));
        for_each_bit(out.moved_bits(tick), |slot| {
            let slot = slot as u16;
            assert!(!entered.contains(&slot), "a snapshot has the record");
            let seen = self.slots.get_mut(&slot).expect("only a used slot moves");
            let sent = out.records.iter().find(|record| record.entity == seen.index).expect("its record is sent");
            assert_eq!(sent.bases >> self.base & 1, 1, "its record is sent to this base");
            seen.record = sent.record;
            spent += Record::BYTES as u64;
        });
        let mut told: Vec<(u16, u32)> = Vec::new();
        for_each_bit(out.state_bits(tick), |slot| {
            let seen = &self.slots[&(slot as u16)];
            let sent = out.states.iter().find(|state| state.entity == seen.index).expect("its delta is sent");
            assert_eq!(sent.bases >> self.base & 1, 1, "its delta is sent to this base");
            told.push((slot as u16, of(seen.id, 1).told));
            spent += u64::from(of(seen.id, 1).bytes);
        });
        if tick.own_state {
            let own = self.slots[&0].id;
            told.push((0, of(own, 0).told));
            spent += u64::from(of(own, 0).bytes);
        }
        for catch_up in out.catch_ups(tick) {
            assert_eq!(self.slots[&catch_up.slot].index, catch_up.entity);
            told.push((catch_up.slot, catch_up.from_seq));
            spent += u64::from(costs.catch_up);
        }
        for (slot, from_seq) in told {
            assert!(!entered.contains(&slot), "a snapshot has the state");
            let seen = self.slots.get_mut(&slot).expect("only a used slot changes");
            assert_eq!(seen.seq, from_seq, "no delta is skipped or repeated, slot {slot}");
            seen.seq = of(seen.id, slot).newest;
            self.largest = self.largest.max(u64::from(of(seen.id, slot).bytes));
        }
        spent
    }
}
