//! SIGINT and SIGTERM: the first asks for a drain, the second ends the process at once.

use anyhow::Context;
use crossbeam_channel::{Receiver, bounded};
use tokio::signal::unix::{SignalKind, signal};

/// What the shell sees of a process that a second signal ended.
const ENDED_AT_ONCE: i32 = 130;

/// Gives a receiver that hears of the first signal.
pub(super) fn watch(runtime: &tokio::runtime::Runtime) -> anyhow::Result<Receiver<()>> {
    let (tell, heard) = bounded(1);
    let _within = runtime.enter();
    let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT cannot be watched")?;
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM cannot be watched")?;
    runtime.spawn(async move {
        for turn in 0.. {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if turn > 0 {
                std::process::exit(ENDED_AT_ONCE);
            }
            let _ = tell.send(());
        }
    });
    Ok(heard)
}
