//! A console to look at while working on the page: it is fed with made-up reports, no game runs behind it.
//!
//! `cargo run -p kuafu-console --example scripted_console [PORT] [PLAYERS]`

use std::error::Error;
use std::f64::consts::TAU;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use kuafu_bus::LocalBus;
use kuafu_console::{ConsoleConfig, ConsoleHttp, Operator, OperatorToken, SDK_FILES, SpaceName};
use kuafu_contract::config::{Event, EventKind, Problem, Runner, Status};
use kuafu_contract::console::{Dot, Map, Report, Request as Told};
use kuafu_contract::logic::{self, Entity, EntryPoint, Function, Heap, Profile};
use kuafu_contract::{Address, Reply, Request, RoleKind, cell};
use kuafu_core::{Code, EntityId, Incarnation, Limits, Moment, Now, Refusal, SpaceId, WallTime};
use kuafu_node::{CallBook, CallRef, Input, Node, Output, Role, SystemClock};

const TYPES: [&str; 4] = ["avatar", "wisp", "chest", "tree"];

fn main() -> Result<(), Box<dyn Error>> {
    let port = std::env::args().nth(1).map_or(Ok(0), |text| text.parse())?;
    let people = std::env::args().nth(2).map_or(Ok(140), |text| text.parse())?;
    let node = Node::new(LocalBus::new(), Arc::new(SystemClock::start()), Limits::default());
    let spaces =
        ["plaza", "cellar"].iter().zip(1..).map(|(name, id)| SpaceName { id: SpaceId(id), name: (*name).into() });
    let config = ConsoleConfig { address: address(RoleKind::Console, 1), spaces: spaces.collect(), tick_hz: 10 };
    let (_console, desk) = kuafu_console::start(&node, config)?;
    let mut roles = Vec::new();
    let kinds = [
        RoleKind::Accounts,
        RoleKind::Base,
        RoleKind::Base,
        RoleKind::BaseManager,
        RoleKind::Cell,
        RoleKind::CellManager,
        RoleKind::Config,
        RoleKind::Db,
        RoleKind::Login,
    ];
    for (kind, number) in kinds.into_iter().zip(2..) {
        let role = Scripted::new(address(kind, number), people);
        roles.push(node.start(role.address, move |_| Ok((role, |()| {})))?);
    }
    let folder = std::env::temp_dir();
    let operator = Operator { token: OperatorToken::new("scripted"), audit: folder.join("kuafu-scripted-audit.log") };
    let http = ConsoleHttp {
        bind: ([127, 0, 0, 1], port).into(),
        hosts: Vec::new(),
        game: "Plaza".into(),
        client: PathBuf::from("examples/plaza/client"),
        login_port: 9999,
        types: TYPES.iter().zip(1..).map(|(name, number)| (number, (*name).to_owned())).collect(),
        sdk: SDK_FILES,
        operator: Some(operator.clone()),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(async {
        let server = kuafu_console::serve(http, desk).await?;
        eprintln!("the scripted console is at http://{}/#operator=scripted", server.address());
        // One base falls silent after a while, as a crashed one would.
        tokio::time::sleep(Duration::from_secs(20)).await;
        roles.remove(2).kill();
        std::future::pending().await
    })
}

fn address(role: RoleKind, incarnation: u32) -> Address {
    Address { role, incarnation: Incarnation(incarnation) }
}

/// Reports as a role would, by the beat of its own clock.
struct Scripted {
    address: Address,
    book: CallBook<(), ()>,
    next: Moment,
    beat: u64,
    watched: Option<(SpaceId, Moment)>,
    profile: Option<(CallRef, Moment)>,
    chance: AtomicU64,
    people: u64,
}

impl Scripted {
    fn new(address: Address, people: u64) -> Self {
        let chance = AtomicU64::new(u64::from(address.incarnation.0) * 7919);
        Self {
            address,
            book: CallBook::default(),
            next: Moment(0),
            beat: 0,
            watched: None,
            profile: None,
            chance,
            people,
        }
    }

    /// Between 0 and 1, the same in each run.
    fn noise(&self) -> f64 {
        let next = self.chance.load(Ordering::Relaxed).wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695);
        self.chance.store(next, Ordering::Relaxed);
        (next >> 33) as f64 / f64::from(u32::MAX >> 1)
    }

    fn report(&mut self) {
        let seconds = self.beat as f64 / 2.0;
        let wave = (seconds / 40.0).sin() * 14.0;
        let growth = (1.0 - (-seconds / 12.0).exp()) * self.people as f64;
        let players = (growth + wave * growth / self.people as f64).max(0.0).round();
        let mut tick_us = Vec::new();
        let numbers = match self.address.role {
            RoleKind::Base => vec![
                ("bytes_to_clients", seconds * players / 2.0 * (3_600.0 + wave * 30.0)),
                ("clients", (players / 2.0).round()),
                ("entities", (players / 2.0).round() + 3.0),
                ("in_flight_saves", (self.noise() * 3.0).floor()),
                ("players", (players / 2.0).round()),
                ("script_faults", (seconds / 17.0).floor()),
                ("writes_to_clients", seconds * players * 5.0),
            ],
            RoleKind::Cell => {
                tick_us =
                    (0..10).map(|_| (5_200.0 + players * 58.0 + self.noise().powi(9) * 31_000.0) as u32).collect();
                vec![
                    ("entities", players + 60.0),
                    ("in_view_mean", 23.0 + wave),
                    ("space_1_entities", players + 60.0),
                    ("space_2_entities", 40.0),
                    ("ticks", (seconds * 10.0).floor()),
                    ("witnesses", players),
                ]
            }
            RoleKind::Login => {
                vec![
                    ("connections", (self.noise() * 5.0).floor()),
                    ("logins", (growth + seconds * 0.7).floor()),
                    ("queue", 0.0),
                ]
            }
            RoleKind::Config => vec![("members", 3.0), ("release", 1.0)],
            RoleKind::Db => vec![("commit_ms_p99", 1.4 + self.noise()), ("commits", (seconds * 4.6).floor())],
            RoleKind::Interfaces => {
                vec![("http_in_flight", (self.noise() * 3.0).floor()), ("http_requests", (seconds * 0.4).floor())]
            }
            RoleKind::Accounts | RoleKind::BaseManager | RoleKind::CellManager | RoleKind::Console => {
                vec![("calls", (seconds * 2.2).floor())]
            }
        };
        let numbers = numbers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let report = Report { from: self.address, state: "running".to_owned(), numbers, tick_us };
        self.book.notice(RoleKind::Console, Told::Report(report));
    }

    fn fault(&mut self) {
        let (type_name, entry, message) = match (self.beat / 30) % 3 {
            0 => (
                "avatar",
                "say",
                "scripts/avatar.luau:42: attempt to index nil with 'name'\nstack:\n  scripts/avatar.luau:42 function greet\n  scripts/avatar.luau:87 function say",
            ),
            1 => (
                "wisp",
                "on_timer",
                "scripts/wisp.luau:19: property 'glow' takes 0 to 1, got 1.25\nstack:\n  scripts/wisp.luau:19 function pulse",
            ),
            _ => (
                "chest",
                "open",
                "scripts/chest.luau:8: the script ran 2,000,000 steps and was stopped\nstack:\n  scripts/chest.luau:8 function open",
            ),
        };
        let (type_name, entry, message) = (type_name.to_owned(), entry.to_owned(), message.to_owned());
        self.book.notice(RoleKind::Console, Told::Fault { from: self.address, type_name, entry, message });
    }

    /// People wander on circles of their own, wisps dance around the middle, trees and chests stand.
    fn map(&self, space: SpaceId) -> Map {
        let seconds = self.beat as f64 / 2.0;
        let people = if space.0 == 1 { self.people.min(self.beat * self.people / 40) } else { 12 };
        let dots = (0..people + 60).map(|each| {
            let seed = (each as f64 * 0.618_034).fract();
            let (turn, far) = (seed * TAU, 18.0 + (each as f64 * 0.414_2).fract() * 78.0);
            let (ty, speed, sway) = match each {
                0..20 => (2, 0.25, 14.0),
                20..28 => (3, 0.0, 0.0),
                28..60 => (4, 0.0, 0.0),
                _ => (1, 0.9 / far, 4.0),
            };
            let angle = turn + seconds * speed;
            let reach = far * if ty == 2 { 0.35 } else { 1.0 } + (seconds * 0.3 + turn * 5.0).sin() * sway;
            let (x, z) = ((angle.cos() * reach) as f32, (angle.sin() * reach) as f32);
            Dot { entity: u64::from(self.address.incarnation.0) << 32 | each, ty, x, z, witness: ty == 1 }
        });
        let name = if space.0 == 1 { "plaza" } else { "cellar" };
        Map {
            space,
            name: name.to_owned(),
            bounds: [-120.0, -120.0, 120.0, 120.0],
            dots: dots.collect(),
            entities: people as u32 + 60,
        }
    }
}

