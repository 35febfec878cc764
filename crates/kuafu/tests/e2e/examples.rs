//! Each small example does what its README says, with real players, and keeps it through kill -9.
//!
//! Projects are copied first: an example that is tried leaves nothing behind in the repository.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant};

use kuafu_client::{Account, CallError, Client, Event, Target};
use kuafu_core::{Chance, EntityId, Value};
use kuafu_def::Part;

use super::game::{Game, PATIENCE, copy_of, example, free_ports, kuafu, output};
use super::player::{PASSWORD, Player, once, pass, run, target, until};

/// How often a game is killed in the middle of what must not be halved.
const CRASHES: u32 = 4;

/// When to kill it: while something is under way that took so long before, or just after.
fn moment(chance: &mut Chance, took: Duration) -> Duration {
    took.mul_f64(chance.between(0, 110) as f64 / 100.0)
}

/// Replaces text in a file of a project.
fn edit(project: &Path, file: &str, what: &str, with: &str) {
    let path = project.join(file);
    let text = std::fs::read_to_string(&path).expect("it is there");
    assert!(text.contains(what), "{file} has `{what}`");
    std::fs::write(&path, text.replace(what, with)).expect("it can be written");
}

/// What a call of a base method was refused with.
async fn refused(player: &mut Player, part: Part, method: &str, arguments: &[Value]) -> String {
    match player.client.call(part, method, arguments).await {
        Err(CallError::Refused { text, .. }) => text,
        other => panic!("{method} is refused: {other:?}"),
    }
}

/// Ids and kinds of things, as `items` and maps of them come.
fn things(value: &Value) -> BTreeMap<i64, i64> {
    let Value::Map(entries) = value else { panic!("no map: {value:?}") };
    let pair = |(id, item): &(Value, Value)| {
        let Value::List(fields) = item else { panic!("no struct: {item:?}") };
        (id.as_int().expect("an id"), fields[0].as_int().expect("a kind"))
    };
    entries.iter().map(pair).collect()
}

/// The own things, in a property.
fn own_things(player: &Player, property: &str) -> BTreeMap<i64, i64> {
    things(player.client.world().own_property(property).expect("it is known"))
}

/// The first entity of a type that comes into view.
async fn in_view(player: &mut Player, ty: &str) -> EntityId {
    until(&mut [player], ty, |players| {
        players[0].client.world().entities().find(|entity| entity.ty.name == ty).map(|entity| entity.id)
    })
    .await
}

fn ids(list: &[i64]) -> Value {
    Value::List(list.iter().map(|id| Value::Int(*id)).collect())
}

#[test]
fn every_example_is_clean() {
    let folder = std::fs::read_dir(example("")).expect("there are examples").flatten();
    let names = folder.filter(|entry| entry.path().join("kuafu.toml").exists()).map(|entry| entry.file_name());
    let names: Vec<String> = names.map(|name| name.to_string_lossy().into_owned()).collect();
    assert!(names.len() >= 5, "{names:?}");
    for name in names {
        let project = copy_of(&name);
        let found = output(kuafu(&["check", &project.path().to_string_lossy()]));
        assert!(found.status.success(), "{name}: {}", String::from_utf8_lossy(&found.stdout));
    }
}

// Inventory ----------------------------------------------------------------------------------------------------------

const APPLE: i64 = 0;
const ROPE: i64 = 1;
const ANVIL: i64 = 2;
const CROWN: i64 = 3;

async fn chest_of(player: &mut Player) -> (Value, BTreeMap<i64, i64>) {
    let chest = Value::Entity(in_view(player, "chest").await);
    let content = things(&player.base("look_into", std::slice::from_ref(&chest)).await);
    (chest, content)
}

