//! Measures what many clients in one process cost: each receives a frame with 50 movement records ten times a second.
//!
//! `cargo run --release -p kuafu-client --example crowd_cost [clients] [seconds]`. A fake server in the same process
//! logs them in and sends; the raw baseline sends the same bytes to sockets that are read and nothing more. What the
//! clients do beyond reading is the difference of the two.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use kuafu_client::{Account, Client, Options, Target};
use kuafu_core::{AccountId, EntityId, RecordId, SpaceId, TypeNo};
use kuafu_def::Definitions;
use kuafu_wire::{
    ClientMessage, FrameWriter, Lattice, MAGIC, Message, PacketSplitter, Role, ServerMessage, begin_packet,
    decode_packet, end_packet,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, interval, timeout};

const IN_VIEW: u16 = 50;
const SCHEMA: &str = r#"{"format":1,"digest":"00000000000000000000000000000001","types":[
    {"no":1,"name":"avatar","parts":["base","cell","client"],"properties":[],"methods":[]}],
    "structs":{},"enums":{}}"#;

fn main() {
    let mut arguments = std::env::args().skip(1).map_while(|text| text.parse::<u64>().ok());
    let clients = arguments.next().unwrap_or(1_000);
    let seconds = arguments.next().unwrap_or(5);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let (raw, _) = runtime.block_on(measure(clients, seconds, false));
    let (full, frames) = runtime.block_on(measure(clients, seconds, true));
    let frames = frames.max(1);
    eprintln!("{clients} clients, {seconds} s, {frames} frames of {IN_VIEW} records");
    eprintln!("sending and reading {raw:.2} cores, with clients {full:.2} cores");
    eprintln!("a frame in a client beyond reading: {:.2} µs", (full - raw) * seconds as f64 * 1e6 / frames as f64);
    eprintln!("resident {} MiB", resident_mib());
}

/// The cores in use while the frames flow, and how many frames the clients applied.
async fn measure(clients: u64, seconds: u64, full: bool) -> (f64, u64) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    let mut serving = JoinSet::new();
    serving.spawn(serve(listener));
    let definitions = Definitions::from_client_schema_json(SCHEMA).expect("the schema is sound");
    let options = Options { schema: Some(definitions.into()), ..Options::default() };
    let (ready, mut all_ready) = tokio::sync::mpsc::channel(clients as usize);
    let mut players = JoinSet::new();
    for number in 0..clients {
        let (options, ready) = (options.clone(), ready.clone());
        let end = Duration::from_secs(seconds);
        players.spawn(async move {
            if full { play(port, number, options, ready, end).await } else { drain(port, ready, end).await }
        });
    }
    for _ in 0..clients {
        all_ready.recv().await;
    }
    let (started, before) = (Instant::now(), cpu_seconds());
    let frames = players.join_all().await.into_iter().sum();
    ((cpu_seconds() - before) / started.elapsed().as_secs_f64(), frames)
}

async fn play(port: u16, number: u64, options: Options, ready: tokio::sync::mpsc::Sender<()>, end: Duration) -> u64 {
    let account =
        Account { name: format!("bot{number}"), password: "123456".into(), role: "bot".into(), register: false };
    let mut client = Client::play(Target::tcp("127.0.0.1", port), options, account).await.expect("in the game");
    let _ = ready.send(()).await;
    let _ = timeout(end, async { while client.next_event().await.is_some() {} }).await;
    client.stats().frames
}

/// The same bytes, read and dropped.
async fn drain(port: u16, ready: tokio::sync::mpsc::Sender<()>, end: Duration) -> u64 {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.expect("a connection");
    let mut hello = BytesMut::from(&MAGIC[..]);
    let at = begin_packet(&mut hello);
    ClientMessage::Attach { token: [0; 16] }.encode(&mut hello);
    end_packet(&mut hello, at);
    stream.write_all(&hello).await.expect("the server is there");
    let _ = ready.send(()).await;
    let mut room = vec![0; 16_384];
    let _ = timeout(end, async { while stream.read(&mut room).await.is_ok_and(|read| read > 0) {} }).await;
    0
}

