//! A run from the first login to the report: ramp, warm-up, measurement, audit.
//!
//! It owns the tasks of all bots and ends them. Every phase has a deadline of its own, so a run ends also when a server
//! does not answer. The clock that is read here is that of the runtime.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use kuafu_client::{Client, Event};
use kuafu_core::Chance;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::bot::Bot;
use crate::check::{Referee, Rules};
use crate::console::ServerNumbers;
use crate::enter::Entrance;
use crate::error::BotsError;
use crate::plan::{Area, Plan};
use crate::report::{Course, Report};
use crate::settings::Settings;
use crate::stage::{Phase, Stage};
use crate::tally::Percentiles;
use crate::truth::Truths;

/// How often the run looks at its bots.
const LOOK: Duration = Duration::from_millis(100);
/// How often it tells how far it is.
const TELL: Duration = Duration::from_secs(1);
/// The longest wait for the first bot's space.
const SPACE_PATIENCE: Duration = Duration::from_secs(15);
/// The least warm-up: everybody's last second must be known before views count.
const WARM_UP_LEAST: Duration = Duration::from_millis(2_500);
/// The speed that ways are reckoned with where a space has no top speed, in metres a second.
const SPEED_GUESSED: f32 = 6.0;

/// How far a run is, for people who wait.
#[derive(Clone, Debug)]
pub struct Progress {
    /// The phase.
    pub phase: Phase,
    /// How long the phase still lasts at most.
    pub left: Duration,
    /// Bots asked for.
    pub asked: usize,
    /// Bots that stand in the space; in the audit, bots that were looked after.
    pub count: u32,
    /// The mean size of the checked views.
    pub in_view_mean: f64,
    /// Round trips so far, in milliseconds.
    pub rtt_ms: Percentiles,
    /// The server's work time of a tick, in milliseconds.
    pub tick_p99_ms: Option<f64>,
    /// Mismatches so far.
    pub mismatches: u64,
    /// Errors so far.
    pub errors: u64,
}

/// Runs bots until their time is over, or until `stop` is true, and tells how far it is about once a second.
///
/// # Errors
/// [`BotsError`] when the run could not begin. What went wrong later is in the report.
pub async fn run(
    settings: Settings,
    stop: watch::Receiver<bool>,
    tell: impl FnMut(&Progress),
) -> Result<Report, BotsError> {
    settings.check().map_err(BotsError::Setting)?;
    let game = settings.console.game().await?;
    let entrance = Entrance::new(&settings, game.login_port);
    let started = Instant::now();
    let (scout, events) = send_scout(&entrance, &settings).await?;
    let stage = Arc::new(set_stage(settings, entrance, &scout, started)?);
    stage.note_login();
    let mut run =
        Run { stage, stop, tell, tasks: JoinSet::new(), told: Instant::now(), server: ServerNumbers::default() };
    run.start_bots(scout, events);
    Ok(run.lead().await)
}

/// The first bot finds out about the space.
async fn send_scout(entrance: &Entrance, settings: &Settings) -> Result<(Client, Vec<Event>), BotsError> {
    let mut client = entrance.enter(0, &settings.name(0)).await?;
    let mut events = Vec::new();
    let in_space = timeout(SPACE_PATIENCE, async {
        while client.world().space().is_none() {
            match client.next_event().await {
                Some(event) => events.push(event),
                None => break,
            }
        }
    });
    let _ = in_space.await;
    if client.world().space().is_none() {
        return Err(BotsError::NoSpace(format!("it waited {} s", SPACE_PATIENCE.as_secs())));
    }
    Ok((client, events))
}

fn set_stage(settings: Settings, entrance: Entrance, scout: &Client, started: Instant) -> Result<Stage, BotsError> {
    let world = scout.world();
    let (Some(space), Some(own)) = (world.space(), world.own()) else {
        return Err(BotsError::NoSpace("it left again at once".to_owned()));
    };
    let spawn = [own.position[0], own.position[2]];
    let bounds = Area { least: space.least, greatest: space.greatest };
    let mut chance = Chance::from_seed(settings.seed);
    let plan = Plan::new(settings.formation, settings.count, bounds, spawn, space.view_radius, &mut chance);
    let rules = Rules {
        view_radius: space.view_radius,
        hysteresis: settings.hysteresis,
        top_speed: if space.top_speed > 0.0 { space.top_speed } else { SPEED_GUESSED },
        lattice_step: space.lattice.step.iter().copied().fold(0.0, f32::max),
    };
    let truths = Truths::new(settings.count, space.least, space.greatest, space.view_radius);
    let entrance = entrance.knowing(Arc::clone(scout.schema()));
    Ok(Stage::new(settings, entrance, plan, Referee::new(rules, truths), started))
}

