//! Clients that send too much, too fast, nonsense, or do not read: each meets its bound, and nobody else notices.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use kuafu_client::{CallError, Event, Options};
use kuafu_core::{Chance, Code, EntityId, MethodNo, Value};
use kuafu_def::Part;
use kuafu_wire::{ClientMessage, MAGIC, Message as _, ServerMessage};
use tokio_tungstenite::tungstenite::Message;

use super::game::{Game, copy_of, example};
use super::player::{Player, once, pass, run, until};
use super::raw::{Raw, call};

fn game(limits: &[&str]) -> (Game, tempfile::TempDir) {
    let data = tempfile::tempdir().expect("a temporary folder");
    let game = Game::start_limited(&example("plaza"), data.path(), limits);
    (game, data)
}

/// The number of a method of the avatar, be clients told of it or not.
fn method(name: &str) -> u16 {
    let text = std::fs::read_to_string(example("plaza").join("entities/ids.lock")).expect("it is there");
    let ids: toml::Table = text.parse().expect("it is TOML");
    ids["methods"]["avatar"][name].as_integer().expect("it is declared") as u16
}

/// Two who look at each other. One of them never stands still, so the other has a frame to get at every tick.
struct Pair {
    watcher: Player,
    pacer: Player,
}

impl Pair {
    async fn join(game: &Game) -> Self {
        let (watcher, mut pacer) = (Player::join(game, "Watcher").await, Player::join(game, "Pacer").await);
        let [x, _, z] = watcher.position();
        pacer.walk_to(x, z - 1.0).await;
        Self { watcher, pacer }
    }

    /// Plays for so long, and asserts that frames came at the pace of the game without a pause.
    async fn are_undisturbed(&mut self, span: Duration) {
        let place = self.pacer.position();
        let (start, mut last, mut longest) = (Instant::now(), Instant::now(), Duration::ZERO);
        let before = self.watcher.client.stats().frames;
        let mut seen = before;
        for turn in 0.. {
            let aside = [place[0] + (turn % 20) as f32 * 0.02, place[1], place[2]];
            self.pacer.client.move_to(aside, 0.0).expect("a move can be sent");
            pass(&mut [&mut self.watcher, &mut self.pacer], Duration::from_millis(30)).await;
            let frames = self.watcher.client.stats().frames;
            if frames > seen {
                longest = longest.max(last.elapsed());
                (seen, last) = (frames, Instant::now());
            }
            if start.elapsed() > span {
                break;
            }
        }
        let rate = (seen - before) as f64 / start.elapsed().as_secs_f64();
        // Ten a second without a pause, but for what a busy machine that runs all tests at once costs.
        assert!(rate > 7.0 && longest < Duration::from_millis(800), "{rate:.1} frames a second, pause {longest:?}");
        assert_eq!(self.watcher.client.stats().gaps, 0);
    }
}

/// Has two play in a thread of their own, and asserts that they are undisturbed.
fn watch(game: &Arc<Game>, span: Duration) -> std::thread::JoinHandle<()> {
    let game = Arc::clone(game);
    std::thread::spawn(move || {
        run(async {
            let mut pair = Pair::join(&game).await;
            pair.are_undisturbed(span).await;
        });
    })
}

/// Ends a game that nobody watches any more.
fn stop(game: Arc<Game>) {
    assert!(Arc::into_inner(game).expect("all watchers have ended").stop().success());
}

/// Asserts that a newcomer can play.
fn is_playable(game: &Game, name: &str) {
    run(async {
        let mut player = Player::join(game, name).await;
        assert_eq!(player.base("deposit", &[Value::Int(1)]).await, Value::Int(11));
        player.leave().await;
    });
}

#[test]
fn what_is_too_large_or_too_much_is_told_and_closed() {
    let (game, _data) = game(&["packet_bytes_max=4096"]);
    let (mut player, ..) = Raw::play(&game, "Large");
    let base = player.stream.peer_addr().expect("it is connected").port();
    player.send(&4_097_u32.to_le_bytes());
    assert_eq!(player.ended(), Some(Code::FrameTooLarge));
    for port in [game.port + 1, base] {
        let mut raw = Raw::greeted(port);
        raw.send(&u32::MAX.to_le_bytes());
        assert_eq!(raw.ended(), Some(Code::FrameTooLarge));

        let mut raw = Raw::greeted(port);
        for _ in 0..1_000 {
            if !raw.say(&[ClientMessage::Ping { clock_ms: 1.0 }]) {
                break;
            }
        }
        assert_eq!(raw.ended(), Some(Code::RateExceeded));
    }
    // Within the bounds nothing happens.
    let mut raw = Raw::greeted(game.port + 1);
    let ping = ClientMessage::Ping { clock_ms: 1.0 };
    raw.say(&vec![ping; 4_000 / 10]);
    for _ in 0..400 {
        raw.until("Pong", |message| matches!(message, ServerMessage::Pong { .. }).then_some(()));
    }
    is_playable(&game, "After");
    assert!(game.stop().success());
}

