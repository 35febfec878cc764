//! What a client does in the game: deposits, purses, steps, goodbyes.

use bytes::BytesMut;
use kuafu_core::{Code, EntityId, MethodNo, Moment, Value};
use kuafu_def::Part;
use kuafu_wire::message::CallOutcome;
use kuafu_wire::{ClientMessage, ServerMessage, Writer, encode_arguments};

use super::{Act, Client, Finale, Note, Sent, State};
use crate::game::{AVATAR, DEPOSIT, DROP, PICK, definitions};
use crate::laws::Coin;

/// Calls that it has open at a time.
const CALLS_OPEN_MAX: usize = 6;

impl Client {
    pub(super) fn play(&mut self, now: Moment) -> Vec<Act> {
        if self.finale == Some(Finale::Leave) && self.pending.is_empty() {
            return self.say_bye(now);
        }
        if self.breaks() {
            // Sometimes the token is lost with the connection, as when a browser is closed.
            if self.chance.unit() < 0.3 {
                self.resume = None;
            }
            return self.hang_up(now);
        }
        let mut acts = self.step();
        if self.pending.len() < CALLS_OPEN_MAX && self.finale != Some(Finale::Leave) {
            match self.chance.between(0, 19) {
                0..=7 => acts.extend(self.deposit(now)),
                8 | 9 => acts.push(self.call(now, DROP, &[], None)),
                10..=12 => acts.push(self.call(now, PICK, &[], None)),
                13 if self.finale.is_none() && self.chance.unit() < 0.3 => return self.say_bye(now),
                _ => {}
            }
        }
        acts
    }

    fn say_bye(&mut self, now: Moment) -> Vec<Act> {
        self.state = State::Leaving(now);
        self.resume = None;
        vec![Act::Say(ClientMessage::Bye)]
    }

    fn step(&mut self) -> Vec<Act> {
        let ping = Act::Say(ClientMessage::Ping { clock_ms: 1.0 });
        let Some([x, y, z]) = self.in_space else { return vec![ping] };
        let position = [x + self.chance.unit() as f32 - 0.5, y, z + self.chance.unit() as f32 - 0.5];
        self.in_space = Some(position);
        self.moves += 1;
        vec![ping, Act::Say(ClientMessage::Move { sequence: self.moves, position, yaw: 0.0 })]
    }

    fn deposit(&mut self, now: Moment) -> Vec<Act> {
        self.coins += 1;
        let coin = self.number as i64 * 1_000_000 + self.coins;
        vec![Act::Note(Note::Deposit(coin)), self.call(now, DEPOSIT, &[Value::Int(coin)], Some(coin))]
    }

    fn call(&mut self, now: Moment, method: MethodNo, values: &[Value], coin: Option<i64>) -> Act {
        self.calls += 1;
        let number = self.calls;
        self.pending.insert(number, Sent { at: now, coin });
        let definitions = definitions();
        let declared = definitions.get(AVATAR).and_then(|ty| ty.method(method)).expect("the game has this method");
        let mut arguments = BytesMut::new();
        encode_arguments(declared, values, &mut Writer::new(&mut arguments)).expect("the arguments are of its types");
        let (part, arguments) = (Part::Base, arguments.freeze());
        Act::Say(ClientMessage::Call { number, entity: EntityId::NONE, part, method, arguments })
    }

    pub(super) fn hear_game(&mut self, now: Moment, message: ServerMessage) -> Vec<Act> {
        match message {
            ServerMessage::Result { number, outcome } => self.call_ended(number, &outcome),
            ServerMessage::SpaceEnter { position, .. } => {
                self.in_space = Some(position);
                Vec::new()
            }
            ServerMessage::SpaceLeave => {
                self.in_space = None;
                Vec::new()
            }
            ServerMessage::Correct { position, sequence, .. } => {
                self.in_space = Some(position);
                self.moves = self.moves.max(sequence);
                Vec::new()
            }
            ServerMessage::Error { .. } => self.hang_up(now),
            _ => Vec::new(),
        }
    }

    fn call_ended(&mut self, number: u32, outcome: &CallOutcome) -> Vec<Act> {
        let Some(sent) = self.pending.remove(&number) else { return Vec::new() };
        let mut acts = Vec::new();
        if let CallOutcome::Value(_) = outcome {
            let since = self.attached_at;
            acts.push(Act::Note(Note::Acted { since, asked: sent.at }));
            // In the finale a deposit that was asked for before it proves nothing.
            let proves = sent.coin.is_some() && sent.at >= self.finale_since && self.in_space.is_some();
            if proves && self.finale == Some(Finale::GetIn) {
                self.finale = Some(Finale::Leave);
            }
        }
        if let Some(coin) = sent.coin {
            let ended = match outcome {
                CallOutcome::Value(_) => Coin::Acknowledged,
                CallOutcome::Refused { code, .. } if *code != Code::DeadlinePassed as u16 => Coin::Refused,
                CallOutcome::Refused { .. } | CallOutcome::Unknown { .. } => Coin::Open,
            };
            acts.push(Act::Note(Note::DepositEnded(coin, ended)));
        }
        acts
    }
}
