//! One bot: a real client that walks, talks, does durable operations, and checks what it sees.
//!
//! It is one task. What it knows of itself goes into the table of truths as it happens; about once a second it compares
//! its view with that table. A connection that breaks is made again by the client; the bot goes on where the server
//! says it stands.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use kuafu_client::{CallError, Client, Event, Loss, Own};
use kuafu_core::{Chance, Code, EntityId, Moment, Rate, Value};
use tokio::time::{MissedTickBehavior, interval};

use crate::check::{Kind, LASTING, Watch};
use crate::habit::{Act, COLOUR, Habits, SUM};
use crate::ledger::Ledger;
use crate::stage::{Phase, Stage};
use crate::tally::Volume;
use crate::walk::Walker;

/// How often a bot sends its position.
const STEP: Duration = Duration::from_millis(100);
/// How often it checks its view: a little more than a difference may last.
const CHECK_PERIOD: Duration = Duration::from_millis(1_050);
/// One bot in so many loses its connection once.
const BREAK_EVERY: usize = 100;
/// The property that is the name of the role.
const NAME: &str = "name";

/// A bot in the game.
pub(crate) struct Bot {
    number: usize,
    name: String,
    stage: Arc<Stage>,
    client: Client,
    chance: Chance,
    watch: Watch,
    habits: Habits,
    ledger: Ledger,
    /// `None` before the first space.
    walker: Option<Walker>,
    height: f32,
    entity: EntityId,
    /// It stands in a space.
    present: bool,
    arrived: bool,
    /// The server put it somewhere: it says where it stands even if it rests.
    must_tell_place: bool,
    /// The game is over for it.
    over: bool,
    stepped: Moment,
    check_at: Moment,
    /// When it breaks its connection on purpose.
    break_at: Option<Moment>,
    lost_at: Option<Moment>,
    calls: Vec<(u32, Act, Vec<Value>)>,
    /// The colour that it was given last; `None` while that is not certain.
    colour: Option<Value>,
    volume: Volume,
    /// Packets and records when the measuring began.
    baseline: Option<(Moment, u64, u64)>,
}

impl Bot {
    pub(crate) fn new(number: usize, client: Client, stage: Arc<Stage>) -> Self {
        let mut chance = Chance::from_seed(stage.settings.seed.wrapping_mul(31).wrapping_add(number as u64));
        let now = stage.now();
        let ty = client.world().own().map(|own| Arc::clone(&own.ty));
        Self {
            number,
            name: stage.settings.name(number),
            habits: ty.map(|ty| Habits::new(&ty, now, &mut chance)).unwrap_or_default(),
            check_at: now + CHECK_PERIOD.mul_f64(1.0 + chance.unit()),
            client,
            chance,
            stage,
            watch: Watch::default(),
            ledger: Ledger::default(),
            walker: None,
            height: 0.0,
            entity: EntityId::NONE,
            present: false,
            arrived: false,
            must_tell_place: false,
            over: false,
            stepped: now,
            break_at: None,
            lost_at: None,
            calls: Vec::new(),
            colour: None,
            volume: Volume::default(),
            baseline: None,
        }
    }

    /// What the client was told before the bot had it.
    pub(crate) fn catch_up(&mut self, events: Vec<Event>) {
        for event in events {
            self.handle(event);
        }
    }

