//! Pictures and maps as JSON, for the page, for `kuafu bots` and for scripts. `API.md` documents the fields.
//!
//! The picture's own types are not serializable: what the outside sees is decided here, once.

mod releases;

use std::collections::BTreeMap;
use std::sync::Arc;

use kuafu_contract::RoleKind;
use kuafu_contract::console::{Dot, Map};
use kuafu_core::WallTime;
use serde::Serialize;

use crate::picture::{FaultPicture, Measured, Picture, RolePicture, Sample, SpacePicture, TickTimes};

#[derive(Serialize)]
struct Status {
    version: &'static str,
    at: u64,
    started: u64,
    console: String,
    players: f64,
    connections: f64,
    entities: f64,
    logins_per_s: f64,
    bytes_out_per_s: f64,
    tick_budget_ms: f64,
    #[serde(flatten)]
    measured: Measures,
    measured_from: Window,
    recent: Measures,
    rss_mib: f64,
    spaces: usize,
    cells: usize,
    space_list: Vec<Space>,
    roles: Vec<RoleState>,
    faults: Vec<Fault>,
    faults_total: u64,
    releases: Option<releases::Releases>,
    history: Vec<(u64, f64, Option<f64>, f64)>,
}

#[derive(Serialize)]
struct Measures {
    tick_hz: Option<f64>,
    tick_ms: Option<Times>,
    cpu_ms_per_tick: BTreeMap<&'static str, Option<f64>>,
}

#[derive(Serialize)]
struct Times {
    p50: f64,
    p99: f64,
    max: f64,
}

#[derive(Serialize)]
struct Window {
    number: u64,
    since: u64,
    seconds: f64,
}

#[derive(Serialize)]
struct Space {
    id: u32,
    name: String,
    cell: Option<String>,
    entities: Option<f64>,
    witnesses: Option<f64>,
}

#[derive(Serialize)]
struct RoleState {
    id: String,
    role: &'static str,
    incarnation: u32,
    state: String,
    since: u64,
    report_age_ms: u64,
    cpu_percent: Option<f64>,
    rss_mib: Option<f64>,
    mailbox: Option<f64>,
    tick_hz: Option<f64>,
    tick_ms: Option<Times>,
    numbers: BTreeMap<String, f64>,
    rates: BTreeMap<String, f64>,
}

#[derive(Serialize)]
struct Fault {
    from: String,
    #[serde(rename = "type")]
    type_name: String,
    entry: String,
    message: String,
    times: u64,
    first: u64,
    last: u64,
}

/// The document behind `/api/status`.
pub(crate) fn status(picture: &Picture) -> Arc<str> {
    let since = picture.window.since.0;
    let status = Status {
        version: env!("CARGO_PKG_VERSION"),
        at: picture.now.wall.0,
        started: picture.started.0,
        console: picture.console.to_string(),
        players: picture.players,
        connections: picture.connections,
        entities: picture.entities,
        logins_per_s: short(picture.logins_per_s),
        bytes_out_per_s: short(picture.bytes_out_per_s),
        tick_budget_ms: picture.tick_budget_ms,
        measured: measures(&picture.measured),
        measured_from: Window {
            number: picture.window.number,
            since,
            seconds: picture.now.wall.0.saturating_sub(since) as f64 / 1e3,
        },
        recent: measures(&picture.recent),
        rss_mib: short(picture.rss_mib),
        spaces: picture.spaces.len(),
        cells: picture.alive(RoleKind::Cell).count(),
        space_list: picture.spaces.iter().map(space).collect(),
        roles: picture.roles.iter().map(role).collect(),
        faults: picture.faults.iter().map(fault).collect(),
        faults_total: picture.faults_total,
        releases: picture.releases.as_ref().map(releases::releases),
        history: picture.history.iter().map(sample).collect(),
    };
    encode(&status)
}

/// The document of one map: dots are `[entity, type, x, z, witness]`.
pub(crate) fn map(map: &Map, at: WallTime) -> Arc<str> {
    #[derive(Serialize)]
    struct Shown<'a> {
        at: u64,
        space: u32,
        name: &'a str,
        bounds: [f32; 4],
        entities: u32,
        dots: Vec<(u64, u16, f64, f64, u8)>,
    }
    let dot = |dot: &Dot| (dot.entity, dot.ty, decimetre(dot.x), decimetre(dot.z), u8::from(dot.witness));
    encode(&Shown {
        at: at.0,
        space: map.space.0,
        name: &map.name,
        bounds: map.bounds,
        entities: map.entities,
        dots: map.dots.iter().map(dot).collect(),
    })
}

fn encode(document: &impl Serialize) -> Arc<str> {
    serde_json::to_string(document).expect("plain structs with text keys always encode").into()
}

fn measures(measured: &Measured) -> Measures {
    let mut cpu_ms_per_tick: BTreeMap<_, _> =
        measured.cpu_ms_per_tick.iter().map(|(role, ms)| (*role, Some(short(*ms)))).collect();
    for role in [RoleKind::Base, RoleKind::Cell] {
        cpu_ms_per_tick.entry(role.name()).or_insert(None);
    }
    Measures { tick_hz: measured.tick_hz.map(short), tick_ms: measured.tick_ms.map(times), cpu_ms_per_tick }
}

fn times(times: TickTimes) -> Times {
    Times { p50: short(times.p50), p99: short(times.p99), max: short(times.max) }
}

fn space(space: &SpacePicture) -> Space {
    Space {
        id: space.id.0,
        name: space.name.clone(),
        cell: space.cell.map(|cell| cell.to_string()),
        entities: space.entities,
        witnesses: space.witnesses,
    }
}

fn role(role: &RolePicture) -> RoleState {
    RoleState {
        id: role.address.to_string(),
        role: role.address.role.name(),
        incarnation: role.address.incarnation.0,
        state: role.state.clone(),
        since: role.since.0,
        report_age_ms: role.report_age_ms,
        cpu_percent: role.cpu_percent.map(short),
        rss_mib: role.rss_mib.map(short),
        mailbox: role.mailbox,
        tick_hz: role.tick.and_then(|tick| tick.hz).map(short),
        tick_ms: role.tick.map(|tick| times(tick.ms)),
        numbers: role.numbers.iter().map(|(name, value)| (name.clone(), short(*value))).collect(),
        rates: role.rates.iter().map(|(name, value)| (name.clone(), short(*value))).collect(),
    }
}

fn fault(fault: &FaultPicture) -> Fault {
    Fault {
        from: fault.from.to_string(),
        type_name: fault.type_name.clone(),
        entry: fault.entry.clone(),
        message: fault.message.clone(),
        times: fault.times,
        first: fault.first.0,
        last: fault.last.0,
    }
}

fn sample(sample: &Sample) -> (u64, f64, Option<f64>, f64) {
    (sample.at.0, sample.players, sample.tick_p99_ms.map(short), short(sample.bytes_out_per_s))
}

/// To three digits after the point: enough for people, and half the bytes.
fn short(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

fn decimetre(metres: f32) -> f64 {
    (f64::from(metres) * 10.0).round() / 10.0
}
