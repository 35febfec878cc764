//! Random clients, answers in any order, of any kind: whatever happens, every login ends and every session is closed.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use kuafu_contract::{Outcome, Reply, Request, accounts, base, base_manager};
use kuafu_core::{Chance, Code, Epoch, Limits};
use kuafu_edge::ConnId;
use kuafu_node::Input;
use kuafu_wire::{ClientMessage, Password};

use crate::script::*;

struct Chaos {
    script: Script,
    chance: Chance,
    clients: Vec<ConnId>,
    sessions: BTreeSet<u64>,
    epoch: u64,
}

impl Chaos {
    fn pick(&mut self, below: usize) -> usize {
        self.chance.between(0, below as i64 - 1) as usize
    }

    fn step(&mut self) {
        match self.pick(12) {
            0 => {
                let conn = self.script.open();
                self.script.say(conn, &hello());
                self.clients.push(conn);
            }
            1 if !self.clients.is_empty() => {
                let n = self.pick(self.clients.len());
                let conn = self.clients.swap_remove(n);
                self.script.lose(conn);
            }
            2..=5 if !self.clients.is_empty() => self.talk(),
            6..=10 => self.answer(),
            _ => {
                let millis = self.chance.between(1, 1_500) as u64;
                self.script.at = self.script.at + Duration::from_millis(millis);
                self.script.input(Input::Wake);
                if millis.is_multiple_of(5) {
                    self.script.seats_free();
                }
            }
        }
    }

    fn talk(&mut self) {
        let n = self.pick(self.clients.len());
        let conn = self.clients[n];
        let password = Password("secret".to_owned());
        match self.pick(12) {
            0..=3 => self.script.say(conn, &login_message()),
            4..=8 => self.script.say(conn, &ClientMessage::RoleSelect { role: ROLE }),
            9 => self.script.say(conn, &ClientMessage::RoleCreate { name: "Fu".to_owned() }),
            10 => self.script.say(conn, &ClientMessage::Register { account: "ann".to_owned(), password }),
            _ => self.script.say_raw(conn, Bytes::from_static(&[0x03, 0xff, 0xff])),
        }
    }

    fn answer(&mut self) {
        if self.script.asked.is_empty() {
            return;
        }
        let n = self.pick(self.script.asked.len());
        let asked = self.script.asked.remove(n).expect("below the length");
        let outcome = match self.pick(10) {
            0 => Outcome::Unknown,
            1 => refused(Code::Unavailable),
            2 => refused(Code::Busy),
            _ => Outcome::Value(self.reply(&asked.request)),
        };
        if let (Request::Base(base::Request::Admit { epoch, .. }), Outcome::Value(_)) = (&asked.request, &outcome) {
            // From the ticket on the session is the base's.
            assert!(self.sessions.remove(&epoch.0), "admitted with a session that is not open");
        }
        self.script.answer(&asked, outcome);
        for notice in self.script.told_others() {
            match notice {
                Request::Accounts(accounts::Request::CloseSession { epoch, .. }) => {
                    assert!(self.sessions.remove(&epoch.0), "closed twice or never opened");
                }
                other => panic!("{other:?}"),
            }
        }
    }

    fn reply(&mut self, request: &Request) -> Reply {
        let base = self.chance.between(3, 4) as u32;
        match request {
            Request::BaseManager(_) if self.pick(3) == 0 => base_manager::Reply::Full.into(),
            Request::BaseManager(_) => base_manager::Reply::Place(base_address(base)).into(),
            Request::Accounts(accounts::Request::Register { .. }) => accounts::Reply::Registered(ACCOUNT).into(),
            Request::Accounts(accounts::Request::OpenSession { .. }) => {
                self.epoch += 1;
                self.sessions.insert(self.epoch);
                let before = accounts::Previous { base: base_address(base), role: ROLE, epoch: Epoch(self.epoch - 1) };
                let previous = (self.pick(2) == 0).then_some(before);
                accounts::Reply::Session { epoch: Epoch(self.epoch), role_name: "Kua".to_owned(), previous }.into()
            }
            Request::Accounts(_) => account().into(),
            Request::Base(base::Request::Kick { .. }) => base::Reply::Ended.into(),
            _ => ticket().into(),
        }
    }
}

#[test]
fn every_login_ends_and_every_session_is_closed_or_handed_over() {
    let mut entered = 0.0;
    for seed in 0..300 {
        let limits = Limits {
            logins_in_flight_max: 3,
            login_queue_max: 6,
            login_attempts_per_address_per_min: 1_000,
            registrations_per_address_per_hour: 1_000,
            ..Limits::default()
        };
        let mut chaos = Chaos {
            script: Script::with(limits),
            chance: Chance::from_seed(seed),
            clients: Vec::new(),
            sessions: BTreeSet::new(),
            epoch: 100,
        };
        for _ in 0..400 {
            chaos.step();
        }
        entered += chaos.script.number("entered_total");
        chaos.script.input(Input::Drain);
        while !chaos.script.asked.is_empty() {
            chaos.answer();
        }
        assert!(chaos.script.drained, "seed {seed}");
        assert!(chaos.sessions.is_empty(), "seed {seed}: {:?} stay open", chaos.sessions);
    }
    assert!(entered > 300.0, "the test reaches the game: {entered}");
}
