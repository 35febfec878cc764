//! The player in the game: one connection, made again when it breaks, and what the game's state says to it.
//!
//! All waiting is done in `poll_drive`, which keeps everything it knows in the client; a future that is dropped loses
//! nothing. Nothing leaves or arrives while nobody polls, so a client needs a task that takes its events.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use kuafu_core::{Chance, EntityId, Value};
use kuafu_def::{Definitions, Part};
use kuafu_wire::ClientMessage;
use tokio::time::{Instant, Sleep, sleep_until, timeout};

use crate::channel::Channel;
use crate::game::{Game, Stats, is_kick};
use crate::rejoin::{Joined, Lost, Plan, Rejoined, Seat, is_final_code, rejoin};
use crate::{Account, CallError, ClientError, Event, Login, Loss, NotSent, Options, Target, TimeSync, World};

/// The least and greatest wait between two pings.
const PING_MS: std::ops::RangeInclusive<u32> = 100..=60_000;

/// A player in the game. Dropping it breaks the connection: the entity stays for the server's grace time. See
/// [`Client::leave`] for leaving on purpose.
pub struct Client {
    state: State,
    game: Game,
    plan: Arc<Plan>,
    seat: Seat,
    schema: Arc<Definitions>,
    chance: Chance,
    times: Times,
    timer: Pin<Box<Sleep>>,
}

enum State {
    Online(Box<Channel>),
    Rejoining(Pin<Box<dyn Future<Output = Result<Rejoined, ClientError>> + Send>>),
    Ended,
}

/// Moments and spans of the connection, in milliseconds of the client's clock.
struct Times {
    zero: Instant,
    ping_every_ms: f64,
    silence_ms_max: f64,
    heard_ms: f64,
    ping_due_ms: f64,
    /// When the connection came about, or broke.
    since_ms: f64,
    /// Tries to come back since the last connection that held.
    tries: u32,
}

impl Client {
    /// Connects to a login server.
    ///
    /// # Errors
    /// [`ClientError`] when there is no connection or the server does not take the client.
    pub async fn connect(target: Target, options: Options) -> Result<Login, ClientError> {
        Login::connect(target, options).await
    }

