//! The whole tick of a cell, beside the plain sorted grid in the same run, tick by tick in turn.
//!
//! A cell as a value is fed by two made-up bases: everybody walks 0.6 m a tick. In rows `players` all are witnesses and
//! their clients say where they go; in rows `npcs` one in a hundred is, and the others follow orders of logic. A tick is
//! reading what bases sent, the tick itself with logic that does nothing, and handing the frames over. Of that, `view`
//! is the same view step done by a space alone, beside it.

use std::fmt;
use std::rc::Rc;

use kuafu_cell::{CellConfig, CellRole, SpaceConfig};
use kuafu_contract::link::{self, Event, encode_events};
use kuafu_contract::{Address, Request, RoleKind, cell};
use kuafu_core::{Chance, EntityId, Incarnation, Limits, Moment, Now, WallTime};
use kuafu_def::Part;
use kuafu_logic::Effect;
use kuafu_node::{Input, Output, Role};
use serde::{Deserialize, Serialize};

use super::crowd::{Baseline, Crowd, LEAVE_RADIUS, RADIUS};
use super::game::{AVATAR, CELL, SPACE, SilentHost, Wishes, definitions};
use super::measure::{measure_ms, resident_bytes};
use super::view::Ours;
use super::{BenchArgs, Sheet, Spread, child};

/// Views are filled, and the history of everybody is as long as it becomes.
const WARM_UP_TICKS: usize = 40;
/// The views beside it fill at once.
const BESIDE_WARM_UP_TICKS: usize = 9;
const TICK: std::time::Duration = std::time::Duration::from_millis(100);
const BASES: usize = 2;
/// A base sends so many events in one frame.
const FRAME_EVENTS_MAX: usize = 4_096;
/// Metres a second: 0.6 m a tick.
const SPEED: f32 = 6.0;
/// One witness in so many, in rows with few players.
const NPCS_PER_PLAYER: usize = 100;

/// Entities and the neighbours of each.
const SIZES: &[(usize, usize)] = &[(1_000, 10), (1_000, 50), (10_000, 10), (10_000, 50), (50_000, 10), (50_000, 50)];

/// Measures every row, each in a process of its own.
pub(super) fn bench(args: &BenchArgs, sheet: &mut Sheet) -> anyhow::Result<()> {
    if let Some(row) = &args.child {
        let (kind, size) = child::row_of(row)?;
        return child::tell(&run(kind, size, args.ticks_of(size.0))?);
    }
    sheet.line(Row::HEAD);
    let names = ["players", "npcs"].map(|kind| SIZES.iter().map(move |(e, n)| format!("{kind}:{e}x{n}")));
    for name in names.into_iter().flatten().filter(|name| args.wants(name)) {
        let row: Row = child::measure("tick", &name, args)?;
        sheet.row(&row)?;
    }
    Ok(())
}

/// One line of the table. Times are milliseconds a tick.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Row {
    /// `players` or `npcs`.
    kind: String,
    entities: usize,
    witnesses: usize,
    /// How many each has within the enter radius on average.
    neighbours: f64,
    /// The median of all work of a tick.
    ms_per_tick: f64,
    /// The median of the baseline.
    baseline_ms_per_tick: f64,
    /// The first over the second.
    ratio: f64,
    /// All work of a tick for one entity, in microseconds.
    us_per_entity: f64,
    /// All work of a tick.
    work_ms: Spread,
    /// Reading the frames of bases.
    read_ms: Spread,
    /// The tick: moves, logic, view, frames.
    tick_ms: Spread,
    /// Moving everybody and the view step, by a space alone.
    view_ms: Spread,
    baseline_ms: Spread,
    /// What goes to bases for one witness in one tick.
    bytes_per_witness: f64,
    /// Memory of the process that one entity takes.
    memory_bytes_per_entity: f64,
}

impl Row {
    const HEAD: &'static str = "kind    entities witnesses neighbours | us/entity |  work ms (p10-p90)         | read ms                \
                                | tick ms                    | view alone ms              | baseline ms                | \
                                ratio | bytes/witness | memory/entity";
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, entities, witnesses, neighbours, us_per_entity, .. } = self;
        let Self { work_ms, read_ms, tick_ms, view_ms, baseline_ms, ratio, .. } = self;
        write!(
            f,
            "{kind:7} {entities:8} {witnesses:9} {neighbours:10.1} | {us_per_entity:9.3} | {work_ms:26} | {read_ms:22} | \
             {tick_ms:26} | {view_ms:26} | {baseline_ms:26} | {ratio:5.2} | {:13.0} | {:11.0} B",
            self.bytes_per_witness, self.memory_bytes_per_entity
        )
    }
}