#[test]
fn a_client_that_fills_its_packets_to_the_brim_disturbs_nobody() {
    let (game, _data) = game(&[]);
    let game = Arc::new(game);
    let watcher = watch(&game, Duration::from_secs(5));
    let (mut player, ..) = Raw::play(&game, "Brimful");
    let mut moves = Vec::new();
    let start = Instant::now();
    let mut packets = 0;
    let mut sequence = 0;
    while !watcher.is_finished() {
        moves.clear();
        for _ in 0..700 {
            sequence += 1;
            moves.push(ClientMessage::Move { sequence, position: [f32::MAX, 0.0, 1.0], yaw: 0.0 });
        }
        assert!(player.say(&moves), "it stays within what is allowed");
        packets += 1;
        let ahead = Duration::from_millis(packets * 10).saturating_sub(start.elapsed());
        std::thread::sleep(ahead);
        // It reads, so that it is not the corrections that fill up.
        let _ = player.stream.set_read_timeout(Some(Duration::from_millis(1)));
        let _ = player.stream.read(&mut [0; 65_536]);
    }
    watcher.join().expect("the watchers were not disturbed");
    is_playable(&game, "After");
    stop(game);
}

/// Everything that is no message, in all sorts of ways.
fn nonsense(chance: &mut Chance) -> Vec<u8> {
    let length = 1 + chance.between(0, 199) as usize;
    (0..length).map(|_| chance.u64() as u8).collect()
}

#[test]
fn nonsense_on_any_transport_ends_only_its_own_connection() {
    let (game, _data) = game(&[]);
    let game = Arc::new(game);
    let watcher = watch(&game, Duration::from_secs(4));
    let base = Raw::ticket(&game, "Finder").port;
    let mut chance = Chance::from_seed(7);
    for port in [game.port + 1, base] {
        let connect = || TcpStream::connect(("127.0.0.1", port)).expect("the server listens");
        let closes = |mut stream: TcpStream| {
            stream.set_read_timeout(Some(Duration::from_secs(15))).expect("a time limit can be set");
            let _ = stream.shutdown(Shutdown::Write);
            let mut told = Vec::new();
            let _ = stream.read_to_end(&mut told);
            told
        };
        // Before any transport is agreed.
        for _ in 0..20 {
            let mut stream = connect();
            let _ = stream.write_all(&nonsense(&mut chance));
            closes(stream);
        }
        // A web browser that lost its way, and TLS where there is none.
        let mut stream = connect();
        let _ = stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
        let told = closes(stream);
        assert!(told.starts_with(b"HTTP/1.1 4"), "{}", String::from_utf8_lossy(&told));
        let mut stream = connect();
        let _ = stream.write_all(&[0x16, 3, 1, 0, 200, 1, 0, 0, 196, 3, 3]);
        closes(stream);
        // After the magic: lengths and messages of chance.
        for _ in 0..20 {
            let mut stream = connect();
            let _ = stream.write_all(&MAGIC);
            let _ = stream.write_all(&nonsense(&mut chance));
            closes(stream);
        }
        // A packet that is well framed and holds nonsense, before and after Hello.
        for greeted in [false, true] {
            let mut raw = if greeted { Raw::greeted(port) } else { Raw::connect(port) };
            raw.send(&[5, 0, 0, 0, 0x01, 200, 200, 200, 200]);
            assert_eq!(raw.ended(), Some(Code::Malformed), "greeted: {greeted}");
        }
        for _ in 0..50 {
            let mut raw = Raw::greeted(port);
            let bytes = nonsense(&mut chance);
            raw.send(&(bytes.len() as u32).to_le_bytes());
            raw.send(&bytes);
            let _ = raw.stream.shutdown(Shutdown::Write);
            raw.ended();
        }
        run(nonsense_over_web_socket(port));
    }
    watcher.join().expect("the watchers were not disturbed");
    is_playable(&game, "After");
    stop(game);
}

