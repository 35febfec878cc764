//! Accounts, roles and the queue, as somebody meets them who mistypes, tries what others own, or comes in a crowd.

use kuafu_client::{Client, ClientError, Login};
use kuafu_core::{Code, RecordId};
use kuafu_wire::{ClientMessage, Password, ServerMessage};

use super::game::{Game, example};
use super::player::{PASSWORD, Player, log_in, once, pass, run, target, until};
use super::raw::Raw;

fn game(limits: &[&str]) -> (Game, tempfile::TempDir) {
    let data = tempfile::tempdir().expect("a temporary folder");
    let game = Game::start_limited(&example("plaza"), data.path(), limits);
    (game, data)
}

async fn connect(game: &Game) -> Login {
    Client::connect(target(game), once()).await.expect("the login server takes clients")
}

fn code<T>(result: Result<T, ClientError>) -> Option<Code> {
    result.err().expect("it is refused").code()
}

#[test]
fn accounts_and_roles_keep_their_rules() {
    let (game, _data) = game(&["role_delete_delay_s=1000"]);
    run(async {
        names_follow_their_rules_whatever_their_case(&game).await;
        a_wrong_password_and_an_unknown_account_get_the_same_answer(&game).await;
        roles_are_unique_limited_and_their_owners(&game).await;
    });
    assert!(game.stop().success());
}

async fn names_follow_their_rules_whatever_their_case(game: &Game) {
    let mut login = connect(game).await;
    let long = "x".repeat(25);
    for name in ["", "a", &long, " ann", "ann ", "a\tb", "a'b", "<b>", "a\u{200b}b", "\u{202e}ab"] {
        assert_eq!(code(login.register(name, PASSWORD).await), Some(Code::NameInvalid), "{name:?}");
    }
    for password in ["", "12345", &"x".repeat(129)] {
        assert_eq!(code(login.register("Nadia", password).await), Some(Code::PasswordInvalid), "{password:?}");
    }
    login.register("Nadia Ünal", PASSWORD).await.expect("a good name");
    for name in ["Nadia Ünal", "nadia ünal", "NADIA ÜNAL"] {
        assert_eq!(code(login.register(name, "another password").await), Some(Code::NameTaken), "{name:?}");
    }
    login.login("nADIA ünAL", PASSWORD).await.expect("case does not matter for the name");
    assert_eq!(code(connect(game).await.login("Nadia Ünal", &PASSWORD.to_uppercase()).await), Some(Code::LoginFailed));
}

