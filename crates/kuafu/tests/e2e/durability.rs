//! What was acknowledged is there after kill -9; a drain keeps everything; a second signal does not wait.

use std::time::{Duration, Instant};

use kuafu_client::Event;
use kuafu_core::{Chance, Value};
use kuafu_def::Part;

use super::game::{Game, example, free_ports};
use super::player::{Player, pass, run, until, walk};
use super::raw::{Raw, call};

#[test]
fn every_acknowledged_deposit_survives_a_crash_at_any_moment() {
    let (data, port) = (tempfile::tempdir().expect("a temporary folder"), free_ports());
    let mut chance = Chance::from_system();
    let mut game = Game::start_with(&example("plaza"), data.path(), port, &[]);
    let mut least = 10;
    for round in 0..3 {
        let span = Duration::from_millis(chance.between(0, 400) as u64);
        run(async {
            let mut player = Player::join(&game, "Saver").await;
            let before = player.number("gold");
            assert!(before >= least, "round {round}: {before} of {least}");
            for _ in 0..20 {
                player.client.start_call(None, Part::Base, "deposit", &[Value::Int(1)]).expect("it can be sent");
            }
            pass(&mut [&mut player], span).await;
            let best = player.seen.iter().filter_map(|event| match event {
                Event::CallEnded { result: Ok(Value::Int(sum)), .. } => Some(*sum),
                _ => None,
            });
            least = best.max().unwrap_or(before);
            assert!(least <= before + 20);
        });
        game.kill();
        game = Game::start_with(&example("plaza"), data.path(), port, &[]);
        run(async {
            let player = Player::join(&game, "Saver").await;
            let (gold, most) = (player.number("gold"), 10 + 20 * (round + 1));
            assert!(gold >= least && gold <= most, "round {round}, {span:?}: {gold}, acknowledged {least}");
            least = gold;
            player.leave().await;
        });
    }
    assert!(game.stop().success());
}

#[test]
fn a_drain_keeps_where_everybody_is_and_what_they_have() {
    let (data, port) = (tempfile::tempdir().expect("a temporary folder"), free_ports());
    let game = Game::start_with(&example("plaza"), data.path(), port, &[]);
    let place = run(async {
        let mut player = Player::join(&game, "Wanderer").await;
        let [x, _, z] = player.position();
        player.walk_to(x + 3.0, z - 2.0).await;
        player.client.tell(None, Part::Base, "set_hue", &[Value::Int(77)]).expect("sent");
        // Nothing asks for this to be saved; the drain does it.
        pass(&mut [&mut player], Duration::from_millis(300)).await;
        let place = player.position();
        // One without a client is there, too, and the drain comes while both are.
        drop(Player::join(&game, "Sleeper").await);
        assert!(game.stop().success());
        until(&mut [&mut player], "the client is told", |players| (!players[0].client.is_online()).then_some(())).await;
        place
    });
    let game = Game::start_with(&example("plaza"), data.path(), port, &[]);
    run(async {
        let mut player = Player::join(&game, "Wanderer").await;
        let [x, _, z] = player.position();
        assert!((x - place[0]).hypot(z - place[2]) < 0.05, "{x} {z} {place:?}");
        assert_eq!(player.number("hue"), 77);
        walk(&mut [&mut player], 0, x + 1.0, z).await;
    });
    assert!(game.stop().success());
}

#[test]
fn a_drain_that_comes_at_once_or_while_players_come_and_go_ends_well() {
    let (data, port) = (tempfile::tempdir().expect("a temporary folder"), free_ports());
    for round in 0..3 {
        let game = Game::start_with(&example("plaza"), data.path(), port, &[]);
        if round == 0 {
            // While the things of the world are still being made.
            assert!(game.stop().success());
            continue;
        }
        let login = super::player::target(&game);
        let crowd = std::thread::spawn(move || {
            run(async {
                for n in 0..40 {
                    let account = kuafu_client::Account {
                        name: format!("Crowd {n}"),
                        password: super::player::PASSWORD.into(),
                        role: format!("Crowd {n}"),
                        register: true,
                    };
                    let options = super::player::once();
                    if let Ok(client) = kuafu_client::Client::play(login.clone(), options, account).await
                        && n % 2 == 0
                    {
                        let _ = client.leave().await;
                    }
                }
            });
        });
        std::thread::sleep(Duration::from_millis(600));
        let start = Instant::now();
        assert!(game.stop().success(), "round {round}");
        assert!(start.elapsed() < Duration::from_secs(10));
        crowd.join().expect("the crowd gives up by itself");
    }
}

#[test]
fn a_second_signal_ends_it_at_once_and_the_data_can_be_used_again() {
    let (data, port) = (tempfile::tempdir().expect("a temporary folder"), free_ports());
    let game = Game::start_with(&example("plaza"), data.path(), port, &["--limit", "packet_bytes_max=1048576"]);
    // Clients that do not take their last words hold the drain up.
    let (mut slow, ..) = Raw::play(&game, "Slow");
    let calls: Vec<_> = (1..60_000).map(|number| call(number, Part::Base, 9_999, &[])).collect();
    slow.say(&calls);
    std::thread::sleep(Duration::from_millis(500));
    let start = Instant::now();
    game.signal("-TERM");
    std::thread::sleep(Duration::from_millis(300));
    let status = game.stop();
    assert!(start.elapsed() < Duration::from_millis(1_500), "{:?}", start.elapsed());
    assert_eq!(status.code(), Some(130));
    let game = Game::start_with(&example("plaza"), data.path(), port, &[]);
    assert!(game.stop().success());
}