async fn nonsense_over_web_socket(port: u16) {
    let bad = [
        Message::text("not binary"),
        Message::binary(vec![0x01, 200, 200]),
        Message::binary(vec![0; 70_000]),
        Message::binary(Vec::new()),
    ];
    for message in bad {
        let what = format!("{} bytes", message.len());
        let is_empty = message.is_empty();
        let (mut socket, _) =
            tokio_tungstenite::connect_async(format!("ws://127.0.0.1:{port}/")).await.expect("it is a WebSocket");
        let _ = socket.send(message).await;
        if is_empty {
            // A packet without messages says nothing, and is no fault.
            let mut hello = bytes::BytesMut::new();
            super::raw::hello().encode(&mut hello);
            socket.send(Message::binary(hello.freeze())).await.expect("it is open");
            assert!(matches!(socket.next().await, Some(Ok(Message::Binary(_)))));
            continue;
        }
        let mut told = false;
        while let Some(Ok(message)) = socket.next().await {
            told |= matches!(message, Message::Binary(_));
        }
        assert!(told, "{what}: told why before the end");
    }
}

#[test]
fn nonsense_inside_tls_and_instead_of_it_is_survived() {
    let project = copy_of("plaza");
    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    std::fs::write(project.path().join("cert.pem"), certified.cert.pem()).expect("written");
    std::fs::write(project.path().join("key.pem"), certified.signing_key.serialize_pem()).expect("written");
    let settings = project.path().join("kuafu.toml");
    let text = std::fs::read_to_string(&settings).expect("it is there");
    std::fs::write(&settings, format!("{text}\n[tls]\ncertificate = \"cert.pem\"\nkey = \"key.pem\"\n"))
        .expect("written");
    let data = tempfile::tempdir().expect("a temporary folder");
    let game = Game::start(project.path(), data.path());
    let mut chance = Chance::from_seed(9);
    for _ in 0..50 {
        let mut stream = TcpStream::connect(game.login()).expect("the server listens");
        let _ = stream.write_all(&[0x16, 3, 1]);
        let _ = stream.write_all(&nonsense(&mut chance));
        let _ = stream.shutdown(Shutdown::Write);
        let _ = stream.read_to_end(&mut Vec::new());
    }
    is_playable(&game, "After");
    assert!(game.stop().success());
}

#[test]
fn unknown_messages_are_skipped_and_messages_in_the_wrong_place_close() {
    let (game, _data) = game(&[]);
    let (mut player, ..) = Raw::play(&game, "Future");
    let mut bytes = bytes::BytesMut::new();
    bytes.extend_from_slice(&[0x7e, 3, 1, 2, 3, 0xff, 0, 0x60, 1, 9]);
    ClientMessage::Ping { clock_ms: 42.0 }.encode(&mut bytes);
    // Fields of a later version at the end of a message are passed over, too.
    bytes.extend_from_slice(&[0x14, 10]);
    bytes.extend_from_slice(&43.0_f64.to_le_bytes());
    bytes.extend_from_slice(&[1, 2]);
    player.send(&(bytes.len() as u32).to_le_bytes());
    player.send(&bytes);
    for clock in [42.0, 43.0] {
        player.until("Pong", |message| {
            matches!(message, ServerMessage::Pong { clock_ms, .. } if *clock_ms == clock).then_some(())
        });
    }
    let base = player.stream.peer_addr().expect("it is connected").port();
    player.say(&[ClientMessage::Attach { token: [1; 16] }]);
    assert_eq!(player.ended(), Some(Code::OutOfOrder));
    let mut raw = Raw::greeted(base);
    raw.say(&[ClientMessage::RoleCreate { name: "Wrong door".into() }]);
    assert_eq!(raw.ended(), Some(Code::OutOfOrder));
    let mut raw = Raw::connect(base);
    raw.say(&[ClientMessage::Attach { token: [1; 16] }]);
    assert_eq!(raw.ended(), Some(Code::OutOfOrder));
    let mut raw = Raw::connect(base);
    raw.say(&[ClientMessage::Hello { version: 2, flags: 0, digest: [0; 16], name: "new".into() }]);
    assert_eq!(raw.ended(), Some(Code::ProtocolVersion));
    let mut raw = Raw::connect(game.port + 1);
    raw.say(&[ClientMessage::Hello { version: 1, flags: 0, digest: [3; 16], name: "other".into() }]);
    assert_eq!(raw.ended(), Some(Code::DigestMismatch));
    assert!(game.stop().success());
}

/// The code with which a call is refused.
fn refusal(raw: &mut Raw, message: ClientMessage) -> Option<Code> {
    raw.say(&[message]);
    result(raw)
}