/// What a bot's task ends with.
#[derive(Clone, Copy, Debug, Default)]
struct Finished {
    was_online: bool,
}

struct Run<T> {
    stage: Arc<Stage>,
    stop: watch::Receiver<bool>,
    tell: T,
    tasks: JoinSet<Finished>,
    told: Instant,
    /// The newest that is known of the server.
    server: ServerNumbers,
}

impl<T: FnMut(&Progress)> Run<T> {
    fn start_bots(&mut self, scout: Client, events: Vec<Event>) {
        let stage = Arc::clone(&self.stage);
        self.tasks.spawn(async move {
            let mut bot = Bot::new(0, scout, stage);
            bot.catch_up(events);
            live(bot).await
        });
        let start = Instant::now();
        for number in 1..self.stage.settings.count {
            let stage = Arc::clone(&self.stage);
            let at = start + Duration::from_secs_f64(number as f64 / stage.settings.ramp_per_s);
            self.tasks.spawn(async move {
                let login = async {
                    sleep_until(at).await;
                    let _door = stage.doors.acquire().await;
                    stage.entrance.enter(number, &stage.settings.name(number)).await
                };
                let client = tokio::select! {
                    client = login => client,
                    // Whoever is not in when all others begin stays out.
                    () = stage.reached(Phase::WarmUp) => return Finished::default(),
                };
                match client {
                    Ok(client) => {
                        stage.note_login();
                        live(Bot::new(number, client, stage)).await
                    }
                    Err(error) => {
                        stage.tally().note_error(&format!("a bot could not enter: {error}"));
                        Finished::default()
                    }
                }
            });
        }
    }

    async fn lead(mut self) -> Report {
        let settings = &self.stage.settings;
        let (asked, measured) = (settings.count as u32, settings.measured);
        let ramp_most = Duration::from_secs_f64(asked as f64 / settings.ramp_per_s * 1.5 + asked as f64 / 5.0 + 60.0);
        let in_time = self.wait(ramp_most, |run| run.all_in()).await;
        if !in_time && !self.stopped() {
            self.stage.tally().note_error("the deadline of the ramp passed");
        }
        let rules = self.stage.referee.rules;
        let spawn = self.stage.referee.truths.lock(0).path.newest().unwrap_or_default();
        let way_s = self.stage.plan.longest_way(spawn) / rules.top_speed;
        self.stage.phase.send_replace(Phase::WarmUp);
        let least = Instant::now() + WARM_UP_LEAST;
        let arrived = move |run: &Self| run.all_arrived() && Instant::now() >= least;
        self.wait(Duration::from_secs_f32(10.0 + 1.3 * way_s), arrived).await;
        let mut course = self.measure(measured).await;
        let last_in = Duration::from_micros(self.stage.last_in.load(Ordering::Relaxed));
        course.ramp_s = last_in.as_secs_f64();
        course.logged_in = u64::from(self.stage.logged_in.load(Ordering::Relaxed));
        course.ended_early = self.stopped();
        course.online_at_end = self.audit().await;
        Report::new(&self.stage.settings, &self.stage.tally(), &course, &self.server)
    }

    async fn measure(&mut self, measured: Duration) -> Course {
        let console = self.stage.settings.console.clone();
        if let Err(why) = console.reset().await {
            tracing::warn!(%why, "the server's measuring window could not be reset");
        }
        self.stage.phase.send_replace(Phase::Measure);
        let (began, cpu_began) = (Instant::now(), cpu_seconds());
        self.wait(measured, |_| false).await;
        let spent = began.elapsed().as_secs_f64();
        let cores = cpu_began.zip(cpu_seconds()).map(|(before, after)| (after - before) / spent.max(0.001));
        match console.numbers().await {
            Ok(numbers) => self.server = numbers,
            Err(why) => self.stage.tally().note_error(&format!("the console does not tell its numbers: {why}")),
        }
        Course { measured_s: spent, bots_cpu_cores: cores, ..Course::default() }
    }

