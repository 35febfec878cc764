//! The console's memory: reports go in, pictures come out.

pub(crate) mod faults;
pub(crate) mod instance;
pub(crate) mod releases;
pub(crate) mod spaces;
pub(crate) mod text;
pub(crate) mod ticks;
pub(crate) mod watch;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use kuafu_contract::console::Report;
use kuafu_contract::{Address, RoleKind, config};
use kuafu_core::{Moment, Now};

use crate::config::ConsoleConfig;
use crate::gather::faults::Faults;
use crate::gather::instance::{Instance, Taken};
use crate::gather::spaces::Spaces;
use crate::gather::ticks::Pace;
use crate::picture::{MeasureWindow, Measured, Picture, Sample, TickTimes};

/// The most role instances that are kept; a further one takes the place of a lost one, or is refused and counted.
pub(crate) const INSTANCES_MAX: usize = 256;
/// How long a lost instance is still shown.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(300);
/// How many samples of one second are kept.
pub(crate) const HISTORY_MAX: usize = 300;

/// All that was told.
#[derive(Debug)]
pub(crate) struct Gathered {
    instances: BTreeMap<Address, Instance>,
    pub(crate) faults: Faults,
    pub(crate) spaces: Spaces,
    /// What the config role told last.
    pub(crate) releases: Option<config::Status>,
    history: VecDeque<Sample>,
    window: MeasureWindow,
    started: Now,
    console: Address,
    tick_hz: u32,
}

impl Gathered {
    pub(crate) fn new(config: ConsoleConfig) -> Self {
        Self {
            instances: BTreeMap::new(),
            faults: Faults::default(),
            spaces: Spaces::new(config.spaces),
            releases: None,
            history: VecDeque::new(),
            window: MeasureWindow::default(),
            started: Now::default(),
            console: config.address,
            tick_hz: config.tick_hz.max(1),
        }
    }

    pub(crate) fn start(&mut self, now: Now) {
        self.started = now;
        self.window.since = now.wall;
    }

    /// Takes a report; `None` when there is no room for another instance.
    pub(crate) fn take(&mut self, now: Now, report: Report) -> Option<Taken> {
        let from = report.from;
        if !self.instances.contains_key(&from) && !self.make_room(now.at) {
            return None;
        }
        let instance = self.instances.entry(from).or_insert_with(|| Instance::new(from, now));
        let taken = instance.take(now, report);
        if from.role == RoleKind::Cell {
            self.spaces.take_report(instance);
        }
        Some(taken)
    }

    fn make_room(&mut self, now: Moment) -> bool {
        if self.instances.len() < INSTANCES_MAX {
            return true;
        }
        let lost = self.instances.values().filter(|each| !each.is_alive(now)).min_by_key(|each| each.heard());
        let lost = lost.map(Instance::address);
        lost.is_some_and(|lost| self.instances.remove(&lost).is_some())
    }

    /// Starts the measuring window anew.
    pub(crate) fn reset(&mut self, now: Now) {
        self.window = MeasureWindow { number: self.window.number + 1, since: now.wall };
        self.instances.values_mut().for_each(Instance::reset);
    }

    /// One second passed: forgets what is old and takes a sample.
    pub(crate) fn pass_second(&mut self, now: Now) {
        self.instances.retain(|_, each| now.at.since(each.heard()) <= FORGOTTEN_AFTER);
        self.instances.values_mut().for_each(|each| each.expire(now.at));
        if self.history.len() == HISTORY_MAX {
            self.history.pop_front();
        }
        let tick_p99_ms = self
            .alive(RoleKind::Cell, now.at)
            .filter_map(|cell| cell.sliding().newest_times())
            .map(|times| times.p99)
            .reduce(f64::max);
        self.history.push_back(Sample {
            at: now.wall,
            players: self.sum(RoleKind::Base, "players", now.at),
            tick_p99_ms,
            bytes_out_per_s: self.rate(RoleKind::Base, "bytes_to_clients", now.at),
        });
    }

