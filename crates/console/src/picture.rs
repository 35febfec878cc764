//! The picture: all that the console knows, at one moment. Plain values, made new each second.

use std::collections::BTreeMap;

use kuafu_contract::{Address, RoleKind, config};
use kuafu_core::{Now, SpaceId, WallTime};

/// All that the console knows.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    /// When it was made.
    pub now: Now,
    /// Whose it is.
    pub console: Address,
    /// When the console began.
    pub started: WallTime,
    /// The time that a tick may take, in milliseconds.
    pub tick_budget_ms: f64,
    /// Players that are in the game, over all bases.
    pub players: f64,
    /// Client connections, over all bases and logins.
    pub connections: f64,
    /// Entities in spaces, over all cells.
    pub entities: f64,
    /// Logins that succeed per second.
    pub logins_per_s: f64,
    /// Bytes to clients per second, over all bases.
    pub bytes_out_per_s: f64,
    /// Memory of all processes, in MiB.
    pub rss_mib: f64,
    /// Over the last 30 s.
    pub recent: Measured,
    /// Over the measuring window.
    pub measured: Measured,
    /// The measuring window.
    pub window: MeasureWindow,
    /// Every role instance, sorted by address.
    pub roles: Vec<RolePicture>,
    /// Every space, sorted by number.
    pub spaces: Vec<SpacePicture>,
    /// Recent faults of scripts, the newest first.
    pub faults: Vec<FaultPicture>,
    /// Faults since the console began.
    pub faults_total: u64,
    /// The releases of game logic, when a config role told of them.
    pub releases: Option<config::Status>,
    /// One sample a second, the oldest first.
    pub history: Vec<Sample>,
}

/// The window that a reset starts anew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MeasureWindow {
    /// Counts up with each reset.
    pub number: u64,
    /// When it began.
    pub since: WallTime,
}

/// What the ticks cost in a stretch of time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measured {
    /// Ticks per second of the slowest cell.
    pub tick_hz: Option<f64>,
    /// Work times; each is that of the cell for which it is greatest.
    pub tick_ms: Option<TickTimes>,
    /// CPU time per tick by kind of role, summed over its instances, in milliseconds.
    pub cpu_ms_per_tick: BTreeMap<&'static str, f64>,
}

/// Work times of ticks, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TickTimes {
    /// Half of the ticks took no longer.
    pub p50: f64,
    /// 99 of 100 ticks took no longer.
    pub p99: f64,
    /// The longest.
    pub max: f64,
}

/// One role instance.
#[derive(Clone, Debug, PartialEq)]
pub struct RolePicture {
    /// Which.
    pub address: Address,
    /// What it said of itself; `lost` when it has been silent for 3 s, `ended` when it was draining before.
    pub state: String,
    /// When its first report came.
    pub since: WallTime,
    /// How old its last report is, in milliseconds.
    pub report_age_ms: u64,
    /// Share of one core that its thread uses, in percent.
    pub cpu_percent: Option<f64>,
    /// Memory of its process, in MiB.
    pub rss_mib: Option<f64>,
    /// Messages that wait for it.
    pub mailbox: Option<f64>,
    /// Its ticks in the last 30 s, when it ticks.
    pub tick: Option<TickPicture>,
    /// Its numbers as it last reported them, by name.
    pub numbers: Vec<(String, f64)>,
    /// Changes per second of those of its numbers that are counts.
    pub rates: BTreeMap<String, f64>,
}

/// The ticks of one role instance.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TickPicture {
    /// Ticks per second.
    pub hz: Option<f64>,
    /// Their work times.
    pub ms: TickTimes,
}

/// One space.
#[derive(Clone, Debug, PartialEq)]
pub struct SpacePicture {
    /// Which.
    pub id: SpaceId,
    /// Its name.
    pub name: String,
    /// The cell that is known to simulate it.
    pub cell: Option<Address>,
    /// Entities in it, when known.
    pub entities: Option<f64>,
    /// Those through which a client sees, when known.
    pub witnesses: Option<f64>,
}

/// A fault of a script; equal ones are one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultPicture {
    /// Where it ran last.
    pub from: Address,
    /// Entity type.
    pub type_name: String,
    /// Method or hook.
    pub entry: String,
    /// Message and stack.
    pub message: String,
    /// How often it happened.
    pub times: u64,
    /// When it happened first.
    pub first: WallTime,
    /// When it happened last.
    pub last: WallTime,
}

/// One second of the recent past.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sample {
    /// When.
    pub at: WallTime,
    /// Players in the game.
    pub players: f64,
    /// Work time of the worst cell's ticks, in milliseconds; `None` when no cell reported.
    pub tick_p99_ms: Option<f64>,
    /// Bytes to clients per second.
    pub bytes_out_per_s: f64,
}

impl Picture {
    /// What is known before anything was reported.
    #[must_use]
    pub fn empty(console: Address) -> Self {
        Self {
            now: Now::default(),
            console,
            started: WallTime::default(),
            tick_budget_ms: 0.0,
            players: 0.0,
            connections: 0.0,
            entities: 0.0,
            logins_per_s: 0.0,
            bytes_out_per_s: 0.0,
            rss_mib: 0.0,
            recent: Measured::default(),
            measured: Measured::default(),
            window: MeasureWindow::default(),
            roles: Vec::new(),
            spaces: Vec::new(),
            faults: Vec::new(),
            faults_total: 0,
            releases: None,
            history: Vec::new(),
        }
    }

    /// Instances of a role that still report.
    pub fn alive(&self, role: RoleKind) -> impl Iterator<Item = &RolePicture> {
        self.roles.iter().filter(move |each| each.address.role == role && each.is_alive())
    }

    /// The live instances that run game logic.
    #[must_use]
    pub fn logic_roles(&self) -> Vec<Address> {
        [RoleKind::Base, RoleKind::Cell]
            .into_iter()
            .flat_map(|role| self.alive(role))
            .map(|role| role.address)
            .collect()
    }
}

impl RolePicture {
    /// Whether it still reports.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.state != LOST && self.state != ENDED
    }
}

/// The state of a role instance that fell silent.
pub(crate) const LOST: &str = "lost";
/// The state of a role instance that fell silent after it drained.
pub(crate) const ENDED: &str = "ended";
