//! From a cell's frame to every client: assembly in a base, and the way onto the sockets.
//!
//! Rows `base` time a base as a value, beside the plain copying of the same records through the same tables. Rows
//! `sockets` put a real listener with real connections behind it, and beside it one loop that writes as many bytes to
//! as many sockets; both work at ten ticks a second, in turn, and the processor time of the whole process is counted.

mod base;
mod frames;
mod sockets;

use std::fmt;

use kuafu_edge::{ConnId, EdgeCommand};
use serde::{Deserialize, Serialize};

use self::base::PlayedBase;
use self::frames::{FILL_TICKS, Frames, Plain};
use super::measure::{measure_ms, resident_bytes};
use super::{BenchArgs, Sheet, Spread, child};

const WARM_UP_TICKS: u64 = FILL_TICKS + 20;

/// Clients and how many each sees.
const BASE_SIZES: &[(usize, usize)] = &[(1_000, 10), (1_000, 50), (10_000, 10), (10_000, 50)];
const SOCKET_SIZES: &[(usize, usize)] = &[(1_000, 50), (5_000, 50)];

/// Measures every row, each in a process of its own.
pub(super) fn bench(args: &BenchArgs, sheet: &mut Sheet) -> anyhow::Result<()> {
    if let Some(row) = &args.child {
        return measure(row, args);
    }
    sheet.line(Row::HEAD);
    let base = BASE_SIZES.iter().map(|(clients, in_view)| format!("base:{clients}x{in_view}"));
    let sockets = SOCKET_SIZES.iter().map(|(clients, in_view)| format!("sockets:{clients}x{in_view}"));
    for name in base.chain(sockets).filter(|name| args.wants(name)) {
        let row: Row = child::measure("fanout", &name, args)?;
        sheet.row(&row)?;
    }
    Ok(())
}

fn measure(row: &str, args: &BenchArgs) -> anyhow::Result<()> {
    if let Some(rest) = row.strip_prefix("clients:") {
        return sockets::clients(rest);
    }
    let (kind, size) = child::row_of(row)?;
    let row = match kind {
        "base" => run_base(size, args.ticks_of(size.0))?,
        _ => sockets::run(size, args.ticks)?,
    };
    child::tell(&row)
}

/// One line of the table. Times are microseconds a client and tick.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Row {
    /// `base` or `sockets`.
    kind: String,
    clients: usize,
    in_view: usize,
    /// Work for one client in one tick: elapsed in `base` rows, processor time in `sockets` rows.
    us_per_client: Spread,
    /// The same for the plain way.
    baseline_us_per_client: Spread,
    /// The first over the second, of the medians.
    ratio: f64,
    /// Of that, what the base does besides frames: `base` rows only.
    turns_us_per_client: f64,
    /// What one client gets in one tick.
    bytes_per_client: f64,
    /// Memory of the process that one client takes.
    memory_bytes_per_client: f64,
    /// The longest time that the sending thread worked in one tick, in milliseconds.
    tick_ms_max: f64,
}

impl Row {
    const HEAD: &'static str = "kind     clients in_view | us per client and tick     | baseline                   |  ratio \
                                | turns us | bytes | memory per client | worst tick ms";
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, clients, in_view, us_per_client, baseline_us_per_client, ratio, .. } = self;
        write!(
            f,
            "{kind:8} {clients:7} {in_view:7} | {us_per_client:26} | {baseline_us_per_client:26} | {ratio:6.2} | {:8.3} \
             | {:5.0} | {:15.0} B | {:8.2}",
            self.turns_us_per_client, self.bytes_per_client, self.memory_bytes_per_client, self.tick_ms_max
        )
    }
}

fn run_base((clients, in_view): (usize, usize), ticks: usize) -> anyhow::Result<Row> {
    let mut frames = Frames::new(clients, in_view);
    // The frames that fill the views are the largest; the memory for them is not the base's.
    let first = 2 + clients as u32;
    let mut warm_up: Vec<_> = (0..WARM_UP_TICKS).map(|_| frames.next(first)).collect();
    let memory_before = resident_bytes();
    let mut base = PlayedBase::new(std::sync::Arc::new(|_| 0))?;
    for number in 0..clients {
        base.come_in(ConnId::new(number as u32, 1), &mut drop)?;
    }
    for frame in warm_up.drain(..) {
        base.frame(renumbered(&frame, base.next_sequence()), &mut drop);
        base.turns(&mut drop);
    }
    let memory = resident_bytes().saturating_sub(memory_before);
    let mut plain = Plain::new(clients);
    let (mut ours, mut theirs, mut turns) = (Vec::new(), Vec::new(), Vec::new());
    let (mut bytes, mut writes) = (0, 0);
    for _ in 0..ticks {
        let frame = frames.next(base.next_sequence());
        let mut sink = |command| {
            if let EdgeCommand::Send { bytes: packet, .. } = command {
                bytes += packet.len();
                writes += 1;
            }
        };
        let frame_ms = measure_ms(|| base.frame(frame, &mut sink));
        let turn_ms = measure_ms(|| base.turns(&mut sink));
        let packet_bytes = bytes / writes.max(1);
        theirs.push(measure_ms(|| plain.tick(&frames, packet_bytes)));
        ours.push(frame_ms + turn_ms);
        turns.push(turn_ms);
    }
    anyhow::ensure!(writes == ticks * clients, "{writes} writes in {ticks} ticks to {clients} clients");
    let us = 1e3 / clients as f64;
    let tick_ms_max = ours.iter().copied().fold(0.0, f64::max);
    let (ours, theirs) = (Spread::of(ours).times(us), Spread::of(theirs).times(us));
    Ok(Row {
        kind: "base".to_owned(),
        clients,
        in_view,
        us_per_client: ours,
        baseline_us_per_client: theirs,
        ratio: ours.median / theirs.median,
        turns_us_per_client: Spread::of(turns).times(us).median,
        bytes_per_client: bytes as f64 / writes as f64,
        memory_bytes_per_client: memory as f64 / clients as f64,
        tick_ms_max,
    })
}

/// The same frame with another number on its link; it stands after version and kind.
fn renumbered(frame: &[u8], sequence: u32) -> bytes::Bytes {
    let mut frame = frame.to_vec();
    frame[2..6].copy_from_slice(&sequence.to_le_bytes());
    frame.into()
}
