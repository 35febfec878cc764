//! Measures what the frame of one client costs to write and to read: movement of 50 entities, one change, one call.
//!
//! `cargo run --release -p kuafu-wire --example frame_cost`. The raw baseline copies as many bytes.

use std::hint::black_box;
use std::time::Duration;

use bytes::BytesMut;
use kuafu_wire::{Frame, FrameWriter};

const ROUNDS: u32 = 1_000_000;
const IN_VIEW: u32 = 50;

fn main() {
    let records: Vec<[u8; 7]> = (0..256_u32).map(|n| [n as u8; 7]).collect();
    let bitmap = [(1_u64 << IN_VIEW) - 1];
    let mut out = BytesMut::with_capacity(4096);
    let write = |out: &mut BytesMut, round: u32| {
        out.clear();
        let mut frame = FrameWriter::begin(out, u64::from(round), u64::from(round) * 100);
        frame.movement(black_box(&bitmap), |slot| records[usize::from(slot)]);
        frame.state(3, &[1, 4, 0, 0, 9]);
        frame.call(3, &[2, 5, b'h', b'e', b'l', b'l', b'o']);
        frame.finish();
    };
    let writing = measure(|round| write(&mut out, round));
    let body = out[3..].to_vec();
    let mut sum = 0_u64;
    let reading = measure(|_| {
        let frame = Frame::decode(black_box(&body)).expect("own bytes are sound");
        sum += frame.movements().map(|m| u64::from(m.slot) + u64::from(m.record.x)).sum::<u64>();
        sum += frame.state().map(|s| s.changes.len() as u64).sum::<u64>();
    });
    let copying = measure(|_| {
        out.clear();
        out.extend_from_slice(black_box(&body));
    });
    eprintln!("{} bytes, {IN_VIEW} records (checksum {sum})", body.len());
    eprintln!("write {writing:?}, read {reading:?}, copy as many bytes {copying:?}");
}

#[expect(clippy::disallowed_methods, reason = "a measurement reads the clock")]
fn measure(mut work: impl FnMut(u32)) -> Duration {
    let start = std::time::Instant::now();
    (0..ROUNDS).for_each(&mut work);
    start.elapsed() / ROUNDS
}
