//! What a bot does beside walking, as far as the game it plays has a method for it.
//!
//! Each habit comes back after its own time, begun at a random point of it, so that a thousand bots do not speak at
//! once. All stay far below the rates that a sound game allows.

use std::time::Duration;

use kuafu_core::{Chance, Moment, Value};
use kuafu_def::{EntityType, Part};

/// Something a bot does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// A durable operation: adds 1 to the own sum and is told the new sum when it is saved.
    Deposit,
    /// Takes another colour.
    Paint,
    /// Says something to those around.
    Say,
    /// Waves.
    Wave,
}

/// The property that [`Act::Deposit`] adds to.
pub(crate) const SUM: &str = "gold";
/// The property that [`Act::Paint`] sets.
pub(crate) const COLOUR: &str = "hue";
const COLOURS: i64 = 360;

impl Act {
    const ALL: [Self; 4] = [Self::Deposit, Self::Paint, Self::Say, Self::Wave];

    /// The method that does it.
    #[must_use]
    pub(crate) fn method(self) -> (Part, &'static str) {
        match self {
            Self::Deposit => (Part::Base, "deposit"),
            Self::Paint => (Part::Base, "set_hue"),
            Self::Say => (Part::Cell, "say"),
            Self::Wave => (Part::Cell, "wave"),
        }
    }

    fn period(self) -> Duration {
        Duration::from_secs(match self {
            Self::Deposit => 15,
            Self::Paint => 20,
            Self::Say | Self::Wave => 30,
        })
    }

    /// Arguments for one time.
    #[must_use]
    pub(crate) fn arguments(self, chance: &mut Chance) -> Vec<Value> {
        match self {
            Self::Deposit => vec![Value::Int(1)],
            Self::Paint => vec![Value::Int(chance.between(0, COLOURS - 1))],
            Self::Say => vec![Value::text("a fine day for a walk")],
            Self::Wave => Vec::new(),
        }
    }

    /// Whether entities of a type can do it.
    #[must_use]
    pub(crate) fn is_known_to(self, ty: &EntityType) -> bool {
        let (part, name) = self.method();
        let Some(method) = ty.method_by_name(part, name).filter(|method| method.exposed.is_exposed()) else {
            return false;
        };
        let arguments = match self {
            Self::Deposit | Self::Paint | Self::Say => 1,
            Self::Wave => 0,
        };
        let property = match self {
            Self::Deposit => Some(SUM),
            Self::Paint => Some(COLOUR),
            Self::Say | Self::Wave => None,
        };
        method.arguments.len() == arguments
            && (self != Self::Deposit || method.result.is_some())
            && property.is_none_or(|name| ty.property_by_name(name).is_some())
    }
}

/// When a bot does what.
#[derive(Clone, Debug, Default)]
pub(crate) struct Habits(Vec<(Act, Moment)>);

impl Habits {
    /// All that entities of a type can do, from `now` on.
    #[must_use]
    pub(crate) fn new(ty: &EntityType, now: Moment, chance: &mut Chance) -> Self {
        let known = Act::ALL.into_iter().filter(|act| act.is_known_to(ty));
        Self(known.map(|act| (act, now + act.period().mul_f64(chance.unit()))).collect())
    }

    /// What is due.
    pub(crate) fn due(&mut self, now: Moment) -> Option<Act> {
        let (act, at) = self.0.iter_mut().find(|(_, at)| *at <= now)?;
        // After a long pause it is done once, not as often as it was missed.
        *at = now + act.period();
        Some(*act)
    }
}

#[cfg(test)]
mod tests {
    use kuafu_def::Definitions;

    use super::*;

    fn avatar(methods: &str) -> Definitions {
        let json = format!(
            r#"{{"format":1,"digest":"00000000000000000000000000000001","structs":{{}},"enums":{{}},"types":[{{"no":1,
            "name":"avatar","parts":["base","cell","client"],"methods":[{methods}],"properties":[{{"no":1,"name":"gold",
            "type":"int64","part":"base","own_client":true,"other_clients":false,"default":0}}]}}]}}"#
        );
        Definitions::from_client_schema_json(&json).expect("the schema is sound")
    }

    const DEPOSIT: &str = r#"{"no":1,"name":"deposit","part":"base","exposed":"owner",
        "arguments":[{"name":"amount","type":"uint32"}],"result":"int64"}"#;
    const WAVE: &str = r#"{"no":2,"name":"wave","part":"cell","exposed":"owner","arguments":[]}"#;
    const OTHER_SAY: &str = r#"{"no":3,"name":"say","part":"cell","exposed":"owner","arguments":[]}"#;

    #[test]
    fn bots_do_what_the_game_has_methods_for_each_in_its_time() {
        let definitions = avatar(&[DEPOSIT, WAVE, OTHER_SAY].join(","));
        let ty = definitions.by_name("avatar").expect("it is defined");
        let mut habits = Habits::new(ty, Moment(0), &mut Chance::from_seed(1));
        let mut done = Vec::new();
        for second in 0..=60 {
            while let Some(act) = habits.due(Moment(second * 1_000_000)) {
                done.push(act);
            }
        }
        let times = |act| done.iter().filter(|done| **done == act).count();
        assert!((3..=5).contains(&times(Act::Deposit)), "{done:?}");
        assert!((1..=3).contains(&times(Act::Wave)), "{done:?}");
        assert_eq!(times(Act::Say) + times(Act::Paint), 0, "say takes other arguments here, set_hue is not there");
    }
}
