//! The rules of ownership: who may write a record, and under which epoch.
//!
//! An **owner record** names the one role incarnation that may write, and an epoch that rises with every grant. The
//! store keeps owner records and asks these rules inside its transactions, so that at every time at most one writer
//! passes [`may_write`], whatever claims, releases and deaths came before. A writer keeps its epoch and sends it along;
//! one that lost the ownership unnoticed is refused by its epoch, never by its word.
//!
//! Nothing here does I/O, reads a clock, or knows how an incarnation is found to be dead.

use kuafu_core::{Epoch, Incarnation};
use serde::{Deserialize, Serialize};

/// Who owns something, durably.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnerRecord {
    /// The incarnation that may write; `None` after a release.
    pub holder: Option<Incarnation>,
    /// The epoch of the newest grant. Stays when the holder releases, so that the next grant is above it.
    pub epoch: Epoch,
}

/// How a claim ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// The claimer is the owner now, under this epoch; all earlier epochs are stale.
    Granted {
        /// Above every epoch granted before.
        epoch: Epoch,
    },
    /// Another live incarnation owns it.
    Owned {
        /// Which.
        by: Incarnation,
    },
}

impl OwnerRecord {
    /// The record that a grant leaves behind.
    #[must_use]
    pub fn held(holder: Incarnation, epoch: Epoch) -> Self {
        Self { holder: Some(holder), epoch }
    }
}

/// Whether `by` becomes the owner. Granted when there is no owner, when the owner is dead, and when `by` owns it
/// already.
///
/// A holder that claims again has lost track of its ownership: an answer was lost, or its entity was destroyed and
/// made again. It gets a new epoch, so that what its earlier attempt may still have in flight is stale.
#[must_use]
pub fn claim(current: Option<OwnerRecord>, by: Incarnation, is_dead: impl Fn(Incarnation) -> bool) -> Claim {
    match current.and_then(|record| record.holder) {
        Some(holder) if holder != by && !is_dead(holder) => Claim::Owned { by: holder },
        _ => Claim::Granted { epoch: next_epoch(current) },
    }
}

/// Whether a write by `by` under `epoch` may go in.
#[must_use]
pub fn may_write(current: Option<OwnerRecord>, by: Incarnation, epoch: Epoch) -> bool {
    current == Some(OwnerRecord::held(by, epoch))
}

/// What a release leaves behind: nobody holds the record, its epoch stays. `None` when the releaser does not own it
/// (any more), and then nothing is to be changed.
#[must_use]
pub fn release(current: Option<OwnerRecord>, by: Incarnation, epoch: Epoch) -> Option<OwnerRecord> {
    may_write(current, by, epoch).then_some(OwnerRecord { holder: None, epoch })
}

/// The epoch of the next grant, from 1.
#[must_use]
pub fn next_epoch(current: Option<OwnerRecord>) -> Epoch {
    Epoch(current.map_or(0, |record| record.epoch.0).saturating_add(1))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    const ALICE: Incarnation = Incarnation(1);
    const BOB: Incarnation = Incarnation(2);

    fn granted(claim: Claim) -> Epoch {
        match claim {
            Claim::Granted { epoch } => epoch,
            Claim::Owned { by } => panic!("owned by {by}"),
        }
    }

    #[test]
    fn a_live_owner_keeps_its_record_and_a_dead_one_loses_it() {
        let record = Some(OwnerRecord::held(ALICE, Epoch(7)));
        assert_eq!(claim(record, BOB, |_| false), Claim::Owned { by: ALICE });
        assert_eq!(claim(record, BOB, |who| who == ALICE), Claim::Granted { epoch: Epoch(8) });
    }

    #[test]
    fn a_holder_that_claims_again_makes_its_earlier_epoch_stale() {
        let first = granted(claim(None, ALICE, |_| false));
        let record = Some(OwnerRecord::held(ALICE, first));
        let second = granted(claim(record, ALICE, |_| false));
        let record = Some(OwnerRecord::held(ALICE, second));
        assert!(may_write(record, ALICE, second));
        assert!(!may_write(record, ALICE, first));
        assert_eq!(release(record, ALICE, first), None);
    }

    #[test]
    fn a_release_frees_the_record_and_keeps_its_epoch() {
        let record = Some(OwnerRecord::held(ALICE, Epoch(3)));
        assert_eq!(release(record, BOB, Epoch(3)), None);
        let freed = release(record, ALICE, Epoch(3)).expect("the owner may release");
        assert!(!may_write(Some(freed), ALICE, Epoch(3)));
        assert_eq!(claim(Some(freed), BOB, |_| false), Claim::Granted { epoch: Epoch(4) });
    }

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Claim(u32),
        /// By the incarnation, with one of all grants it ever had.
        Release(u32, usize),
        Die(u32),
    }

    fn step() -> impl Strategy<Value = Step> {
        let who = 1..5_u32;
        prop_oneof![
            4 => who.clone().prop_map(Step::Claim),
            2 => (who.clone(), 0..20_usize).prop_map(|(who, grant)| Step::Release(who, grant)),
            1 => who.prop_map(Step::Die),
        ]
    }

    proptest! {
        #[test]
        fn one_writer_at_all_times_and_epochs_only_rise(steps in prop::collection::vec(step(), 0..60)) {
            let mut record = None;
            let mut dead = BTreeSet::new();
            let mut grants: Vec<(Incarnation, Epoch)> = Vec::new();
            let mut expected_writer = None;
            for step in steps {
                match step {
                    Step::Claim(who) if !dead.contains(&Incarnation(who)) => {
                        let who = Incarnation(who);
                        match claim(record, who, |holder| dead.contains(&holder)) {
                            Claim::Granted { epoch } => {
                                prop_assert!(grants.iter().all(|(_, earlier)| *earlier < epoch));
                                grants.push((who, epoch));
                                record = Some(OwnerRecord::held(who, epoch));
                                expected_writer = Some((who, epoch));
                            }
                            Claim::Owned { by } => {
                                prop_assert_eq!(expected_writer.map(|(holder, _)| holder), Some(by));
                                prop_assert!(by != who && !dead.contains(&by));
                            }
                        }
                    }
                    Step::Release(who, grant) => {
                        let own: Vec<_> = grants.iter().filter(|(holder, _)| holder.0 == who).copied().collect();
                        let Some((who, epoch)) = own.get(grant).copied() else { continue };
                        let freed = release(record, who, epoch);
                        prop_assert_eq!(freed.is_some(), expected_writer == Some((who, epoch)));
                        if freed.is_some() {
                            record = freed;
                            expected_writer = None;
                        }
                    }
                    Step::Die(who) => {
                        dead.insert(Incarnation(who));
                    }
                    Step::Claim(_) => {}
                }
                let writers: Vec<_> = grants.iter().filter(|(who, epoch)| may_write(record, *who, *epoch)).collect();
                prop_assert_eq!(writers.len(), usize::from(expected_writer.is_some()));
                prop_assert_eq!(writers.first().copied().copied(), expected_writer);
            }
        }
    }
}
