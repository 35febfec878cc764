//! What the cell tells the console and the cell-manager: numbers each second, faults, map pictures while somebody looks.

use std::time::Duration;

use kuafu_contract::console::{self, Dot, Map};
use kuafu_contract::{Address, RoleKind, cell_manager};
use kuafu_core::{Moment, Now, Rate, SpaceId, TokenBucket};
use kuafu_logic::Fault;
use kuafu_space::Index;

use crate::role::{CellRole, Drain};
use crate::space::OpenSpace;

const REPORT_PERIOD: Duration = Duration::from_secs(1);
const MAP_PERIOD: Duration = Duration::from_millis(500);
const WATCH_TIME: Duration = Duration::from_secs(5);

/// Pictures of so many spaces for so many consoles at once; a further wish is left out.
const WATCHES_MAX: usize = 32;

/// Faults of game logic that are passed on: one script error in a busy place must not flood the console.
const FAULT_RATE: Rate = Rate { count: 20, span: Duration::from_secs(1) };

/// What is collected between reports.
#[derive(Debug, Default)]
pub(crate) struct Reporter {
    next: Moment,
    tick_us: Vec<u32>,
    busy: f32,
    watches: Vec<Watch>,
    faults: Option<TokenBucket>,
}

#[derive(Clone, Copy, Debug)]
struct Watch {
    space: SpaceId,
    console: Address,
    until: Moment,
    next: Moment,
}

impl Reporter {
    pub(crate) fn note_tick(&mut self, spent: Duration, period: Duration) {
        self.tick_us.push(u32::try_from(spent.as_micros()).unwrap_or(u32::MAX));
        // A running mean over about ten ticks.
        let share = spent.as_secs_f32() / period.as_secs_f32();
        self.busy += (share.min(1.0) - self.busy) / 10.0;
    }

    /// Pictures of a space are wanted from now on, for a while.
    pub(crate) fn watch(&mut self, now: Now, space: SpaceId, console: Address) {
        let until = now.at + WATCH_TIME;
        let known = self.watches.iter_mut().find(|watch| watch.space == space && watch.console == console);
        if let Some(watch) = known {
            watch.until = until;
        } else if self.watches.len() < WATCHES_MAX {
            self.watches.push(Watch { space, console, until, next: now.at });
        }
    }
}

impl CellRole {
    /// Tells the cell-manager how busy this cell is.
    pub(crate) fn report_load(&mut self) {
        let (spaces, entities) = {
            let spaces = self.world.spaces.borrow();
            (spaces.open.iter().map(OpenSpace::id).collect(), spaces.len() as u32)
        };
        let load = cell_manager::Load { cell: self.address, spaces, entities, busy: self.reporter.busy };
        self.book.notice(RoleKind::CellManager, cell_manager::Request::Report(load));
    }

    /// Passes an error of game logic on to the console, as far as the rate allows.
    pub(crate) fn report_fault(&mut self, now: Now, fault: Fault) {
        self.counters.count("faults");
        let bucket = self.reporter.faults.get_or_insert_with(|| TokenBucket::full(now.at));
        if !bucket.take(FAULT_RATE, now.at) {
            return self.counters.count("faults_unreported");
        }
        let Fault { type_name, entry, message, .. } = fault;
        self.book.notice(RoleKind::Console, console::Request::Fault { from: self.address, type_name, entry, message });
    }

    pub(crate) fn report_if_due(&mut self, now: Now) {
        self.send_maps(now);
        if now.at < self.reporter.next {
            return;
        }
        self.reporter.next = now.at + REPORT_PERIOD;
        self.report_load();
        self.report_release();
        self.set_gauges();
        let state = if self.drain == Drain::No { "running" } else { "draining" };
        let mut numbers = self.counters.to_numbers();
        numbers.extend(self.space_numbers());
        numbers.extend(self.directory.measures.to_numbers());
        numbers.sort_by(|a, b| a.0.cmp(&b.0));
        let report = console::Report {
            from: self.address,
            state: state.to_owned(),
            numbers,
            tick_us: std::mem::take(&mut self.reporter.tick_us),
        };
        self.book.notice(RoleKind::Console, console::Request::Report(report));
    }

    /// How many are in each space, and how many of them see it for a client.
    fn space_numbers(&self) -> Vec<(String, f64)> {
        let spaces = self.world.spaces.borrow();
        let each = spaces.open.iter().flat_map(|open| {
            let name = |what: &str| format!("space_{}_{what}", open.id());
            let (entities, witnesses) = (open.space.entities().len(), open.space.witness_count());
            [(name("entities"), entities as f64), (name("witnesses"), witnesses as f64)]
        });
        each.collect()
    }

    fn set_gauges(&mut self) {
        let spaces = self.world.spaces.borrow();
        let witnesses: usize = spaces.open.iter().map(|open| open.space.witness_count()).sum();
        let in_view: u64 = spaces.open.iter().map(in_view).sum();
        let host = self.host.counters();
        let gauges = [
            ("spaces", spaces.open.len() as f64),
            ("entities", spaces.len() as f64),
            ("witnesses", witnesses as f64),
            ("in_view_mean", in_view as f64 / witnesses.max(1) as f64),
            ("bases", self.peers.len() as f64),
            ("ticks", self.tick as f64),
            ("script_entries", host.entries as f64),
            ("script_faults", host.faults as f64),
            ("script_entities", host.entities as f64),
            ("script_tasks", host.tasks as f64),
            ("script_timers", host.timers as f64),
            ("script_memory_bytes", host.memory_bytes as f64),
        ];
        for (name, value) in gauges {
            self.counters.set(name, value);
        }
        // Counts that must be seen at zero, too.
        for name in ["frames", "held_back", "corrections", "stale_dropped", "late_ticks"] {
            self.counters.add(name, 0.0);
        }
    }

    fn send_maps(&mut self, now: Now) {
        self.reporter.watches.retain(|watch| watch.until > now.at);
        let spaces = self.world.spaces.borrow();
        for watch in self.reporter.watches.iter_mut().filter(|watch| watch.next <= now.at) {
            watch.next = now.at + MAP_PERIOD;
            let Some(at) = spaces.find(watch.space) else { continue };
            self.book.notice(watch.console, console::Request::Map(picture(&spaces.open[at])));
        }
    }
}

fn in_view(open: &OpenSpace) -> u64 {
    let numbers = (0..open.witnesses.len() as u32).map(kuafu_space::WitnessNo);
    numbers.filter_map(|no| open.space.view_size(no)).map(u64::from).sum()
}

/// Where things are, thinned evenly when there are too many.
fn picture(open: &OpenSpace) -> Map {
    let entities = open.space.entities();
    let every = entities.len().div_ceil(Map::DOTS_MAX).max(1);
    let dot = |index: Index| {
        let (part, at) = (open.part(index)?, entities.position(index)?);
        Some(Dot { entity: part.id.0, ty: part.layout.ty.no.0, x: at.x, z: at.z, witness: part.witness.is_some() })
    };
    Map {
        space: open.id(),
        name: open.config.name.clone(),
        bounds: open.config.bounds,
        dots: entities.iter().step_by(every).filter_map(dot).collect(),
        entities: entities.len() as u32,
    }
}