/// Made-up logic: it answers what it is asked with something that looks like an answer.
impl Scripted {
    fn look(&self, request: logic::Request) -> Result<logic::Reply, Refusal> {
        match request {
            logic::Request::Evaluate { source, .. } if source.contains("error") => Err(Refusal::new(
                Code::ScriptFailed,
                "console:1: attempt to index nil with 'name'\n  scripts/avatar.luau:42 in greet\n  console:1",
            )),
            logic::Request::Evaluate { source, .. } if source.contains("position") => {
                let seconds = self.beat as f64 / 2.0;
                let text = format!("{{ x = {:.1}, y = 0, z = {:.1} }}", seconds.sin() * 40.0, seconds.cos() * 40.0);
                Ok(logic::Reply::Evaluated { text, is_cut: false })
            }
            logic::Request::Evaluate { .. } => {
                let text = "{ bag = { { hue = 40, kind = \"lantern\" } }, gold = 10, name = \"Ada\" }".to_owned();
                Ok(logic::Reply::Evaluated { text, is_cut: false })
            }
            logic::Request::Heap => {
                let row = |(name, count, bytes): (&str, u64, u64)| Heap {
                    type_name: name.into(),
                    entities: count,
                    bytes: count * bytes,
                };
                let rows = [("avatar", 140, 4_200), ("tree", 32, 900), ("wisp", 20, 1_300), ("chest", 8, 1_100)];
                Ok(logic::Reply::Heap(rows.map(row).into()))
            }
            logic::Request::Entities { type_name, entity } => {
                let fits = |row: &Entity| {
                    entity.is_none_or(|id| id.0 & 0xffff == row.entity.0 & 0xffff)
                        && type_name.as_ref().is_none_or(|name| *name == row.type_name)
                };
                let names = ["Ada", "Bo", "Chen", "Dara", "Efua", "", "", ""];
                let rows = (60..200).map(|number| Entity {
                    entity: EntityId(7 << 32 | number),
                    type_name: if number % 8 < 5 { "avatar" } else { "wisp" }.into(),
                    name: names[number as usize % 8].into(),
                });
                let list: Vec<_> = rows.filter(fits).collect();
                let all = list.len() as u32;
                Ok(logic::Reply::Entities { list, all })
            }
            _ => Err(Code::NotAllowed.into()),
        }
    }
}