#[test]
fn things_move_between_bags_and_a_chest_and_are_in_one_place_after_a_crash() {
    let (project, data, port) = (copy_of("inventory"), tempfile::tempdir().expect("a folder"), free_ports());
    let mut game = Game::start_with(project.path(), data.path(), port, &[]);
    let mut took = Duration::ZERO;
    let mut all = run(async {
        let mut ada = Player::join(&game, "Ada").await;
        let mut bo = Player::join(&game, "Bo").await;
        let rope = ada.base("buy", &[Value::Int(ROPE)]).await.as_int().expect("an id");
        assert_eq!(ada.number("gold"), 52);
        assert_eq!(own_things(&ada, "bag.items"), BTreeMap::from([(rope, ROPE)]));
        let heavy = refused(&mut ada, Part::Base, "buy", &[Value::Int(ANVIL)]).await;
        assert_eq!(heavy, "too heavy: that would be 11 of 10 kg");
        let dear = refused(&mut ada, Part::Base, "buy", &[Value::Int(CROWN)]).await;
        assert_eq!(dear, "Crown costs 500 gold; you have 52");

        let (chest, _) = chest_of(&mut ada).await;
        let asked = Instant::now();
        ada.base("stow", &[chest.clone(), Value::Int(rope)]).await;
        took = asked.elapsed();
        assert!(own_things(&ada, "bag.items").is_empty());
        assert_eq!(chest_of(&mut bo).await.1, BTreeMap::from([(rope, ROPE)]));
        // Who has no place gets nothing, and it is still where it was.
        for _ in 0..12 {
            bo.base("buy", &[Value::Int(APPLE)]).await;
            pass(&mut [&mut ada, &mut bo], Duration::from_millis(200)).await;
        }
        let full = refused(&mut bo, Part::Base, "fetch", &[chest.clone(), Value::Int(rope)]).await;
        assert_eq!(full, "there is no place left");
        assert_eq!(chest_of(&mut bo).await.1, BTreeMap::from([(rope, ROPE)]));
        // A client may name anything as the chest: another player's bag is none.
        let not_hers = Value::Entity(bo.id());
        let apple = *own_things(&bo, "bag.items").keys().next().expect("an apple");
        let theft = refused(&mut ada, Part::Base, "fetch", &[not_hers, Value::Int(apple)]).await;
        assert_eq!(theft, "there is no chest here");

        ada.base("fetch", &[chest.clone(), Value::Int(rope)]).await;
        let late = refused(&mut ada, Part::Base, "fetch", &[chest, Value::Int(rope)]).await;
        assert_eq!(late, "it is not there any more");
        assert_eq!(own_things(&ada, "bag.items"), BTreeMap::from([(rope, ROPE)]));
        let mut all = own_things(&bo, "bag.items");
        all.insert(rope, ROPE);
        all
    });
    game.kill();

    // What was acknowledged is there; what was under way when it died is in one place or the other.
    let mut chance = Chance::from_system();
    for round in 0..=CRASHES {
        game = Game::start_with(project.path(), data.path(), port, &[]);
        let span = moment(&mut chance, took);
        run(async {
            let mut ada = Player::join(&game, "Ada").await;
            let mut bo = Player::join(&game, "Bo").await;
            let (chest, content) = chest_of(&mut bo).await;
            let mut found = own_things(&ada, "bag.items");
            let parts = [own_things(&bo, "bag.items"), content.clone()];
            let count = found.len() + parts.iter().map(BTreeMap::len).sum::<usize>();
            parts.into_iter().for_each(|part| found.extend(part));
            assert_eq!((found.len(), count), (all.len(), all.len()), "round {round}: each is in one place");
            all = found;
            let mine = own_things(&bo, "bag.items");
            let moves = mine.keys().map(|id| ("stow", *id)).chain(content.keys().map(|id| ("fetch", *id)));
            for (method, id) in moves.take(5) {
                bo.client.start_call(None, Part::Base, method, &[chest.clone(), Value::Int(id)]).expect("sent");
            }
            pass(&mut [&mut ada, &mut bo], span).await;
        });
        game.kill();
    }
}

// Trade --------------------------------------------------------------------------------------------------------------

/// The trade as one side knows it: the own things, the number of the other's offer.
fn their_no(player: &Player) -> Value {
    Value::Int(player.number("their_no"))
}

async fn offer(players: &mut [Player; 2], who: usize, list: &[i64]) {
    let before = players[1 - who].number("their_no");
    assert_eq!(players[who].base("offer_things", &[ids(list)]).await, Value::Bool(true));
    let [ada, bo] = players;
    let other = 1 - who;
    until(&mut [ada, bo], "the offer is seen", |p| (p[other].number("their_no") != before).then_some(())).await;
}

async fn two_traders(game: &Game) -> [Player; 2] {
    let mut players = [Player::join(game, "Ada").await, Player::join(game, "Bo").await];
    let other = players[1].id();
    let [ada, bo] = &mut players;
    until(&mut [ada, bo], "they see each other", |p| p[0].sees(other).then_some(())).await;
    players
}

