//! How long ticks take with many players; run by hand, since it only measures.

use std::time::Instant;

use kuafu_contract::link::Event;
use kuafu_core::EntityId;
use kuafu_node::{Input, Output, Role};

use super::rig::*;

const PLAYERS: u32 = 10_000;
const BASES: u32 = 2;

#[test]
#[ignore = "measures; run with --ignored --nocapture"]
#[expect(clippy::disallowed_methods, reason = "a measurement reads the clock")]
fn ten_thousand_players_that_walk() {
    let side = 1_250.0;
    let bounds = [-side, -side, side, side];
    let mut rig = Rig::with(kuafu_core::Limits::default(), crate::SpaceConfig { bounds, ..plaza() });
    let columns = 100;
    let place = |n: u32| ((n % columns) as f32 * 12.5 - 620.0, (n / columns) as f32 * 12.5 - 620.0);
    let base_of = |n: u32| base(1 + n % BASES);
    for n in 0..PLAYERS {
        let (x, z) = place(n);
        let entity = EntityId::new(base_of(n).incarnation, n + 1);
        rig.part(base_of(n), entity, AVATAR, 1, [x, 0.0, z]);
        rig.send(base_of(n), Event::AttachWitness { entity, witness: n });
    }
    rig.flush();
    for tick in 1..=40u32 {
        for n in 0..PLAYERS {
            let (x, z) = place(n);
            let step = (tick % 20) as f32 * 0.3;
            let position = [x + step, 0.0, z];
            rig.send(base_of(n), Event::Move { witness: n, sequence: tick, position, yaw: 0.0 });
        }
        rig.flush();
        rig.now.at = rig.now.at + TICK;
        let start = Instant::now();
        rig.cell.handle(rig.now, Input::Wake);
        let spent = start.elapsed();
        let mut bytes = 0;
        while let Some(output) = rig.cell.poll_output() {
            if let Output::Frame { peer, frame } = output {
                bytes += frame.len();
                rig.cell.handle(rig.now, Input::Credit { peer, frames: 1 });
            }
        }
        if tick % 8 == 1 || tick > 37 {
            println!("tick {tick}: {} us, {bytes} bytes", spent.as_micros());
        }
    }
    let spaces = rig.cell.world.spaces.borrow();
    let space = &spaces.open[0].space;
    let numbers = (0..PLAYERS).map(kuafu_space::WitnessNo);
    let in_view: u32 = numbers.filter_map(|no| space.view_size(no)).sum();
    println!("in view: {} on average, {} moves refused", in_view / PLAYERS, rig.count("moves_refused"));
}