fn profile() -> Profile {
    let function = |(function, own_steps, all_steps): (&str, u64, u64)| Function {
        function: function.into(),
        own_steps,
        all_steps,
    };
    let functions = [
        ("scripts/avatar.luau:42 nearest", 61_000, 64_000),
        ("scripts/wisp.luau:19 pulse", 22_000, 22_000),
        ("scripts/lib/money.luau:7 rounded", 9_000, 9_000),
        ("scripts/avatar.luau:87 say", 2_000, 66_000),
    ];
    let entry = |(entry, times, steps, steps_max): (&str, u64, u64, u64)| EntryPoint {
        entry: entry.into(),
        times,
        steps,
        steps_max,
    };
    let entries = [("avatar.say", 212, 66_000, 1_203), ("wisp.on_timer", 1_410, 31_000, 44), ("chest.open", 3, 90, 30)];
    Profile { steps: 94_000, functions: functions.map(function).into(), entries: entries.map(entry).into() }
}

impl Role for Scripted {
    type In = ();
    type Out = ();

    fn handle(&mut self, now: Now, input: Input<()>) {
        match input {
            Input::Notice { request: Request::Cell(cell::Request::WatchMap { space, .. }), .. } => {
                self.watched = Some((space, now.at + Duration::from_secs(5)));
            }
            Input::Call { from, request: Request::Logic(logic::Request::Profile { ms }) } => {
                self.profile = Some((from, now.at + Duration::from_millis(u64::from(ms))));
            }
            Input::Call { from, request: Request::Logic(request) } => {
                let result = self.look(request);
                self.book.answer(from, result);
            }
            Input::Wake => {
                if let Some((from, _)) = self.profile.take_if(|(_, until)| *until <= now.at) {
                    self.book.answer(from, Ok::<Reply, _>(logic::Reply::Profile(profile()).into()));
                }
                self.next = now.at + Duration::from_millis(500);
                self.beat += 1;
                if self.beat.is_multiple_of(2) {
                    self.report();
                    if self.address.role == RoleKind::Config {
                        let status = releases(self.address, self.beat / 2, now.wall);
                        self.book.notice(RoleKind::Console, Told::Releases(status));
                    }
                }
                if self.address.role == RoleKind::Cell && self.beat.is_multiple_of(30) {
                    self.fault();
                }
                if let Some((space, _)) = self.watched.filter(|(_, until)| *until > now.at) {
                    self.book.notice(RoleKind::Console, Told::Map(self.map(space)));
                }
            }
            _ => {}
        }
    }

