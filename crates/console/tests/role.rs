//! The console role as a value: what reports, maps and faults become, when they come well, late, never, or too many.

use std::sync::Arc;
use std::time::Duration;

use kuafu_console::{ConsoleConfig, ConsoleRole, In, Out, Picture, SpaceName};
use kuafu_contract::config::{Event, EventKind, Status};
use kuafu_contract::console::{Dot, Map, Report, Request as Told};
use kuafu_contract::{Address, CallId, Outcome, Request, RoleKind, Target, cell, logic};
use kuafu_core::{Code, Incarnation, Moment, Now, SpaceId, WallTime};
use kuafu_node::{CallRef, Input, Output, Role};
use proptest::prelude::*;

const SECOND: Duration = Duration::from_secs(1);

/// A console, its clock, and what came out of it.
struct Desk {
    role: ConsoleRole,
    now: Now,
    picture: Arc<Picture>,
    maps: Vec<Arc<Map>>,
    maps_over: Vec<SpaceId>,
    asked: Vec<(Address, SpaceId)>,
    answers: usize,
}

fn address(role: RoleKind, incarnation: u32) -> Address {
    Address { role, incarnation: Incarnation(incarnation) }
}

const CONSOLE: Address = Address { role: RoleKind::Console, incarnation: Incarnation(1) };

impl Desk {
    fn new() -> Self {
        let spaces = vec![SpaceName { id: SpaceId(1), name: "plaza".to_owned() }];
        let mut desk = Self {
            role: ConsoleRole::new(ConsoleConfig { address: CONSOLE, spaces, tick_hz: 10 }),
            now: Now { at: Moment(5_000_000), wall: WallTime(1_000_000) },
            picture: Arc::new(Picture::empty(CONSOLE)),
            maps: Vec::new(),
            maps_over: Vec::new(),
            asked: Vec::new(),
            answers: 0,
        };
        desk.feed(Input::Start);
        desk
    }

    fn feed(&mut self, input: Input<In>) {
        self.role.handle(self.now, input);
        while let Some(output) = self.role.poll_output() {
            match output {
                Output::External(Out::Picture(picture)) => self.picture = picture,
                Output::External(Out::Map(map)) => self.maps.push(map),
                Output::External(Out::MapOver(space)) => self.maps_over.push(space),
                Output::Notice { to, request: Request::Cell(cell::Request::WatchMap { space, console }) } => {
                    assert_eq!(console, CONSOLE);
                    let Target::At(cell) = to else { panic!("a map is asked of one cell, not of {to:?}") };
                    self.asked.push((cell, space));
                }
                // The way of its own report, as the bus would carry it.
                Output::Notice { to: Target::At(CONSOLE), request } => {
                    self.role.handle(self.now, Input::Notice { from: CONSOLE, request });
                }
                Output::Answer { result, .. } => {
                    assert!(result.is_err());
                    self.answers += 1;
                }
                Output::Drained => {}
                other => panic!("unexpected {other:?}"),
            }
        }
    }

    fn tell(&mut self, from: Address, told: Told) {
        self.feed(Input::Notice { from, request: Request::Console(told) });
    }

    fn report(&mut self, from: Address, numbers: &[(&str, f64)], tick_us: &[u32]) {
        let numbers = numbers.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
        let report = Report { from, state: "running".to_owned(), numbers, tick_us: tick_us.to_vec() };
        self.tell(from, Told::Report(report));
    }

    /// Time passes; the driver wakes the role when it asked for it.
    fn pass(&mut self, span: Duration) {
        let end = self.now.at + span;
        while let Some(wake) = self.role.next_wake().filter(|wake| *wake <= end) {
            self.set_time(wake);
            self.feed(Input::Wake);
        }
        self.set_time(end);
    }

    fn set_time(&mut self, at: Moment) {
        let passed = at.since(self.now.at).as_millis() as u64;
        self.now = Now { at, wall: WallTime(self.now.wall.0 + passed) };
    }

    fn look(&mut self, space: u32) {
        self.feed(Input::External(In::WatchMap { space: SpaceId(space) }));
    }

    fn state_of(&self, address: Address) -> Option<&str> {
        self.picture.roles.iter().find(|role| role.address == address).map(|role| role.state.as_str())
    }
}

fn map(space: u32, dots: usize) -> Map {
    let dot = |entity| Dot { entity, ty: 1, x: 1.0, z: 2.0, witness: entity % 2 == 0 };
    Map {
        space: SpaceId(space),
        name: "plaza".to_owned(),
        bounds: [-10.0, -10.0, 10.0, 10.0],
        dots: (0..dots as u64).map(dot).collect(),
        entities: dots as u32,
    }
}