async fn serve(listener: TcpListener) {
    let port = listener.local_addr().expect("it is bound").port();
    let mut peers = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        stream.set_nodelay(true).expect("no delay");
        peers.spawn(serve_one(stream, port));
    }
}

/// Answers what a client asks; once it is attached, frames come ten times a second.
async fn serve_one(mut stream: TcpStream, port: u16) {
    let mut splitter = PacketSplitter::with_magic(65_536);
    let (mut beat, mut sequence) = (interval(Duration::from_millis(100)), 0);
    loop {
        tokio::select! {
            _ = beat.tick(), if sequence > 0 => {
                if stream.write_all(&frame(sequence)).await.is_err() {
                    return;
                }
                sequence += 1;
            }
            read = stream.read_buf(splitter.spare()) => {
                if read.unwrap_or(0) == 0 {
                    return;
                }
                while let Ok(Some(packet)) = splitter.next() {
                    for message in decode_packet(&packet).map_while(Result::ok) {
                        let answers = answer(&message, port);
                        sequence = sequence.max(u64::from(matches!(message, ClientMessage::Attach { .. })));
                        if !answers.is_empty() && stream.write_all(&whole(|out| answers.iter().for_each(|m| m.encode(out)))).await.is_err() {
                            return;
                        }
                    }
                }
            }
        }
    }
}

fn answer(message: &ClientMessage, port: u16) -> Vec<ServerMessage> {
    let role = Role { id: RecordId(1), name: "bot".into(), deleted_at_ms: 0 };
    let mut digest = [0; 16];
    digest[15] = 1;
    match message {
        ClientMessage::Hello { .. } => vec![ServerMessage::Welcome {
            version: 1,
            digest,
            idle_ms: 30_000,
            heartbeat_ms: 5_000,
            name: "crowd".into(),
        }],
        ClientMessage::Login { .. } => {
            vec![ServerMessage::LoggedIn { account: AccountId(1), roles_max: 4, roles: vec![role] }]
        }
        ClientMessage::RoleSelect { .. } => {
            vec![ServerMessage::Enter { ticket: [1; 16], host: String::new(), port }]
        }
        ClientMessage::Attach { .. } => attach(),
        _ => Vec::new(),
    }
}

fn attach() -> Vec<ServerMessage> {
    let attached = ServerMessage::Attached {
        entity: EntityId(1),
        type_no: TypeNo(1),
        record: RecordId(1),
        resume: [2; 16],
        retaken: false,
        properties: Bytes::from_static(&[0]),
    };
    let space = ServerMessage::SpaceEnter {
        space: SpaceId(1),
        name: "plaza".into(),
        lattice: Lattice::over([0.0; 3], [1_000.0; 3]),
        least: [0.0; 2],
        greatest: [1_000.0; 2],
        tick_hz: 10,
        view_radius: 50.0,
        top_speed: 6.0,
        position: [0.0; 3],
        yaw: 0.0,
    };
    vec![attached, space]
}

fn frame(sequence: u64) -> BytesMut {
    whole(|out| {
        let mut frame = FrameWriter::begin(out, sequence, sequence * 100);
        if sequence == 1 {
            (0..IN_VIEW).for_each(|slot| frame.enter(slot, EntityId(u64::from(slot) + 1), TypeNo(1), &[0; 7], &[0]));
        }
        frame.movement(&[(1 << IN_VIEW) - 1], |slot| [slot as u8; 7]);
        frame.finish();
    })
}

fn whole(write: impl FnOnce(&mut BytesMut)) -> BytesMut {
    let mut out = BytesMut::new();
    let at = begin_packet(&mut out);
    write(&mut out);
    end_packet(&mut out, at);
    out
}

/// User and system time of this process, in seconds; 100 ticks are one.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}

fn resident_mib() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0) * 4 / 1_024
}
