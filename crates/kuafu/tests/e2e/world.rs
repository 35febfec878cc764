//! What players see of each other, how far they may go, and that things are neither lost nor doubled.

use std::path::Path;
use std::time::Duration;

use kuafu_client::Event;
use kuafu_core::{Chance, Code, EntityId, Value};
use kuafu_def::Part;
use kuafu_wire::{ClientMessage, ServerMessage};

use super::game::{Game, copy_of, example, free_ports};
use super::player::{Player, pass, run, until, walk};
use super::raw::Raw;

/// The plaza for those in a hurry: one walks through it in seconds.
fn fast_plaza() -> tempfile::TempDir {
    let project = copy_of("plaza");
    let avatar = project.path().join("entities/avatar.toml");
    let text = std::fs::read_to_string(&avatar).expect("the definition is there");
    std::fs::write(&avatar, text.replace("top_speed = 6.0", "top_speed = 40.0")).expect("it can be written");
    project
}

fn text(text: &str) -> [Value; 1] {
    [Value::text(text)]
}

fn left(player: &Player, id: EntityId) -> usize {
    player.count(|event| matches!(event, Event::EntityLeft { entity, .. } if *entity == id))
}

#[test]
fn two_players_see_and_hear_each_other_as_far_as_they_should() {
    let (project, data) = (fast_plaza(), tempfile::tempdir().expect("a temporary folder"));
    let game = Game::start(project.path(), data.path());
    run(async {
        let mut ada = Player::join(&game, "Ada").await;
        let mut bo = Player::join(&game, "Bo").await;
        let (ada_id, bo_id) = (ada.id(), bo.id());
        ada.walk_to(0.0, 0.0).await;
        walk(&mut [&mut ada, &mut bo], 1, 0.0, 10.0).await;
        a_change_reaches_the_other_once_and_the_late_comer_in_the_snapshot(&game, &mut ada, &mut bo).await;

        // Said and shouted as far as each reaches.
        let heard = |player: &Player| player.heard().join(" ");
        for (distance, word, say, shout) in [(15.0, "near", true, true), (30.0, "far", false, true)] {
            walk(&mut [&mut ada, &mut bo], 1, 0.0, distance).await;
            bo.client.tell(None, Part::Cell, "say", &text(&format!("said {word}"))).expect("sent");
            bo.client.tell(None, Part::Cell, "shout", &text(&format!("shouted {word}"))).expect("sent");
            pass(&mut [&mut ada, &mut bo], Duration::from_millis(1_200)).await;
            assert_eq!(heard(&ada).contains(&format!("said {word}")), say, "{}", heard(&ada));
            assert_eq!(heard(&ada).contains(&format!("shouted {word}")), shout, "{}", heard(&ada));
            assert!(heard(&bo).contains(&format!("said {word}")), "one hears oneself");
        }

        // Seen to 50 metres; who is seen stays so to 55.
        for (distance, seen) in [(48.0, true), (53.0, true), (57.0, false), (53.0, false), (48.0, true)] {
            walk(&mut [&mut ada, &mut bo], 1, 0.0, distance).await;
            assert_eq!((ada.sees(bo_id), bo.sees(ada_id)), (seen, seen), "at {distance} metres");
        }
        assert_eq!((left(&ada, bo_id), left(&bo, ada_id)), (1, 1));
        let [x, _, z] = ada.sees_at(bo_id).expect("it is in view");
        assert!(x.abs() < 0.05 && (z - 48.0).abs() < 0.05, "{x} {z}");
        for player in [&ada, &bo] {
            assert_eq!((player.client.stats().strays, player.client.stats().gaps), (0, 0));
        }
        // Who leaves is seen no more at once.
        bo.leave().await;
        until(&mut [&mut ada], "the other is gone", |players| (!players[0].sees(bo_id)).then_some(())).await;
        ada.leave().await;
    });
    assert!(game.stop().success());
}

async fn a_change_reaches_the_other_once_and_the_late_comer_in_the_snapshot(
    game: &Game,
    ada: &mut Player,
    bo: &mut Player,
) {
    let bo_id = bo.id();
    let hue = |player: &Player| player.client.world().entity(bo_id)?.property("hue").cloned();
    bo.client.tell(None, Part::Base, "set_hue", &[Value::Int(123)]).expect("sent");
    until(&mut [&mut *ada, &mut *bo], "the new hue is seen", |players| {
        players.iter().all(|player| hue(player) == Some(Value::Int(123))).then_some(())
    })
    .await;
    pass(&mut [&mut *ada, &mut *bo], Duration::from_millis(500)).await;
    let told = |event: &Event| matches!(event, Event::PropertiesChanged { entity, .. } if *entity == bo_id);
    assert_eq!(ada.count(told), 1, "the other is told once");
    let mut late = Player::join(game, "Late").await;
    until(&mut [&mut late, &mut *ada, &mut *bo], "the late comer sees it", |players| {
        players[0].sees(bo_id).then_some(())
    })
    .await;
    assert_eq!(hue(&late), Some(Value::Int(123)));
    let name = late.client.world().entity(bo_id).and_then(|entity| entity.property("name").cloned());
    assert_eq!(name, Some(Value::text("Bo one")));
    // What is private to its owner is in nobody else's snapshot.
    let entity = late.client.world().entity(bo_id).expect("it is in view");
    let names: Vec<&str> =
        entity.properties().filter_map(|(no, _)| Some(entity.ty.property(no)?.name.as_str())).collect();
    assert!(!names.contains(&"gold") && !names.contains(&"bag"), "{names:?}");
    late.leave().await;
}

