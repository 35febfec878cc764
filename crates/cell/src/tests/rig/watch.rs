//! Looks after every tick at what came in it: nothing from farther than it goes, and nothing sooner than it may.
//!
//! It is brute force: it knows the definitions, where everybody is, and what every mirror showed a tick ago. The values of
//! properties with an update rate only grow in the tests, numbers by value and lists by length, so that "newer" can be
//! told from the value.

use std::collections::BTreeMap;

use kuafu_core::{EntityId, PropertyNo, Value};
use kuafu_def::Spread;

use super::{Rig, Seen, UPDATE_TICKS, base, definitions};

/// The hysteresis of the plaza, and what rounding may add.
const SLACK: f32 = 5.001;
const YAW: usize = 6;

#[derive(Default)]
pub(crate) struct Watch {
    before: BTreeMap<(u32, EntityId), Seen>,
    told: BTreeMap<(EntityId, PropertyNo), Told>,
    tick: u64,
    /// How many frames had come a tick ago.
    frames: u32,
}

/// What others may know of a property with an update rate.
#[derive(Clone, Copy, Default)]
struct Told {
    real_epoch: u32,
    age: i64,
    /// Of all parts that the entity had.
    oldest: i64,
    next_tick: u64,
}

fn age(value: &Value) -> i64 {
    match value {
        Value::List(items) => items.len() as i64,
        Value::Int(number) => *number,
        other => panic!("{other:?} has no age"),
    }
}

impl Watch {
    pub(crate) fn look(&mut self, rig: &Rig) {
        self.tick += 1;
        self.let_out(rig);
        let Some(mirror) = rig.mirrors.get(&base(1)) else { return };
        let spaces = rig.cell.world.spaces.borrow();
        let mut now = BTreeMap::new();
        for (_, part) in spaces.open[0].each_part() {
            let Some(number) = part.witness.and_then(|no| spaces.open[0].witness(no)).map(|witness| witness.number)
            else {
                continue;
            };
            let Some(view) = mirror.views.get(&number) else { continue };
            for seen in view.iter().filter(|(slot, _)| **slot != 0).map(|(_, seen)| seen) {
                let places = [part.id, seen.entity].map(|entity| spaces.home(entity));
                let [Some(own), Some(other)] = places else { continue };
                let [own, other] = [own, other].map(|home| spaces.open[0].space.entities().position(home.index));
                let metres = own.expect("here").ground_distance_squared(other.expect("here")).sqrt();
                self.check(number, seen, metres);
                now.insert((number, seen.entity), seen.clone());
            }
        }
        self.before = now;
        self.frames = mirror.frames;
    }

    /// Lets the oracle's gates open.
    fn let_out(&mut self, rig: &Rig) {
        let spaces = rig.cell.world.spaces.borrow();
        for (_, part) in spaces.open[0].each_part() {
            let gated = part.layout.ty.properties.iter().filter(|property| property.update.is_some());
            for property in gated {
                let age = age(&part.values[part.layout.position(property.no).expect("of the cell")]);
                let told = self.told.entry((part.id, property.no)).or_default();
                if told.real_epoch != part.real_epoch {
                    *told = Told { real_epoch: part.real_epoch, oldest: told.oldest, ..Told::default() };
                }
                if told.age != age && self.tick >= told.next_tick {
                    (told.age, told.next_tick) = (age, self.tick + UPDATE_TICKS);
                    told.oldest = told.oldest.max(age);
                }
            }
        }
    }

    fn check(&self, witness: u32, seen: &Seen, metres: f32) {
        let definition = definitions().get(seen.ty).cloned().expect("a type");
        let who = format!("tick {}: {witness} sees {} at {metres} m", self.tick, seen.entity);
        let before = self.before.get(&(witness, seen.entity)).filter(|before| before.entered_at == seen.entered_at);
        for property in definition.properties.iter().filter(|property| property.other_clients) {
            let (no, value) = (property.no, seen.get(property.no));
            let reach = property.detail.unwrap_or(f32::INFINITY);
            match before {
                Some(before) if before.get(no) != value => {
                    assert!(metres <= reach + SLACK, "{who}: {no} came, {value:?}");
                }
                Some(_) => {}
                // It was there before; only the witness is new, and its base did not hear of that.
                None if seen.entered_at < self.frames => {}
                None if (metres - reach).abs() < 0.001 => {}
                None => assert_eq!(value.is_some(), metres <= reach, "{who}: {no} on entering"),
            }
            if let (Some(value), Some(told)) = (value, self.told.get(&(seen.entity, no))) {
                assert!(age(value) <= told.oldest, "{who}: {no} is {value:?} already");
            }
        }
        let Some(before) = before else { return };
        for (moved, spread) in [
            (before.record[..YAW] != seen.record[..YAW], definition.volatile.position),
            (before.record[YAW] != seen.record[YAW], definition.volatile.yaw),
        ] {
            let may = match spread {
                Spread::Always => true,
                Spread::Never => false,
                Spread::Within(reach) => metres <= reach + SLACK,
            };
            assert!(may || !moved, "{who}: it moved");
        }
    }
}
