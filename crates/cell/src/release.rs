//! Releases of logic in a cell: loaded and activated between ticks, never within one.
//!
//! Inputs are handled between ticks, so nothing here waits for one: the next tick runs what was activated. What loading
//! costs is spent on the cell's thread and shown as `release_load_ms_max`.

use kuafu_contract::{RoleKind, logic};
use kuafu_core::{Now, Refusal};

use crate::role::CellRole;

impl CellRole {
    /// Does what the config role asks.
    pub(crate) fn handle_release(&mut self, now: Now, request: logic::Request) -> Result<logic::Reply, Refusal> {
        let started = self.clock.as_ref().map(|clock| clock.now().at);
        let result = self.releases.handle(now, &mut *self.host, request);
        self.settle(now);
        if let (Some(started), Some(clock)) = (started, &self.clock) {
            let spent_ms = clock.now().at.since(started).as_secs_f64() * 1e3;
            self.counters.set("release_load_ms_max", spent_ms.max(self.counters.get("release_load_ms_max")));
        }
        result
    }

    /// Tells the config role what runs here.
    pub(crate) fn report_release(&mut self) {
        if let Some(running) = self.releases.running(self.address, &*self.host) {
            self.counters.set("release", self.host.release() as f64);
            self.book.notice(RoleKind::Config, running);
        }
    }
}
