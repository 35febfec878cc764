//! One account, one client: newer logins, broken connections, tokens that are used when they should not be.

use std::time::{Duration, Instant};

use kuafu_client::{Event, Options, Reconnect};
use kuafu_core::{Code, RecordId, Value};
use kuafu_wire::{ClientMessage, ServerMessage};

use super::game::{Game, example};
use super::player::{Player, log_in, pass, run, until, walk};
use super::raw::Raw;

fn game(limits: &[&str]) -> (Game, tempfile::TempDir) {
    let data = tempfile::tempdir().expect("a temporary folder");
    let game = Game::start_limited(&example("plaza"), data.path(), limits);
    (game, data)
}

/// A client that comes back by itself.
fn stubborn() -> Options {
    let wait = Duration::from_millis(50);
    Options { reconnect: Reconnect { tries_max: 40, wait_min: wait, wait_max: wait }, ..Options::default() }
}

/// How far two places are apart over ground.
fn apart(a: [f32; 3], b: [f32; 3]) -> f32 {
    (a[0] - b[0]).hypot(a[2] - b[2])
}

/// Comes in with a role of its own.
async fn join_with(game: &Game, account: &str, role: RecordId) -> Player {
    let client = log_in(game, account).await.enter(role, |_, _| {}).await;
    Player::of(client.expect("the role can be played"))
}

/// An account with two roles.
async fn two_roles(game: &Game, account: &str) -> [RecordId; 2] {
    let mut login = log_in(game, account).await;
    for name in ["one", "two"] {
        login.create_role(&format!("{account} {name}")).await.expect("a free name");
    }
    [login.roles()[0].id, login.roles()[1].id]
}

#[test]
fn a_second_login_with_the_same_role_takes_the_entity_over() {
    let (game, _data) = game(&[]);
    run(async {
        let mut older = Player::join(&game, "Double").await;
        let [x, _, z] = older.position();
        older.walk_to(x + 3.0, z).await;
        let (id, place) = (older.id(), older.position());
        let mut newer = Player::join(&game, "Double").await;
        until(&mut [&mut older, &mut newer], "the older client is told why", |players| players[0].kicked()).await;
        assert_eq!(older.kicked(), Some(Code::LoggedInElsewhere));
        assert_eq!(newer.id(), id);
        assert!(apart(newer.position(), place) < 0.01, "{:?} {place:?}", newer.position());
        let retaken = |event: &Event| matches!(event, Event::Attached { retaken: true, .. });
        assert_eq!(newer.count(retaken), 1);
        assert!(!older.client.is_online() && newer.client.is_online());
        newer.leave().await;
    });
    assert!(game.stop().success());
}

#[test]
fn a_second_login_with_another_role_ends_the_first_entity_before_it_comes_in() {
    let (game, _data) = game(&[]);
    run(async {
        let mut watcher = Player::join(&game, "Watcher").await;
        let [one, two] = two_roles(&game, "Janus").await;
        let mut first = join_with(&game, "Janus", one).await;
        let id = first.id();
        let together = &mut [&mut watcher, &mut first];
        until(together, "they see each other", |players| {
            (players[0].sees(id) && players[1].client.world().at(0).is_some()).then_some(())
        })
        .await;
        let [x, _, z] = first.position();
        walk(&mut [&mut watcher, &mut first], 1, x, z + 4.0).await;
        assert_eq!(first.base("deposit", &[Value::Int(7)]).await, Value::Int(17));
        let place = first.position();

        let mut second = join_with(&game, "Janus", two).await;
        let all = &mut [&mut watcher, &mut first, &mut second];
        until(all, "the second is seen", |players| {
            let id = players[2].id();
            players[0].sees(id).then_some(())
        })
        .await;
        assert_eq!(first.kicked(), Some(Code::LoggedInElsewhere));
        assert!(!watcher.sees(id), "two roles of one account are never in the game together");
        assert_ne!(second.id(), id);

        // The first role finds what it had, where it was.
        let mut again = join_with(&game, "Janus", one).await;
        let back = &mut [&mut again, &mut second, &mut watcher];
        until(back, "it stands in the space", |players| players[0].client.world().at(0).map(|_| ())).await;
        assert_eq!(second.kicked(), Some(Code::LoggedInElsewhere));
        assert_eq!(again.number("gold"), 17);
        assert!(apart(again.position(), place) < 0.05, "{:?} {place:?}", again.position());
    });
    assert!(game.stop().success());
}