fn run(kind: &str, (entities, neighbours): (usize, usize), ticks: usize) -> anyhow::Result<Row> {
    let witnesses = if kind == "npcs" { entities / NPCS_PER_PLAYER } else { entities };
    let mut crowd = Crowd::new(entities, neighbours);
    let memory_before = resident_bytes();
    let mut played = PlayedCell::new(&crowd, witnesses)?;
    for _ in 0..WARM_UP_TICKS {
        crowd.walk();
        played.tick(&crowd);
    }
    let memory = resident_bytes().saturating_sub(memory_before);
    let (mut beside, mut baseline) = (Ours::new(&crowd, witnesses), Baseline::new(&crowd, witnesses));
    let mut times = [Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new()];
    let (mut pairs, mut bytes) = (0, 0);
    for tick in 0..ticks + BESIDE_WARM_UP_TICKS {
        crowd.walk();
        let ours = played.tick(&crowd);
        let view = measure_ms(|| beside.step(&crowd));
        let plain = measure_ms(|| baseline.tick(&crowd));
        if tick < BESIDE_WARM_UP_TICKS {
            continue;
        }
        for (times, time) in times.iter_mut().zip([ours.work_ms(), ours.read_ms, ours.tick_ms, view, plain]) {
            times.push(time);
        }
        pairs += baseline.pairs();
        bytes += ours.bytes;
    }
    played.check(pairs as f64 / ticks as f64)?;
    let [work_ms, read_ms, tick_ms, view_ms, baseline_ms] = times.map(Spread::of);
    let per_witness = |count: usize| count as f64 / ticks as f64 / witnesses as f64;
    Ok(Row {
        kind: kind.to_owned(),
        entities,
        witnesses,
        neighbours: per_witness(pairs),
        ms_per_tick: work_ms.median,
        baseline_ms_per_tick: baseline_ms.median,
        ratio: work_ms.median / baseline_ms.median,
        us_per_entity: work_ms.median * 1e3 / entities as f64,
        work_ms,
        read_ms,
        tick_ms,
        view_ms,
        baseline_ms,
        bytes_per_witness: per_witness(bytes),
        memory_bytes_per_entity: memory as f64 / entities as f64,
    })
}

/// A cell, its clock, and the bases that it thinks it has.
struct PlayedCell {
    cell: CellRole,
    now: Now,
    /// The first so many have clients.
    witnesses: usize,
    wishes: Wishes,
    moves: u32,
    sequences: [u32; BASES],
    /// The frames of the newest tick.
    frames: Vec<bytes::Bytes>,
}

/// What a tick cost, in milliseconds, and what came out.
#[derive(Default)]
struct Cost {
    read_ms: f64,
    tick_ms: f64,
    hand_over_ms: f64,
    bytes: usize,
}

impl Cost {
    fn work_ms(&self) -> f64 {
        self.read_ms + self.tick_ms + self.hand_over_ms
    }
}

fn base_of(who: usize) -> Address {
    Address { role: RoleKind::Base, incarnation: Incarnation((who % BASES) as u32 + 1) }
}

fn entity_of(who: usize) -> EntityId {
    EntityId::new(base_of(who).incarnation, who as u32 + 1)
}

impl PlayedCell {
    fn new(crowd: &Crowd, witnesses: usize) -> anyhow::Result<Self> {
        let space = SpaceConfig {
            id: SPACE,
            name: "plaza".to_owned(),
            bounds: [0.0, 0.0, crowd.side, crowd.side],
            height: [-10.0, 100.0],
            spawn: [1.0, 0.0, 1.0],
            spawn_radius: 0.0,
            view_radius: RADIUS,
            view_hysteresis: LEAVE_RADIUS - RADIUS,
            populate: vec![],
        };
        let limits = Limits { entities_per_cell_max: 1_000_000, ..Limits::default() };
        let config = CellConfig { address: CELL, limits, definitions: definitions(), spaces: vec![space], tick_hz: 10 };
        let wishes = Wishes::default();
        let host = SilentHost { part: Part::Cell, wishes: Rc::clone(&wishes) };
        let cell = CellRole::new(config, Box::new(move |_| Ok(Box::new(host))), Chance::from_seed(5))?;
        let now = Now { at: Moment(1_000_000), wall: WallTime(0) };
        let mut played = Self { cell, now, witnesses, wishes, moves: 0, sequences: [0; BASES], frames: Vec::new() };
        played.cell.handle(now, Input::Start);
        let request = Request::Cell(cell::Request::OpenSpace { space: SPACE });
        played.cell.handle(now, Input::Notice { from: CELL, request });
        played.populate(crowd);
        // Parts stand after the next tick; then logic sends those without a client on their way.
        played.wake();
        played.order(crowd, witnesses..crowd.at.len());
        Ok(played)
    }