/// Begins a trade of two things of the first for one of the second; both have yet to agree. Gives what each gives.
async fn offer_each_other(players: &mut [Player; 2]) -> [Vec<i64>; 2] {
    let [give, get] = [0, 1].map(|who| own_things(&players[who], "things").keys().copied().take(2 - who).collect());
    let (give, get): (Vec<i64>, Vec<i64>) = (give, get);
    let bo = Value::Entity(players[1].id());
    assert_eq!(players[0].base("trade_with", &[bo]).await, Value::Bool(true));
    let other = refused(&mut players[0], Part::Base, "offer_things", &[ids(&get)]).await;
    assert_eq!(other, "you do not have what you offer");
    offer(players, 0, &give[..1]).await;
    offer(players, 1, &get).await;
    // An agreement to an offer that was changed meanwhile does not count.
    let seen = their_no(&players[1]);
    offer(players, 0, &give).await;
    let stale = refused(&mut players[1], Part::Base, "agree", &[seen]).await;
    assert_eq!(stale, "their offer has changed; look again");
    [give, get]
}

#[test]
fn a_swap_takes_both_to_agree_to_the_same_and_a_crash_leaves_no_half_of_it() {
    let (project, data, port) = (copy_of("trade"), tempfile::tempdir().expect("a folder"), free_ports());
    let mut game = Game::start_with(project.path(), data.path(), port, &[]);
    let (all, took) = run(async {
        let mut players = two_traders(&game).await;
        let before = [0, 1].map(|who| own_things(&players[who], "things"));
        let [give, get] = offer_each_other(&mut players).await;
        let seen = their_no(&players[1]);
        assert_eq!(players[1].base("agree", &[seen]).await, Value::Bool(false), "one alone swaps nothing");
        assert_eq!(own_things(&players[0], "things"), before[0]);
        let (seen, asked) = (their_no(&players[0]), Instant::now());
        assert_eq!(players[0].base("agree", &[seen]).await, Value::Bool(true));
        let took = asked.elapsed();
        let [ada, bo] = &mut players;
        let has = |player: &Player, got: &[i64]| {
            let things = own_things(player, "things");
            got.iter().all(|id| things.contains_key(id))
        };
        until(&mut [ada, bo], "both have it", |p| (has(p[0], &get) && has(p[1], &give)).then_some(())).await;
        (before.into_iter().flatten().collect::<BTreeMap<i64, i64>>(), took)
    });
    let mut counts = BTreeSet::from([[5, 7]]);
    let mut chance = Chance::from_system();
    for round in 0..=CRASHES {
        game.kill();
        game = Game::start_with(project.path(), data.path(), port, &[]);
        let span = moment(&mut chance, took);
        counts = run(async {
            let mut players = two_traders(&game).await;
            let found = [0, 1].map(|who| own_things(&players[who], "things"));
            let [ada, bo] = [found[0].len(), found[1].len()];
            let union: BTreeMap<i64, i64> = found.into_iter().flatten().collect();
            assert_eq!((ada + bo, &union), (12, &all), "round {round}: each has one owner");
            assert!(counts.contains(&[ada, bo]), "round {round}: {ada} and {bo}, not one of {counts:?}");
            offer_each_other(&mut players).await;
            let seen = their_no(&players[1]);
            players[1].base("agree", &[seen]).await;
            let seen = their_no(&players[0]);
            players[0].client.start_call(None, Part::Base, "agree", &[seen]).expect("sent");
            let [a, b] = &mut players;
            pass(&mut [a, b], span).await;
            BTreeSet::from([[ada, bo], [ada - 1, bo + 1]])
        });
    }
    assert!(game.stop().success());
}

#[test]
fn a_trade_between_two_bases_is_refused_before_it_begins() {
    let (project, data) = (copy_of("trade"), tempfile::tempdir().expect("a folder"));
    edit(project.path(), "kuafu.toml", "start_space = \"market\"", "start_space = \"market\"\n[roles]\nbases = 2");
    let game = Game::start(project.path(), data.path());
    run(async {
        let mut ada = Player::join(&game, "Ada").await;
        let start = Instant::now();
        let mut bo = Player::join(&game, "Bo").await;
        while bo.id().incarnation() == ada.id().incarnation() {
            assert!(start.elapsed() < PATIENCE, "all are on one base");
            bo.leave().await;
            bo = Player::join(&game, "Bo").await;
        }
        let other = Value::Entity(bo.id());
        let text = refused(&mut ada, Part::Base, "trade_with", &[other]).await;
        assert_eq!(text, "you two are on different servers, where no swap can be made safely yet");
    });
    assert!(game.stop().success());
}

// Channel hall -------------------------------------------------------------------------------------------------------

/// A player that stands in no space.
async fn voice(game: &Game, name: &str) -> Player {
    let account = Account { name: name.into(), password: PASSWORD.into(), role: name.into(), register: true };
    let target: Target = target(game);
    Player::of(Client::play(target, once(), account).await.unwrap_or_else(|error| panic!("{name}: {error}")))
}

