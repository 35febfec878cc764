//! The end of a run: the faults are over, one client of each account must get in, act and leave; then all is quiet.

use std::time::Duration;

use kuafu_core::Moment;

use super::{Event, Realm};
use crate::client::Finale;
use crate::game::AVATAR;

/// After the faults, whoever tries is in the game and has had a deposit acknowledged within this time, and out again.
const GET_IN_MAX: Duration = Duration::from_secs(40);

/// After the faults, a call over a connection that stands is answered within this time.
const CALL_MAX: Duration = Duration::from_secs(20);

/// So long after the last goodbye, everything is released and closed.
const QUIET_AFTER: Duration = Duration::from_secs(15);

const LOOK_PERIOD: Duration = Duration::from_millis(500);

impl Realm {
    pub(super) fn end_faults(&mut self) {
        self.calm = true;
        self.calm_since = self.at;
        self.post.calm();
        self.trace.event(self.at, format_args!("the faults are over"));
        for instance in self.directory.values_mut() {
            instance.doomed = None;
        }
        for zombie in self.zombies.clone() {
            self.kill(zombie);
        }
        for account in 0..self.plan.accounts as usize {
            let stays = self.chance.between(0, 1) as usize;
            for client in [account * 2, account * 2 + 1] {
                let acts = self.clients[client].begin_finale(self.at, client % 2 == stays);
                self.do_acts(client, acts);
            }
        }
        self.plan_event(LOOK_PERIOD, Event::LookAtFinale);
    }

    pub(super) fn look_at_finale(&mut self) {
        let waited = self.at.since(self.calm_since);
        if let Some(client) = self.clients.iter().find(|client| client.finale != Some(Finale::Done)) {
            if waited > GET_IN_MAX {
                let what = client.describe();
                self.laws.break_law("nobody-is-stuck", format!("{what} after {} s", waited.as_secs()));
            }
            let is_late = |sent: Moment| self.at.since(sent.max(self.calm_since)) > CALL_MAX;
            let late = self.clients.iter().find(|client| client.oldest_call().is_some_and(is_late));
            if let Some(what) = late.map(crate::client::Client::describe) {
                self.laws.break_law("all-calls-end", format!("{what}, a call is unanswered"));
            }
            self.plan_event(LOOK_PERIOD, Event::LookAtFinale);
        } else {
            self.plan_event(QUIET_AFTER, Event::End);
        }
    }

    /// Nobody plays any more: nothing is owned, nothing is owed, and every coin is where it should be.
    pub(super) fn finish(&mut self) {
        self.is_over = true;
        self.laws.check_end(&self.store);
        let held = self.store.held(AVATAR);
        if !held.is_empty() {
            self.laws.break_law("everything-is-released", format!("records of nobody's are owned: {held:?}"));
        }
        let placed = self.store.placed_sessions();
        if !placed.is_empty() {
            self.laws.break_law("everything-is-released", format!("sessions without a client: {placed:?}"));
        }
        let owed = self.owed.iter().find(|(_, since)| self.at.since(**since) > CALL_MAX);
        if let Some(((callee, call), _)) = owed {
            self.laws.break_law("all-calls-end", format!("{callee} never answered {call:?}"));
        }
    }
}