    /// Has every bot look for what it was told is saved. Gives how many were online when the time was over.
    async fn audit(&mut self) -> u64 {
        self.stage.phase.send_replace(Phase::Audit);
        let most = Duration::from_secs_f64(60.0 + self.stage.settings.count as f64 / 5.0);
        let deadline = Instant::now() + most;
        let mut online = 0;
        while !self.tasks.is_empty() {
            tokio::select! {
                ended = self.tasks.join_next() => match ended {
                    Some(Ok(finished)) => online += u64::from(finished.was_online),
                    Some(Err(why)) => self.stage.tally().note_error(&format!("a bot's task failed: {why}")),
                    None => break,
                },
                () = sleep_until(self.told + TELL) => self.tell(deadline).await,
                () = sleep_until(deadline) => {
                    self.stage.tally().note_error("the deadline of the audit passed");
                    break;
                }
            }
        }
        self.tasks.shutdown().await;
        online
    }

    /// Waits until `done`, for `most` at most or until the run is stopped. Gives whether it is done.
    async fn wait(&mut self, most: Duration, done: impl Fn(&Self) -> bool) -> bool {
        let deadline = Instant::now() + most;
        loop {
            if done(self) {
                return true;
            }
            let now = Instant::now();
            if now >= deadline || self.stopped() {
                return false;
            }
            if now >= self.told + TELL {
                self.tell(deadline).await;
            }
            tokio::select! {
                () = sleep(LOOK.min(deadline - now)) => {}
                () = told_to_stop(self.stop.clone()) => {}
            }
        }
    }

    async fn tell(&mut self, deadline: Instant) {
        self.told = Instant::now();
        let phase = self.stage.phase();
        if phase == Phase::Measure
            && let Ok(Ok(numbers)) = timeout(TELL / 2, self.stage.settings.console.numbers()).await
        {
            self.server = numbers;
        }
        let count = match phase {
            Phase::Audit => &self.stage.audited,
            Phase::Ramp | Phase::WarmUp | Phase::Measure => &self.stage.online,
        };
        let progress = {
            let tally = self.stage.tally();
            Progress {
                phase,
                left: deadline.saturating_duration_since(self.told),
                asked: self.stage.settings.count,
                count: count.load(Ordering::Relaxed),
                in_view_mean: tally.in_view_mean(),
                rtt_ms: tally.round_trips.percentiles(),
                tick_p99_ms: self.server.tick_ms.and_then(|times| times.p99),
                mismatches: tally.mismatches_total(),
                errors: tally.errors,
            }
        };
        (self.tell)(&progress);
    }

    fn stopped(&self) -> bool {
        *self.stop.borrow()
    }

    /// All bots came in, or will not.
    fn all_in(&self) -> bool {
        let failed = self.stage.settings.count - self.tasks.len().min(self.stage.settings.count);
        self.stage.online.load(Ordering::Relaxed) as usize + failed >= self.stage.settings.count
    }

    fn all_arrived(&self) -> bool {
        self.stage.arrived.load(Ordering::Relaxed) >= self.stage.logged_in.load(Ordering::Relaxed)
    }
}

/// Returns when the run is to stop; never when nobody can stop it.
async fn told_to_stop(mut stop: watch::Receiver<bool>) {
    if stop.wait_for(|stop| *stop).await.is_err() {
        std::future::pending().await
    }
}

/// A bot's life in the game, and the look at what was saved afterwards.
async fn live(mut bot: Bot) -> Finished {
    let was_online = bot.play().await;
    bot.audit().await;
    Finished { was_online }
}

/// User and system time of this process, in seconds; the system counts a hundred ticks in each.
fn cpu_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let fields: Vec<&str> = stat.rsplit(')').next()?.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at)?.parse::<f64>().ok();
    Some((ticks(11)? + ticks(12)?) / 100.0)
}
