//! The real clock. Only drivers hold one.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use kuafu_core::{Clock, Moment, Now, WallTime};

/// Monotonic time since it was made, and the system's wall time.
#[derive(Debug)]
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    /// A clock that starts at zero now.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the real clock for roles")]
    pub fn start() -> Self {
        Self { start: Instant::now() }
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the real clock for roles")]
    fn now(&self) -> Now {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Now { at: Moment(self.start.elapsed().as_micros() as u64), wall: WallTime(wall.as_millis() as u64) }
    }
}