/// What a base reports that has run for so many seconds and sends 1,000 bytes a second.
fn base_numbers(seconds: f64) -> [(&'static str, f64); 4] {
    [("players", 7.0), ("clients", 9.0), ("bytes_to_clients", seconds * 1_000.0), ("thread_cpu_ms", seconds * 200.0)]
}

#[test]
fn players_and_rates_are_summed_over_bases_and_lost_ones_no_longer_count() {
    let mut desk = Desk::new();
    let (one, other) = (address(RoleKind::Base, 2), address(RoleKind::Base, 3));
    for second in 0..4 {
        desk.report(one, &base_numbers(f64::from(second)), &[]);
        desk.report(other, &base_numbers(f64::from(second)), &[]);
        desk.pass(SECOND);
    }
    assert_eq!(desk.picture.players, 14.0);
    assert_eq!(desk.picture.connections, 18.0);
    assert_eq!(desk.picture.bytes_out_per_s, 2_000.0);
    let role = desk.picture.roles.iter().find(|role| role.address == one).expect("it reported");
    assert_eq!(role.cpu_percent, Some(20.0));
    for second in 4..8 {
        desk.report(one, &base_numbers(f64::from(second)), &[]);
        desk.pass(SECOND);
    }
    assert_eq!((desk.state_of(one), desk.state_of(other)), (Some("running"), Some("lost")));
    assert_eq!((desk.picture.players, desk.picture.bytes_out_per_s), (7.0, 1_000.0));
    desk.pass(Duration::from_secs(320));
    assert_eq!(desk.state_of(other), None, "what was lost long ago is forgotten");
}

#[test]
fn a_role_that_drained_before_it_fell_silent_has_ended() {
    let mut desk = Desk::new();
    let base = address(RoleKind::Base, 2);
    let report = Report { from: base, state: "draining".to_owned(), numbers: Vec::new(), tick_us: Vec::new() };
    desk.tell(base, Told::Report(report));
    desk.pass(Duration::from_secs(5));
    assert_eq!(desk.state_of(base), Some("ended"));
    assert_eq!(desk.state_of(CONSOLE), Some("running"), "the console stands in its own table");
}

#[test]
fn lost_reports_change_no_pace_when_the_role_counts_its_ticks() {
    let mut desk = Desk::new();
    let (cell, base) = (address(RoleKind::Cell, 2), address(RoleKind::Base, 3));
    for second in 0..20_u32 {
        // Two of three reports do not arrive.
        if second % 3 == 0 {
            let seconds = f64::from(second);
            desk.report(cell, &[("ticks", seconds * 10.0), ("thread_cpu_ms", seconds * 40.0)], &[4_000; 10]);
            desk.report(base, &base_numbers(seconds), &[]);
        }
        desk.pass(SECOND);
    }
    let recent = &desk.picture.recent;
    assert_eq!(recent.tick_hz, Some(10.0));
    assert_eq!(recent.tick_ms.map(|ms| (ms.p50, ms.p99, ms.max)), Some((4.0, 4.0, 4.0)));
    assert_eq!(recent.cpu_ms_per_tick.get("cell"), Some(&4.0));
    assert_eq!(recent.cpu_ms_per_tick.get("base"), Some(&20.0), "a base is measured by the ticks of the world");
    assert_eq!(desk.picture.bytes_out_per_s, 1_000.0);
}

#[test]
fn a_late_report_gives_its_tick_times_and_nothing_else() {
    let mut desk = Desk::new();
    let cell = address(RoleKind::Cell, 2);
    for (cpu, entities, us) in [(10.0, 1.0, 1_000), (30.0, 3.0, 3_000), (20.0, 2.0, 9_000)] {
        desk.report(cell, &[("thread_cpu_ms", cpu), ("entities", entities)], &[us; 10]);
        desk.pass(SECOND);
    }
    assert_eq!(desk.picture.entities, 3.0, "the newer number stands");
    assert_eq!(desk.picture.recent.tick_ms.map(|ms| ms.max), Some(9.0));
    desk.pass(SECOND);
    let own = desk.picture.roles.iter().find(|role| role.address == CONSOLE).expect("it reports itself");
    assert!(own.numbers.contains(&("reports_late".to_owned(), 1.0)));
}

#[test]
fn a_reset_leaves_everything_before_it_out_of_the_measurement() {
    let mut desk = Desk::new();
    let cell = address(RoleKind::Cell, 2);
    let second_of = |desk: &mut Desk, second: u32, us: u32| {
        let seconds = f64::from(second);
        desk.report(cell, &[("ticks", seconds * 10.0), ("thread_cpu_ms", seconds * 30.0)], &[us; 10]);
        desk.pass(SECOND);
    };
    for second in 0..5 {
        second_of(&mut desk, second, 90_000);
    }
    desk.feed(Input::External(In::Reset));
    assert_eq!((desk.picture.window.number, desk.picture.measured.tick_ms), (1, None), "shown at once");
    // The first report after the reset tells of ticks before it; the run is longer than the sliding window.
    second_of(&mut desk, 5, 90_000);
    second_of(&mut desk, 6, 50_000);
    for second in 7..60 {
        second_of(&mut desk, second, 2_000);
    }
    let times = desk.picture.measured.tick_ms.expect("there were ticks");
    assert_eq!((times.p50, times.max), (2.0, 50.0));
    assert_eq!(desk.picture.measured.tick_hz, Some(10.0));
    assert_eq!(desk.picture.measured.cpu_ms_per_tick.get("cell"), Some(&3.0));
    assert_eq!(desk.picture.recent.tick_ms.map(|ms| ms.max), Some(2.0), "the sliding window has forgotten the leap");
}

#[test]
fn a_map_is_asked_of_the_cell_that_has_the_space_and_renewed_while_somebody_looks() {
    let mut desk = Desk::new();
    let (has_it, other) = (address(RoleKind::Cell, 2), address(RoleKind::Cell, 3));
    let reports = |desk: &mut Desk| {
        desk.report(has_it, &[("space_1_entities", 12.0)], &[]);
        desk.report(other, &[], &[]);
    };
    reports(&mut desk);
    for _ in 0..10 {
        desk.look(1);
        desk.pass(SECOND);
        reports(&mut desk);
    }
    assert!(desk.asked.iter().all(|asked| *asked == (has_it, SpaceId(1))), "{:?}", desk.asked);
    assert!((4..=5).contains(&desk.asked.len()), "each 5 s of the cell are renewed in time: {:?}", desk.asked);
    desk.tell(has_it, Told::Map(map(1, 3)));
    assert_eq!(desk.maps.len(), 1);
    let before = desk.asked.len();
    desk.pass(Duration::from_secs(8));
    assert_eq!(desk.maps_over, [SpaceId(1)]);
    assert!(desk.asked.len() <= before + 2);
    let after = desk.asked.len();
    reports(&mut desk);
    desk.pass(Duration::from_secs(10));
    assert_eq!(desk.asked.len(), after, "nobody looks, nobody is asked");
    desk.tell(has_it, Told::Map(map(1, 3)));
    assert_eq!(desk.maps.len(), 1, "a map that nobody wants any more is dropped");
}

#[test]
fn a_space_that_no_cell_is_known_to_have_is_asked_for_everywhere_until_its_map_comes() {
    let mut desk = Desk::new();
    let cells = [address(RoleKind::Cell, 2), address(RoleKind::Cell, 3)];
    cells.iter().for_each(|cell| desk.report(*cell, &[], &[]));
    desk.look(1);
    assert_eq!(desk.asked, cells.map(|cell| (cell, SpaceId(1))));
    desk.tell(cells[1], Told::Map(map(1, 3)));
    assert_eq!(desk.maps.len(), 1);
    desk.asked.clear();
    desk.pass(Duration::from_millis(2_900));
    desk.look(1);
    assert_eq!(desk.asked, [(cells[1], SpaceId(1))]);
}

#[test]
fn maps_from_strangers_or_with_senseless_places_do_no_harm() {
    let mut desk = Desk::new();
    let cell = address(RoleKind::Cell, 2);
    desk.report(cell, &[], &[]);
    desk.look(1);
    desk.tell(address(RoleKind::Base, 3), Told::Map(map(1, 3)));
    desk.tell(cell, Told::Map(Map { bounds: [f32::NAN, 0.0, 1.0, 1.0], ..map(1, 3) }));
    assert_eq!(desk.maps.len(), 0);
    let mut strange = map(1, Map::DOTS_MAX + 50);
    strange.dots[0].x = f32::INFINITY;
    desk.tell(cell, Told::Map(strange));
    assert_eq!(desk.maps[0].dots.len(), Map::DOTS_MAX);
    assert!(desk.maps[0].dots.iter().all(|dot| dot.x.is_finite()));
}

#[test]
fn everything_that_is_kept_has_a_bound() {
    let mut desk = Desk::new();
    for number in 0..400 {
        let many: Vec<(String, f64)> = (0..500).map(|index| (format!("number_{index:03}"), 1.0)).collect();
        let mut report = Report {
            from: address(RoleKind::Base, number),
            state: "x".repeat(1_000),
            numbers: many,
            tick_us: vec![5; 9_000],
        };
        report.numbers.push(("y".repeat(1_000), 1.0));
        report.numbers.insert(0, ("nan".to_owned(), f64::NAN));
        desk.tell(report.from, Told::Report(report));
        let (type_name, entry) = ("avatar".to_owned(), "say".to_owned());
        let message = format!("{number} {}", "夸".repeat(9_000));
        desk.tell(CONSOLE, Told::Fault { from: CONSOLE, type_name, entry, message });
        desk.look(number);
    }
    desk.pass(SECOND);
    let picture = &desk.picture;
    assert_eq!(picture.roles.len(), 256);
    assert!(picture.roles.iter().all(|role| role.numbers.len() <= 256 && role.state.len() <= 24));
    assert!(picture.roles.iter().all(|role| role.numbers.iter().all(|(_, value)| value.is_finite())));
    assert_eq!((picture.faults.len(), picture.faults_total), (100, 400));
    assert!(picture.faults.iter().all(|fault| fault.message.len() <= 4_096));
    assert!(picture.faults[0].message.starts_with("399 "), "the newest comes first");
    desk.pass(Duration::from_secs(400));
    assert_eq!(desk.picture.history.len(), 300);
    assert_eq!(desk.maps_over.len(), 16, "no more than 16 spaces were watched");
    let newcomer = address(RoleKind::Cell, 900);
    desk.report(newcomer, &[], &[]);
    desk.pass(SECOND);
    assert_eq!(desk.state_of(newcomer), Some("running"), "there is room again when others are lost");
}

#[test]
fn equal_faults_are_one_with_a_count() {
    let mut desk = Desk::new();
    for entry in ["say", "walk", "say"] {
        let (type_name, message) = ("avatar".to_owned(), "boom".to_owned());
        desk.tell(CONSOLE, Told::Fault { from: CONSOLE, type_name, entry: entry.to_owned(), message });
    }
    desk.pass(SECOND);
    let seen: Vec<_> = desk.picture.faults.iter().map(|fault| (fault.entry.as_str(), fault.times)).collect();
    assert_eq!(seen, [("say", 2), ("walk", 1)]);
    assert_eq!(desk.picture.faults_total, 3);
}

#[test]
fn memory_is_counted_once_a_process() {
    let mut desk = Desk::new();
    desk.report(address(RoleKind::Base, 2), &[("process_rss_mib", 100.0)], &[]);
    desk.report(address(RoleKind::Cell, 3), &[("process_rss_mib", 101.0)], &[]);
    desk.report(address(RoleKind::Db, 4), &[("process_rss_mib", 30.0), ("process_id", 77.0)], &[]);
    desk.pass(SECOND);
    assert_eq!(desk.picture.rss_mib, 131.0);
}

#[test]
fn a_call_is_answered_although_nobody_should_call() {
    let mut desk = Desk::new();
    let from = CallRef { from: address(RoleKind::Base, 2), call: CallId(1) };
    desk.feed(Input::Call { from, request: Request::Cell(cell::Request::OpenSpace { space: SpaceId(1) }) });
    assert_eq!(desk.answers, 1);
}

proptest! {
    #[test]
    fn no_order_of_reports_makes_a_senseless_picture(
        reports in prop::collection::vec((0_u32..4, -1e12_f64..1e12, 0.0_f64..1e6, 0_u64..4_000, prop::collection::vec(any::<u32>(), 0..20)), 1..60)
    ) {
        let mut desk = Desk::new();
        for (number, value, cpu, wait_ms, ticks) in reports {
            let kind = [RoleKind::Cell, RoleKind::Base, RoleKind::Login, RoleKind::Db][number as usize];
            let numbers = [("thread_cpu_ms", cpu), ("ticks", value), ("players", value), ("logins", value), ("bytes_to_clients", value)];
            desk.report(address(kind, number + 2), &numbers, &ticks);
            desk.pass(Duration::from_millis(wait_ms));
        }
        desk.pass(SECOND);
        let picture = &desk.picture;
        let rates = [picture.logins_per_s, picture.bytes_out_per_s];
        prop_assert!(rates.iter().all(|rate| rate.is_finite() && *rate >= 0.0));
        prop_assert!(picture.recent.tick_hz.is_none_or(|hz| hz.is_finite() && hz >= 0.0));
        for measured in [&picture.recent, &picture.measured] {
            prop_assert!(measured.tick_ms.is_none_or(|ms| ms.p50 <= ms.p99 && ms.p99 <= ms.max));
            prop_assert!(measured.cpu_ms_per_tick.values().all(|ms| ms.is_finite() && *ms >= 0.0));
        }
    }
}

fn release_status(from: Address) -> Status {
    let event = Event {
        at: WallTime(7),
        kind: EventKind::Refused,
        release: 0,
        present: 3,
        changed: vec!["scripts/avatar.luau".to_owned(); 40],
        changed_more: 2,
        checked_ms: 0,
        took_ms: 0,
        text: "夸".repeat(2_000),
        problems: Vec::new(),
        problems_more: 0,
    };
    Status {
        from,
        release: 3,
        since: WallTime(5),
        changed: Vec::new(),
        changed_more: 0,
        previous: Some(2),
        staging: None,
        runners: Vec::new(),
        restart_needed: vec!["x".repeat(9_000)],
        events: vec![event; 50],
    }
}

#[test]
fn releases_are_shown_as_the_config_role_tells_them_and_within_bounds() {
    let mut desk = Desk::new();
    desk.pass(SECOND);
    assert_eq!(desk.picture.releases, None);
    let config = address(RoleKind::Config, 2);
    desk.tell(address(RoleKind::Base, 3), Told::Releases(release_status(config)));
    desk.tell(config, Told::Releases(release_status(address(RoleKind::Config, 9))));
    desk.pass(SECOND);
    assert_eq!(desk.picture.releases, None, "nobody else tells of releases");
    desk.tell(config, Told::Releases(release_status(config)));
    desk.pass(SECOND);
    let shown = desk.picture.releases.clone().expect("it was told");
    assert_eq!((shown.release, shown.previous), (3, Some(2)));
    assert_eq!((shown.events.len(), shown.events[0].changed.len()), (Status::EVENTS_MAX, Event::CHANGED_MAX));
    assert!(shown.events[0].text.len() <= Event::TEXT_BYTES_MAX && shown.restart_needed[0].len() <= 512);
}

/// The question that the console made of it, and what came out when it ended.
fn ask(desk: &mut Desk, to: Address, request: logic::Request, outcome: Option<Outcome>) -> Vec<Output<Out>> {
    desk.role.handle(desk.now, Input::External(In::Ask { number: 77, to, request }));
    let mut outputs = Vec::new();
    while let Some(output) = desk.role.poll_output() {
        if let (Output::Call { call, .. }, Some(outcome)) = (&output, &outcome) {
            desk.role.handle(desk.now, Input::Answer { call: *call, outcome: outcome.clone() });
        }
        outputs.push(output);
    }
    outputs
}

#[test]
fn questions_go_to_the_role_that_is_meant_and_their_answers_come_back_by_number() {
    let mut desk = Desk::new();
    let cell = address(RoleKind::Cell, 4);
    for outcome in [
        Outcome::Value(logic::Reply::Heap(Vec::new()).into()),
        Outcome::Refused(Code::EntityUnknown.into()),
        Outcome::Unknown,
    ] {
        let outputs = ask(&mut desk, cell, logic::Request::Heap, Some(outcome.clone()));
        let [Output::Call { to, request, .. }, Output::External(answered)] = &outputs[..] else {
            panic!("{outputs:?}")
        };
        assert_eq!((*to, request), (Target::At(cell), &Request::Logic(logic::Request::Heap)));
        assert_eq!(*answered, Out::Answered { number: 77, outcome });
    }
}

#[test]
fn nobody_but_bases_and_cells_is_asked_and_releases_are_not_the_consoles_business() {
    let mut desk = Desk::new();
    let cases = [
        (address(RoleKind::Db, 4), logic::Request::Heap),
        (address(RoleKind::Cell, 4), logic::Request::Activate { release: 2 }),
    ];
    for (to, request) in cases {
        let outputs = ask(&mut desk, to, request, None);
        let [Output::External(Out::Answered { number: 77, outcome: Outcome::Refused(refusal) })] = &outputs[..] else {
            panic!("{outputs:?}")
        };
        assert_eq!(refusal.code, Code::NotAllowed);
    }
}

#[test]
fn wrong_tokens_are_counted() {
    let mut desk = Desk::new();
    for _ in 0..3 {
        desk.feed(Input::External(In::TokenWrong));
    }
    desk.pass(SECOND);
    desk.pass(SECOND);
    let own = desk.picture.roles.iter().find(|role| role.address == CONSOLE).expect("it reports itself");
    assert!(own.numbers.contains(&("operator_tokens_wrong".to_owned(), 3.0)), "{:?}", own.numbers);
}
