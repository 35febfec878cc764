//! What a run of bots is asked to be.

use std::time::Duration;

use kuafu_client::Transport;
use kuafu_core::Chance;

use crate::console::ConsoleAddress;
use crate::plan::Formation;

/// The longest name of an account, in characters.
const NAME_CHARS_MAX: usize = 24;
/// The most bots of one process.
pub const BOTS_MAX: usize = 60_000;

/// A run of bots.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The game's console.
    pub console: ConsoleAddress,
    /// How packets travel.
    pub transport: Transport,
    /// How many bots.
    pub count: usize,
    /// How long is measured, from the moment when all are in and in their places.
    pub measured: Duration,
    /// What account names begin with.
    pub prefix: String,
    /// Where they walk.
    pub formation: Formation,
    /// How many logins begin in a second.
    pub ramp_per_s: f64,
    /// For walks and habits.
    pub seed: u64,
    /// The share of enters that bots drop, to see whether the checks notice: 0 to 1.
    pub drop_enter: f64,
    /// How much farther than the view radius an entity may be seen, in metres.
    pub hysteresis: f32,
}

impl Settings {
    /// Whether they make sense.
    ///
    /// # Errors
    /// A sentence that says which one does not, and what would.
    pub fn check(&self) -> Result<(), String> {
        if !(1..=BOTS_MAX).contains(&self.count) {
            return Err(format!("--count {}: 1 to {BOTS_MAX}", self.count));
        }
        if !(self.ramp_per_s.is_finite() && self.ramp_per_s > 0.0) {
            return Err(format!("--ramp {}: more than 0 logins a second", self.ramp_per_s));
        }
        if !(0.0..=1.0).contains(&self.drop_enter) {
            return Err(format!("--inject drop-enter={}: a share from 0 to 1", self.drop_enter));
        }
        if !(self.hysteresis.is_finite() && self.hysteresis >= 0.0) {
            return Err(format!("--hysteresis {}: 0 metres or more", self.hysteresis));
        }
        if self.formation == Formation::Gather(0) {
            return Err("--gather 0: 1 crowd or more".to_owned());
        }
        let longest = self.name(self.count - 1);
        let sound = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
        if longest.chars().count() > NAME_CHARS_MAX || longest.starts_with(['-', ' ']) || !longest.chars().all(sound) {
            return Err(format!(
                "--prefix {}: letters, digits, spaces, `-` and `_`, so few that {longest} has at most {NAME_CHARS_MAX}",
                self.prefix
            ));
        }
        Ok(())
    }

    /// The name of a bot's account and of its role.
    #[must_use]
    pub fn name(&self, bot: usize) -> String {
        format!("{}-{bot}", self.prefix)
    }

    /// The password of all accounts: whoever uses the prefix again plays the same ones.
    #[must_use]
    pub fn password(&self) -> String {
        format!("password of {}", self.prefix)
    }

    /// A prefix that no other run has.
    #[must_use]
    pub fn random_prefix(chance: &mut Chance) -> String {
        let letter = |_| char::from_digit(chance.between(0, 35) as u32, 36).unwrap_or('x');
        format!("bot-{}", (0..8).map(letter).collect::<String>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        Settings {
            console: ConsoleAddress { host: "127.0.0.1".to_owned(), port: 9998 },
            transport: Transport::Tcp,
            count: 1_000,
            measured: Duration::from_secs(10),
            prefix: Settings::random_prefix(&mut Chance::from_system()),
            formation: Formation::Spread,
            ramp_per_s: 100.0,
            seed: 1,
            drop_enter: 0.0,
            hysteresis: 5.0,
        }
    }

    #[test]
    fn random_prefixes_are_accepted_and_differ() {
        assert_eq!(settings().check(), Ok(()));
        assert_ne!(settings().prefix, settings().prefix);
    }

    type Change = fn(&mut Settings);

    #[test]
    fn what_makes_no_sense_is_named() {
        let wrong: [(&str, Change); 8] = [
            ("--count", |s| s.count = 0),
            ("--count", |s| s.count = BOTS_MAX + 1),
            ("--ramp", |s| s.ramp_per_s = 0.0),
            ("drop-enter", |s| s.drop_enter = 1.5),
            ("--gather", |s| s.formation = Formation::Gather(0)),
            ("--prefix", |s| s.prefix = "much-too-long-for-a-name".to_owned()),
            ("--prefix", |s| s.prefix = "a/b".to_owned()),
            ("--prefix", |s| s.prefix = String::new()),
        ];
        for (name, change) in wrong {
            let mut settings = settings();
            change(&mut settings);
            let why = settings.check().expect_err(name);
            assert!(why.contains(name), "{why}");
        }
    }
}