/// The code of the correction of a move, and where it says that the entity is.
fn corrected(raw: &mut Raw, number: u32) -> (Option<Code>, [f32; 3]) {
    raw.until("Correct", |message| match message {
        ServerMessage::Correct { sequence, code, position, .. } if *sequence == number => {
            Some((Code::from_number(*code), *position))
        }
        _ => None,
    })
}

fn go(raw: &mut Raw, sequence: u32, position: [f32; 3]) {
    raw.say(&[ClientMessage::Move { sequence, position, yaw: 0.0 }]);
}

#[test]
fn nobody_goes_faster_than_allowed_nor_out_of_the_world() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let game = Game::start(&example("plaza"), data.path());
    run(async {
        let mut watcher = Player::join(&game, "Watcher").await;
        let mut runner = Raw::play(&game, "Runner");
        let (raw, id) = (&mut runner.0, runner.1);
        let start = until(&mut [&mut watcher], "it is seen", |players| players[0].sees_at(id)).await;
        // A long pause saves up no long leap: a second's worth is all there is.
        pass(&mut [&mut watcher], Duration::from_millis(2_500)).await;
        let toward = if start[2] > 0.0 { -1.0 } else { 1.0 };
        let ahead = |metres: f32| [start[0], start[1], start[2] + toward * metres];
        go(raw, 1, ahead(10.0));
        let (code, place) = corrected(raw, 1);
        assert_eq!(code, Some(Code::MovedTooFar));
        assert!((place[2] - start[2]).abs() < 0.05, "{place:?} {start:?}");

        // Many small steps in one packet reach no farther than one long one; half of them one by one neither.
        let steps: Vec<ClientMessage> = (1..=400)
            .map(|n| ClientMessage::Move { sequence: n + 1, position: ahead(n as f32 * 0.1), yaw: 0.0 })
            .collect();
        for half in steps.chunks(40) {
            raw.say(half);
        }
        pass(&mut [&mut watcher], Duration::from_millis(400)).await;
        let seen = watcher.sees_at(id).expect("it is in view");
        let gone = (seen[2] - start[2]).abs();
        assert!(gone < 6.25 + 0.5 * 6.0, "{gone} metres in a moment");

        // Out of the world, over it, under it, to where numbers end.
        let mut sequence = 1_000;
        for place in [
            [101.0, 0.0, 0.0],
            [0.0, 0.0, -100.5],
            [seen[0], 25.0, seen[2]],
            [seen[0], -9.0, seen[2]],
            [f32::MAX, 0.0, f32::MIN],
            [1e9, 1e9, 1e9],
        ] {
            sequence += 1;
            go(raw, sequence, place);
            assert_eq!(corrected(raw, sequence).0, Some(Code::OutOfBounds), "{place:?}");
        }
        // An old sequence counts for nothing.
        pass(&mut [&mut watcher], Duration::from_millis(500)).await;
        go(raw, 5, [seen[0] + 1.0, seen[1], seen[2]]);
        pass(&mut [&mut watcher], Duration::from_millis(400)).await;
        let still = watcher.sees_at(id).expect("it is in view");
        assert!((still[0] - seen[0]).abs() < 0.05, "{still:?} {seen:?}");
        go(raw, sequence + 1, [f32::NAN, 0.0, 0.0]);
        assert_eq!(raw.ended(), Some(Code::Malformed));
        watcher.leave().await;
    });
    assert!(game.stop().success());
}

/// All things that lie about, from the middle of the plaza.
fn things(player: &Player) -> Vec<(EntityId, [f32; 3])> {
    let things = player.client.world().entities().filter(|entity| entity.ty.name == "thing");
    things.map(|entity| (entity.id, entity.position)).collect()
}

/// The players of the races for things, in the middle of the plaza.
async fn both(game: &Game) -> (Player, Player) {
    let mut one = Player::join(game, "Gatherer").await;
    let mut two = Player::join(game, "Collector").await;
    walk(&mut [&mut one, &mut two], 0, 0.0, 0.0).await;
    walk(&mut [&mut one, &mut two], 1, 0.5, 0.0).await;
    (one, two)
}