    /// Logic sends those of them who have no client to the edge that lies ahead.
    fn order(&mut self, crowd: &Crowd, whom: impl Iterator<Item = usize>) {
        for who in whom.filter(|who| *who >= self.witnesses) {
            let [x, z] = crowd.goal(who);
            let order = Effect::MoveTo { entity: entity_of(who), target: [x, 0.0, z], speed: SPEED };
            self.wishes.borrow_mut().push_back(order);
        }
    }

    fn populate(&mut self, crowd: &Crowd) {
        let mut events: [Vec<Event>; BASES] = Default::default();
        for (who, [x, z]) in crowd.at.iter().enumerate() {
            let entity = entity_of(who);
            events[who % BASES].push(Event::CreatePart {
                entity,
                ty: AVATAR,
                record: None,
                real_epoch: 1,
                space: SPACE,
                position: Some(([*x, 0.0, *z], 0.0)),
                values: vec![],
                loaded: false,
            });
            if who < self.witnesses {
                events[who % BASES].push(Event::AttachWitness { entity, witness: who as u32 });
            }
        }
        self.send(&events);
    }

    /// Sends what each base has to say; the milliseconds that the cell takes to read it.
    fn send(&mut self, events: &[Vec<Event>; BASES]) -> f64 {
        let mut read_ms = 0.0;
        for (base, events) in events.iter().enumerate() {
            for events in events.chunks(FRAME_EVENTS_MAX) {
                self.sequences[base] += 1;
                let input = Input::Frame { peer: base_of(base), frame: encode_events(self.sequences[base], events) };
                let Self { cell, now, .. } = self;
                read_ms += measure_ms(|| cell.handle(*now, input));
            }
        }
        read_ms
    }

    /// Everybody with a client says where it is now, and the cell ticks.
    fn tick(&mut self, crowd: &Crowd) -> Cost {
        self.moves += 1;
        self.order(crowd, crowd.turned.iter().copied());
        let mut events: [Vec<Event>; BASES] = Default::default();
        for (who, [x, z]) in crowd.at.iter().enumerate().take(self.witnesses) {
            let position = [*x, 0.0, *z];
            let event = Event::Move { witness: who as u32, sequence: self.moves, position, yaw: 0.0 };
            events[who % BASES].push(event);
        }
        let read_ms = self.send(&events);
        Cost { read_ms, ..self.wake() }
    }

    fn wake(&mut self) -> Cost {
        let Self { cell, now, frames, .. } = self;
        now.at = now.at + TICK;
        frames.clear();
        let tick_ms = measure_ms(|| cell.handle(*now, Input::Wake));
        let hand_over_ms = measure_ms(|| {
            while let Some(output) = cell.poll_output() {
                if let Output::Frame { peer, frame } = output {
                    cell.handle(*now, Input::Credit { peer, frames: 1 });
                    frames.push(frame);
                }
            }
        });
        Cost { read_ms: 0.0, tick_ms, hand_over_ms, bytes: frames.iter().map(bytes::Bytes::len).sum() }
    }

    /// Holds the newest frames against what the baseline sees, so that no figure is that of a cell at rest.
    fn check(&self, pairs: f64) -> anyhow::Result<()> {
        let (mut moved, mut corrected) = (0, 0);
        for frame in &self.frames {
            if let link::Frame::World(frame) = link::decode(frame)? {
                let bits = frame.witnesses.iter().flat_map(link::WitnessRef::moved).map(u64::count_ones);
                moved += bits.sum::<u32>();
                corrected += frame.events.iter().filter(|event| matches!(event, Event::Correct { .. })).count();
            }
        }
        let told = f64::from(moved);
        anyhow::ensure!(corrected == 0, "{corrected} clients were corrected");
        anyhow::ensure!((0.95..1.3).contains(&(told / pairs)), "{told} movements were told of {pairs} that are seen");
        Ok(())
    }
}