/// The lines that a player was told, as channel, number and text.
fn told(player: &Player) -> Vec<(String, i64, String)> {
    let told = player.seen.iter().filter_map(|event| match event {
        Event::Called { name, arguments, .. } if &**name == "heard" => {
            let (no, text) = line(&arguments[1]);
            Some((arguments[0].as_text().expect("a channel").to_owned(), no, text))
        }
        _ => None,
    });
    told.collect()
}

fn line(value: &Value) -> (i64, String) {
    let Value::List(fields) = value else { panic!("no line: {value:?}") };
    (fields[0].as_int().expect("a number"), fields[2].as_text().expect("a text").to_owned())
}

fn lines(value: &Value) -> Vec<(i64, String)> {
    let Value::List(lines) = value else { panic!("no lines: {value:?}") };
    lines.iter().map(line).collect()
}

fn motd(player: &Player) -> &str {
    player.client.world().own_property("motd").and_then(Value::as_text).expect("a text")
}

/// Calls until the hall is there: at the start of a realm it takes a moment.
async fn enter(player: &mut Player, channel: &str) -> Vec<(i64, String)> {
    let start = Instant::now();
    loop {
        match player.client.call(Part::Base, "enter_channel", &[Value::text(channel)]).await {
            Ok(found) => return lines(&found),
            Err(error) => assert!(start.elapsed() < PATIENCE, "{channel}: {error}"),
        }
        pass(&mut [player], Duration::from_millis(200)).await;
    }
}

#[test]
fn a_hall_without_a_place_keeps_channels_their_last_lines_and_the_message_of_the_day() {
    let (project, data, port) = (copy_of("channel-hall"), tempfile::tempdir().expect("a folder"), free_ports());
    let definition = "entities/avatar.toml";
    edit(project.path(), definition, "rate = \"3/s\"", "rate = \"100/s\"");
    edit(project.path(), "kuafu.toml", "role_type = \"avatar\"", "role_type = \"avatar\"\n[roles]\nbases = 2");
    let game = Game::start_with(project.path(), data.path(), port, &[]);
    run(async {
        let (mut ada, mut bo) = (voice(&game, "Ada").await, voice(&game, "Bo").await);
        assert_eq!(enter(&mut ada, "lobby").await, []);
        enter(&mut bo, "lobby").await;
        enter(&mut bo, "ants").await;
        for n in 1..=24 {
            ada.base("say", &[Value::text("lobby"), Value::text(&format!("line {n}"))]).await;
        }
        let heard = |player: &Player| told(player).len();
        until(&mut [&mut ada, &mut bo], "both heard all", |p| (heard(p[0]) == 24 && heard(p[1]) == 24).then_some(()))
            .await;
        let numbers: Vec<i64> = told(&bo).iter().map(|(_, no, _)| *no).collect();
        assert_eq!(numbers, (1..=24).collect::<Vec<_>>(), "in the order in which the hall took them");
        // Who comes later reads the last of them.
        let mut cy = voice(&game, "Cy").await;
        let last = enter(&mut cy, "lobby").await;
        assert_eq!((last.len(), &last[0], &last[19]), (20, &(5, "line 5".into()), &(24, "line 24".into())));

        let elsewhere = refused(&mut ada, Part::Base, "say", &[Value::text("ants"), Value::text("hm")]).await;
        assert_eq!(elsewhere, "you do not listen to that channel");
        let name = refused(&mut ada, Part::Base, "enter_channel", &[Value::text("No Name")]).await;
        assert_eq!(name, "channels have small letters, digits and - in their names");
        bo.base("leave_channel", &[Value::text("lobby")]).await;
        ada.base("say", &[Value::text("lobby"), Value::text("without Bo")]).await;
        until(&mut [&mut ada, &mut bo, &mut cy], "Cy hears it", |p| (heard(p[2]) == 1).then_some(())).await;
        pass(&mut [&mut ada, &mut bo], Duration::from_millis(300)).await;
        assert_eq!((heard(&ada), heard(&bo)), (25, 24));

        let new = "Market day";
        assert_eq!(bo.base("set_motd", &[Value::text(new)]).await, Value::Bool(true));
        until(&mut [&mut ada, &mut bo, &mut cy], "all read it", |p| p.iter().all(|p| motd(p) == new).then_some(()))
            .await;
    });
    game.kill();

    // The message was acknowledged as saved, and what was said before is saved with it.
    let game = Game::start_with(project.path(), data.path(), port, &[]);
    run(async {
        let mut dee = voice(&game, "Dee").await;
        let last = enter(&mut dee, "lobby").await;
        assert_eq!(last.last(), Some(&(25, "without Bo".into())));
        until(&mut [&mut dee], "the message is shared again", |p| (motd(p[0]) == "Market day").then_some(())).await;
        let Value::List(names) = dee.base("all_channels", &[]).await else { panic!("no list") };
        assert_eq!(names, [Value::text("ants"), Value::text("lobby")]);
        dee.leave().await;
    });
    assert!(game.stop().success());
}