#[test]
fn a_broken_connection_is_taken_up_again_within_the_grace_time() {
    let (game, _data) = game(&[]);
    run(async {
        let mut watcher = Player::join(&game, "Watcher").await;
        let mut player = Player::join_as(&game, "Tenacious", stubborn()).await.expect("it can come in");
        let id = player.id();
        let [x, _, z] = player.position();
        walk(&mut [&mut watcher, &mut player], 1, x + 2.0, z).await;
        let place = player.position();
        for round in 1..=3 {
            player.client.break_connection();
            until(&mut [&mut player, &mut watcher], "it is back", |players| {
                let back = |event: &Event| matches!(event, Event::Reconnected { by_login: false, .. });
                (players[0].count(back) == round && players[0].client.world().at(0).is_some()).then_some(())
            })
            .await;
            assert_eq!(player.id(), id);
            assert!(apart(player.position(), place) < 0.01);
        }
        assert_eq!(watcher.count(|event| matches!(event, Event::EntityLeft { entity, .. } if *entity == id)), 0);
        // It can walk and call as before.
        walk(&mut [&mut player, &mut watcher], 0, x, z).await;
        assert_eq!(player.base("deposit", &[Value::Int(1)]).await, Value::Int(11));
        player.leave().await;
    });
    assert!(game.stop().success());
}

#[test]
fn after_the_grace_time_the_entity_is_gone_and_saved_where_it_was() {
    let (game, _data) = game(&["reconnect_grace_ms=500"]);
    run(async {
        let mut watcher = Player::join(&game, "Watcher").await;
        let mut player = Player::join(&game, "Careless").await;
        let id = player.id();
        let [x, _, z] = player.position();
        walk(&mut [&mut watcher, &mut player], 1, x - 4.0, z).await;
        let place = player.position();
        drop(player);
        let lost = Instant::now();
        until(&mut [&mut watcher], "the entity leaves", |players| (!players[0].sees(id)).then_some(())).await;
        let stayed = lost.elapsed();
        assert!(stayed >= Duration::from_millis(400) && stayed < Duration::from_secs(3), "{stayed:?}");
        let again = Player::join(&game, "Careless").await;
        assert_ne!(again.id(), id);
        assert!(apart(again.position(), place) < 0.05, "{:?} {place:?}", again.position());
    });
    assert!(game.stop().success());
}

#[test]
fn tokens_are_good_once_and_only_while_the_player_is_there() {
    let (game, _data) = game(&["ticket_ms_max=700"]);
    let (mut player, id, resume) = Raw::play(&game, "Token");
    let base = player.stream.peer_addr().expect("it is connected").port();
    let refused = |token| {
        let mut raw = Raw::greeted(base);
        raw.say(&[ClientMessage::Attach { token }]);
        raw.ended()
    };
    assert_eq!(refused([0; 16]), Some(Code::TicketInvalid));
    assert_eq!(refused([255; 16]), Some(Code::TicketInvalid));

    // A ticket that was used, and one that was not used in time.
    let ticket = Raw::ticket(&game, "Other");
    let (other, _) = Raw::greeted(base).attach(ticket.token);
    assert_ne!(other, id);
    assert_eq!(refused(ticket.token), Some(Code::TicketInvalid));
    let late = Raw::ticket(&game, "Late");
    std::thread::sleep(Duration::from_millis(1_000));
    assert_eq!(refused(late.token), Some(Code::TicketInvalid));

    // A resume token that was used has a successor; the client before is told.
    let mut again = Raw::greeted(base);
    let (same, next) = again.attach(resume);
    assert_eq!(same, id);
    assert_eq!(player.ended(), Some(Code::LoggedInElsewhere));
    assert_eq!(refused(resume), Some(Code::TicketInvalid));
    again.say(&[ClientMessage::Bye]);
    again.until("SeeYou", |message| matches!(message, ServerMessage::SeeYou).then_some(()));
    assert_eq!(refused(next), Some(Code::TicketInvalid), "Bye was the end");
    assert!(game.stop().success());
}

#[test]
fn a_client_that_falls_silent_is_closed_and_its_entity_waits_for_the_grace_time() {
    let (game, _data) = game(&["idle_ms_max=1500", "reconnect_grace_ms=1000"]);
    run(async {
        let mut watcher = Player::join(&game, "Watcher").await;
        let (mut silent, id, resume) = Raw::play(&game, "Silent");
        silent.say(&[ClientMessage::Ping { clock_ms: 1.0 }]);
        let spoke = Instant::now();
        let base = silent.stream.peer_addr().expect("it is connected").port();
        let silent = std::thread::spawn(move || (silent.ended(), spoke.elapsed()));
        until(&mut [&mut watcher], "the entity leaves", |players| {
            (spoke.elapsed() > Duration::from_secs(1) && !players[0].sees(id)).then_some(())
        })
        .await;
        let gone = spoke.elapsed();
        let (code, closed) = silent.join().expect("the thread ends");
        assert_eq!(code, Some(Code::Idle));
        let bound = Duration::from_millis(1_400)..Duration::from_secs(4);
        assert!(bound.contains(&closed), "closed after {closed:?}");
        assert!(gone >= closed + Duration::from_millis(700), "gone after {gone:?}, closed after {closed:?}");
        let mut raw = Raw::greeted(base);
        raw.say(&[ClientMessage::Attach { token: resume }]);
        assert_eq!(raw.ended(), Some(Code::TicketInvalid));
        assert!(watcher.client.is_online(), "who pings as often as it was asked to stays");
    });
    assert!(game.stop().success());
}