    fn poll_output(&mut self) -> Option<Output<()>> {
        self.book.poll()
    }

    fn next_wake(&self) -> Option<Moment> {
        Some(self.next)
    }
}

/// A developer saves a file every few seconds: it runs, it does not compile, it errs and is taken back, in turn.
fn releases(from: Address, second: u64, now: WallTime) -> Status {
    let saves = second / 6;
    let at = |save: u64| WallTime(now.0 - (second - save * 6) * 1_000);
    let good = (saves / 4 + 1) * 2;
    let event = |save: u64| {
        let (kind, text) = match save % 4 {
            0 => (EventKind::Activated, ""),
            1 => (EventKind::Refused, ""),
            2 => (
                EventKind::RolledBack,
                "24 errors; the first: avatar.say: scripts/avatar.luau:42: attempt to index nil",
            ),
            _ => (EventKind::RestartNeeded, "kuafu.toml: limits.tick_hz 10 → 20"),
        };
        let problem = |line, message: &str| Problem {
            file: "scripts/avatar.luau".into(),
            line,
            column: 9,
            code: "script-syntax".into(),
            message: message.into(),
            help: "correct the line; see https://luau.org/syntax".into(),
        };
        let problems = vec![
            problem(12, "Expected `end` (to close `function` at line 9), got <eof>"),
            problem(31, "unknown global `kuafo`"),
        ];
        Event {
            at: at(save),
            kind,
            release: (save / 4 + 1) * 2 + u64::from(save % 4 == 2),
            present: (save / 4 + 1) * 2,
            changed: ["scripts/avatar.luau", "scripts/lib/money.luau", "data/monsters.csv"].map(str::to_owned).into(),
            changed_more: 4,
            checked_ms: 29,
            took_ms: 9,
            text: text.to_owned(),
            problems: if kind == EventKind::Refused { problems } else { Vec::new() },
            problems_more: 0,
        }
    };
    let runner = |role, number, release, faults| Runner {
        address: address(role, number),
        release,
        faults,
        trouble: String::new(),
    };
    Status {
        from,
        release: good,
        since: at(saves / 4 * 4),
        changed: vec!["scripts/avatar.luau".into(), "data/monsters.csv".into()],
        changed_more: 0,
        previous: Some(good - 1),
        staging: (second % 6 == 5).then_some(good + 1),
        runners: vec![
            runner(RoleKind::Base, 3, good, 0),
            runner(RoleKind::Base, 4, good - u64::from(second % 6 < 2), 0),
            runner(RoleKind::Cell, 6, good, second % 3 * 4),
        ],
        restart_needed: if saves % 4 == 3 { vec!["kuafu.toml: limits.tick_hz 10 → 20".into()] } else { Vec::new() },
        events: (0..saves).rev().take(Status::EVENTS_MAX).map(event).collect(),
    }
}