/// Things on the ground and in both bags.
fn total(one: &Player, two: &Player) -> usize {
    things(one).len() + one.bag() + two.bag()
}

/// All things of a game that was just started.
async fn counted(game: &Game) -> (Player, Player, usize) {
    let (mut one, mut two) = both(game).await;
    // Everything comes in view within moments of the start.
    pass(&mut [&mut one, &mut two], Duration::from_millis(500)).await;
    let total = total(&one, &two);
    (one, two, total)
}

fn restart(project: &Path, data: &Path, port: u16) -> Game {
    Game::start_with(project, data, port, &["--limit", "login_attempts_per_account_per_min=1000"])
}

#[test]
fn of_two_who_reach_for_a_thing_one_gets_it_and_no_crash_loses_or_doubles_it() {
    let (project, data, port) = (fast_plaza(), tempfile::tempdir().expect("a temporary folder"), free_ports());
    let mut game = restart(project.path(), data.path(), port);
    let mut expected = None;
    for round in 0..4 {
        run(async {
            let (mut one, mut two, total) = counted(&game).await;
            assert_eq!(*expected.get_or_insert(total), total, "round {round}");
            let (thing, [x, _, z]) = things(&one)[round];
            walk(&mut [&mut one, &mut two], 0, x - 1.0, z).await;
            walk(&mut [&mut one, &mut two], 1, x + 1.0, z).await;
            let wanted = [Value::Entity(thing)];
            let (a, b) = tokio::join!(
                one.client.call(Part::Cell, "pick", &wanted),
                two.client.call(Part::Cell, "pick", &wanted)
            );
            let got = [&a, &b].iter().filter(|result| ***result == Ok(Value::Bool(true))).count();
            assert_eq!(got, 1, "round {round}: {a:?} {b:?}");
            assert!(!matches!((&a, &b), (Err(_), Err(_))), "{a:?} {b:?}");
        });
        // At once after the answer.
        game.kill();
        game = restart(project.path(), data.path(), port);
    }
    run(async {
        let (_, _, total) = counted(&game).await;
        assert_eq!(expected, Some(total), "after the last crash");
    });
    assert!(game.stop().success());
}

#[test]
fn a_crash_at_any_moment_of_picking_and_dropping_neither_loses_nor_doubles_a_thing() {
    let (project, data, port) = (fast_plaza(), tempfile::tempdir().expect("a temporary folder"), free_ports());
    let mut game = restart(project.path(), data.path(), port);
    let mut chance = Chance::from_system();
    let mut expected = None;
    for round in 0..5 {
        let span = Duration::from_millis(chance.between(0, 250) as u64);
        run(async {
            let (mut one, mut two, total) = counted(&game).await;
            assert_eq!(*expected.get_or_insert(total), total, "round {round}");
            let (thing, [x, _, z]) = things(&one)[round];
            walk(&mut [&mut one, &mut two], 0, x - 1.0, z).await;
            one.client.start_call(None, Part::Cell, "pick", &[Value::Entity(thing)]).expect("sent");
            two.client.start_call(None, Part::Base, "drop", &[Value::Int(0)]).expect("sent");
            pass(&mut [&mut one, &mut two], span).await;
        });
        game.kill();
        game = restart(project.path(), data.path(), port);
    }
    run(async {
        let (_, _, total) = counted(&game).await;
        assert_eq!(expected, Some(total), "after the last crash");
    });
    assert!(game.stop().success());
}

#[test]
fn a_thing_that_was_laid_down_is_there_after_a_crash() {
    let (project, data, port) = (fast_plaza(), tempfile::tempdir().expect("a temporary folder"), free_ports());
    let mut game = restart(project.path(), data.path(), port);
    let (mut place, mut all) = ([0.0; 3], 0);
    for round in 0..3 {
        run(async {
            let (mut one, mut two, total) = counted(&game).await;
            if round == 0 {
                all = total;
            }
            assert_eq!(total, all, "round {round}");
            assert_eq!(one.bag(), 3 - round);
            walk(&mut [&mut one, &mut two], 0, 3.0 * round as f32 - 20.0, 31.0).await;
            place = one.position();
            assert_eq!(one.base("drop", &[Value::Int(0)]).await, Value::Bool(true));
        });
        game.kill();
        game = restart(project.path(), data.path(), port);
        run(async {
            let (one, _, total) = counted(&game).await;
            assert_eq!((one.bag(), total), (2 - round, all), "round {round}");
            let near = |at: [f32; 3]| (at[0] - place[0]).hypot(at[2] - place[2]) < 0.1;
            assert!(things(&one).iter().any(|(_, at)| near(*at)), "round {round}: nothing lies at {place:?}");
        });
    }
    assert!(game.stop().success());
}