#[test]
fn of_clients_that_race_for_an_account_exactly_one_lives() {
    let (game, _data) = game(&["reconnect_grace_ms=2000", "login_attempts_per_account_per_min=1000"]);
    run(async {
        let roles = two_roles(&game, "Prize").await;
        let mut winners = Vec::new();
        for round in 0..20 {
            // Both with one role, or each with another; the winners of the round before are still there.
            let enter = |role: RecordId| {
                let game = &game;
                async move { log_in(game, "Prize").await.enter(role, |_, _| {}).await }
            };
            let (a, b) = tokio::join!(enter(roles[0]), enter(roles[round % 2]));
            for result in [a, b] {
                match result {
                    Ok(client) => winners.push(Player::of(client)),
                    Err(error) => {
                        let expected = [Code::LoggedInElsewhere, Code::TicketInvalid, Code::Stale];
                        let code = error.code().unwrap_or_else(|| panic!("round {round}: {error:?}"));
                        assert!(expected.contains(&code), "round {round}: {error:?}");
                    }
                }
            }
            let mut players: Vec<&mut Player> = winners.iter_mut().collect();
            until(&mut players, &format!("one client is left in round {round}"), |players| {
                let online = players.iter().filter(|player| player.client.is_online()).count();
                assert!(online > 0, "round {round}: nobody lives");
                (online == 1).then_some(())
            })
            .await;
            winners.retain(|player| player.client.is_online());
            if round % 5 == 4 {
                winners.clear();
            }
        }
        // Nothing is stuck: whoever comes next is in at once.
        let mut last = join_with(&game, "Prize", roles[1]).await;
        until(&mut [&mut last], "it stands in the space", |players| players[0].client.world().at(0).map(|_| ())).await;
        last.leave().await;
    });
    assert!(game.stop().success());
}

#[test]
fn a_client_that_vanishes_while_it_attaches_leaves_no_second_player_behind() {
    let (game, _data) = game(&["login_attempts_per_account_per_min=1000"]);
    run(async {
        let [one, two] = two_roles(&game, "Ghost").await;
        for _ in 0..5 {
            let mut first = join_with(&game, "Ghost", one).await;
            let (mut raw, _) = Raw::logged_in(&game, "Ghost");
            let ticket = raw.select(one);
            let mut raw = Raw::greeted(ticket.port);
            raw.say(&[ClientMessage::Attach { token: ticket.token }]);
            drop(raw);
            pass(&mut [&mut first], Duration::from_millis(100)).await;
            let mut second = join_with(&game, "Ghost", two).await;
            until(&mut [&mut first, &mut second], "the first is told", |players| {
                (!players[0].client.is_online()).then_some(())
            })
            .await;
            assert_eq!(first.kicked(), Some(Code::LoggedInElsewhere));
            second.leave().await;
        }
    });
    assert!(game.stop().success());
}

#[test]
fn a_player_who_comes_back_while_leaving_is_let_in_when_all_is_saved() {
    let (game, _data) = game(&["login_attempts_per_account_per_min=1000"]);
    run(async {
        let roles = two_roles(&game, "Hurried").await;
        for round in 0..6 {
            let (mut raw, _) = Raw::logged_in(&game, "Hurried");
            let ticket = raw.select(roles[0]);
            let mut leaving = join_with(&game, "Hurried", roles[0]).await;
            let place = until(&mut [&mut leaving], "it stands in the space", |players| {
                players[0].client.world().at(0).map(|own| own.position)
            })
            .await;
            drop((raw, ticket));
            let (mut raw, _) = Raw::logged_in(&game, "Hurried");
            let ticket = raw.select(roles[0]);
            let goodbye = leaving.client.leave();
            let mut back = Raw::greeted(ticket.port);
            back.say(&[ClientMessage::Attach { token: ticket.token }]);
            if round % 2 == 0 {
                // Somebody with the other role comes while that one waits: one of the two lives.
                let (seen, other) = tokio::join!(goodbye, join_with(&game, "Hurried", roles[1]));
                seen.expect("the server says goodbye");
                assert_eq!(back.ended(), Some(Code::LoggedInElsewhere));
                assert!(other.client.is_online());
                other.leave().await;
            } else {
                goodbye.await.expect("the server says goodbye");
                let entered = back.until("SpaceEnter", |message| match message {
                    ServerMessage::SpaceEnter { position, .. } => Some(*position),
                    _ => None,
                });
                assert!(apart(entered, place) < 0.05, "{entered:?} {place:?}");
                back.say(&[ClientMessage::Bye]);
                back.until("SeeYou", |message| matches!(message, ServerMessage::SeeYou).then_some(()));
            }
        }
    });
    assert!(game.stop().success());
}