async fn a_wrong_password_and_an_unknown_account_get_the_same_answer(game: &Game) {
    let mut login = connect(game).await;
    login.register("Known", PASSWORD).await.expect("a good name");
    let mut answers = Vec::new();
    for (name, password) in [("Known", "not the password"), ("Unknown", PASSWORD), ("'; --", PASSWORD), ("Known", "")] {
        answers.push(format!("{:?}", login.login(name, password).await.expect_err("it is wrong")));
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    login.login("Known", PASSWORD).await.expect("a client may try again");
}

async fn roles_are_unique_limited_and_their_owners(game: &Game) {
    let mut anna = log_in(game, "Anna").await;
    let mut berta = log_in(game, "Berta").await;
    anna.create_role("Amazing").await.expect("a free name");
    assert_eq!(code(berta.create_role("aMAZING").await), Some(Code::NameTaken), "of another account");
    assert_eq!(code(anna.create_role("Amazing").await), Some(Code::NameTaken), "of the same account");
    assert_eq!(code(anna.create_role("a").await), Some(Code::NameInvalid));
    for name in ["Second", "Third", "Fourth"] {
        anna.create_role(name).await.expect("there is room");
    }
    assert_eq!(code(anna.create_role("Fifth").await), Some(Code::RoleLimit));
    let roles: Vec<RecordId> = anna.roles().iter().map(|role| role.id).collect();
    assert_eq!((roles.len(), anna.roles_max()), (4, 4));

    // What is Anna's is not Berta's, and looks as if it were not there.
    for theirs in [roles[0], RecordId(987_654_321)] {
        assert_eq!(code(berta.delete_role(theirs).await), Some(Code::RoleUnknown));
        assert_eq!(code(berta.restore_role(theirs).await), Some(Code::RoleUnknown));
        assert_eq!(code(berta.enter(theirs, |_, _| {}).await), Some(Code::RoleUnknown));
    }

    // A role that is being deleted keeps its place and its name, cannot be played, and can be had back.
    let marked = anna.delete_role(roles[1]).await.expect("it is hers")[1].deleted_at_ms;
    assert!(marked > 0);
    let again = anna.delete_role(roles[1]).await.expect("it is hers")[1].deleted_at_ms;
    assert_eq!(again, marked, "asking twice does not put it off");
    assert_eq!(code(anna.enter(roles[1], |_, _| {}).await), Some(Code::RoleDeleting));
    assert_eq!(code(anna.create_role("Fifth").await), Some(Code::RoleLimit));
    assert_eq!(code(berta.create_role("second").await), Some(Code::NameTaken));
    // Another connection of the account that has not heard of it is held to it, too.
    let mut elsewhere = log_in(game, "Anna").await;
    anna.delete_role(roles[2]).await.expect("it is hers");
    assert_eq!(code(elsewhere.enter(roles[2], |_, _| {}).await), Some(Code::RoleDeleting));
    let restored = anna.restore_role(roles[1]).await.expect("it is hers");
    assert_eq!(restored[1].deleted_at_ms, 0);
    let client = anna.enter(roles[1], |_, _| {}).await.expect("it can be played again");
    Player::of(client).leave().await;
}

#[test]
fn guessing_passwords_and_making_accounts_have_their_limits() {
    let (game, _data) = game(&[
        "loopback=true",
        "login_attempts_per_account_per_min=3",
        "login_attempts_per_address_per_min=8",
        "registrations_per_address_per_hour=2",
    ]);
    run(async {
        let mut login = connect(&game).await;
        login.register("Paula", PASSWORD).await.expect("the first");
        login.register("Petra", PASSWORD).await.expect("the second");
        assert_eq!(code(login.register("Pia", PASSWORD).await), Some(Code::TooManyAttempts));

        // On as many connections as one likes, and however the name is written.
        for name in ["Paula", "PAULA", "paula"] {
            assert_eq!(code(connect(&game).await.login(name, "a wrong password").await), Some(Code::LoginFailed));
        }
        assert_eq!(code(connect(&game).await.login("pauLA", PASSWORD).await), Some(Code::TooManyAttempts));
        login.login("Petra", PASSWORD).await.expect("another account is not concerned");

        let mut login = connect(&game).await;
        for _ in 0..3 {
            assert_eq!(code(login.login("Nobody", PASSWORD).await), Some(Code::LoginFailed));
        }
        assert_eq!(
            code(login.login("Petra", PASSWORD).await),
            Some(Code::TooManyAttempts),
            "the address had its share"
        );
    });
    assert!(game.stop().success());
}

/// Selects its role and waits until it is told its first position.
fn queued(game: &Game, account: &str) -> (Raw, u32) {
    let (mut raw, roles) = Raw::logged_in(game, account);
    raw.say(&[ClientMessage::RoleSelect { role: roles[0].id }]);
    let position = position(&mut raw);
    (raw, position)
}

fn position(raw: &mut Raw) -> u32 {
    raw.until("Queue", |message| match message {
        ServerMessage::Queue { position, .. } => Some(*position),
        _ => None,
    })
}

#[test]
fn a_full_game_has_a_queue_that_keeps_its_order() {
    let (game, _data) = game(&["players_max=1"]);
    run(async {
        let first = Player::join(&game, "First").await;
        let (mut second, at) = queued(&game, "Second");
        assert_eq!(at, 1);
        let (third, at) = queued(&game, "Third");
        assert_eq!(at, 2);
        let (mut fourth, at) = queued(&game, "Fourth");
        assert_eq!(at, 3);
        // Who goes away makes room for those behind.
        drop(third);
        assert_eq!(position(&mut fourth), 2);

        first.leave().await;
        let ticket = second.until("Enter", |message| match message {
            ServerMessage::Enter { ticket, port, .. } => Some((*ticket, *port)),
            ServerMessage::Queue { position, .. } => {
                assert_eq!(*position, 1, "nobody overtakes");
                None
            }
            _ => None,
        });
        assert_eq!(position(&mut fourth), 1);
        let mut raw = Raw::greeted(ticket.1);
        raw.attach(ticket.0);
        raw.say(&[ClientMessage::Bye]);
        raw.until("SeeYou", |message| matches!(message, ServerMessage::SeeYou).then_some(()));
        fourth.until("Enter", |message| matches!(message, ServerMessage::Enter { .. }).then_some(()));
    });
    assert!(game.stop().success());
}

#[test]
fn a_full_game_takes_its_own_players_back() {
    let (game, _data) = game(&["players_max=1"]);
    run(async {
        // The seat is theirs for the grace time, also for a login from another place.
        let first = Player::join(&game, "First").await;
        let id = first.id();
        drop(first);
        let mut again = Player::join(&game, "First").await;
        assert_eq!(again.id(), id);
        let mut other = Player::join(&game, "First").await;
        assert_eq!(other.id(), id);
        until(&mut [&mut again], "the older client is told", |players| players[0].kicked()).await;
        pass(&mut [&mut other], std::time::Duration::from_millis(300)).await;
        other.leave().await;
    });
    assert!(game.stop().success());
}

#[test]
fn requests_at_the_wrong_time_are_refused_and_harm_nothing() {
    let (game, _data) = game(&[]);
    let mut raw = Raw::connect(game.port + 1);
    raw.say(&[ClientMessage::Login { account: "Someone".into(), password: Password(PASSWORD.into()) }]);
    assert_eq!(raw.ended(), Some(Code::OutOfOrder), "Hello comes first");

    let mut raw = Raw::greeted(game.port + 1);
    let too_early = [
        ClientMessage::RoleCreate { name: "Someone".into() },
        ClientMessage::RoleDelete { role: RecordId(1) },
        ClientMessage::RoleRestore { role: RecordId(1) },
        ClientMessage::RoleSelect { role: RecordId(1_000_001) },
    ];
    for message in too_early {
        raw.say(&[message]);
        assert_eq!(raw.complaint(), Some(Code::NotLoggedIn));
    }
    let out_of_place = [
        ClientMessage::Attach { token: [7; 16] },
        ClientMessage::Move { sequence: 1, position: [0.0; 3], yaw: 0.0 },
        super::raw::hello(),
    ];
    for message in out_of_place {
        raw.say(&[message]);
        assert_eq!(raw.complaint(), Some(Code::OutOfOrder));
    }
    // Everything at once, before any answer: one thing is done after the other or refused.
    let (mut raw, roles) = Raw::logged_in(&game, "Hasty");
    let select = ClientMessage::RoleSelect { role: roles[0].id };
    let delete = ClientMessage::RoleDelete { role: roles[0].id };
    raw.say(&[select.clone(), select, delete.clone(), delete]);
    raw.until("Enter", |message| matches!(message, ServerMessage::Enter { .. }).then_some(()));
    assert!(game.stop().success());
}