    /// Connects, logs in, makes a role when there is none, and enters the game: all of [`Login`] in one.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn play(target: Target, options: Options, account: Account) -> Result<Self, ClientError> {
        let mut login = Login::connect(target, options).await?;
        let role = login.as_account(&account).await?;
        login.enter(role, |_, _| {}).await
    }

    pub(crate) fn start(plan: Plan, joined: Joined) -> Result<Self, ClientError> {
        let mut client = Self {
            game: Game::new(&plan.options),
            chance: Chance::from_seed(plan.options.seed),
            times: Times::new(),
            timer: Box::pin(sleep_until(Instant::now())),
            seat: joined.seat.clone(),
            schema: Arc::clone(&joined.greeting.schema),
            state: State::Ended,
            plan: Arc::new(plan),
        };
        client.join(joined)?;
        Ok(client)
    }

    /// The next thing that happened; `None` when the game is over for this client. May be dropped and asked again at
    /// any time.
    pub async fn next_event(&mut self) -> Option<Event> {
        poll_fn(|cx| self.poll_event(cx)).await
    }

    /// [`Client::next_event`] as a poll.
    pub fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        self.game.calls.forget_awaited();
        loop {
            if let Some(event) = self.game.events.pop_front() {
                return Poll::Ready(Some(event));
            }
            if !ready!(self.poll_drive(cx)) {
                return Poll::Ready(self.game.events.pop_front());
            }
        }
    }

    /// What the player sees.
    #[must_use]
    pub fn world(&self) -> &World {
        &self.game.world
    }

    /// Takes an entity out of the view as if it had never entered: see [`World::forget`].
    pub fn forget(&mut self, slot: u16) {
        self.game.world.forget(slot);
    }

    /// The game's definitions as clients see them. Given to another client's options, it need not ask for them.
    #[must_use]
    pub fn schema(&self) -> &Arc<Definitions> {
        &self.schema
    }

    /// Whether there is a connection.
    #[must_use]
    pub fn is_online(&self) -> bool {
        matches!(self.state, State::Online(_))
    }

    /// What was counted.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let mut stats = self.game.stats;
        if let State::Online(channel) = &self.state {
            stats.packets += channel.heard.packets;
            stats.bytes += channel.heard.bytes;
        }
        stats
    }

    /// Round trips and the space time.
    #[must_use]
    pub fn time_sync(&self) -> &TimeSync {
        &self.game.sync
    }

    /// The space time now, in milliseconds; `None` before the first Pong.
    #[must_use]
    pub fn space_time_ms(&self) -> Option<f64> {
        self.game.sync.space_time_ms(self.times.now_ms())
    }

    /// Moves the own entity; gives the number of the move. It leaves with the next poll of the client.
    ///
    /// # Errors
    /// [`NotSent`] when the client is in no space, the numbers are not finite, or too much waits for the server.
    pub fn move_to(&mut self, position: [f32; 3], yaw: f32) -> Result<u32, NotSent> {
        let State::Online(channel) = &mut self.state else { return Err(NotSent::NotInGame) };
        let (message, sequence) = self.game.move_message(position, yaw)?;
        channel.say(&message)?;
        Ok(sequence)
    }

    /// Calls a method of the own entity and waits for its result, which is [`Value::Nil`] for a method without one.
    /// Events that come meanwhile wait to be taken.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn call(&mut self, part: Part, method: &str, arguments: &[Value]) -> Result<Value, CallError> {
        self.call_and_wait(None, part, method, arguments).await
    }

    /// Calls a method of an entity in view and waits for its result.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn call_on(
        &mut self,
        entity: EntityId,
        part: Part,
        method: &str,
        arguments: &[Value],
    ) -> Result<Value, CallError> {
        self.call_and_wait(Some(entity), part, method, arguments).await
    }

    /// Calls a method of a component (of the own entity when `entity` is `None`), on whichever part has it, and waits
    /// for its result. Last arguments that have defaults may be left out, here as in every call.
    ///
    /// # Errors
    /// [`CallError`]; [`NotSent::ComponentMethodUnknown`] also when both parts have the method: then call
    /// `SLOT.METHOD` of the part.
    pub async fn call_component(
        &mut self,
        entity: Option<EntityId>,
        slot: &str,
        method: &str,
        arguments: &[Value],
    ) -> Result<Value, CallError> {
        let part = self.game.component_part(entity, slot, method)?;
        self.call_and_wait(entity, part, &format!("{slot}.{method}"), arguments).await
    }

    /// Calls a method (of the own entity when `entity` is `None`) without waiting: [`Event::CallEnded`] with the
    /// number that this gives tells the result.
    ///
    /// # Errors
    /// [`NotSent`].
    pub fn start_call(
        &mut self,
        entity: Option<EntityId>,
        part: Part,
        method: &str,
        arguments: &[Value],
    ) -> Result<u32, NotSent> {
        self.begin_call(entity, part, method, arguments, false)
    }

    /// Calls a method and wants no result.
    ///
    /// # Errors
    /// [`NotSent`].
    pub fn tell(
        &mut self,
        entity: Option<EntityId>,
        part: Part,
        method: &str,
        arguments: &[Value],
    ) -> Result<(), NotSent> {
        let State::Online(channel) = &mut self.state else { return Err(NotSent::NotInGame) };
        let (message, ..) = self.game.call_message(0, entity, part, method, arguments)?;
        channel.say(&message)
    }

    /// Leaves on purpose and waits until the server has saved the player.
    ///
    /// # Errors
    /// [`ClientError`] when the connection breaks before; the entity then leaves after the grace time, or left.
    pub async fn leave(mut self) -> Result<(), ClientError> {
        let State::Online(mut channel) = std::mem::replace(&mut self.state, State::Ended) else {
            return Err(Loss::Closed.into());
        };
        channel.say(&ClientMessage::Bye).map_err(|_| Loss::Closed)?;
        let seen_off = poll_fn(|cx| {
            while !self.game.left {
                let message = ready!(channel.poll_message(cx))?;
                self.game.handle(message, self.times.now_ms())?;
            }
            Poll::Ready(Ok::<_, Loss>(()))
        });
        let patience = self.plan.options.answer_timeout;
        timeout(patience, seen_off).await.map_err(|_| ClientError::TimedOut("Bye"))??;
        Ok(())
    }

    /// Breaks the connection as a fault of the network would; the client then comes back by itself.
    pub fn break_connection(&mut self) {
        if self.is_online() {
            self.lose(Loss::Closed);
        }
    }

    async fn call_and_wait(
        &mut self,
        entity: Option<EntityId>,
        part: Part,
        method: &str,
        arguments: &[Value],
    ) -> Result<Value, CallError> {
        self.game.calls.forget_awaited();
        let number = self.begin_call(entity, part, method, arguments, true)?;
        poll_fn(|cx| {
            loop {
                if let Some(answer) = self.game.calls.take_answer(number) {
                    return Poll::Ready(answer);
                }
                if !ready!(self.poll_drive(cx)) {
                    let answer = self.game.calls.take_answer(number);
                    return Poll::Ready(answer.unwrap_or_else(|| Err(CallError::unknown("the game is over"))));
                }
            }
        })
        .await
    }

    fn begin_call(
        &mut self,
        entity: Option<EntityId>,
        part: Part,
        method: &str,
        arguments: &[Value],
        awaited: bool,
    ) -> Result<u32, NotSent> {
        let State::Online(channel) = &mut self.state else { return Err(NotSent::NotInGame) };
        let most = self.plan.options.limits.calls_in_flight_max;
        if self.game.calls.in_flight() >= most as usize {
            return Err(NotSent::TooManyCalls(most));
        }
        let number = self.game.calls.next_number();
        let (message, ty, method) = self.game.call_message(number, entity, part, method, arguments)?;
        channel.say(&message)?;
        let deadline = Instant::now() + self.plan.options.call_timeout;
        self.game.calls.began(number, ty, method, self.times.at_ms(deadline), awaited);
        if deadline < self.timer.deadline() {
            self.timer.as_mut().reset(deadline);
        }
        Ok(number)
    }

    /// Makes one step: a message, a change of the connection, or a timer. `false` when the game is over.
    fn poll_drive(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        match &mut self.state {
            State::Ended => Poll::Ready(false),
            State::Rejoining(rejoining) => {
                match ready!(rejoining.as_mut().poll(cx)) {
                    Ok(rejoined) => self.come_back(rejoined),
                    Err(error) => self.give_up(error),
                }
                Poll::Ready(true)
            }
            State::Online(channel) => match channel.poll_message(cx) {
                Poll::Ready(Ok(message)) => {
                    if let Err(loss) = self.take(message) {
                        self.lose(loss);
                    }
                    Poll::Ready(true)
                }
                Poll::Ready(Err(loss)) => {
                    self.lose(loss);
                    Poll::Ready(true)
                }
                Poll::Pending => self.poll_timer(cx),
            },
        }
    }

    fn take(&mut self, message: kuafu_wire::ServerMessage) -> Result<(), Loss> {
        let now_ms = self.times.now_ms();
        self.times.heard_ms = now_ms;
        if let (Some(answer), State::Online(channel)) = (self.game.handle(message, now_ms)?, &mut self.state) {
            // An acknowledgement that finds no room is made up for by the next one.
            let _ = channel.say(&answer);
        }
        Ok(())
    }

    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        ready!(self.timer.as_mut().poll(cx));
        let now_ms = self.times.now_ms();
        self.game.expire_calls(now_ms, "no answer came in time");
        if now_ms - self.times.heard_ms > self.times.silence_ms_max {
            self.lose(Loss::Silent);
            return Poll::Ready(true);
        }
        if let (true, State::Online(channel)) = (now_ms >= self.times.ping_due_ms, &mut self.state) {
            // A ping that finds no room is not needed: the server has enough to read.
            let _ = channel.say(&ClientMessage::Ping { clock_ms: now_ms });
            self.times.ping_due_ms = now_ms + self.times.ping_every_ms;
        }
        let silent_ms = self.times.heard_ms + self.times.silence_ms_max + 1.0;
        let next_ms = self.times.ping_due_ms.min(silent_ms).min(self.game.calls.next_deadline_ms());
        self.timer.as_mut().reset(self.times.at(next_ms.max(now_ms + 1.0)));
        Poll::Ready(true)
    }

    fn join(&mut self, joined: Joined) -> Result<(), Loss> {
        let Joined { channel, greeting, seat, attached } = joined;
        self.times.connected(greeting.heartbeat_ms, greeting.idle_ms);
        self.timer.as_mut().reset(Instant::now());
        (self.seat, self.schema) = (seat, greeting.schema);
        self.game.attach(&self.schema, &attached)?;
        self.state = State::Online(Box::new(channel));
        Ok(())
    }

    fn come_back(&mut self, rejoined: Rejoined) {
        let Rejoined { joined, tries, by_login } = rejoined;
        let gone_ms = (self.times.now_ms() - self.times.since_ms).max(0.0);
        self.times.tries = tries;
        self.game.stats.reconnects += 1;
        self.game.tell(Event::Reconnected { after: Duration::from_secs_f64(gone_ms / 1_000.0), tries, by_login });
        if let Err(loss) = self.join(joined) {
            self.lose(loss);
        }
    }

    fn lose(&mut self, loss: Loss) {
        if let State::Online(channel) = std::mem::replace(&mut self.state, State::Ended) {
            self.game.stats.packets += channel.heard.packets;
            self.game.stats.bytes += channel.heard.bytes;
        }
        self.game.expire_calls(f64::INFINITY, "the connection broke");
        if is_kick(&loss) {
            let Loss::Told { code, text } = loss else { return };
            return self.game.tell(Event::Kicked { code, text });
        }
        self.game.tell(Event::Disconnected { reason: loss.clone() });
        let reconnect = self.plan.options.reconnect;
        let now_ms = self.times.now_ms();
        if now_ms - self.times.since_ms > reconnect.wait_max.as_secs_f64() * 1_000.0 {
            self.times.tries = 0;
        }
        self.times.since_ms = now_ms;
        if reconnect.tries_max > 0 {
            let (plan, seat, schema) = (Arc::clone(&self.plan), self.seat.clone(), Arc::clone(&self.schema));
            let (lost, chance) = (Lost { why: loss, tries: self.times.tries }, Chance::from_seed(self.chance.u64()));
            self.state = State::Rejoining(Box::pin(rejoin(plan, seat, schema, lost, chance)));
        }
    }

    fn give_up(&mut self, error: ClientError) {
        self.state = State::Ended;
        self.game.tell(match error {
            ClientError::Refused { code, text } if is_final_code(code) => Event::Kicked { code, text },
            error => Event::GaveUp(error),
        });
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("online", &self.is_online())
            .field("own", &self.world().own())
            .finish_non_exhaustive()
    }
}

impl Times {
    fn new() -> Self {
        Self {
            zero: Instant::now(),
            ping_every_ms: f64::INFINITY,
            silence_ms_max: f64::INFINITY,
            heard_ms: 0.0,
            ping_due_ms: 0.0,
            since_ms: 0.0,
            tries: 0,
        }
    }

    /// A first ping leaves at once, for the space time.
    fn connected(&mut self, heartbeat_ms: u32, idle_ms: u32) {
        let now_ms = self.now_ms();
        (self.heard_ms, self.ping_due_ms, self.since_ms) = (now_ms, now_ms, now_ms);
        let ping_every_ms = heartbeat_ms.clamp(*PING_MS.start(), *PING_MS.end());
        self.ping_every_ms = f64::from(ping_every_ms);
        self.silence_ms_max = f64::from(idle_ms.max(2 * ping_every_ms));
    }

    fn now_ms(&self) -> f64 {
        self.at_ms(Instant::now())
    }

    fn at_ms(&self, moment: Instant) -> f64 {
        moment.duration_since(self.zero).as_secs_f64() * 1_000.0
    }

    fn at(&self, ms: f64) -> Instant {
        self.zero + Duration::from_secs_f64((ms / 1_000.0).clamp(0.0, 1e9))
    }
}
