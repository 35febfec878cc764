//! View: budgets are set, the engine steps, and what its triggers saw is queued for logic; then levels of detail.
//!
//! A witness's budget is the least of what is configured and what its client takes, less what calls took since the
//! last tick. A witness whose base's link is blocked is left out wholly: the engine remembers what it misses.

mod levels;

use kuafu_core::{Limits, Value};
use kuafu_logic::Hook;
use kuafu_space::{Allowance, Costs, Index};

use crate::links::Peers;
use crate::part::{Audience, Part};
use crate::simulate::Entries;
use crate::space::OpenSpace;
pub(crate) use levels::{Distances, Level, Levels};

/// What things cost, from the parts' own encodings.
struct BlobCosts<'a>(&'a mut [Option<Box<Part>>]);

impl BlobCosts<'_> {
    fn part(&mut self, index: Index) -> Option<&mut Part> {
        self.0.get_mut(index.at())?.as_deref_mut()
    }
}

impl Costs for BlobCosts<'_> {
    fn enter_bytes(&mut self, entity: Index) -> u32 {
        self.part(entity).map_or(0, Part::enter_bytes)
    }

    fn catch_up_bytes(&mut self, entity: Index, own: bool, from_seq: u32) -> u32 {
        let audience = if own { Audience::Own } else { Audience::Others };
        self.part(entity).map_or(0, |part| part.catch_up_bytes(audience, from_seq))
    }
}

impl OpenSpace {
    /// Tells the engine what each witness may be sent in this tick.
    pub(crate) fn set_allowances(&mut self, peers: &Peers, limits: &Limits) {
        let Self { space, witnesses, .. } = self;
        let numbered = witnesses.iter_mut().enumerate();
        for (at, witness) in numbered.filter_map(|(at, witness)| witness.as_deref_mut().map(|witness| (at, witness))) {
            let most = limits.client_bytes_per_tick_max;
            let bytes = witness.credit.map_or(most, |credit| credit.min(most)).saturating_sub(witness.call_debt);
            witness.call_debt = witness.call_debt.saturating_sub(most);
            let blocked = peers.get(witness.peer).is_none_or(|link| link.blocked);
            let allowance = Allowance { bytes, blocked };
            if allowance != witness.allowance {
                witness.allowance = allowance;
                space.set_allowance(kuafu_space::WitnessNo(at as u32), allowance).ok();
            }
        }
    }

    /// Makes this tick's changes visible to the witnesses, and queues what triggers tell logic in the next tick.
    pub(crate) fn step_view(&mut self, entries: &mut Entries) {
        let Self { space, parts, output, witnesses, distances, config, .. } = self;
        space.step(&mut BlobCosts(parts), output);
        for event in &output.triggers {
            let Some(owner) = parts.get(event.owner.at()).and_then(Option::as_deref) else { continue };
            let radius = owner.triggers.iter().find(|(no, _)| *no == event.trigger).map(|(_, radius)| *radius);
            let Some(radius) = radius else { continue };
            let hook = if event.entered { Hook::TriggerEnter } else { Hook::TriggerLeave };
            entries.hook(owner.id, hook, vec![Value::Entity(event.id), Value::Float(f64::from(radius))]);
        }
        for tick in &output.witnesses {
            let Some(witness) = witnesses[tick.witness.0 as usize].as_deref_mut() else { continue };
            output.leaves(tick).iter().for_each(|slot| witness.leave(*slot));
            output.enters(tick).iter().for_each(|enter| witness.enter(enter.slot, enter.entity));
            if !witness.levels.is_empty() {
                output.leaves(tick).iter().for_each(|slot| witness.levels.leave(*slot));
            }
            if !distances.is_empty() {
                let by_distance = output.enters(tick).iter().filter(|enter| distances.has(enter.entity));
                by_distance.for_each(|enter| levels::enter(witness, space, parts, *enter, config.view_hysteresis));
            }
        }
    }
}
