//! What a seed decides before a run: how large the realm is, and which faults it will meet how often.

use kuafu_core::{Chance, Limits};

/// One run, as its seed has it.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Says everything.
    pub seed: u64,
    /// Base slots; a slot whose instance died gets a new one.
    pub bases: u32,
    /// Accounts, each with two clients that do not know of one another.
    pub accounts: u32,
    /// Seats a base has.
    pub players_max: u32,
    /// Whether accounts may have a second role, and play either.
    pub two_roles: bool,
    /// For so many virtual milliseconds there are faults.
    pub faults_ms: i64,
    /// The longest usual delay of a message between roles, in microseconds.
    pub delay_us_max: i64,
    /// Share of notices that are lost.
    pub lose_notice: f64,
    /// Share of calls' requests that are lost, and of their answers.
    pub lose_call: f64,
    /// Share of messages that stall their connection for up to 2.5 s.
    pub stall: f64,
    /// Share of store commands that are refused and not done.
    pub store_refuses: f64,
    /// Share of store commands whose outcome is unknown; half of them are done.
    pub store_unknown: f64,
    /// How often the cell dies.
    pub cell_deaths: i64,
    /// How often a base dies.
    pub base_deaths: i64,
    /// Whether a base may be declared dead some time before it is.
    pub zombies: bool,
    /// Share of the turns of a playing client in which its connection breaks.
    pub disconnects: f64,
}

/// What kinds of runs are wanted.
#[derive(Clone, Copy, Debug)]
pub struct Workload {
    /// Whether bases die. The store then decides what of their entities is known.
    pub base_deaths: bool,
}

impl Default for Workload {
    fn default() -> Self {
        Self { base_deaths: true }
    }
}

impl Plan {
    /// The run of a seed.
    #[must_use]
    pub fn from_seed(seed: u64, workload: Workload) -> Self {
        let mut chance = Chance::from_seed(seed);
        let accounts = chance.between(2, 4) as u32;
        let crowded = chance.unit() < 0.3;
        let two_roles = chance.unit() < 0.5;
        // A session is fenced by the store's word on who is dead; one role has one record, which is fenced by itself.
        let zombies = workload.base_deaths && !two_roles && chance.unit() < 0.6;
        let bases = if zombies { 2 } else { chance.between(1, 2) as u32 };
        let mut rate = |share: f64, most: f64| if chance.unit() < share { chance.unit() * most } else { 0.0 };
        let (lose_notice, lose_call, stall) = (rate(0.7, 0.15), rate(0.6, 0.06), rate(0.5, 0.01));
        let (store_refuses, store_unknown) = (rate(0.6, 0.15), rate(0.6, 0.15));
        let disconnects = rate(0.9, 0.06);
        let delay_us_max = [2_000, 20_000, 120_000][chance.between(0, 2) as usize];
        let cell_deaths = (chance.between(0, 4) - 2).max(0);
        let base_deaths = match (workload.base_deaths, zombies) {
            (false, _) => 0,
            (true, false) => (chance.between(0, 5) - 2).max(0),
            (true, true) => chance.between(1, 4),
        };
        let players_max = if crowded { accounts.div_ceil(bases) + 1 } else { 5_000 };
        Self {
            seed,
            bases,
            accounts,
            players_max,
            two_roles,
            faults_ms: 30_000,
            delay_us_max,
            lose_notice,
            lose_call,
            stall,
            store_refuses,
            store_unknown,
            cell_deaths,
            base_deaths,
            zombies,
            disconnects,
        }
    }

    /// The bounds of the realm: shorter times than a game would have, so that all of them pass in a run.
    #[must_use]
    pub fn limits(&self) -> Limits {
        Limits {
            handshake_ms_max: 5_000,
            idle_ms_max: 6_000,
            login_attempts_per_account_per_min: 100_000,
            registrations_per_address_per_hour: 100_000,
            roles_per_account_max: 4,
            players_max: self.players_max,
            ticket_ms_max: 4_000,
            reconnect_grace_ms: 3_000,
            call_deadline_ms: 2_000,
            archive_period_ms: 2_000,
            cell_backup_period_ms: 1_000,
            ..Limits::default()
        }
    }
}