    /// The live instances of a role.
    pub(crate) fn alive(&self, role: RoleKind, now: Moment) -> impl Iterator<Item = &Instance> {
        self.instances.values().filter(move |each| each.address().role == role && each.is_alive(now))
    }

    fn sum(&self, role: RoleKind, name: &str, now: Moment) -> f64 {
        self.alive(role, now).filter_map(|each| each.number(name)).sum()
    }

    fn rate(&self, role: RoleKind, name: &str, now: Moment) -> f64 {
        self.alive(role, now).map(|each| each.rate(name)).sum()
    }

    /// Memory of all processes. Instances that report no `process_id` are taken to share one process.
    fn rss_mib(&self, now: Moment) -> f64 {
        let mut newest: BTreeMap<u64, (Moment, f64)> = BTreeMap::new();
        for each in self.instances.values().filter(|each| each.is_alive(now)) {
            let Some(rss) = each.number("process_rss_mib") else { continue };
            let process = each.number("process_id").unwrap_or_default() as u64;
            let known = newest.entry(process).or_default();
            if each.heard() >= known.0 {
                *known = (each.heard(), rss);
            }
        }
        newest.values().map(|(_, rss)| rss).sum()
    }

    pub(crate) fn picture(&self, now: Now) -> Picture {
        let at = now.at;
        Picture {
            now,
            console: self.console,
            started: self.started.wall,
            tick_budget_ms: 1_000.0 / f64::from(self.tick_hz),
            players: self.sum(RoleKind::Base, "players", at),
            connections: self.sum(RoleKind::Base, "clients", at) + self.sum(RoleKind::Login, "connections", at),
            entities: self.sum(RoleKind::Cell, "entities", at),
            logins_per_s: self.rate(RoleKind::Login, "logins", at),
            bytes_out_per_s: self.rate(RoleKind::Base, "bytes_to_clients", at),
            rss_mib: self.rss_mib(at),
            recent: self.measure(at, |each| each.sliding().pace(), |each| each.sliding().times()),
            measured: self.measure(at, |each| each.since_reset().pace(), |each| each.since_reset().times()),
            window: self.window,
            roles: self.instances.values().map(|each| each.picture(at)).collect(),
            spaces: self.spaces.pictures(),
            faults: self.faults.pictures(),
            faults_total: self.faults.total(),
            releases: self.releases.clone(),
            history: self.history.iter().copied().collect(),
        }
    }

    fn measure(
        &self,
        now: Moment,
        pace: impl Fn(&Instance) -> Option<Pace>,
        times: impl Fn(&Instance) -> Option<TickTimes>,
    ) -> Measured {
        let hz: Vec<f64> = self.alive(RoleKind::Cell, now).filter_map(&pace).map(|pace| pace.hz).collect();
        let fastest = hz.iter().copied().reduce(f64::max).unwrap_or_default();
        let mut cpu_ms_per_tick = BTreeMap::new();
        for each in self.instances.values().filter(|each| each.is_alive(now)) {
            let Some(pace) = pace(each) else { continue };
            // A role that does not tick itself is measured by the ticks of the world that it serves.
            let ticks = if pace.hz > 0.0 { pace.hz } else { fastest };
            if ticks > 0.0 {
                *cpu_ms_per_tick.entry(each.address().role.name()).or_default() += pace.cpu_ms_per_s / ticks;
            }
        }
        Measured {
            tick_hz: hz.into_iter().reduce(f64::min),
            tick_ms: self.alive(RoleKind::Cell, now).filter_map(times).reduce(worst),
            cpu_ms_per_tick,
        }
    }
}

fn worst(a: TickTimes, b: TickTimes) -> TickTimes {
    TickTimes { p50: a.p50.max(b.p50), p99: a.p99.max(b.p99), max: a.max.max(b.max) }
}