fn result(raw: &mut Raw) -> Option<Code> {
    raw.until("Result", |message| match message {
        ServerMessage::Result { outcome: kuafu_wire::CallOutcome::Value(_), .. } => Some(None),
        ServerMessage::Result {
            outcome: kuafu_wire::CallOutcome::Refused { code, .. } | kuafu_wire::CallOutcome::Unknown { code, .. },
            ..
        } => Some(Code::from_number(*code)),
        _ => None,
    })
}

#[test]
fn calls_that_may_not_be_made_are_refused_each_with_its_reason() {
    let (game, _data) = game(&[]);
    run(async {
        let mut other = Player::join(&game, "Other").await;
        let (mut raw, ..) = Raw::play(&game, "Caller");
        let (say, hue, drop) = (method("cell.say"), method("base.set_hue"), method("base.drop"));
        assert_eq!(refusal(&mut raw, call(1, Part::Base, 9_999, &[])), Some(Code::MethodUnknown));
        assert_eq!(refusal(&mut raw, call(2, Part::Base, say, &[0])), Some(Code::MethodUnknown), "on the other part");
        assert_eq!(refusal(&mut raw, call(3, Part::Base, hue, &[])), Some(Code::ArgumentInvalid), "none");
        assert_eq!(refusal(&mut raw, call(4, Part::Base, hue, &[1])), Some(Code::ArgumentInvalid), "half of one");
        assert_eq!(
            refusal(&mut raw, call(5, Part::Base, hue, &[0xff, 0xff])),
            Some(Code::ArgumentInvalid),
            "too large"
        );
        assert_eq!(
            refusal(&mut raw, call(6, Part::Cell, say, &[2, 0xc3, 0x28])),
            Some(Code::ArgumentInvalid),
            "no UTF-8"
        );
        let long = [&[0xac, 0x02][..], &[b'x'; 300]].concat();
        assert_eq!(refusal(&mut raw, call(7, Part::Cell, say, &long)), Some(Code::ArgumentInvalid), "too long");
        assert_eq!(refusal(&mut raw, call(8, Part::Base, drop, &[200, 1])), Some(Code::Refused), "by the script");
        let waved = method("client.waved");
        assert_eq!(refusal(&mut raw, call(9, Part::Base, waved, &[])), Some(Code::MethodUnknown));
        let hidden = [
            (Part::Base, "base.collect", &[1, 0, 0, 0][..]),
            (Part::Cell, "cell.place", &[]),
            (Part::Cell, "cell.paint", &[1, 0]),
        ];
        for (part, name, arguments) in hidden {
            assert_eq!(refusal(&mut raw, call(10, part, method(name), arguments)), Some(Code::NotAllowed), "{name}");
        }
        let theirs = |entity: EntityId, part, method| ClientMessage::Call {
            number: 12,
            entity,
            part,
            method: MethodNo(method),
            arguments: vec![1, 0].into(),
        };
        assert_eq!(refusal(&mut raw, theirs(other.id(), Part::Base, hue)), Some(Code::NotAllowed));
        assert_eq!(refusal(&mut raw, theirs(other.id(), Part::Cell, say)), Some(Code::NotAllowed));
        for nobody in [1, 0xffff_ffff, (1 << 53) - 1, u64::MAX] {
            assert_eq!(refusal(&mut raw, theirs(EntityId(nobody), Part::Base, hue)), Some(Code::EntityUnknown));
        }
        // Too often, with and without a wish for the result.
        let wave = method("cell.wave");
        let waves: Vec<_> = (20..30).map(|number| call(number, Part::Cell, wave, &[])).collect();
        raw.say(&waves);
        let codes: Vec<_> = (20..30).map(|_| result(&mut raw)).collect();
        let refused = codes.iter().filter(|code| **code == Some(Code::RateExceeded)).count();
        assert_eq!((refused, codes.iter().filter(|code| code.is_none()).count()), (8, 2), "{codes:?}");
        pass(&mut [&mut other], Duration::from_millis(400)).await;
        let waved = other.count(|event| matches!(event, Event::Called { name, .. } if &**name == "waved"));
        assert_eq!(waved, 2, "what is refused does nothing");
    });
    assert!(game.stop().success());
}

