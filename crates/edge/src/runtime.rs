//! The threads of listeners: while much comes, they gather it for a moment instead of waking for each packet.
//!
//! A thousand clients send ten thousand packets a second, spread evenly. A thread that sleeps until the next one costs
//! a switch and a look at the poller for each; one that looks once a millisecond finds many. Quiet threads wake at once.

use std::cell::Cell;
use std::io;
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};

/// The longest that a packet waits for others.
const GATHER: Duration = Duration::from_millis(1);

/// A thread that goes to sleep twice within this span is busy.
const BUSY: Duration = Duration::from_millis(2);

/// So many short spans in a row are a rush.
const RUSH_SPANS: u32 = 8;

thread_local! {
    static LAST_PARK: Cell<Option<Instant>> = const { Cell::new(None) };
    static SHORT_SPANS: Cell<u32> = const { Cell::new(0) };
}

/// A runtime with I/O and time for listeners: a worker for every two processors.
///
/// # Errors
/// When the system gives no threads or no poller.
pub fn runtime(name: &str) -> io::Result<Runtime> {
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    Builder::new_multi_thread()
        .worker_threads((processors / 2).max(1))
        .thread_name(name)
        .on_thread_park(gather)
        .enable_all()
        .build()
}

#[expect(clippy::disallowed_methods, reason = "it paces real threads")]
fn gather() {
    let now = Instant::now();
    let busy = LAST_PARK.get().is_some_and(|last| now.duration_since(last) < BUSY);
    let spans = if busy { (SHORT_SPANS.get() + 1).min(RUSH_SPANS) } else { 0 };
    SHORT_SPANS.set(spans);
    LAST_PARK.set(Some(now));
    if spans == RUSH_SPANS {
        std::thread::sleep(GATHER);
    }
}