// Timed event --------------------------------------------------------------------------------------------------------

/// How often something was announced that contains the text.
fn announced(player: &Player, what: &str) -> usize {
    player.count(|event| match event {
        Event::Called { name, arguments, .. } if &**name == "announced" => {
            arguments[0].as_text().is_some_and(|text| text.contains(what))
        }
        _ => false,
    })
}

/// Catches stars as they come into view until one is caught. Gives the sum of points.
async fn catch_one(player: &mut Player) -> i64 {
    let start = Instant::now();
    let mut tried = BTreeSet::new();
    loop {
        assert!(start.elapsed() < PATIENCE, "no star can be caught");
        let star = until(&mut [player], "a star falls", |players| {
            let mut stars = players[0].client.world().entities().filter(|entity| entity.ty.name == "star");
            stars.find(|star| !tried.contains(&star.id)).map(|star| star.id)
        })
        .await;
        tried.insert(star);
        match player.client.call(Part::Cell, "catch", &[Value::Entity(star)]).await {
            Ok(sum) => return sum.as_int().expect("a number"),
            Err(CallError::Refused { .. }) => pass(&mut [player], Duration::from_millis(300)).await,
            Err(error) => panic!("{error}"),
        }
    }
}

/// The winner and the points of past events, the last first.
async fn results(player: &mut Player) -> Vec<(String, i64)> {
    let Value::List(board) = player.base("board", &[]).await else { panic!("no board") };
    let Value::List(results) = &board[3] else { panic!("no results: {board:?}") };
    let result = |result: &Value| {
        let Value::List(fields) = result else { panic!("no result: {result:?}") };
        (fields[1].as_text().expect("a name").to_owned(), fields[2].as_int().expect("points"))
    };
    results.iter().map(result).collect()
}

#[test]
fn stars_fall_by_the_clock_and_an_event_goes_on_after_a_crash_and_a_reload() {
    let (project, data, port) = (copy_of("timed-event"), tempfile::tempdir().expect("a folder"), free_ports());
    let schedule = "data/schedule.csv";
    edit(project.path(), schedule, "starfall,60,30,18,12", "starfall,10,6,1.5,6");
    let game = Game::start_with(project.path(), data.path(), port, &[]);
    let sum = run(async {
        let (mut ada, mut bo) = (Player::join(&game, "Ada").await, Player::join(&game, "Bo").await);
        let begun = |player: &Player| announced(player, "Stars are falling") > 0;
        until(&mut [&mut ada, &mut bo], "it begins", |p| (begun(p[0]) && begun(p[1])).then_some(())).await;
        catch_one(&mut ada).await
    });
    assert!(sum >= 1);
    game.kill();

    let game = Game::start_with(project.path(), data.path(), port, &[]);
    run(async {
        let mut ada = Player::join(&game, "Ada").await;
        let start = Instant::now();
        // The clock went on: it ends when it was to end, with the points that were acknowledged.
        let hers = ("Ada one".to_owned(), sum);
        let before = loop {
            // The event provides its service a moment after the start.
            if ada.client.call(Part::Base, "board", &[]).await.is_ok() {
                pass(&mut [&mut ada], Duration::from_millis(600)).await;
                let found = results(&mut ada).await;
                if found.contains(&hers) {
                    break found.len();
                }
            }
            assert!(start.elapsed() < PATIENCE, "it never ends");
            pass(&mut [&mut ada], Duration::from_millis(600)).await;
        };

        // New code while it runs: the timer calls what `tick` is now, and events go on.
        let wins = announced(&ada, "Ada one wins");
        edit(project.path(), "scripts/starfall.luau", "Stars are falling!", "Stars rain down!");
        until(&mut [&mut ada], "it is told", |p| (announced(p[0], "rules have changed") > 0).then_some(())).await;
        until(&mut [&mut ada], "it begins again", |p| (announced(p[0], "Stars rain down!") > 0).then_some(())).await;
        catch_one(&mut ada).await;
        until(&mut [&mut ada], "it ends", |p| (announced(p[0], "Ada one wins") > wins).then_some(())).await;
        assert!(results(&mut ada).await.len() > before);
        ada.leave().await;
    });
    assert!(game.stop().success());
}