    /// Plays until the measuring is over. Gives whether it was in the game at the end.
    pub(crate) async fn play(&mut self) -> bool {
        // Steps of all bots are spread over the beat.
        tokio::time::sleep(STEP.mul_f64(self.chance.unit())).await;
        let mut steps = interval(STEP);
        steps.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                biased;
                _ = steps.tick() => {
                    if !self.step() {
                        break;
                    }
                }
                event = self.client.next_event(), if !self.over => match event {
                    Some(event) => self.handle(event),
                    None => self.over = true,
                },
            }
        }
        let was_online = self.present && self.client.is_online();
        self.leave_stage();
        was_online
    }

    /// Takes a tenth of a second's turn. `false` when the time is over.
    fn step(&mut self) -> bool {
        let (now, phase) = (self.stage.now(), self.stage.phase());
        match phase {
            Phase::Audit => {
                self.end_measuring(now);
                return false;
            }
            Phase::Measure if self.baseline.is_none() => self.begin_measuring(now),
            Phase::Ramp | Phase::WarmUp | Phase::Measure => {}
        }
        let span = now.since(self.stepped);
        self.stepped = now;
        if !self.present {
            return true;
        }
        self.walk(now, span);
        while let Some(act) = self.habits.due(now) {
            self.act(act);
        }
        if now >= self.check_at {
            self.check_at = now + CHECK_PERIOD;
            self.check(now, phase == Phase::Measure);
        }
        if self.break_at.is_some_and(|at| at <= now) {
            self.break_at = None;
            self.client.break_connection();
        }
        true
    }

    fn begin_measuring(&mut self, now: Moment) {
        let stats = self.client.stats();
        self.volume = Volume::default();
        self.baseline = Some((now, stats.movements, stats.bytes));
        // In the middle of the time, so that its recovery is seen whole.
        if self.number.is_multiple_of(BREAK_EVERY) {
            let share = 0.2 + 0.4 * self.chance.unit();
            self.break_at = Some(now + self.stage.settings.measured.mul_f64(share));
        }
    }

    fn end_measuring(&mut self, now: Moment) {
        let Some((since, movements, bytes)) = self.baseline.take() else { return };
        let stats = self.client.stats();
        self.volume.seconds = now.since(since).as_secs_f64();
        self.volume.updates += stats.movements.saturating_sub(movements);
        self.volume.bytes = stats.bytes.saturating_sub(bytes);
        let mut tally = self.stage.tally();
        tally.add_volume(self.volume);
        // Whoever drops enters does not know the slots that follow.
        let strays = if self.stage.settings.drop_enter > 0.0 { 0 } else { stats.strays };
        (0..strays).for_each(|_| tally.note_error("a frame named a slot that is empty"));
        (0..stats.gaps).for_each(|_| tally.note_error("a frame is missing in the sequence"));
        (0..stats.events_dropped).for_each(|_| tally.note_error("a bot was too slow to take its events"));
    }

    fn walk(&mut self, now: Moment, span: Duration) {
        let Some(walker) = &mut self.walker else { return };
        let (before, yaw) = (walker.place(), walker.yaw());
        let moved = walker.step(span, &mut self.chance).is_some();
        if moved || self.must_tell_place {
            let [x, z] = walker.place();
            if self.client.move_to([x, self.height, z], walker.yaw()).is_ok() {
                self.must_tell_place = false;
                self.volume.moves += 1;
                self.stage.referee.truths.note_place(self.number, now, [x, z]);
            } else {
                walker.put(before, yaw);
            }
        }
        if !self.arrived && walker.has_arrived() {
            self.arrived = true;
            self.stage.arrived.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn act(&mut self, act: Act) {
        if self.calls.iter().any(|(_, running, _)| *running == act) {
            return;
        }
        let (part, method) = act.method();
        let arguments = act.arguments(&mut self.chance);
        match self.client.start_call(None, part, method, &arguments) {
            Ok(number) => {
                if act == Act::Paint {
                    self.colour = None;
                }
                self.calls.push((number, act, arguments));
            }
            Err(why) => self.stage.tally().note_error(&format!("{method} could not be called: {why}")),
        }
    }

    fn check(&mut self, now: Moment, counts: bool) {
        let world = self.client.world();
        let sights: Vec<_> = world.entities().collect();
        self.watch.begin();
        let compared = self.watch.compare(self.number, now, &sights, &self.stage.referee);
        let in_view = sights.len().saturating_sub(1) as u64;
        drop(sights);
        self.check_own(now);
        let lasting = self.watch.end(now, counts);
        if counts {
            let mut tally = self.stage.tally();
            tally.note_check(in_view, compared);
            lasting.iter().for_each(|mismatch| tally.note_mismatch(&self.name, mismatch));
        }
    }

    /// Compares the own properties with what they were made.
    fn check_own(&mut self, now: Moment) {
        let world = self.client.world();
        // The cell part's properties come with the own entity's enter.
        if world.at(0).is_none() {
            return;
        }
        let differs = |name: &str, wanted: &Value| world.own_property(name).is_some_and(|is| is != wanted);
        let in_flight = self.calls.iter().any(|(_, act, _)| *act == Act::Deposit);
        let sum = world.own_property(SUM).and_then(Value::as_int);
        let name = Value::text(&self.name);
        let wrong = [
            differs(NAME, &name),
            self.colour.as_ref().is_some_and(|colour| differs(COLOUR, colour)),
            sum.is_some_and(|sum| self.ledger.sum().is_some() && !self.ledger.allows(sum, in_flight)),
        ];
        if let Some(about) = wrong.iter().position(|wrong| *wrong) {
            self.watch.suspect(now, Kind::OwnProperty, self.entity, about as u32, 0.0);
        }
    }

    fn handle(&mut self, event: Event) {
        let now = self.stage.now();
        match event {
            Event::Attached { entity, .. } => {
                self.entity = entity;
                self.find_sum();
            }
            Event::SpaceEntered { .. } => self.enter_space(now),
            Event::SpaceLeft => self.leave_stage(),
            Event::EntityEntered { slot, entity, .. } => self.take_enter(slot, entity),
            Event::EntityLeft { entity, .. } => self.watch.came_or_went(entity),
            Event::PropertiesChanged { entity, changes } => {
                self.volume.updates += changes.len() as u64;
                if entity == self.entity {
                    self.show();
                }
            }
            Event::Corrected { position, yaw, .. } => self.take_correction(now, position, yaw),
            Event::CallEnded { number, result } => self.end_call(number, result),
            Event::Called { .. } => self.volume.heard += 1,
            Event::Pong { round_trip_ms } if self.baseline.is_some() => {
                self.stage.tally().round_trips.add(Duration::from_secs_f64(round_trip_ms.max(0.0) / 1e3));
            }
            Event::Pong { .. } | Event::Moved { .. } => {}
            Event::Complaint { text, .. } => self.stage.tally().note_error(&format!("the server complains: {text}")),
            Event::Disconnected { reason } => self.lose(now, &reason),
            Event::Reconnected { .. } => self.stage.tally().reconnected += 1,
            Event::Kicked { text, .. } => {
                self.leave_stage();
                self.stage.tally().note_error(&format!("removed from the game: {text}"));
            }
            Event::GaveUp(error) => self.stage.tally().note_error(&format!("could not come back: {error}")),
        }
    }

    fn enter_space(&mut self, now: Moment) {
        let world = self.client.world();
        let (Some(space), Some(Own { position: [x, y, z], yaw, .. })) = (world.space(), world.own()) else { return };
        let (place, yaw, top_speed, space) = ([*x, *z], *yaw, space.top_speed, space.id);
        self.height = *y;
        let spot = self.stage.plan.spots[self.number];
        let walker = self.walker.get_or_insert_with(|| Walker::new(spot, top_speed, place, yaw));
        walker.put(place, yaw);
        self.watch.clear();
        self.stage.referee.truths.arrive(self.number, now, self.entity, space, place);
        if !std::mem::replace(&mut self.present, true) {
            self.stage.online.fetch_add(1, Ordering::Relaxed);
        }
        if let Some(lost_at) = self.lost_at.take() {
            self.stage.tally().recoveries.add(now.since(lost_at));
        }
    }

    /// Nothing can be said of this bot from here.
    fn leave_stage(&mut self) {
        self.stage.referee.truths.depart(self.number);
        self.watch.clear();
        if std::mem::replace(&mut self.present, false) {
            self.stage.online.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn take_enter(&mut self, slot: u16, entity: EntityId) {
        if slot == 0 {
            return self.show();
        }
        if self.stage.settings.drop_enter > 0.0 && self.chance.unit() < self.stage.settings.drop_enter {
            self.client.forget(slot);
            self.stage.tally().dropped += 1;
        } else {
            self.watch.came_or_went(entity);
        }
    }

    /// Puts down what others must see of this bot: not what they may be told of later than a difference may last.
    fn show(&self) {
        let Some(own) = self.client.world().at(0).filter(|own| own.id == self.entity) else { return };
        let in_time = |rate: Rate| rate.span / rate.count.max(1) <= LASTING / 2;
        let visible = |no| {
            let shown = own.ty.property(no).filter(|property| property.other_clients);
            shown.is_some_and(|property| property.update.is_none_or(in_time))
        };
        let shown = own.properties().filter(|(no, _)| visible(*no)).map(|(no, value)| (no, value.clone()));
        self.stage.referee.truths.note_shown(self.number, shown);
    }

    fn take_correction(&mut self, now: Moment, [x, y, z]: [f32; 3], yaw: f32) {
        self.height = y;
        self.must_tell_place = true;
        if let Some(walker) = &mut self.walker {
            walker.put([x, z], yaw);
        }
        self.stage.referee.truths.note_place(self.number, now, [x, z]);
        self.stage.tally().corrected += 1;
    }

    fn end_call(&mut self, number: u32, result: Result<Value, CallError>) {
        let Some(at) = self.calls.iter().position(|(running, ..)| *running == number) else { return };
        let (_, act, arguments) = self.calls.swap_remove(at);
        self.stage.tally().calls += 1;
        match (result, act) {
            (Ok(Value::Int(sum)), Act::Deposit) => self.ledger.acknowledge(sum),
            (Ok(_), Act::Paint) => self.colour = arguments.into_iter().next(),
            (Ok(_), _) => {}
            (Err(why), act) => {
                if act == Act::Deposit {
                    self.ledger.note_unknown();
                }
                let mut tally = self.stage.tally();
                match why {
                    CallError::Unknown { .. } => tally.calls_unknown += 1,
                    why => tally.note_error(&format!("{}: {why}", act.method().1)),
                }
            }
        }
    }

    /// Compares the sum that a login shows with the last acknowledged one.
    fn find_sum(&mut self) {
        let own = self.client.world().own();
        let knows_deposit = own.is_some_and(|own| Act::Deposit.is_known_to(&own.ty));
        if let (true, Some(sum)) = (knows_deposit, self.client.world().own_property(SUM).and_then(Value::as_int)) {
            self.ledger.find(sum);
        }
    }

    /// Leaves, logs in once more, and looks whether what it was told is saved is there.
    pub(crate) async fn audit(self) {
        let Self { number, name, stage, client, mut ledger, calls, .. } = self;
        // What is still under way when the time is over may have happened.
        calls.iter().filter(|(_, act, _)| *act == Act::Deposit).for_each(|_| ledger.note_unknown());
        let _door = stage.doors.acquire().await;
        if client.is_online() {
            // A server that dies at this moment is found out by the login that follows.
            let _ = client.leave().await;
        } else {
            drop(client);
        }
        if ledger.acknowledged > 0 {
            match stage.entrance.enter(number, &name).await {
                Ok(client) => {
                    if let Some(sum) = client.world().own_property(SUM).and_then(Value::as_int) {
                        ledger.find(sum);
                    }
                    let _ = client.leave().await;
                }
                Err(error) => stage.tally().note_error(&format!("what a bot saved could not be looked up: {error}")),
            }
        }
        let mut tally = stage.tally();
        tally.acknowledged += ledger.acknowledged;
        tally.acknowledged_lost += ledger.lost;
        (0..ledger.doubled).for_each(|_| tally.note_error("a durable operation happened twice"));
        drop(tally);
        stage.audited.fetch_add(1, Ordering::Relaxed);
    }

    fn lose(&mut self, now: Moment, reason: &Loss) {
        self.lost_at.get_or_insert(now);
        self.colour = None;
        self.leave_stage();
        let mut tally = self.stage.tally();
        tally.disconnected += 1;
        let is_fault = match reason {
            // A server that stops or dies closes its connections; whether it comes back is seen at the end.
            Loss::Closed | Loss::Io(_) => false,
            Loss::Told { code, .. } => Code::from_number(*code) != Some(Code::ServerStopping),
            Loss::Malformed(_) | Loss::Misfit(_) | Loss::WebSocket(_) | Loss::Silent => true,
        };
        if is_fault {
            tally.note_error(&format!("disconnected: {reason}"));
        }
    }
}
