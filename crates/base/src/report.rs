//! What a base tells of itself, each second.

use kuafu_contract::{RoleKind, console};

use crate::role::BaseRole;

/// The most faults of logic that are told in a second; more are counted only.
const FAULTS_PER_SECOND_MAX: usize = 10;

impl BaseRole {
    /// Tells the base-manager and the console how it goes.
    pub(crate) fn report(&mut self) {
        self.report_load();
        self.report_release();
        let logic = self.host.counters();
        let players = self.entities.iter().filter(|entity| entity.session.is_some()).count();
        let counters = &mut self.counters;
        counters.set("clients", self.clients.conns.len() as f64);
        counters.set("players", players as f64);
        counters.set("entities", self.entities.len() as f64);
        counters.set("links", self.peers.len() as f64);
        counters.set("batches", self.saver.batches_len() as f64);
        counters.set("calls_open", self.book.open_len() as f64);
        counters.set("script_entries", logic.entries as f64);
        counters.set("script_tasks", logic.tasks as f64);
        counters.set("script_timers", logic.timers as f64);
        counters.set("script_memory_bytes", logic.memory_bytes as f64);
        let mut numbers = self.counters.to_numbers();
        numbers.extend(self.directory.measures.to_numbers());
        numbers.sort_by(|a, b| a.0.cmp(&b.0));
        let report = console::Report {
            from: self.config.address,
            state: if self.draining { "draining" } else { "running" }.to_owned(),
            numbers,
            tick_us: Vec::new(),
        };
        self.book.notice(RoleKind::Console, console::Request::Report(report));
        let told = self.faults.len().min(FAULTS_PER_SECOND_MAX);
        for fault in self.faults.drain(..).take(told) {
            let from = self.config.address;
            let (type_name, entry, message) = (fault.type_name, fault.entry, fault.message);
            self.book.notice(RoleKind::Console, console::Request::Fault { from, type_name, entry, message });
        }
    }
}