#[test]
fn the_thirty_third_call_in_flight_is_busy_and_the_others_are_answered() {
    let (game, _data) = game(&[]);
    run(async {
        let mut options: Options = once();
        options.limits.calls_in_flight_max = 100;
        let mut player = Player::join_as(&game, "Busy bee", options).await.expect("it can come in");
        for _ in 0..2 {
            player.seen.clear();
            let plan: [(Part, &str, &[Value], usize); 5] = [
                (Part::Base, "deposit", &[Value::Int(1)], 20),
                (Part::Base, "drop", &[Value::Int(99)], 4),
                (Part::Cell, "pick", &[Value::Entity(EntityId(1))], 4),
                (Part::Cell, "say", &[], 3),
                (Part::Cell, "wave", &[], 2),
            ];
            for (part, name, arguments, count) in plan {
                let text = [Value::text("hello")];
                let arguments = if name == "say" { &text[..] } else { arguments };
                for _ in 0..count {
                    player.client.start_call(None, part, name, arguments).expect("the client lets it through");
                }
            }
            let codes = until(&mut [&mut player], "all calls end", |players| {
                let ended = players[0].seen.iter().filter_map(|event| match event {
                    Event::CallEnded { result, .. } => Some(result.as_ref().err().and_then(CallError::code)),
                    _ => None,
                });
                let ended: Vec<_> = ended.collect();
                (ended.len() == 33).then_some(ended)
            })
            .await;
            assert_eq!(codes.iter().filter(|code| **code == Some(Code::Busy)).count(), 1, "{codes:?}");
            assert!(!codes.contains(&Some(Code::DeadlinePassed)), "{codes:?}");
            // The rates fill up again, and no answered call counts as in flight any more.
            pass(&mut [&mut player], Duration::from_millis(1_100)).await;
        }
        assert_eq!(player.number("gold"), 50);
        player.leave().await;
    });
    assert!(game.stop().success());
}

#[test]
fn an_address_has_only_so_many_connections() {
    let (game, _data) = game(&["loopback=true", "connections_per_address_max=3"]);
    let mut open: Vec<Raw> = (0..3).map(|_| Raw::greeted(game.port + 1)).collect();
    for _ in 0..3 {
        assert_eq!(Raw::connect(game.port + 1).ended(), Some(Code::TooManyConnections));
    }
    // A connection that says nothing at all counts as well, and one that ends makes room.
    drop(open.pop());
    let silent = super::game::until("there is room", || {
        let mut raw = Raw::connect(game.port + 1);
        raw.say(&[super::raw::hello()]);
        raw.until("Welcome or an Error", |message| Some(matches!(message, ServerMessage::Welcome { .. })))
            .then_some(raw)
    });
    assert_eq!(Raw::connect(game.port + 1).ended(), Some(Code::TooManyConnections));
    drop((silent, open));
    assert!(game.stop().success());
}

#[test]
fn who_does_not_read_gets_less_and_is_dropped_in_time_and_who_pauses_stays() {
    let (game, _data) =
        game(&["write_queue_bytes_max=65536", "stalled_ms_max=3000", "reconnect_grace_ms=100", "idle_ms_max=60000"]);
    run(async {
        let mut pair = Pair::join(&game).await;
        let (mut slow, id, _) = Raw::play(&game, "Slow");
        until(&mut [&mut pair.watcher], "it is seen", |players| players[0].sees(id).then_some(())).await;
        // Refusals of calls fill what waits for it far beyond what systems buffer; then it reads nothing.
        let calls: Vec<_> = (1..6_000).map(|number| call(number, Part::Base, 9_999, &[])).collect();
        assert!(slow.say(&calls));
        // It pauses for less than the bound and reads on: nothing is lost but frames that were never made.
        pair.are_undisturbed(Duration::from_millis(1_500)).await;
        let mut last = 0;
        slow.until("the last refusal", |message| match message {
            ServerMessage::Result { number, .. } => {
                last += 1;
                assert_eq!(*number, last, "in order");
                (*number == 5_999).then_some(())
            }
            _ => None,
        });
        let frame = |message: &ServerMessage| match message {
            ServerMessage::Frame { body } => Some(kuafu_wire::Frame::decode(body).expect("it can be read").sequence),
            _ => None,
        };
        let first = slow.until("a frame", frame);
        let next = slow.until("a frame", frame);
        assert_eq!(next, first + 1);

        // It stops for good. The first of these answers may all lie in the buffers of the system.
        let stopped = Instant::now();
        while pair.watcher.sees(id) {
            slow.say(&calls[..3_000]);
            pair.are_undisturbed(Duration::from_millis(1_000)).await;
            assert!(stopped.elapsed() < Duration::from_secs(20), "it is still there");
        }
    });
    assert!(game.stop().success());
}
