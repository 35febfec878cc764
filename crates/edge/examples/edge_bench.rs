//! What one write a client a tick costs: from the role's thread, against leaving it to the listener's flusher.
//!
//! `cargo run --release -p kuafu-edge --example edge_bench -- [connections] [seconds] [tcp|websocket]` starts a listener
//! for either way, connects from a second process, sends 400 bytes to each client ten times a second, and prints the
//! CPU time of both processes, the time that the sending thread worked a tick, and the server's memory.
#![expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bytes::Bytes;
use kuafu_core::Limits;
use kuafu_edge::{ConnId, Edge, EdgeConfig, EdgeEvent};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const TICK: Duration = Duration::from_millis(100);
const PACKET_BYTES: usize = 400;

const UPGRADE: &str = "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                       Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let argument = |n: usize, default: &str| arguments.get(n).cloned().unwrap_or_else(|| default.to_owned());
    if argument(1, "") == "client" {
        return client(&argument(2, ""), argument(3, "").parse().expect("a count"), &argument(4, "tcp"));
    }
    let connections: usize = argument(1, "1000").parse().expect("a number of connections");
    let seconds: u64 = argument(2, "10").parse().expect("a number of seconds");
    println!(
        "{:>8} {:>12} {:>16} {:>16} {:>20}",
        "writes", "connections", "server cpu %", "client cpu %", "tick ms mean / max"
    );
    for direct in [true, false, true, false] {
        server(connections, seconds, direct, &argument(3, "tcp"));
    }
}

fn server(connections: usize, seconds: u64, direct: bool, transport: &str) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let (sender, events) = crossbeam_channel::bounded(65_536);
    let mut config = EdgeConfig::new("127.0.0.1:0".parse().expect("an address"), "bench");
    config.direct_writes = direct;
    config.limits = Limits { handshake_ms_max: 600_000, ..Limits::default() };
    let edge = Edge::listen(config, sender, runtime.handle()).expect("a listener");
    let mut child = spawn_client(edge.address(), connections, transport);
    let conns: Vec<ConnId> = (0..connections)
        .map(|_| match events.recv_timeout(Duration::from_secs(30)).expect("a connection") {
            EdgeEvent::Opened { conn, .. } => conn,
            other => panic!("{other:?}"),
        })
        .collect();
    let payload = Bytes::from(vec![7; PACKET_BYTES]);
    let before = (cpu(std::process::id()), cpu(child.id()), Instant::now());
    let (mut worked, mut worst, mut ticks) = (Duration::ZERO, Duration::ZERO, 0);
    let mut next = Instant::now();
    while before.2.elapsed() < Duration::from_secs(seconds) {
        let start = Instant::now();
        for conn in &conns {
            std::hint::black_box(edge.queued_bytes(*conn));
            edge.send(*conn, payload.clone()).expect("room");
        }
        worked += start.elapsed();
        worst = worst.max(start.elapsed());
        ticks += 1;
        next += TICK;
        std::thread::park_timeout(next.saturating_duration_since(Instant::now()));
    }
    let span = before.2.elapsed().as_secs_f64();
    let server_cpu = (cpu(std::process::id()) - before.0) / span * 100.0;
    let client_cpu = (cpu(child.id()) - before.1) / span * 100.0;
    let tick = format!("{:.2} / {:.2}", worked.as_secs_f64() * 1e3 / f64::from(ticks), worst.as_secs_f64() * 1e3);
    let way = if direct { "direct" } else { "flusher" };
    let rss = resident_mib(std::process::id());
    println!("{way:>8} {connections:>12} {server_cpu:>16.1} {client_cpu:>16.1} {tick:>20} {rss:>16.1}");
    let _ = child.kill();
    let _ = child.wait();
    runtime.shutdown_timeout(Duration::from_secs(5));
}

fn spawn_client(address: SocketAddr, connections: usize, transport: &str) -> Child {
    let mut child = Command::new(std::env::current_exe().expect("our own path"))
        .args(["client", &address.to_string(), &connections.to_string(), transport])
        .stdout(Stdio::piped())
        .stdin(Stdio::piped())
        .spawn()
        .expect("a second process");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("its output")).read_line(&mut line).expect("a line");
    assert_eq!(line.trim(), "connected");
    child
}

fn client(address: &str, connections: usize, transport: &str) {
    let first = if transport == "websocket" { UPGRADE.as_bytes() } else { b"KFU1" };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let mut readers = tokio::task::JoinSet::new();
        for _ in 0..connections {
            let mut stream = tokio::net::TcpStream::connect(address).await.expect("a connection");
            stream.write_all(first).await.expect("a live connection");
            readers.spawn(async move {
                let mut buffer = [0; 2048];
                while let Ok(1..) = stream.read(&mut buffer).await {}
            });
        }
        println!("connected");
        std::io::stdout().flush().expect("an output");
        while readers.join_next().await.is_some() {}
    });
}

/// CPU seconds of a process, user and system.
fn cpu(process: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).expect("a process");
    let fields: Vec<&str> = stat.rsplit(')').next().expect("a name").split_whitespace().collect();
    let ticks = |n: usize| fields[n].parse::<f64>().expect("a number");
    (ticks(11) + ticks(12)) / 100.0
}

/// Resident memory of a process.
fn resident_mib(process: u32) -> f64 {
    let statm = std::fs::read_to_string(format!("/proc/{process}/statm")).expect("a process");
    let pages: f64 = statm.split(' ').nth(1).expect("a second field").parse().expect("a number");
    pages * 4096.0 / (1024.0 * 1024.0)
}
