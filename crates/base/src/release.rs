//! Releases of logic in a base: loaded and activated between inputs, when logic is at rest.

use kuafu_contract::{RoleKind, logic};
use kuafu_core::Refusal;

use crate::role::BaseRole;

impl BaseRole {
    /// Does what the config role asks.
    pub(crate) fn handle_release(&mut self, request: logic::Request) -> Result<logic::Reply, Refusal> {
        self.releases.handle(self.now, &mut *self.host, request)
    }

    /// Tells the config role what runs here.
    pub(crate) fn report_release(&mut self) {
        if let Some(running) = self.releases.running(self.config.address, &*self.host) {
            self.counters.set("release", self.host.release() as f64);
            self.book.notice(RoleKind::Config, running);
        }
    }
}
