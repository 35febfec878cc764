//! Players of a running game: the Rust client, driven until something is true.
//!
//! A client takes part only while it is polled, so everything here polls all the players that it is given: nobody is
//! silent because a test looks elsewhere.

use std::future::{Future, poll_fn};
use std::task::Poll;
use std::time::Duration;

use kuafu_client::{Account, Client, ClientError, Event, Login, Options, Reconnect, Target, Transport};
use kuafu_core::{Code, EntityId, Value};
use kuafu_def::Part;
use tokio::time::{Instant, timeout_at};

use super::game::{Game, PATIENCE};

/// The password of every account here.
pub(crate) const PASSWORD: &str = "a good password";

/// A client and all that happened to it.
pub(crate) struct Player {
    pub(crate) client: Client,
    pub(crate) seen: Vec<Event>,
}

/// Runs a test's future to its end, within a bounded time.
pub(crate) fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async { tokio::time::timeout(3 * PATIENCE, test).await.expect("the test ends in time") })
}

/// The login server of a game.
pub(crate) fn target(game: &Game) -> Target {
    Target::tcp("127.0.0.1", game.port + 1)
}

/// A client for which a broken connection is the end.
pub(crate) fn once() -> Options {
    Options { reconnect: Reconnect::NEVER, ..Options::default() }
}

/// A login connection of an account, which is made when there is none.
pub(crate) async fn log_in(game: &Game, account: &str) -> Login {
    let mut login = Client::connect(target(game), once()).await.expect("the login server takes clients");
    match login.register(account, PASSWORD).await {
        Err(error) if error.code() != Some(Code::NameTaken) => panic!("{account} cannot be registered: {error}"),
        _ => {}
    }
    login.login(account, PASSWORD).await.expect("the password is right");
    login
}

impl Player {
    /// Comes into the game with an account's first role, and waits until it stands in the space.
    pub(crate) async fn join(game: &Game, name: &str) -> Self {
        Self::join_as(game, name, once()).await.unwrap_or_else(|error| panic!("{name} cannot come in: {error}"))
    }

    /// The same with options, and without a promise that it works. The transport alternates by name.
    pub(crate) async fn join_as(game: &Game, name: &str, options: Options) -> Result<Self, ClientError> {
        let transport = if name.len().is_multiple_of(2) { Transport::Tcp } else { Transport::WebSocket };
        let target = Target { transport, ..target(game) };
        let account =
            Account { name: name.into(), password: PASSWORD.into(), role: format!("{name} one"), register: true };
        let mut player = Self::of(Client::play(target, options, account).await?);
        // Someone else may be given the entity at once: then there is nothing more to wait for.
        let mut only = [&mut player];
        until(&mut only, "the own entity is in view", |players| {
            (players[0].client.world().at(0).is_some() || !players[0].client.is_online()).then_some(())
        })
        .await;
        Ok(player)
    }

    /// A player whose client is in the game.
    pub(crate) fn of(client: Client) -> Self {
        Self { client, seen: Vec::new() }
    }

    /// The own entity.
    pub(crate) fn id(&self) -> EntityId {
        self.client.world().own().expect("it is attached").id
    }

    /// Where it believes to be.
    pub(crate) fn position(&self) -> [f32; 3] {
        self.client.world().own().expect("it is attached").position
    }

    /// Whether an entity is in view.
    pub(crate) fn sees(&self, id: EntityId) -> bool {
        self.client.world().entity(id).is_some()
    }

    /// Where it sees an entity.
    pub(crate) fn sees_at(&self, id: EntityId) -> Option<[f32; 3]> {
        self.client.world().entity(id).map(|entity| entity.position)
    }

    /// How often it saw what `wanted` picks.
    pub(crate) fn count(&self, wanted: impl Fn(&Event) -> bool) -> usize {
        self.seen.iter().filter(|event| wanted(event)).count()
    }

    /// Why it was removed, when it was.
    pub(crate) fn kicked(&self) -> Option<Code> {
        self.seen.iter().find_map(|event| match event {
            Event::Kicked { code, .. } => Code::from_number(*code),
            _ => None,
        })
    }

    /// The texts that it heard others say.
    pub(crate) fn heard(&self) -> Vec<String> {
        let heard = self.seen.iter().filter_map(|event| match event {
            Event::Called { name, arguments, .. } if &**name == "heard" => match arguments.first() {
                Some(Value::Text(text)) => Some(text.to_string()),
                _ => None,
            },
            _ => None,
        });
        heard.collect()
    }

    /// The number in a property of the own entity.
    pub(crate) fn number(&self, name: &str) -> i64 {
        match self.client.world().own_property(name) {
            Some(Value::Int(number)) => *number,
            other => panic!("{name} is no number: {other:?}"),
        }
    }

    /// How many things are in its bag.
    pub(crate) fn bag(&self) -> usize {
        match self.client.world().own_property("bag") {
            Some(Value::List(items)) => items.len(),
            other => panic!("the bag is no list: {other:?}"),
        }
    }

    /// Calls a base method and waits for its result.
    pub(crate) async fn base(&mut self, method: &str, arguments: &[Value]) -> Value {
        let called = self.client.call(Part::Base, method, arguments).await;
        called.unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    /// Walks to a place in a straight line, as fast as it may.
    pub(crate) async fn walk_to(&mut self, x: f32, z: f32) {
        walk(&mut [self], 0, x, z).await;
    }

    /// Leaves on purpose.
    pub(crate) async fn leave(self) {
        self.client.leave().await.expect("the server says goodbye");
    }
}

/// Has one of the players walk to a place while all play; a correction on the way is a fault.
pub(crate) async fn walk(players: &mut [&mut Player], who: usize, x: f32, z: f32) {
    let corrected = |player: &Player| player.count(|event| matches!(event, Event::Corrected { .. }));
    let before = corrected(players[who]);
    let mut last = Instant::now();
    loop {
        let [from_x, y, from_z] = players[who].position();
        let (dx, dz) = (x - from_x, z - from_z);
        let distance = dx.hypot(dz);
        if distance < 0.01 {
            break;
        }
        pass(players, Duration::from_millis(100)).await;
        let speed = players[who].client.world().space().expect("it stands in a space").top_speed;
        let step = (speed * last.elapsed().as_secs_f32()).min(distance);
        last = Instant::now();
        let to = [from_x + dx / distance * step, y, from_z + dz / distance * step];
        players[who].client.move_to(to, dx.atan2(dz)).expect("a move can be sent");
    }
    pass(players, Duration::from_millis(300)).await;
    assert_eq!(corrected(players[who]), before, "a walk at top speed is not corrected");
}

/// Lets the players play for a while.
pub(crate) async fn pass(players: &mut [&mut Player], span: Duration) {
    let end = Instant::now() + span;
    while timeout_at(end, something(players)).await.is_ok() {}
}

/// Lets the players play until there is an answer.
pub(crate) async fn until<T>(
    players: &mut [&mut Player],
    what: &str,
    mut ask: impl FnMut(&mut [&mut Player]) -> Option<T>,
) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask(players) {
            return answer;
        }
        timeout_at(end, something(players)).await.unwrap_or_else(|_| panic!("waited too long: {what}"));
    }
}

/// The next thing that happens to any of the players. Those whose game is over are passed over.
async fn something(players: &mut [&mut Player]) {
    poll_fn(|cx| {
        let mut any = false;
        for player in players.iter_mut() {
            while let Poll::Ready(Some(event)) = player.client.poll_event(cx) {
                player.seen.push(event);
                any = true;
            }
        }
        if any { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}
