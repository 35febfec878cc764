//! Real sockets on loopback: a base with its listener, and a bare loop, in turn; the clients are another process.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use kuafu_edge::{Edge, EdgeCommand, EdgeConfig, EdgeEvent, EdgeHandle};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::base::{PlayedBase, limits};
use super::frames::{FILL_TICKS, Frames};
use super::{Row, renumbered};
use crate::bench::Spread;
use crate::bench::measure::{now, process_cpu, resident_bytes};

const TICK: Duration = Duration::from_millis(100);
/// Either side works so often in turn,
const PHASES: usize = 5;
/// for so many ticks.
const PHASE_TICKS: usize = 25;
const WARM_UP_TICKS: usize = FILL_TICKS as usize + 5;

pub(super) fn run((clients, in_view): (usize, usize), ticks: Option<usize>) -> anyhow::Result<Row> {
    raise_open_files();
    let phase_ticks = ticks.unwrap_or(PHASE_TICKS);
    let mut frames = Frames::new(clients, in_view);
    let frames: Vec<Bytes> = (0..WARM_UP_TICKS + PHASES * phase_ticks).map(|_| frames.next(0)).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let (sender, events) = crossbeam_channel::bounded(65_536);
    let mut config = EdgeConfig::new(([127, 0, 0, 1], 0).into(), "bench");
    config.limits = limits();
    let edge = Edge::listen(config, sender, runtime.handle())?;
    let bare = TcpListener::bind(("127.0.0.1", 0))?;
    let memory_before = resident_bytes();
    let queue = edge.clone();
    let mut base = PlayedBase::new(std::sync::Arc::new(move |conn| queue.queued_bytes(conn)))?;
    let child = Clients::start(edge.address(), bare.local_addr()?, clients)?;
    let sockets: Vec<TcpStream> = (0..clients).map(|_| accept(&bare)).collect::<Result<_, _>>()?;
    for _ in 0..clients {
        let EdgeEvent::Opened { conn, .. } = events.recv_timeout(Duration::from_secs(60))? else {
            anyhow::bail!("a client did more than open a connection");
        };
        base.come_in(conn, &mut |command| edge.execute(command))?;
    }
    let mut ours = Ours { base, edge, frames: frames.into_iter(), bytes: 0, writes: 0 };
    run_phase(WARM_UP_TICKS, || ours.tick());
    let memory = resident_bytes().saturating_sub(memory_before);
    (ours.bytes, ours.writes) = (0, 0);
    let (mut kuafu, mut plain, mut worst) = (Vec::new(), Vec::new(), 0.0_f64);
    for _ in 0..PHASES {
        let phase = run_phase(phase_ticks, || ours.tick());
        kuafu.push(phase.cpu_us / clients as f64);
        worst = worst.max(phase.tick_ms_max);
        let payload = vec![7; ours.bytes / ours.writes.max(1) + 4];
        plain.push(run_phase(phase_ticks, || write_all(&sockets, &payload)).cpu_us / clients as f64);
    }
    drop(child);
    runtime.shutdown_timeout(Duration::from_secs(5));
    let (kuafu, plain) = (Spread::of(kuafu), Spread::of(plain));
    Ok(Row {
        kind: "sockets".to_owned(),
        clients,
        in_view,
        us_per_client: kuafu,
        baseline_us_per_client: plain,
        ratio: kuafu.median / plain.median,
        turns_us_per_client: 0.0,
        bytes_per_client: ours.bytes as f64 / ours.writes.max(1) as f64,
        memory_bytes_per_client: memory as f64 / clients as f64,
        tick_ms_max: worst,
    })
}

/// A base and its listener.
struct Ours {
    base: PlayedBase,
    edge: EdgeHandle,
    frames: std::vec::IntoIter<Bytes>,
    bytes: usize,
    writes: usize,
}

impl Ours {
    fn tick(&mut self) {
        let frame = self.frames.next().expect("a frame was made for every tick");
        let Self { base, edge, bytes, writes, .. } = self;
        let mut sink = |command: EdgeCommand| {
            if let EdgeCommand::Send { bytes: packet, .. } = &command {
                *bytes += packet.len();
                *writes += 1;
            }
            edge.execute(command);
        };
        let frame = renumbered(&frame, base.next_sequence());
        base.frame(frame, &mut sink);
        base.turns(&mut sink);
    }
}

/// What a stretch of ticks cost.
struct Phase {
    /// Processor time of the process a tick, in microseconds.
    cpu_us: f64,
    tick_ms_max: f64,
}

/// Works at ten ticks a second.
fn run_phase(ticks: usize, mut tick: impl FnMut()) -> Phase {
    let (cpu, mut next, mut tick_ms_max) = (process_cpu(), now(), 0.0_f64);
    for _ in 0..ticks {
        let start = now();
        tick();
        tick_ms_max = tick_ms_max.max(start.elapsed().as_secs_f64() * 1e3);
        next += TICK;
        while let Some(rest) = next.checked_duration_since(now()).filter(|rest| !rest.is_zero()) {
            std::thread::park_timeout(rest);
        }
    }
    let cpu_us = (process_cpu() - cpu).as_secs_f64() * 1e6 / ticks as f64;
    Phase { cpu_us, tick_ms_max }
}

fn write_all(sockets: &[TcpStream], payload: &[u8]) {
    for mut socket in sockets {
        let _ = socket.write(payload);
    }
}

fn accept(listener: &TcpListener) -> std::io::Result<TcpStream> {
    let (socket, _) = listener.accept()?;
    socket.set_nonblocking(true)?;
    socket.set_nodelay(true)?;
    Ok(socket)
}

fn raise_open_files() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}

/// The process with the other ends of all connections; ended when dropped.
struct Clients(Child);

impl Clients {
    fn start(edge: SocketAddr, bare: SocketAddr, count: usize) -> anyhow::Result<Self> {
        let row = format!("clients:{edge},{bare},{count}");
        let child = Command::new(std::env::current_exe()?)
            .args(["bench", "fanout", "--child", &row])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()?;
        Ok(Self(child))
    }
}

impl Drop for Clients {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The clients' process: connects, says what a transport needs, and reads until its input ends.
pub(super) fn clients(arguments: &str) -> anyhow::Result<()> {
    raise_open_files();
    let mut arguments = arguments.split(',');
    let mut next = || arguments.next().context("edge, bare listener and a count");
    let (edge, bare, count) = (next()?.to_owned(), next()?.to_owned(), next()?.parse::<usize>()?);
    std::thread::spawn(|| {
        // The parent's end closes with it.
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut readers = tokio::task::JoinSet::new();
        for _ in 0..count {
            for (address, first) in [(&edge, &b"KFU1"[..]), (&bare, &[])] {
                let mut socket = tokio::net::TcpStream::connect(address).await?;
                socket.write_all(first).await?;
                readers.spawn(async move {
                    let mut buffer = [0; 2048];
                    while let Ok(1..) = socket.read(&mut buffer).await {}
                });
            }
        }
        while readers.join_next().await.is_some() {}
        Ok(())
    })
}
